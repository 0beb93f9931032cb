//! Conversations by text and their messages.

use prosaas_core::{LeadId, Result, UnixMillis};
use uuid::Uuid;

use super::CrmStore;
use super::db::{Change, Json, Row, Sql, TenantTx, args};
use crate::auth::{Actor, TenantScope};
use crate::model::conversation::{
    Conversation, ConversationFilter, ConversationStatus, Message, MessageDirection, NewMessage,
};
use crate::model::id::{ConversationId, MessageId, UserId};

const LIST: Sql = Sql::both(
    "SELECT * FROM conversations
     WHERE tenant_id = $1 AND deleted_at IS NULL AND (last_message_at, id) < ($2, $3)
       AND ($5 IS NULL OR channel = $5) AND ($6 IS NULL OR status = $6)
       AND ($7 IS NULL OR lead_id = $7) AND ($8 IS NULL OR assignee_id = $8)
     ORDER BY last_message_at DESC, id DESC LIMIT $4",
);
const ONE: Sql = Sql::both(
    "SELECT * FROM conversations WHERE tenant_id = $1 AND id = $2 AND deleted_at IS NULL",
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
     SET status = $3, unread = unread + $4, last_message_at = max(last_message_at, $5),
         lead_id = coalesce(lead_id, $6), updated_at = $7, version = version + 1
     WHERE tenant_id = $1 AND id = $2",
    "UPDATE conversations
     SET status = $3, unread = unread + $4, last_message_at = greatest(last_message_at, $5),
         lead_id = coalesce(lead_id, $6), updated_at = $7, version = version + 1
     WHERE tenant_id = $1 AND id = $2",
);
const MESSAGES: Sql = Sql::both(
    "SELECT * FROM messages
     WHERE tenant_id = $1 AND conversation_id = $2 AND (at, id) < ($3, $4)
     ORDER BY at DESC, id DESC LIMIT $5",
);
const BY_EXTERNAL_ID: Sql = Sql::both(
    "SELECT * FROM messages WHERE tenant_id = $1 AND conversation_id = $2 AND external_id = $3",
);
const ADD: Sql = Sql::both(
    "INSERT INTO messages (tenant_id, id, conversation_id, direction, kind, body, media, external_id,
                           status, actor_kind, actor_id, at, created_at, updated_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $13)",
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
        let mut tx = self.read(scope).await?;
        let (at, id) = key(after.map(|(at, id)| (at, id.uuid())));
        let values = args![
            at,
            id,
            limit,
            filter
                .channel
                .map(crate::model::conversation::Channel::as_str),
            filter.status.map(ConversationStatus::as_str),
            filter.lead.map(LeadId::uuid),
            filter.assignee.map(UserId::uuid),
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

    /// Stores a message with its conversation, which begins when there is none with this peer. One with a
    /// known `external_id` changes nothing.
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
        if let Some(lead) = new.lead {
            tx.require(&LEAD_EXISTS, args![lead.uuid()], "lead").await?;
        }
        let found = self.conversation_with(&mut tx, &new).await?;
        if let Some(external) = &new.external_id {
            let known = args![found.id.uuid(), external];
            if let Some(row) = tx.fetch_optional(&BY_EXTERNAL_ID, known).await? {
                return Ok((found, message(&row)?));
            }
        }
        let id = self.insert_message(&mut tx, found.id, &new).await?;
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
        let change = Change::new("message.added", "conversation", found.id).without_audit();
        let change = match found.lead.or(new.lead) {
            Some(lead) => change.lead(lead),
            None => change,
        };
        tx.record(change);
        let after = one(&mut tx, found.id).await?;
        let row = tx.fetch_one(&MESSAGE, args![id.uuid()], "message").await?;
        let stored = message(&row)?;
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

    async fn insert_message(
        &self,
        tx: &mut TenantTx,
        conversation: ConversationId,
        new: &NewMessage,
    ) -> Result<MessageId> {
        let now = self.now();
        let id = MessageId::mint(now);
        // What comes in was written by nobody of ours.
        let (kind, actor) = match (new.direction, tx.actor()) {
            (MessageDirection::Inbound, _) => ("contact", None),
            (MessageDirection::Outbound, Actor::User(user)) => ("user", Some(user.to_string())),
            (MessageDirection::Outbound, actor) => (actor.kind(), None),
        };
        let values = args![
            id.uuid(),
            conversation.uuid(),
            new.direction.as_str(),
            &new.kind,
            &new.body,
            new.media.clone().map(Json),
            new.external_id.as_deref(),
            new.status.as_str(),
            kind,
            actor,
            new.at,
            now,
        ];
        tx.execute(&ADD, values).await?;
        Ok(id)
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

fn conversation(row: &Row) -> Result<Conversation> {
    Ok(Conversation {
        id: row.id("id")?,
        lead: row.optional_id("lead_id")?,
        channel: row.parse("channel")?,
        peer: row.get("peer")?,
        status: row.parse("status")?,
        assignee: row.optional_id("assignee_id")?,
        agent_paused: row.get("agent_paused")?,
        unread: row.get("unread")?,
        last_message_at: row.get("last_message_at")?,
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
        version: row.get("version")?,
    })
}

fn message(row: &Row) -> Result<Message> {
    Ok(Message {
        id: row.id("id")?,
        conversation: row.id("conversation_id")?,
        direction: row.parse("direction")?,
        kind: row.get("kind")?,
        body: row.get("body")?,
        media: row.get("media")?,
        status: row.parse("status")?,
        actor_kind: row.get("actor_kind")?,
        actor_id: row.get("actor_id")?,
        at: row.get("at")?,
    })
}
