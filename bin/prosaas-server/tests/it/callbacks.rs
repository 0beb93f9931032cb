//! Status and recording callbacks: in any order, any number of times.

use std::sync::Arc;

use prosaas_core::time::ManualClock;
use prosaas_core::{AccountSid, CallEnd, CallStatus, ExposeSecret as _, SecretString, UnixMillis};
use prosaas_crm::PhoneStore as _;
use prosaas_crm::auth::seal::MasterKeys;
use prosaas_crm::model::access::SecretName;
use prosaas_crm::model::call_list::AnsweredBy;
use prosaas_crm::testkit::{OPERATOR, scope};
use prosaas_crm::{CallStore as _, CrmStore, JobCounts, Jobs as _, LeadStore as _, RecordingState};
use prosaas_server::calls::heal;
use prosaas_twilio::testkit::rest_api::FakeCall;

use crate::support::{
    ACCOUNT, AUTH_TOKEN, NUMBER, Setup, TestApp, e164, incoming, sid, status, until,
};

const STATUS: &str = "/webhook/call_status";
/// How a call may end.
const FINAL: [&str; 5] = ["completed", "no-answer", "busy", "failed", "canceled"];

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
async fn a_call_whose_webhook_met_no_server_is_a_missed_one_by_its_last_callback() {
    let app = TestApp::start().await;
    let business = app.business(NUMBER).await;
    for (n, word) in FINAL.into_iter().enumerate() {
        let call = sid(n as u32 + 1);
        // Each from another number: who calls so often is turned away.
        let caller = format!("+97252{n:07}");
        let told = |word| with(&status(&call, word), "From", &caller);
        let posted = app.post(STATUS, &told("ringing")).await;
        assert_eq!(posted.status, 200);
        assert_eq!(app.calls(&business).await.len(), n, "it goes on");
        for word in [word, "in-progress", word] {
            assert_eq!(app.post(STATUS, &told(word)).await.status, 200);
        }
        // Its webhook, late.
        let ringing = with(&incoming(&call), "From", &caller);
        let answer = app.post("/webhook/incoming_call", &ringing).await;
        assert!(answer.body.contains("<Hangup/>"), "{}", answer.body);
        assert!(!answer.body.contains("<Connect"), "{}", answer.body);
        let stored = app.stored(&call).await;
        assert_eq!(stored.status.as_str(), word);
        assert_eq!(stored.end, Some(CallEnd::CallerHungUp));
        assert_eq!(stored.call.caller, Some(e164(&caller)));
        let lead = app.store.lead_of_call(&scope(business.id), stored.id).await;
        let lead = lead.unwrap().unwrap();
        assert_eq!(lead.known.notes.as_deref(), Some("Missed call"));
        let entry = app.store.call_entry(&scope(business.id), stored.id).await;
        assert_eq!(entry.unwrap().answered_by, Some(AnsweredBy::Nobody));
    }
    assert_eq!(app.calls(&business).await.len(), FINAL.len());
    assert_eq!(app.leads(&business).await, FINAL.len(), "one lead a caller");
    assert_eq!(app.app().live.count(), 0);
}

#[tokio::test]
async fn copies_of_the_last_callback_and_a_late_webhook_leave_one_missed_call() {
    let app = TestApp::start().await;
    let business = app.business(NUMBER).await;
    let call = sid(1);
    let (over, ringing) = (status(&call, "completed"), incoming(&call));
    let callbacks = (0..10).map(|_| app.post(STATUS, &over));
    let webhooks = (0..5).map(|_| app.post("/webhook/incoming_call", &ringing));
    let (callbacks, webhooks) = tokio::join!(
        futures_util::future::join_all(callbacks),
        futures_util::future::join_all(webhooks)
    );
    for answer in callbacks.iter().chain(&webhooks) {
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
    let call = app.finished(&business).await;
    assert_eq!(call.record.end, Some(CallEnd::CallerHungUp));
    assert_eq!(call.record.status, CallStatus::Completed);
    app.only_call(&business).await;
    assert_eq!(app.leads(&business).await, 1);
    let entry = app
        .store
        .call_entry(&scope(business.id), call.record.id)
        .await;
    assert_eq!(entry.unwrap().answered_by, Some(AnsweredBy::Nobody));
}

#[tokio::test]
async fn what_happened_before_a_call_counts() {
    let clock = Arc::new(ManualClock::at(UnixMillis(1_700_000_000_000)));
    let app = Setup::default().clock(Arc::clone(&clock)).start().await;
    let business = app.business(NUMBER).await;
    clock.advance(60_000);
    let (call, before) = (sid(1), sid(2));
    let mut over = status(&call, "completed");
    over.extend([
        ("CallDuration", "30"),
        ("Timestamp", "Tue, 14 Nov 2023 22:13:50 +0000"),
    ]);
    app.post(STATUS, &over).await;
    let stored = app.only_call(&business).await;
    let began = UnixMillis(1_700_000_000_000);
    assert_eq!(stored.record.call.started_at, began);
    assert_eq!(stored.carrier_ended_at, Some(began.plus(30_000)));
    // A call from before the number was here is somebody else's.
    let mut over = status(&before, "completed");
    over.extend([
        ("CallDuration", "31"),
        ("Timestamp", "Tue, 14 Nov 2023 22:13:50 +0000"),
    ]);
    assert_eq!(app.post(STATUS, &over).await.status, 200);
    app.only_call(&business).await;
}

#[tokio::test]
async fn what_is_nobodys_call_is_acknowledged_and_nothing_is_written() {
    let app = Setup::default().rest().start().await;
    let business = app.business(NUMBER).await;
    let (recording, parent) = (format!("RE{}", "1".repeat(32)), sid(8));
    let unknown = sid(9);
    let over = status(&unknown, "completed");
    let mut leg = over.clone();
    leg.push(("ParentCallSid", parent.as_str()));
    for (what, fields) in [
        ("nobody's number", with(&over, "To", "+97239999999")),
        ("no number", with(&over, "To", "sip:desk@example.com")),
        (
            "a call that was placed",
            with(&over, "Direction", "outbound-api"),
        ),
        ("a leg", with(&over, "Direction", "outbound-dial")),
        ("a leg of a call", leg),
        ("a call that goes on", status(&unknown, "in-progress")),
        ("a word that nobody knows", status(&unknown, "levitating")),
    ] {
        assert_eq!(app.post(STATUS, &fields).await.status, 200, "{what}");
        assert_eq!(app.calls(&business).await, [], "{what}");
    }
    assert_eq!(app.post("/webhook/stream_ended", &over).await.status, 200);
    let mut recorded = over.clone();
    recorded.extend([
        ("RecordingSid", recording.as_str()),
        ("RecordingStatus", "completed"),
    ]);
    let rest = app.rest.as_ref().unwrap();
    rest.add_recording(&recording.parse().unwrap(), b"RIFF-audio".to_vec());
    let answer = app.post("/webhook/handle_recording", &recorded).await;
    assert_eq!(answer.status, 200);
    // The day's own work may be among the jobs, so they are waited for instead of counted.
    until("no work is left", async || {
        let jobs = app.store.count_jobs(&OPERATOR).await.unwrap();
        (jobs == JobCounts::default()).then_some(())
    })
    .await;
    assert!(rest.received().is_empty());
    assert_eq!(app.calls(&business).await, []);
    assert_eq!(app.leads(&business).await, 0);
}

/// The fields with another value for one of them.
fn with<'a>(
    fields: &[(&'a str, &'a str)],
    name: &'a str,
    value: &'a str,
) -> Vec<(&'a str, &'a str)> {
    let mut fields = fields.to_vec();
    fields.retain(|(known, _)| *known != name);
    fields.push((name, value));
    fields
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
async fn what_is_of_a_businesss_own_account_is_asked_for_there() {
    let clock = Arc::new(ManualClock::at(UnixMillis(1_700_000_000_000)));
    let keys = MasterKeys::generate(1).unwrap();
    let app = Setup::default()
        .rest()
        .var("TWILIO_ACCOUNT_SID", "AC00000000000000000000000000000002")
        .var("PROSAAS_MASTER_KEY", keys.expose_secret())
        .clock(Arc::clone(&clock))
        .start()
        .await;
    let business = app.business(NUMBER).await;
    let owner = scope(business.id);
    let token = SecretString::from(AUTH_TOKEN.to_owned());
    let account: AccountSid = ACCOUNT.parse().unwrap();
    app.store
        .set_twilio_account(&owner, Some(&account))
        .await
        .unwrap();
    app.store
        .set_secret(&owner, SecretName::TwilioAuthToken, &token)
        .await
        .unwrap();
    // Of the two accounts the REST API knows the business's alone.
    let rest = app.rest.as_ref().unwrap();
    app.ring(&sid(1)).await;
    rest.add_call(&sid(1), FakeCall::new(CallStatus::InProgress));
    let call = app.only_call(&business).await.record.id;
    clock.advance(6 * 60_000);
    heal::round(app.app()).await.unwrap();
    let found = app.only_call(&business).await;
    assert!(!found.is_finished(), "it goes on: {found:?}");
    let recording = format!("RE{}", "1".repeat(32));
    rest.add_recording(&recording.parse().unwrap(), b"RIFF-audio".to_vec());
    let fields = [
        ("CallSid", sid(1).to_string()),
        ("AccountSid", ACCOUNT.to_owned()),
        ("RecordingSid", recording),
        ("RecordingStatus", "completed".to_owned()),
        ("RecordingDuration", "7".to_owned()),
    ];
    let fields = fields
        .each_ref()
        .map(|(name, value)| (*name, value.as_str()));
    app.post("/webhook/handle_recording", &fields).await;
    until("the recording is stored", async || {
        let recordings = app.store.recordings(&owner, call).await.unwrap();
        let stored = |one: &prosaas_crm::Recording| one.state == RecordingState::Stored;
        recordings.into_iter().find(stored)
    })
    .await;
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
