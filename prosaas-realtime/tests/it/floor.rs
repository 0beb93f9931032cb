//! Calls in which the session decides when the caller has finished, as lines of journals.

use std::fmt::Write as _;

use prosaas_core::business::CallLimits;
use prosaas_realtime::journal::{Line, parse_line};
use prosaas_realtime::session::{
    Action, Actions, AiOrder, BargeIn, CallSession, CallStats, Event, Opening, SessionConfig,
    TurnTaking,
};
use prosaas_realtime::turn_taking::Spoken;

/// The agent greets and asks for a number. All of it was heard at 0.4 s.
const BEGIN: &str = r#"
    0 s
    5 o
    10 i {"ai":"ready"}
    100 i {"ai":"reply_started","reply":0}
    110 A 0 0 0 1600
    110 i {"ai":"agent_text","reply":0,"item":0,"text":"שלום! מה מספר הטלפון שלך?","whole":true}
    120 i {"ai":"reply_ended","reply":0,"end":"completed","usage":{}}
"#;

/// From 2 s to 7 s the agent speaks, and the caller is heard from 3 s on.
const SPEAKS_OVER: &str = r#"
    2000 i {"ai":"reply_started","reply":1}
    2010 A 1 6 0 40000
    2010 i {"ai":"agent_text","reply":1,"item":6,"text":"אנחנו פתוחים כל יום.","whole":true}
    2020 i {"ai":"reply_ended","reply":1,"end":"completed","usage":{}}
    3000 i {"ai":"speech_started"}
"#;

/// A turn of the caller whose text comes later.
fn turn(item: u32, from: u64, until: u64, text_at: u64, text: &str) -> String {
    format!(
        r#"
        {from} i {{"ai":"speech_started"}}
        {until} i {{"ai":"speech_stopped"}}
        {until} i {{"ai":"caller_item","item":{item},"after":null}}
        {text_at} i {{"ai":"caller_text","item":{item},"text":"{text}","usage":{{}}}}
        "#
    )
}

/// So many loud frames from 3 s on; speech ends at 3.5 s and its text comes at 3.7 s.
fn over_the_agent(loud_frames: u64, text: &str) -> String {
    let mut lines = SPEAKS_OVER.to_owned();
    for frame in 0..loud_frames {
        let _ = writeln!(lines, "{} a - 160 !", 3_000 + frame * 20);
    }
    let whole = turn(7, 3_000, 3_500, 3_700, text);
    for line in whole
        .lines()
        .filter(|line| !line.contains("speech_started"))
    {
        let _ = writeln!(lines, "{line}");
    }
    lines
}

/// What the session did that matters here, each with its time; and what it counted.
fn call(lines: &str) -> (Vec<String>, CallStats) {
    let limits = CallLimits {
        max_call_s: 600,
        idle_s: 60,
        max_live_calls: 1,
    };
    let mut config = SessionConfig::new(Opening::Greet("greet".to_owned()), limits);
    config.protect_greeting = false;
    config.barge_in = BargeIn::AfterMs(200);
    config.turn_taking = Some(TurnTaking::new(Spoken::Hebrew));
    let mut session = CallSession::new(config);
    let mut actions = Actions::default();
    let mut done = Vec::new();
    let lines = format!("{BEGIN}{lines}");
    for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let Ok(Line::Event(now, event)) = parse_line(line) else {
            panic!("{line}")
        };
        while let Some(deadline) = session.next_deadline().filter(|at| *at < now) {
            actions.clear();
            session.handle(deadline, Event::Wake, &mut actions);
            note(&mut done, deadline.0, &actions);
        }
        actions.clear();
        session.handle(now, event.as_event(), &mut actions);
        note(&mut done, now.0, &actions);
    }
    (done, session.stats().clone())
}

fn note(done: &mut Vec<String>, at: u64, actions: &Actions) {
    for action in actions.iter() {
        let what = match action {
            Action::ClearPlayback => "clear".to_owned(),
            Action::Ai(AiOrder::RequestReply { .. }) => "ask".to_owned(),
            Action::Ai(AiOrder::CancelReply { .. }) => "cancel".to_owned(),
            Action::Ai(AiOrder::SystemNote(note)) => note.clone(),
            _ => continue,
        };
        done.push(format!("{at} {what}"));
    }
}

/// What the session did after the greeting.
fn done(lines: &str) -> Vec<String> {
    let (mut done, _) = call(lines);
    assert_eq!(done.remove(0), "10 ask");
    done
}

#[test]
fn who_has_finished_is_answered_when_his_words_are_known() {
    let lines = turn(5, 2_000, 2_600, 2_900, "אין לי טלפון");
    assert_eq!(done(&format!("{lines}6000 w")), ["2900 ask"]);
}

#[test]
fn who_asks_for_a_moment_gets_one_and_is_answered_then() {
    let lines = format!("{}6000 w", turn(5, 2_000, 2_600, 2_900, "רגע"));
    assert_eq!(done(&lines), ["4100 ask"], "1.5 s after he fell silent");
    let (_, stats) = call(&lines);
    assert_eq!((stats.waits, stats.back_channels), (1, 0));
}

#[test]
fn a_number_in_pieces_is_one_turn() {
    let first = turn(5, 2_000, 2_600, 2_900, "אפס חמש שתיים");
    let second = turn(6, 3_500, 4_500, 4_800, "שלוש ארבע חמש שש שבע שמונה תשע");
    assert_eq!(done(&format!("{first}{second}7000 w")), ["4800 ask"]);
}

#[test]
fn a_turn_whose_text_is_late_is_answered_without_and_once() {
    let lines = turn(5, 2_000, 2_600, 5_000, "רגע");
    assert_eq!(done(&format!("{lines}6000 w")), ["3300 ask"]);
}

#[test]
fn a_turn_is_waited_for_a_few_times_only() {
    let mut lines = String::new();
    for piece in 0..9 {
        let at = 2_000 + u64::from(piece) * 1_000;
        lines += &turn(5 + piece, at, at + 300, at + 400, "אממ");
    }
    let (done, stats) = call(&format!("{lines}12000 w"));
    assert_eq!(stats.waits, 8, "six, and two of the next turn");
    assert_eq!(done[1..], ["8400 ask"]);
}

#[test]
fn a_model_that_answers_by_itself_is_not_asked_as_well() {
    let lines = r#"
        2000 i {"ai":"speech_started"}
        2600 i {"ai":"speech_stopped"}
        2600 i {"ai":"caller_item","item":5,"after":null}
        2650 i {"ai":"reply_started","reply":1}
        2900 i {"ai":"caller_text","item":5,"text":"אין לי","usage":{}}
        2950 i {"ai":"reply_ended","reply":1,"end":"completed","usage":{}}
        6000 w
    "#;
    assert_eq!(done(lines), Vec::<String>::new());
}

#[test]
fn a_reply_that_comes_after_the_caller_went_on_is_not_spoken() {
    let first = turn(5, 2_000, 2_600, 2_900, "אין לי טלפון");
    let rest = r#"
        3000 i {"ai":"speech_started"}
        4100 i {"ai":"reply_started","reply":1}
        4110 A 1 6 0 8000
        4200 i {"ai":"reply_ended","reply":1,"end":"cancelled","usage":{}}
        4500 i {"ai":"speech_stopped"}
        4500 i {"ai":"caller_item","item":7,"after":null}
        4700 i {"ai":"caller_text","item":7,"text":"אבל יש לי מייל","usage":{}}
        6000 w
    "#;
    let expected = ["2900 ask", "4100 cancel", "4700 ask"];
    assert_eq!(done(&format!("{first}{rest}")), expected);
}

#[test]
fn agreement_and_coughs_over_the_agent_do_not_stop_it() {
    for text in ["כן", ""] {
        let (done, stats) = call(&format!("{}4500 w", over_the_agent(5, text)));
        assert_eq!(done, ["10 ask"], "{text}");
        assert_eq!((stats.back_channels, stats.barge_ins.len()), (1, 0));
    }
}

#[test]
fn a_short_word_over_the_agent_stops_it_once_it_is_known() {
    let lines = format!("{}4500 w", over_the_agent(5, "לא"));
    assert_eq!(done(&lines), ["3700 clear", "3700 ask"]);
}

#[test]
fn a_voice_over_the_agent_stops_it_as_soon_as_the_ear_is_sure() {
    let lines = format!("{}4500 w", over_the_agent(12, "לא לא, עצרי"));
    assert_eq!(done(&lines), ["3180 clear", "3700 ask"]);
}

#[test]
fn a_voice_that_is_too_quiet_for_the_ear_is_believed_after_a_second() {
    assert_eq!(done(&format!("{SPEAKS_OVER}5000 w")), ["4000 clear"]);
}

#[test]
fn the_model_is_told_when_the_caller_goes_over_to_another_language() {
    let lines = turn(5, 2_000, 2_600, 2_900, "Здравствуйте, мне нужен сантехник");
    let expected = [
        "2900 The caller speaks Russian now. Go on in Russian.",
        "2900 ask",
    ];
    assert_eq!(done(&format!("{lines}6000 w")), expected);
}
