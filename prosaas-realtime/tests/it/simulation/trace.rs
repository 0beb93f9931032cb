//! What a run leaves of itself to compare with another run.

use std::fmt::{self, Write as _};

use prosaas_realtime::session::{Action, Event};

use super::fault::Fault;

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
