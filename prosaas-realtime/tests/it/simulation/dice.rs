//! Seeded chance, and what a run leaves of itself to compare with another run.

use std::fmt::{self, Write as _};

use prosaas_realtime::session::{Action, Event};

use super::fault::Fault;

/// A small generator, so that a failing case is one number.
pub(super) struct Dice(u64);

impl Dice {
    /// Seeds that follow each other give numbers that have nothing in common.
    pub(super) fn new(seed: u64) -> Self {
        let mut mixed = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        Self((mixed ^ (mixed >> 31)) | 1)
    }

    /// A number below this one.
    pub(super) fn roll(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % below
    }

    /// A number from one up to, not including, another.
    pub(super) fn between(&mut self, from: u64, until: u64) -> u64 {
        from + self.roll(until - from)
    }

    /// Whether one chance in so many came.
    pub(super) fn one_in(&mut self, chances: u64) -> bool {
        self.roll(chances) == 0
    }
}

/// Every event and action of a run with its time: as one number, and in words when asked for.
pub(super) struct Trace {
    fingerprint: u64,
    words: Option<String>,
}

impl Trace {
    pub(super) fn new(in_words: bool) -> Self {
        Self {
            fingerprint: 0xCBF2_9CE4_8422_2325,
            words: in_words.then(String::new),
        }
    }

    pub(super) const fn fingerprint(&self) -> u64 {
        self.fingerprint
    }

    /// The last lines, oldest first.
    pub(super) fn last(&self, lines: usize) -> String {
        let words = self.words.as_deref().unwrap_or_default();
        let all: Vec<_> = words.lines().collect();
        all[all.len().saturating_sub(lines)..].join("\n")
    }

    /// Audio counts with its length; what it sounds like is judged elsewhere.
    pub(super) fn event(&mut self, now: u64, event: &Event<'_>) {
        match event {
            Event::Caller(event, audio) => {
                let first = audio.first();
                self.note(format_args!(
                    "{now} < {event:?} {} {first:?}\n",
                    audio.len()
                ));
            }
            Event::Ai(event, audio) => {
                self.note(format_args!("{now} < {event:?} {}\n", audio.len()));
            }
            event => self.note(format_args!("{now} < {event:?}\n")),
        }
    }

    pub(super) fn action(&mut self, now: u64, action: &Action) {
        self.note(format_args!("{now} > {action:?}\n"));
    }

    pub(super) fn fault(&mut self, now: u64, fault: Fault) {
        self.note(format_args!("{now} ! {fault:?}\n"));
    }

    fn note(&mut self, line: fmt::Arguments<'_>) {
        // Neither side of it can fail.
        self.write_fmt(line).unwrap();
    }
}

impl fmt::Write for Trace {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            self.fingerprint ^= u64::from(byte);
            self.fingerprint = self.fingerprint.wrapping_mul(0x0100_0000_01B3);
        }
        if let Some(words) = &mut self.words {
            words.push_str(text);
        }
        Ok(())
    }
}
