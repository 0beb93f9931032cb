//! What the caller hears: the carrier's playout buffer, computed, not played.
//!
//! Twilio plays what it received in order, without overlap; a mark comes back when everything
//! queued before it was played; `clear` drops the rest and returns all marks at once.

use std::collections::VecDeque;

use super::stamp::FRAME_MS;

const FRAME_NS: u64 = FRAME_MS * 1_000_000;

/// One reply of one model connection.
pub type Reply = (u32, u32);

#[derive(Debug, Clone, Copy)]
struct Segment {
    reply: Option<Reply>,
    starts_ns: u64,
    frames: u64,
}

impl Segment {
    fn played_ms(&self, now_ns: u64) -> u64 {
        let whole = self.frames * FRAME_MS;
        (now_ns.saturating_sub(self.starts_ns) / 1_000_000).min(whole)
    }
}

/// The playout buffer of one call.
#[derive(Debug, Default)]
pub struct Playout {
    segments: VecDeque<Segment>,
    marks: VecDeque<(u64, String)>,
    ends_ns: u64,
    /// Played milliseconds of the replies whose segments are gone.
    played: Vec<(Reply, u64)>,
    /// Milliseconds played in all.
    total_ms: u64,
}

impl Playout {
    /// Queues one frame. `reply` is `None` for audio that carries no stamp.
    pub fn frame(&mut self, now_ns: u64, reply: Option<Reply>) {
        let joins = self.ends_ns > now_ns;
        let starts_ns = self.ends_ns.max(now_ns);
        self.ends_ns = starts_ns + FRAME_NS;
        match self.segments.back_mut() {
            Some(last) if joins && last.reply == reply => last.frames += 1,
            _ => {
                self.retire(now_ns);
                self.segments.push_back(Segment {
                    reply,
                    starts_ns,
                    frames: 1,
                });
            }
        }
    }

    /// Queues a mark behind what was received so far.
    pub fn mark(&mut self, now_ns: u64, name: String) {
        self.marks.push_back((self.ends_ns.max(now_ns), name));
    }

    /// When the next mark is due back.
    pub fn next_mark_ns(&self) -> Option<u64> {
        self.marks.front().map(|(due, _)| *due)
    }

    /// Takes the next mark that is due.
    pub fn due_mark(&mut self, now_ns: u64) -> Option<String> {
        self.marks
            .pop_front_if(|(due, _)| *due <= now_ns)
            .map(|(_, name)| name)
    }

    /// Drops what is not yet played; the marks behind it are due at once.
    pub fn clear(&mut self, now_ns: u64) {
        for segment in std::mem::take(&mut self.segments) {
            self.credit(segment.reply, segment.played_ms(now_ns));
        }
        self.ends_ns = self.ends_ns.min(now_ns);
        for (due, _) in &mut self.marks {
            *due = (*due).min(now_ns);
        }
    }

    /// Milliseconds of `reply` that the caller has heard by now.
    pub fn played_ms(&self, now_ns: u64, reply: Reply) -> u64 {
        let gone = self
            .played
            .iter()
            .filter(|(key, _)| *key == reply)
            .map(|(_, ms)| *ms);
        let live = self
            .segments
            .iter()
            .filter(|segment| segment.reply == Some(reply));
        gone.chain(live.map(|segment| segment.played_ms(now_ns)))
            .sum()
    }

    /// Milliseconds of agent audio heard by now.
    pub fn total_ms(&self, now_ns: u64) -> u64 {
        self.total_ms
            + self
                .segments
                .iter()
                .map(|segment| segment.played_ms(now_ns))
                .sum::<u64>()
    }

    /// Moves segments that are over into the totals.
    fn retire(&mut self, now_ns: u64) {
        while let Some(segment) = self
            .segments
            .pop_front_if(|s| s.starts_ns + s.frames * FRAME_NS <= now_ns)
        {
            self.credit(segment.reply, segment.frames * FRAME_MS);
        }
    }

    fn credit(&mut self, reply: Option<Reply>, milliseconds: u64) {
        self.total_ms += milliseconds;
        let Some(reply) = reply else { return };
        match self.played.iter_mut().find(|(key, _)| *key == reply) {
            Some((_, played)) => *played += milliseconds,
            None => self.played.push((reply, milliseconds)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    #[test]
    fn marks_wait_for_the_audio_before_them() {
        let mut playout = Playout::default();
        for _ in 0..5 {
            playout.frame(10 * MS, Some((1, 0)));
        }
        playout.mark(10 * MS, "a".into());
        assert_eq!(playout.next_mark_ns(), Some(110 * MS));
        assert_eq!(playout.due_mark(109 * MS), None);
        assert_eq!(playout.due_mark(110 * MS).as_deref(), Some("a"));
        assert_eq!(playout.played_ms(60 * MS, (1, 0)), 50);
    }

    #[test]
    fn clear_keeps_what_was_heard_and_returns_the_marks() {
        let mut playout = Playout::default();
        for _ in 0..10 {
            playout.frame(0, Some((1, 0)));
        }
        playout.mark(0, "a".into());
        playout.clear(75 * MS);
        assert_eq!(playout.due_mark(75 * MS).as_deref(), Some("a"));
        assert_eq!(playout.played_ms(500 * MS, (1, 0)), 75);
        playout.frame(80 * MS, Some((1, 1)));
        assert_eq!(
            playout.played_ms(90 * MS, (1, 1)),
            10,
            "plays at once after a clear"
        );
        assert_eq!(playout.total_ms(90 * MS), 85);
    }

    #[test]
    fn a_gap_between_frames_is_not_played() {
        let mut playout = Playout::default();
        playout.frame(0, Some((1, 0)));
        playout.frame(100 * MS, Some((1, 0)));
        assert_eq!(playout.played_ms(90 * MS, (1, 0)), 20);
        assert_eq!(playout.played_ms(110 * MS, (1, 0)), 30);
    }
}
