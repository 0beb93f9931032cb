//! Encryption for one browser (RFC 8291), as a body of one record of the content coding `aes128gcm` (RFC 8188).

use std::fmt;

use aes_gcm::Aes128Gcm;
use aes_gcm::aead::{Aead as _, KeyInit as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hkdf::Hkdf;
use p256::{PublicKey, SecretKey};
use prosaas_core::{Error, Result};
use sha2::Sha256;

use super::fresh_key;
use crate::auth::random::random_bytes;

/// The size of a record, and the most that every push service takes, in bytes.
const RECORD: u32 = 4096;
const SALT: usize = 16;
const PUBLIC: usize = 65;
/// Salt, size of the record, length of the key and the key.
const HEADER: usize = SALT + 4 + 1 + PUBLIC;
const TAG: usize = 16;
/// Messages are padded to a multiple of this, so that their lengths say nothing of what is in them.
const PAD_TO: usize = 512;
/// Ends the text of the last record; what follows is padding.
const LAST_RECORD: u8 = 2;

/// The longest text, in bytes.
pub const MAX_TEXT: usize = 3_000;
const _: () = assert!(MAX_TEXT + 1 + PAD_TO + HEADER + TAG < RECORD as usize);

/// The keys of a subscription, made by the browser: what is sealed with them only that browser opens.
#[derive(Clone, PartialEq, Eq)]
pub struct BrowserKeys {
    public: PublicKey,
    secret: [u8; SALT],
}

impl BrowserKeys {
    /// Reads `p256dh` and `auth` as browsers write them: base64url without padding.
    ///
    /// # Errors
    /// `Invalid` names the one that is no key, without repeating it.
    pub fn parse(p256dh: &str, auth: &str) -> Result<Self> {
        let read = |text: &str| URL_SAFE_NO_PAD.decode(text).unwrap_or_default();
        Self::from_bytes(&read(p256dh), &read(auth))
    }

    /// Reads them as they are stored.
    ///
    /// # Errors
    /// As [`BrowserKeys::parse`].
    pub fn from_bytes(p256dh: &[u8], auth: &[u8]) -> Result<Self> {
        let wrong_key = || Error::invalid("p256dh", "expected the browser's public key");
        // A point may be written shorter; browsers do not, and what is stored has one form.
        if p256dh.len() != PUBLIC {
            return Err(wrong_key());
        }
        Ok(Self {
            public: PublicKey::from_sec1_bytes(p256dh).map_err(|_| wrong_key())?,
            secret: auth.try_into().map_err(|_| {
                Error::invalid("auth", "expected the 16 bytes of the browser's secret")
            })?,
        })
    }

    /// The public key, as it is stored.
    pub fn p256dh(&self) -> Box<[u8]> {
        self.public.to_sec1_bytes()
    }

    /// The secret, as it is stored.
    pub const fn auth(&self) -> &[u8; SALT] {
        &self.secret
    }

    /// A text as the body of a message that only this browser reads.
    ///
    /// # Errors
    /// `Invalid` when it is too long; `Internal` when the system gives no random bytes.
    pub fn encrypt(&self, text: &[u8]) -> Result<Vec<u8>> {
        if text.len() > MAX_TEXT {
            return Err(Error::invalid("push message", "expected a shorter text"));
        }
        let mut plain = text.to_vec();
        plain.push(LAST_RECORD);
        plain.resize(plain.len().next_multiple_of(PAD_TO), 0);
        self.seal(&plain, &fresh_key()?, random_bytes()?)
    }

    fn seal(&self, plain: &[u8], key: &SecretKey, salt: [u8; SALT]) -> Result<Vec<u8>> {
        let own = key.public_key().to_sec1_bytes();
        let shared = key.diffie_hellman(&self.public);
        let info = [&b"WebPush: info\0"[..], &*self.p256dh(), &*own].concat();
        let input: [u8; 32] = derive(&self.secret, shared.raw_secret_bytes(), &info)?;
        let key: [u8; 16] = derive(&salt, &input, b"Content-Encoding: aes128gcm\0")?;
        let nonce: [u8; 12] = derive(&salt, &input, b"Content-Encoding: nonce\0")?;
        let sealed = Aes128Gcm::new(&key.into())
            .encrypt(&nonce.into(), plain)
            .map_err(|_| Error::internal("push message", "it could not be sealed"))?;
        let mut body = Vec::with_capacity(HEADER + sealed.len());
        body.extend_from_slice(&salt);
        body.extend_from_slice(&RECORD.to_be_bytes());
        body.push(PUBLIC as u8);
        body.extend_from_slice(&own);
        body.extend_from_slice(&sealed);
        Ok(body)
    }
}

impl fmt::Debug for BrowserKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BrowserKeys")
    }
}

/// HKDF-SHA-256 (RFC 5869).
fn derive<const N: usize>(salt: &[u8], input: &[u8], info: &[u8]) -> Result<[u8; N]> {
    let mut derived = [0; N];
    Hkdf::<Sha256>::new(Some(salt), input)
        .expand(info, &mut derived)
        .map_err(|_| Error::internal("push message", "a key could not be derived"))?;
    Ok(derived)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 8291, appendix A.
    const P256DH: &str =
        "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";
    const AUTH: &str = "BTBZMqHH6r4Tts7J_aSIgg";
    const SENDER: &str = "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw";
    const RFC_SALT: &str = "DGv6ra1nlYgDCS1FRnbzlw";
    const TEXT: &[u8] = b"When I grow up, I want to be a watermelon";
    const BODY: &str = "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27ml\
                        mlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPT\
                        pK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN";

    fn bytes(text: &str) -> Vec<u8> {
        URL_SAFE_NO_PAD.decode(text).unwrap()
    }

    #[test]
    fn the_example_of_the_rfc() {
        let keys = BrowserKeys::parse(P256DH, AUTH).unwrap();
        let sender = SecretKey::from_slice(&bytes(SENDER)).unwrap();
        let salt = bytes(RFC_SALT).try_into().unwrap();
        let plain = [TEXT, &[LAST_RECORD]].concat();
        let body = keys.seal(&plain, &sender, salt).unwrap();
        assert_eq!(URL_SAFE_NO_PAD.encode(body), BODY);
    }

    #[test]
    fn messages_differ_and_their_lengths_do_not() {
        let keys = BrowserKeys::parse(P256DH, AUTH).unwrap();
        let [short, again, long] =
            [&b"a"[..], b"a", &[b'a'; 400]].map(|text| keys.encrypt(text).unwrap());
        assert_ne!(short, again);
        assert_eq!(short.len(), long.len());
        let longest = keys.encrypt(&[b'a'; MAX_TEXT]).unwrap();
        assert!(longest.len() <= RECORD as usize);
        assert!(keys.encrypt(&[b'a'; MAX_TEXT + 1]).is_err());
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let mut off_curve = bytes(P256DH);
        off_curve[64] ^= 1;
        let short = bytes(P256DH)[..33].to_vec();
        for point in [off_curve, short, vec![0; 65], Vec::new()] {
            assert!(BrowserKeys::from_bytes(&point, &bytes(AUTH)).is_err());
        }
        assert!(BrowserKeys::parse(P256DH, "BTBZ").is_err());
        let kept = BrowserKeys::parse(P256DH, AUTH).unwrap();
        assert_eq!(&*kept.p256dh(), bytes(P256DH));
        let again = BrowserKeys::from_bytes(&kept.p256dh(), kept.auth()).unwrap();
        assert_eq!(again, kept);
        assert!(!format!("{kept:?}").contains("BTBZ"));
    }
}
