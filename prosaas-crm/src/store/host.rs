//! The core's trait on top of the CRM, for a host that says itself whose call it is.

use std::sync::Arc;

use async_trait::async_trait;
use prosaas_core::business::BusinessSecrets;
use prosaas_core::{
    Business, CallId, CallOutcome, CallRecord, CallSid, E164, LeadDraft, LeadId, NewCall,
    NumberOwner, Result, TenantId, TenantStore, TranscriptLine,
};

use super::PhoneStore;
use crate::auth::{Permissions, Scoped, SystemScope, TenantScope};

/// A CRM as [`prosaas_core::TenantStore`], whose methods name a business by its bare id.
///
/// The core knows no scopes: a host's own store may keep one business and no rows at all. So whoever hands
/// a CRM to code that speaks the core's trait vouches for every id that comes through it, by the one name
/// with which hosts vouch.
#[derive(Debug)]
pub struct HostStore<S> {
    store: Arc<S>,
}

impl<S: PhoneStore> HostStore<S> {
    /// The CRM, believing its caller which business is meant. Nothing is checked here: see
    /// [`TenantScope::from_trusted_host`], and search for this name when you review an embedding.
    pub const fn from_trusted_host(store: Arc<S>) -> Self {
        Self { store }
    }

    /// The CRM itself, which asks for scopes.
    pub const fn store(&self) -> &Arc<S> {
        &self.store
    }
}

const INSTALLATION: SystemScope = SystemScope::for_installation();

fn vouched(tenant: TenantId) -> TenantScope {
    TenantScope::from_trusted_host(tenant, Permissions::all())
}

#[async_trait]
impl<S: PhoneStore> TenantStore for HostStore<S> {
    async fn business_by_number(&self, number: &E164) -> Result<NumberOwner> {
        let owner = self.store.business_by_number(&INSTALLATION, number).await?;
        Ok(match owner {
            NumberOwner::One(business) => NumberOwner::One(business.into_inner()),
            NumberOwner::Nobody => NumberOwner::Nobody,
            NumberOwner::Several(several) => NumberOwner::Several(several),
        })
    }

    async fn find_call(&self, call_sid: &CallSid) -> Result<Option<CallRecord>> {
        let found = self.store.find_call(&INSTALLATION, call_sid).await?;
        Ok(found.map(Scoped::into_inner))
    }

    async fn business(&self, tenant: TenantId) -> Result<Option<Arc<Business>>> {
        self.store.business(&vouched(tenant)).await
    }

    async fn secrets(&self, tenant: TenantId) -> Result<BusinessSecrets> {
        self.store.secrets(&vouched(tenant)).await
    }

    async fn open_call(&self, tenant: TenantId, call: NewCall) -> Result<(CallRecord, bool)> {
        let (record, is_new) = self.store.open_call(&vouched(tenant), call).await?;
        Ok((record.into_inner(), is_new))
    }

    async fn append_transcript(
        &self,
        tenant: TenantId,
        call: CallId,
        lines: &[TranscriptLine],
    ) -> Result<()> {
        self.store
            .append_transcript(&vouched(tenant), call, lines)
            .await
    }

    async fn save_lead(&self, tenant: TenantId, call: CallId, draft: LeadDraft) -> Result<LeadId> {
        self.store.save_lead(&vouched(tenant), call, draft).await
    }

    async fn finish_call(
        &self,
        tenant: TenantId,
        call: CallId,
        outcome: CallOutcome,
    ) -> Result<LeadId> {
        self.store
            .finish_call(&vouched(tenant), call, outcome)
            .await
    }
}
