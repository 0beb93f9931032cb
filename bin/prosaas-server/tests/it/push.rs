//! A member is told of a missed call on his device: a push service on loopback checks who sends, and a browser opens
//! what came.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use axum::Router;
use axum::http::{HeaderMap, StatusCode, Uri};
use bytes::Bytes;
use prosaas_core::time::ManualClock;
use prosaas_core::{ExposeSecret as _, UnixMillis};
use prosaas_crm::RetryPolicy;
use prosaas_crm::auth::seal::MasterKeys;
use prosaas_crm::testkit::push::{FakeBrowser, sender_of};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::support::browser::Browser;
use crate::support::jobs::{jobs, pass};
use crate::support::{CALLER, NUMBER, PUBLIC, Setup, TestApp, sid, status};

const OWNER: &str = "owner@example.com";
const STRANGER: &str = "stranger@example.com";
const SUBSCRIPTIONS: &str = "/api/push/subscriptions";
/// 2026-11-24T14:00:00Z.
const NOW: UnixMillis = UnixMillis(1_795_528_800_000);

/// A message as it came to the push service.
struct Got {
    path: String,
    headers: HeaderMap,
    body: Bytes,
}

impl Got {
    fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value.map_or("", |value| value.to_str().unwrap())
    }
}

/// A push service; it ends when dropped.
struct PushService {
    address: SocketAddr,
    answer: Arc<AtomicU16>,
    got: mpsc::Receiver<Got>,
    _serving: JoinSet<()>,
}

impl PushService {
    async fn start() -> Self {
        let (sender, got) = mpsc::channel(16);
        let answer = Arc::new(AtomicU16::new(201));
        let says = Arc::clone(&answer);
        let take = move |uri: Uri, headers: HeaderMap, body: Bytes| {
            let (sender, status) = (sender.clone(), says.load(Ordering::SeqCst));
            async move {
                let path = uri.path().to_owned();
                let got = Got {
                    path,
                    headers,
                    body,
                };
                sender.send(got).await.expect("the test still runs");
                StatusCode::from_u16(status).unwrap()
            }
        };
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let router: Router = Router::new().fallback(take);
        let mut serving = JoinSet::new();
        serving.spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self {
            address,
            answer,
            got,
            _serving: serving,
        }
    }

    fn says(&self, status: u16) {
        self.answer.store(status, Ordering::SeqCst);
    }

    fn endpoint(&self, device: &str) -> String {
        format!("http://{}/send/{device}", self.address)
    }

    /// A browser that subscribes here; the id of what the server made of it.
    async fn subscribes(&self, who: &mut Browser, device: &str) -> (FakeBrowser, String) {
        let browser = FakeBrowser::default();
        let body = json!({
            "endpoint": self.endpoint(device),
            "p256dh": browser.p256dh(),
            "auth": browser.auth(),
        });
        let made = who.post(SUBSCRIPTIONS, &body).await;
        assert_eq!(made["current"], true, "{made}");
        (browser, made["id"].as_str().unwrap().to_owned())
    }
}

/// A shop on a developer's machine, where addresses on loopback are allowed.
async fn shop(clock: &Arc<ManualClock>) -> TestApp {
    let key = MasterKeys::generate(1).unwrap();
    Setup::default()
        .var("PROSAAS_ENV", "development")
        .var("PROSAAS_WEBHOOKS_TO_ANYWHERE", "true")
        .var("PROSAAS_MASTER_KEY", key.expose_secret())
        .clock(Arc::clone(clock))
        .start()
        .await
}

/// Somebody calls, and hangs up before anybody spoke with him; the `n`th time.
async fn misses(app: &TestApp, n: u32) {
    let call = sid(n);
    app.ring(&call).await;
    app.post("/webhook/call_status", &status(&call, "no-answer"))
        .await;
    jobs(app, "alert_owners", "done", n).await;
}

async fn devices(who: &Browser) -> Vec<Value> {
    let listed = who.get(SUBSCRIPTIONS).await;
    listed["data"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_missed_call_reaches_the_device_and_nobody_between_reads_it() {
    let clock = Arc::new(ManualClock::at(NOW));
    let (app, mut service) = (shop(&clock).await, PushService::start().await);
    let business = app.business(NUMBER).await;
    app.owner(&business, OWNER).await;
    let mut owner = app.sign_in(OWNER).await;
    let key = owner.get("/api/push/key").await["public_key"].clone();
    let (browser, _) = service.subscribes(&mut owner, "phone").await;
    misses(&app, 1).await;
    let got = service.got.recv().await.unwrap();
    jobs(&app, "push_alert", "done", 1).await;
    assert_eq!(got.path, "/send/phone");
    assert_eq!(got.header("content-encoding"), "aes128gcm");
    assert_eq!(got.header("urgency"), "high");
    let keep_s: u32 = got.header("ttl").parse().unwrap();
    assert!((86_000..=86_400).contains(&keep_s), "{keep_s}");
    let (public, claims) = sender_of(got.header("authorization"));
    assert_eq!(json!(public), key);
    assert_eq!(claims["aud"], format!("http://{}", service.address));
    assert_eq!(claims["sub"], PUBLIC);
    let valid_s = claims["exp"].as_i64().unwrap() - NOW.0 / 1_000;
    assert!((1..=86_400).contains(&valid_s), "{valid_s}");
    let call = app.only_call(&business).await.record.id;
    let text: Value = serde_json::from_slice(&browser.open(&got.body)).unwrap();
    assert_eq!(text["title"], "Dana's Garage: A missed call");
    assert_eq!(text["url"], format!("/calls/{call}"));
    // Shown on a screen that is locked: the number stays masked in there as well.
    assert!(!text.to_string().contains(&CALLER[1..]), "{text}");
    let seen = String::from_utf8_lossy(&got.body);
    assert!(!seen.contains("Garage") && !seen.contains("missed"));
    // The mail was sent beside it.
    assert!(!app.mailer.take().is_empty());
}

#[tokio::test]
async fn what_a_push_service_says_is_heeded() {
    let clock = Arc::new(ManualClock::at(NOW));
    let (app, mut service) = (shop(&clock).await, PushService::start().await);
    let business = app.business(NUMBER).await;
    app.owner(&business, OWNER).await;
    let mut owner = app.sign_in(OWNER).await;
    service.subscribes(&mut owner, "phone").await;
    service.says(503);
    misses(&app, 1).await;
    jobs(&app, "push_alert", "failed", 1).await;
    service.says(201);
    pass(
        &app,
        &clock,
        i64::from(RetryPolicy::STANDARD.first_delay_ms),
    );
    jobs(&app, "push_alert", "done", 1).await;
    service.says(400);
    misses(&app, 2).await;
    jobs(&app, "push_alert", "dead", 1).await;
    assert_eq!(devices(&owner).await.len(), 1);
    service.says(410);
    misses(&app, 3).await;
    jobs(&app, "push_alert", "done", 2).await;
    assert_eq!(devices(&owner).await, [] as [Value; 0]);
    misses(&app, 4).await;
    for _ in 0..4 {
        service.got.recv().await.unwrap();
    }
    assert!(service.got.try_recv().is_err(), "nobody is left to be told");
}

#[tokio::test]
async fn a_device_hears_of_its_own_business_until_it_signs_out() {
    let clock = Arc::new(ManualClock::at(NOW));
    let (app, mut service) = (shop(&clock).await, PushService::start().await);
    let business = app.business(NUMBER).await;
    let other = app.business("+97231234999").await;
    app.owner(&business, OWNER).await;
    app.owner(&other, STRANGER).await;
    let (mut owner, mut stranger) = (app.sign_in(OWNER).await, app.sign_in(STRANGER).await);
    let (_, of_owner) = service.subscribes(&mut owner, "owner").await;
    service.subscribes(&mut stranger, "stranger").await;
    misses(&app, 1).await;
    jobs(&app, "push_alert", "done", 1).await;
    assert_eq!(service.got.recv().await.unwrap().path, "/send/owner");
    let path = format!("{SUBSCRIPTIONS}/{of_owner}");
    let foreign = stranger.ask(Method::DELETE, &path, &[], None).await;
    assert_eq!(foreign.unwrap().status, 404);
    let logout = owner.ask(Method::POST, "/api/auth/logout", &[], None).await;
    assert!(logout.unwrap().status < 300);
    misses(&app, 2).await;
    assert!(service.got.try_recv().is_err(), "it was signed out");
    let owner = app.sign_in(OWNER).await;
    assert_eq!(devices(&owner).await, [] as [Value; 0]);
    assert_eq!(devices(&stranger).await.len(), 1);
}

#[tokio::test]
async fn an_address_that_is_not_public_is_refused() {
    let key = MasterKeys::generate(1).unwrap();
    let setup = Setup::default().var("PROSAAS_MASTER_KEY", key.expose_secret());
    let app = setup.start().await;
    let business = app.business(NUMBER).await;
    app.owner(&business, OWNER).await;
    let owner = app.sign_in(OWNER).await;
    let browser = FakeBrowser::default();
    for endpoint in [
        "http://127.0.0.1:9/send/hunter2",
        "https://169.254.169.254/hunter2",
        "https://push.internal/hunter2",
    ] {
        let body = json!({
            "endpoint": endpoint,
            "p256dh": browser.p256dh(),
            "auth": browser.auth(),
        });
        let answer = owner.ask(Method::POST, SUBSCRIPTIONS, &[], Some(&body));
        let answer = answer.await.unwrap();
        assert_eq!(answer.status, 400, "{}", answer.body);
        assert!(!answer.body.contains("hunter2"), "{}", answer.body);
    }
}
