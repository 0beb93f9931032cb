//! The tools an agent may use during a call.
//!
//! The model names a tool and writes arguments; both are hostile until parsed. Which business and which
//! caller a tool acts for comes from the call, and a call is only ever transferred to a number on the
//! business's own list, so a model that obeys the caller can do nothing the caller could not.

mod desk;
mod rehearsal;

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use prosaas_core::{
    AfterTool, Business, CallContext, LeadDraft, ToolHost, ToolReply, ToolRequest,
    WhatsAppTransport,
};
use prosaas_crm::model::settings::VoiceTool;
use prosaas_crm::model::wall::Zone;
use serde_json::json;
use tokio::sync::Mutex;

pub use prosaas_crm::agent::specs::{END_CALL, SAVE_LEAD, TRANSFER_TO_HUMAN, specs};
pub use prosaas_crm::agent::{Asked, read};
pub use rehearsal::RehearsalTools;

use crate::calls::FoundCall;
use crate::standby::{Standby, is_away};
use desk::Desk;

/// The most tool calls that one phone call may make; more are refused.
const MAX_TOOL_CALLS: usize = 100;

/// Runs the tools of one call.
pub struct CallTools {
    business: Arc<Business>,
    record: Arc<FoundCall>,
    standby: Arc<Standby>,
    /// The way to WhatsApp, where there is one.
    whatsapp: Option<Arc<dyn WhatsAppTransport>>,
    /// Replies by the vendor's id of the tool call. The lock is held while a tool runs, so two copies of
    /// one request cannot both act.
    answered: Mutex<HashMap<String, ToolReply>>,
}

impl std::fmt::Debug for CallTools {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CallTools")
            .field("tenant", &self.business.id)
            .finish_non_exhaustive()
    }
}

impl CallTools {
    /// The tools of one call of `business`.
    pub fn new(
        business: Arc<Business>,
        record: Arc<FoundCall>,
        standby: Arc<Standby>,
        whatsapp: Option<Arc<dyn WhatsAppTransport>>,
    ) -> Self {
        Self {
            business,
            record,
            standby,
            whatsapp,
            answered: Mutex::default(),
        }
    }

    async fn answer(&self, context: &CallContext, request: &ToolRequest) -> ToolReply {
        let settings = match self.standby.settings(&self.record).await {
            Ok(settings) => settings,
            Err(error) if is_away(&error) => return self.answer_alone(request).await,
            Err(error) => return desk::failed(&error),
        };
        let desk = Desk {
            store: self.standby.store(),
            scope: self.record.scope(),
            context,
            settings: &settings,
        };
        let zone = &settings.hours.time_zone;
        match asked(request, zone, &settings.tools) {
            Ok(Asked::Transfer(label)) => transfer(&self.business, &label),
            Ok(Asked::EndCall) => done(AfterTool::EndCall),
            Ok(Asked::SaveLead(draft)) => self.learn(draft).await,
            Ok(Asked::Availability(day)) => desk.availability(day).await,
            Ok(Asked::Book(booking)) => desk.book(booking).await,
            Ok(Asked::CreateTask(task)) => desk.create_task(task).await,
            Ok(Asked::TakeMessage(message)) => desk.take_message(message).await,
            Ok(Asked::LookUp(question)) => desk.look_up(&question).await,
            Ok(Asked::SendWhatsApp(words)) => match &self.whatsapp {
                Some(way) => desk.send_whatsapp(&words, &**way).await,
                None => ToolReply::refusal("this business has no WhatsApp"),
            },
            Err(refusal) => refusal,
        }
    }

    /// What can be done while the database is away, or does not know the call yet: what is to be kept is
    /// kept with the call, and what needs the calendar or the knowledge is refused.
    async fn answer_alone(&self, request: &ToolRequest) -> ToolReply {
        let called = &self.record.call.business_number;
        let (zone, tools) = self.standby.offers(called).unwrap_or_default();
        match asked(request, &zone, &tools) {
            Ok(Asked::Transfer(label)) => transfer(&self.business, &label),
            Ok(Asked::EndCall) => done(AfterTool::EndCall),
            Ok(Asked::SaveLead(draft)) => self.learn(draft).await,
            Ok(Asked::TakeMessage(message)) => self.learn(message.into_draft(&zone)).await,
            Ok(Asked::CreateTask(task)) => self.learn(task.into_draft(&zone)).await,
            Ok(
                Asked::Availability(_) | Asked::Book(_) | Asked::LookUp(_) | Asked::SendWhatsApp(_),
            ) => {
                tracing::warn!("a tool of the agent needs the database, which is away");
                ToolReply::refusal(
                    "this cannot be looked at right now; offer to take a message, so that somebody calls back",
                )
            }
            Err(refusal) => refusal,
        }
    }

    async fn learn(&self, draft: LeadDraft) -> ToolReply {
        match self.standby.learn(&self.record, draft).await {
            Ok(()) => done(AfterTool::Continue),
            Err(error) => desk::failed(&error),
        }
    }
}

#[async_trait]
impl ToolHost for CallTools {
    async fn run(&self, context: &CallContext, request: ToolRequest) -> ToolReply {
        if context.tenant != self.record.tenant || context.call != self.record.id {
            tracing::error!("a tool was asked for by another call than its own; refused");
            return ToolReply::refusal("this tool is not available in this call");
        }
        let mut answered = self.answered.lock().await;
        if let Some(reply) = answered.get(&request.call) {
            return reply.clone();
        }
        if answered.len() >= MAX_TOOL_CALLS {
            return ToolReply::refusal("too many tool calls in this call");
        }
        let reply = self.answer(context, &request).await;
        answered.insert(request.call, reply.clone());
        reply
    }
}

/// What the model asked for, if this business offers it.
fn asked(request: &ToolRequest, zone: &Zone, tools: &[VoiceTool]) -> Result<Asked, ToolReply> {
    if let Ok(tool) = request.name.parse::<VoiceTool>()
        && !tools.contains(&tool)
    {
        return Err(ToolReply::refusal("this business does not offer this tool"));
    }
    read(&request.name, &request.arguments, zone)
}

/// The number comes from the business's list; a label that is not on it reaches nobody.
fn transfer(business: &Business, label: &str) -> ToolReply {
    let mut targets = business.transfer.iter();
    match targets.find(|target| target.label == label) {
        Some(target) => done(AfterTool::Transfer(target.number.clone())),
        None => {
            ToolReply::refusal("nobody can be reached under that name; only the listed names work")
        }
    }
}

fn done(then: AfterTool) -> ToolReply {
    ToolReply {
        output: json!({ "ok": true }).to_string(),
        then,
    }
}
