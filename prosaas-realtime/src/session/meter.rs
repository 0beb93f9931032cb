//! Measures a call while it goes on: who was heard for how long, and how long nobody was although words were owed.
//!
//! Time is counted in stretches between two events, in the state that the earlier of them left. A frame costs a few
//! comparisons. The memory is bounded: one number a turn, of so many turns at most.

use prosaas_core::leg::{BYTES_PER_MS, ReplyId};
use prosaas_core::time::CallTime;

/// So many answers are kept for their median; of later ones only the slowest counts.
const MOST_ANSWERS: usize = 500;
/// Room for the answers of a usual call, so that it does not grow in the middle of one.
const USUAL_ANSWERS: usize = 16;
/// The model says that the caller is silent so much after his last sound, at most, in milliseconds: models wait
/// between 0.2 and 1 s. What was heard longer before was not him.
const LATEST_NOTICE_MS: u64 = 2_000;

/// In which state a stretch of the call was.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stretch {
    /// Until when the caller hears what was sent to the carrier.
    pub(super) audible_until: CallTime,
    /// The caller speaks.
    pub(super) caller_speaks: bool,
    /// The caller waits for words.
    pub(super) owed: bool,
}

/// How far the caller's speech was counted when he was last heard.
#[derive(Clone, Copy, Debug)]
struct LastSound {
    at: CallTime,
    caller_ms: u64,
    overlap_ms: u64,
}

/// The measures of one call.
#[derive(Debug)]
pub(super) struct Meter {
    began: CallTime,
    until: CallTime,
    pub(super) agent_ms: u64,
    pub(super) caller_ms: u64,
    pub(super) overlap_ms: u64,
    /// When the caller's present speech began.
    speech_began: Option<CallTime>,
    last_sound: Option<LastSound>,
    /// Since when nobody is heard although words are owed.
    silent_since: Option<CallTime>,
    /// A silence that begins now began then already: the caller's last sound.
    silent_from: Option<CallTime>,
    longest_silence_ms: u64,
    silence_ms: u64,
    /// The caller's last sound, until he is answered.
    asked_at: Option<CallTime>,
    pub(super) answers_ms: Vec<u32>,
    pub(super) slowest_answer_ms: Option<u64>,
    last_reply: Option<ReplyId>,
    pub(super) replies: u64,
    pub(super) cut_replies: u64,
    cut_bytes: u64,
    pub(super) gaps: u64,
}

impl Meter {
    /// Nothing measured yet.
    pub(super) fn new() -> Self {
        Self {
            began: CallTime::ZERO,
            until: CallTime::ZERO,
            agent_ms: 0,
            caller_ms: 0,
            overlap_ms: 0,
            speech_began: None,
            last_sound: None,
            silent_since: None,
            silent_from: None,
            longest_silence_ms: 0,
            silence_ms: 0,
            asked_at: None,
            answers_ms: Vec::with_capacity(USUAL_ANSWERS),
            slowest_answer_ms: None,
            last_reply: None,
            replies: 0,
            cut_replies: 0,
            cut_bytes: 0,
            gaps: 0,
        }
    }

    /// The stream begins.
    pub(super) const fn begin(&mut self, now: CallTime) {
        self.began = now;
        self.until = now;
    }

    /// When the stream began.
    pub(super) const fn began(&self) -> CallTime {
        self.began
    }

    /// Counts the time since it was counted last.
    pub(super) fn pass(&mut self, now: CallTime, was: Stretch) {
        let from = self.until;
        if now <= from {
            return;
        }
        self.until = now;
        let silent_from = self.silent_from.take();
        let audible_until = was.audible_until.max(from).min(now);
        let heard_ms = audible_until.since(from);
        self.agent_ms += heard_ms;
        if was.caller_speaks {
            self.caller_ms += now.since(from);
            self.overlap_ms += heard_ms;
        }
        let silent = was.owed && !was.caller_speaks;
        if !silent || heard_ms > 0 {
            self.silence_ends(from);
        }
        if silent && audible_until < now && self.silent_since.is_none() {
            let since = silent_from.filter(|_| heard_ms == 0);
            self.silent_since = Some(since.unwrap_or(audible_until));
        }
    }

    /// A frame of the caller's was loud.
    pub(super) const fn caller_sounds(&mut self, now: CallTime) {
        self.last_sound = Some(LastSound {
            at: now,
            caller_ms: self.caller_ms,
            overlap_ms: self.overlap_ms,
        });
    }

    /// The model hears the caller.
    pub(super) const fn caller_starts(&mut self, now: CallTime) {
        self.speech_began = Some(now);
        self.last_sound = None;
        self.asked_at = None;
    }

    /// The model does not hear the caller any more. He stopped when he was last heard, which is some time ago.
    pub(super) fn caller_stops(&mut self, now: CallTime, audible_until: CallTime) {
        let began = self.speech_began.take();
        let last = self
            .last_sound
            .take()
            .filter(|last| began.is_some() && now.since(last.at) <= LATEST_NOTICE_MS);
        let mut stopped = now;
        if let Some(last) = last {
            stopped = last.at;
            self.caller_ms = last.caller_ms;
            self.overlap_ms = last.overlap_ms;
        }
        self.asked_at = Some(stopped);
        self.silent_from = Some(stopped.max(audible_until));
    }

    /// Audio of a reply came that is heard from `heard_at` on.
    pub(super) fn agent_speaks(&mut self, heard_at: CallTime, reply: ReplyId) {
        if self.last_reply != Some(reply) {
            self.last_reply = Some(reply);
            self.replies += 1;
        }
        let Some(asked_at) = self.asked_at.take() else {
            return;
        };
        let took_ms = heard_at.since(asked_at);
        self.slowest_answer_ms = self.slowest_answer_ms.max(Some(took_ms));
        if self.answers_ms.len() < MOST_ANSWERS {
            self.answers_ms
                .push(u32::try_from(took_ms).unwrap_or(u32::MAX));
        }
    }

    /// The caller spoke over a reply of which he did not hear so many bytes.
    pub(super) const fn agent_was_cut(&mut self, bytes: u64) {
        if bytes > 0 {
            self.cut_replies += 1;
            self.cut_bytes += bytes;
        }
    }

    /// Agent audio that was dropped, in milliseconds.
    pub(super) const fn cut_ms(&self) -> u64 {
        self.cut_bytes / BYTES_PER_MS as u64
    }

    /// How long the call was measured, in milliseconds.
    pub(super) const fn duration_ms(&self) -> u64 {
        self.until.since(self.began)
    }

    /// The longest silence and all of them together, the present one included, in milliseconds.
    pub(super) fn silence_ms(&self) -> (u64, u64) {
        let present = self.silent_since.map_or(0, |since| self.until.since(since));
        (
            self.longest_silence_ms.max(present),
            self.silence_ms + present,
        )
    }

    fn silence_ends(&mut self, at: CallTime) {
        if let Some(since) = self.silent_since.take() {
            let lasted = at.since(since);
            self.silence_ms += lasted;
            self.longest_silence_ms = self.longest_silence_ms.max(lasted);
        }
    }
}
