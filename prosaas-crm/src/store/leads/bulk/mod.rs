//! Changing many leads at once: asked for here, run slice by slice, each lead by the same functions that
//! change a single one.

mod records;
mod run;
mod select;

use std::collections::HashSet;

use prosaas_core::{Error, LeadId, Result};
use serde_json::json;

use super::{change, list, of_ids, search};
use crate::auth::{Permission, TenantScope};
use crate::model::batch::BatchKind;
use crate::model::bulk::{BulkAction, BulkChange, BulkFilter, BulkSelection};
use crate::model::id::{BatchJobId, TagId, UserId};
use crate::model::lead::Lead;
use crate::model::lead_list::Assigned;
use crate::search::Query;
use crate::store::CrmStore;
use crate::store::db::{Sql, TenantTx, args};

/// The most leads that words select, as many as a search shows.
const FOUND: usize = 200;

const COUNT_DELETED_BY: Sql =
    Sql::both("SELECT count(*) AS found FROM leads WHERE tenant_id = $1 AND deleted_by = $2");
const TAG: Sql = Sql::both("SELECT 1 AS found FROM tags WHERE tenant_id = $1 AND id = $2");

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

fn distinct(leads: Vec<LeadId>) -> Vec<LeadId> {
    let mut seen = HashSet::new();
    leads
        .into_iter()
        .filter(|lead| seen.insert(*lead))
        .collect()
}

fn count_changed(found: u64) -> Error {
    Error::Conflict {
        what: "count-changed",
        detail: format!("there are {found} leads by now: look at them again"),
    }
}
