//! WhatsApp, whichever way it is reached.

use async_trait::async_trait;

use crate::error::Result;
use crate::id::TenantId;
use crate::message::{InboundMessage, OutboundMessage};

/// What a backend can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WhatsAppCapabilities {
    /// Whether a business links by scanning a code (otherwise it is configured).
    pub links_by_qr: bool,
    /// Whether the first message to somebody must be an approved template.
    pub needs_templates: bool,
}

/// Whether a business's WhatsApp works.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LinkState {
    /// Not linked.
    Unlinked,
    /// Waiting for the owner to scan this code.
    Qr(String),
    /// Waiting for the owner to confirm with a passkey on the phone.
    NeedsPasskey,
    /// Linked, connecting.
    Connecting,
    /// Linked and connected.
    Ready,
    /// Another client took the session over.
    Replaced,
}

/// Sends and receives WhatsApp messages for businesses.
#[async_trait]
pub trait WhatsAppTransport: Send + Sync + 'static {
    /// What this backend can do.
    fn capabilities(&self) -> WhatsAppCapabilities;

    /// Where the business's link stands.
    async fn state(&self, tenant: TenantId) -> Result<LinkState>;

    /// Begins to link, or does nothing when linked.
    async fn link(&self, tenant: TenantId) -> Result<LinkState>;

    /// Unlinks, or does nothing when not linked.
    async fn unlink(&self, tenant: TenantId) -> Result<()>;

    /// Sends a message; `true` when this call sent it, `false` when this id had been sent before.
    ///
    /// # Errors
    /// `Conflict` when the business is not linked, or the id was used for another message.
    async fn send(&self, tenant: TenantId, message: OutboundMessage) -> Result<bool>;

    /// Messages received and not yet acknowledged, oldest first, at most `limit`.
    async fn received(&self, tenant: TenantId, limit: usize) -> Result<Vec<InboundMessage>>;

    /// Acknowledges a received message; it is not returned again.
    async fn acknowledge(&self, tenant: TenantId, id: &str) -> Result<()>;
}
