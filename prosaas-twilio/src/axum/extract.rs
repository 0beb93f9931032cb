//! The extractor that makes an unverified webhook unreachable.

use std::ops::Deref;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{FromRef, FromRequest, Request};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt as _;
use prosaas_core::{Error, Rejected};

use super::WebhookGuard;
use crate::webhook::{Form, Webhook};

/// Longest webhook body, bytes. Twilio's have a few KiB.
pub const MAX_BODY_BYTES: usize = 64 * 1024;

/// Longest time a body may take to arrive. Twilio gives a whole exchange 15 s.
const BODY_WITHIN: Duration = Duration::from_secs(10);

/// A webhook whose signature was verified. Only the extractor makes one.
#[derive(Clone, Debug)]
pub struct VerifiedForm<T>(T);

impl<T> VerifiedForm<T> {
    /// The webhook.
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T> Deref for VerifiedForm<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.0
    }
}

impl<S, T> FromRequest<S> for VerifiedForm<T>
where
    S: Send + Sync,
    T: Webhook,
    WebhookGuard: FromRef<S>,
{
    type Rejection = WebhookRejection;

    async fn from_request(request: Request, state: &S) -> Result<Self, WebhookRejection> {
        let guard = WebhookGuard::from_ref(state);
        let (parts, body) = request.into_parts();
        let body = tokio::time::timeout(BODY_WITHIN, read(body))
            .await
            .map_err(|_| WebhookRejection::TooSlow)??;
        guard
            .verify_http(&parts, &body)
            .await
            .map_err(WebhookRejection::from)?;
        let form = signed_form(&parts, &body)?;
        T::from_form(&form)
            .map(Self)
            .map_err(WebhookRejection::Malformed)
    }
}

async fn read(body: Body) -> Result<Bytes, WebhookRejection> {
    let mut pieces = body.into_data_stream();
    let mut whole = bytes::BytesMut::new();
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(|_| WebhookRejection::Broken)?;
        if whole.len() + piece.len() > MAX_BODY_BYTES {
            return Err(WebhookRejection::TooLarge);
        }
        whole.extend_from_slice(&piece);
    }
    Ok(whole.freeze())
}

/// The form of a verified request: its body, or for a GET its query.
fn signed_form(parts: &Parts, body: &[u8]) -> Result<Form, WebhookRejection> {
    let malformed =
        |expected: &str| WebhookRejection::Malformed(Error::invalid("webhook body", expected));
    let bytes = if parts.method == Method::GET {
        parts.uri.query().unwrap_or_default().as_bytes()
    } else {
        let content_type = parts
            .headers
            .get(header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok());
        let media_type = content_type
            .unwrap_or_default()
            .split(';')
            .next()
            .unwrap_or_default()
            .trim();
        if !media_type.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            return Err(malformed("expected application/x-www-form-urlencoded"));
        }
        body
    };
    Form::parse(bytes).map_err(|error| malformed(&error.to_string()))
}

/// Why a webhook was not handed to its handler. The answer has no body: the sender learns nothing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WebhookRejection {
    /// Not believed: 403.
    #[error("the webhook's signature was not accepted")]
    Forbidden,
    /// Nothing can be verified, by our own fault: 500.
    #[error("webhooks cannot be verified")]
    CannotVerify,
    /// Larger than [`MAX_BODY_BYTES`]: 413.
    #[error("the webhook body is larger than 64 KiB")]
    TooLarge,
    /// The body did not arrive in time: 408.
    #[error("the webhook body did not arrive within 10 s")]
    TooSlow,
    /// The body ended before its end: 400.
    #[error("the webhook body broke off")]
    Broken,
    /// Believed, but not such a webhook: 400.
    #[error("the verified webhook cannot be read")]
    Malformed(#[source] Error),
}

impl WebhookRejection {
    /// The HTTP status it is answered with.
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::CannotVerify => StatusCode::INTERNAL_SERVER_ERROR,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::Broken | Self::Malformed(_) => StatusCode::BAD_REQUEST,
        }
    }
}

impl From<Rejected> for WebhookRejection {
    fn from(rejected: Rejected) -> Self {
        match rejected {
            Rejected::NoKey | Rejected::Unavailable => Self::CannotVerify,
            _ => Self::Forbidden,
        }
    }
}

impl IntoResponse for WebhookRejection {
    fn into_response(self) -> Response {
        if let Self::Malformed(error) = &self {
            tracing::warn!(error = error.chain(), "a verified webhook cannot be read");
        }
        self.status().into_response()
    }
}
