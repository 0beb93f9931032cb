//! Journals that were damaged or made up.

use proptest::prelude::*;
use prosaas_core::business::CallLimits;
use prosaas_realtime::journal::{Line, parse_line, replay};
use prosaas_realtime::session::ear::is_loud;
use prosaas_realtime::session::{Event, Opening, SessionConfig};

#[test]
fn a_damaged_journal_names_the_line_and_what_was_expected() {
    for (journal, message) in [
        (
            "",
            "line 0 of the journal is not valid: a configuration line",
        ),
        (
            "0 s\n",
            "line 1 of the journal is not valid: the configuration first",
        ),
        (
            "x",
            "line 1 of the journal is not valid: a time, a letter and the event",
        ),
        (
            "1 a 5 99999999\n",
            "line 1 of the journal is not valid: at most 1 MiB of audio in one event",
        ),
    ] {
        let error = replay(journal.as_bytes(), |_, _, _| {}).unwrap_err();
        assert_eq!(error.to_string(), message);
    }
}

#[test]
fn a_journal_from_before_the_line_was_known_is_still_read() {
    let limits = CallLimits {
        max_call_s: 600,
        idle_s: 15,
        max_live_calls: 1,
    };
    let config = SessionConfig::new(Opening::Wait, limits);
    let mut json = serde_json::to_value(&config).unwrap();
    let object = json.as_object_mut().unwrap();
    object.insert("version".to_owned(), 1.into());
    for new in ["hold_audio", "hold_again_audio", "has_spare_model"] {
        assert!(object.remove(new).is_some(), "{new}");
    }
    let times = object["times"].as_object_mut().unwrap();
    for new in [
        "patience_ms",
        "hold_ms",
        "hold_again_ms",
        "reopen_try_ms",
        "reopen_ms",
        "reopen_held_ms",
    ] {
        assert!(times.remove(new).is_some(), "{new}");
    }
    let Ok(Line::Config(read)) = parse_line(&format!("0 C {json}")) else {
        panic!("{json}")
    };
    assert!(read.hold_audio.is_empty(), "no line was spoken then");
    assert_eq!(read.times, config.times);
}

#[test]
fn a_journal_without_audio_says_whether_the_caller_was_loud() {
    for (line, loud) in [("9 a 0 160", false), ("9 a 0 160 !", true)] {
        let Ok(Line::Event(_, event)) = parse_line(line) else {
            panic!("{line}")
        };
        let Event::Caller(_, audio) = event.as_event() else {
            panic!("{line}")
        };
        assert_eq!((audio.len(), is_loud(audio)), (160, loud), "{line}");
    }
}

proptest! {
    #[test]
    fn any_line_parses_or_is_refused(text in "\\PC{0,80}", letter in "[a-zA-Z?]", time in 0_u64..) {
        let _ = parse_line(&text);
        let _ = parse_line(&format!("{time} {letter} {text}"));
    }
}
