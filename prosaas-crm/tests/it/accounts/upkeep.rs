//! What is cleaned up, and secrets after a rotation of the master key.

use std::sync::atomic::{AtomicBool, Ordering};

use prosaas_core::{CallId, ExposeSecret, SecretString};
use prosaas_crm::auth::Role;
use prosaas_crm::auth::seal::MasterKeys;
use prosaas_crm::model::access::{LinkPurpose, SecretName};
use prosaas_crm::model::delivery::Attempt;
use prosaas_crm::model::job::{JobWork, RetryPolicy};
use prosaas_crm::model::webhook::NewWebhook;
use prosaas_crm::store::accounts::Seals;
use prosaas_crm::store::{KeyedRequest, Reservation};
use prosaas_crm::webhook::TargetPolicy;
use prosaas_crm::{CrmStore, Jobs as _};
use prosaas_crm::{PhoneStore as _, testkit};

use super::bench::{Bench, HOUR_MS, OPERATOR, RULES, code};
use crate::support::NOW;

const CANARY: &str = "canary-0123456789-auth-token";
const DAY_MS: i64 = 24 * HOUR_MS;

fn two_keys() -> (SecretString, SecretString) {
    let key = |id| MasterKeys::generate(id).unwrap();
    (key(1), key(2))
}

fn keys(list: &[&SecretString]) -> MasterKeys {
    let list: Vec<_> = list.iter().map(|key| key.expose_secret()).collect();
    MasterKeys::parse(&SecretString::from(list.join(","))).unwrap()
}

pub(super) async fn a_rotation_seals_everything_again_while_it_is_used(bench: Bench) {
    let tenant = bench.business("Garage").await;
    let owner = bench.member(tenant, "owner@example.com", Role::Owner).await;
    let scope = bench.scope(owner).await;
    let (old, new) = two_keys();
    let store = bench.reopened().await.with_master_keys(keys(&[&old]));
    let name = SecretName::OpenAiApiKey;
    store
        .set_secret(&scope, name, &SecretString::from(CANARY))
        .await
        .unwrap();
    let totp = store.begin_totp(owner).await.unwrap();

    let store = bench.reopened().await.with_master_keys(keys(&[&new, &old]));
    assert_eq!(store.reseal(&OPERATOR).await.unwrap().resealed, 2);
    assert_eq!(store.reseal(&OPERATOR).await.unwrap().resealed, 0);

    let store = bench.reopened().await.with_master_keys(keys(&[&new]));
    let opened = store
        .secrets(&testkit::scope(tenant))
        .await
        .unwrap()
        .openai_api_key
        .unwrap();
    assert_eq!(opened.expose_secret(), CANARY);
    assert!(
        store
            .confirm_totp(owner, &totp.code_at(NOW).unwrap())
            .await
            .is_ok()
    );

    let store = bench.reopened().await;
    let name = SecretName::TwilioAuthToken;
    let unsealed = store
        .set_secret(&scope, name, &SecretString::from(CANARY))
        .await;
    assert_eq!(code(unsealed), "master-key-missing");
}

pub(super) async fn a_rotation_reaches_webhooks_and_passes_over_what_does_not_open(bench: Bench) {
    let tenant = bench.business("Garage").await;
    let scope = OPERATOR.tenant(tenant).unwrap();
    let (old, new) = two_keys();
    let lost = MasterKeys::generate(7).unwrap();
    let store = bench.reopened().await.with_master_keys(keys(&[&lost]));
    let name = SecretName::OpenAiApiKey;
    let canary = SecretString::from(CANARY);
    store.set_secret(&scope, name, &canary).await.unwrap();
    let hook = NewWebhook {
        url: "https://example.com/hook".to_owned(),
        events: vec!["member.joined".to_owned()],
    };
    let only_old = keys(&[&old]);
    let added = bench
        .store
        .add_webhook(&scope, &only_old, (hook, TargetPolicy::Public));
    let (webhook, first) = added.await.unwrap();
    let rotated = bench
        .store
        .rotate_webhook_secret(&scope, &only_old, webhook.id);
    let (_, second) = rotated.await.unwrap();

    let store = bench.reopened().await.with_master_keys(keys(&[&new, &old]));
    let found = Seals {
        older: 2,
        unreadable: 1,
        ..Seals::default()
    };
    assert_eq!(store.count_seals(&OPERATOR).await.unwrap(), found);
    let resealed = Seals {
        resealed: 2,
        ..found
    };
    assert_eq!(store.reseal(&OPERATOR).await.unwrap(), resealed);
    let after = Seals {
        current: 2,
        unreadable: 1,
        ..Seals::default()
    };
    assert_eq!(store.reseal(&OPERATOR).await.unwrap(), after);

    bench.member(tenant, "new@example.com", Role::Agent).await;
    let store = bench.reopened().await.with_master_keys(keys(&[&new]));
    let sent = store.deliveries(&scope, webhook.id, None, None, 9).await;
    let due = store.due_delivery(&scope, sent.unwrap()[0].id).await;
    let secrets = store.signing_secrets(&scope, &due.unwrap().unwrap());
    let secrets = secrets.unwrap();
    let text =
        |secret: &prosaas_crm::webhook::WebhookSecret| secret.expose().expose_secret().to_owned();
    assert_eq!(text(&secrets.current), text(&second));
    assert_eq!(secrets.previous.as_ref().map(text), Some(text(&first)));
}

/// Businesses whose secrets are sealed again while they are used; more than one batch of the walk.
const BUSINESSES: usize = 250;

pub(super) async fn a_rotation_of_many_secrets_leaves_none_unreadable_meanwhile(bench: Bench) {
    let (old, new) = two_keys();
    let before = bench.reopened().await.with_master_keys(keys(&[&old]));
    let mut tenants = Vec::new();
    for n in 0..BUSINESSES {
        let tenant = bench.business("Garage").await;
        let scope = OPERATOR.tenant(tenant).unwrap();
        let secret = SecretString::from(format!("{CANARY}-{n}"));
        let name = SecretName::TwilioAuthToken;
        before.set_secret(&scope, name, &secret).await.unwrap();
        tenants.push(tenant);
    }
    let during = bench.reopened().await.with_master_keys(keys(&[&new, &old]));
    let is_over = AtomicBool::new(false);
    let resealing = async {
        let seals = during.reseal(&OPERATOR).await.unwrap();
        is_over.store(true, Ordering::SeqCst);
        seals
    };
    let reading = read_until(&during, &tenants, &is_over);
    // Another process that still has the old key only, in the middle of it.
    let scope = OPERATOR.tenant(tenants[0]).unwrap();
    let late = SecretString::from("set-by-the-older-process");
    let writing = before.set_secret(&scope, SecretName::OpenAiApiKey, &late);
    let (seals, read, written) = tokio::join!(resealing, reading, writing);
    written.unwrap();
    assert!(seals.resealed >= BUSINESSES as u64 && seals.unreadable == 0);
    assert!(read >= BUSINESSES, "each was read at least once: {read}");

    let caught_up = during.reseal(&OPERATOR).await.unwrap();
    assert_eq!(
        caught_up.current + caught_up.resealed,
        BUSINESSES as u64 + 1
    );
    let after = bench.reopened().await.with_master_keys(keys(&[&new]));
    let seals = Seals {
        current: BUSINESSES as u64 + 1,
        ..Seals::default()
    };
    assert_eq!(after.count_seals(&OPERATOR).await.unwrap(), seals);
    let secrets = after.secrets(&testkit::scope(tenants[0])).await.unwrap();
    assert_eq!(
        secrets.openai_api_key.unwrap().expose_secret(),
        "set-by-the-older-process"
    );
}

/// Reads the businesses' secrets, each once and then on until it is over; how many were read, all rightly.
async fn read_until(
    store: &CrmStore,
    tenants: &[prosaas_core::TenantId],
    is_over: &AtomicBool,
) -> usize {
    let mut read = 0;
    while read < tenants.len() || !is_over.load(Ordering::SeqCst) {
        let n = read % tenants.len();
        let token = store
            .twilio_token_of(&OPERATOR, tenants[n])
            .await
            .unwrap()
            .unwrap();
        assert_eq!(token.expose_secret(), format!("{CANARY}-{n}"));
        read += 1;
    }
    read
}

pub(super) async fn what_has_had_its_time_is_removed_and_nothing_else(bench: Bench) {
    let tenant = bench.business("Garage").await;
    let scope = OPERATOR.tenant(tenant).unwrap();
    let (store, clock) = (&bench.store, &bench.clock);
    let owner = bench.member(tenant, "owner@example.com", Role::Owner).await;
    let reset = LinkPurpose::PasswordReset;
    let key = KeyedRequest {
        owner: tenant.uuid(),
        key: "k".to_owned(),
        operation: "POST /api/crm/tasks".to_owned(),
        hash: [7; 32],
    };
    bench.sign_in(owner).await;
    store.issue_link(&OPERATOR, reset, owner).await.unwrap();
    assert_eq!(store.reserve_key(&key).await.unwrap(), Reservation::New);
    let old_events = store.event_bounds(&scope).await.unwrap();

    clock.advance(32 * DAY_MS);
    bench.sign_in(owner).await;
    store.issue_link(&OPERATOR, reset, owner).await.unwrap();
    bench.member(tenant, "late@example.com", Role::Agent).await;
    let before = store.now().plus(-DAY_MS);
    let forget = async |limit| store.forget_events(&OPERATOR, before, limit).await.unwrap();
    assert_eq!(forget(1).await, 1, "no more than was asked for");
    assert_eq!(
        forget(1_000).await,
        u64::try_from(old_events.last).unwrap() - 1
    );
    assert_eq!(forget(1_000).await, 0);
    let bounds = store.event_bounds(&scope).await.unwrap();
    assert_eq!(bounds.first, Some(old_events.last + 1));
    assert!(!bounds.can_resume_after(0), "the gap is noticed");
    assert_eq!(store.forget_sessions(&OPERATOR, before).await.unwrap(), 1);
    assert_eq!(store.forget_links(&OPERATOR, before).await.unwrap(), 1);
    let forgotten = store.forget_keys(&OPERATOR, store.now()).await;
    assert_eq!(forgotten.unwrap(), 1);
    assert_eq!(store.sessions(owner, RULES).await.unwrap().len(), 1);
}

pub(super) async fn the_outbox_forgets_what_it_is_done_with(bench: Bench) {
    let tenant = bench.business("Garage").await;
    let scope = OPERATOR.tenant(tenant).unwrap();
    let (store, clock) = (&bench.store, &bench.clock);
    let (key, _) = two_keys();
    let hook = NewWebhook {
        url: "https://example.com/hook".to_owned(),
        events: vec!["member.joined".to_owned()],
    };
    let key = keys(&[&key]);
    let added = store.add_webhook(&scope, &key, (hook, TargetPolicy::Public));
    let webhook = added.await.unwrap().0.id;
    bench.member(tenant, "one@example.com", Role::Agent).await;
    bench.member(tenant, "two@example.com", Role::Agent).await;
    let all = async || {
        let sent = store.deliveries(&scope, webhook, None, None, 9).await;
        sent.unwrap()
    };
    let delivered = Attempt::Delivered { status: 200 };
    store
        .note_delivery(&scope, &all().await[0], delivered)
        .await
        .unwrap();
    let claimed = store
        .claim_jobs(&OPERATOR, NOW, 1_000, 10, RetryPolicy::STANDARD)
        .await;
    let claimed = claimed.unwrap();
    assert_eq!(claimed.len(), 2);
    assert!(store.complete_job(&claimed[0]).await.unwrap());
    let dead = JobWork::SummarizeCall {
        call: CallId::mint(NOW),
    };
    assert!(store.enqueue_job(&scope, &dead, NOW).await.unwrap());
    let waiting = store
        .claim_jobs(&OPERATOR, NOW, 1_000, 10, RetryPolicy::STANDARD)
        .await;
    assert!(
        store
            .bury_job(&waiting.unwrap()[0], "for a test")
            .await
            .unwrap()
    );

    clock.advance(31 * DAY_MS);
    let now = store.now();
    let month = now.plus(-30 * DAY_MS);
    let other = bench.business("Clinic").await;
    let others = OPERATOR.tenant(other).unwrap();
    for (whose, count) in [(&others, 0), (&scope, 1), (&scope, 0)] {
        assert_eq!(
            store.forget_deliveries(whose, month, 10).await.unwrap(),
            count
        );
        assert_eq!(store.forget_jobs(whose, month, 10).await.unwrap(), count);
    }
    assert_eq!(all().await.len(), 1, "one that waits stays");
    let counts = store.count_jobs(&OPERATOR).await.unwrap();
    assert_eq!((counts.running, counts.dead), (1, 1));
    assert!(
        !store.enqueue_job(&scope, &dead, now).await.unwrap(),
        "dead ones are known"
    );
}
