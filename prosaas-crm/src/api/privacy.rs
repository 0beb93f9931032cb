//! What people may ask about their data: the list of their requests, exports, and erasure.

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use futures_util::stream;
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
use crate::model::id::{BatchJobId, SubjectRequestId};
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
pub(crate) struct ExportPerson {
    /// A lead that is this person.
    lead_id: LeadId,
    /// The request that it answers.
    request_id: Option<SubjectRequestId>,
}

/// Begins to export everything about a person: the lead and every other one with an identity of his, with
/// calls, transcripts, conversations and what else there is. `result` of the job says until when the file can be
/// downloaded.
#[utoipa::path(post, path = "/api/privacy/exports", request_body = ExportPerson,
    responses((status = 202, description = "The job.", body = BatchJob)))]
async fn export_person(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    ApiJson(body): ApiJson<ExportPerson>,
) -> ApiResult<Accepted> {
    let id = state
        .store()
        .begin_person_export(&scope, body.lead_id, body.request_id)
        .await?;
    Accepted::job(&state, &scope, id).await
}

/// Downloads the export of a person as JSON, for a week after it was made. It is gone when the person is erased.
#[utoipa::path(get, path = "/api/privacy/exports/{id}",
    params(("id" = BatchJobId, Path, description = "The job that made it.")),
    responses((status = 200, description = "The file.", body = Object)))]
async fn get_person_export(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    Id(id): Id<BatchJobId>,
) -> ApiResult<Response> {
    let export = state.store().person_export(&scope, id).await?;
    let parts = stream::try_unfold((state, 1), move |(state, number)| async move {
        let part = state.store().person_export_part(&scope, id, number).await;
        let part = part.map_err(|error| {
            tracing::warn!(error = %error.chain(), "an export of a person broke off");
            std::io::Error::other("the export broke off")
        })?;
        Ok::<_, std::io::Error>(part.map(|part| (part, (state, number + 1))))
    });
    let mut response = Body::from_stream(parts).into_response();
    let headers = response.headers_mut();
    let kind = HeaderValue::from_static("application/json");
    headers.insert(header::CONTENT_TYPE, kind);
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(export.bytes));
    // The id is ours: letters, digits and an underscore.
    let name = format!("attachment; filename=\"person-{id}.json\"");
    if let Ok(name) = HeaderValue::from_str(&name) {
        headers.insert(header::CONTENT_DISPOSITION, name);
    }
    Ok(response)
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
        .add(decide, routes!(export_person))
        .add(decide, routes!(get_person_export))
        .add(decide, routes!(erase_person))
}
