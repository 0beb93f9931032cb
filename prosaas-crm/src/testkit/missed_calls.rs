//! What a store must do with calls that are over before anybody had them.

use prosaas_core::ErrorClass::{Conflict, NotFound};
use prosaas_core::testkit::join_all;
use prosaas_core::testkit::samples::new_call;
use prosaas_core::{CallEnd, CallId, CallStatus, LeadDraft, UnixMillis};

use super::{Fixture, OPERATOR, ok, ours, refuses, scope, strangers, theirs, with_call};
use crate::model::call::{AfterStream, MissedCall, StatusUpdate};
use crate::model::call_list::AnsweredBy;
use crate::model::job::{JobWork, RetryPolicy};
use crate::model::page::Page;
use crate::store::{CallStore as _, CrmStore, Jobs as _, LeadStore as _};

/// When the calls ended.
const ENDED: UnixMillis = UnixMillis(1_700_000_005_000);

/// Runs every rule of this module.
pub async fn suite(fixture: &impl Fixture<Store = CrmStore>) {
    a_missed_call_is_stored_with_its_end_and_gets_its_lead_once(fixture).await;
    the_last_word_of_the_carrier_is_stored_with_it(fixture).await;
    a_call_that_is_known_stays_as_it_is(fixture).await;
    a_lead_that_somebody_was_to_bring_is_found(fixture).await;
    of_many_at_once_one_stores_the_call_and_one_its_lead(fixture).await;
    a_missed_call_is_the_tenants_own(fixture).await;
}

fn turned_away() -> MissedCall {
    MissedCall {
        end: CallEnd::Voicemail,
        ended_at: ENDED,
        word: None,
    }
}

fn draft() -> LeadDraft {
    LeadDraft {
        notes: Some("Missed call".to_owned()),
        ..LeadDraft::default()
    }
}

fn id(n: i64) -> CallId {
    CallId::mint(UnixMillis(n))
}

async fn pending(store: &CrmStore, rule: &str) -> u64 {
    ok(store.count_jobs(&OPERATOR).await, rule).pending
}

/// Rule: a missed call is stored with its end, and a job beside it gives it its lead, once.
pub async fn a_missed_call_is_stored_with_its_end_and_gets_its_lead_once(
    fixture: &impl Fixture<Store = CrmStore>,
) {
    let rule = "rule `a missed call is stored with its end and gets its lead once`";
    let (store, _) = with_call(fixture, rule).await;
    let (ours, call) = (scope(ours()), id(10));
    let opened = store.open_missed(&ours, call, new_call(10), turned_away());
    let (record, is_new) = ok(opened.await, rule);
    assert!(is_new, "{rule}");
    assert_eq!(pending(&store, rule).await, 1, "{rule}: the job");
    let stored = ok(store.call(&ours, call).await, rule).expect(rule);
    assert_eq!(stored.record, *record, "{rule}: what was returned");
    assert_eq!(stored.record.end, Some(CallEnd::Voicemail), "{rule}");
    assert_eq!(stored.record.ended_at, Some(ENDED), "{rule}");
    assert_eq!(stored.record.status, CallStatus::Ringing, "{rule}");
    assert_eq!(stored.after_stream, Some(AfterStream::HangUp), "{rule}");
    assert_eq!(stored.lead, None, "{rule}: before the job");

    let again = store.open_missed(&ours, id(11), new_call(10), turned_away());
    let (same, is_new) = ok(again.await, rule);
    assert_eq!((same.id, is_new), (call, false), "{rule}: again");
    assert_eq!(pending(&store, rule).await, 1, "{rule}: one job");

    ok(store.note_missed_call(&ours, call, draft()).await, rule);
    let lead = ok(store.lead_of_call(&ours, call).await, rule).expect(rule);
    assert_eq!(lead.known.notes, draft().notes, "{rule}");
    let entry = ok(store.call_entry(&ours, call).await, rule);
    assert_eq!(entry.answered_by, Some(AnsweredBy::Voicemail), "{rule}");
    let before = pending(&store, rule).await;
    assert!(before > 1, "{rule}: its owners are told");
    ok(store.note_missed_call(&ours, call, draft()).await, rule);
    assert_eq!(pending(&store, rule).await, before, "{rule}: told once");
    let leads = ok(store.list_leads(&ours, Page::first(9)).await, rule);
    assert_eq!(leads.len(), 1, "{rule}: one lead");
}

/// Rule: what the carrier said of a call that it alone knew is stored with it.
pub async fn the_last_word_of_the_carrier_is_stored_with_it(
    fixture: &impl Fixture<Store = CrmStore>,
) {
    let rule = "rule `the last word of the carrier is stored with it`";
    let (store, _) = with_call(fixture, rule).await;
    let ours = scope(ours());
    let word = StatusUpdate {
        status: CallStatus::NoAnswer,
        sequence: Some(3),
        at: ENDED,
    };
    let missed = MissedCall {
        end: CallEnd::CallerHungUp,
        word: Some(word),
        ..turned_away()
    };
    let opened = store.open_missed(&ours, id(10), new_call(10), missed).await;
    let (record, _) = ok(opened, rule);
    let stored = ok(store.call(&ours, record.id).await, rule).expect(rule);
    assert_eq!(stored.record.status, CallStatus::NoAnswer, "{rule}");
    assert_eq!(stored.status_sequence, Some(3), "{rule}");
    assert_eq!(stored.carrier_ended_at, Some(ENDED), "{rule}");
    let moved = store.advance_status(&ours, record.id, word).await;
    assert!(!ok(moved, rule), "{rule}: the same word again");
    ok(
        store.note_missed_call(&ours, record.id, draft()).await,
        rule,
    );
    let entry = ok(store.call_entry(&ours, record.id).await, rule);
    assert_eq!(entry.answered_by, Some(AnsweredBy::Nobody), "{rule}");
}

/// Rule: a call that is open already is not ended by this, and has no lead by it.
pub async fn a_call_that_is_known_stays_as_it_is(fixture: &impl Fixture<Store = CrmStore>) {
    let rule = "rule `a call that is known stays as it is`";
    let (store, open) = with_call(fixture, rule).await;
    let ours = scope(ours());
    let before = ok(store.call(&ours, open.id).await, rule);
    let again = store.open_missed(&ours, id(10), open.call.clone(), turned_away());
    let (same, is_new) = ok(again.await, rule);
    assert_eq!((same.id, is_new), (open.id, false), "{rule}");
    ok(store.note_missed_call(&ours, open.id, draft()).await, rule);
    assert_eq!(ok(store.call(&ours, open.id).await, rule), before, "{rule}");
    assert_eq!(pending(&store, rule).await, 0, "{rule}: no job");
}

/// Rule: a missed call whose job was taken is found, until the job is done: its worker may be gone.
pub async fn a_lead_that_somebody_was_to_bring_is_found(fixture: &impl Fixture<Store = CrmStore>) {
    let rule = "rule `a lead that somebody was to bring is found`";
    let (store, _) = with_call(fixture, rule).await;
    let ours = scope(ours());
    let opened = store.open_missed(&ours, id(10), new_call(10), turned_away());
    let (call, _) = ok(opened.await, rule);
    let found = ok(store.missed_calls_in_hand(&OPERATOR, 9).await, rule);
    assert_eq!(found, [], "{rule}: nobody has taken it");
    let due = UnixMillis(i64::from(u32::MAX) * 1_000);
    let claimed = store.claim_jobs(&OPERATOR, due, 60_000, 9, RetryPolicy::STANDARD);
    let claimed = ok(claimed.await, rule);
    let work = JobWork::NoteMissedCall { call: call.id };
    assert_eq!(claimed.len(), 1, "{rule}");
    assert_eq!(claimed[0].work, work, "{rule}");
    let found = ok(store.missed_calls_in_hand(&OPERATOR, 9).await, rule);
    let found: Vec<_> = found.iter().map(|call| **call).collect();
    assert_eq!(found, [call.id], "{rule}");
    assert!(ok(store.complete_job(&claimed[0]).await, rule), "{rule}");
    let found = ok(store.missed_calls_in_hand(&OPERATOR, 9).await, rule);
    assert_eq!(found, [], "{rule}: it is done");
}

/// Rule: of many at once one stores the call, and one its lead.
pub async fn of_many_at_once_one_stores_the_call_and_one_its_lead(
    fixture: &impl Fixture<Store = CrmStore>,
) {
    let rule = "rule `of many at once one stores the call and one its lead`";
    let (store, _) = with_call(fixture, rule).await;
    let ours = scope(ours());
    let opened = (100..120).map(|n| {
        let (store, ours) = (&store, ours);
        Box::pin(async move {
            let opened = store.open_missed(&ours, id(n), new_call(10), turned_away());
            let (record, is_new) = ok(opened.await, rule);
            (record.id, is_new)
        }) as _
    });
    let opened: Vec<(CallId, bool)> = join_all(opened).await;
    let call = opened[0].0;
    assert!(opened.iter().all(|(id, _)| *id == call), "{rule}");
    let new = opened.iter().filter(|(_, is_new)| *is_new).count();
    assert_eq!(new, 1, "{rule}: {opened:?}");
    let noted = (0..20).map(|_| {
        let (store, ours) = (&store, ours);
        Box::pin(async move { ok(store.note_missed_call(&ours, call, draft()).await, rule) }) as _
    });
    let _: Vec<()> = join_all(noted).await;
    let leads = ok(store.list_leads(&ours, Page::first(9)).await, rule);
    assert_eq!(leads.len(), 1, "{rule}");
}

/// Rule: nobody stores or ends another business's call, or makes a lead of it.
pub async fn a_missed_call_is_the_tenants_own(fixture: &impl Fixture<Store = CrmStore>) {
    let rule = "rule `a missed call is the tenant's own`";
    let (store, _) = with_call(fixture, rule).await;
    let ours_scope = scope(ours());
    let opened = store.open_missed(&ours_scope, id(10), new_call(10), turned_away());
    let (call, _) = ok(opened.await, rule);
    let theirs = scope(theirs());
    let taken = store.open_missed(&theirs, id(11), new_call(10), turned_away());
    refuses(&taken.await, Conflict, rule);
    for (tenant, id) in strangers(call.id) {
        let noted = store.note_missed_call(&scope(tenant), id, draft()).await;
        refuses(&noted, NotFound, rule);
    }
    let leads = ok(store.list_leads(&theirs, Page::first(9)).await, rule);
    assert_eq!(leads.len(), 0, "{rule}: their leads");
    let stored = ok(store.call(&ours_scope, call.id).await, rule).expect(rule);
    assert_eq!(stored.lead, None, "{rule}");
}
