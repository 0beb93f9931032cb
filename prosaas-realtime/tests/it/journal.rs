//! Journals that were damaged or made up.

use proptest::prelude::*;
use prosaas_realtime::journal::{parse_line, replay};

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

proptest! {
    #[test]
    fn any_line_parses_or_is_refused(text in "\\PC{0,80}", letter in "[a-zA-Z?]", time in 0_u64..) {
        let _ = parse_line(&text);
        let _ = parse_line(&format!("{time} {letter} {text}"));
    }
}
