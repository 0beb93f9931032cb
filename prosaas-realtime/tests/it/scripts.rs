//! Calls as scripts: `testdata/calls/*.txt`. A line beginning with `<` is an input in the journal's
//! format, a line beginning with `>` what the session did. `UPDATE_SCRIPTS=1` writes what the session
//! does now; read the difference before committing.

use std::path::{Path, PathBuf};

use prosaas_core::business::CallLimits;
use prosaas_core::time::CallTime;
use prosaas_realtime::journal::{
    AudioDetail, Difference, Writer, first_difference, replay, run_script, script_of_journal,
};
use prosaas_realtime::session::{Actions, CallSession, Event, Opening, SessionConfig};
use tokio::sync::mpsc;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/calls")
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
        let now = run_script(&script).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
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

const PRIVATE: [&str; 4] = ["Dana", "0541234567", "רחוב", "sk-live"];

/// A call as its journal has it, with things in it that are nobody else's business.
fn journal() -> String {
    let limits = CallLimits {
        max_call_s: 600,
        idle_s: 15,
        max_live_calls: 1,
    };
    let greeting = "Say: this is Dana's garage".to_owned();
    let mut config = SessionConfig::new(Opening::Greet(greeting), limits);
    config.protect_greeting = false;
    let (to, mut pieces) = mpsc::channel(100);
    let mut writer = Writer::new(AudioDetail::Whole, to);
    writer.begin(&config);
    let mut session = CallSession::new(config);
    let mut actions = Actions::default();
    for line in INPUTS.trim().lines().map(str::trim) {
        let Ok(prosaas_realtime::journal::Line::Event(now, event)) =
            prosaas_realtime::journal::parse_line(line)
        else {
            panic!("{line}")
        };
        while let Some(deadline) = session.next_deadline().filter(|at| *at < now) {
            // A real call wakes a little late.
            step(
                &mut session,
                &mut writer,
                deadline.plus(3),
                &Event::Wake,
                &mut actions,
            );
        }
        step(
            &mut session,
            &mut writer,
            now,
            &event.as_event(),
            &mut actions,
        );
    }
    writer.finish();
    let mut journal = String::new();
    while let Ok(piece) = pieces.try_recv() {
        journal.push_str(&piece);
    }
    journal
}

fn step(
    session: &mut CallSession,
    writer: &mut Writer,
    now: CallTime,
    event: &Event<'_>,
    actions: &mut Actions,
) {
    actions.clear();
    writer.event(now, event);
    session.handle(now, event.clone(), actions);
    writer.actions(actions);
}

const INPUTS: &str = r#"
    0 s
    5 o
    10 i {"ai":"ready"}
    100 i {"ai":"reply_started","reply":0}
    110 A 0 0 0 3200
    110 i {"ai":"agent_text","reply":0,"item":0,"text":"Dana's garage, רחוב 5","whole":true}
    120 i {"ai":"reply_ended","reply":0,"end":"completed","usage":{}}
    900 a 0 160 !
    1500 i {"ai":"speech_started"}
    2500 i {"ai":"speech_stopped"}
    2500 i {"ai":"caller_item","item":5,"after":null}
    2600 i {"ai":"caller_text","item":5,"text":"call 0541234567","usage":{}}
    2700 k 5
    2710 k #
    2800 i {"ai":"reply_started","reply":1}
    2900 i {"ai":"tool_call","reply":1,"call":"sk-live-1","name":"take_note","arguments":"{\"who\":\"Dana\"}"}
    2950 i {"ai":"reply_ended","reply":1,"end":"completed","usage":{}}
    3500 t {"call":"sk-live-1","output":"{\"of\":\"Dana\"}","then":"continue"}
    3600 c wrote "I am Dana"
    3700 i {"ai":"failed","kind":"other","code":"x Dana","message":"Dana","request":null}
    9000 x
    12000 w
"#;

#[test]
fn a_journal_becomes_a_script_that_says_nothing_of_anybody() {
    let journal = journal();
    assert!(PRIVATE.iter().all(|word| journal.contains(word)));
    let script = script_of_journal(journal.as_bytes()).unwrap();
    for word in PRIVATE {
        assert!(!script.contains(word), "{word} in\n{script}");
    }
    assert_eq!(run_script(&script).unwrap(), script, "it is one of ours");
    assert_eq!(first_difference(&script).unwrap(), None);
    let mut done = Vec::new();
    replay(journal.as_bytes(), |now, action, _| {
        done.push((now, std::mem::discriminant(action)));
    })
    .unwrap();
    let outputs = script.lines().filter(|line| line.starts_with('>'));
    assert_eq!(outputs.count(), done.len(), "the session decides the same");
}

#[test]
fn the_first_difference_is_shown() {
    let script = "< 0 s\n< 5 o\n< 10 i {\"ai\":\"ready\"}\n> 10 mark 0:7\n< 20 x\n";
    let found = first_difference(script).unwrap().unwrap();
    assert_eq!(
        (found.line, found.at, found.expected.as_deref()),
        (4, Some(CallTime(10)), Some("mark 0:7"))
    );
    assert!(found.got.unwrap().starts_with("Ai(RequestReply"));
    let right = run_script(script).unwrap();
    let more = first_difference(&format!("{right}> 99 CloseAi\n")).unwrap();
    let expected = Difference {
        line: right.lines().count() + 1,
        at: Some(CallTime(99)),
        expected: Some("CloseAi".to_owned()),
        got: None,
    };
    assert_eq!(more, Some(expected));
    assert_eq!(
        run_script("< 0 y").unwrap_err().to_string(),
        "line 1 of the journal is not valid: one of the letters of the journal"
    );
    assert!(run_script("# set nonsense").is_err());
}

#[test]
fn a_journal_says_when_its_replay_parts_from_it() {
    let journal = journal();
    let whole = replay(journal.as_bytes(), |_, _, _| {}).unwrap();
    assert_eq!((whole.same, whole.diverged), (Some(true), None));
    // The caller is said to have begun to speak a little later, and nothing else is changed.
    let other = journal.replace("2710 k #", "2710 k 1");
    assert_ne!(other, journal);
    let parted = replay(other.as_bytes(), |_, _, _| {}).unwrap();
    let diverged = parted.diverged.unwrap();
    assert_eq!(parted.same, Some(false));
    assert!(diverged.after < CallTime(2_710), "{diverged:?}");
    assert!(diverged.until >= CallTime(2_710), "{diverged:?}");
    assert!(diverged.until < CallTime(4_800), "{diverged:?}");
}
