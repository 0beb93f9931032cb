//! The numbers of a business.

use axum::Json;
use axum::extract::State;
use prosaas_core::{E164, TenantId};
use utoipa_axum::routes;

use super::own;
use crate::api::kit::{
    ApiJson, ApiResult, ApiState, Created, Id, IfMatch, Needs, NoContent, Routes, Scope, Tagged,
    WithETag,
};
use crate::api::records::Whole;
use crate::auth::Permission;
use crate::model::number::{BusinessNumber, NewNumber, NumberPatch};

/// Lists the numbers in the order of their digits.
#[utoipa::path(get, path = "/api/businesses/{id}/numbers", params(("id" = TenantId, Path, description = "One's own business.")),
    responses((status = 200, description = "All of them.", body = Whole<BusinessNumber>)))]
async fn list_numbers(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    Id(id): Id<TenantId>,
) -> ApiResult<Json<Whole<BusinessNumber>>> {
    own(&scope, id)?;
    Ok(Whole::of(state.store().numbers(&scope).await?))
}

/// Claims a number that no other business has.
#[utoipa::path(post, path = "/api/businesses/{id}/numbers", params(("id" = TenantId, Path, description = "One's own business.")), request_body = NewNumber,
    responses((status = 201, description = "What was made.", body = BusinessNumber)))]
async fn claim_number(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    Id(id): Id<TenantId>,
    ApiJson(new): ApiJson<NewNumber>,
) -> ApiResult<Created<BusinessNumber>> {
    own(&scope, id)?;
    let body = state.store().claim_number(&scope, new).await?;
    Ok(Created {
        location: format!("/api/businesses/{id}/numbers/{}", body.number.expose()),
        body,
    })
}

/// Shows a number.
#[utoipa::path(get, path = "/api/businesses/{id}/numbers/{number}", params(("id" = TenantId, Path, description = "One's own business."), ("number" = E164, Path, description = "Which one.")),
    responses((status = 200, description = "As it is now.", body = BusinessNumber)))]
async fn get_number(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    Id((id, number)): Id<(TenantId, E164)>,
) -> ApiResult<WithETag<BusinessNumber>> {
    own(&scope, id)?;
    Ok(WithETag(state.store().number(&scope, &number).await?))
}

/// Changes how a number is answered.
#[utoipa::path(patch, path = "/api/businesses/{id}/numbers/{number}", params(("id" = TenantId, Path, description = "One's own business."), ("number" = E164, Path, description = "Which one.")),
    request_body = NumberPatch, responses((status = 200, description = "As it is now.", body = BusinessNumber)))]
async fn update_number(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    Id((id, number)): Id<(TenantId, E164)>,
    IfMatch(version): IfMatch,
    ApiJson(change): ApiJson<NumberPatch>,
) -> ApiResult<WithETag<BusinessNumber>> {
    own(&scope, id)?;
    let changed = state
        .store()
        .update_number(&scope, &number, version, change)
        .await?;
    Ok(WithETag(changed))
}

/// Gives a number up.
#[utoipa::path(delete, path = "/api/businesses/{id}/numbers/{number}", params(("id" = TenantId, Path, description = "One's own business."), ("number" = E164, Path, description = "Which one.")),
    responses((status = 204, description = "It is gone.")))]
async fn release_number(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    Id((id, number)): Id<(TenantId, E164)>,
    IfMatch(version): IfMatch,
) -> ApiResult<NoContent> {
    own(&scope, id)?;
    state
        .store()
        .release_number(&scope, &number, version)
        .await?;
    Ok(NoContent)
}

pub(crate) fn routes() -> Tagged {
    let read = Needs::Tenant(Permission::BusinessRead);
    let write = Needs::Tenant(Permission::BusinessWrite);
    Routes::tagged("businesses")
        .add(read, routes!(list_numbers))
        .add(write, routes!(claim_number))
        .add(read, routes!(get_number))
        .add(write, routes!(update_number))
        .add(write, routes!(release_number))
}
