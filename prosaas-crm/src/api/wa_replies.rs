//! `/api/wa/replies`: what a business keeps ready for its people to answer with.

use axum::Json;
use axum::extract::State;
use utoipa_axum::routes;

use super::kit::{
    ApiJson, ApiResult, ApiState, Created, Id, IfMatch, Needs, NoContent, Routes, Scope, Tagged,
    Versioned, WithETag,
};
use super::records::{Whole, versioned};
use crate::auth::Permission;
use crate::model::canned_reply::{CannedReply, NewCannedReply};
use crate::model::id::ReplyId;

versioned!(CannedReply);

/// Lists the replies that are kept ready, by shortcut.
#[utoipa::path(get, path = "/api/wa/replies",
    responses((status = 200, description = "All of them.", body = Whole<CannedReply>)))]
async fn list_wa_replies(
    State(state): State<ApiState>,
    Scope(scope): Scope,
) -> ApiResult<Json<Whole<CannedReply>>> {
    Ok(Whole::of(state.store().canned_replies(&scope).await?))
}

/// Keeps a reply ready.
#[utoipa::path(post, path = "/api/wa/replies", request_body = NewCannedReply,
    responses((status = 201, description = "What was made.", body = CannedReply)))]
async fn create_wa_reply(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    ApiJson(new): ApiJson<NewCannedReply>,
) -> ApiResult<Created<CannedReply>> {
    let body = state.store().add_canned_reply(&scope, new).await?;
    Ok(Created {
        location: format!("/api/wa/replies/{}", body.id),
        body,
    })
}

/// Shows a reply.
#[utoipa::path(get, path = "/api/wa/replies/{id}", params(("id" = ReplyId, Path, description = "Which one.")),
    responses((status = 200, description = "As it is now.", body = CannedReply)))]
async fn get_wa_reply(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    Id(id): Id<ReplyId>,
) -> ApiResult<WithETag<CannedReply>> {
    Ok(WithETag(state.store().canned_reply(&scope, id).await?))
}

/// Changes a reply, as a whole.
#[utoipa::path(put, path = "/api/wa/replies/{id}", params(("id" = ReplyId, Path, description = "Which one.")),
    request_body = NewCannedReply, responses((status = 200, description = "As it is now.", body = CannedReply)))]
async fn replace_wa_reply(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    Id(id): Id<ReplyId>,
    IfMatch(version): IfMatch,
    ApiJson(change): ApiJson<NewCannedReply>,
) -> ApiResult<WithETag<CannedReply>> {
    let changed = state
        .store()
        .set_canned_reply(&scope, id, version, change)
        .await?;
    Ok(WithETag(changed))
}

/// Removes a reply for good.
#[utoipa::path(delete, path = "/api/wa/replies/{id}", params(("id" = ReplyId, Path, description = "Which one.")),
    responses((status = 204, description = "It is gone.")))]
async fn delete_wa_reply(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    Id(id): Id<ReplyId>,
    IfMatch(version): IfMatch,
) -> ApiResult<NoContent> {
    state
        .store()
        .delete_canned_reply(&scope, id, version)
        .await?;
    Ok(NoContent)
}

pub(crate) fn routes() -> Tagged {
    let read = Needs::Tenant(Permission::BusinessRead);
    let manage = Needs::Tenant(Permission::BusinessManage);
    Routes::tagged("whatsapp")
        .add(read, routes!(list_wa_replies))
        .add(manage, routes!(create_wa_reply))
        .add(read, routes!(get_wa_reply))
        .add(manage, routes!(replace_wa_reply))
        .add(manage, routes!(delete_wa_reply))
}
