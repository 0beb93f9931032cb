//! Where a business's keys and queues lie: a trait for the host's own storage, and one in memory for tests.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use prosaas_core::{Result, TenantId};

/// A record that is put or taken away.
#[derive(Clone, PartialEq, Eq)]
pub struct Change {
    /// The record's place: its kind, a slash, and a name that says nothing.
    pub place: String,
    /// Its bytes, already sealed; `None` takes the record away.
    pub value: Option<Vec<u8>>,
}

impl fmt::Debug for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Change")
            .field("place", &self.place)
            .field("bytes", &self.value.as_ref().map(Vec::len))
            .finish()
    }
}

/// Keeps the records of businesses' links. The host implements it on its own storage, or takes
/// [`FolderLinkStore`](super::FolderLinkStore).
///
/// Everything it is given was sealed before: it sees neither keys nor people. Never restore it from a backup
/// that is older than its last use: the ratchets of open conversations would turn back.
#[async_trait]
pub trait LinkStore: Send + Sync + 'static {
    /// The record at a place.
    ///
    /// # Errors
    /// When it cannot be read: that is not the same as being absent.
    async fn get(&self, tenant: TenantId, place: &str) -> Result<Option<Vec<u8>>>;

    /// The records whose places begin with `prefix`, by their places in ascending order.
    ///
    /// # Errors
    /// When they cannot be read.
    async fn list(&self, tenant: TenantId, prefix: &str) -> Result<Vec<(String, Vec<u8>)>>;

    /// Makes all of these changes or none; when this returns `Ok` they survive the end of the process and of the
    /// machine.
    ///
    /// # Errors
    /// When nothing was changed.
    async fn write(&self, tenant: TenantId, changes: Vec<Change>) -> Result<()>;

    /// Takes away everything of a business.
    async fn erase(&self, tenant: TenantId) -> Result<()>;

    /// The businesses that have records.
    async fn tenants(&self) -> Result<Vec<TenantId>>;
}

/// A [`LinkStore`] that forgets with the process: for tests.
#[derive(Default)]
pub struct MemoryLinkStore {
    records: Mutex<HashMap<TenantId, BTreeMap<String, Vec<u8>>>>,
}

impl fmt::Debug for MemoryLinkStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryLinkStore").finish_non_exhaustive()
    }
}

impl MemoryLinkStore {
    fn lock(&self) -> MutexGuard<'_, HashMap<TenantId, BTreeMap<String, Vec<u8>>>> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes changes in a map of records.
pub(super) fn apply(records: &mut BTreeMap<String, Vec<u8>>, changes: Vec<Change>) {
    for Change { place, value } in changes {
        match value {
            Some(value) => records.insert(place, value),
            None => records.remove(&place),
        };
    }
}

/// The records of a map whose places begin with `prefix`.
pub(super) fn beginning_with(
    records: &BTreeMap<String, Vec<u8>>,
    prefix: &str,
) -> Vec<(String, Vec<u8>)> {
    records
        .range(prefix.to_owned()..)
        .take_while(|(place, _)| place.starts_with(prefix))
        .map(|(place, value)| (place.clone(), value.clone()))
        .collect()
}

#[async_trait]
impl LinkStore for MemoryLinkStore {
    async fn get(&self, tenant: TenantId, place: &str) -> Result<Option<Vec<u8>>> {
        let records = self.lock();
        Ok(records.get(&tenant).and_then(|of| of.get(place)).cloned())
    }

    async fn list(&self, tenant: TenantId, prefix: &str) -> Result<Vec<(String, Vec<u8>)>> {
        let records = self.lock();
        Ok(records
            .get(&tenant)
            .map(|of| beginning_with(of, prefix))
            .unwrap_or_default())
    }

    async fn write(&self, tenant: TenantId, changes: Vec<Change>) -> Result<()> {
        apply(self.lock().entry(tenant).or_default(), changes);
        Ok(())
    }

    async fn erase(&self, tenant: TenantId) -> Result<()> {
        self.lock().remove(&tenant);
        Ok(())
    }

    async fn tenants(&self) -> Result<Vec<TenantId>> {
        Ok(self.lock().keys().copied().collect())
    }
}
