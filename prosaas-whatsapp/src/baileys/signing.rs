//! Who speaks: each request between the backend and the sidecar is signed with the shared secret.
//!
//! The text that is signed stands in `baileys/PROTOCOL.md`, section "Signature", with the vectors tested here.

use std::collections::HashMap;
use std::fmt;

use hmac::{Hmac, KeyInit as _, Mac as _};
use prosaas_core::{Error, ExposeSecret as _, Result, SecretString, UnixMillis};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

/// The header with the request's time, in milliseconds since 1970.
pub const TIME_HEADER: &str = "x-prosaas-time";
/// The header with a number that is never used twice.
pub const NONCE_HEADER: &str = "x-prosaas-nonce";
/// The header with the signature.
pub const SIGNATURE_HEADER: &str = "x-prosaas-signature";

/// How far a request's time may be from ours, in milliseconds.
pub const WINDOW_MS: i64 = 60_000;
/// How many nonces are remembered: more requests than that within two windows are refused.
const MAX_NONCES: usize = 200_000;
/// The shortest secret, in bytes.
const MIN_SECRET: usize = 32;

/// The secret that backend and sidecar share (`INTERNAL_SECRET`).
#[derive(Clone)]
pub struct InternalKey(SecretString);

impl fmt::Debug for InternalKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InternalKey(…)")
    }
}

impl InternalKey {
    /// The key of this secret.
    ///
    /// # Errors
    /// `Invalid` when it is shorter than 32 bytes.
    pub fn new(secret: SecretString) -> Result<Self> {
        if secret.expose_secret().len() < MIN_SECRET {
            return Err(Error::invalid(
                "INTERNAL_SECRET",
                "expected at least 32 bytes, such as 64 random hexadecimal digits",
            ));
        }
        Ok(Self(secret))
    }

    /// The signature of a request: `path` as it stands in the request line, query included.
    pub fn sign(
        &self,
        method: &str,
        path: &str,
        time: UnixMillis,
        nonce: &str,
        body: &[u8],
    ) -> String {
        let digest = hex(&Sha256::digest(body));
        let text = format!(
            "PROSAAS-HMAC-SHA256\n{method}\n{path}\n{}\n{nonce}\n{digest}",
            time.0
        );
        let mut mac = Hmac::<Sha256>::new_from_slice(self.0.expose_secret().as_bytes())
            .expect("HMAC takes a key of any length");
        mac.update(text.as_bytes());
        hex(&mac.finalize().into_bytes())
    }
}

/// Thirty-two random hexadecimal digits.
pub(crate) fn fresh_nonce() -> Result<String> {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes).map_err(|error| Error::internal("random numbers", error))?;
    Ok(hex(&bytes))
}

fn hex(bytes: &[u8]) -> String {
    use fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// A request as far as its signature goes.
#[derive(Clone, Copy)]
pub struct SignedParts<'a> {
    /// The method, in capitals.
    pub method: &'a str,
    /// The path and query as they stand in the request line.
    pub path: &'a str,
    /// The value of [`TIME_HEADER`].
    pub time: Option<&'a str>,
    /// The value of [`NONCE_HEADER`].
    pub nonce: Option<&'a str>,
    /// The value of [`SIGNATURE_HEADER`].
    pub signature: Option<&'a str>,
    /// The body.
    pub body: &'a [u8],
}

impl fmt::Debug for SignedParts<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignedParts")
            .field("method", &self.method)
            .field("path", &self.path)
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// Why a request is refused. The other side learns only that it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// A header is missing or has not its form.
    Malformed,
    /// The signature is not of this secret and this request.
    WrongSignature,
    /// Its time is too far from ours, or before we started.
    WrongTime,
    /// Its nonce was used before.
    Replayed,
    /// Too many requests to tell a replay.
    Full,
}

/// Remembers the nonces of the last two windows. Values in, values out: the time is a parameter.
#[derive(Debug)]
pub struct NonceWindow {
    started: UnixMillis,
    seen: HashMap<u128, UnixMillis>,
    next_sweep: UnixMillis,
}

impl NonceWindow {
    /// Knows nothing from before `started`: requests of that time are refused.
    pub fn since(started: UnixMillis) -> Self {
        Self {
            started,
            seen: HashMap::new(),
            next_sweep: started,
        }
    }

    /// Checks a request and remembers its nonce.
    ///
    /// # Errors
    /// Why it is refused; a request with a wrong signature leaves no trace.
    pub fn check(
        &mut self,
        key: &InternalKey,
        parts: SignedParts<'_>,
        now: UnixMillis,
    ) -> std::result::Result<(), Refusal> {
        let (time, nonce, signature) = headers(parts).ok_or(Refusal::Malformed)?;
        let nonce_text = parts.nonce.unwrap_or_default();
        let expected = key.sign(parts.method, parts.path, time, nonce_text, parts.body);
        if !bool::from(expected.as_bytes().ct_eq(signature.as_bytes())) {
            return Err(Refusal::WrongSignature);
        }
        if time.since(now).saturating_abs() > WINDOW_MS || time < self.started {
            return Err(Refusal::WrongTime);
        }
        self.sweep(now);
        if self.seen.contains_key(&nonce) {
            return Err(Refusal::Replayed);
        }
        if self.seen.len() >= MAX_NONCES {
            return Err(Refusal::Full);
        }
        self.seen.insert(nonce, time);
        Ok(())
    }

    /// Forgets nonces whose time would be refused by now.
    fn sweep(&mut self, now: UnixMillis) {
        if now >= self.next_sweep || self.seen.len() >= MAX_NONCES {
            self.seen.retain(|_, time| now.since(*time) <= WINDOW_MS);
            self.next_sweep = now.plus(WINDOW_MS / 4);
        }
    }
}

fn headers(parts: SignedParts<'_>) -> Option<(UnixMillis, u128, &str)> {
    let time = parts.time.filter(|text| text.len() <= 19)?;
    let digits = time.bytes().all(|byte| byte.is_ascii_digit());
    let time = time.parse().ok().filter(|_| digits)?;
    let nonce = parts
        .nonce
        .filter(|text| text.len() == 32 && is_lower_hex(text))?;
    let nonce = u128::from_str_radix(nonce, 16).ok()?;
    let signature = parts
        .signature
        .filter(|text| text.len() == 64 && is_lower_hex(text))?;
    Some((UnixMillis(time), nonce, signature))
}

fn is_lower_hex(text: &str) -> bool {
    text.bytes()
        .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &str = r#"{"message_id":"msg_01","chat":"888000222@lid","content":{"type":"text","text":"Schöne Grüße"}}"#;
    const NONCE: &str = "00112233445566778899aabbccddeeff";
    const NOW: UnixMillis = UnixMillis(1_700_000_000_000);

    fn key() -> InternalKey {
        InternalKey::new(SecretString::from("test-secret-that-is-32-bytes-long")).unwrap()
    }

    /// The vectors of PROTOCOL.md.
    #[test]
    fn the_signature_is_the_documented_one() {
        assert_eq!(
            key().sign(
                "POST",
                "/v1/sessions/biz_7/messages",
                NOW,
                NONCE,
                BODY.as_bytes()
            ),
            "ced6690f013017e861e332490b5a1d5e701799f27f563858c7cdec9c7e96c45c"
        );
        assert_eq!(
            key().sign(
                "GET",
                "/v1/sessions/biz_7/media/3EB0AA?chat=888000222%40lid",
                NOW.plus(1),
                "ffeeddccbbaa99887766554433221100",
                b""
            ),
            "ff7de6e1e3822b5d9e80579aacd8e06d044b3eb11c1713104fe99a1315a367cf"
        );
    }

    fn check(
        window: &mut NonceWindow,
        at: UnixMillis,
        change: impl Fn(&mut SignedParts<'_>),
    ) -> std::result::Result<(), Refusal> {
        let signature = key().sign("POST", "/x", NOW, NONCE, b"body");
        let mut parts = SignedParts {
            method: "POST",
            path: "/x",
            time: Some("1700000000000"),
            nonce: Some(NONCE),
            signature: Some(&signature),
            body: b"body",
        };
        change(&mut parts);
        window.check(&key(), parts, at)
    }

    #[test]
    fn a_request_passes_once_and_within_its_window() {
        let mut window = NonceWindow::since(NOW.plus(-1_000));
        assert_eq!(check(&mut window, NOW, |_| {}), Ok(()));
        for later in [0, 1, 59_000, 60_000] {
            let again = check(&mut window, NOW.plus(later), |_| {});
            assert_eq!(again, Err(Refusal::Replayed), "after {later} ms");
        }
        for later in [60_001, 3_600_000] {
            let again = check(&mut window, NOW.plus(later), |_| {});
            assert_eq!(again, Err(Refusal::WrongTime), "after {later} ms");
        }
        let early = check(
            &mut NonceWindow::since(NOW.plus(-1)),
            NOW.plus(-60_001),
            |_| {},
        );
        assert_eq!(early, Err(Refusal::WrongTime));
        let former_life = check(&mut NonceWindow::since(NOW.plus(1)), NOW.plus(2), |_| {});
        assert_eq!(former_life, Err(Refusal::WrongTime));
    }

    #[test]
    fn whatever_is_changed_is_noticed() {
        let refused = |change: fn(&mut SignedParts<'_>)| {
            check(&mut NonceWindow::since(UnixMillis(0)), NOW, change).unwrap_err()
        };
        assert_eq!(refused(|p| p.method = "GET"), Refusal::WrongSignature);
        assert_eq!(refused(|p| p.path = "/y"), Refusal::WrongSignature);
        assert_eq!(refused(|p| p.body = b"bodz"), Refusal::WrongSignature);
        assert_eq!(
            refused(|p| p.time = Some("1700000000001")),
            Refusal::WrongSignature
        );
        assert_eq!(
            refused(|p| p.time = Some("+1700000000000")),
            Refusal::Malformed
        );
        assert_eq!(refused(|p| p.time = None), Refusal::Malformed);
        assert_eq!(refused(|p| p.nonce = Some("1")), Refusal::Malformed);
        assert_eq!(
            refused(|p| p.nonce = Some("00112233445566778899AABBCCDDEEFF")),
            Refusal::Malformed
        );
        assert_eq!(refused(|p| p.signature = None), Refusal::Malformed);
        let zeros = "0".repeat(64);
        let mut window = NonceWindow::since(UnixMillis(0));
        let signature = check(&mut window, NOW, |p| {
            if p.signature != Some(zeros.as_str()) {
                p.path = "/z";
            }
        });
        assert_eq!(signature, Err(Refusal::WrongSignature));
        assert_eq!(
            check(&mut window, NOW, |_| {}),
            Ok(()),
            "a forgery burns no nonce"
        );
    }

    #[test]
    fn a_short_secret_is_refused_and_a_key_does_not_print() {
        assert!(InternalKey::new(SecretString::from("short")).is_err());
        assert_eq!(format!("{:?}", key()), "InternalKey(…)");
    }
}
