//! What a host keeps for the backends, in memory.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use prosaas_core::message::{ChatAddress, OutboundId, OutboundMedia};
use prosaas_core::{Result, TenantId, UnixMillis};

use super::lock;
use crate::baileys::{FILES_PATH, SidecarHost};
use crate::cloud::{Claim, CloudAccount, CloudHost};

/// A [`SidecarHost`] in memory: every business's session is owned under epoch 1 until it is raised.
#[derive(Debug, Default)]
pub struct MemorySidecarHost {
    epochs: Mutex<HashMap<TenantId, u64>>,
    /// The highest epoch that was given out, which outlives a restore as time does.
    highest: AtomicU64,
    files: Mutex<HashMap<String, Bytes>>,
}

impl MemorySidecarHost {
    /// Restores the database from a backup of when this was the epoch.
    pub fn restore_epoch(&self, tenant: TenantId, epoch: u64) {
        lock(&self.epochs).insert(tenant, epoch);
    }
}

#[async_trait]
impl SidecarHost for MemorySidecarHost {
    async fn owner_epoch(&self, tenant: TenantId) -> Result<u64> {
        Ok(*lock(&self.epochs).entry(tenant).or_insert(1))
    }

    async fn raise_epoch(&self, tenant: TenantId) -> Result<u64> {
        let epoch = self.highest.fetch_add(1, Ordering::SeqCst) + 2;
        lock(&self.epochs).insert(tenant, epoch);
        Ok(epoch)
    }

    async fn note_epoch(&self, tenant: TenantId, epoch: u64) -> Result<()> {
        let mut epochs = lock(&self.epochs);
        let known = epochs.entry(tenant).or_insert(1);
        *known = epoch.max(*known);
        Ok(())
    }

    async fn shelve(
        &self,
        tenant: TenantId,
        id: &OutboundId,
        media: &OutboundMedia,
    ) -> Result<String> {
        let path = format!("{FILES_PATH}{tenant}/{}", id.0);
        lock(&self.files).insert(path.clone(), media.bytes.clone());
        Ok(path)
    }

    async fn shelved(&self, path: &str) -> Result<Option<Bytes>> {
        Ok(lock(&self.files).get(path).cloned())
    }
}

#[derive(Debug)]
struct Claimed {
    digest: [u8; 32],
    sent: bool,
}

/// A [`CloudHost`] in memory.
#[derive(Debug, Default)]
pub struct MemoryCloudHost {
    accounts: Mutex<HashMap<TenantId, CloudAccount>>,
    heard: Mutex<HashMap<(TenantId, ChatAddress), UnixMillis>>,
    claims: Mutex<HashMap<(TenantId, OutboundId), Claimed>>,
}

impl MemoryCloudHost {
    /// Configures a business's number.
    pub fn set_account(&self, tenant: TenantId, account: CloudAccount) {
        lock(&self.accounts).insert(tenant, account);
    }

    /// Notes that somebody wrote to the business.
    pub fn hear(&self, tenant: TenantId, chat: ChatAddress, at: UnixMillis) {
        let mut heard = lock(&self.heard);
        let newest = heard.entry((tenant, chat)).or_insert(at);
        *newest = at.max(*newest);
    }
}

#[async_trait]
impl CloudHost for MemoryCloudHost {
    async fn account(&self, tenant: TenantId) -> Result<Option<CloudAccount>> {
        Ok(lock(&self.accounts).get(&tenant).cloned())
    }

    async fn tenant_of(&self, phone_number_id: &str) -> Result<Option<TenantId>> {
        let accounts = lock(&self.accounts);
        let mut owners = accounts
            .iter()
            .filter(|(_, account)| account.phone_number_id == phone_number_id);
        Ok(owners.next().map(|(tenant, _)| *tenant))
    }

    async fn set_linked(&self, tenant: TenantId, linked: bool) -> Result<()> {
        if let Some(account) = lock(&self.accounts).get_mut(&tenant) {
            account.linked = linked;
        }
        Ok(())
    }

    async fn last_heard(&self, tenant: TenantId, chat: &ChatAddress) -> Result<Option<UnixMillis>> {
        Ok(lock(&self.heard).get(&(tenant, chat.clone())).copied())
    }

    async fn claim(&self, tenant: TenantId, id: &OutboundId, digest: [u8; 32]) -> Result<Claim> {
        let mut claims = lock(&self.claims);
        let claim = match claims.get(&(tenant, id.clone())) {
            Some(known) if known.digest != digest => Claim::Other,
            Some(known) if known.sent => Claim::Sent,
            Some(_) => Claim::InDoubt,
            None => Claim::New,
        };
        if claim == Claim::New {
            let claimed = Claimed {
                digest,
                sent: false,
            };
            claims.insert((tenant, id.clone()), claimed);
        }
        Ok(claim)
    }

    async fn settle(&self, tenant: TenantId, id: &OutboundId, sent: bool) -> Result<()> {
        let mut claims = lock(&self.claims);
        let key = (tenant, id.clone());
        if sent {
            if let Some(claimed) = claims.get_mut(&key) {
                claimed.sent = true;
            }
        } else {
            claims.remove(&key);
        }
        Ok(())
    }
}
