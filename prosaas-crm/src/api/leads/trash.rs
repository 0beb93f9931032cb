//! Deleting leads, and taking it back.

use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;
use prosaas_core::LeadId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::views::Lead;
use super::{after, shown};
use crate::api::kit::{
    ApiJson, ApiResult, ApiState, Id, IfMatch, List, ListParams, NoContent, NoFilter, Page, Scope,
    WithETag,
};
use crate::model::id::UndoId;

/// Puts a lead into the trash. The header `Undo-Token` holds what takes it back.
#[utoipa::path(delete, path = "/api/crm/leads/{id}",
    params(("id" = LeadId, Path, description = "The lead.")),
    responses((status = 204, description = "It is in the trash.",
        headers(("Undo-Token" = String, description = "Takes the deletion back, for 30 days.")))))]
pub(super) async fn delete_lead(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    Id(id): Id<LeadId>,
    IfMatch(version): IfMatch,
) -> ApiResult<impl IntoResponse> {
    let undo = state.store().delete_lead(&scope, id, version).await?;
    Ok(([("undo-token", undo.to_string())], NoContent))
}

/// Takes a lead out of the trash. 409 `identity-taken` names the lead to merge it with.
#[utoipa::path(post, path = "/api/crm/leads/{id}/restore",
    params(("id" = LeadId, Path, description = "The lead.")),
    responses((status = 200, description = "The lead.", body = Lead)))]
pub(super) async fn restore_lead(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    Id(id): Id<LeadId>,
) -> ApiResult<WithETag<Lead>> {
    Ok(WithETag(
        state.store().restore_lead(&scope, id).await?.into(),
    ))
}

/// Lists the leads in the trash, last deleted first.
#[utoipa::path(get, path = "/api/crm/leads/trash", params(ListParams),
    responses((status = 200, description = "One page of leads.", body = Page<Lead>)))]
pub(super) async fn list_deleted_leads(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    list: List<NoFilter>,
) -> ApiResult<Json<Page<Lead>>> {
    let page = state
        .store()
        .list_deleted_leads(&scope, after(&list)?, list.limit)
        .await?;
    Ok(shown(&list, page)?.json())
}

/// What is to be taken back.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "token": "undo_0193bb6a4c5d7e8f9a0b1c2d3e4f5a6b" }))]
pub(crate) struct UndoDeletion {
    /// The token that came with the deletion.
    token: UndoId,
}

/// What was taken back.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Undone {
    /// The leads that are back.
    leads: Vec<LeadId>,
}

/// Takes a deletion back.
#[utoipa::path(post, path = "/api/crm/leads/undo", request_body = UndoDeletion,
    responses((status = 200, description = "What is back.", body = Undone)))]
pub(super) async fn undo_lead_deletion(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    ApiJson(body): ApiJson<UndoDeletion>,
) -> ApiResult<Json<Undone>> {
    let leads = state.store().undo(&scope, body.token).await?;
    Ok(Json(Undone { leads }))
}
