//! A transaction on either database, and how a statement runs in it.

#[cfg(feature = "postgres")]
use std::io;
use std::pin::Pin;
#[cfg(feature = "sqlite")]
use std::sync::Arc;
#[cfg(feature = "postgres")]
use std::time::Duration;

use prosaas_core::{Error, Result};
#[cfg(feature = "postgres")]
use sqlx::Postgres;
#[cfg(feature = "sqlite")]
use sqlx::Sqlite;
use sqlx::Transaction;
#[cfg(feature = "sqlite")]
use sqlx::pool::PoolConnection;

use super::args::{Arg, Args};
use super::error::{commit_error, db_error};
use super::row::{AnyRow, Row};
use super::sql::Sql;
#[cfg(feature = "sqlite")]
use crate::store::sqlite::Log;

/// PostgreSQL ends a statement of ours sooner by itself (`store::postgres`); a server that has not answered
/// by then is gone. A file answers when it is done.
#[cfg(feature = "postgres")]
const ANSWERED_WITHIN: Duration = Duration::from_secs(20);

/// What is not done in time is as if the connection were lost.
#[cfg(feature = "postgres")]
pub(crate) async fn within<T>(
    limit: Duration,
    work: impl Future<Output = sqlx::Result<T>> + Send,
) -> sqlx::Result<T> {
    let lost = |_| Err(sqlx::Error::Io(io::ErrorKind::TimedOut.into()));
    tokio::time::timeout(limit, work).await.unwrap_or_else(lost)
}

/// What a statement will have answered.
///
/// In a box: without it each future that waits for a statement has those of both drivers in its own type, and the
/// compiler goes through all of them for every such future (`docs/decisions/0026-statements-in-boxes.md`).
pub(crate) type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>;

/// An open transaction. Dropped without a commit, it never happened.
#[derive(Debug)]
pub(crate) struct Connection {
    tx: AnyTx,
    /// A statement failed. PostgreSQL would answer a commit of such a transaction with a silent
    /// roll-back, so it is refused here, on both databases.
    failed: bool,
}

#[derive(Debug)]
enum AnyTx {
    #[cfg(feature = "postgres")]
    Postgres {
        tx: Transaction<'static, Postgres>,
        /// Whether statements stay prepared on the server; not behind a pooler, where the next
        /// transaction gets another server connection.
        persistent: bool,
    },
    #[cfg(feature = "sqlite")]
    Sqlite {
        tx: Transaction<'static, Sqlite>,
        /// Where a commit becomes durable, for one that may write.
        log: Option<Arc<Log>>,
    },
    /// For one statement, which reads.
    #[cfg(feature = "sqlite")]
    SqliteSingle(PoolConnection<Sqlite>),
}

/// Runs `$call` on the query bound for whichever database it is, mapping rows by `$wrap`.
macro_rules! run {
    ($connection:expr, $sql:expr, $args:expr, |$query:ident, $tx:ident, $row:ident| $call:expr) => {
        match &mut $connection.tx {
            #[cfg(feature = "postgres")]
            AnyTx::Postgres {
                tx: $tx,
                persistent,
            } => {
                #[allow(unused_imports, reason = "not every call makes rows")]
                use AnyRow::Postgres as $row;
                let $query = bound!($sql.postgres(), $args).persistent(*persistent);
                within(ANSWERED_WITHIN, $call).await
            }
            #[cfg(feature = "sqlite")]
            AnyTx::Sqlite { tx: $tx, .. } => {
                #[allow(unused_imports, reason = "not every call makes rows")]
                use AnyRow::Sqlite as $row;
                let $query = bound!($sql.sqlite(), $args);
                $call.await
            }
            #[cfg(feature = "sqlite")]
            AnyTx::SqliteSingle($tx) => {
                #[allow(unused_imports, reason = "not every call makes rows")]
                use AnyRow::Sqlite as $row;
                let $query = bound!($sql.sqlite(), $args);
                $call.await
            }
        }
    };
}

/// The query of one database with its values bound.
macro_rules! bound {
    ($text:expr, $args:expr) => {
        $args
            .into_iter()
            .fold(sqlx::query($text), |query, arg| match arg {
                Arg::Boolean(value) => query.bind(value),
                Arg::Bytes(value) => query.bind(value),
                Arg::Id(value) => query.bind(value),
                Arg::Integer(value) => query.bind(value),
                Arg::Json(value) => query.bind(value.map(sqlx::types::Json)),
                Arg::Real(value) => query.bind(value),
                Arg::Text(value) => query.bind(value),
            })
    };
}

impl Connection {
    #[cfg(feature = "postgres")]
    pub(crate) const fn postgres(tx: Transaction<'static, Postgres>, persistent: bool) -> Self {
        let tx = AnyTx::Postgres { tx, persistent };
        Self { tx, failed: false }
    }

    #[cfg(feature = "sqlite")]
    pub(crate) const fn sqlite(tx: Transaction<'static, Sqlite>, log: Option<Arc<Log>>) -> Self {
        let tx = AnyTx::Sqlite { tx, log };
        Self { tx, failed: false }
    }

    #[cfg(feature = "sqlite")]
    pub(crate) const fn sqlite_single(connection: PoolConnection<Sqlite>) -> Self {
        let tx = AnyTx::SqliteSingle(connection);
        Self { tx, failed: false }
    }

    pub(super) fn execute<'a>(&'a mut self, sql: &'a Sql, args: Args) -> Answer<'a, u64> {
        Box::pin(async move {
            let args = args.checked()?;
            let done = run!(self, sql, args, |query, tx, _Wrap| async {
                query
                    .execute(&mut **tx)
                    .await
                    .map(|done| done.rows_affected())
            });
            self.noting(done)
        })
    }

    pub(super) fn fetch_all<'a>(&'a mut self, sql: &'a Sql, args: Args) -> Answer<'a, Vec<Row>> {
        Box::pin(async move {
            let args = args.checked()?;
            let statement = sql.text();
            let rows = run!(self, sql, args, |query, tx, Wrap| async {
                let rows = query.fetch_all(&mut **tx).await?.into_iter();
                Ok::<_, sqlx::Error>(
                    rows.map(|row| Row::new(Wrap(row), statement))
                        .collect::<Vec<_>>(),
                )
            });
            self.noting(rows)
        })
    }

    pub(super) fn fetch_optional<'a>(
        &'a mut self,
        sql: &'a Sql,
        args: Args,
    ) -> Answer<'a, Option<Row>> {
        Box::pin(async move {
            let args = args.checked()?;
            let statement = sql.text();
            let row = run!(self, sql, args, |query, tx, Wrap| async {
                let row = query.fetch_optional(&mut **tx).await?;
                Ok::<_, sqlx::Error>(row.map(|row| Row::new(Wrap(row), statement)))
            });
            self.noting(row)
        })
    }

    pub(super) fn commit(self) -> Answer<'static, ()> {
        Box::pin(async move {
            if self.failed {
                return Err(Error::internal(
                    "database",
                    "a failed transaction was to be committed",
                ));
            }
            let committed = match self.tx {
                #[cfg(feature = "postgres")]
                AnyTx::Postgres { tx, .. } => within(ANSWERED_WITHIN, tx.commit()).await,
                #[cfg(feature = "sqlite")]
                AnyTx::Sqlite { tx, log } => match (tx.commit().await, log) {
                    (Ok(()), Some(log)) => log.settle().await.map_err(sqlx::Error::from),
                    (committed, _) => committed,
                },
                // It only read.
                #[cfg(feature = "sqlite")]
                AnyTx::SqliteSingle(_) => Ok(()),
            };
            committed.map_err(commit_error)
        })
    }

    fn noting<T>(&mut self, outcome: sqlx::Result<T>) -> Result<T> {
        self.failed |= outcome.is_err();
        outcome.map_err(db_error)
    }
}
