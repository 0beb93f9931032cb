//! Leads that may be one person.

use axum::Json;
use axum::extract::State;
use prosaas_core::LeadId;
use serde::Serialize;
use utoipa::ToSchema;

use super::merge::MergeLead;
use super::views::Lead;
use crate::api::jobs::Accepted;
use crate::api::kit::{
    ApiJson, ApiResult, ApiState, Id, List, ListParams, NoContent, NoFilter, Page, Scope, Time,
};
use crate::model::batch::BatchJob;
use crate::model::duplicate::{DuplicateReason, Duplicates, LeadPair};

/// Two leads that may be one person.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LeadDuplicates {
    /// The older one.
    lead: Lead,
    /// The newer one.
    other: Lead,
    /// Why: one `phone`, one `email`, or nearly one `name` with the same last digits of the number.
    reason: DuplicateReason,
    /// When they were found.
    found_at: Time,
    /// Where the newer one is merged into the older one, with `{"lead_id": other.id}` as the body.
    #[schema(example = "/api/crm/leads/lead_0193bb6a4c5d7e8f9a0b1c2d3e4f5a6b/merge")]
    merge_url: String,
}

impl From<Duplicates> for LeadDuplicates {
    fn from(pair: Duplicates) -> Self {
        Self {
            merge_url: format!("/api/crm/leads/{}/merge", pair.lead.id),
            lead: pair.lead.into(),
            other: pair.other.into(),
            reason: pair.reason,
            found_at: pair.found_at.into(),
        }
    }
}

/// Lists pairs of leads that may be one person, as the last comparison found them. One that was merged or
/// dismissed is not listed.
#[utoipa::path(get, path = "/api/crm/leads/duplicates", params(ListParams),
    responses((status = 200, description = "One page of pairs.", body = Page<LeadDuplicates>)))]
pub(super) async fn list_lead_duplicates(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    list: List<NoFilter>,
) -> ApiResult<Json<Page<LeadDuplicates>>> {
    let after: Option<LeadPair> = list.after()?;
    let rows = state
        .store()
        .duplicates(&scope, after, list.fetch())
        .await?;
    let key = |pair: &Duplicates| (pair.lead.id, pair.other.id);
    Ok(list.page(rows, key, LeadDuplicates::from)?.json())
}

/// Begins to compare all leads with each other.
#[utoipa::path(post, path = "/api/crm/leads/duplicates",
    responses((status = 202, description = "The job.", body = BatchJob)))]
pub(super) async fn find_lead_duplicates(
    State(state): State<ApiState>,
    Scope(scope): Scope,
) -> ApiResult<Accepted> {
    let id = state.store().find_duplicates(&scope).await?;
    Accepted::job(&state, &scope, id).await
}

/// Says that two leads are not one person: the pair is not listed any more, nor found again.
#[utoipa::path(post, path = "/api/crm/leads/{id}/duplicates/dismiss",
    params(("id" = LeadId, Path, description = "One of them.")), request_body = MergeLead,
    responses((status = 204, description = "The pair is dismissed.")))]
pub(super) async fn dismiss_lead_duplicates(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    Id(id): Id<LeadId>,
    ApiJson(body): ApiJson<MergeLead>,
) -> ApiResult<NoContent> {
    let pair = (id, body.lead_id);
    state.store().dismiss_duplicates(&scope, pair).await?;
    Ok(NoContent)
}
