//! What the library stores of a link, on our sealed records.

use std::sync::Arc;

use prosaas_core::{Clock, Error};
use tokio::sync::Mutex;
use whatsapp_rust::wacore::store::error::{Result, StoreError};

use super::vault::{Batch, Kind, Vault};

mod app;
mod protocol;
mod signal;
#[cfg(test)]
mod tests;

const DEVICE: Kind = Kind("device");
/// The one record of its kind.
const ONLY: &str = "";

/// The keys of one business's link, as the library asks for them.
pub(crate) struct Keys {
    vault: Vault,
    clock: Arc<dyn Clock>,
    /// Held by whoever reads a record in order to change it.
    changing: Mutex<()>,
}

impl Keys {
    pub(crate) fn new(vault: Vault, clock: Arc<dyn Clock>) -> Self {
        Self {
            vault,
            clock,
            changing: Mutex::default(),
        }
    }

    /// Seconds, as the library counts.
    fn now(&self) -> i64 {
        self.clock.now().0 / 1000
    }
}

/// Whether the stored device was linked, which an attempt that was given up was not.
pub(crate) async fn is_linked(vault: &Vault) -> prosaas_core::Result<bool> {
    use whatsapp_rust::wacore::store::Device;
    let device: Option<Device> = vault.get_json(DEVICE, ONLY).await?;
    Ok(device.is_some_and(|device| device.is_registered()))
}

/// Takes away everything that belongs to a link: the next one begins with new keys.
pub(crate) async fn forget(vault: &Vault) -> prosaas_core::Result<()> {
    let mut batch = Batch::default();
    let kinds = [&[DEVICE], signal::KINDS, app::KINDS, protocol::KINDS];
    for kind in kinds.into_iter().flatten() {
        for (id, _) in vault.list(*kind).await? {
            vault.delete(&mut batch, *kind, &id);
        }
    }
    vault.write(batch).await
}

fn store_error(error: Error) -> StoreError {
    StoreError::Database(Box::new(error))
}

/// One id of several parts; none of them holds a line break.
fn joined(parts: &[&str]) -> String {
    parts.join("\n")
}

fn seconds(value: &[u8]) -> Option<(i64, &[u8])> {
    let (seconds, rest) = value.split_first_chunk::<8>()?;
    Some((i64::from_be_bytes(*seconds), rest))
}

/// Bytes with the time at which they were put.
fn dated(seconds: i64, value: &[u8]) -> Vec<u8> {
    [seconds.to_be_bytes().as_slice(), value].concat()
}

impl Keys {
    async fn get(&self, kind: Kind, id: &str) -> Result<Option<Vec<u8>>> {
        self.vault.get(kind, id).await.map_err(store_error)
    }

    async fn put(&self, kind: Kind, id: &str, value: &[u8]) -> Result<()> {
        let put = self.vault.put_now(kind, id, value).await;
        put.map_err(store_error)
    }

    async fn delete(&self, kind: Kind, id: &str) -> Result<()> {
        self.vault.delete_now(kind, id).await.map_err(store_error)
    }

    /// Several records, to be put all or none.
    fn batch<I: AsRef<str>, V: AsRef<[u8]>>(
        &self,
        kind: Kind,
        records: impl IntoIterator<Item = (I, V)>,
    ) -> Result<Batch> {
        let mut batch = Batch::default();
        for (id, value) in records {
            self.vault
                .put(&mut batch, kind, id.as_ref(), value.as_ref())
                .map_err(store_error)?;
        }
        Ok(batch)
    }

    async fn write(&self, batch: Batch) -> Result<()> {
        self.vault.write(batch).await.map_err(store_error)
    }

    /// Takes away the records of a kind that `is_old` names; says how many.
    async fn sweep(&self, kind: Kind, is_old: impl Fn(&[u8]) -> bool + Send + Sync) -> Result<u32> {
        let records = self.vault.list(kind).await.map_err(store_error)?;
        let mut batch = Batch::default();
        let mut count = 0;
        for (id, _) in records.iter().filter(|(_, value)| is_old(value)) {
            self.vault.delete(&mut batch, kind, id);
            count += 1;
        }
        self.write(batch).await?;
        Ok(count)
    }

    async fn get_json<T: serde::de::DeserializeOwned>(
        &self,
        kind: Kind,
        id: &str,
    ) -> Result<Option<T>> {
        self.vault.get_json(kind, id).await.map_err(store_error)
    }

    async fn put_json(
        &self,
        kind: Kind,
        id: &str,
        value: &(impl serde::Serialize + Sync),
    ) -> Result<()> {
        let value = serde_json::to_vec(value)
            .map_err(|error| StoreError::Serialization(Box::new(error)))?;
        self.put(kind, id, &value).await
    }
}
