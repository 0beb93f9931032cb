//! The store of the CRM, one trait per concern. [`HostStore`] is the one that speaks
//! [`prosaas_core::TenantStore`].
//!
//! Rules that hold for all of them, and that the behaviour suite (feature `testkit`) checks:
//!
//! - A method on tenant data takes a [`TenantScope`] first. What belongs to another tenant is exactly
//!   like what does not exist: `None` from a look-up, `NotFound` from a change.
//! - [`BusinessAdmin`], [`CallReconciler`], the claiming of [`Jobs`] and redeeming a stream token look
//!   across tenants and take a [`SystemScope`]: they are for the operator and for our own background
//!   work, never for a request of a tenant's user. What becomes of a job takes the claimed job itself.
//! - Where a time decides the result it is an argument (`now`). Where it is only noted down
//!   (`created_at`), it comes from the clock the store was opened with.
//! - `Ok` means stored: it survives the process and, on the backends here, a power loss.

#[cfg(all(feature = "auth", any(feature = "sqlite", feature = "postgres")))]
pub mod accounts;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod audit;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod backup;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub(crate) mod batches;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod businesses;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod call_list;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod call_outcome;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod call_quality;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod calls;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod carrier_costs;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod conversations;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod crm_store;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub(crate) mod db;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod deliveries;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod events;
mod host;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod idempotency;
#[cfg(all(feature = "auth", any(feature = "sqlite", feature = "postgres")))]
mod installation;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod isolation;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod jobs;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod leads;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod missed_calls;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod options;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod own_phones;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod paging;
mod phone;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(all(feature = "auth", any(feature = "sqlite", feature = "postgres")))]
mod privacy;
#[cfg(all(feature = "push", any(feature = "sqlite", feature = "postgres")))]
pub(crate) mod push;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod recordings;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub(crate) mod records;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod retention;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod situation;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod spending;
#[cfg(feature = "sqlite")]
mod sqlite;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod storage;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod tokens;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod transcripts;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod upkeep;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod wa_cloud;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod wa_links;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod waiting_calls;

#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub use audit::{AuditEntry, AuditFilter, AuditLead};
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub use backup::BackupSummary;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub(crate) use conversations::to_fetch;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub use conversations::{AnswerFacts, FileOutcome, MAX_IN_CALL, Outbound, OutboundSms, ReplyWays};
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub use crm_store::CrmStore;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub(crate) use db::UNCONFIRMED;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub use events::{Event, EventBounds};
pub use host::HostStore;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub use idempotency::{KeyedAnswer, KeyedRequest, Reservation};
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub use isolation::Isolation;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub use leads::{COUNT_CAP, ExportPage, ExportSheet, ExportedLead, LeadDetails, MergePreview};
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub use options::{PoolerMode, StoreOptions};
pub use phone::PhoneStore;
#[cfg(all(feature = "auth", any(feature = "sqlite", feature = "postgres")))]
pub use privacy::{ErasureKey, TombstoneKeeper};

use async_trait::async_trait;
use prosaas_core::{
    Business, CallId, CallOutcome, CallSid, E164, LeadId, Result, TenantId, TranscriptLine,
    UnixMillis,
};

use crate::auth::{Scoped, SystemScope, TenantScope};
use crate::model::call::{AfterStream, Recording, RecordingUpdate, StatusUpdate, StoredCall};
use crate::model::job::{ClaimedJob, JobCounts, JobFate, JobWork, RetryPolicy};
use crate::model::lead::Lead;
use crate::model::page::Page;
use crate::model::token::StreamGrant;

/// The calls of a business.
#[async_trait]
pub trait CallStore: Send + Sync + 'static {
    /// One call.
    async fn call(&self, scope: &TenantScope, call: CallId) -> Result<Option<StoredCall>>;

    /// Calls, newest first by the time they began.
    async fn list_calls(&self, scope: &TenantScope, page: Page<CallId>) -> Result<Vec<StoredCall>>;

    /// The transcript in the order of the conversation.
    ///
    /// # Errors
    /// `NotFound` when the tenant has no such call.
    async fn transcript(&self, scope: &TenantScope, call: CallId) -> Result<Vec<TranscriptLine>>;

    /// Moves the carrier's status forward; `false` when nothing changed.
    ///
    /// A status only moves to a higher [`prosaas_core::CallStatus::rank`], so callbacks in any order,
    /// any number of times, leave the same row. A final status notes the carrier's end
    /// ([`StoredCall::carrier_ended_at`]) and leaves the outcome alone.
    ///
    /// # Errors
    /// `NotFound` when the tenant has no such call.
    async fn advance_status(
        &self,
        scope: &TenantScope,
        call: CallId,
        update: StatusUpdate,
    ) -> Result<bool>;

    /// [`PhoneStore::finish_call`] that also says how the call goes on after its stream, in the same
    /// transaction. A second time changes nothing and returns the same lead.
    ///
    /// The same transaction enqueues [`JobWork::SummarizeCall`].
    ///
    /// # Errors
    /// `NotFound` when the tenant has no such call.
    async fn finish_call_then(
        &self,
        scope: &TenantScope,
        call: CallId,
        outcome: CallOutcome,
        after: AfterStream,
    ) -> Result<LeadId>;

    /// Notes what is known about a recording; `false` when nothing changed.
    ///
    /// The state only moves to a higher [`crate::RecordingState::rank`]. Reaching `Available` enqueues
    /// [`JobWork::FetchRecording`] in the same transaction.
    ///
    /// # Errors
    /// `NotFound` when the tenant has no such call, `Conflict` when the recording belongs to another
    /// call, `Invalid` when the path leaves the data directory.
    async fn set_recording(
        &self,
        scope: &TenantScope,
        call: CallId,
        update: RecordingUpdate,
    ) -> Result<bool>;

    /// The call's recordings, in the order they were first heard of. A call may have several: the
    /// conversation, and a voicemail after it.
    ///
    /// # Errors
    /// `NotFound` when the tenant has no such call.
    async fn recordings(&self, scope: &TenantScope, call: CallId) -> Result<Vec<Recording>>;
}

/// Calls whose end got lost, of all tenants; for the reconciler that heals them.
#[async_trait]
pub trait CallReconciler: Send + Sync + 'static {
    /// Calls without an outcome that began before this time, oldest first: the process that carried
    /// them is gone, or they are still going on.
    async fn calls_without_outcome(
        &self,
        scope: &SystemScope,
        started_before: UnixMillis,
        limit: u32,
    ) -> Result<Vec<Scoped<StoredCall>>>;

    /// Calls without a final status that began before this time, oldest first: the carrier's last
    /// callback may have been lost, so it has to be asked.
    async fn calls_without_final_status(
        &self,
        scope: &SystemScope,
        started_before: UnixMillis,
        limit: u32,
    ) -> Result<Vec<Scoped<StoredCall>>>;
}

/// One-time tokens that let a media socket carry a call. Only their SHA-256 is stored.
#[async_trait]
pub trait StreamTokens: Send + Sync + 'static {
    /// Stores a token for a call. Issuing the same token for the same call again changes nothing: a
    /// used one stays used.
    ///
    /// Tokens issued before stay valid until they expire: when a webhook is delivered twice, nobody
    /// knows which of the two answers the carrier follows.
    ///
    /// # Errors
    /// `NotFound` when the tenant has no such call, `Conflict` when another call has this token.
    async fn issue_stream_token(
        &self,
        scope: &TenantScope,
        call: CallId,
        token_hash: [u8; 32],
        expires_at: UnixMillis,
    ) -> Result<()>;

    /// Uses a token up, atomically: of any number at once exactly one gets the grant.
    ///
    /// `None` for a token that is unknown, used, expired (`expires_at <= now`), or issued for a call
    /// with another `call_sid`. The four cannot be told apart, and a refused try uses nothing up: who
    /// only saw a token must not be able to burn it for the call it belongs to.
    async fn redeem_stream_token(
        &self,
        scope: &SystemScope,
        token_hash: &[u8; 32],
        call_sid: &CallSid,
        now: UnixMillis,
    ) -> Result<Option<StreamGrant>>;

    /// Forgets tokens that expired before this time; returns how many.
    async fn forget_stream_tokens(
        &self,
        scope: &SystemScope,
        expired_before: UnixMillis,
    ) -> Result<u64>;
}

/// The leads of a business as its calls know them. They are written by [`PhoneStore::save_lead`] and
/// [`PhoneStore::finish_call`]; everything else about leads is [`CrmStore`]'s.
#[async_trait]
pub trait LeadStore: Send + Sync + 'static {
    /// One lead that is not in the trash.
    async fn lead(&self, scope: &TenantScope, lead: LeadId) -> Result<Option<Lead>>;

    /// The lead of a call.
    async fn lead_of_call(&self, scope: &TenantScope, call: CallId) -> Result<Option<Lead>>;

    /// The calls of a lead, oldest first; none of a lead that does not exist.
    async fn calls_of_lead(&self, scope: &TenantScope, lead: LeadId) -> Result<Vec<CallId>>;

    /// Leads, newest first by the time they were created.
    async fn list_leads(&self, scope: &TenantScope, page: Page<LeadId>) -> Result<Vec<Lead>>;
}

/// A business with its numbers, as the operator sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedBusiness {
    /// The business.
    pub business: Business,
    /// Its numbers, in the order of their digits.
    pub numbers: Vec<E164>,
    /// The row it was read from. Private: whoever could write it could open another business.
    pub(crate) tenant: TenantId,
}

impl ListedBusiness {
    /// The business that was listed.
    pub const fn tenant(&self) -> TenantId {
        self.tenant
    }
}

/// The operator's view on all businesses.
#[async_trait]
pub trait BusinessAdmin: Send + Sync + 'static {
    /// Adds a business and its numbers, all or nothing.
    ///
    /// # Errors
    /// `Conflict` when the id exists or a number is taken; `Invalid` when the name is empty or two
    /// transfer targets have one label.
    async fn add_business(
        &self,
        scope: &SystemScope,
        business: &Business,
        numbers: &[E164],
    ) -> Result<()>;

    /// Every business, in the order they were added.
    async fn list_businesses(&self, scope: &SystemScope) -> Result<Vec<ListedBusiness>>;

    /// Gives a business a number; one it already has changes nothing.
    ///
    /// # Errors
    /// `Conflict` when another business has it, `NotFound` when the business does not exist.
    async fn add_number(&self, scope: &SystemScope, tenant: TenantId, number: &E164) -> Result<()>;

    /// Gives a business a number even when another one has it, for data taken over from elsewhere.
    /// Calls to such a number are nobody's ([`prosaas_core::NumberOwner::Several`]) until somebody
    /// resolves it.
    ///
    /// # Errors
    /// `NotFound` when the business does not exist.
    async fn import_number(
        &self,
        scope: &SystemScope,
        tenant: TenantId,
        number: &E164,
    ) -> Result<()>;
}

/// The outbox: jobs written in the transaction of the change that asks for them, run later at least once.
#[async_trait]
pub trait Jobs: Send + Sync + 'static {
    /// Adds a job to be run from `run_at` on; `false` when the same work is already there, done and
    /// dead ones included ([`JobWork::idempotency_key`]).
    ///
    /// # Errors
    /// `NotFound` when the business does not exist.
    async fn enqueue_job(
        &self,
        scope: &TenantScope,
        work: &JobWork,
        run_at: UnixMillis,
    ) -> Result<bool>;

    /// Takes at most `limit` jobs that are due at `now`, oldest first, for `lease_ms` milliseconds.
    /// Nobody else gets them before the lease runs out.
    ///
    /// A job whose lease ran out is due again. One that was tried `policy.max_attempts` times without
    /// its worker living to report is dead instead: it would take down the next one as well.
    async fn claim_jobs(
        &self,
        scope: &SystemScope,
        now: UnixMillis,
        lease_ms: u32,
        limit: u32,
        policy: RetryPolicy,
    ) -> Result<Vec<ClaimedJob>>;

    /// The job is done; `false` when the lease was lost, so that somebody else does it or did it.
    async fn complete_job(&self, job: &ClaimedJob) -> Result<bool>;

    /// The job failed in a way that may pass: it is tried again as `policy` says. `reason` is kept for
    /// the operator, cut to 500 characters; it must hold no secrets and no phone numbers.
    async fn fail_job(
        &self,
        job: &ClaimedJob,
        now: UnixMillis,
        reason: &str,
        policy: RetryPolicy,
    ) -> Result<JobFate>;

    /// The job failed in a way that will not pass: it is dead at once. `false` when the lease was lost.
    async fn bury_job(&self, job: &ClaimedJob, reason: &str) -> Result<bool>;

    /// When the next job is due, in the past if one is overdue; `None` when none waits or runs.
    async fn next_job_at(&self, scope: &SystemScope) -> Result<Option<UnixMillis>>;

    /// How many jobs there are.
    async fn count_jobs(&self, scope: &SystemScope) -> Result<JobCounts>;
}

/// Everything the server needs of one store.
///
/// Implemented by whatever implements its parts; an `Arc<dyn Store>` turns into an `Arc` of each of them.
pub trait Store:
    PhoneStore + CallStore + CallReconciler + StreamTokens + LeadStore + BusinessAdmin + Jobs
{
}

impl<T> Store for T where
    T: PhoneStore + CallStore + CallReconciler + StreamTokens + LeadStore + BusinessAdmin + Jobs
{
}
