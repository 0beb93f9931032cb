//! Who has the floor, where the session decides that and not the model: a caller who has not finished is waited for,
//! and one who only agrees is not answered.
//!
//! The model says when the caller falls silent. Then the text of his turn is waited for, for a moment, and judged by
//! [`crate::turn_taking`]. Every wait is bounded and ends with the answer.

use prosaas_core::leg::{ItemId, ReplyId};
use prosaas_core::time::CallTime;

use super::action::Actions;
use super::timers::Timer;
use super::{CallSession, Phase};
use crate::turn_taking::{CallerTurn, Decision, Expected, LanguageOfCall, decide};

/// So often one turn is waited for: a phone number in pairs has four pauses.
const MOST_WAITS: u32 = 6;
/// So much of the end of a turn is kept, in bytes.
const MOST_TEXT: usize = 4 * 1024;
/// How often it is looked again whether the agent still speaks, in milliseconds.
const LOOK_AGAIN_MS: u64 = 200;

/// The caller's turn.
#[derive(Debug, Default)]
pub(super) struct Floor {
    /// The caller fell silent and is not answered yet.
    pause: Option<Pause>,
    /// What was written down of the turn.
    text: String,
    /// How often he was waited for.
    waits: u32,
    /// The pieces of the turn: texts of earlier ones that come late say nothing of it.
    first: Option<ItemId>,
    last: Option<ItemId>,
    /// The text of the latest piece has come.
    told: bool,
    language: Option<LanguageOfCall>,
}

/// A caller who fell silent.
#[derive(Clone, Copy, Debug)]
struct Pause {
    since: CallTime,
    /// How long he had spoken, in milliseconds.
    spoke_ms: u64,
}

impl Floor {
    fn add(&mut self, text: &str) {
        if !self.text.is_empty() {
            self.text.push(' ');
        }
        self.text.push_str(text.trim());
        let over = self.text.len().saturating_sub(MOST_TEXT);
        let from = self.text.ceil_char_boundary(over);
        self.text.drain(..from);
    }

    /// The turn is over.
    fn close(&mut self) {
        self.pause = None;
        self.first = None;
        self.text.clear();
        self.waits = 0;
    }
}

impl CallSession {
    /// The caller speaks, or goes on.
    pub(super) fn caller_goes_on(&mut self) {
        self.timers.stop(Timer::TurnEnd);
        self.floor.pause = None;
    }

    /// The caller fell silent: what he said is waited for so long.
    pub(super) fn caller_pauses(&mut self, now: CallTime, text_ms: u64) {
        let began = self.speech_began.unwrap_or(now);
        self.floor.pause = Some(Pause {
            since: now,
            spoke_ms: now.since(began),
        });
        self.floor.told = false;
        // What was said over the agent may be no more than agreement.
        self.answer_owed |= !self.playback.outstanding(now);
        self.timers.set(Timer::TurnEnd, now.plus(text_ms));
    }

    /// What the caller said has a name, by which its text will come.
    pub(super) fn turn_is_named(&mut self, item: ItemId) {
        let floor = &mut self.floor;
        if self.config.turn_taking.is_some() && floor.last.is_none_or(|last| item > last) {
            floor.first.get_or_insert(item);
            floor.last = Some(item);
            floor.told = false;
        }
    }

    /// What the caller said was written down.
    pub(super) fn turn_is_told(
        &mut self,
        now: CallTime,
        item: ItemId,
        text: &str,
        actions: &mut Actions,
    ) {
        let floor = &mut self.floor;
        if floor.first.is_none_or(|first| item < first) {
            return;
        }
        floor.add(text);
        if floor.last == Some(item) {
            floor.told = true;
            self.judge_turn(now, actions);
        }
    }

    /// The caller was waited for long enough, or the text of his turn was.
    pub(super) fn on_turn_end(&mut self, now: CallTime, actions: &mut Actions) {
        if self.floor.pause.is_none() || self.phase != Phase::Talking {
            return;
        }
        if !self.floor.told && self.playback.outstanding(now) {
            // The agent speaks: there is time to see whether it is meant to stop.
            self.timers.set(Timer::TurnEnd, now.plus(LOOK_AGAIN_MS));
        } else {
            self.answer_turn(now, actions);
        }
    }

    /// A reply is on its way that answers whatever the caller has said.
    pub(super) fn turn_is_answered(&mut self) {
        if self.floor.pause.is_some() {
            self.timers.stop(Timer::TurnEnd);
            self.floor.close();
        }
    }

    /// A reply begins. One that nobody asked for answers the caller by itself; and none is spoken over a caller who
    /// went on meanwhile.
    pub(super) fn reply_begins(&mut self, now: CallTime, reply: ReplyId, actions: &mut Actions) {
        if !self.turns.is_asked() {
            self.turn_is_answered();
        }
        self.turns.on_started(reply);
        let unsure = self.timers.is_set(Timer::BargeIn);
        if self.config.turn_taking.is_some() && self.caller_speaking && !unsure {
            self.interrupt(now, actions);
        }
    }

    /// The leg that heard the caller is gone: the next one asks for what is owed.
    pub(super) fn floor_lost(&mut self) {
        self.timers.stop(Timer::TurnEnd);
        self.floor = Floor {
            language: self.floor.language,
            ..Floor::default()
        };
    }

    /// Whether a turn of the caller waits for its answer although a reply has ended.
    pub(super) const fn owes_turn(&self) -> bool {
        self.config.turn_taking.is_some() && (self.floor.pause.is_some() || self.turns.is_busy())
    }

    fn judge_turn(&mut self, now: CallTime, actions: &mut Actions) {
        let Some(pause) = self.floor.pause else {
            return;
        };
        if self.phase != Phase::Talking {
            return;
        }
        let over_agent = self.playback.outstanding(now);
        let decision = decide(&CallerTurn {
            text: &self.floor.text,
            silent_ms: now.since(pause.since),
            turn_ms: pause.spoke_ms,
            expected: Expected::after(self.transcript.agents_last_words()),
            over_agent,
        });
        match decision {
            Decision::BackChannel => {
                self.stats.back_channels += 1;
                self.turn_is_answered();
                self.answer_owed = self.owes_turn();
            }
            Decision::Wait { ms, .. } if self.floor.waits < MOST_WAITS => {
                self.stats.waits += 1;
                self.floor.waits += 1;
                if over_agent {
                    self.interrupt(now, actions);
                }
                self.answer_owed = true;
                self.timers.set(Timer::TurnEnd, now.plus(ms));
            }
            Decision::Wait { .. } | Decision::Answer => self.answer_turn(now, actions),
        }
    }

    /// The caller has finished. An agent that still speaks has not been heard out, and stops.
    fn answer_turn(&mut self, now: CallTime, actions: &mut Actions) {
        if self.playback.outstanding(now) {
            self.interrupt(now, actions);
        }
        self.follow_language(actions);
        self.turn_is_answered();
        self.turns.want(None);
        self.answer_owed = true;
        self.expect_words(now);
    }

    /// Tells the model when the caller has gone over to another language.
    fn follow_language(&mut self, actions: &mut Actions) {
        let Some(turn_taking) = self.config.turn_taking else {
            return;
        };
        let floor = &mut self.floor;
        let call = floor
            .language
            .get_or_insert(LanguageOfCall::new(turn_taking.language));
        if let Some(language) = call.hear(&floor.text) {
            let name = language.name();
            let note = format!("The caller speaks {name} now. Go on in {name}.");
            self.note_to_model(note, actions);
        }
    }
}
