//! The media codec against anything a socket may bring.

#![expect(clippy::unwrap_used, reason = "helpers of tests, which may fail")]

use proptest::prelude::*;
use prosaas_core::leg::MarkId;
use prosaas_twilio::media::{Encoder, Inbound, decode_payload, parse};

const MZ: &str = "MZ0123456789abcdef0123456789abcdef";

fn encoder() -> Encoder {
    Encoder::new(MZ.parse().unwrap())
}

/// Messages in which one piece of a good one is replaced.
fn almost_a_message() -> impl Strategy<Value = String> {
    let words = prop::sample::select(vec![
        "event",
        "media",
        "start",
        "mark",
        "dtmf",
        "stop",
        "payload",
        "digit",
        "name",
        "track",
        "streamSid",
        "callSid",
        "customParameters",
        "timestamp",
        "connected",
        MZ,
    ]);
    let value = prop_oneof![
        words.clone().prop_map(|word| format!("\"{word}\"")),
        any::<i64>().prop_map(|number| number.to_string()),
        any::<f64>().prop_map(|number| number.to_string()),
        Just("null".to_owned()),
        Just("{}".to_owned()),
        Just("[[[]]]".to_owned()),
        "\"(\\\\u[0-9a-f]{4}|\\\\/|[a-zA-Z0-9+=]){0,12}\"",
    ];
    let object = prop::collection::vec((words, value), 0..5).prop_map(|fields| {
        let fields: Vec<String> = fields
            .into_iter()
            .map(|(name, value)| format!("\"{name}\":{value}"))
            .collect();
        format!("{{{}}}", fields.join(","))
    });
    (
        prop::sample::select(vec![
            "connected",
            "start",
            "media",
            "dtmf",
            "mark",
            "stop",
            "new",
        ]),
        object.clone(),
        object,
    )
        .prop_map(|(event, inner, other)| {
            format!(r#"{{"event":"{event}","{event}":{inner},"x":{other}}}"#)
        })
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let text = String::from_utf8_lossy(&bytes);
        let _ = parse(&text);
        let mut audio = Vec::new();
        let decoded = decode_payload(&text, &mut audio);
        prop_assert_eq!(decoded.unwrap_or(0), audio.len());
    }

    #[test]
    fn almost_messages_are_read_or_refused(text in almost_a_message()) {
        if let Ok(Inbound::Media { payload, .. }) = parse(&text) {
            let _ = decode_payload(&payload, &mut Vec::new());
        }
    }

    #[test]
    fn audio_makes_the_round_trip(audio in prop::collection::vec(any::<u8>(), 0..2000)) {
        let mut encoder = encoder();
        let text = encoder.media(&audio);
        let Ok(Inbound::Media { payload, inbound: true, .. }) = parse(text) else {
            panic!("a media message: {text}")
        };
        let mut decoded = Vec::new();
        prop_assert_eq!(decode_payload(&payload, &mut decoded), Ok(audio.len()));
        prop_assert_eq!(decoded, audio);
    }

    #[test]
    fn mark_names_make_the_round_trip(name in any::<String>(), generation in any::<u32>(), seq in any::<u32>()) {
        let mut encoder = encoder();
        prop_assert_eq!(parse(encoder.mark_named(&name)), Ok(Inbound::Mark(name.clone().into())));
        let mark = MarkId { generation, seq };
        let Ok(Inbound::Mark(back)) = parse(encoder.mark(mark)) else { panic!("a mark") };
        prop_assert_eq!(back.parse::<MarkId>().unwrap(), mark);
    }
}

#[test]
fn a_second_frame_reuses_the_buffers_of_the_first() {
    let mut encoder = encoder();
    let mut audio = Vec::new();
    let mut buffers = Vec::new();
    for fill in [0, 0x55, 0xFF] {
        let frame = [fill; 160];
        let text = encoder.media(&frame);
        buffers.push(text.as_ptr());
        let Ok(Inbound::Media {
            payload: std::borrow::Cow::Borrowed(payload),
            ..
        }) = parse(text)
        else {
            panic!("a borrowed payload")
        };
        audio.clear();
        decode_payload(payload, &mut audio).unwrap();
        assert_eq!(audio, frame);
        buffers.push(audio.as_ptr());
    }
    assert_eq!(buffers[0..2], buffers[2..4]);
    assert_eq!(buffers[2..4], buffers[4..6]);
}
