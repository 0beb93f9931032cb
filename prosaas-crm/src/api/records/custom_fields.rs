//! Fields of a business's own.

use axum::Json;
use axum::extract::State;
use utoipa_axum::routes;

use super::Whole;
use crate::api::kit::{
    ApiJson, ApiResult, ApiState, Created, Id, IfMatch, Needs, NoContent, Routes, Scope, Tagged,
    WithETag,
};
use crate::auth::Permission;
use crate::model::custom_field::{CustomField, CustomFieldPatch, NewCustomField};
use crate::model::id::CustomFieldId;

/// Lists the fields that the business added to its leads, in their order.
#[utoipa::path(get, path = "/api/crm/custom-fields",
    responses((status = 200, description = "All of them.", body = Whole<CustomField>)))]
async fn list_custom_fields(
    State(state): State<ApiState>,
    Scope(scope): Scope,
) -> ApiResult<Json<Whole<CustomField>>> {
    Ok(Whole::of(state.store().custom_fields(&scope).await?))
}

/// Makes a field.
#[utoipa::path(post, path = "/api/crm/custom-fields", request_body = NewCustomField,
    responses((status = 201, description = "What was made.", body = CustomField)))]
async fn create_custom_field(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    ApiJson(new): ApiJson<NewCustomField>,
) -> ApiResult<Created<CustomField>> {
    let body = state.store().add_custom_field(&scope, new).await?;
    Ok(Created {
        location: format!("/api/crm/custom-fields/{}", body.id),
        body,
    })
}

/// Shows a field.
#[utoipa::path(get, path = "/api/crm/custom-fields/{id}", params(("id" = CustomFieldId, Path, description = "Which one.")),
    responses((status = 200, description = "As it is now.", body = CustomField)))]
async fn get_custom_field(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    Id(id): Id<CustomFieldId>,
) -> ApiResult<WithETag<CustomField>> {
    Ok(WithETag(state.store().custom_field(&scope, id).await?))
}

/// Changes a field.
#[utoipa::path(patch, path = "/api/crm/custom-fields/{id}", params(("id" = CustomFieldId, Path, description = "Which one.")),
    request_body = CustomFieldPatch, responses((status = 200, description = "As it is now.", body = CustomField)))]
async fn update_custom_field(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    Id(id): Id<CustomFieldId>,
    IfMatch(version): IfMatch,
    ApiJson(patch): ApiJson<CustomFieldPatch>,
) -> ApiResult<WithETag<CustomField>> {
    let changed = state
        .store()
        .update_custom_field(&scope, id, version, patch)
        .await?;
    Ok(WithETag(changed))
}

/// Removes a field.
#[utoipa::path(delete, path = "/api/crm/custom-fields/{id}", params(("id" = CustomFieldId, Path, description = "Which one.")),
    responses((status = 204, description = "It is gone.")))]
async fn delete_custom_field(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    Id(id): Id<CustomFieldId>,
    IfMatch(version): IfMatch,
) -> ApiResult<NoContent> {
    state
        .store()
        .delete_custom_field(&scope, id, version)
        .await?;
    Ok(NoContent)
}

pub(crate) fn routes() -> Tagged {
    let read = Needs::Tenant(Permission::BusinessRead);
    let manage = Needs::Tenant(Permission::BusinessManage);
    Routes::tagged("custom-fields")
        .add(read, routes!(list_custom_fields))
        .add(manage, routes!(create_custom_field))
        .add(read, routes!(get_custom_field))
        .add(manage, routes!(update_custom_field))
        .add(manage, routes!(delete_custom_field))
}
