//! A [`WhatsAppTransport`] in memory.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Mutex;

use async_trait::async_trait;

use super::lock;
use crate::error::{Error, Result};
use crate::id::TenantId;
use crate::message::{InboundMessage, OutboundMessage};
use crate::whatsapp::{LinkState, WhatsAppCapabilities, WhatsAppTransport};

/// Businesses' WhatsApp links, messages sent and messages received, kept until it is dropped.
///
/// It links by code: [`WhatsAppTransport::link`] shows one, [`MemoryWhatsApp::scan`] is the owner's phone.
#[derive(Debug, Default)]
pub struct MemoryWhatsApp {
    links: Mutex<HashMap<TenantId, Link>>,
}

#[derive(Debug)]
struct Link {
    state: LinkState,
    sent: Vec<OutboundMessage>,
    waiting: VecDeque<InboundMessage>,
    /// Ids of every message ever received: the channel may deliver one again after it was acknowledged.
    seen: HashSet<String>,
}

impl Default for Link {
    fn default() -> Self {
        Self {
            state: LinkState::Unlinked,
            sent: Vec::new(),
            waiting: VecDeque::new(),
            seen: HashSet::new(),
        }
    }
}

impl MemoryWhatsApp {
    /// Nobody is linked.
    pub fn new() -> Self {
        Self::default()
    }

    /// The owner scans the code: the link is ready.
    pub fn scan(&self, tenant: TenantId) {
        lock(&self.links).entry(tenant).or_default().state = LinkState::Ready;
    }

    /// Sets the state of a link, such as [`LinkState::Replaced`].
    pub fn set_state(&self, tenant: TenantId, state: LinkState) {
        lock(&self.links).entry(tenant).or_default().state = state;
    }

    /// Somebody sends the business a message; the same id again is the same message.
    pub fn deliver(&self, tenant: TenantId, message: InboundMessage) {
        let mut links = lock(&self.links);
        let link = links.entry(tenant).or_default();
        if link.seen.insert(message.id.clone()) {
            link.waiting.push_back(message);
        }
    }

    /// What the business sent, oldest first.
    pub fn sent(&self, tenant: TenantId) -> Vec<OutboundMessage> {
        lock(&self.links)
            .get(&tenant)
            .map(|link| link.sent.clone())
            .unwrap_or_default()
    }
}

#[async_trait]
impl WhatsAppTransport for MemoryWhatsApp {
    fn capabilities(&self) -> WhatsAppCapabilities {
        WhatsAppCapabilities {
            links_by_qr: true,
            needs_templates: false,
        }
    }

    async fn state(&self, tenant: TenantId) -> Result<LinkState> {
        let links = lock(&self.links);
        Ok(links
            .get(&tenant)
            .map_or(LinkState::Unlinked, |link| link.state.clone()))
    }

    async fn link(&self, tenant: TenantId) -> Result<LinkState> {
        let mut links = lock(&self.links);
        let link = links.entry(tenant).or_default();
        if matches!(link.state, LinkState::Unlinked | LinkState::Replaced) {
            link.state = LinkState::Qr(format!("memory:{tenant}"));
        }
        Ok(link.state.clone())
    }

    async fn unlink(&self, tenant: TenantId) -> Result<()> {
        lock(&self.links).entry(tenant).or_default().state = LinkState::Unlinked;
        Ok(())
    }

    async fn send(&self, tenant: TenantId, message: OutboundMessage) -> Result<bool> {
        let mut links = lock(&self.links);
        let link = links.entry(tenant).or_default();
        if let Some(earlier) = link.sent.iter().find(|earlier| earlier.id == message.id) {
            if *earlier == message {
                return Ok(false);
            }
            return Err(Error::Conflict {
                what: "message",
                detail: "this id was used for another message".to_owned(),
            });
        }
        if link.state != LinkState::Ready {
            return Err(Error::Conflict {
                what: "message",
                detail: "the business's WhatsApp is not linked".to_owned(),
            });
        }
        link.sent.push(message);
        Ok(true)
    }

    async fn received(&self, tenant: TenantId, limit: usize) -> Result<Vec<InboundMessage>> {
        let links = lock(&self.links);
        let Some(link) = links.get(&tenant) else {
            return Ok(Vec::new());
        };
        Ok(link.waiting.iter().take(limit).cloned().collect())
    }

    async fn acknowledge(&self, tenant: TenantId, id: &str) -> Result<()> {
        if let Some(link) = lock(&self.links).get_mut(&tenant) {
            link.waiting.retain(|message| message.id != id);
        }
        Ok(())
    }
}
