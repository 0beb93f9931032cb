//! The trash beside the leads: records of every other kind, removed for good.

use prosaas_core::Result;
use serde_json::json;

use crate::store::db::{Change, Sql, TenantTx, args};

/// What hangs on records of the trash and does not go with them, or has no trash of its own.
const RELEASED: [Sql; 5] = [
    Sql::both(
        "UPDATE payments SET deal_id = NULL WHERE tenant_id = $1 AND deal_id IN (
             SELECT id FROM deals WHERE tenant_id = $1 AND deleted_at IS NOT NULL)",
    ),
    Sql::both(
        "DELETE FROM search_tokens WHERE tenant_id = $1 AND entity_kind = 'message' AND entity_id IN (
             SELECT messages.id FROM messages JOIN conversations
                 ON conversations.tenant_id = messages.tenant_id
                AND conversations.id = messages.conversation_id
             WHERE messages.tenant_id = $1 AND conversations.deleted_at IS NOT NULL)",
    ),
    Sql::both(
        "DELETE FROM messages WHERE tenant_id = $1 AND conversation_id IN (
             SELECT id FROM conversations WHERE tenant_id = $1 AND deleted_at IS NOT NULL)",
    ),
    Sql::both(
        "DELETE FROM conversation_peers WHERE tenant_id = $1 AND conversation_id IN (
             SELECT id FROM conversations WHERE tenant_id = $1 AND deleted_at IS NOT NULL)",
    ),
    Sql::both(
        "DELETE FROM search_tokens WHERE tenant_id = $1 AND entity_kind = 'knowledge' AND entity_id IN (
             SELECT id FROM knowledge WHERE tenant_id = $1 AND deleted_at IS NOT NULL)",
    ),
];
/// The kinds of records that have a trash.
const TRASHED: [(&str, Sql); 7] = [
    (
        "payments",
        Sql::both("DELETE FROM payments WHERE tenant_id = $1 AND deleted_at IS NOT NULL"),
    ),
    (
        "deals",
        Sql::both("DELETE FROM deals WHERE tenant_id = $1 AND deleted_at IS NOT NULL"),
    ),
    (
        "tasks",
        Sql::both("DELETE FROM tasks WHERE tenant_id = $1 AND deleted_at IS NOT NULL"),
    ),
    (
        "appointments",
        Sql::both("DELETE FROM appointments WHERE tenant_id = $1 AND deleted_at IS NOT NULL"),
    ),
    (
        "notes",
        Sql::both("DELETE FROM notes WHERE tenant_id = $1 AND deleted_at IS NOT NULL"),
    ),
    (
        "knowledge",
        Sql::both("DELETE FROM knowledge WHERE tenant_id = $1 AND deleted_at IS NOT NULL"),
    ),
    (
        "conversations",
        Sql::both("DELETE FROM conversations WHERE tenant_id = $1 AND deleted_at IS NOT NULL"),
    ),
];

/// Removes every record in the trash that is no lead; returns how many there were.
pub(super) async fn remove(tx: &mut TenantTx) -> Result<u64> {
    let mut removed = 0;
    let mut counts = serde_json::Map::new();
    for sql in &RELEASED {
        tx.execute(sql, args![]).await?;
    }
    for (name, sql) in &TRASHED {
        let rows = tx.execute(sql, args![]).await?;
        counts.insert((*name).to_owned(), json!(rows));
        removed += rows;
    }
    let change = Change::new("trash.emptied", "business", tx.tenant());
    tx.record(change.detail(serde_json::Value::Object(counts)));
    Ok(removed)
}
