//! What a business's agent may look up.

use axum::Json;
use axum::extract::State;
use prosaas_core::TenantId;
use utoipa_axum::routes;

use super::own;
use crate::api::kit::{
    ApiJson, ApiResult, ApiState, Created, Id, IfMatch, List, ListParams, Needs, NoContent, Page,
    Routes, Scope, Tagged, WithETag,
};
use crate::api::records::page_of;
use crate::auth::Permission;
use crate::model::id::KnowledgeId;
use crate::model::knowledge::{Knowledge, KnowledgeFilter, KnowledgePatch, NewKnowledge};

/// Lists entries, the newest first.
#[utoipa::path(get, path = "/api/businesses/{id}/knowledge", params(ListParams, KnowledgeFilter, ("id" = TenantId, Path, description = "One's own business.")),
    responses((status = 200, description = "One page of them.", body = Page<Knowledge>)))]
async fn list_knowledge(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    Id(id): Id<TenantId>,
    list: List<KnowledgeFilter>,
) -> ApiResult<Json<Page<Knowledge>>> {
    own(&scope, id)?;
    let page = page_of::<KnowledgeId, _>(&list)?;
    let rows = state
        .store()
        .all_knowledge(&scope, list.filter, page)
        .await?;
    Ok(list
        .page(rows, |row| (row.created_at.millis(), row.id), |row| row)?
        .json())
}

/// Adds an entry.
#[utoipa::path(post, path = "/api/businesses/{id}/knowledge", params(("id" = TenantId, Path, description = "One's own business.")), request_body = NewKnowledge,
    responses((status = 201, description = "What was made.", body = Knowledge)))]
async fn create_knowledge(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    Id(id): Id<TenantId>,
    ApiJson(new): ApiJson<NewKnowledge>,
) -> ApiResult<Created<Knowledge>> {
    own(&scope, id)?;
    let body = state.store().add_knowledge(&scope, new).await?;
    Ok(Created {
        location: format!("/api/businesses/{id}/knowledge/{}", body.id),
        body,
    })
}

/// Shows an entry.
#[utoipa::path(get, path = "/api/businesses/{id}/knowledge/{entry_id}", params(("id" = TenantId, Path, description = "One's own business."), ("entry_id" = KnowledgeId, Path, description = "Which one.")),
    responses((status = 200, description = "As it is now.", body = Knowledge)))]
async fn get_knowledge(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    Id((id, entry_id)): Id<(TenantId, KnowledgeId)>,
) -> ApiResult<WithETag<Knowledge>> {
    own(&scope, id)?;
    Ok(WithETag(state.store().knowledge(&scope, entry_id).await?))
}

/// Changes an entry.
#[utoipa::path(patch, path = "/api/businesses/{id}/knowledge/{entry_id}", params(("id" = TenantId, Path, description = "One's own business."), ("entry_id" = KnowledgeId, Path, description = "Which one.")),
    request_body = KnowledgePatch, responses((status = 200, description = "As it is now.", body = Knowledge)))]
async fn update_knowledge(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    Id((id, entry_id)): Id<(TenantId, KnowledgeId)>,
    IfMatch(version): IfMatch,
    ApiJson(change): ApiJson<KnowledgePatch>,
) -> ApiResult<WithETag<Knowledge>> {
    own(&scope, id)?;
    let changed = state
        .store()
        .update_knowledge(&scope, entry_id, version, change)
        .await?;
    Ok(WithETag(changed))
}

/// Puts an entry into the trash.
#[utoipa::path(delete, path = "/api/businesses/{id}/knowledge/{entry_id}", params(("id" = TenantId, Path, description = "One's own business."), ("entry_id" = KnowledgeId, Path, description = "Which one.")),
    responses((status = 204, description = "It is gone.")))]
async fn delete_knowledge(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    Id((id, entry_id)): Id<(TenantId, KnowledgeId)>,
    IfMatch(version): IfMatch,
) -> ApiResult<NoContent> {
    own(&scope, id)?;
    state
        .store()
        .delete_knowledge(&scope, entry_id, version)
        .await?;
    Ok(NoContent)
}

/// Takes an entry back out of the trash.
#[utoipa::path(post, path = "/api/businesses/{id}/knowledge/{entry_id}/restore", params(("id" = TenantId, Path, description = "One's own business."), ("entry_id" = KnowledgeId, Path, description = "Which one.")),
    responses((status = 200, description = "As it is now.", body = Knowledge)))]
async fn restore_knowledge(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    Id((id, entry)): Id<(TenantId, KnowledgeId)>,
) -> ApiResult<WithETag<Knowledge>> {
    own(&scope, id)?;
    Ok(WithETag(
        state.store().restore_knowledge(&scope, entry).await?,
    ))
}

/// Removes an entry of the trash for good.
#[utoipa::path(post, path = "/api/businesses/{id}/knowledge/{entry_id}/purge", params(("id" = TenantId, Path, description = "One's own business."), ("entry_id" = KnowledgeId, Path, description = "Which one.")),
    responses((status = 204, description = "It is gone for good.")))]
async fn purge_knowledge(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    Id((id, entry)): Id<(TenantId, KnowledgeId)>,
) -> ApiResult<NoContent> {
    own(&scope, id)?;
    state.store().purge_knowledge(&scope, entry).await?;
    Ok(NoContent)
}

pub(crate) fn routes() -> Tagged {
    let read = Needs::Tenant(Permission::BusinessRead);
    let manage = Needs::Tenant(Permission::BusinessManage);
    let purge = Needs::Tenant(Permission::LeadsPurge);
    Routes::tagged("knowledge")
        .add(read, routes!(list_knowledge))
        .add(manage, routes!(create_knowledge))
        .add(read, routes!(get_knowledge))
        .add(manage, routes!(update_knowledge))
        .add(manage, routes!(delete_knowledge))
        .add(manage, routes!(restore_knowledge))
        .add(purge, routes!(purge_knowledge))
}
