//! A leg near the end of its life is replaced between two turns, without a gap: the next one is opened while
//! the present one serves, and takes over once it is ready and nothing was said meanwhile.

use prosaas_core::time::CallTime;

use super::action::{Action, Actions};
use super::timers::Timer;
use super::{Ai, CallSession, Phase};

/// How often it is looked for a moment between two turns, in milliseconds.
const LOOK_AGAIN_MS: u64 = 200;
/// How long after a leg could not be opened another one is tried, in milliseconds.
const TRY_AGAIN_MS: u64 = 10_000;
/// The hand-over begins when this part of the life that a leg was told is left: ten minutes of an hour.
const LAST_PART: u64 = 6;
/// A life shorter than this is a clock that is wrong, in milliseconds: believing it, the call would do nothing but
/// hand over.
const SHORTEST_LIFE_MS: u64 = 10_000;

/// The next leg, being opened.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spare {
    /// How much had been said and done when it was told.
    knows: usize,
}

impl CallSession {
    /// The vendor said how much longer the AI leg serves. A life longer than the configured one changes nothing.
    pub(super) fn on_life_told(&mut self, now: CallTime, ms: u64) {
        if ms >= SHORTEST_LIFE_MS {
            let begins = now.plus(ms - ms / LAST_PART);
            self.timers.bring_forward(Timer::Handover, begins);
        }
    }

    /// The AI leg nears the end of its life: the next one is opened as soon as nobody speaks.
    pub(super) fn on_handover(&mut self, now: CallTime, actions: &mut Actions) {
        if self.phase != Phase::Talking || self.ai != Ai::Ready {
            return;
        }
        if self.spare.is_some() {
            // It did not get ready in time.
            self.drop_spare(actions);
            self.timers.set(Timer::Handover, now.plus(TRY_AGAIN_MS));
        } else if self.is_mid_turn(now) {
            self.timers.set(Timer::Handover, now.plus(LOOK_AGAIN_MS));
        } else {
            self.hold.ear.reset();
            let knows = self.transcript.length();
            self.spare = Some(Spare { knows });
            let history = self.transcript.history(&self.tools);
            actions.push(Action::OpenSpareAi(history));
            let within = self.config.times.ai_ready_ms;
            self.timers.set(Timer::Handover, now.plus(within));
        }
    }

    /// The next leg is ready. It takes over, unless it missed something.
    pub(super) fn on_spare_ready(&mut self, now: CallTime, actions: &mut Actions) {
        let Some(spare) = self.spare else {
            self.stats.out_of_place += 1;
            return;
        };
        let missed = spare.knows != self.transcript.length() || self.hold.ear.speaks(now);
        if missed || self.is_mid_turn(now) {
            self.drop_spare(actions);
            self.timers.set(Timer::Handover, now.plus(LOOK_AGAIN_MS));
            return;
        }
        self.spare = None;
        self.stats.reopened += 1;
        self.leg += 1;
        self.turns.leg_lost();
        self.floor_lost();
        self.tools.leg_lost();
        self.tools.leg_told();
        actions.push(Action::UseSpareAi);
        self.tools.leg_ready(actions);
        self.leg_serves(now, actions);
    }

    pub(super) fn on_spare_failed(&mut self, now: CallTime) {
        if self.spare.take().is_some() {
            self.timers.set(Timer::Handover, now.plus(TRY_AGAIN_MS));
        } else {
            self.stats.out_of_place += 1;
        }
    }

    pub(super) fn drop_spare(&mut self, actions: &mut Actions) {
        if self.spare.take().is_some() {
            actions.push(Action::CloseSpareAi);
        }
    }

    /// Whether somebody speaks or is about to, or something said is not written down yet.
    fn is_mid_turn(&self, now: CallTime) -> bool {
        self.caller_speaking
            || self.answer_owed
            || self.turns.is_busy()
            || self.tools.any_running()
            || self.playback.outstanding(now)
            || self.transcript.waiting_since().is_some()
    }
}
