//! The job of an import: one part a transaction, so that whoever goes on after a crash doubles nothing.

use futures_util::future::join;
use prosaas_core::{Error, LeadId, Result, UnixMillis};
use serde_json::json;

use super::labels::Labels;
use super::{Position, Spec, note_times, read, remove_file, rows};
use crate::auth::{Permission, TenantScope};
use crate::model::batch::BatchState;
use crate::model::id::BatchJobId;
use crate::model::import::{FileRow, ImportResult, ImportRow, RowError};
use crate::model::phone::PhoneRegion;
use crate::store::CrmStore;
use crate::store::batches::{self, Open};
use crate::store::db::{Sql, TenantTx, args};

/// The parts of one slice; then other jobs have their turn.
const PARTS: u32 = 50;
/// How often a part is tried again because somebody else took one of its numbers in the same moment.
const TRIES: u32 = 5;
/// After how many rows others on this thread have their turn: reading a number takes a few microseconds.
const ROWS_AT_ONCE: usize = 100;

const PART: Sql = Sql::both(
    "SELECT content FROM import_parts
     WHERE tenant_id = $1 AND import_id = $2 AND number = $3 AND NOT is_imported",
);
const REPLACE_PART: Sql = Sql::both(
    "UPDATE import_parts SET content = $4, is_imported = TRUE
     WHERE tenant_id = $1 AND import_id = $2 AND number = $3",
);
const REMOVE_PART: Sql =
    Sql::both("DELETE FROM import_parts WHERE tenant_id = $1 AND import_id = $2 AND number = $3");

/// What comes next.
enum Next {
    /// This part becomes leads.
    Import(u64),
    /// The leads of this part come to be found.
    Index(u64),
    /// It is over.
    Nothing,
}

/// A part of the file, read.
struct Part {
    number: u64,
    rows: Vec<ImportRow>,
    unreadable: Vec<RowError>,
}

impl CrmStore {
    /// Goes on with an import for one slice; `scope` is the job's, what is done is done in the name of whoever
    /// asked. What is over stays over, but its leads come to be found.
    ///
    /// # Errors
    /// When the database fails: the next attempt goes on where this one stopped.
    pub async fn run_import(&self, scope: &TenantScope, id: BatchJobId) -> Result<()> {
        let (asked, _) = self.batch_scope(scope, id).await?;
        let region = self.phone_region(&asked).await?;
        let mut ahead = None;
        for _ in 0..PARTS {
            match self.next_of_import(&asked, id).await? {
                Next::Import(number) => {
                    let is_next = |part: &Part| part.number == number;
                    let part = match ahead.take().filter(is_next) {
                        Some(part) => Some(part),
                        None => self.read_part(&asked, id, number, region).await?,
                    };
                    // Without one it was stopped, or is done: what comes next is looked at again.
                    let Some(part) = part else { continue };
                    // While the database writes, the next part is read.
                    let stored = self.import_part(&asked, id, &part);
                    let following = self.read_part(&asked, id, number + 1, region);
                    let (stored, following) = Box::pin(join(stored, following)).await;
                    stored?;
                    ahead = following?;
                }
                Next::Index(number) => self.index_part(&asked, id, number).await?,
                Next::Nothing => return Ok(()),
            }
        }
        let mut tx = self.write(&asked).await?;
        self.go_on(&mut tx, id).await?;
        tx.commit().await
    }

    /// What comes next; ends the import when nothing does.
    async fn next_of_import(&self, scope: &TenantScope, id: BatchJobId) -> Result<Next> {
        let mut tx = self.write(scope).await?;
        let (mut open, state) = batches::locked(&mut tx, id).await?;
        let (spec, position): (Spec, Position) = (read(&open.spec)?, read(&open.position)?);
        if !state.is_over() && position.imported < spec.parts {
            return Ok(Next::Import(position.imported + 1));
        }
        if position.searchable < position.imported {
            return Ok(Next::Index(position.searchable + 1));
        }
        remove_file(&mut tx, id, 0).await?;
        if !state.is_over() {
            let mut result: ImportResult = read(&open.result)?;
            let now = self.now();
            result.dry_run = spec.dry_run;
            note_times(&mut result, &position, spec.parts, (open.begun, now));
            open.result = json!(result);
            open.end(&mut tx, now, BatchState::Done).await?;
        }
        tx.commit().await?;
        Ok(Next::Nothing)
    }

    /// A part that was uploaded, as people; `None` when there is none such.
    async fn read_part(
        &self,
        scope: &TenantScope,
        id: BatchJobId,
        number: u64,
        region: PhoneRegion,
    ) -> Result<Option<Part>> {
        let content = {
            let tx = self.look(scope).await?;
            tx.fetch_optional(&PART, args![id.uuid(), number]).await?
        };
        match content {
            Some(row) => {
                let content: Vec<u8> = row.get("content")?;
                parsed(number, &content, region).await.map(Some)
            }
            None => Ok(None),
        }
    }

    async fn import_part(&self, scope: &TenantScope, id: BatchJobId, part: &Part) -> Result<()> {
        for _ in 1..TRIES {
            match self.store_part(scope, id, part).await {
                Err(Error::Conflict { .. }) => {}
                done => return done,
            }
        }
        self.store_part(scope, id, part).await
    }

    /// One part and how far the import is by it, together or not at all.
    async fn store_part(&self, scope: &TenantScope, id: BatchJobId, part: &Part) -> Result<()> {
        let right = |_: &Open| Ok(Permission::LeadsManage);
        let Some((mut tx, mut open)) = self.begin_step(scope, id, right).await? else {
            return Ok(());
        };
        let (spec, mut position): (Spec, Position) = (open.spec()?, open.position()?);
        if position.imported + 1 != part.number {
            return Ok(());
        }
        let now = self.now();
        let labels = Labels::of(&mut tx, &part.rows).await?;
        let (new, left_out) = rows::split(&mut tx, id, (&part.rows, &labels), spec.dry_run).await?;
        if spec.dry_run {
            position.searchable += 1;
            tx.execute(&REMOVE_PART, args![id.uuid(), part.number])
                .await?;
        } else {
            let leads = rows::insert(&mut tx, now, id, &new).await?;
            keep_leads(&mut tx, id, part.number, &leads).await?;
        }
        position.imported += 1;
        let mut result: ImportResult = read(&open.result)?;
        result.dry_run = spec.dry_run;
        labels.explain(&left_out, &mut result);
        let created = new.len();
        count(&mut open, &mut result, created, &part.unreadable, &left_out);
        note_times(&mut result, &position, spec.parts, (open.begun, now));
        self.note_progress(tx, open, &position, &result, now).await
    }

    /// Writes down how far an import is, and commits.
    pub(super) async fn note_progress(
        &self,
        mut tx: TenantTx,
        mut open: Open,
        position: &Position,
        result: &ImportResult,
        now: UnixMillis,
    ) -> Result<()> {
        open.position = json!(position);
        open.result = json!(result);
        open.keep(&mut tx, now).await?;
        tx.commit().await
    }
}

async fn parsed(number: u64, content: &[u8], region: PhoneRegion) -> Result<Part> {
    let rows: Vec<FileRow> =
        serde_json::from_slice(content).map_err(|error| Error::internal("import", error))?;
    let mut part = Part {
        number,
        rows: Vec::with_capacity(rows.len()),
        unreadable: Vec::new(),
    };
    for (at, row) in rows.into_iter().enumerate() {
        match row.person(region) {
            Ok(row) => part.rows.push(row),
            Err(error) => part.unreadable.push(error),
        }
        if at % ROWS_AT_ONCE == 0 {
            tokio::task::yield_now().await;
        }
    }
    Ok(part)
}

/// In place of its rows a part keeps the leads they became, until those are found.
async fn keep_leads(
    tx: &mut TenantTx,
    id: BatchJobId,
    number: u64,
    leads: &[LeadId],
) -> Result<()> {
    let ids: Vec<u8> = leads
        .iter()
        .flat_map(|lead| lead.uuid().into_bytes())
        .collect();
    tx.execute(&REPLACE_PART, args![id.uuid(), number, ids])
        .await
        .map(drop)
}

/// Counts what became of a part, its errors in the order of the file.
fn count(
    open: &mut Open,
    result: &mut ImportResult,
    created: usize,
    unreadable: &[RowError],
    left_out: &[RowError],
) {
    open.done += created as u64;
    let mut errors: Vec<_> = unreadable.iter().chain(left_out).collect();
    errors.sort_by_key(|error| error.line);
    for error in errors {
        open.fail(error.line, error.code);
        *result.reasons.entry(error.code.to_owned()).or_default() += 1;
    }
}
