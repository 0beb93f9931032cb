//! Looking leads up in the search index.

use std::collections::{BTreeMap, HashMap, HashSet};

use prosaas_core::{LeadId, Result, UnixMillis};

use super::{id_list, of_ids};
use crate::auth::TenantScope;
use crate::model::lead::Lead;
use crate::search::{Lookup, Query, Tokens};
use crate::store::CrmStore;
use crate::store::db::{Row, Sql, TenantTx, args};

/// How many leads one look-up of the first term brings at most. Newest first where the index has that
/// order; among more that begin alike, any.
const CANDIDATES: u32 = 1_000;
/// How many candidates are compared with the other terms at a time.
const PROBE: usize = 200;

const NEWEST_WITH_TOKEN: Sql = Sql::both(
    "SELECT entity_id, recency FROM search_tokens
     WHERE tenant_id = $1 AND entity_kind = 'lead' AND token = $2
     ORDER BY recency DESC, entity_id DESC LIMIT $3",
);
const BEGINNING_WITH: Sql = Sql::both(
    "SELECT entity_id, recency FROM search_tokens
     WHERE tenant_id = $1 AND entity_kind = 'lead' AND token >= $2 AND token < $3 LIMIT $4",
);
const TOKENS_OF: Sql = Sql::split(
    "SELECT entity_id, token FROM search_tokens
     WHERE tenant_id = $1 AND entity_kind = 'lead'
       AND entity_id IN (SELECT unhex(value) FROM json_each($2))",
    "SELECT entity_id, token FROM search_tokens
     WHERE tenant_id = $1 AND entity_kind = 'lead'
       AND entity_id IN (SELECT value::uuid FROM jsonb_array_elements_text($2) AS value)",
);

impl CrmStore {
    /// The leads that a query finds, those created last first, at most `limit` (and never more than
    /// 200).
    pub async fn search_leads(
        &self,
        scope: &TenantScope,
        query: &Query,
        limit: u32,
    ) -> Result<Vec<Lead>> {
        let mut tx = self.read(scope).await?;
        find(&mut tx, query, limit.clamp(1, 200) as usize).await
    }
}

/// The leads of a query, newest first.
pub(super) async fn find(tx: &mut TenantTx, query: &Query, limit: usize) -> Result<Vec<Lead>> {
    let candidates = candidates(tx, query).await?;
    let ids = match query.terms() {
        [_] => candidates.into_iter().take(limit).collect(),
        _ => matching(tx, query, &candidates, limit).await?,
    };
    let leads = of_ids(tx, &ids).await?;
    let mut leads: HashMap<_, _> = leads.into_iter().map(|lead| (lead.id, lead)).collect();
    let found = ids.iter().filter_map(|id| leads.remove(id));
    Ok(found.filter(|lead| lead.deleted_at.is_none()).collect())
}

/// Whom the first term may mean, newest first.
async fn candidates(tx: &mut TenantTx, query: &Query) -> Result<Vec<LeadId>> {
    let mut found: BTreeMap<LeadId, UnixMillis> = BTreeMap::new();
    for lookup in query.terms().first().into_iter().flatten() {
        // A whole word first: of those the newest are known to be the newest.
        let rows = tx
            .fetch_all(&NEWEST_WITH_TOKEN, args![lookup.from(), CANDIDATES])
            .await?;
        add(&mut found, &rows)?;
        if let Lookup::Prefix(prefix) = lookup {
            let values = args![prefix, lookup.until(), CANDIDATES];
            add(&mut found, &tx.fetch_all(&BEGINNING_WITH, values).await?)?;
        }
    }
    let mut found: Vec<_> = found.into_iter().map(|(id, at)| (at, id)).collect();
    found.sort_unstable_by(|a, b| b.cmp(a));
    Ok(found.into_iter().map(|(_, id)| id).collect())
}

fn add(found: &mut BTreeMap<LeadId, UnixMillis>, rows: &[Row]) -> Result<()> {
    for row in rows {
        found.insert(row.id("entity_id")?, row.get("recency")?);
    }
    Ok(())
}

/// Those of the candidates that every term finds.
async fn matching(
    tx: &mut TenantTx,
    query: &Query,
    candidates: &[LeadId],
    limit: usize,
) -> Result<Vec<LeadId>> {
    let mut found = Vec::new();
    for ids in candidates.chunks(PROBE) {
        let rows = tx.fetch_all(&TOKENS_OF, args![id_list(ids)]).await?;
        let mut tokens: HashMap<LeadId, HashSet<String>> = HashMap::new();
        for row in &rows {
            let id = row.id("entity_id")?;
            tokens.entry(id).or_default().insert(row.get("token")?);
        }
        let matches = ids.iter().filter(|id| {
            let tokens = tokens.remove(id).map(Tokens::from_iter);
            tokens.is_some_and(|tokens| query.matches(&tokens))
        });
        found.extend(matches);
        if found.len() >= limit {
            found.truncate(limit);
            break;
        }
    }
    Ok(found)
}
