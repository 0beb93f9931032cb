//! WhatsApp by a number at Meta, through the whole server: Meta's API is a fake that speaks the wire, its webhooks
//! are signed as Meta signs them, time is the tests' own.

use std::sync::Arc;

use bytes::Bytes;
use prosaas_core::memory::MemoryTextModel;
use prosaas_core::message::{
    Author, ChatAddress, ChatParty, Delivery, DeliveryReport, DisplayName, InboundBody,
    InboundMedia, InboundMessage, MediaKind, OutboundBody, OutboundMessage,
};
use prosaas_core::time::ManualClock;
use prosaas_core::{Business, Clock as _, ExposeSecret as _, SecretString, TenantId, UnixMillis};
use prosaas_crm::auth::seal::MasterKeys;
use prosaas_crm::model::conversation::{ConversationFilter, Message, MessageStatus};
use prosaas_crm::model::message_file::FileState;
use prosaas_crm::testkit::scope;
use prosaas_whatsapp::cloud::SIGNATURE_HEADER;
use prosaas_whatsapp::testkit::FakeGraph;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::browser::Browser;
use crate::support::jobs::{jobs, pass};
use crate::support::sidecar::Sidecar;
use crate::support::{Answer, NUMBER, Setup, TestApp, until};

/// 2026-11-24T14:00:00Z.
const NOW: UnixMillis = UnixMillis(1_795_528_800_000);
/// Longer than the agent waits for the rest of what somebody writes.
const REST_MS: i64 = 3_000;
const DAY_MS: i64 = 24 * 3_600_000;
const OWNER: &str = "owner@example.com";
const TOKEN: &str = "canary-meta-token-0123456789";
const APP_SECRET: &str = "canary-meta-app-secret";
const VERIFY: &str = "canary-verify-me";
/// Meta's id of the business's number.
const OURS: &str = "106540352242922";
/// Of the other business's.
const THEIRS: &str = "106540352242999";
const CUSTOMER: &str = "972501234567";

/// A server with an app at Meta and one business.
struct Shop {
    app: TestApp,
    graph: FakeGraph,
    clock: Arc<ManualClock>,
    business: Business,
    owner: Browser,
    http: reqwest::Client,
}

impl Shop {
    async fn open() -> Self {
        let clock = Arc::new(ManualClock::at(NOW));
        let says = json!({ "reply": "Until six.", "calls": [] });
        let setup = Setup::default()
            .clock(Arc::clone(&clock))
            .text(MemoryTextModel::answering(says));
        Self::with(setup, clock).await
    }

    async fn with(setup: Setup, clock: Arc<ManualClock>) -> Self {
        // Two tests may come here at once; the second finds the provider in place.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let graph = FakeGraph::start(SecretString::from(TOKEN)).await.unwrap();
        let keys = MasterKeys::generate(1).unwrap();
        let app = setup
            .var("META_APP_SECRET", APP_SECRET)
            .var("META_VERIFY_TOKEN", VERIFY)
            .var("META_GRAPH_BASE", &graph.base_url())
            .var("PROSAAS_MASTER_KEY", keys.expose_secret())
            .start()
            .await;
        let business = app.business(NUMBER).await;
        app.owner(&business, OWNER).await;
        let owner = app.sign_in(OWNER).await;
        Self {
            app,
            graph,
            clock,
            business,
            owner,
            http: reqwest::Client::builder().build().unwrap(),
        }
    }

    /// A server whose business has connected its number.
    async fn connected() -> Self {
        let shop = Self::open().await;
        let last = connect(&shop.owner, OURS).await;
        assert_eq!(last.status, 200, "{}", last.body);
        shop
    }

    /// Somebody writes to a number.
    fn says(&self, id: &str, body: InboundBody) -> InboundMessage {
        InboundMessage {
            id: id.to_owned(),
            party: ChatParty {
                address: ChatAddress(CUSTOMER.to_owned()),
                aliases: Vec::new(),
                name: DisplayName::new("Dana"),
            },
            author: Author::Customer,
            body,
            quoted: None,
            sent_at: self.clock.now(),
            delayed: false,
        }
    }

    fn writes(&self, id: &str, words: &str) -> InboundMessage {
        self.says(id, InboundBody::Text(words.to_owned()))
    }

    /// Meta's webhook with this body, signed with this secret or not at all.
    async fn told(&self, body: &Value, secret: Option<&str>) -> u16 {
        let body = body.to_string();
        let url = format!("http://{}/webhook/whatsapp", self.app.server.address());
        let mut request = self.http.post(url);
        if let Some(secret) = secret {
            let signature = FakeGraph::sign(&SecretString::from(secret), body.as_bytes());
            request = request.header(SIGNATURE_HEADER, signature);
        }
        let answer = request.body(body).send().await.unwrap();
        answer.status().as_u16()
    }

    /// Meta tells of something, and is answered that it is kept.
    async fn hears(&self, body: &Value) {
        assert_eq!(self.told(body, Some(APP_SECRET)).await, 200);
    }

    /// The messages of a business's only conversation, the oldest first.
    async fn messages(&self, tenant: TenantId) -> Vec<Message> {
        let (store, scope) = (&self.app.store, scope(tenant));
        let all = ConversationFilter::default();
        let found = store.conversations(&scope, all, None, 9).await.unwrap();
        let Some(one) = found.first() else {
            return Vec::new();
        };
        assert_eq!(found.len(), 1, "{found:?}");
        let mut messages = store.messages(&scope, one.id, None, 100).await.unwrap();
        messages.reverse();
        messages
    }

    async fn conversation(&self) -> String {
        self.messages(self.business.id).await[0]
            .conversation
            .to_string()
    }

    /// Waits until so many messages left a number.
    async fn has_sent(&self, number: &str, count: usize) -> Vec<OutboundMessage> {
        until("the messages reach Meta", async || {
            let sent = self.graph.sent(number);
            (sent.len() == count).then_some(sent)
        })
        .await
    }

    fn pass(&self, millis: i64) {
        pass(&self.app, &self.clock, millis);
    }
}

async fn ask(browser: &Browser, method: Method, path: &str, body: Option<&Value>) -> Answer {
    browser.ask(method, path, &[], body).await.unwrap()
}

/// An owner enters a number and its token, and connects it; the answer to the last of the three.
async fn connect(owner: &Browser, number: &str) -> Answer {
    let entered = json!({ "phone_number_id": number, "account_id": "102290129340398" });
    let token = json!({ "value": TOKEN });
    let secret = "/api/business/secrets/whatsapp_cloud_token";
    let set = ask(owner, Method::PUT, "/api/wa/cloud", Some(&entered)).await;
    assert_eq!(set.status, 200, "{}", set.body);
    let set = ask(owner, Method::PUT, secret, Some(&token)).await;
    assert_eq!(set.status, 204, "{}", set.body);
    ask(owner, Method::POST, "/api/wa/cloud/connect", None).await
}

fn report(sent: &OutboundMessage, delivery: Delivery) -> DeliveryReport {
    DeliveryReport {
        id: sent.id.clone(),
        delivery,
        code: None,
        sentence: None,
        at: NOW.plus(60_000),
    }
}

#[tokio::test]
async fn a_message_by_meta_is_kept_once_and_answered_and_the_answers_way_is_told() {
    let shop = Shop::connected().await;
    let ours = shop.business.id;
    let question = FakeGraph::message(OURS, &shop.writes("wamid.1", "Are you open?"));
    for _ in 0..2 {
        shop.hears(&question).await;
    }
    shop.pass(REST_MS);
    let sent = shop.has_sent(OURS, 1).await;
    assert_eq!(sent[0].body, OutboundBody::Text("Until six.".to_owned()));
    assert_eq!(sent[0].to.0, CUSTOMER);
    jobs(&shop.app, "send_message", "done", 1).await;
    // Meta did not see our answer, and tells of it once more.
    shop.hears(&question).await;
    shop.pass(REST_MS);
    let messages = shop.messages(ours).await;
    let bodies: Vec<_> = messages.iter().map(|one| one.body.as_str()).collect();
    assert_eq!(bodies, ["Are you open?", "Until six."]);
    for (delivery, status) in [
        (Delivery::Read, MessageStatus::Read),
        // It came late: the furthest holds.
        (Delivery::Delivered, MessageStatus::Read),
    ] {
        let told = FakeGraph::status(OURS, &report(&sent[0], delivery));
        shop.hears(&told).await;
        assert_eq!(shop.messages(ours).await[1].status, status);
    }
    assert_eq!(shop.graph.sent(OURS).len(), 1);
    let status = shop.owner.get("/api/wa/status").await;
    assert_eq!(status["way"], "cloud", "{status}");
    assert_eq!(status["ready"], true, "{status}");
    assert_eq!(status["cloud"]["phone_number_id"], OURS);
    assert!(status["cloud"]["last_webhook_at"].is_string(), "{status}");
}

#[tokio::test]
async fn what_meta_did_not_sign_is_refused_and_the_webhook_is_entered_with_its_token() {
    let shop = Shop::connected().await;
    let question = FakeGraph::message(OURS, &shop.writes("wamid.1", "Are you open?"));
    assert_eq!(shop.told(&question, None).await, 401);
    assert_eq!(shop.told(&question, Some("another secret")).await, 401);
    assert!(shop.messages(shop.business.id).await.is_empty());
    let enters = async |token: &str| {
        let query = format!("hub.mode=subscribe&hub.verify_token={token}&hub.challenge=1158201444");
        shop.app.get(&format!("/webhook/whatsapp?{query}")).await
    };
    let right = enters(VERIFY).await;
    assert_eq!((right.status, right.body.as_str()), (200, "1158201444"));
    assert_eq!(enters("guess").await.status, 403);
    assert_eq!(shop.app.get("/webhook/whatsapp").await.status, 403);
    let metrics = shop.app.get("/metrics").await.body;
    let refused = "prosaas_webhooks_total{route=\"/webhook/whatsapp\",status=\"401\"} 2";
    assert!(metrics.lines().any(|line| line == refused), "{metrics}");
}

#[tokio::test]
async fn without_an_app_at_meta_there_is_no_webhook() {
    let app = TestApp::start().await;
    assert_eq!(app.get("/webhook/whatsapp").await.status, 404);
}

#[tokio::test]
async fn a_number_is_one_businesss_and_what_is_nobodys_is_counted() {
    let shop = Shop::connected().await;
    let other = shop.app.business("+97237654321").await;
    shop.app.owner(&other, "other@example.com").await;
    let their_owner = shop.app.sign_in("other@example.com").await;
    // Entered is not taken: what is told of the number stays its first owner's.
    let refused = connect(&their_owner, OURS).await;
    assert_eq!(refused.status, 409, "{}", refused.body);
    assert!(refused.body.contains("number-taken"), "{}", refused.body);
    shop.hears(&FakeGraph::message(OURS, &shop.writes("wamid.1", "to us")))
        .await;
    assert!(shop.messages(other.id).await.is_empty());
    assert_eq!(shop.messages(shop.business.id).await.len(), 1);
    let connected = connect(&their_owner, THEIRS).await;
    assert_eq!(connected.status, 200, "{}", connected.body);
    let to_them = FakeGraph::message(THEIRS, &shop.writes("wamid.1", "to them"));
    shop.hears(&to_them).await;
    assert_eq!(shop.messages(other.id).await[0].body, "to them");
    assert_eq!(shop.messages(shop.business.id).await.len(), 1);
    let nobody = FakeGraph::message("1", &shop.writes("wamid.3", "to nobody"));
    shop.hears(&nobody).await;
    let metrics = shop.app.get("/metrics").await.body;
    let counted = "prosaas_whatsapp_numbers_of_nobody_total 1";
    assert!(metrics.lines().any(|line| line == counted), "{metrics}");
}

#[tokio::test]
async fn after_a_day_only_a_template_goes_out_and_what_meta_refuses_is_said() {
    let shop = Shop::connected().await;
    let ours = shop.business.id;
    shop.hears(&FakeGraph::message(
        OURS,
        &shop.writes("wamid.1", "Thank you"),
    ))
    .await;
    shop.pass(REST_MS);
    shop.has_sent(OURS, 1).await;
    jobs(&shop.app, "send_message", "done", 1).await;
    let path = format!("/api/conversations/{}/messages", shop.conversation().await);
    let words = json!({ "text": "Your car is ready." });
    // What is written next is written later.
    shop.pass(10);
    shop.graph.fail_next(400, 131_026);
    let written = ask(&shop.owner, Method::POST, &path, Some(&words)).await;
    assert_eq!(written.status, 201, "{}", written.body);
    jobs(&shop.app, "send_message", "done", 2).await;
    let failed = shop.messages(ours).await.remove(2);
    assert_eq!(failed.status, MessageStatus::Failed);
    let sentence = failed.failure.unwrap().sentence;
    assert_eq!(sentence, "this person cannot be reached on WhatsApp");
    // Most of the time Meta takes a message, and tells later that it did not arrive.
    let told = DeliveryReport {
        code: Some("131026".to_owned()),
        ..report(&shop.graph.sent(OURS)[0], Delivery::Failed)
    };
    shop.hears(&FakeGraph::status(OURS, &told)).await;
    let failed = shop.messages(ours).await.remove(1);
    assert_eq!(failed.status, MessageStatus::Failed);
    let failure = failed.failure.unwrap();
    assert_eq!(
        (failure.code.as_str(), failure.sentence),
        ("131026", sentence)
    );
    shop.pass(DAY_MS);
    let owner = shop.app.sign_in(OWNER).await;
    let late = ask(&owner, Method::POST, &path, Some(&words)).await;
    assert_eq!(late.status, 409, "{}", late.body);
    assert!(late.body.contains("window-closed"), "{}", late.body);
    assert!(late.body.contains("approved template"), "{}", late.body);
    let template = json!({
        "template": { "name": "car_ready", "language": "en", "parameters": ["Dana"] },
    });
    let written = ask(&owner, Method::POST, &path, Some(&template)).await;
    assert_eq!(written.status, 201, "{}", written.body);
    let sent = shop.has_sent(OURS, 2).await.remove(1);
    let sent = match sent.body {
        OutboundBody::Template(template) => template,
        other => panic!("expected a template, got {other:?}"),
    };
    assert_eq!(sent.name, "car_ready");
    assert_eq!(sent.parameters, ["Dana"]);
}

#[tokio::test]
async fn a_file_by_meta_is_fetched_with_the_businesss_token() {
    let shop = Shop::connected().await;
    let jpeg = Bytes::from_static(b"\xff\xd8\xff\xe0\x00\x10JFIF\x00 and what is seen");
    shop.graph.put_file("media1", jpeg);
    let picture = InboundBody::Media(InboundMedia {
        kind: MediaKind::Image,
        mime_type: "image/jpeg".to_owned(),
        file_name: None,
        caption: None,
        bytes: None,
        handle: "media1".to_owned(),
    });
    let told = FakeGraph::message(OURS, &shop.says("wamid.1", picture));
    shop.hears(&told).await;
    jobs(&shop.app, "fetch_file", "done", 1).await;
    let kept = shop.messages(shop.business.id).await.remove(0);
    assert_eq!(kept.file.unwrap().state, FileState::Stored);
}

#[tokio::test]
async fn a_number_that_meta_refuses_is_not_used() {
    let shop = Shop::open().await;
    let (owner, connect) = (&shop.owner, "/api/wa/cloud/connect");
    let none = ask(owner, Method::POST, connect, None).await;
    assert_eq!(none.status, 409, "{}", none.body);
    assert!(none.body.contains("cloud-not-set"), "{}", none.body);
    let entered = json!({ "phone_number_id": OURS, "account_id": "1" });
    ask(owner, Method::PUT, "/api/wa/cloud", Some(&entered)).await;
    let without = ask(owner, Method::POST, connect, None).await;
    assert_eq!(without.status, 409, "{}", without.body);
    let secret = "/api/business/secrets/whatsapp_cloud_token";
    let wrong = json!({ "value": "canary-of-another-token" });
    ask(owner, Method::PUT, secret, Some(&wrong)).await;
    let refused = ask(owner, Method::POST, connect, None).await;
    assert_eq!(refused.status, 409, "{}", refused.body);
    assert!(refused.body.contains("enter a new one"), "{}", refused.body);
    assert!(!refused.body.contains("canary"), "{}", refused.body);
    let shown = owner.get("/api/wa/cloud").await;
    assert_eq!(
        (&shown["has_token"], &shown["is_on"]),
        (&json!(true), &json!(false))
    );
    let told = FakeGraph::message(OURS, &shop.writes("wamid.1", "hello"));
    shop.hears(&told).await;
    assert!(shop.messages(shop.business.id).await.is_empty());
}

#[tokio::test]
async fn a_linked_phone_and_a_number_at_meta_live_side_by_side() {
    let clock = Arc::new(ManualClock::at(NOW));
    let sidecar = Sidecar::start(Arc::clone(&clock) as _).await;
    let mut shop = Shop::with(sidecar.answering(&clock), Arc::clone(&clock)).await;
    sidecar
        .links(&shop.app, &shop.business, &mut shop.owner)
        .await;
    let entered = json!({ "phone_number_id": OURS, "account_id": "1" });
    let refused = ask(&shop.owner, Method::PUT, "/api/wa/cloud", Some(&entered)).await;
    assert_eq!(refused.status, 409, "{}", refused.body);
    assert!(refused.body.contains("phone-linked"), "{}", refused.body);

    let other = shop.app.business("+97237654321").await;
    shop.app.owner(&other, "other@example.com").await;
    let their_owner = shop.app.sign_in("other@example.com").await;
    let connected = connect(&their_owner, THEIRS).await;
    assert_eq!(connected.status, 200, "{}", connected.body);
    for (method, path, body) in [
        (Method::GET, "/api/wa/qr", None),
        (
            Method::POST,
            "/api/wa/link",
            Some(json!({ "method": "qr" })),
        ),
        (Method::POST, "/api/wa/unlink", None),
    ] {
        let answer = ask(&their_owner, method, path, body.as_ref()).await;
        assert_eq!(answer.status, 409, "{path}: {}", answer.body);
        assert!(answer.body.contains("cloud-configured"), "{}", answer.body);
    }
    sidecar
        .hears(&shop.app, &shop.business, 2, "by the phone")
        .await;
    let to_them = FakeGraph::message(THEIRS, &shop.writes("wamid.1", "by Meta"));
    shop.hears(&to_them).await;
    shop.pass(REST_MS);
    shop.has_sent(THEIRS, 1).await;
    until("the sidecar sends the other answer", async || {
        (sidecar.sent(shop.business.id).await.len() == 1).then_some(())
    })
    .await;
    let status = shop.owner.get("/api/wa/status").await;
    assert_eq!(
        (&status["way"], &status["cloud"]),
        (&json!("phone"), &Value::Null)
    );
    // Without its number the business may link a phone again.
    let gone = ask(&their_owner, Method::DELETE, "/api/wa/cloud", None).await;
    assert_eq!(gone.status, 204, "{}", gone.body);
    let status = their_owner.get("/api/wa/status").await;
    assert_eq!(
        (&status["way"], &status["ready"]),
        (&json!("phone"), &json!(false))
    );
    let qr = ask(&their_owner, Method::GET, "/api/wa/qr", None).await;
    assert_eq!(qr.status, 200, "{}", qr.body);
}
