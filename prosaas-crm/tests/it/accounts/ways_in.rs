//! Sessions, links, throttling, second factors, API keys.

use futures_util::future::join_all;
use prosaas_core::{ErrorClass, SecretString};
use prosaas_crm::auth::password::{PasswordCheck, Passwords};
use prosaas_crm::auth::throttle::LoginRates;
use prosaas_crm::auth::token::{ApiKey, KeyEnvironment, OpaqueToken, TokenHash};
use prosaas_crm::auth::totp::RecoveryCode;
use prosaas_crm::auth::{Permission, Permissions, Role};
use prosaas_crm::model::access::{LinkPurpose, NewApiKey};
use prosaas_crm::model::user::NewUser;
use prosaas_crm::store::accounts::{CeremonyKind, LoginSubjects};
use serde_json::json;

use super::bench::{Bench, HOUR_MS, OPERATOR, RULES, code, email, hashed, stored_password};
use crate::support::NOW;

pub(super) async fn a_session_ends_when_idle_and_after_thirty_days(bench: Bench) {
    let user = bench.account("dana@example.com", false).await;
    let token = bench
        .store
        .open_session(user, "Firefox\n", false, RULES)
        .await
        .unwrap();
    let alive = async || {
        bench
            .store
            .signed_in(&token.hash(), RULES)
            .await
            .unwrap()
            .is_some()
    };
    for _ in 0..3 {
        bench.clock.advance(11 * HOUR_MS);
        assert!(alive().await, "every request keeps it from being idle");
    }
    bench.clock.advance(12 * HOUR_MS);
    assert!(!alive().await);

    let token = bench
        .store
        .open_session(user, "Firefox", false, RULES)
        .await
        .unwrap();
    let alive = async || {
        bench
            .store
            .signed_in(&token.hash(), RULES)
            .await
            .unwrap()
            .is_some()
    };
    for _ in 0..71 {
        bench.clock.advance(10 * HOUR_MS);
        assert!(alive().await);
    }
    bench.clock.advance(10 * HOUR_MS);
    assert!(!alive().await, "thirty days are the end");
    assert_eq!(
        bench
            .store
            .forget_sessions(&OPERATOR, NOW.plus(HOUR_MS * 24 * 365))
            .await
            .unwrap(),
        2
    );
}

pub(super) async fn sessions_are_listed_and_revoked_by_their_owner_only(bench: Bench) {
    let user = bench.account("dana@example.com", false).await;
    let other = bench.account("other@example.com", false).await;
    let first = bench.sign_in(user).await;
    let second = bench.sign_in(user).await;
    let third = bench.sign_in(user).await;
    assert_eq!(bench.store.sessions(user, RULES).await.unwrap().len(), 3);
    let foreign = bench.store.revoke_session(other, first.session).await;
    assert_eq!(code(foreign), "not-found");
    bench
        .store
        .revoke_session(user, first.session)
        .await
        .unwrap();
    assert!(
        bench
            .store
            .session_still(first.session, RULES)
            .await
            .unwrap()
            .is_none()
    );
    assert_eq!(
        bench
            .store
            .revoke_other_sessions(user, third.session)
            .await
            .unwrap(),
        1
    );
    assert!(
        bench
            .store
            .session_still(second.session, RULES)
            .await
            .unwrap()
            .is_none()
    );
    assert!(
        bench
            .store
            .session_still(third.session, RULES)
            .await
            .unwrap()
            .is_some()
    );
}

pub(super) async fn going_to_another_business_takes_a_new_token(bench: Bench) {
    let (garage, clinic) = (
        bench.business("Garage").await,
        bench.business("Clinic").await,
    );
    let foreign = bench.business("Foreign").await;
    let user = bench.member(garage, "dana@example.com", Role::Owner).await;
    bench.join(clinic, user, Role::Viewer).await;
    let token = bench
        .store
        .open_session(user, "", false, RULES)
        .await
        .unwrap();
    let session = bench
        .store
        .signed_in(&token.hash(), RULES)
        .await
        .unwrap()
        .unwrap();
    let refused = bench
        .store
        .switch_business(session.session, user, foreign)
        .await;
    assert_eq!(code(refused), "not-found");
    let other = if session.tenant.unwrap().tenant() == garage {
        clinic
    } else {
        garage
    };
    let new = bench
        .store
        .switch_business(session.session, user, other)
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
    let session = bench
        .store
        .signed_in(&new.hash(), RULES)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(session.tenant.unwrap().tenant(), other);
    let rotated = bench
        .store
        .rotate_session(session.session, user)
        .await
        .unwrap();
    assert!(
        bench
            .store
            .signed_in(&new.hash(), RULES)
            .await
            .unwrap()
            .is_none()
    );
    assert!(
        bench
            .store
            .signed_in(&rotated.hash(), RULES)
            .await
            .unwrap()
            .is_some()
    );
}

pub(super) async fn a_reset_link_works_once_within_half_an_hour_and_ends_sessions(bench: Bench) {
    let user = bench.account("dana@example.com", false).await;
    let session = bench.sign_in(user).await;
    let purpose = LinkPurpose::PasswordReset;
    let old = bench
        .store
        .issue_link(&OPERATOR, purpose, user)
        .await
        .unwrap();
    let link = bench
        .store
        .issue_link(&OPERATOR, purpose, user)
        .await
        .unwrap();
    let password = hashed("a fresh new password").await;
    let reset = async |token: &OpaqueToken| bench.store.reset_password(token, &password).await;
    assert_eq!(code(reset(&old).await), "link-used-up");
    let invented = OpaqueToken::generate().unwrap();
    assert_eq!(code(reset(&invented).await), "link-used-up");
    let both = join_all([reset(&link), reset(&link)]).await;
    assert_eq!(both.iter().filter(|result| result.is_ok()).count(), 1);
    assert!(
        bench
            .store
            .session_still(session.session, RULES)
            .await
            .unwrap()
            .is_none()
    );

    let account = bench
        .store
        .login_account(&email("Dana@Example.com"))
        .await
        .unwrap()
        .unwrap();
    let passwords = Passwords::standard().unwrap();
    let right = SecretString::from("a fresh new password");
    let check = passwords
        .check(account.password.as_ref(), &right)
        .await
        .unwrap();
    assert_eq!(check, PasswordCheck::Right);

    let late = bench
        .store
        .issue_link(&OPERATOR, purpose, user)
        .await
        .unwrap();
    bench.clock.advance(HOUR_MS / 2);
    assert_eq!(code(reset(&late).await), "link-used-up");
}

pub(super) async fn the_first_administrator_is_made_once(bench: Bench) {
    let link = bench
        .store
        .issue_first_admin_link(&OPERATOR)
        .await
        .unwrap()
        .unwrap();
    let new = NewUser::new("admin@example.com", "Ada", prosaas_core::Language::En).unwrap();
    let password = stored_password();
    let admin = bench
        .store
        .create_first_admin(&link, &new, &password)
        .await
        .unwrap();
    assert!(bench.sign_in(admin).await.system.is_some());
    let again = bench.store.create_first_admin(&link, &new, &password).await;
    assert_eq!(code(again), "link-used-up");
    assert!(
        bench
            .store
            .issue_first_admin_link(&OPERATOR)
            .await
            .unwrap()
            .is_none()
    );
}

fn subjects(account: u8, here: u8, address: u8) -> LoginSubjects {
    let hash = |byte| TokenHash::from_bytes([byte; 32]);
    LoginSubjects {
        account: hash(account),
        account_here: hash(here),
        address: hash(address),
    }
}

pub(super) async fn guesses_are_counted_before_any_is_answered(bench: Bench) {
    let rates = LoginRates::STANDARD;
    let tries = (0..40).map(|number| {
        let subjects = subjects(1, 2, 100 + number);
        let store = &bench.store;
        async move { store.admit_login(&subjects, false, &rates).await }
    });
    let results = join_all(tries).await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 10);
    // From a place he knows the owner still gets in, and a right password costs nothing.
    let home = subjects(1, 3, 250);
    for _ in 0..50 {
        bench.store.admit_login(&home, true, &rates).await.unwrap();
        bench
            .store
            .forgive_login(&home, true, &rates)
            .await
            .unwrap();
    }
}

pub(super) async fn places_become_familiar_by_signing_in(bench: Bench) {
    let user = bench.account("dana@example.com", false).await;
    let here = TokenHash::from_bytes([7; 32]);
    let address = email("dana@example.com");
    let familiar = async || bench.store.is_familiar(&address, &[here]).await.unwrap();
    assert!(!familiar().await);
    bench.store.remember_places(user, &[here]).await.unwrap();
    assert!(familiar().await);
    assert!(
        !bench
            .store
            .is_familiar(&email("other@example.com"), &[here])
            .await
            .unwrap()
    );
    bench.clock.advance(91 * 24 * HOUR_MS);
    assert!(!familiar().await);
    assert_eq!(bench.store.forget_login_traces(&OPERATOR).await.unwrap(), 1);
}

pub(super) async fn an_authenticator_app_counts_once_confirmed(bench: Bench) {
    let user = bench.account("dana@example.com", false).await;
    let secret = bench.store.begin_totp(user).await.unwrap();
    let code_now = || {
        secret
            .code_at(prosaas_core::Clock::now(&*bench.clock))
            .unwrap()
    };
    assert!(!bench.store.check_totp(user, &code_now()).await.unwrap());
    assert!(!bench.sign_in(user).await.has_second_factor);
    assert_eq!(
        code(bench.store.confirm_totp(user, "000000x").await),
        "invalid"
    );
    let codes = bench.store.confirm_totp(user, &code_now()).await.unwrap();
    assert!(bench.sign_in(user).await.has_second_factor);
    assert_eq!(code(bench.store.begin_totp(user).await), "totp-enrolled");

    assert!(
        !bench.store.check_totp(user, &code_now()).await.unwrap(),
        "used to confirm"
    );
    bench.clock.advance(30_000);
    let code_again = code_now();
    let both = join_all([
        bench.store.check_totp(user, &code_again),
        bench.store.check_totp(user, &code_again),
    ])
    .await;
    assert_eq!(
        both.into_iter()
            .filter(|result| *result.as_ref().unwrap())
            .count(),
        1
    );

    assert_eq!(bench.store.recovery_codes_left(user).await.unwrap(), 10);
    let first = RecoveryCode::parse(codes[0].expose()).unwrap();
    assert!(bench.store.use_recovery_code(user, &first).await.unwrap());
    assert!(!bench.store.use_recovery_code(user, &first).await.unwrap());
    bench.store.disable_totp(user).await.unwrap();
    assert!(
        !bench
            .store
            .use_recovery_code(user, &codes[1])
            .await
            .unwrap()
    );
    assert!(!bench.sign_in(user).await.has_second_factor);
}

pub(super) async fn a_passkey_belongs_to_one_account_and_a_ceremony_ends_once(bench: Bench) {
    let user = bench.account("dana@example.com", false).await;
    let other = bench.account("other@example.com", false).await;
    let credential = json!({"cred": "public"});
    let add = async |user| {
        bench
            .store
            .add_passkey(user, &[1, 2, 3], credential.clone(), "Phone")
            .await
    };
    let passkey = add(user).await.unwrap();
    assert_eq!(code(add(other).await), "passkey-taken");
    let stored = bench.store.passkey_credentials(user).await.unwrap();
    assert_eq!(stored, std::slice::from_ref(&credential));
    let used = json!({"cred": "public", "counter": 2});
    bench
        .store
        .note_passkey_use(user, &[1, 2, 3], used)
        .await
        .unwrap();
    assert!(
        bench.store.passkeys(user).await.unwrap()[0]
            .used_at
            .is_some()
    );
    assert_eq!(
        code(bench.store.remove_passkey(other, passkey).await),
        "not-found"
    );

    let kind = CeremonyKind::Authenticate;
    let begin = async || {
        let ends = NOW.plus(60_000);
        bench
            .store
            .begin_ceremony(user, kind, json!({"c": 1}), ends)
            .await
            .unwrap()
    };
    let token = begin().await;
    let end = async |user, kind| code(bench.store.end_ceremony(user, kind, &token).await);
    assert_eq!(end(other, kind).await, "ceremony-over");
    assert_eq!(end(user, CeremonyKind::Register).await, "ceremony-over");
    assert_eq!(end(user, kind).await, "done");
    assert_eq!(end(user, kind).await, "ceremony-over");
    let token = begin().await;
    bench.clock.advance(60_000);
    assert_eq!(
        code(bench.store.end_ceremony(user, kind, &token).await),
        "ceremony-over"
    );
    bench.store.remove_passkey(user, passkey).await.unwrap();
    assert!(!bench.sign_in(user).await.has_second_factor);
}

pub(super) async fn an_api_key_does_what_its_scopes_say_until_it_ends(bench: Bench) {
    let tenant = bench.business("Garage").await;
    let owner = bench.member(tenant, "owner@example.com", Role::Owner).await;
    let scope = bench.scope(owner).await;
    let scopes: Permissions = [Permission::LeadsRead].into_iter().collect();
    let new = NewApiKey::new("n8n", scopes, Some(NOW.plus(HOUR_MS)), NOW).unwrap();
    let live = KeyEnvironment::Live;
    let (key, info) = bench
        .store
        .create_api_key(&scope, &new, live)
        .await
        .unwrap();
    assert_eq!(info.version, 1);
    let proved = bench.store.prove_api_key(&key).await.unwrap().unwrap();
    assert_eq!(proved.tenant(), tenant);
    assert!(proved.require(Permission::LeadsRead).is_ok());
    assert!(proved.require(Permission::LeadsWrite).is_err());
    assert!(
        bench.store.api_keys(&scope).await.unwrap()[0]
            .used_at
            .is_some()
    );
    let other = ApiKey::generate(live, key.id).unwrap();
    assert!(
        bench.store.prove_api_key(&other).await.unwrap().is_none(),
        "the secret is what counts"
    );

    let everything = NewApiKey::new("all", Permissions::all(), None, NOW).unwrap();
    let refused = bench.store.create_api_key(&scope, &everything, live).await;
    assert_eq!(code(refused), "invalid");
    let by_key = bench.store.create_api_key(&proved, &new, live).await;
    assert_eq!(code(by_key), "forbidden");

    let stale = bench.store.revoke_api_key(&scope, key.id, Some(7)).await;
    assert_eq!(code(stale), "version-conflict");
    bench.clock.advance(HOUR_MS);
    assert!(bench.store.prove_api_key(&key).await.unwrap().is_none());
    bench
        .store
        .revoke_api_key(&scope, key.id, Some(1))
        .await
        .unwrap();
    let again = bench.store.revoke_api_key(&scope, key.id, None).await;
    assert_eq!(code(again), "not-found");
}

pub(super) async fn somebody_elses_business_sees_no_keys(bench: Bench) {
    let (garage, clinic) = (
        bench.business("Garage").await,
        bench.business("Clinic").await,
    );
    let owner = bench.member(garage, "owner@example.com", Role::Owner).await;
    let foreign = bench
        .member(clinic, "foreign@example.com", Role::Owner)
        .await;
    let scope = bench.scope(owner).await;
    let scopes = [Permission::LeadsRead].into_iter().collect();
    let new = NewApiKey::new("n8n", scopes, None, NOW).unwrap();
    let made = bench
        .store
        .create_api_key(&scope, &new, KeyEnvironment::Live)
        .await;
    let (key, _) = made.unwrap();
    let theirs = bench.scope(foreign).await;
    assert!(bench.store.api_keys(&theirs).await.unwrap().is_empty());
    let revoked = bench.store.revoke_api_key(&theirs, key.id, None).await;
    assert_eq!(revoked.unwrap_err().class(), ErrorClass::NotFound);
    assert!(bench.store.prove_api_key(&key).await.unwrap().is_some());
}
