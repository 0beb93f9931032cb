//! A sidecar that speaks `baileys/PROTOCOL.md` and whose WhatsApp is a test.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use prosaas_core::message::{
    Author, ChatAddress, ContactAlias, Delivery, DeliveryReport, DisplayName, InboundBody,
    InboundMessage, MediaKind, OutboundBody, OutboundId, OutboundMedia, OutboundMessage,
};
use prosaas_core::{Clock, TenantId};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::lock;
use crate::Answer;
use crate::baileys::{
    EVENTS_PATH, InternalKey, NONCE_HEADER, NonceWindow, Receiver, SIGNATURE_HEADER, SignedParts,
    TIME_HEADER,
};

#[derive(Default)]
struct Session {
    epoch: u64,
    state: &'static str,
    sent: Vec<Value>,
    wa_ids: BTreeMap<String, String>,
    events: VecDeque<Value>,
    seq: u64,
    typing: Vec<String>,
    read: Vec<String>,
}

struct Shared {
    key: InternalKey,
    clock: Arc<dyn Clock>,
    nonces: Mutex<NonceWindow>,
    sessions: Mutex<HashMap<String, Session>>,
    files: Mutex<HashMap<(String, String), Bytes>>,
    is_down: AtomicBool,
}

/// The handle to the fake; the server ends with the last one. It keeps nothing on disk.
#[derive(Clone)]
pub struct FakeSidecar {
    shared: Arc<Shared>,
    base_url: String,
    _server: Arc<JoinSet<()>>,
}

impl fmt::Debug for FakeSidecar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FakeSidecar")
            .field("base_url", &self.base_url)
            .finish_non_exhaustive()
    }
}

impl FakeSidecar {
    /// Starts the fake on a free loopback port.
    ///
    /// # Errors
    /// When no loopback port can be opened.
    pub async fn start(key: InternalKey, clock: Arc<dyn Clock>) -> std::io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let base_url = format!("http://{}", listener.local_addr()?);
        let nonces = Mutex::new(NonceWindow::since(clock.now()));
        let shared = Arc::new(Shared {
            key,
            clock,
            nonces,
            sessions: Mutex::default(),
            files: Mutex::default(),
            is_down: AtomicBool::new(false),
        });
        let router = router(Arc::clone(&shared));
        let mut server = JoinSet::new();
        server.spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::error!(%error, "the fake sidecar stopped");
            }
        });
        Ok(Self {
            shared,
            base_url,
            _server: Arc::new(server),
        })
    }

    /// Where it listens; the value for `BAILEYS_BASE_URL`.
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// Answers everything with 503 from here on, as something in front of a sidecar that is away does; or
    /// answers again.
    pub fn set_down(&self, is_down: bool) {
        self.shared.is_down.store(is_down, Ordering::SeqCst);
    }

    /// The owner scans the code.
    pub fn scan(&self, tenant: TenantId) {
        self.with(tenant, |session| session.state = "open");
    }

    /// Under which epoch it owns a business's session; 0 when it does not.
    pub fn epoch(&self, tenant: TenantId) -> u64 {
        self.with(tenant, |session| session.epoch)
    }

    /// Its volume is lost: it knows of no session of the business.
    pub fn forget(&self, tenant: TenantId) {
        lock(&self.shared.sessions).remove(&tenant.to_string());
    }

    /// A customer writes; the message waits until [`FakeSidecar::flush`]. One that was received before, by
    /// its id, is dropped, as the real sidecar does.
    pub fn deliver(&self, tenant: TenantId, message: &InboundMessage) {
        let message = message_json(message);
        self.with(tenant, |session| {
            let id = message["wa_id"].as_str().unwrap_or_default().to_owned();
            if session.wa_ids.insert(id, String::new()).is_none() {
                session.push("message", message);
            }
        });
    }

    /// WhatsApp tells what became of a message; waits until [`FakeSidecar::flush`].
    pub fn report(&self, tenant: TenantId, report: &DeliveryReport) {
        let status = match report.delivery {
            Delivery::Sent => "server",
            Delivery::Delivered => "delivered",
            Delivery::Read => "read",
            Delivery::Failed => "failed",
        };
        let error = report
            .code
            .as_ref()
            .map(|code| json!({"code": code, "message": ""}));
        let receipt =
            json!({"message_id": report.id.0, "wa_id": "3EB0", "status": status, "error": error});
        self.with(tenant, |session| session.push("receipt", receipt));
    }

    /// Puts a file where the route of a received message's media finds it.
    pub fn put_file(&self, tenant: TenantId, wa_id: &str, bytes: Bytes) {
        let key = (tenant.to_string(), wa_id.to_owned());
        lock(&self.shared.files).insert(key, bytes);
    }

    /// Offers the receiver the events that it did not acknowledge yet, as one batch.
    pub async fn flush(&self, receiver: &Receiver, tenant: TenantId) -> Option<Answer> {
        let (epoch, events) = self.with(tenant, |session| (session.epoch, session.events.clone()));
        if events.is_empty() {
            return None;
        }
        let body = json!({"session": tenant.to_string(), "owner_epoch": epoch, "events": events});
        let answer = self.post(receiver, EVENTS_PATH, &body).await;
        let acked = serde_json::from_slice::<Value>(&answer.body).ok();
        if let Some(acked) = acked.and_then(|answer| answer["acked"].as_u64()) {
            self.with(tenant, |session| {
                session
                    .events
                    .retain(|event| event["seq"].as_u64() > Some(acked));
            });
        }
        Some(answer)
    }

    /// Sends a signed request to a receiver of the backend.
    pub async fn post(&self, receiver: &Receiver, path: &str, body: &Value) -> Answer {
        let body = body.to_string();
        let time = self.shared.clock.now();
        let nonce = crate::baileys::fresh_nonce().unwrap_or_default();
        let signature = self
            .shared
            .key
            .sign("POST", path, time, &nonce, body.as_bytes());
        receiver
            .handle(SignedParts {
                method: "POST",
                path,
                time: Some(&time.0.to_string()),
                nonce: Some(&nonce),
                signature: Some(&signature),
                body: body.as_bytes(),
            })
            .await
    }

    /// What the business sent, oldest first; files with the bytes that the host keeps under their path.
    pub async fn sent(
        &self,
        tenant: TenantId,
        host: &dyn crate::baileys::SidecarHost,
    ) -> Vec<OutboundMessage> {
        let mut messages = Vec::new();
        for sent in self.with(tenant, |session| session.sent.clone()) {
            let text = |field: &Value| field.as_str().unwrap_or_default().to_owned();
            let content = &sent["content"];
            let body = if content["type"] == "text" {
                OutboundBody::Text(text(&content["text"]))
            } else {
                let media = &content["media"];
                let kept = host
                    .shelved(media["path"].as_str().unwrap_or_default())
                    .await;
                OutboundBody::Media(OutboundMedia {
                    kind: match content["type"].as_str() {
                        Some("image") => MediaKind::Image,
                        Some("video") => MediaKind::Video,
                        Some("audio") if content["voice"] == true => MediaKind::VoiceNote,
                        Some("audio") => MediaKind::Audio,
                        _ => MediaKind::Document,
                    },
                    mime_type: text(&media["mime"]),
                    file_name: media["file_name"].as_str().map(str::to_owned),
                    caption: content["caption"].as_str().map(str::to_owned),
                    bytes: kept.ok().flatten().unwrap_or_default(),
                })
            };
            messages.push(OutboundMessage {
                id: OutboundId(text(&sent["message_id"])),
                to: ChatAddress(text(&sent["chat"])),
                body,
                first_contact: sent["first_contact"] == true,
            });
        }
        messages
    }

    /// Chats in which the business showed that it was writing, and ids that it marked as read.
    pub fn signs(&self, tenant: TenantId) -> (Vec<String>, Vec<String>) {
        self.with(tenant, |session| {
            (session.typing.clone(), session.read.clone())
        })
    }

    fn with<T>(&self, tenant: TenantId, act: impl FnOnce(&mut Session) -> T) -> T {
        act(lock(&self.shared.sessions)
            .entry(tenant.to_string())
            .or_default())
    }
}

impl Session {
    fn push(&mut self, kind: &str, what: Value) {
        self.seq += 1;
        let mut event = json!({
            "event_id": format!("ev_{}", self.seq), "seq": self.seq, "kind": kind,
            "created_at": what["sent_at"].as_i64().unwrap_or(1_700_000_000_000),
        });
        event[kind] = what;
        self.events.push_back(event);
    }

    fn json(&self, name: &str) -> Value {
        json!({
            "session": name, "owner_epoch": self.epoch, "state": self.state, "since_at": 0,
            "linked": self.state == "open", "me": null, "reason": null, "message": null,
            "close_code": null, "retry_at": null, "queued": 0, "undelivered": self.events.len(),
        })
    }
}

fn message_json(message: &InboundMessage) -> Value {
    let phone = message.party.aliases.iter().find_map(|alias| match alias {
        ContactAlias::Phone(number) => Some(number.expose().trim_start_matches('+').to_owned()),
        _ => None,
    });
    let name = message.party.name.as_ref().map(DisplayName::expose);
    let id = &message.party.address.0;
    let content = match &message.body {
        InboundBody::Text(text) => json!({"type": "text", "text": text}),
        InboundBody::Media(media) => {
            let kind = match media.kind {
                MediaKind::VoiceNote => "audio",
                kind => kind.as_str(),
            };
            json!({"type": kind, "caption": media.caption, "media": {
                "mime": media.mime_type, "bytes": media.bytes, "file_name": media.file_name,
                "seconds": null, "voice": media.kind == MediaKind::VoiceNote, "sha256": null,
                "state": "available",
            }})
        }
        other => json!({"type": "unknown", "name": other.kind()}),
    };
    json!({
        "wa_id": message.id, "from_me": message.author == Author::Business,
        "sent_at": message.sent_at.0, "via": if message.delayed { "append" } else { "notify" },
        "chat": {"id": id, "alt": null, "phone": phone, "kind": "person"},
        "sender": {"id": id, "alt": null, "phone": phone, "name": name},
        "quoted": message.quoted.as_ref().map(|id| json!({"wa_id": id, "sender": null, "text": null})),
        "content": content,
    })
}

type App = State<Arc<Shared>>;

fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/v1/sessions/{name}", get(session).put(own))
        .route("/v1/sessions/{name}/qr", get(code))
        .route("/v1/sessions/{name}/link", post(link))
        .route("/v1/sessions/{name}/unlink", post(unlink))
        .route("/v1/sessions/{name}/messages", post(send))
        .route("/v1/sessions/{name}/typing", post(typing))
        .route("/v1/sessions/{name}/read", post(read))
        .route("/v1/sessions/{name}/media/{id}", get(media))
        .layer(middleware::from_fn_with_state(Arc::clone(&shared), signed))
        .with_state(shared)
}

/// Refuses what is not signed, as the real one does.
async fn signed(State(shared): App, request: Request, next: Next) -> Response {
    if shared.is_down.load(Ordering::SeqCst) {
        return problem(503, "unavailable");
    }
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, 1024 * 1024).await else {
        return problem(413, "too_large");
    };
    let header = |name: &str| {
        parts
            .headers
            .get(name)
            .and_then(|value| value.to_str().ok())
    };
    let path = parts.uri.path_and_query().map_or("", |line| line.as_str());
    let request = SignedParts {
        method: parts.method.as_str(),
        path,
        time: header(TIME_HEADER),
        nonce: header(NONCE_HEADER),
        signature: header(SIGNATURE_HEADER),
        body: &body,
    };
    let now = shared.clock.now();
    if lock(&shared.nonces)
        .check(&shared.key, request, now)
        .is_err()
    {
        return problem(401, "unauthorized");
    }
    next.run(Request::from_parts(parts, body.into())).await
}

fn problem(status: u16, code: &str) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, axum::Json(json!({"code": code, "message": code}))).into_response()
}

/// Does something with a session that exists.
fn on(shared: &Shared, name: &str, act: impl FnOnce(&mut Session) -> Response) -> Response {
    match lock(&shared.sessions)
        .get_mut(name)
        .filter(|session| session.epoch > 0)
    {
        Some(session) => act(session),
        None => problem(404, "not_found"),
    }
}

fn parsed(body: &Bytes) -> Value {
    serde_json::from_slice(body).unwrap_or_default()
}

async fn session(State(shared): App, Path(name): Path<String>) -> Response {
    on(&shared, &name, |session| {
        axum::Json(session.json(&name)).into_response()
    })
}

async fn own(State(shared): App, Path(name): Path<String>, body: Bytes) -> Response {
    let epoch = parsed(&body)["owner_epoch"].as_u64().unwrap_or(0);
    let mut sessions = lock(&shared.sessions);
    let session = sessions.entry(name.clone()).or_default();
    if epoch == 0 || epoch < session.epoch {
        return problem(409, "fenced");
    }
    session.epoch = epoch;
    if session.state.is_empty() {
        session.state = "idle";
    }
    axum::Json(session.json(&name)).into_response()
}

async fn code(State(shared): App, Path(name): Path<String>) -> Response {
    on(&shared, &name, |session| {
        axum::Json(json!({
            "state": session.state,
            "qr": (session.state == "qr").then(|| format!("https://wa.example/#{name}")),
            "seq": 1, "expires_at": 1_700_000_060_000_i64, "attempts_left": 5,
            "pairing_code": (session.state == "pairing_code").then_some("ABCD-1234"),
        }))
        .into_response()
    })
}

async fn link(State(shared): App, Path(name): Path<String>, body: Bytes) -> Response {
    on(&shared, &name, |session| {
        if session.state == "open" {
            return problem(409, "conflict");
        }
        session.state = match parsed(&body)["method"].as_str() {
            Some("qr") => "qr",
            Some("pairing_code") => "pairing_code",
            _ => return problem(400, "invalid"),
        };
        (StatusCode::ACCEPTED, axum::Json(session.json(&name))).into_response()
    })
}

async fn unlink(State(shared): App, Path(name): Path<String>) -> Response {
    on(&shared, &name, |session| {
        session.state = "idle";
        axum::Json(session.json(&name)).into_response()
    })
}

async fn send(State(shared): App, Path(name): Path<String>, body: Bytes) -> Response {
    let message = parsed(&body);
    on(&shared, &name, |session| {
        let known = session
            .sent
            .iter()
            .find(|sent| sent["message_id"] == message["message_id"]);
        let status = match known {
            Some(known) if *known != message => return problem(409, "conflict"),
            Some(_) => StatusCode::OK,
            None if session.state != "open" => return problem(409, "not_linked"),
            None => StatusCode::ACCEPTED,
        };
        if status == StatusCode::ACCEPTED {
            session.sent.push(message.clone());
        }
        let answer =
            json!({"message_id": message["message_id"], "wa_id": "3EB0", "status": "queued"});
        (status, axum::Json(answer)).into_response()
    })
}

async fn typing(State(shared): App, Path(name): Path<String>, body: Bytes) -> Response {
    on(&shared, &name, |session| {
        let chat = parsed(&body)["chat"].as_str().map(str::to_owned);
        session.typing.extend(chat);
        StatusCode::NO_CONTENT.into_response()
    })
}

async fn read(State(shared): App, Path(name): Path<String>, body: Bytes) -> Response {
    on(&shared, &name, |session| {
        let ids = parsed(&body)["wa_ids"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let ids = ids.iter().filter_map(Value::as_str).map(str::to_owned);
        session.read.extend(ids);
        StatusCode::NO_CONTENT.into_response()
    })
}

async fn media(State(shared): App, Path((name, id)): Path<(String, String)>) -> Response {
    let file = lock(&shared.files).get(&(name, id)).cloned();
    file.map_or_else(|| problem(404, "not_found"), IntoResponse::into_response)
}
