//! Status and recording callbacks: in any order, any number of times.

use std::sync::Arc;

use prosaas_core::time::ManualClock;
use prosaas_core::{CallEnd, CallStatus, UnixMillis};
use prosaas_crm::PhoneStore as _;
use prosaas_crm::testkit::{OPERATOR, scope};
use prosaas_crm::{CallStore as _, CrmStore, Jobs as _, LeadStore as _, RecordingState};
use prosaas_server::calls::heal;
use prosaas_twilio::testkit::rest_api::FakeCall;

use crate::support::{ACCOUNT, NUMBER, Setup, TestApp, incoming, sid, status, until};

const STATUS: &str = "/webhook/call_status";

/// All orders of the indices below `n`.
fn orders(n: usize) -> Vec<Vec<usize>> {
    if n == 0 {
        return vec![Vec::new()];
    }
    let smaller = orders(n - 1);
    let insert = |order: &Vec<usize>, at: usize| {
        let mut order = order.clone();
        order.insert(at, n - 1);
        order
    };
    smaller
        .iter()
        .flat_map(|order| (0..n).map(move |at| insert(order, at)))
        .collect()
}

#[tokio::test]
async fn every_order_of_callbacks_leaves_the_same_row() {
    let app = TestApp::start().await;
    let business = app
        .business_with(NUMBER, |business| business.limits.max_live_calls = 1_000)
        .await;
    let words = ["queued", "initiated", "ringing", "in-progress", "completed"];
    let orders = orders(words.len());
    assert_eq!(orders.len(), 120);
    for (n, order) in orders.iter().enumerate() {
        let call = sid(n as u32 + 1);
        // Each from another number: who calls so often is turned away.
        let caller = format!("+9725{n:08}");
        let mut ringing = incoming(&call);
        ringing.retain(|(name, _)| *name != "From");
        ringing.push(("From", &caller));
        app.post("/webhook/incoming_call", &ringing).await;
        for index in order {
            for _ in 0..2 {
                let answer = app.post(STATUS, &status(&call, words[*index])).await;
                assert_eq!(answer.status, 200);
            }
        }
    }
    let calls = app.calls(&business).await;
    assert_eq!(calls.len(), 120);
    for call in calls {
        assert_eq!(call.record.status, CallStatus::Completed);
        assert_eq!(call.record.end, Some(CallEnd::CallerHungUp));
    }
    assert_eq!(app.leads(&business).await, 120, "one lead a caller");
}

#[tokio::test]
async fn a_call_that_never_spoke_leaves_a_missed_call() {
    let app = TestApp::start().await;
    let business = app.business(NUMBER).await;
    app.ring(&sid(1)).await;
    app.post(STATUS, &status(&sid(1), "no-answer")).await;
    let call = app.only_call(&business).await;
    let lead = app
        .store
        .lead_of_call(&scope(business.id), call.record.id)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(lead.known.notes.as_deref(), Some("Missed call"));
    assert_eq!(app.app().live.count(), 0, "it does not count as live");
}

#[tokio::test]
async fn an_unknown_call_is_acknowledged_and_nothing_is_written() {
    let app = TestApp::start().await;
    let business = app.business(NUMBER).await;
    let recording = format!("RE{}", "1".repeat(32));
    let unknown = sid(9);
    let mut fields = status(&unknown, "completed");
    assert_eq!(app.post(STATUS, &fields).await.status, 200);
    assert_eq!(app.post("/webhook/stream_ended", &fields).await.status, 200);
    fields.extend([
        ("RecordingSid", recording.as_str()),
        ("RecordingStatus", "completed"),
    ]);
    assert_eq!(
        app.post("/webhook/handle_recording", &fields).await.status,
        200
    );
    assert_eq!(app.calls(&business).await, []);
    assert_eq!(app.store.count_jobs(&OPERATOR).await.unwrap().pending, 0);
}

#[tokio::test]
async fn an_unknown_status_changes_nothing() {
    let app = TestApp::start().await;
    let business = app.business(NUMBER).await;
    app.ring(&sid(1)).await;
    let before = app.only_call(&business).await;
    assert_eq!(
        app.post(STATUS, &status(&sid(1), "levitating"))
            .await
            .status,
        200
    );
    assert_eq!(app.only_call(&business).await, before);
}

#[tokio::test]
async fn a_recording_is_fetched_once_and_stored_under_its_tenant() {
    let app = Setup::default().rest().start().await;
    let business = app.business(NUMBER).await;
    app.ring(&sid(1)).await;
    let call = app.only_call(&business).await.record.id;
    let recording = format!("RE{}", "1".repeat(32));
    app.rest
        .as_ref()
        .unwrap()
        .add_recording(&recording.parse().unwrap(), b"RIFF-audio".to_vec());
    let fields = [
        ("CallSid", sid(1).to_string()),
        ("AccountSid", ACCOUNT.to_owned()),
        ("RecordingSid", recording.clone()),
        ("RecordingStatus", "completed".to_owned()),
        ("RecordingDuration", "7".to_owned()),
        // Never followed: the address is built from the SID.
        (
            "RecordingUrl",
            "http://169.254.169.254/latest/meta-data".to_owned(),
        ),
    ];
    let fields: Vec<_> = fields
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    for _ in 0..5 {
        assert_eq!(
            app.post("/webhook/handle_recording", &fields).await.status,
            200
        );
    }
    let stored = until("the recording is stored", async || {
        let recordings = app
            .store
            .recordings(&scope(business.id), call)
            .await
            .unwrap();
        recordings
            .into_iter()
            .find(|recording| recording.state == RecordingState::Stored)
    })
    .await;
    let path = stored.path.unwrap();
    assert_eq!(path, format!("recordings/{}/{call}.wav", business.id));
    assert_eq!(std::fs::read(app.data().join(path)).unwrap(), b"RIFF-audio");
    assert_eq!(stored.duration_ms, Some(7_000));
}

#[tokio::test]
async fn a_call_whose_last_callback_got_lost_is_asked_about() {
    let clock = Arc::new(ManualClock::at(UnixMillis(1_700_000_000_000)));
    let app = Setup::default()
        .rest()
        .clock(Arc::clone(&clock))
        .start()
        .await;
    let business = app.business(NUMBER).await;
    let rest = app.rest.as_ref().unwrap();
    for (n, status) in [(1, CallStatus::Completed), (2, CallStatus::InProgress)] {
        app.ring(&sid(n)).await;
        rest.add_call(&sid(n), FakeCall::new(status));
    }
    // Number 3 is unknown to the carrier.
    app.ring(&sid(3)).await;
    clock.advance(4 * 60_000);
    heal::round(app.app()).await.unwrap();
    assert!(
        app.calls(&business)
            .await
            .iter()
            .all(|call| !call.is_finished()),
        "too early"
    );
    clock.advance(2 * 60_000);
    heal::round(app.app()).await.unwrap();
    let ends: Vec<_> = [1, 2, 3]
        .map(|n| end_of(&app.store, n))
        .into_iter()
        .collect();
    let ends = futures_util::future::join_all(ends).await;
    assert_eq!(
        ends,
        [
            Some(CallEnd::CallerHungUp),
            None,
            Some(CallEnd::CallerHungUp)
        ]
    );
    // What the carrier never ends is lost in the end.
    clock.advance(60 * 60_000);
    heal::round(app.app()).await.unwrap();
    assert_eq!(end_of(&app.store, 2).await, Some(CallEnd::LegFailed));
    assert_eq!(app.leads(&business).await, 1);
}

async fn end_of(store: &CrmStore, n: u32) -> Option<CallEnd> {
    store
        .find_call(&OPERATOR, &sid(n))
        .await
        .unwrap()
        .unwrap()
        .end
}
