//! Versions as entity tags: what one read is what one changes.

use axum::Json;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::problem::Problem;

/// A response body that has a version.
pub trait Versioned {
    /// The version of the row, from 1.
    fn version(&self) -> u64;
}

/// The strong entity tag of a version.
fn tag(version: u64) -> HeaderValue {
    HeaderValue::from_str(&format!("\"{version}\"")).unwrap_or(HeaderValue::from_static("\"0\""))
}

/// The version that a PATCH, PUT or DELETE is meant for. Its absence was answered with 428 before the
/// handler began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IfMatch(pub u64);

impl<S: Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        if_match(&parts.headers)
    }
}

/// Reads `If-Match`: one strong tag.
///
/// # Errors
/// 428 when it is missing, 400 when it is no tag, 412 when it is one that we never gave.
pub(super) fn if_match(headers: &HeaderMap) -> Result<IfMatch, Problem> {
    let mut values = headers.get_all(header::IF_MATCH).iter();
    let Some(value) = values.next() else {
        let code = "precondition-required";
        return Err(Problem::new(StatusCode::PRECONDITION_REQUIRED, code)
            .detail("send the `ETag` you read as `If-Match`"));
    };
    let malformed = || {
        Problem::bad_request(
            "if-match-invalid",
            "expected one strong entity tag, as `ETag` said",
        )
    };
    if values.next().is_some() {
        return Err(malformed());
    }
    let inner = value
        .to_str()
        .ok()
        .and_then(|text| text.trim().strip_prefix('"')?.strip_suffix('"'))
        .filter(|inner| !inner.contains('"'))
        .ok_or_else(malformed)?;
    // `+7` parses as a number and is none of our tags.
    let ours = inner.bytes().all(|b| b.is_ascii_digit());
    match inner.parse::<u64>() {
        Ok(version) if ours => Ok(IfMatch(version)),
        _ => Err(
            Problem::new(StatusCode::PRECONDITION_FAILED, "version-conflict")
                .detail("this is no version of it; read it again"),
        ),
    }
}

/// 200 with the body and its `ETag`.
#[derive(Clone, Debug)]
pub struct WithETag<T>(pub T);

impl<T: Serialize + Versioned> IntoResponse for WithETag<T> {
    fn into_response(self) -> Response {
        let tag = tag(self.0.version());
        ([(header::ETAG, tag)], Json(self.0)).into_response()
    }
}

/// 201 with the body, where it is from now on, and its `ETag`.
#[derive(Clone, Debug)]
pub struct Created<T> {
    /// The path of what was created.
    pub location: String,
    /// What was created.
    pub body: T,
}

impl<T: Serialize + Versioned> IntoResponse for Created<T> {
    fn into_response(self) -> Response {
        let headers: [(HeaderName, HeaderValue); 2] = [
            (header::ETAG, tag(self.body.version())),
            (
                header::LOCATION,
                HeaderValue::from_str(&self.location).unwrap_or(HeaderValue::from_static("/")),
            ),
        ];
        (StatusCode::CREATED, headers, Json(self.body)).into_response()
    }
}

/// 204: done, and there is nothing to say.
#[derive(Clone, Copy, Debug)]
pub struct NoContent;

impl IntoResponse for NoContent {
    fn into_response(self) -> Response {
        StatusCode::NO_CONTENT.into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(value: Option<&'static str>) -> Result<u64, u16> {
        let mut headers = HeaderMap::new();
        if let Some(value) = value {
            headers.insert(header::IF_MATCH, HeaderValue::from_static(value));
        }
        if_match(&headers)
            .map(|version| version.0)
            .map_err(|problem| problem.status().as_u16())
    }

    #[test]
    fn one_strong_tag_is_demanded() {
        assert_eq!(read(Some("\"7\"")), Ok(7));
        assert_eq!(read(None), Err(428));
        for malformed in ["7", "*", "W/\"7\"", "\"7\", \"8\"", "\"", ""] {
            assert_eq!(read(Some(malformed)), Err(400), "{malformed}");
        }
        for foreign in ["\"abc\"", "\"\"", "\"+7\"", "\"99999999999999999999999\""] {
            assert_eq!(read(Some(foreign)), Err(412), "{foreign}");
        }
    }
}
