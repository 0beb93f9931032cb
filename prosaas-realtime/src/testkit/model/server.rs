//! The listener, the handshake and the loop of one websocket.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::get;
use futures_util::SinkExt;
use prosaas_core::SecretString;
use prosaas_core::time::{Clock as _, SystemClock};
use serde::Deserialize;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::rest::{self, refusal};
use super::script::{Garbage, Script, garbage};
use super::session::{Behaviour, EXPIRED, Session};
use super::stats::{SessionStats, Stats};
use super::{Delay, FakeModelConfig, Mode, RestMode};

/// What all connections of a fake model share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) config: FakeModelConfig,
    pub(super) stats: watch::Sender<Stats>,
    modes: Mutex<Modes>,
    /// The sessions that are to be cut.
    cuts: watch::Sender<HashSet<u64>>,
    stopping: watch::Receiver<bool>,
}

#[derive(Debug)]
struct Modes {
    standing: Mode,
    next: std::collections::VecDeque<Mode>,
    rest: RestMode,
}

impl Shared {
    pub(super) fn new(config: FakeModelConfig, stopping: watch::Receiver<bool>) -> Self {
        let modes = Modes {
            standing: config.mode.clone(),
            next: std::collections::VecDeque::new(),
            rest: config.rest,
        };
        Self {
            config,
            stats: watch::Sender::default(),
            modes: Mutex::new(modes),
            cuts: watch::Sender::default(),
            stopping,
        }
    }

    fn modes(&self) -> std::sync::MutexGuard<'_, Modes> {
        self.modes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set_mode(&self, mode: Mode) {
        self.modes().standing = mode;
    }

    pub(super) fn queue_mode(&self, mode: Mode) {
        self.modes().next.push_back(mode);
    }

    pub(super) fn set_rest_mode(&self, mode: RestMode) {
        self.modes().rest = mode;
    }

    pub(super) fn rest_mode(&self) -> RestMode {
        self.modes().rest
    }

    pub(super) fn cut(&self, session: u64) {
        self.cuts.send_modify(|cuts| {
            cuts.insert(session);
        });
    }

    async fn until_cut(&self, session: u64) {
        let mut cuts = self.cuts.subscribe();
        drop(cuts.wait_for(|cuts| cuts.contains(&session)).await);
    }

    fn take_mode(&self) -> Mode {
        let mut modes = self.modes();
        modes
            .next
            .pop_front()
            .unwrap_or_else(|| modes.standing.clone())
    }

    /// Waits, but not longer than the model lives.
    pub(super) async fn wait(&self, delay: Delay) {
        let mut stopping = self.stopping.clone();
        let stopped = async move { drop(stopping.wait_for(|stop| *stop).await) };
        match delay {
            Delay::For(time) => drop(tokio::time::timeout(time, stopped).await),
            Delay::Forever => stopped.await,
        }
    }
}

/// Serves until told to stop; open websockets end then as well.
pub(super) async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    let waiting = Arc::clone(&shared);
    let router = axum::Router::new()
        .route("/v1/realtime", get(handshake))
        .merge(rest::routes())
        .with_state(shared);
    let serving = axum::serve(listener, router)
        .with_graceful_shutdown(async move { waiting.wait(Delay::Forever).await });
    if let Err(error) = serving.await {
        tracing::error!(%error, "the fake model stopped listening");
    }
}

#[derive(Deserialize)]
struct HandshakeQuery {
    model: Option<String>,
}

async fn handshake(
    State(shared): State<Arc<Shared>>,
    Query(query): Query<HandshakeQuery>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    let mode = shared.take_mode();
    let refuse = |status: StatusCode, code: &str, message: &str| {
        shared.stats.send_modify(|stats| stats.refused += 1);
        refusal(status, code, message)
    };
    match &mode {
        Mode::Refuse { status } => {
            let status = StatusCode::from_u16(*status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            return refuse(
                status,
                code_of(status),
                "The fake model was told to refuse this.",
            );
        }
        Mode::Slow { connect, .. } => shared.wait(Delay::For(*connect)).await,
        _ => {}
    }
    let Some(model) = query.model.filter(|model| !model.is_empty()) else {
        return refuse(
            StatusCode::BAD_REQUEST,
            "missing_model",
            "You must provide a model parameter.",
        );
    };
    if headers.contains_key("openai-beta") {
        let message = "The beta dialect is retired: leave out the OpenAI-Beta header.";
        return refuse(StatusCode::BAD_REQUEST, "beta_api_shape_disabled", message);
    }
    let header = |name: &str| {
        headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned)
    };
    let record = SessionStats {
        key: bearer(&headers),
        safety_identifier: header("openai-safety-identifier"),
        ..SessionStats::default()
    };
    upgrade
        .read_buffer_size(4 * 1024)
        .write_buffer_size(0)
        .max_message_size(16 * 1024 * 1024)
        .on_upgrade(move |socket| async move {
            let mut index = 0;
            shared.stats.send_modify(|stats| index = stats.open(record));
            let stopping = Arc::clone(&shared);
            tokio::select! {
                () = converse(socket, &shared, mode, index, &model) => {}
                () = stopping.wait(Delay::Forever) => {}
                () = stopping.until_cut(index) => {}
            }
            shared.stats.send_modify(|stats| {
                stats.sessions_closed += 1;
                if let Some(session) = stats.session_mut(index) {
                    session.closed = true;
                }
            });
        })
}

/// The code the API gives with a status.
pub(super) fn code_of(status: StatusCode) -> &'static str {
    match status.as_u16() {
        401 => "invalid_api_key",
        429 => "rate_limit_exceeded",
        _ => "server_error",
    }
}

/// The key of a request.
pub(super) fn bearer(headers: &HeaderMap) -> Option<SecretString> {
    let value = headers.get("authorization")?.to_str().ok()?;
    value.strip_prefix("Bearer ").map(SecretString::from)
}

async fn converse(socket: WebSocket, shared: &Shared, mode: Mode, index: u64, model: &str) {
    let mut behaviour = Behaviour::default();
    let mut lives = None;
    let mut noisy = false;
    match mode {
        Mode::Hang => return hang(socket, shared).await,
        Mode::Garbage => return talk_garbage(socket).await,
        Mode::Scripted(script) => return obey(socket, script, shared, index).await,
        Mode::DropAfter(time) => lives = Some(time),
        Mode::RateLimited => behaviour.rate_limited = true,
        Mode::Slow { reply, .. } => behaviour.extra_think_ms = reply.as_millis() as u64,
        Mode::Noisy => noisy = true,
        Mode::Normal | Mode::Refuse { .. } | Mode::RefuseTcp => {}
    }
    behaviour.expires_at = shared.config.session_life.map(|life| {
        let ends = SystemClock.now().plus(life.as_millis() as i64);
        ends.0 / 1_000
    });
    let session = Session::new(index, model, shared.config.clone(), behaviour);
    let talk = talk(socket, shared, session, noisy);
    match lives {
        // The socket is dropped without a closing handshake, as a network does.
        Some(time) => drop(tokio::time::timeout(time, talk).await),
        None => talk.await,
    }
}

/// The loop of a session: what is due goes out, what comes in is answered.
async fn talk(mut socket: WebSocket, shared: &Shared, mut session: Session, noisy: bool) {
    let began = Instant::now();
    let now = || began.elapsed().as_millis() as u64;
    let ends = shared.config.session_life.map(|life| began + life);
    let mut sent = 0;
    loop {
        shared.stats.send_modify(|stats| session.tick(now(), stats));
        for text in session.take_output() {
            if noisy {
                let _ = socket.feed(message(garbage(sent, false))).await;
                sent += 1;
            }
            if socket.feed(Message::Text(text.into())).await.is_err() {
                return;
            }
        }
        if socket.flush().await.is_err() {
            return;
        }
        let deadline = session
            .next_deadline()
            .map(|at| began + Duration::from_millis(at));
        tokio::select! {
            frame = socket.recv() => match frame {
                Some(Ok(Message::Text(text))) => {
                    shared.stats.send_modify(|stats| session.client_event(&text, now(), stats));
                }
                Some(Ok(Message::Binary(_))) => {
                    shared.stats.send_modify(|stats| session.binary_frame(stats));
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
            },
            () = sleep_until(deadline.unwrap_or(began)), if deadline.is_some() => {}
            () = sleep_until(ends.unwrap_or(began)), if ends.is_some() => {
                return expire(socket, shared, session).await;
            }
        }
    }
}

/// The session's life is over: an error says so, and a close with the same words.
async fn expire(mut socket: WebSocket, shared: &Shared, mut session: Session) {
    shared.stats.send_modify(|stats| session.expire(stats));
    for text in session.take_output() {
        if socket.send(Message::Text(text.into())).await.is_err() {
            return;
        }
    }
    let close = CloseFrame {
        code: close_code::AWAY,
        reason: EXPIRED.into(),
    };
    drop(socket.send(Message::Close(Some(close))).await);
}

/// Reads nothing and says nothing, not even pongs.
async fn hang(socket: WebSocket, shared: &Shared) {
    shared.wait(Delay::Forever).await;
    drop(socket);
}

async fn talk_garbage(mut socket: WebSocket) {
    for turn in 0.. {
        if socket.send(message(garbage(turn, true))).await.is_err() {
            return;
        }
        // A first burst, then one for each frame of the client.
        if turn >= 20
            && !matches!(socket.recv().await, Some(Ok(frame)) if !matches!(frame, Message::Close(_)))
        {
            return;
        }
    }
}

fn message(garbage: Garbage) -> Message {
    match garbage {
        Garbage::Text(text) => Message::Text(text.into()),
        Garbage::Binary(bytes) => Message::Binary(bytes.into()),
    }
}

async fn obey(mut socket: WebSocket, mut script: Script, shared: &Shared, index: u64) {
    #[derive(Default, Deserialize)]
    struct Peek {
        #[serde(rename = "type")]
        kind: String,
        item: Option<Item>,
    }
    #[derive(Deserialize)]
    struct Item {
        output: Option<String>,
    }
    let mut on = "connect".to_owned();
    loop {
        if let Some((texts, close)) = script.take(&on) {
            for text in texts {
                if socket.send(Message::Text(text.into())).await.is_err() {
                    return;
                }
            }
            if close {
                return;
            }
        }
        on = match socket.recv().await {
            Some(Ok(Message::Text(text))) => {
                let peek = serde_json::from_str::<Peek>(&text).unwrap_or_default();
                if let Some(output) = peek.item.and_then(|item| item.output) {
                    let note = |stats: &mut Stats| stats.tool_told(index, &output);
                    shared.stats.send_modify(note);
                }
                peek.kind
            }
            Some(Ok(Message::Close(_)) | Err(_)) | None => return,
            Some(Ok(_)) => String::new(),
        };
    }
}
