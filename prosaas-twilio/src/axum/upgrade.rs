//! From an HTTP upgrade to an authorised stream.

use std::future::poll_fn;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use futures_util::FutureExt as _;
use hyper::upgrade::OnUpgrade;
use prosaas_core::Transport;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;
use tungstenite::Message;
use tungstenite::handshake::server::create_response;
use tungstenite::protocol::WebSocketConfig;
use tungstenite::protocol::frame::coding::CloseCode;

use super::connection::{Socket, poll_message, websocket};
use super::extract::WebhookRejection;
use super::media_socket::{MediaSocket, RateGuard, close};
use super::router::Shared;
use crate::media::{self, Inbound, Start};

/// Longest message read. Twilio's media messages have well under 1 KiB.
const MAX_MESSAGE: usize = 64 * 1024;
/// What the library takes in one go from what was read. It keeps room for this beside the longest message, and
/// zeroes it every time; its own default is 128 KiB.
const READ_BUFFER: usize = 128;
/// Half a minute of outgoing audio: a peer that lags further behind is not listening.
const MAX_WRITE_BUFFER: usize = 256 * 1024;

/// `GET` on the media path.
pub(super) async fn open(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (mut parts, _) = request.into_parts();
    // Browsers send an Origin, Twilio does not.
    if parts.headers.contains_key(header::ORIGIN) {
        return StatusCode::FORBIDDEN.into_response();
    }
    let Ok(slot) = Arc::clone(&shared.unauthenticated).try_acquire_owned() else {
        tracing::warn!("too many media sockets that are not authorised yet; one more was refused");
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    let url = shared.public_media_url(&parts.uri);
    if let Err(rejected) = shared
        .guard
        .verify(Transport::WebSocket, &parts, &url, &[])
        .await
    {
        return WebhookRejection::from(rejected).into_response();
    }
    let Some(upgrade) = parts.extensions.remove::<OnUpgrade>() else {
        return StatusCode::UPGRADE_REQUIRED.into_response();
    };
    let Ok(response) = create_response(&Request::from_parts(parts, ())) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    #[expect(
        clippy::disallowed_methods,
        reason = "HTTP's task ends with the response; this one owns the connection and ends with it, and the \
                  handler it runs is counted by the application"
    )]
    tokio::spawn(async move {
        let Ok(upgraded) = upgrade.await else {
            return tracing::debug!("a media socket was closed while it was being opened");
        };
        let socket = websocket(upgraded, config());
        // The task that runs this would swallow a panic; the log must not.
        let run = AssertUnwindSafe(serve(&shared, socket, slot)).catch_unwind();
        if run.await.is_err() {
            tracing::error!("the handler of a media stream panicked; its call was dropped");
        }
    });
    response.map(|()| Body::empty())
}

fn config() -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        // What is written is gathered below the library: audio and the mark behind it leave in one system call.
        .write_buffer_size(0)
        .max_write_buffer_size(MAX_WRITE_BUFFER)
        .max_message_size(Some(MAX_MESSAGE))
        .max_frame_size(Some(MAX_MESSAGE))
}

async fn serve(shared: &Shared, mut socket: Socket, slot: OwnedSemaphorePermit) {
    let within = shared.limits.start_within;
    let mut rate = RateGuard::new(shared.limits.messages_per_second);
    let Ok(Some(start)) = timeout(within, read_start(&mut socket, &mut rate)).await else {
        tracing::warn!("a media socket was closed: no `start` message came in time");
        return Box::pin(close(socket, CloseCode::Policy, "expected a start message")).await;
    };
    if !start.is_mulaw_8k_mono() {
        tracing::error!(call = %start.call_sid, "a media stream is not mu-law, 8 kHz, mono");
        let why = "expected audio/x-mulaw, 8000 Hz, mono";
        return Box::pin(close(socket, CloseCode::Unsupported, why)).await;
    }
    if !matches!(
        timeout(within, shared.handler.authorize_stream(&start)).await,
        Ok(true)
    ) {
        tracing::warn!(call = %start.call_sid, "a media stream was refused: wrong, used or late token");
        return Box::pin(close(socket, CloseCode::Policy, "not authorised")).await;
    }
    drop(slot);
    let socket = MediaSocket::new(socket, start.stream_sid.clone(), rate);
    shared.handler.stream(socket, start).await;
}

/// Reads up to the `start` message; `None` when it will not come. What is not it is passed over: only the
/// deadline and the rate limit how much.
async fn read_start(socket: &mut Socket, rate: &mut RateGuard) -> Option<Start> {
    loop {
        match poll_fn(|cx| poll_message(socket, cx)).await? {
            _ if !rate.allows_one_more() => return None,
            Message::Text(text) => match media::parse(&text) {
                Ok(Inbound::Start(start)) => return Some(start),
                Ok(Inbound::Stop) => return None,
                Ok(_) | Err(_) => {}
            },
            Message::Close(_) => return None,
            Message::Binary(_) | Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => {}
        }
    }
}
