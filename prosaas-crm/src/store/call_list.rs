//! Calls as the console lists them.

use prosaas_core::{CallDirection, CallEnd, CallId, LeadId, Result, UnixMillis, Verdict};
use uuid::Uuid;

use super::CrmStore;
use super::calls::read_call;
use super::db::{Row, Sql, TenantTx, args};
use crate::auth::TenantScope;
use crate::model::call_list::{
    AnsweredBy, CallEntry, CallFilter, CallReply, LadderUse, SettledHow, Settlement,
};

/// A call's columns, its lead's id, and the message that its caller got.
macro_rules! call_entries {
    ($rest:literal) => {
        concat!(
            "SELECT calls.*, call_leads.lead_id, replies.status AS reply_status,
                    replies.conversation_id AS reply_conversation_id, threads.channel AS reply_channel
             FROM calls
             LEFT JOIN call_leads ON call_leads.tenant_id = calls.tenant_id
                                 AND call_leads.call_id = calls.id
             LEFT JOIN messages AS replies ON replies.tenant_id = calls.tenant_id
                                          AND replies.id = calls.reply_id
             LEFT JOIN conversations AS threads ON threads.tenant_id = replies.tenant_id
                                               AND threads.id = replies.conversation_id ",
            $rest
        )
    };
}
pub(super) use call_entries;

const LIST: Sql = Sql::both(call_entries!(
    "WHERE calls.tenant_id = $1 AND (calls.started_at, calls.id) < ($2, $3)
       AND calls.started_at >= $5 AND calls.started_at < $6
       AND ($7 IS NULL OR calls.direction = $7) AND ($8 IS NULL OR calls.end_reason = $8)
       AND ($9 IS NULL OR calls.answered_by = $9) AND ($10 IS NULL OR calls.urgent = $10)
       AND ($11 IS NULL OR calls.verdict = $11)
     ORDER BY calls.started_at DESC, calls.id DESC LIMIT $4"
));
// Begins with the lead, who has few calls.
const LIST_OF_LEAD: Sql = Sql::both(
    "SELECT calls.*, call_leads.lead_id, replies.status AS reply_status,
            replies.conversation_id AS reply_conversation_id, threads.channel AS reply_channel
     FROM call_leads
     JOIN calls ON calls.tenant_id = call_leads.tenant_id AND calls.id = call_leads.call_id
     LEFT JOIN messages AS replies ON replies.tenant_id = calls.tenant_id
                                  AND replies.id = calls.reply_id
     LEFT JOIN conversations AS threads ON threads.tenant_id = replies.tenant_id
                                       AND threads.id = replies.conversation_id
     WHERE call_leads.tenant_id = $1 AND call_leads.lead_id = $12
       AND (calls.started_at, calls.id) < ($2, $3)
       AND calls.started_at >= $5 AND calls.started_at < $6
       AND ($7 IS NULL OR calls.direction = $7) AND ($8 IS NULL OR calls.end_reason = $8)
       AND ($9 IS NULL OR calls.answered_by = $9) AND ($10 IS NULL OR calls.urgent = $10)
       AND ($11 IS NULL OR calls.verdict = $11)
     ORDER BY calls.started_at DESC, calls.id DESC LIMIT $4",
);
const ONE: Sql = Sql::both(call_entries!(
    "WHERE calls.tenant_id = $1 AND calls.id = $2"
));

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
        let verdict = filter.verdict.map(Verdict::as_str);
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
                    urgent,
                    verdict
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
                    verdict,
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
        entry_within(&mut self.read(scope).await?, call).await
    }
}

/// What kept a call from silence, as its row says.
pub(super) fn ladder(row: &Row) -> Result<LadderUse> {
    Ok(LadderUse {
        served_by: row.get("served_by")?,
        hold_lines: row.get("hold_lines")?,
        reconnects: row.get("reconnects")?,
    })
}

/// One call, within a transaction.
pub(super) async fn entry_within(tx: &mut TenantTx, call: CallId) -> Result<CallEntry> {
    entry(&tx.fetch_one(&ONE, args![call.uuid()], "call").await?)
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
        ladder: ladder(row)?,
        answered_by: row.parse_optional("answered_by")?,
        summary: row.get("summary")?,
        intent: row.get("intent")?,
        urgent: row.get("urgent")?,
        summarized_at: row.get("summarized_at")?,
        announcement_version: row.get("announcement_version")?,
        settled,
        reply: reply(row)?,
        carrier_cost: row.get("carrier_cost_micro_usd")?,
    })
}

/// The message that the caller got; none once it was erased.
fn reply(row: &Row) -> Result<Option<CallReply>> {
    let (Some(message), Some(status)) = (
        row.optional_id("reply_id")?,
        row.parse_optional("reply_status")?,
    ) else {
        return Ok(None);
    };
    Ok(Some(CallReply {
        message,
        channel: row.parse("reply_channel")?,
        conversation: row.id("reply_conversation_id")?,
        status,
        at: row.get("replied_at")?,
    }))
}
