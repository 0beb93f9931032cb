//! Importing leads by the batch, and taking a whole import back.

use std::collections::HashSet;

use prosaas_core::{Error, LeadId, Result, UnixMillis};
use serde_json::{Value, json};

use super::{first_stage, hex, index};
use crate::auth::TenantScope;
use crate::model::id::{IdentityId, ImportId};
use crate::model::import::{Import, ImportRow, RowError};
use crate::store::CrmStore;
use crate::store::db::{Change, Json, Row, Sql, TenantTx, args};

const BEGIN: Sql = Sql::both(
    "INSERT INTO imports (tenant_id, id, file_name, dry_run, state, actor_kind, actor_id, created_at, updated_at)
     VALUES ($1, $2, '', $3, 'running', $4, $5, $6, $6)",
);
const IMPORT: Sql = Sql::both("SELECT * FROM imports WHERE tenant_id = $1 AND id = $2");
const PROGRESS: Sql = Sql::both(
    "UPDATE imports SET rows = rows + $3, created = created + $4, failed = failed + $5, errors = $6,
         updated_at = $7, version = version + 1
     WHERE tenant_id = $1 AND id = $2 AND state = 'running'",
);
const END: Sql = Sql::both(
    "UPDATE imports SET state = $3, updated_at = $4, version = version + 1
     WHERE tenant_id = $1 AND id = $2 AND state = 'running'",
);
const KNOWN: Sql = Sql::split(
    "SELECT kind, value FROM lead_identities
     WHERE tenant_id = $1 AND kind = $2 AND live = 1 AND value IN (SELECT value FROM json_each($3))",
    "SELECT kind, value FROM lead_identities
     WHERE tenant_id = $1 AND kind = $2 AND live
       AND value IN (SELECT wanted FROM jsonb_array_elements_text($3) AS wanted)",
);
const ADD_LEADS: Sql = Sql::split(
    "INSERT INTO leads (tenant_id, id, source, stage_id, name, phone, email, intent, notes, import_id,
                        active_at, created_at, updated_at)
     SELECT $1, unhex(value ->> 'id'), 'import', $2, value ->> 'name', value ->> 'phone', value ->> 'email',
            value ->> 'intent', value ->> 'notes', $3, $4, $4, $4
     FROM json_each($5)",
    "INSERT INTO leads (tenant_id, id, source, stage_id, name, phone, email, intent, notes, import_id,
                        active_at, created_at, updated_at)
     SELECT $1, (value ->> 'id')::uuid, 'import', $2, value ->> 'name', value ->> 'phone', value ->> 'email',
            value ->> 'intent', value ->> 'notes', $3, $4, $4, $4
     FROM jsonb_array_elements($5) AS value",
);
const ADD_IDENTITIES: Sql = Sql::split(
    "INSERT INTO lead_identities (tenant_id, id, lead_id, kind, value, live, created_at)
     SELECT $1, unhex(value ->> 'id'), unhex(value ->> 'lead'), value ->> 'kind', value ->> 'value', 1, $2
     FROM json_each($3)",
    "INSERT INTO lead_identities (tenant_id, id, lead_id, kind, value, live, created_at)
     SELECT $1, (value ->> 'id')::uuid, (value ->> 'lead')::uuid, value ->> 'kind', value ->> 'value', TRUE, $2
     FROM jsonb_array_elements($3) AS value",
);
const ADD_TOKENS: Sql = Sql::split(
    "INSERT INTO search_tokens (tenant_id, entity_kind, entity_id, recency, token)
     SELECT $1, 'lead', unhex(value ->> 'lead'), $2, value ->> 'token' FROM json_each($3)",
    "INSERT INTO search_tokens (tenant_id, entity_kind, entity_id, recency, token)
     SELECT $1, 'lead', (value ->> 'lead')::uuid, $2, value ->> 'token'
     FROM jsonb_array_elements($3) AS value",
);
const UNDO: Sql = Sql::both(
    "UPDATE imports SET state = 'undone', updated_at = $3, version = version + 1
     WHERE tenant_id = $1 AND id = $2 AND state IN ('done', 'failed')",
);
const FORGET_TOKENS: Sql = Sql::both(
    "DELETE FROM search_tokens WHERE tenant_id = $1 AND entity_kind = 'lead' AND entity_id IN (
         SELECT id FROM leads WHERE tenant_id = $1 AND import_id = $2 AND deleted_at IS NULL)",
);
const HIDE_IDENTITIES: Sql = Sql::split(
    "UPDATE lead_identities SET live = 0 WHERE tenant_id = $1 AND lead_id IN (
         SELECT id FROM leads WHERE tenant_id = $1 AND import_id = $2 AND deleted_at IS NULL)",
    "UPDATE lead_identities SET live = FALSE WHERE tenant_id = $1 AND lead_id IN (
         SELECT id FROM leads WHERE tenant_id = $1 AND import_id = $2 AND deleted_at IS NULL)",
);
const DELETE_LEADS: Sql = Sql::both(
    "UPDATE leads SET deleted_at = $3, updated_at = $3, version = version + 1
     WHERE tenant_id = $1 AND import_id = $2 AND deleted_at IS NULL",
);

impl CrmStore {
    /// Begins an import.
    pub async fn begin_import(&self, scope: &TenantScope, dry_run: bool) -> Result<ImportId> {
        let mut tx = self.write(scope).await?;
        let now = self.now();
        let id = ImportId::mint(now);
        let actor = tx.actor();
        let values = args![id.uuid(), dry_run, actor.kind(), actor.id(), now];
        tx.execute(&BEGIN, values).await?;
        tx.record(Change::new("import.started", "import", id));
        tx.commit().await?;
        Ok(id)
    }

    /// Imports the rows of one batch, all or nothing: rows whose number or address a lead has already,
    /// or an earlier row of the batch, are counted as duplicates. `failed` are rows that could not be
    /// read at all.
    ///
    /// # Errors
    /// `NotFound` when there is no such import or it does not run any more.
    pub async fn import_batch(
        &self,
        scope: &TenantScope,
        import: ImportId,
        rows: Vec<ImportRow>,
        failed: Vec<RowError>,
    ) -> Result<()> {
        let mut tx = self.write(scope).await?;
        let now = self.now();
        let row = tx
            .fetch_one(&IMPORT, args![import.uuid()], "import")
            .await?;
        let before = read_import(&row)?;
        let count = rows.len() + failed.len();
        let mut errors = failed;
        let new = without_duplicates(&mut tx, rows, &mut errors).await?;
        if !before.dry_run && !new.is_empty() {
            insert(&mut tx, now, import, &new).await?;
        }
        let failures = errors.len();
        let mut kept = before.errors;
        let room = Import::MAX_ERRORS.saturating_sub(kept.len());
        kept.extend(errors.into_iter().take(room));
        let values = args![
            import.uuid(),
            count,
            new.len(),
            failures,
            Json(json!(kept)),
            now
        ];
        if tx.execute(&PROGRESS, values).await? == 0 {
            return Err(Error::NotFound { what: "import" });
        }
        tx.commit().await
    }

    /// Ends an import that has read its file, or that could not read on.
    pub async fn end_import(
        &self,
        scope: &TenantScope,
        import: ImportId,
        is_whole: bool,
    ) -> Result<Import> {
        let mut tx = self.write(scope).await?;
        let state = if is_whole { "done" } else { "failed" };
        tx.execute(&END, args![import.uuid(), state, self.now()])
            .await?;
        let row = tx
            .fetch_one(&IMPORT, args![import.uuid()], "import")
            .await?;
        let ended = read_import(&row)?;
        let detail = json!({ "created": ended.created, "failed": ended.failed });
        tx.record(Change::new("import.ended", "import", import).detail(detail));
        tx.commit().await?;
        Ok(ended)
    }

    /// An import.
    ///
    /// # Errors
    /// `NotFound` when the business has no such import.
    pub async fn import(&self, scope: &TenantScope, import: ImportId) -> Result<Import> {
        let mut tx = self.read(scope).await?;
        read_import(
            &tx.fetch_one(&IMPORT, args![import.uuid()], "import")
                .await?,
        )
    }

    /// Puts every lead that an import created into the trash, those changed since included.
    ///
    /// # Errors
    /// `NotFound` when there is no such import; `Conflict` `import-not-over` when it runs or is undone.
    pub async fn undo_import(&self, scope: &TenantScope, import: ImportId) -> Result<Import> {
        let mut tx = self.write(scope).await?;
        let now = self.now();
        tx.require(&IMPORT, args![import.uuid()], "import").await?;
        if tx.execute(&UNDO, args![import.uuid(), now]).await? == 0 {
            return Err(Error::Conflict {
                what: "import-not-over",
                detail: "it still runs, or was undone before".to_owned(),
            });
        }
        for sql in [&FORGET_TOKENS, &HIDE_IDENTITIES] {
            tx.execute(sql, args![import.uuid()]).await?;
        }
        tx.execute(&DELETE_LEADS, args![import.uuid(), now]).await?;
        tx.record(Change::new("import.undone", "import", import));
        let row = tx
            .fetch_one(&IMPORT, args![import.uuid()], "import")
            .await?;
        let undone = read_import(&row)?;
        tx.commit().await?;
        Ok(undone)
    }
}

/// The rows of people nobody knows yet.
async fn without_duplicates(
    tx: &mut TenantTx,
    rows: Vec<ImportRow>,
    errors: &mut Vec<RowError>,
) -> Result<Vec<ImportRow>> {
    let mut known: HashSet<(String, String)> = HashSet::new();
    for kind in ["e164", "email"] {
        let identities = rows.iter().flat_map(|row| &row.identities);
        let values: Vec<_> = identities
            .filter(|one| one.kind().as_str() == kind)
            .map(|one| json!(one.expose()))
            .collect();
        let found = tx
            .fetch_all(&KNOWN, args![kind, Json(Value::Array(values))])
            .await?;
        for row in &found {
            known.insert((row.get("kind")?, row.get("value")?));
        }
    }
    let mut new = Vec::with_capacity(rows.len());
    for row in rows {
        let keys = row.identities.iter();
        let keys: Vec<_> = keys
            .map(|one| (one.kind().as_str().to_owned(), one.expose().to_owned()))
            .collect();
        if keys.iter().any(|key| known.contains(key)) {
            errors.push(RowError {
                line: row.line,
                code: "duplicate".to_owned(),
            });
            continue;
        }
        known.extend(keys);
        new.push(row);
    }
    Ok(new)
}

/// Three statements for the whole batch, whatever its size.
async fn insert(
    tx: &mut TenantTx,
    now: UnixMillis,
    import: ImportId,
    rows: &[ImportRow],
) -> Result<()> {
    let stage = first_stage(tx).await?;
    let (mut leads, mut identities, mut tokens) = (Vec::new(), Vec::new(), Vec::new());
    for row in rows {
        let lead = hex(LeadId::mint(now).uuid());
        let first = |kind: &str| {
            let mut identities = row.identities.iter();
            let found = identities.find(|one| one.kind().as_str() == kind);
            found.map(|one| one.expose().to_owned())
        };
        leads.push(json!({
            "id": lead, "name": row.known.name, "phone": first("e164"), "email": first("email"),
            "intent": row.known.intent, "notes": row.known.notes,
        }));
        for one in &row.identities {
            let id = hex(IdentityId::mint(now).uuid());
            let (kind, value) = (one.kind().as_str(), one.expose());
            identities.push(json!({ "id": id, "lead": lead, "kind": kind, "value": value }));
        }
        let found_by = index::tokens_of(&row.known, None, row.identities.iter());
        tokens.extend(
            found_by
                .iter()
                .map(|token| json!({ "lead": lead, "token": token })),
        );
    }
    let values = args![stage.uuid(), import.uuid(), now, Json(Value::Array(leads))];
    tx.execute(&ADD_LEADS, values).await?;
    tx.execute(&ADD_IDENTITIES, args![now, Json(Value::Array(identities))])
        .await?;
    tx.execute(&ADD_TOKENS, args![now, Json(Value::Array(tokens))])
        .await?;
    Ok(())
}

fn read_import(row: &Row) -> Result<Import> {
    Ok(Import {
        id: row.id("id")?,
        dry_run: row.get("dry_run")?,
        state: row.get("state")?,
        rows: row.get("rows")?,
        created: row.get("created")?,
        failed: row.get("failed")?,
        errors: row.json("errors")?,
        created_at: row.get("created_at")?,
        version: row.get("version")?,
    })
}
