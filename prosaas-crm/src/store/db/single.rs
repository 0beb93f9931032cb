//! One statement that reads.

use prosaas_core::{Error, Result, TenantId};

use super::args::Args;
use super::connection::Connection;
use super::row::Row;
use super::sql::Sql;
use super::tenant_tx::scoped;

/// Room for one statement that reads, which is spent by it. One statement sees one moment by itself, so on SQLite it
/// runs without a transaction around it: a third of the way to the file and back.
#[derive(Debug)]
pub(crate) struct Single {
    connection: Connection,
    /// Whose rows are seen: bound as `$1`. Without it the statement looks across tenants and binds every parameter
    /// itself.
    tenant: Option<TenantId>,
}

impl Single {
    /// For a statement in a business.
    pub(crate) const fn of_tenant(connection: Connection, tenant: TenantId) -> Self {
        let tenant = Some(tenant);
        Self { connection, tenant }
    }

    /// For a statement on the installation.
    pub(crate) const fn of_system(connection: Connection) -> Self {
        let tenant = None;
        Self { connection, tenant }
    }

    /// Every row.
    pub(crate) async fn fetch_all(mut self, sql: &Sql, args: Args) -> Result<Vec<Row>> {
        let args = self.bound(sql, args)?;
        self.connection.fetch_all(sql, args).await
    }

    /// The first row, if there is one.
    pub(crate) async fn fetch_optional(mut self, sql: &Sql, args: Args) -> Result<Option<Row>> {
        let args = self.bound(sql, args)?;
        self.connection.fetch_optional(sql, args).await
    }

    /// The first row; `NotFound { what }` when there is none.
    pub(crate) async fn fetch_one(self, sql: &Sql, args: Args, what: &'static str) -> Result<Row> {
        let row = self.fetch_optional(sql, args).await?;
        row.ok_or(Error::NotFound { what })
    }

    fn bound(&self, sql: &Sql, args: Args) -> Result<Args> {
        match self.tenant {
            Some(tenant) => scoped(tenant, sql, args),
            None => Ok(args),
        }
    }
}
