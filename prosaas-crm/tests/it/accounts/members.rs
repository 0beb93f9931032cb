//! Members, and the rules of their removal.

use prosaas_core::Language;
use prosaas_crm::auth::token::KeyEnvironment;
use prosaas_crm::auth::{Permission, Role};
use prosaas_crm::model::access::NewApiKey;
use prosaas_crm::model::id::UserId;
use prosaas_crm::model::user::{MemberStatus, NewUser};
use prosaas_crm::rules::removal::{AccountChange, MembershipChange};
use prosaas_crm::store::accounts::{AccountHeirs, MemberWish};

use super::bench::{Bench, HOUR_MS, OPERATOR, RULES, code, stored_password};
use crate::support::NOW;

fn wish(user: UserId, change: MembershipChange) -> MemberWish {
    MemberWish {
        user,
        change,
        reassign_to: None,
        expected: None,
    }
}

pub(super) async fn an_invitation_brings_somebody_in_once(bench: Bench) {
    let tenant = bench.business("Garage").await;
    let owner = bench.member(tenant, "owner@example.com", Role::Owner).await;
    let scope = bench.scope(owner).await;
    let new = NewUser::new("dana@example.com", "Dana", Language::He).unwrap();
    let first = bench
        .store
        .invite_member(&scope, &new, Role::Agent)
        .await
        .unwrap();
    let second = bench
        .store
        .invite_member(&scope, &new, Role::Manager)
        .await
        .unwrap();
    assert_eq!(first.user, second.user);

    let password = stored_password();
    let accept = async |token| bench.store.accept_invitation(token, Some(&password)).await;
    assert_eq!(
        code(accept(&first.token).await),
        "link-used-up",
        "the later link counts"
    );
    assert!(
        bench
            .store
            .invitation_needs_password(&second.token)
            .await
            .unwrap()
    );
    let without = bench.store.accept_invitation(&second.token, None).await;
    assert_eq!(code(without), "invalid");
    assert_eq!(accept(&second.token).await.unwrap(), first.user);
    assert_eq!(code(accept(&second.token).await), "link-used-up");

    let member = bench
        .store
        .member(&scope, first.user)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (member.role, member.status),
        (Role::Manager, MemberStatus::Active)
    );
    let again = bench.store.invite_member(&scope, &new, Role::Agent).await;
    assert_eq!(code(again), "already-member");
}

pub(super) async fn an_invitation_ends_after_a_week_and_when_it_is_withdrawn(bench: Bench) {
    let tenant = bench.business("Garage").await;
    let owner = bench.member(tenant, "owner@example.com", Role::Owner).await;
    let scope = bench.scope(owner).await;
    let new = NewUser::new("dana@example.com", "Dana", Language::He).unwrap();
    let withdrawn = bench
        .store
        .invite_member(&scope, &new, Role::Agent)
        .await
        .unwrap();
    let remove = wish(withdrawn.user, MembershipChange::Remove);
    bench.store.change_member(&scope, remove).await.unwrap();
    let password = stored_password();
    let accept = bench
        .store
        .accept_invitation(&withdrawn.token, Some(&password))
        .await;
    assert_eq!(code(accept), "link-used-up");

    let late = bench
        .store
        .invite_member(&scope, &new, Role::Agent)
        .await
        .unwrap();
    bench.clock.advance(7 * 24 * HOUR_MS + 1);
    let accept = bench
        .store
        .accept_invitation(&late.token, Some(&password))
        .await;
    assert_eq!(code(accept), "link-used-up");
}

pub(super) async fn an_invited_account_keeps_its_password(bench: Bench) {
    let (garage, clinic) = (
        bench.business("Garage").await,
        bench.business("Clinic").await,
    );
    let dana = bench.member(garage, "dana@example.com", Role::Owner).await;
    let owner = bench.member(clinic, "owner@example.com", Role::Owner).await;
    let new = NewUser::new("dana@example.com", "Another name", Language::En).unwrap();
    let scope = bench.scope(owner).await;
    let invited = bench
        .store
        .invite_member(&scope, &new, Role::Agent)
        .await
        .unwrap();
    assert_eq!(invited.user, dana);
    assert!(
        !bench
            .store
            .invitation_needs_password(&invited.token)
            .await
            .unwrap()
    );
    bench
        .store
        .accept_invitation(&invited.token, None)
        .await
        .unwrap();
    assert_eq!(
        bench.store.own_account(dana).await.unwrap().name,
        "Somebody"
    );
    assert_eq!(bench.store.businesses_of_user(dana).await.unwrap().len(), 2);
}

pub(super) async fn members_of_another_business_do_not_exist(bench: Bench) {
    let (garage, clinic) = (
        bench.business("Garage").await,
        bench.business("Clinic").await,
    );
    let owner = bench.member(garage, "owner@example.com", Role::Owner).await;
    let foreign = bench
        .member(clinic, "foreign@example.com", Role::Agent)
        .await;
    bench.member(clinic, "other@example.com", Role::Owner).await;
    let scope = bench.scope(owner).await;
    assert_eq!(bench.store.member(&scope, foreign).await.unwrap(), None);
    let members = bench.store.members(&scope, None, 50).await.unwrap();
    assert_eq!(
        members.iter().map(|member| member.user).collect::<Vec<_>>(),
        [owner]
    );
    for change in [
        MembershipChange::Remove,
        MembershipChange::Suspend,
        MembershipChange::Activate,
        MembershipChange::Role(Role::Owner),
    ] {
        let changed = bench
            .store
            .change_member(&scope, wish(foreign, change))
            .await;
        assert_eq!(code(changed), "not-found", "{change:?}");
    }
    let theirs = bench.scope(foreign).await;
    assert_eq!(theirs.tenant(), clinic);
}

pub(super) async fn members_are_listed_page_by_page(bench: Bench) {
    let tenant = bench.business("Garage").await;
    let owner = bench.member(tenant, "owner@example.com", Role::Owner).await;
    for number in 0..7 {
        let email = format!("agent{number}@example.com");
        bench.member(tenant, &email, Role::Agent).await;
    }
    let scope = bench.scope(owner).await;
    let mut seen = Vec::new();
    let mut after = None;
    loop {
        let members = bench.store.members(&scope, after, 3).await.unwrap();
        let Some(last) = members.last() else { break };
        after = Some((last.created_at, last.user));
        seen.extend(members.iter().map(|member| member.user));
    }
    let all = seen.len();
    seen.sort();
    seen.dedup();
    assert_eq!((all, seen.len()), (8, 8));
}

pub(super) async fn only_an_owner_changes_members(bench: Bench) {
    let tenant = bench.business("Garage").await;
    bench.member(tenant, "owner@example.com", Role::Owner).await;
    let manager = bench
        .member(tenant, "manager@example.com", Role::Manager)
        .await;
    let agent = bench.member(tenant, "agent@example.com", Role::Agent).await;
    let scope = bench.scope(manager).await;
    let remove = wish(agent, MembershipChange::Remove);
    assert_eq!(
        code(bench.store.change_member(&scope, remove).await),
        "forbidden"
    );
    let new = NewUser::new("dana@example.com", "Dana", Language::He).unwrap();
    let invited = bench.store.invite_member(&scope, &new, Role::Agent).await;
    assert_eq!(code(invited), "forbidden");
}

pub(super) async fn nobody_removes_himself_and_the_only_owner_stays(bench: Bench) {
    let tenant = bench.business("Garage").await;
    let owner = bench.member(tenant, "owner@example.com", Role::Owner).await;
    let scope = bench.scope(owner).await;
    let operator = OPERATOR.tenant(tenant).unwrap();
    for change in [
        MembershipChange::Remove,
        MembershipChange::Suspend,
        MembershipChange::Role(Role::Viewer),
    ] {
        let by_himself = bench.store.change_member(&scope, wish(owner, change)).await;
        assert_eq!(code(by_himself), "self-removal-forbidden", "{change:?}");
        let by_operator = bench
            .store
            .change_member(&operator, wish(owner, change))
            .await;
        assert_eq!(code(by_operator), "sole-owner", "{change:?}");
    }
    let bulk = [wish(owner, MembershipChange::Remove)];
    let bulk = bench.store.change_members(&scope, &bulk).await;
    assert_eq!(
        code(bulk.into_iter().next().unwrap()),
        "self-removal-forbidden"
    );

    // A second owner who may not sign in is none.
    let second = bench
        .member(tenant, "second@example.com", Role::Owner)
        .await;
    let suspend = AccountChange::Suspend;
    bench
        .store
        .change_account(&OPERATOR, second, suspend, &AccountHeirs::new())
        .await
        .unwrap();
    let removed = bench
        .store
        .change_member(&operator, wish(owner, MembershipChange::Remove))
        .await;
    assert_eq!(code(removed), "sole-owner");
}

pub(super) async fn a_removed_member_is_out_at_once(bench: Bench) {
    let tenant = bench.business("Garage").await;
    let owner = bench.member(tenant, "owner@example.com", Role::Owner).await;
    let second = bench
        .member(tenant, "second@example.com", Role::Owner)
        .await;
    let token = bench
        .store
        .open_session(second, "test", false, RULES)
        .await
        .unwrap();
    let session = bench
        .store
        .signed_in(&token.hash(), RULES)
        .await
        .unwrap()
        .unwrap();
    let theirs = session.tenant.unwrap();
    let scopes = [Permission::LeadsRead].into_iter().collect();
    let new = NewApiKey::new("n8n", scopes, None, NOW).unwrap();
    let key = bench
        .store
        .create_api_key(&theirs, &new, KeyEnvironment::Test)
        .await;
    let (key, _) = key.unwrap();
    assert!(bench.store.prove_api_key(&key).await.unwrap().is_some());

    let scope = bench.scope(owner).await;
    let remove = wish(second, MembershipChange::Remove);
    bench.store.change_member(&scope, remove).await.unwrap();
    assert!(
        bench
            .store
            .signed_in(&token.hash(), RULES)
            .await
            .unwrap()
            .is_none()
    );
    assert!(
        bench
            .store
            .session_still(session.session, RULES)
            .await
            .unwrap()
            .is_none()
    );
    assert!(bench.store.prove_api_key(&key).await.unwrap().is_none());
    // He may still sign in to his account, and works nowhere.
    assert!(bench.sign_in(second).await.tenant.is_none());
    let again = bench.store.change_member(&scope, remove).await;
    assert_eq!(code(again), "not-found");
    // What he was about to do with the rights he had is refused.
    let revenge = bench
        .store
        .change_member(&theirs, wish(owner, MembershipChange::Remove))
        .await;
    assert_eq!(code(revenge), "forbidden");
}

pub(super) async fn another_role_takes_effect_at_once_and_ends_sessions(bench: Bench) {
    let tenant = bench.business("Garage").await;
    let owner = bench.member(tenant, "owner@example.com", Role::Owner).await;
    let agent = bench.member(tenant, "agent@example.com", Role::Agent).await;
    let token = bench
        .store
        .open_session(agent, "test", false, RULES)
        .await
        .unwrap();
    let scope = bench.scope(owner).await;
    let demote = MemberWish {
        expected: Some(1),
        ..wish(agent, MembershipChange::Role(Role::Viewer))
    };
    bench.store.change_member(&scope, demote).await.unwrap();
    assert!(
        bench
            .store
            .signed_in(&token.hash(), RULES)
            .await
            .unwrap()
            .is_none()
    );
    let now = bench.scope(agent).await;
    assert!(now.require(Permission::LeadsWrite).is_err());
    assert!(now.require(Permission::LeadsRead).is_ok());
    let stale = bench.store.change_member(&scope, demote).await;
    assert_eq!(code(stale), "version-conflict");
}

pub(super) async fn an_administrator_removes_any_account_but_the_last_of_his_kind(bench: Bench) {
    let tenant = bench.business("Garage").await;
    let owner = bench.member(tenant, "owner@example.com", Role::Owner).await;
    let agent = bench.member(tenant, "agent@example.com", Role::Agent).await;
    let admin = bench.account("admin@example.com", true).await;
    let scope = bench.admin_scope(admin).await;
    let heirs = AccountHeirs::new();
    let change = async |user, change| {
        code(
            bench
                .store
                .change_account(&scope, user, change, &heirs)
                .await,
        )
    };
    assert_eq!(change(owner, AccountChange::Remove).await, "sole-owner");
    assert_eq!(change(agent, AccountChange::Remove).await, "done");
    assert!(bench.store.user(&OPERATOR, agent).await.unwrap().is_none());
    assert_eq!(change(agent, AccountChange::Remove).await, "not-found");
    assert_eq!(
        change(admin, AccountChange::Remove).await,
        "self-removal-forbidden"
    );
    assert_eq!(
        change(admin, AccountChange::DropAdmin).await,
        "self-removal-forbidden"
    );
    let by_operator = bench
        .store
        .change_account(&OPERATOR, admin, AccountChange::Remove, &heirs);
    assert_eq!(code(by_operator.await), "last-system-admin");

    let second = bench.account("second@example.com", true).await;
    assert_eq!(change(second, AccountChange::DropAdmin).await, "done");
    assert!(bench.sign_in(second).await.system.is_none());
    // The address of a removed account is free again.
    bench.member(tenant, "agent@example.com", Role::Agent).await;
}
