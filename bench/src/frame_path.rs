//! Drives a call session through conversations and counts what its audio path allocates.

use std::collections::VecDeque;

use prosaas_core::{
    business::CallLimits,
    leg::{AiEvent, ItemId, LegEvent, MarkId, ReplyEnd, ReplyId},
    money::Usage,
    time::CallTime,
};
use prosaas_realtime::session::{
    Action, Actions, AiOrder, CallSession, Event, Opening, SessionConfig,
};

use crate::generator::stamp::{FRAME, FRAME_MS};

/// One reply: 30 messages of 160 ms, then silence until the cycle is over.
const DELTAS: u64 = 30;
const DELTA_FRAMES: usize = 8;
const CYCLE_MS: u64 = 9_000;

/// How fast the model sends its audio.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// As fast as it is played: nothing piles up.
    RealTime,
    /// Twice as fast: seconds of audio wait in the session, which gives that memory back after each
    /// reply and grows it again in the next.
    Twice,
}

impl Pace {
    const fn message_every_ms(self) -> u64 {
        match self {
            Self::RealTime => 160,
            Self::Twice => 80,
        }
    }
}

/// Allocations by what the session was given.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Allocations {
    /// Caller frames given, and allocations while they were handled.
    pub caller_frames: (u64, u64),
    /// The model's audio messages.
    pub agent_messages: (u64, u64),
    /// Marks that came back.
    pub marks: (u64, u64),
    /// Deadlines: pacing, mostly.
    pub wakes: (u64, u64),
    /// Agent frames that the session sent to the carrier meanwhile.
    pub frames_out: u64,
    /// Beginnings and ends of replies: once per reply, not per frame.
    pub replies: (u64, u64),
}

impl Allocations {
    /// Allocations while caller frames, marks and deadlines were handled.
    pub fn of_frames(&self) -> u64 {
        self.caller_frames.1 + self.marks.1 + self.wakes.1
    }
}

/// Which counter an event belongs to.
type Counter = fn(&mut Allocations) -> &mut (u64, u64);

struct Drive<'a> {
    session: CallSession,
    actions: Actions,
    now: CallTime,
    /// Marks on their way, with the time at which they come back.
    marks: VecDeque<(CallTime, MarkId)>,
    plays_until: CallTime,
    asked: bool,
    counted: Allocations,
    allocations: &'a dyn Fn() -> u64,
}

/// Plays `warm_up + cycles` replies with caller audio throughout and counts the allocations of the
/// last `cycles`; `allocations` says how many this thread has made. `batch_ms` is the session's.
pub fn run(
    batch_ms: u64,
    pace: Pace,
    warm_up: u64,
    cycles: u64,
    allocations: &dyn Fn() -> u64,
) -> Allocations {
    let limits = CallLimits {
        max_call_s: 36_000,
        idle_s: 3_600,
        max_live_calls: 1,
    };
    let mut config = SessionConfig::new(Opening::Greet("Greet the caller.".to_owned()), limits);
    config.batch_ms = batch_ms;
    let mut drive = Drive {
        session: CallSession::new(config),
        actions: Actions::default(),
        now: CallTime::ZERO,
        marks: VecDeque::new(),
        plays_until: CallTime::ZERO,
        asked: false,
        counted: Allocations::default(),
        allocations,
    };
    drive.give(Event::Started, |counted| &mut counted.replies);
    drive.give(Event::AiOpened, |counted| &mut counted.replies);
    drive.give(Event::Ai(AiEvent::Ready, &[]), |counted| {
        &mut counted.replies
    });
    assert!(
        drive.asked,
        "a session that greets asks for a reply as soon as the model is ready"
    );
    for cycle in 0..warm_up + cycles {
        if cycle == warm_up {
            drive.counted = Allocations::default();
        }
        drive.cycle(cycle, pace.message_every_ms());
    }
    drive.counted
}

impl Drive<'_> {
    fn cycle(&mut self, number: u64, message_every_ms: u64) {
        let (reply, item) = (ReplyId(number as u32), ItemId(number as u32));
        let agent = [0x55; FRAME * DELTA_FRAMES];
        let caller = [0x2A; FRAME];
        let began = self.now;
        for at_ms in 0..CYCLE_MS {
            self.now = began.plus(at_ms);
            self.marks_and_deadline();
            if at_ms == 0 {
                self.ai(AiEvent::ReplyStarted { reply }, &[], |counted| {
                    &mut counted.replies
                });
            }
            if at_ms.is_multiple_of(FRAME_MS) {
                let event = LegEvent::Audio {
                    timestamp_ms: Some(self.now.0),
                };
                self.give(Event::Caller(event, &caller), |counted| {
                    &mut counted.caller_frames
                });
            }
            if at_ms.is_multiple_of(message_every_ms) && at_ms / message_every_ms < DELTAS {
                let event = AiEvent::Audio {
                    reply,
                    item,
                    content: 0,
                };
                self.ai(event, &agent, |counted| &mut counted.agent_messages);
            }
            if at_ms == DELTAS * message_every_ms {
                let (end, usage) = (ReplyEnd::Completed, Usage::default());
                let event = AiEvent::ReplyEnded { reply, end, usage };
                self.ai(event, &[], |counted| &mut counted.replies);
            }
        }
        self.now = began.plus(CYCLE_MS);
    }

    fn marks_and_deadline(&mut self) {
        while let Some((_, mark)) = self.marks.pop_front_if(|(due, _)| *due <= self.now) {
            self.give(Event::Caller(LegEvent::Mark(mark), &[]), |counted| {
                &mut counted.marks
            });
        }
        if self
            .session
            .next_deadline()
            .is_some_and(|deadline| deadline <= self.now)
        {
            self.give(Event::Wake, |counted| &mut counted.wakes);
        }
    }

    fn ai(&mut self, event: AiEvent, audio: &[u8], counter: Counter) {
        self.give(Event::Ai(event, audio), counter);
    }

    /// Gives one event to the session, counts, and carries out what follows as a carrier would.
    fn give(&mut self, event: Event<'_>, counter: Counter) {
        let before = (self.allocations)();
        self.session.handle(self.now, event, &mut self.actions);
        let allocated = (self.allocations)() - before;
        let (events, allocations) = counter(&mut self.counted);
        *events += 1;
        *allocations += allocated;
        for action in self.actions.iter() {
            match action {
                Action::Play(span) => {
                    let frames = (self.actions.audio(*span).len() / FRAME) as u64;
                    self.counted.frames_out += frames;
                    self.plays_until = self.plays_until.max(self.now).plus(frames * FRAME_MS);
                }
                Action::Mark(mark) => {
                    self.marks
                        .push_back((self.plays_until.max(self.now), *mark));
                }
                Action::Ai(AiOrder::RequestReply { .. }) => self.asked = true,
                _ => {}
            }
        }
        self.actions.clear();
    }
}
