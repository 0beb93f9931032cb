//! What a store must do with consents and promises.

use prosaas_core::CallId;
use prosaas_core::ErrorClass::{Conflict, NotFound};

use super::{Fixture, Office, at, conflicts, ok, refuses};
use crate::model::consent::{ConsentChannel, ConsentFilter, ConsentPurpose, NewConsent};
use crate::model::page::Page;
use crate::model::patch::Replace;
use crate::model::promise::{NewPromise, PromiseFilter, PromisePatch, PromiseStatus};
use crate::model::timeline::TimelineKind;
use crate::store::CrmStore;

/// Runs every rule of this module.
pub(super) async fn suite(fixture: &impl Fixture<Store = CrmStore>) {
    advertising_needs_a_consent_in_force(fixture).await;
    a_promise_is_kept_or_broken(fixture).await;
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
