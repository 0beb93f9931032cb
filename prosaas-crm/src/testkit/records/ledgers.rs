//! What a store must do with consents and promises.

use prosaas_core::CallId;
use prosaas_core::ErrorClass::{Conflict, NotFound};

use super::{Fixture, Office, at, conflicts, ok, refuses};
use crate::auth::SystemScope;
use crate::model::consent::{ConsentChannel, ConsentFilter, ConsentPurpose, NewConsent};
use crate::model::job::{JobWork, RetryPolicy};
use crate::model::page::Page;
use crate::model::patch::{Patch, Replace};
use crate::model::promise::{NewPromise, PromiseFilter, PromisePatch, PromiseStatus};
use crate::model::time::Time;
use crate::model::timeline::TimelineKind;
use crate::store::{CrmStore, Jobs as _};

/// Runs every rule of this module.
pub(super) async fn suite(fixture: &impl Fixture<Store = CrmStore>) {
    advertising_needs_a_consent_in_force(fixture).await;
    a_promise_is_kept_or_broken(fixture).await;
    an_overdue_promise_is_told_again_until_it_is_kept(fixture).await;
}

async fn advertising_needs_a_consent_in_force(fixture: &impl Fixture<Store = CrmStore>) {
    let rule = "rule `advertising needs a consent in force`";
    let office = Office::open(fixture, rule).await;
    let (store, scope) = (&office.store, &office.ours);
    let ask =
        |scope, purpose| store.require_consent(scope, office.lead, (purpose, ConsentChannel::Sms));
    conflicts(
        &ask(scope, ConsentPurpose::Marketing).await,
        "consent-missing",
        rule,
    );
    ok(ask(scope, ConsentPurpose::Service).await, rule);
    for given in [true, false, true] {
        let new = NewConsent {
            lead_id: office.lead,
            channel: ConsentChannel::Sms,
            purpose: ConsentPurpose::Marketing,
            given,
            source: "call".to_owned(),
            evidence: Some("\"yes, please\"".to_owned()),
        };
        refuses(
            &store.add_consent(&office.theirs, new.clone()).await,
            NotFound,
            rule,
        );
        ok(store.add_consent(scope, new).await, rule);
        let now = ask(scope, ConsentPurpose::Marketing).await;
        assert_eq!(now.is_ok(), given, "{rule}: the newest entry holds");
    }
    refuses(
        &ask(&office.theirs, ConsentPurpose::Service).await,
        NotFound,
        rule,
    );
    let filter = ConsentFilter {
        lead_id: office.lead,
    };
    let ledger = ok(store.consents(scope, &filter, Page::first(9)).await, rule);
    let given: Vec<_> = ledger.iter().map(|entry| entry.given).collect();
    assert_eq!(given, [true, false, true], "{rule}: every entry stays");
}

async fn a_promise_is_kept_or_broken(fixture: &impl Fixture<Store = CrmStore>) {
    let rule = "rule `a promise is kept or broken`";
    let office = Office::open(fixture, rule).await;
    let (store, scope) = (&office.store, &office.ours);
    let new = |call_id| NewPromise {
        call_id,
        what: "Call back with a price".to_owned(),
        who: Some("Dana".to_owned()),
        due_at: Some(at(60)),
        said_at_ms: 73_500,
    };
    let promise = ok(store.add_promise(scope, new(office.call)).await, rule);
    assert_eq!(
        promise.lead_id,
        Some(office.lead),
        "{rule}: made to the call's lead"
    );
    let unknown = CallId::mint(at(0).millis());
    refuses(
        &store.add_promise(scope, new(unknown)).await,
        NotFound,
        rule,
    );
    refuses(
        &store.add_promise(&office.theirs, new(office.call)).await,
        NotFound,
        rule,
    );
    let kept = || PromisePatch {
        status: Replace(Some(PromiseStatus::Kept)),
        ..PromisePatch::default()
    };
    refuses(
        &store.update_promise(scope, promise.id, 2, kept()).await,
        Conflict,
        rule,
    );
    refuses(
        &store
            .update_promise(&office.theirs, promise.id, 1, kept())
            .await,
        NotFound,
        rule,
    );
    let promise = ok(
        store.update_promise(scope, promise.id, 1, kept()).await,
        rule,
    );
    assert_eq!(
        (promise.status, promise.said_at_ms),
        (PromiseStatus::Kept, 73_500),
        "{rule}"
    );
    for (filter, expected) in [
        (
            PromiseFilter {
                call_id: Some(office.call),
                ..PromiseFilter::default()
            },
            1,
        ),
        (
            PromiseFilter {
                status: Some(PromiseStatus::Open),
                ..PromiseFilter::default()
            },
            0,
        ),
        (
            PromiseFilter {
                due_before: Some(at(60)),
                ..PromiseFilter::default()
            },
            0,
        ),
    ] {
        let listed = ok(store.promises(scope, &filter, Page::first(9)).await, rule);
        assert_eq!(listed.len(), expected, "{rule}: {filter:?}");
    }
    let timeline = ok(
        store.timeline(scope, office.lead, Page::first(9)).await,
        rule,
    );
    let kinds: Vec<_> = timeline.iter().map(|entry| entry.kind).collect();
    assert!(
        kinds.contains(&TimelineKind::PromiseMade),
        "{rule}: {kinds:?}"
    );
    assert!(
        kinds.contains(&TimelineKind::PromiseKept),
        "{rule}: {kinds:?}"
    );
}

/// The times at which the owners will be told, and of which deadline.
async fn tellings(store: &CrmStore, rule: &str) -> Vec<(Time, Time)> {
    let policy = RetryPolicy::STANDARD;
    let later = at(30 * 24 * 60).millis();
    let jobs = ok(
        store
            .claim_jobs(&SystemScope::for_installation(), later, 0, 100, policy)
            .await,
        rule,
    );
    let told = jobs.iter().filter_map(|job| match job.work {
        JobWork::EscalatePromise { due, at, .. } => Some((due.into(), at.into())),
        _ => None,
    });
    told.collect()
}

async fn an_overdue_promise_is_told_again_until_it_is_kept(
    fixture: &impl Fixture<Store = CrmStore>,
) {
    let rule = "rule `an overdue promise is told again until it is kept`";
    let office = Office::open(fixture, rule).await;
    let (store, scope) = (&office.store, &office.ours);
    let new = NewPromise {
        call_id: office.call,
        what: "Call back with a price".to_owned(),
        who: None,
        due_at: Some(at(-10)),
        said_at_ms: 0,
    };
    let promise = ok(store.add_promise(scope, new).await, rule);
    let told = |due| store.note_promise_told(scope, promise.id, at(due).millis());
    ok(told(-11).await, rule);
    assert_eq!(
        tellings(store, rule).await,
        [(at(-10), at(0))],
        "{rule}: at once, and nothing for another deadline"
    );
    for _ in 0..2 {
        ok(told(-10).await, rule);
    }
    let a_day_after = (at(-10), at(24 * 60 - 10));
    let jobs = tellings(store, rule).await;
    assert!(
        jobs.contains(&a_day_after) && jobs.len() == 2,
        "{rule}: {jobs:?}"
    );
    let patch = |patch| store.update_promise(scope, promise.id, promise.version, patch);
    let moved = PromisePatch {
        due_at: Patch::Set(at(60)),
        ..PromisePatch::default()
    };
    let promise = ok(patch(moved).await, rule);
    let jobs = tellings(store, rule).await;
    assert!(
        jobs.contains(&(at(60), at(60))) && jobs.len() == 3,
        "{rule}: {jobs:?}"
    );
    let kept = PromisePatch {
        status: Replace(Some(PromiseStatus::Kept)),
        ..PromisePatch::default()
    };
    let kept = store.update_promise(scope, promise.id, promise.version, kept);
    ok(kept.await, rule);
    ok(told(60).await, rule);
    assert_eq!(
        tellings(store, rule).await.len(),
        3,
        "{rule}: a kept one is let be"
    );
}
