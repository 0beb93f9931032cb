//! `X-Twilio-Signature`: the one module that computes and checks it.
//!
//! The algorithm is Twilio's "Webhooks security" page; corner cases follow the official helper libraries
//! (Python 9.13.0, Node 6.2.0). What is signed is the URL exactly as Twilio requested it, then for form
//! bodies every pair, sorted by name. So never rebuild that URL with a URL parser, which lower-cases hosts
//! and rewrites escapes: append the request target as received to a configured public base URL.
//!
//! The signature covers names and values *without separators* and carries no time: it proves that the
//! account's key signed this text once. Replays and the account's right to the called number are checked
//! by the application.

mod url;
mod verifier;
mod verify;

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use prosaas_core::{ExposeSecret, SecretString};
use sha1::Sha1;
use sha2::{Digest, Sha256};

pub use self::url::{Candidates, websocket_url};
pub use self::verifier::{InsecureAcceptAll, KeyError, KeySource, StaticKeys, TwilioVerifier};
pub use self::verify::verify;

/// The header that carries the signature, lower case.
pub const SIGNATURE_HEADER: &str = "x-twilio-signature";

/// The header that names key and algorithm when a SharedKey signed, lower case.
pub const SETTINGS_HEADER: &str = "x-twilio-webhooks-signature-settings";

/// How a signature is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Algorithm {
    /// HMAC with SHA-1, 28 characters: the account's Auth Token, or an older SharedKey.
    HmacSha1,
    /// HMAC with SHA-256, 44 characters: a SharedKey.
    HmacSha256,
}

impl Algorithm {
    /// The word in the settings header; its case does not matter.
    pub fn from_wire(word: &str) -> Option<Self> {
        [Self::HmacSha1, Self::HmacSha256]
            .into_iter()
            .find(|algorithm| algorithm.as_wire().eq_ignore_ascii_case(word))
    }

    /// The word in the settings header.
    pub const fn as_wire(self) -> &'static str {
        match self {
            Self::HmacSha1 => "HMAC_SHA1",
            Self::HmacSha256 => "HMAC_SHA256",
        }
    }
}

/// A key that signs requests. Its algorithm belongs to it: a request cannot choose a weaker one.
#[derive(Clone)]
pub struct SignatureKey {
    id: Option<String>,
    secret: SecretString,
    algorithm: Algorithm,
}

impl SignatureKey {
    /// The primary Auth Token of an account or subaccount.
    pub const fn auth_token(secret: SecretString) -> Self {
        Self {
            id: None,
            secret,
            algorithm: Algorithm::HmacSha1,
        }
    }

    /// A SharedKey of the Webhooks configuration API, under the id that Twilio gave it.
    pub fn shared(id: impl Into<String>, secret: SecretString, algorithm: Algorithm) -> Self {
        Self {
            id: Some(id.into()),
            secret,
            algorithm,
        }
    }

    /// The id of a SharedKey; `None` for an Auth Token.
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// The algorithm this key signs with.
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// What [`SETTINGS_HEADER`] says about a request signed with this key; `None` for an Auth Token,
    /// whose requests lack the header.
    pub fn settings_header(&self) -> Option<String> {
        self.id
            .as_deref()
            .map(|id| format!("key={id},algorithm={}", self.algorithm.as_wire()))
    }
}

impl fmt::Debug for SignatureKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignatureKey")
            .field("id", &self.id)
            .field("algorithm", &self.algorithm)
            .finish_non_exhaustive()
    }
}

/// The signature of a request: base64 of the MAC over `url` and the decoded form pairs.
///
/// Without pairs this is the signature of a GET, of a websocket upgrade, or of a JSON body whose
/// `bodySHA256` stands in the URL.
pub fn sign<'a>(
    key: &SignatureKey,
    url: &str,
    pairs: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> String {
    signature_text(key, url, &sorted_pairs(pairs))
}

/// The value of `bodySHA256` for a JSON body: lower-case hex.
pub fn body_sha256(body: &[u8]) -> String {
    use std::fmt::Write;
    let mut text = String::with_capacity(64);
    for byte in Sha256::digest(body) {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// Sorted by name, then value; exact duplicates once. This is how Twilio signs repeated names.
fn sorted_pairs<'a>(
    pairs: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Vec<(&'a str, &'a str)> {
    let mut pairs: Vec<_> = pairs.into_iter().collect();
    pairs.sort_unstable();
    pairs.dedup();
    pairs
}

fn signature_text(key: &SignatureKey, url: &str, sorted: &[(&str, &str)]) -> String {
    let secret = key.secret.expose_secret().as_bytes();
    match key.algorithm {
        Algorithm::HmacSha1 => mac_text::<Hmac<Sha1>>(secret, url, sorted),
        Algorithm::HmacSha256 => mac_text::<Hmac<Sha256>>(secret, url, sorted),
    }
}

fn mac_text<M: Mac + KeyInit>(secret: &[u8], url: &str, sorted: &[(&str, &str)]) -> String {
    let mut mac =
        <M as KeyInit>::new_from_slice(secret).expect("HMAC takes keys of any length (RFC 2104)");
    mac.update(url.as_bytes());
    for (name, value) in sorted {
        mac.update(name.as_bytes());
        mac.update(value.as_bytes());
    }
    STANDARD.encode(mac.finalize().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn algorithms_are_read_whatever_their_case_and_nothing_else_is() {
        assert_eq!(
            Algorithm::from_wire("hmac_sha256"),
            Some(Algorithm::HmacSha256)
        );
        assert_eq!(Algorithm::from_wire("HMAC_SHA1"), Some(Algorithm::HmacSha1));
        for unknown in ["", "HMAC_SHA512", "none", " HMAC_SHA1"] {
            assert_eq!(Algorithm::from_wire(unknown), None, "{unknown}");
        }
    }

    #[test]
    fn debug_hides_the_secret() {
        let key = SignatureKey::shared("k1", SecretString::from("hush"), Algorithm::HmacSha256);
        assert!(!format!("{key:?}").contains("hush"));
        assert_eq!(
            key.settings_header().unwrap(),
            "key=k1,algorithm=HMAC_SHA256"
        );
    }
}
