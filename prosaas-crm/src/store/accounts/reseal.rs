//! Everything sealed, under the newest master key: after a rotation, on a live system.

use prosaas_core::{Result, TenantId};
use uuid::Uuid;

use super::{secrets, totp};
use crate::auth::SystemScope;
use crate::auth::seal::{MasterKeys, Place, Sealed};
use crate::model::access::SecretName;
use crate::model::id::UserId;
#[cfg(feature = "webhooks")]
use crate::model::id::WebhookId;
use crate::store::CrmStore;
use crate::store::db::{Row, Sql, SystemTx, args};
#[cfg(feature = "push")]
use crate::store::push::key_place;
#[cfg(feature = "webhooks")]
use crate::store::records::webhook_place;

/// Rows read, and sealed again, in one transaction: calls and sign-ins wait for no more than that.
const BATCH: u32 = 200;

const SECRETS: Sql = Sql::both(
    "/* across tenants: after a rotation every business's secrets are sealed again */
     SELECT tenant_id, name, sealed FROM business_secrets
     WHERE (tenant_id, name) > ($1, $2) ORDER BY tenant_id, name LIMIT $3",
);
const SEAL_SECRET: Sql = Sql::both(
    "UPDATE business_secrets SET sealed = $3, key_id = $4
     WHERE tenant_id = $1 AND name = $2 AND sealed = $5",
);
const AUTHENTICATORS: Sql = Sql::both(
    "SELECT id, totp_sealed FROM users WHERE totp_sealed IS NOT NULL AND id > $1 ORDER BY id LIMIT $2",
);
const SEAL_AUTHENTICATOR: Sql =
    Sql::both("UPDATE users SET totp_sealed = $2 WHERE id = $1 AND totp_sealed = $3");
#[cfg(feature = "push")]
const PUSH_KEY: Sql = Sql::both("SELECT sealed FROM push_keys");
#[cfg(feature = "push")]
const SEAL_PUSH_KEY: Sql = Sql::both("UPDATE push_keys SET sealed = $1 WHERE sealed = $2");
#[cfg(feature = "webhooks")]
const WEBHOOKS: Sql = Sql::both(
    "/* across tenants: after a rotation every business's secrets are sealed again */
     SELECT tenant_id, id, secret_sealed, old_secret_sealed FROM webhooks
     WHERE (tenant_id, id) > ($1, $2) ORDER BY tenant_id, id LIMIT $3",
);
#[cfg(feature = "webhooks")]
const SEAL_WEBHOOK: Sql = Sql::both(
    "UPDATE webhooks SET secret_sealed = $3 WHERE tenant_id = $1 AND id = $2 AND secret_sealed = $4",
);
#[cfg(feature = "webhooks")]
const SEAL_OLD_WEBHOOK: Sql = Sql::both(
    "UPDATE webhooks SET old_secret_sealed = $3
     WHERE tenant_id = $1 AND id = $2 AND old_secret_sealed = $4",
);

/// What sealed values were found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seals {
    /// Under the current key.
    pub current: u64,
    /// Under an older key that is still here.
    pub older: u64,
    /// Sealed again under the current key, of the older ones.
    pub resealed: u64,
    /// Under a key that is not here, or damaged: nobody can use them.
    pub unreadable: u64,
}

/// What is done about a value under an older key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    /// Nothing, it is counted.
    Count,
    /// It is sealed again.
    Reseal,
}

impl CrmStore {
    /// Seals everything again that is not under the current master key, a few rows at a time, so that calls
    /// and sign-ins go on. A value that does not open stays as it is and stops nothing.
    ///
    /// # Errors
    /// `Conflict` `master-key-missing`; `Unavailable`.
    pub async fn reseal(&self, scope: &SystemScope) -> Result<Seals> {
        self.walk_seals(scope, Purpose::Reseal).await
    }

    /// Looks at everything that is sealed, and changes nothing.
    ///
    /// # Errors
    /// `Conflict` `master-key-missing`; `Unavailable`.
    pub async fn count_seals(&self, scope: &SystemScope) -> Result<Seals> {
        self.walk_seals(scope, Purpose::Count).await
    }

    async fn walk_seals(&self, scope: &SystemScope, purpose: Purpose) -> Result<Seals> {
        let walk = &mut Walk {
            keys: self.master_keys()?,
            purpose,
            seals: Seals::default(),
        };
        let mut next = Some((Uuid::nil(), String::new()));
        while let Some(after) = next {
            let mut tx = self.walk_tx(scope, purpose).await?;
            next = walk.secrets(&mut tx, after).await?;
            tx.commit().await?;
        }
        let mut next = Some(Uuid::nil());
        while let Some(after) = next {
            let mut tx = self.walk_tx(scope, purpose).await?;
            next = walk.authenticators(&mut tx, after).await?;
            tx.commit().await?;
        }
        #[cfg(feature = "webhooks")]
        {
            let mut next = Some((Uuid::nil(), Uuid::nil()));
            while let Some(after) = next {
                let mut tx = self.walk_tx(scope, purpose).await?;
                next = walk.webhooks(&mut tx, after).await?;
                tx.commit().await?;
            }
        }
        #[cfg(feature = "push")]
        {
            let mut tx = self.walk_tx(scope, purpose).await?;
            walk.push_key(&mut tx).await?;
            tx.commit().await?;
        }
        Ok(walk.seals)
    }

    async fn walk_tx(&self, scope: &SystemScope, purpose: Purpose) -> Result<SystemTx> {
        match purpose {
            Purpose::Count => self.system_read(scope).await,
            Purpose::Reseal => self.system_write(scope).await,
        }
    }
}

/// A walk over everything sealed; each step takes one batch and says where the next one begins.
struct Walk<'a> {
    keys: &'a MasterKeys,
    purpose: Purpose,
    seals: Seals,
}

impl Walk<'_> {
    async fn secrets(
        &mut self,
        tx: &mut SystemTx,
        (tenant, name): (Uuid, String),
    ) -> Result<Option<(Uuid, String)>> {
        let rows = tx.fetch_all(&SECRETS, args![tenant, name, BATCH]).await?;
        for row in &rows {
            let (tenant, name): (TenantId, SecretName) = (row.id("tenant_id")?, row.parse("name")?);
            let Some((new, old)) = self.anew(row, "sealed", &secrets::place(tenant, name))? else {
                continue;
            };
            let key = self.keys.current_id().to_string();
            let values = args![
                tenant.uuid(),
                name.as_str(),
                new.as_bytes(),
                key,
                old.as_bytes(),
            ];
            self.seals.resealed += tx.execute(&SEAL_SECRET, values).await?;
        }
        following(&rows, |row| Ok((row.get("tenant_id")?, row.get("name")?)))
    }

    async fn authenticators(&mut self, tx: &mut SystemTx, after: Uuid) -> Result<Option<Uuid>> {
        let rows = tx.fetch_all(&AUTHENTICATORS, args![after, BATCH]).await?;
        for row in &rows {
            let user: UserId = row.id("id")?;
            let place = totp::place(user);
            if let Some((new, old)) = self.anew(row, "totp_sealed", &place)? {
                let values = args![user.uuid(), new.as_bytes(), old.as_bytes()];
                self.seals.resealed += tx.execute(&SEAL_AUTHENTICATOR, values).await?;
            }
        }
        following(&rows, |row| row.get("id"))
    }

    #[cfg(feature = "webhooks")]
    async fn webhooks(
        &mut self,
        tx: &mut SystemTx,
        (tenant, id): (Uuid, Uuid),
    ) -> Result<Option<(Uuid, Uuid)>> {
        let rows = tx.fetch_all(&WEBHOOKS, args![tenant, id, BATCH]).await?;
        for row in &rows {
            let (tenant, id): (TenantId, WebhookId) = (row.id("tenant_id")?, row.id("id")?);
            for (column, statement) in [
                ("secret_sealed", &SEAL_WEBHOOK),
                ("old_secret_sealed", &SEAL_OLD_WEBHOOK),
            ] {
                let place = webhook_place(tenant, id, column);
                if let Some((new, old)) = self.anew(row, column, &place)? {
                    let values = args![tenant.uuid(), id.uuid(), new.as_bytes(), old.as_bytes()];
                    self.seals.resealed += tx.execute(statement, values).await?;
                }
            }
        }
        following(&rows, |row| Ok((row.get("tenant_id")?, row.get("id")?)))
    }

    /// There is one at most.
    #[cfg(feature = "push")]
    async fn push_key(&mut self, tx: &mut SystemTx) -> Result<()> {
        for row in &tx.fetch_all(&PUSH_KEY, args![]).await? {
            if let Some((new, old)) = self.anew(row, "sealed", &key_place())? {
                let values = args![new.as_bytes(), old.as_bytes()];
                self.seals.resealed += tx.execute(&SEAL_PUSH_KEY, values).await?;
            }
        }
        Ok(())
    }

    /// Counts the value of a column; what it is to be and what it was, when it is to be sealed again.
    fn anew(
        &mut self,
        row: &Row,
        column: &'static str,
        place: &Place,
    ) -> Result<Option<(Sealed, Sealed)>> {
        let Some(old) = row.get::<Option<Vec<u8>>>(column)?.map(Sealed::from_bytes) else {
            return Ok(None);
        };
        let Ok(secret) = self.keys.open(place, &old) else {
            self.seals.unreadable += 1;
            return Ok(None);
        };
        if !self.keys.is_outdated(&old) {
            self.seals.current += 1;
            return Ok(None);
        }
        self.seals.older += 1;
        match self.purpose {
            Purpose::Count => Ok(None),
            Purpose::Reseal => Ok(Some((self.keys.seal(place, &secret)?, old))),
        }
    }
}

/// Where the next batch begins; nowhere when this one was not full.
fn following<K>(rows: &[Row], key: impl Fn(&Row) -> Result<K>) -> Result<Option<K>> {
    match rows.last() {
        Some(last) if rows.len() >= BATCH as usize => key(last).map(Some),
        _ => Ok(None),
    }
}
