//! Chat messages, as the channels exchange them.

use serde::{Deserialize, Serialize};

use crate::time::UnixMillis;

/// An opaque address of a person on a channel. Never assume it is a phone number: channels use
/// several kinds of address for one person.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ChatAddress(pub String);

impl std::fmt::Debug for ChatAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ChatAddress(…)")
    }
}

/// The id we give a message before it is sent; sending the same id twice sends one message.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OutboundId(pub String);

/// A message to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutboundMessage {
    /// Ours; makes sending idempotent.
    pub id: OutboundId,
    /// To whom.
    pub to: ChatAddress,
    /// The text.
    pub text: String,
}

/// A message that was received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InboundMessage {
    /// The channel's id; the same id is the same message.
    pub id: String,
    /// From whom.
    pub from: ChatAddress,
    /// The text; empty for kinds this version does not read.
    pub text: String,
    /// When it was sent, by the channel's clock.
    pub sent_at: UnixMillis,
}
