//! The caller's side: audio, keys, marks, hanging up.

use prosaas_core::call::CallEnd;
use prosaas_core::leg::LegEvent;
use prosaas_core::time::CallTime;

use super::action::{Action, Actions, AiOrder};
use super::config::BargeIn;
use super::ear::is_loud;
use super::timers::Timer;
use super::uplink::Taken;
use super::{Ai, CallSession, Phase};

/// Keys kept of one entry; more are ignored.
const MAX_KEYS: usize = 32;

impl CallSession {
    pub(super) fn on_caller(
        &mut self,
        now: CallTime,
        event: LegEvent,
        audio: &[u8],
        actions: &mut Actions,
    ) {
        match event {
            LegEvent::Audio { timestamp_ms } => self.on_frame(now, timestamp_ms, audio, actions),
            LegEvent::Dtmf(key) => self.on_key(now, key, actions),
            LegEvent::Mark(mark) => {
                self.playback.on_mark(now, mark);
            }
            LegEvent::Malformed => self.stats.malformed_from_carrier += 1,
            LegEvent::Stopped => self.hang_up(now, CallEnd::CallerHungUp, actions),
            LegEvent::Lost => self.hang_up(now, CallEnd::LegFailed, actions),
        }
    }

    fn on_frame(
        &mut self,
        now: CallTime,
        timestamp_ms: Option<u64>,
        audio: &[u8],
        actions: &mut Actions,
    ) {
        if !matches!(self.phase, Phase::Talking | Phase::Closing(_)) {
            self.stats.out_of_place += 1;
            return;
        }
        self.stats.frames_in += 1;
        self.last_frame = now;
        let loud = is_loud(audio);
        self.voice.frame(loud);
        if loud {
            self.last_loud = Some(now);
            self.meter.caller_sounds(now);
        }
        if self.is_without_ai() {
            return;
        }
        self.confirm_barge_in(now, actions);
        if self.listens_itself() && self.hold.ear.frame(now, audio) {
            self.heard_caller(now, actions);
        }
        match self.uplink.frame(timestamp_ms, audio, actions) {
            Taken::Whole => {}
            Taken::AfterGap(ms) => self.put_silence(ms),
            Taken::Late => self.stats.frames_late += 1,
        }
    }

    /// Speech that the model reported stops the agent once it is a voice.
    fn confirm_barge_in(&mut self, now: CallTime, actions: &mut Actions) {
        if self.timers.is_set(Timer::BargeIn)
            && let BargeIn::AfterMs(ms) = self.config.barge_in
            && self.voice.speaks_for(ms)
        {
            self.timers.stop(Timer::BargeIn);
            self.interrupt(now, actions);
        }
    }

    fn put_silence(&mut self, ms: u64) {
        self.stats.gap_ms += ms;
        self.meter.gaps += 1;
    }

    /// The caller is speaking, as the model has it. Where frames stop, it needs silence to notice the end; where it does
    /// not notice although there is silence, it hears nothing any more.
    pub(super) fn on_stall(&mut self, now: CallTime, actions: &mut Actions) {
        if !self.caller_speaking {
            return;
        }
        let times = self.config.times;
        let unnoticed = times.reply_ms + times.patience_ms;
        let deaf_at = self.quiet_since().map(|since| since.plus(unnoticed));
        if deaf_at.is_some_and(|at| now >= at) {
            self.on_ai_lost(now, false, actions);
            return;
        }
        let stops_at = self.last_frame.plus(times.stall_ms);
        let look = if now < stops_at {
            stops_at
        } else {
            self.uplink.silence(1_000, actions);
            self.put_silence(1_000);
            now.plus(unnoticed)
        };
        let at = deaf_at.map_or(look, |at| at.min(look));
        self.timers.set(Timer::Stall, at);
    }

    /// Since when the caller has been quiet who was loud when he began to speak; nothing on a line that is too quiet
    /// for our own ear.
    fn quiet_since(&self) -> Option<CallTime> {
        let loud = self.last_loud?;
        let began = self.speech_began?;
        (loud >= began).then_some(loud)
    }

    fn on_key(&mut self, now: CallTime, key: char, actions: &mut Actions) {
        if self.phase != Phase::Talking {
            return;
        }
        self.last_sound = now;
        if self.keys.len() < MAX_KEYS {
            self.keys.push(key);
        }
        if key == '#' {
            self.keys_entered(now, actions);
        } else {
            self.timers
                .set(Timer::Dtmf, now.plus(self.config.times.dtmf_gap_ms));
        }
    }

    /// The keys pressed become a turn of the caller. Keys are not a kind of input the model hears.
    pub(super) fn keys_entered(&mut self, now: CallTime, actions: &mut Actions) {
        self.timers.stop(Timer::Dtmf);
        if self.keys.is_empty() {
            return;
        }
        if self.ai != Ai::Ready {
            // Kept until the model can be told.
            self.timers
                .set(Timer::Dtmf, now.plus(self.config.times.dtmf_gap_ms));
            return;
        }
        let keys = std::mem::take(&mut self.keys);
        self.transcript.caller_did(now, format!("[keys: {keys}]"));
        let note = format!("The caller pressed these keys: {keys}");
        actions.push(Action::Ai(AiOrder::CallerNote(note)));
        self.turns.want(None);
    }
}
