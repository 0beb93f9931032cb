//! How well a call went, as far as it can be measured without understanding a word of it.

use serde::{Deserialize, Serialize};

use crate::error::Error;

/// How well a call went for whoever was on the phone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Nothing stood in the way of the conversation.
    Good,
    /// Something was noticeable.
    Fair,
    /// Something made the conversation hard.
    Poor,
}

impl Verdict {
    /// Every verdict, the best first.
    pub const ALL: [Self; 3] = [Self::Good, Self::Fair, Self::Poor];

    /// The word stored and printed.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Fair => "fair",
            Self::Poor => "poor",
        }
    }
}

impl std::str::FromStr for Verdict {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self, Error> {
        Self::ALL
            .into_iter()
            .find(|verdict| verdict.as_str() == text)
            .ok_or_else(|| Error::invalid("verdict", "expected `good`, `fair` or `poor`"))
    }
}

/// Why a call is not called good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QualityReason {
    /// The agent's first word came late.
    LateFirstWord,
    /// The agent never spoke.
    NeverSpoke,
    /// The model was out of reach; the caller heard the recorded sentence.
    ModelLost,
    /// The caller waited in silence for words that were owed to him.
    DeadAir,
    /// Answers usually took long.
    SlowAnswers,
    /// Both spoke at the same time for long.
    Overlap,
    /// The caller cut most of what the agent said short.
    CutWords,
    /// The agent's voice broke off in the middle of a reply, because its audio did not come in time.
    BrokenVoice,
    /// The caller's voice had gaps on its way to us.
    BrokenLine,
    /// The agent mostly spoke another language than the caller.
    WrongLanguage,
}

impl QualityReason {
    /// Every reason, in the order in which they are given.
    pub const ALL: [Self; 10] = [
        Self::LateFirstWord,
        Self::NeverSpoke,
        Self::ModelLost,
        Self::DeadAir,
        Self::SlowAnswers,
        Self::Overlap,
        Self::CutWords,
        Self::BrokenVoice,
        Self::BrokenLine,
        Self::WrongLanguage,
    ];

    /// The word stored and printed.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::LateFirstWord => "late_first_word",
            Self::NeverSpoke => "never_spoke",
            Self::ModelLost => "model_lost",
            Self::DeadAir => "dead_air",
            Self::SlowAnswers => "slow_answers",
            Self::Overlap => "overlap",
            Self::CutWords => "cut_words",
            Self::BrokenVoice => "broken_voice",
            Self::BrokenLine => "broken_line",
            Self::WrongLanguage => "wrong_language",
        }
    }
}

/// Letters that were said, as they were written down, by script.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Letters {
    /// Hebrew ones.
    pub hebrew: u64,
    /// Latin ones.
    pub latin: u64,
    /// Cyrillic ones.
    pub cyrillic: u64,
    /// Arabic ones.
    pub arabic: u64,
    /// Those of every other script.
    pub other: u64,
}

/// What was measured in a call. Times and durations are milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct QualityFigures {
    /// From the beginning of the stream until the caller hung up, or the call was over for us.
    pub duration_ms: u64,
    /// From the beginning of the stream until the first agent audio was sent; `None` when none was.
    pub first_word_ms: Option<u64>,
    /// The longest silence in which the caller waited for words that were owed to him.
    pub dead_air_longest_ms: u64,
    /// All such silences together, the usual moment before an answer included.
    pub dead_air_total_ms: u64,
    /// How long both spoke at the same time.
    pub overlap_ms: u64,
    /// How long the agent was heard.
    pub agent_ms: u64,
    /// How long the caller spoke.
    pub caller_ms: u64,
    /// Replies of the agent that could be heard.
    pub replies: u64,
    /// How often the caller cut a reply short.
    pub cut_replies: u64,
    /// Agent audio that was there and that the caller did not hear because he spoke.
    pub cut_ms: u64,
    /// How often playing ran dry in the middle of a reply.
    pub underruns: u64,
    /// How long those gaps were together.
    pub underrun_ms: u64,
    /// How often silence was put into the caller's audio because frames were missing.
    pub gaps: u64,
    /// How much silence that was.
    pub gap_ms: u64,
    /// Turns of the caller that were answered.
    pub answers: u64,
    /// How long an answer usually took: the median, from the caller's last sound to the agent's first.
    pub answer_p50_ms: Option<u64>,
    /// How long the slowest answer took.
    pub answer_max_ms: Option<u64>,
    /// The letters of the caller's lines.
    pub caller_letters: Letters,
    /// The letters of the agent's lines.
    pub agent_letters: Letters,
    /// Whether the caller heard the recorded sentence instead of the model.
    pub spoke_fallback: bool,
}

impl QualityFigures {
    /// How long the agent was heard for every 100 ms that the caller spoke; `None` when he did not.
    pub fn talk_ratio_percent(&self) -> Option<u64> {
        self.agent_ms
            .saturating_mul(100)
            .checked_div(self.caller_ms)
    }
}

/// How well a call went, and why it is said to have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallQuality {
    /// In one word.
    pub verdict: Verdict,
    /// Why it is not good, in the order of [`QualityReason::ALL`]; empty when it is.
    pub reasons: Vec<QualityReason>,
    /// What was measured.
    pub figures: QualityFigures,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_those_of_json_and_parse_back() {
        for verdict in Verdict::ALL {
            assert_eq!(verdict.as_str().parse::<Verdict>().unwrap(), verdict);
            let json = serde_json::to_string(&verdict).unwrap();
            assert_eq!(json, format!("\"{}\"", verdict.as_str()));
        }
        for reason in QualityReason::ALL {
            let json = serde_json::to_string(&reason).unwrap();
            assert_eq!(json, format!("\"{}\"", reason.as_str()));
        }
        assert!(Verdict::Good < Verdict::Poor && QualityReason::ALL.is_sorted());
        assert!("bad".parse::<Verdict>().is_err());
    }

    #[test]
    fn figures_of_an_earlier_version_are_read() {
        let read: QualityFigures =
            serde_json::from_str("{\"agent_ms\":300,\"caller_ms\":200}").unwrap();
        assert_eq!(read.talk_ratio_percent(), Some(150));
        assert_eq!(QualityFigures::default().talk_ratio_percent(), None);
    }
}
