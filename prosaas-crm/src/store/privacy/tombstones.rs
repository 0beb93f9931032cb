//! Keyed hashes of what was erased, kept in the database and, for the day on which an older backup is
//! restored, outside of it.

use std::fmt;

use async_trait::async_trait;
use hmac::{Hmac, KeyInit as _, Mac as _};
use prosaas_core::{CallId, E164, Error, LeadId, Result, TenantId, UnixMillis};
use sha2::Sha256;

use crate::auth::random::random_bytes;
use crate::model::privacy::Tombstone;
use crate::store::db::{Sql, TenantTx, args};

const ADD: Sql = Sql::both(
    "INSERT INTO erasures (tenant_id, value_hash, erased_at) VALUES ($1, $2, $3)
     ON CONFLICT (tenant_id, value_hash) DO UPDATE SET erased_at = excluded.erased_at
      WHERE erasures.erased_at < excluded.erased_at",
);

/// The installation's key for hashes of what was erased. Lives outside of the database; does not print.
pub struct ErasureKey([u8; 32]);

impl ErasureKey {
    /// The key with these bytes.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes of a new key.
    ///
    /// # Errors
    /// `Internal` when the system gives no random bytes.
    pub fn generate() -> Result<[u8; 32]> {
        random_bytes()
    }

    /// The hash of a value of a kind in a business.
    pub(super) fn hash(&self, tenant: TenantId, kind: &str, value: &str) -> Result<[u8; 32]> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0)
            .map_err(|error| Error::internal("erasure key", error))?;
        let tenant = tenant.uuid();
        for part in [
            tenant.as_bytes().as_slice(),
            kind.as_bytes(),
            value.as_bytes(),
        ] {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        Ok(mac.finalize().into_bytes().into())
    }

    /// The hash of a lead's id.
    pub(super) fn lead(&self, tenant: TenantId, lead: LeadId) -> Result<[u8; 32]> {
        self.hash(tenant, "lead", &lead.to_string())
    }

    /// The hash of a phone number: what a caller left elsewhere is found by it.
    ///
    /// # Errors
    /// None that can happen.
    pub fn number(&self, tenant: TenantId, number: &E164) -> Result<[u8; 32]> {
        self.hash(tenant, "e164", number.expose())
    }

    /// The hash of a call's id: files of calls are found by it.
    ///
    /// # Errors
    /// None that can happen.
    pub fn call(&self, tenant: TenantId, call: CallId) -> Result<[u8; 32]> {
        self.hash(tenant, "call", &call.to_string())
    }
}

impl fmt::Debug for ErasureKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ErasureKey")
    }
}

/// Keeps tombstones outside of the database.
#[async_trait]
pub trait TombstoneKeeper: Send + Sync {
    /// Keeps these, durably: what is erased is erased only after this has returned.
    ///
    /// # Errors
    /// When they could not be written; then nothing is erased.
    async fn keep(&self, tombstones: &[Tombstone]) -> Result<()>;
}

/// Keeps tombstones in the database, so that later backups have them.
pub(super) async fn store(
    tx: &mut TenantTx,
    hashes: &[[u8; 32]],
    erased_at: UnixMillis,
) -> Result<()> {
    for hash in hashes {
        tx.execute(&ADD, args![hash, erased_at]).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_depends_on_key_business_kind_and_value() {
        let (one, two) = (ErasureKey::new([1; 32]), ErasureKey::new([2; 32]));
        let tenant = TenantId::mint(UnixMillis(1));
        let hash = |key: &ErasureKey, tenant, kind, value| key.hash(tenant, kind, value).unwrap();
        let known = hash(&one, tenant, "e164", "+972500000001");
        assert_eq!(known, hash(&one, tenant, "e164", "+972500000001"));
        assert_ne!(known, hash(&two, tenant, "e164", "+972500000001"));
        assert_ne!(
            known,
            hash(&one, TenantId::mint(UnixMillis(2)), "e164", "+972500000001")
        );
        assert_ne!(known, hash(&one, tenant, "e16", "4+972500000001"));
        assert_eq!(format!("{one:?}"), "ErasureKey");
    }
}
