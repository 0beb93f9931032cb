//! Browsers that members are told of calls on.

use std::fmt;

use prosaas_core::{Error, Language, Result, UnixMillis};

use super::id::{PushSubscriptionId, SessionId};
use crate::push::BrowserKeys;
use crate::webhook::target::MAX_URL;
use crate::webhook::{Target, TargetError, TargetPolicy};

/// The most browsers of one member in one business: one more, and the one that was not seen longest goes.
pub const MAX_BROWSERS: u32 = 10;

/// What a browser said of how it is reached.
#[derive(Clone, PartialEq, Eq)]
pub struct Reach {
    /// Its address at a push service. A hostile text until [`Target`] has read it.
    pub endpoint: String,
    /// Its keys.
    pub keys: BrowserKeys,
}

impl Reach {
    /// Reads what a browser said.
    ///
    /// # Errors
    /// `Invalid` when the address is one that no request of ours may go to, or a key is none; neither is repeated.
    pub fn parse(
        endpoint: &str,
        (p256dh, auth): (&str, &str),
        policy: TargetPolicy,
    ) -> Result<Self> {
        let wrong = |error: TargetError| Error::invalid("endpoint", error.to_string());
        let target = Target::parse(endpoint, policy).map_err(wrong)?;
        let endpoint = target.url().as_str();
        // Written out, letters of other alphabets are longer.
        if endpoint.len() > MAX_URL {
            return Err(wrong(TargetError::NotAUrl));
        }
        Ok(Self {
            endpoint: endpoint.to_owned(),
            keys: BrowserKeys::parse(p256dh, auth)?,
        })
    }
}

impl fmt::Debug for Reach {
    /// Whoever knows the address can try to send there.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Reach")
    }
}

/// A browser that is told of calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PushSubscription {
    /// Its id.
    pub id: PushSubscriptionId,
    /// The session that it was switched on in.
    pub session: SessionId,
    /// Since when.
    pub created_at: UnixMillis,
    /// When its console was open last.
    pub seen_at: UnixMillis,
}

/// A browser that is to be told of something now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DuePush {
    /// How it is reached.
    pub reach: Reach,
    /// Its member's language.
    pub language: Language,
    /// The business's name.
    pub business: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: (&str, &str) = (
        "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
        "BTBZMqHH6r4Tts7J_aSIgg",
    );

    #[test]
    fn an_address_that_is_not_public_is_refused_as_for_webhooks() {
        let read = |endpoint| Reach::parse(endpoint, KEYS, TargetPolicy::Public);
        assert!(read("https://fcm.googleapis.com/fcm/send/abc").is_ok());
        for hostile in [
            "http://fcm.googleapis.com/fcm/send/abc",
            "https://127.0.0.1/",
            "https://169.254.169.254/latest/meta-data",
            "https://localhost/",
            "https://push.internal/",
            "https://push.shop.co.il:8443/",
            "https://user:word@push.shop.co.il/",
            "javascript:alert(1)",
            "",
        ] {
            let error = read(hostile).unwrap_err().to_string();
            assert!(hostile.is_empty() || !error.contains(hostile), "{error}");
        }
        let local = Reach::parse("http://127.0.0.1:9/", KEYS, TargetPolicy::Development);
        assert!(local.is_ok(), "the switch for a developer's machine");
    }

    #[test]
    fn neither_address_nor_keys_print() {
        let endpoint = "https://push.shop.co.il/hunter2";
        let reach = Reach::parse(endpoint, KEYS, TargetPolicy::Public).unwrap();
        assert_eq!(format!("{reach:?}"), "Reach");
    }
}
