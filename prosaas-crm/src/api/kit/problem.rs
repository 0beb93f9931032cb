//! What went wrong, as RFC 9457 `application/problem+json` with a stable code.

use std::borrow::Cow;
use std::time::Duration;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use prosaas_core::Error;
use serde::Serialize;
use utoipa::ToSchema;

use crate::store::UNCONFIRMED;

/// The media type of every error body.
pub const PROBLEM_JSON: &str = "application/problem+json";

/// What a handler returns.
pub type ApiResult<T> = Result<T, Problem>;

/// How long a client waits after a 503.
const UNAVAILABLE_RETRY: Duration = Duration::from_secs(5);

/// A refusal or failure on its way to the client.
///
/// Its texts never hold what the client sent or what a database said.
#[derive(Clone, Debug)]
pub struct Problem {
    status: StatusCode,
    code: Cow<'static, str>,
    detail: Option<String>,
    errors: Vec<FieldError>,
    retry_after: Option<Duration>,
    cause: Option<String>,
}

/// The body of an error.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemBody {
    /// A URN that names the kind of error.
    #[serde(rename = "type")]
    #[schema(example = "urn:prosaas:problem:not-found")]
    pub kind: String,
    /// The status in words.
    #[schema(example = "Not Found")]
    pub title: String,
    /// The status.
    #[schema(minimum = 400, maximum = 599, example = 404)]
    pub status: u16,
    /// What happened to this request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The stable word to branch on.
    #[schema(example = "not-found")]
    pub code: String,
    /// Which parts of the request are wrong.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub errors: Vec<FieldError>,
    /// What to name when asking the operator about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

/// One part of the request that is wrong.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct FieldError {
    /// Where: a JSON pointer into the body, or the name of a query parameter.
    #[schema(example = "/name")]
    pub pointer: String,
    /// What was expected there.
    pub detail: String,
}

impl Problem {
    /// A problem with this status and code.
    pub fn new(status: StatusCode, code: impl Into<Cow<'static, str>>) -> Self {
        Self {
            status,
            code: code.into(),
            detail: None,
            errors: Vec::new(),
            retry_after: None,
            cause: None,
        }
    }

    /// The request does not have the form it must have.
    pub fn bad_request(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code).detail(detail)
    }

    /// Nobody is signed in.
    pub fn unauthenticated() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthenticated")
            .detail("sign in, or send an API key as a bearer token")
    }

    /// Somebody is signed in and may not do this.
    pub fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden").detail(detail)
    }

    /// There is nothing here for whoever asks.
    pub fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found").detail("there is nothing at this address")
    }

    /// Something that is needed is not there at the moment.
    pub fn unavailable(what: &str) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable")
            .detail(format!("{what} does not answer; try again"))
            .retry_after(UNAVAILABLE_RETRY)
    }

    /// Nobody knows whether it was done: the database's answer got lost.
    fn unconfirmed() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "outcome-unknown")
            .detail("the database did not confirm the change; look whether it was made")
            .retry_after(UNAVAILABLE_RETRY)
    }

    /// Whether what was asked for may have been done although this is an error.
    pub(super) fn is_unconfirmed(&self) -> bool {
        self.code == "outcome-unknown"
    }

    /// A bug of ours; the text goes to the log alone.
    pub fn internal(cause: impl Into<String>) -> Self {
        let mut problem = Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal")
            .detail("an error on our side; it was logged under this request's id");
        problem.cause = Some(cause.into());
        problem
    }

    /// Says more. Never what the client sent.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// Names a part of the request that is wrong.
    #[must_use]
    pub fn at(mut self, pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        self.errors.push(FieldError {
            pointer: pointer.into(),
            detail: detail.into(),
        });
        self
    }

    /// Says when to try again.
    #[must_use]
    pub const fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// The status.
    pub const fn status(&self) -> StatusCode {
        self.status
    }

    /// The stable word.
    pub fn code(&self) -> &str {
        &self.code
    }

    /// What the log should say and the client should not hear.
    pub fn cause(&self) -> Option<&str> {
        self.cause.as_deref()
    }

    /// The body, with the request's id once it is known.
    pub fn body(&self, request_id: Option<String>) -> ProblemBody {
        ProblemBody {
            kind: format!("urn:prosaas:problem:{}", self.code),
            title: self.status.canonical_reason().unwrap_or("Error").to_owned(),
            status: self.status.as_u16(),
            detail: self.detail.clone(),
            code: self.code.clone().into_owned(),
            errors: self.errors.clone(),
            request_id,
        }
    }

    /// The response with this id in its body.
    pub(super) fn respond(&self, request_id: Option<String>) -> Response {
        let body = serde_json::to_vec(&self.body(request_id)).unwrap_or_default();
        let mut response = (self.status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        if let Some(wait) = self.retry_after {
            headers.insert(header::RETRY_AFTER, seconds_up(wait).into());
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(
                header::WWW_AUTHENTICATE,
                HeaderValue::from_static("Bearer realm=\"prosaas\""),
            );
        }
        response
    }
}

/// Whole seconds, rounded up: a client that waits them has waited long enough.
pub(super) const fn seconds_up(wait: Duration) -> u64 {
    wait.as_millis().div_ceil(1000) as u64
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.respond(None);
        // The outermost layer writes the body again with the request's id, and logs the cause.
        response.extensions_mut().insert(self);
        response
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::NotFound { what } => Self::new(StatusCode::NOT_FOUND, "not-found")
                .detail(format!("{what} was not found")),
            Error::Conflict {
                what: "version-conflict",
                ..
            } => Self::new(StatusCode::PRECONDITION_FAILED, "version-conflict")
                .detail("it was changed since you read it; read it again"),
            Error::Conflict { what, detail } => {
                // A code is several words; a single word is only the kind of thing.
                let code = if what.contains('-') { what } else { "conflict" };
                Self::new(StatusCode::CONFLICT, code).detail(detail)
            }
            Error::Forbidden { detail } => Self::forbidden(detail),
            Error::Invalid { field, expected } => Self::bad_request("invalid", "see `errors`")
                .at(format!("/{}", field.replace('.', "/")), expected),
            Error::RateLimited { retry_after } => Self::rate_limited(retry_after),
            Error::Unavailable { what, .. } => {
                let mut problem = match what {
                    UNCONFIRMED => Self::unconfirmed(),
                    _ => Self::unavailable(what),
                };
                problem.cause = Some(error.chain());
                problem
            }
            other => Self::internal(other.chain()),
        }
    }
}

impl Problem {
    /// Too many requests.
    pub fn rate_limited(wait: Duration) -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, "rate-limited")
            .detail("too many requests; wait as long as `Retry-After` says")
            .retry_after(wait)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn core_errors_become_their_status() {
        let conflict = |what| Error::Conflict {
            what,
            detail: "taken".to_owned(),
        };
        for (error, status, code) in [
            (Error::NotFound { what: "lead" }, 404, "not-found"),
            (conflict("number-taken"), 409, "number-taken"),
            (conflict("call"), 409, "conflict"),
            (conflict("version-conflict"), 412, "version-conflict"),
            (Error::invalid("name", "expected a name"), 400, "invalid"),
            (
                Error::RateLimited {
                    retry_after: Duration::from_millis(1500),
                },
                429,
                "rate-limited",
            ),
            (Error::unavailable("database", "gone"), 503, "unavailable"),
            (
                Error::unavailable(UNCONFIRMED, "gone"),
                503,
                "outcome-unknown",
            ),
            (Error::internal("row", "broken"), 500, "internal"),
        ] {
            let problem = Problem::from(error);
            assert_eq!(problem.status().as_u16(), status, "{code}");
            assert_eq!(problem.code(), code);
        }
    }

    #[test]
    fn what_the_database_said_stays_inside() {
        let problem = Problem::from(Error::internal("row", "secret of the database"));
        let body = serde_json::to_string(&problem.body(None)).unwrap();
        assert!(!body.contains("secret"), "{body}");
        assert!(problem.cause().unwrap().contains("secret"));
    }

    #[test]
    fn waiting_is_rounded_up() {
        let problem = Problem::rate_limited(Duration::from_millis(1001));
        let response = problem.into_response();
        assert_eq!(response.headers()[header::RETRY_AFTER], "2");
        assert_eq!(response.headers()[header::CONTENT_TYPE], PROBLEM_JSON);
    }
}
