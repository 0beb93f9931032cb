//! The caller's voice: which 160 bytes are sent in which 20 ms.

use std::collections::VecDeque;

use prosaas_core::leg::{FRAME_BYTES, FRAME_MS, SILENCE};

use super::script::{CallScript, HangUp, KeyPress, Utterance, When};

/// What the caller knows about the agent at the moment of a frame.
#[derive(Clone, Copy, Debug)]
pub(super) struct AgentState {
    /// When the agent's current or last speech began and ended (or `now_ms` while it goes on).
    pub(super) last_speech: Option<(u64, u64)>,
    pub(super) speaking: bool,
}

/// What a frame brings besides audio.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CallerTurn {
    /// Utterance number so-and-so begins in this frame.
    Begins(usize),
    /// It ended before this frame.
    Ended(usize),
}

/// Pure: the agent's state comes in, frames come out.
#[derive(Debug)]
pub(super) struct Caller {
    waiting: VecDeque<Utterance>,
    keys: VecDeque<KeyPress>,
    hang_up: HangUp,
    saying: Option<Vec<u8>>,
    at: usize,
    begun: usize,
    /// When the last utterance ended (0: nothing was said yet).
    last_end_ms: u64,
    /// When the first stream began.
    origin_ms: Option<u64>,
}

impl Caller {
    pub(super) fn new(script: &CallScript) -> Self {
        Self {
            waiting: script.utterances.iter().cloned().collect(),
            keys: script.keys.iter().copied().collect(),
            hang_up: script.hang_up,
            saying: None,
            at: 0,
            begun: 0,
            last_end_ms: 0,
            origin_ms: None,
        }
    }

    /// A stream began; times in the script count from the first one.
    pub(super) fn stream_began(&mut self, now_ms: u64) {
        self.origin_ms.get_or_insert(now_ms);
    }

    /// The next frame, at the moment it begins.
    pub(super) fn frame(
        &mut self,
        now_ms: u64,
        agent: AgentState,
        frame: &mut [u8; FRAME_BYTES],
    ) -> Option<CallerTurn> {
        frame.fill(SILENCE);
        let mut turn = None;
        if self
            .saying
            .as_ref()
            .is_some_and(|audio| self.at >= audio.len())
        {
            self.saying = None;
            self.last_end_ms = now_ms;
            turn = Some(CallerTurn::Ended(self.begun - 1));
        }
        if self.saying.is_none()
            && turn.is_none()
            && self
                .waiting
                .front()
                .is_some_and(|next| self.is_due(next.when, now_ms, agent))
        {
            self.saying = self.waiting.pop_front().map(|next| next.audio);
            self.at = 0;
            turn = Some(CallerTurn::Begins(self.begun));
            self.begun += 1;
        }
        if let Some(audio) = &self.saying {
            let rest = &audio[self.at.min(audio.len())..];
            let taken = rest.len().min(FRAME_BYTES);
            frame[..taken].copy_from_slice(&rest[..taken]);
            self.at += FRAME_BYTES;
        }
        turn
    }

    /// A key that is due.
    pub(super) fn key(&mut self, now_ms: u64) -> Option<char> {
        let due = self
            .keys
            .front()
            .is_some_and(|next| self.since_origin(now_ms) >= next.at_ms);
        if due {
            self.keys.pop_front().map(|next| next.key)
        } else {
            None
        }
    }

    /// Whether the caller hangs up now.
    pub(super) fn hangs_up(&self, now_ms: u64, agent: AgentState) -> bool {
        match self.hang_up {
            HangUp::At(at_ms) => self.since_origin(now_ms) >= at_ms,
            HangUp::WhenDone { silent_ms } => {
                self.waiting.is_empty()
                    && self.saying.is_none()
                    && self.is_due(When::AgentSilent(silent_ms), now_ms, agent)
            }
            HangUp::Never => false,
        }
    }

    /// The message for a `<Record>`: the next thing the caller would have said.
    pub(super) fn message(&mut self, now_ms: u64) -> Option<Vec<u8>> {
        let message = self
            .saying
            .take()
            .or_else(|| Some(self.waiting.pop_front()?.audio))?;
        self.last_end_ms = now_ms + message.len().div_ceil(FRAME_BYTES) as u64 * FRAME_MS;
        Some(message)
    }

    fn since_origin(&self, now_ms: u64) -> u64 {
        self.origin_ms
            .map_or(0, |origin| now_ms.saturating_sub(origin))
    }

    fn is_due(&self, when: When, now_ms: u64, agent: AgentState) -> bool {
        // Speech that was over before the last utterance ended was not an answer to it.
        let answer = agent
            .last_speech
            .filter(|(_, end)| self.last_end_ms == 0 || *end > self.last_end_ms);
        match when {
            When::At(at_ms) => self.since_origin(now_ms) >= at_ms,
            When::AfterPrevious(ms) => now_ms >= self.last_end_ms + ms,
            When::AgentSilent(ms) => {
                !agent.speaking && answer.is_some_and(|(_, end)| now_ms >= end + ms)
            }
            When::AgentSpeaking(ms) => {
                agent.speaking
                    && answer.is_some_and(|(start, _)| now_ms >= start.max(self.last_end_ms) + ms)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUIET: AgentState = AgentState {
        last_speech: None,
        speaking: false,
    };

    fn speaking(since: u64, now: u64) -> AgentState {
        AgentState {
            last_speech: Some((since, now)),
            speaking: true,
        }
    }

    fn spoke(start: u64, end: u64) -> AgentState {
        AgentState {
            last_speech: Some((start, end)),
            speaking: false,
        }
    }

    fn caller(when: When) -> Caller {
        let mut script = CallScript::listening().then(when, vec![1; 200]);
        script.hang_up = HangUp::WhenDone { silent_ms: 300 };
        let mut caller = Caller::new(&script);
        caller.stream_began(1000);
        caller
    }

    #[test]
    fn an_utterance_is_cut_into_frames_and_filled_up() {
        let mut caller = caller(When::At(40));
        let mut frame = [0; FRAME_BYTES];
        assert_eq!(caller.frame(1020, QUIET, &mut frame), None);
        assert_eq!(frame, [SILENCE; FRAME_BYTES]);
        assert_eq!(
            caller.frame(1040, QUIET, &mut frame),
            Some(CallerTurn::Begins(0))
        );
        assert_eq!(frame, [1; FRAME_BYTES]);
        assert_eq!(caller.frame(1060, QUIET, &mut frame), None);
        assert_eq!((frame[39], frame[40]), (1, SILENCE));
        assert_eq!(
            caller.frame(1080, QUIET, &mut frame),
            Some(CallerTurn::Ended(0))
        );
    }

    #[test]
    fn waits_for_the_agent_or_interrupts() {
        let mut frame = [0; FRAME_BYTES];
        let mut polite = caller(When::AgentSilent(500));
        assert_eq!(polite.frame(3000, QUIET, &mut frame), None);
        assert_eq!(polite.frame(3000, speaking(2000, 3000), &mut frame), None);
        assert_eq!(polite.frame(3400, spoke(2000, 3000), &mut frame), None);
        assert_eq!(
            polite.frame(3500, spoke(2000, 3000), &mut frame),
            Some(CallerTurn::Begins(0))
        );

        let mut rude = caller(When::AgentSpeaking(200));
        assert_eq!(rude.frame(2100, speaking(2000, 2100), &mut frame), None);
        assert_eq!(
            rude.frame(2200, speaking(2000, 2200), &mut frame),
            Some(CallerTurn::Begins(0))
        );
    }

    #[test]
    fn hangs_up_after_the_answer_to_the_last_utterance() {
        let mut frame = [0; FRAME_BYTES];
        let mut caller = caller(When::At(0));
        for at in [1000, 1020, 1040] {
            caller.frame(at, spoke(500, 900), &mut frame);
        }
        assert!(
            !caller.hangs_up(9000, spoke(500, 900)),
            "nothing was answered yet"
        );
        assert!(!caller.hangs_up(2200, spoke(1500, 2000)));
        assert!(caller.hangs_up(2300, spoke(1500, 2000)));
    }
}
