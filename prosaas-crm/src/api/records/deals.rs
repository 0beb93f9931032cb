//! Deals.

use axum::Json;
use axum::extract::State;
use utoipa_axum::routes;

use super::page_of;
use crate::api::kit::{
    ApiJson, ApiResult, ApiState, Created, Id, IfMatch, List, ListParams, Needs, NoContent, Page,
    Routes, Scope, Tagged, WithETag,
};
use crate::auth::Permission;
use crate::model::deal::{Deal, DealFilter, DealPatch, NewDeal};
use crate::model::id::DealId;

/// Lists deals, the newest first.
#[utoipa::path(get, path = "/api/crm/deals", params(ListParams, DealFilter),
    responses((status = 200, description = "One page of them.", body = Page<Deal>)))]
async fn list_deals(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    list: List<DealFilter>,
) -> ApiResult<Json<Page<Deal>>> {
    let page = page_of::<DealId, _>(&list)?;
    let rows = state.store().deals(&scope, &list.filter, page).await?;
    Ok(list
        .page(rows, |row| (row.created_at.millis(), row.id), |row| row)?
        .json())
}

/// Makes a deal.
#[utoipa::path(post, path = "/api/crm/deals", request_body = NewDeal,
    responses((status = 201, description = "What was made.", body = Deal)))]
async fn create_deal(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    ApiJson(new): ApiJson<NewDeal>,
) -> ApiResult<Created<Deal>> {
    let body = state.store().create_deal(&scope, new).await?;
    Ok(Created {
        location: format!("/api/crm/deals/{}", body.id),
        body,
    })
}

/// Shows a deal.
#[utoipa::path(get, path = "/api/crm/deals/{id}", params(("id" = DealId, Path, description = "Which one.")),
    responses((status = 200, description = "As it is now.", body = Deal)))]
async fn get_deal(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    Id(id): Id<DealId>,
) -> ApiResult<WithETag<Deal>> {
    Ok(WithETag(state.store().deal(&scope, id).await?))
}

/// Changes a deal.
#[utoipa::path(patch, path = "/api/crm/deals/{id}", params(("id" = DealId, Path, description = "Which one.")),
    request_body = DealPatch, responses((status = 200, description = "As it is now.", body = Deal)))]
async fn update_deal(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    Id(id): Id<DealId>,
    IfMatch(version): IfMatch,
    ApiJson(patch): ApiJson<DealPatch>,
) -> ApiResult<WithETag<Deal>> {
    let changed = state
        .store()
        .update_deal(&scope, id, version, patch)
        .await?;
    Ok(WithETag(changed))
}

/// Puts a deal into the trash.
#[utoipa::path(delete, path = "/api/crm/deals/{id}", params(("id" = DealId, Path, description = "Which one.")),
    responses((status = 204, description = "It is gone.")))]
async fn delete_deal(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    Id(id): Id<DealId>,
    IfMatch(version): IfMatch,
) -> ApiResult<NoContent> {
    state.store().delete_deal(&scope, id, version).await?;
    Ok(NoContent)
}

/// Takes a deal back out of the trash.
#[utoipa::path(post, path = "/api/crm/deals/{id}/restore", params(("id" = DealId, Path, description = "Which one.")),
    responses((status = 200, description = "As it is now.", body = Deal)))]
async fn restore_deal(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    Id(id): Id<DealId>,
) -> ApiResult<WithETag<Deal>> {
    Ok(WithETag(state.store().restore_deal(&scope, id).await?))
}

/// Removes a deal of the trash for good.
#[utoipa::path(post, path = "/api/crm/deals/{id}/purge", params(("id" = DealId, Path, description = "Which one.")),
    responses((status = 204, description = "It is gone for good.")))]
async fn purge_deal(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    Id(id): Id<DealId>,
) -> ApiResult<NoContent> {
    state.store().purge_deal(&scope, id).await?;
    Ok(NoContent)
}

pub(crate) fn routes() -> Tagged {
    let read = Needs::Tenant(Permission::DealsRead);
    let write = Needs::Tenant(Permission::DealsWrite);
    let purge = Needs::Tenant(Permission::LeadsPurge);
    Routes::tagged("deals")
        .add(read, routes!(list_deals))
        .add(write, routes!(create_deal))
        .add(read, routes!(get_deal))
        .add(write, routes!(update_deal))
        .add(write, routes!(delete_deal))
        .add(write, routes!(restore_deal))
        .add(purge, routes!(purge_deal))
}
