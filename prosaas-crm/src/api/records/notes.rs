//! Notes on leads.

use axum::Json;
use axum::extract::State;
use utoipa_axum::routes;

use super::page_of;
use crate::api::kit::{
    ApiJson, ApiResult, ApiState, Created, Id, IfMatch, List, ListParams, Needs, NoContent, Page,
    Routes, Scope, Tagged, WithETag,
};
use crate::auth::Permission;
use crate::model::id::NoteId;
use crate::model::note::{NewNote, Note, NoteFilter, NotePatch};

/// Lists the notes on a lead, the newest first.
#[utoipa::path(get, path = "/api/crm/notes", params(ListParams, NoteFilter),
    responses((status = 200, description = "One page of them.", body = Page<Note>)))]
async fn list_notes(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    list: List<NoteFilter>,
) -> ApiResult<Json<Page<Note>>> {
    let page = page_of::<NoteId, _>(&list)?;
    let rows = state.store().notes(&scope, &list.filter, page).await?;
    Ok(list
        .page(rows, |row| (row.created_at.millis(), row.id), |row| row)?
        .json())
}

/// Makes a note.
#[utoipa::path(post, path = "/api/crm/notes", request_body = NewNote,
    responses((status = 201, description = "What was made.", body = Note)))]
async fn create_note(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    ApiJson(new): ApiJson<NewNote>,
) -> ApiResult<Created<Note>> {
    let body = state.store().add_note(&scope, new).await?;
    Ok(Created {
        location: format!("/api/crm/notes/{}", body.id),
        body,
    })
}

/// Shows a note.
#[utoipa::path(get, path = "/api/crm/notes/{id}", params(("id" = NoteId, Path, description = "Which one.")),
    responses((status = 200, description = "As it is now.", body = Note)))]
async fn get_note(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    Id(id): Id<NoteId>,
) -> ApiResult<WithETag<Note>> {
    Ok(WithETag(state.store().note(&scope, id).await?))
}

/// Changes a note.
#[utoipa::path(patch, path = "/api/crm/notes/{id}", params(("id" = NoteId, Path, description = "Which one.")),
    request_body = NotePatch, responses((status = 200, description = "As it is now.", body = Note)))]
async fn update_note(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    Id(id): Id<NoteId>,
    IfMatch(version): IfMatch,
    ApiJson(patch): ApiJson<NotePatch>,
) -> ApiResult<WithETag<Note>> {
    let changed = state
        .store()
        .update_note(&scope, id, version, patch)
        .await?;
    Ok(WithETag(changed))
}

/// Puts a note into the trash.
#[utoipa::path(delete, path = "/api/crm/notes/{id}", params(("id" = NoteId, Path, description = "Which one.")),
    responses((status = 204, description = "It is gone.")))]
async fn delete_note(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    Id(id): Id<NoteId>,
    IfMatch(version): IfMatch,
) -> ApiResult<NoContent> {
    state.store().delete_note(&scope, id, version).await?;
    Ok(NoContent)
}

/// Takes a note back out of the trash.
#[utoipa::path(post, path = "/api/crm/notes/{id}/restore", params(("id" = NoteId, Path, description = "Which one.")),
    responses((status = 200, description = "As it is now.", body = Note)))]
async fn restore_note(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    Id(id): Id<NoteId>,
) -> ApiResult<WithETag<Note>> {
    Ok(WithETag(state.store().restore_note(&scope, id).await?))
}

/// Removes a note of the trash for good.
#[utoipa::path(post, path = "/api/crm/notes/{id}/purge", params(("id" = NoteId, Path, description = "Which one.")),
    responses((status = 204, description = "It is gone for good.")))]
async fn purge_note(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    Id(id): Id<NoteId>,
) -> ApiResult<NoContent> {
    state.store().purge_note(&scope, id).await?;
    Ok(NoContent)
}

pub(crate) fn routes() -> Tagged {
    let read = Needs::Tenant(Permission::LeadsRead);
    let write = Needs::Tenant(Permission::LeadsWrite);
    let purge = Needs::Tenant(Permission::LeadsPurge);
    Routes::tagged("notes")
        .add(read, routes!(list_notes))
        .add(write, routes!(create_note))
        .add(read, routes!(get_note))
        .add(write, routes!(update_note))
        .add(write, routes!(delete_note))
        .add(write, routes!(restore_note))
        .add(purge, routes!(purge_note))
}
