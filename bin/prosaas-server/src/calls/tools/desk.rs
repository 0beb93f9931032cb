//! The tools that read and write the CRM, for the caller of one call.

use prosaas_core::{
    AfterTool, CallContext, Error, ErrorClass, LeadDraft, LeadId, ToolReply, UnixMillis,
    WhatsAppTransport,
};
use prosaas_crm::agent::{Booking, MessageForBusiness, TaskRequest, WhatsAppForCaller};
use prosaas_crm::auth::TenantScope;
use prosaas_crm::model::appointment::NewAppointment;
use prosaas_crm::model::promise::NewPromise;
use prosaas_crm::model::settings::BusinessSettings;
use prosaas_crm::model::task::{NewTask, Priority};
use prosaas_crm::model::wall::{Day, Minute, Span};
use prosaas_crm::{CallStore as _, CrmStore, PhoneStore as _};
use serde_json::{Value, json};

use crate::calls::when;

/// How many free times the model hears of.
const TIMES: usize = 6;
/// How many entries of the knowledge it hears of.
const ENTRIES: usize = 3;
/// The longest part of an entry that it hears, in characters.
const MAX_ENTRY: usize = 1_500;
const DAY_MS: i64 = 24 * 60 * 60 * 1_000;
/// How far ahead free times are looked for; the business's own rules may end sooner.
const HORIZON_MS: i64 = 62 * DAY_MS;
const MINUTE_MS: i64 = 60_000;

/// One call's way into the CRM.
pub(super) struct Desk<'a> {
    pub(super) store: &'a CrmStore,
    pub(super) scope: &'a TenantScope,
    pub(super) context: &'a CallContext,
    pub(super) settings: &'a BusinessSettings,
}

impl Desk<'_> {
    /// Free times from the beginning of a day on, or from now.
    pub(super) async fn availability(&self, day: Option<Day>) -> ToolReply {
        match self.free_times(day).await {
            Ok(times) => reply(&json!({ "free_times": times })),
            Err(error) => failed(&error),
        }
    }

    async fn free_times(&self, day: Option<Day>) -> Result<Vec<String>, Error> {
        let zone = &self.settings.hours.time_zone;
        let from = match day {
            Some(day) => zone.moment(day, Minute::FIRST),
            None => self.store.now(),
        };
        let wanted = Span {
            from,
            until: from.plus(HORIZON_MS),
        };
        let times = self
            .store
            .free_times(self.scope, None, wanted, TIMES)
            .await?;
        Ok(times
            .iter()
            .map(|time| when::written(zone, time.from))
            .collect())
    }

    /// Books a time that is offered, for the caller.
    pub(super) async fn book(&self, booking: Booking) -> ToolReply {
        match self.try_book(booking).await {
            Ok(Some(booked)) => reply(&booked),
            // Not offered, or somebody else was faster.
            Ok(None)
            | Err(Error::Conflict {
                what: "slot-taken", ..
            }) => self.not_free().await,
            Err(error) => failed(&error),
        }
    }

    /// The free time that begins at this moment, if one does.
    async fn slot_at(&self, starts_at: UnixMillis) -> Result<Option<Span>, Error> {
        let exactly = Span {
            from: starts_at,
            until: starts_at.plus(DAY_MS),
        };
        let offered = self.store.free_times(self.scope, None, exactly, 1).await?;
        Ok(offered.into_iter().find(|slot| slot.from == starts_at))
    }

    /// Answers as [`Self::book`] would, and books nothing.
    pub(super) async fn rehearse_booking(&self, booking: &Booking) -> ToolReply {
        match self.slot_at(booking.starts_at).await {
            Ok(Some(slot)) => reply(&json!({
                "booked": when::written(&self.settings.hours.time_zone, slot.from),
                "note": super::rehearsal::NOTE,
            })),
            Ok(None) => self.not_free().await,
            Err(error) => failed(&error),
        }
    }

    async fn try_book(&self, booking: Booking) -> Result<Option<Value>, Error> {
        let Some(slot) = self.slot_at(booking.starts_at).await? else {
            return Ok(None);
        };
        let lead = self.lead(LeadDraft::default()).await?;
        let new = NewAppointment {
            lead_id: Some(lead),
            call_id: Some(self.context.call),
            assignee_id: None,
            title: booking.title,
            notes: Some(booking.notes),
            place: None,
            starts_at: slot.from.into(),
            ends_at: slot.until.into(),
            remind_at: Some(slot.from.plus(-60 * MINUTE_MS).into()),
        };
        let booked = self.store.book_appointment(self.scope, new).await?;
        Ok(Some(json!({
            "booked": when::written(&self.settings.hours.time_zone, booked.starts_at.millis()),
            "appointment": booked.id,
        })))
    }

    async fn not_free(&self) -> ToolReply {
        match self.free_times(None).await {
            Ok(times) => reply(&json!({
                "error": "this time is not free; offer one of these",
                "free_times": times,
            })),
            Err(error) => failed(&error),
        }
    }

    pub(super) async fn create_task(&self, task: TaskRequest) -> ToolReply {
        let new = |lead| NewTask {
            lead_id: Some(lead),
            call_id: Some(self.context.call),
            title: task.title,
            body: Some(task.details),
            due_at: task.due_at.map(Into::into),
            remind_at: task.due_at.map(Into::into),
            ..NewTask::default()
        };
        let created = async {
            let lead = self.lead(LeadDraft::default()).await?;
            self.store.create_task(self.scope, new(lead)).await
        };
        match created.await {
            Ok(task) => reply(&json!({ "ok": true, "task": task.id })),
            Err(error) => failed(&error),
        }
    }

    /// A message is a task for somebody; a time by which somebody calls back is a promise as well.
    pub(super) async fn take_message(&self, message: MessageForBusiness) -> ToolReply {
        match self.keep_message(message).await {
            Ok(()) => super::done(AfterTool::Continue),
            Err(error) => failed(&error),
        }
    }

    async fn keep_message(&self, message: MessageForBusiness) -> Result<(), Error> {
        let lead = self.lead(LeadDraft::default()).await?;
        let (call, due_at) = (self.context.call, message.call_back_by);
        let task = NewTask {
            lead_id: Some(lead),
            call_id: Some(call),
            title: title_of(&message),
            body: Some(message.text),
            priority: message.urgent.then_some(Priority::Urgent),
            due_at: due_at.map(Into::into),
            remind_at: due_at.map(Into::into),
            ..NewTask::default()
        };
        self.store.create_task(self.scope, task).await?;
        if due_at.is_some() {
            let promise = NewPromise {
                call_id: call,
                what: "call back".to_owned(),
                who: Some(message.recipient),
                due_at: due_at.map(Into::into),
                said_at_ms: self.moment_of_the_call().await?,
            };
            self.store.add_promise(self.scope, promise).await?;
        }
        if message.urgent {
            self.store.alert_owners(self.scope, call).await?;
        }
        Ok(())
    }

    pub(super) async fn look_up(&self, question: &str) -> ToolReply {
        let found = self
            .store
            .look_up_knowledge(self.scope, question, ENTRIES)
            .await;
        match found {
            Ok(entries) if entries.is_empty() => ToolReply::refusal(
                "the business wrote nothing down about this; say that somebody will call back",
            ),
            Ok(entries) => {
                let told: Vec<Value> = entries
                    .iter()
                    .map(|entry| {
                        let text: String = entry.body.chars().take(MAX_ENTRY).collect();
                        json!({ "source": entry.id, "title": entry.title, "text": text })
                    })
                    .collect();
                reply(&json!({ "found": told }))
            }
            Err(error) => failed(&error),
        }
    }

    /// Sends the caller a WhatsApp: to the number of the call's own row, whatever the model says.
    pub(super) async fn send_whatsapp(
        &self,
        words: &WhatsAppForCaller,
        way: &dyn WhatsAppTransport,
    ) -> ToolReply {
        let written = async {
            let can = way.capabilities_of(self.context.tenant).await?;
            // So that what was sent is seen on the caller's lead.
            self.lead(LeadDraft::default()).await?;
            let name = self.settings.name.as_str();
            let text = if words.text.contains(name) {
                words.text.clone()
            } else {
                format!("{name}: {}", words.text)
            };
            let call = self.context.call;
            self.store.write_in_call(self.scope, call, &text, can).await
        };
        match written.await {
            Ok(message) => {
                tracing::info!(message = %message.id, kind = words.kind.as_str(), "the agent sends the caller a WhatsApp");
                reply(&json!({
                    "ok": true,
                    "now": "tell the caller that it is on its way to the WhatsApp of the number they call from",
                }))
            }
            Err(Error::Conflict { what, .. }) => ToolReply::refusal(match what {
                "too-many" => "this call has brought as many messages as it may",
                "consent-missing" => "the caller refused messages by WhatsApp",
                "not-linked" => "this business's WhatsApp is not connected right now",
                _ => "this caller cannot be written to on WhatsApp; say it instead",
            }),
            Err(error) => failed(&error),
        }
    }

    /// The caller's lead, created when there is none.
    async fn lead(&self, draft: LeadDraft) -> Result<LeadId, Error> {
        let call = self.context.call;
        self.store.save_lead(self.scope, call, draft).await
    }

    /// How far the conversation has come: its last stored line.
    async fn moment_of_the_call(&self) -> Result<u64, Error> {
        let lines = self.store.transcript(self.scope, self.context.call).await?;
        Ok(lines.iter().map(|line| line.at.0).max().unwrap_or(0))
    }
}

/// A task's title: for whom the message is, or how it begins.
fn title_of(message: &MessageForBusiness) -> String {
    if message.recipient.is_empty() {
        let words: Vec<&str> = message.text.split_whitespace().collect();
        return words.join(" ").chars().take(100).collect();
    }
    let recipient: String = message.recipient.chars().take(100).collect();
    format!("→ {recipient}")
}

fn reply(output: &Value) -> ToolReply {
    ToolReply {
        output: output.to_string(),
        then: AfterTool::Continue,
    }
}

/// What the model hears when the store did not do it. What the store said is for the log.
pub(super) fn failed(error: &Error) -> ToolReply {
    if error.class() == ErrorClass::Invalid {
        return ToolReply::refusal("a value is too long or has the wrong form");
    }
    tracing::error!(error = %error.chain(), "a tool of the agent failed");
    ToolReply::refusal("this could not be done right now; go on with the call")
}
