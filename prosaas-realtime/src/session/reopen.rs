//! Losing the AI leg, and another one that knows the conversation.

use prosaas_core::time::CallTime;

use super::action::{Action, Actions, CallUpdate};
use super::hold::Again;
use super::timers::Timer;
use super::{Ai, CallSession, Phase};

/// A leg that was ready for so long was no part of an earlier trouble, in milliseconds.
const SOUND_LEG_MS: u64 = 5_000;
/// How often a leg that was refused before anything was said is opened again.
const FIRST_TRIES: u32 = 2;
/// A try that is cut by the end of all of them gets so much time at least, in milliseconds.
const SHORTEST_TRY_MS: u64 = 500;

impl CallSession {
    /// The AI leg is gone, or as good as gone: open another one, or speak the fallback.
    pub(super) fn on_ai_lost(&mut self, now: CallTime, permanent: bool, actions: &mut Actions) {
        if self.is_hung_up() {
            self.finish_hang_up(actions);
            return;
        }
        if self.is_without_ai() || self.phase == Phase::Ended {
            return;
        }
        if matches!(self.phase, Phase::Closing(_)) {
            // Nothing more to say than what is queued.
            self.drop_leg(now, actions);
            self.ai = Ai::Off;
            return;
        }
        self.forget_old_trouble(now);
        let lost_at = *self.lost_at.get_or_insert(now);
        let first = self.stats.first_audio.is_none();
        let too_late = if first {
            now.0 >= self.config.times.ai_ready_ms
        } else {
            now >= self.given_up_at(lost_at)
        };
        // An account that failed while it was in use may have another one behind it.
        let final_word = permanent && !(self.config.has_spare_model && self.ai == Ai::Ready);
        let most = if first {
            self.config.reopen_attempts.min(FIRST_TRIES)
        } else {
            self.config.reopen_attempts
        };
        if final_word || self.reopened >= most || too_late {
            self.speak_fallback(now, actions);
            return;
        }
        let pause = pause_before(self.reopened, first);
        self.reopened += 1;
        self.begin_reopening(now, pause, actions);
        actions.push(Action::Update(CallUpdate::Reconnecting { at: now }));
        if self.answer_owed {
            self.words_fail(now);
        }
    }

    /// Replaces the AI leg by one that knows the conversation, after a pause.
    fn begin_reopening(&mut self, now: CallTime, pause: u64, actions: &mut Actions) {
        self.drop_leg(now, actions);
        self.stats.reopened += 1;
        self.ai = Ai::Opening;
        self.leg += 1;
        let times = self.config.times;
        let at = match self.lost_at {
            // The greeting is waited for from the beginning of the call.
            _ if self.stats.first_audio.is_none() => CallTime(times.ai_ready_ms).max(now.plus(100)),
            Some(lost_at) => now
                .plus(pause + times.reopen_try_ms)
                .min(self.given_up_at(lost_at))
                .max(now.plus(SHORTEST_TRY_MS)),
            None => now.plus(times.ai_ready_ms),
        };
        self.timers.set(Timer::AiReady, at);
        self.timers.set(Timer::Reopen, now.plus(pause));
    }

    /// Opens the leg, which is told everything that was said and done.
    pub(super) fn reopen(&mut self, actions: &mut Actions) {
        let history = self.transcript.history(&self.tools);
        self.tools.leg_told();
        actions.push(Action::OpenAi(history));
    }

    pub(super) fn drop_leg(&mut self, now: CallTime, actions: &mut Actions) {
        let owed = self.turns.leg_lost();
        let owed = self.tools.leg_lost() || owed;
        self.answer_owed |= owed || self.caller_speaking;
        self.drop_spare(actions);
        self.floor_lost();
        self.playback.complete_all();
        let hears_again = self.uplink.close();
        let heard_again = self.hold.again_is_over();
        if hears_again {
            self.hold.again = Again::Due;
        }
        let playback = &self.playback;
        self.transcript
            .leg_lost(hears_again, |reply, item| playback.received(reply, item));
        if std::mem::take(&mut self.caller_speaking) && !heard_again {
            self.meter.caller_stops(now, self.playback.audible_until());
            self.last_sound = now;
        }
        for timer in [
            Timer::Reply,
            Timer::RetryReply,
            Timer::Reopen,
            Timer::Stall,
            Timer::Handover,
            Timer::BargeIn,
        ] {
            self.timers.stop(timer);
        }
        actions.push(Action::CloseAi);
    }

    /// When no other leg is tried any more. With a line to fill the gap, it may last longer.
    fn given_up_at(&self, lost_at: CallTime) -> CallTime {
        let times = self.config.times;
        lost_at.plus(if self.config.hold_audio.is_empty() {
            times.reopen_ms
        } else {
            times.reopen_held_ms
        })
    }

    /// A leg that served for a while and is lost is a new trouble.
    fn forget_old_trouble(&mut self, now: CallTime) {
        let served = self.ready_at.take().map(|at| now.since(at));
        if self.ai == Ai::Ready && served.is_some_and(|ms| ms >= SOUND_LEG_MS) {
            self.lost_at = None;
            self.reopened = 0;
        }
    }
}

/// How long to wait before a try, in milliseconds. The first one follows a loss at once; that of a refused
/// first connection does not.
const fn pause_before(tries: u32, first: bool) -> u64 {
    match (first, tries) {
        (true, _) => 250 + tries as u64 * 500,
        (false, 0) => 0,
        (false, 1) => 200,
        (false, 2) => 500,
        (false, _) => 1_000,
    }
}
