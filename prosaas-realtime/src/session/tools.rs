//! Tool calls: each is run once, answered once, and a reply asked for once after all are answered.

use prosaas_core::leg::ReplyId;
use prosaas_core::time::CallTime;
use prosaas_core::tool_host::{ToolReply, ToolRequest};

use super::action::{Action, Actions, AiOrder};

/// Tool calls a single call may make; a model in a loop gets no further.
pub const MAX_TOOLS_PER_CALL: usize = 64;
const MAX_NAME: usize = 64;
const MAX_ARGUMENTS: usize = 16 * 1024;

#[derive(Debug)]
struct Running {
    call: String,
    reply: ReplyId,
    deadline: CallTime,
}

/// The tool calls of one call.
#[derive(Debug)]
pub struct Tools {
    limit_ms: u64,
    running: Vec<Running>,
    seen: Vec<String>,
    /// Replies whose tool calls were answered and that are owed a spoken follow-up.
    owed: bool,
}

/// What became of a finished tool.
#[derive(Debug, PartialEq, Eq)]
pub enum Finished {
    /// Answered the model.
    Answered,
    /// Nobody waits for it any more: it timed out, or was never asked for.
    Late,
}

impl Tools {
    /// Tools may run `limit_ms`.
    pub const fn new(limit_ms: u64) -> Self {
        Self {
            limit_ms,
            running: Vec::new(),
            seen: Vec::new(),
            owed: false,
        }
    }

    /// The model asks for a tool.
    pub fn on_call(
        &mut self,
        now: CallTime,
        reply: ReplyId,
        request: ToolRequest,
        actions: &mut Actions,
    ) {
        if self.seen.contains(&request.call) {
            return;
        }
        let refusal = if self.seen.len() >= MAX_TOOLS_PER_CALL {
            Some("too many tool calls in this call")
        } else if request.name.len() > MAX_NAME || request.arguments.len() > MAX_ARGUMENTS {
            Some("the tool's name or arguments are too long")
        } else {
            None
        };
        if let Some(reason) = refusal {
            answer(request.call, ToolReply::refusal(reason).output, actions);
            self.owed = self.seen.len() < MAX_TOOLS_PER_CALL;
            return;
        }
        self.seen.push(request.call.clone());
        let deadline = now.plus(self.limit_ms);
        self.running.push(Running {
            call: request.call.clone(),
            reply,
            deadline,
        });
        actions.push(Action::RunTool(request));
    }

    /// A tool finished.
    pub fn on_done(&mut self, call: &str, output: String, actions: &mut Actions) -> Finished {
        let Some(at) = self.running.iter().position(|running| running.call == call) else {
            return Finished::Late;
        };
        let done = self.running.swap_remove(at);
        answer(done.call, output, actions);
        self.owed = true;
        Finished::Answered
    }

    /// Answers for tools that took too long.
    pub fn expire(&mut self, now: CallTime, actions: &mut Actions) {
        let (late, running) = std::mem::take(&mut self.running)
            .into_iter()
            .partition::<Vec<_>, _>(|running| running.deadline <= now);
        self.running = running;
        for tool in late {
            answer(
                tool.call,
                ToolReply::refusal("the tool did not answer in time").output,
                actions,
            );
            self.owed = true;
        }
    }

    /// When [`Self::expire`] has something to do.
    pub fn next_deadline(&self) -> Option<CallTime> {
        self.running.iter().map(|running| running.deadline).min()
    }

    /// Whether tools of this reply are still running.
    pub fn running_for(&self, reply: ReplyId) -> bool {
        self.running.iter().any(|running| running.reply == reply)
    }

    /// Takes the one spoken follow-up that is owed once no tool is running.
    pub fn take_owed(&mut self) -> bool {
        self.running.is_empty() && std::mem::take(&mut self.owed)
    }

    /// The AI leg is gone: nobody waits for answers to its tool calls. Returns how many were running.
    pub fn leg_lost(&mut self) -> usize {
        self.owed = false;
        let running = self.running.len();
        self.running.clear();
        running
    }
}

fn answer(call: String, output: String, actions: &mut Actions) {
    actions.push(Action::Ai(AiOrder::ToolOutput { call, output }));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(call: &str) -> ToolRequest {
        ToolRequest {
            call: call.to_owned(),
            name: "save_lead".to_owned(),
            arguments: "{}".to_owned(),
        }
    }

    #[test]
    fn two_tools_owe_one_follow_up() {
        let (mut tools, mut actions) = (Tools::new(1_000), Actions::default());
        tools.on_call(CallTime(0), ReplyId(1), request("a"), &mut actions);
        tools.on_call(CallTime(0), ReplyId(1), request("b"), &mut actions);
        tools.on_call(CallTime(0), ReplyId(1), request("a"), &mut actions);
        assert_eq!(
            tools.on_done("a", "1".to_owned(), &mut actions),
            Finished::Answered
        );
        assert!(!tools.take_owed());
        tools.on_done("b", "2".to_owned(), &mut actions);
        assert!(tools.take_owed());
        assert!(!tools.take_owed());
        assert_eq!(actions.iter().count(), 4, "two runs, two answers");
    }

    #[test]
    fn a_tool_that_never_answers_is_answered_for() {
        let (mut tools, mut actions) = (Tools::new(1_000), Actions::default());
        tools.on_call(CallTime(0), ReplyId(1), request("a"), &mut actions);
        assert_eq!(tools.next_deadline(), Some(CallTime(1_000)));
        tools.expire(CallTime(1_000), &mut actions);
        assert!(tools.take_owed());
        assert_eq!(
            tools.on_done("a", "late".to_owned(), &mut actions),
            Finished::Late
        );
        assert_eq!(actions.iter().count(), 2);
    }

    #[test]
    fn a_model_in_a_loop_is_stopped() {
        let (mut tools, mut actions) = (Tools::new(1_000), Actions::default());
        for i in 0..200 {
            tools.on_call(
                CallTime(0),
                ReplyId(1),
                request(&i.to_string()),
                &mut actions,
            );
        }
        let runs = actions
            .iter()
            .filter(|a| matches!(a, Action::RunTool(_)))
            .count();
        assert_eq!(runs, MAX_TOOLS_PER_CALL);
    }
}
