//! A transaction in one business.

use std::sync::Arc;

use prosaas_core::{Clock, Error, Result, TenantId};

use super::args::{Arg, Args};
use super::change::{self, Change};
use super::connection::Connection;
use super::row::Row;
use super::sql::Sql;
use super::wake::Wakes;
use crate::auth::{Actor, TenantScope};

// Not the row itself: every transaction ends by taking it for the number of its events, and whoever held
// it from the beginning could wait for a row of one that waits for it.
const LOCK_BUSINESS: Sql = Sql::split(
    "SELECT 1 FROM businesses WHERE tenant_id = $1",
    "SELECT pg_advisory_xact_lock(hashtextextended(tenant_id::text, 0))
     FROM businesses WHERE tenant_id = $1",
);

/// A transaction in the business of a scope; `$1` of every statement is its tenant.
///
/// Dropped without [`TenantTx::commit`], it never happened. After a failed statement it can only be
/// dropped: what may fail in an expected way, such as a name that is taken, is an `ON CONFLICT DO
/// NOTHING` or looked up before.
#[derive(Debug)]
pub(crate) struct TenantTx {
    connection: Connection,
    tenant: TenantId,
    actor: Actor,
    clock: Arc<dyn Clock>,
    wakes: Arc<Wakes>,
    changes: Vec<Change>,
}

impl TenantTx {
    pub(crate) fn new(
        connection: Connection,
        scope: &TenantScope,
        clock: Arc<dyn Clock>,
        wakes: Arc<Wakes>,
    ) -> Self {
        let (tenant, actor) = (scope.tenant(), scope.actor());
        Self {
            connection,
            tenant,
            actor,
            clock,
            wakes,
            changes: Vec::new(),
        }
    }

    /// The business.
    pub(crate) const fn tenant(&self) -> TenantId {
        self.tenant
    }

    /// Who acts.
    pub(crate) const fn actor(&self) -> Actor {
        self.actor
    }

    /// Runs a change; returns how many rows it touched.
    pub(crate) async fn execute(&mut self, sql: &Sql, args: Args) -> Result<u64> {
        let args = scoped(self.tenant, sql, args)?;
        self.connection.execute(sql, args).await
    }

    /// Every row.
    pub(crate) async fn fetch_all(&mut self, sql: &Sql, args: Args) -> Result<Vec<Row>> {
        let args = scoped(self.tenant, sql, args)?;
        self.connection.fetch_all(sql, args).await
    }

    /// The first row, if there is one.
    pub(crate) async fn fetch_optional(&mut self, sql: &Sql, args: Args) -> Result<Option<Row>> {
        let args = scoped(self.tenant, sql, args)?;
        self.connection.fetch_optional(sql, args).await
    }

    /// The first row; `NotFound { what }` when there is none.
    pub(crate) async fn fetch_one(
        &mut self,
        sql: &Sql,
        args: Args,
        what: &'static str,
    ) -> Result<Row> {
        let row = self.fetch_optional(sql, args).await?;
        row.ok_or(Error::NotFound { what })
    }

    /// `NotFound { what }` unless there is a row.
    pub(crate) async fn require(
        &mut self,
        sql: &Sql,
        args: Args,
        what: &'static str,
    ) -> Result<()> {
        self.fetch_one(sql, args, what).await.map(drop)
    }

    /// From here to the end nobody else who asks for this lock decides anything in the business. The
    /// first statement of its transaction, so that nobody waits for it while holding a row.
    ///
    /// # Errors
    /// `NotFound` when the business does not exist.
    pub(crate) async fn lock_business(&mut self) -> Result<()> {
        self.require(&LOCK_BUSINESS, Args::default(), "business")
            .await
    }

    /// Notes a change for the audit log and the events; written at the commit, or never.
    pub(crate) fn record(&mut self, change: Change) {
        self.changes.push(change);
    }

    /// Makes it durable, and wakes whoever waits for the business's events.
    pub(crate) async fn commit(mut self) -> Result<()> {
        let by = (self.tenant, self.actor);
        let now = self.clock.now();
        let last = change::write(&mut self.connection, by, now, &self.changes).await?;
        self.connection.commit().await?;
        if let Some(sequence) = last {
            self.wakes.wake(self.tenant, sequence);
        }
        Ok(())
    }
}

/// The tenant first. A statement that looks across tenants has no place here.
pub(super) fn scoped(tenant: TenantId, sql: &Sql, args: Args) -> Result<Args> {
    if sql.is_across_tenants() {
        let why = "a statement across tenants was run in a tenant's transaction";
        return Err(Error::internal("database", why));
    }
    Ok(args.after(Arg::Id(Some(tenant.uuid()))))
}
