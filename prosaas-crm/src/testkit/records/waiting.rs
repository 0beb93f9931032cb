//! What a store must do with callers whom nobody heard.

use prosaas_core::ErrorClass::{Invalid, NotFound};
use prosaas_core::testkit::samples::{new_call, number, outcome};
use prosaas_core::{CallDirection, CallEnd, CallId, E164, NewCall, UnixMillis};

use super::{Fixture, Office, ok, refuses};
use crate::model::call_list::{CallEntry, NewSettlement, SettledHow};
use crate::store::{CrmStore, PhoneStore as _};

/// Runs every rule of this module.
pub(super) async fn suite(fixture: &impl Fixture<Store = CrmStore>) {
    a_caller_waits_until_somebody_speaks_with_him(fixture).await;
    nobody_leaves_without_being_settled(fixture).await;
}

/// A call that has ended. One that the agent ended was answered, any other missed: nobody spoke in it.
async fn call(office: &Office, n: u8, caller: Option<E164>, end: CallEnd, rule: &str) -> CallId {
    let new = NewCall {
        caller,
        ..new_call(n)
    };
    ended(office, new, end, rule).await
}

async fn ended(office: &Office, new: NewCall, end: CallEnd, rule: &str) -> CallId {
    let (call, _) = ok(office.store.open_call(&office.ours, new).await, rule);
    let finished = office
        .store
        .finish_call(&office.ours, call.id, outcome(end));
    ok(finished.await, rule);
    call.id
}

async fn waiting(office: &Office, rule: &str) -> Vec<CallId> {
    let listed = office.store.waiting_calls(&office.ours, None, 9).await;
    let id = |entry: &CallEntry| entry.call.record.id;
    ok(listed, rule).iter().map(id).collect()
}

fn answered() -> NewSettlement {
    NewSettlement {
        how: SettledHow::Answered,
        reason: None,
    }
}

async fn a_caller_waits_until_somebody_speaks_with_him(fixture: &impl Fixture<Store = CrmStore>) {
    let rule = "rule `a caller waits until somebody speaks with him`";
    let office = Office::open(fixture, rule).await;
    let (dana, avi) = (Some(number(11)), Some(number(12)));
    let missed = CallEnd::CallerHungUp;
    call(&office, 11, dana.clone(), missed, rule).await;
    let again = call(&office, 12, dana.clone(), CallEnd::Voicemail, rule).await;
    let other = call(&office, 13, avi.clone(), missed, rule).await;
    let withheld = call(&office, 14, None, missed, rule).await;
    call(&office, 15, None, CallEnd::AgentEnded, rule).await;
    let seen = waiting(&office, rule).await;
    let newest_first = [withheld, other, again];
    assert_eq!(seen, newest_first, "{rule}: each once, by his newest call");
    let page = office.store.waiting_calls(&office.ours, None, 1).await;
    let last = &ok(page, rule)[0].call.record;
    let after = Some((last.call.started_at, last.id));
    let page = ok(
        office.store.waiting_calls(&office.ours, after, 9).await,
        rule,
    );
    assert_eq!(page.len(), 2, "{rule}: the page after");
    let foreign = office.store.waiting_calls(&office.theirs, None, 9).await;
    assert!(ok(foreign, rule).is_empty(), "{rule}: another business");
    // Called back in vain: he still waits. Spoken with: he does not.
    let back = |n| NewCall {
        direction: CallDirection::Outbound,
        caller: avi.clone(),
        ..new_call(n)
    };
    ended(&office, back(16), missed, rule).await;
    assert_eq!(waiting(&office, rule).await, newest_first, "{rule}");
    ended(&office, back(17), CallEnd::AgentEnded, rule).await;
    assert_eq!(waiting(&office, rule).await, [withheld, again], "{rule}");
    call(&office, 18, dana, CallEnd::AgentEnded, rule).await;
    assert_eq!(waiting(&office, rule).await, [withheld], "{rule}");
}

async fn nobody_leaves_without_being_settled(fixture: &impl Fixture<Store = CrmStore>) {
    let rule = "rule `nobody leaves without being settled`";
    let office = Office::open(fixture, rule).await;
    let (store, scope) = (&office.store, &office.ours);
    let dana = Some(number(11));
    let first = call(&office, 11, dana.clone(), CallEnd::Voicemail, rule).await;
    let second = call(&office, 12, dana.clone(), CallEnd::Voicemail, rule).await;
    let dismiss = |reason: Option<&str>| NewSettlement {
        how: SettledHow::Dismissed,
        reason: reason.map(str::to_owned),
    };
    let settle = |call, new| store.settle_call(scope, call, new);
    refuses(&settle(second, dismiss(None)).await, Invalid, rule);
    let foreign = store.settle_call(&office.theirs, second, answered()).await;
    refuses(&foreign, NotFound, rule);
    let unknown = CallId::mint(UnixMillis(77));
    refuses(&settle(unknown, answered()).await, NotFound, rule);
    assert_eq!(waiting(&office, rule).await, [second], "{rule}: refused");
    let settled = ok(settle(second, dismiss(Some("wrong number"))).await, rule);
    let kept = settled.settled.map(|settled| (settled.how, settled.reason));
    let expected = (SettledHow::Dismissed, Some("wrong number".to_owned()));
    assert_eq!(kept, Some(expected), "{rule}: what was said is kept");
    assert!(waiting(&office, rule).await.is_empty(), "{rule}: he left");
    let earlier = ok(store.call_entry(scope, first).await, rule);
    assert!(earlier.settled.is_some(), "{rule}: with what he had tried");
    // A second word does not overwrite the first.
    let again = ok(settle(second, answered()).await, rule);
    let how = again.settled.map(|settled| settled.how);
    assert_eq!(how, Some(SettledHow::Dismissed), "{rule}: settled once");
    refuses(
        &store.reopen_call(&office.theirs, second).await,
        NotFound,
        rule,
    );
    ok(store.reopen_call(scope, second).await, rule);
    assert_eq!(waiting(&office, rule).await, [second], "{rule}: taken back");
    ok(settle(second, answered()).await, rule);
    let third = call(&office, 13, dana, CallEnd::Voicemail, rule).await;
    assert_eq!(
        waiting(&office, rule).await,
        [third],
        "{rule}: he tries again"
    );
    let live = ok(store.open_call(scope, new_call(14)).await, rule).0.id;
    let untouched = ok(settle(live, answered()).await, rule);
    assert_eq!(untouched.settled, None, "{rule}: who does not wait is left");
}
