//! Our calls beside Twilio's list of them: what they cost there, what never reached us, what is over.

use std::sync::Arc;

use prosaas_core::time::ManualClock;
use prosaas_core::{Business, CallEnd, CallSid, CallStatus, Clock as _, MicroUsd, UnixMillis};
use prosaas_crm::StoredCall;
use prosaas_crm::model::call_list::AnsweredBy;
use prosaas_crm::testkit::scope;
use prosaas_server::reconcile::{Comparison, Finding, Report, yesterday_and_today};
use prosaas_twilio::testkit::rest_api::{FakeCall, Fault};
use serde_json::json;

use crate::support::{CALLER, NUMBER, Setup, TestApp, e164, sid, status};

/// 2023-11-14T22:13:20Z.
const NOW: UnixMillis = UnixMillis(1_700_000_000_000);
const MINUTE_MS: i64 = 60_000;
const OWNER: &str = "owner@example.com";

async fn setup() -> (TestApp, Arc<ManualClock>, Business) {
    let clock = Arc::new(ManualClock::at(NOW));
    let app = Setup::default()
        .rest()
        .clock(Arc::clone(&clock))
        .start()
        .await;
    let rest = app.rest.as_ref().unwrap();
    rest.set_clock(Arc::<ManualClock>::clone(&clock));
    let business = app.business(NUMBER).await;
    // Calls of before the number was here would be nobody's.
    clock.advance(MINUTE_MS);
    (app, clock, business)
}

fn to(number: &str, status: CallStatus) -> FakeCall {
    FakeCall {
        to: Some(e164(number)),
        from: Some(e164(CALLER)),
        ..FakeCall::new(status)
    }
}

/// A call that comes in and is over.
async fn whole_call(app: &TestApp, call: &CallSid) {
    app.ring(call).await;
    app.post("/webhook/call_status", &status(call, "completed"))
        .await;
    let rest = app.rest.as_ref().unwrap();
    rest.add_call(call, to(NUMBER, CallStatus::Completed));
}

async fn compare(app: &TestApp, clock: &ManualClock) -> Report {
    let period = yesterday_and_today(clock.now());
    let comparison = Comparison::of_server(app.app());
    Box::pin(comparison.run(period)).await.unwrap()
}

fn about(report: &Report, finding: Finding) -> Vec<CallSid> {
    let lines = report.lines.iter().filter(|line| line.finding == finding);
    lines.map(|line| line.sid.clone()).collect()
}

async fn call(app: &TestApp, business: &Business, sid: &CallSid) -> StoredCall {
    let calls = app.calls(business).await;
    let found = calls
        .into_iter()
        .find(|call| call.record.call.call_sid == *sid);
    found.unwrap_or_else(|| panic!("there is no call {sid}"))
}

#[tokio::test]
async fn a_call_that_never_reached_us_becomes_a_missed_one_with_its_lead() {
    let (app, clock, business) = setup().await;
    let rest = app.rest.as_ref().unwrap();
    let began = clock.now();
    rest.add_call(&sid(1), to(NUMBER, CallStatus::Completed));
    rest.add_call(&sid(2), to("+97239999999", CallStatus::Completed));
    let before = FakeCall {
        started_at: Some(NOW.plus(-MINUTE_MS)),
        ..to(NUMBER, CallStatus::Completed)
    };
    rest.add_call(&sid(3), before);
    rest.set_price(&sid(1), "-0.00850", "USD");
    let report = compare(&app, &clock).await;
    assert_eq!(about(&report, Finding::Lost), [], "it may be on its way");
    clock.advance(30 * MINUTE_MS);
    let report = compare(&app, &clock).await;
    assert_eq!(about(&report, Finding::Lost), [sid(1)]);
    let mut nobodys = about(&report, Finding::Nobodys);
    nobodys.sort();
    assert_eq!(nobodys, [sid(2), sid(3)]);
    let stored = app.only_call(&business).await;
    assert_eq!(stored.record.call.started_at, began);
    assert_eq!(stored.record.call.caller, Some(e164(CALLER)));
    assert_eq!(stored.record.status, CallStatus::Completed);
    assert_eq!(stored.record.end, Some(CallEnd::CallerHungUp));
    assert!(stored.lead.is_some());
    let entry = app
        .store
        .call_entry(&scope(business.id), stored.record.id)
        .await
        .unwrap();
    assert_eq!(entry.answered_by, Some(AnsweredBy::Nobody));
    assert_eq!(entry.carrier_cost, Some(MicroUsd(8_500)));

    app.app().metrics.reconciled(&report);
    let text = app.app().metrics.render();
    for line in [
        "prosaas_reconcile_findings{finding=\"lost\"} 1",
        "prosaas_reconcile_findings{finding=\"nobodys\"} 2",
        "prosaas_reconcile_calls{side=\"carrier\"} 3",
    ] {
        assert!(text.contains(line), "{line} is missing in\n{text}");
    }

    let again = compare(&app, &clock).await;
    assert_eq!(about(&again, Finding::Lost), [], "once");
    assert_eq!(again.priced, 0, "its cost is known");
    assert_eq!(app.leads(&business).await, 1);
}

#[tokio::test]
async fn a_call_costs_what_twilio_charges_for_all_its_legs_in_dollars() {
    let (app, clock, business) = setup().await;
    let rest = app.rest.as_ref().unwrap();
    for n in 1..=3 {
        whole_call(&app, &sid(n)).await;
    }
    let leg = FakeCall {
        parent: Some(sid(1)),
        direction: "outbound-dial",
        ..FakeCall::new(CallStatus::Completed)
    };
    rest.add_call(&sid(9), leg);
    rest.set_price(&sid(1), "-0.00850", "USD");
    rest.set_price(&sid(2), "-0.02", "EUR");
    clock.advance(30 * MINUTE_MS);
    let report = compare(&app, &clock).await;
    assert_eq!((report.priced, report.unpriced), (0, 2), "a leg's is open");
    assert_eq!(about(&report, Finding::Foreign), [sid(2)]);
    rest.set_price(&sid(9), "-0.014", "USD");
    let report = compare(&app, &clock).await;
    assert_eq!((report.priced, report.unpriced), (1, 1));
    assert_eq!(report.cost, MicroUsd(22_500));
    assert_eq!(report.lines.len(), 1, "{:?}", report.lines);
    for (n, cost) in [(1, Some(MicroUsd(22_500))), (2, None), (3, None)] {
        let id = call(&app, &business, &sid(n)).await.record.id;
        let entry = app.store.call_entry(&scope(business.id), id).await;
        assert_eq!(entry.unwrap().carrier_cost, cost, "call {n}");
    }
    let months = app.store.spending_by_month(&scope(business.id)).await;
    let months = months.unwrap();
    assert_eq!(months[0].carrier_micro_usd, MicroUsd(22_500));

    app.owner(&business, OWNER).await;
    let owner = app.sign_in(OWNER).await;
    for (n, carrier, total) in [(1, json!(22_500), 22_500), (3, json!(null), 0)] {
        let id = call(&app, &business, &sid(n)).await.record.id;
        let shown = owner.get(&format!("/api/calls/{id}")).await;
        assert_eq!(shown["carrier_cost_micro_usd"], carrier, "call {n}");
        assert_eq!(shown["total_cost_micro_usd"], total, "call {n}");
    }
}

#[tokio::test]
async fn a_call_that_is_over_for_twilio_ends_and_one_that_twilio_does_not_list_is_named() {
    let (app, clock, business) = setup().await;
    let rest = app.rest.as_ref().unwrap();
    let began = clock.now();
    for n in 1..=3 {
        app.ring(&sid(n)).await;
    }
    rest.add_call(&sid(1), to(NUMBER, CallStatus::InProgress));
    rest.add_call(&sid(2), to(NUMBER, CallStatus::InProgress));
    clock.advance(30 * MINUTE_MS);
    let over = FakeCall {
        ended_at: Some(began.plus(MINUTE_MS)),
        ..to(NUMBER, CallStatus::Completed)
    };
    rest.add_call(&sid(1), over);
    let report = compare(&app, &clock).await;
    assert_eq!(about(&report, Finding::Open), [sid(1)]);
    assert_eq!(about(&report, Finding::Unlisted), [sid(3)]);
    let closed = call(&app, &business, &sid(1)).await;
    assert_eq!(closed.carrier_ended_at, Some(began.plus(MINUTE_MS)));
    assert!(closed.is_finished());
    assert!(!call(&app, &business, &sid(2)).await.is_finished());
}

#[tokio::test]
async fn what_twilio_does_not_tell_is_no_difference() {
    let (app, clock, business) = setup().await;
    let rest = app.rest.as_ref().unwrap();
    whole_call(&app, &sid(1)).await;
    clock.advance(30 * MINUTE_MS);
    rest.fail_next(1, Fault::Status(401));
    let report = compare(&app, &clock).await;
    assert_eq!((report.accounts, report.unread_accounts), (1, 1));
    assert_eq!(report.lines, [], "nothing is said about calls");

    // As the command does it, beside the server.
    rest.add_call(&sid(2), to(NUMBER, CallStatus::NoAnswer));
    clock.advance(30 * MINUTE_MS);
    let app_of = app.app();
    let comparison = Comparison::beside_server(&app.store, &app_of.config);
    let period = yesterday_and_today(clock.now());
    let report = Box::pin(comparison.run(period)).await.unwrap();
    assert_eq!(about(&report, Finding::Lost), [sid(2)]);
    assert_eq!(report.ours, 1, "as it was before");
    assert!(call(&app, &business, &sid(2)).await.is_finished());
    let printed = format!("{:?}", report.lines);
    let digits = &CALLER[4..];
    assert!(!printed.contains(digits), "{printed}");
}
