//! The journal of a call: its inputs with their times, one per line, so that the call can be replayed.
//!
//! The first line is the session's configuration as JSON. Then one line per event: the time in
//! milliseconds, a letter, and the event. Audio is written as its length, or whole on request. The last
//! line counts the actions and carries their fingerprint, so a replay can say whether it gave the same; the same is
//! written every second, so that it can say since when it did not.
//!
//! A journal holds what was said and is as private as the transcript. Phone numbers are not written.
//! Writing never delays a call: lines go in pieces to a bounded channel, and when the reader is too slow
//! the journal ends early with a line that says so.

mod format;
mod redact;
mod replay;
mod script;

use prosaas_core::time::CallTime;
use tokio::sync::mpsc;

pub use format::{JournalError, Line, parse_line};
pub use replay::{Divergence, Replay, replay};
pub use script::{Difference, first_difference, run_script, script_of_journal};

use crate::session::{Actions, Event, SessionConfig};
use format::Fingerprint;

/// A piece is handed over when it has grown to this size; one more line fits without growing further.
const PIECE_BYTES: usize = 2 * 1024 - 256;
const PIECE_CAPACITY: usize = 2 * 1024;
/// How often the fingerprint of the actions so far is written, in milliseconds: so exactly a replay can say where it
/// differs.
const CHECK_EVERY_MS: u64 = 1_000;

/// Whether audio is written whole or as its length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AudioDetail {
    /// Only how many bytes there were.
    Lengths,
    /// Every byte, base64.
    Whole,
}

/// Writes the journal of one call into a channel of text pieces.
#[derive(Debug)]
pub struct Writer {
    detail: AudioDetail,
    piece: String,
    to: mpsc::Sender<String>,
    broken: bool,
    fingerprint: Fingerprint,
    /// When the fingerprint was last written.
    checked_at: CallTime,
    /// The span of the call, which is not entered for every line.
    span: tracing::Span,
}

impl Writer {
    /// A writer whose pieces go to `to`; the reader appends them to a file.
    pub const fn new(detail: AudioDetail, to: mpsc::Sender<String>) -> Self {
        let piece = String::new();
        Self {
            detail,
            piece,
            to,
            broken: false,
            fingerprint: Fingerprint::new(),
            checked_at: CallTime::ZERO,
            span: tracing::Span::none(),
        }
    }

    /// Writes the configuration the session decides by.
    pub fn begin(&mut self, config: &SessionConfig) {
        self.span = tracing::Span::current();
        format::write_config(&mut self.piece, config);
        self.hand_over(PIECE_BYTES);
    }

    /// Writes one event.
    pub fn event(&mut self, now: CallTime, event: &Event<'_>) {
        if !self.broken {
            if now.since(self.checked_at) >= CHECK_EVERY_MS {
                self.checked_at = now;
                format::write_check(&mut self.piece, now, &self.fingerprint);
            }
            format::write_event(&mut self.piece, now, event, self.detail);
            self.hand_over(PIECE_BYTES);
        }
    }

    /// Takes the actions of one step into the fingerprint.
    pub fn actions(&mut self, actions: &Actions) {
        self.fingerprint.add(actions);
    }

    /// Writes the last line and hands over what is left.
    pub fn finish(mut self) {
        format::write_end(&mut self.piece, &self.fingerprint);
        self.hand_over(0);
    }

    fn hand_over(&mut self, at_least: usize) {
        if self.broken || self.piece.len() <= at_least {
            return;
        }
        let piece = std::mem::replace(&mut self.piece, String::with_capacity(PIECE_CAPACITY));
        if self.to.try_send(piece).is_err() {
            self.span.in_scope(|| {
                tracing::warn!(
                    "the journal's reader is too slow or gone; this call's journal ends here"
                );
            });
            self.broken = true;
        }
    }
}
