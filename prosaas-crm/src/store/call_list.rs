//! Calls as the console lists them.

use prosaas_core::{CallDirection, CallEnd, CallId, LeadId, Result, UnixMillis};
use uuid::Uuid;

use super::CrmStore;
use super::calls::read_call;
use super::db::{Row, Sql, args};
use crate::auth::TenantScope;
use crate::model::call_list::{AnsweredBy, CallEntry, CallFilter, SettledHow, Settlement};

const LIST: Sql = Sql::both(
    "SELECT calls.*, call_leads.lead_id FROM calls
     LEFT JOIN call_leads ON call_leads.tenant_id = calls.tenant_id AND call_leads.call_id = calls.id
     WHERE calls.tenant_id = $1 AND (calls.started_at, calls.id) < ($2, $3)
       AND calls.started_at >= $5 AND calls.started_at < $6
       AND ($7 IS NULL OR calls.direction = $7) AND ($8 IS NULL OR calls.end_reason = $8)
       AND ($9 IS NULL OR calls.answered_by = $9) AND ($10 IS NULL OR calls.urgent = $10)
     ORDER BY calls.started_at DESC, calls.id DESC LIMIT $4",
);
const LIST_OF_LEAD: Sql = Sql::both(
    "SELECT calls.*, call_leads.lead_id FROM call_leads
     JOIN calls ON calls.tenant_id = call_leads.tenant_id AND calls.id = call_leads.call_id
     WHERE call_leads.tenant_id = $1 AND call_leads.lead_id = $11
       AND (calls.started_at, calls.id) < ($2, $3)
       AND calls.started_at >= $5 AND calls.started_at < $6
       AND ($7 IS NULL OR calls.direction = $7) AND ($8 IS NULL OR calls.end_reason = $8)
       AND ($9 IS NULL OR calls.answered_by = $9) AND ($10 IS NULL OR calls.urgent = $10)
     ORDER BY calls.started_at DESC, calls.id DESC LIMIT $4",
);
const ONE: Sql = Sql::both(
    "SELECT calls.*, call_leads.lead_id FROM calls
     LEFT JOIN call_leads ON call_leads.tenant_id = calls.tenant_id AND call_leads.call_id = calls.id
     WHERE calls.tenant_id = $1 AND calls.id = $2",
);

impl CrmStore {
    /// Calls, the newest first: `after` is the beginning and id of the last one before.
    pub async fn calls(
        &self,
        scope: &TenantScope,
        filter: CallFilter,
        after: Option<(UnixMillis, CallId)>,
        limit: u32,
    ) -> Result<Vec<CallEntry>> {
        let mut tx = self.read(scope).await?;
        let (at, id) = after.map_or((UnixMillis(i64::MAX), Uuid::max()), |(at, id)| {
            (at, id.uuid())
        });
        let from = filter.from.unwrap_or(UnixMillis(i64::MIN));
        let until = filter.until.unwrap_or(UnixMillis(i64::MAX));
        let direction = filter.direction.map(CallDirection::as_str);
        let end = filter.end.map(CallEnd::as_str);
        let answered_by = filter.answered_by.map(AnsweredBy::as_str);
        let urgent = filter.urgent;
        let rows = match filter.lead.map(LeadId::uuid) {
            None => {
                let values = args![
                    at,
                    id,
                    limit,
                    from,
                    until,
                    direction,
                    end,
                    answered_by,
                    urgent
                ];
                tx.fetch_all(&LIST, values).await?
            }
            Some(lead) => {
                let values = args![
                    at,
                    id,
                    limit,
                    from,
                    until,
                    direction,
                    end,
                    answered_by,
                    urgent,
                    lead
                ];
                tx.fetch_all(&LIST_OF_LEAD, values).await?
            }
        };
        rows.iter().map(entry).collect()
    }

    /// One call.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn call_entry(&self, scope: &TenantScope, call: CallId) -> Result<CallEntry> {
        let mut tx = self.read(scope).await?;
        entry(&tx.fetch_one(&ONE, args![call.uuid()], "call").await?)
    }
}

pub(super) fn entry(row: &Row) -> Result<CallEntry> {
    let how: Option<SettledHow> = row.parse_optional("settled_how")?;
    let settled = match (how, row.get("settled_at")?) {
        (Some(how), Some(at)) => Some(Settlement {
            how,
            reason: row.get("settled_reason")?,
            at,
        }),
        _ => None,
    };
    Ok(CallEntry {
        call: read_call(row)?,
        answered_by: row.parse_optional("answered_by")?,
        summary: row.get("summary")?,
        intent: row.get("intent")?,
        urgent: row.get("urgent")?,
        summarized_at: row.get("summarized_at")?,
        announcement_version: row.get("announcement_version")?,
        settled,
    })
}
