//! Appointments, and the feeds of them.

use axum::Json;
use axum::extract::State;
use utoipa_axum::routes;

use super::page_of;
use crate::api::kit::{
    ApiJson, ApiResult, ApiState, Created, Id, IfMatch, List, ListParams, Needs, NoContent, Page,
    Routes, Scope, Tagged, WithETag,
};
use crate::auth::Permission;
use crate::model::appointment::{Appointment, AppointmentFilter, AppointmentPatch, NewAppointment};
use crate::model::id::AppointmentId;

/// Lists appointments in the order of their time.
#[utoipa::path(get, path = "/api/crm/appointments", params(ListParams, AppointmentFilter),
    responses((status = 200, description = "One page of them.", body = Page<Appointment>)))]
async fn list_appointments(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    list: List<AppointmentFilter>,
) -> ApiResult<Json<Page<Appointment>>> {
    let page = page_of::<AppointmentId, _>(&list)?;
    let rows = state
        .store()
        .appointments(&scope, &list.filter, page)
        .await?;
    Ok(list
        .page(rows, |row| (row.starts_at.millis(), row.id), |row| row)?
        .json())
}

/// Makes an appointment.
#[utoipa::path(post, path = "/api/crm/appointments", request_body = NewAppointment,
    responses((status = 201, description = "What was made.", body = Appointment)))]
async fn create_appointment(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    ApiJson(new): ApiJson<NewAppointment>,
) -> ApiResult<Created<Appointment>> {
    let body = state.store().book_appointment(&scope, new).await?;
    Ok(Created {
        location: format!("/api/crm/appointments/{}", body.id),
        body,
    })
}

/// Shows an appointment.
#[utoipa::path(get, path = "/api/crm/appointments/{id}", params(("id" = AppointmentId, Path, description = "Which one.")),
    responses((status = 200, description = "As it is now.", body = Appointment)))]
async fn get_appointment(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    Id(id): Id<AppointmentId>,
) -> ApiResult<WithETag<Appointment>> {
    Ok(WithETag(state.store().appointment(&scope, id).await?))
}

/// Changes an appointment.
#[utoipa::path(patch, path = "/api/crm/appointments/{id}", params(("id" = AppointmentId, Path, description = "Which one.")),
    request_body = AppointmentPatch, responses((status = 200, description = "As it is now.", body = Appointment)))]
async fn update_appointment(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    Id(id): Id<AppointmentId>,
    IfMatch(version): IfMatch,
    ApiJson(patch): ApiJson<AppointmentPatch>,
) -> ApiResult<WithETag<Appointment>> {
    let changed = state
        .store()
        .update_appointment(&scope, id, version, patch)
        .await?;
    Ok(WithETag(changed))
}

/// Puts an appointment into the trash.
#[utoipa::path(delete, path = "/api/crm/appointments/{id}", params(("id" = AppointmentId, Path, description = "Which one.")),
    responses((status = 204, description = "It is gone.")))]
async fn delete_appointment(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    Id(id): Id<AppointmentId>,
    IfMatch(version): IfMatch,
) -> ApiResult<NoContent> {
    state
        .store()
        .delete_appointment(&scope, id, version)
        .await?;
    Ok(NoContent)
}

/// Takes an appointment back out of the trash.
#[utoipa::path(post, path = "/api/crm/appointments/{id}/restore", params(("id" = AppointmentId, Path, description = "Which one.")),
    responses((status = 200, description = "As it is now.", body = Appointment)))]
async fn restore_appointment(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    Id(id): Id<AppointmentId>,
) -> ApiResult<WithETag<Appointment>> {
    Ok(WithETag(
        state.store().restore_appointment(&scope, id).await?,
    ))
}

/// Removes an appointment of the trash for good.
#[utoipa::path(post, path = "/api/crm/appointments/{id}/purge", params(("id" = AppointmentId, Path, description = "Which one.")),
    responses((status = 204, description = "It is gone for good.")))]
async fn purge_appointment(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    Id(id): Id<AppointmentId>,
) -> ApiResult<NoContent> {
    state.store().purge_appointment(&scope, id).await?;
    Ok(NoContent)
}

pub(crate) fn routes() -> Tagged {
    let read = Needs::Tenant(Permission::TasksRead);
    let write = Needs::Tenant(Permission::TasksWrite);
    let purge = Needs::Tenant(Permission::LeadsPurge);
    Routes::tagged("appointments")
        .add(read, routes!(list_appointments))
        .add(write, routes!(create_appointment))
        .add(read, routes!(get_appointment))
        .add(write, routes!(update_appointment))
        .add(write, routes!(delete_appointment))
        .add(write, routes!(restore_appointment))
        .add(purge, routes!(purge_appointment))
}
