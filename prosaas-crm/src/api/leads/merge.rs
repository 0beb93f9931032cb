//! Merging two leads that are one person.

use axum::Json;
use axum::extract::State;
use prosaas_core::LeadId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::views::{Lead, LeadIdentity};
use crate::api::kit::{ApiJson, ApiResult, ApiState, Id, Scope, WithETag};
use crate::model::id::{MergeId, TagId};

/// The other one of two leads.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "lead_id": "lead_0193bb6a4c5d7e8f9a0b1c2d3e4f5a6b" }))]
pub(crate) struct MergeLead {
    /// The other lead. In a merge its belongings move, and it is in the trash afterwards.
    pub(super) lead_id: LeadId,
}

/// What two leads would be as one.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LeadMergePreview {
    /// The lead that stays.
    lead: Lead,
    /// How the person would be recognised.
    identities: Vec<LeadIdentity>,
    /// Its tags.
    tags: Vec<TagId>,
}

/// A merge that was made.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LeadMerge {
    /// Its id, by which it is undone.
    merge_id: MergeId,
    /// The lead that stays.
    lead: Lead,
}

/// Shows what a merge would make of two leads.
#[utoipa::path(post, path = "/api/crm/leads/{id}/merge/preview",
    params(("id" = LeadId, Path, description = "The lead that stays.")), request_body = MergeLead,
    responses((status = 200, description = "The lead as it would be.", body = LeadMergePreview)))]
pub(super) async fn preview_lead_merge(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    Id(id): Id<LeadId>,
    ApiJson(body): ApiJson<MergeLead>,
) -> ApiResult<Json<LeadMergePreview>> {
    let preview = state
        .store()
        .preview_merge(&scope, id, body.lead_id)
        .await?;
    let identities = preview.identities.into_iter();
    Ok(Json(LeadMergePreview {
        lead: preview.lead.into(),
        identities: identities.map(LeadIdentity::from).collect(),
        tags: preview.tags,
    }))
}

/// Makes one lead of two. For 30 days it can be undone.
#[utoipa::path(post, path = "/api/crm/leads/{id}/merge",
    params(("id" = LeadId, Path, description = "The lead that stays.")), request_body = MergeLead,
    responses((status = 200, description = "The merge.", body = LeadMerge)))]
pub(super) async fn merge_leads(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    Id(id): Id<LeadId>,
    ApiJson(body): ApiJson<MergeLead>,
) -> ApiResult<Json<LeadMerge>> {
    let (merge_id, lead) = state.store().merge_leads(&scope, id, body.lead_id).await?;
    Ok(Json(LeadMerge {
        merge_id,
        lead: lead.into(),
    }))
}

/// Makes two leads of one that was merged; shows the one that is back.
#[utoipa::path(post, path = "/api/crm/leads/merges/{id}/undo",
    params(("id" = MergeId, Path, description = "The merge.")),
    responses((status = 200, description = "The lead that is back.", body = Lead)))]
pub(super) async fn undo_lead_merge(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    Id(id): Id<MergeId>,
) -> ApiResult<WithETag<Lead>> {
    Ok(WithETag(state.store().undo_merge(&scope, id).await?.into()))
}
