//! Conversations by text and their messages.
//!
//! Whoever changes a conversation holds its row until the end of his transaction, or the business's lock
//! where it may have to be made: so of two deliveries of one message the second finds the first.

mod answer;
mod change;
mod files;
mod in_call;
mod inbound;
mod missed;
mod names;
mod outbound;
mod search;
mod sms;
mod status;
mod voicemail;

use prosaas_core::{LeadId, Result, UnixMillis};
use uuid::Uuid;

use super::CrmStore;
use super::db::{Change, Json, Row, Sql, TenantTx, args};
use crate::auth::{Actor, TenantScope};
use crate::model::conversation::{
    Channel, Conversation, ConversationFilter, ConversationStatus, Message, MessageDirection,
    MessageFailure, MessageStatus, NewMessage,
};
use crate::model::id::{ConversationId, MessageId, UserId};
use crate::model::message_file::{FileState, MessageFile, TranscriptState};

pub use answer::AnswerFacts;
pub use files::FileOutcome;
pub(in crate::store) use files::FilesOf;
pub(crate) use files::to_fetch;
pub use in_call::MAX_IN_CALL;
pub use missed::ReplyWays;
pub use outbound::Outbound;
pub use sms::OutboundSms;

const LIST: Sql = Sql::both(
    "SELECT * FROM conversations
     WHERE tenant_id = $1 AND deleted_at IS NULL AND (last_message_at, id) < ($2, $3)
       AND ($5 IS NULL OR channel = $5) AND ($6 IS NULL OR status = $6)
       AND ($7 IS NULL OR lead_id = $7) AND ($8 IS NULL OR assignee_id = $8)
       AND ($9 IS NULL OR (unread > 0) = $9) AND ($10 IS NULL OR agent_paused <> $10)
       AND ($11 IS NULL OR (snoozed_until IS NOT NULL) = $11)
     ORDER BY last_message_at DESC, id DESC LIMIT $4",
);
const ONE: Sql = Sql::both(
    "SELECT * FROM conversations WHERE tenant_id = $1 AND id = $2 AND deleted_at IS NULL",
);
const ONE_TO_CHANGE: Sql = Sql::split(
    "SELECT * FROM conversations WHERE tenant_id = $1 AND id = $2 AND deleted_at IS NULL",
    "SELECT * FROM conversations WHERE tenant_id = $1 AND id = $2 AND deleted_at IS NULL
     FOR NO KEY UPDATE",
);
const BY_PEER: Sql = Sql::both(
    "SELECT * FROM conversations
     WHERE tenant_id = $1 AND channel = $2 AND peer = $3 AND deleted_at IS NULL",
);
const LEAD_EXISTS: Sql =
    Sql::both("SELECT 1 FROM leads WHERE tenant_id = $1 AND id = $2 AND deleted_at IS NULL");
const BEGIN: Sql = Sql::both(
    "INSERT INTO conversations (tenant_id, id, lead_id, channel, peer, status, last_message_at,
                                created_at, updated_at)
     VALUES ($1, $2, $3, $4, $5, 'open', $6, $7, $7)
     ON CONFLICT DO NOTHING",
);
const TOUCH: Sql = Sql::split(
    "UPDATE conversations
     SET status = $3, close_reason = NULL, unread = unread + $4, last_message_at = max(last_message_at, $5),
         lead_id = coalesce(lead_id, $6), updated_at = $7, version = version + 1,
         snoozed_until = CASE WHEN $3 = 'waiting' THEN snoozed_until END
     WHERE tenant_id = $1 AND id = $2",
    "UPDATE conversations
     SET status = $3, close_reason = NULL, unread = unread + $4, last_message_at = greatest(last_message_at, $5),
         lead_id = coalesce(lead_id, $6), updated_at = $7, version = version + 1,
         snoozed_until = CASE WHEN $3 = 'waiting' THEN snoozed_until END
     WHERE tenant_id = $1 AND id = $2",
);
const MESSAGES: Sql = Sql::both(
    "SELECT * FROM messages
     WHERE tenant_id = $1 AND conversation_id = $2 AND (at, id) < ($3, $4)
     ORDER BY at DESC, id DESC LIMIT $5",
);
const BY_EXTERNAL_ID: Sql =
    Sql::both("SELECT * FROM messages WHERE tenant_id = $1 AND external_id = $2");
const ADD: Sql = Sql::both(
    "INSERT INTO messages (tenant_id, id, conversation_id, direction, kind, body, media, external_id, status,
                           status_rank, actor_kind, actor_id, at, purpose, template, first_contact,
                           answers_id, quoted_id, file_state, transcript_state, created_at, updated_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20,
             $21, $21)
     ON CONFLICT DO NOTHING",
);
const MESSAGE: Sql = Sql::both("SELECT * FROM messages WHERE tenant_id = $1 AND id = $2");

impl CrmStore {
    /// Conversations, the one with the newest message first: `after` is that message's time and the id of
    /// the last one before.
    pub async fn conversations(
        &self,
        scope: &TenantScope,
        filter: ConversationFilter,
        after: Option<(UnixMillis, ConversationId)>,
        limit: u32,
    ) -> Result<Vec<Conversation>> {
        let tx = self.look(scope).await?;
        let (at, id) = key(after.map(|(at, id)| (at, id.uuid())));
        let values = args![
            at,
            id,
            limit,
            filter.channel.map(Channel::as_str),
            filter.status.map(ConversationStatus::as_str),
            filter.lead.map(LeadId::uuid),
            filter.assignee.map(UserId::uuid),
            filter.unread,
            filter.agent,
            filter.snoozed,
        ];
        let rows = tx.fetch_all(&LIST, values).await?;
        rows.iter().map(conversation).collect()
    }

    /// One conversation.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn conversation(
        &self,
        scope: &TenantScope,
        id: ConversationId,
    ) -> Result<Conversation> {
        one(&mut self.read(scope).await?, id).await
    }

    /// A conversation's messages, the newest first.
    ///
    /// # Errors
    /// `NotFound` when there is no such conversation.
    pub async fn messages(
        &self,
        scope: &TenantScope,
        conversation: ConversationId,
        after: Option<(UnixMillis, MessageId)>,
        limit: u32,
    ) -> Result<Vec<Message>> {
        let mut tx = self.read(scope).await?;
        one(&mut tx, conversation).await?;
        let (at, id) = key(after.map(|(at, id)| (at, id.uuid())));
        let values = args![conversation.uuid(), at, id, limit];
        let rows = tx.fetch_all(&MESSAGES, values).await?;
        rows.iter().map(message).collect()
    }

    /// One message.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn message(&self, scope: &TenantScope, id: MessageId) -> Result<Message> {
        one_message(&mut self.read(scope).await?, id).await
    }

    /// Stores a message with its conversation, which begins when there is none with this peer. One with a
    /// known `external_id` changes nothing.
    ///
    /// For channels that have no transport of their own here; what WhatsApp brings comes through
    /// [`prosaas_core::WhatsAppInbox`].
    ///
    /// # Errors
    /// `Invalid` when it is too long; `NotFound` when its lead is not the business's.
    pub async fn add_message(
        &self,
        scope: &TenantScope,
        new: NewMessage,
    ) -> Result<(Conversation, Message)> {
        let new = new.checked()?;
        let mut tx = self.write(scope).await?;
        tx.lock_business().await?;
        if let Some(lead) = new.lead {
            tx.require(&LEAD_EXISTS, args![lead.uuid()], "lead").await?;
        }
        if let Some(external) = &new.external_id
            && let Some(known) = by_external_id(&mut tx, external).await?
        {
            return Ok((one(&mut tx, known.conversation).await?, known));
        }
        let found = self.conversation_with(&mut tx, &new).await?;
        let id = MessageId::mint(self.now());
        // What comes in was written by nobody of ours.
        let by = match new.direction {
            MessageDirection::Inbound => ("contact", None),
            MessageDirection::Outbound => author(tx.actor()),
        };
        let line = Line {
            external_id: new.external_id.as_deref(),
            media: new.media.clone(),
            status: new.status,
            by,
            ..Line::new(id, found.id, new.direction, &new.kind, &new.body, new.at)
        };
        self.insert(&mut tx, line).await?;
        let inbound = new.direction == MessageDirection::Inbound;
        let status = if inbound {
            ConversationStatus::Open
        } else {
            ConversationStatus::Waiting
        };
        let values = args![
            found.id.uuid(),
            status.as_str(),
            i64::from(inbound),
            new.at,
            new.lead.map(LeadId::uuid),
            self.now(),
        ];
        tx.execute(&TOUCH, values).await?;
        let change = Change::new(event_of(new.direction), "conversation", found.id).without_audit();
        tx.record(of_lead(change, found.lead.or(new.lead)));
        let after = one(&mut tx, found.id).await?;
        let stored = one_message(&mut tx, id).await?;
        tx.commit().await?;
        Ok((after, stored))
    }

    async fn conversation_with(&self, tx: &mut TenantTx, new: &NewMessage) -> Result<Conversation> {
        let now = self.now();
        let values = args![
            ConversationId::mint(now).uuid(),
            new.lead.map(LeadId::uuid),
            new.channel.as_str(),
            &new.peer,
            new.at,
            now,
        ];
        tx.execute(&BEGIN, values).await?;
        let peer = args![new.channel.as_str(), &new.peer];
        let row = tx.fetch_one(&BY_PEER, peer, "conversation").await?;
        conversation(&row)
    }

    /// Writes a message; `false` when one with its external id, or another answer to what it answers, is
    /// there already.
    async fn insert(&self, tx: &mut TenantTx, line: Line<'_>) -> Result<bool> {
        let values = args![
            line.id.uuid(),
            line.conversation.uuid(),
            line.direction.as_str(),
            line.kind,
            line.body,
            line.media.map(Json),
            line.external_id,
            line.status.as_str(),
            line.status.rank(),
            line.by.0,
            line.by.1,
            line.at,
            line.purpose,
            line.template.map(Json),
            line.first_contact,
            line.answers.map(MessageId::uuid),
            line.quoted_id,
            line.file.map(FileState::as_str),
            line.transcript.map(TranscriptState::as_str),
            self.now(),
        ];
        Ok(tx.execute(&ADD, values).await? == 1)
    }
}

/// A message as it is written.
struct Line<'a> {
    id: MessageId,
    conversation: ConversationId,
    direction: MessageDirection,
    kind: &'a str,
    body: &'a str,
    media: Option<serde_json::Value>,
    external_id: Option<&'a str>,
    status: MessageStatus,
    by: (&'static str, Option<String>),
    at: UnixMillis,
    purpose: Option<&'static str>,
    template: Option<serde_json::Value>,
    first_contact: bool,
    answers: Option<MessageId>,
    quoted_id: Option<&'a str>,
    file: Option<FileState>,
    transcript: Option<TranscriptState>,
}

impl<'a> Line<'a> {
    /// A message that came in, or of which everything else is still to be said.
    const fn new(
        id: MessageId,
        conversation: ConversationId,
        direction: MessageDirection,
        kind: &'a str,
        body: &'a str,
        at: UnixMillis,
    ) -> Self {
        Self {
            id,
            conversation,
            direction,
            kind,
            body,
            media: None,
            external_id: None,
            status: MessageStatus::Received,
            by: ("contact", None),
            at,
            purpose: None,
            template: None,
            first_contact: false,
            answers: None,
            quoted_id: None,
            file: None,
            transcript: None,
        }
    }
}

/// What whoever watches is told of a message: that the contact sent it, or that the business (its agent, a person, its
/// own phone) wrote it.
const fn event_of(direction: MessageDirection) -> &'static str {
    match direction {
        MessageDirection::Inbound => "message.received",
        MessageDirection::Outbound => "message.written",
    }
}

/// Who wrote a message of ours, as it is stored beside it.
fn author(actor: Actor) -> (&'static str, Option<String>) {
    match actor {
        Actor::User(user) => ("user", Some(user.to_string())),
        Actor::Acting(_) | Actor::ApiKey(_) => (actor.kind(), actor.id()),
        actor => (actor.kind(), None),
    }
}

/// The change, for whoever looks at the lead as well.
const fn of_lead(change: Change, lead: Option<LeadId>) -> Change {
    match lead {
        Some(lead) => change.lead(lead),
        None => change,
    }
}

/// The key of the row before a page; of one before all others for the first page.
fn key(after: Option<(UnixMillis, Uuid)>) -> (UnixMillis, Uuid) {
    after.unwrap_or((UnixMillis(i64::MAX), Uuid::max()))
}

async fn one(tx: &mut TenantTx, id: ConversationId) -> Result<Conversation> {
    let row = tx.fetch_one(&ONE, args![id.uuid()], "conversation").await?;
    conversation(&row)
}

/// [`one`] that nobody else changes until the end of the transaction.
async fn locked(tx: &mut TenantTx, id: ConversationId) -> Result<Conversation> {
    let row = tx
        .fetch_one(&ONE_TO_CHANGE, args![id.uuid()], "conversation")
        .await?;
    conversation(&row)
}

async fn one_message(tx: &mut TenantTx, id: MessageId) -> Result<Message> {
    let row = tx.fetch_one(&MESSAGE, args![id.uuid()], "message").await?;
    message(&row)
}

async fn by_external_id(tx: &mut TenantTx, external: &str) -> Result<Option<Message>> {
    let row = tx.fetch_optional(&BY_EXTERNAL_ID, args![external]).await?;
    row.as_ref().map(message).transpose()
}

fn conversation(row: &Row) -> Result<Conversation> {
    Ok(Conversation {
        id: row.id("id")?,
        lead: row.optional_id("lead_id")?,
        channel: row.parse("channel")?,
        peer: row.get("peer")?,
        peer_name: row.get("peer_name")?,
        status: row.parse("status")?,
        assignee: row.optional_id("assignee_id")?,
        paused: row.parse_optional("paused_reason")?,
        close_reason: row.get("close_reason")?,
        snoozed_until: row.get("snoozed_until")?,
        unread: row.get("unread")?,
        last_message_at: row.get("last_message_at")?,
        last_inbound_at: row.get("last_inbound_at")?,
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
        version: row.get("version")?,
    })
}

fn message(row: &Row) -> Result<Message> {
    let code: Option<String> = row.get("failure_code")?;
    let sentence: Option<String> = row.get("failure")?;
    let media: Option<serde_json::Value> = row.get("media")?;
    let transcript = row.parse_optional("transcript_state")?;
    let file = row.parse_optional("file_state")?;
    Ok(Message {
        id: row.id("id")?,
        conversation: row.id("conversation_id")?,
        direction: row.parse("direction")?,
        kind: row.get("kind")?,
        body: row.get("body")?,
        file: file.map(|state| MessageFile::read(state, transcript, media.as_ref())),
        media,
        external_id: row.get("external_id")?,
        quoted_id: row.get("quoted_id")?,
        status: row.parse("status")?,
        failure: code.map(|code| MessageFailure {
            code,
            sentence: sentence.unwrap_or_default(),
        }),
        purpose: row.parse_optional("purpose")?,
        actor_kind: row.get("actor_kind")?,
        actor_id: row.get("actor_id")?,
        at: row.get("at")?,
        sent_at: row.get("sent_at")?,
        delivered_at: row.get("delivered_at")?,
        read_at: row.get("read_at")?,
        edited_at: row.get("edited_at")?,
        revoked_at: row.get("revoked_at")?,
        version: row.get("version")?,
    })
}
