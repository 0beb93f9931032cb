//! The routes of a voice application.

use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{FromRef, State};
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use futures_util::FutureExt as _;
use prosaas_core::{Error, ErrorClass, SignatureVerifier};
use tokio::sync::Semaphore;

use super::{PublicUrl, VerifiedForm, VoiceHandler, WebhookGuard, upgrade};
use crate::twiml;
use crate::webhook::{CallStatusCallback, IncomingCall, RecordingCallback, StreamEnded};

/// Where the webhooks are served, for building the URLs given to Twilio.
pub mod paths {
    /// A call wants its first TwiML.
    pub const INCOMING_CALL: &str = "/webhook/incoming_call";
    /// A call changed its status.
    pub const CALL_STATUS: &str = "/webhook/call_status";
    /// A recording is ready.
    pub const HANDLE_RECORDING: &str = "/webhook/handle_recording";
    /// A stream, or a verb after it, has ended.
    pub const STREAM_ENDED: &str = "/webhook/stream_ended";
    /// The media websocket, also with one more segment, unless [`super::VoiceRouter::media_path`] says otherwise.
    pub const MEDIA: &str = "/media";
}

/// What [`router`] serves.
pub struct VoiceRouter {
    /// What the paths of the webhooks are appended to, such as `https://voice.example.com`.
    pub public_url: PublicUrl,
    /// Where Twilio opens the media socket, as the TwiML says it, without a segment behind it, such as
    /// `wss://voice.example.com/media`.
    pub media_url: PublicUrl,
    /// The path of the media socket in this router; behind a proxy it may differ from `media_url`'s.
    pub media_path: String,
    /// Decides which requests are believed.
    pub verifier: Arc<dyn SignatureVerifier>,
    /// What happens with them.
    pub handler: Arc<dyn VoiceHandler>,
    /// What the caller hears when the handler panics.
    pub apology: twiml::Response,
    /// The bounds on media sockets.
    pub limits: MediaLimits,
}

impl VoiceRouter {
    /// The media socket under [`paths::MEDIA`], an English apology, the usual bounds.
    pub fn new(
        public_url: PublicUrl,
        media_url: PublicUrl,
        verifier: Arc<dyn SignatureVerifier>,
        handler: Arc<dyn VoiceHandler>,
    ) -> Self {
        let sorry = "We are sorry, something went wrong. Please call again later.";
        Self {
            public_url,
            media_url,
            media_path: paths::MEDIA.to_owned(),
            verifier,
            handler,
            apology: twiml::Response::new().say(twiml::Say::new(sorry)).hangup(),
            limits: MediaLimits::default(),
        }
    }
}

impl fmt::Debug for VoiceRouter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VoiceRouter")
            .field("public_url", &self.public_url)
            .field("media_url", &self.media_url)
            .field("media_path", &self.media_path)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

/// The bounds on media sockets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MediaLimits {
    /// How long after the upgrade the `start` message may come, and then its authorisation. 5 s.
    pub start_within: Duration,
    /// How many sockets may be open that are not authorised yet; one more is answered 503. 256.
    pub unauthenticated_sockets: usize,
    /// How many messages a socket may send in a second before it counts as lost; Twilio sends 50. 200.
    pub messages_per_second: u32,
}

impl Default for MediaLimits {
    fn default() -> Self {
        Self {
            start_within: Duration::from_secs(5),
            unauthenticated_sockets: 256,
            messages_per_second: 200,
        }
    }
}

/// What the routes share.
pub(super) struct Shared {
    pub(super) guard: WebhookGuard,
    pub(super) handler: Arc<dyn VoiceHandler>,
    pub(super) limits: MediaLimits,
    pub(super) unauthenticated: Arc<Semaphore>,
    media_url: PublicUrl,
    media_path: String,
    apology: String,
}

impl Shared {
    /// The URL Twilio opened: the public one followed by whatever stands behind our own path.
    pub(super) fn public_media_url(&self, uri: &Uri) -> String {
        let target = uri.path_and_query().map_or("", |target| target.as_str());
        self.media_url.join(
            target
                .strip_prefix(self.media_path.as_str())
                .unwrap_or_default(),
        )
    }
}

impl FromRef<Arc<Shared>> for WebhookGuard {
    fn from_ref(shared: &Arc<Shared>) -> Self {
        shared.guard.clone()
    }
}

/// The routes: `POST` on each of [`paths`], and the media websocket.
///
/// Serve it on a listener that switches Nagle's algorithm off (`axum::serve::ListenerExt::tap_io` with
/// `set_nodelay(true)`): otherwise a `clear` behind audio waits up to 20 ms for the carrier's next frame.
///
/// Webhooks are answered 403 without a valid signature, 400 when verified but misshapen, 413 above 64 KiB,
/// 405 for another method.
///
/// # Panics
/// When `media_path` is not a path that axum accepts, such as one without a `/` in front.
pub fn router(config: VoiceRouter) -> Router {
    let VoiceRouter {
        public_url,
        media_url,
        media_path,
        verifier,
        handler,
        apology,
        limits,
    } = config;
    let deeper = format!("{media_path}/{{segment}}");
    let shared = Arc::new(Shared {
        guard: WebhookGuard::new(verifier, public_url),
        handler,
        limits,
        unauthenticated: Arc::new(Semaphore::new(limits.unauthenticated_sockets)),
        media_url,
        media_path: media_path.clone(),
        apology: apology.to_xml(),
    });
    Router::new()
        .route(paths::INCOMING_CALL, post(incoming_call))
        .route(paths::CALL_STATUS, post(call_status))
        .route(paths::HANDLE_RECORDING, post(recording))
        .route(paths::STREAM_ENDED, post(stream_ended))
        .route(&media_path, get(upgrade::open))
        .route(&deeper, get(upgrade::open))
        .with_state(shared)
}

async fn incoming_call(
    State(shared): State<Arc<Shared>>,
    call: VerifiedForm<IncomingCall>,
) -> Response {
    answer(&shared, shared.handler.incoming_call(call.into_inner())).await
}

async fn stream_ended(
    State(shared): State<Arc<Shared>>,
    ended: VerifiedForm<StreamEnded>,
) -> Response {
    answer(&shared, shared.handler.stream_ended(ended.into_inner())).await
}

async fn call_status(
    State(shared): State<Arc<Shared>>,
    callback: VerifiedForm<CallStatusCallback>,
) -> Response {
    acknowledge(shared.handler.call_status(callback.into_inner())).await
}

async fn recording(
    State(shared): State<Arc<Shared>>,
    callback: VerifiedForm<RecordingCallback>,
) -> Response {
    acknowledge(shared.handler.recording(callback.into_inner())).await
}

/// TwiML for the caller, whatever happens: silence is the worst answer on a phone.
async fn answer(
    shared: &Shared,
    response: impl Future<Output = twiml::Response> + Send,
) -> Response {
    if let Ok(response) = AssertUnwindSafe(response).catch_unwind().await {
        xml(response.to_xml())
    } else {
        tracing::error!("the handler of a webhook panicked; the caller hears an apology");
        xml(shared.apology.clone())
    }
}

/// An empty document: nobody listens to the answer of a callback.
async fn acknowledge(done: impl Future<Output = Result<(), Error>> + Send) -> Response {
    match AssertUnwindSafe(done).catch_unwind().await {
        Ok(Ok(())) => xml(twiml::Response::new().to_xml()),
        Ok(Err(error)) => {
            tracing::error!(error = error.chain(), "a callback was not taken in");
            status_of(error.class()).into_response()
        }
        Err(_) => {
            tracing::error!("the handler of a callback panicked");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

fn xml(document: String) -> Response {
    ([(header::CONTENT_TYPE, twiml::CONTENT_TYPE)], document).into_response()
}

const fn status_of(class: ErrorClass) -> StatusCode {
    match class {
        ErrorClass::NotFound => StatusCode::NOT_FOUND,
        ErrorClass::Conflict => StatusCode::CONFLICT,
        ErrorClass::Forbidden => StatusCode::FORBIDDEN,
        ErrorClass::Invalid => StatusCode::BAD_REQUEST,
        ErrorClass::Retry => StatusCode::SERVICE_UNAVAILABLE,
        ErrorClass::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}
