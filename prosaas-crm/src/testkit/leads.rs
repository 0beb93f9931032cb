//! What every [`crate::LeadStore`] must do.

use prosaas_core::testkit::samples::{new_call, number, outcome};
use prosaas_core::{CallEnd, LeadDraft, LeadId, NewCall, UnixMillis};

use super::{Fixture, ok, ours, scope, theirs, with_call};
use crate::model::lead::LeadSource;
use crate::model::page::Page;
use crate::store::{LeadStore, PhoneStore as _};

/// Runs every rule of this module.
pub async fn suite(fixture: &impl Fixture) {
    a_lead_knows_its_call(fixture).await;
    leads_are_listed_newest_first(fixture).await;
    leads_are_the_tenants_own(fixture).await;
}

/// Rule: a lead carries call, caller and source, and reads back alike by every way to it.
pub async fn a_lead_knows_its_call(fixture: &impl Fixture) {
    let rule = "rule `a lead knows its call`";
    let (store, call) = with_call(fixture, rule).await;
    assert_eq!(
        ok(store.lead_of_call(&scope(ours()), call.id).await, rule),
        None,
        "{rule}: no lead yet"
    );
    let draft = LeadDraft {
        name: Some("Dana".to_owned()),
        ..LeadDraft::default()
    };
    let id = ok(
        store
            .save_lead(&scope(ours()), call.id, draft.clone())
            .await,
        rule,
    );
    let Some(lead) = ok(store.lead(&scope(ours()), id).await, rule) else {
        panic!("{rule}: no lead")
    };
    assert_eq!((lead.id, lead.tenant), (id, ours()), "{rule}: ids");
    let calls = ok(store.calls_of_lead(&scope(ours()), id).await, rule);
    assert_eq!(calls, [call.id], "{rule}: its calls");
    assert_eq!(
        lead.phone, call.call.caller,
        "{rule}: the caller comes from the call"
    );
    assert_eq!(
        (lead.source, &lead.known),
        (LeadSource::Call, &draft),
        "{rule}"
    );
    assert_eq!(
        lead.created_at, lead.updated_at,
        "{rule}: a new lead was not changed yet"
    );
    let of_call = ok(store.lead_of_call(&scope(ours()), call.id).await, rule);
    assert_eq!(of_call.as_ref(), Some(&lead), "{rule}: by call");
    let listed = ok(
        store.list_leads(&scope(ours()), Page::first(10)).await,
        rule,
    );
    assert_eq!(listed, [lead], "{rule}: in the list");
    let withheld = NewCall {
        caller: None,
        ..new_call(2)
    };
    let (withheld, _) = ok(store.open_call(&scope(ours()), withheld).await, rule);
    let end = outcome(CallEnd::CallerHungUp);
    let id = ok(
        store.finish_call(&scope(ours()), withheld.id, end).await,
        rule,
    );
    let lead = ok(store.lead(&scope(ours()), id).await, rule);
    assert_eq!(
        lead.map(|lead| lead.phone),
        Some(None),
        "{rule}: a withheld number"
    );
}

/// Rule: leads are listed newest first, in pages that neither repeat nor leave out one.
pub async fn leads_are_listed_newest_first(fixture: &impl Fixture) {
    let rule = "rule `leads are listed newest first`";
    let (store, _) = with_call(fixture, rule).await;
    let mut expected = Vec::new();
    for n in 10..15 {
        let call = NewCall {
            caller: Some(number(n)),
            ..new_call(n)
        };
        let (call, _) = ok(store.open_call(&scope(ours()), call).await, rule);
        expected.push(ok(
            store
                .save_lead(&scope(ours()), call.id, LeadDraft::default())
                .await,
            rule,
        ));
    }
    let mut page = Page::<LeadId>::first(2);
    let mut listed = Vec::new();
    loop {
        let leads = ok(store.list_leads(&scope(ours()), page).await, rule);
        let Some(last) = leads.last() else { break };
        page = Page::after(last.created_at, last.id, 2);
        listed.extend(leads.iter().map(|lead| (lead.created_at, lead.id)));
    }
    assert!(
        listed.is_sorted_by(|newer, older| newer > older),
        "{rule}: {listed:?}"
    );
    let mut ids: Vec<_> = listed.into_iter().map(|(_, id)| id).collect();
    ids.sort_unstable();
    expected.sort_unstable();
    assert_eq!(ids, expected, "{rule}: every lead once");
}

/// Rule: another business's lead is `None`, exactly like one that does not exist.
pub async fn leads_are_the_tenants_own(fixture: &impl Fixture) {
    let rule = "rule `leads are the tenant's own`";
    let (store, call) = with_call(fixture, rule).await;
    let id = ok(
        store
            .save_lead(&scope(ours()), call.id, LeadDraft::default())
            .await,
        rule,
    );
    let unknown = LeadId::mint(UnixMillis(77));
    for (tenant, lead) in [(theirs(), id), (ours(), unknown)] {
        assert_eq!(
            ok(store.lead(&scope(tenant), lead).await, rule),
            None,
            "{rule}: by id"
        );
    }
    let of_call = ok(store.lead_of_call(&scope(theirs()), call.id).await, rule);
    assert_eq!(of_call, None, "{rule}: by call");
    let listed = ok(
        store.list_leads(&scope(theirs()), Page::first(10)).await,
        rule,
    );
    assert!(listed.is_empty(), "{rule}: {listed:?}");
}
