//! Voluntary identification for push services (RFC 8292): a browser that subscribed with our public key is
//! reached with signatures of our private one alone.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use p256::SecretKey;
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};
use prosaas_core::{Error, ExposeSecret as _, Result, SecretString, UnixMillis};
use serde_json::json;
use url::Url;

use super::fresh_key;

/// How long a signature holds, in seconds; a push service refuses more than a day.
const HOLDS_S: i64 = 12 * 60 * 60;

/// The installation's pair of keys. The private one does not print.
#[derive(Clone)]
pub struct VapidKey(SecretKey);

impl VapidKey {
    /// A fresh pair.
    ///
    /// # Errors
    /// `Internal` when the system gives no random bytes.
    pub fn generate() -> Result<Self> {
        fresh_key().map(Self)
    }

    /// Reads what [`VapidKey::to_stored`] wrote.
    ///
    /// # Errors
    /// `Internal` when it is no key.
    pub fn from_stored(text: &SecretString) -> Result<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text.expose_secret()).ok();
        bytes
            .and_then(|bytes| SecretKey::from_slice(&bytes).ok())
            .map(Self)
            .ok_or_else(|| Error::internal("push key", "what is stored is no key"))
    }

    /// The private key as a text, to be sealed.
    pub fn to_stored(&self) -> SecretString {
        SecretString::from(URL_SAFE_NO_PAD.encode(self.0.to_bytes()))
    }

    /// The public key as browsers take it: `applicationServerKey`.
    pub fn public(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0.public_key().to_sec1_bytes())
    }

    /// The header `Authorization` of a request to the push service of an address.
    pub fn authorization(&self, endpoint: &Url, contact: &str, now: UnixMillis) -> String {
        let header = json!({ "typ": "JWT", "alg": "ES256" });
        let claims = json!({
            "aud": endpoint.origin().ascii_serialization(),
            "exp": now.0.div_euclid(1_000) + HOLDS_S,
            "sub": contact,
        });
        let [header, claims] =
            [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
        let signed = format!("{header}.{claims}");
        // Deterministic (RFC 6979): no randomness that could be missing.
        let signature: Signature = SigningKey::from(&self.0).sign(signed.as_bytes());
        let signature = URL_SAFE_NO_PAD.encode(signature.to_bytes());
        format!("vapid t={signed}.{signature}, k={}", self.public())
    }
}

impl fmt::Debug for VapidKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("VapidKey")
    }
}

#[cfg(test)]
mod tests {
    use p256::ecdsa::VerifyingKey;
    use p256::ecdsa::signature::Verifier as _;
    use serde_json::Value;

    use super::*;

    #[test]
    fn a_push_service_can_check_who_sends() {
        let key = VapidKey::generate().unwrap();
        let endpoint = Url::parse("https://push.shop.co.il:443/send/abc?d=1").unwrap();
        let now = UnixMillis(1_790_000_000_000);
        let header = key.authorization(&endpoint, "https://crm.example", now);
        let (token, public) = header
            .strip_prefix("vapid t=")
            .and_then(|rest| rest.split_once(", k="))
            .unwrap();
        assert_eq!(public, key.public());
        let bytes = |text: &str| URL_SAFE_NO_PAD.decode(text).unwrap();
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let verifier = VerifyingKey::from_sec1_bytes(&bytes(public)).unwrap();
        let signature = Signature::from_slice(&bytes(signature)).unwrap();
        verifier.verify(signed.as_bytes(), &signature).unwrap();
        let (_, claims) = signed.split_once('.').unwrap();
        let claims: Value = serde_json::from_slice(&bytes(claims)).unwrap();
        assert_eq!(claims["aud"], "https://push.shop.co.il");
        assert_eq!(claims["exp"], 1_790_000_000 + HOLDS_S);
        assert_eq!(claims["sub"], "https://crm.example");
    }

    #[test]
    fn a_key_is_the_same_after_it_was_stored() {
        let key = VapidKey::generate().unwrap();
        let again = VapidKey::from_stored(&key.to_stored()).unwrap();
        assert_eq!(again.public(), key.public());
        assert_ne!(VapidKey::generate().unwrap().public(), key.public());
        assert!(VapidKey::from_stored(&SecretString::from("AAAA")).is_err());
        assert_eq!(format!("{key:?}"), "VapidKey");
    }
}
