//! Opaque tokens: 256 random bits that mean nothing by themselves and are stored only as a hash.
//!
//! A stolen database therefore opens no session, redeems no link and calls no API. SHA-256 without salt
//! is enough here: nobody can guess 256 random bits, so there is nothing to slow down.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use prosaas_core::{Error, ExposeSecret, Result, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::random::random_bytes;
use crate::model::id::ApiKeyId;

const SECRET_BYTES: usize = 32;
/// 32 bytes in base64url without padding.
const SECRET_CHARS: usize = 43;

/// The secret of a session, a one-time link or a calendar feed. It does not print.
#[derive(Clone)]
pub struct OpaqueToken(SecretString);

impl OpaqueToken {
    /// A fresh one.
    ///
    /// # Errors
    /// `Internal` when the system gives no random bytes.
    pub fn generate() -> Result<Self> {
        let bytes: [u8; SECRET_BYTES] = random_bytes()?;
        Ok(Self(SecretString::from(URL_SAFE_NO_PAD.encode(bytes))))
    }

    /// The token as its owner presents it.
    ///
    /// # Errors
    /// `Invalid` when it cannot be one of ours.
    pub fn parse(text: &str) -> Result<Self> {
        let is_ours = text.len() == SECRET_CHARS && URL_SAFE_NO_PAD.decode(text).is_ok();
        if !is_ours {
            return Err(Error::invalid(
                "token",
                "expected 43 characters of base64url",
            ));
        }
        Ok(Self(SecretString::from(text)))
    }

    /// What is stored of it, and looked up.
    pub fn hash(&self) -> TokenHash {
        TokenHash(Sha256::digest(self.0.expose_secret()).into())
    }

    /// The text for the one it was made for.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl fmt::Debug for OpaqueToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OpaqueToken")
    }
}

/// The SHA-256 of a token. Comparing two takes the same time wherever they differ.
#[derive(Clone, Copy)]
pub struct TokenHash([u8; 32]);

impl TokenHash {
    /// A hash read back from the store.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes to store.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl PartialEq for TokenHash {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for TokenHash {}

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenHash")
    }
}

/// Which installation an API key is for. A key of the test installation says so before it is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyEnvironment {
    /// The real one.
    Live,
    /// Development and tests.
    Test,
}

impl KeyEnvironment {
    /// The word in the key.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Test => "test",
        }
    }
}

impl FromStr for KeyEnvironment {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self> {
        match text {
            "live" => Ok(Self::Live),
            "test" => Ok(Self::Test),
            _ => Err(Error::invalid("environment", "expected `live` or `test`")),
        }
    }
}

/// An API key: `psk_<environment>_<id>_<secret>`. It does not print.
///
/// The prefix lets secret scanners find one in public; the id finds its row, the secret proves it.
#[derive(Clone)]
pub struct ApiKey {
    /// The installation it is for.
    pub environment: KeyEnvironment,
    /// Its row.
    pub id: ApiKeyId,
    secret: OpaqueToken,
}

impl ApiKey {
    /// A fresh key for a row.
    ///
    /// # Errors
    /// `Internal` when the system gives no random bytes.
    pub fn generate(environment: KeyEnvironment, id: ApiKeyId) -> Result<Self> {
        Ok(Self {
            environment,
            id,
            secret: OpaqueToken::generate()?,
        })
    }

    /// A key as its owner presents it.
    ///
    /// # Errors
    /// `Invalid` when it cannot be one of ours.
    pub fn parse(text: &str) -> Result<Self> {
        Self::parts(text).ok_or_else(|| Error::invalid("API key", "expected `psk_...`"))
    }

    fn parts(text: &str) -> Option<Self> {
        let mut parts = text.splitn(4, '_');
        if parts.next() != Some("psk") {
            return None;
        }
        let environment = parts.next()?.parse().ok()?;
        let id = format!("{}_{}", ApiKeyId::PREFIX, parts.next()?);
        let id = id.parse().ok()?;
        let secret = OpaqueToken::parse(parts.next()?).ok()?;
        Some(Self {
            environment,
            id,
            secret,
        })
    }

    /// What is stored of the secret.
    pub fn hash(&self) -> TokenHash {
        self.secret.hash()
    }

    /// The whole key, to be shown once.
    pub fn expose(&self) -> SecretString {
        let environment = self.environment.as_str();
        let id = self.id.uuid().simple();
        SecretString::from(format!("psk_{environment}_{id}_{}", self.secret.expose()))
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ApiKey({})", self.id)
    }
}

#[cfg(test)]
mod tests {
    use prosaas_core::UnixMillis;

    use super::*;

    #[test]
    fn a_token_reads_back_to_the_same_hash_and_does_not_print() {
        let token = OpaqueToken::generate().unwrap();
        let again = OpaqueToken::parse(token.expose()).unwrap();
        assert_eq!(token.hash(), again.hash());
        assert!(token.hash() != OpaqueToken::generate().unwrap().hash());
        assert!(!format!("{token:?} {:?}", token.hash()).contains(token.expose()));
    }

    #[test]
    fn what_cannot_be_a_token_is_not_one() {
        let long = "a".repeat(44);
        for bad in [
            "",
            "a",
            &"=".repeat(43),
            &"é".repeat(21),
            &long,
            &"+".repeat(43),
        ] {
            assert!(OpaqueToken::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_key_reads_back_whatever_its_secret_holds() {
        let id = ApiKeyId::mint(UnixMillis(1_700_000_000_000));
        // base64url has underscores too; a hundred keys have many.
        for _ in 0..100 {
            let key = ApiKey::generate(KeyEnvironment::Live, id).unwrap();
            let text = key.expose();
            let again = ApiKey::parse(text.expose_secret()).unwrap();
            assert_eq!(again.id, id);
            assert_eq!(again.environment, KeyEnvironment::Live);
            assert_eq!(again.hash(), key.hash());
            assert!(text.expose_secret().starts_with("psk_live_"));
            assert!(!format!("{key:?}").contains(key.secret.expose()));
        }
    }

    #[test]
    fn what_cannot_be_a_key_is_not_one() {
        let id = "0".repeat(32);
        let secret = "A".repeat(43);
        for bad in [
            String::new(),
            "psk".to_owned(),
            format!("psk_live_{id}"),
            format!("psk_prod_{id}_{secret}"),
            format!("sk_live_{id}_{secret}"),
            format!("psk_live_{}_{secret}", "0".repeat(31)),
            format!("psk_live_{id}_{secret}A"),
        ] {
            assert!(ApiKey::parse(&bad).is_err(), "{bad}");
        }
        assert!(ApiKey::parse(&format!("psk_test_{id}_{secret}")).is_ok());
    }
}
