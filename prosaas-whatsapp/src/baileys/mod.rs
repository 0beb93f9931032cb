//! Client of the Baileys sidecar: `baileys/PROTOCOL.md`, version 1.
//!
//! The sidecar is an unofficial WhatsApp client in a process of its own. It keeps the keys, the queue of what
//! is to be sent and what came in; this side asks it and takes what it reports ([`Receiver`]).

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use prosaas_core::message::{
    ChatAddress, InboundMedia, MediaKind, OutboundBody, OutboundId, OutboundMedia, OutboundMessage,
};
use prosaas_core::whatsapp::{
    FileSink, LinkMethod, LinkState, WhatsAppCapabilities, WhatsAppTransport,
};
use prosaas_core::{Clock, Error, Result, TenantId};
use reqwest::{Method, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use url::Url;

mod receiver;
mod signing;
mod translate;
mod wire;

pub use receiver::{EVENTS_PATH, FILES_PATH, MAX_BODY, PING_PATH, QR_PATH, Receiver};
pub use signing::{
    InternalKey, NONCE_HEADER, NonceWindow, Refusal, SIGNATURE_HEADER, SignedParts, TIME_HEADER,
    WINDOW_MS,
};

pub(crate) use signing::fresh_nonce;

use crate::http;

/// How long one question may take.
const TIMEOUT: Duration = Duration::from_secs(10);
/// How long a file may take.
const FILE_TIMEOUT: Duration = Duration::from_mins(5);
/// The code by which either side refuses an older owner.
const FENCED: &str = "fenced";
/// The longest text, in characters (PROTOCOL.md).
const MAX_TEXT: usize = 4096;

/// What the host keeps for its sidecar.
#[async_trait]
pub trait SidecarHost: Send + Sync + 'static {
    /// The epoch under which the business's session is owned: at least 1. A sidecar that still speaks of an
    /// older one is refused.
    ///
    /// # Errors
    /// `NotFound` when there is no such business.
    async fn owner_epoch(&self, tenant: TenantId) -> Result<u64>;

    /// Gives the session to a new owner. Returns its epoch, above every one that was ever given out, also
    /// before the host's database was restored from a backup.
    ///
    /// # Errors
    /// `NotFound` when there is no such business.
    async fn raise_epoch(&self, tenant: TenantId) -> Result<u64>;

    /// Remembers an epoch that was given out and forgotten, by a restore; an older one changes nothing.
    ///
    /// # Errors
    /// `NotFound` when there is no such business.
    async fn note_epoch(&self, tenant: TenantId, epoch: u64) -> Result<()>;

    /// Keeps a file until the sidecar has sent it, under a path that begins with [`FILES_PATH`] and cannot be
    /// guessed; it survives the end of the process.
    async fn shelve(
        &self,
        tenant: TenantId,
        id: &OutboundId,
        media: &OutboundMedia,
    ) -> Result<String>;

    /// The bytes kept under a path.
    async fn shelved(&self, path: &str) -> Result<Option<Bytes>>;
}

/// A [`WhatsAppTransport`] over the sidecar.
#[derive(Clone)]
pub struct Baileys {
    http: reqwest::Client,
    base: Url,
    key: InternalKey,
    clock: Arc<dyn Clock>,
    host: Arc<dyn SidecarHost>,
}

impl fmt::Debug for Baileys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Baileys")
            .field("base", &self.base.as_str())
            .finish_non_exhaustive()
    }
}

impl Baileys {
    /// A client of the sidecar at `base_url` (`BAILEYS_BASE_URL`, such as `http://baileys:3300`). Plain HTTP is
    /// taken: the two live on one internal network, and every request is signed.
    ///
    /// # Errors
    /// `Invalid` when the address has not its form or no HTTP client can be built.
    pub fn new(
        base_url: &str,
        key: InternalKey,
        clock: Arc<dyn Clock>,
        host: Arc<dyn SidecarHost>,
        http: reqwest::ClientBuilder,
    ) -> Result<Self> {
        let base = http::base(base_url, "BAILEYS_BASE_URL", |_| true)?;
        let http = http
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| Error::internal("HTTP client", error))?;
        Ok(Self {
            http,
            base,
            key,
            clock,
            host,
        })
    }

    /// Asks, and gives the answer whatever its status.
    async fn ask(
        &self,
        method: Method,
        path: &str,
        body: Option<&(impl Serialize + Sync)>,
        timeout: Duration,
    ) -> Result<reqwest::Response> {
        let url = self
            .base
            .join(path)
            .map_err(|error| Error::internal("the sidecar's address", error))?;
        let body = match body {
            Some(value) => serde_json::to_vec(value)
                .map_err(|error| Error::internal("a request to the sidecar", error))?,
            None => Vec::new(),
        };
        let line = &url[url::Position::BeforePath..url::Position::AfterQuery];
        let (time, nonce) = (self.clock.now(), fresh_nonce()?);
        let signature = self.key.sign(method.as_str(), line, time, &nonce, &body);
        let mut request = self
            .http
            .request(method, url.clone())
            .timeout(timeout)
            .header(TIME_HEADER, time.0.to_string())
            .header(NONCE_HEADER, nonce)
            .header(SIGNATURE_HEADER, signature);
        if !body.is_empty() {
            request = request
                .header("content-type", "application/json")
                .body(body);
        }
        let what = path.split('?').next().unwrap_or_default();
        match request.send().await {
            Ok(response) => {
                let (status, bytes) = (response.status().as_u16(), response.content_length());
                tracing::debug!(path = what, status, bytes, "the sidecar answered");
                Ok(response)
            }
            Err(error) => {
                let error = Error::unavailable("WhatsApp sidecar", error.without_url());
                tracing::debug!(path = what, error = %error.chain(), "the sidecar did not answer");
                Err(error)
            }
        }
    }

    /// Asks for JSON; a status of 400 and above is an error.
    async fn json<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<&(impl Serialize + Sync)>,
    ) -> Result<(StatusCode, T)> {
        let response = succeed(self.ask(method, path, body, TIMEOUT).await?).await?;
        let status = response.status();
        let body = http::whole(response, http::MAX_JSON).await?;
        let value = serde_json::from_slice(&body)
            .map_err(|error| Error::internal("the sidecar's answer", error))?;
        Ok((status, value))
    }

    /// Does something whose answer says nothing more.
    async fn post(&self, path: &str, body: &(impl Serialize + Sync)) -> Result<()> {
        succeed(self.ask(Method::POST, path, Some(body), TIMEOUT).await?).await?;
        Ok(())
    }

    /// Has the sidecar own a session under an epoch.
    async fn own(&self, tenant: TenantId, owner_epoch: u64) -> Result<wire::Session> {
        let own = wire::Own {
            owner_epoch,
            policy: wire::Policy {
                strangers: "asked",
                groups: false,
            },
        };
        let path = format!("v1/sessions/{tenant}");
        let (_, session) = self.json(Method::PUT, &path, Some(&own)).await?;
        Ok(session)
    }

    /// Gives the session to this sidecar: whoever had it before is refused from now on.
    async fn take(&self, tenant: TenantId) -> Result<wire::Session> {
        let epoch = self.host.raise_epoch(tenant).await?;
        tracing::info!(%tenant, epoch, "the session of a business has a new owner");
        self.own(tenant, epoch).await
    }

    /// The state of a session that exists, with its code where one is shown.
    async fn shown(&self, tenant: TenantId, session: &wire::Session) -> Result<LinkState> {
        if matches!(session.state.as_str(), "qr" | "pairing_code") {
            let path = format!("v1/sessions/{tenant}/qr");
            let (_, code): (_, wire::Linking) = self.json(Method::GET, &path, NOTHING).await?;
            // Never the code itself: who has it owns the link.
            tracing::debug!(%tenant, state = code.state, seq = code.seq, "a code to link by is shown");
            if let Some(state) = translate::code(code) {
                return Ok(state);
            }
        }
        Ok(translate::link_state(session))
    }

    async fn content<'a>(
        &self,
        tenant: TenantId,
        message: &'a OutboundMessage,
        path: &'a mut String,
    ) -> Result<wire::SendContent<'a>> {
        let media = match &message.body {
            OutboundBody::Text(text) if text.is_empty() || text.chars().count() > MAX_TEXT => {
                return Err(Error::invalid("text", "expected 1 to 4096 characters"));
            }
            OutboundBody::Text(text) => return Ok(wire::SendContent::Text { text }),
            OutboundBody::Media(media) => media,
            _ => {
                return Err(Error::invalid(
                    "body",
                    "expected text or a file: this way to WhatsApp has no templates",
                ));
            }
        };
        *path = self.host.shelve(tenant, &message.id, media).await?;
        let file = wire::SendMedia {
            path,
            mime: &media.mime_type,
            bytes: media.bytes.len() as u64,
            file_name: media.file_name.as_deref(),
        };
        let caption = media.caption.as_deref();
        Ok(match media.kind {
            MediaKind::Image | MediaKind::Sticker => wire::SendContent::Image {
                media: file,
                caption,
            },
            MediaKind::Video => wire::SendContent::Video {
                media: file,
                caption,
            },
            MediaKind::Audio => wire::SendContent::Audio {
                media: file,
                voice: false,
            },
            MediaKind::VoiceNote => wire::SendContent::Audio {
                media: file,
                voice: true,
            },
            _ => wire::SendContent::Document {
                media: file,
                caption,
            },
        })
    }
}

/// Whether whoever asks for a link gets a new one, and not the one that is there.
fn begins_anew(session: &wire::Session) -> bool {
    matches!(
        session.state.as_str(),
        "idle"
            | "expired"
            | "logged_out"
            | "banned"
            | "needs_passkey"
            | "quarantined"
            | "replaced"
            | "outdated"
            | "stopped"
    )
}

/// For questions without a body.
const NOTHING: Option<&()> = None;

#[async_trait]
impl WhatsAppTransport for Baileys {
    fn capabilities(&self) -> WhatsAppCapabilities {
        WhatsAppCapabilities {
            links_by_qr: true,
            links_by_pairing_code: true,
            needs_templates: false,
            carries_media: true,
            reports_delivery: true,
            shows_typing: true,
        }
    }

    async fn state(&self, tenant: TenantId) -> Result<LinkState> {
        let path = format!("v1/sessions/{tenant}");
        let response = self.ask(Method::GET, &path, NOTHING, TIMEOUT).await?;
        if response.status() == StatusCode::NOT_FOUND {
            return Ok(LinkState::Unlinked);
        }
        let body = http::whole(succeed(response).await?, http::MAX_JSON).await?;
        let session: wire::Session = serde_json::from_slice(&body)
            .map_err(|error| Error::internal("the sidecar's answer", error))?;
        self.shown(tenant, &session).await
    }

    async fn link(&self, tenant: TenantId, method: LinkMethod) -> Result<LinkState> {
        let epoch = self.host.owner_epoch(tenant).await?;
        let session = match self.own(tenant, epoch).await {
            // The sidecar knows an owner that our database forgot: it was restored from a backup.
            Err(Error::Conflict { what: FENCED, .. }) => self.take(tenant).await?,
            owned => owned?,
        };
        let links = begins_anew(&session);
        // Whoever sees one kind of code may ask for the other.
        let shows_the_other = matches!(
            (session.state.as_str(), &method),
            ("qr", LinkMethod::PairingCode(_)) | ("pairing_code", LinkMethod::Qr)
        );
        if !links && !shows_the_other {
            return self.shown(tenant, &session).await;
        }
        if links {
            // Who had the session before may run still, elsewhere: with the keys of an earlier link, or a copy
            // of these.
            self.take(tenant).await?;
        }
        let body = match &method {
            LinkMethod::Qr => json!({ "method": "qr" }),
            LinkMethod::PairingCode(phone) => {
                let digits = phone.expose().trim_start_matches('+');
                json!({ "method": "pairing_code", "phone": digits })
            }
        };
        let path = format!("v1/sessions/{tenant}/link");
        let (_, session): (_, wire::Session) = self.json(Method::POST, &path, Some(&body)).await?;
        self.shown(tenant, &session).await
    }

    async fn unlink(&self, tenant: TenantId) -> Result<()> {
        let path = format!("v1/sessions/{tenant}/unlink");
        let response = self
            .ask(Method::POST, &path, Some(&json!({})), TIMEOUT)
            .await?;
        if response.status() != StatusCode::NOT_FOUND {
            succeed(response).await?;
        }
        Ok(())
    }

    async fn send(&self, tenant: TenantId, message: OutboundMessage) -> Result<bool> {
        let mut path = String::new();
        let content = self.content(tenant, &message, &mut path).await?;
        let body = wire::Send {
            message_id: &message.id.0,
            chat: &message.to.0,
            first_contact: message.first_contact,
            content,
        };
        let path = format!("v1/sessions/{tenant}/messages");
        let response = self.ask(Method::POST, &path, Some(&body), TIMEOUT).await?;
        // A session that was never made is one that is not linked.
        if response.status() == StatusCode::NOT_FOUND {
            return Err(conflict("the business's WhatsApp is not linked"));
        }
        Ok(succeed(response).await?.status() == StatusCode::ACCEPTED)
    }

    async fn typing(&self, tenant: TenantId, chat: &ChatAddress) -> Result<()> {
        let body = json!({ "chat": chat.0, "state": "composing" });
        self.post(&format!("v1/sessions/{tenant}/typing"), &body)
            .await
    }

    async fn mark_read(
        &self,
        tenant: TenantId,
        chat: &ChatAddress,
        messages: &[String],
    ) -> Result<()> {
        for some in messages.chunks(100) {
            let body = json!({ "chat": chat.0, "wa_ids": some });
            self.post(&format!("v1/sessions/{tenant}/read"), &body)
                .await?;
        }
        Ok(())
    }

    async fn fetch(
        &self,
        tenant: TenantId,
        media: &InboundMedia,
        limit: u64,
        sink: &mut dyn FileSink,
    ) -> Result<()> {
        let (wa_id, chat) = media
            .handle
            .split_once(' ')
            .filter(|(wa_id, _)| wa_id.bytes().all(|byte| byte.is_ascii_alphanumeric()))
            .ok_or_else(|| Error::invalid("handle", "expected the handle of a received file"))?;
        let chat: String = url::form_urlencoded::byte_serialize(chat.as_bytes()).collect();
        let path = format!("v1/sessions/{tenant}/media/{wa_id}?chat={chat}");
        let response = self.ask(Method::GET, &path, NOTHING, FILE_TIMEOUT).await?;
        if matches!(response.status(), StatusCode::NOT_FOUND | StatusCode::GONE) {
            return Err(Error::NotFound { what: "file" });
        }
        if response.status() == StatusCode::PAYLOAD_TOO_LARGE {
            return Err(http::too_large(limit));
        }
        http::file(succeed(response).await?, limit, sink).await
    }
}

/// The answer, or the error that its status and code stand for.
async fn succeed(response: reqwest::Response) -> Result<reqwest::Response> {
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let body = http::read(response, http::MAX_JSON).await.ok();
    let problem: wire::Problem = body
        .and_then(|body| serde_json::from_slice(&body).ok())
        .unwrap_or_default();
    let retry_after = Duration::from_millis(problem.retry_after_ms.unwrap_or(1_000));
    Err(match (status.as_u16(), problem.code.as_str()) {
        (_, "not_linked") => conflict("the business's WhatsApp is not linked"),
        (_, "stranger") => conflict("this person never wrote to the business"),
        (_, "conflict") => {
            conflict("this id was used for another message, or the link is in another state")
        }
        (_, FENCED) => Error::Conflict {
            what: FENCED,
            detail: "another sidecar owns this business's WhatsApp".to_owned(),
        },
        (400 | 413 | 415, _) => Error::invalid("message", "expected what WhatsApp can carry"),
        (404, _) => Error::NotFound {
            what: "WhatsApp session",
        },
        (423 | 429, _) => Error::RateLimited { retry_after },
        (401, _) => Error::internal(
            "the sidecar's answer",
            "it refused our signature: do both have the same INTERNAL_SECRET and the right time?",
        ),
        (status, _) => Error::unavailable("WhatsApp sidecar", format!("it answered {status}")),
    })
}

fn conflict(detail: &str) -> Error {
    Error::Conflict {
        what: "message",
        detail: detail.to_owned(),
    }
}
