//! Consents: an append-only ledger of what a person allowed, on which channel, and how we know.

use prosaas_core::{LeadId, Result};
use serde::{Deserialize, Serialize};

use super::check;
use super::id::ConsentId;
use super::time::Time;
use super::words::words;

words! {
    /// How a person is reached.
    ConsentChannel, "channel":
    /// By a call.
    Phone = "phone",
    /// By a text message.
    Sms = "sms",
    /// By WhatsApp.
    Whatsapp = "whatsapp",
    /// By e-mail.
    Email = "email",
}

words! {
    /// What for.
    ConsentPurpose, "purpose":
    /// What the person asked for: answers, appointments, receipts.
    Service = "service",
    /// Advertising.
    Marketing = "marketing",
    /// Keeping the recording of a call.
    Recording = "recording",
}

/// One entry of the ledger. It never changes: a withdrawal is another entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "axum", derive(utoipa::ToSchema))]
pub struct Consent {
    /// Its id.
    pub id: ConsentId,
    /// Whose it is.
    pub lead_id: LeadId,
    /// How he may be reached.
    pub channel: ConsentChannel,
    /// What for.
    pub purpose: ConsentPurpose,
    /// Whether it was given, or withdrawn.
    pub given: bool,
    /// Where it came from, such as `call` or `web form`.
    pub source: String,
    /// How we know, such as the words that were said.
    pub evidence: String,
    /// The kind of actor who wrote it down.
    pub actor_kind: String,
    /// Who wrote it down, where the kind has ids.
    pub actor_id: Option<String>,
    /// When it was written down.
    pub created_at: Time,
}

/// A consent or a withdrawal as it is written down.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "axum", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "axum", schema(example = json!({ "lead_id": "lead_0197e4c2a0007000800000000000a0b1", "channel": "sms", "purpose": "marketing", "given": true, "source": "call" })))]
#[serde(deny_unknown_fields)]
pub struct NewConsent {
    /// Whose it is.
    pub lead_id: LeadId,
    /// How he may be reached.
    pub channel: ConsentChannel,
    /// What for.
    pub purpose: ConsentPurpose,
    /// Whether it was given, or withdrawn.
    pub given: bool,
    /// Where it came from.
    #[cfg_attr(
        feature = "axum",
        schema(min_length = 1, max_length = 200, pattern = r"\S")
    )]
    pub source: String,
    /// How we know.
    #[serde(default)]
    #[cfg_attr(feature = "axum", schema(max_length = 10_000))]
    pub evidence: Option<String>,
}

impl NewConsent {
    /// The input, cleaned.
    ///
    /// # Errors
    /// `Invalid` names the field.
    pub fn checked(mut self) -> Result<Self> {
        self.source = check::line("source", &self.source, check::MAX_NAME)?;
        self.evidence = check::optional("evidence", self.evidence.as_deref(), check::MAX_TEXT)?;
        Ok(self)
    }
}

/// Whose consents are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "axum", derive(utoipa::IntoParams))]
#[cfg_attr(feature = "axum", into_params(parameter_in = Query))]
#[serde(deny_unknown_fields)]
pub struct ConsentFilter {
    /// This lead's.
    pub lead_id: LeadId,
}
