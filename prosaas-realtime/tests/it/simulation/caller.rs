//! The caller and his telephone: when he speaks, and what becomes of his frames on their way.

use prosaas_core::leg::{FRAME_BYTES, FRAME_MS, LegEvent, SILENCE};
use prosaas_core::testkit::dice::Dice;
use prosaas_realtime::session::Event;

use super::fault::Fault;
use super::world::{Happening, World};

/// Every byte of a frame in which the caller speaks.
pub(super) const LOUD: u8 = 0x55;

/// Frames this far apart are not in a row, in milliseconds.
const ROW_BROKEN_MS: u64 = 100;

/// The caller's telephone.
pub(super) struct Mic {
    speaks_until: u64,
    next_speech: u64,
    /// Frames with speech that reached the session in a row, since when, and when the last frame did.
    pub(super) loud_in_a_row: u32,
    pub(super) loud_since: u64,
    pub(super) last_arrival: u64,
}

impl Mic {
    pub(super) fn new(dice: &mut Dice) -> Self {
        Self {
            speaks_until: 0,
            next_speech: dice.between(500, 6_000),
            loud_in_a_row: 0,
            loud_since: 0,
            last_arrival: 0,
        }
    }

    pub(super) const fn speaks(&self, now: u64) -> bool {
        now < self.speaks_until
    }

    fn begin(&mut self, now: u64, lasts: u64) {
        self.speaks_until = now + lasts;
    }

    fn frame(&mut self, now: u64, dice: &mut Dice) -> bool {
        if !self.speaks(now) && now >= self.next_speech {
            self.begin(now, dice.between(200, 2_500));
            self.next_speech = self.speaks_until + dice.between(700, 6_000);
        }
        self.speaks(now)
    }
}

impl World {
    /// The telephone makes the next frame.
    pub(super) fn mic_frame(&mut self) {
        let now = self.now;
        self.strike();
        if self.line.gone {
            return;
        }
        self.schedule(now + FRAME_MS, Happening::Mic);
        let loud = self.mic.frame(now, &mut self.dice);
        self.book.spoken |= loud;
        if self.plan.lasts(Fault::FramesStall, now) {
            self.plan.fire(Fault::FramesStall);
            return;
        }
        if self.plan.lasts(Fault::FramesLost, now) && self.dice.one_in(4) {
            self.plan.fire(Fault::FramesLost);
            return;
        }
        let mut at = now;
        if self.plan.lasts(Fault::FramesLate, now) {
            self.plan.fire(Fault::FramesLate);
            at += self.dice.between(20, 250);
        }
        if self.plan.lasts(Fault::FramesSwapped, now) && self.dice.one_in(5) {
            self.plan.fire(Fault::FramesSwapped);
            at += FRAME_MS + 5;
        }
        let timestamp_ms = self.timestamp();
        self.schedule(at, Happening::Frame { timestamp_ms, loud });
        if self.plan.lasts(Fault::FramesDoubled, now) && self.dice.one_in(3) {
            self.plan.fire(Fault::FramesDoubled);
            self.schedule(at, Happening::Frame { timestamp_ms, loud });
        }
    }

    /// What the carrier's clock says of a frame.
    fn timestamp(&mut self) -> Option<u64> {
        let now = self.now;
        if self.plan.lasts(Fault::TimestampsMissing, now) {
            self.plan.fire(Fault::TimestampsMissing);
            return None;
        }
        if self.plan.lasts(Fault::TimestampsMad, now) && self.dice.one_in(8) {
            self.plan.fire(Fault::TimestampsMad);
            let mad = [0, now / 2, now + 5_000, u64::MAX / 2, u64::MAX];
            return Some(mad[self.dice.roll(5) as usize]);
        }
        Some(now)
    }

    /// A frame reaches the session.
    pub(super) fn frame_arrives(&mut self, timestamp_ms: Option<u64>, loud: bool) {
        let mic = &mut self.mic;
        if self.now.saturating_sub(mic.last_arrival) > ROW_BROKEN_MS {
            mic.loud_in_a_row = 0;
        }
        if loud {
            if mic.loud_in_a_row == 0 {
                mic.loud_since = self.now;
            }
            mic.loud_in_a_row += 1;
        } else {
            mic.loud_in_a_row = 0;
        }
        mic.last_arrival = self.now;
        let byte = if loud { LOUD } else { SILENCE };
        let frame = [byte; FRAME_BYTES];
        self.feed(Event::Caller(LegEvent::Audio { timestamp_ms }, &frame));
        self.caller_is_not_spoken_over();
    }

    /// The caller speaks from now on, for at least so long.
    pub(super) fn caller_speaks(&mut self, lasts: u64) {
        self.mic.begin(self.now, lasts);
    }

    /// The caller is gone.
    pub(super) fn caller_goes(&mut self, how: LegEvent) {
        let now = self.now;
        self.line.stop(now);
        self.schedule(now, Happening::Caller(how));
    }
}
