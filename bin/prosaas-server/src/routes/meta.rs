//! What Meta tells of businesses' numbers. No cookie, no key of the API: each notification is signed with the app's
//! secret, and the library checks that over the raw bytes before it reads anything. It is answered once everything
//! in it is kept.

use std::sync::Arc;

use axum::Router;
use axum::body::to_bytes;
use axum::extract::{RawQuery, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use prosaas_whatsapp::cloud::{MAX_BODY, SIGNATURE_HEADER};
use url::form_urlencoded;

use super::whatsapp::{answered, may_leave_work, text};
use crate::whatsapp::WhatsApp;
use crate::wiring::App;

/// The address that is entered at Meta; metrics name it so.
const ROUTE: &str = "/webhook/whatsapp";

pub(super) fn routes(app: &Arc<App>) -> Router {
    Router::new()
        .route(ROUTE, get(subscribe).post(receive))
        .with_state(Arc::clone(app))
}

/// Meta asks for its challenge when the webhook is entered.
async fn subscribe(State(app): State<Arc<App>>, RawQuery(query): RawQuery) -> Response {
    let response = match app.whatsapp.as_ref().and_then(WhatsApp::meta) {
        Some(meta) => {
            let query = query.unwrap_or_default();
            let pairs = form_urlencoded::parse(query.as_bytes()).into_owned();
            answered(meta.subscribe(&pairs.collect::<Vec<_>>()))
        }
        None => StatusCode::NOT_FOUND.into_response(),
    };
    app.metrics.webhook(ROUTE, response.status().as_u16());
    response
}

async fn receive(State(app): State<Arc<App>>, request: Request) -> Response {
    let response = receive_unless_absent(&app, request).await;
    app.metrics.webhook(ROUTE, response.status().as_u16());
    response
}

async fn receive_unless_absent(app: &App, request: Request) -> Response {
    let Some(meta) = app.whatsapp.as_ref().and_then(WhatsApp::meta) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let (head, body) = request.into_parts();
    // The body of somebody who does not even claim to be Meta is not worth reading.
    let Some(signature) = text(&head.headers, SIGNATURE_HEADER) else {
        return StatusCode::UNAUTHORIZED.into_response();
    };
    let Ok(body) = to_bytes(body, MAX_BODY).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let answer = meta.notify(Some(signature), &body).await;
    if may_leave_work(&head.method, answer.status) {
        app.work.notify_one();
    }
    answered(answer)
}
