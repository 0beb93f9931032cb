//! WhatsApp, whichever way it is reached.
//!
//! Two traits face each other. The host calls a [`WhatsAppTransport`] to link and to send; the
//! transport calls the host's [`WhatsAppInbox`] with everything that comes in, and gives it up only
//! once the inbox has said that it keeps it. Nothing that was acknowledged to WhatsApp depends on a
//! process staying alive.

use std::fmt;

use async_trait::async_trait;
use bytes::Bytes;

use crate::error::Result;
use crate::id::TenantId;
use crate::message::{
    ChatAddress, ChatParty, DeliveryReport, InboundMedia, InboundMessage, OutboundMessage,
};
use crate::phone::E164;
use crate::secret::SecretString;
use crate::time::UnixMillis;

/// What a backend can do. The behaviour suite runs the rules that apply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a question of its own that a backend answers"
)]
pub struct WhatsAppCapabilities {
    /// Whether a business links by scanning a code (otherwise it is configured).
    pub links_by_qr: bool,
    /// Whether a business can link by typing a code into the phone.
    pub links_by_pairing_code: bool,
    /// Whether writing to somebody who has not written for 24 hours takes an approved template.
    pub needs_templates: bool,
    /// Whether files can be sent and fetched.
    pub carries_media: bool,
    /// Whether it reports that messages were delivered and read.
    pub reports_delivery: bool,
    /// Whether it can show that an answer is being written.
    pub shows_typing: bool,
}

/// How the owner wants to link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkMethod {
    /// By scanning a code with the phone; a backend that is configured instead checks what it was given.
    Qr,
    /// By typing a code into the phone with this number.
    PairingCode(E164),
}

/// A code to be scanned. It is a secret: who scans it owns the link.
#[derive(Clone)]
pub struct QrCode {
    /// What the code says.
    pub text: SecretString,
    /// Counts the codes of one attempt from 1.
    pub seq: u32,
    /// When the next code replaces it.
    pub expires_at: UnixMillis,
    /// How many codes of this attempt are still to come.
    pub attempts_left: u32,
}

impl fmt::Debug for QrCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QrCode")
            .field("seq", &self.seq)
            .field("attempts_left", &self.attempts_left)
            .finish_non_exhaustive()
    }
}

/// Whether a business's WhatsApp works, and what is needed when it does not.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum LinkState {
    /// Not linked.
    Unlinked,
    /// Linked or linking; the connection is being made.
    Connecting,
    /// Waiting for the owner to scan this code.
    Qr(QrCode),
    /// Waiting for the owner to type these eight characters into the phone.
    PairingCode(SecretString),
    /// The codes of this attempt ran out; linking begins again when somebody asks.
    Expired,
    /// WhatsApp asks for a passkey, which this backend cannot give.
    NeedsPasskey,
    /// Linked and connected.
    Ready {
        /// The business's own number, where the channel says it.
        number: Option<E164>,
    },
    /// WhatsApp cannot be reached; the backend tries again by itself.
    Unreachable,
    /// Another program uses the same link; this one does not fight for it.
    Replaced,
    /// The link was ended on the phone, or the account was closed.
    LoggedOut,
    /// WhatsApp refuses the account, for a while or for good.
    Banned {
        /// Until when, if it said.
        until: Option<UnixMillis>,
    },
    /// WhatsApp does not speak with this version of the program any more.
    Outdated,
    /// The link keeps breaking; the owner may have to link again.
    Broken,
}

impl LinkState {
    /// The word for it, as it stands in the API and in logs.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Unlinked => "unlinked",
            Self::Connecting => "connecting",
            Self::Qr(_) => "qr",
            Self::PairingCode(_) => "pairing_code",
            Self::Expired => "expired",
            Self::NeedsPasskey => "needs_passkey",
            Self::Ready { .. } => "ready",
            Self::Unreachable => "unreachable",
            Self::Replaced => "replaced",
            Self::LoggedOut => "logged_out",
            Self::Banned { .. } => "banned",
            Self::Outdated => "outdated",
            Self::Broken => "broken",
        }
    }

    /// Whether messages can be sent.
    pub const fn is_ready(&self) -> bool {
        matches!(self, Self::Ready { .. })
    }
}

/// Something that happened on a business's WhatsApp.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum WhatsAppEvent {
    /// A message came in, or the business wrote one on its own phone.
    Message(InboundMessage),
    /// Word of a message of ours.
    Delivery(DeliveryReport),
    /// The channel says that these names are one person's.
    SamePerson(ChatParty),
    /// The link changed.
    Link(LinkState),
}

/// Where a transport puts what comes in. The host implements it.
#[async_trait]
pub trait WhatsAppInbox: Send + Sync + 'static {
    /// Keeps an event for good: when this returns `Ok`, it survives the end of the process.
    ///
    /// A transport offers an event until it was kept, so the same one may come twice: a message is known
    /// by its id, a report by its message and how far that came.
    ///
    /// # Errors
    /// Any: the transport offers the event again later.
    async fn accept(&self, tenant: TenantId, event: WhatsAppEvent) -> Result<()>;
}

/// Links businesses to WhatsApp and sends for them.
#[async_trait]
pub trait WhatsAppTransport: Send + Sync + 'static {
    /// What this backend can do.
    fn capabilities(&self) -> WhatsAppCapabilities;

    /// What it can do for this business. One that stands for several backends says what the business's own can.
    ///
    /// # Errors
    /// When it cannot be found out which one is the business's.
    async fn capabilities_of(&self, _tenant: TenantId) -> Result<WhatsAppCapabilities> {
        Ok(self.capabilities())
    }

    /// Where the business's link stands.
    async fn state(&self, tenant: TenantId) -> Result<LinkState>;

    /// Begins to link, or does nothing when linked or linking.
    ///
    /// # Errors
    /// `Forbidden` when the backend does not link in this way.
    async fn link(&self, tenant: TenantId, method: LinkMethod) -> Result<LinkState>;

    /// Unlinks, or does nothing when not linked.
    async fn unlink(&self, tenant: TenantId) -> Result<()>;

    /// Sends a message; `true` when this call sent it, `false` when this id had been sent before.
    ///
    /// Sent means that it is on its way and survives the end of a process, not that it arrived.
    ///
    /// # Errors
    /// `Conflict` when the business is not linked, the id was used for another message, or the person has
    /// not written for too long and a template is needed; `Invalid` when the channel cannot carry it.
    async fn send(&self, tenant: TenantId, message: OutboundMessage) -> Result<bool>;

    /// Shows the other side that an answer is being written, where the channel can; it fades by itself.
    async fn typing(&self, tenant: TenantId, chat: &ChatAddress) -> Result<()>;

    /// Tells the other side that these messages, by the channel's ids, were read.
    async fn mark_read(
        &self,
        tenant: TenantId,
        chat: &ChatAddress,
        messages: &[String],
    ) -> Result<()>;

    /// Fetches a received file into `sink`, piece by piece. After an error the sink holds a part of it at most.
    ///
    /// # Errors
    /// `NotFound` when the channel does not have it any more; `Invalid` with the field [`TOO_LARGE`] when it is
    /// larger than `limit` bytes; what the sink says.
    async fn fetch(
        &self,
        tenant: TenantId,
        media: &InboundMedia,
        limit: u64,
        sink: &mut dyn FileSink,
    ) -> Result<()>;
}

/// The field that [`WhatsAppTransport::fetch`] names of a file above the limit.
pub const TOO_LARGE: &str = "file";

/// Takes a file's bytes in the order in which they come.
#[async_trait]
pub trait FileSink: Send {
    /// Takes the next piece.
    ///
    /// # Errors
    /// When it cannot be kept: the file is not fetched any further.
    async fn write(&mut self, piece: Bytes) -> Result<()>;
}

#[async_trait]
impl FileSink for Vec<u8> {
    async fn write(&mut self, piece: Bytes) -> Result<()> {
        self.extend_from_slice(&piece);
        Ok(())
    }
}
