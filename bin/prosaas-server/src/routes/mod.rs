//! The HTTP surface: Twilio's webhooks and media socket, the API, the console, what operators ask for, and
//! what the WhatsApp sidecar and Meta report.

mod console;
mod health;
mod meta;
mod metrics;
mod whatsapp;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use anyhow::Context as _;
use axum::Router;
use axum::extract::{ConnectInfo, FromRef, MatchedPath, Path, Request, State};
use axum::http::header;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use prosaas_crm::api::kit::ClientAddress;
use prosaas_twilio::axum::{PublicUrl, VerifiedForm, VoiceRouter, WebhookGuard, paths};
use prosaas_twilio::twiml;
use prosaas_twilio::webhook::StreamEnded;

use crate::calls::{Calls, answer, full, resume};
use crate::config::client_address;
use crate::wiring::{App, verifier};

/// Our webhook routes as metrics name them. A label never comes from a request.
const WEBHOOKS: [&str; 6] = [
    paths::INCOMING_CALL,
    paths::CALL_STATUS,
    paths::HANDLE_RECORDING,
    paths::STREAM_ENDED,
    RESUME,
    HELD_AGAIN,
];
const RESUME: &str = "/webhook/stream_ended/{attempt}";
const HELD_AGAIN: &str = "/webhook/call_held/{waited}";

#[derive(Clone)]
struct ResumeState {
    app: Arc<App>,
    guard: WebhookGuard,
}

impl FromRef<ResumeState> for WebhookGuard {
    fn from_ref(state: &ResumeState) -> Self {
        state.guard.clone()
    }
}

/// Every route of the server.
///
/// # Errors
/// When a public URL cannot be one.
pub fn router(app: &Arc<App>) -> anyhow::Result<Router> {
    let config = &app.config;
    let public_url: PublicUrl = config
        .public_base_url
        .parse()
        .context("PUBLIC_BASE_URL cannot be used")?;
    let media_url: PublicUrl = config
        .public_media_url
        .parse()
        .context("PUBLIC_MEDIA_URL cannot be used")?;
    let verifier = verifier(app);
    let guard = WebhookGuard::new(Arc::clone(&verifier), public_url.clone());
    let mut voice = VoiceRouter::new(
        public_url,
        media_url,
        verifier,
        Arc::new(Calls(Arc::clone(app))),
    );
    voice.apology = answer::apology();
    let resume = Router::new()
        .route(RESUME, post(resume))
        .route(HELD_AGAIN, post(held_again))
        .with_state(ResumeState {
            app: Arc::clone(app),
            guard,
        });
    let webhooks =
        prosaas_twilio::axum::router(voice)
            .merge(resume)
            .layer(middleware::from_fn_with_state(
                Arc::clone(app),
                count_webhook,
            ));
    let operator = Router::new()
        .route("/health", get(health::health))
        .route("/ready", get(health::ready))
        .route("/metrics", get(metrics::metrics))
        .with_state(Arc::clone(app));
    let api = prosaas_crm::api::router(&app.api).layer(middleware::from_fn_with_state(
        Arc::clone(app),
        note_client_address,
    ));
    let routes = webhooks
        .merge(operator)
        .merge(whatsapp::routes(app))
        .merge(meta::routes(app))
        .merge(api);
    Ok(routes.fallback(console::serve))
}

/// The action of a `<Connect>`: the path says how many streams the call has had.
async fn resume(
    State(state): State<ResumeState>,
    Path(attempt): Path<u32>,
    ended: VerifiedForm<StreamEnded>,
) -> Response {
    document(&resume::stream_ended(&state.app, &ended, attempt).await)
}

/// A caller has waited for a line: the path says how often.
async fn held_again(
    State(state): State<ResumeState>,
    Path(waited): Path<u32>,
    held: VerifiedForm<StreamEnded>,
) -> Response {
    document(&full::waited(&state.app, &held, waited).await)
}

fn document(response: &twiml::Response) -> Response {
    let kind = [(header::CONTENT_TYPE, twiml::CONTENT_TYPE)];
    (kind, response.to_xml()).into_response()
}

/// Tells the API where a request came from, as our own proxies say, and the jobs that there may be one.
async fn note_client_address(
    State(app): State<Arc<App>>,
    mut request: Request,
    next: Next,
) -> Response {
    if let Some(address) = found_address(&app, &request) {
        request.extensions_mut().insert(ClientAddress(address));
    }
    let may_leave_work = !request.method().is_safe();
    let response = next.run(request).await;
    // What was refused left none: a stranger has nobody look at the outbox.
    if may_leave_work && response.status().is_success() {
        // A message to be sent must not wait for the next look at the outbox.
        app.work.notify_one();
    }
    response
}

/// The client's address: the peer's, or what a trusted proxy says of it.
fn found_address(app: &App, request: &Request) -> Option<IpAddr> {
    let forwarded = request
        .headers()
        .get("x-forwarded-for")
        .and_then(|value| value.to_str().ok());
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>()?;
    Some(client_address(
        peer.0.ip(),
        forwarded,
        &app.config.trusted_proxies,
    ))
}

/// Counts webhooks by route and status, and says who sent what was refused.
async fn count_webhook(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let matched = request
        .extensions()
        .get::<MatchedPath>()
        .map(MatchedPath::as_str);
    let route = matched.and_then(|path| WEBHOOKS.into_iter().find(|route| *route == path));
    let client = found_address(&app, &request);
    let client = client.map(tracing::field::display);
    let response = next.run(request).await;
    let status = response.status();
    if let Some(route) = route {
        app.metrics.webhook(route, status.as_u16());
        if status.is_client_error() {
            tracing::warn!(
                route,
                status = status.as_u16(),
                client,
                "a webhook was refused"
            );
        }
    }
    response
}
