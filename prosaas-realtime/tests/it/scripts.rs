//! Calls as scripts: `testdata/calls/*.txt`. A line beginning with `<` is an input in the journal's
//! format, a line beginning with `>` what the session did. Deadlines between inputs are kept by the
//! runner. `UPDATE_SCRIPTS=1` writes what the session does now; read the difference before committing.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use prosaas_core::business::CallLimits;
use prosaas_core::money::MicroUsd;
use prosaas_core::time::CallTime;
use prosaas_realtime::journal::{Line, parse_line};
use prosaas_realtime::session::{Action, Actions, CallSession, Event, Opening, SessionConfig};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/calls")
}

/// Settings a script may change with `# set name=value` lines.
fn config(script: &str) -> SessionConfig {
    let limits = CallLimits {
        max_call_s: 600,
        idle_s: 15,
        max_live_calls: 10,
    };
    let mut config = SessionConfig::new(Opening::Greet("greet the caller".to_owned()), limits);
    config.protect_greeting = false;
    for setting in script
        .lines()
        .filter_map(|line| line.strip_prefix("# set "))
    {
        match setting {
            "protect_greeting" => config.protect_greeting = true,
            "fallback_audio" => config.fallback_audio = vec![0x11; 3_200].into(),
            "hold_audio" => config.hold_audio = vec![0x11; 9_600].into(),
            "spare_model" => config.has_spare_model = true,
            "batch_60" => config.batch_ms = 60,
            "max_call_40s" => config.limits.max_call_s = 40,
            "budget_1000" => config.budget = Some(MicroUsd(1_000)),
            "patient" => config.limits.idle_s = 600,
            "leg_life_11min" => config.capabilities.max_leg_ms = Some(660_000),
            other => panic!("unknown setting {other}"),
        }
    }
    config
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

/// The script with its outputs written anew.
fn run(script: &str) -> String {
    let mut session = CallSession::new(config(script));
    let mut actions = Actions::default();
    let mut out = String::new();
    for line in script.lines().filter(|line| !line.starts_with('>')) {
        let Some(input) = line.strip_prefix("< ") else {
            let _ = writeln!(out, "{line}");
            continue;
        };
        let Line::Event(now, event) = parse_line(input).unwrap_or_else(|e| panic!("{line}: {e}"))
        else {
            panic!("{line}: scripts hold events only");
        };
        while let Some(deadline) = session.next_deadline().filter(|at| *at < now) {
            actions.clear();
            session.handle(deadline, Event::Wake, &mut actions);
            show(&mut out, deadline, &actions);
        }
        let _ = writeln!(out, "{line}");
        actions.clear();
        session.handle(now, event.as_event(), &mut actions);
        show(&mut out, now, &actions);
    }
    out
}

#[test]
fn every_script_gives_the_same_actions() {
    let mut names: Vec<PathBuf> = std::fs::read_dir(folder())
        .expect("testdata/calls")
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "txt"))
        .collect();
    names.sort();
    assert!(names.len() >= 10, "the scripts are there");
    let mut changed = Vec::new();
    for path in names {
        let script = std::fs::read_to_string(&path).unwrap();
        let now = run(&script);
        if now == script {
            continue;
        }
        if std::env::var_os("UPDATE_SCRIPTS").is_some() {
            std::fs::write(&path, &now).unwrap();
        } else {
            changed.push(format!("{}:\n{now}", path.display()));
        }
    }
    assert!(
        changed.is_empty(),
        "these calls went differently:\n{}",
        changed.join("\n")
    );
}
