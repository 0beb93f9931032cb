//! The installation's own audit log.

use prosaas_core::{Result, UnixMillis};
use serde_json::Value;

use super::{After, key_of};
use crate::auth::SystemScope;
use crate::model::id::AuditId;
use crate::store::CrmStore;
use crate::store::db::{Row, Sql, args};

const LIST: Sql = Sql::both(
    "SELECT * FROM system_audit WHERE at < $1 OR (at = $1 AND id < $2)
     ORDER BY at DESC, id DESC LIMIT $3",
);

/// One entry.
#[derive(Clone, Debug, PartialEq)]
pub struct SystemAuditEntry {
    /// Its id.
    pub id: AuditId,
    /// When.
    pub at: UnixMillis,
    /// The kind of actor.
    pub actor_kind: String,
    /// His id, where he has one.
    pub actor_id: Option<String>,
    /// What was done, such as `user.removed`.
    pub action: String,
    /// To what.
    pub target: Option<String>,
    /// What else is to be known.
    pub detail: Value,
}

impl CrmStore {
    /// What was done to the installation, the newest first.
    pub async fn system_audit(
        &self,
        scope: &SystemScope,
        after: After<AuditId>,
        limit: u32,
    ) -> Result<Vec<SystemAuditEntry>> {
        let (at, id) = key_of(after);
        let tx = self.system_look(scope).await?;
        let values = args![at, id, limit];
        let rows = tx.fetch_all(&LIST, values).await?;
        rows.iter().map(read_entry).collect()
    }
}

fn read_entry(row: &Row) -> Result<SystemAuditEntry> {
    Ok(SystemAuditEntry {
        id: row.id("id")?,
        at: row.get("at")?,
        actor_kind: row.get("actor_kind")?,
        actor_id: row.get("actor_id")?,
        action: row.get("action")?,
        target: row.get("target")?,
        detail: row.get("detail")?,
    })
}
