//! Webhook bodies become types, and nothing in them is lost.

use proptest::prelude::*;
use prosaas_core::{CallStatus, Error};
use prosaas_twilio::webhook::{
    CallStatusCallback, Direction, Form, IncomingCall, Party, RecordingCallback, RecordingStatus,
    StreamEnded, Webhook,
};

const CALL: &str = "CA00000000000000000000000000000001";
const ACCOUNT: &str = "AC00000000000000000000000000000001";
const RECORDING: &str = "RE00000000000000000000000000000001";

fn form(pairs: &[(&str, &str)]) -> Form {
    [("CallSid", CALL), ("AccountSid", ACCOUNT)]
        .iter()
        .chain(pairs)
        .copied()
        .collect()
}

#[test]
fn an_incoming_call_has_its_parties_and_keeps_unknown_fields() {
    let call = IncomingCall::from_form(&form(&[
        ("From", "+972501234567"),
        ("To", "+97231234567"),
        ("CallStatus", "ringing"),
        ("Direction", "inbound"),
        ("CallerName", ""),
        ("FromCity", ""),
        ("SipHeader_X-Order", "7"),
    ]))
    .unwrap();
    assert_eq!(call.call_sid.as_str(), CALL);
    assert_eq!(call.account_sid.as_str(), ACCOUNT);
    assert_eq!(call.our_side().number().unwrap().expose(), "+97231234567");
    assert_eq!(
        call.their_side().number().unwrap().expose(),
        "+972501234567"
    );
    assert_eq!(call.status, Some(CallStatus::Ringing));
    assert_eq!(call.caller_name, None);
    assert_eq!(call.form.get("SipHeader_X-Order"), Some("7"));
}

#[test]
fn on_a_call_we_placed_our_side_is_the_calling_one() {
    let call = IncomingCall::from_form(&form(&[
        ("From", "+97231234567"),
        ("To", "+972501234567"),
        ("Direction", "outbound-api"),
        ("AnsweredBy", "human"),
    ]))
    .unwrap();
    assert_eq!(call.direction, Direction::OutboundApi);
    assert_eq!(call.our_side().number().unwrap().expose(), "+97231234567");
    assert_eq!(call.answered_by.as_deref(), Some("human"));
}

#[test]
fn values_twilio_may_add_or_leave_out_refuse_nothing() {
    let call = IncomingCall::from_form(&form(&[
        ("To", "sip:desk@example.com"),
        ("CallStatus", "parked"),
        ("Direction", "trunking-terminating"),
        ("ErrorCode", "many"),
    ]))
    .unwrap();
    assert_eq!(call.from, Party::Anonymous);
    assert_eq!(call.to, Party::Other("sip:desk@example.com".to_owned()));
    assert_eq!(
        (call.status, call.direction, call.error_code),
        (None, Direction::Unknown, None)
    );
}

#[test]
fn a_missing_field_is_named() {
    let without_to = IncomingCall::from_form(&form(&[("From", "+972501234567")])).unwrap_err();
    assert!(
        matches!(without_to, Error::Invalid { field: "To", .. }),
        "{without_to}"
    );
    let empty = CallStatusCallback::from_form(&Form::default()).unwrap_err();
    assert!(
        matches!(
            empty,
            Error::Invalid {
                field: "AccountSid",
                ..
            }
        ),
        "{empty}"
    );
    let bad_sid = Form::from_iter([("AccountSid", ACCOUNT), ("CallSid", "CA1")]);
    assert!(StreamEnded::from_form(&bad_sid).is_err());
}

#[test]
fn status_callbacks_carry_their_order_and_length() {
    let callback = CallStatusCallback::from_form(&form(&[
        ("CallStatus", "completed"),
        ("SequenceNumber", "3"),
        ("CallDuration", "61"),
        ("Timestamp", "Mon, 23 Nov 2026 03:30:36 +0000"),
        ("SipResponseCode", "200"),
        ("RecordingSid", RECORDING),
    ]))
    .unwrap();
    assert_eq!(callback.status, Some(CallStatus::Completed));
    assert_eq!(
        (callback.sequence, callback.duration_s),
        (Some(3), Some(61))
    );
    assert_eq!(callback.sip_response_code, Some(200));
    assert_eq!(callback.recording_sid.unwrap().as_str(), RECORDING);
}

#[test]
fn recordings_are_named_by_sid() {
    let callback = RecordingCallback::from_form(&form(&[
        ("RecordingSid", RECORDING),
        ("RecordingStatus", "completed"),
        ("RecordingUrl", "https://api.example.com/Recordings/RE1"),
        ("RecordingDuration", "12"),
        ("RecordingChannels", "2"),
        ("RecordingTrack", "both"),
    ]))
    .unwrap();
    assert_eq!(callback.status, RecordingStatus::Completed);
    assert_eq!(
        (callback.duration_s, callback.channels),
        (Some(12), Some(2))
    );
    assert!(
        RecordingCallback::from_form(&form(&[])).is_err(),
        "without a SID there is no recording"
    );
}

#[test]
fn the_action_url_tells_stream_dial_and_record_apart() {
    let stream = StreamEnded::from_form(&form(&[("CallStatus", "in-progress")])).unwrap();
    assert_eq!(
        (stream.dial.is_some(), stream.recorded.is_some()),
        (false, false)
    );

    let dial = StreamEnded::from_form(&form(&[
        ("DialCallStatus", "no-answer"),
        ("DialCallSid", CALL),
        ("RecordingUrl", "https://api.example.com/Recordings/RE1"),
    ]))
    .unwrap();
    assert!(!dial.dial.unwrap().was_answered());
    assert_eq!(
        dial.recorded, None,
        "the recording of a <Dial> is no message somebody left"
    );

    let recorded = StreamEnded::from_form(&form(&[
        ("RecordingUrl", "https://api.example.com/Recordings/RE1"),
        ("RecordingSid", RECORDING),
        ("RecordingDuration", "9"),
        ("Digits", "hangup"),
    ]))
    .unwrap();
    let message = recorded.recorded.unwrap();
    assert_eq!(
        (message.duration_s, message.ended_by.as_deref()),
        (Some(9), Some("hangup"))
    );
}

#[test]
fn debug_of_webhooks_names_nobody() {
    let form = form(&[
        ("From", "+972501234567"),
        ("To", "+97231234567"),
        ("CallerName", "Dana Cohen"),
        ("ForwardedFrom", "+972509999999"),
    ]);
    let printed = format!(
        "{:?} {:?} {:?}",
        IncomingCall::from_form(&form).unwrap(),
        CallStatusCallback::from_form(&form).unwrap(),
        StreamEnded::from_form(&form).unwrap(),
    );
    for secret in ["0501234567", "501234567", "31234567", "Dana", "509999999"] {
        assert!(!printed.contains(secret), "{secret} in {printed}");
    }
}

proptest! {
    #[test]
    fn any_form_is_read_or_refused_without_panic(
        pairs in proptest::collection::vec(("(From|To|CallStatus|SequenceNumber|RecordingSid|\\PC{0,5})", "\\PC{0,12}"), 0..8),
    ) {
        let some: Form = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let valid_sids = form(&pairs.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect::<Vec<_>>());
        for form in [some, valid_sids] {
            let _ = IncomingCall::from_form(&form);
            let _ = CallStatusCallback::from_form(&form);
            let _ = RecordingCallback::from_form(&form);
            if let Ok(ended) = StreamEnded::from_form(&form) {
                prop_assert_eq!(ended.form, form);
            }
        }
    }
}
