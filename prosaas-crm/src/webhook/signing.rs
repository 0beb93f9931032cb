//! Signatures as the Standard Webhooks specification has them: HMAC-SHA256 over id, time and body.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use prosaas_core::{Error, ExposeSecret, Result, SecretString, UnixMillis};
use secrecy::SecretSlice;
use sha2::Sha256;

/// The header with the delivery's id; the same at every attempt, so that a receiver can drop a copy.
pub const ID_HEADER: &str = "webhook-id";
/// The header with the time of the attempt, in seconds.
pub const TIMESTAMP_HEADER: &str = "webhook-timestamp";
/// The header with the signatures.
pub const SIGNATURE_HEADER: &str = "webhook-signature";

/// What a secret begins with where it is shown.
const PREFIX: &str = "whsec_";
/// The lengths that the specification allows, in bytes.
const KEY_BYTES: std::ops::RangeInclusive<usize> = 24..=64;
/// The length of a new secret, in bytes.
const NEW_KEY_BYTES: usize = 32;

/// A key that the receiver of a webhook knows too.
#[derive(Clone)]
pub struct WebhookSecret(SecretSlice<u8>);

impl WebhookSecret {
    /// A new one.
    ///
    /// # Errors
    /// `Unavailable` when the system has no randomness.
    pub fn generate() -> Result<Self> {
        let mut key = vec![0; NEW_KEY_BYTES];
        getrandom::fill(&mut key)
            .map_err(|error| Error::unavailable("system randomness", error.to_string()))?;
        Ok(Self(key.into()))
    }

    /// Reads `whsec_` and base64.
    ///
    /// # Errors
    /// `Invalid` when the text has another form, or the key another length than 24 to 64 bytes.
    pub fn parse(text: &str) -> Result<Self> {
        let key = text
            .strip_prefix(PREFIX)
            .and_then(|encoded| STANDARD.decode(encoded).ok())
            .filter(|key| KEY_BYTES.contains(&key.len()));
        let expected = "expected `whsec_` and the base64 of 24 to 64 bytes";
        key.map(|key| Self(key.into()))
            .ok_or_else(|| Error::invalid("webhook secret", expected))
    }

    /// The form that is shown to the owner once, and sealed in the store.
    pub fn expose(&self) -> SecretString {
        format!("{PREFIX}{}", STANDARD.encode(self.0.expose_secret())).into()
    }

    fn sign(&self, id: &str, timestamp_s: i64, body: &[u8]) -> String {
        #[expect(
            clippy::expect_used,
            reason = "HMAC takes keys of any length (RFC 2104)"
        )]
        let mut mac = Hmac::<Sha256>::new_from_slice(self.0.expose_secret()).expect("any length");
        mac.update(format!("{id}.{timestamp_s}.").as_bytes());
        mac.update(body);
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    }
}

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookSecret")
    }
}

/// The keys of one webhook. While a new key is rolled out, the one before it signs as well.
#[derive(Clone, Debug)]
pub struct SigningSecrets {
    /// The key in force.
    pub current: WebhookSecret,
    /// The key before it, until its owner drops it.
    pub previous: Option<WebhookSecret>,
}

/// The three headers of one attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedHeaders {
    /// [`ID_HEADER`].
    pub id: String,
    /// [`TIMESTAMP_HEADER`].
    pub timestamp: String,
    /// [`SIGNATURE_HEADER`]: one signature a key in force, the newest first.
    pub signature: String,
}

impl SigningSecrets {
    /// Signs a body for an attempt at `now`.
    pub fn sign(&self, id: &str, now: UnixMillis, body: &[u8]) -> SignedHeaders {
        let timestamp_s = now.0.div_euclid(1_000);
        let keys = std::iter::once(&self.current).chain(&self.previous);
        let signatures: Vec<String> = keys.map(|key| key.sign(id, timestamp_s, body)).collect();
        SignedHeaders {
            id: id.to_owned(),
            timestamp: timestamp_s.to_string(),
            signature: signatures.join(" "),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification's own reference libraries.
    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    const AT: UnixMillis = UnixMillis(1_614_265_330_000);
    const BODY: &[u8] = br#"{"test": 2432232314}"#;
    const SIGNATURE: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

    fn secrets(previous: Option<&str>) -> SigningSecrets {
        let parse = |text| WebhookSecret::parse(text).unwrap();
        SigningSecrets {
            current: parse(SECRET),
            previous: previous.map(parse),
        }
    }

    #[test]
    fn the_specifications_example() {
        let headers = secrets(None).sign(ID, AT, BODY);
        assert_eq!(headers.id, ID);
        assert_eq!(headers.timestamp, "1614265330");
        assert_eq!(headers.signature, SIGNATURE);
    }

    /// Computed with Python's `hmac`.
    #[test]
    fn other_bodies_and_ids() {
        let sign = |id, body: &str| secrets(None).sign(id, AT, body.as_bytes()).signature;
        assert_eq!(
            sign("dlv_1", ""),
            "v1,pr5gwzWFGPqqh8Mcljq7uGMlPeNFwdGfGUOOu++jBpo="
        );
        assert_eq!(
            sign("dlv_1", "שלום"),
            "v1,Szlvjr2XMZXoAPMzin8IuoLP1XVUOLiXKLT+Mk52PRA="
        );
    }

    #[test]
    fn two_keys_sign_while_one_replaces_the_other() {
        let old = format!("whsec_{}", STANDARD.encode([7; 24]));
        let headers = secrets(Some(&old)).sign(ID, AT, BODY);
        let (newest, older) = headers.signature.split_once(' ').unwrap();
        assert_eq!(newest, SIGNATURE);
        let alone = SigningSecrets {
            current: WebhookSecret::parse(&old).unwrap(),
            previous: None,
        };
        assert_eq!(older, alone.sign(ID, AT, BODY).signature);
    }

    #[test]
    fn a_change_anywhere_changes_the_signature() {
        let keys = secrets(None);
        let original = keys.sign(ID, AT, BODY).signature;
        assert_ne!(keys.sign("msg_other", AT, BODY).signature, original);
        let later = UnixMillis(AT.0 + 1_000);
        assert_ne!(keys.sign(ID, later, BODY).signature, original);
        assert_ne!(keys.sign(ID, AT, b"{}").signature, original);
    }

    #[test]
    fn secrets_are_new_each_time_read_back_and_never_print() {
        let (a, b) = (
            WebhookSecret::generate().unwrap(),
            WebhookSecret::generate().unwrap(),
        );
        let (shown, other) = (a.expose(), b.expose());
        assert_ne!(shown.expose_secret(), other.expose_secret());
        let read = WebhookSecret::parse(shown.expose_secret()).unwrap();
        assert_eq!(read.expose().expose_secret(), shown.expose_secret());
        assert!(!format!("{a:?}").contains(&shown.expose_secret()[6..]));
    }

    #[test]
    fn what_is_no_secret_is_refused() {
        let of_length = |bytes| format!("whsec_{}", STANDARD.encode(vec![1; bytes]));
        for wrong in [
            "",
            "whsec_",
            "whsec_%%%",
            &SECRET[6..],
            &of_length(23),
            &of_length(65),
        ] {
            assert!(WebhookSecret::parse(wrong).is_err(), "{wrong}");
        }
        assert!(WebhookSecret::parse(&of_length(64)).is_ok());
    }
}
