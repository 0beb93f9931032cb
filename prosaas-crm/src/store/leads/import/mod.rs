//! Importing leads from a file: uploaded in parts, brought in part by part by a job, found by search after
//! that, and taken back as a whole.

mod labels;
mod rows;
mod run;
mod searchable;
mod undo;

use prosaas_core::{Error, Result, UnixMillis};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::auth::{Permission, TenantScope};
use crate::model::batch::BatchKind;
use crate::model::id::BatchJobId;
use crate::model::import::{FileRow, ImportResult};
use crate::model::job::JobWork;
use crate::store::CrmStore;
use crate::store::batches;
use crate::store::db::{Sql, TenantTx, args};

/// How many imports of a business wait or run at once: each keeps a whole file in the database.
const MAX_OPEN: u64 = 5;
/// How many forgotten uploads are removed in one transaction.
const STALE_AT_ONCE: u32 = 100;

const OPEN: Sql = Sql::both(
    "SELECT count(*) AS found FROM batch_jobs
     WHERE tenant_id = $1 AND kind = 'leads.import' AND state IN ('queued', 'running')",
);
const ADD: Sql = Sql::both("INSERT INTO imports (tenant_id, id, created_at) VALUES ($1, $2, $3)");
const REMOVE: Sql = Sql::both("DELETE FROM imports WHERE tenant_id = $1 AND id = $2");
const ADD_PART: Sql = Sql::both(
    "INSERT INTO import_parts (tenant_id, import_id, number, content) VALUES ($1, $2, $3, $4)",
);
const REMOVE_PARTS: Sql =
    Sql::both("DELETE FROM import_parts WHERE tenant_id = $1 AND import_id = $2 AND number > $3");
const REMOVE_KEYS: Sql =
    Sql::both("DELETE FROM import_keys WHERE tenant_id = $1 AND import_id = $2");
const ABANDONED: Sql = Sql::both(
    "SELECT id FROM imports
     WHERE tenant_id = $1 AND created_at < $2 AND id NOT IN (SELECT id FROM batch_jobs WHERE tenant_id = $1)
     ORDER BY created_at LIMIT $3",
);
const STUCK: Sql = Sql::both(
    "SELECT DISTINCT import_id AS id FROM import_parts
     WHERE tenant_id = $1 AND import_id IN (
         SELECT id FROM batch_jobs
         WHERE tenant_id = $1 AND kind = 'leads.import' AND state IN ('done', 'failed', 'cancelled')
           AND updated_at < $2)
     LIMIT $3",
);

/// An import, as it is stored.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Spec {
    dry_run: bool,
    parts: u64,
}

/// How many parts are in the leads, and how many of those are found by search.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Position {
    imported: u64,
    searchable: u64,
}

impl CrmStore {
    /// Begins the upload of a file of leads. One that never becomes an import is removed after a day.
    ///
    /// # Errors
    /// `Forbidden` without the right; `Conflict` `too-many-imports` while five of the business are not over.
    pub async fn begin_upload(&self, scope: &TenantScope) -> Result<BatchJobId> {
        scope.require(Permission::LeadsManage)?;
        let mut tx = self.write(scope).await?;
        require_room(&mut tx).await?;
        let now = self.now();
        let id = BatchJobId::mint(now);
        tx.execute(&ADD, args![id.uuid(), now]).await?;
        tx.commit().await?;
        Ok(id)
    }

    /// Stores a part of an upload; the first one has the number 1.
    ///
    /// # Errors
    /// `NotFound` when there is no such upload.
    pub async fn add_upload_part(
        &self,
        scope: &TenantScope,
        upload: BatchJobId,
        number: u64,
        rows: &[FileRow],
    ) -> Result<()> {
        let content = serde_json::to_vec(rows).map_err(|error| Error::internal("import", error))?;
        let mut tx = self.write(scope).await?;
        tx.execute(&ADD_PART, args![upload.uuid(), number, content])
            .await?;
        tx.commit().await
    }

    /// Removes an upload that will not become an import.
    pub async fn drop_upload(&self, scope: &TenantScope, upload: BatchJobId) -> Result<()> {
        let mut tx = self.write(scope).await?;
        remove_file(&mut tx, upload, 0).await?;
        tx.execute(&REMOVE, args![upload.uuid()]).await?;
        tx.commit().await
    }

    /// Begins to import an uploaded file of this many parts and rows: the job has the id of the upload.
    /// `dry_run` only says what would happen.
    ///
    /// # Errors
    /// `Forbidden` and `Conflict` as [`CrmStore::begin_upload`].
    pub async fn begin_import(
        &self,
        scope: &TenantScope,
        upload: BatchJobId,
        (parts, rows): (u64, u64),
        dry_run: bool,
    ) -> Result<BatchJobId> {
        scope.require(Permission::LeadsManage)?;
        let mut tx = self.write(scope).await?;
        require_room(&mut tx).await?;
        let spec = json!(Spec { dry_run, parts });
        let kind = BatchKind::LeadsImport;
        self.begin_batch_as(&mut tx, upload, kind, spec, Some(rows))
            .await?;
        tx.commit().await?;
        Ok(upload)
    }

    /// Removes uploads of before this time that never became an import, and has imports that are over and
    /// were given up on their way into the search index taken up again.
    pub async fn tidy_imports(&self, scope: &TenantScope, before: UnixMillis) -> Result<()> {
        let mut tx = self.write(scope).await?;
        let values = args![before, STALE_AT_ONCE];
        for row in tx.fetch_all(&ABANDONED, values.clone()).await? {
            let upload: BatchJobId = row.id("id")?;
            remove_file(&mut tx, upload, 0).await?;
            tx.execute(&REMOVE, args![upload.uuid()]).await?;
        }
        for row in tx.fetch_all(&STUCK, values).await? {
            self.go_on(&mut tx, row.id("id")?).await?;
        }
        tx.commit().await
    }

    /// Has an import gone on with, in a job of its own; one that is over as well, whose leads are to be found.
    async fn go_on(&self, tx: &mut TenantTx, import: BatchJobId) -> Result<()> {
        let now = self.now();
        let (mut open, state) = batches::locked(tx, import).await?;
        open.note(tx, now, state).await?;
        let work = JobWork::RunBatch {
            batch: import,
            version: open.version(),
        };
        self.add_job(tx, &work, now).await.map(drop)
    }
}

async fn require_room(tx: &mut TenantTx) -> Result<()> {
    let open: u64 = tx.fetch_one(&OPEN, args![], "job").await?.get("found")?;
    if open < MAX_OPEN {
        return Ok(());
    }
    Err(Error::Conflict {
        what: "too-many-imports",
        detail: format!("{open} imports are not over yet: wait, or stop one"),
    })
}

/// Removes the parts behind a number, and whom a dry run has met.
async fn remove_file(tx: &mut TenantTx, import: BatchJobId, behind: u64) -> Result<()> {
    tx.execute(&REMOVE_PARTS, args![import.uuid(), behind])
        .await?;
    tx.execute(&REMOVE_KEYS, args![import.uuid()])
        .await
        .map(drop)
}

fn read<T: serde::de::DeserializeOwned>(value: &Value) -> Result<T> {
    serde_json::from_value(value.clone()).map_err(|error| Error::internal("import", error))
}

/// Notes the first moments at which all leads are there, and all are found.
fn note_times(
    result: &mut ImportResult,
    position: &Position,
    parts: u64,
    times: (UnixMillis, UnixMillis),
) {
    let (begun, now) = times;
    if position.imported == parts && result.imported_ms.is_none() {
        result.imported_ms = Some(ImportResult::since(begun, now));
    }
    if position.searchable == parts && result.searchable_ms.is_none() && !result.dry_run {
        result.searchable_ms = Some(ImportResult::since(begun, now));
    }
}
