//! Calls and their leads: who called is one person, however often he calls.

use async_trait::async_trait;
use prosaas_core::{CallId, E164, LeadDraft, LeadId, Result, UnixMillis};

use super::{change, identities, index, locked, read_lead};
use crate::auth::TenantScope;
use crate::model::identity::NewIdentity;
use crate::model::lead::{Lead, LeadSource, NewLead};
use crate::model::page::Page;
use crate::model::timeline::TimelineKind;
use crate::store::db::{Change, Sql, TenantTx, args};
use crate::store::paging::page_of;
use crate::store::records::timeline::{self, Happening};
use crate::store::{CrmStore, LeadStore};

const LEAD: Sql =
    Sql::both("SELECT * FROM leads WHERE tenant_id = $1 AND id = $2 AND deleted_at IS NULL");
const LEAD_OF_CALL: Sql = Sql::both(
    "SELECT leads.* FROM call_leads
     JOIN leads ON leads.tenant_id = call_leads.tenant_id AND leads.id = call_leads.lead_id
     WHERE call_leads.tenant_id = $1 AND call_leads.call_id = $2",
);
const NEWEST: Sql = Sql::both(
    "SELECT * FROM leads WHERE tenant_id = $1 AND deleted_at IS NULL
     ORDER BY created_at DESC, id DESC LIMIT $2",
);
const OLDER: Sql = Sql::both(
    "SELECT * FROM leads WHERE tenant_id = $1 AND deleted_at IS NULL AND (created_at, id) < ($2, $3)
     ORDER BY created_at DESC, id DESC LIMIT $4",
);
const CALLS_OF_LEAD: Sql = Sql::both(
    "SELECT call_leads.call_id FROM call_leads
     JOIN calls ON calls.tenant_id = call_leads.tenant_id AND calls.id = call_leads.call_id
     WHERE call_leads.tenant_id = $1 AND call_leads.lead_id = $2
     ORDER BY calls.started_at, calls.id",
);
const CALLER: Sql = Sql::both("SELECT caller_number FROM calls WHERE tenant_id = $1 AND id = $2");
const LINK: Sql = Sql::both(
    "INSERT INTO call_leads (tenant_id, call_id, lead_id) VALUES ($1, $2, $3)
     ON CONFLICT (tenant_id, call_id) DO NOTHING",
);

impl CrmStore {
    /// Merges what a call has taught into its lead: the one that the call has, else the person with the
    /// caller's number, else a new one. A withheld number makes a new lead: nobody knows whose it is.
    pub(in crate::store) async fn merge_lead(
        &self,
        tx: &mut TenantTx,
        call: CallId,
        draft: LeadDraft,
    ) -> Result<LeadId> {
        let draft = draft.cleaned();
        let now = self.now();
        let (lead, is_known) = match lead_of_call(tx, call).await? {
            Some(lead) => {
                let lead = current(tx, lead).await?;
                let is_known = calls_of(tx, lead).await?.first() != Some(&call);
                (lead, is_known)
            }
            None => recognise(tx, now, call).await?,
        };
        learn(tx, now, lead, draft, is_known).await?;
        Ok(lead)
    }

    /// Stores what a conversation by text has taught about a lead: what people wrote down stays.
    pub(in crate::store) async fn learn_about(
        &self,
        tx: &mut TenantTx,
        lead: LeadId,
        draft: LeadDraft,
    ) -> Result<()> {
        learn(tx, self.now(), lead, draft.cleaned(), true).await
    }

    /// The live lead that one is by now, if there is one: it may have been merged.
    pub(in crate::store) async fn live_lead(
        &self,
        tx: &mut TenantTx,
        lead: LeadId,
    ) -> Result<Option<LeadId>> {
        let lead = super::one(tx, lead).await?;
        let now = current(tx, lead).await?;
        let lead = super::one(tx, now).await?;
        Ok(lead.deleted_at.is_none().then_some(lead.id))
    }

    /// Whose these identities are: the live leads that have one, the strongest identity's first.
    pub(in crate::store) async fn leads_with(
        &self,
        tx: &mut TenantTx,
        names: &[NewIdentity],
    ) -> Result<Vec<LeadId>> {
        let mut found = Vec::new();
        for name in names {
            if let Some(lead) = identities::lead_of(tx, name).await?
                && !found.contains(&lead.id)
            {
                found.push(lead.id);
            }
        }
        Ok(found)
    }

    /// Gives a lead those of the identities that nobody has, as far as there is room; returns whether there
    /// were any.
    pub(in crate::store) async fn give_identities(
        &self,
        tx: &mut TenantTx,
        lead: LeadId,
        names: &[NewIdentity],
    ) -> Result<bool> {
        let known = identities::of_lead(tx, lead).await?;
        let room = NewLead::MAX_IDENTITIES.saturating_sub(known.len());
        let last = known.last().map(|one| one.created_at.plus(1));
        let from = last.map_or(self.now(), |last| last.max(self.now()));
        let mut given = 0;
        for name in names {
            let is_known = known.iter().any(|one| one.identity == *name);
            if is_known || given == room {
                continue;
            }
            let at = from.plus(i64::try_from(given).unwrap_or_default());
            if identities::try_claim(tx, at, lead, name).await?.is_none() {
                given += 1;
            }
        }
        if given > 0 {
            identities::repeat(tx, lead).await?;
            index::refresh(tx, lead).await?;
        }
        Ok(given > 0)
    }

    /// A lead for somebody who writes and whom nobody knows.
    pub(in crate::store) async fn lead_of_stranger(
        &self,
        tx: &mut TenantTx,
        name: Option<&str>,
    ) -> Result<LeadId> {
        let mut new = NewLead::of(LeadSource::WhatsApp);
        new.known.name = name.map(str::to_owned);
        change::insert(tx, self.now(), &new).await
    }
}

#[async_trait]
impl LeadStore for CrmStore {
    async fn lead(&self, scope: &TenantScope, lead: LeadId) -> Result<Option<Lead>> {
        let tx = self.look(scope).await?;
        let row = tx.fetch_optional(&LEAD, args![lead.uuid()]).await?;
        row.as_ref().map(read_lead).transpose()
    }

    async fn lead_of_call(&self, scope: &TenantScope, call: CallId) -> Result<Option<Lead>> {
        let mut tx = self.read(scope).await?;
        lead_of_call(&mut tx, call).await
    }

    async fn calls_of_lead(&self, scope: &TenantScope, lead: LeadId) -> Result<Vec<CallId>> {
        let mut tx = self.read(scope).await?;
        calls_of(&mut tx, lead).await
    }

    async fn list_leads(&self, scope: &TenantScope, page: Page<LeadId>) -> Result<Vec<Lead>> {
        let mut tx = self.read(scope).await?;
        let rows = page_of(&mut tx, (&NEWEST, &OLDER), page).await?;
        rows.iter().map(read_lead).collect()
    }
}

async fn lead_of_call(tx: &mut TenantTx, call: CallId) -> Result<Option<Lead>> {
    let row = tx.fetch_optional(&LEAD_OF_CALL, args![call.uuid()]).await?;
    row.as_ref().map(read_lead).transpose()
}

async fn calls_of(tx: &mut TenantTx, lead: LeadId) -> Result<Vec<CallId>> {
    let rows = tx.fetch_all(&CALLS_OF_LEAD, args![lead.uuid()]).await?;
    rows.iter().map(|row| row.id("call_id")).collect()
}

/// The person that a call's lead is by now: it may have been merged during the call.
async fn current(tx: &mut TenantTx, lead: Lead) -> Result<LeadId> {
    let mut lead = lead;
    while let (Some(_), Some(winner)) = (lead.deleted_at, lead.merged_into) {
        lead = locked(tx, winner).await?;
    }
    Ok(lead.id)
}

/// Whom a call without a lead belongs to, linked; `true` for somebody who was known before.
async fn recognise(tx: &mut TenantTx, now: UnixMillis, call: CallId) -> Result<(LeadId, bool)> {
    let row = tx.fetch_one(&CALLER, args![call.uuid()], "call").await?;
    let caller: Option<E164> = row.get("caller_number")?;
    let identity = caller.as_ref().map(NewIdentity::phone);
    let known = match &identity {
        Some(identity) => identities::lead_of(tx, identity).await?,
        None => None,
    };
    let (lead, is_known) = match known {
        Some(lead) => (lead.id, true),
        None => create(tx, now, identity).await?,
    };
    tx.execute(&LINK, args![call.uuid(), lead.uuid()]).await?;
    let called = Happening::new(lead, now, TimelineKind::CallStarted).about(call);
    timeline::append(tx, called).await?;
    Ok((lead, is_known))
}

/// A lead for a caller that nobody knows; of two calls at once from one new number, one creates it.
async fn create(
    tx: &mut TenantTx,
    now: UnixMillis,
    identity: Option<NewIdentity>,
) -> Result<(LeadId, bool)> {
    let lead = change::insert(tx, now, &NewLead::of(LeadSource::Call)).await?;
    let Some(identity) = identity else {
        return Ok((lead, false));
    };
    if let Some(owner) = identities::try_claim(tx, now, lead, &identity).await? {
        // The other call was faster: this lead was never anybody's.
        change::withdraw(tx, lead).await?;
        return Ok((owner, true));
    }
    identities::repeat(tx, lead).await?;
    index::refresh(tx, lead).await?;
    Ok((lead, false))
}

/// Stores what a call has taught. Of somebody known before, what people wrote down stays: a name that a
/// voice model heard does not replace it, and notes are theirs.
async fn learn(
    tx: &mut TenantTx,
    now: UnixMillis,
    lead: LeadId,
    draft: LeadDraft,
    is_known: bool,
) -> Result<()> {
    let before = locked(tx, lead).await?;
    let mut known = before.known.clone().merged(draft);
    if is_known {
        known.name = before.known.name.clone().or(known.name);
        known.notes = before.known.notes.clone().or(known.notes);
    }
    if known == before.known || before.deleted_at.is_some() {
        return Ok(());
    }
    let after = Lead { known, ..before };
    change::write_row(tx, now, &after).await?;
    index::refresh(tx, lead).await?;
    tx.record(Change::new("lead.updated", "lead", lead).lead(lead));
    Ok(())
}
