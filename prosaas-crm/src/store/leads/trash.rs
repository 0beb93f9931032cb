//! Deleting leads so that it can be taken back.

use prosaas_core::{Error, LeadId, Result, UnixMillis};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{identities, index, locked, locked_live, read_lead, version_conflict};
use crate::auth::TenantScope;
use crate::model::id::UndoId;
use crate::model::lead::Lead;
use crate::model::lead_list::{LeadKey, LeadPage, LeadSort};
use crate::model::page::Page;
use crate::model::timeline::TimelineKind;
use crate::store::CrmStore;
use crate::store::db::{Change, Json, Sql, TenantTx, args};
use crate::store::records::timeline::{self, Happening};

/// How long a change can be taken back by its token: 30 days.
pub(super) const UNDO_MS: i64 = 30 * 24 * 3600 * 1000;

const DELETE: Sql = Sql::both(
    "UPDATE leads SET deleted_at = $3, updated_at = $3, version = version + 1
     WHERE tenant_id = $1 AND id = $2 AND deleted_at IS NULL",
);
const RESTORE: Sql = Sql::both(
    "UPDATE leads SET deleted_at = NULL, merged_into = NULL, deleted_by = NULL, updated_at = $3, version = version + 1
     WHERE tenant_id = $1 AND id = $2 AND deleted_at IS NOT NULL",
);
const TRASH: Sql = Sql::both(
    "SELECT * FROM leads
     WHERE tenant_id = $1 AND deleted_at IS NOT NULL AND (deleted_at, id) < ($2, $3)
     ORDER BY deleted_at DESC, id DESC LIMIT $4",
);
const ADD_UNDO: Sql =
    Sql::both("INSERT INTO undo_tokens (tenant_id, id, what, expires_at) VALUES ($1, $2, $3, $4)");
const USE_UNDO: Sql = Sql::both(
    "UPDATE undo_tokens SET used_at = $3
     WHERE tenant_id = $1 AND id = $2 AND used_at IS NULL AND expires_at > $3
     RETURNING what",
);

/// What a token takes back.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
enum Undoable {
    /// The deletion of these leads.
    Deleted { leads: Vec<LeadId> },
}

impl CrmStore {
    /// Puts a lead that is still at version `expected` into the trash. Its identities may be taken by
    /// others from now on. The token takes it back.
    ///
    /// # Errors
    /// `Conflict` `version-conflict`; `NotFound`.
    pub async fn delete_lead(
        &self,
        scope: &TenantScope,
        lead: LeadId,
        expected: u64,
    ) -> Result<UndoId> {
        let mut tx = self.write(scope).await?;
        if locked_live(&mut tx, lead).await?.version != expected {
            return Err(version_conflict());
        }
        let now = self.now();
        delete(&mut tx, now, lead).await?;
        let undo = add_undo(&mut tx, now, vec![lead]).await?;
        tx.commit().await?;
        Ok(undo)
    }

    /// Takes a lead out of the trash; one that is not in it is returned as it is.
    ///
    /// # Errors
    /// `Conflict` `identity-taken` when one of its identities belongs to another lead by now, naming
    /// that one: the two may be merged. `NotFound`.
    pub async fn restore_lead(&self, scope: &TenantScope, lead: LeadId) -> Result<Lead> {
        let mut tx = self.write(scope).await?;
        restore(&mut tx, self.now(), lead).await?;
        let lead = super::live(&mut tx, lead).await?;
        tx.commit().await?;
        Ok(lead)
    }

    /// Takes back what the token stands for, once; returns the leads it brought back.
    ///
    /// # Errors
    /// `NotFound` when the token is unknown, used or too old; `Conflict` as
    /// [`CrmStore::restore_lead`], and then nothing has changed.
    pub async fn undo(&self, scope: &TenantScope, token: UndoId) -> Result<Vec<LeadId>> {
        let mut tx = self.write(scope).await?;
        let now = self.now();
        let values = args![token.uuid(), now];
        let row = tx.fetch_one(&USE_UNDO, values, "undo").await?;
        let Undoable::Deleted { leads } = row.json("what")?;
        let is_empty = leads.is_empty();
        let mut back = Vec::with_capacity(leads.len());
        for lead in leads {
            match restore(&mut tx, now, lead).await {
                Ok(()) => back.push(lead),
                // Removed for good since: the others come back all the same.
                Err(Error::NotFound { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        if back.is_empty() && !is_empty {
            return Err(Error::NotFound { what: "undo" });
        }
        tx.commit().await?;
        Ok(back)
    }

    /// The trash, last deleted first.
    pub async fn list_deleted_leads(
        &self,
        scope: &TenantScope,
        after: Option<LeadKey>,
        limit: u32,
    ) -> Result<LeadPage> {
        let tx = self.look(scope).await?;
        let start = after.unwrap_or_else(|| LeadKey::start(LeadSort::Active));
        let limit = limit.clamp(1, Page::<LeadId>::MAX_LIMIT);
        let values = args![start.at, start.id.uuid(), limit + 1];
        let rows = tx.fetch_all(&TRASH, values).await?;
        let mut leads: Vec<_> = rows.iter().map(read_lead).collect::<Result<_>>()?;
        let has_more = leads.len() > limit as usize;
        leads.truncate(limit as usize);
        let last = leads.last().filter(|_| has_more);
        let next = last.and_then(|lead| {
            Some(LeadKey {
                at: lead.deleted_at?,
                id: lead.id,
            })
        });
        Ok(LeadPage { leads, next })
    }
}

/// Puts a live lead into the trash.
pub(super) async fn delete(tx: &mut TenantTx, now: UnixMillis, lead: LeadId) -> Result<()> {
    if tx.execute(&DELETE, args![lead.uuid(), now]).await? == 0 {
        return Err(Error::NotFound { what: "lead" });
    }
    identities::hide(tx, lead).await?;
    index::forget(tx, lead).await?;
    timeline::append(tx, Happening::new(lead, now, TimelineKind::LeadDeleted)).await?;
    tx.record(Change::new("lead.deleted", "lead", lead).lead(lead));
    Ok(())
}

/// Takes a lead out of the trash, if it is there.
pub(super) async fn restore(tx: &mut TenantTx, now: UnixMillis, lead: LeadId) -> Result<()> {
    let before = locked(tx, lead).await?;
    if before.deleted_at.is_none() {
        return Ok(());
    }
    if let Some(winner) = before.merged_into {
        return Err(Error::Conflict {
            what: "lead-merged",
            detail: format!("it was merged into {winner}: undo the merge instead"),
        });
    }
    identities::revive(tx, lead).await?;
    tx.execute(&RESTORE, args![lead.uuid(), now]).await?;
    index::refresh(tx, lead).await?;
    timeline::append(tx, Happening::new(lead, now, TimelineKind::LeadRestored)).await?;
    tx.record(Change::new("lead.restored", "lead", lead).lead(lead));
    Ok(())
}

/// A token that takes the deletion of these leads back.
pub(super) async fn add_undo(
    tx: &mut TenantTx,
    now: UnixMillis,
    leads: Vec<LeadId>,
) -> Result<UndoId> {
    let id = UndoId::mint(now);
    let what = Json(json!(Undoable::Deleted { leads }));
    let values = args![id.uuid(), what, now.plus(UNDO_MS)];
    tx.execute(&ADD_UNDO, values).await?;
    Ok(id)
}
