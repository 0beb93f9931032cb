//! Which business a number belongs to, and what its calls leave behind.

use std::sync::Arc;

use async_trait::async_trait;

use crate::business::{Business, BusinessSecrets};
use crate::call::{CallOutcome, CallRecord, NewCall};
use crate::error::Result;
use crate::id::{CallId, CallSid, LeadId, TenantId};
use crate::lead::LeadDraft;
use crate::phone::E164;
use crate::transcript::TranscriptLine;

/// Whose number it is; `B` is a business as the store that was asked gives it.
#[derive(Clone, Debug)]
pub enum NumberOwner<B = Arc<Business>> {
    /// Exactly one business has it.
    One(B),
    /// No business has it.
    Nobody,
    /// Several businesses have it: nobody may guess.
    Several(usize),
}

/// The businesses of an installation and their calls.
///
/// Every method but the two look-ups that *find* a tenant takes the tenant first, and what belongs to
/// another tenant is `NotFound`, exactly like what does not exist.
///
/// What a method acknowledged with `Ok` survives the process.
#[async_trait]
pub trait TenantStore: Send + Sync + 'static {
    /// The owner of a number.
    async fn business_by_number(&self, number: &E164) -> Result<NumberOwner>;

    /// The call the carrier knows under this id, of whatever tenant. Only for verified webhooks.
    async fn find_call(&self, call_sid: &CallSid) -> Result<Option<CallRecord>>;

    /// One business.
    async fn business(&self, tenant: TenantId) -> Result<Option<Arc<Business>>>;

    /// The business's own secrets; by default it has none.
    async fn secrets(&self, _tenant: TenantId) -> Result<BusinessSecrets> {
        Ok(BusinessSecrets::default())
    }

    /// Opens a call, or returns the one already open under the same `call_sid`; `true` when it is new.
    ///
    /// # Errors
    /// `Conflict` when the `call_sid` belongs to a call of another tenant.
    async fn open_call(&self, tenant: TenantId, call: NewCall) -> Result<(CallRecord, bool)>;

    /// Adds transcript lines. A line whose `seq` is already stored is left as it is.
    async fn append_transcript(
        &self,
        tenant: TenantId,
        call: CallId,
        lines: &[TranscriptLine],
    ) -> Result<()>;

    /// Stores what is known about the caller in the call's lead. A lead is a person: the first time it
    /// is the one with the caller's number, or a new one; a withheld number always makes a new one.
    /// The draft is cleaned ([`LeadDraft::cleaned`]) and merged into what is known; also after the call.
    /// Of a person known from before, name and notes stay what they were.
    async fn save_lead(&self, tenant: TenantId, call: CallId, draft: LeadDraft) -> Result<LeadId>;

    /// Finishes a call and stores its lead in one transaction. A second time changes nothing and
    /// returns the same lead.
    async fn finish_call(
        &self,
        tenant: TenantId,
        call: CallId,
        outcome: CallOutcome,
    ) -> Result<LeadId>;
}
