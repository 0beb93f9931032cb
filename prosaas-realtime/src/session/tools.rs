//! Tool calls: each is run once, answered once, and a reply asked for once after all are answered.
//!
//! A call outlives the AI leg that asked for it: the next leg is told of it with its output, or gets the
//! output when the tool is done. A model that asks again for what it asked for on a lost leg is answered
//! from here, so that a tool never takes effect twice.

use prosaas_core::agent::ToolTurn;
use prosaas_core::time::CallTime;
use prosaas_core::tool_host::{ToolReply, ToolRequest};
use serde_json::Value;

use super::action::{Action, Actions, AiOrder};

/// Tool calls a single call may make; a model in a loop gets no further.
pub const MAX_TOOLS_PER_CALL: usize = 64;
/// For how long a call of a lost leg answers for the same call of the next one, in milliseconds.
pub const REPEAT_MS: u64 = 60_000;
const MAX_NAME: usize = 64;
const MAX_ARGUMENTS: usize = 16 * 1024;
/// Another leg is told so much of an output, in bytes.
const MAX_TOLD: usize = 8 * 1024;

/// One tool call.
#[derive(Debug)]
struct Call {
    request: ToolRequest,
    /// The leg that asked, by its number.
    leg: u32,
    at: CallTime,
    /// The model was told, or will be.
    output: Option<String>,
    /// The present leg knows the output.
    told: bool,
    /// The call that is run in place of this one.
    same_as: Option<usize>,
    /// When it is no longer waited for.
    deadline: CallTime,
}

/// The tool calls of one call.
#[derive(Debug)]
pub struct Tools {
    limit_ms: u64,
    calls: Vec<Call>,
    leg: u32,
    /// A leg is there to be told.
    listening: bool,
    /// Tool calls were answered and a spoken follow-up is owed.
    owed: bool,
}

/// What became of a finished tool.
#[derive(Debug, PartialEq, Eq)]
pub enum Finished {
    /// Answered the model, or kept for the leg being opened.
    Answered,
    /// Nobody waits for it any more: it timed out, or was never asked for.
    Late,
}

impl Tools {
    /// Tools may run `limit_ms`.
    pub const fn new(limit_ms: u64) -> Self {
        Self {
            limit_ms,
            calls: Vec::new(),
            leg: 0,
            listening: true,
            owed: false,
        }
    }

    /// The model asks for a tool. Returns its number when it is a call to remember.
    pub fn on_call(
        &mut self,
        now: CallTime,
        request: ToolRequest,
        actions: &mut Actions,
    ) -> Option<usize> {
        if self
            .calls
            .iter()
            .any(|call| call.request.call == request.call)
        {
            return None;
        }
        let refusal = if self.calls.len() >= MAX_TOOLS_PER_CALL {
            Some("too many tool calls in this call")
        } else if request.name.len() > MAX_NAME || request.arguments.len() > MAX_ARGUMENTS {
            Some("the tool's name or arguments are too long")
        } else {
            None
        };
        if let Some(reason) = refusal {
            let output = ToolReply::refusal(reason).output;
            let call = request.call;
            actions.push(Action::Ai(AiOrder::ToolOutput { call, output }));
            self.owed = self.calls.len() < MAX_TOOLS_PER_CALL;
            return None;
        }
        let same_as = self.same_on_a_lost_leg(now, &request);
        let output = same_as.and_then(|same| self.calls[same].output.clone());
        if same_as.is_none() {
            actions.push(Action::RunTool(request.clone()));
        }
        self.calls.push(Call {
            request,
            leg: self.leg,
            at: now,
            output: None,
            told: false,
            same_as,
            deadline: now.plus(self.limit_ms),
        });
        let number = self.calls.len() - 1;
        if let Some(output) = output {
            self.answer(number, output, actions);
        }
        Some(number)
    }

    /// A tool finished.
    pub fn on_done(&mut self, call: &str, output: &str, actions: &mut Actions) -> Finished {
        let running = |c: &Call| c.output.is_none() && c.request.call == call;
        let Some(done) = self.calls.iter().position(running) else {
            return Finished::Late;
        };
        self.answer(done, output.to_owned(), actions);
        for other in done + 1..self.calls.len() {
            if self.calls[other].same_as == Some(done) && self.calls[other].output.is_none() {
                self.answer(other, output.to_owned(), actions);
            }
        }
        Finished::Answered
    }

    /// Answers for tools that took too long.
    pub fn expire(&mut self, now: CallTime, actions: &mut Actions) {
        for number in 0..self.calls.len() {
            let call = &self.calls[number];
            if call.output.is_none() && call.deadline <= now {
                let output = ToolReply::refusal("the tool did not answer in time").output;
                self.answer(number, output, actions);
            }
        }
    }

    /// When [`Self::expire`] has something to do.
    pub fn next_deadline(&self) -> Option<CallTime> {
        let running = self.calls.iter().filter(|call| call.output.is_none());
        running.map(|call| call.deadline).min()
    }

    /// Whether a tool is running.
    pub fn any_running(&self) -> bool {
        self.calls.iter().any(|call| call.output.is_none())
    }

    /// Takes the one spoken follow-up that is owed once no tool is running.
    pub fn take_owed(&mut self) -> bool {
        self.owed && !self.any_running() && std::mem::take(&mut self.owed)
    }

    /// A tool call as another leg is told of it.
    pub fn turn(&self, number: usize) -> Option<ToolTurn> {
        let call = self.calls.get(number)?;
        let output = call.output.as_ref().map(|output| {
            let end = output.floor_char_boundary(MAX_TOLD);
            output[..end].to_owned()
        });
        Some(ToolTurn {
            call: call.request.call.clone(),
            name: call.request.name.clone(),
            arguments: call.request.arguments.clone(),
            output,
        })
    }

    /// The AI leg is gone. What was called is kept for the next one; whether an answer to the caller
    /// hangs on it.
    pub fn leg_lost(&mut self) -> bool {
        self.listening = false;
        std::mem::take(&mut self.owed) || self.any_running()
    }

    /// Another leg is being told the conversation so far.
    pub fn leg_told(&mut self) {
        self.leg += 1;
        for call in &mut self.calls {
            call.told = call.output.is_some();
        }
    }

    /// The leg listens: it gets what was done since it was told the conversation.
    pub fn leg_ready(&mut self, actions: &mut Actions) {
        self.listening = true;
        for call in &mut self.calls {
            if let Some(output) = &call.output
                && !call.told
            {
                call.told = true;
                tell(&call.request, output, actions);
            }
        }
    }

    fn answer(&mut self, number: usize, output: String, actions: &mut Actions) {
        let call = &mut self.calls[number];
        if self.listening {
            call.told = true;
            tell(&call.request, &output, actions);
        }
        call.output = Some(output);
        self.owed = true;
    }

    /// The call of a lost leg that asked for the same a little while ago.
    fn same_on_a_lost_leg(&self, now: CallTime, request: &ToolRequest) -> Option<usize> {
        self.calls.iter().position(|call| {
            call.leg < self.leg
                && call.same_as.is_none()
                && now.since(call.at) <= REPEAT_MS
                && call.request.name == request.name
                && same_json(&call.request.arguments, &request.arguments)
        })
    }
}

fn tell(request: &ToolRequest, output: &str, actions: &mut Actions) {
    actions.push(Action::Ai(AiOrder::ToolOutput {
        call: request.call.clone(),
        output: output.to_owned(),
    }));
}

/// Whether two texts are the same JSON, whatever the order of its keys.
fn same_json(one: &str, other: &str) -> bool {
    let parse = |text| serde_json::from_str::<Value>(text).ok();
    one == other || parse(one).is_some_and(|value| Some(value) == parse(other))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(call: &str) -> ToolRequest {
        ToolRequest {
            call: call.to_owned(),
            name: "save_lead".to_owned(),
            arguments: r#"{"name":"Dana","intent":"a leak"}"#.to_owned(),
        }
    }

    fn outputs(actions: &Actions) -> Vec<(&str, &str)> {
        let output = |action| match action {
            &Action::Ai(AiOrder::ToolOutput {
                ref call,
                ref output,
            }) => Some((call.as_str(), output.as_str())),
            _ => None,
        };
        actions.iter().filter_map(output).collect()
    }

    fn runs(actions: &Actions) -> usize {
        let run = |action: &&Action| matches!(action, Action::RunTool(_));
        actions.iter().filter(run).count()
    }

    #[test]
    fn two_tools_owe_one_follow_up() {
        let (mut tools, mut actions) = (Tools::new(1_000), Actions::default());
        tools.on_call(CallTime(0), request("a"), &mut actions);
        tools.on_call(CallTime(0), request("b"), &mut actions);
        tools.on_call(CallTime(0), request("a"), &mut actions);
        assert_eq!(tools.on_done("a", "1", &mut actions), Finished::Answered);
        assert!(!tools.take_owed());
        tools.on_done("b", "2", &mut actions);
        assert!(tools.take_owed());
        assert!(!tools.take_owed());
        assert_eq!(actions.iter().count(), 4, "two runs, two answers");
    }

    #[test]
    fn a_tool_that_never_answers_is_answered_for() {
        let (mut tools, mut actions) = (Tools::new(1_000), Actions::default());
        tools.on_call(CallTime(0), request("a"), &mut actions);
        assert_eq!(tools.next_deadline(), Some(CallTime(1_000)));
        tools.expire(CallTime(1_000), &mut actions);
        assert!(tools.take_owed());
        assert_eq!(tools.on_done("a", "late", &mut actions), Finished::Late);
        assert_eq!(actions.iter().count(), 2);
    }

    #[test]
    fn a_model_in_a_loop_is_stopped() {
        let (mut tools, mut actions) = (Tools::new(1_000), Actions::default());
        for i in 0..200 {
            tools.on_call(CallTime(0), request(&i.to_string()), &mut actions);
        }
        assert_eq!(runs(&actions), MAX_TOOLS_PER_CALL);
    }

    #[test]
    fn an_output_is_told_once_whenever_the_leg_is_lost() {
        // Before the next leg was told, between that and its being ready, and after.
        for done_at in 0..3 {
            let (mut tools, mut actions) = (Tools::new(9_000), Actions::default());
            let number = tools.on_call(CallTime(0), request("a"), &mut actions);
            assert!(tools.leg_lost(), "an answer hangs on it");
            let mut told = None;
            for step in 0..3 {
                if step == done_at {
                    tools.on_done("a", "{\"booking\":\"B-1\"}", &mut actions);
                }
                match step {
                    0 => {
                        told = number.and_then(|n| tools.turn(n)).and_then(|t| t.output);
                        tools.leg_told();
                    }
                    1 => tools.leg_ready(&mut actions),
                    _ => {}
                }
            }
            let times = outputs(&actions).len() + usize::from(told.is_some());
            assert_eq!(times, 1, "done in step {done_at}");
            assert!(tools.take_owed());
            assert_eq!(runs(&actions), 1);
        }
    }

    #[test]
    fn what_a_lost_leg_asked_for_is_not_run_again_for_the_next_one() {
        let (mut tools, mut actions) = (Tools::new(9_000), Actions::default());
        tools.on_call(CallTime(0), request("a"), &mut actions);
        let again = |call: &str| ToolRequest {
            arguments: r#"{ "intent": "a leak", "name": "Dana" }"#.to_owned(),
            ..request(call)
        };
        for leg in ["b", "c"] {
            tools.leg_lost();
            tools.leg_told();
            tools.leg_ready(&mut actions);
            tools.on_call(CallTime(500), again(leg), &mut actions);
        }
        tools.on_done("a", "done", &mut actions);
        assert_eq!(
            outputs(&actions),
            [("a", "done"), ("b", "done"), ("c", "done")],
            "all three calls are answered"
        );
        tools.leg_lost();
        tools.leg_told();
        tools.leg_ready(&mut actions);
        tools.on_call(CallTime(1_000), again("d"), &mut actions);
        assert_eq!(
            outputs(&actions).last(),
            Some(&("d", "done")),
            "from memory"
        );
        assert_eq!(runs(&actions), 1);
        tools.on_call(CallTime(REPEAT_MS + 1), again("e"), &mut actions);
        assert_eq!(runs(&actions), 2, "later it is a wish of its own");
    }
}
