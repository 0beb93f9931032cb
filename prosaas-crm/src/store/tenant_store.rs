//! The core's trait on top of the tables.

use std::sync::Arc;

use async_trait::async_trait;
use prosaas_core::{
    Business, CallId, CallOutcome, CallRecord, CallSid, E164, LeadDraft, LeadId, NewCall,
    NumberOwner, Result, TenantId, TenantStore, TranscriptLine,
};

#[cfg(feature = "auth")]
use prosaas_core::BusinessSecrets;

use super::businesses::load_business;
use super::{CallStore, CrmStore};
use crate::auth::TenantScope;
use crate::model::call::AfterStream;

#[async_trait]
impl TenantStore for CrmStore {
    async fn business_by_number(&self, number: &E164) -> Result<NumberOwner> {
        self.load_owner(number).await
    }

    async fn find_call(&self, call_sid: &CallSid) -> Result<Option<CallRecord>> {
        self.load_call_by_sid(call_sid).await
    }

    async fn business(&self, tenant: TenantId) -> Result<Option<Arc<Business>>> {
        load_business(&mut self.read(&TenantScope::for_agent(tenant)).await?).await
    }

    #[cfg(feature = "auth")]
    async fn secrets(&self, tenant: TenantId) -> Result<BusinessSecrets> {
        self.open_secrets(&TenantScope::for_agent(tenant)).await
    }

    async fn open_call(&self, tenant: TenantId, call: NewCall) -> Result<(CallRecord, bool)> {
        let id = CallId::mint(self.now());
        self.open_call_as(&TenantScope::for_agent(tenant), id, call)
            .await
    }

    async fn append_transcript(
        &self,
        tenant: TenantId,
        call: CallId,
        lines: &[TranscriptLine],
    ) -> Result<()> {
        self.add_lines(&TenantScope::for_agent(tenant), call, lines)
            .await
    }

    async fn save_lead(&self, tenant: TenantId, call: CallId, draft: LeadDraft) -> Result<LeadId> {
        self.learn(&TenantScope::for_agent(tenant), call, draft)
            .await
    }

    async fn finish_call(
        &self,
        tenant: TenantId,
        call: CallId,
        outcome: CallOutcome,
    ) -> Result<LeadId> {
        self.finish_call_then(
            &TenantScope::for_agent(tenant),
            call,
            outcome,
            AfterStream::HangUp,
        )
        .await
    }
}
