//! Changing many leads at once: asked for here, run slice by slice, each lead by the same functions that
//! change a single one.

use std::collections::HashSet;

use prosaas_core::{Error, LeadId, Result, UnixMillis};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{change, list, locked_live, of_ids, read_lead, search, trash};
use crate::auth::{Permission, TenantScope};
use crate::model::batch::{BatchKind, BatchState};
use crate::model::bulk::{BulkAction, BulkChange, BulkFilter, BulkSelection};
use crate::model::id::{BatchJobId, TagId, UserId};
use crate::model::lead::{Lead, LeadPatch};
use crate::model::lead_list::{Assigned, LeadFilter, LeadKey, LeadList, LeadSort};
use crate::model::patch::{Patch, Replace};
use crate::search::Query;
use crate::store::CrmStore;
use crate::store::batches::{self, Open};
use crate::store::db::{Change, Sql, TenantTx, args};

/// The leads of one transaction.
const CHUNK: u32 = 50;
/// The transactions of one slice; then other jobs have their turn.
const CHUNKS: u32 = 40;
/// The leads of one page while they are counted.
const COUNTED_AT_ONCE: u32 = 200;
/// The most leads that words select, as many as a search shows.
const FOUND: usize = 200;

const TRASH: Sql = Sql::both(
    "SELECT * FROM leads
     WHERE tenant_id = $1 AND deleted_at IS NOT NULL AND (deleted_at, id) < ($2, $3)
     ORDER BY deleted_at DESC, id DESC LIMIT $4",
);
const DELETED_BY: Sql = Sql::both(
    "SELECT id FROM leads WHERE tenant_id = $1 AND deleted_by = $2 AND id > $3 ORDER BY id LIMIT $4",
);
const COUNT_DELETED_BY: Sql =
    Sql::both("SELECT count(*) AS found FROM leads WHERE tenant_id = $1 AND deleted_by = $2");
const MARK: Sql = Sql::both("UPDATE leads SET deleted_by = $3 WHERE tenant_id = $1 AND id = $2");
const TAG: Sql = Sql::both("SELECT 1 AS found FROM tags WHERE tenant_id = $1 AND id = $2");

/// What hangs on records of the trash and does not go with them, or has no trash of its own.
const RELEASED: [Sql; 5] = [
    Sql::both(
        "UPDATE payments SET deal_id = NULL WHERE tenant_id = $1 AND deal_id IN (
             SELECT id FROM deals WHERE tenant_id = $1 AND deleted_at IS NOT NULL)",
    ),
    Sql::both(
        "DELETE FROM search_tokens WHERE tenant_id = $1 AND entity_kind = 'message' AND entity_id IN (
             SELECT messages.id FROM messages JOIN conversations
                 ON conversations.tenant_id = messages.tenant_id
                AND conversations.id = messages.conversation_id
             WHERE messages.tenant_id = $1 AND conversations.deleted_at IS NOT NULL)",
    ),
    Sql::both(
        "DELETE FROM messages WHERE tenant_id = $1 AND conversation_id IN (
             SELECT id FROM conversations WHERE tenant_id = $1 AND deleted_at IS NOT NULL)",
    ),
    Sql::both(
        "DELETE FROM conversation_peers WHERE tenant_id = $1 AND conversation_id IN (
             SELECT id FROM conversations WHERE tenant_id = $1 AND deleted_at IS NOT NULL)",
    ),
    Sql::both(
        "DELETE FROM search_tokens WHERE tenant_id = $1 AND entity_kind = 'knowledge' AND entity_id IN (
             SELECT id FROM knowledge WHERE tenant_id = $1 AND deleted_at IS NOT NULL)",
    ),
];
/// The kinds of records that have a trash.
const TRASHED: [(&str, Sql); 7] = [
    (
        "payments",
        Sql::both("DELETE FROM payments WHERE tenant_id = $1 AND deleted_at IS NOT NULL"),
    ),
    (
        "deals",
        Sql::both("DELETE FROM deals WHERE tenant_id = $1 AND deleted_at IS NOT NULL"),
    ),
    (
        "tasks",
        Sql::both("DELETE FROM tasks WHERE tenant_id = $1 AND deleted_at IS NOT NULL"),
    ),
    (
        "appointments",
        Sql::both("DELETE FROM appointments WHERE tenant_id = $1 AND deleted_at IS NOT NULL"),
    ),
    (
        "notes",
        Sql::both("DELETE FROM notes WHERE tenant_id = $1 AND deleted_at IS NOT NULL"),
    ),
    (
        "knowledge",
        Sql::both("DELETE FROM knowledge WHERE tenant_id = $1 AND deleted_at IS NOT NULL"),
    ),
    (
        "conversations",
        Sql::both("DELETE FROM conversations WHERE tenant_id = $1 AND deleted_at IS NOT NULL"),
    ),
];

/// How far a bulk change has come.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Position {
    /// The next of the ids.
    at: usize,
    /// The last lead of a list, by what the list is ordered by.
    after: Option<(UnixMillis, LeadId)>,
}

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
    /// Begins a bulk change of these leads.
    ///
    /// # Errors
    /// `Forbidden` without the right to what is asked; `NotFound` when one of the leads, or what the action
    /// names, is not there, and then nothing changes; `Invalid`.
    pub async fn change_leads(
        &self,
        scope: &TenantScope,
        leads: Vec<LeadId>,
        action: BulkAction,
    ) -> Result<BatchJobId> {
        let leads = distinct(leads);
        if leads.is_empty() || leads.len() > BulkSelection::MAX_IDS {
            let most = format!("expected 1 to {} different ids", BulkSelection::MAX_IDS);
            return Err(Error::invalid("lead_ids", most));
        }
        let mut tx = self.write(scope).await?;
        check_action(&mut tx, scope, &action).await?;
        let found = of_ids(&mut tx, &leads).await?;
        let there = found
            .iter()
            .filter(|lead| lead.deleted_at.is_some() == action.is_on_trash());
        if there.count() != leads.len() {
            return Err(Error::NotFound { what: "lead" });
        }
        let total = leads.len() as u64;
        let change = BulkChange {
            select: BulkSelection::Ids { leads },
            action,
        };
        self.begin_bulk(tx, &change, Some(total)).await
    }

    /// Begins a bulk change of what a filter passes, as read by `query` if it has words. With `expected`
    /// leads or nothing at all is done.
    ///
    /// # Errors
    /// As [`CrmStore::change_leads`].
    pub async fn change_listed_leads(
        &self,
        scope: &TenantScope,
        filter: BulkFilter,
        query: Option<&Query>,
        expected: Option<u64>,
        action: BulkAction,
    ) -> Result<BatchJobId> {
        let mut tx = self.write(scope).await?;
        check_action(&mut tx, scope, &action).await?;
        check_filter(&mut tx, &filter, &action).await?;
        let (select, total) = match query {
            None => (BulkSelection::Filter { filter, expected }, None),
            Some(query) => {
                let wanted = filter.parse()?;
                let mut leads = search::find(&mut tx, query, FOUND).await?;
                leads.retain(|lead| list::passes(&wanted, lead));
                if let Some(tag) = wanted.tag {
                    leads = with_tag(&mut tx, leads, tag).await?;
                }
                let leads: Vec<_> = leads.iter().map(|lead| lead.id).collect();
                let total = leads.len() as u64;
                if expected.is_some_and(|expected| expected != total) {
                    return Err(count_changed(total));
                }
                (BulkSelection::Ids { leads }, Some(total))
            }
        };
        self.begin_bulk(tx, &BulkChange { select, action }, total)
            .await
    }

    /// Begins to empty the trash: everything in it, of every kind, is removed for good.
    ///
    /// # Errors
    /// `Forbidden` without the right.
    pub async fn empty_trash(&self, scope: &TenantScope) -> Result<BatchJobId> {
        scope.require(Permission::LeadsPurge)?;
        let mut tx = self.write(scope).await?;
        let change = BulkChange {
            select: BulkSelection::Filter {
                filter: BulkFilter::default(),
                expected: None,
            },
            action: BulkAction::Purge {},
        };
        let id = self
            .begin_batch(&mut tx, BatchKind::TrashEmptied, json!(change), None)
            .await?;
        tx.commit().await?;
        Ok(id)
    }

    /// Takes back a bulk change that threw leads away: a change of its own, in which those whose identities
    /// were taken meanwhile fail.
    ///
    /// # Errors
    /// `NotFound` when there is no such change, or nothing of what it threw away is in the trash any more.
    pub async fn undo_bulk_delete(
        &self,
        scope: &TenantScope,
        batch: BatchJobId,
    ) -> Result<BatchJobId> {
        scope.require(Permission::LeadsManage)?;
        let mut tx = self.write(scope).await?;
        let row = tx
            .fetch_one(&COUNT_DELETED_BY, args![batch.uuid()], "job")
            .await?;
        let total: u64 = row.get("found")?;
        if total == 0 {
            return Err(Error::NotFound { what: "job" });
        }
        let change = BulkChange {
            select: BulkSelection::DeletedBy { batch },
            action: BulkAction::Restore {},
        };
        self.begin_bulk(tx, &change, Some(total)).await
    }

    async fn begin_bulk(
        &self,
        mut tx: TenantTx,
        change: &BulkChange,
        total: Option<u64>,
    ) -> Result<BatchJobId> {
        let id = self
            .begin_batch(&mut tx, BatchKind::LeadsBulk, json!(change), total)
            .await?;
        tx.commit().await?;
        Ok(id)
    }

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
        let change = read_change(&open)?;
        let BulkSelection::Filter { filter, expected } = &change.select else {
            return Ok(true);
        };
        let total = count(&mut tx, &filter.parse()?, change.action.is_on_trash()).await?;
        open.total = Some(total);
        if open.kind == BatchKind::TrashEmptied {
            let removed = purge_records(&mut tx).await?;
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
        let mut tx = self.write(scope).await?;
        let Some(mut open) = batches::open(&mut tx, id).await? else {
            return Ok(Step::Over);
        };
        let change = read_change(&open)?;
        if !batches::may_still(&mut tx, self.now(), right_to(&change.action)).await? {
            open.fail("", "not-permitted");
            open.end(&mut tx, self.now(), BatchState::Failed).await?;
            tx.commit().await?;
            return Ok(Step::Over);
        }
        let mut position: Position = serde_json::from_value(open.position.clone())
            .map_err(|error| Error::internal("batch job", error))?;
        let (leads, is_last) = next(&mut tx, &change, &mut position, limit).await?;
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
        self.end_step(tx, open, is_last).await
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
        self.end_step(tx, open, is_last).await
    }

    async fn end_step(&self, mut tx: TenantTx, mut open: Open, is_last: bool) -> Result<Step> {
        let now = self.now();
        if is_last {
            open.end(&mut tx, now, BatchState::Done).await?;
        } else {
            open.keep(&mut tx, now).await?;
        }
        tx.commit().await?;
        Ok(if is_last { Step::Over } else { Step::More })
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

/// Removes every record in the trash that is no lead; returns how many there were.
async fn purge_records(tx: &mut TenantTx) -> Result<u64> {
    let mut removed = 0;
    let mut counts = serde_json::Map::new();
    for sql in &RELEASED {
        tx.execute(sql, args![]).await?;
    }
    for (name, sql) in &TRASHED {
        let rows = tx.execute(sql, args![]).await?;
        counts.insert((*name).to_owned(), json!(rows));
        removed += rows;
    }
    let change = Change::new("trash.emptied", "business", tx.tenant());
    tx.record(change.detail(serde_json::Value::Object(counts)));
    Ok(removed)
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

/// The right that an action needs beside that to bulk changes.
const fn right_to(action: &BulkAction) -> Permission {
    match action {
        BulkAction::Purge {} => Permission::LeadsPurge,
        _ => Permission::LeadsManage,
    }
}

/// Passes when the scope may do it and what it names is there.
async fn check_action(tx: &mut TenantTx, scope: &TenantScope, action: &BulkAction) -> Result<()> {
    scope.require(Permission::LeadsManage)?;
    scope.require(right_to(action))?;
    match action {
        BulkAction::Assign { assignee_id } => change::require_member(tx, *assignee_id).await,
        BulkAction::Move { stage_id } => change::require_stage(tx, *stage_id).await,
        BulkAction::AddTag { tag_id } | BulkAction::RemoveTag { tag_id } => {
            tx.require(&TAG, args![tag_id.uuid()], "tag").await
        }
        BulkAction::Delete {} | BulkAction::Restore {} | BulkAction::Purge {} => Ok(()),
    }
}

async fn check_filter(tx: &mut TenantTx, filter: &BulkFilter, action: &BulkAction) -> Result<()> {
    let wanted = filter.parse()?;
    if action.is_on_trash() && (filter.tag_id.is_some() || filter.q.is_some()) {
        let expected = "expected neither a tag nor words: the trash is not searched";
        return Err(Error::invalid("filter", expected));
    }
    if let Some(stage) = wanted.stage {
        change::require_stage(tx, stage).await?;
    }
    if let Some(tag) = wanted.tag {
        tx.require(&TAG, args![tag.uuid()], "tag").await?;
    }
    let assignee = match wanted.assigned {
        Some(Assigned::To(user)) => Some(user),
        Some(Assigned::Nobody) | None => None::<UserId>,
    };
    change::require_known_member(tx, assignee).await
}

async fn with_tag(tx: &mut TenantTx, leads: Vec<Lead>, tag: TagId) -> Result<Vec<Lead>> {
    let mut tagged = Vec::with_capacity(leads.len());
    for lead in leads {
        if change::tags_of(tx, lead.id).await?.contains(&tag) {
            tagged.push(lead);
        }
    }
    Ok(tagged)
}

/// The next leads, and whether they are the last ones; moves the position behind them.
async fn next(
    tx: &mut TenantTx,
    change: &BulkChange,
    position: &mut Position,
    limit: u32,
) -> Result<(Vec<LeadId>, bool)> {
    match &change.select {
        BulkSelection::Ids { leads } => {
            let rest = leads.get(position.at..).unwrap_or_default();
            let taken: Vec<_> = rest.iter().take(limit as usize).copied().collect();
            position.at += taken.len();
            Ok((taken, position.at >= leads.len()))
        }
        BulkSelection::DeletedBy { batch } => {
            let after = position
                .after
                .map_or(LeadId::from_uuid(uuid::Uuid::nil()), |after| after.1);
            let values = args![batch.uuid(), after.uuid(), limit];
            let rows = tx.fetch_all(&DELETED_BY, values).await?;
            let leads: Vec<LeadId> = rows.iter().map(|row| row.id("id")).collect::<Result<_>>()?;
            if let Some(last) = leads.last() {
                position.after = Some((UnixMillis(0), *last));
            }
            let is_last = leads.len() < limit as usize;
            Ok((leads, is_last))
        }
        BulkSelection::Filter { filter, .. } => {
            let after = position.after.map(|(at, id)| LeadKey { at, id });
            let on_trash = change.action.is_on_trash();
            let (leads, next) = page(tx, &filter.parse()?, on_trash, after, limit).await?;
            position.after = next.map(|key| (key.at, key.id));
            Ok((leads, next.is_none()))
        }
    }
}

/// A page of what a filter passes. By creation, or by when it was thrown away: neither changes by what is
/// done here, so that no lead is met twice or left out.
async fn page(
    tx: &mut TenantTx,
    filter: &LeadFilter,
    on_trash: bool,
    after: Option<LeadKey>,
    limit: u32,
) -> Result<(Vec<LeadId>, Option<LeadKey>)> {
    if !on_trash {
        let wanted = LeadList {
            filter: filter.clone(),
            sort: LeadSort::Newest,
            after,
            limit,
        };
        let page = list::scanned(tx, &wanted).await?;
        return Ok((page.leads.iter().map(|lead| lead.id).collect(), page.next));
    }
    let start = after.unwrap_or_else(|| LeadKey::start(LeadSort::Newest));
    let rows = tx
        .fetch_all(&TRASH, args![start.at, start.id.uuid(), limit])
        .await?;
    let leads: Vec<_> = rows.iter().map(read_lead).collect::<Result<_>>()?;
    let last = leads.last().filter(|_| leads.len() == limit as usize);
    let next = last.and_then(|lead| {
        Some(LeadKey {
            at: lead.deleted_at?,
            id: lead.id,
        })
    });
    let passing = leads.iter().filter(|lead| list::passes(filter, lead));
    Ok((passing.map(|lead| lead.id).collect(), next))
}

async fn count(tx: &mut TenantTx, filter: &LeadFilter, on_trash: bool) -> Result<u64> {
    let (mut total, mut after) = (0, None);
    loop {
        let (leads, next) = page(tx, filter, on_trash, after, COUNTED_AT_ONCE).await?;
        total += leads.len() as u64;
        if next.is_none() {
            return Ok(total);
        }
        after = next;
    }
}

fn distinct(leads: Vec<LeadId>) -> Vec<LeadId> {
    let mut seen = HashSet::new();
    leads
        .into_iter()
        .filter(|lead| seen.insert(*lead))
        .collect()
}

fn read_change(open: &Open) -> Result<BulkChange> {
    serde_json::from_value(open.spec.clone()).map_err(|error| Error::internal("batch job", error))
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

fn count_changed(found: u64) -> Error {
    Error::Conflict {
        what: "count-changed",
        detail: format!("there are {found} leads by now: look at them again"),
    }
}
