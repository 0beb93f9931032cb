//! `/api/wa` and the inbox over HTTP.

use std::sync::Arc;

use axum::http::Method;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use prosaas_core::WhatsAppInbox as _;
use prosaas_core::memory::MemoryWhatsApp;
use prosaas_core::message::{
    Author, ChatAddress, ChatParty, DisplayName, InboundBody, InboundMessage,
};
use prosaas_core::testkit::samples::seed;
use prosaas_core::time::ManualClock;
use prosaas_core::whatsapp::WhatsAppEvent;
use prosaas_crm::api;
use prosaas_crm::api::kit::ApiState;
use prosaas_crm::auth::{Permissions, TenantScope};
use prosaas_crm::model::id::UserId;
use prosaas_crm::store::AuditFilter;
use prosaas_crm::testkit::OPERATOR;
use prosaas_crm::{BusinessAdmin as _, CrmStore};
use qrcode::{Color, EcLevel, QrCode};
use serde_json::{Value, json};

use super::support::{Answer, Ask, Credulous, TestApi, generous_parts};
use crate::support::{NOW, Scratch};

const MANAGER: &str = "member business:read business:manage conversations:read conversations:write";

struct House {
    api: TestApi,
    store: Arc<CrmStore>,
    whatsapp: Arc<MemoryWhatsApp>,
    _scratch: Scratch,
}

impl House {
    async fn new(has_whatsapp: bool) -> Self {
        let scratch = Scratch::new();
        let clock = Arc::new(ManualClock::at(NOW));
        let store = CrmStore::open(&scratch.location("crm.db"), Arc::clone(&clock) as _).await;
        let store = Arc::new(store.unwrap());
        let seed = seed(1);
        let added = store.add_business(&OPERATOR, &seed.business, &seed.numbers);
        added.await.unwrap();
        let authenticator = Arc::new(Credulous::of(seed.business.id, UserId::mint(NOW)));
        let whatsapp = Arc::new(MemoryWhatsApp::new(Arc::clone(&store) as _));
        let mut parts = generous_parts(Arc::clone(&store), clock, authenticator);
        parts.whatsapp = has_whatsapp.then(|| Arc::clone(&whatsapp) as _);
        Self {
            api: TestApi::over(api::router(&ApiState::new(parts))),
            store,
            whatsapp,
            _scratch: scratch,
        }
    }

    async fn get(&self, path: &str) -> Answer {
        Ask::get(path).as_(MANAGER).of(&self.api).await
    }

    async fn post(&self, path: &str, body: &Value) -> Answer {
        let ask = Ask::new(Method::POST, path).as_(MANAGER);
        let ask = if body.is_null() { ask } else { ask.json(body) };
        ask.of(&self.api).await
    }

    async fn hears(&self, id: &str, words: &str) {
        let message = InboundMessage {
            id: id.to_owned(),
            party: ChatParty {
                address: ChatAddress("888000222@lid".to_owned()),
                aliases: Vec::new(),
                name: DisplayName::new("Dana"),
            },
            author: Author::Customer,
            body: InboundBody::Text(words.to_owned()),
            quoted: None,
            sent_at: NOW,
            delayed: false,
        };
        let event = WhatsAppEvent::Message(message);
        self.store.accept(seed(1).business.id, event).await.unwrap();
    }
}

#[tokio::test]
async fn without_a_way_to_whatsapp_the_api_says_so() {
    let house = House::new(false).await;
    house.hears("M1", "hello").await;
    let listed = house.get("/api/conversations").await.json();
    let id = listed["data"][0]["id"].as_str().unwrap();
    for answer in [
        house.get("/api/wa/status").await,
        house.get("/api/wa/qr").await,
        house.post("/api/wa/link", &json!({ "method": "qr" })).await,
        house.post("/api/wa/unlink", &Value::Null).await,
        house
            .post(
                &format!("/api/conversations/{id}/messages"),
                &json!({ "text": "hi" }),
            )
            .await,
    ] {
        assert_eq!(answer.status.as_u16(), 503, "{}", answer.text);
        assert_eq!(answer.code(), "whatsapp-not-configured");
    }
    assert_eq!(house.get("/api/wa/settings").await.status.as_u16(), 200);
}

/// The image is the code that says this: every module of it, and a quiet zone of four around them.
fn says_in_pixels(image: &str, text: &str) {
    let image = BASE64_STANDARD.decode(image).unwrap();
    let mut reader = png::Decoder::new(std::io::Cursor::new(image))
        .read_info()
        .unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut pixels).unwrap();
    let expected = QrCode::with_error_correction_level(text, EcLevel::M).unwrap();
    let side = expected.width() + 8;
    assert_eq!(
        (info.width, info.height),
        (side as u32 * 8, side as u32 * 8)
    );
    let colors = expected.to_colors();
    for row in 0..side {
        for column in 0..side {
            let inside = |n: usize| n.checked_sub(4).filter(|n| *n < expected.width());
            let is_dark = match (inside(row), inside(column)) {
                (Some(row), Some(column)) => colors[row * expected.width() + column] == Color::Dark,
                _ => false,
            };
            for line in row * 8..row * 8 + 8 {
                let module = pixels[line * info.line_size + column];
                assert_eq!(module, if is_dark { 0 } else { 0xff }, "{row}, {column}");
            }
        }
    }
}

#[tokio::test]
async fn a_business_links_by_its_code_and_unlinks() {
    let house = House::new(true).await;
    let status = house.get("/api/wa/status").await.json();
    assert_eq!(
        (&status["state"], &status["ready"]),
        (&json!("unlinked"), &json!(false))
    );
    assert_eq!(house.get("/api/wa/qr").await.json()["qr"], Value::Null);
    let linking = house.post("/api/wa/link", &json!({ "method": "qr" })).await;
    assert_eq!(linking.json()["state"], "qr", "{}", linking.text);
    let code = house.get("/api/wa/qr").await;
    assert_eq!(code.header("cache-control"), "no-store");
    let shown = code.json();
    assert!(shown["qr"].as_str().unwrap().starts_with("memory:"));
    assert!(shown["svg"].as_str().unwrap().contains("<svg"));
    says_in_pixels(
        shown["png_base64"].as_str().unwrap(),
        shown["qr"].as_str().unwrap(),
    );
    assert!(shown["seconds_left"].as_u64().unwrap() > 0);
    house.whatsapp.scan(seed(1).business.id).await;
    let status = house.get("/api/wa/status").await.json();
    assert_eq!(
        (&status["state"], &status["ready"]),
        (&json!("ready"), &json!(true))
    );
    let none = house.get("/api/wa/qr").await.json();
    assert_eq!(
        (&none["svg"], &none["png_base64"]),
        (&Value::Null, &Value::Null)
    );
    let gone = house.post("/api/wa/unlink", &Value::Null).await;
    assert_eq!(gone.status.as_u16(), 204, "{}", gone.text);
    assert_eq!(
        house.get("/api/wa/status").await.json()["state"],
        "unlinked"
    );
    let scope = TenantScope::from_trusted_host(seed(1).business.id, Permissions::all());
    let all = AuditFilter::default();
    let audit = house.store.audit_entries(&scope, &all, None, 50).await;
    let audit = audit.unwrap();
    let asked: Vec<_> = audit.iter().map(|row| row.action.as_str()).collect();
    assert!(asked.contains(&"whatsapp.link_requested"), "{asked:?}");
    assert!(asked.contains(&"whatsapp.unlink_requested"), "{asked:?}");
}

#[tokio::test]
async fn a_code_is_typed_into_the_phone_that_is_named() {
    let house = House::new(true).await;
    for bad in [
        json!({ "method": "pairing_code" }),
        json!({ "method": "qr", "phone": "+15550100123" }),
        json!({ "method": "pairing_code", "phone": "12" }),
        json!({ "method": "magic" }),
    ] {
        let answer = house.post("/api/wa/link", &bad).await;
        assert_eq!(answer.status.as_u16(), 400, "{}", answer.text);
    }
    let wish = json!({ "method": "pairing_code", "phone": "+972501234567" });
    let linking = house.post("/api/wa/link", &wish).await;
    assert_eq!(
        linking.json()["pairing_code"],
        "ABCD1234",
        "{}",
        linking.text
    );
    let status = house.get("/api/wa/status").await.json();
    assert_eq!(status["number"], "+972501234567");
}

#[tokio::test]
async fn the_inbox_is_read_answered_taken_and_searched() {
    let house = House::new(true).await;
    house.hears("M1", "My boiler leaks").await;
    let listed = house
        .get("/api/conversations?unread=true&agent=true")
        .await
        .json();
    let conversation = &listed["data"][0];
    assert_eq!(conversation["peer_name"], "Dana");
    assert_eq!(conversation["unread"], 1);
    let id = conversation["id"].as_str().unwrap().to_owned();
    let path = format!("/api/conversations/{id}");
    let read = house.post(&format!("{path}/read"), &Value::Null).await;
    assert_eq!(read.json()["unread"], 0);
    let messages = format!("{path}/messages");
    for bad in [
        json!({}),
        json!({ "text": "a", "template": { "name": "b", "language": "he" } }),
        json!({ "text": "a", "purpose": "recording" }),
        json!({ "text": " " }),
    ] {
        let answer = house.post(&messages, &bad).await;
        assert_eq!(answer.status.as_u16(), 400, "{}", answer.text);
    }
    let advert = json!({ "text": "Ten percent off", "purpose": "marketing" });
    let answer = house.post(&messages, &advert).await;
    assert_eq!(
        (answer.status.as_u16(), answer.code().as_str()),
        (409, "consent-missing")
    );
    // The same request with the same key writes one message.
    let mut ids = Vec::new();
    for _ in 0..2 {
        let written = Ask::new(Method::POST, &messages)
            .as_(MANAGER)
            .with("idempotency-key", "once")
            .json(&json!({ "text": "We come at four." }))
            .of(&house.api)
            .await;
        assert_eq!(written.status.as_u16(), 201, "{}", written.text);
        assert_eq!(written.json()["status"], "queued");
        ids.push(written.header("location").to_owned());
    }
    assert_eq!(ids[0], ids[1]);
    let shown = house.get(&ids[0]).await;
    assert_eq!(shown.header("etag"), "\"1\"");
    let listed = house.get(&messages).await.json();
    assert_eq!(listed["data"].as_array().unwrap().len(), 2);
    let taken = house.get(&path).await;
    assert_eq!(taken.json()["paused_reason"], "person");
    let back = Ask::new(Method::PATCH, &path)
        .as_(MANAGER)
        .with("if-match", taken.header("etag"))
        .json(&json!({ "agent_paused": false, "status": "closed" }))
        .of(&house.api)
        .await;
    assert_eq!(back.json()["agent_paused"], false, "{}", back.text);
    for (words, found) in [("boiler", 1), ("Dana", 1), ("four", 1), ("nothing", 0)] {
        let answer = house
            .get(&format!("/api/conversations/search?q={words}"))
            .await;
        let data = answer.json()["data"].as_array().unwrap().len();
        assert_eq!(data, found, "{words}: {}", answer.text);
    }
    let short = house.get("/api/conversations/search?q=a").await;
    assert_eq!(short.status.as_u16(), 400);
    let mine = Ask::get("/api/conversations?mine=true").as_("key conversations:read");
    assert_eq!(mine.of(&house.api).await.status.as_u16(), 400);
}
