//! Work to be done after the transaction that asked for it: the outbox.

use prosaas_core::{CallId, RecordingSid, TenantId, UnixMillis, typed_id};
use serde::{Deserialize, Serialize};

use super::id::{
    ActingId, AppointmentId, BatchJobId, ConversationId, DeliveryId, MessageId, PromiseId,
    PushSubscriptionId, TaskId,
};

typed_id! {
    /// One job, ordered by the time it was enqueued.
    JobId, "job"
}

/// What a job does. Holds ids only: what they name is read when the job runs, in the job's tenant.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum JobWork {
    /// Ask the text model for summary, intent, name and next step of a finished call.
    SummarizeCall {
        /// The call.
        call: CallId,
    },
    /// Fetch a recording from the carrier into our own storage.
    FetchRecording {
        /// The call.
        call: CallId,
        /// The recording.
        recording: RecordingSid,
    },
    /// Write down what is said in a message that a caller left.
    TranscribeVoicemail {
        /// The call.
        call: CallId,
        /// The recording of the message.
        recording: RecordingSid,
    },
    /// Tell the business's people of a message that a caller left.
    TellOfVoicemail {
        /// The call.
        call: CallId,
        /// The recording of the message.
        recording: RecordingSid,
    },
    /// Tell the business's owners of a call that was missed or that cannot wait.
    AlertOwners {
        /// The call.
        call: CallId,
    },
    /// Tell one browser of a member of a call that was missed or that cannot wait.
    PushAlert {
        /// The call.
        call: CallId,
        /// The browser.
        subscription: PushSubscriptionId,
    },
    /// Tell the business's owners that many of its last calls went badly.
    AlertQuality {
        /// When: each telling is a job of its own.
        at: UnixMillis,
    },
    /// Remind whoever has a task.
    RemindTask {
        /// The task.
        task: TaskId,
        /// When: a task whose reminder was moved has another job.
        at: UnixMillis,
    },
    /// Remind whoever has an appointment.
    RemindAppointment {
        /// The appointment.
        appointment: AppointmentId,
        /// When: an appointment whose reminder was moved has another job.
        at: UnixMillis,
    },
    /// Make one attempt at telling a webhook of an event.
    DeliverWebhook {
        /// The delivery.
        delivery: DeliveryId,
        /// When: each attempt is a job of its own.
        run_at: UnixMillis,
    },
    /// Remove recordings and transcripts that the business no longer keeps.
    ApplyRetention {
        /// The day of the installation's calendar, counted from 1970: once a day.
        day: i64,
    },
    /// Remove the files of a call: recordings and journal.
    EraseCallFiles {
        /// The call.
        call: CallId,
    },
    /// Delete a recording at the carrier, when there is nothing left of it here.
    DeleteCarrierRecording {
        /// The recording.
        recording: RecordingSid,
    },
    /// Go on with long work that somebody watches.
    RunBatch {
        /// The work.
        batch: BatchJobId,
        /// The version of its row: each slice is a job of its own.
        version: u64,
    },
    /// Tell a business's owners by mail that an administrator acts for it.
    NotifyActing {
        /// The acting session.
        acting: ActingId,
    },
    /// Tell a business's owners that a promise is overdue, when it is still open.
    EscalatePromise {
        /// The promise.
        promise: PromiseId,
        /// Its deadline: a promise whose deadline was moved has another job.
        due: UnixMillis,
        /// When: each telling is a job of its own.
        at: UnixMillis,
    },
    /// Send a message that was written into a conversation.
    SendMessage {
        /// The message.
        message: MessageId,
    },
    /// Send a text message that was written into a conversation.
    SendSms {
        /// The message.
        message: MessageId,
    },
    /// Give a call that nobody took its lead, and have the business told of it.
    NoteMissedCall {
        /// The call.
        call: CallId,
    },
    /// Write to the caller of a call whom nobody heard, if the business wants that.
    ReplyToMissedCall {
        /// The call.
        call: CallId,
        /// A WhatsApp to him that did not arrive: he gets a text message instead.
        instead_of: Option<MessageId>,
    },
    /// Show the other side that the agent is about to answer a message that came in, if it is.
    ShowTyping {
        /// The message.
        message: MessageId,
    },
    /// Fetch the file of a message from the channel into our own storage.
    FetchFile {
        /// The message.
        message: MessageId,
    },
    /// Write down what is said in a voice note.
    TranscribeMessage {
        /// The message.
        message: MessageId,
    },
    /// Go on without the file of a message, or without what is said in it: the job that was to bring it is
    /// dead.
    GiveUpFile {
        /// The message.
        message: MessageId,
    },
    /// Remove the file of a message that is gone.
    EraseFile {
        /// The message.
        message: MessageId,
    },
    /// Have the agent look whether it answers a message that came in, and answer it.
    AnswerMessage {
        /// The message.
        message: MessageId,
    },
    /// Leave a message to a person that the agent never came to answer: the job that was to answer it is dead.
    HandOverMessage {
        /// The message.
        message: MessageId,
    },
    /// Show the other side that its messages were read.
    MarkRead {
        /// The conversation.
        conversation: ConversationId,
        /// When they were read: each reading is a job of its own.
        at: UnixMillis,
    },
    /// Have a conversation come back that was put off, when it still is until then.
    WakeConversation {
        /// The conversation.
        conversation: ConversationId,
        /// Until when: one that was put off again has another job.
        at: UnixMillis,
    },
    /// Tell whoever answers a conversation, or the owners, that a person has to take it.
    AlertConversation {
        /// The conversation.
        conversation: ConversationId,
        /// When: each telling is a job of its own.
        at: UnixMillis,
    },
    /// Tell a business's owners that most of a month's budget, or all of it, is gone.
    WarnOfBudget {
        /// The month by the business's clocks, such as `2026-11`.
        month: String,
        /// How much of it: each percentage is told of once.
        percent: u32,
    },
    /// Tell a business's owners that most of what its files may take is taken.
    WarnOfStorage {
        /// When it was found: each telling is a job of its own.
        at: UnixMillis,
    },
}

impl JobWork {
    /// The kind's name, as stored and shown in logs and metrics.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::SummarizeCall { .. } => "summarize_call",
            Self::FetchRecording { .. } => "fetch_recording",
            Self::TranscribeVoicemail { .. } => "transcribe_voicemail",
            Self::TellOfVoicemail { .. } => "tell_of_voicemail",
            Self::AlertOwners { .. } => "alert_owners",
            Self::PushAlert { .. } => "push_alert",
            Self::AlertQuality { .. } => "alert_quality",
            Self::RemindTask { .. } => "remind_task",
            Self::RemindAppointment { .. } => "remind_appointment",
            Self::DeliverWebhook { .. } => "deliver_webhook",
            Self::ApplyRetention { .. } => "apply_retention",
            Self::EraseCallFiles { .. } => "erase_call_files",
            Self::DeleteCarrierRecording { .. } => "delete_carrier_recording",
            Self::RunBatch { .. } => "run_batch",
            Self::NotifyActing { .. } => "notify_acting",
            Self::EscalatePromise { .. } => "escalate_promise",
            Self::SendMessage { .. } => "send_message",
            Self::SendSms { .. } => "send_sms",
            Self::NoteMissedCall { .. } => "note_missed_call",
            Self::ReplyToMissedCall { .. } => "reply_to_missed_call",
            Self::ShowTyping { .. } => "show_typing",
            Self::FetchFile { .. } => "fetch_file",
            Self::TranscribeMessage { .. } => "transcribe_message",
            Self::GiveUpFile { .. } => "give_up_file",
            Self::EraseFile { .. } => "erase_file",
            Self::AnswerMessage { .. } => "answer_message",
            Self::HandOverMessage { .. } => "hand_over_message",
            Self::MarkRead { .. } => "mark_read",
            Self::WakeConversation { .. } => "wake_conversation",
            Self::AlertConversation { .. } => "alert_conversation",
            Self::WarnOfBudget { .. } => "warn_of_budget",
            Self::WarnOfStorage { .. } => "warn_of_storage",
        }
    }

    /// What has to be done when this is not done and will not be tried again: enqueued with its death.
    pub fn after_death(&self) -> Option<Self> {
        match self {
            Self::TranscribeVoicemail { call, recording } => Some(Self::TellOfVoicemail {
                call: *call,
                recording: recording.clone(),
            }),
            Self::AnswerMessage { message } => Some(Self::HandOverMessage { message: *message }),
            Self::FetchFile { message } | Self::TranscribeMessage { message } => {
                Some(Self::GiveUpFile { message: *message })
            }
            _ => None,
        }
    }

    /// Names this piece of work within its tenant: enqueueing it twice leaves one job.
    pub fn idempotency_key(&self) -> String {
        match self {
            Self::SummarizeCall { call } => format!("summarize_call:{call}"),
            Self::FetchRecording { recording, .. } => format!("fetch_recording:{recording}"),
            Self::TranscribeVoicemail { recording, .. } => {
                format!("transcribe_voicemail:{recording}")
            }
            Self::TellOfVoicemail { recording, .. } => format!("tell_of_voicemail:{recording}"),
            Self::AlertOwners { call } => format!("alert_owners:{call}"),
            Self::PushAlert { call, subscription } => format!("push_alert:{call}:{subscription}"),
            Self::AlertQuality { at } => format!("alert_quality:{}", at.0),
            Self::RemindTask { task, at } => format!("remind_task:{task}:{}", at.0),
            Self::RemindAppointment { appointment, at } => {
                format!("remind_appointment:{appointment}:{}", at.0)
            }
            Self::DeliverWebhook { delivery, run_at } => {
                format!("deliver_webhook:{delivery}:{}", run_at.0)
            }
            Self::ApplyRetention { day } => format!("apply_retention:{day}"),
            Self::EraseCallFiles { call } => format!("erase_call_files:{call}"),
            Self::DeleteCarrierRecording { recording } => {
                format!("delete_carrier_recording:{recording}")
            }
            Self::RunBatch { batch, version } => format!("run_batch:{batch}:{version}"),
            Self::NotifyActing { acting } => format!("notify_acting:{acting}"),
            Self::EscalatePromise { promise, due, at } => {
                format!("escalate_promise:{promise}:{}:{}", due.0, at.0)
            }
            Self::SendMessage { message } => format!("send_message:{message}"),
            Self::SendSms { message } => format!("send_sms:{message}"),
            Self::NoteMissedCall { call } => format!("note_missed_call:{call}"),
            Self::ReplyToMissedCall {
                call,
                instead_of: None,
            } => format!("reply_to_missed_call:{call}"),
            Self::ReplyToMissedCall {
                call,
                instead_of: Some(message),
            } => format!("reply_to_missed_call:{call}:{message}"),
            Self::ShowTyping { message } => format!("show_typing:{message}"),
            Self::FetchFile { message } => format!("fetch_file:{message}"),
            Self::TranscribeMessage { message } => format!("transcribe_message:{message}"),
            Self::GiveUpFile { message } => format!("give_up_file:{message}"),
            Self::EraseFile { message } => format!("erase_file:{message}"),
            Self::AnswerMessage { message } => format!("answer_message:{message}"),
            Self::HandOverMessage { message } => format!("hand_over_message:{message}"),
            Self::MarkRead { conversation, at } => format!("mark_read:{conversation}:{}", at.0),
            Self::WakeConversation { conversation, at } => {
                format!("wake_conversation:{conversation}:{}", at.0)
            }
            Self::AlertConversation { conversation, at } => {
                format!("alert_conversation:{conversation}:{}", at.0)
            }
            Self::WarnOfBudget { month, percent } => format!("warn_of_budget:{month}:{percent}"),
            Self::WarnOfStorage { at } => format!("warn_of_storage:{}", at.0),
        }
    }
}

/// A job that a worker holds under a lease.
///
/// `attempt` is the fence: once the lease has run out and the job was claimed again, what the first
/// worker reports no longer counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimedJob {
    /// The job.
    pub id: JobId,
    /// The business it works for. Private: whoever could write it could open another one.
    pub(crate) tenant: TenantId,
    /// What to do.
    pub work: JobWork,
    /// Which attempt this is, counted from 1.
    pub attempt: u32,
    /// Until when the lease holds.
    pub leased_until: UnixMillis,
}

impl ClaimedJob {
    /// The business it works for.
    pub const fn tenant(&self) -> TenantId {
        self.tenant
    }
}

/// What became of a job that did not succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobFate {
    /// It runs again at this time.
    RetryAt(UnixMillis),
    /// It is a dead letter: kept with its last error, never run again by itself.
    Dead,
    /// The lease was lost; somebody else holds the job, or has ended it. Nothing changed.
    LeaseLost,
}

/// How many jobs there are in each state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct JobCounts {
    /// Waiting for their time.
    pub pending: u64,
    /// Held by a worker, or by one that is gone.
    pub running: u64,
    /// Given up.
    pub dead: u64,
}

/// When a failed job is tried again: the delay doubles from try to try up to a longest one.
///
/// No jitter: jobs of one process are claimed by one runner, which bounds how many run at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// The delay after the first failure, in milliseconds.
    pub first_delay_ms: u32,
    /// The longest delay, in milliseconds.
    pub max_delay_ms: u32,
    /// After this many attempts the job is dead.
    pub max_attempts: u32,
}

impl RetryPolicy {
    /// Ten attempts over about an hour and a half: 5 s, 10 s, 20 s ... at most 30 minutes apart.
    pub const STANDARD: Self = Self {
        first_delay_ms: 5_000,
        max_delay_ms: 30 * 60 * 1_000,
        max_attempts: 10,
    };

    /// When to run again after attempt number `attempt` failed at `now`; `None` means never.
    pub fn next_run(&self, attempt: u32, now: UnixMillis) -> Option<UnixMillis> {
        if attempt >= self.max_attempts {
            return None;
        }
        let doublings = attempt.saturating_sub(1).min(31);
        let delay = u64::from(self.first_delay_ms) << doublings;
        let delay = delay.min(u64::from(self.max_delay_ms));
        Some(now.plus(i64::try_from(delay).unwrap_or(i64::MAX)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_the_longest_and_then_stop() {
        let policy = RetryPolicy {
            first_delay_ms: 100,
            max_delay_ms: 500,
            max_attempts: 5,
        };
        let runs: Vec<_> = (1..=6)
            .map(|attempt| policy.next_run(attempt, UnixMillis(0)))
            .collect();
        let at = |millis| Some(UnixMillis(millis));
        assert_eq!(runs, [at(100), at(200), at(400), at(500), None, None]);
    }

    #[test]
    fn a_huge_attempt_number_does_not_overflow() {
        let policy = RetryPolicy {
            max_attempts: u32::MAX,
            ..RetryPolicy::STANDARD
        };
        assert_eq!(
            policy.next_run(u32::MAX - 1, UnixMillis(0)),
            Some(UnixMillis(30 * 60 * 1_000))
        );
    }

    #[test]
    fn work_reads_back_and_refuses_what_it_does_not_know() {
        let call = CallId::mint(UnixMillis(5));
        let work = JobWork::SummarizeCall { call };
        let stored = serde_json::to_string(&work).unwrap();
        assert_eq!(serde_json::from_str::<JobWork>(&stored).unwrap(), work);
        assert!(stored.contains(work.kind()), "{stored}");
        assert!(serde_json::from_str::<JobWork>(r#"{"kind":"brew_coffee"}"#).is_err());
    }
}
