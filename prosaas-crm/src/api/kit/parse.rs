//! What a deserialiser complains of, without what the client sent.

/// Whether brackets nest deeper than `limit`; strings are skipped.
pub(super) fn is_deeper_than(json: &[u8], limit: usize) -> bool {
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for byte in json {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'[' | b'{' => {
                depth += 1;
                if depth > limit {
                    return true;
                }
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    false
}

/// How serde begins messages that repeat what was sent.
const QUOTES_INPUT: [&str; 6] = [
    "invalid type",
    "invalid value",
    "invalid length",
    "invalid digit",
    "unknown variant",
    "unknown field",
];

/// How it begins those that name our own fields.
const OURS: [&str; 2] = ["missing field", "duplicate field"];

/// The part of serde's message that says what was expected. The rest repeats what was sent, which may be
/// a password or somebody's phone number.
pub(super) fn expectation(message: &str) -> String {
    let message = message
        .split_once(" at line ")
        .map_or(message, |(text, _)| text);
    if QUOTES_INPUT.iter().any(|start| message.starts_with(start)) {
        let expected = message.rsplit_once(", expected ").map(|(_, text)| text);
        let what = if message.starts_with("unknown field") {
            "unknown field; "
        } else {
            ""
        };
        return expected.map_or_else(
            || format!("{what}expected something else"),
            |text| format!("{what}expected {text}"),
        );
    }
    if OURS.iter().any(|start| message.starts_with(start)) {
        return message.to_owned();
    }
    // The messages of our own types name what they expect and never the value.
    match message.split_once("expected ") {
        Some((_, text)) => format!("expected {text}"),
        None => "not valid".to_owned(),
    }
}

/// A JSON pointer for the path that `serde_path_to_error` found.
pub(super) fn pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    let mut pointer = String::new();
    for segment in path {
        let part = match segment {
            Segment::Seq { index } => index.to_string(),
            Segment::Map { key } | Segment::Enum { variant: key } => {
                key.replace('~', "~0").replace('/', "~1")
            }
            Segment::Unknown => continue,
        };
        pointer.push('/');
        pointer.push_str(&part);
    }
    // A key is the client's own text: a short word may be repeated, a page may not.
    pointer.chars().take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depth_is_counted_outside_strings() {
        assert!(!is_deeper_than(br#"{"a":"[[[[[","b":[1]}"#, 2));
        assert!(is_deeper_than(br#"{"a":[[1]]}"#, 2));
        assert!(!is_deeper_than(br#"["\"[[["]"#, 1));
        assert!(is_deeper_than("[".repeat(100_000).as_bytes(), 64));
    }

    #[test]
    fn messages_do_not_repeat_what_was_sent() {
        for (message, expected) in [
            (
                "invalid type: string \"hunter2, expected x\", expected u32 at line 1 column 9",
                "expected u32",
            ),
            (
                "unknown field `hunter2`, expected `name` or `phone`",
                "unknown field; expected `name` or `phone`",
            ),
            (
                "unknown field `hunter2`, there are no fields",
                "unknown field; expected something else",
            ),
            ("missing field `name` at line 1", "missing field `name`"),
            (
                "LeadId is not valid: expected `lead_` and 32 lower-case hex digits",
                "expected `lead_` and 32 lower-case hex digits",
            ),
            ("hunter2 is wrong", "not valid"),
        ] {
            assert_eq!(expectation(message), expected);
        }
    }
}
