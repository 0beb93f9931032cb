//! Payments.

use axum::Json;
use axum::extract::State;
use utoipa_axum::routes;

use super::page_of;
use crate::api::kit::{
    ApiJson, ApiResult, ApiState, Created, Id, IfMatch, List, ListParams, Needs, NoContent, Page,
    Routes, Scope, Tagged, WithETag,
};
use crate::auth::Permission;
use crate::model::id::PaymentId;
use crate::model::payment::{NewPayment, Payment, PaymentFilter, PaymentPatch};

/// Lists payments, the newest first.
#[utoipa::path(get, path = "/api/crm/payments", params(ListParams, PaymentFilter),
    responses((status = 200, description = "One page of them.", body = Page<Payment>)))]
async fn list_payments(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    list: List<PaymentFilter>,
) -> ApiResult<Json<Page<Payment>>> {
    let page = page_of::<PaymentId, _>(&list)?;
    let rows = state.store().payments(&scope, &list.filter, page).await?;
    Ok(list
        .page(rows, |row| (row.created_at.millis(), row.id), |row| row)?
        .json())
}

/// Makes a payment.
#[utoipa::path(post, path = "/api/crm/payments", request_body = NewPayment,
    responses((status = 201, description = "What was made.", body = Payment)))]
async fn create_payment(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    ApiJson(new): ApiJson<NewPayment>,
) -> ApiResult<Created<Payment>> {
    let body = state.store().add_payment(&scope, new).await?;
    Ok(Created {
        location: format!("/api/crm/payments/{}", body.id),
        body,
    })
}

/// Shows a payment.
#[utoipa::path(get, path = "/api/crm/payments/{id}", params(("id" = PaymentId, Path, description = "Which one.")),
    responses((status = 200, description = "As it is now.", body = Payment)))]
async fn get_payment(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    Id(id): Id<PaymentId>,
) -> ApiResult<WithETag<Payment>> {
    Ok(WithETag(state.store().payment(&scope, id).await?))
}

/// Changes a payment.
#[utoipa::path(patch, path = "/api/crm/payments/{id}", params(("id" = PaymentId, Path, description = "Which one.")),
    request_body = PaymentPatch, responses((status = 200, description = "As it is now.", body = Payment)))]
async fn update_payment(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    Id(id): Id<PaymentId>,
    IfMatch(version): IfMatch,
    ApiJson(patch): ApiJson<PaymentPatch>,
) -> ApiResult<WithETag<Payment>> {
    let changed = state
        .store()
        .update_payment(&scope, id, version, patch)
        .await?;
    Ok(WithETag(changed))
}

/// Puts a payment into the trash.
#[utoipa::path(delete, path = "/api/crm/payments/{id}", params(("id" = PaymentId, Path, description = "Which one.")),
    responses((status = 204, description = "It is gone.")))]
async fn delete_payment(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    Id(id): Id<PaymentId>,
    IfMatch(version): IfMatch,
) -> ApiResult<NoContent> {
    state.store().delete_payment(&scope, id, version).await?;
    Ok(NoContent)
}

/// Takes a payment back out of the trash.
#[utoipa::path(post, path = "/api/crm/payments/{id}/restore", params(("id" = PaymentId, Path, description = "Which one.")),
    responses((status = 200, description = "As it is now.", body = Payment)))]
async fn restore_payment(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    Id(id): Id<PaymentId>,
) -> ApiResult<WithETag<Payment>> {
    Ok(WithETag(state.store().restore_payment(&scope, id).await?))
}

/// Removes a payment of the trash for good.
#[utoipa::path(post, path = "/api/crm/payments/{id}/purge", params(("id" = PaymentId, Path, description = "Which one.")),
    responses((status = 204, description = "It is gone for good.")))]
async fn purge_payment(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    Id(id): Id<PaymentId>,
) -> ApiResult<NoContent> {
    state.store().purge_payment(&scope, id).await?;
    Ok(NoContent)
}

pub(crate) fn routes() -> Tagged {
    let read = Needs::Tenant(Permission::PaymentsRead);
    let write = Needs::Tenant(Permission::PaymentsWrite);
    let purge = Needs::Tenant(Permission::LeadsPurge);
    Routes::tagged("payments")
        .add(read, routes!(list_payments))
        .add(write, routes!(create_payment))
        .add(read, routes!(get_payment))
        .add(write, routes!(update_payment))
        .add(write, routes!(delete_payment))
        .add(write, routes!(restore_payment))
        .add(purge, routes!(purge_payment))
}
