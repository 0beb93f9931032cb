//! What was spent on a lead.

use axum::Json;
use axum::extract::State;
use prosaas_core::LeadId;

use crate::api::kit::{ApiResult, ApiState, Id, Scope};
use crate::model::spending::LeadSpending;

/// Shows what was spent on a lead: on models in its calls and its conversations, and on the carrier.
#[utoipa::path(get, path = "/api/crm/leads/{id}/spending",
    params(("id" = LeadId, Path, description = "The lead.")),
    responses((status = 200, description = "What was counted so far.", body = LeadSpending)))]
pub(super) async fn get_lead_spending(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    Id(id): Id<LeadId>,
) -> ApiResult<Json<LeadSpending>> {
    Ok(Json(state.store().lead_spending(&scope, id).await?))
}
