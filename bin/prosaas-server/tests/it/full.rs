//! A call that comes while all lines are taken goes on as its number says, and always leaves its lead.

use std::sync::Arc;

use prosaas_core::{Business, CallEnd};
use prosaas_crm::LeadStore as _;
use prosaas_crm::auth::{Permissions, TenantScope};
use prosaas_crm::model::call_list::AnsweredBy;
use prosaas_crm::model::number::NumberPatch;
use prosaas_crm::model::patch::{Patch, Replace};
use prosaas_crm::rules::full::{MOST_HOLDS, WhenFull};

use crate::support::{HUMAN, NUMBER, Setup, TestApp, e164, incoming, sid, status, until};

fn scope(business: &Business) -> TenantScope {
    TenantScope::from_trusted_host(business.id, Permissions::all())
}

/// A business whose number has one line, taken by the first call.
async fn with_one_line(when: WhenFull) -> (TestApp, Business) {
    let app = TestApp::start().await;
    let business = app.business(NUMBER).await;
    let scope = scope(&business);
    let called = e164(NUMBER);
    let number = app.store.number(&scope, &called).await.unwrap();
    let patch = NumberPatch {
        max_live_calls: Patch::Set(1),
        when_full: Replace(Some(when)),
        overflow_number: Patch::Set(e164(HUMAN)),
        ..NumberPatch::default()
    };
    let version = number.version;
    let updated = app.store.update_number(&scope, &called, version, patch);
    updated.await.unwrap();
    assert!(app.ring(&sid(1)).await.body.contains("<Connect"));
    (app, business)
}

/// The path of the only redirect in a document.
fn redirect(body: &str) -> &str {
    let (_, rest) = body.split_once("/webhook/call_held/").unwrap();
    rest.split('<').next().unwrap()
}

#[tokio::test]
async fn a_caller_waits_for_a_line_and_gets_the_one_that_is_free() {
    let (app, _business) = with_one_line(WhenFull::Hold).await;
    let first = app.ring(&sid(2)).await;
    assert!(first.body.contains("Please hold"), "{}", first.body);
    assert!(first.body.contains("<Pause"), "{}", first.body);
    assert_eq!(redirect(&first.body), "1");
    let again = app.post("/webhook/call_held/1", &incoming(&sid(2))).await;
    assert!(
        again.body.contains("Thank you for waiting"),
        "{}",
        again.body
    );
    assert_eq!(redirect(&again.body), "2");
    app.post("/webhook/call_status", &status(&sid(1), "completed"))
        .await;
    let free = app.post("/webhook/call_held/2", &incoming(&sid(2))).await;
    assert!(free.body.contains("<Connect"), "{}", free.body);
}

#[tokio::test]
async fn who_waited_for_a_minute_may_leave_a_message() {
    let (app, business) = with_one_line(WhenFull::Hold).await;
    app.ring(&sid(2)).await;
    let path = format!("/webhook/call_held/{MOST_HOLDS}");
    let last = app.post(&path, &incoming(&sid(2))).await;
    assert!(last.body.contains("<Record"), "{}", last.body);
    app.post("/webhook/call_status", &status(&sid(2), "completed"))
        .await;
    let call = app.stored(&sid(2)).await;
    let lead = app.store.lead_of_call(&scope(&business), call.id).await;
    assert!(lead.unwrap().is_some());
    let over = app.post("/webhook/call_held/1", &incoming(&sid(2))).await;
    assert!(!over.body.contains("<Say"), "it is over: {}", over.body);
}

#[tokio::test]
async fn another_phone_rings_and_who_waits_in_vain_is_a_missed_call() {
    let (app, business) = with_one_line(WhenFull::Overflow).await;
    let answer = app.ring(&sid(2)).await;
    assert!(answer.body.contains(HUMAN), "{}", answer.body);
    app.post("/webhook/call_status", &status(&sid(2), "completed"))
        .await;
    let call = app.stored(&sid(2)).await;
    let scope = scope(&business);
    let entry = app.store.call_entry(&scope, call.id).await.unwrap();
    assert_eq!(entry.answered_by, Some(AnsweredBy::Nobody));
    let lead = app.store.lead_of_call(&scope, call.id).await;
    assert!(lead.unwrap().is_some());
}

#[tokio::test]
async fn without_another_wish_the_caller_is_called_back() {
    let (app, business) = with_one_line(WhenFull::CallBack).await;
    let answer = app.ring(&sid(2)).await;
    assert!(answer.body.contains("lines are busy"), "{}", answer.body);
    // What the answer waited for: its end is stored. Its lead comes by a job.
    let call = app.stored(&sid(2)).await;
    assert_eq!(call.end, Some(CallEnd::Voicemail));
    let scope = scope(&business);
    let lead = until("the call has its lead", async || {
        app.store.lead_of_call(&scope, call.id).await.unwrap()
    });
    assert_eq!(lead.await.known.notes.as_deref(), Some("Missed call"));
    let entry = app.store.call_entry(&scope, call.id).await.unwrap();
    assert_eq!(entry.answered_by, Some(AnsweredBy::Voicemail));
    // A copy of its webhook, and its last callback, change nothing.
    let over = app.ring(&sid(2)).await;
    assert!(!over.body.contains("<Say"), "{}", over.body);
    app.post("/webhook/call_status", &status(&sid(2), "completed"))
        .await;
    assert_eq!(app.stored(&sid(2)).await.end, Some(CallEnd::Voicemail));
    assert_eq!(app.leads(&business).await, 1);
}

#[tokio::test]
async fn of_many_who_are_called_back_each_leaves_his_lead_also_when_the_server_dies() {
    let (app, business) = with_one_line(WhenFull::CallBack).await;
    let callers: Vec<String> = (0..20).map(|n| format!("+97252{n:07}")).collect();
    let calls: Vec<_> = (10..30).map(sid).collect();
    let rings = calls.iter().zip(&callers).map(|(call, caller)| {
        let mut fields = incoming(call);
        fields.retain(|(name, _)| *name != "From");
        fields.push(("From", caller));
        let app = &app;
        async move { app.post("/webhook/incoming_call", &fields).await }
    });
    for answer in futures_util::future::join_all(rings).await {
        assert!(answer.body.contains("lines are busy"), "{}", answer.body);
    }
    let directory = Arc::clone(&app.directory);
    // Without a word: whatever has not happened by now is for the next process.
    drop(app);
    let app = Setup::default().directory(directory).start().await;
    for call in &calls {
        let id = app.stored(call).await.id;
        until("the call has its lead", async || {
            let lead = app.store.lead_of_call(&scope(&business), id).await;
            lead.unwrap()
        })
        .await;
    }
    assert_eq!(app.leads(&business).await, calls.len());
}

#[tokio::test]
async fn a_server_that_is_behind_lets_no_call_in_until_it_has_caught_up() {
    let (app, business) = with_one_line(WhenFull::Hold).await;
    app.post("/webhook/call_status", &status(&sid(1), "completed"))
        .await;
    app.app().lag.set_behind(true);
    let waits = app.ring(&sid(2)).await;
    assert!(waits.body.contains("Please hold"), "{}", waits.body);
    let again = app.post("/webhook/call_held/1", &incoming(&sid(2))).await;
    assert_eq!(redirect(&again.body), "2");
    app.app().lag.set_behind(false);
    let free = app.post("/webhook/call_held/2", &incoming(&sid(2))).await;
    assert!(free.body.contains("<Connect"), "{}", free.body);
    assert_eq!(app.calls(&business).await.len(), 2);
    let metrics = app.get("/metrics").await.body;
    assert!(
        metrics.contains("prosaas_event_loop_lag_seconds"),
        "{metrics}"
    );
}

#[tokio::test]
async fn nobody_waits_who_did_not_call_or_is_not_signed() {
    let (app, _business) = with_one_line(WhenFull::Hold).await;
    let stranger = app.post("/webhook/call_held/1", &incoming(&sid(9))).await;
    assert!(stranger.body.contains("<Hangup/>"), "{}", stranger.body);
    let path = "/webhook/call_held/1";
    let forged = app.post_as(path, &incoming(&sid(2)), Some("forged")).await;
    assert_eq!(forged.status, 403);
}
