//! Tools: the model asks for them, they are run, and how often each took effect is counted.

use std::collections::BTreeMap;

use prosaas_core::leg::{AiEvent, ReplyId};
use prosaas_core::tool_host::{AfterTool, ToolReply, ToolRequest};

use super::fault::{Fault, Plan};
use super::world::{Happening, World};

/// Faults that need a tool call to happen to.
const OF_TOOLS: [Fault; 6] = [
    Fault::ToolHangs,
    Fault::ToolLate,
    Fault::ToolFails,
    Fault::ToolRepeated,
    Fault::ToolAskedAgain,
    Fault::DroppedInToolCall,
];

/// What was asked for and what was done.
#[derive(Default)]
pub(super) struct ToolDesk {
    asked: u32,
    /// Tools that will answer.
    pub(super) running: u32,
    /// How often each effect was had, by the arguments that ask for it.
    effects: BTreeMap<String, u32>,
    /// How often the model was told of each call.
    answered: BTreeMap<String, u32>,
    /// What the leg of this number asked for before it was lost, to be asked for again.
    again: Option<(u32, String)>,
}

impl ToolDesk {
    /// Whether a fault waits for a tool call.
    pub(super) fn wanted(&self, plan: &Plan, now: u64) -> bool {
        self.again.is_some() || OF_TOOLS.iter().any(|fault| plan.waits(*fault, now))
    }
}

impl World {
    /// Perhaps a reply ends with a tool call.
    pub(super) fn maybe_call_tool(&mut self, at: u64, reply: ReplyId) {
        let now = self.now;
        let Some(leg) = self.leg.as_ref().map(|leg| leg.number) else {
            return;
        };
        if let Some((asked_by, arguments)) = self.tools.again.take() {
            if asked_by == leg {
                self.tools.again = Some((asked_by, arguments));
            } else {
                self.plan.fire(Fault::ToolAskedAgain);
                self.say_tool_call(at, reply, arguments);
                return;
            }
        }
        if !self.tools.wanted(&self.plan, now) && !self.dice.one_in(4) {
            return;
        }
        let arguments = format!("{{\"lead\":{}}}", self.tools.asked);
        if self.plan.prepare(Fault::ToolAskedAgain, now) {
            self.tools.again = Some((leg, arguments.clone()));
            self.say(at + self.model_ms + 100, AiEvent::Closed);
        }
        self.say_tool_call(at, reply, arguments);
    }

    fn say_tool_call(&mut self, at: u64, reply: ReplyId, arguments: String) {
        let call = AiEvent::ToolCall {
            reply,
            call: format!("tool-{}", self.tools.asked),
            name: "save_lead".to_owned(),
            arguments,
        };
        self.tools.asked += 1;
        if self.plan.take(Fault::ToolRepeated, self.now) {
            self.say(at, call.clone());
        }
        self.say(at, call);
        self.maybe_mute(Fault::MuteAfterTool);
    }

    /// A tool takes effect.
    pub(super) fn run_tool(&mut self, request: &ToolRequest) {
        let now = self.now;
        let times = self
            .tools
            .effects
            .entry(request.arguments.clone())
            .or_default();
        *times += 1;
        if *times > 1 {
            let told = format!("{} was done {times} times", request.arguments);
            self.book.wrong(told);
        }
        self.tools.running += 1;
        if self.plan.take(Fault::ToolHangs, now) {
            return;
        }
        let mut at = now + self.dice.roll(1_500);
        if self.plan.take(Fault::ToolLate, now) {
            at = now + self.config.times.tool_ms + self.dice.between(200, 2_000);
        }
        let reply = if self.plan.take(Fault::ToolFails, now) {
            ToolReply::refusal("no")
        } else {
            let ends = self.dice.one_in(12);
            ToolReply {
                output: "{\"saved\":true}".to_owned(),
                then: if ends {
                    AfterTool::EndCall
                } else {
                    AfterTool::Continue
                },
            }
        };
        let call = request.call.clone();
        self.schedule(at, Happening::Tool { call, reply });
    }

    /// The model is given what a tool said.
    pub(super) fn tool_is_answered(&mut self, call: &str) {
        let times = self.tools.answered.entry(call.to_owned()).or_default();
        *times += 1;
        if *times > 1 {
            self.book
                .wrong(format!("{call} was answered {times} times"));
        }
    }
}
