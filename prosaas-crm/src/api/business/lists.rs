//! Special days, blocks and transfer targets of a business.

use axum::Json;
use axum::extract::State;
use prosaas_core::TenantId;
use utoipa_axum::routes;

use super::own;
use crate::api::kit::{
    ApiJson, ApiResult, ApiState, Created, Id, IfMatch, Needs, NoContent, Routes, Scope, Tagged,
    WithETag,
};
use crate::api::records::Whole;
use crate::auth::Permission;
use crate::model::block::{Block, NewBlock};
use crate::model::hours::{NewSpecialDay, SpecialDay};
use crate::model::id::{BlockId, HolidayId};
use crate::model::transfer::{Transfer, TransferList};

/// Lists the days on which the business keeps other hours, by date.
#[utoipa::path(get, path = "/api/businesses/{id}/holidays", params(("id" = TenantId, Path, description = "One's own business.")),
    responses((status = 200, description = "All of them.", body = Whole<SpecialDay>)))]
async fn list_holidays(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    Id(id): Id<TenantId>,
) -> ApiResult<Json<Whole<SpecialDay>>> {
    own(&scope, id)?;
    Ok(Whole::of(state.store().special_days(&scope).await?))
}

/// Adds a day of other hours.
#[utoipa::path(post, path = "/api/businesses/{id}/holidays", params(("id" = TenantId, Path, description = "One's own business.")), request_body = NewSpecialDay,
    responses((status = 201, description = "What was made.", body = SpecialDay)))]
async fn create_holiday(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    Id(id): Id<TenantId>,
    ApiJson(new): ApiJson<NewSpecialDay>,
) -> ApiResult<Created<SpecialDay>> {
    own(&scope, id)?;
    let body = state.store().add_special_day(&scope, new).await?;
    Ok(Created {
        location: format!("/api/businesses/{id}/holidays/{}", body.id),
        body,
    })
}

/// Shows a day of other hours.
#[utoipa::path(get, path = "/api/businesses/{id}/holidays/{holiday_id}", params(("id" = TenantId, Path, description = "One's own business."), ("holiday_id" = HolidayId, Path, description = "Which one.")),
    responses((status = 200, description = "As it is now.", body = SpecialDay)))]
async fn get_holiday(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    Id((id, holiday_id)): Id<(TenantId, HolidayId)>,
) -> ApiResult<WithETag<SpecialDay>> {
    own(&scope, id)?;
    Ok(WithETag(
        state.store().special_day(&scope, holiday_id).await?,
    ))
}

/// Changes a day of other hours, as a whole.
#[utoipa::path(put, path = "/api/businesses/{id}/holidays/{holiday_id}", params(("id" = TenantId, Path, description = "One's own business."), ("holiday_id" = HolidayId, Path, description = "Which one.")),
    request_body = NewSpecialDay, responses((status = 200, description = "As it is now.", body = SpecialDay)))]
async fn replace_holiday(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    Id((id, holiday_id)): Id<(TenantId, HolidayId)>,
    IfMatch(version): IfMatch,
    ApiJson(change): ApiJson<NewSpecialDay>,
) -> ApiResult<WithETag<SpecialDay>> {
    own(&scope, id)?;
    let changed = state
        .store()
        .set_special_day(&scope, holiday_id, version, change)
        .await?;
    Ok(WithETag(changed))
}

/// Removes a day of other hours.
#[utoipa::path(delete, path = "/api/businesses/{id}/holidays/{holiday_id}", params(("id" = TenantId, Path, description = "One's own business."), ("holiday_id" = HolidayId, Path, description = "Which one.")),
    responses((status = 204, description = "It is gone.")))]
async fn delete_holiday(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    Id((id, holiday_id)): Id<(TenantId, HolidayId)>,
    IfMatch(version): IfMatch,
) -> ApiResult<NoContent> {
    own(&scope, id)?;
    state
        .store()
        .delete_special_day(&scope, holiday_id, version)
        .await?;
    Ok(NoContent)
}

/// Lists whom the business does not answer, the newest first.
#[utoipa::path(get, path = "/api/businesses/{id}/blocks", params(("id" = TenantId, Path, description = "One's own business.")),
    responses((status = 200, description = "All of them.", body = Whole<Block>)))]
async fn list_blocks(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    Id(id): Id<TenantId>,
) -> ApiResult<Json<Whole<Block>>> {
    own(&scope, id)?;
    Ok(Whole::of(state.store().blocks(&scope).await?))
}

/// Blocks a number, or every number that begins so.
#[utoipa::path(post, path = "/api/businesses/{id}/blocks", params(("id" = TenantId, Path, description = "One's own business.")), request_body = NewBlock,
    responses((status = 201, description = "What was made.", body = Block)))]
async fn create_block(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    Id(id): Id<TenantId>,
    ApiJson(new): ApiJson<NewBlock>,
) -> ApiResult<Created<Block>> {
    own(&scope, id)?;
    let body = state.store().add_block(&scope, new).await?;
    Ok(Created {
        location: format!("/api/businesses/{id}/blocks/{}", body.id),
        body,
    })
}

/// Answers a number again.
#[utoipa::path(delete, path = "/api/businesses/{id}/blocks/{block_id}", params(("id" = TenantId, Path, description = "One's own business."), ("block_id" = BlockId, Path, description = "Which one.")),
    responses((status = 204, description = "It is gone.")))]
async fn delete_block(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    Id((id, block_id)): Id<(TenantId, BlockId)>,
) -> ApiResult<NoContent> {
    own(&scope, id)?;
    state.store().delete_block(&scope, block_id).await?;
    Ok(NoContent)
}

/// Lists whom calls may be transferred to, in the order they are offered.
#[utoipa::path(get, path = "/api/businesses/{id}/transfer-targets", params(("id" = TenantId, Path, description = "One's own business.")),
    responses((status = 200, description = "All of them.", body = Whole<Transfer>)))]
async fn list_transfer_targets(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    Id(id): Id<TenantId>,
) -> ApiResult<Json<Whole<Transfer>>> {
    own(&scope, id)?;
    Ok(Whole::of(state.store().transfer_targets(&scope).await?))
}

/// Replaces whom calls may be transferred to.
#[utoipa::path(put, path = "/api/businesses/{id}/transfer-targets", params(("id" = TenantId, Path, description = "One's own business.")), request_body = TransferList,
    responses((status = 200, description = "All of them.", body = Whole<Transfer>)))]
async fn replace_transfer_targets(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    Id(id): Id<TenantId>,
    ApiJson(list): ApiJson<TransferList>,
) -> ApiResult<Json<Whole<Transfer>>> {
    own(&scope, id)?;
    Ok(Whole::of(
        state.store().set_transfer_targets(&scope, list).await?,
    ))
}

pub(crate) fn routes() -> Tagged {
    let read = Needs::Tenant(Permission::BusinessRead);
    let manage = Needs::Tenant(Permission::BusinessManage);
    Routes::tagged("businesses")
        .add(read, routes!(list_holidays))
        .add(manage, routes!(create_holiday))
        .add(read, routes!(get_holiday))
        .add(manage, routes!(replace_holiday))
        .add(manage, routes!(delete_holiday))
        .add(read, routes!(list_blocks))
        .add(manage, routes!(create_block))
        .add(manage.unversioned(), routes!(delete_block))
        .add(read, routes!(list_transfer_targets))
        .add(manage.unversioned(), routes!(replace_transfer_targets))
}
