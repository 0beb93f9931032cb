//! Looking leads up in the search index.

use std::collections::{BTreeMap, HashMap, HashSet};

use prosaas_core::{LeadId, Result, UnixMillis};

use super::{id_list, of_ids};
use crate::auth::TenantScope;
use crate::model::lead::Lead;
use crate::search::{Lookup, Query};
use crate::store::CrmStore;
use crate::store::db::{Row, Sql, TenantTx, args};

/// How many leads one look-up of the rarest term brings at most. Newest first where the index has that
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
// A look-up of one token is a range as well: it ends just behind the token.
const COUNT: Sql = Sql::both(
    "SELECT count(*) AS found FROM (
         SELECT 1 FROM search_tokens
         WHERE tenant_id = $1 AND entity_kind = 'lead' AND token >= $2 AND token < $3 LIMIT $4) AS counted",
);
// PostgreSQL expects a few rows of any range of tokens, and would read all of a common name's to find those of
// these leads. Joined to nothing, the token is no range of an index; the leads' own index holds it as well.
const AMONG: Sql = Sql::split(
    "SELECT DISTINCT entity_id FROM search_tokens
     WHERE tenant_id = $1 AND entity_kind = 'lead' AND token >= $2 AND token < $3
       AND entity_id IN (SELECT unhex(value) FROM json_each($4))",
    "SELECT DISTINCT entity_id FROM search_tokens
     WHERE tenant_id = $1 AND entity_kind = 'lead' AND token || '' >= $2 AND token || '' < $3
       AND entity_id = ANY (ARRAY(SELECT value::uuid FROM jsonb_array_elements_text($4) AS value))",
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
    let ids = match query.terms() {
        [term] => {
            let mut ids = candidates(tx, term).await?;
            ids.truncate(limit);
            ids
        }
        terms => matching(tx, terms, limit).await?,
    };
    let leads = of_ids(tx, &ids).await?;
    let mut leads: HashMap<_, _> = leads.into_iter().map(|lead| (lead.id, lead)).collect();
    let found = ids.iter().filter_map(|id| leads.remove(id));
    Ok(found.filter(|lead| lead.deleted_at.is_none()).collect())
}

/// Whom a term may mean, newest first.
async fn candidates(tx: &mut TenantTx, term: &[Lookup]) -> Result<Vec<LeadId>> {
    let mut found: BTreeMap<LeadId, UnixMillis> = BTreeMap::new();
    for lookup in term {
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

/// Whom every one of several terms may mean: the rarest term brings candidates, the others are looked for
/// among them.
async fn matching(tx: &mut TenantTx, terms: &[Vec<Lookup>], limit: usize) -> Result<Vec<LeadId>> {
    let mut by_number = Vec::with_capacity(terms.len());
    for term in terms {
        match number_of(tx, term).await? {
            0 => return Ok(Vec::new()),
            number => by_number.push((number, term)),
        }
    }
    // Of terms that are too frequent to be counted, the one that the query names first leads.
    by_number.sort_by_key(|(number, _)| *number);
    let Some(((_, rarest), others)) = by_number.split_first() else {
        return Ok(Vec::new());
    };
    let candidates = candidates(tx, rarest).await?;
    let mut found = Vec::new();
    for ids in candidates.chunks(PROBE) {
        let mut ids = ids.to_vec();
        for (_, term) in others {
            ids = among(tx, &ids, term).await?;
        }
        found.extend(ids);
        if found.len() >= limit {
            found.truncate(limit);
            break;
        }
    }
    Ok(found)
}

/// How many rows of the index a term brings, counted up to [`CANDIDATES`] for each look-up.
async fn number_of(tx: &mut TenantTx, term: &[Lookup]) -> Result<u32> {
    let mut number = 0;
    for lookup in term {
        let values = args![lookup.from(), lookup.until(), CANDIDATES];
        let row = tx.fetch_one(&COUNT, values, "count").await?;
        number += row.get::<u32>("found")?;
    }
    Ok(number)
}

/// Those of the leads that a term finds, in their order.
async fn among(tx: &mut TenantTx, ids: &[LeadId], term: &[Lookup]) -> Result<Vec<LeadId>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut found = HashSet::new();
    for lookup in term {
        let values = args![lookup.from(), lookup.until(), id_list(ids)];
        for row in &tx.fetch_all(&AMONG, values).await? {
            found.insert(row.id::<LeadId>("entity_id")?);
        }
    }
    Ok(ids
        .iter()
        .copied()
        .filter(|id| found.contains(id))
        .collect())
}
