//! Doing what was asked: lead by lead, a bounded number in a transaction.

use prosaas_core::{Error, LeadId, Result};
use serde_json::json;

use super::super::{change, locked_live, trash};
use super::select::{self, Position};
use super::{records, right_to};
use crate::auth::TenantScope;
use crate::model::batch::{BatchKind, BatchState};
use crate::model::bulk::{BulkAction, BulkChange, BulkSelection};
use crate::model::id::BatchJobId;
use crate::model::lead::{Lead, LeadPatch};
use crate::model::patch::{Patch, Replace};
use crate::store::CrmStore;
use crate::store::batches::{self, Open};
use crate::store::conversations::FilesOf;
use crate::store::db::{Sql, TenantTx, args};

/// The leads of one transaction.
const CHUNK: u32 = 50;
/// The transactions of one slice; then other jobs have their turn.
const CHUNKS: u32 = 40;

const MARK: Sql = Sql::both("UPDATE leads SET deleted_by = $3 WHERE tenant_id = $1 AND id = $2");

/// What became of one step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// There is more to do.
    More,
    /// It is over.
    Over,
    /// One of several leads refused, so nothing was done: they are done one by one.
    Refused,
}

impl CrmStore {
    /// Goes on with a bulk change for one slice; `scope` is the job's, what is done is done in the name of
    /// whoever asked. What is over stays over.
    ///
    /// # Errors
    /// When the database fails: the next attempt goes on where this one stopped.
    pub async fn run_bulk(&self, scope: &TenantScope, id: BatchJobId) -> Result<()> {
        let (asked, _) = self.batch_scope(scope, id).await?;
        if !self.count_first(&asked, id).await? {
            return Ok(());
        }
        for _ in 0..CHUNKS {
            match self.step(&asked, id, CHUNK).await? {
                Step::More => {}
                Step::Over => return Ok(()),
                Step::Refused => {
                    for _ in 0..CHUNK {
                        if self.step(&asked, id, 1).await? == Step::Over {
                            return Ok(());
                        }
                    }
                }
            }
        }
        self.continue_batch(scope, id).await
    }

    /// Counts what a filter passes, once; `false` when the work is over.
    async fn count_first(&self, scope: &TenantScope, id: BatchJobId) -> Result<bool> {
        let mut tx = self.write(scope).await?;
        let Some(mut open) = batches::open(&mut tx, id).await? else {
            return Ok(false);
        };
        if open.total.is_some() {
            return Ok(true);
        }
        let change: BulkChange = open.spec()?;
        let BulkSelection::Filter { filter, expected } = &change.select else {
            return Ok(true);
        };
        let total = select::count(&mut tx, &filter.parse()?, change.action.is_on_trash()).await?;
        open.total = Some(total);
        if open.kind == BatchKind::TrashEmptied {
            self.erase_files(&mut tx, FilesOf::Trash).await?;
            let removed = records::remove(&mut tx).await?;
            open.total = Some(total + removed);
            open.done = removed;
        }
        let is_expected = expected.is_none_or(|expected| expected == total);
        if is_expected {
            open.keep(&mut tx, self.now()).await?;
        } else {
            open.fail("", "count-changed");
            open.end(&mut tx, self.now(), BatchState::Failed).await?;
        }
        tx.commit().await?;
        Ok(is_expected)
    }

    async fn step(&self, scope: &TenantScope, id: BatchJobId, limit: u32) -> Result<Step> {
        let right = |open: &Open| Ok(right_to(&open.spec::<BulkChange>()?.action));
        let Some((mut tx, mut open)) = self.begin_step(scope, id, right).await? else {
            return Ok(Step::Over);
        };
        let (change, mut position): (BulkChange, Position) = (open.spec()?, open.position()?);
        let (leads, is_last) = select::next(&mut tx, &change, &mut position, limit).await?;
        open.position = json!(position);
        for lead in &leads {
            match self.act(&mut tx, id, &change.action, *lead).await {
                Ok(()) => open.done += 1,
                Err(error) if is_refusal(&error) && limit > 1 => return Ok(Step::Refused),
                Err(error) if is_refusal(&error) => {
                    // What it wrote before it refused must not stay: the note is a transaction of its own.
                    drop(tx);
                    return self
                        .note_refusal(scope, &open, *lead, &error, is_last)
                        .await;
                }
                Err(error) => return Err(error),
            }
        }
        self.end_bulk_step(tx, open, is_last).await
    }

    async fn note_refusal(
        &self,
        scope: &TenantScope,
        seen: &Open,
        lead: LeadId,
        error: &Error,
        is_last: bool,
    ) -> Result<Step> {
        let mut tx = self.write(scope).await?;
        let Some(mut open) = batches::open(&mut tx, seen.id).await? else {
            return Ok(Step::Over);
        };
        if (open.done, open.failed) != (seen.done, seen.failed) {
            // Somebody else did this piece meanwhile.
            return Ok(Step::More);
        }
        open.position = seen.position.clone();
        open.fail(lead, code(error));
        self.end_bulk_step(tx, open, is_last).await
    }

    async fn end_bulk_step(&self, tx: TenantTx, open: Open, is_last: bool) -> Result<Step> {
        let position = (!is_last).then(|| open.position.clone());
        let has_more = open.end_step(tx, self.now(), position).await?;
        Ok(if has_more { Step::More } else { Step::Over })
    }

    /// Does to one lead what is done to it alone.
    async fn act(
        &self,
        tx: &mut TenantTx,
        batch: BatchJobId,
        action: &BulkAction,
        lead: LeadId,
    ) -> Result<()> {
        let now = self.now();
        match action {
            BulkAction::Delete {} => {
                trash::delete(tx, now, lead).await?;
                tx.execute(&MARK, args![lead.uuid(), batch.uuid()])
                    .await
                    .map(drop)
            }
            BulkAction::Restore {} => trash::restore(tx, now, lead).await,
            BulkAction::Purge {} => self.purge_locked(tx, lead).await,
            _ => {
                let before = locked_live(tx, lead).await?;
                match patch(tx, action, &before).await? {
                    Some(patch) => change::apply(tx, now, before, &patch).await,
                    None => Ok(()),
                }
            }
        }
    }
}

/// The change of a lead; `None` when it is so already.
async fn patch(tx: &mut TenantTx, action: &BulkAction, lead: &Lead) -> Result<Option<LeadPatch>> {
    let mut patch = LeadPatch::default();
    match action {
        BulkAction::Assign { assignee_id } if lead.assignee != *assignee_id => {
            patch.assignee = assignee_id.map_or(Patch::Clear, Patch::Set);
        }
        BulkAction::Move { stage_id } if lead.stage != *stage_id => {
            patch.stage = Replace(Some(*stage_id));
        }
        BulkAction::AddTag { tag_id } | BulkAction::RemoveTag { tag_id } => {
            let mut tags = change::tags_of(tx, lead.id).await?;
            let has = tags.contains(tag_id);
            if has == matches!(action, BulkAction::AddTag { .. }) {
                return Ok(None);
            }
            if has {
                tags.retain(|tag| tag != tag_id);
            } else {
                tags.push(*tag_id);
            }
            patch.tags = Replace(Some(tags));
        }
        _ => return Ok(None),
    }
    Ok(Some(patch))
}

/// Whether it is the lead that stands in the way, and not the database.
const fn is_refusal(error: &Error) -> bool {
    matches!(
        error,
        Error::NotFound { .. } | Error::Conflict { .. } | Error::Invalid { .. }
    )
}

fn code(error: &Error) -> &'static str {
    match error {
        Error::Conflict { what, .. } => what,
        Error::Invalid { .. } => "invalid",
        _ => "not-found",
    }
}
