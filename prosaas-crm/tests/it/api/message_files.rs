//! Files of messages over HTTP: to whom, in which part, and as what.

use std::sync::Arc;

use axum::http::Method;
use bytes::Bytes;
use prosaas_core::memory::MemoryWhatsApp;
use prosaas_core::message::{
    Author, ChatAddress, ChatParty, InboundBody, InboundMedia, InboundMessage, MediaKind,
};
use prosaas_core::testkit::samples::seed;
use prosaas_core::time::ManualClock;
use prosaas_core::whatsapp::WhatsAppEvent;
use prosaas_core::{TenantId, WhatsAppInbox as _};
use prosaas_crm::api;
use prosaas_crm::api::kit::ApiState;
use prosaas_crm::auth::{Permissions, TenantScope};
use prosaas_crm::model::id::UserId;
use prosaas_crm::model::patch::Replace;
use prosaas_crm::model::settings::SettingsPatch;
use prosaas_crm::shelf::Shelf;
use prosaas_crm::testkit::OPERATOR;
use prosaas_crm::whatsapp::Files;
use prosaas_crm::{BusinessAdmin as _, CrmStore};
use serde_json::{Value, json};

use super::support::{Answer, Ask, Credulous, TestApi, generous_parts};
use crate::support::{NOW, Scratch};

const READER: &str = "member conversations:read";
const WRITER: &str = "member conversations:read conversations:write";
const SOUND: &str = "OggS and what was said";

/// Two businesses on one installation, each with an API of its own.
struct House {
    ours: TestApi,
    theirs: TestApi,
    store: Arc<CrmStore>,
    clock: Arc<ManualClock>,
    whatsapp: MemoryWhatsApp,
    shelf: Shelf,
    _scratch: Scratch,
}

fn tenant(n: u8) -> TenantId {
    seed(n).business.id
}

impl House {
    async fn new() -> Self {
        let scratch = Scratch::new();
        let clock = Arc::new(ManualClock::at(NOW));
        let store = CrmStore::open(&scratch.location("crm.db"), Arc::clone(&clock) as _).await;
        let store = Arc::new(store.unwrap());
        for n in [1, 2] {
            let seed = seed(n);
            let added = store.add_business(&OPERATOR, &seed.business, &seed.numbers);
            added.await.unwrap();
        }
        let data = scratch.path("data");
        let api = |n| {
            let who = Arc::new(Credulous::of(tenant(n), UserId::mint(NOW)));
            let mut parts = generous_parts(Arc::clone(&store), Arc::clone(&clock) as _, who);
            parts.config.data_dir.clone_from(&data);
            TestApi::over(api::router(&ApiState::new(parts)))
        };
        Self {
            ours: api(1),
            theirs: api(2),
            whatsapp: MemoryWhatsApp::new(Arc::clone(&store) as _),
            store: Arc::clone(&store),
            clock,
            shelf: Shelf::in_data_dir(&data),
            _scratch: scratch,
        }
    }

    /// A customer sends a file, and it is fetched; returns the message as the API shows it.
    async fn receives(&self, name: &str, (kind, claimed): (MediaKind, &str), bytes: &str) -> Value {
        self.clock.advance(10);
        let media = InboundMedia {
            kind,
            mime_type: claimed.to_owned(),
            file_name: Some(name.to_owned()),
            caption: None,
            bytes: None,
            handle: name.to_owned(),
        };
        let message = InboundMessage {
            id: format!("id-{name}"),
            party: ChatParty::at(ChatAddress("888000222@lid".to_owned())),
            author: Author::Customer,
            body: InboundBody::Media(media),
            quoted: None,
            sent_at: self.store.now(),
            delayed: false,
        };
        let event = WhatsAppEvent::Message(message);
        self.store.accept(tenant(1), event).await.unwrap();
        self.whatsapp
            .put_file(tenant(1), name, Bytes::from(bytes.to_owned()));
        let shown = self.newest().await;
        assert_eq!(shown["media"]["state"], "waiting");
        assert_eq!(shown["media"]["url"], Value::Null);
        let files = Files {
            store: &self.store,
            shelf: &self.shelf,
        };
        let scope = TenantScope::from_trusted_host(tenant(1), Permissions::all());
        let id = shown["id"].as_str().unwrap().parse().unwrap();
        let fetched = files.fetch(&self.whatsapp, &scope, (id, 1)).await;
        fetched.unwrap();
        self.newest().await
    }

    /// A customer writes to a business.
    async fn hears(&self, n: u8) {
        let message = InboundMessage {
            id: format!("M{n}"),
            party: ChatParty::at(ChatAddress("888000222@lid".to_owned())),
            author: Author::Customer,
            body: InboundBody::Text("hello".to_owned()),
            quoted: None,
            sent_at: NOW,
            delayed: false,
        };
        let event = WhatsAppEvent::Message(message);
        self.store.accept(tenant(n), event).await.unwrap();
    }

    /// The status of a file whose bytes are no text.
    async fn head(&self, path: &str) -> u16 {
        let ask = Ask::new(Method::HEAD, path).as_(READER);
        ask.of(&self.ours).await.status.as_u16()
    }

    async fn newest(&self) -> Value {
        let listed = self.get("/api/conversations").await.json();
        let id = listed["data"][0]["id"].as_str().unwrap();
        let path = format!("/api/conversations/{id}/messages");
        self.get(&path).await.json()["data"][0].clone()
    }

    async fn get(&self, path: &str) -> Answer {
        Ask::get(path).as_(READER).of(&self.ours).await
    }
}

fn url(message: &Value) -> &str {
    message["media"]["url"].as_str().unwrap()
}

#[tokio::test]
async fn a_voice_note_plays_in_parts_for_its_business_alone() {
    let house = House::new().await;
    let note = (MediaKind::VoiceNote, "audio/ogg; codecs=opus");
    let message = house.receives("v1", note, SOUND).await;
    let media = &message["media"];
    assert_eq!(media["kind"], "voice_note");
    assert_eq!(media["state"], "stored");
    assert_eq!(media["media_type"], "audio/ogg");
    assert_eq!(media["inline"], true);
    assert_eq!(media["bytes"], SOUND.len());
    assert_eq!(media["transcript"], "waiting");
    assert!(media.get("handle").is_none(), "{media}");
    let whole = house.get(url(&message)).await;
    assert_eq!((whole.status.as_u16(), whole.text.as_str()), (200, SOUND));
    assert_eq!(whole.header("content-type"), "audio/ogg");
    assert_eq!(whole.header("accept-ranges"), "bytes");
    assert_eq!(whole.header("x-content-type-options"), "nosniff");
    assert_eq!(whole.header("cache-control"), "private, no-cache");
    assert!(whole.header("content-disposition").starts_with("inline;"));
    let asking = |range: &str| Ask::get(url(&message)).as_(READER).with("range", range);
    let part = asking("bytes=5-7").of(&house.ours).await;
    assert_eq!((part.status.as_u16(), part.text.as_str()), (206, "and"));
    let bounds = format!("bytes 5-7/{}", SOUND.len());
    assert_eq!(part.header("content-range"), bounds);
    let last = asking("bytes=-4").of(&house.ours).await;
    assert_eq!((last.status.as_u16(), last.text.as_str()), (206, "said"));
    let beyond = asking("bytes=900-").of(&house.ours).await;
    assert_eq!(beyond.status.as_u16(), 416);
    // Somebody else's, and somebody without the right.
    let foreign = Ask::get(url(&message)).as_(READER).of(&house.theirs).await;
    assert_eq!(foreign.status.as_u16(), 404, "{}", foreign.text);
    let blind = Ask::get(url(&message)).as_("member calls:read");
    assert_eq!(blind.of(&house.ours).await.status.as_u16(), 403);
}

#[tokio::test]
async fn what_a_browser_would_run_is_only_downloaded() {
    let house = House::new().await;
    let pages = [
        (
            "photo.jpg",
            (MediaKind::Image, "image/jpeg"),
            "<html><script>x()</script>",
        ),
        (
            "logo.svg",
            (MediaKind::Image, "image/svg+xml"),
            "<svg onload='x()'/>",
        ),
        (
            "note.html",
            (MediaKind::Document, "text/html"),
            "<!doctype html>",
        ),
    ];
    for (name, of, bytes) in pages {
        let message = house.receives(name, of, bytes).await;
        assert_eq!(message["media"]["inline"], false, "{message}");
        let file = house.get(url(&message)).await;
        assert_eq!(file.status.as_u16(), 200);
        assert_eq!(file.header("content-type"), "application/octet-stream");
        assert_eq!(file.header("x-content-type-options"), "nosniff");
        let disposition = file.header("content-disposition");
        assert!(
            disposition.starts_with("attachment; filename="),
            "{disposition}"
        );
    }
    let text = (MediaKind::Document, "text/plain");
    let message = house.receives("../הצעה.txt", text, "hello").await;
    assert_eq!(message["media"]["file_name"], "הצעה.txt");
    let file = house.get(url(&message)).await;
    assert_eq!(file.header("content-type"), "text/plain");
    let named = "filename*=UTF-8''%D7%94%D7%A6%D7%A2%D7%94.txt";
    assert!(file.header("content-disposition").ends_with(named));
}

#[tokio::test]
async fn a_file_that_is_not_there_says_why() {
    let house = House::new().await;
    let picture = (MediaKind::Image, "image/jpeg");
    let message = house.receives("p1", picture, "no picture").await;
    let id = message["id"].as_str().unwrap();
    let scope = TenantScope::from_trusted_host(tenant(1), Permissions::all());
    let forgotten = house.store.forget_file(&scope, id.parse().unwrap()).await;
    forgotten.unwrap();
    let shown = house.newest().await;
    assert_eq!(shown["media"]["state"], "removed");
    assert!(
        shown["media"]["detail"]
            .as_str()
            .unwrap()
            .contains("removed")
    );
    let gone = house.get(&format!("/api/messages/{id}/file")).await;
    assert_eq!(gone.status.as_u16(), 404);
}

/// Hands a file in for a conversation; its answer.
async fn upload(api: &TestApi, conversation: &str, bytes: Vec<u8>) -> Answer {
    let path = format!("/api/conversations/{conversation}/files");
    let ask = Ask::new(Method::POST, path).as_(WRITER);
    let ask = ask.bytes("application/octet-stream", bytes);
    ask.of(api).await
}

async fn write(api: &TestApi, conversation: &str, message: &Value) -> Answer {
    let path = format!("/api/conversations/{conversation}/messages");
    let ask = Ask::new(Method::POST, path).as_(WRITER).json(message);
    ask.of(api).await
}

async fn the_conversation(api: &TestApi) -> String {
    let listed = Ask::get("/api/conversations").as_(READER).of(api).await;
    let id = &listed.json()["data"][0]["id"];
    id.as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_file_is_handed_in_and_sent_once_by_its_own_business() {
    let house = House::new().await;
    house.hears(1).await;
    house.hears(2).await;
    let ours = the_conversation(&house.ours).await;
    let theirs = the_conversation(&house.theirs).await;
    let picture = b"\x89PNG\r\n\x1a\n and the picture".to_vec();
    let size = picture.len();
    let handed = upload(&house.ours, &ours, picture).await;
    assert_eq!(handed.status.as_u16(), 200, "{}", handed.text);
    assert_eq!(handed.json()["bytes"], size);
    let id = handed.json()["id"].clone();
    let message = json!({ "text": "look", "file": { "id": id, "name": "../boiler.html" } });
    // Nobody sends what another business handed in, nor hands something in with it.
    let stolen = write(&house.theirs, &theirs, &message).await;
    assert_eq!(stolen.status.as_u16(), 404, "{}", stolen.text);
    let foreign = upload(&house.theirs, &ours, b"x".to_vec()).await;
    assert_eq!(foreign.status.as_u16(), 404);
    let sent = write(&house.ours, &ours, &message).await;
    assert_eq!(sent.status.as_u16(), 201, "{}", sent.text);
    let sent = sent.json();
    assert_eq!(
        (&sent["kind"], &sent["body"]),
        (&json!("image"), &json!("look"))
    );
    assert_eq!(sent["media"]["media_type"], "image/png");
    assert_eq!(sent["media"]["file_name"], "boiler.html");
    assert_eq!(house.head(url(&sent)).await, 200);
    let again = write(&house.ours, &ours, &message).await;
    assert_eq!(
        (again.status.as_u16(), again.code().as_str()),
        (409, "file-sent")
    );
}

#[tokio::test]
async fn what_cannot_be_sent_is_refused_before_it_is_kept() {
    let house = House::new().await;
    house.hears(1).await;
    let ours = the_conversation(&house.ours).await;
    let huge = upload(&house.ours, &ours, vec![b'x'; 16_000_001]).await;
    assert_eq!(huge.status.as_u16(), 413, "{}", huge.text);
    assert_eq!(huge.code(), "attachment-too-large");
    assert!(huge.text.contains("16 MB"), "{}", huge.text);
    let path = format!("/api/conversations/{ours}/files");
    let announced = Ask::new(Method::POST, path).as_(WRITER);
    let announced = announced.with("content-length", "99000000");
    assert_eq!(announced.of(&house.ours).await.status.as_u16(), 413);
    let empty = upload(&house.ours, &ours, Vec::new()).await;
    assert_eq!(empty.status.as_u16(), 400);
    assert_eq!(house.shelf.messages(tenant(1)).await.unwrap(), []);
    let sound = upload(&house.ours, &ours, SOUND.as_bytes().to_vec()).await;
    let file = json!({ "id": sound.json()["id"], "name": "a.ogg" });
    let words = write(&house.ours, &ours, &json!({ "file": file, "text": "hear" })).await;
    assert_eq!(words.status.as_u16(), 400, "{}", words.text);
    let both = json!({ "file": file, "template": { "name": "a", "language": "he" } });
    let both = write(&house.ours, &ours, &both).await;
    assert_eq!(both.status.as_u16(), 400);
    let alone = write(&house.ours, &ours, &json!({ "file": file })).await;
    assert_eq!(alone.status.as_u16(), 201, "{}", alone.text);
    assert_eq!(alone.json()["kind"], "audio");
}

#[tokio::test]
async fn beyond_the_limit_files_are_told_of_and_none_is_handed_in() {
    let house = House::new().await;
    house.hears(1).await;
    house.hears(2).await;
    let ours = the_conversation(&house.ours).await;
    let theirs = the_conversation(&house.theirs).await;
    let scope = TenantScope::from_trusted_host(tenant(1), Permissions::all());
    let version = house.store.settings(&scope).await.unwrap().version;
    let patch = SettingsPatch {
        storage_limit_bytes: Replace(Some(3)),
        ..SettingsPatch::default()
    };
    let limited = house.store.update_settings(&scope, version, patch).await;
    limited.unwrap();
    let refused = upload(&house.ours, &ours, b"four".to_vec()).await;
    assert_eq!(
        (refused.status.as_u16(), refused.code().as_str()),
        (409, "storage-full")
    );
    assert!(refused.text.contains("raise the limit"), "{}", refused.text);
    assert_eq!(house.shelf.messages(tenant(1)).await.unwrap(), []);
    // It is the business's own limit.
    let handed = upload(&house.theirs, &theirs, b"four".to_vec()).await;
    assert_eq!(handed.status.as_u16(), 200, "{}", handed.text);
    let small = upload(&house.ours, &ours, b"few".to_vec()).await;
    assert_eq!(small.status.as_u16(), 200, "{}", small.text);
    let text = (MediaKind::Document, "text/plain");
    let message = house.receives("a.txt", text, "four").await;
    assert_eq!(message["media"]["state"], "too_large");
    assert_eq!(message["media"]["over_limit"], true);
    assert_eq!(message["media"]["url"], Value::Null);
    let path = format!("/api/businesses/{}/storage", tenant(1));
    let shown = Ask::get(path).as_("member business:read");
    let shown = shown.of(&house.ours).await.json();
    assert_eq!(
        (&shown["limit_bytes"], &shown["used_bytes"]),
        (&json!(3), &json!(0))
    );
}
