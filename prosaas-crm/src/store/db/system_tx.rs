//! A transaction on the installation.

use std::collections::BTreeMap;
use std::sync::Arc;

use prosaas_core::{Clock, Error, Result, TenantId};
use serde_json::Value;

use super::args::{Args, args};
use super::change::{self, Change};
use super::connection::Connection;
use super::row::Row;
use super::sql::Sql;
use super::tenant_tx::TenantTx;
use super::wake::Wakes;
use crate::auth::{Actor, SystemScope, TenantScope};

// SQLite has no row-level security to tell.
const ENTER: Sql = Sql::split(
    "SELECT $1",
    "SELECT set_config('app.tenant_id', $1, true), set_config('app.system', 'off', true)",
);

/// A transaction that sees across tenants: for the operator, for our own background work, and for the
/// look-ups that find out whose a call is. Its statements on a tenant's table say why, in
/// `/* across tenants: why */`, and bind every parameter themselves.
#[derive(Debug)]
pub(crate) struct SystemTx {
    connection: Connection,
    actor: Actor,
    clock: Arc<dyn Clock>,
    wakes: Arc<Wakes>,
    changes: BTreeMap<TenantId, Vec<Change>>,
}

impl SystemTx {
    pub(crate) fn new(
        connection: Connection,
        scope: &SystemScope,
        clock: Arc<dyn Clock>,
        wakes: Arc<Wakes>,
    ) -> Self {
        Self {
            connection,
            actor: scope.actor(),
            clock,
            wakes,
            changes: BTreeMap::new(),
        }
    }

    /// Who acts.
    pub(crate) const fn actor(&self) -> Actor {
        self.actor
    }

    /// Runs a change; returns how many rows it touched.
    pub(crate) async fn execute(&mut self, sql: &Sql, args: Args) -> Result<u64> {
        self.connection.execute(sql, args).await
    }

    /// Every row.
    pub(crate) async fn fetch_all(&mut self, sql: &Sql, args: Args) -> Result<Vec<Row>> {
        self.connection.fetch_all(sql, args).await
    }

    /// The first row, if there is one.
    pub(crate) async fn fetch_optional(&mut self, sql: &Sql, args: Args) -> Result<Option<Row>> {
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

    /// Notes in the installation's audit log what was done, at once.
    pub(crate) async fn audit(
        &mut self,
        action: &'static str,
        target: Option<String>,
        detail: Value,
    ) -> Result<()> {
        let now = self.clock.now();
        let (sql, values) = change::system_audit(self.actor, now, action, target, detail);
        self.execute(&sql, values).await.map(drop)
    }

    /// Notes a change in one business for its audit log and events; written at the commit, or never.
    pub(crate) fn record(&mut self, tenant: TenantId, change: Change) {
        self.changes.entry(tenant).or_default().push(change);
    }

    /// Goes on in one business: from here on only its rows are seen.
    ///
    /// # Errors
    /// `Internal` when changes of another business were recorded before.
    pub(crate) async fn enter(mut self, scope: &TenantScope) -> Result<TenantTx> {
        if self.changes.keys().any(|tenant| *tenant != scope.tenant()) {
            return Err(Error::internal(
                "database",
                "changes of two businesses in one",
            ));
        }
        let tenant = scope.tenant().uuid().hyphenated().to_string();
        self.connection.fetch_all(&ENTER, args![tenant]).await?;
        let mut tx = TenantTx::new(self.connection, scope, self.clock, self.wakes);
        let changes = self.changes.remove(&scope.tenant()).unwrap_or_default();
        for change in changes {
            tx.record(change);
        }
        Ok(tx)
    }

    /// Makes it durable, and wakes whoever waits for the events of the businesses that changed.
    pub(crate) async fn commit(mut self) -> Result<()> {
        let now = self.clock.now();
        let mut woken = Vec::new();
        // In the order of their ids, so that two such transactions cannot lock each other out.
        for (tenant, changes) in std::mem::take(&mut self.changes) {
            let by = (tenant, self.actor);
            let last = change::write(&mut self.connection, by, now, &changes).await?;
            woken.extend(last.map(|sequence| (tenant, sequence)));
        }
        self.connection.commit().await?;
        for (tenant, sequence) in woken {
            self.wakes.wake(tenant, sequence);
        }
        Ok(())
    }
}
