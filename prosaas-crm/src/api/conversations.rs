//! Conversations by text.

use axum::Json;
use axum::extract::State;
use prosaas_core::{LeadId, UnixMillis};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::routes;

use crate::api::kit::{
    ApiResult, ApiState, Id, List, ListParams, Needs, NoFilter, Page, Routes, Scope, Tagged, Time,
    Versioned, WithETag,
};
use crate::auth::Permission;
use crate::model::conversation::{
    Channel, Conversation as Stored, ConversationFilter, ConversationStatus,
    Message as StoredMessage, MessageDirection, MessageStatus,
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
    /// His name on the channel, such as a number.
    peer: String,
    /// Whose turn it is.
    status: ConversationStatus,
    /// Who answers.
    assignee_id: Option<UserId>,
    /// Whether a person took over from the agent.
    agent_paused: bool,
    /// How many messages nobody read.
    unread: u32,
    /// When the last message was written.
    last_message_at: Time,
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
            status: stored.status,
            assignee_id: stored.assignee,
            agent_paused: stored.agent_paused,
            unread: stored.unread,
            last_message_at: stored.last_message_at.into(),
            created_at: stored.created_at.into(),
            updated_at: stored.updated_at.into(),
            version: stored.version,
        }
    }
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
    #[schema(value_type = Option<Object>)]
    media: Option<serde_json::Value>,
    /// How far it has come.
    status: MessageStatus,
    /// The kind of actor who wrote it.
    actor_kind: String,
    /// His id, where he has one.
    actor_id: Option<String>,
    /// When it was written.
    at: Time,
}

impl From<StoredMessage> for Message {
    fn from(stored: StoredMessage) -> Self {
        Self {
            id: stored.id,
            conversation_id: stored.conversation,
            direction: stored.direction,
            kind: stored.kind,
            body: stored.body,
            media: stored.media,
            status: stored.status,
            actor_kind: stored.actor_kind,
            actor_id: stored.actor_id,
            at: stored.at.into(),
        }
    }
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ConversationListFilter {
    /// Only this channel.
    channel: Option<Channel>,
    /// Only this status.
    status: Option<ConversationStatus>,
    /// Only this lead's.
    lead_id: Option<LeadId>,
    /// Only this member's.
    assignee_id: Option<UserId>,
}

/// Lists conversations, the one with the newest message first.
#[utoipa::path(get, path = "/api/conversations", params(ListParams, ConversationListFilter),
    responses((status = 200, description = "One page of conversations.", body = Page<Conversation>)))]
async fn list_conversations(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    list: List<ConversationListFilter>,
) -> ApiResult<Json<Page<Conversation>>> {
    let after: Option<(UnixMillis, ConversationId)> = list.after()?;
    let filter = ConversationFilter {
        channel: list.filter.channel,
        status: list.filter.status,
        lead: list.filter.lead_id,
        assignee: list.filter.assignee_id,
    };
    let rows = state
        .store()
        .conversations(&scope, filter, after, list.fetch())
        .await?;
    let key = |row: &Stored| (row.last_message_at, row.id);
    Ok(list.page(rows, key, Conversation::from)?.json())
}

/// Shows a conversation.
#[utoipa::path(get, path = "/api/conversations/{id}",
    params(("id" = ConversationId, Path, description = "The conversation.")),
    responses((status = 200, description = "The conversation.", body = Conversation)))]
async fn get_conversation(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    Id(id): Id<ConversationId>,
) -> ApiResult<WithETag<Conversation>> {
    let stored = state.store().conversation(&scope, id).await?;
    Ok(WithETag(stored.into()))
}

/// Lists the messages of a conversation, the newest first.
#[utoipa::path(get, path = "/api/conversations/{id}/messages",
    params(ListParams, ("id" = ConversationId, Path, description = "The conversation.")),
    responses((status = 200, description = "One page of messages.", body = Page<Message>)))]
async fn list_messages(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    Id(id): Id<ConversationId>,
    list: List<NoFilter>,
) -> ApiResult<Json<Page<Message>>> {
    let after: Option<(UnixMillis, MessageId)> = list.after()?;
    let rows = state
        .store()
        .messages(&scope, id, after, list.fetch())
        .await?;
    let key = |row: &StoredMessage| (row.at, row.id);
    Ok(list.page(rows, key, Message::from)?.json())
}

pub(crate) fn routes() -> Tagged {
    let read = Needs::Tenant(Permission::ConversationsRead);
    Routes::tagged("conversations")
        .add(read, routes!(list_conversations))
        .add(read, routes!(get_conversation))
        .add(read, routes!(list_messages))
}
