//! Taking a whole import back: its leads go to the trash, by a job like that of the import.

use prosaas_core::{Error, LeadId, Result};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::super::id_list;
use super::read;
use crate::auth::{Permission, TenantScope};
use crate::model::batch::BatchKind;
use crate::model::id::BatchJobId;
use crate::model::import::ImportResult;
use crate::store::CrmStore;
use crate::store::batches::{self, Open};
use crate::store::db::{Sql, TenantTx, args};

/// The leads of one transaction.
const CHUNK: u32 = 1_000;
/// The transactions of one slice; then other jobs have their turn.
const CHUNKS: u32 = 50;

const COUNT: Sql = Sql::both(
    "SELECT count(*) AS found FROM leads WHERE tenant_id = $1 AND import_id = $2 AND deleted_at IS NULL",
);
const NEXT: Sql = Sql::split(
    "SELECT id FROM leads
     WHERE tenant_id = $1 AND import_id = $2 AND id > $3 AND deleted_at IS NULL
     ORDER BY id LIMIT $4",
    "SELECT id FROM leads
     WHERE tenant_id = $1 AND import_id = $2 AND id > $3 AND deleted_at IS NULL
     ORDER BY id LIMIT $4 FOR NO KEY UPDATE",
);
// The leads first: whoever writes their tokens or identities in this moment holds their rows.
const TO_TRASH: [Sql; 3] = [
    Sql::split(
        "UPDATE leads SET deleted_at = $3, deleted_by = $4, updated_at = $3, version = version + 1
         WHERE tenant_id = $1 AND id IN (SELECT unhex(value) FROM json_each($2))",
        "UPDATE leads SET deleted_at = $3, deleted_by = $4, updated_at = $3, version = version + 1
         WHERE tenant_id = $1 AND id = ANY (ARRAY(SELECT value::uuid FROM jsonb_array_elements_text($2) AS value))",
    ),
    Sql::split(
        "UPDATE lead_identities SET live = 0
         WHERE tenant_id = $1 AND lead_id IN (SELECT unhex(value) FROM json_each($2))
           AND $3 > 0 AND $4 IS NOT NULL",
        "UPDATE lead_identities SET live = FALSE
         WHERE tenant_id = $1
           AND lead_id = ANY (ARRAY(SELECT value::uuid FROM jsonb_array_elements_text($2) AS value))
           AND $3::bigint > 0 AND $4::uuid IS NOT NULL",
    ),
    Sql::split(
        "DELETE FROM search_tokens
         WHERE tenant_id = $1 AND entity_kind = 'lead'
           AND entity_id IN (SELECT unhex(value) FROM json_each($2))
           AND $3 > 0 AND $4 IS NOT NULL",
        "DELETE FROM search_tokens
         WHERE tenant_id = $1 AND entity_kind = 'lead'
           AND entity_id = ANY (ARRAY(SELECT value::uuid FROM jsonb_array_elements_text($2) AS value))
           AND $3::bigint > 0 AND $4::uuid IS NOT NULL",
    ),
];

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Spec {
    import: BatchJobId,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Position {
    after: Option<LeadId>,
}

impl CrmStore {
    /// Begins to put every lead that an import created into the trash, those changed since included. The job
    /// can itself be taken back, as a bulk deletion.
    ///
    /// # Errors
    /// `Forbidden` without the right; `NotFound` when there is no such import; `Conflict` `import-not-over`
    /// while it goes on, `import-undone` when none of its leads is left.
    pub async fn undo_import(&self, scope: &TenantScope, import: BatchJobId) -> Result<BatchJobId> {
        scope.require(Permission::LeadsManage)?;
        let mut tx = self.write(scope).await?;
        let (mut of_import, state) = batches::locked(&mut tx, import).await?;
        if of_import.kind != BatchKind::LeadsImport {
            return Err(Error::NotFound { what: "import" });
        }
        if !state.is_over() {
            return Err(Error::Conflict {
                what: "import-not-over",
                detail: "it goes on: wait until it is over, or stop it first".to_owned(),
            });
        }
        let left = tx.fetch_one(&COUNT, args![import.uuid()], "import").await?;
        let left: u64 = left.get("found")?;
        if left == 0 {
            return Err(Error::Conflict {
                what: "import-undone",
                detail: "none of its leads is there any more".to_owned(),
            });
        }
        let spec = json!(Spec { import });
        let kind = BatchKind::LeadsImportUndo;
        let id = self.begin_batch(&mut tx, kind, spec, Some(left)).await?;
        let mut result: ImportResult = read(&of_import.result)?;
        result.undone_by = Some(id);
        of_import.result = json!(result);
        of_import.note(&mut tx, self.now(), state).await?;
        tx.commit().await?;
        Ok(id)
    }

    /// Goes on taking an import back for one slice; `scope` is the job's.
    ///
    /// # Errors
    /// When the database fails: the next attempt goes on where this one stopped.
    pub async fn run_import_undo(&self, scope: &TenantScope, id: BatchJobId) -> Result<()> {
        let (asked, _) = self.batch_scope(scope, id).await?;
        for _ in 0..CHUNKS {
            if !self.undo_chunk(&asked, id).await? {
                return Ok(());
            }
        }
        self.continue_batch(scope, id).await
    }

    /// Whether there is more to do.
    async fn undo_chunk(&self, scope: &TenantScope, id: BatchJobId) -> Result<bool> {
        let right = |_: &Open| Ok(Permission::LeadsManage);
        let Some((mut tx, mut open)) = self.begin_step(scope, id, right).await? else {
            return Ok(false);
        };
        let now = self.now();
        let (spec, position): (Spec, Position) = (open.spec()?, open.position()?);
        let leads = next(&mut tx, spec.import, position.after).await?;
        if !leads.is_empty() {
            for sql in &TO_TRASH {
                let values = args![id_list(&leads), now, id.uuid()];
                tx.execute(sql, values).await?;
            }
        }
        open.done += leads.len() as u64;
        let has_more = leads.len() == CHUNK as usize;
        let after = leads.last().copied();
        let position = has_more.then(|| json!(Position { after }));
        open.end_step(tx, now, position).await
    }
}

async fn next(tx: &mut TenantTx, import: BatchJobId, after: Option<LeadId>) -> Result<Vec<LeadId>> {
    let after = after.map_or(uuid::Uuid::nil(), LeadId::uuid);
    let rows = tx
        .fetch_all(&NEXT, args![import.uuid(), after, CHUNK])
        .await?;
    rows.iter().map(|row| row.id("id")).collect()
}
