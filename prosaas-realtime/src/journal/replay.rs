//! Feeding a journal through a fresh session.

use std::io::BufRead;

use super::format::{Fingerprint, JournalError, Line, parse_line};
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
    let (mut events, mut same) = (0, None);
    for (index, text) in journal.lines().enumerate() {
        let at = |expected| JournalError {
            line: index + 1,
            expected,
        };
        let text = text.map_err(|_| at("readable UTF-8 text"))?;
        match parse_line(&text).map_err(at)? {
            Line::Config(config) => session = Some(CallSession::new(*config)),
            Line::Event(now, event) => {
                let session = session
                    .as_mut()
                    .ok_or_else(|| at("the configuration first"))?;
                actions.clear();
                session.handle(now, event.as_event(), &mut actions);
                fingerprint.add(&actions);
                events += 1;
                for action in actions.iter() {
                    on_step(now, action, &actions);
                }
            }
            Line::End(count, hash) => {
                same = Some(count == fingerprint.count && hash == fingerprint.hash);
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
    })
}
