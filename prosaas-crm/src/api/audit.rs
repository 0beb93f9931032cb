//! `/api/audit`: who did what to what in the business, and when.

use axum::Json;
use axum::extract::State;
use prosaas_core::{E164, LeadId, UnixMillis};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::kit::{
    ApiResult, ApiState, List, ListParams, Needs, Page, Problem, Routes, Scope, Tagged, Time,
};
use crate::auth::Permission;
use crate::model::id::{ActingId, AuditId};
use crate::store::{AuditEntry as Stored, AuditFilter as Wanted, AuditLead as StoredLead};

/// One entry of the audit log.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AuditEntry {
    id: AuditId,
    at: Time,
    /// Who, by kind: `user`, `acting`, `api_key`, `agent`, `job`, `operator` or `host`.
    #[schema(example = "user")]
    actor_kind: String,
    /// Who: the user, or the API key.
    actor_id: Option<String>,
    /// The acting session, when an administrator of the installation acted for the business.
    acting_id: Option<ActingId>,
    /// What.
    #[schema(example = "lead.deleted")]
    action: String,
    /// To what kind of thing.
    #[schema(example = "lead")]
    entity: String,
    /// To which one.
    entity_id: String,
    /// What else is known.
    #[schema(value_type = Object)]
    detail: Value,
    /// Whom it is about, as he is known now: nobody where he was erased, or for who may not see leads.
    lead: Option<AuditLead>,
}

/// The lead that an entry is about: itself, or the one whose call, task or payment it is.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AuditLead {
    id: LeadId,
    /// Its name.
    name: Option<String>,
    /// Its first phone number, in E.164.
    phone: Option<E164>,
    /// Its first e-mail address.
    email: Option<String>,
    /// Whether it is in the trash, where it cannot be opened.
    is_deleted: bool,
}

impl From<StoredLead> for AuditLead {
    fn from(lead: StoredLead) -> Self {
        Self {
            id: lead.id,
            name: lead.name,
            phone: lead.phone,
            email: lead.email,
            is_deleted: lead.is_deleted,
        }
    }
}

impl From<Stored> for AuditEntry {
    fn from(entry: Stored) -> Self {
        Self {
            id: entry.id,
            at: entry.at.into(),
            actor_kind: entry.actor_kind,
            actor_id: entry.actor_id,
            acting_id: entry.acting,
            action: entry.action,
            entity: entry.entity_kind,
            entity_id: entry.entity_id,
            detail: entry.detail,
            lead: entry.lead.map(AuditLead::from),
        }
    }
}

/// Which entries are wanted.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct AuditFilter {
    /// Of this action, such as `lead.deleted`.
    #[param(max_length = 100)]
    action: Option<String>,
    /// By this user or API key.
    #[param(max_length = 100)]
    actor_id: Option<String>,
    /// To the thing with this id.
    #[param(max_length = 100)]
    entity_id: Option<String>,
    /// Since this moment.
    since: Option<Time>,
    /// Before this moment.
    until: Option<Time>,
}

/// Lists the audit log, the newest first.
#[utoipa::path(get, path = "/api/audit", params(ListParams, AuditFilter),
    responses((status = 200, description = "One page of the log.", body = Page<AuditEntry>)))]
async fn list_audit(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    list: List<AuditFilter>,
) -> ApiResult<Json<Page<AuditEntry>>> {
    let after: Option<(UnixMillis, AuditId)> = list.after()?;
    let wanted = Wanted {
        action: word("action", list.filter.action.as_ref())?,
        actor_id: word("actor_id", list.filter.actor_id.as_ref())?,
        entity_id: word("entity_id", list.filter.entity_id.as_ref())?,
        since: list.filter.since.map(UnixMillis::from),
        until: list.filter.until.map(UnixMillis::from),
    };
    let entries = state
        .store()
        .audit_entries(&scope, &wanted, after, list.fetch())
        .await?;
    let page = list.page(entries, |entry| (entry.at, entry.id), AuditEntry::from)?;
    Ok(page.json())
}

/// A word to look for, of the length the document says.
fn word(name: &'static str, text: Option<&String>) -> ApiResult<Option<String>> {
    if text.is_some_and(|text| text.chars().count() > 100) {
        let problem = Problem::bad_request("query-invalid", "see `errors`");
        return Err(problem.at(name, "expected 100 characters at most"));
    }
    Ok(text.cloned())
}

pub(crate) fn routes() -> Tagged {
    Routes::tagged("audit").add(Needs::Tenant(Permission::AuditRead), routes!(list_audit))
}
