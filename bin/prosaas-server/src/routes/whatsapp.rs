//! What the WhatsApp sidecar reports. No cookie, no key of the API: each request is signed with the secret that
//! both sides share, and the library checks that before it reads anything.

use std::sync::Arc;

use axum::Router;
use axum::body::{Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use prosaas_whatsapp::Answer;
use prosaas_whatsapp::baileys::{
    MAX_BODY, NONCE_HEADER, SIGNATURE_HEADER, SignedParts, TIME_HEADER,
};

use crate::whatsapp::WhatsApp;
use crate::wiring::App;

/// Everything below it is the sidecar's; metrics name it so.
const ROUTE: &str = "/internal/wa/{*rest}";

pub(super) fn routes(app: &Arc<App>) -> Router {
    Router::new()
        .route(ROUTE, any(receive))
        .with_state(Arc::clone(app))
}

async fn receive(State(app): State<Arc<App>>, request: Request) -> Response {
    let response = receive_unless_absent(&app, request).await;
    app.metrics.webhook(ROUTE, response.status().as_u16());
    response
}

async fn receive_unless_absent(app: &App, request: Request) -> Response {
    let Some(sidecar) = app.whatsapp.as_ref().and_then(WhatsApp::sidecar) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let (head, body) = request.into_parts();
    // The body of somebody who does not even claim to be the sidecar is not worth reading.
    let body = if head.headers.contains_key(SIGNATURE_HEADER) {
        match to_bytes(body, MAX_BODY).await {
            Ok(body) => body,
            Err(_) => return StatusCode::PAYLOAD_TOO_LARGE.into_response(),
        }
    } else {
        Bytes::new()
    };
    let line = head.uri.path_and_query().map_or("", |line| line.as_str());
    let request = SignedParts {
        method: head.method.as_str(),
        path: line,
        time: text(&head.headers, TIME_HEADER),
        nonce: text(&head.headers, NONCE_HEADER),
        signature: text(&head.headers, SIGNATURE_HEADER),
        body: &body,
    };
    let answer = sidecar.handle(request).await;
    if may_leave_work(&head.method, answer.status) {
        app.work.notify_one();
    }
    answered(answer)
}

/// Whether what came in may have left work: somebody waits to be answered. What was refused left none, so
/// nobody without the secret has the outbox looked at.
pub(super) fn may_leave_work(method: &Method, status: u16) -> bool {
    !method.is_safe() && (200..300).contains(&status)
}

/// A header that is there and is a text.
pub(super) fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// The library's answer as this server gives it.
pub(super) fn answered(answer: Answer) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if answer.content_type.is_empty() {
        return status.into_response();
    }
    let kind = [(header::CONTENT_TYPE, answer.content_type)];
    (status, kind, answer.body).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_taken_has_the_outbox_looked_at() {
        assert!(may_leave_work(&Method::POST, 200) && may_leave_work(&Method::POST, 204));
        for refused in [401, 404, 409, 413, 503] {
            assert!(!may_leave_work(&Method::POST, refused), "{refused}");
        }
        assert!(!may_leave_work(&Method::GET, 204), "a ping brings nothing");
    }
}
