//! The board's counts, and the search.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::query;
use super::views::Lead;
use crate::api::kit::{ApiQuery, ApiResult, ApiState, Count, Scope};
use crate::model::id::StageId;

/// How many leads are in a stage.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StageCount {
    /// The stage.
    stage_id: StageId,
    /// Its leads.
    count: Count,
}

/// The board's counts.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LeadBoard {
    /// The stages, in their order. A column's leads are listed by `stage_id`.
    data: Vec<StageCount>,
}

/// Counts the leads of each stage, up to 1,000.
#[utoipa::path(get, path = "/api/crm/leads/board",
    responses((status = 200, description = "The counts.", body = LeadBoard)))]
pub(super) async fn count_leads_by_stage(
    State(state): State<ApiState>,
    Scope(scope): Scope,
) -> ApiResult<Json<LeadBoard>> {
    let counts = state.store().count_leads_by_stage(&scope).await?;
    let counts = counts.into_iter().map(|(stage_id, leads)| StageCount {
        stage_id,
        count: Count::of(u64::from(leads)),
    });
    Ok(Json(LeadBoard {
        data: counts.collect(),
    }))
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct SearchParams {
    /// What somebody typed: words, the last digits of a number, an address.
    #[param(min_length = 2, max_length = 200, example = "דנה")]
    q: String,
    /// How many results at most.
    #[param(minimum = 1, maximum = 200, default = 20)]
    limit: Option<u32>,
}

/// What a search found.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SearchResults {
    /// The leads, those created last first.
    leads: Vec<Lead>,
}

/// Finds leads by a name, the last digits of a number, an address or words about them.
#[utoipa::path(get, path = "/api/search", params(SearchParams),
    responses((status = 200, description = "What was found.", body = SearchResults)))]
pub(super) async fn search(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    ApiQuery(params): ApiQuery<SearchParams>,
) -> ApiResult<Json<SearchResults>> {
    let limit = params.limit.unwrap_or(20);
    crate::model::check::within("limit", limit, 1, 200)?;
    let region = state.store().phone_region(&scope).await?;
    let query = query(&params.q, region)?;
    let leads = state.store().search_leads(&scope, &query, limit).await?;
    Ok(Json(SearchResults {
        leads: leads.into_iter().map(Lead::from).collect(),
    }))
}
