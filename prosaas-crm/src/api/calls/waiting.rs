//! Callers whom nobody heard, and what became of them.

use axum::Json;
use axum::extract::State;
use prosaas_core::{CallId, UnixMillis};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Call;
use crate::api::kit::{
    ApiJson, ApiResult, ApiState, Id, List, ListParams, NoContent, NoFilter, Page, Scope, Time,
};
use crate::model::call_list::{CallEntry, CallReply, NewSettlement, SettledHow, Settlement};
use crate::model::conversation::{Channel, MessageStatus};
use crate::model::id::ConversationId;

/// How it ended for a caller whom nobody had heard.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CallSettlement {
    /// Whether somebody spoke with him since.
    how: SettledHow,
    /// Why nobody will.
    reason: Option<String>,
    /// When it was said.
    at: Time,
}

impl From<Settlement> for CallSettlement {
    fn from(settled: Settlement) -> Self {
        Self {
            how: settled.how,
            reason: settled.reason,
            at: settled.at.into(),
        }
    }
}

/// The message to a caller whom nobody heard.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CallReply)]
pub(crate) struct CallReplyView {
    /// By which channel it went.
    channel: Channel,
    /// The conversation that it is in.
    conversation_id: ConversationId,
    /// How far it has come.
    status: MessageStatus,
    /// When it was written.
    at: Time,
}

impl From<CallReply> for CallReplyView {
    fn from(reply: CallReply) -> Self {
        Self {
            channel: reply.channel,
            conversation_id: reply.conversation,
            status: reply.status,
            at: reply.at.into(),
        }
    }
}

/// What somebody says about a caller who waits.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "how": "dismissed", "reason": "Wrong number" }))]
pub(crate) struct SettleCall {
    /// Whether somebody spoke with him since, or nobody will.
    how: SettledHow,
    /// Why nobody will; demanded then.
    #[schema(max_length = 200)]
    reason: Option<String>,
}

/// Lists callers who wait: the newest call of each whom nobody has heard, the newest first. One leaves the
/// list when somebody spoke with him in a later call, or says that he did, or why nobody will.
#[utoipa::path(get, path = "/api/calls/waiting", params(ListParams),
    responses((status = 200, description = "One page of calls.", body = Page<Call>)))]
pub(super) async fn list_waiting_calls(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    list: List<NoFilter>,
) -> ApiResult<Json<Page<Call>>> {
    let after: Option<(UnixMillis, CallId)> = list.after()?;
    let rows = state
        .store()
        .waiting_calls(&scope, after, list.fetch())
        .await?;
    let key = |entry: &CallEntry| {
        let record = &entry.call.record;
        (record.call.started_at, record.id)
    };
    Ok(list.page(rows, key, Call::from)?.json())
}

/// Says how it ended for the caller of a call, and with it for what he had tried before. A call whose caller
/// does not wait stays as it is.
#[utoipa::path(put, path = "/api/calls/{id}/settlement", request_body = SettleCall,
    params(("id" = CallId, Path, description = "The call.")),
    responses((status = 200, description = "As it is now.", body = Call)))]
pub(super) async fn settle_call(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    Id(id): Id<CallId>,
    ApiJson(wish): ApiJson<SettleCall>,
) -> ApiResult<Json<Call>> {
    let new = NewSettlement {
        how: wish.how,
        reason: wish.reason,
    };
    let settled = state.store().settle_call(&scope, id, new).await?;
    Ok(Json(settled.into()))
}

/// Takes back what was said about the caller of a call: he waits again.
#[utoipa::path(delete, path = "/api/calls/{id}/settlement",
    params(("id" = CallId, Path, description = "The call.")),
    responses((status = 204, description = "He waits again.")))]
pub(super) async fn reopen_call(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    Id(id): Id<CallId>,
) -> ApiResult<NoContent> {
    state.store().reopen_call(&scope, id).await?;
    Ok(NoContent)
}
