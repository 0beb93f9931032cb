//! Reading a business's audit log: who did what to what, and when.

use std::collections::HashMap;

use prosaas_core::{E164, LeadId, Result, UnixMillis};
use serde_json::{Value, json};
use uuid::Uuid;

use super::crm_store::CrmStore;
use super::db::{Json, Row, Sql, args};
use crate::auth::{Permission, TenantScope};
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
// Read anew each time and kept nowhere: who was erased or removed for good has no name here either.
const WHOSE: Sql = Sql::split(
    "WITH wanted AS (SELECT unhex(value) AS id FROM json_each($2)),
          whose AS (
     SELECT id, id AS lead_id FROM leads WHERE tenant_id = $1 AND id IN (SELECT id FROM wanted)
     UNION ALL SELECT call_id AS id, lead_id FROM call_leads
                WHERE tenant_id = $1 AND call_id IN (SELECT id FROM wanted)
     UNION ALL SELECT id, lead_id FROM conversations
                WHERE tenant_id = $1 AND id IN (SELECT id FROM wanted)
     UNION ALL SELECT id, lead_id FROM notes WHERE tenant_id = $1 AND id IN (SELECT id FROM wanted)
     UNION ALL SELECT id, lead_id FROM tasks WHERE tenant_id = $1 AND id IN (SELECT id FROM wanted)
     UNION ALL SELECT id, lead_id FROM appointments
                WHERE tenant_id = $1 AND id IN (SELECT id FROM wanted)
     UNION ALL SELECT id, lead_id FROM deals WHERE tenant_id = $1 AND id IN (SELECT id FROM wanted)
     UNION ALL SELECT id, lead_id FROM payments
                WHERE tenant_id = $1 AND id IN (SELECT id FROM wanted)
     UNION ALL SELECT id, lead_id FROM promises
                WHERE tenant_id = $1 AND id IN (SELECT id FROM wanted)
     UNION ALL SELECT id, lead_id FROM consents
                WHERE tenant_id = $1 AND id IN (SELECT id FROM wanted))
     SELECT whose.id AS about, leads.id AS lead_id, leads.name, leads.phone, leads.email,
            leads.deleted_at
       FROM whose JOIN leads ON leads.tenant_id = $1 AND leads.id = whose.lead_id",
    "WITH wanted AS (SELECT value::uuid AS id FROM jsonb_array_elements_text($2) AS value),
          whose AS (
     SELECT id, id AS lead_id FROM leads
      WHERE tenant_id = $1 AND id = ANY (ARRAY(SELECT id FROM wanted))
     UNION ALL SELECT call_id AS id, lead_id FROM call_leads
                WHERE tenant_id = $1 AND call_id = ANY (ARRAY(SELECT id FROM wanted))
     UNION ALL SELECT id, lead_id FROM conversations
                WHERE tenant_id = $1 AND id = ANY (ARRAY(SELECT id FROM wanted))
     UNION ALL SELECT id, lead_id FROM notes
                WHERE tenant_id = $1 AND id = ANY (ARRAY(SELECT id FROM wanted))
     UNION ALL SELECT id, lead_id FROM tasks
                WHERE tenant_id = $1 AND id = ANY (ARRAY(SELECT id FROM wanted))
     UNION ALL SELECT id, lead_id FROM appointments
                WHERE tenant_id = $1 AND id = ANY (ARRAY(SELECT id FROM wanted))
     UNION ALL SELECT id, lead_id FROM deals
                WHERE tenant_id = $1 AND id = ANY (ARRAY(SELECT id FROM wanted))
     UNION ALL SELECT id, lead_id FROM payments
                WHERE tenant_id = $1 AND id = ANY (ARRAY(SELECT id FROM wanted))
     UNION ALL SELECT id, lead_id FROM promises
                WHERE tenant_id = $1 AND id = ANY (ARRAY(SELECT id FROM wanted))
     UNION ALL SELECT id, lead_id FROM consents
                WHERE tenant_id = $1 AND id = ANY (ARRAY(SELECT id FROM wanted)))
     SELECT whose.id AS about, leads.id AS lead_id, leads.name, leads.phone, leads.email,
            leads.deleted_at
       FROM whose JOIN leads ON leads.tenant_id = $1 AND leads.id = whose.lead_id",
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
    /// Whom it is about, as he is known now. Only for who may see leads.
    pub lead: Option<AuditLead>,
}

/// The lead that an entry is about: itself, or the one whose call, task or payment it is.
#[derive(Clone, Debug)]
pub struct AuditLead {
    /// Its id.
    pub id: LeadId,
    /// Its name.
    pub name: Option<String>,
    /// Its first phone number.
    pub phone: Option<E164>,
    /// Its first e-mail address.
    pub email: Option<String>,
    /// Whether it is in the trash, where it cannot be opened.
    pub is_deleted: bool,
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
        let (at, id) = after.map_or((until, Uuid::nil()), |(at, id)| (at, id.uuid()));
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
        let mut entries = rows.iter().map(entry).collect::<Result<Vec<_>>>()?;
        if scope.permissions().contains(Permission::LeadsRead) {
            self.name_leads(scope, &mut entries).await?;
        }
        Ok(entries)
    }

    /// Says whom entries are about, all of them at once.
    async fn name_leads(&self, scope: &TenantScope, entries: &mut [AuditEntry]) -> Result<()> {
        let ids = entries.iter().filter_map(uuid_of);
        let ids: Vec<Value> = ids.map(|id| json!(id.simple().to_string())).collect();
        if ids.is_empty() {
            return Ok(());
        }
        let tx = self.look(scope).await?;
        let rows = tx.fetch_all(&WHOSE, args![Json(Value::Array(ids))]).await?;
        let mut leads: HashMap<Uuid, AuditLead> = HashMap::new();
        for row in &rows {
            leads.insert(row.get("about")?, lead(row)?);
        }
        for entry in entries {
            entry.lead = uuid_of(entry).and_then(|id| leads.get(&id).cloned());
        }
        Ok(())
    }
}

/// The id within a printed one such as `lead_0197e4c2…`; a setting's name has none.
fn uuid_of(entry: &AuditEntry) -> Option<Uuid> {
    let (_, id) = entry.entity_id.rsplit_once('_')?;
    Uuid::try_parse(id).ok()
}

fn lead(row: &Row) -> Result<AuditLead> {
    Ok(AuditLead {
        id: row.id("lead_id")?,
        name: row.get("name")?,
        phone: row.get("phone")?,
        email: row.get("email")?,
        is_deleted: row.get::<Option<UnixMillis>>("deleted_at")?.is_some(),
    })
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
        lead: None,
    })
}
