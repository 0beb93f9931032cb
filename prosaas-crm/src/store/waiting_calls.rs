//! Callers whom nobody heard: each waits until somebody has spoken with him, or says why nobody will.

use prosaas_core::{CallId, Result, UnixMillis};
use serde_json::json;
use uuid::Uuid;

use super::CrmStore;
use super::call_list::{call_entries, entry, entry_within};
use super::db::{Change, Sql, args};
use crate::auth::TenantScope;
use crate::model::call_list::{CallEntry, NewSettlement};

// A later call stands for the earlier ones of its caller; and whoever was spoken with since does not wait.
const WAITING: Sql = Sql::both(call_entries!(
    "WHERE calls.tenant_id = $1 AND (calls.started_at, calls.id) < ($2, $3)
       AND calls.settled_at IS NULL AND calls.direction = 'inbound'
       AND calls.answered_by IN ('voicemail', 'nobody')
       AND NOT EXISTS (
           SELECT 1 FROM calls AS later
           WHERE later.tenant_id = $1 AND later.caller_number = calls.caller_number
             AND (later.started_at, later.id) > (calls.started_at, calls.id)
             AND (later.answered_by IN ('agent', 'person')
                  OR later.direction = 'inbound' AND later.answered_by IN ('voicemail', 'nobody')))
     ORDER BY calls.started_at DESC, calls.id DESC LIMIT $4"
));
// With the call, what its caller had tried before.
const SETTLE: Sql = Sql::both(
    "UPDATE calls SET settled_at = $5, settled_how = $6, settled_reason = $7, updated_at = $5
     WHERE tenant_id = $1 AND settled_at IS NULL AND direction = 'inbound'
       AND answered_by IN ('voicemail', 'nobody')
       AND (id = $2 OR caller_number = $3 AND started_at <= $4)",
);
const REOPEN: Sql = Sql::both(
    "UPDATE calls SET settled_at = NULL, settled_how = NULL, settled_reason = NULL, updated_at = $3
     WHERE tenant_id = $1 AND id = $2 AND settled_at IS NOT NULL",
);

impl CrmStore {
    /// The newest call of each caller whom nobody has heard, the newest first: `after` is the beginning and
    /// id of the last one before.
    pub async fn waiting_calls(
        &self,
        scope: &TenantScope,
        after: Option<(UnixMillis, CallId)>,
        limit: u32,
    ) -> Result<Vec<CallEntry>> {
        let tx = self.look(scope).await?;
        let (at, id) = after.map_or((UnixMillis(i64::MAX), Uuid::max()), |(at, id)| {
            (at, id.uuid())
        });
        let rows = tx.fetch_all(&WAITING, args![at, id, limit]).await?;
        rows.iter().map(entry).collect()
    }

    /// Says how it ended for the caller of a call, and with it for what he had tried before. A call whose
    /// caller does not wait stays as it is.
    ///
    /// # Errors
    /// `Invalid` without a reason where one is needed; `NotFound` when the business has no such call.
    pub async fn settle_call(
        &self,
        scope: &TenantScope,
        call: CallId,
        new: NewSettlement,
    ) -> Result<CallEntry> {
        let new = new.checked()?;
        let mut tx = self.write(scope).await?;
        let before = entry_within(&mut tx, call).await?;
        let record = &before.call.record.call;
        let values = args![
            call.uuid(),
            record.caller.as_ref(),
            record.started_at,
            self.now(),
            new.how.as_str(),
            new.reason.as_deref(),
        ];
        if tx.execute(&SETTLE, values).await? == 0 {
            return Ok(before);
        }
        let detail = json!({ "how": new.how, "reason": new.reason });
        let change = Change::new("call.settled", "call", call).detail(detail);
        tx.record(match before.call.lead {
            Some(lead) => change.lead(lead),
            None => change,
        });
        let after = entry_within(&mut tx, call).await?;
        tx.commit().await?;
        Ok(after)
    }

    /// Takes back what was said about the caller of a call: he waits again.
    ///
    /// # Errors
    /// `NotFound` when the business has no such call.
    pub async fn reopen_call(&self, scope: &TenantScope, call: CallId) -> Result<()> {
        let mut tx = self.write(scope).await?;
        let before = entry_within(&mut tx, call).await?;
        if tx.execute(&REOPEN, args![call.uuid(), self.now()]).await? == 0 {
            return Ok(());
        }
        let change = Change::new("call.reopened", "call", call);
        tx.record(match before.call.lead {
            Some(lead) => change.lead(lead),
            None => change,
        });
        tx.commit().await
    }
}
