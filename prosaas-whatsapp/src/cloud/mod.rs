//! Meta's WhatsApp Cloud API.
//!
//! Facts from Meta's documentation of the Cloud API, read in mid-2026 (`v26.0`); what of it was not seen by us
//! on the wire is in the crate's tests as a fixture only.
//!
//! Meta has no key of idempotency for sending. Ours goes along as `biz_opaque_callback_data` and comes back with
//! every status, and the host writes down that a message is about to be sent *before* it is: when the answer is
//! lost, the message is in doubt until its status arrives, and is not sent again.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use prosaas_core::message::{
    ChatAddress, InboundMedia, OutboundBody, OutboundId, OutboundMedia, OutboundMessage,
};
use prosaas_core::whatsapp::{
    FileSink, LinkMethod, LinkState, WhatsAppCapabilities, WhatsAppTransport,
};
use prosaas_core::{Clock, Error, ExposeSecret as _, Result, SecretString, TenantId, UnixMillis};
use reqwest::{Method, StatusCode};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use url::Url;

mod error;
mod outgoing;
mod receiver;
mod wire;

pub use receiver::{MAX_BODY, Receiver, SIGNATURE_HEADER};

use crate::http;

/// Where the API is, with the version that was read.
pub const DEFAULT_BASE: &str = "https://graph.facebook.com/v26.0";

/// How long after a customer's last message free words may be sent, in milliseconds (Meta: 24 hours).
pub const WINDOW_MS: i64 = 24 * 3_600_000;

const TIMEOUT: Duration = Duration::from_secs(15);
const FILE_TIMEOUT: Duration = Duration::from_mins(5);

/// A business's number at Meta.
#[derive(Clone)]
pub struct CloudAccount {
    /// Meta's id of the number: digits.
    pub phone_number_id: String,
    /// The token by which we send for it.
    pub token: SecretString,
    /// Whether the business has switched it on.
    pub linked: bool,
}

impl fmt::Debug for CloudAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CloudAccount")
            .field("phone_number_id", &self.phone_number_id)
            .field("linked", &self.linked)
            .finish_non_exhaustive()
    }
}

/// What is known of a message that is about to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// Nothing: it is written down now, and is ours to send.
    New,
    /// It was sent.
    Sent,
    /// It was about to be sent, and nobody knows whether it was.
    InDoubt,
    /// The id stands for another message.
    Other,
}

/// What the host keeps for this backend; everything here survives the end of the process.
#[async_trait]
pub trait CloudHost: Send + Sync + 'static {
    /// The business's number at Meta, if it has one.
    async fn account(&self, tenant: TenantId) -> Result<Option<CloudAccount>>;

    /// The business with this number.
    async fn tenant_of(&self, phone_number_id: &str) -> Result<Option<TenantId>>;

    /// Switches the business's number on or off.
    async fn set_linked(&self, tenant: TenantId, linked: bool) -> Result<()>;

    /// When this person last wrote to the business.
    async fn last_heard(&self, tenant: TenantId, chat: &ChatAddress) -> Result<Option<UnixMillis>>;

    /// Writes down that a message with this content is about to be sent, unless its id is known.
    async fn claim(&self, tenant: TenantId, id: &OutboundId, digest: [u8; 32]) -> Result<Claim>;

    /// Writes down that a claimed message was sent (`true`), or certainly was not and may be tried again.
    async fn settle(&self, tenant: TenantId, id: &OutboundId, sent: bool) -> Result<()>;
}

/// A [`WhatsAppTransport`] over the Cloud API.
#[derive(Clone)]
pub struct Cloud {
    http: reqwest::Client,
    base: Url,
    clock: Arc<dyn Clock>,
    host: Arc<dyn CloudHost>,
}

impl fmt::Debug for Cloud {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cloud")
            .field("base", &self.base.as_str())
            .finish_non_exhaustive()
    }
}

impl Cloud {
    /// A client of the API at `base_url` ([`DEFAULT_BASE`]); plain HTTP is taken towards loopback only.
    ///
    /// # Errors
    /// `Invalid` when the address has not its form.
    pub fn new(
        base_url: &str,
        clock: Arc<dyn Clock>,
        host: Arc<dyn CloudHost>,
        http: reqwest::ClientBuilder,
    ) -> Result<Self> {
        let base = http::base(base_url, "base_url", http::is_loopback)?;
        let http = http
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| Error::internal("HTTP client", error))?;
        Ok(Self {
            http,
            base,
            clock,
            host,
        })
    }

    /// The number of a business that has switched it on.
    async fn linked(&self, tenant: TenantId) -> Result<CloudAccount> {
        self.host
            .account(tenant)
            .await?
            .filter(|account| account.linked)
            .ok_or_else(|| conflict("the business's WhatsApp is not linked"))
    }

    fn request(
        &self,
        method: Method,
        path: &str,
        token: &SecretString,
    ) -> Result<reqwest::RequestBuilder> {
        let url = self
            .base
            .join(path)
            .map_err(|error| Error::internal("the address of Meta's API", error))?;
        Ok(self
            .http
            .request(method, url)
            .bearer_auth(token.expose_secret())
            .timeout(TIMEOUT))
    }

    /// Refuses what Meta would refuse: words to somebody who has not written for a day.
    async fn window(&self, tenant: TenantId, message: &OutboundMessage) -> Result<()> {
        if matches!(message.body, OutboundBody::Template(_)) {
            return Ok(());
        }
        let heard = self.host.last_heard(tenant, &message.to).await?;
        let now = self.clock.now();
        if heard.is_some_and(|at| now.since(at) < WINDOW_MS) {
            return Ok(());
        }
        Err(conflict(
            "this person has not written for 24 hours: send an approved template",
        ))
    }

    /// Uploads a file, and gives the id under which it is sent.
    async fn upload(&self, account: &CloudAccount, media: &OutboundMedia) -> Result<String> {
        let name = media.file_name.clone().unwrap_or_else(|| "file".to_owned());
        let part = reqwest::multipart::Part::stream(media.bytes.clone())
            .file_name(name)
            .mime_str(&media.mime_type)
            .map_err(|_| Error::invalid("mime_type", "expected a media type such as image/jpeg"))?;
        let form = reqwest::multipart::Form::new()
            .text("messaging_product", "whatsapp")
            .text("type", media.mime_type.clone())
            .part("file", part);
        let path = format!("{}/media", account.phone_number_id);
        let response = self
            .request(Method::POST, &path, &account.token)?
            .timeout(FILE_TIMEOUT)
            .multipart(form)
            .send()
            .await
            .map_err(unreachable)?;
        let uploaded: wire::Uploaded = json(error::succeed(response).await?).await?;
        Ok(uploaded.id)
    }

    /// Sends what was claimed; says whether Meta certainly did not take it, when it fails.
    async fn post(&self, account: &CloudAccount, body: &Value) -> std::result::Result<(), Unsent> {
        let path = format!("{}/messages", account.phone_number_id);
        let request = self
            .request(Method::POST, &path, &account.token)
            .map_err(Unsent::certainly)?;
        let response = match request.json(body).send().await {
            Ok(response) => response,
            Err(error) => {
                let certain = error.is_connect();
                return Err(Unsent {
                    certain,
                    error: unreachable(error),
                });
            }
        };
        // Meta processed nothing that it answers with 4xx; of a 5xx nobody knows.
        let certain = response.status().is_client_error();
        error::succeed(response)
            .await
            .map(drop)
            .map_err(|error| Unsent { certain, error })
    }
}

/// A message that was not sent, or of which nobody knows.
struct Unsent {
    certain: bool,
    error: Error,
}

impl Unsent {
    fn certainly(error: Error) -> Self {
        Self {
            certain: true,
            error,
        }
    }
}

#[async_trait]
impl WhatsAppTransport for Cloud {
    fn capabilities(&self) -> WhatsAppCapabilities {
        WhatsAppCapabilities {
            links_by_qr: false,
            links_by_pairing_code: false,
            needs_templates: true,
            carries_media: true,
            reports_delivery: true,
            shows_typing: false,
        }
    }

    async fn state(&self, tenant: TenantId) -> Result<LinkState> {
        let account = self.host.account(tenant).await?;
        Ok(if account.is_some_and(|account| account.linked) {
            LinkState::Ready { number: None }
        } else {
            LinkState::Unlinked
        })
    }

    /// Asks Meta about the number with the business's token, and switches the number on when Meta knows it.
    async fn link(&self, tenant: TenantId, method: LinkMethod) -> Result<LinkState> {
        if method != LinkMethod::Qr {
            return Err(Error::Forbidden {
                detail: "a number at Meta is configured; there is no code to type".to_owned(),
            });
        }
        let account = self.host.account(tenant).await?.ok_or_else(|| {
            conflict(
                "the business has no number at Meta: enter its phone number id and token first",
            )
        })?;
        let path = format!("{}?fields=id", account.phone_number_id);
        let response = self
            .request(Method::GET, &path, &account.token)?
            .send()
            .await
            .map_err(unreachable)?;
        error::succeed(response).await?;
        self.host.set_linked(tenant, true).await?;
        Ok(LinkState::Ready { number: None })
    }

    async fn unlink(&self, tenant: TenantId) -> Result<()> {
        self.host.set_linked(tenant, false).await
    }

    async fn send(&self, tenant: TenantId, message: OutboundMessage) -> Result<bool> {
        let account = self.linked(tenant).await?;
        outgoing::check(&message)?;
        self.window(tenant, &message).await?;
        match self
            .host
            .claim(tenant, &message.id, digest(&message))
            .await?
        {
            Claim::New => {}
            Claim::Sent => return Ok(false),
            Claim::InDoubt => {
                return Err(conflict(
                    "it is not known whether this message was sent; its status will tell",
                ));
            }
            Claim::Other => return Err(conflict("this id was used for another message")),
        }
        let uploaded = match &message.body {
            OutboundBody::Media(media) => match self.upload(&account, media).await {
                Ok(id) => Some(id),
                Err(error) => {
                    self.host.settle(tenant, &message.id, false).await?;
                    return Err(error);
                }
            },
            _ => None,
        };
        let body = outgoing::body(&message, uploaded.as_deref());
        match self.post(&account, &body).await {
            Ok(()) => {
                self.host.settle(tenant, &message.id, true).await?;
                Ok(true)
            }
            Err(unsent) => {
                if unsent.certain {
                    self.host.settle(tenant, &message.id, false).await?;
                }
                Err(unsent.error)
            }
        }
    }

    /// Does nothing: Meta shows it together with marking a message as read only.
    async fn typing(&self, _tenant: TenantId, _chat: &ChatAddress) -> Result<()> {
        Ok(())
    }

    async fn mark_read(
        &self,
        tenant: TenantId,
        _chat: &ChatAddress,
        messages: &[String],
    ) -> Result<()> {
        // Meta takes the newest: it marks those before it as well.
        let Some(newest) = messages.last() else {
            return Ok(());
        };
        let account = self.linked(tenant).await?;
        let path = format!("{}/messages", account.phone_number_id);
        let response = self
            .request(Method::POST, &path, &account.token)?
            .json(&outgoing::read(newest))
            .send()
            .await
            .map_err(unreachable)?;
        error::succeed(response).await.map(drop)
    }

    async fn fetch(
        &self,
        tenant: TenantId,
        media: &InboundMedia,
        limit: u64,
        sink: &mut dyn FileSink,
    ) -> Result<()> {
        let account = self.linked(tenant).await?;
        if media.handle.is_empty()
            || !media
                .handle
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric())
        {
            return Err(Error::invalid(
                "handle",
                "expected Meta's id of a received file",
            ));
        }
        let response = self
            .request(Method::GET, &media.handle, &account.token)?
            .send()
            .await
            .map_err(unreachable)?;
        if response.status() == StatusCode::NOT_FOUND {
            return Err(Error::NotFound { what: "file" });
        }
        let place: wire::MediaPlace = json(error::succeed(response).await?).await?;
        let url = self.file_url(&place.url)?;
        let response = self
            .http
            .get(url)
            .bearer_auth(account.token.expose_secret())
            .timeout(FILE_TIMEOUT)
            .send()
            .await
            .map_err(unreachable)?;
        if matches!(response.status(), StatusCode::NOT_FOUND | StatusCode::GONE) {
            return Err(Error::NotFound { what: "file" });
        }
        http::file(error::succeed(response).await?, limit, sink).await
    }
}

impl Cloud {
    /// The token goes to Meta's own hosts only (and to the host of a base that was configured).
    fn file_url(&self, text: &str) -> Result<Url> {
        Url::parse(text)
            .ok()
            .filter(|url| {
                let metas = url.scheme() == "https"
                    && url
                        .host_str()
                        .is_some_and(|host| host == "fbsbx.com" || host.ends_with(".fbsbx.com"));
                metas || url.origin() == self.base.origin()
            })
            .ok_or_else(|| {
                Error::internal("Meta's answer", "a file's address is not one of Meta's")
            })
    }
}

async fn json<T: serde::de::DeserializeOwned>(response: reqwest::Response) -> Result<T> {
    let body = http::whole(response, http::MAX_JSON).await?;
    serde_json::from_slice(&body).map_err(|error| Error::internal("Meta's answer", error))
}

fn unreachable(error: reqwest::Error) -> Error {
    Error::unavailable("WhatsApp", error.without_url())
}

fn conflict(detail: &str) -> Error {
    Error::Conflict {
        what: "message",
        detail: detail.to_owned(),
    }
}

/// What a message holds, so that an id used for another one is noticed.
fn digest(message: &OutboundMessage) -> [u8; 32] {
    let mut hash = Sha256::new();
    let mut part = |bytes: &[u8]| {
        hash.update((bytes.len() as u64).to_be_bytes());
        hash.update(bytes);
    };
    part(message.to.0.as_bytes());
    match &message.body {
        OutboundBody::Media(media) => {
            part(b"media");
            part(media.kind.as_str().as_bytes());
            part(media.mime_type.as_bytes());
            part(media.file_name.as_deref().unwrap_or_default().as_bytes());
            part(media.caption.as_deref().unwrap_or_default().as_bytes());
            part(&media.bytes);
        }
        _ => part(outgoing::body(message, None).to_string().as_bytes()),
    }
    hash.finalize().into()
}
