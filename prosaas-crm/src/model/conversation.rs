//! Conversations by text and their messages.

use std::fmt;

use prosaas_core::{Error, LeadId, Result, UnixMillis};
use serde_json::Value;

use super::check;
use super::id::{ConversationId, MessageId, UserId};
use super::words::words;

/// The longest name of a peer on a channel, in characters.
const MAX_PEER: usize = 200;
/// The longest message, in characters: WhatsApp's own bound.
const MAX_BODY: usize = 65_536;

words! {
    /// How the two write to each other.
    Channel, "channel":
    /// WhatsApp.
    Whatsapp = "whatsapp",
    /// Text messages.
    Sms = "sms",
    /// Mail.
    Email = "email",
    /// A chat on a web page.
    Web = "web",
}

words! {
    /// Whose turn it is.
    ConversationStatus, "status":
    /// The business's.
    Open = "open",
    /// The other side's.
    Waiting = "waiting",
    /// Nobody's.
    Closed = "closed",
}

words! {
    /// Which way a message went.
    MessageDirection, "direction":
    /// To the business.
    Inbound = "inbound",
    /// From the business.
    Outbound = "outbound",
}

words! {
    /// How far a message has come.
    MessageStatus, "message status":
    /// It came in.
    Received = "received",
    /// It is to be sent.
    Queued = "queued",
    /// The carrier has it.
    Sent = "sent",
    /// The phone has it.
    Delivered = "delivered",
    /// The other side saw it.
    Read = "read",
    /// It did not arrive.
    Failed = "failed",
}

/// A conversation.
#[derive(Clone, PartialEq, Eq)]
pub struct Conversation {
    /// Its id.
    pub id: ConversationId,
    /// Who writes, once he is a lead.
    pub lead: Option<LeadId>,
    /// How.
    pub channel: Channel,
    /// His name on the channel, such as a number or a mail address.
    pub peer: String,
    /// Whose turn it is.
    pub status: ConversationStatus,
    /// Who answers.
    pub assignee: Option<UserId>,
    /// Whether a person took over from the agent.
    pub agent_paused: bool,
    /// How many messages nobody read.
    pub unread: u32,
    /// When the last message was written.
    pub last_message_at: UnixMillis,
    /// When it began.
    pub created_at: UnixMillis,
    /// When it last changed.
    pub updated_at: UnixMillis,
    /// Counts its changes.
    pub version: u64,
}

impl fmt::Debug for Conversation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Conversation")
            .field("id", &self.id)
            .field("channel", &self.channel)
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

/// A message.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    /// Its id.
    pub id: MessageId,
    /// The conversation.
    pub conversation: ConversationId,
    /// Which way it went.
    pub direction: MessageDirection,
    /// What it is: `text`, `image`, `audio` and so on, in the channel's words.
    pub kind: String,
    /// Its text.
    pub body: String,
    /// What came with it.
    pub media: Option<Value>,
    /// How far it has come.
    pub status: MessageStatus,
    /// The kind of actor who wrote it.
    pub actor_kind: String,
    /// His id, where he has one.
    pub actor_id: Option<String>,
    /// When it was written.
    pub at: UnixMillis,
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("id", &self.id)
            .field("direction", &self.direction)
            .field("kind", &self.kind)
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

/// A message to be stored; its conversation is found by channel and peer, or begins with it.
#[derive(Clone, PartialEq, Eq)]
pub struct NewMessage {
    /// How it came or goes.
    pub channel: Channel,
    /// The other side's name on the channel.
    pub peer: String,
    /// Who the other side is, if that is known.
    pub lead: Option<LeadId>,
    /// Which way.
    pub direction: MessageDirection,
    /// What it is, in the channel's words.
    pub kind: String,
    /// Its text.
    pub body: String,
    /// What comes with it.
    pub media: Option<Value>,
    /// The channel's own id: a message that is delivered twice is stored once.
    pub external_id: Option<String>,
    /// How far it has come.
    pub status: MessageStatus,
    /// When it was written.
    pub at: UnixMillis,
}

impl fmt::Debug for NewMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewMessage")
            .field("channel", &self.channel)
            .field("direction", &self.direction)
            .finish_non_exhaustive()
    }
}

impl NewMessage {
    /// Whether it can be stored.
    ///
    /// # Errors
    /// `Invalid` names the field.
    pub fn checked(mut self) -> Result<Self> {
        self.peer = check::line("peer", &self.peer, MAX_PEER)?;
        self.kind = check::line("kind", &self.kind, 40)?;
        if let Some(id) = &self.external_id {
            check::line("external_id", id, MAX_PEER)?;
        }
        if self.body.chars().count() > MAX_BODY {
            return Err(Error::invalid("body", "expected at most 65536 characters"));
        }
        Ok(self)
    }
}

/// Which conversations a list holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ConversationFilter {
    /// Only this channel.
    pub channel: Option<Channel>,
    /// Only this status.
    pub status: Option<ConversationStatus>,
    /// Only this lead's.
    pub lead: Option<LeadId>,
    /// Only this member's.
    pub assignee: Option<UserId>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_parse_back() {
        for channel in Channel::ALL {
            assert_eq!(channel.as_str().parse::<Channel>().unwrap(), channel);
        }
        for status in ConversationStatus::ALL {
            assert_eq!(
                status.as_str().parse::<ConversationStatus>().unwrap(),
                status
            );
        }
        for status in MessageStatus::ALL {
            assert_eq!(status.as_str().parse::<MessageStatus>().unwrap(), status);
        }
        for direction in MessageDirection::ALL {
            assert_eq!(
                direction.as_str().parse::<MessageDirection>().unwrap(),
                direction
            );
        }
        assert!("telegram".parse::<Channel>().is_err());
    }

    #[test]
    fn a_message_is_bounded() {
        let message = |peer: &str, body: &str| NewMessage {
            channel: Channel::Whatsapp,
            peer: peer.to_owned(),
            lead: None,
            direction: MessageDirection::Inbound,
            kind: "text".to_owned(),
            body: body.to_owned(),
            media: None,
            external_id: None,
            status: MessageStatus::Received,
            at: UnixMillis(1),
        };
        assert!(message(" dana ", "hi").checked().is_ok());
        assert!(message("", "hi").checked().is_err());
        assert!(message("a\nb", "hi").checked().is_err());
        assert!(
            message("dana", &"x".repeat(MAX_BODY + 1))
                .checked()
                .is_err()
        );
        assert!(!format!("{:?}", message("dana", "secret")).contains("secret"));
    }
}
