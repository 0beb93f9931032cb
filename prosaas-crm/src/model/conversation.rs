//! Conversations by text and their messages.

use std::fmt;

use prosaas_core::message::{Delivery, Template};
use prosaas_core::{Error, LeadId, Result, UnixMillis};
use serde_json::Value;

use super::check;
use super::consent::ConsentPurpose;
use super::id::{ConversationId, MessageId, UserId};
use super::message_file::{MessageFile, OutboundFile};
use super::patch::{Patch, Replace};
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
    /// Why the agent does not answer in a conversation.
    PausedReason, "paused_reason":
    /// A person wrote: he has taken over.
    Person = "person",
    /// The other side asked for a person, or the agent handed over.
    Asked = "asked",
    /// The agent could not answer.
    Failed = "failed",
    /// The agent answered as often as it may, or the month's budget is spent.
    Limit = "limit",
    /// Somebody switched it off.
    Switched = "switched",
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
    /// What he calls himself on the channel.
    pub peer_name: Option<String>,
    /// Why the agent does not answer here; it does when empty.
    pub paused: Option<PausedReason>,
    /// Why it was closed although the other side waits; empty where nobody said.
    pub close_reason: Option<String>,
    /// Until when nobody of the business has to look at it; then it comes back by itself.
    pub snoozed_until: Option<UnixMillis>,
    /// How many messages nobody read.
    pub unread: u32,
    /// When the last message was written.
    pub last_message_at: UnixMillis,
    /// When the other side last wrote.
    pub last_inbound_at: Option<UnixMillis>,
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
    /// The file of it, if it has one.
    pub file: Option<MessageFile>,
    /// The channel's own id, once it has one that we know.
    pub external_id: Option<String>,
    /// The channel's id of the message that it quotes.
    pub quoted_id: Option<String>,
    /// How far it has come.
    pub status: MessageStatus,
    /// Why it did not arrive.
    pub failure: Option<MessageFailure>,
    /// What it was sent for.
    pub purpose: Option<ConsentPurpose>,
    /// The kind of actor who wrote it.
    pub actor_kind: String,
    /// His id, where he has one.
    pub actor_id: Option<String>,
    /// When it was written.
    pub at: UnixMillis,
    /// When the channel took it.
    pub sent_at: Option<UnixMillis>,
    /// When it reached the other side's phone.
    pub delivered_at: Option<UnixMillis>,
    /// When it was read, by whoever it was for.
    pub read_at: Option<UnixMillis>,
    /// When its sender changed its words; the new ones are a message of their own.
    pub edited_at: Option<UnixMillis>,
    /// When its sender took it back.
    pub revoked_at: Option<UnixMillis>,
    /// Counts its changes.
    pub version: u64,
}

/// Why a message did not arrive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageFailure {
    /// A word of ours, or the channel's own code.
    pub code: String,
    /// A sentence for people.
    pub sentence: String,
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

impl MessageStatus {
    /// The order in which a message of ours moves: only ever to a higher rank. That it reached the phone
    /// outweighs that it was given up before: a channel may have had it although its answer was lost.
    pub const fn rank(self) -> u8 {
        match self {
            Self::Received | Self::Queued => 0,
            Self::Sent => 1,
            Self::Failed => 2,
            Self::Delivered => 3,
            Self::Read => 4,
        }
    }
}

impl From<Delivery> for MessageStatus {
    fn from(delivery: Delivery) -> Self {
        match delivery {
            Delivery::Sent => Self::Sent,
            Delivery::Delivered => Self::Delivered,
            Delivery::Read => Self::Read,
            Delivery::Failed => Self::Failed,
        }
    }
}

/// What somebody of the business writes, or its agent.
#[derive(Clone, PartialEq, Eq)]
pub struct NewOutbound {
    /// What it says.
    pub body: OutboundWords,
    /// What it is sent for.
    pub purpose: ConsentPurpose,
    /// The message of the same conversation that it quotes.
    pub quotes: Option<MessageId>,
    /// Whether its reader asked for it, as a caller does who wants something in writing.
    pub is_wanted: bool,
    /// Whether its reader is one of the business's own people: what it decided about people who never wrote is not
    /// about them.
    pub is_to_own_people: bool,
}

impl NewOutbound {
    /// Words that somebody asked for.
    pub fn text(text: impl Into<String>) -> Self {
        Self {
            body: OutboundWords::Text(text.into()),
            purpose: ConsentPurpose::Service,
            quotes: None,
            is_wanted: false,
            is_to_own_people: false,
        }
    }
}

impl fmt::Debug for NewOutbound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewOutbound")
            .field("purpose", &self.purpose)
            .finish_non_exhaustive()
    }
}

/// What a message of ours says.
#[derive(Clone, PartialEq, Eq)]
pub enum OutboundWords {
    /// Words of one's own.
    Text(String),
    /// A message that the channel approved beforehand.
    Template(Template),
    /// A file, with words under it or none.
    File(OutboundFile),
}

impl OutboundWords {
    /// The longest text, in characters: WhatsApp's own bound for what is sent.
    pub const MAX_TEXT: usize = 4_096;
    /// The most blanks of a template.
    pub const MAX_PARAMETERS: usize = 20;

    /// Whether it can be sent.
    ///
    /// # Errors
    /// `Invalid` names the field.
    pub fn checked(self) -> Result<Self> {
        Ok(match self {
            Self::Text(text) => Self::Text(check::text("text", &text, Self::MAX_TEXT)?),
            Self::File(file) => Self::File(file.checked()?),
            Self::Template(template) => {
                let parameters = template.parameters;
                check::at_most("template.parameters", &parameters, Self::MAX_PARAMETERS)?;
                let parameter = |text: &String| check::text("template.parameters", text, 1_024);
                Self::Template(Template {
                    name: check::line("template.name", &template.name, 512)?,
                    language: check::line("template.language", &template.language, 20)?,
                    parameters: parameters.iter().map(parameter).collect::<Result<_>>()?,
                })
            }
        })
    }
}

impl fmt::Debug for OutboundWords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text(_) => "Text(…)",
            Self::Template(_) => "Template(…)",
            Self::File(_) => "File(…)",
        })
    }
}

/// What changes about a conversation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConversationPatch {
    /// Whether the agent is silent here: a person has it, or gives it back.
    pub agent_paused: Replace<bool>,
    /// Who answers.
    pub assignee: Patch<UserId>,
    /// Whose turn it is.
    pub status: Replace<ConversationStatus>,
    /// Why it is closed. It goes when the conversation is not closed any more.
    pub close_reason: Patch<String>,
    /// Puts it off: it waits for the other side until then, and comes back open, or when somebody writes.
    pub snoozed_until: Patch<UnixMillis>,
}

impl ConversationPatch {
    /// The longest reason, in characters.
    pub const MAX_REASON: usize = 200;
    /// How far a conversation is put off at most, in milliseconds: a year.
    pub const LONGEST_SNOOZE_MS: i64 = 366 * 24 * 3_600_000;

    /// Whose turn it is after the patch, and until when it is put off.
    ///
    /// # Errors
    /// `Invalid` for a time that is not to come within a year, or a status beside it.
    pub fn turn(
        &self,
        before: &Conversation,
        now: UnixMillis,
    ) -> Result<(ConversationStatus, Option<UnixMillis>)> {
        use ConversationStatus::{Open, Waiting};
        let status = self.status.apply(before.status);
        let invalid = |expected: &str| Error::invalid("snoozed_until", expected);
        match self.snoozed_until {
            Patch::Set(_) if self.status.is_change() => Err(invalid(
                "expected no `status` beside it: it waits until then",
            )),
            Patch::Set(until) => {
                let ahead = until.since(now);
                if ahead <= 0 || ahead > Self::LONGEST_SNOOZE_MS {
                    return Err(invalid("expected a time to come, within a year"));
                }
                Ok((Waiting, Some(until)))
            }
            Patch::Clear if before.snoozed_until.is_some() && !self.status.is_change() => {
                Ok((Open, None))
            }
            Patch::Clear => Ok((status, None)),
            Patch::Keep => {
                let snoozed = before.snoozed_until;
                Ok((status, snoozed.filter(|_| status == Waiting)))
            }
        }
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
    /// Only those with messages that nobody read, or without.
    pub unread: Option<bool>,
    /// Only those in which the agent answers, or does not.
    pub agent: Option<bool>,
    /// Only those that are put off, or are not.
    pub snoozed: Option<bool>,
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
