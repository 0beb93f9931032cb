//! Scenarios of turn-taking: `testdata/turns/*.json`. Each case says what a person would do; a case that is `open` names
//! why the policy does something else, and fails the test once it does not.
//!
//! `cargo test -p prosaas-realtime turn_taking -- --nocapture` prints the table of `docs/TURN_TAKING.md`.

use std::path::Path;

use prosaas_realtime::turn_taking::{
    CallerTurn, Decision, Expected, LONGEST_WAIT_MS, LanguageOfCall, Spoken, Unfinished, decide,
};
use serde::Deserialize;

/// A file of the pack.
#[derive(Deserialize)]
struct Group {
    group: String,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Case {
    Turn(TurnCase),
    Languages(LanguageCase),
}

/// A turn of the caller and what to do about it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TurnCase {
    /// What the agent said before.
    #[serde(default)]
    agent: String,
    caller: String,
    silent_ms: u64,
    turn_ms: u64,
    #[serde(default)]
    over_agent: bool,
    expect: Expectation,
    why: Option<Unfinished>,
    /// Why the policy does something else.
    open: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Expectation {
    Answer,
    Wait,
    BackChannel,
}

/// Turns of a caller, and the language after each.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LanguageCase {
    begins: Spoken,
    turns: Vec<String>,
    languages: Vec<Spoken>,
    open: Option<String>,
}

/// What a group came to.
#[derive(Clone, Copy, Default)]
struct Score {
    cases: u32,
    right: u32,
    delayed: u32,
    cut_off: u32,
}

#[test]
fn the_scenarios_of_turn_taking_are_decided_as_people_would() {
    let mut wrong = Vec::new();
    let mut total = Score::default();
    println!("| Group | Cases | Right | Delayed needlessly | Cut off |");
    println!("|---|---:|---:|---:|---:|");
    for group in groups() {
        let mut score = Score::default();
        for case in &group.cases {
            let found = match case {
                Case::Turn(case) => judge_turn(case, &mut score),
                Case::Languages(case) => judge_languages(case, &mut score),
            };
            score.cases += 1;
            wrong.extend(found.map(|found| format!("{}: {found}", group.group)));
        }
        println!("{}", row(&group.group, score));
        total.cases += score.cases;
        total.right += score.right;
        total.delayed += score.delayed;
        total.cut_off += score.cut_off;
    }
    println!("{}", row("all", total));
    assert!(total.cases >= 60, "the scenarios are there");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn groups() -> Vec<Group> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/turns");
    let mut paths: Vec<_> = std::fs::read_dir(folder)
        .expect("testdata/turns")
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "json"))
        .collect();
    paths.sort();
    let read = |path: &std::path::PathBuf| {
        let text = std::fs::read_to_string(path).unwrap();
        serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
    };
    paths.iter().map(read).collect()
}

fn row(group: &str, score: Score) -> String {
    let Score {
        cases,
        right,
        delayed,
        cut_off,
    } = score;
    format!("| {group} | {cases} | {right} | {delayed} | {cut_off} |")
}

/// Scores a turn; what contradicts the case, if anything does.
fn judge_turn(case: &TurnCase, score: &mut Score) -> Option<String> {
    let decision = decide(&CallerTurn {
        text: &case.caller,
        silent_ms: case.silent_ms,
        turn_ms: case.turn_ms,
        expected: Expected::after(&case.agent),
        over_agent: case.over_agent,
    });
    let (is, why) = match decision {
        Decision::Answer => (Expectation::Answer, None),
        Decision::Wait { ms, why } => {
            assert!(ms + case.silent_ms <= LONGEST_WAIT_MS, "{}", case.caller);
            (Expectation::Wait, Some(why))
        }
        Decision::BackChannel => (Expectation::BackChannel, None),
    };
    if is == Expectation::Wait && case.expect != Expectation::Wait {
        score.delayed += 1;
    }
    if is == Expectation::Answer && case.expect == Expectation::Wait {
        score.cut_off += 1;
    }
    let right = (is, why) == (case.expect, case.why);
    score.right += u32::from(right);
    contradiction(right, case.open.as_deref()).then(|| {
        format!(
            "after {:?} the caller says {:?}: {decision:?}",
            case.agent, case.caller
        )
    })
}

fn judge_languages(case: &LanguageCase, score: &mut Score) -> Option<String> {
    let mut call = LanguageOfCall::new(case.begins);
    let mut after = Vec::new();
    for turn in &case.turns {
        call.hear(turn);
        after.push(call.now());
    }
    let right = after == case.languages;
    score.right += u32::from(right);
    contradiction(right, case.open.as_deref()).then(|| format!("{:?}: {after:?}", case.turns))
}

/// A case is decided rightly, or says why not.
const fn contradiction(right: bool, open: Option<&str>) -> bool {
    right == open.is_some()
}
