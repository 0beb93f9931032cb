//! The conversation that every subject is given: who talks when.
//!
//! One cycle is 9 s. The agent says 4.8 s, sent by the model as 30 messages of 160 ms at twice real
//! time; the caller then speaks from 5.6 s to 8.2 s. In every fourth cycle the caller interrupts
//! after 2 s, while audio is still arriving. The agent is therefore heard 45.6 % of the time.

use std::sync::Arc;

/// Frames of 20 ms in one audio message of the model.
pub const DELTA_FRAMES: u32 = 8;
/// Between two audio messages: half of what one holds, hence twice real time.
const DELTA_EVERY_MS: u64 = 80;
/// Audio messages of one reply.
const DELTAS: u64 = 30;
/// Length of a cycle.
pub const CYCLE_MS: u64 = 9_000;
/// When the caller interrupts, in the cycles in which it does.
const BARGE_IN_AT_MS: u64 = 2_000;
/// One cycle in this many is interrupted.
const BARGE_IN_EVERY: u32 = 4;
const CALLER_SPEAKS_AT_MS: u64 = 5_600;
const CALLER_STOPS_AT_MS: u64 = 8_200;

/// What the model does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// A reply begins.
    ReplyBegins,
    /// One audio message of [`DELTA_FRAMES`].
    Delta,
    /// The reply is complete.
    ReplyEnds,
    /// The caller's speech is heard while the agent talks: the reply is cut.
    BargeIn,
    /// One more audio message that was already on its way when the reply was cut.
    LateDelta,
    /// The cut reply is reported as cancelled.
    ReplyCancelled,
    /// The caller's speech is heard while nobody else talks.
    CallerSpeaks,
    /// The caller's speech has ended.
    CallerStops,
}

/// The steps of the two kinds of cycle, shared by all calls.
#[derive(Debug)]
pub struct Timeline {
    plain: Vec<(u64, Step)>,
    interrupted: Vec<(u64, Step)>,
}

impl Default for Timeline {
    fn default() -> Self {
        let deltas = |until_ms: u64| {
            (0..DELTAS)
                .map(|index| (index * DELTA_EVERY_MS, Step::Delta))
                .take_while(move |(at, _)| *at < until_ms)
        };
        let mut plain = vec![(0, Step::ReplyBegins)];
        plain.extend(deltas(u64::MAX));
        plain.extend([
            (DELTAS * DELTA_EVERY_MS, Step::ReplyEnds),
            (CALLER_SPEAKS_AT_MS, Step::CallerSpeaks),
            (CALLER_STOPS_AT_MS, Step::CallerStops),
        ]);
        let mut interrupted = vec![(0, Step::ReplyBegins)];
        interrupted.extend(deltas(BARGE_IN_AT_MS));
        interrupted.extend([
            (BARGE_IN_AT_MS, Step::BargeIn),
            (BARGE_IN_AT_MS + 5, Step::LateDelta),
            (BARGE_IN_AT_MS + 10, Step::ReplyCancelled),
            (CALLER_STOPS_AT_MS, Step::CallerStops),
        ]);
        Self { plain, interrupted }
    }
}

/// Where one call stands in its conversation. Pure: times are nanoseconds given from outside.
#[derive(Debug)]
pub struct Conversation {
    timeline: Arc<Timeline>,
    /// Shifts which cycles are interrupted, so that calls do not all do it together.
    shift: u32,
    cycle: u32,
    cycle_began_ns: Option<u64>,
    step: usize,
}

impl Conversation {
    /// A conversation that has not begun.
    pub fn new(timeline: Arc<Timeline>, shift: u32) -> Self {
        Self {
            timeline,
            shift,
            cycle: 0,
            cycle_began_ns: None,
            step: 0,
        }
    }

    /// Begins with the greeting; further calls change nothing. Whether it had begun already.
    pub fn begin(&mut self, now_ns: u64) -> bool {
        let begun = self.cycle_began_ns.is_some();
        self.cycle_began_ns.get_or_insert(now_ns);
        begun
    }

    /// When the next step is due; `None` before the beginning.
    pub fn due_ns(&self) -> Option<u64> {
        let (at_ms, _) = self.steps()[self.step];
        Some(self.cycle_began_ns? + at_ms * 1_000_000)
    }

    /// Takes the next step, whether due or not.
    pub fn advance(&mut self) -> Step {
        let (_, step) = self.steps()[self.step];
        self.step += 1;
        if self.step == self.steps().len() {
            self.step = 0;
            self.cycle += 1;
            self.cycle_began_ns = self
                .cycle_began_ns
                .map(|began| began + CYCLE_MS * 1_000_000);
        }
        step
    }

    /// The greeting is never interrupted: subjects may protect it.
    fn steps(&self) -> &[(u64, Step)] {
        let interrupted = self.cycle > 0
            && self
                .cycle
                .wrapping_add(self.shift)
                .is_multiple_of(BARGE_IN_EVERY);
        if interrupted {
            &self.timeline.interrupted
        } else {
            &self.timeline.plain
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_cycles_hold_three_whole_replies_and_one_interruption() {
        let mut conversation = Conversation::new(Arc::new(Timeline::default()), 0);
        assert_eq!(conversation.due_ns(), None);
        assert!(!conversation.begin(5));
        assert!(conversation.begin(9));
        let (mut whole, mut cut, mut deltas, mut last) = (0, 0, 0, 0);
        // Cycles 1 to 4 of five; the greeting is cycle 0.
        while conversation.cycle < 5 {
            let due = conversation.due_ns().unwrap();
            assert!(due >= last, "time runs forward");
            last = due;
            let counted = conversation.cycle > 0;
            match conversation.advance() {
                Step::ReplyEnds if counted => whole += 1,
                Step::BargeIn if counted => cut += 1,
                Step::Delta | Step::LateDelta if counted => deltas += 1,
                _ => {}
            }
        }
        assert_eq!((whole, cut), (3, 1));
        assert_eq!(deltas, 3 * 30 + 25 + 1);
        assert_eq!(last, 5 + (4 * CYCLE_MS + CALLER_STOPS_AT_MS) * 1_000_000);
    }
}
