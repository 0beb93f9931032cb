//! Reading a business's audit log: who did what to what, and when.

use prosaas_core::{Result, UnixMillis};
use serde_json::Value;

use super::crm_store::CrmStore;
use super::db::{Row, Sql, args};
use crate::auth::TenantScope;
use crate::model::id::{ActingId, AuditId};

// A filter that is not given is NULL, and every row passes it.
const LIST: Sql = Sql::both(
    "SELECT id, at, actor_kind, actor_id, acting_id, action, entity_kind, entity_id, detail
       FROM audit_log
      WHERE tenant_id = $1
        AND (at < $2 OR (at = $2 AND id < $3))
        AND ($4 IS NULL OR action = $4)
        AND ($5 IS NULL OR actor_id = $5)
        AND ($6 IS NULL OR entity_id = $6)
        AND at >= $7
      ORDER BY at DESC, id DESC LIMIT $8",
);

/// One entry.
#[derive(Clone, Debug)]
pub struct AuditEntry {
    /// Its id.
    pub id: AuditId,
    /// When.
    pub at: UnixMillis,
    /// Who, by kind: `user`, `acting`, `api_key`, `agent`, `job`, `operator`, `host`.
    pub actor_kind: String,
    /// Who, as the API prints the id.
    pub actor_id: Option<String>,
    /// The acting session, when an administrator acted for the business.
    pub acting: Option<ActingId>,
    /// What, such as `lead.deleted`.
    pub action: String,
    /// To what kind of thing.
    pub entity_kind: String,
    /// To which one.
    pub entity_id: String,
    /// What else is known: no secrets, no phone numbers, no addresses.
    pub detail: Value,
}

/// Which entries are wanted; each that is `None` lets all through.
#[derive(Clone, Debug, Default)]
pub struct AuditFilter {
    /// Of this action.
    pub action: Option<String>,
    /// By this actor.
    pub actor_id: Option<String>,
    /// To this thing.
    pub entity_id: Option<String>,
    /// Since this moment.
    pub since: Option<UnixMillis>,
    /// Before this moment.
    pub until: Option<UnixMillis>,
}

impl CrmStore {
    /// Entries, the newest first, behind the one with this time and id.
    pub async fn audit_entries(
        &self,
        scope: &TenantScope,
        filter: &AuditFilter,
        after: Option<(UnixMillis, AuditId)>,
        limit: u32,
    ) -> Result<Vec<AuditEntry>> {
        let until = filter.until.unwrap_or(UnixMillis(i64::MAX));
        // Nothing is smaller than the nil id, so without a row before the page the bound excludes `until`.
        let (at, id) = after.map_or((until, uuid::Uuid::nil()), |(at, id)| (at, id.uuid()));
        let values = args![
            at,
            id,
            filter.action.as_deref(),
            filter.actor_id.as_deref(),
            filter.entity_id.as_deref(),
            filter.since.unwrap_or(UnixMillis(0)),
            limit,
        ];
        let tx = self.look(scope).await?;
        let rows = tx.fetch_all(&LIST, values).await?;
        rows.iter().map(entry).collect()
    }
}

fn entry(row: &Row) -> Result<AuditEntry> {
    Ok(AuditEntry {
        id: AuditId::from_uuid(row.get("id")?),
        at: row.get("at")?,
        actor_kind: row.get("actor_kind")?,
        actor_id: row.get("actor_id")?,
        acting: row.get::<Option<_>>("acting_id")?.map(ActingId::from_uuid),
        action: row.get("action")?,
        entity_kind: row.get("entity_kind")?,
        entity_id: row.get("entity_id")?,
        detail: row.get("detail")?,
    })
}
