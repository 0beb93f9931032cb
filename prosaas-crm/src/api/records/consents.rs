//! The ledger of consents: entries are added, never changed.

use axum::Json;
use axum::extract::State;
use utoipa_axum::routes;

use super::page_of;
use crate::api::kit::{
    ApiJson, ApiResult, ApiState, Created, Id, List, ListParams, Needs, Page, Routes, Scope,
    Tagged, WithETag,
};
use crate::auth::Permission;
use crate::model::consent::{Consent, ConsentFilter, NewConsent};
use crate::model::id::ConsentId;

/// Lists the ledger of a lead, the newest entry first.
#[utoipa::path(get, path = "/api/crm/consents", params(ListParams, ConsentFilter),
    responses((status = 200, description = "One page of them.", body = Page<Consent>)))]
async fn list_consents(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    list: List<ConsentFilter>,
) -> ApiResult<Json<Page<Consent>>> {
    let page = page_of::<ConsentId, _>(&list)?;
    let rows = state.store().consents(&scope, &list.filter, page).await?;
    Ok(list
        .page(rows, |row| (row.created_at.millis(), row.id), |row| row)?
        .json())
}

/// Makes an entry of the ledger: a consent, or its withdrawal.
#[utoipa::path(post, path = "/api/crm/consents", request_body = NewConsent,
    responses((status = 201, description = "What was made.", body = Consent)))]
async fn create_consent(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    ApiJson(new): ApiJson<NewConsent>,
) -> ApiResult<Created<Consent>> {
    let body = state.store().add_consent(&scope, new).await?;
    Ok(Created {
        location: format!("/api/crm/consents/{}", body.id),
        body,
    })
}

/// Shows an entry of the ledger.
#[utoipa::path(get, path = "/api/crm/consents/{id}", params(("id" = ConsentId, Path, description = "Which one.")),
    responses((status = 200, description = "As it is now.", body = Consent)))]
async fn get_consent(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    Id(id): Id<ConsentId>,
) -> ApiResult<WithETag<Consent>> {
    Ok(WithETag(state.store().consent(&scope, id).await?))
}

pub(crate) fn routes() -> Tagged {
    let read = Needs::Tenant(Permission::LeadsRead);
    let write = Needs::Tenant(Permission::LeadsWrite);
    Routes::tagged("consents")
        .add(read, routes!(list_consents))
        .add(write, routes!(create_consent))
        .add(read, routes!(get_consent))
}
