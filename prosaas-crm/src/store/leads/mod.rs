//! Leads: people, their identities, and everything that is done with them.
//!
//! Written once over the driver. What several of these files need is here: reading a lead's row, and
//! the small steps within a transaction that keep identities, search index and timeline true.

mod belongings;
mod bulk;
mod calls;
mod change;
mod custom;
mod duplicates;
mod export;
mod identities;
mod import;
mod index;
mod list;
mod merge;
mod purge;
mod search;
mod trash;

use prosaas_core::{Error, LeadDraft, LeadId, Result, UnixMillis};
use serde_json::{Value, json};
use uuid::Uuid;

use super::db::{Row, Sql, TenantTx, args};
use crate::model::id::StageId;
use crate::model::lead::Lead;

pub use change::LeadDetails;
pub use export::{ExportPage, ExportSheet, ExportedLead};
pub use list::COUNT_CAP;
pub use merge::MergePreview;

const LEAD: Sql = Sql::both("SELECT * FROM leads WHERE tenant_id = $1 AND id = $2");
const LEAD_TO_CHANGE: Sql = Sql::split(
    "SELECT * FROM leads WHERE tenant_id = $1 AND id = $2",
    "SELECT * FROM leads WHERE tenant_id = $1 AND id = $2 FOR NO KEY UPDATE",
);
const LEADS: Sql = Sql::split(
    "SELECT * FROM leads
     WHERE tenant_id = $1 AND id IN (SELECT unhex(value) FROM json_each($2))",
    "SELECT * FROM leads
     WHERE tenant_id = $1 AND id = ANY (ARRAY(SELECT value::uuid FROM jsonb_array_elements_text($2) AS value))",
);
const FIRST_STAGE: Sql =
    Sql::both("SELECT id FROM stages WHERE tenant_id = $1 ORDER BY position, id LIMIT 1");

/// A lead, deleted or not.
async fn one(tx: &mut TenantTx, id: LeadId) -> Result<Lead> {
    let row = tx.fetch_one(&LEAD, args![id.uuid()], "lead").await?;
    read_lead(&row)
}

/// A lead that is not in the trash.
async fn live(tx: &mut TenantTx, id: LeadId) -> Result<Lead> {
    match one(tx, id).await? {
        lead if lead.deleted_at.is_none() => Ok(lead),
        _ => Err(Error::NotFound { what: "lead" }),
    }
}

/// A lead, deleted or not, that nobody else changes until the end of the transaction.
async fn locked(tx: &mut TenantTx, id: LeadId) -> Result<Lead> {
    let row = tx
        .fetch_one(&LEAD_TO_CHANGE, args![id.uuid()], "lead")
        .await?;
    read_lead(&row)
}

/// [`locked`], for a lead that must not be in the trash.
async fn locked_live(tx: &mut TenantTx, id: LeadId) -> Result<Lead> {
    match locked(tx, id).await? {
        lead if lead.deleted_at.is_none() => Ok(lead),
        _ => Err(Error::NotFound { what: "lead" }),
    }
}

/// The leads with these ids that exist, in no order.
async fn of_ids(tx: &mut TenantTx, ids: &[LeadId]) -> Result<Vec<Lead>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let rows = tx.fetch_all(&LEADS, args![id_list(ids)]).await?;
    rows.iter().map(read_lead).collect()
}

/// The stage in which a lead begins.
async fn first_stage(tx: &mut TenantTx) -> Result<StageId> {
    let row = tx.fetch_one(&FIRST_STAGE, args![], "stage").await?;
    row.id("id")
}

/// Ids as one bound value: SQLite reads them by `unhex`, PostgreSQL by a cast.
fn id_list(ids: &[LeadId]) -> super::db::Json {
    let ids = ids.iter().map(|id| hex(id.uuid())).collect();
    super::db::Json(Value::Array(ids))
}

fn hex(id: Uuid) -> Value {
    json!(id.simple().to_string())
}

fn version_conflict() -> Error {
    Error::Conflict {
        what: "version-conflict",
        detail: "the lead was changed since it was read".to_owned(),
    }
}

fn read_lead(row: &Row) -> Result<Lead> {
    Ok(Lead {
        id: row.id("id")?,
        tenant: row.id("tenant_id")?,
        source: row.parse("source")?,
        stage: row.id("stage_id")?,
        assignee: row.optional_id("assignee_id")?,
        company: row.get("company")?,
        phone: row.get("phone")?,
        email: row.get("email")?,
        known: LeadDraft {
            name: row.get("name")?,
            intent: row.get("intent")?,
            summary: row.get("summary")?,
            next_step: row.get("next_step")?,
            notes: row.get("notes")?,
        },
        custom: row.json("custom")?,
        import: row.optional_id("import_id")?,
        merged_into: row.optional_id("merged_into")?,
        active_at: row.get("active_at")?,
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
        deleted_at: row.get::<Option<UnixMillis>>("deleted_at")?,
        version: row.get("version")?,
    })
}
