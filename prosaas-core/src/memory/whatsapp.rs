//! A [`WhatsAppTransport`] in memory.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;

use super::lock;
use crate::error::{Error, Result};
use crate::id::TenantId;
use crate::message::{
    ChatAddress, DeliveryReport, InboundMedia, InboundMessage, OutboundBody, OutboundMessage,
};
use crate::secret::SecretString;
use crate::time::UnixMillis;
use crate::whatsapp::{
    FileSink, LinkMethod, LinkState, QrCode, TOO_LARGE, WhatsAppCapabilities, WhatsAppEvent,
    WhatsAppInbox, WhatsAppTransport,
};

/// Businesses' WhatsApp links in memory, with the far side to be played by a test.
///
/// [`WhatsAppTransport::link`] shows a code, [`MemoryWhatsApp::scan`] is the owner's phone,
/// [`MemoryWhatsApp::deliver`] a customer. What the inbox refuses waits, and is offered again by
/// [`MemoryWhatsApp::offer`].
pub struct MemoryWhatsApp {
    inbox: Arc<dyn WhatsAppInbox>,
    links: Mutex<HashMap<TenantId, Link>>,
}

struct Link {
    state: LinkState,
    sent: Vec<OutboundMessage>,
    typing: Vec<ChatAddress>,
    read: Vec<String>,
    waiting: VecDeque<WhatsAppEvent>,
    files: HashMap<String, Bytes>,
}

impl Default for Link {
    fn default() -> Self {
        Self {
            state: LinkState::Unlinked,
            sent: Vec::new(),
            typing: Vec::new(),
            read: Vec::new(),
            waiting: VecDeque::new(),
            files: HashMap::new(),
        }
    }
}

impl fmt::Debug for MemoryWhatsApp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryWhatsApp").finish_non_exhaustive()
    }
}

impl MemoryWhatsApp {
    /// Nobody is linked; what comes in goes to `inbox`.
    pub fn new(inbox: Arc<dyn WhatsAppInbox>) -> Self {
        Self {
            inbox,
            links: Mutex::default(),
        }
    }

    /// The owner scans the code: the link is ready.
    pub async fn scan(&self, tenant: TenantId) {
        let number = None;
        self.set_state(tenant, LinkState::Ready { number }).await;
    }

    /// Sets the state of a link, such as [`LinkState::Replaced`], and tells the inbox.
    pub async fn set_state(&self, tenant: TenantId, state: LinkState) {
        self.with(tenant, |link| link.state = state.clone());
        self.push(tenant, WhatsAppEvent::Link(state)).await;
    }

    /// Somebody sends the business a message.
    pub async fn deliver(&self, tenant: TenantId, message: InboundMessage) {
        self.push(tenant, WhatsAppEvent::Message(message)).await;
    }

    /// The channel tells what became of a message.
    pub async fn report(&self, tenant: TenantId, report: DeliveryReport) {
        self.push(tenant, WhatsAppEvent::Delivery(report)).await;
    }

    /// Puts a file where [`WhatsAppTransport::fetch`] finds it by its handle.
    pub fn put_file(&self, tenant: TenantId, handle: &str, bytes: Bytes) {
        self.with(tenant, |link| link.files.insert(handle.to_owned(), bytes));
    }

    /// What the business sent, oldest first.
    pub fn sent(&self, tenant: TenantId) -> Vec<OutboundMessage> {
        self.with(tenant, |link| link.sent.clone())
    }

    /// To whom the business showed that it was writing.
    pub fn typed_to(&self, tenant: TenantId) -> Vec<ChatAddress> {
        self.with(tenant, |link| link.typing.clone())
    }

    /// Ids of the messages that the business marked as read.
    pub fn marked_read(&self, tenant: TenantId) -> Vec<String> {
        self.with(tenant, |link| link.read.clone())
    }

    /// Offers the inbox everything it has not kept yet, in order, until it refuses one.
    pub async fn offer(&self, tenant: TenantId) {
        while let Some(event) = self.with(tenant, |link| link.waiting.front().cloned()) {
            if self.inbox.accept(tenant, event).await.is_err() {
                return;
            }
            self.with(tenant, |link| link.waiting.pop_front());
        }
    }

    async fn push(&self, tenant: TenantId, event: WhatsAppEvent) {
        self.with(tenant, |link| link.waiting.push_back(event));
        self.offer(tenant).await;
    }

    fn with<T>(&self, tenant: TenantId, act: impl FnOnce(&mut Link) -> T) -> T {
        act(lock(&self.links).entry(tenant).or_default())
    }
}

#[async_trait]
impl WhatsAppTransport for MemoryWhatsApp {
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
        Ok(self.with(tenant, |link| link.state.clone()))
    }

    async fn link(&self, tenant: TenantId, method: LinkMethod) -> Result<LinkState> {
        Ok(self.with(tenant, |link| {
            if !matches!(link.state, LinkState::Ready { .. } | LinkState::Qr(_)) {
                link.state = match method {
                    LinkMethod::Qr => LinkState::Qr(QrCode {
                        text: SecretString::from(format!("memory:{tenant}")),
                        seq: 1,
                        expires_at: UnixMillis(i64::MAX),
                        attempts_left: 0,
                    }),
                    LinkMethod::PairingCode(_) => {
                        LinkState::PairingCode(SecretString::from("ABCD1234"))
                    }
                };
            }
            link.state.clone()
        }))
    }

    async fn unlink(&self, tenant: TenantId) -> Result<()> {
        self.with(tenant, |link| link.state = LinkState::Unlinked);
        Ok(())
    }

    async fn send(&self, tenant: TenantId, message: OutboundMessage) -> Result<bool> {
        self.with(tenant, |link| {
            if let Some(earlier) = link.sent.iter().find(|earlier| earlier.id == message.id) {
                if *earlier == message {
                    return Ok(false);
                }
                return Err(conflict("this id was used for another message"));
            }
            if !link.state.is_ready() {
                return Err(conflict("the business's WhatsApp is not linked"));
            }
            if matches!(message.body, OutboundBody::Template(_)) {
                return Err(Error::invalid(
                    "body",
                    "expected text or media: this backend has no templates",
                ));
            }
            link.sent.push(message);
            Ok(true)
        })
    }

    async fn typing(&self, tenant: TenantId, chat: &ChatAddress) -> Result<()> {
        self.with(tenant, |link| link.typing.push(chat.clone()));
        Ok(())
    }

    async fn mark_read(
        &self,
        tenant: TenantId,
        _chat: &ChatAddress,
        messages: &[String],
    ) -> Result<()> {
        self.with(tenant, |link| link.read.extend_from_slice(messages));
        Ok(())
    }

    async fn fetch(
        &self,
        tenant: TenantId,
        media: &InboundMedia,
        limit: u64,
        sink: &mut dyn FileSink,
    ) -> Result<()> {
        let bytes = self
            .with(tenant, |link| link.files.get(&media.handle).cloned())
            .ok_or(Error::NotFound { what: "file" })?;
        if bytes.len() as u64 > limit {
            let expected = format!("expected at most {limit} bytes");
            return Err(Error::invalid(TOO_LARGE, expected));
        }
        sink.write(bytes).await
    }
}

fn conflict(detail: &str) -> Error {
    Error::Conflict {
        what: "message",
        detail: detail.to_owned(),
    }
}
