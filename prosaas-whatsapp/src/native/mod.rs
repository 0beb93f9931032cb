#![doc = include_str!("README.md")]

use std::collections::HashMap;
use std::fmt;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use prosaas_core::message::{
    ChatAddress, InboundMedia, OutboundBody, OutboundMedia, OutboundMessage,
};
use prosaas_core::whatsapp::{
    FileSink, LinkMethod, LinkState, WhatsAppCapabilities, WhatsAppInbox, WhatsAppTransport,
};
use prosaas_core::{Clock, Error, Result, TenantId};
use tokio::task::JoinSet;
use whatsapp_rust::download::DownloadParams;
use whatsapp_rust::error::ErrorChainExt as _;
use whatsapp_rust::waproto::codec;
use whatsapp_rust::waproto::whatsapp as wa;
use whatsapp_rust::{Client, Jid, UploadOptions, anyhow};

mod connection;
mod driver;
mod folder;
mod hook;
mod keys;
mod link;
mod listener;
mod machine;
mod network;
mod outbox;
mod queue;
mod store;
mod tasks;
mod translate;
mod vault;
mod version;

pub use folder::FolderLinkStore;
pub use network::Network;
pub use queue::wa_id;
pub use store::{Change, LinkStore, MemoryLinkStore};
pub use vault::LinkKey;

/// The library's own client of HTTP, for [`Network::at`].
pub use whatsapp_rust::http::{HttpClient, HttpRequest, HttpResponse};

use crate::http;
use driver::Signal;
use link::Link;
use version::Versions;

/// The longest text, in characters; WhatsApp takes more, the other ways to it do not.
const MAX_TEXT: usize = 4096;
/// The largest file that is sent, in bytes: it is in memory while it is.
const MAX_FILE: usize = 100_000_000;
/// How long whoever asks for a link waits for a code.
const CODE_WITHIN: Duration = Duration::from_secs(15);
/// How long a link may take to end in order.
const STOPPED_WITHIN: Duration = Duration::from_secs(10);

/// What may be set.
#[derive(Clone, Debug)]
pub struct NativeOptions {
    /// The version of WhatsApp's web program to be; `None` asks WhatsApp once a day.
    pub version: Option<(u32, u32, u32)>,
    /// The pause after each message, between these.
    pub pace: Range<Duration>,
    /// The most messages of a business that wait to be sent; beyond it sending is `RateLimited`.
    pub queue_bound: usize,
    /// The most events of a business that wait for the inbox; beyond it messages are left with WhatsApp.
    pub inbox_bound: usize,
    /// The first pause before the inbox is offered again what it refused; it doubles to a minute.
    pub retry_first: Duration,
}

impl Default for NativeOptions {
    fn default() -> Self {
        Self {
            version: None,
            pace: Duration::from_secs(1)..Duration::from_secs(3),
            queue_bound: 1_000,
            inbox_bound: 10_000,
            retry_first: Duration::from_secs(1),
        }
    }
}

/// What a [`Native`] stands on.
pub struct NativeParts {
    /// Keeps keys and queues.
    pub store: Arc<dyn LinkStore>,
    /// Seals what is kept.
    pub key: LinkKey,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Takes what comes in.
    pub inbox: Arc<dyn WhatsAppInbox>,
    /// How WhatsApp is reached.
    pub network: Network,
    /// What may be set.
    pub options: NativeOptions,
}

impl fmt::Debug for NativeParts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NativeParts")
            .field("network", &self.network)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

/// What all links share.
struct Shared {
    store: Arc<dyn LinkStore>,
    key: LinkKey,
    clock: Arc<dyn Clock>,
    inbox: Arc<dyn WhatsAppInbox>,
    network: Network,
    versions: Versions,
    options: NativeOptions,
}

/// A [`WhatsAppTransport`] that speaks WhatsApp's own protocol in this process.
///
/// It owns everything that runs for it: [`Native::stop`] ends it in order, dropping it ends it at once. Neither unlinks.
pub struct Native {
    shared: Arc<Shared>,
    links: tokio::sync::Mutex<HashMap<TenantId, Arc<Link>>>,
    tasks: Mutex<JoinSet<()>>,
}

impl fmt::Debug for Native {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Native")
            .field("network", &self.shared.network)
            .finish_non_exhaustive()
    }
}

impl Native {
    /// Starts, and connects every business whose link is stored. One process at a time may use a store.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn start(parts: NativeParts) -> Result<Self> {
        let http = Arc::clone(&parts.network.http);
        let versions = Versions::new(parts.options.version, http, Arc::clone(&parts.clock));
        let native = Self {
            shared: Arc::new(Shared {
                store: parts.store,
                key: parts.key,
                clock: parts.clock,
                inbox: parts.inbox,
                network: parts.network,
                versions,
                options: parts.options,
            }),
            links: tokio::sync::Mutex::default(),
            tasks: Mutex::default(),
        };
        for tenant in native.shared.store.tenants().await? {
            native.opened(tenant).await?;
        }
        Ok(native)
    }

    /// Ends every connection in order; nothing is unlinked. What is asked afterwards is `Unavailable`.
    pub async fn stop(&self) {
        let links: Vec<_> = self.links.lock().await.values().cloned().collect();
        for link in links {
            let stopped = link.signal(Signal::Stop);
            let _ = tokio::time::timeout(STOPPED_WITHIN, stopped).await;
        }
        let mut tasks = std::mem::take(&mut *self.tasks());
        tasks.shutdown().await;
    }

    /// Has the inbox offered at once what it refused of a business.
    pub async fn offer(&self, tenant: TenantId) {
        if let Some(link) = self.link_of(tenant).await {
            link.outbox.look();
        }
    }

    /// Unlinks a business and takes away everything that is kept of it: also what its inbox has not taken.
    ///
    /// # Errors
    /// When something of it stays.
    pub async fn erase(&self, tenant: TenantId) -> Result<()> {
        let link = self.links.lock().await.remove(&tenant);
        if let Some(link) = link {
            link.signal(Signal::Unlink).await??;
            link.signal(Signal::Stop).await?;
        }
        self.shared.store.erase(tenant).await
    }

    fn tasks(&self) -> MutexGuard<'_, JoinSet<()>> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn link_of(&self, tenant: TenantId) -> Option<Arc<Link>> {
        self.links.lock().await.get(&tenant).cloned()
    }

    async fn opened(&self, tenant: TenantId) -> Result<Arc<Link>> {
        let mut links = self.links.lock().await;
        if let Some(link) = links.get(&tenant) {
            return Ok(Arc::clone(link));
        }
        let link = Link::open(Arc::clone(&self.shared), tenant, &self.tasks).await?;
        links.insert(tenant, Arc::clone(&link));
        Ok(link)
    }

    async fn linked(&self, tenant: TenantId) -> Result<Arc<Link>> {
        let link = self.link_of(tenant).await;
        link.filter(|link| is_linked(&link.state()))
            .ok_or_else(not_linked)
    }

    async fn ready(&self, tenant: TenantId) -> Result<(Arc<Link>, Arc<Client>)> {
        let link = self.linked(tenant).await?;
        let client = link.ready().ok_or_else(|| {
            Error::unavailable("WhatsApp", "the link is not connected at the moment")
        })?;
        Ok((link, client))
    }
}

/// Whether messages are taken: the link is there, though it may not be connected.
const fn is_linked(state: &LinkState) -> bool {
    matches!(
        state,
        LinkState::Ready { .. }
            | LinkState::Connecting
            | LinkState::Unreachable
            | LinkState::Broken
    )
}

fn not_linked() -> Error {
    conflict("the business's WhatsApp is not linked")
}

fn conflict(detail: &str) -> Error {
    Error::Conflict {
        what: "message",
        detail: detail.to_owned(),
    }
}

fn chat(address: &ChatAddress) -> Result<Jid> {
    translate::chat(address).ok_or_else(|| Error::invalid("chat", "expected a person's address"))
}

/// The words that may be sent.
fn words(text: &str) -> Result<wa::Message> {
    if text.is_empty() || text.chars().count() > MAX_TEXT {
        return Err(Error::invalid("text", "expected 1 to 4096 characters"));
    }
    Ok(translate::text(text))
}

async fn upload(client: &Client, media: &OutboundMedia) -> Result<wa::Message> {
    if media.bytes.len() > MAX_FILE {
        return Err(http::too_large(MAX_FILE as u64));
    }
    let kind = match media.kind.as_str() {
        // What is sent as a picture is kept as one.
        "sticker" => "image",
        kind => kind,
    };
    let kind = translate::media_type(kind);
    let uploaded = client.upload(media.bytes.to_vec(), kind, UploadOptions::default());
    let uploaded = uploaded.await.map_err(unavailable)?;
    Ok(translate::uploaded(media, uploaded))
}

fn unavailable(error: anyhow::Error) -> Error {
    Error::unavailable("WhatsApp", error.into_boxed_dyn_error())
}

#[async_trait]
impl WhatsAppTransport for Native {
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
        let link = self.link_of(tenant).await;
        Ok(link.map_or(LinkState::Unlinked, |link| link.state()))
    }

    async fn link(&self, tenant: TenantId, method: LinkMethod) -> Result<LinkState> {
        let link = self.opened(tenant).await?;
        let by_code = matches!(method, LinkMethod::PairingCode(_));
        link.signal(|done| Signal::Link(method, done)).await?;
        let is_shown = move |state: &LinkState| match state {
            LinkState::Connecting => false,
            // The code to be typed follows the one to be scanned.
            LinkState::Qr(_) => !by_code,
            _ => true,
        };
        Ok(link.state_when(is_shown, CODE_WITHIN).await)
    }

    async fn unlink(&self, tenant: TenantId) -> Result<()> {
        match self.link_of(tenant).await {
            Some(link) => link.signal(Signal::Unlink).await?,
            None => Ok(()),
        }
    }

    async fn send(&self, tenant: TenantId, message: OutboundMessage) -> Result<bool> {
        let chat = chat(&message.to)?;
        if matches!(message.body, OutboundBody::Template(_)) {
            return Err(Error::invalid(
                "body",
                "expected text or a file: this way to WhatsApp has no templates",
            ));
        }
        let link = self.link_of(tenant).await.ok_or_else(not_linked)?;
        if link.queue.has(&message).await? {
            return Ok(false);
        }
        if !is_linked(&link.state()) {
            return Err(not_linked());
        }
        if !message.first_contact && !link.outbox.knows(&message.to.0).await? {
            return Err(conflict("this person never wrote to the business"));
        }
        let encoded = match &message.body {
            OutboundBody::Text(text) => words(text)?,
            OutboundBody::Media(media) => upload(&self.ready(tenant).await?.1, media).await?,
            _ => return Err(Error::invalid("body", "expected text or a file")),
        };
        let encoded = codec::message_to_vec(&encoded);
        link.queue.put(&message, chat.to_string(), encoded).await
    }

    async fn typing(&self, tenant: TenantId, address: &ChatAddress) -> Result<()> {
        let chat = chat(address)?;
        let (_, client) = self.ready(tenant).await?;
        let shown = client.chatstate().send_composing(&chat).await;
        shown.map_err(|error| Error::unavailable("WhatsApp", error))
    }

    async fn mark_read(
        &self,
        tenant: TenantId,
        address: &ChatAddress,
        messages: &[String],
    ) -> Result<()> {
        let chat = chat(address)?;
        let (_, client) = self.ready(tenant).await?;
        let ids: Vec<&str> = messages.iter().map(String::as_str).collect();
        let marked = client.mark_as_read(&chat, None, &ids).await;
        marked.map_err(unavailable)
    }

    async fn fetch(
        &self,
        tenant: TenantId,
        media: &InboundMedia,
        limit: u64,
        sink: &mut dyn FileSink,
    ) -> Result<()> {
        let (link, client) = self.ready(tenant).await?;
        let file = link.outbox.file(&media.handle).await?;
        let file = file.ok_or(Error::NotFound { what: "file" })?;
        if file.bytes > limit {
            return Err(http::too_large(limit));
        }
        let kind = translate::media_type(&file.kind);
        let params = DownloadParams::encrypted(
            file.path,
            &file.key,
            &file.sha256,
            &file.sealed_sha256,
            file.bytes,
            kind,
        );
        let bytes = match client.download_from_params(&params).await {
            Ok(bytes) => bytes,
            Err(error) if is_gone(&error) => return Err(Error::NotFound { what: "file" }),
            Err(error) => return Err(unavailable(error)),
        };
        if bytes.len() as u64 > limit {
            return Err(http::too_large(limit));
        }
        sink.write(Bytes::from(bytes)).await
    }
}

/// Whether the file is not at WhatsApp any more.
fn is_gone(error: &anyhow::Error) -> bool {
    let cause: &(dyn std::error::Error + 'static) = error.as_ref();
    matches!(cause.http_status(), Some(404 | 410))
}
