//! A passkey authenticator in software: it does what a phone does when its owner touches it.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use p256::ecdsa::signature::Signer;
use p256::ecdsa::{DerSignature, SigningKey};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// User present, user verified.
const PRESENT_AND_VERIFIED: u8 = 0b101;
/// The authenticator data carries a new credential.
const NEW_CREDENTIAL: u8 = 0b100_0000;

/// One credential on one device.
pub(crate) struct Authenticator {
    key: SigningKey,
    credential_id: [u8; 16],
    pub(crate) origin: String,
    rp_id: String,
    pub(crate) counter: u32,
}

impl Authenticator {
    pub(crate) fn new(seed: u8, origin: &str, rp_id: &str) -> Self {
        Self {
            key: SigningKey::from_slice(&[seed; 32]).unwrap(),
            credential_id: [seed; 16],
            origin: origin.to_owned(),
            rp_id: rp_id.to_owned(),
            counter: 1,
        }
    }

    /// Answers `navigator.credentials.create`.
    pub(crate) fn create(&self, challenge: &Value) -> Value {
        let client_data = self.client_data("webauthn.create", challenge);
        let mut data = self.authenticator_data(PRESENT_AND_VERIFIED | NEW_CREDENTIAL);
        data.extend_from_slice(&[0; 16]);
        data.extend_from_slice(&16_u16.to_be_bytes());
        data.extend_from_slice(&self.credential_id);
        data.extend_from_slice(&self.cose_key());
        let attestation = attestation_object(&data);
        json!({
            "id": URL_SAFE_NO_PAD.encode(self.credential_id),
            "rawId": URL_SAFE_NO_PAD.encode(self.credential_id),
            "type": "public-key",
            "response": {
                "attestationObject": URL_SAFE_NO_PAD.encode(attestation),
                "clientDataJSON": URL_SAFE_NO_PAD.encode(client_data),
            },
            "extensions": {},
        })
    }

    /// Answers `navigator.credentials.get`.
    pub(crate) fn get(&mut self, challenge: &Value) -> Value {
        self.counter += 1;
        let client_data = self.client_data("webauthn.get", challenge);
        let data = self.authenticator_data(PRESENT_AND_VERIFIED);
        let mut signed = data.clone();
        signed.extend_from_slice(&Sha256::digest(&client_data));
        let signature: DerSignature = self.key.sign(&signed);
        json!({
            "id": URL_SAFE_NO_PAD.encode(self.credential_id),
            "rawId": URL_SAFE_NO_PAD.encode(self.credential_id),
            "type": "public-key",
            "response": {
                "authenticatorData": URL_SAFE_NO_PAD.encode(&data),
                "clientDataJSON": URL_SAFE_NO_PAD.encode(client_data),
                "signature": URL_SAFE_NO_PAD.encode(signature.as_bytes()),
                "userHandle": null,
            },
            "extensions": {},
        })
    }

    fn client_data(&self, kind: &str, challenge: &Value) -> Vec<u8> {
        let challenge = challenge["publicKey"]["challenge"].as_str().unwrap();
        json!({"type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": false})
            .to_string()
            .into_bytes()
    }

    fn authenticator_data(&self, flags: u8) -> Vec<u8> {
        let mut data = Sha256::digest(self.rp_id.as_bytes()).to_vec();
        data.push(flags);
        data.extend_from_slice(&self.counter.to_be_bytes());
        data
    }

    /// The public key in COSE: {1: 2 (EC2), 3: -7 (ES256), -1: 1 (P-256), -2: x, -3: y}.
    fn cose_key(&self) -> Vec<u8> {
        let point = self.key.verifying_key().to_sec1_point(false);
        let (x, y) = point.as_bytes()[1..].split_at(32);
        let mut cbor = vec![0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 32];
        cbor.extend_from_slice(x);
        cbor.extend_from_slice(&[0x22, 0x58, 32]);
        cbor.extend_from_slice(y);
        cbor
    }
}

/// CBOR of {"fmt": "none", "attStmt": {}, "authData": data}.
fn attestation_object(data: &[u8]) -> Vec<u8> {
    let mut cbor = vec![0xa3];
    for (name, value) in [("fmt", &b"\x64none"[..]), ("attStmt", b"\xa0")] {
        cbor.push(0x60 | u8::try_from(name.len()).unwrap());
        cbor.extend_from_slice(name.as_bytes());
        cbor.extend_from_slice(value);
    }
    cbor.push(0x60 | 8);
    cbor.extend_from_slice(b"authData");
    cbor.push(0x58);
    cbor.push(u8::try_from(data.len()).unwrap());
    cbor.extend_from_slice(data);
    cbor
}
