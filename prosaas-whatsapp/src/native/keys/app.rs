//! The account's settings as the phone shares them: keys, versions, and proofs of what was changed.

use async_trait::async_trait;
use whatsapp_rust::traits::{AppStateSyncKey, AppSyncStore};
use whatsapp_rust::wacore::appstate::hash::HashState;
use whatsapp_rust::wacore::appstate::processor::AppStateMutationMAC;
use whatsapp_rust::wacore::store::error::Result;

use super::{Keys, ONLY, joined, store_error};
use crate::native::vault::{Batch, Kind, hex};

const KEY: Kind = Kind("app-key");
const LATEST: Kind = Kind("app-key-latest");
const VERSION: Kind = Kind("app-version");
const PROOF: Kind = Kind("app-proof");

pub(super) const KINDS: &[Kind] = &[KEY, LATEST, VERSION, PROOF];

fn proof(name: &str, index: &[u8]) -> String {
    joined(&[name, &hex(index)])
}

#[async_trait]
impl AppSyncStore for Keys {
    async fn get_sync_key(&self, key_id: &[u8]) -> Result<Option<AppStateSyncKey>> {
        self.get_json(KEY, &hex(key_id)).await
    }

    async fn set_sync_key(&self, key_id: &[u8], key: AppStateSyncKey) -> Result<()> {
        let mut batch = Batch::default();
        let put = |batch: &mut Batch| {
            self.vault.put_json(batch, KEY, &hex(key_id), &key)?;
            self.vault.put(batch, LATEST, ONLY, key_id)
        };
        put(&mut batch).map_err(store_error)?;
        self.write(batch).await
    }

    async fn get_version(&self, name: &str) -> Result<HashState> {
        Ok(self.get_json(VERSION, name).await?.unwrap_or_default())
    }

    async fn set_version(&self, name: &str, state: HashState) -> Result<()> {
        self.put_json(VERSION, name, &state).await
    }

    async fn put_mutation_macs(
        &self,
        name: &str,
        _version: u64,
        mutations: &[AppStateMutationMAC],
    ) -> Result<()> {
        let records = mutations
            .iter()
            .map(|mutation| (proof(name, &mutation.index_mac), &mutation.value_mac));
        self.write(self.batch(PROOF, records)?).await
    }

    async fn get_mutation_mac(&self, name: &str, index_mac: &[u8]) -> Result<Option<Vec<u8>>> {
        self.get(PROOF, &proof(name, index_mac)).await
    }

    async fn delete_mutation_macs(&self, name: &str, index_macs: &[Vec<u8>]) -> Result<()> {
        let mut batch = Batch::default();
        for index in index_macs {
            self.vault.delete(&mut batch, PROOF, &proof(name, index));
        }
        self.write(batch).await
    }

    async fn clear_mutation_macs(&self, name: &str) -> Result<()> {
        let records = self.vault.list(PROOF).await.map_err(store_error)?;
        let first = joined(&[name, ""]);
        let mut batch = Batch::default();
        for (id, _) in records.iter().filter(|(id, _)| id.starts_with(&first)) {
            self.vault.delete(&mut batch, PROOF, id);
        }
        self.write(batch).await
    }

    async fn get_latest_sync_key_id(&self) -> Result<Option<Vec<u8>>> {
        self.get(LATEST, ONLY).await
    }
}
