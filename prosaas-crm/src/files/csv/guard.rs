//! Cells that a spreadsheet must not take for a formula.

use std::borrow::Cow;

/// Whether a spreadsheet may compute with the cell instead of showing it.
///
/// The full-width signs are taken for the ASCII ones by some versions of Excel; a tab or a line end is
/// skipped by some before they look at the next character.
fn is_formula(cell: &str) -> bool {
    cell.trim_start_matches(' ').starts_with([
        '=', '+', '-', '@', '\t', '\r', '\n', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}',
    ])
}

/// The cell as it may be written to a file: one that could be a formula gets an apostrophe before it,
/// which spreadsheets read as "this is text". A phone number such as `+972...` becomes text as well,
/// and keeps its plus and its last digits.
///
/// A cell that begins with apostrophes and goes on like a formula gets one more, so that taking one
/// away ([`unguarded`]) always gives back what was there.
pub fn guarded(cell: &str) -> Cow<'_, str> {
    if is_formula(cell.trim_start_matches('\'')) {
        Cow::Owned(format!("'{cell}"))
    } else {
        Cow::Borrowed(cell)
    }
}

/// What a cell of a file means: without the apostrophe that [`guarded`] put before it.
pub fn unguarded(cell: &str) -> &str {
    match cell.strip_prefix('\'') {
        Some(rest) if is_formula(rest.trim_start_matches('\'')) => rest,
        _ => cell,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn formulas_become_text() {
        for cell in [
            "=1+1",
            "+972501234567",
            "-1",
            "@SUM(A1)",
            "\t=1",
            "\r=1",
            "\n=1",
            " =1",
            "=HYPERLINK(\"http://example.com\",\"x\")",
            "=cmd|' /C calc'!A0",
            "＝1",
            "-2+3+cmd|' /C calc'!A0",
        ] {
            assert_eq!(guarded(cell), format!("'{cell}"));
        }
        for cell in ["", "Dana", "0501234567", "a=b", "it's", "'quoted'", "דנה"] {
            assert_eq!(guarded(cell), cell);
            assert_eq!(unguarded(cell), cell);
        }
    }

    proptest! {
        #[test]
        fn guarding_loses_nothing_and_leaves_no_formula(cell in "['=+@\t -]{0,4}\\PC{0,8}") {
            let safe = guarded(&cell);
            prop_assert!(!is_formula(&safe));
            prop_assert_eq!(unguarded(&safe), cell.as_str());
        }
    }
}
