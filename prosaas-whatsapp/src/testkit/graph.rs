//! Meta's Graph API as far as WhatsApp messages go, and its webhooks.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Multipart, Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use hmac::{Hmac, KeyInit as _, Mac as _};
use prosaas_core::message::{
    ChatAddress, Delivery, DeliveryReport, DisplayName, InboundBody, InboundMessage, MediaKind,
    OutboundBody, OutboundId, OutboundMedia, OutboundMessage, Template,
};
use prosaas_core::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::lock;

/// The version in the fake's addresses.
const VERSION: &str = "v26.0";

#[derive(Default)]
struct Inner {
    sent: Vec<(String, Value)>,
    read: Vec<String>,
    uploads: BTreeMap<String, (String, Bytes)>,
    files: BTreeMap<String, Bytes>,
    fail: Option<(u16, i64)>,
}

struct Shared {
    token: SecretString,
    base: Mutex<String>,
    inner: Mutex<Inner>,
}

/// The handle to the fake; the server ends with the last one.
#[derive(Clone)]
pub struct FakeGraph {
    shared: Arc<Shared>,
    _server: Arc<JoinSet<()>>,
}

impl fmt::Debug for FakeGraph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FakeGraph").finish_non_exhaustive()
    }
}

impl FakeGraph {
    /// Starts the fake on a free loopback port; it takes this token.
    ///
    /// # Errors
    /// When no loopback port can be opened.
    pub async fn start(token: SecretString) -> std::io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let shared = Arc::new(Shared {
            token,
            base: Mutex::new(format!("http://{}/{VERSION}", listener.local_addr()?)),
            inner: Mutex::default(),
        });
        let router = router(Arc::clone(&shared));
        let mut server = JoinSet::new();
        server.spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::error!(%error, "the fake Graph API stopped");
            }
        });
        Ok(Self {
            shared,
            _server: Arc::new(server),
        })
    }

    /// Where it listens, with the version.
    pub fn base_url(&self) -> String {
        lock(&self.shared.base).clone()
    }

    /// The next message is answered with this status and code instead of being taken.
    pub fn fail_next(&self, status: u16, code: i64) {
        lock(&self.shared.inner).fail = Some((status, code));
    }

    /// Puts a file where its id finds it.
    pub fn put_file(&self, id: &str, bytes: Bytes) {
        lock(&self.shared.inner).files.insert(id.to_owned(), bytes);
    }

    /// Ids of messages that were marked as read.
    pub fn marked_read(&self) -> Vec<String> {
        lock(&self.shared.inner).read.clone()
    }

    /// What was sent from a number, oldest first.
    pub fn sent(&self, phone_number_id: &str) -> Vec<OutboundMessage> {
        let inner = lock(&self.shared.inner);
        let sent = inner
            .sent
            .iter()
            .filter(|(from, _)| from == phone_number_id);
        sent.map(|(_, body)| outbound(body, &inner.uploads))
            .collect()
    }

    /// The body of a notification about a message of a customer.
    pub fn message(phone_number_id: &str, message: &InboundMessage) -> Value {
        let from = &message.party.address.0;
        let mut json = json!({
            "from": from, "id": message.id, "timestamp": (message.sent_at.0 / 1000).to_string(),
        });
        let (kind, content) = match &message.body {
            InboundBody::Media(media) => {
                let kind = match media.kind {
                    MediaKind::VoiceNote => "audio",
                    kind => kind.as_str(),
                };
                (
                    kind,
                    json!({"id": media.handle, "mime_type": media.mime_type, "sha256": "x",
                    "voice": media.kind == MediaKind::VoiceNote}),
                )
            }
            body => ("text", json!({"body": body.text()})),
        };
        json["type"] = json!(kind);
        json[kind] = content;
        let name = message.party.name.as_ref().map(DisplayName::expose);
        let contact = json!({"wa_id": from, "profile": {"name": name}});
        notification(
            phone_number_id,
            &json!({"contacts": [contact], "messages": [json]}),
        )
    }

    /// The body of a notification about a message of ours.
    pub fn status(phone_number_id: &str, report: &DeliveryReport) -> Value {
        let word = match report.delivery {
            Delivery::Sent => "sent",
            Delivery::Delivered => "delivered",
            Delivery::Read => "read",
            Delivery::Failed => "failed",
        };
        let mut status = json!({
            "id": "wamid.X", "status": word, "timestamp": (report.at.0 / 1000).to_string(),
            "recipient_id": "972550000100", "biz_opaque_callback_data": report.id.0,
        });
        let code = report.code.as_deref();
        if let Some(code) = code.and_then(|code| code.parse::<i64>().ok()) {
            status["errors"] = json!([{"code": code}]);
        }
        notification(phone_number_id, &json!({"statuses": [status]}))
    }

    /// The signature header's value for a body.
    pub fn sign(app_secret: &SecretString, body: &[u8]) -> String {
        use fmt::Write as _;
        let mac = Hmac::<Sha256>::new_from_slice(app_secret.expose_secret().as_bytes())
            .expect("HMAC takes a key of any length");
        let digest = mac.chain_update(body).finalize().into_bytes();
        digest.iter().fold("sha256=".to_owned(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
    }
}

fn notification(phone_number_id: &str, what: &Value) -> Value {
    let mut value = json!({
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "972550000001", "phone_number_id": phone_number_id},
    });
    for (name, part) in what.as_object().into_iter().flatten() {
        value[name] = part.clone();
    }
    json!({
        "object": "whatsapp_business_account",
        "entry": [{"id": "1", "changes": [{"field": "messages", "value": value}]}],
    })
}

fn outbound(body: &Value, uploads: &BTreeMap<String, (String, Bytes)>) -> OutboundMessage {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let kind = body["type"].as_str().unwrap_or_default();
    let content = &body[kind];
    let (message, first_contact) = match kind {
        "text" => (OutboundBody::Text(text(&content["body"])), false),
        "template" => {
            let parameters = content["components"][0]["parameters"].as_array();
            let template = Template {
                name: text(&content["name"]),
                language: text(&content["language"]["code"]),
                parameters: parameters
                    .into_iter()
                    .flatten()
                    .map(|parameter| text(&parameter["text"]))
                    .collect(),
            };
            (OutboundBody::Template(template), true)
        }
        _ => {
            let id = content["id"].as_str().unwrap_or_default();
            let (mime_type, bytes) = uploads.get(id).cloned().unwrap_or_default();
            let media = OutboundMedia {
                kind: match kind {
                    "image" => MediaKind::Image,
                    "video" => MediaKind::Video,
                    "audio" if content["voice"] == true => MediaKind::VoiceNote,
                    "audio" => MediaKind::Audio,
                    _ => MediaKind::Document,
                },
                mime_type,
                file_name: content["filename"].as_str().map(str::to_owned),
                caption: content["caption"].as_str().map(str::to_owned),
                bytes,
            };
            (OutboundBody::Media(media), false)
        }
    };
    OutboundMessage {
        id: OutboundId(text(&body["biz_opaque_callback_data"])),
        to: ChatAddress(text(&body["to"])),
        body: message,
        first_contact,
    }
}

type App = State<Arc<Shared>>;

fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route(&format!("/{VERSION}/{{id}}"), get(read_node))
        .route(&format!("/{VERSION}/{{id}}/messages"), post(messages))
        .route(&format!("/{VERSION}/{{id}}/media"), post(upload))
        .route("/files/{id}", get(file))
        .with_state(shared)
}

impl Shared {
    fn authorized(&self, headers: &HeaderMap) -> bool {
        let expected = format!("Bearer {}", self.token.expose_secret());
        headers
            .get("authorization")
            .is_some_and(|value| value == expected.as_str())
    }
}

fn refusal(status: u16, code: i64) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
    let error = json!({"error": {"message": "refused", "type": "OAuthException", "code": code}});
    (status, axum::Json(error)).into_response()
}

/// A number, or the place of a file.
async fn read_node(State(shared): App, Path(id): Path<String>, headers: HeaderMap) -> Response {
    if !shared.authorized(&headers) {
        return refusal(401, 190);
    }
    if lock(&shared.inner).files.contains_key(&id) {
        let base = lock(&shared.base).clone();
        let origin = base.trim_end_matches(VERSION);
        return axum::Json(json!({"id": id, "url": format!("{origin}files/{id}")})).into_response();
    }
    if id.bytes().all(|byte| byte.is_ascii_digit()) {
        return axum::Json(json!({"id": id})).into_response();
    }
    refusal(404, 100)
}

async fn messages(
    State(shared): App,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if !shared.authorized(&headers) {
        return refusal(401, 190);
    }
    let mut inner = lock(&shared.inner);
    if let Some((status, code)) = inner.fail.take() {
        return refusal(status, code);
    }
    let Ok(body) = serde_json::from_slice::<Value>(&body) else {
        return refusal(400, 100);
    };
    if body["status"] == "read" {
        let message = body["message_id"].as_str().unwrap_or_default().to_owned();
        inner.read.push(message);
        return axum::Json(json!({"success": true})).into_response();
    }
    inner.sent.push((id, body));
    let wamid = format!("wamid.{}", inner.sent.len());
    axum::Json(json!({"messaging_product": "whatsapp", "messages": [{"id": wamid}]}))
        .into_response()
}

async fn upload(State(shared): App, headers: HeaderMap, mut form: Multipart) -> Response {
    if !shared.authorized(&headers) {
        return refusal(401, 190);
    }
    while let Ok(Some(field)) = form.next_field().await {
        if field.name() != Some("file") {
            continue;
        }
        let mime = field.content_type().unwrap_or_default().to_owned();
        let Ok(bytes) = field.bytes().await else {
            return refusal(400, 131_053);
        };
        let mut inner = lock(&shared.inner);
        let id = format!("up{}", inner.uploads.len() + 1);
        inner.uploads.insert(id.clone(), (mime, bytes));
        return axum::Json(json!({"id": id})).into_response();
    }
    refusal(400, 100)
}

async fn file(State(shared): App, Path(id): Path<String>, headers: HeaderMap) -> Response {
    if !shared.authorized(&headers) {
        return refusal(401, 190);
    }
    let file = lock(&shared.inner).files.get(&id).cloned();
    file.map_or_else(
        || StatusCode::NOT_FOUND.into_response(),
        IntoResponse::into_response,
    )
}
