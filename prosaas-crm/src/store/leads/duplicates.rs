//! Leads that may be one person: looked for by a job, listed in pairs, merged or dismissed by people.

use std::collections::{HashMap, HashSet};

use prosaas_core::{Error, LeadId, Result};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{hex, of_ids, read_lead};
use crate::auth::{Permission, TenantScope};
use crate::model::batch::BatchKind;
use crate::model::duplicate::{DuplicateReason, Duplicates, LeadPair};
use crate::model::id::BatchJobId;
use crate::model::lead::Lead;
use crate::rules::duplicates::names_are_near;
use crate::search::tokens::{address_token, digits_token};
use crate::store::CrmStore;
use crate::store::batches::Open;
use crate::store::db::{Json, Row, Sql, TenantTx, args};

/// The leads of one transaction.
const CHUNK: u32 = 200;
/// The transactions of one slice; then other jobs have their turn.
const CHUNKS: u32 = 40;
/// How many last digits two numbers have in common that may be one, typed with another beginning.
const TAIL: usize = 7;
/// The most leads that one is compared with: a number that more have is a switchboard, or a filler.
const MOST: usize = 20;

const COUNT: Sql =
    Sql::both("SELECT count(*) AS found FROM leads WHERE tenant_id = $1 AND deleted_at IS NULL");
const NEXT: Sql = Sql::both(
    "SELECT * FROM leads WHERE tenant_id = $1 AND deleted_at IS NULL AND id > $2 ORDER BY id LIMIT $3",
);
// Each wanted range of tokens is a range of the index.
const LIKE_THEM: Sql = Sql::split(
    "SELECT unhex(wanted.value ->> 0) AS id, found.entity_id AS other_id
     FROM json_each($2) AS wanted CROSS JOIN search_tokens AS found
     WHERE found.tenant_id = $1 AND found.entity_kind = 'lead'
       AND found.token >= wanted.value ->> 1 AND found.token < wanted.value ->> 2",
    "SELECT (wanted.value ->> 0)::uuid AS id, found.entity_id AS other_id
     FROM jsonb_array_elements($2) AS wanted
     JOIN search_tokens AS found
       ON found.token >= (wanted.value ->> 1) COLLATE \"C\" AND found.token < (wanted.value ->> 2) COLLATE \"C\"
     WHERE found.tenant_id = $1 AND found.entity_kind = 'lead'",
);
const ADD: Sql = Sql::split(
    "INSERT INTO lead_duplicates (tenant_id, lead_id, other_id, reason, found_at)
     SELECT $1, unhex(value ->> 0), unhex(value ->> 1), value ->> 2, $2 FROM json_each($3) WHERE 1 = 1
     ON CONFLICT DO NOTHING",
    "INSERT INTO lead_duplicates (tenant_id, lead_id, other_id, reason, found_at)
     SELECT $1, (value ->> 0)::uuid, (value ->> 1)::uuid, value ->> 2, $2 FROM jsonb_array_elements($3) AS value
     ON CONFLICT DO NOTHING",
);
const LIST: Sql = Sql::both(
    "SELECT lead_id, other_id, reason, found_at FROM lead_duplicates
     WHERE tenant_id = $1 AND (lead_id, other_id) > ($2, $3) AND dismissed_at IS NULL
       AND lead_id IN (SELECT id FROM leads WHERE tenant_id = $1 AND id = lead_duplicates.lead_id AND deleted_at IS NULL)
       AND other_id IN (SELECT id FROM leads WHERE tenant_id = $1 AND id = lead_duplicates.other_id AND deleted_at IS NULL)
     ORDER BY lead_id, other_id LIMIT $4",
);
const DISMISS: Sql = Sql::both(
    "UPDATE lead_duplicates SET dismissed_at = $4
     WHERE tenant_id = $1 AND lead_id = $2 AND other_id = $3",
);

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Position {
    after: Option<LeadId>,
}

impl CrmStore {
    /// Begins to compare all leads of the business with each other.
    ///
    /// # Errors
    /// `Forbidden` without the right.
    pub async fn find_duplicates(&self, scope: &TenantScope) -> Result<BatchJobId> {
        scope.require(Permission::LeadsManage)?;
        let mut tx = self.write(scope).await?;
        let total: u64 = tx.fetch_one(&COUNT, args![], "lead").await?.get("found")?;
        let kind = BatchKind::LeadDuplicates;
        let id = self
            .begin_batch(&mut tx, kind, json!({}), Some(total))
            .await?;
        tx.commit().await?;
        Ok(id)
    }

    /// Goes on comparing for one slice; `scope` is the job's.
    ///
    /// # Errors
    /// When the database fails: the next attempt goes on where this one stopped.
    pub async fn run_find_duplicates(&self, scope: &TenantScope, id: BatchJobId) -> Result<()> {
        let (asked, _) = self.batch_scope(scope, id).await?;
        for _ in 0..CHUNKS {
            if !self.compare_chunk(&asked, id).await? {
                return Ok(());
            }
        }
        self.continue_batch(scope, id).await
    }

    /// Whether there is more to do.
    async fn compare_chunk(&self, scope: &TenantScope, id: BatchJobId) -> Result<bool> {
        let right = |_: &Open| Ok(Permission::LeadsManage);
        let Some((mut tx, mut open)) = self.begin_step(scope, id, right).await? else {
            return Ok(false);
        };
        let (now, position) = (self.now(), open.position::<Position>()?);
        let after = position.after.map_or(uuid::Uuid::nil(), LeadId::uuid);
        let rows = tx.fetch_all(&NEXT, args![after, CHUNK]).await?;
        let leads: Vec<Lead> = rows.iter().map(read_lead).collect::<Result<_>>()?;
        let pairs = pairs(&mut tx, &leads).await?;
        let mut found = open.result["pairs"].as_u64().unwrap_or_default();
        if !pairs.is_empty() {
            let values = args![now, Json(Value::Array(pairs))];
            found += tx.execute(&ADD, values).await?;
        }
        open.result = json!({ "pairs": found });
        open.done += leads.len() as u64;
        let has_more = leads.len() == CHUNK as usize;
        let after = leads.last().map(|lead| lead.id);
        let position = has_more.then(|| json!(Position { after }));
        open.end_step(tx, now, position).await
    }

    /// Pairs of leads that may be one person and were not dismissed, by the older one. Both are live.
    pub async fn duplicates(
        &self,
        scope: &TenantScope,
        after: Option<LeadPair>,
        limit: u32,
    ) -> Result<Vec<Duplicates>> {
        scope.require(Permission::LeadsManage)?;
        let mut tx = self.read(scope).await?;
        let nil = LeadId::from_uuid(uuid::Uuid::nil());
        let (lead, other) = after.unwrap_or((nil, nil));
        let values = args![lead.uuid(), other.uuid(), limit.min(201)];
        let rows = tx.fetch_all(&LIST, values).await?;
        let mut ids = HashSet::new();
        for row in &rows {
            ids.extend([row.id::<LeadId>("lead_id")?, row.id("other_id")?]);
        }
        let leads = of_ids(&mut tx, &ids.into_iter().collect::<Vec<_>>()).await?;
        let leads: HashMap<_, _> = leads.into_iter().map(|lead| (lead.id, lead)).collect();
        let lead = |row: &Row, column| {
            let lead = leads.get(&row.id::<LeadId>(column)?).cloned();
            lead.ok_or(Error::NotFound { what: "lead" })
        };
        let pair = |row: &Row| {
            Ok(Duplicates {
                lead: lead(row, "lead_id")?,
                other: lead(row, "other_id")?,
                reason: row.parse("reason")?,
                found_at: row.get("found_at")?,
            })
        };
        rows.iter().map(pair).collect()
    }

    /// Says that two leads are not one person: the pair is not listed any more.
    ///
    /// # Errors
    /// `Forbidden` without the right; `NotFound` when there is no such pair.
    pub async fn dismiss_duplicates(&self, scope: &TenantScope, pair: LeadPair) -> Result<()> {
        scope.require(Permission::LeadsManage)?;
        let mut tx = self.write(scope).await?;
        let (older, newer) = ordered(pair.0, pair.1);
        let values = args![older.uuid(), newer.uuid(), self.now()];
        if tx.execute(&DISMISS, values).await? == 0 {
            return Err(Error::NotFound { what: "pair" });
        }
        tx.commit().await
    }
}

/// The pairs that these leads are part of: the ids and the reason, as [`ADD`] takes them.
async fn pairs(tx: &mut TenantTx, leads: &[Lead]) -> Result<Vec<Value>> {
    let wanted: Vec<Value> = leads.iter().flat_map(wanted).collect();
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let mut like: HashMap<LeadId, HashSet<LeadId>> = HashMap::new();
    for row in tx
        .fetch_all(&LIKE_THEM, args![Json(Value::Array(wanted))])
        .await?
    {
        let (lead, other): (LeadId, LeadId) = (row.id("id")?, row.id("other_id")?);
        if other != lead {
            like.entry(lead).or_default().insert(other);
        }
    }
    like.retain(|lead, others| {
        let is_somebody = others.len() <= MOST;
        // A pair is found from its newer end alone.
        others.retain(|other| other < lead);
        is_somebody
    });
    let others: HashSet<LeadId> = like.values().flatten().copied().collect();
    let mut known = HashMap::new();
    for ids in others.into_iter().collect::<Vec<_>>().chunks(1_000) {
        let rows = of_ids(tx, ids).await?;
        known.extend(rows.into_iter().map(|lead| (lead.id, lead)));
    }
    let mut pairs = Vec::new();
    for lead in leads {
        for other in like.get(&lead.id).into_iter().flatten() {
            let other = known.get(other).filter(|other| other.deleted_at.is_none());
            if let Some((other, reason)) =
                other.and_then(|other| Some((other, reason(lead, other)?)))
            {
                let (older, newer) = ordered(lead.id, other.id);
                let (older, newer) = (hex(older.uuid()), hex(newer.uuid()));
                pairs.push(json!([older, newer, reason.as_str()]));
            }
        }
    }
    Ok(pairs)
}

/// The ranges of the index in which whoever may be this person stands.
fn wanted(lead: &Lead) -> Vec<Value> {
    let mut ranges = Vec::new();
    let mut add =
        |from: String, until: String| ranges.push(json!([hex(lead.id.uuid()), from, until]));
    if let Some(token) = lead
        .phone
        .as_ref()
        .and_then(|number| digits_token(number, TAIL))
    {
        // Behind every token that begins like it: no digit is greater.
        let until = format!("{token}:");
        add(token, until);
    }
    if let Some(address) = &lead.email {
        let token = address_token(address);
        let until = format!("{token}\u{1}");
        add(token, until);
    }
    ranges
}

fn reason(one: &Lead, other: &Lead) -> Option<DuplicateReason> {
    if one.phone.is_some() && one.phone == other.phone {
        return Some(DuplicateReason::Phone);
    }
    if one.email.is_some() && one.email == other.email {
        return Some(DuplicateReason::Email);
    }
    let (one, other) = (one.known.name.as_deref()?, other.known.name.as_deref()?);
    names_are_near(one, other).then_some(DuplicateReason::Name)
}

/// The older of two first.
fn ordered(one: LeadId, other: LeadId) -> LeadPair {
    (one.min(other), one.max(other))
}
