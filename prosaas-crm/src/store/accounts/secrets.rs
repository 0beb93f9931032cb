//! Secrets of a business's own, sealed under the installation's master key; written, used, never shown.

use prosaas_core::business::BusinessSecrets;
use prosaas_core::{AccountSid, Error, ExposeSecret, Result, SecretString, TenantId};
use serde_json::json;

use crate::auth::seal::{MasterKeys, Place, Sealed};
use crate::auth::{Permission, SystemScope, TenantScope};
use crate::model::access::{SecretHint, SecretName, SecretsOverview};
use crate::store::CrmStore;
use crate::store::db::{Change, Row, Sql, args};

const SET: Sql = Sql::both(
    "INSERT INTO business_secrets (tenant_id, name, sealed, hint, key_id, updated_at)
     VALUES ($1, $2, $3, $4, $5, $6)
     ON CONFLICT (tenant_id, name) DO UPDATE
     SET sealed = excluded.sealed, hint = excluded.hint, key_id = excluded.key_id,
         updated_at = excluded.updated_at",
);
const CLEAR: Sql = Sql::both("DELETE FROM business_secrets WHERE tenant_id = $1 AND name = $2");
const ALL: Sql = Sql::both(
    "SELECT tenant_id, name, sealed, hint, updated_at FROM business_secrets
     WHERE tenant_id = $1 ORDER BY name",
);
const ONE: Sql = Sql::both(
    "SELECT tenant_id, name, sealed FROM business_secrets WHERE tenant_id = $1 AND name = $2",
);
const ACCOUNT: Sql = Sql::both(
    "SELECT twilio_account_sid FROM businesses WHERE tenant_id = $1 AND deleted_at IS NULL",
);
const SET_ACCOUNT: Sql = Sql::both(
    "UPDATE businesses SET twilio_account_sid = $2, updated_at = $3, version = version + 1
     WHERE tenant_id = $1 AND deleted_at IS NULL",
);
const BY_ACCOUNT: Sql = Sql::both(
    "/* across tenants: the account of a webhook finds the key that verifies it, before anybody is known */
     SELECT business_secrets.tenant_id, business_secrets.name, business_secrets.sealed
     FROM businesses JOIN business_secrets ON business_secrets.tenant_id = businesses.tenant_id
     WHERE businesses.twilio_account_sid = $1 AND businesses.deleted_at IS NULL
       AND business_secrets.name = 'twilio_auth_token'
     ORDER BY business_secrets.tenant_id LIMIT 100",
);
const ANY_TOKEN: Sql = Sql::both(
    "/* across tenants: whether anything can verify a webhook, before anybody is known */
     SELECT 1 AS found FROM business_secrets WHERE name = 'twilio_auth_token' LIMIT 1",
);
/// The longest secret, in bytes.
const MAX_SECRET: usize = 512;
/// A secret this short has no last four characters to show.
const MIN_HINTED: usize = 12;

impl CrmStore {
    /// Sets a secret of the business.
    ///
    /// # Errors
    /// `Invalid` when it is none; `Unavailable` without a master key; `Forbidden`.
    pub async fn set_secret(
        &self,
        scope: &TenantScope,
        name: SecretName,
        secret: &SecretString,
    ) -> Result<()> {
        scope.require(Permission::KeysWrite)?;
        check_secret(secret)?;
        let keys = self.master_keys()?;
        let sealed = keys.seal(&place(scope.tenant(), name), secret)?;
        let mut tx = self.write(scope).await?;
        let values = args![
            name.as_str(),
            sealed.as_bytes(),
            hint(secret),
            keys.current_id().to_string(),
            self.now(),
        ];
        tx.execute(&SET, values).await?;
        let change = Change::new("secret.set", "secret", name.as_str());
        tx.record(change.without_event());
        tx.commit().await
    }

    /// Removes a secret of the business; the installation's is used again.
    ///
    /// # Errors
    /// `NotFound` when it is not set; `Forbidden`.
    pub async fn clear_secret(&self, scope: &TenantScope, name: SecretName) -> Result<()> {
        scope.require(Permission::KeysWrite)?;
        let mut tx = self.write(scope).await?;
        if tx.execute(&CLEAR, args![name.as_str()]).await? == 0 {
            return Err(Error::NotFound { what: "secret" });
        }
        let change = Change::new("secret.cleared", "secret", name.as_str());
        tx.record(change.without_event());
        tx.commit().await
    }

    /// Sets or clears the business's own Twilio account.
    ///
    /// # Errors
    /// `NotFound`; `Forbidden`.
    pub async fn set_twilio_account(
        &self,
        scope: &TenantScope,
        account: Option<&AccountSid>,
    ) -> Result<()> {
        scope.require(Permission::KeysWrite)?;
        let mut tx = self.write(scope).await?;
        let values = args![account.map(AccountSid::as_str), self.now()];
        if tx.execute(&SET_ACCOUNT, values).await? == 0 {
            return Err(Error::NotFound { what: "business" });
        }
        let detail = json!({"set": account.is_some()});
        let change = Change::new(
            "business.twilio_account_changed",
            "business",
            scope.tenant(),
        );
        tx.record(change.detail(detail));
        tx.commit().await
    }

    /// Which secrets are set, by their last characters.
    pub async fn secrets_overview(&self, scope: &TenantScope) -> Result<SecretsOverview> {
        let mut tx = self.read(scope).await?;
        let account = tx.fetch_one(&ACCOUNT, args![], "business").await?;
        let rows = tx.fetch_all(&ALL, args![]).await?;
        let read = |row: &Row| {
            Ok(SecretHint {
                name: row.parse("name")?,
                hint: row.get("hint")?,
                updated_at: row.get("updated_at")?,
            })
        };
        Ok(SecretsOverview {
            twilio_account: account.parse_optional("twilio_account_sid")?,
            set: rows.iter().map(read).collect::<Result<_>>()?,
        })
    }

    /// The secrets themselves, for our own calls to the vendors.
    pub(crate) async fn open_secrets(&self, scope: &TenantScope) -> Result<BusinessSecrets> {
        let mut tx = self.read(scope).await?;
        let rows = tx.fetch_all(&ALL, args![]).await?;
        drop(tx);
        let mut secrets = BusinessSecrets::default();
        for row in &rows {
            let place = match row.parse("name")? {
                SecretName::TwilioAuthToken => &mut secrets.twilio_auth_token,
                SecretName::OpenAiApiKey => &mut secrets.openai_api_key,
                // No call needs it.
                SecretName::WhatsAppCloudToken => continue,
            };
            *place = Some(open(self.master_keys()?, row)?);
        }
        Ok(secrets)
    }

    /// The auth tokens of the businesses that have this Twilio account: what a webhook that names it may
    /// be signed with, before the installation's own.
    pub async fn twilio_tokens_of_account(
        &self,
        scope: &SystemScope,
        account: &AccountSid,
    ) -> Result<Vec<(TenantId, SecretString)>> {
        let mut tx = self.system_read(scope).await?;
        let rows = tx.fetch_all(&BY_ACCOUNT, args![account.as_str()]).await?;
        drop(tx);
        let read = |row: &Row| Ok((row.id("tenant_id")?, open(self.master_keys()?, row)?));
        rows.iter().map(read).collect()
    }

    /// Whether any business has a Twilio auth token of its own.
    pub async fn has_twilio_tokens(&self, scope: &SystemScope) -> Result<bool> {
        let tx = self.system_look(scope).await?;
        let found = tx.fetch_optional(&ANY_TOKEN, args![]).await?;
        Ok(found.is_some())
    }

    /// The business's token to its number at Meta.
    pub async fn wa_cloud_token(
        &self,
        _finder: &SystemScope,
        tenant: TenantId,
    ) -> Result<Option<SecretString>> {
        let tx = self.look(&TenantScope::for_agent(tenant)).await?;
        let name = SecretName::WhatsAppCloudToken.as_str();
        let row = tx.fetch_optional(&ONE, args![name]).await?;
        row.map(|row| open(self.master_keys()?, &row)).transpose()
    }

    /// The auth token of a business, named by the path of a websocket's address: an upgrade carries no
    /// account.
    pub async fn twilio_token_of(
        &self,
        _finder: &SystemScope,
        tenant: TenantId,
    ) -> Result<Option<SecretString>> {
        let secrets = self.open_secrets(&TenantScope::for_agent(tenant)).await?;
        Ok(secrets.twilio_auth_token)
    }
}

fn open(keys: &MasterKeys, row: &Row) -> Result<SecretString> {
    let place = place(row.id("tenant_id")?, row.parse("name")?);
    keys.open(&place, &Sealed::from_bytes(row.get("sealed")?))
}

pub(super) const fn place(tenant: TenantId, name: SecretName) -> Place {
    Place {
        table: "business_secrets",
        column: name.as_str(),
        tenant: Some(tenant),
        row: tenant.uuid(),
    }
}

fn check_secret(secret: &SecretString) -> Result<()> {
    let text = secret.expose_secret();
    let is_token =
        !text.is_empty() && text.len() <= MAX_SECRET && text.chars().all(|c| c.is_ascii_graphic());
    if is_token {
        return Ok(());
    }
    Err(Error::invalid(
        "secret",
        "expected the key as the vendor shows it, without spaces",
    ))
}

fn hint(secret: &SecretString) -> &str {
    let text = secret.expose_secret();
    if text.len() < MIN_HINTED {
        return "";
    }
    text.get(text.len() - 4..).unwrap_or_default()
}
