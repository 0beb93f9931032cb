//! The timeline of a lead: one append-only list of what happened.

use prosaas_core::LeadId;
use serde::Serialize;
use serde_json::Value;

use super::id::TimelineId;
use super::time::Time;
use super::words::words;

words! {
    /// What happened.
    TimelineKind, "kind":
    /// The lead came to be.
    LeadCreated = "lead.created",
    /// It moved to another stage.
    LeadStageChanged = "lead.stage_changed",
    /// It was given to somebody.
    LeadAssigned = "lead.assigned",
    /// A number, an address or another identity became known.
    IdentityAdded = "identity.added",
    /// One was taken away.
    IdentityRemoved = "identity.removed",
    /// Two leads became one.
    LeadMerged = "lead.merged",
    /// They are two again.
    LeadUnmerged = "lead.unmerged",
    /// It was thrown away.
    LeadDeleted = "lead.deleted",
    /// It was taken back out of the trash.
    LeadRestored = "lead.restored",
    /// A call began.
    CallStarted = "call.started",
    /// A call ended.
    CallEnded = "call.ended",
    /// The caller left a message.
    CallVoicemail = "call.voicemail",
    /// A call was summed up.
    CallSummarized = "call.summarized",
    /// A message came or went.
    Message = "message",
    /// A note was written.
    NoteAdded = "note.added",
    /// A task was made.
    TaskCreated = "task.created",
    /// A task was done.
    TaskDone = "task.done",
    /// A task was called off.
    TaskCancelled = "task.cancelled",
    /// An appointment was made.
    AppointmentBooked = "appointment.booked",
    /// An appointment was moved.
    AppointmentMoved = "appointment.moved",
    /// An appointment was called off.
    AppointmentCancelled = "appointment.cancelled",
    /// A deal was made.
    DealCreated = "deal.created",
    /// A deal moved to another stage.
    DealStageChanged = "deal.stage_changed",
    /// Money was asked for.
    PaymentRequested = "payment.requested",
    /// Money came.
    PaymentReceived = "payment.received",
    /// Money went back.
    PaymentRefunded = "payment.refunded",
    /// A consent was given.
    ConsentGiven = "consent.given",
    /// A consent was withdrawn.
    ConsentWithdrawn = "consent.withdrawn",
    /// The agent promised something.
    PromiseMade = "promise.made",
    /// A promise was kept.
    PromiseKept = "promise.kept",
    /// A promise was not kept.
    PromiseBroken = "promise.broken",
}

/// One entry of a timeline.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "axum", derive(utoipa::ToSchema))]
pub struct TimelineEntry {
    /// Its id.
    pub id: TimelineId,
    /// The lead.
    pub lead_id: LeadId,
    /// When it happened.
    pub at: Time,
    /// What happened.
    pub kind: TimelineKind,
    /// What it is about, by its id.
    pub ref_id: Option<String>,
    /// What else is known about it; depends on the kind.
    #[cfg_attr(feature = "axum", schema(value_type = Object))]
    pub data: Value,
    /// The kind of actor who did it.
    pub actor_kind: String,
    /// Who did it, where the kind has ids.
    pub actor_id: Option<String>,
}
