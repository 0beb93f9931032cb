//! Prometheus.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};

use crate::wiring::App;

/// Everything that is counted, in the Prometheus text format.
pub(super) async fn metrics(State(app): State<Arc<App>>) -> Response {
    app.metrics.calls_live(app.live.seated());
    (
        [(header::CONTENT_TYPE, "text/plain; version=0.0.4")],
        app.metrics.render(),
    )
        .into_response()
}
