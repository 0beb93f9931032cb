//! What was done to the installation.

use axum::Json;
use axum::extract::State;
use prosaas_core::UnixMillis;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::routes;

use crate::api::kit::{
    ApiResult, ApiState, List, ListParams, Needs, NoFilter, Page, Routes, System, Tagged, Time,
};
use crate::model::id::AuditId;
use crate::store::accounts::SystemAuditEntry as Stored;

/// One entry of the installation's audit log.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SystemAuditEntry {
    id: AuditId,
    at: Time,
    /// Who, by kind: `user`, `acting`, `operator` or `job`.
    actor_kind: String,
    /// Who: the user.
    actor_id: Option<String>,
    /// What.
    #[schema(example = "user.removed")]
    action: String,
    /// To what.
    target: Option<String>,
    /// What else is known.
    #[schema(value_type = Object)]
    detail: Value,
}

impl From<Stored> for SystemAuditEntry {
    fn from(entry: Stored) -> Self {
        Self {
            id: entry.id,
            at: entry.at.into(),
            actor_kind: entry.actor_kind,
            actor_id: entry.actor_id,
            action: entry.action,
            target: entry.target,
            detail: entry.detail,
        }
    }
}

/// Lists the installation's audit log, the newest first.
#[utoipa::path(get, path = "/api/system/audit", params(ListParams),
    responses((status = 200, description = "One page of the log.", body = Page<SystemAuditEntry>)))]
async fn list_system_audit(
    State(state): State<ApiState>,
    System(scope): System,
    list: List<NoFilter>,
) -> ApiResult<Json<Page<SystemAuditEntry>>> {
    let after: Option<(UnixMillis, AuditId)> = list.after()?;
    let entries = state
        .store()
        .system_audit(&scope, after, list.fetch())
        .await?;
    let page = list.page(
        entries,
        |entry| (entry.at, entry.id),
        SystemAuditEntry::from,
    )?;
    Ok(page.json())
}

pub(crate) fn routes() -> Tagged {
    Routes::tagged("system").add(Needs::System, routes!(list_system_audit))
}
