//! The outermost layer: what is true of every answer, errors and unknown paths included.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use prosaas_core::typed_id;
use url::form_urlencoded;

use super::problem::Problem;
use super::state::ApiState;

typed_id! {
    /// One request, as its answer and the log name it.
    RequestId, "req"
}

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Gives the request an id, refuses attempts to name the business, and completes the answer.
pub(super) async fn edge(
    State(state): State<ApiState>,
    mut request: Request,
    next: Next,
) -> Response {
    let id = RequestId::mint(state.now());
    request.extensions_mut().insert(id);
    let response = if names_business(request.uri(), request.headers()) {
        Problem::bad_request(
            "business-id-not-accepted",
            "the business is that of the session or key",
        )
        .into_response()
    } else {
        next.run(request).await
    };
    complete(response, id)
}

fn names_business(uri: &Uri, headers: &HeaderMap) -> bool {
    let query = uri.query().unwrap_or_default();
    form_urlencoded::parse(query.as_bytes()).any(|(name, _)| is_business(&name))
        || headers.keys().any(|name| is_business(name.as_str()))
}

/// Whether this is a name by which a client could try to choose the business, which comes from the session
/// or key alone: `business_id`, `tenantId`, `X-ProSaaS-Business`.
fn is_business(name: &str) -> bool {
    let mut word: String = name
        .chars()
        .filter(|c| !matches!(c, '-' | '_'))
        .map(|c| c.to_ascii_lowercase())
        .collect();
    for prefix in ["x", "prosaas"] {
        if let Some(rest) = word.strip_prefix(prefix) {
            word = rest.to_owned();
        }
    }
    matches!(
        word.strip_suffix("id").unwrap_or(&word),
        "business" | "tenant"
    )
}

fn complete(mut response: Response, id: RequestId) -> Response {
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        log(&problem, id);
        let kept = std::mem::take(response.headers_mut());
        response = problem.respond(Some(id.to_string()));
        for (name, value) in &kept {
            // The new body has a new length; everything else stays, cookies above all.
            if name != header::CONTENT_LENGTH && !response.headers().contains_key(name) {
                response.headers_mut().append(name, value.clone());
            }
        }
    }
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(&id.to_string()) {
        headers.insert(REQUEST_ID, value);
    }
    secure(headers);
    response
}

fn log(problem: &Problem, id: RequestId) {
    let (status, code) = (problem.status().as_u16(), problem.code());
    match problem.cause() {
        Some(cause) if problem.status() == StatusCode::INTERNAL_SERVER_ERROR => {
            tracing::error!(request.id = %id, status, code, cause, "a request failed");
        }
        Some(cause) => tracing::warn!(request.id = %id, status, code, cause, "a request failed"),
        None => tracing::debug!(request.id = %id, status, code, "a request was refused"),
    }
}

/// Answers are data for scripts of our own origin: nobody keeps, frames, sniffs or renders them.
fn secure(headers: &mut HeaderMap) {
    const ALWAYS: [(HeaderName, &str); 6] = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; frame-ancestors 'none'",
        ),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
        (
            HeaderName::from_static("permissions-policy"),
            "camera=(), microphone=(), geolocation=()",
        ),
    ];
    for (name, value) in ALWAYS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    // A recording may be kept by its listener's own browser, which asks before it plays it again; it says so itself.
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_does_not_choose_the_business() {
        let named = |uri: &'static str| names_business(&Uri::from_static(uri), &HeaderMap::new());
        assert!(named("/api/crm/leads?limit=5&business_id=ten_1"));
        assert!(named("/api/crm/leads?business%5Fid=ten_1"));
        assert!(named("/api/crm/leads?tenantId=ten_1"));
        assert!(!named("/api/crm/leads?q=business_id"));
        let mut headers = HeaderMap::new();
        headers.insert("x-prosaas-request", HeaderValue::from_static("1"));
        assert!(!names_business(&Uri::from_static("/api/calls"), &headers));
        headers.insert("x-prosaas-tenant-id", HeaderValue::from_static("ten_1"));
        assert!(names_business(&Uri::from_static("/api/calls"), &headers));
    }
}
