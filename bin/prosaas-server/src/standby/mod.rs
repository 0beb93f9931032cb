//! The database as a call sees it: what is known from before answers while the database does not, and what
//! the call leaves then waits in a file.
//!
//! A call asks here instead of asking the store. An answer is waited for as long as `PROSAAS_CALL_DATABASE_MS`
//! says, once: from then on the database is away, everybody is answered at once from `book::Book`, and one
//! task (`drain`) asks whether it is back. Writes of a call that already waits in a file go there as well,
//! so that they keep their order.

mod book;
mod calls;
mod drain;
mod entry;
mod known;
mod spool;

use std::fmt;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use prosaas_core::{CallId, Clock, Error, ErrorClass, UnixMillis};
use prosaas_crm::CrmStore;
use tokio::sync::Notify;

pub use calls::Earlier;
pub(crate) use drain::run;
pub use spool::FOLDER;

use book::Book;
use entry::Entry;
use spool::Spool;

use crate::calls::FoundCall;
use crate::metrics::Metrics;

/// The pause before a failure that may pass is tried once more.
const PAUSE: Duration = Duration::from_millis(50);

/// How patient calls are, and how much may wait.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How long a call waits for the database before it goes on without it.
    pub patience: Duration,
    /// How many bytes of files may wait for the database.
    pub bytes: u64,
}

/// What stands beside the store.
pub struct Standby {
    store: Arc<CrmStore>,
    clock: Arc<dyn Clock>,
    metrics: Arc<Metrics>,
    patience: Duration,
    data_dir: PathBuf,
    spool: Spool,
    book: Mutex<Book>,
    /// Told when the drain has something to do.
    work: Notify,
}

impl fmt::Debug for Standby {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Standby")
            .field("book", &self.book)
            .finish_non_exhaustive()
    }
}

/// Where a write went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Written<T> {
    /// Into the database.
    Stored(T),
    /// Into a file, to be stored when the database is back.
    Kept,
}

impl Standby {
    /// Opens what earlier processes left in the data directory.
    ///
    /// # Errors
    /// When its files cannot be listed.
    pub fn open(
        data_dir: &Path,
        limits: Limits,
        store: Arc<CrmStore>,
        clock: Arc<dyn Clock>,
        metrics: Arc<Metrics>,
    ) -> std::io::Result<Self> {
        let spool = Spool::new(data_dir);
        let mut book = Book::new(limits.bytes);
        for found in spool.scan()? {
            book.found(found.tenant, found.call, found.bytes);
        }
        let standby = Self {
            store,
            clock,
            metrics,
            patience: limits.patience,
            data_dir: data_dir.to_owned(),
            spool,
            book: Mutex::new(book),
            work: Notify::new(),
        };
        standby.metrics.database_up(true);
        standby.show_size();
        Ok(standby)
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        // A panic while the lock was held left a memory that says less or more, and nothing that breaks.
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> UnixMillis {
        self.clock.now()
    }

    /// The store itself, for what cannot be done without it.
    pub(crate) const fn store(&self) -> &Arc<CrmStore> {
        &self.store
    }

    /// Whether the database is away, as far as is known.
    pub fn is_away(&self) -> bool {
        self.book().away_since().is_some()
    }

    /// Whether something of the call waits for the database: the rows of the call are not its newest state.
    pub fn is_pending(&self, call: CallId) -> bool {
        self.book().is_pending(call)
    }

    /// How many calls wait for the database.
    pub fn waiting(&self) -> usize {
        self.book().size().0
    }

    /// Asks the store, unless it is away. A failure that may pass is tried once more; an answer that does
    /// not come in time, or a second failure, means that it is away.
    async fn ask<T, F>(&self, question: impl Fn() -> F + Send + Sync) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Error>> + Send,
        T: Send,
    {
        if self.is_away() {
            return Err(Error::unavailable("database", "it did not answer before"));
        }
        self.try_asking(question).await.inspect_err(|error| {
            if is_away(error) {
                self.gone(error);
            }
        })
    }

    /// Asks the store whether it is away or not.
    async fn try_asking<T, F>(&self, question: impl Fn() -> F + Send + Sync) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Error>> + Send,
        T: Send,
    {
        let asked = async {
            match question().await {
                Err(error) if is_away(&error) => {
                    pause().await;
                    question().await
                }
                answer => answer,
            }
        };
        let answer = tokio::time::timeout(self.patience, asked).await;
        answer.unwrap_or_else(|late| Err(Error::unavailable("database", late)))
    }

    fn gone(&self, error: &Error) {
        let now = self.now();
        if self.book().gone(now) {
            self.metrics.database_up(false);
            tracing::error!(
                error = %error.chain(),
                "the database does not answer; calls go on without it"
            );
        }
        self.work.notify_one();
    }

    fn back(&self) {
        let now = self.now();
        let since = self.book().back();
        if let Some(since) = since {
            self.metrics.database_up(true);
            tracing::warn!(away_ms = now.since(since), "the database answers again");
        }
    }

    /// Writes something of a call into the store, or into the call's file when the store is away or has not
    /// yet got what the call left before.
    async fn write<T, F>(
        &self,
        record: &FoundCall,
        entry: Entry,
        into_store: impl Fn() -> F + Send + Sync,
    ) -> Result<Written<T>, Error>
    where
        F: Future<Output = Result<T, Error>> + Send,
        T: Send,
    {
        let written = if self.is_pending(record.id) {
            None
        } else {
            match self.ask(into_store).await {
                Ok(stored) => Some(stored),
                Err(error) if is_away(&error) => None,
                Err(error) => return Err(error),
            }
        };
        let now = self.now();
        if let Some(stored) = written {
            self.book().happened(record, &entry, now);
            return Ok(Written::Stored(stored));
        }
        self.keep(record, &entry).await?;
        self.book().happened(record, &entry, now);
        Ok(Written::Kept)
    }

    /// Adds an entry to a call's file; it is on the disk when this returns.
    async fn keep(&self, record: &FoundCall, entry: &Entry) -> Result<(), Error> {
        let (tenant, call) = (record.tenant, record.id);
        let (head, line) = (entry::head(record)?, entry.to_line()?);
        let bytes = line.len() as u64;
        let Some(pending) = self.book().reserve(tenant, call, bytes) else {
            self.metrics.write_behind("full");
            tracing::error!(
                %call, ?entry,
                "something of a call is lost: the database is away and PROSAAS_WRITE_BEHIND_KB is used up"
            );
            let full =
                "what calls left while the database was away uses up PROSAAS_WRITE_BEHIND_KB";
            return Err(Error::unavailable("write-behind", full));
        };
        let held = Arc::clone(&pending.file).lock_owned().await;
        let spool = self.spool.clone();
        let appended = tokio::task::spawn_blocking(move || {
            let _held = held;
            spool.append((tenant, call), &head, &line)
        })
        .await;
        let appended = appended.unwrap_or_else(|panic| Err(std::io::Error::other(panic)));
        self.book().wrote(call, bytes, appended.is_ok());
        self.show_size();
        self.work.notify_one();
        match appended {
            Ok(()) => {
                self.metrics.write_behind("kept");
                Ok(())
            }
            Err(error) => {
                self.metrics.write_behind("failed");
                tracing::error!(
                    %call, ?entry, error = %error.kind(),
                    "something of a call is lost: the database is away and the file cannot be written"
                );
                Err(Error::unavailable("write-behind", error))
            }
        }
    }

    fn show_size(&self) {
        let (calls, bytes) = self.book().size();
        self.metrics.write_behind_size(calls, bytes);
    }
}

/// Whether an error means that the store cannot be asked.
pub fn is_away(error: &Error) -> bool {
    error.class() == ErrorClass::Retry
}

#[expect(clippy::disallowed_methods, reason = "back-off between two tries")]
async fn pause() {
    tokio::time::sleep(PAUSE).await;
}
