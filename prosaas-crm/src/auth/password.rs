//! Passwords: argon2id, hashed beside the async threads and never more than a few at once.
//!
//! One hash takes 19 MiB and tens of milliseconds on purpose. A crowd of logins therefore waits in a
//! bounded queue, so that it can take neither the memory nor the cores of the calls in progress.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use argon2::password_hash::phc::{Output, PasswordHash, Salt};
use argon2::password_hash::{Error as HashError, PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use prosaas_core::{Error, ExposeSecret, Result, SecretString};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use unicode_normalization::UnicodeNormalization;

use super::random::random_bytes;

/// Memory in KiB, passes, lanes: OWASP's minimum for argon2id.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;
const OUTPUT_BYTES: usize = 32;
const SALT_BYTES: usize = 16;

/// The most common passwords that are long enough to pass the other rules, one a line, lower case.
const COMMON: &str = include_str!("common_passwords.txt");

/// A password somebody wants to have: it passed the rules.
pub struct NewPassword(SecretString);

impl NewPassword {
    /// The fewest characters.
    pub const MIN_CHARS: usize = 10;
    /// The most characters; hashing is bounded by it.
    pub const MAX_CHARS: usize = 256;

    /// Checks a password against the rules: long enough, not among the common ones, not one or two
    /// characters over and over, not the name of the account.
    ///
    /// # Errors
    /// `Invalid` names the rule, never the password.
    pub fn parse(password: &SecretString, account: &str) -> Result<Self> {
        let normal = normalise(password);
        let text = normal.expose_secret();
        let chars = text.chars().count();
        if !(Self::MIN_CHARS..=Self::MAX_CHARS).contains(&chars) {
            return Err(refused("expected 10 to 256 characters"));
        }
        let folded = text.to_lowercase();
        if COMMON.lines().any(|common| common == folded) {
            return Err(refused("it is among the most common passwords"));
        }
        let mut distinct: Vec<char> = folded.chars().collect();
        distinct.sort_unstable();
        distinct.dedup();
        if distinct.len() < 4 {
            return Err(refused("expected at least four different characters"));
        }
        let account = account.to_lowercase();
        let name = account.split('@').next().unwrap_or_default();
        if folded == account || folded == name {
            return Err(refused("expected something other than the e-mail address"));
        }
        Ok(Self(normal))
    }
}

impl fmt::Debug for NewPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NewPassword")
    }
}

fn refused(expected: &str) -> Error {
    Error::invalid("password", expected)
}

/// The same password typed on another keyboard may arrive decomposed: both are brought to NFC.
fn normalise(password: &SecretString) -> SecretString {
    let normal: String = password.expose_secret().nfc().collect();
    SecretString::from(normal)
}

/// A password as it is stored: a PHC string. It does not print.
#[derive(Clone)]
pub struct StoredPassword(SecretString);

impl StoredPassword {
    /// A string read back from the store.
    pub fn from_phc(text: String) -> Self {
        Self(SecretString::from(text))
    }

    /// The string to store.
    pub fn as_phc(&self) -> &str {
        self.0.expose_secret()
    }
}

impl fmt::Debug for StoredPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StoredPassword")
    }
}

/// What a check of a password found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordCheck {
    /// It is not the password, or there is no such account: the two take the same time.
    Wrong,
    /// It is the password.
    Right,
    /// It is the password, hashed with parameters of an earlier time: hash it again.
    RightButOutdated,
}

/// Hashes and checks passwords, a bounded number at a time.
#[derive(Clone)]
pub struct Passwords {
    permits: Arc<Semaphore>,
    longest_wait: Duration,
    parameters: Params,
    nobody: StoredPassword,
}

impl Passwords {
    /// As many hashes at once as `at_once`, each waiting for its turn at most `longest_wait`.
    ///
    /// # Errors
    /// `Internal` when the system gives no random bytes.
    pub fn new(at_once: usize, longest_wait: Duration) -> Result<Self> {
        let parameters = Params::new(MEMORY_KIB, PASSES, LANES, Some(OUTPUT_BYTES))
            .map_err(|error| Error::internal("argon2", error))?;
        let nobody = hash_of_nobody(&parameters)?;
        Ok(Self {
            permits: Arc::new(Semaphore::new(at_once)),
            longest_wait,
            parameters,
            nobody,
        })
    }

    /// Two at once, five seconds of waiting: what two cores can give without a call noticing.
    ///
    /// # Errors
    /// As [`Passwords::new`].
    pub fn standard() -> Result<Self> {
        Self::new(2, Duration::from_secs(5))
    }

    /// Hashes a new password.
    ///
    /// # Errors
    /// `RateLimited` when too many others wait.
    pub async fn hash(&self, password: NewPassword) -> Result<StoredPassword> {
        let argon2 = self.argon2();
        self.beside_the_async_threads(move || {
            let salt: [u8; SALT_BYTES] = random_bytes()?;
            argon2
                .hash_password_with_salt(password.0.expose_secret().as_bytes(), &salt)
                .map(|hash| StoredPassword::from_phc(hash.to_string()))
                .map_err(|error| Error::internal("argon2", error))
        })
        .await
    }

    /// Checks a password. Without an account (`None`) it works as long and finds it wrong, so that the
    /// time of an answer does not say who has an account.
    ///
    /// # Errors
    /// `RateLimited` when too many others wait.
    pub async fn check(
        &self,
        stored: Option<&StoredPassword>,
        password: &SecretString,
    ) -> Result<PasswordCheck> {
        // No stored password is that long, whoever it belongs to: saying so at once tells nothing.
        if password.expose_secret().chars().count() > NewPassword::MAX_CHARS {
            return Ok(PasswordCheck::Wrong);
        }
        let known = stored.is_some();
        let stored = stored.unwrap_or(&self.nobody).clone();
        let password = normalise(password);
        let argon2 = self.argon2();
        let current = self.parameters.clone();
        self.beside_the_async_threads(move || {
            let hash = PasswordHash::new(stored.as_phc())
                .map_err(|error| Error::internal("stored password", error))?;
            let bytes = password.expose_secret().as_bytes();
            match argon2.verify_password(bytes, &hash) {
                Ok(()) if !known => Ok(PasswordCheck::Wrong),
                Ok(()) if is_current(&hash, &current) => Ok(PasswordCheck::Right),
                Ok(()) => Ok(PasswordCheck::RightButOutdated),
                Err(HashError::PasswordInvalid) => Ok(PasswordCheck::Wrong),
                Err(error) => Err(Error::internal("argon2", error)),
            }
        })
        .await
    }

    fn argon2(&self) -> Argon2<'static> {
        Argon2::new(Algorithm::Argon2id, Version::V0x13, self.parameters.clone())
    }

    async fn beside_the_async_threads<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let permit = self.turn().await?;
        // The permit moves along: a request that goes away does not let another hash begin early.
        let done = tokio::task::spawn_blocking(move || {
            let result = work();
            drop(permit);
            result
        });
        done.await
            .map_err(|error| Error::internal("password hashing", error))?
    }

    async fn turn(&self) -> Result<OwnedSemaphorePermit> {
        let turn = Arc::clone(&self.permits).acquire_owned();
        match tokio::time::timeout(self.longest_wait, turn).await {
            Ok(permit) => permit.map_err(|error| Error::internal("password hashing", error)),
            Err(_) => Err(Error::RateLimited {
                retry_after: Duration::from_secs(1),
            }),
        }
    }
}

impl fmt::Debug for Passwords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Passwords")
            .field("free", &self.permits.available_permits())
            .finish_non_exhaustive()
    }
}

fn is_current(hash: &PasswordHash, current: &Params) -> bool {
    hash.algorithm == Algorithm::Argon2id.ident()
        && hash.version == Some(Version::V0x13.into())
        && Params::try_from(hash).is_ok_and(|used| {
            used.m_cost() == current.m_cost()
                && used.t_cost() == current.t_cost()
                && used.p_cost() == current.p_cost()
        })
}

/// A stored password nobody has, of the present parameters: checking against it takes what checking
/// against anybody's takes.
fn hash_of_nobody(parameters: &Params) -> Result<StoredPassword> {
    let failed = |error: HashError| Error::internal("argon2", error);
    let salt: [u8; SALT_BYTES] = random_bytes()?;
    let output: [u8; OUTPUT_BYTES] = random_bytes()?;
    let hash = PasswordHash {
        algorithm: Algorithm::Argon2id.ident(),
        version: Some(Version::V0x13.into()),
        params: parameters.try_into().map_err(failed)?,
        salt: Some(Salt::new(&salt).map_err(|error| Error::internal("argon2", error))?),
        hash: Some(Output::new(&output).map_err(|error| Error::internal("argon2", error))?),
    };
    Ok(StoredPassword::from_phc(hash.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> SecretString {
        SecretString::from(text)
    }

    fn few() -> Passwords {
        Passwords::new(1, Duration::from_millis(5)).unwrap()
    }

    #[tokio::test]
    async fn only_the_right_password_passes_and_hebrew_does_too() {
        let passwords = Passwords::standard().unwrap();
        let password = secret("סיסמה ארוכה מאוד 7");
        let new = NewPassword::parse(&password, "dana@example.com").unwrap();
        let stored = passwords.hash(new).await.unwrap();
        assert!(
            stored
                .as_phc()
                .starts_with("$argon2id$v=19$m=19456,t=2,p=1$")
        );
        let check = passwords.check(Some(&stored), &password).await.unwrap();
        assert_eq!(check, PasswordCheck::Right);
        let other = passwords
            .check(Some(&stored), &secret("something else"))
            .await;
        assert_eq!(other.unwrap(), PasswordCheck::Wrong);
        assert!(!format!("{stored:?}{passwords:?}").contains("argon2"));
    }

    #[tokio::test]
    async fn composed_and_decomposed_letters_are_one_password() {
        let passwords = Passwords::standard().unwrap();
        let new = NewPassword::parse(&secret("cafe\u{301} au lait 9"), "x@example.com").unwrap();
        let stored = passwords.hash(new).await.unwrap();
        let check = passwords
            .check(Some(&stored), &secret("caf\u{e9} au lait 9"))
            .await;
        assert_eq!(check.unwrap(), PasswordCheck::Right);
    }

    #[tokio::test]
    async fn a_hash_of_earlier_parameters_is_still_right_and_says_so() {
        let weak = Argon2::new(
            Algorithm::Argon2id,
            Version::V0x13,
            Params::new(8 * 1024, 1, 1, None).unwrap(),
        );
        let hash = weak
            .hash_password_with_salt(b"an old password", &[7; 16])
            .unwrap();
        let stored = StoredPassword::from_phc(hash.to_string());
        let check = few().check(Some(&stored), &secret("an old password")).await;
        assert_eq!(check.unwrap(), PasswordCheck::RightButOutdated);
    }

    #[tokio::test]
    async fn nobody_has_no_password() {
        let check = few().check(None, &secret("anything at all")).await;
        assert_eq!(check.unwrap(), PasswordCheck::Wrong);
    }

    #[tokio::test]
    async fn a_crowd_is_told_to_come_back() {
        let passwords = few();
        let busy = Arc::clone(&passwords.permits)
            .acquire_owned()
            .await
            .unwrap();
        let refused = passwords.check(None, &secret("anything at all")).await;
        assert!(
            matches!(refused, Err(Error::RateLimited { .. })),
            "{refused:?}"
        );
        drop(busy);
        assert!(
            passwords
                .check(None, &secret("anything at all"))
                .await
                .is_ok()
        );
    }

    #[tokio::test]
    async fn a_huge_password_is_wrong_without_work() {
        let passwords = Passwords::new(0, Duration::from_mins(1)).unwrap();
        let huge = secret(&"x".repeat(100_000));
        assert_eq!(
            passwords.check(None, &huge).await.unwrap(),
            PasswordCheck::Wrong
        );
    }

    #[test]
    fn weak_passwords_are_refused_without_repeating_them() {
        let account = "dana.levi@example.com";
        for bad in [
            "short1",
            "password123",
            "Qwertyuiop",
            "1234567890",
            "aaaaaaaaaaaa",
            "ababababababab",
            "dana.levi@example.com",
            "DANA.LEVI@example.com",
            &"x1y2z3".repeat(50),
        ] {
            let error = NewPassword::parse(&secret(bad), account).unwrap_err();
            assert!(!error.to_string().contains(bad), "{error}");
        }
        assert!(NewPassword::parse(&secret("four words make one"), account).is_ok());
    }

    #[test]
    fn the_common_list_is_sorted_lower_case_and_long_enough_to_matter() {
        let words: Vec<_> = COMMON.lines().collect();
        assert!(words.is_sorted(), "keep it sorted");
        assert!(words.len() > 100);
        for word in words {
            assert!(word.chars().count() >= NewPassword::MIN_CHARS, "{word}");
            assert_eq!(word, word.to_lowercase());
        }
    }
}
