//! How well a business's calls go, and telling its owners when they do not.

use prosaas_core::{CallId, Result};

use super::CrmStore;
use super::db::{Change, Sql, TenantTx, args};
use crate::auth::TenantScope;
use crate::model::job::JobWork;
use crate::rules::quality::{LastCalls, TOLD_AGAIN_AFTER_MS, WATCHED_CALLS};

const LAST_VERDICTS: Sql = Sql::both(
    "SELECT verdict FROM calls WHERE tenant_id = $1 AND verdict IS NOT NULL
     ORDER BY started_at DESC, id DESC LIMIT $2",
);
// The condition is the rule that they are told once a day, whoever finishes calls at the same time.
const NOTE_TELLING: Sql = Sql::both(
    "UPDATE businesses SET quality_alerted_at = $2
     WHERE tenant_id = $1 AND (quality_alerted_at IS NULL OR quality_alerted_at <= $3)",
);

impl CrmStore {
    /// How the last calls of a business went that have a verdict.
    pub async fn last_calls(&self, scope: &TenantScope) -> Result<LastCalls> {
        last_calls(&mut self.read(scope).await?).await
    }

    /// Has the owners told if this call, which went badly, is one of many; not again within a day.
    pub(super) async fn watch_quality(&self, tx: &mut TenantTx, call: CallId) -> Result<()> {
        if !last_calls(tx).await?.are_bad() {
            return Ok(());
        }
        let now = self.now();
        let values = args![now, now.plus(-TOLD_AGAIN_AFTER_MS)];
        if tx.execute(&NOTE_TELLING, values).await? == 0 {
            return Ok(());
        }
        self.add_job(tx, &JobWork::AlertQuality { at: now }, now)
            .await?;
        tx.record(Change::new("call.quality_alerted", "call", call).without_audit());
        Ok(())
    }
}

async fn last_calls(tx: &mut TenantTx) -> Result<LastCalls> {
    let rows = tx.fetch_all(&LAST_VERDICTS, args![WATCHED_CALLS]).await?;
    let verdicts: Result<Vec<_>> = rows.iter().map(|row| row.parse("verdict")).collect();
    Ok(LastCalls::of(&verdicts?))
}
