//! One statement that reads.

use prosaas_core::Result;

use super::args::Args;
use super::row::Row;
use super::sql::Sql;
use super::system_tx::SystemTx;
use super::tenant_tx::TenantTx;

/// Room for one statement that reads, which is spent by it. One statement sees one moment by itself, so on SQLite it
/// runs without a transaction around it: a third of the way to the file and back.
#[derive(Debug)]
pub(crate) struct Single<Tx>(Tx);

impl<Tx> Single<Tx> {
    pub(crate) const fn of(tx: Tx) -> Self {
        Self(tx)
    }
}

impl Single<TenantTx> {
    /// Every row.
    pub(crate) async fn fetch_all(mut self, sql: &Sql, args: Args) -> Result<Vec<Row>> {
        self.0.fetch_all(sql, args).await
    }

    /// The first row, if there is one.
    pub(crate) async fn fetch_optional(mut self, sql: &Sql, args: Args) -> Result<Option<Row>> {
        self.0.fetch_optional(sql, args).await
    }

    /// The first row; `NotFound { what }` when there is none.
    pub(crate) async fn fetch_one(
        mut self,
        sql: &Sql,
        args: Args,
        what: &'static str,
    ) -> Result<Row> {
        self.0.fetch_one(sql, args, what).await
    }
}

impl Single<SystemTx> {
    /// Every row.
    pub(crate) async fn fetch_all(mut self, sql: &Sql, args: Args) -> Result<Vec<Row>> {
        self.0.fetch_all(sql, args).await
    }

    /// The first row, if there is one.
    pub(crate) async fn fetch_optional(mut self, sql: &Sql, args: Args) -> Result<Option<Row>> {
        self.0.fetch_optional(sql, args).await
    }

    /// The first row; `NotFound { what }` when there is none.
    pub(crate) async fn fetch_one(
        mut self,
        sql: &Sql,
        args: Args,
        what: &'static str,
    ) -> Result<Row> {
        self.0.fetch_one(sql, args, what).await
    }
}
