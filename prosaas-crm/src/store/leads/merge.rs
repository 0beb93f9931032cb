//! Two leads that are one person become one, and two again if that was wrong.

use prosaas_core::{Error, LeadId, Result, UnixMillis};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::belongings::BELONGINGS;
use super::trash::UNDO_MS;
use super::{change, identities, index, live, locked, locked_live, one};
use crate::auth::TenantScope;
use crate::model::id::{MergeId, TagId, UserId};
use crate::model::identity::Identity;
use crate::model::lead::{Lead, NewLead};
use crate::model::timeline::TimelineKind;
use crate::store::CrmStore;
use crate::store::db::{Change, Json, Sql, TenantTx, args};
use crate::store::records::timeline::{self, Happening};

const RETIRE: Sql = Sql::both(
    "UPDATE leads SET deleted_at = $3, merged_into = $4, updated_at = $3, version = version + 1
     WHERE tenant_id = $1 AND id = $2",
);
const REVIVE: Sql = Sql::both(
    "UPDATE leads SET deleted_at = NULL, merged_into = NULL, updated_at = $3, version = version + 1
     WHERE tenant_id = $1 AND id = $2",
);
const ADD_MERGE: Sql = Sql::both(
    "INSERT INTO lead_merges (tenant_id, id, winner_id, loser_id, snapshot, actor_kind, actor_id, merged_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
);
const UNDO_MERGE: Sql = Sql::both(
    "UPDATE lead_merges SET undone_at = $3
     WHERE tenant_id = $1 AND id = $2 AND undone_at IS NULL AND merged_at > $4
     RETURNING winner_id, loser_id, snapshot",
);

/// What a merge would make of two leads.
#[derive(Clone, Debug, PartialEq)]
pub struct MergePreview {
    /// The lead that stays, as it would be.
    pub lead: Lead,
    /// The identities it would have.
    pub identities: Vec<Identity>,
    /// The tags it would have.
    pub tags: Vec<TagId>,
}

/// What has to be known to make two of one again.
#[derive(Debug, Serialize, Deserialize)]
struct Snapshot {
    /// The ids that moved, by table.
    moved: Vec<(String, Vec<Uuid>)>,
    /// The tags that the winner got.
    tags: Vec<TagId>,
    /// The fields of the winner that were empty before, with what they got.
    filled: Vec<(String, String)>,
    /// The added fields that the winner did not have, with what they got.
    #[serde(default)]
    custom: Map<String, Value>,
    /// Who looks after the winner, if nobody did before.
    #[serde(default)]
    assignee: Option<UserId>,
}

impl CrmStore {
    /// What [`CrmStore::merge_leads`] would make of the two; nothing changes.
    ///
    /// # Errors
    /// As [`CrmStore::merge_leads`].
    pub async fn preview_merge(
        &self,
        scope: &TenantScope,
        winner: LeadId,
        loser: LeadId,
    ) -> Result<MergePreview> {
        let mut tx = self.read(scope).await?;
        require_two(winner, loser)?;
        let (winner, loser) = (live(&mut tx, winner).await?, one(&mut tx, loser).await?);
        let loser = mergeable(loser)?;
        let mut identities = identities::of_lead(&mut tx, winner.id).await?;
        identities.extend(identities::of_lead(&mut tx, loser.id).await?);
        let mut tags = change::tags_of(&mut tx, winner.id).await?;
        tags.extend(change::tags_of(&mut tx, loser.id).await?);
        tags.sort_unstable();
        tags.dedup();
        let lead = filled(winner, &loser).lead;
        Ok(MergePreview {
            lead,
            identities,
            tags,
        })
    }

    /// Makes one lead of two. `winner` stays and gets everything `loser` has; where both know something,
    /// the winner's word holds. For 30 days [`CrmStore::undo_merge`] makes two of them again.
    ///
    /// # Errors
    /// `NotFound` unless both are live leads of the business (the loser may be in the trash: that is how
    /// a lead is restored whose number is taken); `Invalid` when they are the same.
    pub async fn merge_leads(
        &self,
        scope: &TenantScope,
        winner: LeadId,
        loser: LeadId,
    ) -> Result<(MergeId, Lead)> {
        let mut tx = self.write(scope).await?;
        let id = self.merge_within(&mut tx, winner, loser).await?;
        let lead = live(&mut tx, winner).await?;
        tx.commit().await?;
        Ok((id, lead))
    }

    /// [`CrmStore::merge_leads`] within a transaction, where a channel says that two are one person.
    pub(in crate::store) async fn merge_within(
        &self,
        tx: &mut TenantTx,
        winner: LeadId,
        loser: LeadId,
    ) -> Result<MergeId> {
        let now = self.now();
        let (winner, loser) = pair(tx, winner, loser).await?;
        let snapshot = take_over(tx, now, winner.clone(), &loser).await?;
        let id = MergeId::mint(now);
        let actor = tx.actor();
        let values = args![
            id.uuid(),
            winner.id.uuid(),
            loser.id.uuid(),
            Json(json!(snapshot)),
            actor.kind(),
            actor.id(),
            now,
        ];
        tx.execute(&ADD_MERGE, values).await?;
        let merged = Happening::new(winner.id, now, TimelineKind::LeadMerged)
            .about(id)
            .data(json!({ "from": loser.id.to_string() }));
        timeline::append(tx, merged).await?;
        let detail = json!({ "from": loser.id.to_string(), "merge": id.to_string() });
        tx.record(
            Change::new("lead.merged", "lead", winner.id)
                .lead(winner.id)
                .detail(detail),
        );
        tx.record(Change::new("lead.deleted", "lead", loser.id).lead(loser.id));
        Ok(id)
    }

    /// Makes two leads of one that was merged less than 30 days ago; returns the one that is back. What
    /// has happened since stays with the one that stayed.
    ///
    /// # Errors
    /// `NotFound` when there is no such merge, or it is undone or too old; `Conflict` `identity-taken`.
    pub async fn undo_merge(&self, scope: &TenantScope, merge: MergeId) -> Result<Lead> {
        let mut tx = self.write(scope).await?;
        let now = self.now();
        let values = args![merge.uuid(), now, now.plus(-UNDO_MS)];
        let row = tx.fetch_one(&UNDO_MERGE, values, "merge").await?;
        let (winner, loser): (LeadId, LeadId) = (row.id("winner_id")?, row.id("loser_id")?);
        let snapshot: Snapshot = row.json("snapshot")?;
        let winner = locked(&mut tx, winner).await?;
        give_back(&mut tx, now, winner, loser, &snapshot).await?;
        for lead in [row.id("winner_id")?, loser] {
            identities::repeat(&mut tx, lead).await?;
            index::refresh(&mut tx, lead).await?;
            tx.record(Change::new("lead.unmerged", "lead", lead).lead(lead));
        }
        let parted = Happening::new(loser, now, TimelineKind::LeadUnmerged).about(merge);
        timeline::append(&mut tx, parted).await?;
        let lead = live(&mut tx, loser).await?;
        tx.commit().await?;
        Ok(lead)
    }
}

/// The two leads, locked in one order, so that two merges cannot wait for each other.
async fn pair(tx: &mut TenantTx, winner: LeadId, loser: LeadId) -> Result<(Lead, Lead)> {
    require_two(winner, loser)?;
    locked(tx, winner.min(loser)).await?;
    let winner = locked_live(tx, winner).await?;
    let loser = locked(tx, loser).await?;
    Ok((winner, mergeable(loser)?))
}

fn require_two(winner: LeadId, loser: LeadId) -> Result<()> {
    if winner == loser {
        return Err(Error::invalid("lead_id", "expected another lead"));
    }
    Ok(())
}

/// What was merged into another lead is that one's by now.
fn mergeable(loser: Lead) -> Result<Lead> {
    match loser.merged_into {
        None => Ok(loser),
        Some(_) => Err(Error::NotFound { what: "lead" }),
    }
}

async fn take_over(
    tx: &mut TenantTx,
    now: UnixMillis,
    winner: Lead,
    loser: &Lead,
) -> Result<Snapshot> {
    let (to, from) = (winner.id.uuid(), loser.id.uuid());
    // What the winner lacks of a loser in the trash may be somebody else's by now: only what is the
    // loser's own, or nobody's, comes along.
    if loser.deleted_at.is_some() {
        adopt(tx, winner.id, loser.id).await?;
    }
    let mut moved = Vec::new();
    for kind in &BELONGINGS {
        let rows = tx.fetch_all(&kind.ids, args![from]).await?;
        let ids: Vec<Uuid> = rows
            .iter()
            .map(|row| row.get("id"))
            .collect::<Result<_>>()?;
        if !ids.is_empty() {
            tx.execute(&kind.give, args![from, to]).await?;
            moved.push((kind.name.to_owned(), ids));
        }
    }
    let (has, gets) = (
        change::tags_of(tx, winner.id).await?,
        change::tags_of(tx, loser.id).await?,
    );
    let tags: Vec<_> = gets.into_iter().filter(|tag| !has.contains(tag)).collect();
    let room = NewLead::MAX_TAGS.saturating_sub(has.len());
    let tags: Vec<_> = tags.into_iter().take(room).collect();
    let all: Vec<_> = has.iter().chain(&tags).copied().collect();
    change::set_tags(tx, winner.id, &has, &all).await?;
    let Filled {
        lead: after,
        texts,
        custom,
        assignee,
    } = filled(winner, loser);
    change::write_row(tx, now, &after).await?;
    tx.execute(&RETIRE, args![from, now, to]).await?;
    index::forget(tx, loser.id).await?;
    identities::repeat(tx, after.id).await?;
    index::refresh(tx, after.id).await?;
    Ok(Snapshot {
        moved,
        tags,
        filled: texts,
        custom,
        assignee,
    })
}

/// Drops the identities of a deleted lead that belong to others by now, and revives the rest.
async fn adopt(tx: &mut TenantTx, winner: LeadId, loser: LeadId) -> Result<()> {
    for one in identities::of_lead(tx, loser).await? {
        if let Some(owner) = identities::lead_of(tx, &one.identity).await? {
            if owner.id != winner && owner.id != loser {
                return Err(identities::taken(owner.id));
            }
            identities::give_up(tx, loser, &one.identity).await?;
        }
    }
    identities::revive(tx, loser).await
}

async fn give_back(
    tx: &mut TenantTx,
    now: UnixMillis,
    winner: Lead,
    loser: LeadId,
    snapshot: &Snapshot,
) -> Result<()> {
    tx.execute(&REVIVE, args![loser.uuid(), now]).await?;
    for (name, ids) in &snapshot.moved {
        let Some(kind) = BELONGINGS.iter().find(|kind| kind.name == name) else {
            continue;
        };
        let ids: Vec<_> = ids.iter().copied().map(super::hex).collect();
        let values = args![winner.id.uuid(), loser.uuid(), Json(json!(ids))];
        tx.execute(&kind.give_back, values).await?;
    }
    let has = change::tags_of(tx, winner.id).await?;
    let keeps: Vec<_> = has
        .iter()
        .filter(|tag| !snapshot.tags.contains(tag))
        .copied()
        .collect();
    change::set_tags(tx, winner.id, &has, &keeps).await?;
    if winner.deleted_at.is_some() {
        return Ok(());
    }
    let mut after = winner;
    for (field, value) in &snapshot.filled {
        if let Some(slot) = text_field(&mut after, field)
            && slot.as_ref() == Some(value)
        {
            *slot = None;
        }
    }
    // What somebody has changed since is his word, and stays.
    after
        .custom
        .retain(|key, value| snapshot.custom.get(key) != Some(value));
    if snapshot.assignee.is_some() && after.assignee == snapshot.assignee {
        after.assignee = None;
    }
    change::write_row(tx, now, &after).await
}

const TEXT_FIELDS: [&str; 6] = ["name", "company", "intent", "summary", "next_step", "notes"];

fn text_field<'l>(lead: &'l mut Lead, field: &str) -> Option<&'l mut Option<String>> {
    Some(match field {
        "name" => &mut lead.known.name,
        "company" => &mut lead.company,
        "intent" => &mut lead.known.intent,
        "summary" => &mut lead.known.summary,
        "next_step" => &mut lead.known.next_step,
        "notes" => &mut lead.known.notes,
        _ => return None,
    })
}

/// The winner with what only the loser knows, and what that is.
struct Filled {
    lead: Lead,
    texts: Vec<(String, String)>,
    custom: Map<String, Value>,
    assignee: Option<UserId>,
}

fn filled(winner: Lead, loser: &Lead) -> Filled {
    let mut after = winner;
    let mut source = loser.clone();
    let mut texts = Vec::new();
    for field in TEXT_FIELDS {
        let value = text_field(&mut source, field).and_then(Option::take);
        let Some(slot) = text_field(&mut after, field) else {
            continue;
        };
        if let (None, Some(value)) = (&*slot, value) {
            texts.push((field.to_owned(), value.clone()));
            *slot = Some(value);
        }
    }
    let mut custom = source.custom;
    custom.retain(|key, _| !after.custom.contains_key(key));
    after.custom.extend(custom.clone());
    let assignee = source.assignee.filter(|_| after.assignee.is_none());
    after.assignee = after.assignee.or(assignee);
    Filled {
        lead: after,
        texts,
        custom,
        assignee,
    }
}
