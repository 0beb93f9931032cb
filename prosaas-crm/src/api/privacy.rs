//! What people may ask about their data: the list of their requests, and erasure.

use axum::Json;
use axum::extract::State;
use prosaas_core::{LeadId, UnixMillis};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::jobs::Accepted;
use super::kit::{
    ApiJson, ApiResult, ApiState, Created, Id, IfMatch, List, ListParams, Needs, Page, Routes,
    Scope, Tagged, Versioned, WithETag,
};
use crate::auth::Permission;
use crate::model::batch::BatchJob;
use crate::model::id::SubjectRequestId;
use crate::model::page::Page as Rows;
use crate::model::privacy::{
    NewSubjectRequest, SubjectRequest, SubjectRequestPatch, SubjectRequestStatus,
};

impl Versioned for SubjectRequest {
    fn version(&self) -> u64 {
        self.version
    }
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct SubjectRequestFilter {
    /// Only those that have come so far.
    status: Option<SubjectRequestStatus>,
}

/// Lists people's requests about their data, the newest first.
#[utoipa::path(get, path = "/api/privacy/requests", params(ListParams, SubjectRequestFilter),
    responses((status = 200, description = "One page of requests.", body = Page<SubjectRequest>)))]
async fn list_subject_requests(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    list: List<SubjectRequestFilter>,
) -> ApiResult<Json<Page<SubjectRequest>>> {
    let after: Option<(UnixMillis, SubjectRequestId)> = list.after()?;
    let page = Rows {
        before: after,
        limit: list.fetch(),
    };
    let rows = state
        .store()
        .subject_requests(&scope, list.filter.status, page)
        .await?;
    let key = |row: &SubjectRequest| (UnixMillis::from(row.created_at), row.id);
    Ok(list.page(rows, key, |row| row)?.json())
}

/// Writes a request down.
#[utoipa::path(post, path = "/api/privacy/requests", request_body = NewSubjectRequest,
    responses((status = 201, description = "The request.", body = SubjectRequest)))]
async fn create_subject_request(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    ApiJson(body): ApiJson<NewSubjectRequest>,
) -> ApiResult<Created<SubjectRequest>> {
    let body = state.store().add_subject_request(&scope, body).await?;
    Ok(Created {
        location: format!("/api/privacy/requests/{}", body.id),
        body,
    })
}

/// Shows a request.
#[utoipa::path(get, path = "/api/privacy/requests/{id}",
    params(("id" = SubjectRequestId, Path, description = "The request.")),
    responses((status = 200, description = "The request.", body = SubjectRequest)))]
async fn get_subject_request(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    Id(id): Id<SubjectRequestId>,
) -> ApiResult<WithETag<SubjectRequest>> {
    Ok(WithETag(state.store().subject_request(&scope, id).await?))
}

/// Changes a request. Who ends it is noted with it.
#[utoipa::path(patch, path = "/api/privacy/requests/{id}",
    params(("id" = SubjectRequestId, Path, description = "The request.")),
    request_body = SubjectRequestPatch,
    responses((status = 200, description = "The changed request.", body = SubjectRequest)))]
async fn update_subject_request(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    Id(id): Id<SubjectRequestId>,
    IfMatch(version): IfMatch,
    ApiJson(body): ApiJson<SubjectRequestPatch>,
) -> ApiResult<WithETag<SubjectRequest>> {
    let changed = state
        .store()
        .update_subject_request(&scope, id, version, body)
        .await?;
    Ok(WithETag(changed))
}

/// Whom, and for which request.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "lead_id": "lead_0193bb6a4c5d7e8f9a0b1c2d3e4f5a6b" }))]
pub(crate) struct ErasePerson {
    /// A lead that is this person.
    lead_id: LeadId,
    /// The request that is done with it.
    request_id: Option<SubjectRequestId>,
}

/// Begins to erase a person: the lead and every other one with an identity of his, live or in the trash,
/// with calls, recordings, conversations and traces. It cannot be taken back, and a restored backup does not
/// bring him back.
#[utoipa::path(post, path = "/api/privacy/erasures", request_body = ErasePerson,
    responses((status = 202, description = "The job.", body = BatchJob)))]
async fn erase_person(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    ApiJson(body): ApiJson<ErasePerson>,
) -> ApiResult<Accepted> {
    let id = state
        .store()
        .begin_erasure(&scope, body.lead_id, body.request_id)
        .await?;
    Accepted::job(&state, &scope, id).await
}

pub(crate) fn routes() -> Tagged {
    let keep = Needs::Tenant(Permission::PrivacyRead);
    let decide = Needs::Tenant(Permission::PrivacyWrite);
    Routes::tagged("privacy")
        .add(keep, routes!(list_subject_requests))
        .add(keep, routes!(create_subject_request))
        .add(keep, routes!(get_subject_request))
        .add(keep, routes!(update_subject_request))
        .add(decide, routes!(erase_person))
}
