//! Ratchets, identities, pre-keys and sender keys, and the device itself.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use whatsapp_rust::traits::{DeviceStore, SignalStore};
use whatsapp_rust::wacore::store::Device;
use whatsapp_rust::wacore::store::error::{Result, StoreError};

use super::{DEVICE, Keys, ONLY, store_error};
use crate::native::vault::Kind;

const IDENTITY: Kind = Kind("identity");
const SESSION: Kind = Kind("session");
const PRE_KEY: Kind = Kind("pre-key");
const SIGNED: Kind = Kind("signed-pre-key");
const SENDER_KEY: Kind = Kind("sender-key");

pub(super) const KINDS: &[Kind] = &[IDENTITY, SESSION, PRE_KEY, SIGNED, SENDER_KEY];

fn number(id: &str) -> Option<u32> {
    id.parse().ok()
}

#[async_trait]
impl SignalStore for Keys {
    async fn put_identity(&self, address: &str, key: [u8; 32]) -> Result<()> {
        self.put(IDENTITY, address, &key).await
    }

    async fn put_identities_batch(&self, identities: &[(Arc<str>, [u8; 32])]) -> Result<()> {
        let records = identities.iter().map(|(address, key)| (address, key));
        self.write(self.batch(IDENTITY, records)?).await
    }

    async fn load_identity(&self, address: &str) -> Result<Option<[u8; 32]>> {
        let Some(key) = self.get(IDENTITY, address).await? else {
            return Ok(None);
        };
        let key = key.try_into().map_err(|_| {
            StoreError::Validation("expected an identity key of 32 bytes".to_owned())
        })?;
        Ok(Some(key))
    }

    async fn delete_identity(&self, address: &str) -> Result<()> {
        self.delete(IDENTITY, address).await
    }

    async fn get_session(&self, address: &str) -> Result<Option<Bytes>> {
        Ok(self.get(SESSION, address).await?.map(Bytes::from))
    }

    async fn put_session(&self, address: &str, session: &[u8]) -> Result<()> {
        self.put(SESSION, address, session).await
    }

    async fn put_sessions_batch(&self, sessions: &[(Arc<str>, Bytes)]) -> Result<()> {
        let records = sessions.iter().map(|(address, session)| (address, session));
        self.write(self.batch(SESSION, records)?).await
    }

    async fn delete_session(&self, address: &str) -> Result<()> {
        self.delete(SESSION, address).await
    }

    async fn store_prekey(&self, id: u32, record: &[u8], _uploaded: bool) -> Result<()> {
        self.put(PRE_KEY, &id.to_string(), record).await
    }

    async fn store_prekeys_batch(&self, keys: &[(u32, Bytes)], _uploaded: bool) -> Result<()> {
        let records = keys.iter().map(|(id, record)| (id.to_string(), record));
        self.write(self.batch(PRE_KEY, records)?).await
    }

    async fn load_prekey(&self, id: u32) -> Result<Option<Bytes>> {
        Ok(self.get(PRE_KEY, &id.to_string()).await?.map(Bytes::from))
    }

    /// Nothing asks whether a key was uploaded; that a key which was used stays away is what counts.
    async fn mark_prekeys_uploaded(&self, _ids: &[u32]) -> Result<()> {
        Ok(())
    }

    async fn remove_prekey(&self, id: u32) -> Result<()> {
        self.delete(PRE_KEY, &id.to_string()).await
    }

    async fn get_max_prekey_id(&self) -> Result<u32> {
        let keys = self.vault.list(PRE_KEY).await.map_err(store_error)?;
        let ids = keys.iter().filter_map(|(id, _)| number(id));
        Ok(ids.max().unwrap_or(0))
    }

    async fn store_signed_prekey(&self, id: u32, record: &[u8]) -> Result<()> {
        self.put(SIGNED, &id.to_string(), record).await
    }

    async fn load_signed_prekey(&self, id: u32) -> Result<Option<Vec<u8>>> {
        self.get(SIGNED, &id.to_string()).await
    }

    async fn load_all_signed_prekeys(&self) -> Result<Vec<(u32, Vec<u8>)>> {
        let keys = self.vault.list(SIGNED).await.map_err(store_error)?;
        let keys = keys
            .into_iter()
            .filter_map(|(id, record)| Some((number(&id)?, record)));
        Ok(keys.collect())
    }

    async fn remove_signed_prekey(&self, id: u32) -> Result<()> {
        self.delete(SIGNED, &id.to_string()).await
    }

    async fn put_sender_key(&self, address: &str, record: &[u8]) -> Result<()> {
        self.put(SENDER_KEY, address, record).await
    }

    async fn put_sender_keys_batch(&self, sender_keys: &[(Arc<str>, Bytes)]) -> Result<()> {
        let records = sender_keys
            .iter()
            .map(|(address, record)| (address, record));
        self.write(self.batch(SENDER_KEY, records)?).await
    }

    async fn get_sender_key(&self, address: &str) -> Result<Option<Vec<u8>>> {
        self.get(SENDER_KEY, address).await
    }

    async fn delete_sender_key(&self, address: &str) -> Result<()> {
        self.delete(SENDER_KEY, address).await
    }
}

#[async_trait]
impl DeviceStore for Keys {
    async fn save(&self, device: &Device) -> Result<()> {
        self.put_json(DEVICE, ONLY, device).await
    }

    async fn load(&self) -> Result<Option<Device>> {
        self.get_json(DEVICE, ONLY).await
    }

    async fn exists(&self) -> Result<bool> {
        Ok(self.get(DEVICE, ONLY).await?.is_some())
    }

    /// A link has one device; it is there once it is saved.
    async fn create(&self) -> Result<i32> {
        Ok(1)
    }
}
