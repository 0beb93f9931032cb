//! Creating and changing leads.

use std::collections::BTreeSet;

use prosaas_core::{Error, LeadId, Result, UnixMillis};
use serde_json::{Value, json};

use super::{custom, first_stage, identities, index, locked_live, version_conflict};
use crate::auth::TenantScope;
use crate::model::id::{StageId, TagId, UserId};
use crate::model::identity::{IdentityKind, NewIdentity};
use crate::model::lead::{Lead, LeadPatch, NewLead};
use crate::model::patch::Patch;
use crate::model::timeline::TimelineKind;
use crate::store::CrmStore;
use crate::store::db::{Change, Json, Sql, TenantTx, args};
use crate::store::records::timeline::{self, Happening};

const ADD: Sql = Sql::both(
    "INSERT INTO leads (tenant_id, id, source, stage_id, assignee_id, name, company, intent, summary,
                        next_step, notes, custom, active_at, created_at, updated_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $13, $13)",
);
const UPDATE: Sql = Sql::both(
    "UPDATE leads SET stage_id = $4, assignee_id = $5, name = $6, company = $7, intent = $8,
         summary = $9, next_step = $10, notes = $11, custom = $12, updated_at = $13, version = version + 1
     WHERE tenant_id = $1 AND id = $2 AND version = $3 AND deleted_at IS NULL",
);
const STAGE: Sql = Sql::both("SELECT 1 AS found FROM stages WHERE tenant_id = $1 AND id = $2");
const MEMBER: Sql = Sql::both(
    "SELECT 1 AS found FROM memberships WHERE tenant_id = $1 AND user_id = $2 AND status = 'active'",
);
const EVER_MEMBER: Sql =
    Sql::both("SELECT 1 AS found FROM memberships WHERE tenant_id = $1 AND user_id = $2");
const TAG: Sql = Sql::both("SELECT 1 AS found FROM tags WHERE tenant_id = $1 AND id = $2");
const TAGS_OF_LEAD: Sql =
    Sql::both("SELECT tag_id FROM lead_tags WHERE tenant_id = $1 AND lead_id = $2 ORDER BY tag_id");
const ADD_TAG: Sql = Sql::both(
    "INSERT INTO lead_tags (tenant_id, lead_id, tag_id) VALUES ($1, $2, $3)
     ON CONFLICT (tenant_id, lead_id, tag_id) DO NOTHING",
);
const REMOVE_TAG: Sql =
    Sql::both("DELETE FROM lead_tags WHERE tenant_id = $1 AND lead_id = $2 AND tag_id = $3");

const FORGET_TIMELINE: Sql =
    Sql::both("DELETE FROM timeline_events WHERE tenant_id = $1 AND lead_id = $2");
const FORGET_TOKENS: Sql = Sql::both(
    "DELETE FROM search_tokens WHERE tenant_id = $1 AND entity_kind = 'lead' AND entity_id = $2",
);
const FORGET_LEAD: Sql = Sql::both("DELETE FROM leads WHERE tenant_id = $1 AND id = $2");

impl CrmStore {
    /// Creates a lead.
    ///
    /// # Errors
    /// `Conflict` `identity-taken` when another lead has one of its identities, naming that one;
    /// `NotFound` when stage, member or tag do not exist in the business; `Invalid`.
    pub async fn create_lead(&self, scope: &TenantScope, new: NewLead) -> Result<LeadDetails> {
        let new = new.checked()?;
        let mut tx = self.write(scope).await?;
        let id = insert(&mut tx, self.now(), &new).await?;
        let lead = details(&mut tx, id).await?;
        tx.commit().await?;
        Ok(lead)
    }

    /// One lead that is not in the trash.
    ///
    /// # Errors
    /// `NotFound` when the business has no such lead.
    pub async fn get_lead(&self, scope: &TenantScope, lead: LeadId) -> Result<Lead> {
        super::live(&mut self.read(scope).await?, lead).await
    }

    /// A lead with what its page shows beside the row itself.
    ///
    /// # Errors
    /// `NotFound` when the business has no such lead.
    pub async fn lead_details(&self, scope: &TenantScope, lead: LeadId) -> Result<LeadDetails> {
        details(&mut self.read(scope).await?, lead).await
    }

    /// Changes a lead that is still at version `expected`.
    ///
    /// # Errors
    /// `Conflict` `version-conflict` when it is not, `identity-taken` as [`CrmStore::create_lead`];
    /// `NotFound`; `Invalid`.
    pub async fn update_lead(
        &self,
        scope: &TenantScope,
        lead: LeadId,
        expected: u64,
        patch: &LeadPatch,
    ) -> Result<LeadDetails> {
        let mut tx = self.write(scope).await?;
        let before = locked_live(&mut tx, lead).await?;
        if before.version != expected {
            return Err(version_conflict());
        }
        apply(&mut tx, self.now(), before, patch).await?;
        let after = details(&mut tx, lead).await?;
        tx.commit().await?;
        Ok(after)
    }
}

/// A lead with its identities and tags.
#[derive(Clone, Debug, PartialEq)]
pub struct LeadDetails {
    /// The lead.
    pub lead: Lead,
    /// How the person is recognised.
    pub identities: Vec<crate::model::identity::Identity>,
    /// Its tags.
    pub tags: Vec<TagId>,
}

async fn details(tx: &mut TenantTx, lead: LeadId) -> Result<LeadDetails> {
    let lead = super::live(tx, lead).await?;
    Ok(LeadDetails {
        identities: identities::of_lead(tx, lead.id).await?,
        tags: tags_of(tx, lead.id).await?,
        lead,
    })
}

/// Stores a new lead with everything that belongs to it.
pub(super) async fn insert(tx: &mut TenantTx, now: UnixMillis, new: &NewLead) -> Result<LeadId> {
    let stage = match new.stage {
        Some(stage) => stage,
        None => first_stage(tx).await?,
    };
    require_stage(tx, stage).await?;
    require_member(tx, new.assignee).await?;
    custom::check(tx, &new.custom).await?;
    let id = LeadId::mint(now);
    let known = new.known.clone();
    let values = args![
        id.uuid(),
        new.source.as_str(),
        stage.uuid(),
        new.assignee.map(UserId::uuid),
        known.name,
        new.company.clone(),
        known.intent,
        known.summary,
        known.next_step,
        known.notes,
        Json(Value::Object(new.custom.clone())),
        now,
    ];
    tx.execute(&ADD, values).await?;
    let mut added = Vec::new();
    for (identity, order) in new.identities.iter().zip(0..) {
        if !added.contains(&identity) {
            identities::claim(tx, now.plus(order), id, identity).await?;
            added.push(identity);
        }
    }
    identities::repeat(tx, id).await?;
    set_tags(tx, id, &[], &new.tags).await?;
    index::refresh(tx, id).await?;
    let source = json!({ "source": new.source.as_str() });
    let created = Happening::new(id, now, TimelineKind::LeadCreated).data(source.clone());
    timeline::append(tx, created).await?;
    tx.record(
        Change::new("lead.created", "lead", id)
            .lead(id)
            .detail(source),
    );
    Ok(id)
}

/// Takes a lead back that was inserted in this transaction and has no identity.
pub(super) async fn withdraw(tx: &mut TenantTx, lead: LeadId) -> Result<()> {
    for sql in [&FORGET_TIMELINE, &FORGET_TOKENS, &FORGET_LEAD] {
        tx.execute(sql, args![lead.uuid()]).await?;
    }
    Ok(())
}

/// Changes a lead that is locked and as `before`.
pub(super) async fn apply(
    tx: &mut TenantTx,
    now: UnixMillis,
    before: Lead,
    patch: &LeadPatch,
) -> Result<()> {
    let after = patch.apply(before.clone());
    if after.stage != before.stage {
        require_stage(tx, after.stage).await?;
    }
    if after.assignee != before.assignee {
        require_member(tx, after.assignee).await?;
    }
    if let Some(custom) = &patch.custom.0 {
        custom::check(tx, custom).await?;
    }
    write_row(tx, now, &after).await?;
    replace_identities(tx, now, &before, patch).await?;
    if let Some(wanted) = &patch.tags.0 {
        let has = tags_of(tx, before.id).await?;
        set_tags(tx, before.id, &has, wanted).await?;
    }
    index::refresh(tx, before.id).await?;
    note_changes(tx, now, &before, &after).await
}

/// The whole row of a lead that is locked.
pub(super) async fn write_row(tx: &mut TenantTx, now: UnixMillis, after: &Lead) -> Result<()> {
    let known = after.known.clone();
    let values = args![
        after.id.uuid(),
        after.version,
        after.stage.uuid(),
        after.assignee.map(UserId::uuid),
        known.name,
        after.company.clone(),
        known.intent,
        known.summary,
        known.next_step,
        known.notes,
        Json(Value::Object(after.custom.clone())),
        now,
    ];
    match tx.execute(&UPDATE, values).await? {
        1 => Ok(()),
        _ => Err(version_conflict()),
    }
}

/// The number and the address of a lead are its first identities: to change one is to replace it.
async fn replace_identities(
    tx: &mut TenantTx,
    now: UnixMillis,
    before: &Lead,
    patch: &LeadPatch,
) -> Result<()> {
    if !patch.phone.is_change() && !patch.email.is_change() {
        return Ok(());
    }
    let email = patch
        .email
        .clone()
        .try_map(|text| NewIdentity::email(&text))?;
    let phone = patch
        .phone
        .clone()
        .map(|number| NewIdentity::phone(&number));
    for (kind, wish) in [(IdentityKind::E164, phone), (IdentityKind::Email, email)] {
        replace_first(tx, now, before.id, kind, wish).await?;
    }
    identities::repeat(tx, before.id).await
}

async fn replace_first(
    tx: &mut TenantTx,
    now: UnixMillis,
    lead: LeadId,
    kind: IdentityKind,
    wish: Patch<NewIdentity>,
) -> Result<()> {
    let known = identities::of_lead(tx, lead).await?;
    let first = known.iter().find(|one| one.identity.kind() == kind);
    let new = match wish {
        Patch::Keep => return Ok(()),
        Patch::Clear => None,
        Patch::Set(new) => Some(new),
    };
    if first.map(|one| &one.identity) == new.as_ref() {
        return Ok(());
    }
    if let Some(first) = first {
        identities::give_up(tx, lead, &first.identity).await?;
    }
    let Some(new) = new else { return Ok(()) };
    // One that the lead had already, as its second, becomes the first.
    identities::give_up(tx, lead, &new).await?;
    // Earlier than every other one: lists show the first.
    let at = first.map_or(now, |first| first.created_at.plus(-1));
    identities::claim(tx, at, lead, &new).await
}

async fn note_changes(
    tx: &mut TenantTx,
    now: UnixMillis,
    before: &Lead,
    after: &Lead,
) -> Result<()> {
    let id = before.id;
    if after.stage != before.stage {
        let stages = json!({ "from": before.stage.to_string(), "to": after.stage.to_string() });
        let moved = Happening::new(id, now, TimelineKind::LeadStageChanged).data(stages);
        timeline::append(tx, moved).await?;
    }
    if after.assignee != before.assignee {
        let to = json!({ "to": after.assignee.map(|user| user.to_string()) });
        let assigned = Happening::new(id, now, TimelineKind::LeadAssigned).data(to);
        timeline::append(tx, assigned).await?;
    }
    let fields = json!({ "fields": changed_fields(before, after) });
    tx.record(
        Change::new("lead.updated", "lead", id)
            .lead(id)
            .detail(fields),
    );
    Ok(())
}

/// The names of what changed: an audit row says who changed what, the values are in the lead.
fn changed_fields(before: &Lead, after: &Lead) -> Vec<&'static str> {
    [
        ("name", before.known.name != after.known.name),
        ("company", before.company != after.company),
        ("phone", before.phone != after.phone),
        ("email", before.email != after.email),
        ("intent", before.known.intent != after.known.intent),
        ("summary", before.known.summary != after.known.summary),
        ("next_step", before.known.next_step != after.known.next_step),
        ("notes", before.known.notes != after.known.notes),
        ("stage", before.stage != after.stage),
        ("assignee", before.assignee != after.assignee),
        ("custom", before.custom != after.custom),
    ]
    .into_iter()
    .filter(|(_, changed)| *changed)
    .map(|(name, _)| name)
    .collect()
}

pub(super) async fn require_stage(tx: &mut TenantTx, stage: StageId) -> Result<()> {
    tx.require(&STAGE, args![stage.uuid()], "stage").await
}

pub(super) async fn require_member(tx: &mut TenantTx, member: Option<UserId>) -> Result<()> {
    match member {
        Some(user) => tx.require(&MEMBER, args![user.uuid()], "member").await,
        None => Ok(()),
    }
}

/// Passes for somebody who is or was a member: his leads may be looked for after he has left.
pub(super) async fn require_known_member(tx: &mut TenantTx, member: Option<UserId>) -> Result<()> {
    match member {
        Some(user) => tx.require(&EVER_MEMBER, args![user.uuid()], "member").await,
        None => Ok(()),
    }
}

pub(super) async fn tags_of(tx: &mut TenantTx, lead: LeadId) -> Result<Vec<TagId>> {
    let rows = tx.fetch_all(&TAGS_OF_LEAD, args![lead.uuid()]).await?;
    rows.iter().map(|row| row.id("tag_id")).collect()
}

/// Makes `wanted` the tags of a lead that has the tags `has`.
pub(super) async fn set_tags(
    tx: &mut TenantTx,
    lead: LeadId,
    has: &[TagId],
    wanted: &[TagId],
) -> Result<()> {
    let (has, wanted): (BTreeSet<_>, BTreeSet<_>) = (has.iter().collect(), wanted.iter().collect());
    if wanted.len() > NewLead::MAX_TAGS {
        let most = format!("expected at most {} items", NewLead::MAX_TAGS);
        return Err(Error::invalid("tags", most));
    }
    for tag in has.difference(&wanted) {
        tx.execute(&REMOVE_TAG, args![lead.uuid(), tag.uuid()])
            .await?;
    }
    for tag in wanted.difference(&has) {
        tx.require(&TAG, args![tag.uuid()], "tag").await?;
        tx.execute(&ADD_TAG, args![lead.uuid(), tag.uuid()]).await?;
    }
    Ok(())
}
