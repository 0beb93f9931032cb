//! The search index of imported leads, which follows the import: half of its work, and nobody waits for it.

use std::collections::HashMap;

use prosaas_core::{Error, LeadId, Result, UnixMillis};
use serde_json::{Value, json};
use uuid::Uuid;

use super::super::{hex, id_list, index, read_lead};
use super::{Position, Spec, note_times, read};
use crate::auth::TenantScope;
use crate::model::id::BatchJobId;
use crate::model::identity::NewIdentity;
use crate::model::import::ImportResult;
use crate::model::lead::Lead;
use crate::store::CrmStore;
use crate::store::batches;
use crate::store::db::{Json, Row, Sql, TenantTx, args};

/// The leads of one transaction: with their tokens about ten times as many rows.
const LEADS: usize = 500;

const TAKE_PART: Sql = Sql::both(
    "DELETE FROM import_parts WHERE tenant_id = $1 AND import_id = $2 AND number = $3
     RETURNING content",
);
const KEEP_REST: Sql = Sql::both(
    "INSERT INTO import_parts (tenant_id, import_id, number, is_imported, content)
     VALUES ($1, $2, $3, TRUE, $4)",
);
// Nobody changes them until their tokens are written: those would be of the lead as it was before.
const LIVE: Sql = Sql::split(
    "SELECT * FROM leads
     WHERE tenant_id = $1 AND deleted_at IS NULL AND id IN (SELECT unhex(value) FROM json_each($2))",
    "SELECT * FROM leads
     WHERE tenant_id = $1 AND deleted_at IS NULL
       AND id = ANY (ARRAY(SELECT value::uuid FROM jsonb_array_elements_text($2) AS value))
     FOR SHARE",
);
const IDENTITIES: Sql = Sql::split(
    "SELECT lead_id, kind, value FROM lead_identities
     WHERE tenant_id = $1 AND lead_id IN (SELECT unhex(value) FROM json_each($2))",
    "SELECT lead_id, kind, value FROM lead_identities
     WHERE tenant_id = $1 AND lead_id = ANY (ARRAY(SELECT value::uuid FROM jsonb_array_elements_text($2) AS value))",
);
// A lead that was changed since has its tokens already.
const ADD_TOKENS: Sql = Sql::split(
    "INSERT INTO search_tokens (tenant_id, entity_kind, entity_id, recency, token)
     SELECT $1, 'lead', unhex(value ->> 0), value ->> 1, value ->> 2 FROM json_each($2) WHERE 1 = 1
     ON CONFLICT DO NOTHING",
    "INSERT INTO search_tokens (tenant_id, entity_kind, entity_id, recency, token)
     SELECT $1, 'lead', (value ->> 0)::uuid, (value ->> 1)::bigint, value ->> 2
     FROM jsonb_array_elements($2) AS value
     ON CONFLICT DO NOTHING",
);

impl CrmStore {
    /// Has the leads of one part found by search, a bounded number of them at a time.
    pub(super) async fn index_part(
        &self,
        scope: &TenantScope,
        id: BatchJobId,
        number: u64,
    ) -> Result<()> {
        let mut tx = self.write(scope).await?;
        let (mut open, state) = batches::locked(&mut tx, id).await?;
        let (spec, mut position): (Spec, Position) = (read(&open.spec)?, read(&open.position)?);
        if position.searchable + 1 != number {
            return Ok(());
        }
        let part = tx
            .fetch_optional(&TAKE_PART, args![id.uuid(), number])
            .await?;
        let part: Vec<u8> = part.map_or_else(|| Ok(Vec::new()), |row| row.get("content"))?;
        let (now_found, rest) = part.split_at(part.len().min(LEADS * 16));
        index_leads(&mut tx, &ids(now_found)?).await?;
        if rest.is_empty() {
            position.searchable += 1;
        } else {
            tx.execute(&KEEP_REST, args![id.uuid(), number, rest])
                .await?;
        }
        let now = self.now();
        let mut result: ImportResult = read(&open.result)?;
        note_times(&mut result, &position, spec.parts, (open.begun, now));
        if !state.is_over() {
            return self.note_progress(tx, open, &position, &result, now).await;
        }
        open.position = json!(position);
        open.result = json!(result);
        open.note(&mut tx, now, state).await?;
        tx.commit().await
    }
}

fn ids(bytes: &[u8]) -> Result<Vec<LeadId>> {
    let id = |bytes: &[u8]| {
        Uuid::from_slice(bytes)
            .map(LeadId::from_uuid)
            .map_err(|error| Error::internal("import", error))
    };
    bytes.chunks(16).map(id).collect()
}

async fn index_leads(tx: &mut TenantTx, leads: &[LeadId]) -> Result<()> {
    if leads.is_empty() {
        return Ok(());
    }
    let live = tx.fetch_all(&LIVE, args![id_list(leads)]).await?;
    let live: Vec<Lead> = live.iter().map(read_lead).collect::<Result<_>>()?;
    let mut identities: HashMap<LeadId, Vec<NewIdentity>> = HashMap::new();
    for row in tx.fetch_all(&IDENTITIES, args![id_list(leads)]).await? {
        let (lead, identity) = read_identity(&row)?;
        identities.entry(lead).or_default().push(identity);
    }
    let mut tokens: Vec<(String, UnixMillis, LeadId)> = Vec::new();
    for lead in &live {
        let of_lead = identities.get(&lead.id).map(Vec::as_slice);
        let of_lead = of_lead.unwrap_or_default();
        let found_by = index::tokens_of(&lead.known, lead.company.as_deref(), of_lead.iter());
        tokens.extend(
            found_by
                .iter()
                .map(|token| (token.to_owned(), lead.created_at, lead.id)),
        );
    }
    if tokens.is_empty() {
        return Ok(());
    }
    // In the order of the index, so that rows that stand together in it are written together.
    tokens.sort_unstable();
    let row =
        |(token, at, lead): &(String, UnixMillis, LeadId)| json!([hex(lead.uuid()), at.0, token]);
    let rows = Value::Array(tokens.iter().map(row).collect());
    tx.execute(&ADD_TOKENS, args![Json(rows)]).await.map(drop)
}

fn read_identity(row: &Row) -> Result<(LeadId, NewIdentity)> {
    let (kind, value): (_, String) = (row.parse("kind")?, row.get("value")?);
    Ok((row.id("lead_id")?, NewIdentity::stored(kind, value)))
}
