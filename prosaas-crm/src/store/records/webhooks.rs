//! Webhooks: where a business is told of events. Deliveries are another file's.

use prosaas_core::{Error, Result, TenantId};
use serde_json::json;

use super::rows::{below, expect_changed};
use super::{Record, any, at_version, moment, record_change, time};
use crate::auth::TenantScope;
use crate::auth::seal::{MasterKeys, Place};
use crate::model::id::WebhookId;
use crate::model::page::Page;
use crate::model::time::Time;
use crate::model::webhook::{MAX_WEBHOOKS, NewWebhook, Webhook, WebhookPatch};
use crate::store::CrmStore;
use crate::store::db::{Json, Row, Sql, TenantTx, args};
use crate::webhook::{TargetPolicy, WebhookSecret};

const LIST: Sql = Sql::both(
    "SELECT * FROM webhooks
     WHERE tenant_id = $1 AND deleted_at IS NULL AND (created_at, id) < ($2, $3)
     ORDER BY created_at DESC, id DESC LIMIT $4",
);
const COUNT: Sql =
    Sql::both("SELECT count(*) AS items FROM webhooks WHERE tenant_id = $1 AND deleted_at IS NULL");
const ADD: Sql = Sql::both(
    "INSERT INTO webhooks (tenant_id, id, url, events, active, secret_sealed, created_at, updated_at)
     VALUES ($1, $2, $3, $4, TRUE, $5, $6, $6)",
);
const UPDATE: Sql = Sql::both(
    "UPDATE webhooks SET url = $4, events = $5, active = $6, updated_at = $7, version = version + 1
     WHERE tenant_id = $1 AND id = $2 AND version = $3",
);
// Both secrets sign until the next rotation, so that the receiver may change over in his own time.
// The old one is sealed anew: a sealed value opens in its own column only.
const ROTATE: Sql = Sql::both(
    "UPDATE webhooks
     SET old_secret_sealed = $4, secret_sealed = $5, updated_at = $6, version = version + 1
     WHERE tenant_id = $1 AND id = $2 AND version = $3",
);
const SECRET: Sql =
    Sql::both("SELECT secret_sealed FROM webhooks WHERE tenant_id = $1 AND id = $2");
const MARK: Sql = Sql::both(
    "UPDATE webhooks SET deleted_at = $4, active = FALSE, updated_at = $4, version = version + 1
     WHERE tenant_id = $1 AND id = $2 AND version = $3",
);

impl CrmStore {
    /// Adds a webhook; its secret is shown this once.
    ///
    /// # Errors
    /// `Invalid`; `Conflict` `too-many`.
    pub async fn add_webhook(
        &self,
        scope: &TenantScope,
        keys: &MasterKeys,
        (new, policy): (NewWebhook, TargetPolicy),
    ) -> Result<(Webhook, WebhookSecret)> {
        let new = new.checked(policy)?;
        let secret = WebhookSecret::generate()?;
        let mut tx = self.write(scope).await?;
        tx.lock_business().await?;
        let row = tx.fetch_one(&COUNT, args![], "business").await?;
        if row.get::<u64>("items")? >= MAX_WEBHOOKS {
            return Err(Error::Conflict {
                what: "too-many",
                detail: format!("there are {MAX_WEBHOOKS} already"),
            });
        }
        let now = self.now();
        let id = WebhookId::mint(now);
        let sealed = keys.seal(&place(&tx, id, "secret_sealed"), &secret.expose())?;
        let events = Json(json!(new.events));
        let values = args![id.uuid(), new.url, events, sealed.as_bytes(), now];
        tx.execute(&ADD, values).await?;
        let webhook: Webhook = any(&mut tx, id).await?;
        record_change(&mut tx, "webhook.created", &webhook);
        tx.commit().await?;
        Ok((webhook, secret))
    }

    /// A webhook.
    ///
    /// # Errors
    /// `NotFound` when the business has none such.
    pub async fn webhook(&self, scope: &TenantScope, id: WebhookId) -> Result<Webhook> {
        self.find(scope, id).await
    }

    /// Webhooks, the newest first.
    pub async fn webhooks(
        &self,
        scope: &TenantScope,
        page: Page<WebhookId>,
    ) -> Result<Vec<Webhook>> {
        let (at, id) = below(&page);
        let values = args![at, id, page.capped_limit()];
        let rows = self.look(scope).await?.fetch_all(&LIST, values).await?;
        rows.iter().map(Webhook::read).collect()
    }

    /// Changes a webhook that is still at version `expected`.
    ///
    /// # Errors
    /// `Invalid`; `NotFound`; `Conflict` `version-conflict`.
    pub async fn update_webhook(
        &self,
        scope: &TenantScope,
        id: WebhookId,
        expected: u64,
        (patch, policy): (WebhookPatch, TargetPolicy),
    ) -> Result<Webhook> {
        let mut tx = self.write(scope).await?;
        let before: Webhook = at_version(&mut tx, id, expected).await?;
        let after = patch.apply(before, policy)?;
        let events = Json(json!(after.events));
        let values = args![
            id.uuid(),
            expected,
            after.url,
            events,
            after.active,
            self.now()
        ];
        expect_changed(tx.execute(&UPDATE, values).await?)?;
        let webhook: Webhook = any(&mut tx, id).await?;
        record_change(&mut tx, "webhook.updated", &webhook);
        tx.commit().await?;
        Ok(webhook)
    }

    /// A new secret for a webhook, shown this once. The old one signs beside it until the next time.
    ///
    /// # Errors
    /// `NotFound`; `Internal` when the old secret was sealed under a key that is gone.
    pub async fn rotate_webhook_secret(
        &self,
        scope: &TenantScope,
        keys: &MasterKeys,
        id: WebhookId,
    ) -> Result<(Webhook, WebhookSecret)> {
        let secret = WebhookSecret::generate()?;
        let mut tx = self.write(scope).await?;
        let before: Webhook = super::live(&mut tx, id).await?;
        let row = tx.fetch_one(&SECRET, args![id.uuid()], "webhook").await?;
        let sealed = crate::auth::seal::Sealed::from_bytes(row.get("secret_sealed")?);
        let current = place(&tx, id, "secret_sealed");
        let old = keys.open(&current, &sealed)?;
        let old = keys.seal(&place(&tx, id, "old_secret_sealed"), &old)?;
        let new = keys.seal(&current, &secret.expose())?;
        let (old, new) = (old.as_bytes(), new.as_bytes());
        let values = args![id.uuid(), before.version, old, new, self.now()];
        expect_changed(tx.execute(&ROTATE, values).await?)?;
        let webhook: Webhook = any(&mut tx, id).await?;
        record_change(&mut tx, "webhook.rotated", &webhook);
        tx.commit().await?;
        Ok((webhook, secret))
    }

    /// Removes a webhook; what was delivered to it stays to be looked at.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` `version-conflict`.
    pub async fn delete_webhook(
        &self,
        scope: &TenantScope,
        id: WebhookId,
        expected: u64,
    ) -> Result<()> {
        let mut tx = self.write(scope).await?;
        let webhook: Webhook = at_version(&mut tx, id, expected).await?;
        let values = args![id.uuid(), expected, self.now()];
        expect_changed(tx.execute(&MARK, values).await?)?;
        record_change(&mut tx, "webhook.deleted", &webhook);
        tx.commit().await
    }
}

fn place(tx: &TenantTx, id: WebhookId, column: &'static str) -> Place {
    place_of(tx.tenant(), id, column)
}

/// Where a webhook's secret is sealed for.
pub(crate) const fn place_of(tenant: TenantId, id: WebhookId, column: &'static str) -> Place {
    Place {
        table: "webhooks",
        column,
        tenant: Some(tenant),
        row: id.uuid(),
    }
}

impl Record for Webhook {
    type Id = WebhookId;
    const NAME: &'static str = "webhook";
    const ONE: Sql = Sql::both("SELECT * FROM webhooks WHERE tenant_id = $1 AND id = $2");

    fn read(row: &Row) -> Result<Self> {
        Ok(Self {
            id: row.id("id")?,
            url: row.get("url")?,
            events: row.json("events")?,
            active: row.get("active")?,
            created_at: moment(row, "created_at")?,
            updated_at: moment(row, "updated_at")?,
            deleted_at: time(row, "deleted_at")?,
            version: row.get("version")?,
        })
    }

    fn id(&self) -> WebhookId {
        self.id
    }

    fn version(&self) -> u64 {
        self.version
    }

    fn deleted_at(&self) -> Option<Time> {
        self.deleted_at
    }
}
