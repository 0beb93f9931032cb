//! Tasks.

use axum::Json;
use axum::extract::State;
use utoipa_axum::routes;

use super::page_of;
use crate::api::kit::{
    ApiJson, ApiResult, ApiState, Created, Id, IfMatch, List, ListParams, Needs, NoContent, Page,
    Routes, Scope, Tagged, WithETag,
};
use crate::auth::Permission;
use crate::model::id::TaskId;
use crate::model::task::{NewTask, Task, TaskFilter, TaskPatch};

/// Lists tasks, the newest first, or by `sort=due` the most pressing.
#[utoipa::path(get, path = "/api/crm/tasks", params(ListParams, TaskFilter),
    responses((status = 200, description = "One page of them.", body = Page<Task>)))]
async fn list_tasks(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    list: List<TaskFilter>,
) -> ApiResult<Json<Page<Task>>> {
    let page = page_of::<TaskId, _>(&list)?;
    let rows = state.store().tasks(&scope, &list.filter, page).await?;
    Ok(list
        .page(rows, |row| (row.key(list.filter.sort), row.id), |row| row)?
        .json())
}

/// Makes a task.
#[utoipa::path(post, path = "/api/crm/tasks", request_body = NewTask,
    responses((status = 201, description = "What was made.", body = Task)))]
async fn create_task(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    ApiJson(new): ApiJson<NewTask>,
) -> ApiResult<Created<Task>> {
    let body = state.store().create_task(&scope, new).await?;
    Ok(Created {
        location: format!("/api/crm/tasks/{}", body.id),
        body,
    })
}

/// Shows a task.
#[utoipa::path(get, path = "/api/crm/tasks/{id}", params(("id" = TaskId, Path, description = "Which one.")),
    responses((status = 200, description = "As it is now.", body = Task)))]
async fn get_task(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    Id(id): Id<TaskId>,
) -> ApiResult<WithETag<Task>> {
    Ok(WithETag(state.store().task(&scope, id).await?))
}

/// Changes a task.
#[utoipa::path(patch, path = "/api/crm/tasks/{id}", params(("id" = TaskId, Path, description = "Which one.")),
    request_body = TaskPatch, responses((status = 200, description = "As it is now.", body = Task)))]
async fn update_task(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    Id(id): Id<TaskId>,
    IfMatch(version): IfMatch,
    ApiJson(patch): ApiJson<TaskPatch>,
) -> ApiResult<WithETag<Task>> {
    let changed = state
        .store()
        .update_task(&scope, id, version, patch)
        .await?;
    Ok(WithETag(changed))
}

/// Puts a task into the trash.
#[utoipa::path(delete, path = "/api/crm/tasks/{id}", params(("id" = TaskId, Path, description = "Which one.")),
    responses((status = 204, description = "It is gone.")))]
async fn delete_task(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    Id(id): Id<TaskId>,
    IfMatch(version): IfMatch,
) -> ApiResult<NoContent> {
    state.store().delete_task(&scope, id, version).await?;
    Ok(NoContent)
}

/// Takes a task back out of the trash.
#[utoipa::path(post, path = "/api/crm/tasks/{id}/restore", params(("id" = TaskId, Path, description = "Which one.")),
    responses((status = 200, description = "As it is now.", body = Task)))]
async fn restore_task(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    Id(id): Id<TaskId>,
) -> ApiResult<WithETag<Task>> {
    Ok(WithETag(state.store().restore_task(&scope, id).await?))
}

/// Removes a task of the trash for good.
#[utoipa::path(post, path = "/api/crm/tasks/{id}/purge", params(("id" = TaskId, Path, description = "Which one.")),
    responses((status = 204, description = "It is gone for good.")))]
async fn purge_task(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    Id(id): Id<TaskId>,
) -> ApiResult<NoContent> {
    state.store().purge_task(&scope, id).await?;
    Ok(NoContent)
}

pub(crate) fn routes() -> Tagged {
    let read = Needs::Tenant(Permission::TasksRead);
    let write = Needs::Tenant(Permission::TasksWrite);
    let purge = Needs::Tenant(Permission::LeadsPurge);
    Routes::tagged("tasks")
        .add(read, routes!(list_tasks))
        .add(write, routes!(create_task))
        .add(read, routes!(get_task))
        .add(write, routes!(update_task))
        .add(write, routes!(delete_task))
        .add(write, routes!(restore_task))
        .add(purge, routes!(purge_task))
}
