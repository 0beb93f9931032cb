//! SQLite: one file, a connection that writes, a few that read beside it.
//!
//! Each change takes the write lock at its beginning (`BEGIN IMMEDIATE`), so no change is decided on
//! what another one is about to alter.

mod backup;
mod location;
mod log;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use prosaas_core::{Error, Result};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};

use tokio::task::JoinSet;

use self::location::Location;
pub(crate) use self::log::Log;
use super::db::{Access, Connection, cannot_open, db_error, migrations};
use super::options::StoreOptions;

/// Reading needs few connections: reads are short, and more would only compete for two cores.
const READERS: u32 = 4;
/// More than there are statements, so that each is parsed once a connection.
const STATEMENT_CACHE: usize = 1_000;

/// What each reader keeps of the file: 512 KiB instead of 2 MiB. What it reads again comes from the system's cache,
/// which all of them share; their own would only grow with the file, up to the bound, reader by reader.
const READER_CACHE: &str = "-512";

/// The log is folded beside the work ([`Log`]); from this many pages of 4 KiB on, as after a large import, by whoever
/// writes.
const FOLDED_BY_WRITERS: &str = "16000";

/// One file: a pool of one connection that writes, and a few that read beside it.
#[derive(Debug)]
pub(crate) struct SqliteDatabase {
    writer: SqlitePool,
    readers: SqlitePool,
    log: Arc<Log>,
    /// Folds the log; ends with the database.
    _folding: JoinSet<()>,
}

impl SqliteDatabase {
    /// Opens the file, creating it and its directory when they are missing, and migrates it to this
    /// version's schema. A new file is readable by its owner alone.
    pub(crate) async fn open(options: &StoreOptions) -> Result<Self> {
        let location: Location = options.url().parse()?;
        let patience = options.how_patient();
        let path = location.path();
        location
            .create_if_missing()
            .map_err(|error| unusable(path, error))?;
        let writer = writer_pool(path, patience);
        let readers = reader_pool(path, patience);
        migrate(&writer)
            .await
            .map_err(|error| unusable(path, error))?;
        // A file that may only be read opens well and fails at the first change: better here.
        let probe = writer.begin_with("BEGIN IMMEDIATE").await;
        let rolled_back = match probe {
            Ok(tx) => tx.rollback().await,
            Err(error) => Err(error),
        };
        rolled_back.map_err(|error| unusable(path, error))?;
        let log = Log::open(path).map_err(|error| unusable(path, error))?;
        let log = Arc::new(log);
        let mut folding = JoinSet::new();
        folding.spawn(Arc::clone(&log).keep_folding(readers.clone(), writer.clone()));
        Ok(Self {
            writer,
            readers,
            log,
            _folding: folding,
        })
    }

    /// A change takes the write lock at its beginning, so it decides on nothing that another one is
    /// about to alter; a read sees one moment of the write-ahead log.
    pub(crate) async fn begin(&self, access: Access) -> Result<Connection> {
        let connection = match access {
            Access::Single => self.readers.acquire().await.map(Connection::sqlite_single),
            Access::Read => {
                let tx = self.readers.begin().await;
                tx.map(|tx| Connection::sqlite(tx, None))
            }
            Access::Write => {
                let tx = self.writer.begin_with("BEGIN IMMEDIATE").await;
                tx.map(|tx| Connection::sqlite(tx, Some(Arc::clone(&self.log))))
            }
        };
        connection.map_err(db_error)
    }

    /// Waits for running statements and closes the file, folding the write-ahead log into it.
    pub(crate) async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

async fn migrate(writer: &SqlitePool) -> Result<(), sqlx::migrate::MigrateError> {
    let mut connection = writer.acquire().await?;
    // The plain `run` is generic over a lifetime in a way that makes callers' futures not `Send`.
    migrations::sqlite()
        .run_direct(None, &mut *connection, false)
        .await
}

fn unusable(path: &Path, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    let sentence = format!(
        "the database file `{}` cannot be opened for reading and writing; it must be a database of \
         this or an earlier version, and this user must be able to write it and its directory",
        path.display()
    );
    cannot_open(sentence, source)
}

/// `patience` is how long a connection waits for a lock of another process, such as a backup.
fn options(path: &Path, patience: Duration) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Normal)
        .pragma("wal_autocheckpoint", FOLDED_BY_WRITERS)
        .foreign_keys(true)
        .busy_timeout(patience)
        .statement_cache_capacity(STATEMENT_CACHE)
}

/// `patience` is how long a change waits for the writer before it is answered with `Unavailable`.
fn pool(connections: u32, patience: Duration) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(patience)
        // A local file does not go away: connections are neither aged nor probed.
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
}

fn writer_pool(path: &Path, patience: Duration) -> SqlitePool {
    pool(1, patience).connect_lazy_with(options(path, patience))
}

fn reader_pool(path: &Path, patience: Duration) -> SqlitePool {
    let reading = options(path, patience)
        .pragma("query_only", "ON")
        .pragma("cache_size", READER_CACHE);
    pool(READERS, patience).connect_lazy_with(reading)
}
