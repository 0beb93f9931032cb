//! The stages of leads.

use axum::Json;
use axum::extract::State;
use utoipa_axum::routes;

use super::Whole;
use crate::api::kit::{
    ApiJson, ApiResult, ApiState, Created, Id, IfMatch, Needs, NoContent, Routes, Scope, Tagged,
    WithETag,
};
use crate::auth::Permission;
use crate::model::id::StageId;
use crate::model::setup::{NewStage, Stage, StagePatch};

/// Lists the stages that leads pass through, in their order.
#[utoipa::path(get, path = "/api/crm/stages",
    responses((status = 200, description = "All of them.", body = Whole<Stage>)))]
async fn list_stages(
    State(state): State<ApiState>,
    Scope(scope): Scope,
) -> ApiResult<Json<Whole<Stage>>> {
    Ok(Whole::of(state.store().stages(&scope).await?))
}

/// Makes a stage.
#[utoipa::path(post, path = "/api/crm/stages", request_body = NewStage,
    responses((status = 201, description = "What was made.", body = Stage)))]
async fn create_stage(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    ApiJson(new): ApiJson<NewStage>,
) -> ApiResult<Created<Stage>> {
    let body = state.store().add_stage(&scope, new).await?;
    Ok(Created {
        location: format!("/api/crm/stages/{}", body.id),
        body,
    })
}

/// Shows a stage.
#[utoipa::path(get, path = "/api/crm/stages/{id}", params(("id" = StageId, Path, description = "Which one.")),
    responses((status = 200, description = "As it is now.", body = Stage)))]
async fn get_stage(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    Id(id): Id<StageId>,
) -> ApiResult<WithETag<Stage>> {
    Ok(WithETag(state.store().stage(&scope, id).await?))
}

/// Changes a stage.
#[utoipa::path(patch, path = "/api/crm/stages/{id}", params(("id" = StageId, Path, description = "Which one.")),
    request_body = StagePatch, responses((status = 200, description = "As it is now.", body = Stage)))]
async fn update_stage(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    Id(id): Id<StageId>,
    IfMatch(version): IfMatch,
    ApiJson(patch): ApiJson<StagePatch>,
) -> ApiResult<WithETag<Stage>> {
    let changed = state
        .store()
        .update_stage(&scope, id, version, patch)
        .await?;
    Ok(WithETag(changed))
}

/// Removes a stage.
#[utoipa::path(delete, path = "/api/crm/stages/{id}", params(("id" = StageId, Path, description = "Which one.")),
    responses((status = 204, description = "It is gone.")))]
async fn delete_stage(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    Id(id): Id<StageId>,
    IfMatch(version): IfMatch,
) -> ApiResult<NoContent> {
    state.store().delete_stage(&scope, id, version).await?;
    Ok(NoContent)
}

pub(crate) fn routes() -> Tagged {
    let read = Needs::Tenant(Permission::BusinessRead);
    let manage = Needs::Tenant(Permission::BusinessManage);
    Routes::tagged("stages")
        .add(read, routes!(list_stages))
        .add(manage, routes!(create_stage))
        .add(read, routes!(get_stage))
        .add(manage, routes!(update_stage))
        .add(manage, routes!(delete_stage))
}
