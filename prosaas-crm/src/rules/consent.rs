//! Whether somebody may be written to or called.

use prosaas_core::{Error, Result};

use crate::model::consent::{Consent, ConsentChannel, ConsentPurpose};

/// Whether the ledger lets a person be reached on a channel for a purpose.
///
/// Marketing needs a consent that was given for this very channel and not withdrawn since. Service
/// goes out unless it was refused. The newest entry of channel and purpose is the one that holds.
pub fn may_send(purpose: ConsentPurpose, channel: ConsentChannel, ledger: &[Consent]) -> bool {
    let entries = ledger
        .iter()
        .filter(|entry| entry.purpose == purpose && entry.channel == channel);
    let newest = entries.max_by_key(|entry| (entry.created_at, entry.id));
    newest.map_or(purpose == ConsentPurpose::Service, |entry| entry.given)
}

/// Passes what [`may_send`] lets through.
///
/// # Errors
/// `Conflict` `consent-missing` otherwise.
pub fn require_consent(
    purpose: ConsentPurpose,
    channel: ConsentChannel,
    ledger: &[Consent],
) -> Result<()> {
    if may_send(purpose, channel, ledger) {
        return Ok(());
    }
    Err(Error::Conflict {
        what: "consent-missing",
        detail: format!("no consent to {purpose} by {channel} is in force"),
    })
}

#[cfg(test)]
mod tests {
    use prosaas_core::{LeadId, UnixMillis};

    use super::*;
    use crate::model::id::ConsentId;

    fn entry(at: i64, purpose: ConsentPurpose, channel: ConsentChannel, given: bool) -> Consent {
        Consent {
            id: ConsentId::mint(UnixMillis(at)),
            lead_id: LeadId::mint(UnixMillis(1)),
            channel,
            purpose,
            given,
            source: "call".to_owned(),
            evidence: String::new(),
            actor_kind: "agent".to_owned(),
            actor_id: None,
            created_at: UnixMillis(at).into(),
        }
    }

    #[test]
    fn advertising_needs_a_consent_in_force_on_its_own_channel() {
        use ConsentChannel::{Sms, Whatsapp};
        use ConsentPurpose::{Marketing, Service};
        let given = entry(1, Marketing, Whatsapp, true);
        let withdrawn = entry(2, Marketing, Whatsapp, false);
        let again = entry(3, Marketing, Whatsapp, true);
        let may = |ledger: &[Consent]| may_send(Marketing, Whatsapp, ledger);
        assert!(!may(&[]));
        assert!(may(std::slice::from_ref(&given)));
        assert!(!may(&[withdrawn.clone(), given.clone()]), "in any order");
        assert!(may(&[again, given.clone(), withdrawn.clone()]));
        assert!(!may_send(Marketing, Sms, &[given]), "another channel");
        assert!(
            !may(&[entry(9, Service, Whatsapp, true)]),
            "another purpose"
        );
        let refusal = require_consent(Marketing, Whatsapp, &[withdrawn]).unwrap_err();
        assert!(matches!(
            refusal,
            Error::Conflict {
                what: "consent-missing",
                ..
            }
        ));
    }

    #[test]
    fn service_goes_out_until_it_is_refused() {
        use ConsentChannel::Sms;
        use ConsentPurpose::{Recording, Service};
        assert!(may_send(Service, Sms, &[]));
        assert!(!may_send(Service, Sms, &[entry(1, Service, Sms, false)]));
        assert!(!may_send(Recording, Sms, &[]));
    }
}
