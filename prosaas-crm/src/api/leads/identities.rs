//! The ways a lead is recognised.

use axum::extract::State;
use prosaas_core::LeadId;
use serde::Deserialize;
use utoipa::ToSchema;

use super::views::LeadWithDetails;
use crate::api::kit::{ApiJson, ApiResult, ApiState, Id, Scope, WithETag};
use crate::model::id::IdentityId;
use crate::model::identity::{IdentityKind, NewIdentity};

/// An identity to be added.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "kind": "email", "value": "dana.levi@example.com" }))]
pub(crate) struct AddLeadIdentity {
    /// `e164`, `wa_lid`, `wa_bsuid`, `wa_username` or `email`.
    #[schema(example = "e164")]
    kind: String,
    /// Its value, as people write it.
    #[schema(min_length = 1, max_length = 254)]
    value: String,
}

/// Adds a way by which a lead is recognised. 409 `identity-taken` names the lead that has it.
#[utoipa::path(post, path = "/api/crm/leads/{id}/identities",
    params(("id" = LeadId, Path, description = "The lead.")), request_body = AddLeadIdentity,
    responses((status = 200, description = "The lead.", body = LeadWithDetails)))]
pub(super) async fn add_lead_identity(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    Id(id): Id<LeadId>,
    ApiJson(body): ApiJson<AddLeadIdentity>,
) -> ApiResult<WithETag<LeadWithDetails>> {
    let store = state.store();
    let region = store.phone_region(&scope).await?;
    let kind: IdentityKind = body.kind.parse()?;
    let identity = NewIdentity::parse(kind, &body.value, region)?;
    store.add_lead_identity(&scope, id, &identity).await?;
    Ok(WithETag(store.lead_details(&scope, id).await?.into()))
}

/// Removes a way by which a lead was recognised.
#[utoipa::path(delete, path = "/api/crm/leads/{id}/identities/{identity}",
    params(
        ("id" = LeadId, Path, description = "The lead."),
        ("identity" = IdentityId, Path, description = "The identity."),
    ),
    responses((status = 200, description = "The lead.", body = LeadWithDetails)))]
pub(super) async fn remove_lead_identity(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    Id((id, identity)): Id<(LeadId, IdentityId)>,
) -> ApiResult<WithETag<LeadWithDetails>> {
    let store = state.store();
    store.remove_lead_identity(&scope, id, identity).await?;
    Ok(WithETag(store.lead_details(&scope, id).await?.into()))
}
