//! How well a call went, as the API shows it.

use prosaas_core::{CallQuality, QualityReason, Verdict};
use serde::Serialize;
use utoipa::ToSchema;

/// How well a call went, as far as it can be measured.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CallQuality)]
pub(crate) struct CallQualityView {
    /// In one word: `good`, `fair` or `poor`.
    #[schema(value_type = String, example = "fair")]
    verdict: Verdict,
    /// Why it is not good: `late_first_word`, `never_spoke`, `model_lost`, `dead_air`, `slow_answers`, `overlap`,
    /// `cut_words`, `broken_voice`, `broken_line`, `wrong_language`. Later versions may know more.
    #[schema(value_type = Vec<String>, example = json!(["dead_air"]))]
    reasons: Vec<QualityReason>,
    /// How long the call was measured.
    duration_ms: u64,
    /// From the beginning of the sound to the agent's first word; null when it never spoke.
    first_word_ms: Option<u64>,
    /// The longest silence in which the caller waited for the agent.
    dead_air_longest_ms: u64,
    /// All such silences together, the usual moment before an answer included.
    dead_air_total_ms: u64,
    /// How long both spoke at the same time.
    overlap_ms: u64,
    /// How long the agent was heard.
    agent_ms: u64,
    /// How long the caller spoke.
    caller_ms: u64,
    /// How long the agent was heard for every 100 ms that the caller spoke; null when he did not.
    talk_ratio_percent: Option<u64>,
    /// How often the caller cut the agent short.
    cut_replies: u64,
    /// How much the agent would have gone on saying then.
    cut_ms: u64,
    /// How often the agent's voice broke off because its sound came late.
    underruns: u64,
    /// How long it was gone then, together.
    underrun_ms: u64,
    /// How often the caller's sound had a gap.
    gaps: u64,
    /// How long it was gone then, together.
    gap_ms: u64,
    /// How many turns of the caller were answered.
    answers: u64,
    /// How long an answer usually took: the median.
    answer_p50_ms: Option<u64>,
    /// How long the slowest answer took.
    answer_max_ms: Option<u64>,
}

impl From<CallQuality> for CallQualityView {
    fn from(quality: CallQuality) -> Self {
        let figures = quality.figures;
        Self {
            verdict: quality.verdict,
            reasons: quality.reasons,
            duration_ms: figures.duration_ms,
            first_word_ms: figures.first_word_ms,
            dead_air_longest_ms: figures.dead_air_longest_ms,
            dead_air_total_ms: figures.dead_air_total_ms,
            overlap_ms: figures.overlap_ms,
            agent_ms: figures.agent_ms,
            caller_ms: figures.caller_ms,
            talk_ratio_percent: figures.talk_ratio_percent(),
            cut_replies: figures.cut_replies,
            cut_ms: figures.cut_ms,
            underruns: figures.underruns,
            underrun_ms: figures.underrun_ms,
            gaps: figures.gaps,
            gap_ms: figures.gap_ms,
            answers: figures.answers,
            answer_p50_ms: figures.answer_p50_ms,
            answer_max_ms: figures.answer_max_ms,
        }
    }
}
