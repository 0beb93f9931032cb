//! The tools of a chat: they read and write the CRM for the one who writes, and for nobody else.

use prosaas_core::{Error, ErrorClass, LeadId, Result};
use serde_json::{Value, json};

use super::prompt::{HAND_TO_HUMAN, ToolCall};
use crate::CrmStore;
use crate::agent::{Asked, Booking, MessageForBusiness, TaskRequest, read, when};
use crate::auth::TenantScope;
use crate::model::appointment::NewAppointment;
use crate::model::settings::{BusinessSettings, VoiceTool};
use crate::model::task::{NewTask, Priority};
use crate::model::wall::{Day, Minute, Span};

/// How many free times the model hears of.
const TIMES: usize = 6;
/// How many entries of the knowledge it hears of.
const ENTRIES: usize = 3;
/// The longest part of an entry that it hears, in characters.
const MAX_ENTRY: usize = 1_500;
const MINUTE_MS: i64 = 60_000;
const DAY_MS: i64 = 24 * 60 * MINUTE_MS;
/// How far ahead free times are looked for; the business's own rules may end sooner.
const HORIZON_MS: i64 = 62 * DAY_MS;

/// One chat's way into the CRM. Business and lead come from the conversation's row.
pub(super) struct Desk<'a> {
    pub(super) store: &'a CrmStore,
    pub(super) scope: &'a TenantScope,
    pub(super) lead: Option<LeadId>,
    pub(super) settings: &'a BusinessSettings,
}

/// What came of a tool.
pub(super) struct Outcome {
    /// JSON text for the model.
    pub(super) output: String,
    /// Whether something was changed: then the turn is not begun again from its beginning.
    pub(super) has_acted: bool,
    /// Whether a person has the conversation from here on.
    pub(super) hands_over: bool,
}

impl Outcome {
    fn told(output: &Value) -> Self {
        Self {
            output: output.to_string(),
            has_acted: false,
            hands_over: false,
        }
    }

    fn done(output: &Value) -> Self {
        Self {
            has_acted: true,
            ..Self::told(output)
        }
    }

    fn refused(reason: &str) -> Self {
        Self::told(&json!({ "error": reason }))
    }
}

impl Desk<'_> {
    /// Runs one tool. Never fails: what went wrong is an answer for the model.
    pub(super) async fn run(&self, call: &ToolCall) -> Outcome {
        if call.tool == HAND_TO_HUMAN {
            return Outcome {
                hands_over: true,
                ..Outcome::done(&json!({ "ok": true }))
            };
        }
        if let Ok(tool) = call.tool.parse::<VoiceTool>()
            && !self.settings.tools.contains(&tool)
        {
            return Outcome::refused("this business does not offer this tool");
        }
        let asked = match read(&call.tool, &call.arguments, &self.settings.hours.time_zone) {
            Ok(asked) => asked,
            Err(refusal) => {
                return Outcome {
                    output: refusal.output,
                    ..Outcome::refused("")
                };
            }
        };
        match self.perform(asked).await {
            Ok(outcome) => outcome,
            Err(error) if error.class() == ErrorClass::Invalid => {
                Outcome::refused("a value is too long or has the wrong form")
            }
            Err(error) => {
                tracing::error!(error = %error.chain(), "a tool of the agent failed");
                Outcome::refused("this could not be done right now; leave it to a person")
            }
        }
    }

    async fn perform(&self, asked: Asked) -> Result<Outcome> {
        match asked {
            Asked::SaveLead(draft) => {
                let Some(lead) = self.lead else {
                    return Ok(Outcome::refused("there is nobody to save it for"));
                };
                self.store.learn_in_chat(self.scope, lead, draft).await?;
                // Saved twice, it is the same.
                Ok(Outcome::told(&json!({ "ok": true })))
            }
            Asked::Availability(day) => {
                let times = self.free_times(day).await?;
                Ok(Outcome::told(&json!({ "free_times": times })))
            }
            Asked::Book(booking) => self.book(booking).await,
            Asked::CreateTask(task) => self.create_task(task).await,
            Asked::TakeMessage(message) => self.take_message(message).await,
            Asked::LookUp(question) => self.look_up(&question).await,
            Asked::Transfer(_) | Asked::EndCall | Asked::SendWhatsApp(_) => {
                Ok(Outcome::refused("there is no such tool in a chat"))
            }
        }
    }

    async fn free_times(&self, day: Option<Day>) -> Result<Vec<String>> {
        let zone = &self.settings.hours.time_zone;
        let from = match day {
            Some(day) => zone.moment(day, Minute::FIRST),
            None => self.store.now(),
        };
        let wanted = Span {
            from,
            until: from.plus(HORIZON_MS),
        };
        let free = self.store.free_times(self.scope, None, wanted, TIMES);
        let times = free.await?;
        Ok(times
            .iter()
            .map(|time| when::written(zone, time.from))
            .collect())
    }

    async fn book(&self, booking: Booking) -> Result<Outcome> {
        let exactly = Span {
            from: booking.starts_at,
            until: booking.starts_at.plus(DAY_MS),
        };
        let offered = self.store.free_times(self.scope, None, exactly, 1).await?;
        let Some(slot) = offered
            .first()
            .filter(|slot| slot.from == booking.starts_at)
        else {
            return self.not_free().await;
        };
        let new = NewAppointment {
            lead_id: self.lead,
            call_id: None,
            assignee_id: None,
            title: booking.title,
            notes: Some(booking.notes),
            place: None,
            starts_at: slot.from.into(),
            ends_at: slot.until.into(),
            remind_at: Some(slot.from.plus(-60 * MINUTE_MS).into()),
        };
        match self.store.book_appointment(self.scope, new).await {
            Ok(booked) => {
                let zone = &self.settings.hours.time_zone;
                let at = when::written(zone, booked.starts_at.millis());
                Ok(Outcome::done(&json!({ "booked": at })))
            }
            // Somebody else was faster.
            Err(Error::Conflict {
                what: "slot-taken", ..
            }) => self.not_free().await,
            Err(error) => Err(error),
        }
    }

    async fn not_free(&self) -> Result<Outcome> {
        let times = self.free_times(None).await?;
        Ok(Outcome::told(&json!({
            "error": "this time is not free; offer one of these",
            "free_times": times,
        })))
    }

    async fn create_task(&self, asked: TaskRequest) -> Result<Outcome> {
        let task = NewTask {
            lead_id: self.lead,
            title: asked.title,
            body: Some(asked.details),
            due_at: asked.due_at.map(Into::into),
            remind_at: asked.due_at.map(Into::into),
            ..NewTask::default()
        };
        self.store.create_task(self.scope, task).await?;
        Ok(Outcome::done(&json!({ "ok": true })))
    }

    /// A message is a task for somebody; one that cannot wait is a person's at once.
    async fn take_message(&self, message: MessageForBusiness) -> Result<Outcome> {
        let begins: Vec<&str> = message.text.split_whitespace().collect();
        let title: String = match message.recipient.trim() {
            "" => begins.join(" ").chars().take(100).collect(),
            recipient => format!("→ {recipient}").chars().take(100).collect(),
        };
        let task = NewTask {
            lead_id: self.lead,
            title,
            body: Some(message.text),
            priority: message.urgent.then_some(Priority::Urgent),
            due_at: message.call_back_by.map(Into::into),
            remind_at: message.call_back_by.map(Into::into),
            ..NewTask::default()
        };
        self.store.create_task(self.scope, task).await?;
        Ok(Outcome {
            hands_over: message.urgent,
            ..Outcome::done(&json!({ "ok": true }))
        })
    }

    async fn look_up(&self, question: &str) -> Result<Outcome> {
        let found = self.store.look_up_knowledge(self.scope, question, ENTRIES);
        let found = found.await?;
        if found.is_empty() {
            return Ok(Outcome::refused(
                "the business wrote nothing down about this; say that somebody will answer",
            ));
        }
        let told: Vec<Value> = found
            .iter()
            .map(|entry| {
                let text: String = entry.body.chars().take(MAX_ENTRY).collect();
                json!({ "title": entry.title, "text": text })
            })
            .collect();
        Ok(Outcome::told(&json!({ "found": told })))
    }
}
