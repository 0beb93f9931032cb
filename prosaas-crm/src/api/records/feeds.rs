//! Calendar feeds: a member makes a secret address, a calendar program reads it.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::IntoResponse;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::Whole;
use crate::api::kit::{
    ApiQuery, ApiResult, ApiState, Id, Needs, NoContent, Problem, Routes, Scope, Tagged, Time,
};
use crate::auth::Permission;
use crate::auth::token::OpaqueToken;
use crate::model::appointment::FreeTimesQuery;

/// The most free times that one answer lists.
const MAX_TIMES: usize = 200;

/// The address of a calendar feed. Whoever has it reads the calendar: it is shown once.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CalendarFeed {
    /// The address for the calendar program.
    url: String,
}

/// A time that may be booked.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FreeTime {
    /// When it begins.
    starts_at: Time,
    /// When it ends.
    ends_at: Time,
}

/// Makes a new secret address for one's own calendar; the one before it ends.
#[utoipa::path(post, path = "/api/crm/calendar-feed",
    responses((status = 200, description = "The address.", body = CalendarFeed)))]
async fn renew_calendar_feed(
    State(state): State<ApiState>,
    Scope(scope): Scope,
) -> ApiResult<Json<CalendarFeed>> {
    let token = state.store().renew_feed(&scope).await?;
    let origin = &state.config().public_origin;
    Ok(Json(CalendarFeed {
        url: format!("{origin}/api/calendar/{}.ics", token.expose()),
    }))
}

/// Ends the secret address of one's own calendar.
#[utoipa::path(delete, path = "/api/crm/calendar-feed",
    responses((status = 204, description = "It leads nowhere any more.")))]
async fn revoke_calendar_feed(
    State(state): State<ApiState>,
    Scope(scope): Scope,
) -> ApiResult<NoContent> {
    state.store().revoke_feed(&scope).await?;
    Ok(NoContent)
}

/// Lists times that may be booked, within opening hours and between appointments.
#[utoipa::path(get, path = "/api/crm/appointments/free-times", params(FreeTimesQuery),
    responses((status = 200, description = "The first of them.", body = Whole<FreeTime>)))]
async fn list_free_times(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    ApiQuery(query): ApiQuery<FreeTimesQuery>,
) -> ApiResult<Json<Whole<FreeTime>>> {
    let free = state
        .store()
        .free_times(&scope, query.assignee_id, query.span(), MAX_TIMES)
        .await?;
    let shown = free.into_iter().map(|span| FreeTime {
        starts_at: span.from.into(),
        ends_at: span.until.into(),
    });
    Ok(Whole::of(shown.collect()))
}

/// Reads a calendar by its secret address.
#[utoipa::path(get, path = "/api/calendar/{file}", params(("file" = String, Path, description = "The secret and `.ics`.")),
    responses((status = 200, description = "The calendar.", content_type = "text/calendar", body = String)))]
async fn read_calendar(
    State(state): State<ApiState>,
    Id(file): Id<String>,
) -> ApiResult<impl IntoResponse> {
    let secret = file.strip_suffix(".ics").ok_or_else(Problem::not_found)?;
    let token = OpaqueToken::parse(secret).map_err(|_| Problem::not_found())?;
    let calendar = state.store().feed(&token.hash()).await?;
    let headers: [(HeaderName, HeaderValue); 2] = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("text/calendar; charset=utf-8"),
        ),
        (
            header::CACHE_CONTROL,
            HeaderValue::from_static("private, no-store"),
        ),
    ];
    Ok((headers, calendar))
}

pub(crate) fn routes() -> Tagged {
    let read = Needs::Tenant(Permission::TasksRead);
    Routes::tagged("appointments")
        .add(read, routes!(list_free_times))
        .add(read.secret_answer(), routes!(renew_calendar_feed))
        .add(read.unversioned(), routes!(revoke_calendar_feed))
        .add(Needs::Public, routes!(read_calendar))
}
