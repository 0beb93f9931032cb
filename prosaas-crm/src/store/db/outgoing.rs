//! Events on their way to webhooks: the deliveries and their jobs, in the transaction of the change.

use prosaas_core::{Result, TenantId, UnixMillis};
use serde_json::json;

use super::args::{Arg, Json, args};
use super::connection::Connection;
use super::sql::Sql;
use crate::model::id::{DeliveryId, WebhookId};
use crate::model::job::JobWork;
use crate::model::time::Time;
use crate::store::jobs;

const ACTIVE: Sql = Sql::both(
    "SELECT id, events FROM webhooks WHERE tenant_id = $1 AND active AND deleted_at IS NULL
     ORDER BY id",
);
const ADD: Sql = Sql::both(
    "INSERT INTO webhook_deliveries (tenant_id, id, webhook_id, kind, payload, state, created_at)
     VALUES ($1, $2, $3, $4, $5, 'pending', $6)",
);

/// An event as a webhook is told of it: ids only, so that what is sent is no personal data.
#[derive(Debug)]
pub(super) struct Outgoing<'a> {
    pub(super) kind: &'a str,
    pub(super) entity: &'a str,
    pub(super) id: &'a str,
    pub(super) lead: Option<String>,
    pub(super) sequence: i64,
}

/// Has the business's webhooks told of events.
pub(super) async fn enqueue(
    connection: &mut Connection,
    tenant: TenantId,
    now: UnixMillis,
    events: &[Outgoing<'_>],
) -> Result<()> {
    for row in connection.fetch_all(&ACTIVE, args![tenant.uuid()]).await? {
        let webhook: WebhookId = row.id("id")?;
        // None named means all.
        let named: Vec<String> = row.json("events")?;
        let wanted = |kind: &str| named.is_empty() || named.iter().any(|name| name == kind);
        for event in events.iter().filter(|event| wanted(event.kind)) {
            add(connection, tenant, now, webhook, event).await?;
        }
    }
    Ok(())
}

async fn add(
    connection: &mut Connection,
    tenant: TenantId,
    now: UnixMillis,
    webhook: WebhookId,
    event: &Outgoing<'_>,
) -> Result<()> {
    let delivery = DeliveryId::mint(now);
    let payload = json!({
        "type": event.kind,
        "timestamp": Time::from(now),
        "data": {
            "business_id": tenant,
            "sequence": event.sequence,
            "entity_kind": event.entity,
            "entity_id": event.id,
            "lead_id": event.lead,
        },
    });
    let values = args![
        tenant.uuid(),
        delivery.uuid(),
        webhook.uuid(),
        event.kind,
        Json(payload),
        now,
    ];
    connection.execute(&ADD, values).await?;
    let work = JobWork::DeliverWebhook {
        delivery,
        run_at: now,
    };
    let job = jobs::values(&work, now, now)?;
    let job = job.after(Arg::Id(Some(tenant.uuid())));
    connection.execute(&jobs::ADD_JOB, job).await.map(drop)
}
