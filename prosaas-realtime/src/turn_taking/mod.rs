//! Whether a caller has finished, judged by what was written down of his turn and by times: a policy for Hebrew, with
//! what it needs of the languages that callers switch to.
//!
//! A voice model ends a turn when it is silent for half a second. People who dictate a phone number in pairs, look for
//! a word ("אממ") or ask for a moment ("רגע") are silent for longer and are not done. [`decide`] tells them apart from
//! those who are, and somebody who only agrees while the agent speaks from somebody who interrupts it.
//! [`LanguageOfCall`] notices that the caller has switched to another language.
//!
//! All of it is values in, values out: no clock, no model, no state but [`LanguageOfCall`]. It judges text, so it is as
//! good as what was written down. How good its decisions are is measured over `testdata/turns`; see
//! `docs/TURN_TAKING.md`.

mod expected;
mod language;
mod lists;
mod numbers;
mod rules;
#[cfg(test)]
mod tests;
mod words;

use serde::{Deserialize, Serialize};

pub use expected::Expected;
pub use language::{LanguageOfCall, Spoken};

use words::Words;

/// Nobody is waited for longer than this, in milliseconds.
pub const LONGEST_WAIT_MS: u64 = 1_500;

/// The caller's turn as it stands when he falls silent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallerTurn<'a> {
    /// What was written down since the agent spoke last, all pieces of it.
    pub text: &'a str,
    /// How long the caller has been silent since the end of his speech was noticed, in milliseconds.
    pub silent_ms: u64,
    /// How long the last piece of it was, in milliseconds.
    pub turn_ms: u64,
    /// What the agent asked for.
    pub expected: Expected,
    /// The agent speaks all the while: nothing was cleared.
    pub over_agent: bool,
}

/// What to do about a caller who fell silent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// He has finished: he is answered now.
    Answer,
    /// He has not: he gets this much more time, and is answered then.
    Wait {
        /// In milliseconds, from now on; [`LONGEST_WAIT_MS`] at most.
        ms: u64,
        /// What is missing.
        why: Unfinished,
    },
    /// He listens and agrees, or coughed: the agent goes on, and nothing is answered.
    BackChannel,
}

/// Why a caller is taken not to have finished.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unfinished {
    /// He asked for a moment.
    AskedForTime,
    /// He looks for a word.
    Filler,
    /// A number misses digits.
    Number,
    /// An address misses its number.
    Address,
    /// No sentence ends with his last word.
    Conjunction,
    /// His voice stayed up, as whoever wrote it down heard it.
    TrailsOff,
}

impl Unfinished {
    /// How long such a caller is waited for, from when he fell silent, in milliseconds.
    const fn wait_ms(self) -> u64 {
        match self {
            Self::AskedForTime | Self::Number => LONGEST_WAIT_MS,
            Self::Filler | Self::Address => 1_200,
            Self::Conjunction => 1_000,
            Self::TrailsOff => 900,
        }
    }
}

/// Decides about a caller who fell silent.
pub fn decide(turn: &CallerTurn<'_>) -> Decision {
    let words = Words::of(turn.text);
    if turn.over_agent && rules::only_listens(&words, turn.turn_ms) {
        return Decision::BackChannel;
    }
    let Some(why) = rules::unfinished(&words, turn.expected) else {
        return Decision::Answer;
    };
    match why.wait_ms().saturating_sub(turn.silent_ms) {
        0 => Decision::Answer,
        ms => Decision::Wait { ms, why },
    }
}
