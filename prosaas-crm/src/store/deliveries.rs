//! Deliveries to webhooks. They come to be with the events they tell of.

use prosaas_core::{Error, Result, UnixMillis};
use serde_json::json;
use uuid::Uuid;

#[cfg(all(feature = "auth", feature = "webhooks"))]
use prosaas_core::ExposeSecret as _;

use super::CrmStore;
use super::db::{Change, Json, Row, Sql, args};
use crate::auth::TenantScope;
#[cfg(all(feature = "auth", feature = "webhooks"))]
use crate::auth::seal::{Place, Sealed};
use crate::model::delivery::{
    Attempt, Delivery, DeliveryState, DueDelivery, MAX_REPLAY, ReplayWindow,
};
use crate::model::id::{DeliveryId, WebhookId};
use crate::model::job::JobWork;
use crate::model::time::Time;
#[cfg(all(feature = "auth", feature = "webhooks"))]
use crate::webhook::{SigningSecrets, WebhookSecret};

/// The longest reason that is kept, in characters.
const MAX_REASON: usize = 200;
/// The kind of an event that did not happen.
const TEST_EVENT: &str = "webhook.test";

const WEBHOOK_EXISTS: Sql =
    Sql::both("SELECT 1 FROM webhooks WHERE tenant_id = $1 AND id = $2 AND deleted_at IS NULL");
const SWITCH_OFF: Sql = Sql::both(
    "UPDATE webhooks SET active = $3, updated_at = $4, version = version + 1
     WHERE tenant_id = $1 AND id = $2",
);
const DELIVERIES: Sql = Sql::both(
    "SELECT * FROM webhook_deliveries
     WHERE tenant_id = $1 AND webhook_id = $2 AND (created_at, id) < ($3, $4)
       AND ($5 IS NULL OR state = $5)
     ORDER BY created_at DESC, id DESC LIMIT $6",
);
const DELIVERY: Sql =
    Sql::both("SELECT * FROM webhook_deliveries WHERE tenant_id = $1 AND id = $2");
const DUE: Sql = Sql::both(
    "SELECT d.*, w.url, w.secret_sealed, w.old_secret_sealed
     FROM webhook_deliveries AS d
     JOIN webhooks AS w ON w.tenant_id = d.tenant_id AND w.id = d.webhook_id
     WHERE d.tenant_id = $1 AND d.id = $2 AND d.state = 'pending' AND w.active
       AND w.deleted_at IS NULL",
);
const NOTE_ATTEMPT: Sql = Sql::both(
    "UPDATE webhook_deliveries
     SET attempts = attempts + 1, state = $3, last_status = $4, last_error = $5, delivered_at = $6
     WHERE tenant_id = $1 AND id = $2 AND state = 'pending'",
);
const REPLAY: Sql = Sql::both(
    "UPDATE webhook_deliveries SET state = 'pending', attempts = 0, delivered_at = NULL
     WHERE tenant_id = $1 AND id = $2 AND webhook_id = $3 AND state <> 'pending'",
);

const WEBHOOK_IS_ON: Sql = Sql::both(
    "SELECT active FROM webhooks WHERE tenant_id = $1 AND id = $2 AND deleted_at IS NULL",
);
const ADD: Sql = Sql::both(
    "INSERT INTO webhook_deliveries (tenant_id, id, webhook_id, kind, payload, state, created_at)
     VALUES ($1, $2, $3, $4, $5, 'pending', $6)",
);
const WINDOW: Sql = Sql::both(
    "SELECT id FROM webhook_deliveries
     WHERE tenant_id = $1 AND webhook_id = $2 AND created_at >= $3 AND created_at < $4
       AND state <> 'pending' AND ($5 IS NULL OR state = $5)
     ORDER BY created_at, id LIMIT $6",
);

impl CrmStore {
    /// A webhook's deliveries, the newest first.
    ///
    /// # Errors
    /// `NotFound` when there is no such webhook.
    pub async fn deliveries(
        &self,
        scope: &TenantScope,
        webhook: WebhookId,
        state: Option<DeliveryState>,
        after: Option<(UnixMillis, DeliveryId)>,
        limit: u32,
    ) -> Result<Vec<Delivery>> {
        let mut tx = self.read(scope).await?;
        let known = args![webhook.uuid()];
        tx.require(&WEBHOOK_EXISTS, known, "webhook").await?;
        let (at, id) = after.map_or((UnixMillis(i64::MAX), Uuid::max()), |(at, id)| {
            (at, id.uuid())
        });
        let values = args![
            webhook.uuid(),
            at,
            id,
            state.map(DeliveryState::as_str),
            limit,
        ];
        let rows = tx.fetch_all(&DELIVERIES, values).await?;
        rows.iter().map(delivery).collect()
    }

    /// Sends a delivery once more, whether it arrived or was given up. One that waits to be sent is left
    /// as it is.
    ///
    /// # Errors
    /// `NotFound` when the webhook has no such delivery.
    pub async fn replay_delivery(
        &self,
        scope: &TenantScope,
        webhook: WebhookId,
        id: DeliveryId,
    ) -> Result<Delivery> {
        let now = self.now();
        let mut tx = self.write(scope).await?;
        let known = args![webhook.uuid()];
        tx.require(&WEBHOOK_EXISTS, known, "webhook").await?;
        let values = args![id.uuid(), webhook.uuid()];
        if tx.execute(&REPLAY, values).await? > 0 {
            let work = JobWork::DeliverWebhook {
                delivery: id,
                run_at: now,
            };
            self.add_job(&mut tx, &work, now).await?;
            tx.record(Change::new("webhook.replayed", "delivery", id).without_event());
        }
        let row = tx
            .fetch_one(&DELIVERY, args![id.uuid()], "delivery")
            .await?;
        let replayed = delivery(&row)?;
        if replayed.webhook != webhook {
            return Err(Error::NotFound { what: "delivery" });
        }
        tx.commit().await?;
        Ok(replayed)
    }

    /// Sends the deliveries of a while once more, all of them or none; one that waits to be sent is left
    /// as it is. Returns how many.
    ///
    /// # Errors
    /// `NotFound` when there is no such webhook; `Conflict` `window-too-large` when there are more than
    /// [`MAX_REPLAY`].
    pub async fn replay_deliveries(
        &self,
        scope: &TenantScope,
        webhook: WebhookId,
        window: ReplayWindow,
    ) -> Result<u64> {
        let now = self.now();
        let mut tx = self.write(scope).await?;
        let known = args![webhook.uuid()];
        tx.require(&WEBHOOK_EXISTS, known, "webhook").await?;
        let values = args![
            webhook.uuid(),
            window.from,
            window.until,
            window.state.map(DeliveryState::as_str),
            MAX_REPLAY + 1,
        ];
        let rows = tx.fetch_all(&WINDOW, values).await?;
        let found = rows.len() as u64;
        if found > u64::from(MAX_REPLAY) {
            return Err(Error::Conflict {
                what: "window-too-large",
                detail: format!("it holds more than {MAX_REPLAY} deliveries; take a shorter one"),
            });
        }
        for row in &rows {
            let delivery: DeliveryId = row.id("id")?;
            let values = args![delivery.uuid(), webhook.uuid()];
            tx.execute(&REPLAY, values).await?;
            let work = JobWork::DeliverWebhook {
                delivery,
                run_at: now,
            };
            self.add_job(&mut tx, &work, now).await?;
        }
        if found > 0 {
            let detail = json!({ "deliveries": found });
            let change = Change::new("webhook.replayed", "webhook", webhook);
            tx.record(change.detail(detail).without_event());
        }
        tx.commit().await?;
        Ok(found)
    }

    /// Has a webhook told of an event that did not happen, of the kind `webhook.test`.
    ///
    /// # Errors
    /// `NotFound` when there is no such webhook; `Conflict` `webhook-off` when it is switched off.
    pub async fn send_test_event(
        &self,
        scope: &TenantScope,
        webhook: WebhookId,
    ) -> Result<Delivery> {
        let now = self.now();
        let mut tx = self.write(scope).await?;
        let known = args![webhook.uuid()];
        let row = tx.fetch_one(&WEBHOOK_IS_ON, known, "webhook").await?;
        if !row.get::<bool>("active")? {
            return Err(Error::Conflict {
                what: "webhook-off",
                detail: "the webhook is switched off; switch it on first".to_owned(),
            });
        }
        let id = DeliveryId::mint(now);
        let payload = json!({
            "type": TEST_EVENT,
            "timestamp": Time::from(now),
            "data": { "business_id": tx.tenant(), "entity_kind": "webhook", "entity_id": webhook },
        });
        let values = args![id.uuid(), webhook.uuid(), TEST_EVENT, Json(payload), now];
        tx.execute(&ADD, values).await?;
        let work = JobWork::DeliverWebhook {
            delivery: id,
            run_at: now,
        };
        self.add_job(&mut tx, &work, now).await?;
        tx.record(Change::new("webhook.tested", "webhook", webhook).without_event());
        let row = tx
            .fetch_one(&DELIVERY, args![id.uuid()], "delivery")
            .await?;
        let sent = delivery(&row)?;
        tx.commit().await?;
        Ok(sent)
    }

    /// A delivery that is to be sent now; `None` when it arrived or was given up, or its webhook is off.
    pub async fn due_delivery(
        &self,
        scope: &TenantScope,
        id: DeliveryId,
    ) -> Result<Option<DueDelivery>> {
        let tx = self.look(scope).await?;
        let row = tx.fetch_optional(&DUE, args![id.uuid()]).await?;
        row.map(|row| {
            Ok(DueDelivery {
                delivery: delivery(&row)?,
                url: row.get("url")?,
                secret: row.get("secret_sealed")?,
                old_secret: row.get("old_secret_sealed")?,
            })
        })
        .transpose()
    }

    /// Notes what became of an attempt, and has the next one made when there is one.
    pub async fn note_delivery(
        &self,
        scope: &TenantScope,
        sent: &Delivery,
        attempt: Attempt,
    ) -> Result<()> {
        let now = self.now();
        let is_gone = attempt == Attempt::Gone;
        let mut tx = self.write(scope).await?;
        let (state, status, error, again_at) = match attempt {
            Attempt::Delivered { status } => (DeliveryState::Delivered, Some(status), None, None),
            Attempt::Gone => (DeliveryState::Dead, Some(410), None, None),
            Attempt::Failed {
                status,
                error,
                again_at,
            } => {
                let state = match again_at {
                    Some(_) => DeliveryState::Pending,
                    None => DeliveryState::Dead,
                };
                (state, status, error, again_at)
            }
        };
        let error = error.map(|error| error.chars().take(MAX_REASON).collect::<String>());
        let delivered_at = (state == DeliveryState::Delivered).then_some(now);
        let values = args![sent.id.uuid(), state.as_str(), status, error, delivered_at,];
        if tx.execute(&NOTE_ATTEMPT, values).await? == 0 {
            // Another attempt was quicker; its outcome counts.
            return Ok(());
        }
        if let Some(again_at) = again_at {
            let work = JobWork::DeliverWebhook {
                delivery: sent.id,
                run_at: again_at,
            };
            self.add_job(&mut tx, &work, again_at).await?;
        }
        if is_gone {
            let values = args![sent.webhook.uuid(), false, now];
            tx.execute(&SWITCH_OFF, values).await?;
            tx.record(Change::new("webhook.switched_off", "webhook", sent.webhook));
        }
        tx.commit().await
    }
}

fn delivery(row: &Row) -> Result<Delivery> {
    Ok(Delivery {
        id: row.id("id")?,
        webhook: row.id("webhook_id")?,
        kind: row.get("kind")?,
        payload: row.get("payload")?,
        state: row.parse("state")?,
        attempts: row.get("attempts")?,
        last_status: row.get("last_status")?,
        last_error: row.get("last_error")?,
        created_at: row.get("created_at")?,
        delivered_at: row.get("delivered_at")?,
    })
}

#[cfg(all(feature = "auth", feature = "webhooks"))]
impl CrmStore {
    /// The keys that sign a delivery, opened.
    ///
    /// # Errors
    /// `Conflict` `master-key-missing`; `Internal` when they were sealed under a key that is not there.
    pub fn signing_secrets(
        &self,
        scope: &TenantScope,
        due: &DueDelivery,
    ) -> Result<SigningSecrets> {
        let open = |column, sealed: &[u8]| {
            let place = Place {
                table: "webhooks",
                column,
                tenant: Some(scope.tenant()),
                row: due.delivery.webhook.uuid(),
            };
            let sealed = Sealed::from_bytes(sealed.to_vec());
            let secret = self.master_keys()?.open(&place, &sealed)?;
            WebhookSecret::parse(secret.expose_secret())
        };
        let previous = due.old_secret.as_deref();
        Ok(SigningSecrets {
            current: open("secret_sealed", &due.secret)?,
            previous: previous
                .map(|sealed| open("old_secret_sealed", sealed))
                .transpose()?,
        })
    }
}
