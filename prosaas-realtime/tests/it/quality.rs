//! What the session measures of a call, figure by figure.

use std::fmt::Write as _;

use prosaas_core::business::CallLimits;
use prosaas_core::quality::QualityFigures;
use prosaas_realtime::journal::{Line, parse_line};
use prosaas_realtime::session::{Actions, CallSession, Event, Opening, SessionConfig};

/// Figures that contradict each other, if there are any.
pub(crate) fn contradiction(figures: &QualityFigures) -> Option<String> {
    let QualityFigures {
        duration_ms,
        dead_air_longest_ms,
        dead_air_total_ms,
        overlap_ms,
        agent_ms,
        caller_ms,
        ..
    } = *figures;
    let heard_ms = agent_ms + caller_ms - overlap_ms.min(agent_ms).min(caller_ms);
    let rules = [
        (
            "dead air in one piece",
            dead_air_longest_ms <= dead_air_total_ms,
        ),
        ("overlap of both", overlap_ms <= agent_ms.min(caller_ms)),
        (
            "no more than the call",
            heard_ms + dead_air_total_ms <= duration_ms,
        ),
        (
            "cut replies are replies",
            figures.cut_replies <= figures.replies,
        ),
        (
            "a gap has a length",
            figures.underruns * 40 <= figures.underrun_ms,
        ),
        (
            "padding has a length",
            (figures.gaps == 0) == (figures.gap_ms == 0),
        ),
        (
            "a median of some",
            figures.answers > 0 || figures.answer_p50_ms.is_none(),
        ),
        (
            "the slowest is slowest",
            figures.answer_p50_ms <= figures.answer_max_ms,
        ),
    ];
    let broken = rules.iter().find(|(_, holds)| !holds);
    broken.map(|(rule, _)| format!("{rule}: {figures:?}"))
}

/// The figures of a call given as lines of a journal. Deadlines between them are kept.
fn measured(lines: &str) -> QualityFigures {
    measured_with(false, lines)
}

fn measured_with(protect_greeting: bool, lines: &str) -> QualityFigures {
    let limits = CallLimits {
        max_call_s: 600,
        idle_s: 60,
        max_live_calls: 1,
    };
    let mut config = SessionConfig::new(Opening::Greet("greet".to_owned()), limits);
    config.protect_greeting = protect_greeting;
    let mut session = CallSession::new(config);
    let mut actions = Actions::default();
    for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let Ok(Line::Event(now, event)) = parse_line(line) else {
            panic!("{line}")
        };
        while let Some(deadline) = session.next_deadline().filter(|at| *at < now) {
            actions.clear();
            session.handle(deadline, Event::Wake, &mut actions);
        }
        actions.clear();
        session.handle(now, event.as_event(), &mut actions);
    }
    let figures = session.figures().counted();
    assert_eq!(contradiction(&figures), None);
    figures
}

/// A greeting of one second, which begins after 900 ms.
const GREETED: &str = r#"
    100 s
    105 o
    110 i {"ai":"ready"}
    900 i {"ai":"reply_started","reply":0}
    950 i {"ai":"agent_text","reply":0,"item":0,"text":"שלום","whole":true}
    1000 A 0 0 0 8000
    1000 i {"ai":"reply_ended","reply":0,"end":"completed","usage":{}}
    2050 w
"#;

/// The caller speaks from `from` to `until`: he is loud for so long, and the model says that he stopped later.
fn caller(from: u64, until: u64, noticed: u64) -> String {
    let mut lines = format!("{from} i {{\"ai\":\"speech_started\"}}\n");
    for at in (from + 20..=until).step_by(20) {
        let _ = writeln!(lines, "{at} a - 160 !");
    }
    let _ = writeln!(lines, "{noticed} i {{\"ai\":\"speech_stopped\"}}");
    lines
}

fn reply(number: u32, at: u64, bytes: u64) -> String {
    format!(
        "{at} i {{\"ai\":\"reply_started\",\"reply\":{number}}}\n{at} A {number} {number} 0 {bytes}\n\
         {at} i {{\"ai\":\"reply_ended\",\"reply\":{number},\"end\":\"completed\",\"usage\":{{}}}}\n"
    )
}

#[test]
fn the_first_word_is_counted_from_the_beginning_of_the_stream() {
    let figures = measured(&format!("{GREETED} 3100 x"));
    assert_eq!(figures.first_word_ms, Some(900));
    assert_eq!((figures.duration_ms, figures.agent_ms), (3_000, 1_000));
    assert_eq!((figures.caller_ms, figures.dead_air_total_ms), (0, 0));
    assert_eq!(measured("0 s\n900 x").first_word_ms, None);
}

#[test]
fn an_answer_is_waited_for_since_the_callers_last_sound() {
    let call = format!(
        "{GREETED}{}{}{}{}9000 x",
        caller(3_000, 4_000, 4_500),
        reply(1, 4_800, 8_000),
        caller(6_500, 7_000, 7_200),
        reply(2, 7_300, 1_600),
    );
    let figures = measured(&call);
    assert_eq!(
        figures.caller_ms, 1_500,
        "without the time it took to notice"
    );
    assert_eq!((figures.answers, figures.answer_p50_ms), (2, Some(300)));
    assert_eq!(figures.answer_max_ms, Some(800));
    assert_eq!(
        (figures.dead_air_longest_ms, figures.dead_air_total_ms),
        (800, 1_100)
    );
    assert_eq!(figures.talk_ratio_percent(), Some(2_200 * 100 / 1_500));
}

#[test]
fn a_caller_who_is_not_loud_stops_when_the_model_says_so() {
    let call = format!(
        "{GREETED}3000 i {{\"ai\":\"speech_started\"}}\n4000 i {{\"ai\":\"speech_stopped\"}}\n{}9000 x",
        reply(1, 4_600, 800)
    );
    let figures = measured(&call);
    assert_eq!(
        (figures.caller_ms, figures.answer_max_ms),
        (1_000, Some(600))
    );
}

#[test]
fn a_tool_that_keeps_the_caller_waiting_is_dead_air() {
    let tool = r#"
        4000 i {"ai":"reply_started","reply":1}
        4000 i {"ai":"tool_call","reply":1,"call":"c1","name":"look","arguments":"{}"}
        4010 i {"ai":"reply_ended","reply":1,"end":"completed","usage":{}}
        7000 t {"call":"c1","output":"{}","then":"continue"}
    "#;
    let call = format!(
        "{GREETED}{}{tool}{}9000 x",
        caller(3_000, 3_500, 3_700),
        reply(2, 7_500, 1_600)
    );
    assert_eq!(measured(&call).dead_air_longest_ms, 4_000);
}

#[test]
fn silence_that_nobody_owes_words_in_is_not_dead_air() {
    let call = format!(
        "{GREETED}{}30000 x",
        caller(3_000, 3_500, 3_700) + &reply(1, 3_900, 800)
    );
    let figures = measured(&call);
    assert_eq!(figures.dead_air_total_ms, 400);
    assert_eq!(figures.duration_ms, 29_900);
}

#[test]
fn a_call_that_is_given_up_in_silence_had_it() {
    let call = format!("{GREETED}{}6500 x", caller(3_000, 3_500, 3_700));
    let figures = measured(&call);
    assert_eq!((figures.dead_air_longest_ms, figures.answers), (3_000, 0));
}

#[test]
fn words_that_the_caller_cuts_and_both_speaking_are_counted() {
    // Two seconds are there, 600 ms are heard when he begins; the carrier is cleared at once.
    let call = format!(
        "{GREETED}{}{}{}{}9000 x",
        caller(3_000, 3_500, 3_700),
        reply(1, 4_000, 16_000),
        caller(4_600, 5_000, 5_200),
        reply(2, 5_600, 800),
    );
    let figures = measured(&call);
    assert_eq!((figures.cut_replies, figures.replies), (1, 3));
    assert!((1_300..=2_000).contains(&figures.cut_ms), "{figures:?}");
    assert_eq!(figures.agent_ms, 1_000 + 600 + 100);
    assert_eq!(figures.overlap_ms, 0, "the agent stopped at once");
}

#[test]
fn a_protected_greeting_is_spoken_over() {
    let greeting = "100 s\n105 o\n110 i {\"ai\":\"ready\"}\n900 i {\"ai\":\"reply_started\",\"reply\":0}\n\
                    1000 A 0 0 0 8000\n";
    let call = format!("{greeting}{}3000 x", caller(1_500, 2_400, 2_600));
    let figures = measured_with(true, &call);
    assert_eq!(figures.overlap_ms, 500);
    assert_eq!((figures.agent_ms, figures.caller_ms), (1_000, 900));
}

#[test]
fn a_reply_that_runs_dry_breaks_the_voice() {
    let dry = r#"
        4000 i {"ai":"reply_started","reply":1}
        4000 A 1 1 0 1600
        4500 A 1 1 0 1600
        4730 A 1 1 0 1600
        4750 i {"ai":"reply_ended","reply":1,"end":"completed","usage":{}}
    "#;
    let call = format!("{GREETED}{}{dry}9000 x", caller(3_000, 3_500, 3_700));
    let figures = measured(&call);
    assert_eq!((figures.underruns, figures.underrun_ms), (1, 300));
    assert_eq!(figures.agent_ms, 1_000 + 600);
    let between = format!(
        "{GREETED}{}{}9000 x",
        reply(1, 3_000, 800),
        reply(2, 4_000, 800)
    );
    assert_eq!(measured(&between).underruns, 0, "another reply");
}

#[test]
fn gaps_of_the_callers_sound_are_counted() {
    let call = format!("{GREETED}3000 a 0 160\n3500 a 500 160\n3520 a 520 160\n9000 x");
    let figures = measured(&call);
    assert_eq!((figures.gaps, figures.gap_ms), (1, 480));
}

#[test]
fn both_sides_letters_are_counted() {
    let call = format!(
        "{GREETED}{}\
         3800 i {{\"ai\":\"caller_item\",\"item\":5,\"after\":null}}\n\
         3900 i {{\"ai\":\"caller_text\",\"item\":5,\"text\":\"hello 12\",\"usage\":{{}}}}\n9000 x",
        caller(3_000, 3_500, 3_700)
    );
    let figures = measured(&call);
    assert_eq!(figures.agent_letters.hebrew, 4);
    assert_eq!(figures.caller_letters.latin, 5);
}
