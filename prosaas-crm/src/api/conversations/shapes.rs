//! Conversations and messages as the API shows them.

use prosaas_core::LeadId;
use serde::Serialize;
use utoipa::ToSchema;

use super::media::MessageMedia;
use crate::api::kit::{Time, Versioned};
use crate::model::consent::ConsentPurpose;
use crate::model::conversation::{
    Channel, Conversation as Stored, ConversationStatus, Message as StoredMessage,
    MessageDirection, MessageStatus, PausedReason,
};
use crate::model::id::{ConversationId, MessageId, UserId};

/// A conversation.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Conversation {
    /// Its id.
    id: ConversationId,
    /// Who writes, once he is a lead.
    lead_id: Option<LeadId>,
    /// How.
    channel: Channel,
    /// His address on the channel: opaque, and not always a number.
    peer: String,
    /// What he calls himself there.
    peer_name: Option<String>,
    /// Whose turn it is.
    status: ConversationStatus,
    /// Who answers.
    assignee_id: Option<UserId>,
    /// Whether the agent is silent here.
    agent_paused: bool,
    /// Why it is.
    paused_reason: Option<PausedReason>,
    /// Why it was closed although the other side waits; empty where nobody said.
    close_reason: Option<String>,
    /// Until when it is put off; then it comes back open, or when the other side writes.
    snoozed_until: Option<Time>,
    /// How many messages nobody read.
    unread: u32,
    /// When the last message was written.
    last_message_at: Time,
    /// When the other side last wrote.
    last_inbound_at: Option<Time>,
    /// When it began.
    created_at: Time,
    /// When it last changed.
    updated_at: Time,
    /// Counts its changes.
    version: u64,
}

impl Versioned for Conversation {
    fn version(&self) -> u64 {
        self.version
    }
}

impl From<Stored> for Conversation {
    fn from(stored: Stored) -> Self {
        Self {
            id: stored.id,
            lead_id: stored.lead,
            channel: stored.channel,
            peer: stored.peer,
            peer_name: stored.peer_name,
            status: stored.status,
            assignee_id: stored.assignee,
            agent_paused: stored.paused.is_some(),
            paused_reason: stored.paused,
            close_reason: stored.close_reason,
            snoozed_until: stored.snoozed_until.map(Time::from),
            unread: stored.unread,
            last_message_at: stored.last_message_at.into(),
            last_inbound_at: stored.last_inbound_at.map(Time::from),
            created_at: stored.created_at.into(),
            updated_at: stored.updated_at.into(),
            version: stored.version,
        }
    }
}

/// Why a message did not arrive.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MessageFailure {
    /// A word of ours, or the channel's own code.
    code: String,
    /// A sentence for people.
    detail: String,
}

/// A message.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Message {
    /// Its id.
    id: MessageId,
    /// The conversation.
    conversation_id: ConversationId,
    /// Which way it went.
    direction: MessageDirection,
    /// What it is, in the channel's words, such as `text`.
    kind: String,
    /// Its text.
    body: String,
    /// What came with it.
    media: Option<MessageMedia>,
    /// The channel's own id, once it is known: reactions, edits and quotes name messages by it.
    external_id: Option<String>,
    /// The channel's id of the message that it quotes.
    quoted_external_id: Option<String>,
    /// How far it has come.
    status: MessageStatus,
    /// Why it did not arrive.
    failure: Option<MessageFailure>,
    /// What it was sent for.
    purpose: Option<ConsentPurpose>,
    /// The kind of actor who wrote it: `contact` is the other side, `phone` somebody of the business on its
    /// own phone, `agent` the AI.
    actor_kind: String,
    /// His id, where he has one.
    actor_id: Option<String>,
    /// When it was written.
    at: Time,
    /// When the channel took it.
    sent_at: Option<Time>,
    /// When it reached the other side's phone.
    delivered_at: Option<Time>,
    /// When it was read.
    read_at: Option<Time>,
    /// When its sender changed its words.
    edited_at: Option<Time>,
    /// When its sender took it back.
    revoked_at: Option<Time>,
    /// Counts its changes.
    version: u64,
}

impl Versioned for Message {
    fn version(&self) -> u64 {
        self.version
    }
}

impl From<StoredMessage> for Message {
    fn from(stored: StoredMessage) -> Self {
        let media = MessageMedia::of(&stored);
        Self {
            id: stored.id,
            conversation_id: stored.conversation,
            direction: stored.direction,
            kind: stored.kind,
            body: stored.body,
            media,
            external_id: stored.external_id,
            quoted_external_id: stored.quoted_id,
            status: stored.status,
            failure: stored.failure.map(|failure| MessageFailure {
                code: failure.code,
                detail: failure.sentence,
            }),
            purpose: stored.purpose,
            actor_kind: stored.actor_kind,
            actor_id: stored.actor_id,
            at: stored.at.into(),
            sent_at: stored.sent_at.map(Time::from),
            delivered_at: stored.delivered_at.map(Time::from),
            read_at: stored.read_at.map(Time::from),
            edited_at: stored.edited_at.map(Time::from),
            revoked_at: stored.revoked_at.map(Time::from),
            version: stored.version,
        }
    }
}
