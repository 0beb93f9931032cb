//! Pipelines of deals and their stages.

use axum::Json;
use axum::extract::State;
use utoipa_axum::routes;

use super::Whole;
use crate::api::kit::{
    ApiJson, ApiResult, ApiState, Created, Id, IfMatch, Needs, NoContent, Routes, Scope, Tagged,
    WithETag,
};
use crate::auth::Permission;
use crate::model::deal::{DealStage, NewPipeline, Pipeline, PipelinePatch};
use crate::model::id::{DealStageId, PipelineId};
use crate::model::setup::{NewStage, StagePatch};

/// Lists the pipelines in their order, each with its stages.
#[utoipa::path(get, path = "/api/crm/pipelines",
    responses((status = 200, description = "All of them.", body = Whole<Pipeline>)))]
async fn list_pipelines(
    State(state): State<ApiState>,
    Scope(scope): Scope,
) -> ApiResult<Json<Whole<Pipeline>>> {
    Ok(Whole::of(state.store().pipelines(&scope).await?))
}

/// Makes a pipeline.
#[utoipa::path(post, path = "/api/crm/pipelines", request_body = NewPipeline,
    responses((status = 201, description = "What was made.", body = Pipeline)))]
async fn create_pipeline(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    ApiJson(new): ApiJson<NewPipeline>,
) -> ApiResult<Created<Pipeline>> {
    let body = state.store().add_pipeline(&scope, new).await?;
    Ok(Created {
        location: format!("/api/crm/pipelines/{}", body.id),
        body,
    })
}

/// Shows a pipeline.
#[utoipa::path(get, path = "/api/crm/pipelines/{id}", params(("id" = PipelineId, Path, description = "Which one.")),
    responses((status = 200, description = "As it is now.", body = Pipeline)))]
async fn get_pipeline(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    Id(id): Id<PipelineId>,
) -> ApiResult<WithETag<Pipeline>> {
    Ok(WithETag(state.store().pipeline(&scope, id).await?))
}

/// Changes a pipeline.
#[utoipa::path(patch, path = "/api/crm/pipelines/{id}", params(("id" = PipelineId, Path, description = "Which one.")),
    request_body = PipelinePatch, responses((status = 200, description = "As it is now.", body = Pipeline)))]
async fn update_pipeline(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    Id(id): Id<PipelineId>,
    IfMatch(version): IfMatch,
    ApiJson(patch): ApiJson<PipelinePatch>,
) -> ApiResult<WithETag<Pipeline>> {
    let changed = state
        .store()
        .update_pipeline(&scope, id, version, patch)
        .await?;
    Ok(WithETag(changed))
}

/// Removes a pipeline.
#[utoipa::path(delete, path = "/api/crm/pipelines/{id}", params(("id" = PipelineId, Path, description = "Which one.")),
    responses((status = 204, description = "It is gone.")))]
async fn delete_pipeline(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    Id(id): Id<PipelineId>,
    IfMatch(version): IfMatch,
) -> ApiResult<NoContent> {
    state.store().delete_pipeline(&scope, id, version).await?;
    Ok(NoContent)
}

/// Adds a stage to a pipeline.
#[utoipa::path(post, path = "/api/crm/pipelines/{id}/stages", params(("id" = PipelineId, Path, description = "The pipeline.")),
    request_body = NewStage, responses((status = 201, description = "What was made.", body = DealStage)))]
async fn create_deal_stage(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    Id(id): Id<PipelineId>,
    ApiJson(new): ApiJson<NewStage>,
) -> ApiResult<Created<DealStage>> {
    let body = state.store().add_deal_stage(&scope, id, new).await?;
    Ok(Created {
        location: format!("/api/crm/pipelines/{id}/stages/{}", body.id),
        body,
    })
}

/// Shows a stage of a pipeline.
#[utoipa::path(get, path = "/api/crm/pipelines/{id}/stages/{stage_id}", params(("id" = PipelineId, Path, description = "The pipeline."), ("stage_id" = DealStageId, Path, description = "Its stage.")),
    responses((status = 200, description = "As it is now.", body = DealStage)))]
async fn get_deal_stage(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    Id(ids): Id<(PipelineId, DealStageId)>,
) -> ApiResult<WithETag<DealStage>> {
    Ok(WithETag(state.store().deal_stage(&scope, ids).await?))
}

/// Changes a stage of a pipeline.
#[utoipa::path(patch, path = "/api/crm/pipelines/{id}/stages/{stage_id}", params(("id" = PipelineId, Path, description = "The pipeline."), ("stage_id" = DealStageId, Path, description = "Its stage.")),
    request_body = StagePatch, responses((status = 200, description = "As it is now.", body = DealStage)))]
async fn update_deal_stage(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    Id(ids): Id<(PipelineId, DealStageId)>,
    IfMatch(version): IfMatch,
    ApiJson(patch): ApiJson<StagePatch>,
) -> ApiResult<WithETag<DealStage>> {
    let changed = state
        .store()
        .update_deal_stage(&scope, ids, version, patch)
        .await?;
    Ok(WithETag(changed))
}

/// Removes a stage of a pipeline.
#[utoipa::path(delete, path = "/api/crm/pipelines/{id}/stages/{stage_id}", params(("id" = PipelineId, Path, description = "The pipeline."), ("stage_id" = DealStageId, Path, description = "Its stage.")),
    responses((status = 204, description = "It is gone.")))]
async fn delete_deal_stage(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    Id(ids): Id<(PipelineId, DealStageId)>,
    IfMatch(version): IfMatch,
) -> ApiResult<NoContent> {
    state
        .store()
        .delete_deal_stage(&scope, ids, version)
        .await?;
    Ok(NoContent)
}

pub(crate) fn routes() -> Tagged {
    let read = Needs::Tenant(Permission::DealsRead);
    let manage = Needs::Tenant(Permission::BusinessManage);
    Routes::tagged("pipelines")
        .add(read, routes!(list_pipelines))
        .add(manage, routes!(create_pipeline))
        .add(read, routes!(get_pipeline))
        .add(manage, routes!(update_pipeline))
        .add(manage, routes!(delete_pipeline))
        .add(manage, routes!(create_deal_stage))
        .add(read, routes!(get_deal_stage))
        .add(manage, routes!(update_deal_stage))
        .add(manage, routes!(delete_deal_stage))
}
