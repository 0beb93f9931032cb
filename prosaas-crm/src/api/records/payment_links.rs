//! The links by which payments are paid: made, looked at and closed at the provider.

use axum::Json;
use axum::extract::State;
use prosaas_core::Error;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::routes;

use crate::api::kit::{ApiJson, ApiResult, ApiState, Id, Needs, Routes, Scope, Tagged, WithETag};
use crate::auth::Permission;
use crate::model::id::PaymentId;
use crate::model::payment::{Payment, PaymentMethod, PaymentStatus};
use crate::payment::{LinkRequest, PaymentProvider};

/// A link to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "url": "https://pay.example.com/17" }))]
pub(crate) struct PaymentLinkWish {
    /// The `https` page, where the business made it itself, such as in its bank's application. An
    /// installation with a payment provider makes the page and wants none.
    #[schema(max_length = 2000)]
    url: Option<String>,
}

/// A payment's link.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PaymentLinkState {
    /// Whose page it is; `external` is one that the business made elsewhere.
    provider: String,
    /// The page.
    url: String,
    /// What became of the payment.
    status: PaymentStatus,
    /// Whether the provider says so itself; otherwise it is what a member noted.
    is_reported: bool,
}

/// A link that is not wanted any more.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ClosedPaymentLink {
    /// Whether the provider closed the page. Otherwise it is still there: whoever has the link may pay.
    closed: bool,
    /// The payment, cancelled.
    payment: Payment,
}

/// Gives a pending payment its link: made by the payment provider, or a page made elsewhere.
#[utoipa::path(post, path = "/api/crm/payments/{id}/link", request_body = PaymentLinkWish,
    params(("id" = PaymentId, Path, description = "Which one.")),
    responses((status = 200, description = "The payment with its link.", body = Payment)))]
async fn create_payment_link(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    Id(id): Id<PaymentId>,
    ApiJson(wish): ApiJson<PaymentLinkWish>,
) -> ApiResult<WithETag<Payment>> {
    let store = state.store();
    let payment = store.payment(&scope, id).await?;
    // Looked at again when the link is attached; here it saves the provider a link that nobody gets.
    let waits = payment.status == PaymentStatus::Pending && payment.method == PaymentMethod::Link;
    if !waits || payment.link_url.is_some() {
        return Err(Error::Conflict {
            what: "payment-settled",
            detail: "the payment does not wait for a link".to_owned(),
        }
        .into());
    }
    let request = LinkRequest {
        payment: id,
        value: payment.value,
        description: payment.description,
        page: wish.url,
    };
    let link = state.payments().create_link(&request).await?;
    Ok(WithETag(store.attach_link(&scope, id, link).await?))
}

/// Shows a payment's link, and what the provider says became of it.
#[utoipa::path(get, path = "/api/crm/payments/{id}/link", params(("id" = PaymentId, Path, description = "Which one.")),
    responses((status = 200, description = "The link.", body = PaymentLinkState)))]
async fn get_payment_link(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    Id(id): Id<PaymentId>,
) -> ApiResult<Json<PaymentLinkState>> {
    let payment = state.store().payment(&scope, id).await?;
    let (provider, reference, url) = link_of(&payment)?;
    let reported = match of_ours(&state, &provider) {
        Some(ours) => ours.state(&reference).await?,
        None => None,
    };
    Ok(Json(PaymentLinkState {
        provider,
        url,
        status: reported.unwrap_or(payment.status),
        is_reported: reported.is_some(),
    }))
}

/// Closes a pending payment's link at the provider and cancels the payment.
#[utoipa::path(post, path = "/api/crm/payments/{id}/link/cancel", params(("id" = PaymentId, Path, description = "Which one.")),
    responses((status = 200, description = "The payment, and whether its page is closed.", body = ClosedPaymentLink)))]
async fn cancel_payment_link(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    Id(id): Id<PaymentId>,
) -> ApiResult<Json<ClosedPaymentLink>> {
    let store = state.store();
    let payment = store.payment(&scope, id).await?;
    let (provider, reference, _) = link_of(&payment)?;
    if !payment.status.may_become(PaymentStatus::Cancelled) {
        return Err(Error::Conflict {
            what: "payment-settled",
            detail: format!("a payment that is {} is not cancelled", payment.status),
        }
        .into());
    }
    let closed = match of_ours(&state, &provider) {
        Some(ours) => ours.cancel(&reference).await?,
        None => false,
    };
    let which = (provider.as_str(), reference.as_str());
    let payment = store
        .settle_payment(&scope, which, PaymentStatus::Cancelled)
        .await?;
    Ok(Json(ClosedPaymentLink { closed, payment }))
}

/// Provider, reference and page of a payment's link.
fn link_of(payment: &Payment) -> ApiResult<(String, String, String)> {
    let parts = [&payment.provider, &payment.provider_ref, &payment.link_url];
    match parts.map(Clone::clone) {
        [Some(provider), Some(reference), Some(url)] => Ok((provider, reference, url)),
        _ => Err(Error::NotFound { what: "link" }.into()),
    }
}

/// The installation's provider, if the link is one of its own and not of one that it had before.
fn of_ours<'s>(state: &'s ApiState, provider: &str) -> Option<&'s dyn PaymentProvider> {
    let ours = state.payments();
    (ours.name() == provider).then_some(ours)
}

pub(crate) fn routes() -> Tagged {
    let write = Needs::Tenant(Permission::PaymentsWrite);
    Routes::tagged("payments")
        .add(write, routes!(create_payment_link))
        .add(
            Needs::Tenant(Permission::PaymentsRead),
            routes!(get_payment_link),
        )
        .add(write, routes!(cancel_payment_link))
}
