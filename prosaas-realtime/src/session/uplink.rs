//! Caller audio on its way to the model: gaps filled, doubles dropped, kept while nobody can hear it,
//! and batched.
//!
//! The carrier's timestamps say where a frame belongs. Missing audio becomes silence, since a model
//! that hears speech glued together, or nothing at all, never notices the end of a turn.

use prosaas_core::leg::{BYTES_PER_MS, SILENCE};

use super::action::Actions;
use super::audio_queue::AudioQueue;

/// The longest gap that is filled, in milliseconds.
const MAX_GAP_MS: u64 = 10_000;
/// A difference below this is jitter of the carrier's clock, not a gap.
const JITTER_MS: u64 = 10;
/// One message to the model carries at most this much when kept audio is delivered: larger ones would
/// grow every buffer on the way for the rest of the call.
const BURST_BYTES: usize = 100 * BYTES_PER_MS;

/// The model says that somebody speaks this much after they began, at most; so much is always remembered, in
/// milliseconds.
const BEFORE_TURN_MS: usize = 600;
/// So much of a turn is remembered, in milliseconds.
const TURN_MS: usize = 10_000;
/// Less than this is no turn worth hearing again, in milliseconds.
const SHORTEST_TURN_MS: usize = 100;

/// What became of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// In its place.
    Whole,
    /// After silence of so many milliseconds was put before it.
    AfterGap(u64),
    /// Dropped: that time was already heard.
    Late,
}

/// The caller's audio stream of one call.
#[derive(Debug)]
pub struct Uplink {
    batch_bytes: usize,
    keep_bytes: usize,
    /// What nobody can hear yet.
    kept: AudioQueue,
    /// What waits for its batch.
    batch: Vec<u8>,
    /// The caller's present turn, which another leg hears again when this one is lost before it was written
    /// down; between turns the last moment.
    turn: AudioQueue,
    in_turn: bool,
    open: bool,
    /// The timestamp the next frame should carry.
    expected_ms: Option<u64>,
    dropped_bytes: u64,
}

impl Uplink {
    /// Keeps up to `keep_ms` while closed; sends in pieces of `batch_ms` while open.
    pub fn new(batch_ms: u64, keep_ms: u64) -> Self {
        Self {
            batch_bytes: batch_ms as usize * BYTES_PER_MS,
            keep_bytes: keep_ms as usize * BYTES_PER_MS,
            kept: AudioQueue::default(),
            batch: Vec::new(),
            turn: AudioQueue::default(),
            in_turn: false,
            open: false,
            expected_ms: None,
            dropped_bytes: 0,
        }
    }

    /// Takes a frame.
    pub fn frame(
        &mut self,
        timestamp_ms: Option<u64>,
        audio: &[u8],
        actions: &mut Actions,
    ) -> Taken {
        let length_ms = (audio.len() / BYTES_PER_MS) as u64;
        let mut taken = Taken::Whole;
        if let (Some(at), Some(expected)) = (timestamp_ms, self.expected_ms) {
            let behind = expected.saturating_sub(at);
            if at.saturating_add(length_ms) <= expected && behind < MAX_GAP_MS {
                return Taken::Late;
            }
            if at > expected.saturating_add(JITTER_MS) {
                let gap = (at - expected).min(MAX_GAP_MS);
                self.silence(gap, actions);
                taken = Taken::AfterGap(gap);
            }
        }
        self.expected_ms = timestamp_ms.map(|at| at.saturating_add(length_ms));
        self.take(audio, actions);
        taken
    }

    /// Adds silence outside the carrier's timeline: frames stopped while the caller was speaking.
    pub fn silence(&mut self, ms: u64, actions: &mut Actions) {
        const CHUNK: [u8; 800] = [SILENCE; 800];
        let mut left = ms as usize * BYTES_PER_MS;
        while left > 0 {
            let part = left.min(CHUNK.len());
            self.take(&CHUNK[..part], actions);
            left -= part;
        }
    }

    /// Lets audio through, beginning with what was kept.
    pub fn open(&mut self, actions: &mut Actions) {
        self.open = true;
        while !self.kept.is_empty() {
            let mut piece = std::mem::take(&mut self.batch);
            self.kept
                .take(BURST_BYTES, |part| piece.extend_from_slice(part));
            actions.send_audio(&piece);
            self.turn.push(&piece);
            piece.clear();
            self.batch = piece;
        }
        self.forget_before(TURN_MS);
        self.batch.shrink_to(self.batch_bytes);
        self.kept.clear();
    }

    /// The caller began to speak a moment ago.
    pub const fn turn_begins(&mut self) {
        self.in_turn = true;
    }

    /// What the caller said is known, or answered: it need not be heard again.
    pub fn turn_known(&mut self) {
        self.in_turn = false;
        self.forget_before(BEFORE_TURN_MS);
    }

    /// Keeps audio back from now on, beginning with the turn that is not known yet; whether there is one.
    pub fn close(&mut self) -> bool {
        let again = self.open && self.in_turn && self.turn.len() >= SHORTEST_TURN_MS * BYTES_PER_MS;
        if again {
            let kept = &mut self.kept;
            self.turn.take(usize::MAX, |part| kept.push(part));
        } else {
            self.kept.push(&self.batch);
        }
        // A leg that is lost before it heard the turn leaves it to the one after.
        self.in_turn &= again || !self.open;
        self.open = false;
        self.turn.clear();
        self.batch.clear();
        again
    }

    fn forget_before(&mut self, ms: usize) {
        let over = self.turn.len().saturating_sub(ms * BYTES_PER_MS);
        self.turn.take(over, |_| {});
    }

    /// Whether audio is let through.
    pub const fn is_open(&self) -> bool {
        self.open
    }

    /// Caller audio lost because it was kept too long, in milliseconds.
    pub const fn dropped_ms(&self) -> u64 {
        self.dropped_bytes / BYTES_PER_MS as u64
    }

    fn take(&mut self, audio: &[u8], actions: &mut Actions) {
        if self.open {
            self.turn.push(audio);
            self.forget_before(if self.in_turn {
                TURN_MS
            } else {
                BEFORE_TURN_MS
            });
        }
        if !self.open {
            self.kept.push(audio);
            let over = self.kept.len().saturating_sub(self.keep_bytes);
            self.kept.take(over, |_| {});
            self.dropped_bytes += over as u64;
        } else if self.batch.is_empty() && audio.len() >= self.batch_bytes {
            actions.send_audio(audio);
        } else {
            self.batch.extend_from_slice(audio);
            if self.batch.len() >= self.batch_bytes {
                actions.send_audio(&self.batch);
                self.batch.clear();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::action::Action;
    use super::*;

    fn sent(actions: &Actions) -> Vec<u8> {
        let mut all = Vec::new();
        for action in actions.iter() {
            if let Action::SendAudio(span) = action {
                all.extend_from_slice(actions.audio(*span));
            }
        }
        all
    }

    #[test]
    fn audio_before_the_model_listens_is_kept_and_delivered_in_order() {
        let mut uplink = Uplink::new(20, 15_000);
        let mut actions = Actions::default();
        for i in 0..10_u8 {
            uplink.frame(Some(u64::from(i) * 20), &[i; 160], &mut actions);
        }
        assert!(sent(&actions).is_empty());
        uplink.open(&mut actions);
        uplink.frame(Some(200), &[10; 160], &mut actions);
        let expected: Vec<u8> = (0..=10_u8).flat_map(|i| [i; 160]).collect();
        assert_eq!(sent(&actions), expected);
    }

    #[test]
    fn what_is_kept_is_bounded_and_the_oldest_goes_first() {
        let mut uplink = Uplink::new(20, 100);
        let mut actions = Actions::default();
        for i in 0..10_u8 {
            uplink.frame(None, &[i; 160], &mut actions);
        }
        uplink.open(&mut actions);
        assert_eq!(sent(&actions)[0], 5);
        assert_eq!(uplink.dropped_ms(), 100);
    }

    #[test]
    fn a_turn_that_is_not_known_is_heard_again_by_the_next_leg() {
        let mut uplink = Uplink::new(60, 15_000);
        let mut actions = Actions::default();
        uplink.open(&mut actions);
        let frame = |uplink: &mut Uplink, byte, actions: &mut Actions| {
            uplink.frame(None, &[byte; 160], actions);
        };
        (0..100).for_each(|n| frame(&mut uplink, n, &mut actions));
        uplink.turn_begins();
        (100..150).for_each(|n| frame(&mut uplink, n, &mut actions));
        assert!(uplink.close());
        frame(&mut uplink, 150, &mut actions);
        actions.clear();
        uplink.open(&mut actions);
        let again = sent(&actions);
        assert_eq!(
            again.first(),
            Some(&70),
            "from 600 ms before it was noticed"
        );
        assert_eq!(again.len(), (30 + 50 + 1) * 160, "each byte once");
        assert!(uplink.close(), "nor does the next one know it");
        assert!(!uplink.close());
        actions.clear();
        uplink.open(&mut actions);
        assert_eq!(sent(&actions), again);
        uplink.turn_begins();
        uplink.turn_known();
        assert!(!uplink.close(), "what is known is not heard again");
    }

    #[test]
    fn a_gap_becomes_silence_and_a_double_is_dropped() {
        let mut uplink = Uplink::new(20, 1_000);
        let mut actions = Actions::default();
        uplink.open(&mut actions);
        assert_eq!(uplink.frame(Some(0), &[1; 160], &mut actions), Taken::Whole);
        assert_eq!(
            uplink.frame(Some(520), &[2; 160], &mut actions),
            Taken::AfterGap(500)
        );
        assert_eq!(
            uplink.frame(Some(520), &[2; 160], &mut actions),
            Taken::Late
        );
        let all = sent(&actions);
        assert_eq!(all.len(), 160 + 4_000 + 160);
        assert!(all[160..4_160].iter().all(|byte| *byte == SILENCE));
    }

    #[test]
    fn a_gap_of_hours_is_filled_with_ten_seconds_only() {
        let mut uplink = Uplink::new(20, 1_000);
        let mut actions = Actions::default();
        uplink.open(&mut actions);
        uplink.frame(Some(0), &[1; 160], &mut actions);
        assert_eq!(
            uplink.frame(Some(u64::MAX / 2), &[2; 160], &mut actions),
            Taken::AfterGap(MAX_GAP_MS)
        );
    }

    #[test]
    fn one_mad_timestamp_does_not_mute_the_caller() {
        let mut uplink = Uplink::new(20, 1_000);
        let mut actions = Actions::default();
        uplink.open(&mut actions);
        uplink.frame(Some(u64::MAX), &[1; 160], &mut actions);
        assert_eq!(
            uplink.frame(Some(20), &[2; 160], &mut actions),
            Taken::Whole
        );
    }

    #[test]
    fn batches_carry_several_frames() {
        let mut uplink = Uplink::new(60, 1_000);
        let mut actions = Actions::default();
        uplink.open(&mut actions);
        for i in 0..6_u64 {
            uplink.frame(Some(i * 20), &[7; 160], &mut actions);
        }
        let messages = actions
            .iter()
            .filter(|a| matches!(a, Action::SendAudio(_)))
            .count();
        assert_eq!((messages, sent(&actions).len()), (2, 960));
    }
}
