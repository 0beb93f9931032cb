//! Acting for a business, and a business's own secrets.

use prosaas_core::{AccountSid, ExposeSecret, SecretString};
use prosaas_crm::Jobs as _;
use prosaas_crm::auth::token::KeyEnvironment;
use prosaas_crm::auth::{Permission, Role};
use prosaas_crm::model::access::{NewActing, NewApiKey, SecretName};
use prosaas_crm::model::job::{JobWork, RetryPolicy};
use prosaas_crm::model::task::NewTask;
use prosaas_crm::rules::removal::MembershipChange;
use prosaas_crm::store::AuditFilter;
use prosaas_crm::store::accounts::MemberWish;
use prosaas_crm::{PhoneStore as _, testkit};
use serde_json::json;

use super::bench::{Bench, HOUR_MS, OPERATOR, RULES, code};
use crate::support::NOW;

const CANARY: &str = "canary-0123456789-auth-token";

pub(super) async fn an_administrator_acts_for_a_reason_and_a_while(bench: Bench) {
    let tenant = bench.business("Garage").await;
    let owner = bench.member(tenant, "owner@example.com", Role::Owner).await;
    let admin = bench.account("admin@example.com", true).await;
    let before = bench.sign_in(admin).await;
    assert!(before.tenant.is_none());
    let system = before.system.unwrap();
    let new = NewActing::new(tenant, "ticket 17", 30).unwrap();
    let begun = bench
        .store
        .begin_acting(&system, before.session, &new)
        .await;
    let (token, acting) = begun.unwrap();

    let during = bench
        .store
        .signed_in(&token.hash(), RULES)
        .await
        .unwrap()
        .unwrap();
    assert!(during.system.is_none(), "no administration while acting");
    assert_eq!(during.acting.unwrap().id, acting.id);
    let scope = during.tenant.unwrap();
    assert_eq!(scope.tenant(), tenant);
    assert!(scope.require(Permission::LeadsPurge).is_err());
    let remove = MemberWish {
        user: owner,
        change: MembershipChange::Remove,
        reassign_to: None,
        expected: None,
    };
    assert_eq!(
        code(bench.store.change_member(&scope, remove).await),
        "forbidden"
    );
    let scopes = [Permission::LeadsRead].into_iter().collect();
    let key = NewApiKey::new("n8n", scopes, None, NOW).unwrap();
    let made = bench
        .store
        .create_api_key(&scope, &key, KeyEnvironment::Live)
        .await;
    assert_eq!(code(made), "forbidden");
    let name = SecretName::TwilioAuthToken;
    let set = bench
        .store
        .set_secret(&scope, name, &SecretString::from(CANARY))
        .await;
    assert_eq!(code(set), "forbidden");
    // No chaining: neither into another business nor deeper into this one.
    let other = bench.business("Clinic").await;
    let deeper = NewActing::new(other, "ticket 18", 30).unwrap();
    let chained = bench
        .store
        .begin_acting(&system, during.session, &deeper)
        .await;
    assert_eq!(code(chained), "acting");
    let switched = bench
        .store
        .switch_business(during.session, admin, other)
        .await;
    assert_eq!(code(switched), "not-found");

    let jobs = bench
        .store
        .claim_jobs(&OPERATOR, NOW, 1000, 10, RetryPolicy::STANDARD)
        .await
        .unwrap();
    let notified = JobWork::NotifyActing { acting: acting.id };
    assert!(
        jobs.iter()
            .any(|job| job.tenant() == tenant && job.work == notified)
    );
    let audit = bench.store.system_audit(&OPERATOR, None, 50).await.unwrap();
    let entry = audit
        .iter()
        .find(|entry| entry.action == "acting.begun")
        .unwrap();
    assert_eq!(entry.actor_id.as_deref(), Some(admin.to_string().as_str()));
    assert_eq!(entry.target.as_deref(), Some(tenant.to_string().as_str()));

    let ended = bench.store.end_acting(admin, during.session).await.unwrap();
    assert!(
        bench
            .store
            .signed_in(&token.hash(), RULES)
            .await
            .unwrap()
            .is_none()
    );
    let after = bench
        .store
        .signed_in(&ended.hash(), RULES)
        .await
        .unwrap()
        .unwrap();
    assert!(after.tenant.is_none() && after.system.is_some());
    let again = bench.store.end_acting(admin, after.session).await;
    assert_eq!(code(again), "not-acting");
}

pub(super) async fn acting_ends_by_itself_and_with_the_office(bench: Bench) {
    let tenant = bench.business("Garage").await;
    let admin = bench.account("admin@example.com", true).await;
    bench.account("second@example.com", true).await;
    let before = bench.sign_in(admin).await;
    let new = NewActing::new(tenant, "ticket 17", 30).unwrap();
    let begin = async |session| {
        bench
            .store
            .begin_acting(&before.system.unwrap(), session, &new)
            .await
            .unwrap()
            .0
    };
    let token = begin(before.session).await;
    bench.clock.advance(HOUR_MS / 2);
    let later = bench
        .store
        .signed_in(&token.hash(), RULES)
        .await
        .unwrap()
        .unwrap();
    assert!(later.tenant.is_none() && later.system.is_some());

    let token = begin(later.session).await;
    let heirs = prosaas_crm::store::accounts::AccountHeirs::new();
    let drop_admin = prosaas_crm::rules::removal::AccountChange::DropAdmin;
    bench
        .store
        .change_account(&OPERATOR, admin, drop_admin, &heirs)
        .await
        .unwrap();
    assert!(
        bench
            .store
            .signed_in(&token.hash(), RULES)
            .await
            .unwrap()
            .is_none()
    );
    let listed = bench
        .store
        .acting_sessions(&OPERATOR, None, 10)
        .await
        .unwrap();
    assert_eq!(listed.len(), 2);
}

pub(super) async fn what_is_done_while_acting_stands_in_both_logs(bench: Bench) {
    let tenant = bench.business("Garage").await;
    let owner = bench.member(tenant, "owner@example.com", Role::Owner).await;
    let admin = bench.account("admin@example.com", true).await;
    let before = bench.sign_in(admin).await;
    let new = NewActing::new(tenant, "ticket 17", 30).unwrap();
    let begun = bench
        .store
        .begin_acting(&before.system.unwrap(), before.session, &new)
        .await;
    let (token, acting) = begun.unwrap();
    let during = bench.store.signed_in(&token.hash(), RULES).await;
    let inside = during.unwrap().unwrap().tenant.unwrap();
    let task = |title: &str| NewTask {
        title: title.to_owned(),
        ..NewTask::default()
    };
    let store = &bench.store;
    let made = store.create_task(&inside, task("Look into it")).await;
    let made = made.unwrap();
    // What the business does itself is its own.
    let own = bench.scope(owner).await;
    store.create_task(&own, task("Ours")).await.unwrap();

    bench.clock.advance(HOUR_MS / 2);
    assert_eq!(store.end_expired_acting(&OPERATOR, 10).await.unwrap(), 1);
    assert_eq!(store.end_expired_acting(&OPERATOR, 10).await.unwrap(), 0);
    let ended = store.acting_session(acting.id).await.unwrap().unwrap();
    assert_eq!(ended.ended_at, Some(acting.expires_at));

    let filter = AuditFilter::default();
    let audit = store.audit_entries(&own, &filter, None, 50).await.unwrap();
    let mirrored = store.system_audit(&OPERATOR, None, 50).await.unwrap();
    for (action, entity) in [
        ("acting.begun", acting.id.to_string()),
        ("task.created", made.id.to_string()),
        ("acting.expired", acting.id.to_string()),
    ] {
        let of_business = audit
            .iter()
            .find(|entry| entry.action == action && entry.entity_id == entity)
            .unwrap_or_else(|| panic!("{action} in {audit:?}"));
        assert_eq!(of_business.acting, Some(acting.id));
        let same: Vec<_> = mirrored
            .iter()
            .filter(|entry| entry.action == action)
            .collect();
        assert_eq!(same.len(), 1, "{action} once in {mirrored:?}");
        let expected = json!({
            "acting_id": acting.id, "business_audit_id": of_business.id,
            "entity_kind": of_business.entity_kind, "entity_id": entity,
            "detail": of_business.detail,
        });
        assert_eq!(same[0].detail, expected);
        assert_eq!(same[0].actor_kind, "acting");
        assert_eq!(same[0].actor_id, Some(admin.to_string()));
        assert_eq!(same[0].target, Some(tenant.to_string()));
    }
    let events = store.events_after(&own, 0, 50).await.unwrap();
    assert!(
        events.iter().any(|event| event.kind == "acting.expired"),
        "a console sees the end: {events:?}"
    );
}

pub(super) async fn a_secret_is_used_and_never_shown(bench: Bench) {
    let tenant = bench.business("Garage").await;
    let owner = bench.member(tenant, "owner@example.com", Role::Owner).await;
    let other = bench.business("Clinic").await;
    let scope = bench.scope(owner).await;
    let name = SecretName::TwilioAuthToken;
    assert!(
        bench
            .store
            .secrets(&testkit::scope(tenant))
            .await
            .unwrap()
            .twilio_auth_token
            .is_none()
    );
    bench
        .store
        .set_secret(&scope, name, &SecretString::from("first-value-of-it"))
        .await
        .unwrap();
    bench
        .store
        .set_secret(&scope, name, &SecretString::from(CANARY))
        .await
        .unwrap();
    let account: AccountSid = format!("AC{}", "1".repeat(32)).parse().unwrap();
    bench
        .store
        .set_twilio_account(&scope, Some(&account))
        .await
        .unwrap();

    let secrets = bench.store.secrets(&testkit::scope(tenant)).await.unwrap();
    assert_eq!(secrets.twilio_auth_token.unwrap().expose_secret(), CANARY);
    let overview = bench.store.secrets_overview(&scope).await.unwrap();
    assert_eq!(overview.set[0].hint, "oken");
    assert_eq!(overview.twilio_account.as_ref(), Some(&account));
    assert!(!format!("{overview:?}").contains("canary"));

    let of_account = bench
        .store
        .twilio_tokens_of_account(&OPERATOR, &account)
        .await
        .unwrap();
    assert_eq!(of_account.len(), 1);
    assert_eq!(of_account[0].0, tenant);
    assert_eq!(of_account[0].1.expose_secret(), CANARY);
    let token = bench
        .store
        .twilio_token_of(&OPERATOR, tenant)
        .await
        .unwrap();
    assert_eq!(token.unwrap().expose_secret(), CANARY);
    assert!(
        bench
            .store
            .twilio_token_of(&OPERATOR, other)
            .await
            .unwrap()
            .is_none()
    );

    for bad in ["", "with space", "two\nlines", &"x".repeat(513)] {
        let set = bench
            .store
            .set_secret(&scope, name, &SecretString::from(bad))
            .await;
        assert_eq!(code(set), "invalid");
    }
    bench.store.clear_secret(&scope, name).await.unwrap();
    assert_eq!(
        code(bench.store.clear_secret(&scope, name).await),
        "not-found"
    );
    assert!(
        bench
            .store
            .twilio_tokens_of_account(&OPERATOR, &account)
            .await
            .unwrap()
            .is_empty()
    );
}
