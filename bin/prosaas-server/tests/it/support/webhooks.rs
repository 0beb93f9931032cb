//! The carrier's webhooks, posted by hand to a server at any address.

use std::net::SocketAddr;

use prosaas_core::SecretString;
use prosaas_twilio::signature::{SignatureKey, sign};

use super::{AUTH_TOKEN, Answer, PUBLIC, http};

/// Posts webhooks to one server.
pub(crate) struct Webhooks {
    http: reqwest::Client,
    server: SocketAddr,
}

impl Webhooks {
    /// To the server at this address.
    pub(crate) fn to(server: SocketAddr) -> Self {
        Self {
            http: http(),
            server,
        }
    }

    /// Posts a signed webhook; `None` when the connection broke before the whole answer was there.
    pub(crate) async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Option<Answer> {
        let signature = signature(path, fields);
        self.post_as(path, fields, Some(&signature)).await
    }

    /// Posts a webhook with this signature, or none.
    pub(crate) async fn post_as(
        &self,
        path: &str,
        fields: &[(&str, &str)],
        signature: Option<&str>,
    ) -> Option<Answer> {
        let body = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(fields)
            .finish();
        let mut request = self
            .http
            .post(format!("http://{}{path}", self.server))
            .header(
                "content-type",
                "application/x-www-form-urlencoded; charset=UTF-8",
            )
            .body(body);
        if let Some(signature) = signature {
            request = request.header("x-twilio-signature", signature);
        }
        let response = request.send().await.ok()?;
        Some(Answer {
            status: response.status().as_u16(),
            body: response.text().await.ok()?,
        })
    }
}

/// The carrier's signature under a webhook.
pub(crate) fn signature(path: &str, fields: &[(&str, &str)]) -> String {
    let key = SignatureKey::auth_token(SecretString::from(AUTH_TOKEN.to_owned()));
    sign(&key, &format!("{PUBLIC}{path}"), fields.iter().copied())
}
