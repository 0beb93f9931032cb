//! The embedded backend: one SQLite file.
//!
//! One connection writes, each change in a transaction that takes the write lock at its beginning
//! (`BEGIN IMMEDIATE`), so no change is decided on what another one is about to alter. A few
//! connections read beside it from the write-ahead log. Every statement is a constant; the test
//! `statements` checks that each names its tenant.

mod businesses;
mod calls;
mod database;
mod error;
mod jobs;
mod leads;
mod location;
mod recordings;
mod row;
mod tenant_store;
mod tokens;
mod transcripts;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use prosaas_core::{CallId, Clock, Error, Result, TenantId};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{Sqlite, Transaction};

pub(super) use self::database::SqliteDatabase;
use self::error::{cannot_open, db_error};
use self::location::Location;

/// How long a connection waits for a lock of another process, such as a backup.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a change waits for the writer before it is answered with `Unavailable`.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(10);
/// Reading needs few connections: reads are short, and more would only compete for two cores.
const READERS: u32 = 4;

/// A change in progress on the writing connection; dropped without a commit, it never happened.
type Tx = Transaction<'static, Sqlite>;

/// The CRM in one SQLite file.
///
/// Cheap to share behind an `Arc`. Dropping it without [`SqliteStore::close`] loses nothing that was
/// acknowledged.
#[derive(Debug)]
pub struct SqliteStore {
    writer: SqlitePool,
    readers: SqlitePool,
    clock: Arc<dyn Clock>,
}

impl SqliteStore {
    /// Opens the file, creating it and its directory when they are missing, and migrates it to this
    /// version's schema. A new file is readable by its owner alone.
    ///
    /// `location` is a path, or `sqlite:PATH` as in `DATABASE_URL`.
    ///
    /// # Errors
    /// `Invalid` when `location` names no file; `Unavailable`, with a sentence that names the path, when
    /// the file cannot be written, is no database, or comes from a newer version.
    pub async fn open(location: &str, clock: Arc<dyn Clock>) -> Result<Self> {
        let location: Location = location.parse()?;
        let path = location.path();
        location
            .create_if_missing()
            .map_err(|error| cannot_open(path, error))?;
        let store = Self {
            writer: writer_pool(path),
            readers: reader_pool(path),
            clock,
        };
        store
            .migrate()
            .await
            .map_err(|error| cannot_open(path, error))?;
        // A file that may only be read opens well and fails at the first change: better here.
        let probe = store
            .begin()
            .await
            .map_err(|error| cannot_open(path, error))?;
        probe
            .rollback()
            .await
            .map_err(|error| cannot_open(path, error))?;
        Ok(store)
    }

    /// Waits for running statements and closes the file, folding the write-ahead log into it.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }

    async fn migrate(&self) -> Result<(), sqlx::migrate::MigrateError> {
        sqlx::migrate!("migrations/sqlite").run(&self.writer).await
    }

    async fn begin(&self) -> Result<Tx> {
        self.writer
            .begin_with("BEGIN IMMEDIATE")
            .await
            .map_err(db_error)
    }
}

/// Commits: from here on the change survives a power loss.
async fn commit(tx: Tx) -> Result<()> {
    tx.commit().await.map_err(db_error)
}

fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(BUSY_TIMEOUT)
}

fn pool(connections: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        // A local file does not go away: connections are neither aged nor probed.
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
}

fn writer_pool(path: &Path) -> SqlitePool {
    pool(1).connect_lazy_with(options(path))
}

fn reader_pool(path: &Path) -> SqlitePool {
    pool(READERS).connect_lazy_with(options(path).pragma("query_only", "ON"))
}

const BUSINESS_EXISTS: &str = "SELECT 1 FROM businesses WHERE tenant_id = ?1";
const CALL_EXISTS: &str = "SELECT 1 FROM calls WHERE tenant_id = ?1 AND id = ?2";

/// `NotFound` unless the business exists.
async fn require_business(tx: &mut Tx, tenant: TenantId) -> Result<()> {
    let found = sqlx::query(BUSINESS_EXISTS)
        .bind(tenant.uuid())
        .fetch_optional(&mut **tx)
        .await
        .map_err(db_error)?;
    found.map(drop).ok_or(Error::NotFound { what: "business" })
}

/// `NotFound` unless the tenant has the call.
async fn require_call<'e>(
    executor: impl sqlx::Executor<'e, Database = Sqlite>,
    tenant: TenantId,
    call: CallId,
) -> Result<()> {
    let found = sqlx::query(CALL_EXISTS)
        .bind(tenant.uuid())
        .bind(call.uuid())
        .fetch_optional(executor)
        .await
        .map_err(db_error)?;
    found.map(drop).ok_or(Error::NotFound { what: "call" })
}
