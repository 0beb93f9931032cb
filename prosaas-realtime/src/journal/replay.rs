//! Feeding a journal through a fresh session.

use std::io::BufRead;

use super::format::{Fingerprint, JournalError, Line, lines};
use crate::session::{Action, Actions, CallSession};
use prosaas_core::time::CallTime;

/// What a replay found.
#[derive(Debug)]
pub struct Replay {
    /// The session after the last event.
    pub session: CallSession,
    /// How many events were fed.
    pub events: u64,
    /// How many actions followed.
    pub actions: u64,
    /// Whether the actions are those of the call: `None` when the journal has no end line.
    pub same: Option<bool>,
    /// Where the actions are first known not to be those of the call.
    pub diverged: Option<Divergence>,
}

/// A stretch of a call in which a replay did something else than the call did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Divergence {
    /// Until then it had done the same.
    pub after: CallTime,
    /// By then it had not. The time of the last event when only the end line says so.
    pub until: CallTime,
    /// How many actions the call did in between.
    pub expected: u64,
    /// How many the replay did.
    pub got: u64,
}

/// Compares what a journal says of the actions with those of its replay.
#[derive(Default)]
struct Comparison {
    /// When they were last the same, and how many there were.
    same_at: (CallTime, u64),
    diverged: Option<Divergence>,
}

impl Comparison {
    /// Whether the actions so far are those that the journal counted.
    fn compare(&mut self, now: CallTime, journal: (u64, u64), replay: &Fingerprint) -> bool {
        let same = journal == (replay.count, replay.hash);
        let (after, counted) = self.same_at;
        if same {
            self.same_at = (now, replay.count);
        } else if self.diverged.is_none() {
            self.diverged = Some(Divergence {
                after,
                until: now,
                expected: journal.0.saturating_sub(counted),
                got: replay.count.saturating_sub(counted),
            });
        }
        same
    }
}

/// Replays a journal. `on_step` sees every action with its time.
///
/// # Errors
/// [`JournalError`] names the line and what was expected there.
pub fn replay(
    journal: impl BufRead,
    mut on_step: impl FnMut(CallTime, &Action, &Actions),
) -> Result<Replay, JournalError> {
    let mut session: Option<CallSession> = None;
    let mut actions = Actions::default();
    let mut fingerprint = Fingerprint::new();
    let (mut events, mut same, mut last) = (0, None, CallTime::ZERO);
    let mut comparison = Comparison::default();
    for numbered in lines(journal) {
        let (number, line) = numbered?;
        match line {
            Line::Config(config) => session = Some(CallSession::new(*config)),
            Line::Event(now, event) => {
                let session = session.as_mut().ok_or(JournalError {
                    line: number,
                    expected: "the configuration first",
                })?;
                actions.clear();
                session.handle(now, event.as_event(), &mut actions);
                fingerprint.add(&actions);
                (events, last) = (events + 1, now);
                for action in actions.iter() {
                    on_step(now, action, &actions);
                }
            }
            Line::Check(now, count, hash) => {
                comparison.compare(now, (count, hash), &fingerprint);
            }
            Line::End(count, hash) => {
                same = Some(comparison.compare(last, (count, hash), &fingerprint));
            }
        }
    }
    let whole = JournalError {
        line: 0,
        expected: "a configuration line",
    };
    let session = session.ok_or(whole)?;
    Ok(Replay {
        session,
        events,
        actions: fingerprint.count,
        same,
        diverged: comparison.diverged,
    })
}
