//! What the session measured, for the verdict on its call.

use prosaas_core::quality::QualityFigures;
use prosaas_core::time::CallTime;
use prosaas_core::transcript::Speaker;

use super::meter::Stretch;
use super::{Ai, CallSession, Phase};
use crate::verdict::{Figures, count_letters};

impl CallSession {
    /// What was measured so far.
    pub fn figures(&self) -> Figures {
        let meter = &self.meter;
        let (dead_air_longest_ms, dead_air_total_ms) = meter.silence_ms();
        let (underruns, underrun_ms) = self.playback.underruns();
        let mut counted = QualityFigures {
            duration_ms: meter.duration_ms(),
            first_word_ms: self.stats.first_audio.map(|at| at.since(meter.began())),
            dead_air_longest_ms,
            dead_air_total_ms,
            overlap_ms: meter.overlap_ms,
            agent_ms: meter.agent_ms,
            caller_ms: meter.caller_ms,
            replies: meter.replies,
            cut_replies: meter.cut_replies,
            cut_ms: meter.cut_ms(),
            underruns,
            underrun_ms,
            gaps: meter.gaps,
            gap_ms: self.stats.gap_ms,
            answer_max_ms: meter.slowest_answer_ms,
            spoke_fallback: self.spoke_fallback(),
            ..QualityFigures::default()
        };
        for line in self.transcript() {
            let letters = match line.speaker {
                Speaker::Caller => &mut counted.caller_letters,
                Speaker::Agent => &mut counted.agent_letters,
            };
            count_letters(&line.text, letters);
        }
        Figures::new(counted, meter.answers_ms.clone())
    }

    /// Counts the time since the event before, in the state that it left.
    pub(super) fn measure(&mut self, now: CallTime) {
        if !matches!(self.phase, Phase::Talking | Phase::Closing(_)) {
            return;
        }
        let unheard = self.ai == Ai::Opening && self.hold.ear.speaks(now);
        let stretch = Stretch {
            audible_until: self.playback.audible_until(),
            caller_speaks: self.caller_speaks_now() || unheard,
            owed: self.keeps_waiting(),
        };
        self.meter.pass(now, stretch);
    }

    /// Whether the caller waits for words, once he has heard any.
    fn keeps_waiting(&self) -> bool {
        self.stats.first_audio.is_some()
            && !self.is_without_ai()
            && (self.answer_owed || self.turns.is_busy() || self.tools.any_running())
    }
}
