//! The suite finds what it is for: a store with one defect does not pass.

use std::sync::Arc;

use async_trait::async_trait;
use prosaas_core::memory::MemoryStore;
use prosaas_core::testkit::tenant_store::{Fixture, Seed, SeenLead, suite};
use prosaas_core::{
    Business, CallId, CallOutcome, CallRecord, CallSid, E164, LeadDraft, LeadId, NewCall,
    NumberOwner, Result, TenantId, TenantStore, TranscriptLine,
};

/// What a store may get wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Defect {
    None,
    GuessesTheOwner,
    ReportsEveryOpenAsNew,
    FindsForeignCalls,
    OverwritesLines,
    ForgetsEmptyLeads,
    LearnsAfterTheEndOnly,
}

struct Broken {
    store: MemoryStore,
    tenants: Vec<TenantId>,
    defect: Defect,
}

impl Broken {
    /// The tenant that has the call, whoever asks, when that is the defect.
    fn tenant_of(&self, asking: TenantId, call: CallId) -> TenantId {
        if self.defect != Defect::FindsForeignCalls {
            return asking;
        }
        let has_it = |tenant: &&TenantId| self.store.calls(**tenant).iter().any(|c| c.id == call);
        self.tenants.iter().find(has_it).copied().unwrap_or(asking)
    }
}

#[async_trait]
impl TenantStore for Broken {
    async fn business_by_number(&self, number: &E164) -> Result<NumberOwner> {
        let owner = self.store.business_by_number(number).await?;
        if matches!(owner, NumberOwner::Several(_)) && self.defect == Defect::GuessesTheOwner {
            let guess = self.store.business(self.tenants[0]).await?;
            return Ok(NumberOwner::One(guess.unwrap()));
        }
        Ok(owner)
    }

    async fn find_call(&self, call_sid: &CallSid) -> Result<Option<CallRecord>> {
        self.store.find_call(call_sid).await
    }

    async fn business(&self, tenant: TenantId) -> Result<Option<Arc<Business>>> {
        self.store.business(tenant).await
    }

    async fn open_call(&self, tenant: TenantId, call: NewCall) -> Result<(CallRecord, bool)> {
        let (call, created) = self.store.open_call(tenant, call).await?;
        Ok((
            call,
            created || self.defect == Defect::ReportsEveryOpenAsNew,
        ))
    }

    async fn append_transcript(
        &self,
        tenant: TenantId,
        call: CallId,
        lines: &[TranscriptLine],
    ) -> Result<()> {
        let mut lines = lines.to_vec();
        if self.defect == Defect::OverwritesLines {
            // As an upsert would: of the doubles within one batch the last one wins.
            lines.reverse();
        }
        self.store
            .append_transcript(self.tenant_of(tenant, call), call, &lines)
            .await
    }

    async fn save_lead(&self, tenant: TenantId, call: CallId, draft: LeadDraft) -> Result<LeadId> {
        let tenant = self.tenant_of(tenant, call);
        let is_live = self
            .store
            .calls(tenant)
            .iter()
            .any(|c| c.id == call && c.end.is_none());
        let is_lost = is_live && self.defect == Defect::LearnsAfterTheEndOnly;
        let draft = if is_lost { LeadDraft::default() } else { draft };
        self.store.save_lead(tenant, call, draft).await
    }

    async fn finish_call(
        &self,
        tenant: TenantId,
        call: CallId,
        outcome: CallOutcome,
    ) -> Result<LeadId> {
        self.store
            .finish_call(self.tenant_of(tenant, call), call, outcome)
            .await
    }
}

struct Brokens(Defect);

#[async_trait]
impl Fixture for Brokens {
    type Store = Broken;

    async fn store(&self, businesses: Vec<Seed>) -> Broken {
        let (store, mut tenants) = (MemoryStore::new(), Vec::new());
        for seed in businesses {
            tenants.push(seed.business.id);
            store.add_business(seed.business, seed.numbers);
        }
        Broken {
            store,
            tenants,
            defect: self.0,
        }
    }

    async fn transcript(
        &self,
        store: &Broken,
        tenant: TenantId,
        call: CallId,
    ) -> Vec<TranscriptLine> {
        store.store.transcript(tenant, call)
    }

    async fn leads(&self, store: &Broken, tenant: TenantId) -> Vec<SeenLead> {
        let leads = store.store.leads(tenant).into_iter();
        let forgets = store.defect == Defect::ForgetsEmptyLeads;
        leads
            .filter(|lead| !forgets || lead.known != LeadDraft::default())
            .map(|lead| SeenLead {
                id: lead.id,
                calls: lead.calls,
                known: lead.known,
            })
            .collect()
    }
}

/// The sentence the suite panicked with.
async fn verdict(defect: Defect) -> Option<String> {
    let run = async move { suite(&Brokens(defect)).await };
    let panic = tokio::task::JoinSet::from_iter([run])
        .join_next()
        .await?
        .err()?
        .into_panic();
    panic.downcast::<String>().ok().map(|sentence| *sentence)
}

#[tokio::test]
async fn every_defect_is_named_by_its_rule() {
    assert_eq!(
        verdict(Defect::None).await,
        None,
        "without a defect the wrapper passes"
    );
    for (defect, rule) in [
        (
            Defect::GuessesTheOwner,
            "a number has one owner, none or several",
        ),
        (
            Defect::ReportsEveryOpenAsNew,
            "opening a call twice gives one call",
        ),
        (Defect::FindsForeignCalls, "what is foreign is not found"),
        (
            Defect::OverwritesLines,
            "transcript lines are stored once and in order",
        ),
        (
            Defect::ForgetsEmptyLeads,
            "a call that learned nothing leaves a lead",
        ),
        (
            Defect::LearnsAfterTheEndOnly,
            "a call has one lead that only learns",
        ),
    ] {
        let sentence = verdict(defect)
            .await
            .unwrap_or_else(|| panic!("{defect:?} passed"));
        assert!(
            sentence.contains(rule),
            "{defect:?} was named as {sentence}"
        );
    }
}
