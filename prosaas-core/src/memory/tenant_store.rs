//! A [`TenantStore`] in memory.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use async_trait::async_trait;

use crate::business::Business;
use crate::call::{CallDirection, CallOutcome, CallRecord, CallStatus, NewCall};
use crate::error::{Error, Result};
use crate::id::{CallId, CallSid, LeadId, TenantId};
use crate::lead::LeadDraft;
use crate::money::Usage;
use crate::phone::E164;
use crate::tenant_store::{NumberOwner, TenantStore};
use crate::transcript::TranscriptLine;

/// Businesses and their calls, kept until the store is dropped.
///
/// The lock is never held across an `await`, so the store works under any runtime and under none.
#[derive(Debug, Default)]
pub struct MemoryStore {
    rows: RwLock<Rows>,
}

/// A lead as [`MemoryStore::leads`] shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemoryLead {
    /// The lead.
    pub id: LeadId,
    /// The calls it had, oldest first.
    pub calls: Vec<CallId>,
    /// The caller; `None` when the number was withheld.
    pub caller: Option<E164>,
    /// What is known.
    pub known: LeadDraft,
}

#[derive(Debug, Default)]
struct Rows {
    businesses: HashMap<TenantId, Arc<Business>>,
    owners: HashMap<E164, Vec<TenantId>>,
    calls: HashMap<CallId, CallRow>,
    by_sid: HashMap<CallSid, CallId>,
    leads: HashMap<LeadId, LeadRow>,
}

#[derive(Debug)]
struct CallRow {
    record: CallRecord,
    lines: BTreeMap<u32, TranscriptLine>,
    lead: Option<LeadId>,
}

#[derive(Debug)]
struct LeadRow {
    tenant: TenantId,
    calls: Vec<CallId>,
    caller: Option<E164>,
    known: LeadDraft,
}

impl Rows {
    fn call_mut(&mut self, tenant: TenantId, call: CallId) -> Result<&mut CallRow> {
        self.calls
            .get_mut(&call)
            .filter(|row| row.record.tenant == tenant)
            .ok_or(Error::NotFound { what: "call" })
    }

    /// Merges what a call has taught into its lead, which is the caller's if he is known.
    fn merge_lead(&mut self, tenant: TenantId, call: CallId, draft: LeadDraft) -> Result<LeadId> {
        let row = self.call_mut(tenant, call)?;
        // Without a clock, a lead is as old as its first call.
        let started_at = row.record.call.started_at;
        let caller = row.record.call.caller.clone();
        let linked = row.lead;
        let is_caller = |lead: &LeadRow| lead.tenant == tenant && lead.caller == caller;
        let known = self.leads.iter().find(|(_, lead)| is_caller(lead));
        let known = known.filter(|_| caller.is_some()).map(|(id, _)| *id);
        let id = linked.or(known).unwrap_or_else(|| LeadId::mint(started_at));
        self.call_mut(tenant, call)?.lead = Some(id);
        let lead = self.leads.entry(id).or_insert_with(|| LeadRow {
            tenant,
            calls: Vec::new(),
            caller,
            known: LeadDraft::default(),
        });
        if !lead.calls.contains(&call) {
            lead.calls.push(call);
        }
        let mut learned = lead.known.clone().merged(draft.cleaned());
        if lead.calls.first() != Some(&call) {
            learned.name = lead.known.name.clone().or(learned.name);
            learned.notes = lead.known.notes.clone().or(learned.notes);
        }
        lead.known = learned;
        Ok(id)
    }
}

impl MemoryStore {
    /// A store without businesses.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds or replaces a business and gives it these numbers.
    ///
    /// A number may be given to several businesses, as data taken over from elsewhere may hold doubles.
    pub fn add_business(&self, business: Business, numbers: impl IntoIterator<Item = E164>) {
        let mut rows = self.write();
        for number in numbers {
            let owners = rows.owners.entry(number).or_default();
            if !owners.contains(&business.id) {
                owners.push(business.id);
            }
        }
        rows.businesses.insert(business.id, Arc::new(business));
    }

    /// The calls of a business, oldest first.
    pub fn calls(&self, tenant: TenantId) -> Vec<CallRecord> {
        let rows = self.read();
        let mut calls: Vec<_> = rows
            .calls
            .values()
            .filter(|row| row.record.tenant == tenant)
            .map(|row| row.record.clone())
            .collect();
        calls.sort_by_key(|record| (record.call.started_at, record.id));
        calls
    }

    /// The transcript of a call in the order of the conversation; empty for another business's call.
    pub fn transcript(&self, tenant: TenantId, call: CallId) -> Vec<TranscriptLine> {
        self.read()
            .calls
            .get(&call)
            .filter(|row| row.record.tenant == tenant)
            .map(|row| row.lines.values().cloned().collect())
            .unwrap_or_default()
    }

    /// The leads of a business, oldest first.
    pub fn leads(&self, tenant: TenantId) -> Vec<MemoryLead> {
        let rows = self.read();
        let own = rows.leads.iter().filter(|(_, lead)| lead.tenant == tenant);
        let mut leads: Vec<_> = own
            .map(|(id, lead)| MemoryLead {
                id: *id,
                calls: lead.calls.clone(),
                caller: lead.caller.clone(),
                known: lead.known.clone(),
            })
            .collect();
        leads.sort_by_key(|lead| lead.id);
        leads
    }

    fn read(&self) -> RwLockReadGuard<'_, Rows> {
        self.rows.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Rows> {
        self.rows.write().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl TenantStore for MemoryStore {
    async fn business_by_number(&self, number: &E164) -> Result<NumberOwner> {
        let rows = self.read();
        let owners = rows.owners.get(number).map_or(&[][..], Vec::as_slice);
        Ok(match owners {
            [] => NumberOwner::Nobody,
            [tenant] => rows
                .businesses
                .get(tenant)
                .map_or(NumberOwner::Nobody, |business| {
                    NumberOwner::One(Arc::clone(business))
                }),
            several => NumberOwner::Several(several.len()),
        })
    }

    async fn find_call(&self, call_sid: &CallSid) -> Result<Option<CallRecord>> {
        let rows = self.read();
        let row = rows.by_sid.get(call_sid).and_then(|id| rows.calls.get(id));
        Ok(row.map(|row| row.record.clone()))
    }

    async fn business(&self, tenant: TenantId) -> Result<Option<Arc<Business>>> {
        Ok(self.read().businesses.get(&tenant).cloned())
    }

    async fn open_call(&self, tenant: TenantId, call: NewCall) -> Result<(CallRecord, bool)> {
        let mut rows = self.write();
        if !rows.businesses.contains_key(&tenant) {
            return Err(Error::NotFound { what: "business" });
        }
        if let Some(known) = rows
            .by_sid
            .get(&call.call_sid)
            .and_then(|id| rows.calls.get(id))
        {
            if known.record.tenant != tenant {
                return Err(Error::Conflict {
                    what: "call",
                    detail: "its CallSid belongs to a call of another business".to_owned(),
                });
            }
            return Ok((known.record.clone(), false));
        }
        let id = CallId::mint(call.started_at);
        let status = match call.direction {
            CallDirection::Inbound => CallStatus::Ringing,
            CallDirection::Outbound => CallStatus::Queued,
        };
        let call_sid = call.call_sid.clone();
        let record = CallRecord {
            id,
            tenant,
            call,
            status,
            ended_at: None,
            end: None,
            usage: Usage::default(),
        };
        rows.by_sid.insert(call_sid, id);
        let row = CallRow {
            record: record.clone(),
            lines: BTreeMap::new(),
            lead: None,
        };
        rows.calls.insert(id, row);
        Ok((record, true))
    }

    async fn append_transcript(
        &self,
        tenant: TenantId,
        call: CallId,
        lines: &[TranscriptLine],
    ) -> Result<()> {
        let mut rows = self.write();
        let row = rows.call_mut(tenant, call)?;
        for line in lines {
            row.lines.entry(line.seq).or_insert_with(|| line.clone());
        }
        Ok(())
    }

    async fn save_lead(&self, tenant: TenantId, call: CallId, draft: LeadDraft) -> Result<LeadId> {
        self.write().merge_lead(tenant, call, draft)
    }

    async fn finish_call(
        &self,
        tenant: TenantId,
        call: CallId,
        outcome: CallOutcome,
    ) -> Result<LeadId> {
        let mut rows = self.write();
        let row = rows.call_mut(tenant, call)?;
        if row.record.end.is_some() {
            return rows.merge_lead(tenant, call, LeadDraft::default());
        }
        row.record.ended_at = Some(outcome.ended_at);
        row.record.end = Some(outcome.end);
        row.record.usage = outcome.usage;
        rows.merge_lead(tenant, call, outcome.lead)
    }
}
