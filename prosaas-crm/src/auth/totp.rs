//! Six-digit codes of an authenticator app (RFC 6238), and the recovery codes for the day the phone is
//! gone.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use prosaas_core::{Error, ExposeSecret, Result, SecretString, UnixMillis};
use sha2::{Digest, Sha256};
use totp_rs::{Builder, Totp};

use super::random::random_bytes;
use super::token::TokenHash;
use crate::model::id::UserId;

/// 160 bits, the length RFC 4226 recommends.
const SECRET_BYTES: usize = 20;
/// A clock may be off by one step of 30 seconds.
const DRIFT_STEPS: u16 = 1;

/// The secret shared with an authenticator app. It does not print.
#[derive(Clone)]
pub struct TotpSecret(SecretString);

impl TotpSecret {
    /// A fresh one.
    ///
    /// # Errors
    /// `Internal` when the system gives no random bytes.
    pub fn generate() -> Result<Self> {
        let bytes: [u8; SECRET_BYTES] = random_bytes()?;
        Ok(Self(SecretString::from(STANDARD_NO_PAD.encode(bytes))))
    }

    /// The secret as it was sealed into the store.
    pub fn from_stored(text: SecretString) -> Self {
        Self(text)
    }

    /// The text to seal into the store.
    pub fn to_stored(&self) -> &SecretString {
        &self.0
    }

    /// The secret as a person types it into an app: base32.
    ///
    /// # Errors
    /// `Internal` when the stored text is not one of ours.
    pub fn base32(&self) -> Result<SecretString> {
        let bytes = self.bytes()?;
        Ok(SecretString::from(totp_rs::Secret::from(bytes).to_base32()))
    }

    /// The `otpauth://` address that a QR code shows.
    ///
    /// # Errors
    /// `Internal` when the stored text is not one of ours.
    pub fn uri(&self, issuer: &str, account: &str) -> Result<SecretString> {
        // A colon separates issuer from account and may be in neither.
        let account = account.replace(':', " ");
        let issuer = issuer.replace(':', " ");
        let totp = Builder::new()
            .with_secret(self.bytes()?)
            .with_skew(DRIFT_STEPS)
            .with_issuer(Some(issuer))
            .with_account_name(account)
            .build()
            .map_err(|_| broken())?;
        totp.to_url().map(SecretString::from).map_err(|_| broken())
    }

    /// The step a code belongs to, if it is right now (one step early or late) and later than the last
    /// one used: a code seen over a shoulder is of no use once its owner has used it.
    ///
    /// # Errors
    /// `Internal` when the stored text is not one of ours.
    pub fn check(
        &self,
        code: &str,
        now: UnixMillis,
        last_step: Option<u64>,
    ) -> Result<Option<u64>> {
        let seconds = u64::try_from(now.0).unwrap_or(0) / 1000;
        let step = self.totp()?.check(code.trim(), seconds);
        Ok(step.filter(|step| last_step.is_none_or(|last| *step > last)))
    }

    /// The code of the moment, as an app shows it; tests and the demo stand in for the app.
    ///
    /// # Errors
    /// `Internal` when the stored text is not one of ours.
    #[cfg(any(test, feature = "testkit"))]
    pub fn code_at(&self, now: UnixMillis) -> Result<String> {
        let seconds = u64::try_from(now.0).unwrap_or(0) / 1000;
        Ok(self.totp()?.generate(seconds).to_string())
    }

    fn totp(&self) -> Result<Totp> {
        Ok(Builder::new()
            .with_secret(self.bytes()?)
            .with_skew(DRIFT_STEPS)
            .build_noncompliant())
    }

    fn bytes(&self) -> Result<[u8; SECRET_BYTES]> {
        let bytes = STANDARD_NO_PAD.decode(self.0.expose_secret());
        bytes
            .ok()
            .and_then(|bytes| bytes.try_into().ok())
            .ok_or_else(broken)
    }
}

impl fmt::Debug for TotpSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TotpSecret")
    }
}

/// The library's own error may hold the account or the secret: it goes no further.
fn broken() -> Error {
    Error::internal("TOTP secret", "it cannot be read")
}

/// A code that stands in for the authenticator app, once. It does not print.
#[derive(Clone)]
pub struct RecoveryCode(SecretString);

impl RecoveryCode {
    /// How many a user gets.
    pub const HOW_MANY: usize = 10;
    /// Letters and digits that cannot be taken for each other (Crockford's base32, lower case).
    const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
    const CHARS: usize = 16;

    /// A fresh set.
    ///
    /// # Errors
    /// `Internal` when the system gives no random bytes.
    pub fn generate_set() -> Result<Vec<Self>> {
        (0..Self::HOW_MANY).map(|_| Self::generate()).collect()
    }

    fn generate() -> Result<Self> {
        let bytes: [u8; Self::CHARS] = random_bytes()?;
        let mut text = String::with_capacity(Self::CHARS + 3);
        for (place, byte) in bytes.into_iter().enumerate() {
            if place > 0 && place % 4 == 0 {
                text.push('-');
            }
            text.push(char::from(Self::ALPHABET[usize::from(byte % 32)]));
        }
        Ok(Self(SecretString::from(text)))
    }

    /// A code as somebody types it: capitals, spaces and missing hyphens do not matter.
    ///
    /// # Errors
    /// `Invalid` when it cannot be one of ours.
    pub fn parse(text: &str) -> Result<Self> {
        let invalid = || Error::invalid("recovery code", "expected sixteen letters and digits");
        if text.len() > 64 {
            return Err(invalid());
        }
        let mut plain = String::with_capacity(Self::CHARS);
        for c in text.chars().filter(|c| !matches!(c, '-' | ' ')) {
            let c = match c.to_ascii_lowercase() {
                'o' => '0',
                'i' | 'l' => '1',
                c => c,
            };
            if !c.is_ascii() || !Self::ALPHABET.contains(&(c as u8)) {
                return Err(invalid());
            }
            plain.push(c);
        }
        if plain.len() != Self::CHARS {
            return Err(invalid());
        }
        Ok(Self(SecretString::from(plain)))
    }

    /// What is stored of it: bound to its user, so that equal codes of two users are not equal rows.
    /// 80 random bits need no slow hash.
    pub fn hash(&self, user: UserId) -> TokenHash {
        let plain: String = self.0.expose_secret().replace('-', "");
        let mut hasher = Sha256::new();
        hasher.update(user.uuid().as_bytes());
        hasher.update(plain.as_bytes());
        TokenHash::from_bytes(hasher.finalize().into())
    }

    /// The text to show once.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl fmt::Debug for RecoveryCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecoveryCode")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixMillis = UnixMillis(1_800_000_000_000);
    const STEP_MS: i64 = 30_000;

    #[test]
    fn the_rfc_vector_passes() {
        // RFC 6238, appendix B, SHA-1: at 59 s the eight digits are 94287082, the last six 287082.
        let secret = STANDARD_NO_PAD.encode(b"12345678901234567890");
        let secret = TotpSecret::from_stored(SecretString::from(secret));
        let step = secret.check("287082", UnixMillis(59_000), None).unwrap();
        assert_eq!(step, Some(1));
    }

    #[test]
    fn a_clock_may_be_off_by_one_step_and_no_more() {
        let secret = TotpSecret::generate().unwrap();
        let code = secret.code_at(NOW).unwrap();
        let at = |steps: i64| {
            secret
                .check(&code, NOW.plus(steps * STEP_MS), None)
                .unwrap()
        };
        assert!(at(-1).is_some() && at(0).is_some() && at(1).is_some());
        assert_eq!(at(-2), None);
        assert_eq!(at(2), None);
    }

    #[test]
    fn a_code_works_once() {
        let secret = TotpSecret::generate().unwrap();
        let code = secret.code_at(NOW).unwrap();
        let step = secret.check(&code, NOW, None).unwrap();
        assert!(step.is_some());
        assert_eq!(secret.check(&code, NOW, step).unwrap(), None);
        let next = secret.code_at(NOW.plus(STEP_MS)).unwrap();
        assert!(
            secret
                .check(&next, NOW.plus(STEP_MS), step)
                .unwrap()
                .is_some()
        );
    }

    #[test]
    fn nonsense_is_no_code() {
        let secret = TotpSecret::generate().unwrap();
        let long = "1".repeat(10_000);
        for bad in ["", "12345", "1234567", "abcdef", "١٢٣٤٥٦", &long] {
            assert_eq!(secret.check(bad, NOW, None).unwrap(), None, "{bad}");
        }
    }

    #[test]
    fn the_address_names_issuer_and_account_and_the_secret_does_not_print() {
        let secret = TotpSecret::generate().unwrap();
        let uri = secret.uri("ProSaaS: test", "dana@example.com").unwrap();
        let uri = uri.expose_secret();
        assert!(uri.starts_with("otpauth://totp/ProSaaS"), "{uri}");
        assert!(uri.contains(secret.base32().unwrap().expose_secret()));
        assert_eq!(format!("{secret:?}"), "TotpSecret");
    }

    #[test]
    fn a_recovery_code_reads_back_however_it_is_typed() {
        let user = UserId::mint(NOW);
        for code in RecoveryCode::generate_set().unwrap() {
            let typed = code
                .expose()
                .to_uppercase()
                .replace('-', " ")
                .replace('0', "O");
            let again = RecoveryCode::parse(&typed).unwrap();
            assert_eq!(again.hash(user), code.hash(user));
            assert!(code.hash(UserId::mint(NOW)) != code.hash(user));
            assert!(!format!("{code:?}").contains(code.expose()));
        }
        for bad in ["", "abcd", "u".repeat(16).as_str(), "é".repeat(16).as_str()] {
            assert!(RecoveryCode::parse(bad).is_err(), "{bad}");
        }
    }
}
