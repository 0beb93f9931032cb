//! Fresh databases for tests.

use std::path::PathBuf;
use std::sync::Arc;

use prosaas_core::UnixMillis;
use prosaas_core::time::ManualClock;
use prosaas_crm::CrmStore;
use tempfile::TempDir;

/// When the tests' clock stands.
pub(crate) const NOW: UnixMillis = UnixMillis(1_750_000_000_000);

/// A directory of its own that goes away with it.
#[derive(Debug)]
pub(crate) struct Scratch(TempDir);

impl Scratch {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// The location of a database file in this directory.
    pub(crate) fn location(&self, name: &str) -> String {
        format!("sqlite:{}", self.path(name).display())
    }

    pub(crate) async fn open(&self, name: &str) -> CrmStore {
        CrmStore::open(&self.location(name), Arc::new(ManualClock::at(NOW)))
            .await
            .unwrap()
    }
}
