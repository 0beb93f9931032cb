//! Never dead air: a recorded line of the agent's own voice while the model keeps the caller waiting.
//!
//! Trouble is a lost leg or a failed reply while an answer is owed, or a model that stays silent although
//! one is owed. A little later the caller hears that he is to wait, and once more if trouble lasts; never
//! while he speaks himself, never twice at once, and not when the model is back before.

use prosaas_core::leg::BYTES_PER_MS;
use prosaas_core::time::CallTime;

use super::action::{Action, Actions, CallUpdate};
use super::config::Opening;
use super::ear::Ear;
use super::playback::Source;
use super::timers::Timer;
use super::{Ai, CallSession, Phase};

/// Lines in one trouble.
const MOST_LINES: u32 = 2;
/// How often it is looked again whether the caller or the agent still speaks, in milliseconds.
const LOOK_AGAIN_MS: u64 = 100;

/// A line of which no more than this is left is heard to its end before the model's words, in milliseconds: a
/// sentence that breaks off is worse than words that come a little later.
const SHORT_REST_MS: u64 = 800;

/// Whether a leg hears the caller's last turn again, since nobody wrote it down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Again {
    #[default]
    No,
    /// The next leg will.
    Due,
    /// It does just now: what it says of it is about the past.
    Now,
}

/// How far the caller was consoled.
#[derive(Debug, Default)]
pub(super) struct Hold {
    /// Something failed: the caller waits for longer than the model thinks.
    trouble: bool,
    /// The agent has said something, in any leg; recorded lines do not count.
    pub(super) has_spoken: bool,
    /// Lines spoken since the model or the caller spoke.
    lines: u32,
    /// The answer that a tool's output brings begins with an apology for a lost leg.
    pub(super) apologise: bool,
    /// Whether a leg hears the caller's last turn again.
    pub(super) again: Again,
    /// Hears the caller while the line may be due or is being heard.
    pub(super) ear: Ear,
}

impl Hold {
    /// Whether a leg hears the last turn again just now.
    pub(super) const fn is_again(&self) -> bool {
        matches!(self.again, Again::Now)
    }

    /// The turn that was heard again is over; whether there was one.
    pub(super) const fn again_is_over(&mut self) -> bool {
        let was = self.is_again();
        if was {
            self.again = Again::No;
        }
        was
    }
}

impl CallSession {
    /// The model may keep the caller waiting from now on: it is given the time it usually takes.
    pub(super) fn expect_words(&mut self, now: CallTime) {
        let after = self.config.times.patience_ms + self.config.times.hold_ms;
        self.hold_due(now.plus(after));
    }

    /// The model was asked, or is at work: it has so long to say something.
    pub(super) fn expect_reply(&mut self, now: CallTime) {
        let mut at = now.plus(self.config.times.reply_ms);
        // Nothing fills the gap before the greeting, so the caller does not wait as long for it.
        if self.greets() && self.config.hold_audio.is_empty() {
            let bar = CallTime(self.config.times.ai_ready_ms);
            at = bar.max(now.plus(self.config.times.patience_ms));
        }
        self.timers.set(Timer::Reply, at);
    }

    /// The model has begun to speak: once all of it was heard it is to go on, or to say that it has finished.
    pub(super) fn expect_more(&mut self, heard_at: CallTime) {
        let at = heard_at.plus(self.config.times.reply_ms);
        self.timers.set(Timer::Reply, at);
    }

    /// The greeting is asked for: if the model takes its time, the caller hears that somebody is there.
    pub(super) fn expect_greeting(&mut self, now: CallTime) {
        let bar = CallTime(self.config.times.ai_ready_ms);
        self.hold_due(bar.max(now));
    }

    /// Whether a model is there and has not said a word yet, although it begins the conversation.
    fn greets(&self) -> bool {
        self.ai == Ai::Ready && !self.hold.has_spoken && self.config.opening != Opening::Wait
    }

    /// Something failed: no words come for a while, and an answer is owed.
    pub(super) fn words_fail(&mut self, now: CallTime) {
        // What fails again in the same trouble makes the caller wait no longer for the line.
        if !std::mem::replace(&mut self.hold.trouble, true) {
            self.timers.stop(Timer::Hold);
            self.hold_due(now.plus(self.config.times.hold_ms));
        }
    }

    fn hold_due(&mut self, at: CallTime) {
        if !self.config.hold_audio.is_empty() && self.phase == Phase::Talking {
            self.timers.set_if_unset(Timer::Hold, at);
        }
    }

    /// The caller spoke, which is an answer to whatever he heard.
    pub(super) fn caller_took_over(&mut self) {
        self.timers.stop(Timer::Hold);
        self.hold.trouble = false;
        self.hold.lines = 0;
    }

    /// The model speaks: the rest of the line is not wanted any more.
    pub(super) fn words_came(&mut self) {
        self.timers.stop(Timer::Hold);
        self.hold.trouble = false;
        self.hold.apologise = false;
        self.hold.lines = 0;
        self.hold.again = Again::No;
        self.playback.drop_unsent_recorded(SHORT_REST_MS);
    }

    /// Whether the ear has to be lent: a line may be due, is being heard, or no model listens.
    pub(super) fn listens_itself(&self) -> bool {
        self.ai == Ai::Opening
            || self.hold.lines > 0
            || self.timers.is_set(Timer::Hold)
            || self.spare.is_some()
    }

    /// The caller speaks while no model listens, or over the line: he is not spoken over.
    pub(super) fn heard_caller(&mut self, now: CallTime, actions: &mut Actions) {
        self.last_sound = now;
        if self.hold.again_is_over() {
            self.caller_took_over();
        }
        if self.hold.lines > 0 && self.playback.only_recorded() {
            self.playback.clear(now, actions);
        }
    }

    pub(super) fn on_hold(&mut self, now: CallTime, actions: &mut Actions) {
        if !self.owes_words() || self.hold.lines >= MOST_LINES {
            return;
        }
        let times = self.config.times;
        let wait = match (self.hold.lines, self.hold.trouble) {
            (0, true) => times.hold_ms,
            (0, false) => times.patience_ms + times.hold_ms,
            _ => times.hold_again_ms,
        };
        let busy =
            self.caller_speaks_now() || self.hold.ear.speaks(now) || self.playback.outstanding(now);
        let silent_since = self.hold.ear.spoke_at().max(Some(self.last_sound));
        // Before the greeting nobody has been told that somebody is there.
        let due = if self.greets() && self.hold.lines == 0 {
            now
        } else {
            silent_since.unwrap_or(now).plus(wait)
        };
        if busy || now < due {
            let look = now.plus(LOOK_AGAIN_MS);
            let at = if busy { look } else { due };
            self.timers.set(Timer::Hold, at);
            return;
        }
        self.speak_line(now, actions);
    }

    fn speak_line(&mut self, now: CallTime, actions: &mut Actions) {
        let again = self.hold.lines > 0 && !self.config.hold_again_audio.is_empty();
        let audio = if again {
            &self.config.hold_again_audio
        } else {
            &self.config.hold_audio
        };
        let length_ms = (audio.len() / BYTES_PER_MS) as u64;
        self.playback.push(Source::Recorded, audio);
        self.playback.complete_all();
        self.hold.lines += 1;
        self.stats.hold_lines += 1;
        let again_at = length_ms + self.config.times.hold_again_ms;
        self.timers.set(Timer::Hold, now.plus(again_at));
        actions.push(Action::Update(CallUpdate::Holding { at: now }));
    }

    /// Whether the model hears the caller speak, and not what he said before it was there.
    pub(super) const fn caller_speaks_now(&self) -> bool {
        self.caller_speaking && !self.hold.is_again()
    }

    /// Whether the caller waits for words of the model.
    fn owes_words(&self) -> bool {
        let owed =
            self.answer_owed || self.tools.any_running() || self.hold.trouble || self.greets();
        let begun = self.stats.first_audio.is_some() || self.failed_replies > 0 || self.greets();
        owed && begun && self.phase == Phase::Talking && !self.is_without_ai()
    }
}
