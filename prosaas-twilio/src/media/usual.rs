//! The caller's audio as Twilio writes it, fifty times a second and call.
//!
//! Only the exact form is known here. Whatever differs by a byte is read as any other message.

use super::{StreamSid, decode_payload};

/// Reads a frame of `stream` and appends its audio; gives the frame's timestamp. `None` says nothing about the
/// message, and leaves `audio` as it was.
pub(super) fn frame(text: &str, stream: &StreamSid, audio: &mut Vec<u8>) -> Option<u64> {
    let rest = text.strip_prefix(r#"{"event":"media","sequenceNumber":""#)?;
    let (_, rest) = number(rest)?;
    let rest = rest.strip_prefix(r#"","media":{"track":"inbound","chunk":""#)?;
    let (_, rest) = number(rest)?;
    let rest = rest.strip_prefix(r#"","timestamp":""#)?;
    let (timestamp_ms, rest) = number(rest)?;
    let rest = rest.strip_prefix(r#"","payload":""#)?;
    let rest = rest.strip_suffix(r#""}"#)?.strip_suffix(stream.as_str())?;
    let payload = rest.strip_suffix(r#""},"streamSid":""#)?;
    // A payload that holds a quote or an escape is no base64.
    decode_payload(payload, audio).ok()?;
    Some(timestamp_ms)
}

/// The digits in front of a text, too few to overflow, and what follows them.
fn number(text: &str) -> Option<(u64, &str)> {
    let digits = text.bytes().take(19).take_while(u8::is_ascii_digit).count();
    if digits == 0 || digits == 19 {
        return None;
    }
    let (digits, rest) = text.split_at(digits);
    let value = digits
        .bytes()
        .fold(0, |value, digit| value * 10 + u64::from(digit - b'0'));
    Some((value, rest))
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use proptest::prelude::*;

    use super::super::{Inbound, parse_of};
    use super::*;

    fn sid() -> StreamSid {
        "MZ0123456789abcdef0123456789abcdef".parse().unwrap()
    }

    fn text(sequence: &str, timestamp: &str, payload: &str) -> String {
        format!(
            r#"{{"event":"media","sequenceNumber":"{sequence}","media":{{"track":"inbound","chunk":"7","timestamp":"{timestamp}","payload":"{payload}"}},"streamSid":"{}"}}"#,
            sid()
        )
    }

    /// What the parser of all messages makes of it.
    fn slowly(text: &str) -> Option<(u64, Vec<u8>)> {
        match parse_of(text, &sid()) {
            Ok(Inbound::Media {
                inbound: true,
                timestamp_ms: Some(at),
                payload,
                ..
            }) => {
                let mut audio = Vec::new();
                decode_payload(&payload, &mut audio).ok()?;
                Some((at, audio))
            }
            _ => None,
        }
    }

    #[test]
    fn what_differs_is_left_to_the_parser() {
        let mut audio = vec![1];
        for text in [
            text("1", "", "//8="),
            text("1", "1e3", "//8="),
            text("1", "1234567890123456789", "//8="),
            text("1", "20", r"\/\/8="),
            text("1", "20", r#"//8=","payload":"//8="#),
            text("1", "20", "//8=").replace("MZ0", "MZ1"),
            text("1", "20", "//8=").replace("inbound", "outbound"),
            text("1", "20", "//8=").replace("\"media\",", "\"media\", "),
            text("1", "20", "//8=") + " ",
        ] {
            assert_eq!(frame(&text, &sid(), &mut audio), None, "{text}");
        }
        assert_eq!(audio, [1]);
    }

    proptest! {
        #[test]
        fn both_ways_of_reading_agree(
            sequence in 0_u64..1_000_000,
            timestamp in 0_u64..4_000_000_000,
            audio in prop::collection::vec(any::<u8>(), 0..400),
        ) {
            let text = text(&sequence.to_string(), &timestamp.to_string(), &STANDARD.encode(&audio));
            let mut read = Vec::new();
            prop_assert_eq!(frame(&text, &sid(), &mut read), Some(timestamp));
            prop_assert_eq!(slowly(&text), Some((timestamp, read)));
        }

        #[test]
        fn a_damaged_message_is_never_read_differently(at in 0_usize..300, to in any::<u8>()) {
            let mut bytes = text("12", "340", &STANDARD.encode([0x55; 160])).into_bytes();
            let at = at % bytes.len();
            bytes[at] = to & 0x7F;
            let text = String::from_utf8(bytes).unwrap();
            let mut audio = Vec::new();
            if let Some(timestamp) = frame(&text, &sid(), &mut audio) {
                prop_assert_eq!(slowly(&text), Some((timestamp, audio)));
            }
        }
    }
}
