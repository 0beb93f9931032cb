//! Conversations by text: the inbox, what is written, and who answers.

mod files;
mod media;
mod shapes;

use axum::Json;
use axum::extract::State;
use prosaas_core::message::Template;
use prosaas_core::{LeadId, UnixMillis};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::routes;

use self::files::NewFile;
use self::shapes::{Conversation, Message};
use crate::api::kit::{
    ApiJson, ApiQuery, ApiResult, ApiState, Created, Id, IfMatch, List, ListParams, Needs,
    NoFilter, Page, PageInfo, Problem, Routes, Scope, Tagged, Time, WithETag,
};
use crate::auth::{Permission, TenantScope};
use crate::model::consent::ConsentPurpose;
use crate::model::conversation::{
    Channel, Conversation as Stored, ConversationFilter, ConversationPatch, ConversationStatus,
    Message as StoredMessage, NewOutbound, OutboundWords,
};
use crate::model::id::{ConversationId, MessageId, UserId};
use crate::model::patch::{Patch, Replace};
use crate::search::Query;

/// The most conversations that a search finds.
const MOST_FOUND: u32 = 50;

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
    /// Only one's own, or everybody's.
    mine: Option<bool>,
    /// Only those with messages that nobody read, or without.
    unread: Option<bool>,
    /// Only those in which the agent answers, or does not.
    agent: Option<bool>,
    /// Only those that are put off, or are not.
    snoozed: Option<bool>,
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
    let mut assignee = list.filter.assignee_id;
    if list.filter.mine == Some(true) {
        let nobody = || Problem::bad_request("query-invalid", "see `errors`");
        let me = scope.actor().user();
        let me = me.ok_or_else(|| nobody().at("mine", "expected a member: a key has nothing"))?;
        if assignee.is_some_and(|other| other != me) {
            return Err(nobody().at("mine", "expected one of `mine` and `assignee_id`"));
        }
        assignee = Some(me);
    }
    let filter = ConversationFilter {
        channel: list.filter.channel,
        status: list.filter.status,
        lead: list.filter.lead_id,
        assignee,
        unread: list.filter.unread,
        agent: list.filter.agent,
        snoozed: list.filter.snoozed,
    };
    let rows = state
        .store()
        .conversations(&scope, filter, after, list.fetch())
        .await?;
    let key = |row: &Stored| (row.last_message_at, row.id);
    Ok(list.page(rows, key, Conversation::from)?.json())
}

/// What is looked for.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ConversationSearch {
    /// Words of a message, or the name or number of whoever writes.
    #[param(min_length = 2, max_length = 200, example = "boiler")]
    q: String,
}

/// Looks for conversations by the words of their messages, and by who writes; the newest first.
#[utoipa::path(get, path = "/api/conversations/search", params(ConversationSearch),
    responses((status = 200, description = "The conversations found, 50 at most.", body = Page<Conversation>)))]
async fn search_conversations(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    ApiQuery(search): ApiQuery<ConversationSearch>,
) -> ApiResult<Json<Page<Conversation>>> {
    let store = state.store();
    let region = store.phone_region(&scope).await?;
    let short = search.q.chars().count() <= Query::MAX_CHARS;
    let query = Query::parse(&search.q, region).filter(|_| short);
    let query = query.ok_or_else(|| {
        Problem::bad_request("query-invalid", "see `errors`")
            .at("q", "expected 2 to 200 characters, with letters or digits")
    })?;
    let found = store
        .search_conversations(&scope, &query, MOST_FOUND)
        .await?;
    let page = PageInfo {
        next: None,
        has_more: false,
    };
    Ok(Json(Page {
        data: found.into_iter().map(Conversation::from).collect(),
        page,
        count: None,
    }))
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

/// What changes about a conversation.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(as = ConversationPatch, example = json!({ "agent_paused": false, "status": "open" }))]
pub(crate) struct ConversationChange {
    /// Whether the agent is silent here: `true` takes the conversation over, `false` gives it back.
    agent_paused: Replace<bool>,
    /// Who answers.
    assignee_id: Patch<UserId>,
    /// Whose turn it is, or that it is over.
    status: Replace<ConversationStatus>,
    /// Why it is closed although the other side waits, in 200 characters at most.
    close_reason: Patch<String>,
    /// Puts it off until a time to come, within a year: it waits until then, and comes back open, or when the
    /// other side writes. No `status` beside it.
    snoozed_until: Patch<Time>,
}

/// Takes a conversation over from the agent or gives it back, assigns it, puts it off, closes it or opens it.
#[utoipa::path(patch, path = "/api/conversations/{id}", request_body = ConversationChange,
    params(("id" = ConversationId, Path, description = "The conversation.")),
    responses((status = 200, description = "As it is now.", body = Conversation)))]
async fn update_conversation(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    Id(id): Id<ConversationId>,
    IfMatch(version): IfMatch,
    ApiJson(change): ApiJson<ConversationChange>,
) -> ApiResult<WithETag<Conversation>> {
    let patch = ConversationPatch {
        agent_paused: change.agent_paused,
        assignee: change.assignee_id,
        status: change.status,
        close_reason: change.close_reason,
        snoozed_until: change.snoozed_until.map(Time::millis),
    };
    let changed = state
        .store()
        .update_conversation(&scope, id, version, patch)
        .await?;
    Ok(WithETag(changed.into()))
}

/// Notes that everything in a conversation was read; the other side sees it where the business wants that.
#[utoipa::path(post, path = "/api/conversations/{id}/read",
    params(("id" = ConversationId, Path, description = "The conversation.")),
    responses((status = 200, description = "As it is now.", body = Conversation)))]
async fn read_conversation(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    Id(id): Id<ConversationId>,
) -> ApiResult<WithETag<Conversation>> {
    let read = state.store().read_conversation(&scope, id).await?;
    Ok(WithETag(read.into()))
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

/// A message to be sent: words, an approved template, or a file, under which words may stand.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "text": "We are open until six." }))]
pub(crate) struct NewMessage {
    /// Its words.
    #[schema(min_length = 1, max_length = 4096, pattern = r"\S")]
    text: Option<String>,
    /// A message that the channel approved beforehand, where it has such.
    template: Option<MessageTemplate>,
    /// A file that was uploaded for it; `text` then stands under it, with 1,024 characters at most.
    file: Option<NewFile>,
    /// What it is sent for; `service` when not said. Advertising goes only to people who consented to it.
    purpose: Option<ConsentPurpose>,
    /// The message of this conversation that it quotes.
    quoted_id: Option<MessageId>,
}

/// A message that the channel approved beforehand.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MessageTemplate {
    /// The name under which it was approved.
    #[schema(min_length = 1, max_length = 512, pattern = r"\S")]
    name: String,
    /// Its language, such as `he` or `en_US`.
    #[schema(min_length = 1, max_length = 20, pattern = r"\S")]
    language: String,
    /// What fills the blanks of its body, in their order.
    #[serde(default)]
    #[schema(max_items = 20)]
    parameters: Vec<String>,
}

impl NewMessage {
    async fn into_outbound(self, state: &ApiState, scope: &TenantScope) -> ApiResult<NewOutbound> {
        let body = match (self.text, self.template, self.file) {
            (Some(text), None, None) => OutboundWords::Text(text),
            (None, Some(template), None) => OutboundWords::Template(Template {
                name: template.name,
                language: template.language,
                parameters: template.parameters,
            }),
            (text, None, Some(file)) => OutboundWords::File(file.found(state, scope, text).await?),
            _ => {
                let one = "expected one of `text`, `template` and `file`";
                return Err(Problem::bad_request("invalid", "see `errors`").at("/text", one));
            }
        };
        Ok(NewOutbound {
            body,
            purpose: self.purpose.unwrap_or(ConsentPurpose::Service),
            quotes: self.quoted_id,
            is_wanted: false,
            is_to_own_people: false,
        })
    }
}

/// Writes a message and has it sent. Whoever writes takes the conversation over from the agent.
#[utoipa::path(post, path = "/api/conversations/{id}/messages", request_body = NewMessage,
    params(("id" = ConversationId, Path, description = "The conversation.")),
    responses((status = 201, description = "The message, on its way.", body = Message)))]
async fn create_message(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    Id(id): Id<ConversationId>,
    ApiJson(new): ApiJson<NewMessage>,
) -> ApiResult<Created<Message>> {
    if new.purpose == Some(ConsentPurpose::Recording) {
        let expected = "expected `service` or `marketing`";
        return Err(Problem::bad_request("invalid", "see `errors`").at("/purpose", expected));
    }
    // Who may not see the conversation hears nothing of the installation's transports.
    state.store().conversation(&scope, id).await?;
    let new = new.into_outbound(&state, &scope).await?;
    let transport = state.whatsapp()?;
    let can = transport.capabilities_of(scope.tenant()).await?;
    let message = state.store().write_message(&scope, id, new, can).await?;
    if message.file.is_some() {
        // The message is on its way: whether somebody is told of the room left is no reason to refuse it.
        if let Err(error) = state.store().warn_of_storage(&scope).await {
            tracing::warn!(error = %error.chain(), "it was not looked how much files take");
        }
    }
    Ok(Created {
        location: format!("/api/messages/{}", message.id),
        body: message.into(),
    })
}

/// Shows a message.
#[utoipa::path(get, path = "/api/messages/{id}",
    params(("id" = MessageId, Path, description = "The message.")),
    responses((status = 200, description = "As it is now.", body = Message)))]
async fn get_message(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    Id(id): Id<MessageId>,
) -> ApiResult<WithETag<Message>> {
    let stored = state.store().message(&scope, id).await?;
    Ok(WithETag(stored.into()))
}

pub(crate) fn routes() -> Tagged {
    let read = Needs::Tenant(Permission::ConversationsRead);
    let write = Needs::Tenant(Permission::ConversationsWrite);
    Routes::tagged("conversations")
        .add(read, routes!(list_conversations))
        .add(read, routes!(search_conversations))
        .add(read, routes!(get_conversation))
        .add(write, routes!(update_conversation))
        .add(write, routes!(read_conversation))
        .add(read, routes!(list_messages))
        .add(write, routes!(create_message))
        .add(write.streaming(), routes!(files::upload_message_file))
        .add(read, routes!(get_message))
        .add(read, routes!(files::get_message_file))
}
