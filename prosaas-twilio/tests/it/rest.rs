//! The REST client against the fake API.

#![expect(clippy::unwrap_used, reason = "helpers of tests, which may fail")]

use std::sync::Arc;
use std::time::Duration;

use prosaas_core::{CallSid, CallStatus, ErrorClass, RecordingSid, SecretString};
use prosaas_twilio::rest::{
    Address, Backoff, Client, ClientConfig, CreateCall, Document, Error, MachineDetection,
    NumberSetup, SendMessage, Sender, StatusEvent,
};
use prosaas_twilio::testkit::rest_api::{FakeCall, FakeRestApi, Fault};
use prosaas_twilio::twiml::{Dial, Response, Say};

use crate::support::{NoSleep, account, http, number};

const SECRET: &str = "0123456789abcdef0123456789abcdef";

struct Setup {
    api: FakeRestApi,
    client: Client,
    slept: Arc<NoSleep>,
}

fn client(base_url: &str, secret: &str, slept: &Arc<NoSleep>) -> Result<Client, Error> {
    let config = ClientConfig {
        base_url: base_url.to_owned(),
        account: account(),
        api_key: None,
        secret: SecretString::from(secret),
        backoff: Backoff::ADVISED,
        sleeper: Arc::<NoSleep>::clone(slept),
    };
    Client::new(config, http())
}

async fn setup() -> Setup {
    let api = FakeRestApi::start(account(), SecretString::from(SECRET))
        .await
        .unwrap();
    let slept = Arc::new(NoSleep::default());
    let client = client(api.base_url(), SECRET, &slept).unwrap();
    Setup { api, client, slept }
}

impl Setup {
    fn waits(&self) -> Vec<Duration> {
        self.slept.0.lock().unwrap().clone()
    }

    fn live_call(&self) -> CallSid {
        let sid: CallSid = "CA0000000000000000000000000000000a".parse().unwrap();
        self.api
            .add_call(&sid, FakeCall::new(CallStatus::InProgress));
        sid
    }
}

fn a_call() -> CreateCall {
    let document = Document::Url("https://v.example.com/outbound".into());
    CreateCall::new(number("+97231234567"), number("+972501234567"), document)
}

#[tokio::test]
async fn a_call_is_created_with_the_documented_form() {
    let setup = setup().await;
    let mut call = a_call();
    call.status_callback = Some("https://v.example.com/status".into());
    call.status_events = vec![StatusEvent::Answered, StatusEvent::Completed];
    call.machine_detection = Some(MachineDetection::Enable);
    call.ring_timeout_s = Some(20);
    let created = setup.client.create_call(call).await.unwrap();
    assert_eq!(created.status, CallStatus::Queued);
    assert_eq!(
        setup.client.fetch_call(&created.sid).await.unwrap(),
        created
    );

    let received = setup.api.received();
    assert!(received[0].authorized);
    assert_eq!(received[0].path, "/Calls.json");
    let form: Vec<(&str, &str)> = received[0]
        .form
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    assert_eq!(
        form,
        [
            ("To", "+97231234567"),
            ("From", "+972501234567"),
            ("Url", "https://v.example.com/outbound"),
            ("StatusCallback", "https://v.example.com/status"),
            ("StatusCallbackEvent", "answered"),
            ("StatusCallbackEvent", "completed"),
            ("Timeout", "20"),
            ("MachineDetection", "Enable"),
        ]
    );
}

#[tokio::test]
async fn refused_for_frequency_is_asked_again_after_the_time_asked_for() {
    let setup = setup().await;
    setup.api.fail_next(1, Fault::RateLimited(Some(7)));
    setup.api.fail_next(2, Fault::RateLimited(None));
    setup.client.create_call(a_call()).await.unwrap();
    let waits = setup.waits();
    assert_eq!(waits.len(), 3);
    assert_eq!(waits[0], Duration::from_secs(7));
    let ms = |range: std::ops::RangeInclusive<u64>, wait: Duration| {
        assert!(
            range.contains(&(wait.as_millis() as u64)),
            "{wait:?} is not in {range:?}"
        );
    };
    ms(100..=200, waits[1]);
    ms(200..=400, waits[2]);
}

#[tokio::test]
async fn tries_end() {
    let setup = setup().await;
    setup.api.fail_next(9, Fault::RateLimited(None));
    let error = setup.client.create_call(a_call()).await.unwrap_err();
    assert!(matches!(error, Error::RateLimited { .. }), "{error}");
    assert_eq!(error.class(), ErrorClass::Retry);
    assert_eq!(setup.api.received().len(), 5);
}

#[tokio::test]
async fn what_may_have_happened_is_not_done_twice() {
    for fault in [Fault::Status(500), Fault::DoneBut(502), Fault::NotJson(503)] {
        let setup = setup().await;
        setup.api.fail_next(1, fault);
        let error = setup.client.create_call(a_call()).await.unwrap_err();
        assert!(
            matches!(
                error,
                Error::Ambiguous {
                    status: Some(500..=503),
                    ..
                }
            ),
            "{error}"
        );
        assert!(error.to_string().contains("look it up"), "{error}");
        let message = SendMessage::text(
            Address::WhatsApp(number("+972501234567")),
            Sender::Address(Address::WhatsApp(number("+97231234567"))),
            "hello",
        );
        setup.api.fail_next(1, Fault::Status(500));
        let error = setup.client.send_message(message).await.unwrap_err();
        assert!(matches!(error, Error::Ambiguous { .. }), "{error}");
        assert_eq!(setup.api.received().len(), 2, "one request each");
        assert!(setup.waits().is_empty());
    }
}

#[tokio::test]
async fn reading_is_tried_again() {
    let setup = setup().await;
    let sid = setup.live_call();
    setup.api.fail_next(1, Fault::Status(500));
    setup.api.fail_next(1, Fault::NotJson(502));
    assert_eq!(
        setup.client.fetch_call(&sid).await.unwrap().status,
        CallStatus::InProgress
    );
    setup.api.fail_next(5, Fault::NotJson(502));
    let error = setup.client.fetch_call(&sid).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "Twilio did not answer the request for call: status 502"
    );
    assert_eq!(prosaas_core::Error::from(error).class(), ErrorClass::Retry);
}

#[tokio::test]
async fn nobody_listening_is_safe_to_repeat() {
    let slept = Arc::new(NoSleep::default());
    let free_port = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", free_port.local_addr().unwrap());
    drop(free_port);
    let client = client(&base, SECRET, &slept).unwrap();
    let error = client.create_call(a_call()).await.unwrap_err();
    assert!(matches!(error, Error::Unavailable { .. }), "{error}");
    assert_eq!(slept.0.lock().unwrap().len(), 4);
    assert!(!error.to_string().contains("97231234567"), "{error}");
}

#[tokio::test]
async fn ending_a_call_that_is_over_is_a_success() {
    let setup = setup().await;
    let sid = setup.live_call();
    setup.client.end_call(&sid).await.unwrap();
    assert_eq!(setup.api.call(&sid).unwrap().status, CallStatus::Completed);
    setup.client.end_call(&sid).await.unwrap();
    let unknown: CallSid = "CA0000000000000000000000000000000b".parse().unwrap();
    setup.client.end_call(&unknown).await.unwrap();
    setup.api.fail_next(2, Fault::Status(500));
    setup.client.end_call(&sid).await.unwrap();
    assert_eq!(
        setup.waits().len(),
        2,
        "ending twice is harmless, so 500 is tried again"
    );
}

#[tokio::test]
async fn a_live_call_is_redirected_and_transferred() {
    let setup = setup().await;
    let sid = setup.live_call();
    let mut dial = Dial::new(number("+97239876543"));
    dial.action = Some("/relative".into());
    let error = setup.client.transfer(&sid, dial.clone()).await.unwrap_err();
    assert_eq!(error.class(), ErrorClass::Invalid);
    dial.action = None;
    setup.client.transfer(&sid, dial).await.unwrap();
    let (kind, document) = setup.api.call(&sid).unwrap().document.unwrap();
    assert_eq!(kind, "Twiml");
    assert!(document.ends_with("<Dial><Number>+97239876543</Number></Dial></Response>"));

    let long = Response::new().say(Say::new("x".repeat(4000)));
    let error = setup
        .client
        .update_call(&sid, Document::Twiml(long))
        .await
        .unwrap_err();
    assert_eq!(error.class(), ErrorClass::Invalid);

    setup.client.end_call(&sid).await.unwrap();
    let document = Document::Url("https://v.example.com/x".into());
    let error = setup.client.update_call(&sid, document).await.unwrap_err();
    assert!(error.call_is_over(), "{error}");
    assert!(error.to_string().contains("21220"), "{error}");
}

#[tokio::test]
async fn a_recording_that_is_not_there_yet_is_waited_for() {
    let setup = setup().await;
    let sid: RecordingSid = "RE0000000000000000000000000000000a".parse().unwrap();
    setup.api.add_recording(&sid, vec![5; 100_000]);
    setup.api.fail_next(2, Fault::NotFound);
    let mut wav = Vec::new();
    assert_eq!(
        setup
            .client
            .fetch_recording(&sid, 100_000, &mut wav)
            .await
            .unwrap(),
        100_000
    );
    assert_eq!(wav, vec![5; 100_000]);
    assert_eq!(setup.waits().len(), 2);

    let error = setup
        .client
        .fetch_recording(&sid, 99_999, &mut Vec::new())
        .await
        .unwrap_err();
    assert!(
        matches!(error, Error::TooLarge { limit: 99_999, .. }),
        "{error}"
    );

    setup.client.delete_recording(&sid).await.unwrap();
    assert!(!setup.api.has_recording(&sid));
    setup.client.delete_recording(&sid).await.unwrap();
    let error = setup
        .client
        .fetch_recording(&sid, 1, &mut Vec::new())
        .await
        .unwrap_err();
    assert_eq!(error.class(), ErrorClass::NotFound);
}

#[tokio::test]
async fn credentials_are_not_led_elsewhere() {
    let setup = setup().await;
    let elsewhere = FakeRestApi::start(account(), SecretString::from(SECRET))
        .await
        .unwrap();
    let sid: RecordingSid = "RE0000000000000000000000000000000a".parse().unwrap();
    elsewhere.add_recording(&sid, vec![1]);
    let target = format!("{}.wav", elsewhere.recording_url(&sid));
    setup.api.fail_next(1, Fault::Redirect(target));
    let error = setup
        .client
        .fetch_recording(&sid, 10, &mut Vec::new())
        .await
        .unwrap_err();
    assert!(
        matches!(error, Error::Refused { status: 307, .. }),
        "{error}"
    );
    assert!(elsewhere.received().is_empty());

    for bad in [
        "http://api.example.com",
        "ftp://127.0.0.1",
        "api.twilio.com",
        "http://127.0.0.1.example.com",
    ] {
        let error = client(bad, SECRET, &setup.slept).unwrap_err();
        assert_eq!(error.class(), ErrorClass::Invalid, "{bad}");
    }
}

#[tokio::test]
async fn a_wrong_secret_is_said_so_and_not_shown() {
    let setup = setup().await;
    let stranger = client(setup.api.base_url(), "wrong-secret-value", &setup.slept).unwrap();
    let error = stranger.create_call(a_call()).await.unwrap_err();
    assert_eq!(error.class(), ErrorClass::Forbidden);
    assert!(error.to_string().contains("20003"), "{error}");
    let printed = format!("{stranger:?} {error:?}");
    assert!(!printed.contains("wrong-secret-value"), "{printed}");
    assert_eq!(setup.api.received().len(), 1);
}

#[tokio::test]
async fn numbers_are_listed_over_all_pages_found_and_set_up() {
    let setup = setup().await;
    setup.api.set_page_size(2);
    for digit in 0..5 {
        setup.api.add_number(number(&format!("+9723123456{digit}")));
    }
    assert_eq!(setup.client.list_numbers(None).await.unwrap().len(), 5);
    assert_eq!(setup.api.received().len(), 3);

    let found = setup
        .client
        .find_number(&number("+97231234563"))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(found.phone_number, number("+97231234563"));
    assert!(
        setup
            .client
            .find_number(&number("+97239999999"))
            .await
            .unwrap()
            .is_none()
    );

    let updated = setup
        .client
        .update_number(
            &found.sid,
            NumberSetup {
                voice_url: "https://v.example.com/webhook/incoming_call".into(),
                voice_fallback_url: None,
                status_callback: Some("https://v.example.com/webhook/call_status".into()),
            },
        )
        .await
        .unwrap();
    assert_eq!(
        updated.voice_url.as_deref(),
        Some("https://v.example.com/webhook/incoming_call")
    );
    let sid = found.sid.as_str();
    assert_eq!(
        setup.api.number_setting(sid, "VoiceMethod").as_deref(),
        Some("POST")
    );
    assert_eq!(
        setup
            .api
            .number_setting(sid, "StatusCallbackMethod")
            .as_deref(),
        Some("POST")
    );
}

#[tokio::test]
async fn a_message_is_sent_with_whatsapp_addresses() {
    let setup = setup().await;
    let mut message = SendMessage::text(
        Address::WhatsApp(number("+972501234567")),
        Sender::Address(Address::WhatsApp(number("+97231234567"))),
        "שלום",
    );
    message.media_urls = vec![
        "https://a.example.com/1".into(),
        "https://a.example.com/2".into(),
    ];
    message.template = Some(("HX1".into(), r#"{"1":"x"}"#.into()));
    let sent = setup.client.send_message(message).await.unwrap();
    assert_eq!(sent.status, "queued");
    let messages = setup.api.messages();
    assert_eq!(messages[0].to, "whatsapp:+972501234567");
    assert_eq!(messages[0].from, "whatsapp:+97231234567");
    assert_eq!(messages[0].body, "שלום");
    let received = setup.api.received();
    let form = &received[0].form;
    assert_eq!(
        form.iter().filter(|(name, _)| name == "MediaUrl").count(),
        2
    );
    assert_eq!(received[0].field("ContentVariables"), Some(r#"{"1":"x"}"#));
}
