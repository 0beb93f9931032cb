//! One reply at a time.
//!
//! The model may hold one reply only, and its own turn detection is a second writer that starts
//! replies whenever the caller stops speaking. So a reply we want is asked for only while none is
//! active, and asked for again when the model says that another one was first.

use prosaas_core::leg::{ReplyId, RequestId};

use super::action::{Action, Actions, AiOrder};

/// A reply we asked for and have not seen end.
#[derive(Debug)]
struct Asked {
    request: RequestId,
    instructions: Option<String>,
}

/// A reply we want: what the conversation asks for, or what the instructions say.
#[derive(Debug)]
struct Wish(Option<String>);

/// The reply sequencer.
#[derive(Debug, Default)]
pub struct Turns {
    active: Option<ReplyId>,
    asked: Option<Asked>,
    wanted: Option<Wish>,
    /// The latest reply has been audible.
    spoke: bool,
    /// Audio of this reply and of earlier ones is no longer wanted.
    silenced: Option<ReplyId>,
    latest: Option<ReplyId>,
    /// A failed request waits before it is asked again.
    held: bool,
    next_request: u32,
}

impl Turns {
    /// A fresh name for a command.
    pub fn request_id(&mut self) -> RequestId {
        self.next_request += 1;
        RequestId(self.next_request)
    }

    /// Wants a reply; several wishes at once are one wish, and the one with instructions wins.
    pub fn want(&mut self, instructions: Option<String>) {
        match &mut self.wanted {
            Some(Wish(Some(_))) if instructions.is_none() => {}
            wanted => *wanted = Some(Wish(instructions)),
        }
    }

    /// Whether a reply is wanted, asked for or active.
    pub const fn is_busy(&self) -> bool {
        self.active.is_some() || self.asked.is_some() || self.wanted.is_some()
    }

    /// The active reply.
    pub const fn active(&self) -> Option<ReplyId> {
        self.active
    }

    /// Whether a reply was asked for and has not ended.
    pub const fn is_asked(&self) -> bool {
        self.asked.is_some()
    }

    /// Asks for the wanted reply if none is in the way; whether it asked.
    pub fn ask(&mut self, actions: &mut Actions) -> bool {
        if self.held || self.active.is_some() || self.asked.is_some() {
            return false;
        }
        let Some(Wish(instructions)) = self.wanted.take() else {
            return false;
        };
        let request = self.request_id();
        self.asked = Some(Asked {
            request,
            instructions: instructions.clone(),
        });
        actions.push(Action::Ai(AiOrder::RequestReply {
            request,
            instructions,
        }));
        true
    }

    /// A reply began: ours, or one the model started by itself.
    pub fn on_started(&mut self, reply: ReplyId) {
        self.active = Some(reply);
        self.spoke = false;
        self.latest = self.latest.max(Some(reply));
    }

    /// The active reply is audible.
    pub fn on_audio(&mut self) {
        self.spoke = true;
    }

    /// Takes whether the latest reply was audible: a goodbye said with a tool call need not be said again.
    pub fn take_spoke(&mut self) -> bool {
        std::mem::take(&mut self.spoke)
    }

    /// A reply ended; whether it was the active one.
    pub fn on_ended(&mut self, reply: ReplyId) -> bool {
        if self.active != Some(reply) {
            return false;
        }
        self.active = None;
        self.asked = None;
        true
    }

    /// The model refused our request because another reply was first: ask again after that one.
    pub fn on_refused(&mut self, request: Option<RequestId>) {
        if self.take_asked(request) && self.active.is_none() {
            // The other reply's start may still be on its way: only its end lets us ask again.
            self.active = self.latest;
        }
    }

    /// Our request failed for another reason; the wish is kept for a later [`Self::ask`].
    pub fn on_failed(&mut self, request: Option<RequestId>) -> bool {
        self.take_asked(request)
    }

    /// Whether an error names the reply we asked for.
    pub fn names_asked(&self, request: Option<RequestId>) -> bool {
        request.is_some() && self.asked.as_ref().map(|asked| asked.request) == request
    }

    /// Asks for nothing until [`Self::release`].
    pub fn hold(&mut self) {
        self.held = true;
    }

    /// Asks again.
    pub fn release(&mut self) {
        self.held = false;
    }

    /// Audio of every reply begun so far is no longer wanted.
    pub fn silence(&mut self) {
        self.silenced = self.latest;
    }

    /// Whether what this reply says is still wanted: it is the active one and was not interrupted.
    pub fn wants(&self, reply: ReplyId) -> bool {
        self.active == Some(reply) && self.silenced.is_none_or(|silenced| reply > silenced)
    }

    /// Forgets everything about a leg that is gone; whether a reply was under way or owed.
    pub fn leg_lost(&mut self) -> bool {
        let owed = self.is_busy();
        let next_request = self.next_request;
        *self = Self {
            next_request,
            ..Self::default()
        };
        owed
    }

    /// Drops the wish for a reply.
    pub fn unwant(&mut self) {
        self.wanted = None;
    }

    fn take_asked(&mut self, request: Option<RequestId>) -> bool {
        match self.asked.take() {
            Some(asked) if request.is_none_or(|request| request == asked.request) => {
                if self.wanted.is_none() {
                    self.wanted = Some(Wish(asked.instructions));
                }
                true
            }
            other => {
                self.asked = other;
                false
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asks(actions: &Actions) -> usize {
        actions
            .iter()
            .filter(|a| matches!(a, Action::Ai(AiOrder::RequestReply { .. })))
            .count()
    }

    #[test]
    fn a_second_wish_waits_for_the_first_reply_to_end() {
        let (mut turns, mut actions) = (Turns::default(), Actions::default());
        turns.want(None);
        assert!(turns.ask(&mut actions));
        turns.want(None);
        assert!(!turns.ask(&mut actions));
        turns.on_started(ReplyId(1));
        assert!(!turns.ask(&mut actions));
        turns.on_ended(ReplyId(1));
        assert!(turns.ask(&mut actions));
        assert_eq!(asks(&actions), 2);
    }

    #[test]
    fn a_refused_request_is_asked_again_after_the_other_reply() {
        let (mut turns, mut actions) = (Turns::default(), Actions::default());
        turns.want(Some("greet".to_owned()));
        turns.ask(&mut actions);
        turns.on_started(ReplyId(1));
        turns.on_refused(Some(RequestId(1)));
        assert!(!turns.ask(&mut actions), "the other reply is active");
        turns.on_ended(ReplyId(1));
        assert!(turns.ask(&mut actions));
        let again = AiOrder::RequestReply {
            request: RequestId(2),
            instructions: Some("greet".to_owned()),
        };
        assert_eq!(actions.iter().last(), Some(&Action::Ai(again)));
    }

    #[test]
    fn an_error_about_another_command_changes_nothing() {
        let (mut turns, mut actions) = (Turns::default(), Actions::default());
        turns.want(None);
        turns.ask(&mut actions);
        assert!(!turns.on_failed(Some(RequestId(99))));
        assert!(turns.is_busy());
    }

    #[test]
    fn silenced_replies_stay_silent_and_later_ones_speak() {
        let mut turns = Turns::default();
        turns.on_started(ReplyId(1));
        turns.silence();
        assert!(!turns.wants(ReplyId(1)));
        assert!(!turns.wants(ReplyId(2)), "it has not begun");
        turns.on_ended(ReplyId(1));
        turns.on_started(ReplyId(2));
        assert!(turns.wants(ReplyId(2)));
    }
}
