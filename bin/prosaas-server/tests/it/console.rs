//! An open console: it sees a call of its business within a second, and nothing of anybody else's.

use prosaas_core::leg::FRAME_BYTES;
use prosaas_core::time::SystemClock;
use prosaas_core::{Clock as _, UnixMillis};
use prosaas_crm::model::time::Time;
use prosaas_realtime::testkit::model::{FakeModel, FakeModelConfig};
use prosaas_twilio::testkit::carrier::CallScript;
use serde_json::Value;

use crate::support::{NUMBER, Setup, incoming, sid};

const OTHER_NUMBER: &str = "+97237654321";

/// How long after it happened the console heard of an event, in milliseconds.
fn age_ms(event: &Value) -> i64 {
    let at: Time = serde_json::from_value(event["at"].clone()).unwrap();
    let at: UnixMillis = at.millis();
    SystemClock.now().since(at)
}

#[tokio::test]
async fn a_call_is_seen_within_a_second_by_its_own_business_only() {
    let config = FakeModelConfig {
        caller_texts: vec!["My brakes squeak and I need an appointment".to_owned()],
        ..FakeModelConfig::default()
    };
    let model = FakeModel::start(config).await.unwrap();
    let app = Setup::default().model(&model).start().await;
    let ours = app.business(NUMBER).await;
    let theirs = app.business(OTHER_NUMBER).await;
    app.owner(&ours, "ours@example.com").await;
    app.owner(&theirs, "theirs@example.com").await;
    let browser = app.sign_in("ours@example.com").await;
    let mut here = browser.listen().await;
    let neighbour = app.sign_in("theirs@example.com").await;
    let mut there = neighbour.listen().await;

    let speech: Vec<u8> = (0..75 * FRAME_BYTES)
        .map(|at| if (at / 20) % 2 == 0 { 0x10 } else { 0x90 })
        .collect();
    let script = CallScript {
        at_most_ms: 20_000,
        ..CallScript::saying(speech)
    };
    let carrier = app.carrier();
    let listening = async {
        let mut heard = Vec::new();
        loop {
            let event = here.next().await;
            let kind = event["kind"].as_str().unwrap().to_owned();
            let age = age_ms(&event);
            assert!(age < 1_000, "{kind} was heard after {age} ms");
            if kind == "call.transcript" && !heard.contains(&kind) {
                // What the event names can be read, while the call goes on.
                let id = event["id"].as_str().unwrap();
                let call = browser.get(&format!("/api/calls/{id}")).await;
                assert!(call["ended_at"].is_null(), "in the middle of it: {call}");
                let path = format!("/api/calls/{id}/transcript");
                let lines = browser.get(&path).await;
                assert!(!lines["data"].as_array().unwrap().is_empty(), "{lines}");
            }
            heard.push(kind);
            if heard.iter().any(|kind| kind == "call.finished") {
                return heard;
            }
        }
    };
    let (_, heard) = tokio::join!(carrier.place_call(script), listening);
    let first = |kind: &str| {
        let place = heard.iter().position(|heard| heard == kind);
        place.unwrap_or_else(|| panic!("{kind} in {heard:?}"))
    };
    assert!(
        first("call.started") < first("call.transcript"),
        "{heard:?}"
    );
    assert!(
        first("call.transcript") < first("call.finished"),
        "{heard:?}"
    );
    assert!(first("lead.created") <= first("call.finished"), "{heard:?}");

    // The first thing the neighbour hears is his own call.
    let call = sid(7);
    let mut fields = incoming(&call);
    fields.retain(|(name, _)| *name != "To");
    fields.push(("To", OTHER_NUMBER));
    app.post("/webhook/incoming_call", &fields).await;
    let event = there.next().await;
    assert_eq!(event["kind"], "call.started");
    let own = app.only_call(&theirs).await.record.id;
    assert_eq!(event["id"], serde_json::json!(own));
}
