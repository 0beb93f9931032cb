//! A browser that subscribed, and what a push service can tell of a sender. Written for itself: what the crate seals is
//! opened here by the words of the RFCs.

#![expect(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

use aes_gcm::Aes128Gcm;
use aes_gcm::aead::{Aead as _, KeyInit as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hkdf::Hkdf;
use p256::ecdsa::signature::Verifier as _;
use p256::ecdsa::{Signature, VerifyingKey};
use p256::{PublicKey, SecretKey};
use serde_json::Value;
use sha2::Sha256;

use crate::auth::random::random_bytes;
use crate::model::push::Reach;
use crate::push::{BrowserKeys, fresh_key};

/// A browser with a subscription.
#[derive(Debug)]
pub struct FakeBrowser {
    key: SecretKey,
    secret: [u8; 16],
}

impl Default for FakeBrowser {
    fn default() -> Self {
        Self {
            key: fresh_key().unwrap(),
            secret: random_bytes().unwrap(),
        }
    }
}

impl FakeBrowser {
    /// Its public key as it writes it.
    pub fn p256dh(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.key.public_key().to_sec1_bytes())
    }

    /// Its secret as it writes it.
    pub fn auth(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.secret)
    }

    /// How it is reached at an address.
    pub fn at(&self, endpoint: &str) -> Reach {
        Reach {
            endpoint: endpoint.to_owned(),
            keys: BrowserKeys::parse(&self.p256dh(), &self.auth()).unwrap(),
        }
    }

    /// Opens a message (RFC 8291, section 3.4; RFC 8188, section 2.1).
    pub fn open(&self, body: &[u8]) -> Vec<u8> {
        let (salt, rest) = body.split_at(16);
        let (size, rest) = rest.split_at(4);
        assert_eq!(u32::from_be_bytes(size.try_into().unwrap()), 4096);
        let (sender, sealed) = rest[1..].split_at(usize::from(rest[0]));
        let theirs = PublicKey::from_sec1_bytes(sender).unwrap();
        let own = self.key.public_key().to_sec1_bytes();
        let info = [&b"WebPush: info\0"[..], &own, sender].concat();
        let shared = self.key.diffie_hellman(&theirs);
        let mut input = [0_u8; 32];
        let extracted = Hkdf::<Sha256>::new(Some(&self.secret), shared.raw_secret_bytes());
        extracted.expand(&info, &mut input).unwrap();
        let extracted = Hkdf::<Sha256>::new(Some(salt), &input);
        let (mut key, mut nonce) = ([0_u8; 16], [0_u8; 12]);
        extracted
            .expand(b"Content-Encoding: aes128gcm\0", &mut key)
            .unwrap();
        extracted
            .expand(b"Content-Encoding: nonce\0", &mut nonce)
            .unwrap();
        let mut plain = Aes128Gcm::new(&key.into())
            .decrypt(&nonce.into(), sealed)
            .unwrap();
        let end = plain.iter().rposition(|byte| *byte != 0).unwrap();
        assert_eq!(plain[end], 2, "the last record");
        plain.truncate(end);
        plain
    }
}

/// Checks the signature of a request (RFC 8292); returns the sender's public key and what he claims.
pub fn sender_of(authorization: &str) -> (String, Value) {
    let rest = authorization.strip_prefix("vapid t=").unwrap();
    let (token, public) = rest.split_once(", k=").unwrap();
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let bytes = |text: &str| URL_SAFE_NO_PAD.decode(text).unwrap();
    let verifier = VerifyingKey::from_sec1_bytes(&bytes(public)).unwrap();
    let signature = Signature::from_slice(&bytes(signature)).unwrap();
    verifier.verify(signed.as_bytes(), &signature).unwrap();
    let (header, claims) = signed.split_once('.').unwrap();
    let header: Value = serde_json::from_slice(&bytes(header)).unwrap();
    assert_eq!(header["alg"], "ES256");
    (
        public.to_owned(),
        serde_json::from_slice(&bytes(claims)).unwrap(),
    )
}
