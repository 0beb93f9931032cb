//! The carrier's playout buffer: plays 8 bytes a millisecond, returns marks, forgets on `clear`.

use std::collections::VecDeque;

use prosaas_core::leg::{BYTES_PER_MS, SILENCE};

use super::Span;

/// More than this is not kept: ten minutes. Twilio's own limit is not documented.
const MAX_BUFFER_BYTES: usize = 600_000 * BYTES_PER_MS;

/// A silence no longer than this stands between two words, not between two things said.
const WORD_PAUSE_MS: u64 = 400;

/// Pure: time comes in, audio and marks come out.
#[derive(Debug, Default)]
pub(super) struct Playout {
    queue: VecDeque<u8>,
    /// Each mark with the number of bytes accepted before it.
    marks: VecDeque<(u64, String)>,
    accepted: u64,
    passed: u64,
    /// What was heard since the call began, silence included.
    heard: Vec<u8>,
    spans: Vec<Span>,
}

impl Playout {
    /// Plays up to this time. Marks that come due are appended to `returned`.
    pub(super) fn advance(&mut self, to_ms: u64, returned: &mut Vec<String>) {
        let target = to_ms as usize * BYTES_PER_MS;
        let due = target.saturating_sub(self.heard.len());
        let playing = due.min(self.queue.len());
        if playing > 0 {
            let begin = self.heard.len();
            self.heard.extend(self.queue.drain(..playing));
            self.passed += playing as u64;
            self.extend_span(begin);
        }
        if target > self.heard.len() {
            self.heard.resize(target, SILENCE);
        }
        while self
            .marks
            .front()
            .is_some_and(|(position, _)| *position <= self.passed)
        {
            returned.extend(self.marks.pop_front().map(|(_, name)| name));
        }
    }

    /// Queues audio; `false` when the buffer is full and it was dropped.
    pub(super) fn push(&mut self, audio: &[u8]) -> bool {
        if self.queue.len() + audio.len() > MAX_BUFFER_BYTES {
            return false;
        }
        self.queue.extend(audio);
        self.accepted += audio.len() as u64;
        true
    }

    /// Returned once all that was queued so far has been played.
    pub(super) fn push_mark(&mut self, name: String) {
        self.marks.push_back((self.accepted, name));
    }

    /// Forgets the queue; all pending marks come back. Returns the milliseconds dropped.
    pub(super) fn clear(&mut self, returned: &mut Vec<String>) -> u64 {
        let dropped = self.queue.len();
        self.queue.clear();
        self.passed = self.accepted;
        returned.extend(self.marks.drain(..).map(|(_, name)| name));
        (dropped / BYTES_PER_MS) as u64
    }

    /// Forgets everything pending, without returning marks: the stream is gone.
    pub(super) fn abandon(&mut self) {
        self.clear(&mut Vec::new());
    }

    /// Whether something is being heard at this moment.
    pub(super) fn is_speaking(&self) -> bool {
        let now_ms = (self.heard.len() / BYTES_PER_MS) as u64;
        !self.queue.is_empty() && self.spans.last().is_some_and(|span| span.end_ms >= now_ms)
    }

    /// The agent's current or last speech; pauses between words belong to it.
    pub(super) fn last_speech(&self) -> Option<Span> {
        let mut earlier = self.spans.iter().rev();
        let mut speech = *earlier.next()?;
        for span in earlier {
            if speech.start_ms - span.end_ms > WORD_PAUSE_MS {
                break;
            }
            speech.start_ms = span.start_ms;
        }
        Some(speech)
    }

    pub(super) fn heard(&self) -> &[u8] {
        &self.heard
    }

    pub(super) fn into_parts(self) -> (Vec<u8>, Vec<Span>) {
        (self.heard, self.spans)
    }

    /// Notes that something was heard from this byte on, unless it was silence.
    fn extend_span(&mut self, begin: usize) {
        if self.heard[begin..].iter().all(|byte| *byte == SILENCE) {
            return;
        }
        let start_ms = (begin / BYTES_PER_MS) as u64;
        let end_ms = self.heard.len().div_ceil(BYTES_PER_MS) as u64;
        match self.spans.last_mut() {
            Some(last) if last.end_ms >= start_ms => last.end_ms = end_ms,
            _ => self.spans.push(Span { start_ms, end_ms }),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn marks_come_back_when_what_was_before_them_was_played() {
        let mut playout = Playout::default();
        let mut returned = Vec::new();
        playout.advance(100, &mut returned);
        assert!(playout.push(&[1; 160]));
        playout.push_mark("a".into());
        assert!(playout.push(&[2; 160]));
        playout.push_mark("b".into());
        playout.advance(119, &mut returned);
        assert!(returned.is_empty());
        playout.advance(120, &mut returned);
        assert_eq!(returned, ["a"]);
        playout.advance(150, &mut returned);
        assert_eq!(returned, ["a", "b"]);
        let (heard, spans) = playout.into_parts();
        assert_eq!(
            spans,
            [Span {
                start_ms: 100,
                end_ms: 140
            }]
        );
        assert_eq!(heard.len(), 150 * 8);
        assert_eq!(
            (heard[799], heard[800], heard[960], heard[1120]),
            (SILENCE, 1, 2, SILENCE)
        );
    }

    #[test]
    fn clear_drops_the_rest_and_returns_all_marks() {
        let mut playout = Playout::default();
        let mut returned = Vec::new();
        playout.push(&[1; 1600]);
        playout.push_mark("x".into());
        playout.push_mark("y".into());
        playout.advance(50, &mut returned);
        assert_eq!(playout.clear(&mut returned), 150);
        assert_eq!(returned, ["x", "y"]);
        playout.push_mark("z".into());
        playout.advance(51, &mut returned);
        assert_eq!(
            returned,
            ["x", "y", "z"],
            "a mark on an empty buffer comes back at once"
        );
    }

    #[test]
    fn pauses_between_words_belong_to_one_speech() {
        let mut playout = Playout::default();
        let mut returned = Vec::new();
        let mut at = 1000;
        playout.advance(at, &mut returned);
        for (word_ms, pause_ms) in [(300, 1000), (200, 60), (400, 60), (100, 0)] {
            playout.push(&vec![1; word_ms * 8]);
            playout.push(&vec![SILENCE; pause_ms * 8]);
            for _ in 0..(word_ms + pause_ms) / 20 {
                at += 20;
                playout.advance(at, &mut returned);
            }
        }
        let (start_ms, end_ms) = (2300, 3120);
        assert_eq!(playout.last_speech(), Some(Span { start_ms, end_ms }));
    }

    #[test]
    fn a_full_buffer_refuses() {
        let mut playout = Playout::default();
        assert!(playout.push(&vec![0; MAX_BUFFER_BYTES]));
        assert!(!playout.push(&[0]));
    }

    proptest! {
        /// Whatever happens, time is covered without gap and each mark comes back once and in order.
        #[test]
        fn time_is_covered_and_marks_are_kept(steps in proptest::collection::vec((0_u64..100, 0_usize..900, any::<bool>()), 0..60)) {
            let mut playout = Playout::default();
            let (mut now, mut sent, mut returned) = (0, 0_usize, Vec::new());
            for (passed, bytes, clear) in steps {
                now += passed;
                playout.advance(now, &mut returned);
                playout.push(&vec![0; bytes]);
                playout.push_mark(sent.to_string());
                sent += 1;
                if clear {
                    playout.clear(&mut returned);
                }
            }
            playout.advance(now + 100_000, &mut returned);
            let expected: Vec<String> = (0..sent).map(|n| n.to_string()).collect();
            prop_assert_eq!(returned, expected);
            prop_assert_eq!(playout.heard.len() as u64, (now + 100_000) * 8);
        }
    }
}
