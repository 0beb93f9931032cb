//! Devices that members are told of calls on: whose they are, and when they end.

use prosaas_core::{CallId, Clock as _, ExposeSecret as _, SecretString};
use prosaas_crm::auth::Role;
use prosaas_crm::auth::seal::MasterKeys;
use prosaas_crm::model::access::SignedIn;
use prosaas_crm::model::id::{PushSubscriptionId, UserId};
use prosaas_crm::model::push::MAX_BROWSERS;
use prosaas_crm::rules::removal::MembershipChange;
use prosaas_crm::store::AuditFilter;
use prosaas_crm::store::accounts::MemberWish;
use prosaas_crm::testkit::push::FakeBrowser;
use prosaas_crm::{CrmStore, testkit};

use super::bench::{Bench, HOUR_MS, OPERATOR, RULES, code};
use crate::support::NOW;

fn endpoint(n: u32) -> String {
    format!("https://push.shop.co.il/{n}")
}

/// A member who switched notifications on in a session.
async fn device(bench: &Bench, user: UserId, n: u32) -> (SignedIn, PushSubscriptionId) {
    let signed_in = bench.sign_in(user).await;
    let scope = signed_in.tenant.unwrap();
    let reach = FakeBrowser::default().at(&endpoint(n));
    let added = bench
        .store
        .add_push(&scope, signed_in.session, &reach)
        .await
        .unwrap();
    (signed_in, added.id)
}

pub(super) async fn the_installations_key_is_made_once_and_sealed_again(bench: Bench) {
    let (old, new) = (
        MasterKeys::generate(1).unwrap(),
        MasterKeys::generate(2).unwrap(),
    );
    let with = async |keys: &[&SecretString]| {
        let list: Vec<_> = keys.iter().map(|key| key.expose_secret()).collect();
        let keys = MasterKeys::parse(&SecretString::from(list.join(",")));
        bench.reopened().await.with_master_keys(keys.unwrap())
    };
    let public = async |store: &CrmStore| store.push_key(&OPERATOR).await.unwrap().public();
    let store = with(&[&old]).await;
    let (first, second) = tokio::join!(public(&store), public(&store));
    assert_eq!(first, second);
    let store = with(&[&new, &old]).await;
    assert_eq!(store.reseal(&OPERATOR).await.unwrap().resealed, 1);
    let store = with(&[&new]).await;
    assert_eq!(public(&store).await, first);
    let missing = bench.reopened().await.push_key(&OPERATOR).await;
    assert_eq!(code(missing), "master-key-missing");
}

pub(super) async fn a_device_is_its_members_and_his_businesss_alone(bench: Bench) {
    let (ours, theirs) = (bench.business("Ours").await, bench.business("Theirs").await);
    let dana = bench.member(ours, "dana@example.com", Role::Owner).await;
    let noa = bench.member(ours, "noa@example.com", Role::Viewer).await;
    let ron = bench.member(theirs, "ron@example.com", Role::Owner).await;
    let (dana_in, of_dana) = device(&bench, dana, 1).await;
    let (noa_in, _) = device(&bench, noa, 2).await;
    let (ron_in, _) = device(&bench, ron, 3).await;
    let [dana_s, noa_s, ron_s] = [&dana_in, &noa_in, &ron_in].map(|one| one.tenant.unwrap());
    let store = &bench.store;
    for stranger in [&noa_s, &ron_s] {
        assert_eq!(
            code(store.remove_push(stranger, of_dana).await),
            "not-found"
        );
    }
    assert!(store.due_push(&ron_s, of_dana).await.unwrap().is_none());
    let due = store.due_push(&dana_s, of_dana).await.unwrap().unwrap();
    assert_eq!(
        (due.business.as_str(), due.reach.endpoint),
        ("Ours", endpoint(1))
    );
    // One job for each device of the business, once.
    let call = CallId::mint(NOW);
    let job = testkit::scope(ours);
    assert_eq!(store.push_alerts(&job, call).await.unwrap(), 2);
    assert_eq!(store.push_alerts(&job, call).await.unwrap(), 0);
    // A key of the business has no pocket.
    let reach = FakeBrowser::default().at(&endpoint(9));
    let refused = store.add_push(&job, dana_in.session, &reach).await;
    assert_eq!(code(refused), "forbidden");
    assert!(store.pushes(&job).await.unwrap().is_empty());
    // Somebody else signs in with the same browser: it is his from then on.
    let reach = FakeBrowser::default().at(&endpoint(1));
    let added = store.add_push(&noa_s, noa_in.session, &reach).await;
    assert_eq!(added.unwrap().id, of_dana);
    assert!(store.pushes(&dana_s).await.unwrap().is_empty());
    assert_eq!(store.pushes(&noa_s).await.unwrap().len(), 2);
    store.remove_push(&noa_s, of_dana).await.unwrap();
    let all = AuditFilter::default();
    let log = store.audit_entries(&dana_s, &all, None, 50).await;
    let log = format!("{:?}", log.unwrap());
    assert!(log.contains("push.subscribed") && log.contains("push.unsubscribed"));
    assert!(!log.contains("push.shop.co.il"), "{log}");
}

pub(super) async fn a_device_is_told_no_longer_than_its_session_goes_on(bench: Bench) {
    let tenant = bench.business("Garage").await;
    let owner = bench.member(tenant, "owner@example.com", Role::Owner).await;
    let dana = bench.member(tenant, "dana@example.com", Role::Agent).await;
    let (store, job) = (&bench.store, testkit::scope(tenant));
    let due = async |id| store.due_push(&job, id).await.unwrap().is_some();

    let (signed_in, id) = device(&bench, dana, 1).await;
    assert!(due(id).await);
    bench.clock.advance(13 * HOUR_MS);
    assert!(due(id).await, "a phone in a pocket is idle");
    store.revoke_session(dana, signed_in.session).await.unwrap();
    assert!(!due(id).await);
    assert!(
        store
            .pushes(&signed_in.tenant.unwrap())
            .await
            .unwrap()
            .is_empty()
    );

    let (_, first) = device(&bench, dana, 2).await;
    let (kept, second) = device(&bench, dana, 3).await;
    store
        .revoke_other_sessions(dana, kept.session)
        .await
        .unwrap();
    assert!(!due(first).await && due(second).await);
    bench.clock.advance(RULES.absolute_ms);
    assert!(!due(second).await, "thirty days are the end");
    let forgotten = store
        .forget_sessions(&OPERATOR, bench.clock.now().plus(1))
        .await;
    assert!(forgotten.unwrap() > 0);
    assert!(
        store
            .pushes(&kept.tenant.unwrap())
            .await
            .unwrap()
            .is_empty()
    );

    let (_, third) = device(&bench, dana, 4).await;
    let owner = bench.scope(owner).await;
    let wish = |change| MemberWish {
        user: dana,
        change,
        reassign_to: None,
        expected: None,
    };
    let suspended = wish(MembershipChange::Suspend);
    store.change_member(&owner, suspended).await.unwrap();
    assert!(!due(third).await);
    let removed = wish(MembershipChange::Remove);
    store.change_member(&owner, removed).await.unwrap();
    assert_eq!(store.push_alerts(&job, CallId::mint(NOW)).await.unwrap(), 0);
}

pub(super) async fn of_too_many_devices_the_oldest_goes(bench: Bench) {
    let tenant = bench.business("Garage").await;
    let dana = bench.member(tenant, "dana@example.com", Role::Agent).await;
    let mut ids = Vec::new();
    for n in 0..=MAX_BROWSERS {
        bench.clock.advance(1_000);
        ids.push(device(&bench, dana, n).await.1);
    }
    let scope = bench.scope(dana).await;
    let kept = bench.store.pushes(&scope).await.unwrap();
    let kept: Vec<_> = kept.iter().map(|one| one.id).collect();
    ids.reverse();
    ids.pop();
    assert_eq!(kept, ids);
    // Its push service knows it no more; one that has shown a new address since stays.
    let (store, gone) = (&bench.store, ids[0]);
    let browser = FakeBrowser::default();
    let elsewhere = browser.at("https://push.shop.co.il/before");
    store.forget_push(&scope, gone, &elsewhere).await.unwrap();
    assert_eq!(store.pushes(&scope).await.unwrap().len(), ids.len());
    let there = browser.at(&endpoint(MAX_BROWSERS));
    store.forget_push(&scope, gone, &there).await.unwrap();
    assert_eq!(store.pushes(&scope).await.unwrap().len(), ids.len() - 1);
}
