//! What a transaction changed, for the audit log and for whoever watches.

use std::fmt::Display;

use prosaas_core::{Error, LeadId, Result, TenantId, UnixMillis};
use serde_json::{Value, json};
use uuid::Uuid;

use super::args::{Args, Json, args};
use super::connection::Connection;
use super::outgoing::{self, Outgoing};
use super::sql::Sql;
use crate::auth::{Acting, Actor};
use crate::model::id::AuditId;

// The sequence is taken last: the row lock it holds until the commit makes the order of the numbers the
// order of the commits, so who has read up to a number has missed nothing below it.
const TAKE_SEQUENCE: Sql = Sql::both(
    "UPDATE businesses SET event_seq = event_seq + $2 WHERE tenant_id = $1
     RETURNING event_seq,
               (SELECT count(*) FROM webhooks
                WHERE webhooks.tenant_id = $1 AND active AND webhooks.deleted_at IS NULL) AS webhooks",
);
const ADD_AUDIT: Sql = Sql::both(
    "INSERT INTO audit_log (tenant_id, id, at, actor_kind, actor_id, acting_id, action,
                            entity_kind, entity_id, detail)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
);
const ADD_EVENT: Sql = Sql::both(
    "INSERT INTO events (tenant_id, seq, at, kind, entity_kind, entity_id, lead_id)
     VALUES ($1, $2, $3, $4, $5, $6, $7)",
);
const ADD_SYSTEM_AUDIT: Sql = Sql::both(
    "INSERT INTO system_audit (id, at, actor_kind, actor_id, action, target, detail)
     VALUES ($1, $2, $3, $4, $5, $6, $7)",
);

/// One change in a business: a row of its audit log, and an event for its consoles and webhooks.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    kind: &'static str,
    entity: &'static str,
    id: String,
    lead: Option<LeadId>,
    detail: Value,
    is_audited: bool,
    is_event: bool,
    is_for_webhooks: bool,
}

impl Change {
    /// `kind` is `entity.verb`, such as `lead.updated`; `id` is printed as the API prints it.
    pub(crate) fn new(kind: &'static str, entity: &'static str, id: impl Display) -> Self {
        Self {
            kind,
            entity,
            id: id.to_string(),
            lead: None,
            detail: json!({}),
            is_audited: true,
            is_event: true,
            is_for_webhooks: true,
        }
    }

    /// The lead it is about, so that who looks at the lead hears of it.
    pub(crate) const fn lead(mut self, lead: LeadId) -> Self {
        self.lead = Some(lead);
        self
    }

    /// What the audit log keeps beside it. No secrets, no phone numbers, no addresses.
    pub(crate) fn detail(mut self, detail: Value) -> Self {
        self.detail = detail;
        self
    }

    /// Only for the audit log: nothing that a console shows.
    pub(crate) const fn without_event(mut self) -> Self {
        self.is_event = false;
        self
    }

    /// Only an event: nothing that somebody has to answer for.
    pub(crate) const fn without_audit(mut self) -> Self {
        self.is_audited = false;
        self
    }

    /// Only for open consoles: what comes too often to be sent to webhooks.
    pub(crate) const fn without_webhooks(mut self) -> Self {
        self.is_for_webhooks = false;
        self
    }
}

/// Writes the changes of one business; returns the last event's number, if there are events. The last
/// statements before a commit.
pub(super) async fn write(
    connection: &mut Connection,
    (tenant, actor): (TenantId, Actor),
    now: UnixMillis,
    changes: &[Change],
) -> Result<Option<i64>> {
    for change in changes.iter().filter(|change| change.is_audited) {
        let id = AuditId::mint(now);
        let values = args![
            tenant.uuid(),
            id.uuid(),
            now,
            actor.kind(),
            actor.id(),
            acting_id(actor),
            change.kind,
            change.entity,
            &change.id,
            Json(change.detail.clone()),
        ];
        connection.execute(&ADD_AUDIT, values).await?;
        if let Actor::Acting(acting) = actor {
            mirror(connection, now, (tenant, acting), (id, change)).await?;
        }
    }
    let events: Vec<_> = changes.iter().filter(|change| change.is_event).collect();
    if events.is_empty() {
        return Ok(None);
    }
    let (last, has_webhooks) = take_sequence(connection, tenant, events.len()).await?;
    let first = last - i64::try_from(events.len()).unwrap_or(i64::MAX) + 1;
    let mut outgoing = Vec::new();
    for (event, sequence) in events.into_iter().zip(first..) {
        let lead = event.lead.map(LeadId::uuid);
        let values = args![
            tenant.uuid(),
            sequence,
            now,
            event.kind,
            event.entity,
            &event.id,
            lead,
        ];
        connection.execute(&ADD_EVENT, values).await?;
        if event.is_for_webhooks {
            outgoing.push(Outgoing {
                kind: event.kind,
                entity: event.entity,
                id: &event.id,
                lead: event.lead.map(|lead| lead.to_string()),
                sequence,
            });
        }
    }
    if has_webhooks {
        outgoing::enqueue(connection, tenant, now, &outgoing).await?;
    }
    Ok(Some(last))
}

/// The second row of what an administrator does while acting: the installation's own log names the
/// acting session and the row in the business's log, which the business itself may one day take along.
async fn mirror(
    connection: &mut Connection,
    now: UnixMillis,
    (tenant, acting): (TenantId, Acting),
    (row, change): (AuditId, &Change),
) -> Result<()> {
    let detail = json!({
        "acting_id": acting.id,
        "business_audit_id": row,
        "entity_kind": change.entity,
        "entity_id": change.id,
        "detail": change.detail,
    });
    let target = Some(tenant.to_string());
    let (sql, values) = system_audit(Actor::Acting(acting), now, change.kind, target, detail);
    connection.execute(&sql, values).await.map(drop)
}

/// The number of the last of `count` events, and whether the business has webhooks to be told of them.
async fn take_sequence(
    connection: &mut Connection,
    tenant: TenantId,
    count: usize,
) -> Result<(i64, bool)> {
    let values = args![tenant.uuid(), count];
    let row = connection.fetch_optional(&TAKE_SEQUENCE, values).await?;
    let row = row.ok_or(Error::NotFound { what: "business" })?;
    Ok((row.get("event_seq")?, row.get::<u64>("webhooks")? > 0))
}

/// A row of the installation's own audit log.
pub(super) fn system_audit(
    actor: Actor,
    now: UnixMillis,
    action: &'static str,
    target: Option<String>,
    detail: Value,
) -> (Sql, Args) {
    let values = args![
        AuditId::mint(now).uuid(),
        now,
        actor.kind(),
        actor.id(),
        action,
        target,
        Json(detail),
    ];
    (ADD_SYSTEM_AUDIT, values)
}

fn acting_id(actor: Actor) -> Option<Uuid> {
    match actor {
        Actor::Acting(acting) => Some(acting.id.uuid()),
        _ => None,
    }
}
