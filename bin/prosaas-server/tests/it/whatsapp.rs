//! WhatsApp through the server: what the sidecar reports, and what it is asked to do. The sidecar is a fake that
//! speaks the wire; time is the tests' own.

use std::sync::Arc;

use prosaas_core::message::{Author, ChatAddress, ChatParty, InboundBody, InboundMessage};
use prosaas_core::time::ManualClock;
use prosaas_core::whatsapp::WhatsAppEvent;
use prosaas_core::{Business, TenantId, UnixMillis, WhatsAppInbox as _};
use prosaas_crm::auth::SystemScope;
use prosaas_crm::model::conversation::{
    Conversation, ConversationFilter, Message, MessageStatus, PausedReason,
};
use prosaas_crm::testkit::scope;
use prosaas_whatsapp::baileys::{EVENTS_PATH, PING_PATH, SIGNATURE_HEADER};
use serde_json::{Value, json};

use crate::support::browser::Browser;
use crate::support::jobs::{jobs, pass};
use crate::support::sidecar::Sidecar;
use crate::support::{CALLER, NUMBER, Setup, TestApp, incoming, sid, status, until};

/// 2026-11-24T14:00:00Z.
const NOW: UnixMillis = UnixMillis(1_795_528_800_000);
/// Longer than the agent waits for the rest of what somebody writes.
const REST_MS: i64 = 3_000;
const OWNER: &str = "owner@example.com";

/// A server with a sidecar and one business.
struct Shop {
    app: TestApp,
    sidecar: Sidecar,
    clock: Arc<ManualClock>,
    business: Business,
}

impl Shop {
    async fn open() -> Self {
        Self::with(|setup| setup).await
    }

    async fn with(change: impl FnOnce(Setup) -> Setup) -> Self {
        let clock = Arc::new(ManualClock::at(NOW));
        let sidecar = Sidecar::start(Arc::clone(&clock) as _).await;
        let app = change(sidecar.answering(&clock)).start().await;
        let business = app.business(NUMBER).await;
        app.owner(&business, OWNER).await;
        Self {
            app,
            sidecar,
            clock,
            business,
        }
    }

    /// The owner's browser, after he linked the business by its code.
    async fn linked(&self) -> Browser {
        let mut owner = self.app.sign_in(OWNER).await;
        let code = owner.post("/api/wa/link", &json!({ "method": "qr" })).await;
        assert_eq!(code["state"], "qr", "{code}");
        self.sidecar.fake.scan(self.business.id);
        owner
    }

    async fn hears(&self, seq: u64, words: &str) {
        let Self { app, sidecar, .. } = self;
        sidecar.hears(app, &self.business, seq, words).await;
        // What is written next is written later.
        self.clock.advance(10);
    }

    async fn conversations(&self, tenant: TenantId) -> Vec<Conversation> {
        let all = ConversationFilter::default();
        let found = self
            .app
            .store
            .conversations(&scope(tenant), all, None, 50)
            .await;
        found.unwrap()
    }

    async fn the_conversation(&self) -> Conversation {
        let mut all = self.conversations(self.business.id).await;
        assert_eq!(all.len(), 1, "{all:?}");
        all.remove(0)
    }

    /// The messages of the only conversation, the oldest first.
    async fn messages(&self) -> Vec<Message> {
        let id = self.the_conversation().await.id;
        let store = &self.app.store;
        let messages = store
            .messages(&scope(self.business.id), id, None, 100)
            .await;
        let mut messages = messages.unwrap();
        messages.reverse();
        messages
    }

    async fn sent(&self) -> Vec<String> {
        self.sidecar.sent(self.business.id).await
    }

    /// Waits until the business sent so many messages.
    async fn has_sent(&self, count: usize) -> Vec<String> {
        until("the messages are sent", async || {
            let sent = self.sent().await;
            (sent.len() == count).then_some(sent)
        })
        .await
    }

    fn pass(&self, millis: i64) {
        pass(&self.app, &self.clock, millis);
    }
}

#[tokio::test]
async fn a_message_lands_in_its_business_alone_and_is_answered_once_though_it_comes_twice() {
    let shop = Shop::open().await;
    let other = shop.app.business("+97237654321").await;
    shop.linked().await;
    let (sidecar, app) = (&shop.sidecar, &shop.app);
    let event = sidecar.text(1, "3EB0AA", "Are you open?");
    let session = shop.business.id.to_string();
    let epoch = sidecar.epoch(&shop.business);
    for _ in 0..2 {
        let events = std::slice::from_ref(&event);
        let answer = sidecar.report(app, (&session, epoch), events).await;
        assert_eq!(
            (answer.status, answer.body.as_str()),
            (200, r#"{"acked":1}"#)
        );
    }
    shop.pass(REST_MS);
    assert_eq!(shop.has_sent(1).await, ["Until six."]);
    jobs(app, "send_message", "done", 1).await;
    // Delivered once more after the answer, under another number: the sidecar's store was restored.
    let again = sidecar.text(2, "3EB0AA", "Are you open?");
    sidecar.report(app, (&session, epoch), &[again]).await;
    shop.pass(REST_MS);
    shop.hears(3, "Thank you").await;
    shop.pass(REST_MS);
    shop.has_sent(2).await;
    let messages = shop.messages().await;
    let bodies: Vec<_> = messages.iter().map(|one| one.body.as_str()).collect();
    assert_eq!(
        bodies,
        ["Are you open?", "Until six.", "Thank you", "Until six."]
    );
    assert!(shop.conversations(other.id).await.is_empty());
    assert!(sidecar.sent(other.id).await.is_empty());
    let (typing, _) = sidecar.fake.signs(shop.business.id);
    assert!(typing.iter().all(|chat| chat == "888000222@lid") && !typing.is_empty());
    let asked = app.text.asked();
    assert!(asked[0].instructions.contains("Dana's Garage"));
}

#[tokio::test]
async fn what_the_sidecar_did_not_sign_or_signed_before_is_refused() {
    let shop = Shop::open().await;
    let (sidecar, app) = (&shop.sidecar, &shop.app);
    let batch = json!({
        "session": shop.business.id.to_string(), "owner_epoch": 1,
        "events": [sidecar.text(1, "3EB0AA", "Are you open?")],
    });
    let body = batch.to_string();
    let to = ("POST", EVENTS_PATH);
    let mut forged = sidecar.sign("POST", EVENTS_PATH, &body);
    forged[2].1 = "0".repeat(64);
    let for_another_path = sidecar.sign("POST", PING_PATH, &body);
    let for_another_body = sidecar.sign("POST", EVENTS_PATH, "{}");
    for headers in [
        &[][..],
        &forged[..],
        &forged[..2],
        &for_another_path[..],
        &for_another_body[..],
        &[(SIGNATURE_HEADER, "0".repeat(64))][..],
    ] {
        let answer = sidecar.ask(app, to, &body, headers).await;
        assert_eq!(answer.status, 401, "{}", answer.body);
    }
    assert!(shop.conversations(shop.business.id).await.is_empty());
    let right = sidecar.sign("POST", EVENTS_PATH, &body);
    let first = sidecar.ask(app, to, &body, &right).await;
    assert_eq!(first.status, 200, "{}", first.body);
    let replayed = sidecar.ask(app, to, &body, &right).await;
    assert_eq!(replayed.status, 401);
    let late = sidecar.sign("POST", EVENTS_PATH, &body);
    shop.clock.advance(61_000);
    let late = sidecar.ask(app, to, &body, &late).await;
    assert_eq!(late.status, 401);
    assert_eq!(shop.messages().await.len(), 1);
    let ping = sidecar.sign("GET", PING_PATH, "");
    let ping = sidecar.ask(app, ("GET", PING_PATH), "", &ping).await;
    assert_eq!(ping.status, 204);
    let nowhere = sidecar.sign("GET", "/internal/wa/x?y=1", "");
    let nowhere = sidecar.ask(app, ("GET", "/internal/wa/x?y=1"), "", &nowhere);
    assert_eq!(nowhere.await.status, 404);
}

#[tokio::test]
async fn a_session_of_nobody_or_of_an_earlier_owner_is_refused() {
    let shop = Shop::open().await;
    let (sidecar, app) = (&shop.sidecar, &shop.app);
    let event = [sidecar.text(1, "3EB0AA", "Are you open?")];
    let nobody = TenantId::mint(UnixMillis(5)).to_string();
    for session in [nobody.as_str(), "biz_7", ""] {
        let answer = sidecar.report(app, (session, 1), &event).await;
        assert_eq!(answer.status, 404, "{session}: {}", answer.body);
    }
    let tenant = shop.business.id;
    let operator = SystemScope::from_operator();
    app.store.raise_wa_epoch(&operator, tenant).await.unwrap();
    let session = tenant.to_string();
    let fenced = sidecar.report(app, (&session, 0), &event).await;
    assert_eq!(fenced.status, 409, "{}", fenced.body);
    assert!(fenced.body.contains("fenced"));
    assert!(shop.conversations(tenant).await.is_empty());
    let epoch = app.store.wa_owner_epoch(&operator, tenant).await.unwrap();
    let owner = sidecar.report(app, (&session, epoch), &event).await;
    assert_eq!(owner.status, 200, "{}", owner.body);
}

#[tokio::test]
async fn a_sidecar_whose_business_was_linked_anew_elsewhere_is_not_heard_any_more() {
    let shop = Shop::open().await;
    let mut owner = shop.linked().await;
    let (sidecar, app) = (&shop.sidecar, &shop.app);
    shop.hears(1, "Are you open?").await;
    let session = shop.business.id.to_string();
    let old = sidecar.epoch(&shop.business);
    // Another sidecar answers at the address now, with an empty volume; the first one runs on somewhere.
    sidecar.fake.forget(shop.business.id);
    let code = owner.post("/api/wa/link", &json!({ "method": "qr" })).await;
    assert_eq!(code["state"], "qr", "{code}");
    sidecar.fake.scan(shop.business.id);
    let new = sidecar.epoch(&shop.business);
    assert!(new > old, "{new} after {old}");
    let late = [sidecar.text(2, "3EB0AB", "from the old one")];
    let fenced = sidecar.report(app, (&session, old), &late).await;
    assert_eq!(fenced.status, 409, "{}", fenced.body);
    assert!(fenced.body.contains("fenced"), "{}", fenced.body);
    let first = [sidecar.text(1, "3EB0AC", "from the new one")];
    let heard = sidecar.report(app, (&session, new), &first).await;
    assert_eq!(heard.status, 200, "{}", heard.body);
    let bodies = shop.messages().await.into_iter().map(|one| one.body);
    let bodies: Vec<_> = bodies.collect();
    assert!(
        bodies.contains(&"from the new one".to_owned()),
        "{bodies:?}"
    );
    assert!(
        !bodies.contains(&"from the old one".to_owned()),
        "{bodies:?}"
    );
}

#[tokio::test]
async fn an_answer_of_an_unlinked_business_fails_with_a_reason_and_the_customer_waits_for_a_person()
{
    let shop = Shop::open().await;
    let mut owner = shop.app.sign_in(OWNER).await;
    shop.hears(1, "Are you open?").await;
    let conversation = shop.the_conversation().await.id;
    let path = format!("/api/conversations/{conversation}/messages");
    owner.post(&path, &json!({ "text": "Until six." })).await;
    jobs(&shop.app, "send_message", "done", 1).await;
    let written = shop.messages().await.remove(1);
    assert_eq!(written.status, MessageStatus::Failed);
    let failure = written.failure.unwrap();
    assert_eq!(failure.code, "refused");
    assert!(failure.sentence.contains("not linked"), "{failure:?}");
    assert!(shop.sent().await.is_empty());
}

#[tokio::test]
async fn a_message_written_while_the_sidecar_is_down_is_sent_once_it_is_back() {
    let shop = Shop::open().await;
    let mut owner = shop.linked().await;
    shop.hears(1, "Are you open?").await;
    shop.sidecar.fake.set_down(true);
    let conversation = shop.the_conversation().await.id;
    let path = format!("/api/conversations/{conversation}/messages");
    owner.post(&path, &json!({ "text": "Until six." })).await;
    jobs(&shop.app, "send_message", "failed", 1).await;
    let status = owner.get("/api/wa/status").await;
    assert_eq!(status["state"], "qr", "what it said last holds: {status}");
    shop.sidecar.fake.set_down(false);
    shop.pass(5_000);
    assert_eq!(shop.has_sent(1).await, ["Until six."]);
    jobs(&shop.app, "send_message", "done", 1).await;
    assert_eq!(shop.messages().await[1].status, MessageStatus::Sent);
}

#[tokio::test]
async fn a_message_that_no_try_could_send_says_so() {
    let shop = Shop::open().await;
    let mut owner = shop.linked().await;
    shop.hears(1, "Are you open?").await;
    shop.sidecar.fake.set_down(true);
    let conversation = shop.the_conversation().await.id;
    let path = format!("/api/conversations/{conversation}/messages");
    owner.post(&path, &json!({ "text": "Until six." })).await;
    for failed in 1..=9 {
        jobs(&shop.app, "send_message", "failed", failed).await;
        shop.pass(30 * 60_000);
    }
    jobs(&shop.app, "send_message", "done", 1).await;
    let written = shop.messages().await.remove(1);
    assert_eq!(written.status, MessageStatus::Failed);
    assert_eq!(written.failure.unwrap().code, "unavailable");
}

#[tokio::test]
async fn a_message_that_no_try_could_answer_waits_for_a_person() {
    // The operator left a setting out: what comes in, from a run before, waits for a way to WhatsApp.
    let clock = Arc::new(ManualClock::at(NOW));
    let setup = Setup::default().clock(Arc::clone(&clock));
    let app = setup.start().await;
    let business = app.business(NUMBER).await;
    app.owner(&business, OWNER).await;
    let message = InboundMessage {
        id: "3EB0AA".to_owned(),
        party: ChatParty {
            address: ChatAddress("888000222@lid".to_owned()),
            aliases: Vec::new(),
            name: None,
        },
        author: Author::Customer,
        body: InboundBody::Text("Are you open?".to_owned()),
        quoted: None,
        sent_at: NOW,
        delayed: false,
    };
    let event = WhatsAppEvent::Message(message);
    app.store.accept(business.id, event).await.unwrap();
    pass(&app, &clock, REST_MS);
    for failed in 1..=9 {
        jobs(&app, "answer_message", "failed", failed).await;
        pass(&app, &clock, 30 * 60_000);
    }
    jobs(&app, "answer_message", "dead", 1).await;
    jobs(&app, "hand_over_message", "done", 1).await;
    jobs(&app, "alert_conversation", "done", 1).await;
    let all = ConversationFilter::default();
    let scope = scope(business.id);
    let found = app.store.conversations(&scope, all, None, 9).await.unwrap();
    assert_eq!(found[0].paused, Some(PausedReason::Failed));
    let mails = app.mailer.take();
    let mail = format!("{:?}", mails.last().unwrap().content);
    assert!(mail.contains("A WhatsApp conversation waits"), "{mail}");
}

#[tokio::test]
async fn one_tap_takes_a_conversation_from_the_agent_and_gives_it_back() {
    let shop = Shop::open().await;
    let owner = shop.linked().await;
    shop.hears(1, "Are you open?").await;
    let conversation = shop.the_conversation().await;
    let path = format!("/api/conversations/{}", conversation.id);
    let tap = async |version: u64, paused: bool| {
        let is_at = format!("\"{version}\"");
        let change = json!({ "agent_paused": paused });
        let patch = reqwest::Method::PATCH;
        let headers = [("if-match", is_at.as_str())];
        let answer = owner.ask(patch, &path, &headers, Some(&change)).await;
        let answer = answer.unwrap();
        assert_eq!(answer.status, 200, "{}", answer.body);
        serde_json::from_str::<Value>(&answer.body).unwrap()
    };
    let taken = tap(conversation.version, true).await;
    assert_eq!(taken["paused_reason"], "switched", "{taken}");
    shop.pass(REST_MS);
    jobs(&shop.app, "answer_message", "done", 1).await;
    shop.hears(2, "Hello?").await;
    let now = shop.the_conversation().await;
    assert_eq!(now.paused, Some(PausedReason::Switched));
    assert!(shop.sent().await.is_empty() && shop.app.text.asked().is_empty());
    tap(now.version, false).await;
    shop.hears(3, "Are you there?").await;
    shop.pass(REST_MS);
    assert_eq!(shop.has_sent(1).await, ["Until six."]);
}

#[tokio::test]
async fn a_business_links_by_its_code_and_unlinks() {
    let shop = Shop::open().await;
    let mut owner = shop.app.sign_in(OWNER).await;
    let status = owner.get("/api/wa/status").await;
    assert_eq!(
        (&status["state"], &status["links_by_qr"]),
        (&json!("unlinked"), &json!(true))
    );
    owner.post("/api/wa/link", &json!({ "method": "qr" })).await;
    let code = owner.get("/api/wa/qr").await;
    assert!(code["svg"].as_str().unwrap().contains("<svg"), "{code}");
    shop.sidecar.fake.scan(shop.business.id);
    // The sidecar pushes the state as well; open consoles hear of it.
    let session = shop.business.id.to_string();
    let state = json!({
        "event_id": "ev_1", "seq": 1, "kind": "state", "created_at": NOW.0,
        "state": { "state": "open" },
    });
    let owner_epoch = shop.sidecar.epoch(&shop.business);
    let told = shop
        .sidecar
        .report(&shop.app, (&session, owner_epoch), &[state])
        .await;
    assert_eq!(told.status, 200, "{}", told.body);
    let status = owner.get("/api/wa/status").await;
    assert_eq!(
        (&status["state"], &status["ready"]),
        (&json!("ready"), &json!(true))
    );
    assert!(status["linked_at"].is_string(), "{status}");
    assert_eq!(owner.get("/api/wa/qr").await["qr"], Value::Null);
    let unlink = reqwest::Method::POST;
    let unlinked = owner.ask(unlink, "/api/wa/unlink", &[], None).await;
    assert_eq!(unlinked.unwrap().status, 204);
    let status = owner.get("/api/wa/status").await;
    assert_eq!(status["state"], "unlinked");
}

#[tokio::test]
async fn a_person_is_told_by_mail_of_a_conversation_that_waits_for_him() {
    let shop = Shop::open().await;
    shop.linked().await;
    let turn = json!({
        "reply": "Somebody will answer here.",
        "calls": [{ "tool": "hand_to_human", "arguments": "{\"reason\":\"asked\"}" }],
    });
    shop.app.text.push(Ok(prosaas_core::TextReply {
        value: turn,
        usage: prosaas_core::Usage::default(),
    }));
    shop.hears(1, "I want to speak to somebody").await;
    shop.pass(REST_MS);
    assert_eq!(shop.has_sent(1).await, ["Somebody will answer here."]);
    jobs(&shop.app, "alert_conversation", "done", 1).await;
    assert_eq!(
        shop.the_conversation().await.paused,
        Some(PausedReason::Asked)
    );
    let mails = shop.app.mailer.take();
    let mail = format!("{:?}", mails.last().unwrap().content);
    assert!(mail.contains("A WhatsApp conversation waits"), "{mail}");
    assert!(
        mail.contains("Dana") && !mail.contains("501234567"),
        "{mail}"
    );
}

#[tokio::test]
async fn whoever_called_and_writes_is_one_lead() {
    let shop = Shop::open().await;
    let call = sid(1);
    assert_eq!(incoming(&call)[2].1, CALLER);
    shop.app.ring(&call).await;
    let ended = status(&call, "completed");
    shop.app.post("/webhook/call_status", &ended).await;
    shop.app.finished(&shop.business).await;
    shop.hears(1, "I called before").await;
    let lead = shop.the_conversation().await.lead.unwrap();
    let called = shop.app.only_call(&shop.business).await.lead;
    assert_eq!(called, Some(lead));
    assert_eq!(shop.app.leads(&shop.business).await, 1);
}

#[tokio::test]
async fn without_a_sidecar_nobody_reports_and_the_api_says_so() {
    let app = TestApp::start().await;
    let business = app.business(NUMBER).await;
    app.owner(&business, OWNER).await;
    assert_eq!(app.get(PING_PATH).await.status, 404);
    let owner = app.sign_in(OWNER).await;
    let get = reqwest::Method::GET;
    let answer = owner.ask(get, "/api/wa/status", &[], None).await.unwrap();
    assert_eq!(answer.status, 503);
    assert!(answer.body.contains("whatsapp-not-configured"));
}
