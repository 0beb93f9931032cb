//! Tags.

use axum::Json;
use axum::extract::State;
use utoipa_axum::routes;

use super::Whole;
use crate::api::kit::{
    ApiJson, ApiResult, ApiState, Created, Id, IfMatch, Needs, NoContent, Routes, Scope, Tagged,
    WithETag,
};
use crate::auth::Permission;
use crate::model::id::TagId;
use crate::model::setup::{NewTag, Tag, TagPatch};

/// Lists the tags by name.
#[utoipa::path(get, path = "/api/crm/tags",
    responses((status = 200, description = "All of them.", body = Whole<Tag>)))]
async fn list_tags(
    State(state): State<ApiState>,
    Scope(scope): Scope,
) -> ApiResult<Json<Whole<Tag>>> {
    Ok(Whole::of(state.store().tags(&scope).await?))
}

/// Makes a tag.
#[utoipa::path(post, path = "/api/crm/tags", request_body = NewTag,
    responses((status = 201, description = "What was made.", body = Tag)))]
async fn create_tag(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    ApiJson(new): ApiJson<NewTag>,
) -> ApiResult<Created<Tag>> {
    let body = state.store().add_tag(&scope, new).await?;
    Ok(Created {
        location: format!("/api/crm/tags/{}", body.id),
        body,
    })
}

/// Shows a tag.
#[utoipa::path(get, path = "/api/crm/tags/{id}", params(("id" = TagId, Path, description = "Which one.")),
    responses((status = 200, description = "As it is now.", body = Tag)))]
async fn get_tag(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    Id(id): Id<TagId>,
) -> ApiResult<WithETag<Tag>> {
    Ok(WithETag(state.store().tag(&scope, id).await?))
}

/// Changes a tag.
#[utoipa::path(patch, path = "/api/crm/tags/{id}", params(("id" = TagId, Path, description = "Which one.")),
    request_body = TagPatch, responses((status = 200, description = "As it is now.", body = Tag)))]
async fn update_tag(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    Id(id): Id<TagId>,
    IfMatch(version): IfMatch,
    ApiJson(patch): ApiJson<TagPatch>,
) -> ApiResult<WithETag<Tag>> {
    let changed = state.store().update_tag(&scope, id, version, patch).await?;
    Ok(WithETag(changed))
}

/// Removes a tag.
#[utoipa::path(delete, path = "/api/crm/tags/{id}", params(("id" = TagId, Path, description = "Which one.")),
    responses((status = 204, description = "It is gone.")))]
async fn delete_tag(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    Id(id): Id<TagId>,
    IfMatch(version): IfMatch,
) -> ApiResult<NoContent> {
    state.store().delete_tag(&scope, id, version).await?;
    Ok(NoContent)
}

pub(crate) fn routes() -> Tagged {
    let read = Needs::Tenant(Permission::BusinessRead);
    let manage = Needs::Tenant(Permission::BusinessManage);
    Routes::tagged("tags")
        .add(read, routes!(list_tags))
        .add(manage, routes!(create_tag))
        .add(read, routes!(get_tag))
        .add(manage, routes!(update_tag))
        .add(manage, routes!(delete_tag))
}
