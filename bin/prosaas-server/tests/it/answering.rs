//! `POST /webhook/incoming_call`: who is believed, whose call it is, and what the caller hears.

use prosaas_core::CallEnd;
use prosaas_crm::testkit::{OPERATOR, scope};
use prosaas_crm::{BusinessAdmin as _, CallStore as _, LeadStore as _};

use crate::support::{
    ACCOUNT, CALLER, NUMBER, Setup, TestApp, e164, incoming, sid, status, token_in, until,
};

const PATH: &str = "/webhook/incoming_call";

#[tokio::test]
async fn a_call_is_connected_to_the_media_socket_with_a_token_and_a_way_back() {
    let app = TestApp::start().await;
    let business = app.business(NUMBER).await;
    let answer = app.ring(&sid(1)).await;
    assert_eq!(answer.status, 200);
    let twiml = answer.body.replace(&token_in(&answer.body), "TOKEN");
    insta::assert_snapshot!(twiml, @r#"<?xml version="1.0" encoding="UTF-8"?><Response><Connect action="https://voice.test/webhook/stream_ended/1"><Stream url="wss://voice.test/media"><Parameter name="token" value="TOKEN"/></Stream></Connect><Redirect>https://voice.test/webhook/stream_ended/1</Redirect></Response>"#);
    let call = app.only_call(&business).await;
    assert_eq!(call.record.call.caller, Some(e164(CALLER)));
    assert_eq!(call.record.call.business_number, e164(NUMBER));
}

#[tokio::test]
async fn a_recorded_business_starts_the_recording_first() {
    let app = TestApp::start().await;
    app.business_with(NUMBER, |business| business.record_calls = true)
        .await;
    let twiml = app.ring(&sid(1)).await.body;
    let start = r#"<Response><Start><Recording channels="dual" recordingStatusCallback="https://voice.test/webhook/handle_recording"/></Start><Connect"#;
    assert!(twiml.contains(start), "{twiml}");
}

#[tokio::test]
async fn what_is_not_signed_is_refused_and_nothing_is_written() {
    let app = TestApp::start().await;
    let business = app.business(NUMBER).await;
    let call = sid(1);
    let fields = incoming(&call);
    for signature in [
        None,
        Some(""),
        Some("AAAA"),
        Some("e0GmqBkvxq6zSb3GV9yWsDux0v4="),
    ] {
        for path in [
            PATH,
            "/webhook/call_status",
            "/webhook/handle_recording",
            "/webhook/stream_ended",
            "/webhook/stream_ended/1",
        ] {
            let answer = app.post_as(path, &fields, signature).await;
            assert_eq!(
                (answer.status, answer.body.as_str()),
                (403, ""),
                "{path} {signature:?}"
            );
        }
    }
    assert_eq!(app.calls(&business).await, []);
    assert_eq!(app.leads(&business).await, 0);
    assert!(app.legs_of_calls().is_empty(), "no model connection either");
}

#[tokio::test]
async fn a_changed_field_breaks_the_signature() {
    let app = TestApp::start().await;
    let business = app.business(NUMBER).await;
    let call = sid(1);
    let key = prosaas_twilio::signature::SignatureKey::auth_token(
        crate::support::AUTH_TOKEN.to_owned().into(),
    );
    let url = format!("{}{PATH}", crate::support::PUBLIC);
    let signature = prosaas_twilio::signature::sign(&key, &url, incoming(&call));
    let mut changed = incoming(&call);
    changed[2].1 = "+972501234568";
    assert_eq!(
        app.post_as(PATH, &changed, Some(&signature)).await.status,
        403
    );
    assert_eq!(app.calls(&business).await, []);
    assert_eq!(
        app.post_as(PATH, &incoming(&call), Some(&signature))
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn production_without_a_token_answers_500() {
    for switch in ["true", "false"] {
        let setup = Setup::default()
            .without("TWILIO_AUTH_TOKEN")
            .var("VALIDATE_TWILIO_SIGNATURE", switch);
        let app = setup.start().await;
        let business = app.business(NUMBER).await;
        assert_eq!(app.ring(&sid(1)).await.status, 500);
        assert_eq!(
            app.post_as(PATH, &incoming(&sid(1)), None).await.status,
            500
        );
        assert_eq!(
            app.post("/webhook/stream_ended/1", &incoming(&sid(1)))
                .await
                .status,
            500
        );
        assert_eq!(app.calls(&business).await, []);
    }
}

#[tokio::test]
async fn checking_is_switched_off_in_development_only() {
    let off = || Setup::default().var("VALIDATE_TWILIO_SIGNATURE", "false");
    let app = off().var("PROSAAS_ENV", "development").start().await;
    app.business(NUMBER).await;
    assert_eq!(
        app.post_as(PATH, &incoming(&sid(1)), None).await.status,
        200
    );
    let app = off().start().await;
    app.business(NUMBER).await;
    assert_eq!(
        app.post_as(PATH, &incoming(&sid(1)), None).await.status,
        403
    );
}

#[tokio::test]
async fn malformed_and_oversized_webhooks_get_a_clear_status() {
    let app = TestApp::start().await;
    let business = app.business(NUMBER).await;
    let call = sid(1);
    let no_sid: Vec<_> = incoming(&call)
        .into_iter()
        .filter(|(name, _)| *name != "CallSid")
        .collect();
    assert_eq!(app.post(PATH, &no_sid).await.status, 400);
    let bad_sid = [
        ("CallSid", "CA1"),
        ("AccountSid", ACCOUNT),
        ("From", CALLER),
        ("To", NUMBER),
    ];
    assert_eq!(app.post(PATH, &bad_sid).await.status, 400);
    let huge = "x".repeat(70 * 1024);
    assert_eq!(app.post_body(PATH, huge, Some("AAAA")).await.status, 413);
    assert_eq!(app.get(PATH).await.status, 405);
    assert_eq!(
        app.post("/webhook/stream_ended/x", &incoming(&sid(1)))
            .await
            .status,
        400
    );
    assert_eq!(
        app.post("/webhook/nothing", &incoming(&sid(1)))
            .await
            .status,
        404
    );
    assert_eq!(app.calls(&business).await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_parallel_copies_are_one_call_with_one_answer() {
    let app = TestApp::start().await;
    let business = app.business(NUMBER).await;
    for n in 1..=4 {
        let call = sid(n);
        let answers = futures_util::future::join_all((0..50).map(|_| app.ring(&call))).await;
        assert!(
            answers.iter().all(|answer| *answer == answers[0]),
            "identical answers"
        );
        assert_eq!(answers[0].status, 200);
        let calls = app.calls(&business).await;
        assert_eq!(calls.len(), n as usize);
        until("one model leg per call", async || {
            (app.legs_of_calls().len() == n as usize).then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn the_answer_is_the_same_after_a_restart() {
    let app = TestApp::start().await;
    app.business(NUMBER).await;
    let first = app.ring(&sid(1)).await;
    let directory = std::sync::Arc::clone(&app.directory);
    drop(app);
    let app = Setup::default().directory(directory).start().await;
    assert_eq!(app.ring(&sid(1)).await, first);
}

#[tokio::test]
async fn a_number_of_nobody_gets_a_polite_answer_and_leaves_nothing() {
    let app = TestApp::start().await;
    let business = app.business("+97239999999").await;
    let answer = app.ring(&sid(1)).await;
    assert_eq!(answer.status, 200);
    assert!(
        answer.body.contains("not in service") && answer.body.contains("<Hangup/>"),
        "{}",
        answer.body
    );
    assert!(
        answer.body.contains("Google.he-IL-Standard-A"),
        "Hebrew needs a Google voice"
    );
    assert_eq!(app.calls(&business).await, []);
}

#[tokio::test]
async fn a_number_of_two_businesses_is_never_guessed() {
    let app = TestApp::start().await;
    let first = app.business(NUMBER).await;
    let second = app.business("+97239999999").await;
    app.store
        .import_number(&OPERATOR, second.id, &e164(NUMBER))
        .await
        .unwrap();
    let answer = app.ring(&sid(1)).await;
    assert!(answer.body.contains("not in service"), "{}", answer.body);
    assert_eq!(app.calls(&first).await, []);
    assert_eq!(app.calls(&second).await, []);
}

#[tokio::test]
async fn the_business_is_found_by_to_and_for_outbound_calls_by_from() {
    let app = TestApp::start().await;
    let business = app.business(NUMBER).await;
    let call = sid(1);
    let mut fields = incoming(&call);
    for (name, value) in &mut fields {
        match *name {
            "From" => *value = NUMBER,
            "To" => *value = CALLER,
            "Direction" => *value = "outbound-api",
            _ => {}
        }
    }
    assert!(app.post(PATH, &fields).await.body.contains("<Connect"));
    assert_eq!(
        app.only_call(&business).await.record.call.caller,
        Some(e164(CALLER))
    );
    fields
        .iter_mut()
        .filter(|(name, _)| *name == "Direction")
        .for_each(|(_, value)| *value = "inbound");
    let other = sid(2);
    fields[0].1 = other.as_str();
    assert!(
        app.post(PATH, &fields)
            .await
            .body
            .contains("not in service"),
        "inbound looks at To only"
    );
}

#[tokio::test]
async fn a_withheld_number_is_no_number() {
    let app = TestApp::start().await;
    let business = app.business(NUMBER).await;
    let call = sid(1);
    let mut fields = incoming(&call);
    fields[2].1 = "+266696687";
    assert!(app.post(PATH, &fields).await.body.contains("<Connect"));
    assert_eq!(app.only_call(&business).await.record.call.caller, None);
}

#[tokio::test]
async fn a_webhook_of_a_call_that_is_over_hangs_up() {
    let app = TestApp::start().await;
    let business = app.business(NUMBER).await;
    app.ring(&sid(1)).await;
    app.post("/webhook/call_status", &status(&sid(1), "completed"))
        .await;
    let before = app.only_call(&business).await;
    assert_eq!(before.record.end, Some(CallEnd::CallerHungUp));
    for _ in 0..20 {
        let answer = app.ring(&sid(1)).await;
        assert!(
            answer.body.ends_with("<Response><Hangup/></Response>"),
            "{}",
            answer.body
        );
    }
    assert_eq!(app.only_call(&business).await, before);
    assert_eq!(app.leads(&business).await, 1);
}

#[tokio::test]
async fn a_business_with_too_many_live_calls_turns_the_next_one_away_with_a_lead() {
    let app = TestApp::start().await;
    let business = app
        .business_with(NUMBER, |business| business.limits.max_live_calls = 2)
        .await;
    for n in 1..=2 {
        assert!(app.ring(&sid(n)).await.body.contains("<Connect"));
    }
    let refused = app.ring(&sid(3)).await;
    assert!(
        refused.body.contains("lines are busy") && refused.body.contains("<Hangup/>"),
        "{}",
        refused.body
    );
    let call = app.stored(&sid(3)).await;
    assert_eq!(call.end, Some(CallEnd::Voicemail));
    let lead = until("the call has its lead", async || {
        let lead = app.store.lead_of_call(&scope(business.id), call.id).await;
        lead.unwrap()
    });
    assert_eq!(lead.await.known.notes.as_deref(), Some("Missed call"));
    assert!(
        app.ring(&sid(1)).await.body.contains("<Connect"),
        "a copy of an admitted call is not counted again"
    );
    app.post("/webhook/call_status", &status(&sid(1), "completed"))
        .await;
    assert!(
        app.ring(&sid(4)).await.body.contains("<Connect"),
        "a call that ended makes room"
    );
}

#[tokio::test]
async fn without_the_realtime_api_a_call_gets_greeting_voicemail_and_lead() {
    let app = Setup::default()
        .var("USE_REALTIME_API", "false")
        .start()
        .await;
    let business = app.business(NUMBER).await;
    let answer = app.ring(&sid(1)).await;
    assert!(
        answer.body.contains("you have reached Dana"),
        "{}",
        answer.body
    );
    assert!(
        answer
            .body
            .contains(r#"<Record action="https://voice.test/webhook/stream_ended""#),
        "{}",
        answer.body
    );
    assert!(!answer.body.contains("<Connect"));
    let call = sid(1);
    let mut fields = status(&call, "in-progress");
    let url = format!(
        "https://api.twilio.com/2010-04-01/Accounts/{ACCOUNT}/Recordings/RE{}",
        "1".repeat(32)
    );
    fields.push(("RecordingUrl", &url));
    let next = app.post("/webhook/stream_ended", &fields).await;
    assert!(next.body.contains("<Hangup/>"), "{}", next.body);
    let call = app.only_call(&business).await;
    assert_eq!(call.record.end, Some(CallEnd::Voicemail));
    assert_eq!(app.leads(&business).await, 1);
    assert!(app.legs_of_calls().is_empty(), "no model socket");
}

#[tokio::test]
async fn a_stopping_server_turns_new_calls_away_with_a_lead() {
    let app = TestApp::start().await;
    let business = app.business(NUMBER).await;
    app.app().shutdown.drain();
    let answer = app.ring(&sid(1)).await;
    assert!(answer.body.contains("lines are busy"), "{}", answer.body);
    assert_eq!(app.leads(&business).await, 1);
    assert_eq!(
        app.store
            .call(
                &scope(business.id),
                app.only_call(&business).await.record.id
            )
            .await
            .unwrap()
            .unwrap()
            .record
            .end,
        Some(CallEnd::Voicemail)
    );
}
