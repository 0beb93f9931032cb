//! Changing many leads at once, and removing them for good.

use axum::extract::State;
use prosaas_core::LeadId;
use serde::Deserialize;
use utoipa::ToSchema;

use super::query;
use crate::api::jobs::Accepted;
use crate::api::kit::{ApiJson, ApiResult, ApiState, Id, NoContent, Problem, Scope};
use crate::model::batch::BatchJob;
use crate::model::bulk::{BulkAction, BulkFilter};
use crate::model::id::BatchJobId;

/// Which leads, and what is done with each: either `lead_ids` or `filter`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "lead_ids": ["lead_0193bb6a4c5d7e8f9a0b1c2d3e4f5a6b"],
    "action": { "kind": "assign", "assignee_id": null }
}))]
pub(crate) struct ChangeLeads {
    /// These leads. When one of them is not there, nothing is done.
    #[schema(max_items = 1_000, min_items = 1)]
    lead_ids: Option<Vec<LeadId>>,
    /// The leads that the list shows with this filter; all of them when it is empty. For `restore` and
    /// `purge` it is the list of the trash.
    filter: Option<BulkFilter>,
    /// How many leads the filter passes: with another number nothing is done.
    expected_count: Option<u64>,
    /// What is done.
    action: BulkAction,
}

/// Begins a change of many leads. Each is changed as it would be alone, and one that refuses does not stop
/// the others.
#[utoipa::path(post, path = "/api/crm/leads/bulk", request_body = ChangeLeads,
    responses((status = 202, description = "The job.", body = BatchJob)))]
pub(super) async fn change_leads(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    ApiJson(body): ApiJson<ChangeLeads>,
) -> ApiResult<Accepted> {
    let store = state.store();
    let id = match (body.lead_ids, body.filter) {
        (Some(leads), None) => store.change_leads(&scope, leads, body.action).await?,
        (None, Some(filter)) => {
            let region = store.phone_region(&scope).await?;
            let words = filter.q.as_deref().map(|text| query(text, region));
            let words = words.transpose()?;
            store
                .change_listed_leads(
                    &scope,
                    filter,
                    words.as_ref(),
                    body.expected_count,
                    body.action,
                )
                .await?
        }
        _ => {
            return Err(Problem::bad_request("selection-ambiguous", "see `errors`")
                .at("/lead_ids", "expected either `lead_ids` or `filter`"));
        }
    };
    Accepted::job(&state, &scope, id).await
}

/// Takes back a bulk deletion: begins a job that restores what is still in the trash.
#[utoipa::path(post, path = "/api/crm/leads/bulk/{id}/undo",
    params(("id" = BatchJobId, Path, description = "The job that threw leads away.")),
    responses((status = 202, description = "The job that restores them.", body = BatchJob)))]
pub(super) async fn undo_bulk_deletion(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    Id(id): Id<BatchJobId>,
) -> ApiResult<Accepted> {
    let id = state.store().undo_bulk_delete(&scope, id).await?;
    Accepted::job(&state, &scope, id).await
}

/// Removes a lead of the trash for good, with everything that belongs to it.
#[utoipa::path(post, path = "/api/crm/leads/{id}/purge",
    params(("id" = LeadId, Path, description = "The lead.")),
    responses((status = 204, description = "It is gone for good.")))]
pub(super) async fn purge_lead(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    Id(id): Id<LeadId>,
) -> ApiResult<NoContent> {
    state.store().purge_lead(&scope, id).await?;
    Ok(NoContent)
}

/// Begins to empty the trash: leads and every other kind of record in it are removed for good.
#[utoipa::path(post, path = "/api/crm/trash/empty",
    responses((status = 202, description = "The job.", body = BatchJob)))]
pub(super) async fn empty_trash(
    State(state): State<ApiState>,
    Scope(scope): Scope,
) -> ApiResult<Accepted> {
    let id = state.store().empty_trash(&scope).await?;
    Accepted::job(&state, &scope, id).await
}
