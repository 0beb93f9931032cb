//! Long work: how far it has come, and stopping it.

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use prosaas_core::UnixMillis;
use utoipa_axum::routes;

use super::kit::{
    ApiResult, ApiState, Id, List, ListParams, Needs, NoFilter, Page, Routes, Scope, Tagged,
    Versioned, WithETag,
};
use crate::auth::{Permission, TenantScope};
use crate::model::batch::BatchJob;
use crate::model::id::BatchJobId;
use crate::model::page::Page as Rows;

impl Versioned for BatchJob {
    fn version(&self) -> u64 {
        self.version
    }
}

/// 202 with the job that was begun, and where it can be watched.
pub(crate) struct Accepted(BatchJob);

impl Accepted {
    /// The job, read back for whoever asked for it.
    pub(crate) async fn job(
        state: &ApiState,
        scope: &TenantScope,
        id: BatchJobId,
    ) -> ApiResult<Self> {
        state.store().new_work().notify_one();
        Ok(Self(state.store().batch(scope, id).await?))
    }
}

impl IntoResponse for Accepted {
    fn into_response(self) -> Response {
        let location = format!("/api/jobs/{}", self.0.id);
        let body = WithETag(self.0).into_response();
        (StatusCode::ACCEPTED, [(header::LOCATION, location)], body).into_response()
    }
}

/// Lists long work, the newest first.
#[utoipa::path(get, path = "/api/jobs", params(ListParams),
    responses((status = 200, description = "One page of jobs.", body = Page<BatchJob>)))]
async fn list_jobs(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    list: List<NoFilter>,
) -> ApiResult<Json<Page<BatchJob>>> {
    let after: Option<(UnixMillis, BatchJobId)> = list.after()?;
    let page = Rows {
        before: after,
        limit: list.fetch(),
    };
    let rows = state.store().batches(&scope, page).await?;
    let key = |row: &BatchJob| (UnixMillis::from(row.created_at), row.id);
    Ok(list.page(rows, key, |row| row)?.json())
}

/// Shows how far a job has come. Events `batch.progressed` and `batch.ended` say when to look again.
#[utoipa::path(get, path = "/api/jobs/{id}",
    params(("id" = BatchJobId, Path, description = "The job.")),
    responses((status = 200, description = "The job.", body = BatchJob)))]
async fn get_job(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    Id(id): Id<BatchJobId>,
) -> ApiResult<WithETag<BatchJob>> {
    Ok(WithETag(state.store().batch(&scope, id).await?))
}

/// Stops a job. What it has done stays done.
#[utoipa::path(post, path = "/api/jobs/{id}/cancel",
    params(("id" = BatchJobId, Path, description = "The job.")),
    responses((status = 200, description = "The stopped job.", body = BatchJob)))]
async fn cancel_job(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    Id(id): Id<BatchJobId>,
) -> ApiResult<WithETag<BatchJob>> {
    Ok(WithETag(state.store().cancel_batch(&scope, id).await?))
}

pub(crate) fn routes() -> Tagged {
    let manage = Needs::Tenant(Permission::LeadsManage);
    Routes::tagged("jobs")
        .add(manage, routes!(list_jobs))
        .add(manage, routes!(get_job))
        .add(manage, routes!(cancel_job))
}
