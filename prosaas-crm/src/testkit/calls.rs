//! What every [`crate::CallStore`] and [`crate::CallReconciler`] must do with calls.

use prosaas_core::testkit::join_all;
use prosaas_core::testkit::samples::{line, new_call, number, outcome, quality};
use prosaas_core::{CallEnd, CallId, CallOutcome, CallStatus, ErrorClass, UnixMillis, Verdict};

use super::{Fixture, OPERATOR, ok, ours, refuses, scope, strangers, theirs, with_call};
use crate::auth::Scoped;
use crate::model::call::{AfterStream, StatusUpdate, StoredCall};
use crate::model::page::Page;
use crate::store::{CallReconciler, CallStore, PhoneStore as _};

/// Runs every rule of this module.
pub async fn suite(fixture: &impl Fixture) {
    callbacks_in_any_order_leave_one_row(fixture).await;
    a_final_status_stays(fixture).await;
    what_follows_the_stream_is_stored_with_the_outcome(fixture).await;
    how_well_a_call_went_is_stored_with_the_outcome(fixture).await;
    racing_finishes_leave_one_outcome(fixture).await;
    lost_ends_are_found(fixture).await;
    calls_are_listed_newest_first(fixture).await;
    calls_are_the_tenants_own(fixture).await;
}

/// Five callbacks of an answered call, as a carrier sends them.
fn callbacks() -> [StatusUpdate; 5] {
    let words = [
        CallStatus::Queued,
        CallStatus::Initiated,
        CallStatus::Ringing,
        CallStatus::InProgress,
        CallStatus::Completed,
    ];
    let mut sequence = 0;
    words.map(|status| {
        sequence += 1;
        let at = UnixMillis(1_700_000_000_000 + i64::from(sequence) * 1_000);
        StatusUpdate {
            status,
            sequence: Some(sequence - 1),
            at,
        }
    })
}

/// Rule: all 120 orders of five callbacks, each delivered twice, leave the same row.
pub async fn callbacks_in_any_order_leave_one_row(fixture: &impl Fixture) {
    let rule = "rule `callbacks in any order leave one row`";
    let (store, _) = with_call(fixture, rule).await;
    let mut rows = Vec::new();
    for (n, order) in (10..).zip(orders(&callbacks())) {
        let (call, _) = ok(store.open_call(&scope(ours()), new_call(n)).await, rule);
        for update in order.iter().chain(&order) {
            ok(
                store.advance_status(&scope(ours()), call.id, *update).await,
                rule,
            );
        }
        let stored = ok(store.call(&scope(ours()), call.id).await, rule);
        let Some(stored) = stored else {
            panic!("{rule}: the call is gone")
        };
        let row = (
            stored.record.status,
            stored.status_sequence,
            stored.carrier_ended_at,
        );
        rows.push((row, stored.record.ended_at));
    }
    assert_eq!(rows.len(), 120, "{rule}: every order was tried");
    let last = callbacks()[4];
    let expected = ((last.status, last.sequence, Some(last.at)), None);
    assert!(rows.iter().all(|row| *row == expected), "{rule}: {rows:?}");
}

/// Rule: a status moves forward, reports whether it moved, and never leaves a final one.
pub async fn a_final_status_stays(fixture: &impl Fixture) {
    let rule = "rule `a final status stays`";
    let (store, call) = with_call(fixture, rule).await;
    let [_, _, ringing, in_progress, completed] = callbacks();
    let busy = StatusUpdate {
        status: CallStatus::Busy,
        sequence: Some(9),
        at: UnixMillis(9),
    };
    let steps = [
        (ringing, false),
        (in_progress, true),
        (in_progress, false),
        (completed, true),
        (busy, false),
    ];
    for (update, moves) in steps {
        let moved = ok(
            store.advance_status(&scope(ours()), call.id, update).await,
            rule,
        );
        assert_eq!(moved, moves, "{rule}: {update:?}");
    }
    let stored = the_call(ok(store.call(&scope(ours()), call.id).await, rule), rule);
    assert_eq!(stored.record.status, CallStatus::Completed, "{rule}");
    assert!(
        !stored.is_finished(),
        "{rule}: the carrier's end is not an outcome"
    );
}

/// Rule: the outcome is stored with what follows the stream, once, and leaves the status alone.
pub async fn what_follows_the_stream_is_stored_with_the_outcome(fixture: &impl Fixture) {
    let rule = "rule `what follows the stream is stored with the outcome`";
    let (store, first) = with_call(fixture, rule).await;
    assert_eq!(
        the_call(ok(store.call(&scope(ours()), first.id).await, rule), rule).after_stream,
        None,
        "{rule}: before the end"
    );
    let steps = [
        AfterStream::Dial(number(70)),
        AfterStream::TakeVoicemail,
        AfterStream::HangUp,
    ];
    for (n, after) in (20..).zip(steps) {
        let (call, _) = ok(store.open_call(&scope(ours()), new_call(n)).await, rule);
        let end = outcome(CallEnd::Transferred);
        let finished = store
            .finish_call_then(&scope(ours()), call.id, end.clone(), after.clone())
            .await;
        let lead = ok(finished, rule);
        let stored = the_call(ok(store.call(&scope(ours()), call.id).await, rule), rule);
        assert_eq!(stored.after_stream, Some(after.clone()), "{rule}");
        assert_eq!(
            (stored.lead, stored.is_finished()),
            (Some(lead), true),
            "{rule}"
        );
        assert_eq!(
            stored.record.status, call.status,
            "{rule}: the carrier says the status"
        );
        let again = store
            .finish_call_then(&scope(ours()), call.id, end, AfterStream::HangUp)
            .await;
        assert_eq!(
            ok(again, rule),
            lead,
            "{rule}: the second time made another lead"
        );
        let unchanged = the_call(ok(store.call(&scope(ours()), call.id).await, rule), rule);
        assert_eq!(
            unchanged, stored,
            "{rule}: the second time changed the call"
        );
    }
    let id = first.id;
    ok(
        store
            .finish_call(&scope(ours()), id, outcome(CallEnd::CallerHungUp))
            .await,
        rule,
    );
    let stored = the_call(ok(store.call(&scope(ours()), id).await, rule), rule);
    assert_eq!(
        stored.after_stream,
        Some(AfterStream::HangUp),
        "{rule}: the core's finish_call"
    );
}

/// Rule: how well a call went is stored with its outcome, whole and once; a call that nobody measured has no verdict.
pub async fn how_well_a_call_went_is_stored_with_the_outcome(fixture: &impl Fixture) {
    let rule = "rule `how well a call went is stored with the outcome`";
    let (store, first) = with_call(fixture, rule).await;
    let verdicts = Verdict::ALL.map(|verdict| Some(Box::new(quality(verdict))));
    for (n, measured) in (20..).zip(verdicts.into_iter().chain([None])) {
        let (call, _) = ok(store.open_call(&scope(ours()), new_call(n)).await, rule);
        for quality in [
            measured.clone(),
            None,
            Some(Box::new(quality(Verdict::Poor))),
        ] {
            let end = CallOutcome {
                quality,
                ..outcome(CallEnd::CallerHungUp)
            };
            ok(store.finish_call(&scope(ours()), call.id, end).await, rule);
        }
        let stored = the_call(ok(store.call(&scope(ours()), call.id).await, rule), rule);
        assert_eq!(stored.quality, measured, "{rule}");
    }
    let going_on = the_call(ok(store.call(&scope(ours()), first.id).await, rule), rule);
    assert_eq!(going_on.quality, None, "{rule}: before the end");
}

/// Rule: of many finishes at once one is stored, whole.
pub async fn racing_finishes_leave_one_outcome(fixture: &impl Fixture) {
    let rule = "rule `racing finishes leave one outcome`";
    let (store, call) = with_call(fixture, rule).await;
    let finishes = (0..20).map(|n| {
        let end = if n % 2 == 0 {
            CallEnd::Transferred
        } else {
            CallEnd::AiFailed
        };
        let after = if n % 2 == 0 {
            AfterStream::Dial(number(70))
        } else {
            AfterStream::TakeVoicemail
        };
        let (store, scope, call) = (&store, scope(ours()), call.id);
        Box::pin(async move {
            let finished = store.finish_call_then(&scope, call, outcome(end), after);
            ok(finished.await, rule)
        }) as _
    });
    let leads: Vec<_> = join_all(finishes).await;
    assert!(
        leads.iter().all(|lead| *lead == leads[0]),
        "{rule}: {leads:?}"
    );
    let stored = the_call(ok(store.call(&scope(ours()), call.id).await, rule), rule);
    let expected = match stored.record.end {
        Some(CallEnd::Transferred) => AfterStream::Dial(number(70)),
        _ => AfterStream::TakeVoicemail,
    };
    assert_eq!(
        stored.after_stream,
        Some(expected),
        "{rule}: a mixture of two outcomes"
    );
}

/// Rule: calls whose outcome or final status never came are found, oldest first, of all businesses.
pub async fn lost_ends_are_found(fixture: &impl Fixture) {
    let rule = "rule `lost ends are found`";
    let (store, crashed) = with_call(fixture, rule).await;
    let (unheard, _) = ok(store.open_call(&scope(theirs()), new_call(2)).await, rule);
    let (over, _) = ok(store.open_call(&scope(ours()), new_call(3)).await, rule);
    let (recent, _) = ok(store.open_call(&scope(ours()), new_call(4)).await, rule);
    let [.., completed] = callbacks();
    ok(
        store
            .advance_status(&scope(ours()), crashed.id, completed)
            .await,
        rule,
    );
    ok(
        store
            .finish_call(&scope(theirs()), unheard.id, outcome(CallEnd::AgentEnded))
            .await,
        rule,
    );
    ok(
        store
            .advance_status(&scope(ours()), over.id, completed)
            .await,
        rule,
    );
    ok(
        store
            .finish_call(&scope(ours()), over.id, outcome(CallEnd::AgentEnded))
            .await,
        rule,
    );
    let ids =
        |calls: Vec<Scoped<StoredCall>>| calls.iter().map(|c| c.record.id).collect::<Vec<_>>();
    let before = recent.call.started_at;
    let without_outcome = ids(ok(
        store.calls_without_outcome(&OPERATOR, before, 10).await,
        rule,
    ));
    assert_eq!(without_outcome, [crashed.id], "{rule}: no outcome");
    let without_status = ids(ok(
        store
            .calls_without_final_status(&OPERATOR, before, 10)
            .await,
        rule,
    ));
    assert_eq!(without_status, [unheard.id], "{rule}: no final status");
    let all = ids(ok(
        store
            .calls_without_outcome(&OPERATOR, before.plus(1), 10)
            .await,
        rule,
    ));
    assert_eq!(all, [crashed.id, recent.id], "{rule}: oldest first");
    let first = ids(ok(
        store
            .calls_without_outcome(&OPERATOR, before.plus(1), 1)
            .await,
        rule,
    ));
    assert_eq!(first, [crashed.id], "{rule}: the limit");
}

/// Rule: a business's calls are listed newest first, in pages that neither repeat nor leave out one.
pub async fn calls_are_listed_newest_first(fixture: &impl Fixture) {
    let rule = "rule `calls are listed newest first`";
    let (store, first) = with_call(fixture, rule).await;
    let mut expected = vec![first.id];
    for n in 2..=5 {
        // Pairs in the same millisecond, which a page of three tears apart.
        let started_at = new_call(n / 2 * 2).started_at;
        let call = prosaas_core::NewCall {
            started_at,
            ..new_call(n)
        };
        expected.push(ok(store.open_call(&scope(ours()), call).await, rule).0.id);
    }
    ok(store.open_call(&scope(theirs()), new_call(9)).await, rule);
    let mut page = Page::<CallId>::first(3);
    let mut listed = Vec::new();
    loop {
        let calls = ok(store.list_calls(&scope(ours()), page).await, rule);
        let Some(last) = calls.last() else { break };
        page = Page::after(last.record.call.started_at, last.record.id, 3);
        listed.extend(
            calls
                .iter()
                .map(|call| (call.record.call.started_at, call.record.id)),
        );
    }
    assert!(
        listed.is_sorted_by(|newer, older| newer > older),
        "{rule}: {listed:?}"
    );
    let mut ids: Vec<_> = listed.into_iter().map(|(_, id)| id).collect();
    ids.sort_unstable();
    expected.sort_unstable();
    assert_eq!(ids, expected, "{rule}: every call once");
}

/// Rule: another business's call is `None` or `NotFound`, exactly like one that does not exist.
pub async fn calls_are_the_tenants_own(fixture: &impl Fixture) {
    let rule = "rule `calls are the tenant's own`";
    let (store, call) = with_call(fixture, rule).await;
    ok(
        store
            .append_transcript(&scope(ours()), call.id, &[line(0, "Hello")])
            .await,
        rule,
    );
    let before = ok(store.call(&scope(ours()), call.id).await, rule);
    let not_found = ErrorClass::NotFound;
    for (tenant, id) in strangers(call.id) {
        assert_eq!(
            ok(store.call(&scope(tenant), id).await, rule),
            None,
            "{rule}"
        );
        refuses(&store.transcript(&scope(tenant), id).await, not_found, rule);
        let advanced = store
            .advance_status(&scope(tenant), id, callbacks()[4])
            .await;
        refuses(&advanced, not_found, rule);
        let end = outcome(CallEnd::AgentEnded);
        let finished = store
            .finish_call_then(&scope(tenant), id, end, AfterStream::TakeVoicemail)
            .await;
        refuses(&finished, not_found, rule);
    }
    let page = Page::first(10);
    assert!(
        ok(store.list_calls(&scope(theirs()), page).await, rule).is_empty(),
        "{rule}: their list"
    );
    assert_eq!(
        ok(store.call(&scope(ours()), call.id).await, rule),
        before,
        "{rule}: it was changed"
    );
    let lines = ok(store.transcript(&scope(ours()), call.id).await, rule);
    assert_eq!(lines, [line(0, "Hello")], "{rule}: our transcript");
}

fn the_call(found: Option<StoredCall>, rule: &str) -> StoredCall {
    found.unwrap_or_else(|| panic!("{rule}: the call is gone"))
}

/// Every order of some things.
fn orders<T: Copy>(things: &[T]) -> Vec<Vec<T>> {
    if things.is_empty() {
        return vec![Vec::new()];
    }
    let mut all = Vec::new();
    for first in 0..things.len() {
        let mut rest = things.to_vec();
        let head = rest.remove(first);
        for mut order in orders(&rest) {
            order.insert(0, head);
            all.push(order);
        }
    }
    all
}
