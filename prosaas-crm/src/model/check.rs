//! Checks that every input type shares: bounded texts without control characters, bounded lists.

use prosaas_core::{Error, Result};

/// The longest name or title, in characters.
pub const MAX_NAME: usize = 200;

/// The longest free text, in characters.
pub const MAX_TEXT: usize = 10_000;

/// A one-line text that must be there: trimmed, without control characters, at most `max` characters.
///
/// # Errors
/// `Invalid` names the field and never repeats the text.
pub fn line(field: &'static str, text: &str, max: usize) -> Result<String> {
    let text = text.trim();
    if text.is_empty() || text.chars().any(char::is_control) {
        return Err(wrong(field, max, "a line of text"));
    }
    bounded(field, text, max)
}

/// A text of any number of lines that must be there: trimmed, at most `max` characters.
///
/// # Errors
/// `Invalid`, as [`line()`].
pub fn text(field: &'static str, text: &str, max: usize) -> Result<String> {
    let text = text.trim();
    let is_odd = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t');
    if text.is_empty() || text.chars().any(is_odd) {
        return Err(wrong(field, max, "text"));
    }
    bounded(field, text, max)
}

/// [`text`] that may be missing or blank, which is the same.
///
/// # Errors
/// `Invalid`, as [`line()`].
pub fn optional(field: &'static str, value: Option<&str>, max: usize) -> Result<Option<String>> {
    match value.map(str::trim) {
        None | Some("") => Ok(None),
        Some(value) => text(field, value, max).map(Some),
    }
}

/// A list of at most `max` items.
///
/// # Errors
/// `Invalid` names the field.
pub fn at_most<T>(field: &'static str, items: &[T], max: usize) -> Result<()> {
    if items.len() <= max {
        return Ok(());
    }
    Err(Error::invalid(
        field,
        format!("expected at most {max} items"),
    ))
}

/// A whole number within bounds.
///
/// # Errors
/// `Invalid` names the field and the bounds.
pub fn within<T: Copy + PartialOrd + std::fmt::Display>(
    field: &'static str,
    value: T,
    least: T,
    most: T,
) -> Result<T> {
    if value >= least && value <= most {
        return Ok(value);
    }
    let expected = format!("expected a number from {least} to {most}");
    Err(Error::invalid(field, expected))
}

fn bounded(field: &'static str, text: &str, max: usize) -> Result<String> {
    if text.chars().count() > max {
        return Err(wrong(field, max, "text"));
    }
    Ok(text.to_owned())
}

fn wrong(field: &'static str, max: usize, kind: &str) -> Error {
    Error::invalid(field, format!("expected {kind} of 1 to {max} characters"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_trimmed_and_bounded() {
        assert_eq!(line("name", "  דנה  ", 5).unwrap(), "דנה");
        assert_eq!(text("body", "a\nb", 3).unwrap(), "a\nb");
        assert_eq!(optional("body", Some("  "), 3).unwrap(), None);
        for bad in ["", "   ", "a\nb", "a\u{7}b", "abcdef"] {
            let error = line("name", bad, 5).unwrap_err().to_string();
            assert!(bad.trim().is_empty() || !error.contains(bad), "{error}");
        }
        assert!(text("body", "a\u{0}b", 5).is_err());
    }

    #[test]
    fn numbers_and_lists_have_bounds() {
        assert!(within("n", 5, 1, 5).is_ok());
        assert!(within("n", 6, 1, 5).is_err());
        assert!(at_most("items", &[1, 2], 2).is_ok());
        assert!(at_most("items", &[1, 2], 1).is_err());
    }
}
