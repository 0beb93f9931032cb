//! How a person is recognised: numbers, WhatsApp ids, addresses.

use std::fmt;
use std::str::FromStr;

use prosaas_core::{E164, Error, LeadId, Result, UnixMillis};

use super::email::EmailAddress;
use super::id::IdentityId;
use super::phone::{PhoneRegion, is_invisible, parse_phone};

/// What kind of identity it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IdentityKind {
    /// A phone number.
    E164,
    /// WhatsApp's id of somebody who hides his number (`...@lid`).
    WaLid,
    /// WhatsApp's id of a person for one business.
    WaBsuid,
    /// A WhatsApp user name.
    WaUsername,
    /// An e-mail address.
    Email,
}

impl IdentityKind {
    /// Every kind.
    pub const ALL: [Self; 5] = [
        Self::E164,
        Self::WaLid,
        Self::WaBsuid,
        Self::WaUsername,
        Self::Email,
    ];

    /// The word stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::E164 => "e164",
            Self::WaLid => "wa_lid",
            Self::WaBsuid => "wa_bsuid",
            Self::WaUsername => "wa_username",
            Self::Email => "email",
        }
    }
}

impl FromStr for IdentityKind {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self, Error> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or_else(|| Error::invalid("kind", "expected a kind such as `e164` or `email`"))
    }
}

/// An identity about to be added, its value in the one form that is compared.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct NewIdentity {
    kind: IdentityKind,
    value: String,
}

impl NewIdentity {
    /// The longest value, in characters (RFC 5321 gives an address 254).
    pub const MAX_CHARS: usize = 254;

    /// A phone number.
    pub fn phone(number: &E164) -> Self {
        Self {
            kind: IdentityKind::E164,
            value: number.expose().to_owned(),
        }
    }

    /// An e-mail address: its letters in lower case, since people write one address in several ways.
    ///
    /// # Errors
    /// `Invalid` when it has not the form of an address.
    pub fn email(text: &str) -> Result<Self> {
        Ok(Self {
            kind: IdentityKind::Email,
            value: EmailAddress::parse(&shown(text))?.expose().to_owned(),
        })
    }

    /// An identity of any kind, as somebody wrote it.
    ///
    /// # Errors
    /// `Invalid` when it has not the form of its kind.
    pub fn parse(kind: IdentityKind, text: &str, region: PhoneRegion) -> Result<Self> {
        match kind {
            IdentityKind::E164 => parse_phone(text, region).map(|number| Self::phone(&number)),
            IdentityKind::Email => Self::email(text),
            IdentityKind::WaLid | IdentityKind::WaBsuid | IdentityKind::WaUsername => {
                let value = text.trim().trim_start_matches('@').to_owned();
                let is_plain = value.chars().all(|c| c.is_ascii_graphic());
                if value.is_empty() || !is_plain || value.len() > Self::MAX_CHARS {
                    return Err(Error::invalid("value", "expected an id of WhatsApp"));
                }
                Ok(Self { kind, value })
            }
        }
    }

    /// One that was checked when it was stored.
    pub(crate) const fn stored(kind: IdentityKind, value: String) -> Self {
        Self { kind, value }
    }

    /// Its kind.
    pub const fn kind(&self) -> IdentityKind {
        self.kind
    }

    /// Its value. As [`E164::expose`]: never in a log.
    pub fn expose(&self) -> &str {
        &self.value
    }
}

/// Says only of which kind it is.
impl fmt::Debug for NewIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NewIdentity({})", self.kind.as_str())
    }
}

/// An identity of a lead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Its id.
    pub id: IdentityId,
    /// The lead it belongs to.
    pub lead: LeadId,
    /// What it is.
    pub identity: NewIdentity,
    /// When it was added.
    pub created_at: UnixMillis,
}

/// Without the direction marks that come along when something is copied out of Hebrew text.
fn shown(text: &str) -> String {
    text.chars().filter(|c| !is_invisible(*c)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_one_form() {
        let address = NewIdentity::email(" Dana@Example.COM\u{200f} ").unwrap();
        assert_eq!(address.expose(), "dana@example.com");
        assert!(NewIdentity::email("dana").is_err());
    }

    #[test]
    fn kinds_parse_their_values() {
        let parse = |kind, text| NewIdentity::parse(kind, text, PhoneRegion::IL);
        let phone = parse(IdentityKind::E164, "050-1234567").unwrap();
        assert_eq!(
            (phone.kind(), phone.expose()),
            (IdentityKind::E164, "+972501234567")
        );
        assert_eq!(
            parse(IdentityKind::WaUsername, "@dana").unwrap().expose(),
            "dana"
        );
        assert!(parse(IdentityKind::WaLid, "1 2").is_err());
        assert!(!format!("{phone:?}").contains("1234567"));
        for kind in IdentityKind::ALL {
            assert_eq!(kind.as_str().parse::<IdentityKind>().unwrap(), kind);
        }
    }
}
