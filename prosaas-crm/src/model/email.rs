//! E-mail addresses as a type: bounded, comparable, and masked when printed.

use std::fmt;
use std::str::FromStr;

use prosaas_core::{Error, Result};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An e-mail address, in lower case: two spellings of one mailbox are one account.
///
/// `Display` and `Debug` are masked, `Serialize` is not: it goes to whoever may see the row.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EmailAddress(String);

impl EmailAddress {
    /// The longest address that mail servers carry (RFC 5321).
    pub const MAX_BYTES: usize = 254;
    const MAX_LOCAL_BYTES: usize = 64;

    /// Reads an address: one mailbox, no display name, no quoted local part.
    ///
    /// # Errors
    /// `Invalid`, without repeating what was given.
    pub fn parse(text: &str) -> Result<Self> {
        let text = text.trim();
        if text.len() > Self::MAX_BYTES {
            return Err(Self::invalid());
        }
        let address = text.to_lowercase();
        let (local, domain) = address.rsplit_once('@').ok_or_else(Self::invalid)?;
        if is_local_part(local) && is_domain(domain) && address.len() <= Self::MAX_BYTES {
            return Ok(Self(address));
        }
        Err(Self::invalid())
    }

    /// The address in clear, for mail and for whoever may see it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    fn invalid() -> Error {
        Error::invalid("email", "expected an address such as name@example.com")
    }
}

fn is_local_part(local: &str) -> bool {
    let allowed = |c: char| c.is_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(c);
    !local.is_empty()
        && local.len() <= EmailAddress::MAX_LOCAL_BYTES
        && local.chars().all(allowed)
        && !local.starts_with('.')
        && !local.ends_with('.')
        && !local.contains("..")
}

fn is_domain(domain: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.chars().all(|c| c.is_alphanumeric() || c == '-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    domain.contains('.') && domain.split('.').all(label)
}

/// The first letter and the top of the domain: enough to tell two apart in a log, not to write to one.
impl fmt::Display for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let first = self.0.chars().next().unwrap_or('?');
        let top = self.0.rsplit('.').next().unwrap_or("?");
        write!(f, "{first}***@***.{top}")
    }
}

impl fmt::Debug for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for EmailAddress {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self> {
        Self::parse(text)
    }
}

impl Serialize for EmailAddress {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for EmailAddress {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_mailbox_are_equal() {
        let one = EmailAddress::parse(" Dana.Levi@Example.COM ").unwrap();
        assert_eq!(one, EmailAddress::parse("dana.levi@example.com").unwrap());
        assert_eq!(one.expose(), "dana.levi@example.com");
    }

    #[test]
    fn an_address_prints_masked() {
        let address = EmailAddress::parse("dana@clinic.example.com").unwrap();
        assert_eq!(
            format!("{address} {address:?}"),
            "d***@***.com d***@***.com"
        );
    }

    #[test]
    fn what_is_not_one_plain_mailbox_is_refused() {
        let long = format!("{}@example.com", "a".repeat(300));
        for bad in [
            "",
            "dana",
            "@example.com",
            "dana@",
            "dana@localhost",
            "dana@-x.com",
            "dana@x..com",
            ".dana@example.com",
            "da..na@example.com",
            "dana@example.com\r\nBcc: all@example.com",
            "Dana <dana@example.com>",
            "a@example.com,b@example.com",
            "\"quoted\"@example.com",
            "da na@example.com",
            &long,
        ] {
            assert!(EmailAddress::parse(bad).is_err(), "{bad:?}");
        }
    }
}
