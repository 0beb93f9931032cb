//! The host's own tenant store: one business, calls in memory.

use std::sync::{Arc, Mutex, PoisonError};

use prosaas_core::business::Business;
use prosaas_core::call::{CallOutcome, CallRecord, CallStatus, NewCall};
use prosaas_core::{
    CallId, CallSid, E164, Error, LeadDraft, LeadId, NumberOwner, Result, TenantId, TenantStore,
    TranscriptLine, Usage,
};

type Calls = Vec<(CallRecord, Vec<TranscriptLine>)>;

pub(crate) struct Host {
    pub(crate) business: Arc<Business>,
    pub(crate) number: E164,
    calls: Mutex<Calls>,
}

impl Host {
    pub(crate) fn new(business: Business, number: E164) -> Self {
        Self {
            business: Arc::new(business),
            number,
            calls: Mutex::default(),
        }
    }

    pub(crate) fn transcripts(&self) -> Vec<TranscriptLine> {
        self.with(|calls| calls.iter().flat_map(|(_, lines)| lines.clone()).collect())
    }

    fn with<T>(&self, use_calls: impl FnOnce(&mut Calls) -> T) -> T {
        use_calls(&mut self.calls.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn with_call<T>(
        &self,
        id: CallId,
        change: impl FnOnce(&mut CallRecord, &mut Vec<TranscriptLine>) -> T,
    ) -> Result<T> {
        self.with(|calls| {
            let found = calls.iter_mut().find(|(call, _)| call.id == id);
            found
                .map(|(call, lines)| change(call, lines))
                .ok_or(Error::NotFound { what: "call" })
        })
    }
}

#[async_trait::async_trait]
impl TenantStore for Host {
    async fn business_by_number(&self, number: &E164) -> Result<NumberOwner> {
        let ours = *number == self.number;
        Ok(if ours {
            NumberOwner::One(Arc::clone(&self.business))
        } else {
            NumberOwner::Nobody
        })
    }

    async fn business(&self, tenant: TenantId) -> Result<Option<Arc<Business>>> {
        Ok((tenant == self.business.id).then(|| Arc::clone(&self.business)))
    }

    async fn find_call(&self, call_sid: &CallSid) -> Result<Option<CallRecord>> {
        let same = |call: &CallRecord| call.call.call_sid == *call_sid;
        Ok(self.with(|calls| {
            calls
                .iter()
                .find(|(call, _)| same(call))
                .map(|(call, _)| call.clone())
        }))
    }

    async fn open_call(&self, tenant: TenantId, call: NewCall) -> Result<(CallRecord, bool)> {
        if let Some(open) = self.find_call(&call.call_sid).await? {
            return Ok((open, false));
        }
        let (id, status) = (CallId::mint(call.started_at), CallStatus::Ringing);
        let usage = Usage::default();
        let record = CallRecord {
            id,
            tenant,
            call,
            status,
            ended_at: None,
            end: None,
            usage,
        };
        self.with(|calls| calls.push((record.clone(), Vec::new())));
        Ok((record, true))
    }

    async fn append_transcript(
        &self,
        _tenant: TenantId,
        call: CallId,
        new: &[TranscriptLine],
    ) -> Result<()> {
        self.with_call(call, |_, lines| lines.extend_from_slice(new))
    }

    async fn save_lead(&self, _tenant: TenantId, call: CallId, _: LeadDraft) -> Result<LeadId> {
        self.with_call(call, |call, _| LeadId::from_uuid(call.id.uuid()))
    }

    async fn finish_call(
        &self,
        _tenant: TenantId,
        call: CallId,
        outcome: CallOutcome,
    ) -> Result<LeadId> {
        self.with_call(call, |call, _| {
            call.status = CallStatus::Completed;
            call.end = Some(outcome.end);
            call.ended_at = Some(outcome.ended_at);
            call.usage = outcome.usage;
            LeadId::from_uuid(call.id.uuid())
        })
    }
}
