//! Promises that were made in calls.

use axum::Json;
use axum::extract::State;
use utoipa_axum::routes;

use super::page_of;
use crate::api::kit::{
    ApiJson, ApiResult, ApiState, Created, Id, IfMatch, List, ListParams, Needs, Page, Routes,
    Scope, Tagged, WithETag,
};
use crate::auth::Permission;
use crate::model::id::PromiseId;
use crate::model::promise::{NewPromise, Promise, PromiseFilter, PromisePatch};

/// Lists promises, the newest first.
#[utoipa::path(get, path = "/api/crm/promises", params(ListParams, PromiseFilter),
    responses((status = 200, description = "One page of them.", body = Page<Promise>)))]
async fn list_promises(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    list: List<PromiseFilter>,
) -> ApiResult<Json<Page<Promise>>> {
    let page = page_of::<PromiseId, _>(&list)?;
    let rows = state.store().promises(&scope, &list.filter, page).await?;
    Ok(list
        .page(rows, |row| (row.created_at.millis(), row.id), |row| row)?
        .json())
}

/// Makes a promise.
#[utoipa::path(post, path = "/api/crm/promises", request_body = NewPromise,
    responses((status = 201, description = "What was made.", body = Promise)))]
async fn create_promise(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    ApiJson(new): ApiJson<NewPromise>,
) -> ApiResult<Created<Promise>> {
    let body = state.store().add_promise(&scope, new).await?;
    Ok(Created {
        location: format!("/api/crm/promises/{}", body.id),
        body,
    })
}

/// Shows a promise.
#[utoipa::path(get, path = "/api/crm/promises/{id}", params(("id" = PromiseId, Path, description = "Which one.")),
    responses((status = 200, description = "As it is now.", body = Promise)))]
async fn get_promise(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    Id(id): Id<PromiseId>,
) -> ApiResult<WithETag<Promise>> {
    Ok(WithETag(state.store().promise(&scope, id).await?))
}

/// Changes a promise.
#[utoipa::path(patch, path = "/api/crm/promises/{id}", params(("id" = PromiseId, Path, description = "Which one.")),
    request_body = PromisePatch, responses((status = 200, description = "As it is now.", body = Promise)))]
async fn update_promise(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    Id(id): Id<PromiseId>,
    IfMatch(version): IfMatch,
    ApiJson(patch): ApiJson<PromisePatch>,
) -> ApiResult<WithETag<Promise>> {
    let changed = state
        .store()
        .update_promise(&scope, id, version, patch)
        .await?;
    Ok(WithETag(changed))
}

pub(crate) fn routes() -> Tagged {
    let read = Needs::Tenant(Permission::CallsRead);
    let write = Needs::Tenant(Permission::CallsWrite);
    Routes::tagged("promises")
        .add(read, routes!(list_promises))
        .add(write, routes!(create_promise))
        .add(read, routes!(get_promise))
        .add(write, routes!(update_promise))
}
