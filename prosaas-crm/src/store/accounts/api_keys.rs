//! API keys of a business: shown once, stored as a hash.

use prosaas_core::{Error, Result};
use serde_json::json;

use crate::auth::token::{ApiKey, KeyEnvironment};
use crate::auth::{Permission, Permissions, SystemScope, TenantScope};
use crate::model::access::{ApiKeyInfo, NewApiKey};
use crate::model::id::{ApiKeyId, UserId};
use crate::store::CrmStore;
use crate::store::db::{Change, Json, Row, Sql, TenantTx, args};

/// More than a small business has programs.
const MAX_KEYS: u64 = 100;
/// A key is noted as used once a minute, not at every request.
const USED_MS: i64 = 60 * 1000;

const ADD: Sql = Sql::both(
    "INSERT INTO api_keys (tenant_id, id, name, secret_hash, scopes, created_by, created_at, expires_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
);
const COUNT: Sql =
    Sql::both("SELECT COUNT(*) AS keys FROM api_keys WHERE tenant_id = $1 AND revoked_at IS NULL");
const LIST: Sql = Sql::both(
    "SELECT * FROM api_keys WHERE tenant_id = $1 ORDER BY created_at DESC, id DESC LIMIT 200",
);
const ONE: Sql = Sql::both("SELECT * FROM api_keys WHERE tenant_id = $1 AND id = $2");
const REVOKE: Sql = Sql::both(
    "UPDATE api_keys SET revoked_at = $3, version = version + 1
     WHERE tenant_id = $1 AND id = $2 AND revoked_at IS NULL AND ($4 IS NULL OR version = $4)",
);
const PROVE: Sql = Sql::both(
    "/* across tenants: the key's secret is the proof, this finds out whose it is */
     SELECT api_keys.tenant_id, api_keys.scopes, api_keys.used_at, api_keys.secret_hash
     FROM api_keys JOIN businesses ON businesses.tenant_id = api_keys.tenant_id
     WHERE api_keys.id = $1 AND api_keys.secret_hash = $2 AND api_keys.revoked_at IS NULL
       AND (api_keys.expires_at IS NULL OR api_keys.expires_at > $3)
       AND businesses.deleted_at IS NULL AND businesses.status = 'active'",
);
const STILL: Sql = Sql::both(
    "SELECT api_keys.scopes FROM api_keys
     JOIN businesses ON businesses.tenant_id = api_keys.tenant_id
     WHERE api_keys.tenant_id = $1 AND api_keys.id = $2 AND api_keys.revoked_at IS NULL
       AND (api_keys.expires_at IS NULL OR api_keys.expires_at > $3)
       AND businesses.deleted_at IS NULL AND businesses.status = 'active'",
);
const USED: Sql = Sql::both("UPDATE api_keys SET used_at = $3 WHERE tenant_id = $1 AND id = $2");

impl CrmStore {
    /// Makes a key. It can be shown now and never again.
    ///
    /// # Errors
    /// `Conflict` with `too-many-keys`; `Forbidden`, also for a scope that a key never has.
    pub async fn create_api_key(
        &self,
        scope: &TenantScope,
        new: &NewApiKey,
        environment: KeyEnvironment,
    ) -> Result<(ApiKey, ApiKeyInfo)> {
        scope.require(Permission::KeysWrite)?;
        require_key_scopes(scope, new.scopes)?;
        let now = self.now();
        let mut tx = self.write(scope).await?;
        tx.lock_business().await?;
        let row = tx.fetch_one(&COUNT, args![], "business").await?;
        if row.get::<u64>("keys")? >= MAX_KEYS {
            return Err(Error::Conflict {
                what: "too-many-keys",
                detail: format!("a business has at most {MAX_KEYS}"),
            });
        }
        let key = ApiKey::generate(environment, ApiKeyId::mint(now))?;
        let words: Vec<_> = new.scopes.iter().map(Permission::as_str).collect();
        let created_by = scope.actor().user().map(UserId::uuid);
        let values = args![
            key.id.uuid(),
            &new.name,
            key.hash().as_bytes(),
            Json(json!(words)),
            created_by,
            now,
            new.expires_at,
        ];
        tx.execute(&ADD, values).await?;
        let change = Change::new("api_key.created", "api_key", key.id);
        tx.record(change.detail(json!({"scopes": words})));
        let info = read_one(&mut tx, key.id).await?;
        tx.commit().await?;
        Ok((key, info))
    }

    /// The keys of the business, the newest first, revoked ones among them.
    pub async fn api_keys(&self, scope: &TenantScope) -> Result<Vec<ApiKeyInfo>> {
        let tx = self.look(scope).await?;
        let rows = tx.fetch_all(&LIST, args![]).await?;
        rows.iter().map(read_key).collect()
    }

    /// One key.
    pub async fn api_key(&self, scope: &TenantScope, key: ApiKeyId) -> Result<ApiKeyInfo> {
        read_one(&mut self.read(scope).await?, key).await
    }

    /// Revokes a key; its next request is refused.
    ///
    /// # Errors
    /// `NotFound` also for one that was revoked already; `Conflict` with `version-conflict`; `Forbidden`.
    pub async fn revoke_api_key(
        &self,
        scope: &TenantScope,
        key: ApiKeyId,
        expected: Option<u64>,
    ) -> Result<()> {
        scope.require(Permission::KeysWrite)?;
        let mut tx = self.write(scope).await?;
        let values = args![key.uuid(), self.now(), expected];
        if tx.execute(&REVOKE, values).await? == 0 {
            let info = read_one(&mut tx, key).await?;
            if info.revoked_at.is_some() {
                return Err(Error::NotFound { what: "api key" });
            }
            return Err(Error::Conflict {
                what: "version-conflict",
                detail: format!("the key is at version {}", info.version),
            });
        }
        tx.record(Change::new("api_key.revoked", "api_key", key));
        tx.commit().await
    }

    /// What a key proved before may do by now; `None` when it has ended.
    pub async fn api_key_still(
        &self,
        scope: &TenantScope,
        key: ApiKeyId,
    ) -> Result<Option<TenantScope>> {
        let tx = self.look(scope).await?;
        let row = tx
            .fetch_optional(&STILL, args![key.uuid(), self.now()])
            .await?;
        row.map(|row| {
            Ok(TenantScope::for_api_key(
                scope.tenant(),
                key,
                read_scopes(&row)?,
            ))
        })
        .transpose()
    }

    /// Whose key it is and what it may do, as of now.
    pub async fn prove_api_key(&self, key: &ApiKey) -> Result<Option<TenantScope>> {
        let now = self.now();
        let mut tx = self.system_read(&SystemScope::for_installation()).await?;
        let values = args![key.id.uuid(), key.hash().as_bytes(), now];
        let Some(row) = tx.fetch_optional(&PROVE, values).await? else {
            return Ok(None);
        };
        drop(tx);
        let scope = TenantScope::for_api_key(row.id("tenant_id")?, key.id, read_scopes(&row)?);
        let used_at: Option<prosaas_core::UnixMillis> = row.get("used_at")?;
        if used_at.is_none_or(|at| now.since(at) >= USED_MS) {
            let mut tx = self.write(&scope).await?;
            tx.execute(&USED, args![key.id.uuid(), now]).await?;
            tx.commit().await?;
        }
        Ok(Some(scope))
    }
}

/// A key has no more rights than its maker, and never those over members and keys.
fn require_key_scopes(scope: &TenantScope, wanted: Permissions) -> Result<()> {
    for never in [Permission::KeysWrite, Permission::UsersWrite] {
        if wanted.contains(never) {
            let expected = format!("a key never has `{never}`");
            return Err(Error::invalid("scopes", expected));
        }
    }
    wanted
        .iter()
        .try_for_each(|permission| scope.require(permission))
}

async fn read_one(tx: &mut TenantTx, key: ApiKeyId) -> Result<ApiKeyInfo> {
    let row = tx.fetch_one(&ONE, args![key.uuid()], "api key").await?;
    read_key(&row)
}

fn read_key(row: &Row) -> Result<ApiKeyInfo> {
    Ok(ApiKeyInfo {
        id: row.id("id")?,
        name: row.get("name")?,
        scopes: read_scopes(row)?,
        created_by: row.optional_id("created_by")?,
        created_at: row.get("created_at")?,
        expires_at: row.get("expires_at")?,
        used_at: row.get("used_at")?,
        revoked_at: row.get("revoked_at")?,
        version: row.get("version")?,
    })
}

/// A word that this version does not know gives no right.
fn read_scopes(row: &Row) -> Result<Permissions> {
    let words: Vec<String> = row.json("scopes")?;
    Ok(words.iter().filter_map(|word| word.parse().ok()).collect())
}
