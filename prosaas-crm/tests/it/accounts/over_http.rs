//! Signing in over the API, as a browser does it.

use std::sync::Arc;

use axum::http::Method;
use prosaas_core::{Clock, ExposeSecret as _, SecretString};
use prosaas_crm::CrmStore;
use prosaas_crm::api::accounts::{Accounts, SessionAuthenticator};
use prosaas_crm::api::kit::ApiState;
use prosaas_crm::api::router;
use prosaas_crm::auth::Role;
use prosaas_crm::mail::{MailContent, MemoryMailer};
use prosaas_crm::model::id::UserId;
use prosaas_crm::store::accounts::MemberWish;
use serde_json::{Value, json};

use super::bench::{Bench, OPERATOR, RULES, hashed};
use crate::api::support::{Answer, Ask, ORIGIN, TestApi, generous_parts};
use crate::auth::authenticator::Authenticator;
use crate::support::Backend;

const PASSWORD: &str = "correct horse battery staple";
const EMAIL: &str = "dana@example.com";

/// An API over a bench, and a browser that keeps its cookies.
struct Site {
    bench: Bench,
    state: ApiState,
    api: TestApi,
    mailer: Arc<MemoryMailer>,
}

#[derive(Default)]
struct Browser(Vec<(String, String)>);

impl Browser {
    async fn send(
        &mut self,
        site: &Site,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Answer {
        let cookies: Vec<_> = self
            .0
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let mut ask = Ask::new(method, path)
            .with("x-prosaas-request", "1")
            .with("origin", ORIGIN)
            .with("cookie", cookies.join("; "));
        if let Some(body) = body {
            ask = ask.json(&body);
        }
        let answer = ask.of(&site.api).await;
        for set in answer.headers.get_all("set-cookie") {
            let pair = set.to_str().unwrap().split(';').next().unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            self.0.retain(|(known, _)| known != name);
            if !value.is_empty() {
                self.0.push((name.to_owned(), value.to_owned()));
            }
        }
        answer
    }

    async fn post(&mut self, site: &Site, path: &str, body: Value) -> Answer {
        self.send(site, Method::POST, path, Some(body)).await
    }

    async fn get(&mut self, site: &Site, path: &str) -> Answer {
        self.send(site, Method::GET, path, None).await
    }

    async fn login(&mut self, site: &Site, password: &str) -> Answer {
        self.post(
            site,
            "/api/auth/login",
            json!({"email": EMAIL, "password": password}),
        )
        .await
    }
}

impl Site {
    async fn new() -> Self {
        let bench = Bench::on(Backend::Sqlite).await;
        let keys = prosaas_crm::auth::seal::MasterKeys::generate(9).unwrap();
        let keys = prosaas_crm::auth::seal::MasterKeys::parse(&keys).unwrap();
        let store: Arc<CrmStore> = Arc::new(bench.reopened().await.with_master_keys(keys));
        let clock: Arc<dyn Clock> = Arc::clone(&bench.clock) as _;
        let authenticator = SessionAuthenticator::new(Arc::clone(&store), RULES, true, false);
        let mailer = Arc::new(MemoryMailer::default());
        let mut parts = generous_parts(store, clock, Arc::new(authenticator));
        parts.accounts = Accounts::standard(ORIGIN, Arc::clone(&mailer) as _).unwrap();
        let state = ApiState::new(parts);
        Self {
            api: TestApi::over(router(&state)),
            state,
            bench,
            mailer,
        }
    }

    async fn with_owner() -> (Self, UserId) {
        let site = Self::new().await;
        let tenant = site.bench.business("Garage").await;
        let user = site.bench.member(tenant, EMAIL, Role::Owner).await;
        let password = hashed(PASSWORD).await;
        site.state_store()
            .set_password(user, &password)
            .await
            .unwrap();
        (site, user)
    }

    fn state_store(&self) -> &CrmStore {
        &self.bench.store
    }

    /// The token of the link in the last mail, once what runs beside the answers is done.
    async fn mailed_token(&self) -> String {
        self.state.drain().await;
        let mail = self.mailer.take().pop().unwrap();
        let (MailContent::Invitation { link, .. } | MailContent::PasswordReset { link }) =
            mail.content
        else {
            panic!("no link in {mail:?}");
        };
        let link: &SecretString = &link;
        link.expose_secret()
            .split_once("#token=")
            .unwrap()
            .1
            .to_owned()
    }
}

#[tokio::test]
async fn a_password_opens_a_session_and_logout_ends_it() {
    let (site, user) = Site::with_owner().await;
    let mut browser = Browser::default();
    assert_eq!(browser.get(&site, "/api/auth/me").await.status, 401);
    let wrong = browser.login(&site, "something else").await;
    let nobody = json!({"email": "nobody@example.com", "password": PASSWORD});
    let nobody = browser.post(&site, "/api/auth/login", nobody).await;
    assert_eq!((wrong.status.as_u16(), nobody.status.as_u16()), (401, 401));
    assert_eq!(
        wrong.json()["code"],
        nobody.json()["code"],
        "no account and a wrong password look alike"
    );

    let answer = browser.login(&site, PASSWORD).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let cookies: Vec<_> = answer.headers.get_all("set-cookie").iter().collect();
    assert!(cookies.iter().all(|cookie| {
        let cookie = cookie.to_str().unwrap();
        cookie.starts_with("__Host-")
            && cookie.contains("HttpOnly; SameSite=Lax")
            && cookie.ends_with("Secure")
    }));
    let me = browser.get(&site, "/api/auth/me").await.json();
    assert_eq!(me["id"], user.to_string());
    assert_eq!(me["mfa_enrolment_required"], true);

    let stolen = browser.0.clone();
    let out = browser
        .send(&site, Method::POST, "/api/auth/logout", None)
        .await;
    assert_eq!(out.status, 204);
    assert_eq!(Browser(stolen).get(&site, "/api/auth/me").await.status, 401);
}

#[tokio::test]
async fn guessing_is_slowed_for_accounts_that_do_not_exist_as_well() {
    let (site, _) = Site::with_owner().await;
    let mut home = Browser::default();
    assert_eq!(home.login(&site, PASSWORD).await.status, 200);
    let device: Vec<_> = home
        .0
        .iter()
        .filter(|(name, _)| name.contains("device"))
        .cloned()
        .collect();
    let mut statuses = Vec::new();
    for _ in 0..12 {
        let guess = json!({"email": "other@example.com", "password": "a guess of somebody"});
        let answer = Browser::default()
            .post(&site, "/api/auth/login", guess)
            .await;
        statuses.push(answer.status.as_u16());
    }
    assert_eq!(statuses[..10], [401; 10]);
    assert_eq!(statuses[10..], [429; 2]);
    let again = Browser(device).login(&site, PASSWORD).await;
    assert_eq!(again.status, 200, "{}", again.text);
}

#[tokio::test]
async fn a_code_is_a_second_factor() {
    let (site, _) = Site::with_owner().await;
    let mut browser = Browser::default();
    browser.login(&site, PASSWORD).await;
    let begun = browser
        .post(&site, "/api/auth/totp", json!({"password": PASSWORD}))
        .await;
    let secret =
        totp_rs::Secret::try_from_base32(begun.json()["secret"].as_str().unwrap()).unwrap();
    let totp = totp_rs::Builder::new()
        .with_secret(secret)
        .build_noncompliant();
    let code = |at: i64| totp.generate(u64::try_from(at).unwrap() / 1000).to_string();
    let now = site.bench.clock.now().0;
    let confirmed = browser
        .post(&site, "/api/auth/totp/confirm", json!({"code": code(now)}))
        .await;
    assert_eq!(confirmed.status, 200, "{}", confirmed.text);
    let recovery = confirmed.json()["recovery_codes"][0]
        .as_str()
        .unwrap()
        .to_owned();

    let mut other = Browser::default();
    let pending = other.login(&site, PASSWORD).await.json();
    assert_eq!(pending["signed_in"], false);
    assert_eq!(
        other.get(&site, "/api/auth/me").await.status,
        401,
        "half a login is none"
    );
    let token = &pending["second_factor"]["token"];
    site.bench.clock.advance(30_000);
    let with = |method: &str, code: &str| json!({"token": token, "method": method, "code": code});
    let path = "/api/auth/login/code";
    assert_eq!(
        other.post(&site, path, with("totp", "000000")).await.status,
        401
    );
    let right = code(now + 30_000);
    assert_eq!(
        other.post(&site, path, with("totp", &right)).await.status,
        200
    );
    assert_eq!(other.get(&site, "/api/auth/me").await.status, 200);
    let replayed = Browser::default()
        .post(&site, path, with("totp", &right))
        .await;
    assert_eq!(replayed.status, 401, "token and code work once");

    let mut third = Browser::default();
    let pending = third.login(&site, PASSWORD).await.json();
    let token = &pending["second_factor"]["token"];
    let body = json!({"token": token, "method": "recovery_code", "code": recovery});
    assert_eq!(third.post(&site, path, body).await.status, 200);
}

#[tokio::test]
async fn a_passkey_is_a_second_factor() {
    let (site, _) = Site::with_owner().await;
    let mut device = Authenticator::new(7, ORIGIN, "crm.example");
    let mut browser = Browser::default();
    browser.login(&site, PASSWORD).await;
    let begun = browser
        .post(
            &site,
            "/api/auth/passkeys/begin",
            json!({"password": PASSWORD}),
        )
        .await
        .json();
    let credential = device.create(&begun["challenge"]);
    let body = json!({"ceremony": begun["ceremony"], "name": "Phone", "credential": credential});
    let added = browser
        .post(&site, "/api/auth/passkeys", body.clone())
        .await;
    assert_eq!(added.status, 200, "{}", added.text);
    assert_eq!(
        browser.post(&site, "/api/auth/passkeys", body).await.status,
        409,
        "once"
    );

    let mut other = Browser::default();
    let pending = other.login(&site, PASSWORD).await.json();
    assert_eq!(pending["second_factor"]["methods"], json!(["passkey"]));
    let token = &pending["second_factor"]["token"];
    let begun = other
        .post(
            &site,
            "/api/auth/login/passkey/begin",
            json!({"token": token}),
        )
        .await
        .json();
    let credential = device.get(&begun["challenge"]);
    let body = json!({"token": token, "ceremony": begun["ceremony"], "credential": credential});
    let answer = other
        .post(&site, "/api/auth/login/passkey", body.clone())
        .await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(
        Browser::default()
            .post(&site, "/api/auth/login/passkey", body)
            .await
            .status,
        401
    );
}

#[tokio::test]
async fn a_forgotten_password_is_replaced() {
    let (site, _) = Site::with_owner().await;
    let mut thief = Browser::default();
    thief.login(&site, PASSWORD).await;
    let mut browser = Browser::default();
    let path = "/api/auth/password-reset";
    assert_eq!(
        browser
            .post(&site, path, json!({"email": EMAIL}))
            .await
            .status,
        202
    );
    let token = site.mailed_token().await;
    let confirm = "/api/auth/password-reset/confirm";
    let weak = json!({"token": token, "password": "password123"});
    assert_eq!(browser.post(&site, confirm, weak).await.status, 400);
    let body = json!({"token": token, "password": "another long password"});
    assert_eq!(browser.post(&site, confirm, body.clone()).await.status, 204);
    assert_eq!(
        browser.post(&site, confirm, body).await.code(),
        "link-used-up"
    );
    assert_eq!(
        thief.get(&site, "/api/auth/me").await.status,
        401,
        "all sessions end"
    );
    assert_eq!(browser.login(&site, PASSWORD).await.status, 401);
    assert_eq!(
        browser.login(&site, "another long password").await.status,
        200
    );
}

#[tokio::test]
async fn an_address_without_an_account_gets_the_same_answer_and_no_mail() {
    let (site, _) = Site::with_owner().await;
    let body = json!({"email": "nobody@example.com"});
    let answer = Browser::default()
        .post(&site, "/api/auth/password-reset", body)
        .await;
    assert_eq!(answer.status, 202);
    site.state.drain().await;
    assert!(site.mailer.take().is_empty());
}

#[tokio::test]
async fn an_invitation_is_accepted() {
    let (site, _) = Site::with_owner().await;
    let mut owner = Browser::default();
    owner.login(&site, PASSWORD).await;
    let body = json!({"email": "noa@example.com", "name": "Noa", "role": "agent"});
    let invited = owner.post(&site, "/api/users", body).await;
    assert_eq!(invited.status, 201, "{}", invited.text);
    assert_eq!(invited.json()["status"], "invited");
    let token = site.mailed_token().await;
    let mut noa = Browser::default();
    let state = noa
        .post(&site, "/api/auth/invitation", json!({"token": token}))
        .await;
    assert_eq!(state.json()["needs_password"], true);
    let body = json!({"token": token, "password": "a password of noa"});
    assert_eq!(
        noa.post(&site, "/api/auth/invitation/accept", body.clone())
            .await
            .status,
        204
    );
    assert_eq!(
        noa.post(&site, "/api/auth/invitation/accept", body)
            .await
            .code(),
        "link-used-up"
    );
    let login = json!({"email": "noa@example.com", "password": "a password of noa"});
    assert_eq!(noa.post(&site, "/api/auth/login", login).await.status, 200);
    let me = noa.get(&site, "/api/auth/me").await.json();
    assert_eq!(me["businesses"][0]["role"], "agent");
    assert_eq!(noa.get(&site, "/api/api-keys").await.status, 403);
}

#[tokio::test]
async fn the_first_administrator_comes_by_a_link() {
    let site = Site::new().await;
    let token = site
        .bench
        .store
        .issue_first_admin_link(&OPERATOR)
        .await
        .unwrap()
        .unwrap();
    let body = json!({
        "token": token.expose(),
        "email": "admin@example.com",
        "name": "Ada",
        "password": PASSWORD,
    });
    let mut browser = Browser::default();
    let made = browser
        .post(&site, "/api/auth/first-admin", body.clone())
        .await;
    assert_eq!(made.status, 200, "{}", made.text);
    assert_eq!(
        browser.get(&site, "/api/auth/me").await.json()["system_admin"],
        true
    );
    let again = Browser::default()
        .post(&site, "/api/auth/first-admin", body)
        .await;
    assert_eq!(again.code(), "link-used-up");
}

#[tokio::test]
async fn a_removed_member_hears_401_at_his_next_request() {
    let (site, user) = Site::with_owner().await;
    let tenant = site.bench.store.businesses_of_user(user).await.unwrap()[0].tenant;
    let noa = site
        .bench
        .member(tenant, "noa@example.com", Role::Owner)
        .await;
    let mut owner = Browser::default();
    owner.login(&site, PASSWORD).await;
    let scope = OPERATOR.tenant(tenant).unwrap();
    let wish = MemberWish {
        user,
        change: prosaas_crm::rules::removal::MembershipChange::Remove,
        reassign_to: Some(noa),
        expected: None,
    };
    site.bench.store.change_member(&scope, wish).await.unwrap();
    assert_eq!(owner.get(&site, "/api/users").await.status, 401);
}

#[tokio::test]
async fn a_calendar_is_read_by_its_secret_address() {
    let (site, _) = Site::with_owner().await;
    let mut browser = Browser::default();
    browser.login(&site, PASSWORD).await;
    let address = "/api/crm/calendar-feed";
    let made = browser.send(&site, Method::POST, address, None).await;
    let url = made.json()["url"].as_str().unwrap().to_owned();
    let read = || Ask::get(url.strip_prefix(ORIGIN).unwrap()).of(&site.api);
    let calendar = read().await;
    assert_eq!(calendar.status, 200, "{}", calendar.text);
    assert!(calendar.text.starts_with("BEGIN:VCALENDAR\r\n"));
    let revoked = browser.send(&site, Method::DELETE, address, None).await;
    assert_eq!(revoked.status, 204, "{}", revoked.text);
    assert_eq!(read().await.status, 404);
}
