//! How a call ends: idle and longest times, the agent's last words, the fallback, hanging up.

use std::mem;

use prosaas_core::call::CallEnd;
use prosaas_core::money::MicroUsd;
use prosaas_core::time::CallTime;

use super::action::{Action, Actions, CallUpdate, SessionEnd};
use super::playback::Source;
use super::timers::Timer;
use super::{Ai, CallSession, Phase};

/// How often a silent caller is asked whether they are there.
const IDLE_QUESTIONS: u32 = 2;

impl CallSession {
    /// Nobody spoke for a while: ask, and in the end say goodbye. Set lazily: a sound since then moves
    /// the deadline instead.
    pub(super) fn on_idle(&mut self, now: CallTime, _actions: &mut Actions) {
        let idle_ms = u64::from(self.config.limits.idle_s) * 1_000;
        let busy = self.caller_speaking
            || self.ai != Ai::Ready
            || self.turns.is_busy()
            || self.playback.outstanding(now);
        let quiet_for = now.since(self.last_sound);
        if self.phase != Phase::Talking || busy || quiet_for < idle_ms {
            let from = if busy { now } else { self.last_sound };
            self.timers
                .set(Timer::Idle, from.plus(idle_ms).max(now.plus(1)));
            return;
        }
        self.timers.set(Timer::Idle, now.plus(idle_ms));
        if self.idle_asked < IDLE_QUESTIONS {
            self.idle_asked += 1;
            self.turns.want(Some(self.config.prompts.idle.to_string()));
        } else {
            self.turns
                .want(Some(self.config.prompts.idle_goodbye.to_string()));
            self.begin_closing(now, call_end(CallEnd::Idle));
        }
    }

    pub(super) fn on_max_call(&mut self, now: CallTime) {
        if self.phase == Phase::Talking {
            self.turns
                .want(Some(self.config.prompts.max_goodbye.to_string()));
            self.begin_closing(now, call_end(CallEnd::MaxDuration));
        }
    }

    /// The model has been paid for something. Once the call's money is used up the agent says goodbye; a model
    /// that goes on all the same is cut off a little later.
    pub(super) fn mind_budget(&mut self, now: CallTime, actions: &mut Actions) {
        let Some(budget) = self.config.budget else {
            return;
        };
        // The caller hears the fallback, which costs nothing.
        if self.is_without_ai() {
            return;
        }
        let cost = self.usage.cost;
        match self.phase {
            Phase::Talking if cost >= budget => {
                let goodbye = self.config.prompts.budget_goodbye.to_string();
                // Whatever it said last was no goodbye.
                self.turns.take_spoke();
                self.close_with(now, CallEnd::MaxDuration, None, goodbye);
            }
            Phase::Closing(_) if cost >= hard_stop(budget) => self.finish_closing(actions),
            _ => {}
        }
    }

    pub(super) fn begin_closing(&mut self, now: CallTime, end: SessionEnd) {
        self.phase = Phase::Closing(end);
        self.timers
            .set(Timer::Closing, now.plus(self.config.times.closing_ms));
    }

    /// The AI is out of reach. The caller hears the recorded sentence, or the call goes back to the
    /// carrier's next instruction at once when there is none.
    pub(super) fn speak_fallback(&mut self, now: CallTime, actions: &mut Actions) {
        self.drop_leg(now, actions);
        self.ai = Ai::Failed;
        self.timers.stop(Timer::AiReady);
        self.timers.stop(Timer::Hold);
        actions.push(Action::Update(CallUpdate::Fallback { at: now }));
        let audio = std::sync::Arc::clone(&self.config.fallback_audio);
        if audio.is_empty() {
            self.end_call(CallEnd::AiFailed, actions);
            return;
        }
        self.playback.drop_unsent_recorded(0);
        self.playback.push(Source::Recorded, &audio);
        self.playback.complete_all();
        let length_ms = (audio.len() / prosaas_core::leg::BYTES_PER_MS) as u64;
        self.begin_closing(now, call_end(CallEnd::AiFailed));
        self.timers.set(
            Timer::Closing,
            now.plus(self.config.times.closing_ms + length_ms),
        );
    }

    /// Ends the call once the last words were heard.
    pub(super) fn finish_if_done(&mut self, now: CallTime, actions: &mut Actions) {
        match &self.phase {
            Phase::Closing(_) => {
                // Last words that wait for a lost leg's successor are worth the wait as well.
                let speaking = !self.is_without_ai() && self.turns.is_busy();
                if !speaking && !self.playback.outstanding(now) {
                    self.finish_closing(actions);
                }
            }
            Phase::HungUp(_)
                if !self.caller_speaking && self.transcript.waiting_since().is_none() =>
            {
                self.finish_hang_up(actions);
            }
            _ => {}
        }
    }

    pub(super) fn finish_closing(&mut self, actions: &mut Actions) {
        if let Phase::Closing(end) = mem::replace(&mut self.phase, Phase::Talking) {
            self.end(end, actions);
        }
    }

    /// The caller is gone: nothing is spoken any more; the text of their last words may still come.
    pub(super) fn hang_up(&mut self, now: CallTime, end: CallEnd, actions: &mut Actions) {
        let end = match mem::replace(&mut self.phase, Phase::HungUp(end)) {
            // The call was ending for a reason of ours already.
            Phase::Closing(SessionEnd::Call {
                end,
                transfer_to: None,
            }) => end,
            _ => end,
        };
        self.phase = Phase::HungUp(end);
        self.turns.unwant();
        self.forget_unheard(now);
        self.timers.stop_all();
        self.timers
            .set(Timer::HangUp, now.plus(self.config.times.hang_up_ms));
        if self.ai != Ai::Ready {
            self.finish_hang_up(actions);
        } else if self.caller_speaking {
            // Silence lets the model notice that the last words are complete, and write them down.
            self.uplink.silence(1_000, actions);
        }
    }

    /// Nobody hears what is not played yet.
    pub(super) fn forget_unheard(&mut self, now: CallTime) {
        let mut unused = Actions::default();
        for part in self.playback.clear(now, &mut unused) {
            self.heard(part);
        }
    }

    pub(super) fn finish_hang_up(&mut self, actions: &mut Actions) {
        if let Phase::HungUp(end) = self.phase {
            self.end_call(end, actions);
        }
    }

    pub(super) fn end_call(&mut self, end: CallEnd, actions: &mut Actions) {
        self.end(call_end(end), actions);
    }

    pub(super) fn end(&mut self, end: SessionEnd, actions: &mut Actions) {
        self.phase = Phase::Ended;
        self.stats.caller_lost_ms = self.uplink.dropped_ms();
        self.stats.frames_out = self.playback.sent_bytes() / prosaas_core::leg::FRAME_BYTES as u64;
        self.transcript.finish(actions);
        self.drop_spare(actions);
        if !self.is_without_ai() {
            self.ai = Ai::Off;
            actions.push(Action::CloseAi);
        }
        actions.push(Action::End(end));
    }
}

/// A fifth beyond the budget: its goodbye costs money too.
const fn hard_stop(budget: MicroUsd) -> MicroUsd {
    MicroUsd(budget.0.saturating_add(budget.0 / 5))
}

const fn call_end(end: CallEnd) -> SessionEnd {
    SessionEnd::Call {
        end,
        transfer_to: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hard_stop_is_a_fifth_beyond_and_never_before_the_budget() {
        assert_eq!(hard_stop(MicroUsd(1_000)), MicroUsd(1_200));
        assert_eq!(hard_stop(MicroUsd(4)), MicroUsd(4));
        assert_eq!(hard_stop(MicroUsd(i64::MAX)), MicroUsd(i64::MAX));
    }
}
