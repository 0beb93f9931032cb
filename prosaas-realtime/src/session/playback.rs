//! What the caller hears: the queue of agent audio, its pacing, and how much of it was really played.
//!
//! Audio is handed to the carrier a little ahead of time (the *lead*), in messages of several whole
//! frames, so that a barge-in leaves little to clear and a late wake-up makes no gap. Deadlines follow
//! from what was sent, never from when we woke, so that delays do not add up.
//!
//! Played audio is known from marks. A mark goes out behind the first frame after every silence and
//! regularly after that. Its echo reaches us after the carrier passed it, so "confirmed, plus the time
//! since the echo" is a lower bound of what was played: a truncation can never lie beyond it.

use std::collections::VecDeque;

use prosaas_core::leg::{BYTES_PER_MS, FRAME_BYTES, FRAME_MS, ItemId, MarkId, ReplyId, SILENCE};
use prosaas_core::time::CallTime;
use serde::{Deserialize, Serialize};

use super::action::Actions;
use super::audio_queue::AudioQueue;

/// Which audio a span of the queue is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// Spoken by the model.
    Agent {
        /// The reply.
        reply: ReplyId,
        /// The item.
        item: ItemId,
        /// The part of the item.
        content: u32,
    },
    /// Recorded speech of ours, such as the fallback sentence.
    Recorded,
}

impl Source {
    const fn reply(self) -> Option<ReplyId> {
        match self {
            Self::Agent { reply, .. } => Some(reply),
            Self::Recorded => None,
        }
    }
}

/// Pacing of outgoing audio, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pacing {
    /// How much audio the carrier may hold.
    pub lead_ms: u64,
    /// How much audio one message carries while the lead allows.
    pub message_ms: u64,
    /// How much audio lies between two marks.
    pub mark_every_ms: u64,
    /// How far ahead of its time audio is sent when there is an occasion anyway: as often as caller frames
    /// are seen, so that no timer has to fire while they are.
    #[serde(default = "one_frame")]
    pub look_ahead_ms: u64,
}

const fn one_frame() -> u64 {
    FRAME_MS
}

/// How much of one span was played when playback stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heard {
    /// Which audio.
    pub source: Source,
    /// Bytes the model produced.
    pub received: u64,
    /// Bytes that were played, at most.
    pub played: u64,
}

impl Heard {
    /// Whether all of it was played.
    pub const fn in_full(&self) -> bool {
        self.played >= self.received
    }
}

/// One item's audio in the outgoing stream. Offsets count bytes sent to the carrier over the call.
#[derive(Debug)]
struct Span {
    source: Source,
    received: u64,
    sent: u64,
    /// Offset of its first byte, once one was sent.
    start: Option<u64>,
    /// No more audio will come.
    complete: bool,
}

/// The playback of one call.
#[derive(Debug)]
pub struct Playback {
    pacing: Pacing,
    queue: AudioQueue,
    spans: VecDeque<Span>,
    generation: u32,
    mark_seq: u32,
    /// Marks sent in this generation and not echoed.
    marks: VecDeque<Mark>,
    /// Bytes handed to the carrier over the call.
    sent: u64,
    /// When the carrier will have played everything sent, by our clock.
    sent_until: CallTime,
    /// Offset known to be played, and when we learnt it.
    confirmed: u64,
    confirmed_at: CallTime,
    last_mark_at: u64,
    /// The reply that was sent last, until it is dropped.
    last_reply: Option<ReplyId>,
    underruns: u64,
    underrun_ms: u64,
}

#[derive(Clone, Copy, Debug)]
struct Mark {
    id: MarkId,
    /// Bytes sent before it.
    offset: u64,
    /// The carrier had nothing left to play when it got the frame before this mark, which began at this
    /// offset: until the mark comes back, nothing from there on is known to be played.
    starts_at: Option<u64>,
}

/// How long after the computed end a missing mark is no longer waited for.
const MARK_GRACE_MS: u64 = 1_000;
/// A gap in a reply from this length on, in milliseconds: what is shorter, carriers and ears bridge.
const AUDIBLE_GAP_MS: u64 = 2 * FRAME_MS;

impl Playback {
    /// An empty playback.
    pub fn new(pacing: Pacing) -> Self {
        Self {
            pacing,
            queue: AudioQueue::default(),
            spans: VecDeque::new(),
            generation: 0,
            mark_seq: 0,
            marks: VecDeque::new(),
            sent: 0,
            sent_until: CallTime::ZERO,
            confirmed: 0,
            confirmed_at: CallTime::ZERO,
            last_mark_at: 0,
            last_reply: None,
            underruns: 0,
            underrun_ms: 0,
        }
    }

    /// Adds audio to the end of the queue.
    pub fn push(&mut self, source: Source, audio: &[u8]) {
        if self.spans.back().is_none_or(|span| span.source != source) {
            self.complete_all();
            let span = Span {
                source,
                received: 0,
                sent: 0,
                start: None,
                complete: false,
            };
            self.spans.push_back(span);
        }
        if let Some(span) = self.spans.back_mut() {
            span.received += audio.len() as u64;
        }
        self.queue.push(audio);
    }

    /// Says that no more audio of what is queued will come: the last partial frame is filled up.
    pub fn complete_all(&mut self) {
        if let Some(span) = self.spans.back_mut() {
            span.complete = true;
        }
    }

    /// Sends what is due, or due before the next caller frame, and returns whether anything was sent.
    pub fn pump(&mut self, now: CallTime, actions: &mut Actions) -> bool {
        let mut any = false;
        while self.due(now.plus(self.pacing.look_ahead_ms)) {
            let Some(bytes) = self.take_message(now, actions) else {
                break;
            };
            any = true;
            self.sent_until = self.sent_until.plus(bytes / BYTES_PER_MS as u64);
        }
        let complete = self.spans.back().is_some_and(|span| span.complete);
        let marked = self.marks.back().map_or(self.confirmed, |mark| mark.offset);
        if complete && self.queue.is_empty() && marked < self.sent {
            // The end is marked, so that its echo says it was heard.
            self.mark(None, actions);
        }
        any
    }

    /// When [`Self::pump`] has something to do at the latest.
    pub fn next_send(&self) -> Option<CallTime> {
        self.sendable().then(|| {
            let ahead = self.pacing.lead_ms.saturating_sub(self.pacing.message_ms);
            CallTime(self.sent_until.0.saturating_sub(ahead))
        })
    }

    /// Takes an echoed mark. Echoes of an earlier generation say nothing.
    pub fn on_mark(&mut self, now: CallTime, mark: MarkId) -> bool {
        let Some(at) = self.marks.iter().position(|sent| sent.id == mark) else {
            return false;
        };
        if let Some(passed) = self.marks.drain(..=at).next_back() {
            self.confirmed = passed.offset;
            self.confirmed_at = now;
        }
        true
    }

    /// Takes everything as played once the marks that would say so have not come for too long.
    pub fn settle(&mut self, now: CallTime) {
        if self.given_up_at().is_some_and(|at| now >= at) {
            self.confirmed = self.sent;
            self.confirmed_at = now;
            self.marks.clear();
        }
    }

    /// Whether an item's audio has not been heard in full yet.
    pub fn holds(&self, reply: ReplyId, item: ItemId) -> bool {
        let of_item = |span: &Span| match span.source {
            Source::Agent {
                reply: r, item: i, ..
            } => r == reply && i == item,
            Source::Recorded => false,
        };
        self.spans.iter().any(of_item)
    }

    /// How many bytes the model produced of an item that has not been heard in full yet.
    pub fn received(&self, reply: ReplyId, item: ItemId) -> u64 {
        let of_item = |span: &&Span| match span.source {
            Source::Agent {
                reply: r, item: i, ..
            } => r == reply && i == item,
            Source::Recorded => false,
        };
        let spans = self.spans.iter().filter(of_item);
        spans.map(|span| span.received).sum()
    }

    /// Whether nothing but recorded speech is on its way to the caller.
    pub fn only_recorded(&self) -> bool {
        let recorded = |span: &Span| span.source == Source::Recorded;
        !self.spans.is_empty() && self.spans.iter().all(recorded)
    }

    /// Drops recorded speech that was not handed to the carrier yet, unless no more than `keep_ms` of it is left:
    /// what the carrier holds is heard to its end.
    pub fn drop_unsent_recorded(&mut self, keep_ms: u64) {
        let left_ms = (self.queue.len() / BYTES_PER_MS) as u64;
        if self.only_recorded() && left_ms > keep_ms {
            self.queue.clear();
            for span in &mut self.spans {
                span.received = span.sent;
            }
            self.spans.retain(|span| span.start.is_some());
        }
    }

    /// Until when what was sent is heard, by our clock: audio that meets a carrier with nothing left to play is heard
    /// when it arrives.
    pub const fn audible_until(&self) -> CallTime {
        self.sent_until
    }

    /// How often the carrier had played all it had in the middle of a reply, and how long those gaps were together, in
    /// milliseconds. A carrier is never ahead of our clock, so its marks cannot say otherwise.
    pub const fn underruns(&self) -> (u64, u64) {
        (self.underruns, self.underrun_ms)
    }

    /// Audio handed to the carrier so far, in bytes.
    pub const fn sent_bytes(&self) -> u64 {
        self.sent
    }

    /// Whether the caller may still be hearing something, or will.
    pub fn outstanding(&self, now: CallTime) -> bool {
        !self.queue.is_empty() || self.unplayed(now)
    }

    /// When [`Self::outstanding`] turns false even if no mark comes back.
    pub fn given_up_at(&self) -> Option<CallTime> {
        (self.queue.is_empty() && self.confirmed < self.sent)
            .then(|| self.sent_until.plus(MARK_GRACE_MS))
    }

    /// Takes the spans that were played in full, oldest first.
    pub fn take_heard(&mut self, now: CallTime) -> Option<Heard> {
        let quiet = !self.outstanding(now);
        let span = self.spans.front()?;
        let end = span.start? + span.sent;
        let done = span.complete && span.sent >= span.received && (quiet || self.confirmed >= end);
        if !done {
            return None;
        }
        self.spans.pop_front().map(|span| Heard {
            source: span.source,
            received: span.received,
            played: span.received,
        })
    }

    /// Drops everything not yet played; returns what was heard of each unfinished span. The carrier
    /// is told only when it holds something.
    pub fn clear(&mut self, now: CallTime, actions: &mut Actions) -> Vec<Heard> {
        let played = self.played(now);
        let heard = self.spans.drain(..).map(|span| {
            let of_span = span.start.map_or(0, |start| played.saturating_sub(start));
            Heard {
                source: span.source,
                received: span.received,
                played: of_span.min(span.sent),
            }
        });
        let heard: Vec<Heard> = heard.collect();
        if self.unplayed(now) {
            actions.clear_playback();
        }
        self.queue.clear();
        self.marks.clear();
        self.generation += 1;
        self.confirmed = self.sent;
        self.confirmed_at = now;
        self.sent_until = now;
        self.last_reply = None;
        heard
    }

    /// A lower bound of the bytes played over the call, see the module's text.
    fn played(&self, now: CallTime) -> u64 {
        if now >= self.sent_until.plus(MARK_GRACE_MS) {
            return self.sent;
        }
        let until = self
            .marks
            .iter()
            .find_map(|mark| mark.starts_at)
            .unwrap_or(self.sent);
        // Both times are cut to whole milliseconds, so their difference may be one too long.
        let since = now.since(self.confirmed_at).saturating_sub(1);
        let since = since.saturating_mul(BYTES_PER_MS as u64);
        self.confirmed.saturating_add(since).min(until)
    }

    fn unplayed(&self, now: CallTime) -> bool {
        self.confirmed < self.sent && now < self.sent_until.plus(MARK_GRACE_MS)
    }

    fn sendable(&self) -> bool {
        let tail_complete = self.spans.back().is_some_and(|span| span.complete);
        self.queue.len() >= FRAME_BYTES || (tail_complete && !self.queue.is_empty())
    }

    fn due(&self, now: CallTime) -> bool {
        self.next_send().is_some_and(|at| now >= at)
    }

    /// Moves one message of whole frames to the carrier; the bytes it carries.
    fn take_message(&mut self, now: CallTime, actions: &mut Actions) -> Option<u64> {
        // With nothing left to play at the carrier, the next byte is heard when it arrives: one frame goes
        // ahead of a mark, whose echo then says that playing has begun.
        let starts_at = (now >= self.sent_until).then_some(self.sent);
        let most = if starts_at.is_some() {
            self.note_gap(now);
            self.sent_until = now;
            FRAME_BYTES
        } else {
            (self.pacing.message_ms as usize * BYTES_PER_MS).max(FRAME_BYTES)
        };
        let whole = self.queue.len() / FRAME_BYTES * FRAME_BYTES;
        let take = if whole > 0 {
            whole.min(most)
        } else {
            self.queue.len()
        };
        if take == 0 {
            return None;
        }
        let padding = take.next_multiple_of(FRAME_BYTES) - take;
        actions.play(|out| {
            self.queue.take(take, |part| out.extend_from_slice(part));
            out.resize(out.len() + padding, SILENCE);
        });
        self.account(take as u64);
        let bytes = (take + padding) as u64;
        self.sent += bytes;
        let mark_every = self.pacing.mark_every_ms * BYTES_PER_MS as u64;
        let regular = self.sent - self.last_mark_at >= mark_every;
        if starts_at.is_some() || regular {
            self.mark(starts_at, actions);
        }
        Some(bytes)
    }

    /// Notes which spans the next `bytes` of the stream belong to.
    fn account(&mut self, mut bytes: u64) {
        let mut offset = self.sent;
        for span in &mut self.spans {
            let part = (span.received - span.sent).min(bytes);
            if part > 0 {
                span.start.get_or_insert(offset);
                self.last_reply = span.source.reply();
                span.sent += part;
                offset += part;
                bytes -= part;
            }
        }
    }

    /// Something is sent to a carrier with nothing left to play: a gap, if it goes on with what was sent before.
    fn note_gap(&mut self, now: CallTime) {
        let next = self.spans.iter().find(|span| span.sent < span.received);
        let next = next.and_then(|span| span.source.reply());
        let gap_ms = now.since(self.sent_until);
        if next.is_some() && next == self.last_reply && gap_ms >= AUDIBLE_GAP_MS {
            self.underruns += 1;
            self.underrun_ms += gap_ms;
        }
    }

    fn mark(&mut self, starts_at: Option<u64>, actions: &mut Actions) {
        let id = MarkId {
            generation: self.generation,
            seq: self.mark_seq,
        };
        self.mark_seq += 1;
        self.last_mark_at = self.sent;
        self.marks.push_back(Mark {
            id,
            offset: self.sent,
            starts_at,
        });
        actions.mark(id);
    }
}

#[cfg(test)]
mod tests;
