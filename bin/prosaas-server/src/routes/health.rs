//! Is the process alive, and may it be given calls?

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;

use prosaas_crm::Jobs as _;
use prosaas_crm::auth::SystemScope;

use crate::wiring::App;

/// Whether the database answers is no business's question.
const INSTALLATION: SystemScope = SystemScope::for_installation();
/// How long the database may take to answer.
const DATABASE_WITHIN: Duration = Duration::from_secs(2);

/// What is said then: a proxy must not take the calls away for it when there is nobody else.
const AWAY: &str = "the database does not answer; calls go on without it\n";

/// The process lives.
pub(super) async fn health() -> &'static str {
    "ok\n"
}

/// The process may be given calls: the database answers and nobody asked it to stop.
pub(super) async fn ready(State(app): State<Arc<App>>) -> (StatusCode, &'static str) {
    if app.shutdown.is_draining() {
        return (StatusCode::SERVICE_UNAVAILABLE, "stopping\n");
    }
    if app.standby.is_away() {
        return (StatusCode::SERVICE_UNAVAILABLE, AWAY);
    }
    let answer = app.store.next_job_at(&INSTALLATION);
    match tokio::time::timeout(DATABASE_WITHIN, answer).await {
        Ok(Ok(_)) => (StatusCode::OK, "ready\n"),
        Ok(Err(error)) => {
            tracing::error!(error = %error.chain(), "not ready: the database does not answer");
            (StatusCode::SERVICE_UNAVAILABLE, AWAY)
        }
        Err(_) => {
            tracing::error!("not ready: the database is too slow");
            (StatusCode::SERVICE_UNAVAILABLE, AWAY)
        }
    }
}
