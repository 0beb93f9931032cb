use super::*;

const MZ: &str = "MZ0123456789abcdef0123456789abcdef";

fn start_text() -> String {
    format!(
        r#"{{"event":"start","sequenceNumber":"1","streamSid":"{MZ}","start":{{"streamSid":"{MZ}",
        "accountSid":"AC0123456789abcdef0123456789abcdef","callSid":"CA0123456789abcdef0123456789abcdef",
        "tracks":["inbound"],"customParameters":{{"token":"s3cret","x\ny":"\"q\""}},
        "mediaFormat":{{"encoding":"audio/x-mulaw","sampleRate":8000,"channels":1,"new":[1]}}}}}}"#
    )
}

#[test]
fn start_is_read_and_its_token_is_not_printed() {
    let text = start_text();
    let Ok(Inbound::Start(start)) = parse(&text) else {
        panic!("a start message")
    };
    assert_eq!(start.stream_sid.as_str(), MZ);
    assert_eq!(start.parameters["token"], "s3cret");
    assert_eq!(start.parameters["x\ny"], "\"q\"");
    assert!(start.is_mulaw_8k_mono());
    assert!(!format!("{:?}", parse(&text)).contains("s3cret"));
}

#[test]
fn media_is_read_with_texts_numbers_and_escapes() {
    for text in [
        r#"{"event":"media","sequenceNumber":"4","streamSid":"MZ","media":{"track":"inbound","chunk":"2","timestamp":"20","payload":"//8="}}"#,
        r#"{"media":{"payload":"\/\/8=","timestamp":20,"chunk":2,"track":"inbound"},"sequenceNumber":4,"event":"media","x":{"y":[]}}"#,
        r#"{"event":"media","sequenceNumber":4.0,"streamSid":"\u004dZ","media":{"chunk":2,"timestamp":20,"payload":"//8="}}"#,
    ] {
        let Ok(Inbound::Media {
            inbound,
            timestamp_ms,
            chunk,
            sequence,
            payload,
        }) = parse(text)
        else {
            panic!("media: {text}")
        };
        assert_eq!(
            (inbound, timestamp_ms, chunk, sequence),
            (true, Some(20), Some(2), Some(4)),
            "{text}"
        );
        let mut audio = vec![1];
        assert_eq!(decode_payload(&payload, &mut audio), Ok(2));
        assert_eq!(audio, [1, 255, 255]);
    }
}

#[test]
fn the_usual_media_message_is_borrowed() {
    let text =
        r#"{"event":"media","streamSid":"MZ","media":{"track":"outbound","payload":"//8="}}"#;
    match parse(text) {
        Ok(Inbound::Media {
            payload: Cow::Borrowed("//8="),
            inbound: false,
            ..
        }) => {}
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_small_messages() {
    for (text, want) in [
        (
            r#"{"event":"connected","protocol":"Call","version":"1.0.0"}"#,
            Inbound::Connected,
        ),
        (
            r#"{"event":"stop","stop":{"callSid":"CA"},"sequenceNumber":"9"}"#,
            Inbound::Stop,
        ),
        (
            r##"{"event":"dtmf","dtmf":{"track":"inbound_track","digit":"#"}}"##,
            Inbound::Dtmf('#'),
        ),
        (
            r#"{"event":"mark","mark":{"name":"3:17"}}"#,
            Inbound::Mark("3:17".into()),
        ),
        (r#"{"event":"brand-new","media":7}"#, Inbound::Unknown),
    ] {
        assert_eq!(parse(text), Ok(want), "{text}");
    }
}

#[test]
fn what_is_wrong_is_named() {
    for (text, want) in [
        ("", Malformed::NotAMessage),
        ("[]", Malformed::NotAMessage),
        (r#"{"event":"media"}"#, Malformed::Missing("media")),
        (
            r#"{"event":"media","media":{"payload":3}}"#,
            Malformed::NotAMessage,
        ),
        (r#"{"event":"mark"}"#, Malformed::Missing("mark")),
        (
            r#"{"event":"dtmf","dtmf":{"digit":"12"}}"#,
            Malformed::Digit,
        ),
        (
            r#"{"event":"start","start":{"streamSid":"MZ1","callSid":"CA1","accountSid":"AC1"}}"#,
            Malformed::Sid,
        ),
    ] {
        assert_eq!(parse(text), Err(want), "{text}");
    }
    assert_eq!(
        parse(&" ".repeat(MAX_MESSAGE_BYTES + 1)),
        Err(Malformed::TooLong)
    );
}

#[test]
fn a_bad_payload_leaves_the_audio_alone() {
    let mut audio = vec![7];
    assert_eq!(decode_payload("AAA*", &mut audio), Err(Malformed::Payload));
    assert_eq!(
        decode_payload(&"A".repeat(100_000), &mut audio),
        Err(Malformed::TooLong)
    );
    assert_eq!(audio, [7]);
    assert_eq!(
        decode_payload("//8", &mut audio),
        Ok(2),
        "padding may be missing"
    );
}

#[test]
fn messages_to_twilio_hold_the_documented_fields_only() {
    let mut encoder = Encoder::new(MZ.parse().unwrap());
    insta::assert_snapshot!(encoder.media(&[0xFF, 0xFF]), @r#"{"event":"media","streamSid":"MZ0123456789abcdef0123456789abcdef","media":{"payload":"//8="}}"#);
    insta::assert_snapshot!(encoder.mark(MarkId { generation: 2, seq: 5 }), @r#"{"event":"mark","streamSid":"MZ0123456789abcdef0123456789abcdef","mark":{"name":"2:5"}}"#);
    insta::assert_snapshot!(encoder.mark_named("a\"b"), @r#"{"event":"mark","streamSid":"MZ0123456789abcdef0123456789abcdef","mark":{"name":"a\"b"}}"#);
    insta::assert_snapshot!(encoder.clear(), @r#"{"event":"clear","streamSid":"MZ0123456789abcdef0123456789abcdef"}"#);
}
