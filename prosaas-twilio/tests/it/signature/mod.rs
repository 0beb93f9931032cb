//! What the signature module accepts and refuses.

mod accounts;
mod changes;
mod refusals;
mod vectors;

use prosaas_core::{Rejected, SecretString, SignedRequest, Transport};
use prosaas_twilio::signature::{
    Candidates, SETTINGS_HEADER, SIGNATURE_HEADER, SignatureKey, verify,
};

/// A made-up Auth Token; the vectors were computed with it by the official Python helper 9.13.0.
pub(crate) const TOKEN: &str = "5f2d1c0b9a8e7d6c5b4a39281706f5e4";

const FORM: &str = "application/x-www-form-urlencoded";

pub(crate) fn token() -> SignatureKey {
    SignatureKey::auth_token(SecretString::from(TOKEN))
}

/// A request as a test writes it.
#[derive(Clone)]
struct Request {
    transport: Transport,
    method: &'static str,
    url: String,
    content_type: Option<&'static str>,
    body: Vec<u8>,
    signature: Option<String>,
    settings: Option<String>,
}

impl Request {
    fn get(url: &str, signature: &str) -> Self {
        Self {
            transport: Transport::Http,
            method: "GET",
            url: url.to_owned(),
            content_type: None,
            body: Vec::new(),
            signature: Some(signature.to_owned()),
            settings: None,
        }
    }

    fn upgrade(url: &str, signature: &str) -> Self {
        Self {
            transport: Transport::WebSocket,
            ..Self::get(url, signature)
        }
    }

    fn form(url: &str, pairs: &[(&str, &str)], signature: &str) -> Self {
        Self {
            method: "POST",
            content_type: Some(FORM),
            body: encode(pairs.iter().copied()),
            ..Self::get(url, signature)
        }
    }

    fn json(url: &str, body: &str, signature: &str) -> Self {
        Self {
            method: "POST",
            content_type: Some("application/json"),
            body: body.into(),
            ..Self::get(url, signature)
        }
    }

    fn verify_with(&self, keys: &[SignatureKey], candidates: Candidates) -> Result<(), Rejected> {
        let request = SignedRequest {
            transport: self.transport,
            method: self.method,
            url: &self.url,
            header: &|name| match name {
                SIGNATURE_HEADER => self.signature.as_deref(),
                SETTINGS_HEADER => self.settings.as_deref(),
                "content-type" => self.content_type,
                _ => None,
            },
            body: &self.body,
        };
        verify(keys, &request, candidates)
    }

    fn verify(&self) -> Result<(), Rejected> {
        self.verify_with(&[token()], Candidates::default())
    }
}

fn encode<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Vec<u8> {
    url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(pairs)
        .finish()
        .into_bytes()
}
