//! The rows of one part as leads: a few statements for all of them, whatever their number.

use std::collections::HashSet;

use prosaas_core::{LeadId, Result, UnixMillis};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::super::{first_stage, hex};
use super::labels::{Label, Labels};
use crate::model::id::{BatchJobId, IdentityId};
use crate::model::identity::NewIdentity;
use crate::model::import::{ImportRow, RowError};
use crate::store::db::{Json, Sql, TenantTx, args};

const KNOWN: Sql = Sql::split(
    "SELECT kind, value FROM lead_identities
     WHERE tenant_id = $1 AND kind = $2 AND live = 1 AND value IN (SELECT value FROM json_each($3))",
    "SELECT kind, value FROM lead_identities
     WHERE tenant_id = $1 AND kind = $2 AND live
       AND value = ANY (ARRAY(SELECT wanted FROM jsonb_array_elements_text($3) AS wanted))",
);
const ADD_LEADS: Sql = Sql::split(
    "INSERT INTO leads (tenant_id, id, source, stage_id, name, phone, email, intent, notes, import_id,
                        active_at, created_at, updated_at)
     SELECT $1, unhex(value ->> 0), 'import', coalesce(unhex(value ->> 6), $2), value ->> 1, value ->> 2,
            value ->> 3, value ->> 4, value ->> 5, $3, $4, $4, $4
     FROM json_each($5)",
    "INSERT INTO leads (tenant_id, id, source, stage_id, name, phone, email, intent, notes, import_id,
                        active_at, created_at, updated_at)
     SELECT $1, (value ->> 0)::uuid, 'import', coalesce((value ->> 6)::uuid, $2), value ->> 1, value ->> 2,
            value ->> 3, value ->> 4, value ->> 5, $3, $4, $4, $4
     FROM jsonb_array_elements($5) AS value",
);
const ADD_IDENTITIES: Sql = Sql::split(
    "INSERT INTO lead_identities (tenant_id, id, lead_id, kind, value, live, created_at)
     SELECT $1, unhex(value ->> 0), unhex(value ->> 1), value ->> 2, value ->> 3, 1, $2
     FROM json_each($3)",
    "INSERT INTO lead_identities (tenant_id, id, lead_id, kind, value, live, created_at)
     SELECT $1, (value ->> 0)::uuid, (value ->> 1)::uuid, value ->> 2, value ->> 3, TRUE, $2
     FROM jsonb_array_elements($3) AS value",
);
const ADD_TAGS: Sql = Sql::split(
    "INSERT INTO lead_tags (tenant_id, lead_id, tag_id)
     SELECT $1, unhex(value ->> 0), unhex(value ->> 1) FROM json_each($2)",
    "INSERT INTO lead_tags (tenant_id, lead_id, tag_id)
     SELECT $1, (value ->> 0)::uuid, (value ->> 1)::uuid FROM jsonb_array_elements($2) AS value",
);
// On PostgreSQL each key is looked up by itself: before a new table has statistics, its planner takes a list for few
// rows, reads all keys of the import, and compares each with the whole list.
const MET: Sql = Sql::split(
    "SELECT hash FROM import_keys
     WHERE tenant_id = $1 AND import_id = $2 AND hash IN (SELECT unhex(value) FROM json_each($3))",
    "SELECT met.hash FROM jsonb_array_elements_text($3) AS value
     CROSS JOIN LATERAL (
         SELECT hash FROM import_keys
         WHERE tenant_id = $1 AND import_id = $2 AND hash = decode(value, 'hex') LIMIT 1) AS met",
);
const MEET: Sql = Sql::split(
    "INSERT INTO import_keys (tenant_id, import_id, hash)
     SELECT $1, $2, unhex(value) FROM json_each($3)",
    "INSERT INTO import_keys (tenant_id, import_id, hash)
     SELECT $1, $2, decode(value, 'hex') FROM jsonb_array_elements_text($3) AS value",
);

/// How somebody is recognised: kind and value.
type Key<'r> = (&'r str, &'r str);

/// A row that becomes a lead, with its stage and tags.
pub(super) struct NewRow<'r> {
    row: &'r ImportRow,
    label: Label,
}

/// The rows of people nobody knows yet, and those that are left out: of people who are leads already or came
/// before in the file, and with stages or tags that are not there.
pub(super) async fn split<'r>(
    tx: &mut TenantTx,
    import: BatchJobId,
    (rows, labels): (&'r [ImportRow], &Labels),
    dry_run: bool,
) -> Result<(Vec<NewRow<'r>>, Vec<RowError>)> {
    let mut known = known(tx, rows).await?;
    if dry_run {
        known.extend(met(tx, import, rows).await?);
    }
    let mut seen: HashSet<Key<'r>> = HashSet::new();
    let (mut new, mut left_out) = (Vec::with_capacity(rows.len()), Vec::new());
    for row in rows {
        let keys: Vec<_> = row.identities.iter().map(key).collect();
        let is_known = |key: &Key<'r>| seen.contains(key) || known.contains(&hash(*key));
        if keys.iter().any(is_known) {
            left_out.push(RowError {
                line: row.line,
                code: "duplicate",
            });
            continue;
        }
        match labels.label(row) {
            Ok(label) => {
                seen.extend(keys);
                new.push(NewRow { row, label });
            }
            Err(error) => left_out.push(error),
        }
    }
    if dry_run {
        meet(tx, import, &seen).await?;
    }
    Ok((new, left_out))
}

/// Who of them is a lead already.
async fn known(tx: &mut TenantTx, rows: &[ImportRow]) -> Result<HashSet<[u8; 16]>> {
    let mut known = HashSet::new();
    for kind in ["e164", "email"] {
        let keys = rows.iter().flat_map(|row| &row.identities).map(key);
        let values: Vec<_> = keys
            .filter(|(of, _)| *of == kind)
            .map(|(_, value)| json!(value))
            .collect();
        if values.is_empty() {
            continue;
        }
        let values = args![kind, Json(Value::Array(values))];
        for row in tx.fetch_all(&KNOWN, values).await? {
            let value: String = row.get("value")?;
            known.insert(hash((kind, &value)));
        }
    }
    Ok(known)
}

/// Whom of them a dry run has met in an earlier part.
async fn met(
    tx: &mut TenantTx,
    import: BatchJobId,
    rows: &[ImportRow],
) -> Result<HashSet<[u8; 16]>> {
    let keys = rows.iter().flat_map(|row| &row.identities).map(key);
    let values = args![import.uuid(), hashes(keys)];
    let rows = tx.fetch_all(&MET, values).await?;
    rows.iter().map(|row| row.get("hash")).collect()
}

async fn meet(tx: &mut TenantTx, import: BatchJobId, seen: &HashSet<Key<'_>>) -> Result<()> {
    let values = args![import.uuid(), hashes(seen.iter().copied())];
    tx.execute(&MEET, values).await.map(drop)
}

fn key(identity: &NewIdentity) -> Key<'_> {
    (identity.kind().as_str(), identity.expose())
}

fn hash((kind, value): Key<'_>) -> [u8; 16] {
    let mut hash = Sha256::new();
    hash.update(kind);
    hash.update([0_u8]);
    hash.update(value);
    let whole: [u8; 32] = hash.finalize().into();
    std::array::from_fn(|at| whole[at])
}

fn hashes<'k>(keys: impl Iterator<Item = Key<'k>>) -> Json {
    let text = |key| {
        let hash = u128::from_be_bytes(hash(key));
        json!(format!("{hash:032x}"))
    };
    Json(Value::Array(keys.map(text).collect()))
}

/// A statement a table for all of them; returns the leads.
pub(super) async fn insert(
    tx: &mut TenantTx,
    now: UnixMillis,
    import: BatchJobId,
    rows: &[NewRow<'_>],
) -> Result<Vec<LeadId>> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let stage = first_stage(tx).await?;
    let mut ids: Vec<_> = rows.iter().map(|_| LeadId::mint(now)).collect();
    // In the order of the index, and of the file: a list of the newest shows the last row first.
    ids.sort_unstable();
    let (mut leads, mut identities) = (Vec::with_capacity(rows.len()), Vec::new());
    let mut tags = Vec::new();
    for (NewRow { row, label }, lead) in rows.iter().zip(&ids) {
        let lead = hex(lead.uuid());
        let first = |kind: &str| {
            let mut keys = row.identities.iter().map(key);
            keys.find(|(of, _)| *of == kind).map(|(_, value)| value)
        };
        let known = &row.known;
        leads.push(json!([
            lead,
            known.name,
            first("e164"),
            first("email"),
            known.intent,
            known.notes,
            label.0.map(|stage| hex(stage.uuid())),
        ]));
        tags.extend(label.1.iter().map(|tag| json!([lead, hex(tag.uuid())])));
        for (kind, value) in row.identities.iter().map(key) {
            let id = hex(IdentityId::mint(now).uuid());
            identities.push(json!([id, lead, kind, value]));
        }
    }
    let values = args![stage.uuid(), import.uuid(), now, Json(Value::Array(leads))];
    tx.execute(&ADD_LEADS, values).await?;
    if !identities.is_empty() {
        let values = args![now, Json(Value::Array(identities))];
        tx.execute(&ADD_IDENTITIES, values).await?;
    }
    if !tags.is_empty() {
        let values = args![Json(Value::Array(tags))];
        tx.execute(&ADD_TAGS, values).await?;
    }
    Ok(ids)
}
