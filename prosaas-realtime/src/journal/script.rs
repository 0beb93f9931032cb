//! Calls as scripts: inputs with what the session did, so that a call that went wrong once stays right.
//!
//! | line | what it is |
//! |---|---|
//! | `# set NAME` | a setting that differs from the usual ones |
//! | `# config JSON` | all settings: the script was recorded, and holds every time at which the session was woken |
//! | `# ...` | a remark |
//! | `< ...` | an input, as a line of a journal |
//! | `> TIME ...` | what the session did |
//!
//! Where nothing was recorded, deadlines between inputs are kept by whoever runs the script.

use std::fmt::Write as _;
use std::io::BufRead;

use prosaas_core::business::CallLimits;
use prosaas_core::money::MicroUsd;
use prosaas_core::time::CallTime;

use super::AudioDetail;
use super::format::{self, JournalError, Line, parse_line};
use super::redact::{self, Names};
use crate::session::{
    Action, Actions, BargeIn, CallSession, Event, Opening, SessionConfig, TurnTaking,
};
use crate::turn_taking::Spoken;

const RECORDED: &str = "# config ";
const HEAD: &str =
    "# Recorded from a call. Words, names and numbers are replaced by others of their length.\n";

/// Runs a script; the same script with its outputs written anew.
///
/// # Errors
/// Names the line that cannot be read.
pub fn run_script(script: &str) -> Result<String, JournalError> {
    let mut session = CallSession::new(config_of(script)?);
    let keeps_deadlines = !script.lines().any(|line| line.starts_with(RECORDED));
    let mut actions = Actions::default();
    let mut out = String::with_capacity(script.len());
    for (index, line) in script.lines().enumerate() {
        if line.starts_with('>') {
            continue;
        }
        let Some(input) = line.strip_prefix("< ") else {
            push_line(&mut out, line);
            continue;
        };
        let (now, event) = event_at(index, input)?;
        while keeps_deadlines && let Some(deadline) = session.next_deadline().filter(|at| *at < now)
        {
            actions.clear();
            session.handle(deadline, Event::Wake, &mut actions);
            show(&mut out, deadline, &actions);
        }
        push_line(&mut out, line);
        actions.clear();
        session.handle(now, event.as_event(), &mut actions);
        show(&mut out, now, &actions);
    }
    Ok(out)
}

/// What a script says that the session did and what it does now, where the two part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The line, counted from 1.
    pub line: usize,
    /// When it is, as the script or the session says.
    pub at: Option<CallTime>,
    /// What the script says, if it says that something was done.
    pub expected: Option<String>,
    /// What the session does, if it does anything.
    pub got: Option<String>,
}

/// The first difference between a script and what the session does now.
///
/// # Errors
/// Names the line that cannot be read.
pub fn first_difference(script: &str) -> Result<Option<Difference>, JournalError> {
    let now = run_script(script)?;
    let (mut was, mut is) = (script.lines(), now.lines());
    for line in 1.. {
        let (expected, got) = (was.next(), is.next());
        if expected.is_none() && got.is_none() {
            break;
        }
        if expected != got {
            let (expected, got) = (output(expected), output(got));
            let at = expected.or(got).and_then(|(at, _)| at);
            let text = |(_, text): (Option<CallTime>, &str)| text.to_owned();
            return Ok(Some(Difference {
                line,
                at,
                expected: expected.map(text),
                got: got.map(text),
            }));
        }
    }
    Ok(None)
}

/// Makes a script of a journal, without the words, names and numbers in it.
///
/// # Errors
/// Names the line that cannot be read.
pub fn script_of_journal(journal: impl BufRead) -> Result<String, JournalError> {
    let mut script = HEAD.to_owned();
    let mut names = Names::default();
    let mut input = String::new();
    for numbered in format::lines(journal) {
        let (_, line) = numbered?;
        match line {
            Line::Config(config) => {
                let json = format::config_json(&redact::config(*config));
                let _ = writeln!(script, "{RECORDED}{json}");
            }
            Line::Event(now, event) => {
                let event = redact::event(event.as_event(), &mut names);
                input.clear();
                format::write_event(&mut input, now, &event, AudioDetail::Lengths);
                let _ = write!(script, "< {input}");
            }
            Line::Check(..) | Line::End(..) => {}
        }
    }
    run_script(&script)
}

fn event_at(index: usize, input: &str) -> Result<(CallTime, format::OwnedEvent), JournalError> {
    let at = |expected| JournalError {
        line: index + 1,
        expected,
    };
    match parse_line(input).map_err(at)? {
        Line::Event(now, event) => Ok((now, event)),
        Line::Config(_) | Line::Check(..) | Line::End(..) => Err(at("an event")),
    }
}

/// A script's settings.
fn config_of(script: &str) -> Result<SessionConfig, JournalError> {
    let limits = CallLimits {
        max_call_s: 600,
        idle_s: 15,
        max_live_calls: 10,
    };
    let mut config = SessionConfig::new(Opening::Greet("greet the caller".to_owned()), limits);
    config.protect_greeting = false;
    for (index, line) in script.lines().enumerate() {
        let at = |expected| JournalError {
            line: index + 1,
            expected,
        };
        if let Some(json) = line.strip_prefix(RECORDED) {
            config = format::config_from(json).map_err(at)?;
        } else if let Some(setting) = line.strip_prefix("# set ") {
            change(&mut config, setting).map_err(at)?;
        }
    }
    Ok(config)
}

fn change(config: &mut SessionConfig, setting: &str) -> Result<(), &'static str> {
    match setting {
        "protect_greeting" => config.protect_greeting = true,
        "fallback_audio" => config.fallback_audio = vec![0x11; 3_200].into(),
        "hold_audio" => config.hold_audio = vec![0x11; 9_600].into(),
        "spare_model" => config.has_spare_model = true,
        "batch_60" => config.batch_ms = 60,
        "max_call_40s" => config.limits.max_call_s = 40,
        "budget_1000" => config.budget = Some(MicroUsd(1_000)),
        "patient" => config.limits.idle_s = 600,
        "barge_in_200ms" => config.barge_in = BargeIn::AfterMs(200),
        "turn_taking" => config.turn_taking = Some(TurnTaking::new(Spoken::Hebrew)),
        "leg_life_11min" => config.capabilities.max_leg_ms = Some(660_000),
        _ => return Err("one of the settings of scripts"),
    }
    Ok(())
}

fn show(out: &mut String, now: CallTime, actions: &Actions) {
    for action in actions.iter() {
        let text = match action {
            Action::Play(span) => format!("play {}", actions.audio(*span).len()),
            Action::SendAudio(span) => format!("hear {}", actions.audio(*span).len()),
            Action::Mark(mark) => format!("mark {mark}"),
            other => format!("{other:?}"),
        };
        let _ = writeln!(out, "> {} {text}", now.0);
    }
}

fn push_line(out: &mut String, line: &str) {
    out.push_str(line);
    out.push('\n');
}

/// The time and the text of an output line.
fn output(line: Option<&str>) -> Option<(Option<CallTime>, &str)> {
    let (time, text) = line?.strip_prefix("> ")?.split_once(' ')?;
    Some((time.parse().ok().map(CallTime), text))
}
