//! The timeline of a lead.

use axum::Json;
use axum::extract::State;
use prosaas_core::LeadId;
use utoipa_axum::routes;

use super::page_of;
use crate::api::kit::{
    ApiResult, ApiState, Id, List, ListParams, Needs, NoFilter, Page, Routes, Scope, Tagged,
};
use crate::auth::Permission;
use crate::model::id::TimelineId;
use crate::model::timeline::TimelineEntry;

/// Lists what happened to a lead, the newest first.
#[utoipa::path(get, path = "/api/crm/leads/{id}/timeline",
    params(ListParams, ("id" = LeadId, Path, description = "The lead.")),
    responses((status = 200, description = "One page of the timeline.", body = Page<TimelineEntry>)))]
async fn list_timeline(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    Id(lead): Id<LeadId>,
    list: List<NoFilter>,
) -> ApiResult<Json<Page<TimelineEntry>>> {
    let page = page_of::<TimelineId, _>(&list)?;
    let rows = state.store().timeline(&scope, lead, page).await?;
    Ok(list
        .page(rows, |row| (row.at.millis(), row.id), |row| row)?
        .json())
}

pub(crate) fn routes() -> Tagged {
    let read = Needs::Tenant(Permission::LeadsRead);
    Routes::tagged("leads").add(read, routes!(list_timeline))
}
