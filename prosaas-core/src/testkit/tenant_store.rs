//! What every [`TenantStore`] must do.

use std::fmt::Debug;

use async_trait::async_trait;

use super::join_all;
use super::samples::{line, new_call, number, outcome, seed};
use crate::{
    Business, CallEnd, CallId, CallOutcome, CallRecord, E164, Error, ErrorClass, ExposeSecret,
    LeadDraft, LeadId, NewCall, NumberOwner, Result, TenantId, TenantStore, TranscriptLine,
    UnixMillis, Usage,
};

/// A business that a store is to know from the start.
#[derive(Clone, Debug)]
pub struct Seed {
    /// The business.
    pub business: Business,
    /// Its numbers. Two seeds may hold the same number, as data taken over from elsewhere may.
    pub numbers: Vec<E164>,
}

/// A lead as the suite looks at it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenLead {
    /// Its id.
    pub id: LeadId,
    /// The calls of the person, oldest first.
    pub calls: Vec<CallId>,
    /// What is known.
    pub known: LeadDraft,
}

/// How the suite gets at a backend.
#[async_trait]
pub trait Fixture: Send + Sync {
    /// The backend.
    type Store: TenantStore;

    /// A fresh store that knows exactly these businesses.
    async fn store(&self, businesses: Vec<Seed>) -> Self::Store;

    /// The stored transcript of a call, in the order of the conversation.
    async fn transcript(
        &self,
        store: &Self::Store,
        tenant: TenantId,
        call: CallId,
    ) -> Vec<TranscriptLine>;

    /// The stored leads of a business, in any order.
    async fn leads(&self, store: &Self::Store, tenant: TenantId) -> Vec<SeenLead>;
}

/// Runs every rule, each on a fresh store.
pub async fn suite(fixture: &impl Fixture) {
    a_number_has_one_owner_none_or_several(fixture).await;
    a_business_reads_back_whole(fixture).await;
    opening_a_call_twice_gives_one_call(fixture).await;
    racing_opens_give_one_call(fixture).await;
    a_call_sid_belongs_to_one_business(fixture).await;
    transcript_lines_are_stored_once_and_in_order(fixture).await;
    a_call_has_one_lead_that_only_learns(fixture).await;
    a_caller_who_is_known_stays_one_lead(fixture).await;
    finishing_happens_once(fixture).await;
    a_call_that_learned_nothing_leaves_a_lead(fixture).await;
    what_is_foreign_is_not_found(fixture).await;
}

/// Rule: a number's owner is its one business, nobody, or several; it is never guessed.
pub async fn a_number_has_one_owner_none_or_several(fixture: &impl Fixture) {
    let (ours, theirs) = (seed(1), seed(2));
    let doubled = number(99);
    let with_double = |mut seed: Seed| {
        seed.numbers.push(doubled.clone());
        seed
    };
    let store = fixture
        .store(vec![with_double(ours.clone()), with_double(theirs)])
        .await;
    let rule = "rule `a number has one owner, none or several`";
    match ok(store.business_by_number(&ours.numbers[0]).await, rule) {
        NumberOwner::One(business) => {
            assert_eq!(*business, ours.business, "{rule}: wrong business");
        }
        other => panic!("{rule}: expected One for a number of one business, got {other:?}"),
    }
    let nobody = ok(store.business_by_number(&number(50)).await, rule);
    assert!(
        matches!(nobody, NumberOwner::Nobody),
        "{rule}: unknown number gave {nobody:?}"
    );
    let several = ok(store.business_by_number(&doubled).await, rule);
    assert!(
        matches!(several, NumberOwner::Several(2)),
        "{rule}: doubled number gave {several:?}"
    );
}

/// Rule: a business reads back as it was stored; an unknown one is `None`; secrets are its own or none.
pub async fn a_business_reads_back_whole(fixture: &impl Fixture) {
    let (ours, theirs) = (seed(1), seed(2));
    let store = fixture.store(vec![ours.clone(), theirs.clone()]).await;
    let rule = "rule `a business reads back whole`";
    for seed in [&ours, &theirs] {
        let stored = ok(store.business(seed.business.id).await, rule);
        assert_eq!(stored.as_deref(), Some(&seed.business), "{rule}");
    }
    let unknown = ok(store.business(seed(3).business.id).await, rule);
    assert!(unknown.is_none(), "{rule}: an unknown tenant must be None");
    let secrets = ok(store.secrets(ours.business.id).await, rule);
    for secret in [secrets.twilio_auth_token, secrets.openai_api_key]
        .into_iter()
        .flatten()
    {
        assert!(
            !secret.expose_secret().is_empty(),
            "{rule}: an absent secret must be None"
        );
    }
}

/// Rule: opening a call again under the same CallSid returns the stored call and changes nothing.
pub async fn opening_a_call_twice_gives_one_call(fixture: &impl Fixture) {
    let (store, tenant) = one_business(fixture).await;
    let rule = "rule `opening a call twice gives one call`";
    let (first, created) = ok(store.open_call(tenant, new_call(1)).await, rule);
    assert!(created, "{rule}: the first open must report a new call");
    assert_eq!(
        (first.tenant, &first.call),
        (tenant, &new_call(1)),
        "{rule}: stored call differs"
    );
    assert_eq!(
        (first.ended_at, first.end),
        (None, None),
        "{rule}: a new call has not ended"
    );
    let later = NewCall {
        started_at: UnixMillis(9_999_999),
        caller: None,
        ..new_call(1)
    };
    let (second, created) = ok(store.open_call(tenant, later).await, rule);
    assert!(
        !created,
        "{rule}: the second open must not report a new call"
    );
    assert_eq!(
        second, first,
        "{rule}: the second open must return the first call unchanged"
    );
    let found = ok(store.find_call(&new_call(1).call_sid).await, rule);
    assert_eq!(found, Some(first), "{rule}: find_call must find it");
    let unknown = ok(store.find_call(&new_call(2).call_sid).await, rule);
    assert_eq!(unknown, None, "{rule}: an unknown CallSid must be None");
    let (other, created) = ok(store.open_call(tenant, new_call(2)).await, rule);
    assert!(
        created && other.call == new_call(2),
        "{rule}: another CallSid is another call"
    );
}

/// Rule: of fifty deliveries of one webhook at once, exactly one opens the call.
pub async fn racing_opens_give_one_call(fixture: &impl Fixture) {
    let (store, tenant) = one_business(fixture).await;
    let rule = "rule `racing opens give one call`";
    let opens = (0..50).map(|_| {
        let opening = store.open_call(tenant, new_call(1));
        Box::pin(async move { ok(opening.await, rule) }) as _
    });
    let opened: Vec<(CallRecord, bool)> = join_all(opens).await;
    let created = opened.iter().filter(|(_, created)| *created).count();
    assert_eq!(created, 1, "{rule}: {created} of 50 reported a new call");
    assert!(
        opened.iter().all(|(call, _)| call.id == opened[0].0.id),
        "{rule}: ids differ"
    );
}

/// Rule: a CallSid that belongs to a call of another business is a `Conflict`, and nothing is opened.
pub async fn a_call_sid_belongs_to_one_business(fixture: &impl Fixture) {
    let (ours, theirs) = (seed(1), seed(2));
    let store = fixture.store(vec![ours.clone(), theirs.clone()]).await;
    let rule = "rule `a CallSid belongs to one business`";
    let (call, _) = ok(store.open_call(ours.business.id, new_call(1)).await, rule);
    let refused = store.open_call(theirs.business.id, new_call(1)).await;
    refuses(&refused, ErrorClass::Conflict, rule);
    let found = ok(store.find_call(&new_call(1).call_sid).await, rule);
    assert_eq!(
        found,
        Some(call),
        "{rule}: the call must stay with its business"
    );
    let unknown = store.open_call(seed(3).business.id, new_call(2)).await;
    refuses(&unknown, ErrorClass::NotFound, rule);
}

/// Rule: a transcript line is stored once by its `seq`, and lines read back in the order of `seq`.
pub async fn transcript_lines_are_stored_once_and_in_order(fixture: &impl Fixture) {
    let (store, tenant) = one_business(fixture).await;
    let rule = "rule `transcript lines are stored once and in order`";
    let (call, _) = ok(store.open_call(tenant, new_call(1)).await, rule);
    ok(store.append_transcript(tenant, call.id, &[]).await, rule);
    ok(
        store
            .append_transcript(tenant, call.id, &[line(2, "two"), line(0, "zero")])
            .await,
        rule,
    );
    let again = [line(0, "changed"), line(1, "one"), line(1, "one, doubled")];
    ok(store.append_transcript(tenant, call.id, &again).await, rule);
    let stored = fixture.transcript(&store, tenant, call.id).await;
    let expected = [line(0, "zero"), line(1, "one"), line(2, "two")];
    assert_eq!(
        stored, expected,
        "{rule}: a stored line stays as it was first stored"
    );
}

/// Rule: a call has one lead; what is learned later is merged in, what is unknown or blank erases nothing.
pub async fn a_call_has_one_lead_that_only_learns(fixture: &impl Fixture) {
    let (store, tenant) = one_business(fixture).await;
    let rule = "rule `a call has one lead that only learns`";
    let (call, _) = ok(store.open_call(tenant, new_call(1)).await, rule);
    let name = LeadDraft {
        name: Some(" Dana ".to_owned()),
        ..LeadDraft::default()
    };
    let id = ok(store.save_lead(tenant, call.id, name).await, rule);
    let intent = LeadDraft {
        name: Some("  ".to_owned()),
        intent: Some("repair".to_owned()),
        ..LeadDraft::default()
    };
    let again = ok(store.save_lead(tenant, call.id, intent).await, rule);
    assert_eq!(again, id, "{rule}: the second save made another lead");
    let outcome = CallOutcome {
        lead: LeadDraft {
            notes: Some("in a hurry".to_owned()),
            ..LeadDraft::default()
        },
        ..outcome(CallEnd::CallerHungUp)
    };
    let finished = ok(store.finish_call(tenant, call.id, outcome).await, rule);
    assert_eq!(finished, id, "{rule}: finishing made another lead");
    // The summary is made after the call.
    let summary = LeadDraft {
        summary: Some("Brakes squeak.".to_owned()),
        ..LeadDraft::default()
    };
    let summarised = ok(store.save_lead(tenant, call.id, summary).await, rule);
    assert_eq!(
        summarised, id,
        "{rule}: saving after the end made another lead"
    );
    let known = LeadDraft {
        name: Some("Dana".to_owned()),
        intent: Some("repair".to_owned()),
        summary: Some("Brakes squeak.".to_owned()),
        next_step: None,
        notes: Some("in a hurry".to_owned()),
    };
    let leads = fixture.leads(&store, tenant).await;
    assert_eq!(
        leads,
        [SeenLead {
            id,
            calls: vec![call.id],
            known
        }],
        "{rule}"
    );
}

/// Rule: calls from one number are one person's and share a lead, whose name stays what it was; of a
/// withheld number nobody knows whose it is, so each such call has a lead of its own.
pub async fn a_caller_who_is_known_stays_one_lead(fixture: &impl Fixture) {
    let (store, tenant) = one_business(fixture).await;
    let rule = "rule `a caller who is known stays one lead`";
    let draft = |name: &str, intent: &str| LeadDraft {
        name: Some(name.to_owned()),
        intent: Some(intent.to_owned()),
        ..LeadDraft::default()
    };
    let mut seen = Vec::new();
    for (n, draft) in [(1, draft("Dana", "repair")), (2, draft("Donna", "invoice"))] {
        let (call, _) = ok(store.open_call(tenant, new_call(n)).await, rule);
        let lead = ok(store.save_lead(tenant, call.id, draft).await, rule);
        seen.push((call.id, lead));
    }
    assert_eq!(
        seen[0].1, seen[1].1,
        "{rule}: the second call made another lead"
    );
    let expected = SeenLead {
        id: seen[0].1,
        calls: vec![seen[0].0, seen[1].0],
        known: draft("Dana", "invoice"),
    };
    assert_eq!(fixture.leads(&store, tenant).await, [expected], "{rule}");
    for n in [3, 4] {
        let withheld = NewCall {
            caller: None,
            ..new_call(n)
        };
        let (call, _) = ok(store.open_call(tenant, withheld).await, rule);
        let unknown = draft("Noa", "repair");
        ok(store.save_lead(tenant, call.id, unknown).await, rule);
    }
    let leads = fixture.leads(&store, tenant).await;
    assert_eq!(leads.len(), 3, "{rule}: withheld numbers");
}

/// Rule: a call is finished once; a second time changes nothing and returns the same lead.
pub async fn finishing_happens_once(fixture: &impl Fixture) {
    let (store, tenant) = one_business(fixture).await;
    let rule = "rule `finishing happens once`";
    let (call, _) = ok(store.open_call(tenant, new_call(1)).await, rule);
    let first = outcome(CallEnd::AgentEnded);
    let lead = ok(
        store.finish_call(tenant, call.id, first.clone()).await,
        rule,
    );
    let after_first = ok(store.find_call(&new_call(1).call_sid).await, rule);
    let Some(stored) = &after_first else {
        panic!("{rule}: the finished call is gone")
    };
    assert_eq!(
        stored.ended_at,
        Some(first.ended_at),
        "{rule}: the end's time"
    );
    assert_eq!(
        (stored.end, stored.usage),
        (Some(first.end), first.usage),
        "{rule}: the outcome"
    );
    let second = CallOutcome {
        ended_at: UnixMillis(5),
        usage: Usage::default(),
        lead: LeadDraft {
            name: Some("Somebody else".to_owned()),
            ..LeadDraft::default()
        },
        ..outcome(CallEnd::LegFailed)
    };
    let finishes = (0..10).map(|_| {
        let finishing = store.finish_call(tenant, call.id, second.clone());
        Box::pin(async move { ok(finishing.await, rule) }) as _
    });
    for again in join_all(finishes).await {
        assert_eq!(again, lead, "{rule}: a second time made another lead");
    }
    let after_second = ok(store.find_call(&new_call(1).call_sid).await, rule);
    assert_eq!(
        after_second, after_first,
        "{rule}: a second time changed the call"
    );
    let leads = fixture.leads(&store, tenant).await;
    let expected = SeenLead {
        id: lead,
        calls: vec![call.id],
        known: first.lead,
    };
    assert_eq!(leads, [expected], "{rule}: a second time changed the lead");
    let (reopened, created) = ok(store.open_call(tenant, new_call(1)).await, rule);
    assert!(!created, "{rule}: a finished call must not be opened anew");
    assert_eq!(
        Some(reopened),
        after_first,
        "{rule}: a replayed open changed the call"
    );
}

/// Rule: a lead is stored for every finished call, even when nothing was learned.
pub async fn a_call_that_learned_nothing_leaves_a_lead(fixture: &impl Fixture) {
    let (store, tenant) = one_business(fixture).await;
    let rule = "rule `a call that learned nothing leaves a lead`";
    let (call, _) = ok(
        store
            .open_call(
                tenant,
                NewCall {
                    caller: None,
                    ..new_call(1)
                },
            )
            .await,
        rule,
    );
    let empty = CallOutcome {
        lead: LeadDraft::default(),
        ..outcome(CallEnd::AiFailed)
    };
    let id = ok(store.finish_call(tenant, call.id, empty).await, rule);
    let leads = fixture.leads(&store, tenant).await;
    let expected = SeenLead {
        id,
        calls: vec![call.id],
        known: LeadDraft::default(),
    };
    assert_eq!(leads, [expected], "{rule}");
}

/// Rule: what belongs to another business is `NotFound`, exactly like what does not exist, and stays as it is.
pub async fn what_is_foreign_is_not_found(fixture: &impl Fixture) {
    let (ours, theirs) = (seed(1), seed(2));
    let store = fixture.store(vec![ours.clone(), theirs.clone()]).await;
    let rule = "rule `what is foreign is not found`";
    let (call, _) = ok(store.open_call(ours.business.id, new_call(1)).await, rule);
    let tries = [
        (theirs.business.id, call.id),
        (seed(3).business.id, call.id),
        (ours.business.id, CallId::mint(UnixMillis(77))),
    ];
    for (tenant, id) in tries {
        let draft = LeadDraft {
            name: Some("Mallory".to_owned()),
            ..LeadDraft::default()
        };
        refuses(
            &store.append_transcript(tenant, id, &[]).await,
            ErrorClass::NotFound,
            rule,
        );
        let appended = store
            .append_transcript(tenant, id, &[line(0, "planted")])
            .await;
        refuses(&appended, ErrorClass::NotFound, rule);
        refuses(
            &store.save_lead(tenant, id, draft).await,
            ErrorClass::NotFound,
            rule,
        );
        let finished = store
            .finish_call(tenant, id, outcome(CallEnd::AgentEnded))
            .await;
        refuses(&finished, ErrorClass::NotFound, rule);
    }
    let found = ok(store.find_call(&new_call(1).call_sid).await, rule);
    assert_eq!(
        found.as_ref(),
        Some(&call),
        "{rule}: a refused change changed the call"
    );
    assert!(
        fixture
            .transcript(&store, ours.business.id, call.id)
            .await
            .is_empty(),
        "{rule}"
    );
    for tenant in [ours.business.id, theirs.business.id] {
        assert!(
            fixture.leads(&store, tenant).await.is_empty(),
            "{rule}: a lead was planted"
        );
    }
}

async fn one_business<F: Fixture>(fixture: &F) -> (F::Store, TenantId) {
    let seed = seed(1);
    let tenant = seed.business.id;
    (fixture.store(vec![seed]).await, tenant)
}

fn ok<T>(result: Result<T>, rule: &str) -> T {
    result.unwrap_or_else(|error| panic!("{rule}: failed with `{}`", error.chain()))
}

fn refuses<T: Debug>(result: &Result<T>, class: ErrorClass, rule: &str) {
    match result.as_ref().map_err(Error::class) {
        Err(found) if found == class => {}
        _ => panic!("{rule}: expected an error of class {class:?}, got {result:?}"),
    }
}
