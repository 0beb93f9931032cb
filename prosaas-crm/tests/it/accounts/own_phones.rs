//! Phones on which members take calls over: one a membership, and nobody else's.

use prosaas_core::E164;
use prosaas_crm::auth::Role;
use prosaas_crm::rules::removal::MembershipChange;
use prosaas_crm::store::accounts::MemberWish;
use prosaas_crm::testkit;

use super::bench::{Bench, RULES, code};

pub(super) async fn an_own_phone_is_a_memberships(bench: Bench) {
    let (ours, theirs) = (bench.business("Ours").await, bench.business("Theirs").await);
    let owner = bench.member(ours, "owner@example.com", Role::Owner).await;
    let dana = bench.member(ours, "dana@example.com", Role::Agent).await;
    let in_ours = bench.scope(dana).await;
    bench.join(theirs, dana, Role::Agent).await;
    let session = bench.sign_in(dana).await.session;
    let token = bench.store.switch_business(session, dana, theirs).await;
    let token = token.unwrap().hash();
    let signed_in = bench.store.signed_in(&token, RULES).await.unwrap();
    let in_theirs = signed_in.unwrap().tenant.unwrap();
    assert_eq!(in_theirs.tenant(), theirs);

    let store = &bench.store;
    let number: E164 = "+972502345678".parse().unwrap();
    let premium: E164 = "+19005551234".parse().unwrap();
    let refused = store.set_own_phone(&in_ours, Some(&premium)).await;
    assert_eq!(code(refused), "invalid");
    store.set_own_phone(&in_ours, Some(&number)).await.unwrap();
    assert_eq!(store.own_phone(&in_ours).await.unwrap(), Some(number));
    assert_eq!(store.own_phone(&in_theirs).await.unwrap(), None);
    // Neither the agent nor a key is a member.
    let job = testkit::scope(ours);
    assert_eq!(code(store.own_phone(&job).await), "forbidden");
    assert_eq!(code(store.set_own_phone(&job, None).await), "forbidden");
    // It goes with the membership, and does not come back with it.
    let removed = MemberWish {
        user: dana,
        change: MembershipChange::Remove,
        reassign_to: None,
        expected: None,
    };
    let owner = bench.scope(owner).await;
    store.change_member(&owner, removed).await.unwrap();
    assert_eq!(store.own_phone(&in_ours).await.unwrap(), None);
    bench.join(ours, dana, Role::Agent).await;
    assert_eq!(store.own_phone(&in_ours).await.unwrap(), None);
}
