//! The write-ahead log: many commits made durable by one wait for the disk, and folding it into the file beside
//! the work.
//!
//! With `synchronous = FULL` SQLite waits for the disk inside each commit, while nobody else can write, and every
//! thousandth page it copies the log into the file there too. Here a commit only writes (`NORMAL`), lets the next one
//! go on, and then waits in [`Log::settle`] until the log is on the disk: whoever comes first syncs it for all who
//! committed until then. `docs/decisions/0017-commits-share-the-disk.md` says what holds after a power loss.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use sqlx::SqlitePool;
use tokio::sync::{Mutex, Notify};

/// After so many commits the log is folded. One of ours changes some ten pages, so the log stays at a few MiB.
const FOLD_EVERY: u64 = 200;

/// Copies what it can of the log into the file; waits for no reader and no writer.
const FOLD: &str = "PRAGMA wal_checkpoint(PASSIVE)";

/// The write-ahead log of an open database.
#[derive(Debug)]
pub(crate) struct Log {
    file: File,
    committed: AtomicU64,
    /// The last commit known to be on the disk. Who holds it is syncing.
    durable: Mutex<u64>,
    is_broken: AtomicBool,
    due: Notify,
}

impl Log {
    /// The log beside the file at `path`, which a connection has open: SQLite keeps it at least as long.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let mut name = path.as_os_str().to_owned();
        name.push("-wal");
        Ok(Self {
            file: File::open(Path::new(&name))?,
            committed: AtomicU64::new(0),
            durable: Mutex::new(0),
            is_broken: AtomicBool::new(false),
            due: Notify::new(),
        })
    }

    /// Called after a commit: returns when it is on the disk.
    ///
    /// # Errors
    /// When the disk refused. What it kept is unknown from then on (Linux forgets the pages it could not write),
    /// so every later commit is refused too, until the file is opened anew.
    pub(crate) async fn settle(self: &Arc<Self>) -> io::Result<()> {
        let mine = self.committed.fetch_add(1, Ordering::AcqRel) + 1;
        if mine.is_multiple_of(FOLD_EVERY) {
            self.due.notify_one();
        }
        let mut durable = self.durable.lock().await;
        if *durable < mine {
            let reaches = self.committed.load(Ordering::Acquire);
            let log = Arc::clone(self);
            tokio::task::spawn_blocking(move || log.sync())
                .await
                .map_err(io::Error::other)??;
            *durable = reaches;
        }
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        if self.is_broken.load(Ordering::Acquire) {
            return Err(io::Error::other("the disk refused an earlier change"));
        }
        self.file
            .sync_data()
            .inspect_err(|_| self.is_broken.store(true, Ordering::Release))
    }

    /// Folds the log whenever it is due, until aborted.
    pub(super) async fn keep_folding(self: Arc<Self>, readers: SqlitePool, writer: SqlitePool) {
        loop {
            self.due.notified().await;
            // The bulk beside those who write. Then the rest in the place of one of them: only a log that is folded
            // whole is begun anew, and under load each commit would lengthen it.
            for pool in [&readers, &writer] {
                // What fails now, as when the file is being closed, is folded another time.
                let _later = sqlx::query(FOLD).execute(pool).await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log() -> (tempfile::TempDir, Arc<Log>) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("some.db");
        File::create(directory.path().join("some.db-wal")).unwrap();
        let log = Log::open(&path).unwrap();
        (directory, Arc::new(log))
    }

    #[tokio::test]
    async fn who_comes_first_syncs_for_all_who_committed() {
        let (_directory, log) = log();
        let held = log.durable.lock().await;
        let mut waiting = tokio::task::JoinSet::new();
        for _ in 0..50 {
            let log = Arc::clone(&log);
            waiting.spawn(async move { log.settle().await });
        }
        while log.committed.load(Ordering::Acquire) < 50 {
            tokio::task::yield_now().await;
        }
        drop(held);
        waiting.join_next().await.unwrap().unwrap().unwrap();
        assert_eq!(*log.durable.lock().await, 50);
        for settled in waiting.join_all().await {
            settled.unwrap();
        }
    }

    #[tokio::test]
    async fn after_a_refusal_of_the_disk_nothing_is_said_to_be_stored() {
        let (_directory, log) = log();
        log.settle().await.unwrap();
        log.is_broken.store(true, Ordering::Release);
        let refused = log.settle().await.unwrap_err();
        assert_eq!(refused.to_string(), "the disk refused an earlier change");
    }
}
