use super::*;

fn number(text: &str) -> E164 {
    E164::parse(text).unwrap()
}

#[test]
fn an_answered_call() {
    let xml = Response::new()
        .start_recording(StartRecording {
            recording_status_callback: Some(
                "https://v.example.com/webhook/handle_recording".into(),
            ),
            channels: Some(RecordingChannels::Dual),
            trim_silence: Some(false),
        })
        .connect_stream(
            Stream::new("wss://v.example.com/media")
                .parameter("token", "t&t")
                .action("https://v.example.com/webhook/stream_ended"),
        )
        .redirect("/webhook/stream_ended")
        .to_xml();
    insta::assert_snapshot!(xml, @r#"<?xml version="1.0" encoding="UTF-8"?><Response><Start><Recording channels="dual" recordingStatusCallback="https://v.example.com/webhook/handle_recording" trim="do-not-trim"/></Start><Connect action="https://v.example.com/webhook/stream_ended"><Stream url="wss://v.example.com/media"><Parameter name="token" value="t&amp;t"/></Stream></Connect><Redirect>/webhook/stream_ended</Redirect></Response>"#);
}

#[test]
fn voicemail_and_its_attributes_in_order() {
    let xml = Response::new()
        .say(
            Say::new("שלום")
                .voice("Google.he-IL-Standard-A")
                .language("he-IL"),
        )
        .record(RecordVerb {
            action: Some("/a".into()),
            max_length_s: Some(120),
            timeout_s: Some(5),
            play_beep: Some(true),
            trim_silence: Some(true),
            finish_on_key: Some("#".into()),
            recording_status_callback: Some("/r".into()),
        })
        .hangup()
        .to_xml();
    insta::assert_snapshot!(xml, @r##"<?xml version="1.0" encoding="UTF-8"?><Response><Say language="he-IL" voice="Google.he-IL-Standard-A">שלום</Say><Record action="/a" finishOnKey="#" maxLength="120" playBeep="true" recordingStatusCallback="/r" timeout="5" trim="trim-silence"/><Hangup/></Response>"##);
}

#[test]
fn transfer_reject_and_the_rest() {
    let mut dial = Dial::new(number("+97231234567"));
    dial.caller_id = Some(number("+972501234567"));
    dial.timeout_s = Some(25);
    dial.answer_on_bridge = Some(true);
    dial.action = Some("/dialled".into());
    let mut gather = Gather::new(GatherInput::DtmfSpeech);
    gather.num_digits = Some(1);
    gather.prompt = Some(Say::new("Press a key"));
    let xml = Response::new()
        .play("/hello.wav")
        .pause(2)
        .gather(gather)
        .dial(dial)
        .reject(RejectReason::Busy)
        .to_xml();
    insta::assert_snapshot!(xml, @r#"<?xml version="1.0" encoding="UTF-8"?><Response><Play>/hello.wav</Play><Pause length="2"/><Gather input="dtmf speech" numDigits="1"><Say>Press a key</Say></Gather><Dial action="/dialled" answerOnBridge="true" callerId="+972501234567" timeout="25"><Number>+97231234567</Number></Dial><Reject reason="busy"/></Response>"#);
}

#[test]
fn text_cannot_become_markup_and_control_characters_vanish() {
    let xml = Response::new()
        .say(Say::new("\u{0}a</Say><Dial>\u{1b}\u{ffff}]]>\r\n&"))
        .to_xml();
    insta::assert_snapshot!(xml, @r#"
    <?xml version="1.0" encoding="UTF-8"?><Response><Say>a&lt;/Say&gt;&lt;Dial&gt;]]&gt;
    &amp;</Say></Response>
    "#);
}

#[test]
fn a_long_say_is_cut_at_a_character() {
    let xml = Response::new()
        .say(Say::new("ש".repeat(MAX_SAY_CHARS + 9)))
        .to_xml();
    assert_eq!(xml.matches('ש').count(), MAX_SAY_CHARS);
}

#[test]
fn printing_for_a_log_hides_token_and_number() {
    let response = blind_transfer(number("+97231234567"), None)
        .connect_stream(Stream::new("wss://v.example.com/media").parameter("token", "s3cret"));
    let printed = format!("{response:?}");
    assert!(
        !printed.contains("s3cret") && !printed.contains("+97231234567"),
        "{printed}"
    );
}
