//! JSON bodies: bounded, of one content type, parsed into a type that denies unknown fields.

use axum::body::to_bytes;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, Method, StatusCode, header};
use serde::de::DeserializeOwned;

use super::parse::{expectation, is_deeper_than, pointer};
use super::problem::Problem;

/// The longest JSON body.
pub const MAX_BODY: usize = 1024 * 1024;
/// The deepest nesting.
pub const MAX_DEPTH: usize = 64;

/// A request's JSON body.
#[derive(Clone, Copy, Debug)]
pub struct ApiJson<T>(pub T);

impl<T: DeserializeOwned, S: Sync> FromRequest<S> for ApiJson<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        require_json(&parts.method, &parts.headers)?;
        let bytes = to_bytes(body, MAX_BODY).await.map_err(|_| too_large())?;
        from_json(&bytes).map(Self)
    }
}

pub(super) fn too_large() -> Problem {
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body-too-large").detail("a body may have 1 MiB")
}

/// Passes `application/json`, and for PATCH `application/merge-patch+json`, in UTF-8.
fn require_json(method: &Method, headers: &HeaderMap) -> Result<(), Problem> {
    let text = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
        .to_ascii_lowercase();
    let (kind, parameters) = text.split_once(';').unwrap_or((&text, ""));
    let utf8 = matches!(
        parameters.trim(),
        "" | "charset=utf-8" | "charset=\"utf-8\""
    );
    let known = match kind.trim() {
        "application/json" => true,
        "application/merge-patch+json" => method == Method::PATCH,
        _ => false,
    };
    if known && utf8 {
        return Ok(());
    }
    let code = "unsupported-media-type";
    Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, code)
        .detail("send the body as `application/json`"))
}

/// Parses a body.
///
/// # Errors
/// 400 that names the place and what was expected there, never what was sent.
pub fn from_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    if is_deeper_than(bytes, MAX_DEPTH) {
        return Err(Problem::bad_request(
            "body-too-deep",
            "a body may nest 64 levels",
        ));
    }
    // Serde would take a list of the fields' values in an object's place.
    if bytes.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[') {
        return Err(
            Problem::bad_request("body-invalid", "see `errors`").at("", "expected an object")
        );
    }
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let cause = error.inner();
        if cause.is_data() {
            let message = cause.to_string();
            let mut at = pointer(error.path());
            if message.starts_with("unknown field") {
                // The last step is the client's own word, which may be anything.
                at.truncate(at.rfind('/').unwrap_or_default());
            }
            Problem::bad_request("body-invalid", "see `errors`").at(at, expectation(&message))
        } else {
            malformed()
        }
    })?;
    json.end().map_err(|_| malformed())?;
    Ok(value)
}

fn malformed() -> Problem {
    Problem::bad_request("body-malformed", "the body is not JSON")
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Outer {
        items: Vec<Inner>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Inner {
        count: u32,
    }

    fn code(text: &str) -> String {
        from_json::<Outer>(text.as_bytes())
            .err()
            .map_or_else(|| "ok".to_owned(), |problem| problem.code().to_owned())
    }

    #[test]
    fn a_wrong_field_is_named_by_pointer() {
        let whole: Outer = from_json(br#"{"items":[{"count":1}]}"#).unwrap();
        assert_eq!(whole.items[0].count, 1);
        let problem = from_json::<Outer>(br#"{"items":[{"count":1},{"count":"secret"}]}"#)
            .err()
            .unwrap();
        let body = serde_json::to_value(problem.body(None)).unwrap();
        assert_eq!(body["errors"][0]["pointer"], "/items/1/count");
        assert!(!body.to_string().contains("secret"), "{body}");
    }

    #[test]
    fn only_one_whole_value_of_the_type_passes() {
        assert_eq!(code(r#"{"items":[{"count":1}]}"#), "ok");
        assert_eq!(
            code(r#"{"items":[{"count":1,"tenant_id":1}]}"#),
            "body-invalid"
        );
        assert_eq!(code(r#"{"items":[]} {}"#), "body-malformed");
        assert_eq!(code("[[]]"), "body-invalid");
        assert_eq!(code(r#"{"items":["#), "body-malformed");
        assert_eq!(code(""), "body-malformed");
        assert_eq!(code(&"[".repeat(100_000)), "body-too-deep");
        assert_eq!(code("{\"items\":[],\"items\":[]}"), "body-invalid");
    }

    async fn status(method: Method, content_type: Option<&str>, size: usize) -> u16 {
        let mut request = Request::builder().method(method);
        if let Some(kind) = content_type {
            request = request.header(header::CONTENT_TYPE, kind);
        }
        let body = format!("{{\"items\":[]{}}}", " ".repeat(size));
        let request = request.body(Body::from(body)).unwrap();
        ApiJson::<Outer>::from_request(request, &())
            .await
            .map_or_else(|problem| problem.status().as_u16(), |_| 200)
    }

    #[tokio::test]
    async fn the_content_type_and_the_size_are_checked() {
        let json = Some("application/json");
        let merge = Some("application/merge-patch+json");
        assert_eq!(status(Method::POST, json, 0).await, 200);
        assert_eq!(
            status(Method::POST, Some("application/json; charset=UTF-8"), 0).await,
            200
        );
        assert_eq!(status(Method::PATCH, merge, 0).await, 200);
        assert_eq!(status(Method::POST, merge, 0).await, 415);
        assert_eq!(status(Method::POST, Some("text/plain"), 0).await, 415);
        assert_eq!(status(Method::POST, None, 0).await, 415);
        assert_eq!(status(Method::POST, json, MAX_BODY).await, 413);
    }
}
