//! Looking conversations up: by the words of their messages, and by who writes.

use std::collections::{BTreeMap, HashMap, HashSet};

use prosaas_core::{Result, UnixMillis};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Conversation, conversation};
use crate::auth::TenantScope;
use crate::search::{Lookup, Query, Tokens};
use crate::store::CrmStore;
use crate::store::db::{Json, Row, Sql, TenantTx, args};

/// How many messages one look-up brings at most.
const CANDIDATES: u32 = 1_000;
/// How many leads a query may mean.
const LEADS: u32 = 50;

const NEWEST_WITH_TOKEN: Sql = Sql::both(
    "SELECT entity_id, recency FROM search_tokens
     WHERE tenant_id = $1 AND entity_kind = 'message' AND token = $2
     ORDER BY recency DESC, entity_id DESC LIMIT $3",
);
const BEGINNING_WITH: Sql = Sql::both(
    "SELECT entity_id, recency FROM search_tokens
     WHERE tenant_id = $1 AND entity_kind = 'message' AND token >= $2 AND token < $3 LIMIT $4",
);
const TOKENS_OF: Sql = Sql::split(
    "SELECT entity_id, token FROM search_tokens
     WHERE tenant_id = $1 AND entity_kind = 'message'
       AND entity_id IN (SELECT unhex(value) FROM json_each($2))",
    "SELECT entity_id, token FROM search_tokens
     WHERE tenant_id = $1 AND entity_kind = 'message'
       AND entity_id = ANY (ARRAY(SELECT value::uuid FROM jsonb_array_elements_text($2) AS value))",
);
const OF_MESSAGES: Sql = Sql::split(
    "SELECT * FROM conversations
     WHERE tenant_id = $1 AND deleted_at IS NULL AND id IN (
         SELECT conversation_id FROM messages
         WHERE tenant_id = $1 AND id IN (SELECT unhex(value) FROM json_each($2)))
     ORDER BY last_message_at DESC, id DESC LIMIT $3",
    "SELECT * FROM conversations
     WHERE tenant_id = $1 AND deleted_at IS NULL AND id IN (
         SELECT conversation_id FROM messages
         WHERE tenant_id = $1
           AND id = ANY (ARRAY(SELECT value::uuid FROM jsonb_array_elements_text($2) AS value)))
     ORDER BY last_message_at DESC, id DESC LIMIT $3",
);
const OF_LEADS: Sql = Sql::split(
    "SELECT * FROM conversations
     WHERE tenant_id = $1 AND deleted_at IS NULL
       AND lead_id IN (SELECT unhex(value) FROM json_each($2))
     ORDER BY last_message_at DESC, id DESC LIMIT $3",
    "SELECT * FROM conversations
     WHERE tenant_id = $1 AND deleted_at IS NULL
       AND lead_id = ANY (ARRAY(SELECT value::uuid FROM jsonb_array_elements_text($2) AS value))
     ORDER BY last_message_at DESC, id DESC LIMIT $3",
);

impl CrmStore {
    /// The conversations that a query finds, the one with the newest message first, at most `limit`: those
    /// with a message that has all its words, and those of the people it means.
    pub async fn search_conversations(
        &self,
        scope: &TenantScope,
        query: &Query,
        limit: u32,
    ) -> Result<Vec<Conversation>> {
        let leads = self.search_leads(scope, query, LEADS).await?;
        let leads: Vec<Uuid> = leads.iter().map(|lead| lead.id.uuid()).collect();
        let mut tx = self.read(scope).await?;
        let messages = messages_with(&mut tx, query).await?;
        let mut found: Vec<Conversation> = Vec::new();
        for (sql, ids) in [(&OF_LEADS, leads), (&OF_MESSAGES, messages)] {
            if ids.is_empty() {
                continue;
            }
            for row in tx.fetch_all(sql, args![list(&ids), limit]).await? {
                let one = conversation(&row)?;
                if found.iter().all(|known| known.id != one.id) {
                    found.push(one);
                }
            }
        }
        found.sort_by_key(|one| std::cmp::Reverse((one.last_message_at, one.id)));
        found.truncate(limit as usize);
        Ok(found)
    }
}

/// The messages that have every term of a query, of the newest that have its rarest one.
async fn messages_with(tx: &mut TenantTx, query: &Query) -> Result<Vec<Uuid>> {
    let mut candidates: BTreeMap<Uuid, UnixMillis> = BTreeMap::new();
    for lookup in query.terms().first().into_iter().flatten() {
        let values = args![lookup.from(), CANDIDATES];
        note(
            &mut candidates,
            &tx.fetch_all(&NEWEST_WITH_TOKEN, values).await?,
        )?;
        if let Lookup::Prefix(prefix) = lookup {
            let values = args![prefix, lookup.until(), CANDIDATES];
            note(
                &mut candidates,
                &tx.fetch_all(&BEGINNING_WITH, values).await?,
            )?;
        }
    }
    let ids: Vec<Uuid> = candidates.into_keys().collect();
    if query.terms().len() == 1 || ids.is_empty() {
        return Ok(ids);
    }
    let mut tokens: HashMap<Uuid, HashSet<String>> = HashMap::new();
    for row in tx.fetch_all(&TOKENS_OF, args![list(&ids)]).await? {
        let of = tokens.entry(row.get("entity_id")?).or_default();
        of.insert(row.get("token")?);
    }
    let matches = |id: &Uuid| {
        let tokens = tokens.remove(id).map(Tokens::from_iter);
        tokens.is_some_and(|tokens| query.matches(&tokens))
    };
    Ok(keep(ids, matches))
}

fn keep(mut ids: Vec<Uuid>, matches: impl FnMut(&Uuid) -> bool) -> Vec<Uuid> {
    ids.retain(matches);
    ids
}

fn note(found: &mut BTreeMap<Uuid, UnixMillis>, rows: &[Row]) -> Result<()> {
    for row in rows {
        found.insert(row.get("entity_id")?, row.get("recency")?);
    }
    Ok(())
}

/// Ids as one bound value.
fn list(ids: &[Uuid]) -> Json {
    let ids = ids.iter().map(|id| json!(id.simple().to_string()));
    Json(Value::Array(ids.collect()))
}
