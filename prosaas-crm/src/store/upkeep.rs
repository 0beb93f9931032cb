//! What has had its time: events, deliveries and jobs that nobody asks for any more.
//!
//! Each call removes a bounded number of rows in a transaction of its own, so that nobody waits long for
//! one; it is called again until it removes none.

use prosaas_core::{Result, UnixMillis};

use super::CrmStore;
use super::db::{Sql, args};
use crate::auth::{SystemScope, TenantScope};

const FORGET_EVENTS: Sql = Sql::both(
    "/* across tenants: the window of events is the installation's */
     DELETE FROM events WHERE (tenant_id, seq) IN (
         SELECT tenant_id, seq FROM events WHERE at < $1 ORDER BY at LIMIT $2)",
);
const FORGET_DELIVERIES: Sql = Sql::both(
    "DELETE FROM webhook_deliveries
     WHERE tenant_id = $1 AND id IN (
         SELECT id FROM webhook_deliveries
         WHERE tenant_id = $1 AND state <> 'pending' AND created_at < $2
         ORDER BY created_at LIMIT $3)",
);
const FORGET_JOBS: Sql = Sql::both(
    "DELETE FROM jobs
     WHERE tenant_id = $1 AND id IN (
         SELECT id FROM jobs WHERE tenant_id = $1 AND state = 'done' AND updated_at < $2
         ORDER BY updated_at LIMIT $3)",
);

impl CrmStore {
    /// Removes events of before this time, `limit` at most; a console that comes back with an older number is
    /// told to read everything again. Returns how many.
    pub async fn forget_events(
        &self,
        scope: &SystemScope,
        before: UnixMillis,
        limit: u32,
    ) -> Result<u64> {
        let mut tx = self.system_write(scope).await?;
        let forgotten = tx.execute(&FORGET_EVENTS, args![before, limit]).await?;
        tx.commit().await?;
        Ok(forgotten)
    }

    /// Removes deliveries to webhooks that came to be before this time and do not wait, `limit` at most.
    /// Returns how many.
    pub async fn forget_deliveries(
        &self,
        scope: &TenantScope,
        before: UnixMillis,
        limit: u32,
    ) -> Result<u64> {
        self.forget(scope, &FORGET_DELIVERIES, before, limit).await
    }

    /// Removes jobs that were done before this time, `limit` at most; dead ones stay to be looked at.
    /// Returns how many.
    pub async fn forget_jobs(
        &self,
        scope: &TenantScope,
        before: UnixMillis,
        limit: u32,
    ) -> Result<u64> {
        self.forget(scope, &FORGET_JOBS, before, limit).await
    }

    async fn forget(
        &self,
        scope: &TenantScope,
        statement: &Sql,
        before: UnixMillis,
        limit: u32,
    ) -> Result<u64> {
        let mut tx = self.write(scope).await?;
        let forgotten = tx.execute(statement, args![before, limit]).await?;
        tx.commit().await?;
        Ok(forgotten)
    }
}
