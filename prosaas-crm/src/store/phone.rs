//! Whose number it is, and what its calls leave behind.

use std::sync::Arc;

use async_trait::async_trait;
use prosaas_core::business::BusinessSecrets;
use prosaas_core::{
    Business, CallId, CallOutcome, CallRecord, CallSid, E164, LeadDraft, LeadId, NewCall,
    NumberOwner, Result, TranscriptLine,
};

#[cfg(any(feature = "sqlite", feature = "postgres"))]
use super::{CallStore, CrmStore, businesses::load_business};
use crate::auth::{Scoped, SystemScope, TenantScope};
#[cfg(any(feature = "sqlite", feature = "postgres"))]
use crate::model::call::AfterStream;

/// What a phone call needs of the store: [`prosaas_core::TenantStore`] with a proof in the place of each
/// bare id. The two look-ups that find a business give the scope with what they found.
#[async_trait]
pub trait PhoneStore: Send + Sync + 'static {
    /// The owner of a called number, with leave to act for it. Only for verified webhooks.
    async fn business_by_number(
        &self,
        scope: &SystemScope,
        number: &E164,
    ) -> Result<NumberOwner<Scoped<Arc<Business>>>>;

    /// The call the carrier knows under this id, with leave to act for its business. Only for verified
    /// webhooks.
    async fn find_call(
        &self,
        scope: &SystemScope,
        call_sid: &CallSid,
    ) -> Result<Option<Scoped<CallRecord>>>;

    /// The business; `None` when it is gone.
    async fn business(&self, scope: &TenantScope) -> Result<Option<Arc<Business>>>;

    /// The business's own secrets, for our own calls to the vendors; by default it has none.
    ///
    /// # Errors
    /// `Unavailable` when they cannot be opened, because the master key is missing or another one.
    async fn secrets(&self, _scope: &TenantScope) -> Result<BusinessSecrets> {
        Ok(BusinessSecrets::default())
    }

    /// Opens a call, or returns the one already open under the same `call_sid`; `true` when it is new.
    ///
    /// # Errors
    /// `Conflict` when the `call_sid` belongs to a call of another business.
    async fn open_call(
        &self,
        scope: &TenantScope,
        call: NewCall,
    ) -> Result<(Scoped<CallRecord>, bool)>;

    /// Adds transcript lines. A line whose `seq` is already stored is left as it is.
    ///
    /// # Errors
    /// `NotFound` when the business has no such call.
    async fn append_transcript(
        &self,
        scope: &TenantScope,
        call: CallId,
        lines: &[TranscriptLine],
    ) -> Result<()>;

    /// Stores what is known about the caller in the call's lead, as
    /// [`prosaas_core::TenantStore::save_lead`] says.
    ///
    /// # Errors
    /// `NotFound` when the business has no such call.
    async fn save_lead(
        &self,
        scope: &TenantScope,
        call: CallId,
        draft: LeadDraft,
    ) -> Result<LeadId>;

    /// Finishes a call and stores its lead in one transaction; the call is over then. A second time changes
    /// nothing and returns the same lead.
    ///
    /// # Errors
    /// `NotFound` when the business has no such call.
    async fn finish_call(
        &self,
        scope: &TenantScope,
        call: CallId,
        outcome: CallOutcome,
    ) -> Result<LeadId>;
}

#[cfg(any(feature = "sqlite", feature = "postgres"))]
#[async_trait]
impl PhoneStore for CrmStore {
    async fn business_by_number(
        &self,
        scope: &SystemScope,
        number: &E164,
    ) -> Result<NumberOwner<Scoped<Arc<Business>>>> {
        self.load_owner(scope, number).await
    }

    async fn find_call(
        &self,
        scope: &SystemScope,
        call_sid: &CallSid,
    ) -> Result<Option<Scoped<CallRecord>>> {
        self.load_call_by_sid(scope, call_sid).await
    }

    async fn business(&self, scope: &TenantScope) -> Result<Option<Arc<Business>>> {
        load_business(&mut self.read(scope).await?).await
    }

    #[cfg(feature = "auth")]
    async fn secrets(&self, scope: &TenantScope) -> Result<BusinessSecrets> {
        self.open_secrets(scope).await
    }

    async fn open_call(
        &self,
        scope: &TenantScope,
        call: NewCall,
    ) -> Result<(Scoped<CallRecord>, bool)> {
        let id = CallId::mint(self.now());
        self.open_call_as(scope, id, call, None).await
    }

    async fn append_transcript(
        &self,
        scope: &TenantScope,
        call: CallId,
        lines: &[TranscriptLine],
    ) -> Result<()> {
        self.add_lines(scope, call, lines).await
    }

    async fn save_lead(
        &self,
        scope: &TenantScope,
        call: CallId,
        draft: LeadDraft,
    ) -> Result<LeadId> {
        self.learn(scope, call, draft).await
    }

    async fn finish_call(
        &self,
        scope: &TenantScope,
        call: CallId,
        outcome: CallOutcome,
    ) -> Result<LeadId> {
        self.finish_call_then(scope, call, outcome, AfterStream::HangUp)
            .await
    }
}
