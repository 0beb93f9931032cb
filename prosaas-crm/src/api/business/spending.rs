//! What the business spends on models, and on calls at the carrier.

use axum::Json;
use axum::extract::State;
use prosaas_core::{MicroUsd, TenantId};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::own;
use crate::api::kit::{ApiResult, ApiState, Id, Needs, Routes, Scope, Tagged};
use crate::auth::Permission;
use crate::model::spending::MonthSpending;
use crate::rules::budget::BudgetState;

/// What models cost, and how much they may; by month also what the carrier charges.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SpendingView {
    /// The present month by the business's clocks, such as `2026-11`.
    month: String,
    /// How its budget stands. Once it is `spent`, callers are asked for a message and conversations wait for a
    /// person.
    state: BudgetState,
    /// The most that may be spent in a month, in millionths of a US dollar; without an end when empty.
    monthly_budget_micro_usd: Option<i64>,
    /// What was spent on models in this month, in millionths of a US dollar.
    spent_micro_usd: i64,
    /// What calls that go on on this server cost so far; counted when they are over.
    going_on_micro_usd: i64,
    /// The months in which something was spent, the newest first; two years at most.
    months: Vec<MonthSpending>,
}

/// Shows what models cost one's own business, and how much they may.
#[utoipa::path(get, path = "/api/businesses/{id}/spending", params(("id" = TenantId, Path, description = "One's own business.")),
    responses((status = 200, description = "As it is now.", body = SpendingView)))]
async fn get_spending(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    Id(id): Id<TenantId>,
) -> ApiResult<Json<SpendingView>> {
    own(&scope, id)?;
    let account = state.store().account(&scope).await?;
    let going_on: MicroUsd = state.live().map_or(MicroUsd(0), |live| {
        let calls = live.calls(scope.tenant());
        calls.into_iter().map(|call| call.cost).sum()
    });
    Ok(Json(SpendingView {
        state: account.state(going_on),
        monthly_budget_micro_usd: account.cap.map(|cap| cap.0),
        spent_micro_usd: account.spent.0,
        going_on_micro_usd: going_on.0,
        month: account.month,
        months: state.store().spending_by_month(&scope).await?,
    }))
}

pub(crate) fn routes() -> Tagged {
    Routes::tagged("businesses").add(
        Needs::Tenant(Permission::BusinessRead),
        routes!(get_spending),
    )
}
