//! Files by WhatsApp through the whole server: a fake sidecar hands them out, the fake model hears them over its
//! REST wire, the owner's browser plays them.

use std::sync::Arc;

use prosaas_core::Business;
use prosaas_core::UnixMillis;
use prosaas_core::message::{MediaKind, OutboundBody};
use prosaas_core::time::ManualClock;
use prosaas_crm::mail::MailContent;
use prosaas_crm::model::id::MessageId;
use prosaas_crm::model::patch::Replace;
use prosaas_crm::model::settings::SettingsPatch;
use prosaas_crm::shelf::Shelf;
use prosaas_crm::testkit::scope;
use prosaas_crm::{JobWork, Jobs as _};
use prosaas_realtime::testkit::model::{FakeModel, FakeModelConfig};
use prosaas_whatsapp::baileys::FILES_PATH;
use prosaas_whatsapp::testkit::MemorySidecarHost;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::browser::Browser;
use crate::support::jobs::{jobs, pass};
use crate::support::sidecar::Sidecar;
use crate::support::{NUMBER, TestApp, until};

/// 2026-11-24T14:00:00Z.
const NOW: UnixMillis = UnixMillis(1_795_528_800_000);
const DAY_MS: i64 = 24 * 3_600_000;
const OWNER: &str = "owner@example.com";
const SOUND: &[u8] = b"OggS and what was said";

struct Shop {
    app: TestApp,
    sidecar: Sidecar,
    clock: Arc<ManualClock>,
    business: Business,
    owner: Browser,
    _model: FakeModel,
}

impl Shop {
    async fn open() -> Self {
        let clock = Arc::new(ManualClock::at(NOW));
        let config = FakeModelConfig {
            voice_notes: vec!["My boiler leaks".to_owned()],
            ..FakeModelConfig::default()
        };
        let model = FakeModel::start(config).await.unwrap();
        let sidecar = Sidecar::start(Arc::clone(&clock) as _).await;
        let setup = sidecar.setup().clock(Arc::clone(&clock)).model(&model);
        let app = setup.start().await;
        let business = app.business(NUMBER).await;
        app.owner(&business, OWNER).await;
        let mut owner = app.sign_in(OWNER).await;
        owner.post("/api/wa/link", &json!({ "method": "qr" })).await;
        sidecar.fake.scan(business.id);
        Self {
            app,
            sidecar,
            clock,
            business,
            owner,
            _model: model,
        }
    }

    /// The sidecar reports a file.
    async fn receives(&self, seq: u64, content: Value, bytes: &'static [u8]) {
        let wa_id = format!("3EB0F{seq:03}");
        let file = bytes::Bytes::from_static(bytes);
        self.sidecar.fake.put_file(self.business.id, &wa_id, file);
        let mut event = self.sidecar.text(seq, &wa_id, "");
        event["message"]["content"] = content;
        let session = self.business.id.to_string();
        let owned = (session.as_str(), self.sidecar.epoch(&self.business));
        let answer = self.sidecar.report(&self.app, owned, &[event]).await;
        assert_eq!(answer.body, json!({ "acked": seq }).to_string());
    }

    /// The newest message with a file in this state, once there is one; the agent may have written since.
    async fn once(&self, state: &str) -> Value {
        let listed = self.owner.get("/api/conversations").await;
        let id = listed["data"][0]["id"].as_str().unwrap();
        let path = format!("/api/conversations/{id}/messages");
        until(state, async || {
            let messages = self.owner.get(&path).await["data"].take();
            let mut messages = messages.as_array().unwrap().iter();
            messages
                .find(|message| message["media"]["state"] == state)
                .cloned()
        })
        .await
    }
}

fn media(kind: &str, mime: &str, bytes: u64, voice: bool) -> Value {
    let state = if bytes >= 100_000_000 {
        "too_large"
    } else {
        "available"
    };
    json!({
        "type": kind, "caption": null,
        "media": {"mime": mime, "bytes": bytes, "file_name": null, "seconds": 3, "voice": voice,
                  "sha256": null, "state": state},
    })
}

#[tokio::test]
async fn a_voice_note_is_fetched_heard_and_answered() {
    let shop = Shop::open().await;
    let note = media("audio", "audio/ogg; codecs=opus", SOUND.len() as u64, true);
    shop.receives(1, note, SOUND).await;
    let sent = until("the note is answered", async || {
        let sent = shop.sidecar.sent(shop.business.id).await;
        (!sent.is_empty()).then_some(sent)
    });
    assert_eq!(sent.await, ["I read: [voice_note] My boiler leaks"]);
    jobs(&shop.app, "transcribe_message", "done", 1).await;
    let listed = shop.owner.get("/api/conversations").await;
    let path = format!(
        "/api/conversations/{}/messages",
        text(&listed["data"][0]["id"])
    );
    let messages = shop.owner.get(&path).await;
    let messages = messages["data"].as_array().unwrap();
    let note = messages.iter().find(|one| one["kind"] == "voice_note");
    let note = note.unwrap();
    assert_eq!(note["body"], "My boiler leaks");
    assert_eq!(note["media"]["transcript"], "done");
    let part = shop
        .owner
        .ask(
            Method::GET,
            text(&note["media"]["url"]),
            &[("range", "bytes=5-7")],
            None,
        )
        .await
        .unwrap();
    assert_eq!((part.status, part.body.as_str()), (206, "and"));
    let found = shop.owner.get("/api/conversations/search?q=boiler").await;
    assert_eq!(found["data"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_file_of_100_mb_is_told_of_and_not_taken() {
    let shop = Shop::open().await;
    shop.receives(1, media("video", "video/mp4", 100_000_000, false), b"")
        .await;
    let message = shop.once("too_large").await;
    let detail = text(&message["media"]["detail"]);
    assert!(detail.contains("100 MB"), "{detail}");
    assert!(message["media"].get("url").is_none());
}

#[tokio::test]
async fn a_file_of_ours_reaches_the_sidecar_and_nobody_else() {
    let mut shop = Shop::open().await;
    let Shop { app, sidecar, .. } = &shop;
    sidecar
        .hears(app, &shop.business, 1, "Have you a picture?")
        .await;
    let listed = shop.owner.get("/api/conversations").await;
    let conversation = format!("/api/conversations/{}", text(&listed["data"][0]["id"]));
    let picture = b"\x89PNG\r\n\x1a\n";
    let files = format!("{conversation}/files");
    let handed = shop.owner.upload(&files, picture).await;
    let message = json!({ "text": "Here", "file": { "id": handed["id"], "name": "a.png" } });
    let messages = format!("{conversation}/messages");
    shop.owner.post(&messages, &message).await;
    let Shop { app, sidecar, .. } = &shop;
    jobs(app, "send_message", "done", 1).await;
    let nothing_kept = MemorySidecarHost::default();
    let sent = sidecar.fake.sent(shop.business.id, &nothing_kept).await;
    let OutboundBody::Media(media) = &sent[0].body else {
        panic!("expected a file, got {:?}", sent[0]);
    };
    assert_eq!(
        (media.kind, media.mime_type.as_str()),
        (MediaKind::Image, "image/png")
    );
    assert_eq!(media.caption.as_deref(), Some("Here"));
    // The sidecar asks for the bytes, and signs.
    let path = format!("{FILES_PATH}{}/{}", shop.business.id, text(&handed["id"]));
    let unsigned = sidecar.ask(app, ("GET", &path), "", &[]).await;
    assert_eq!(unsigned.status, 401);
    let signed = sidecar.sign("GET", &path, "");
    let file = sidecar.ask(app, ("GET", &path), "", &signed).await;
    assert_eq!(file.status, 200);
    assert!(file.body.contains("PNG"), "{}", file.body);
    let elsewhere = path.replace("msg_", "ten_");
    let signed = sidecar.sign("GET", &elsewhere, "");
    let nothing = sidecar.ask(app, ("GET", &elsewhere), "", &signed).await;
    assert_eq!(nothing.status, 404);
}

#[tokio::test]
async fn what_lies_about_without_a_message_is_swept_away() {
    let shop = Shop::open().await;
    shop.receives(
        1,
        media("image", "image/png", 8, false),
        b"\x89PNG\r\n\x1a\n",
    )
    .await;
    let message = shop.once("stored").await;
    let kept: MessageId = text(&message["id"]).parse().unwrap();
    let shelf = Shelf::in_data_dir(shop.app.data());
    let tenant = shop.business.id;
    for n in 0..2 {
        let left = MessageId::mint(NOW.plus(n));
        let draft = shelf.begin(tenant, left, 1).await.unwrap();
        draft.place("").await.unwrap();
    }
    assert_eq!(shelf.messages(tenant).await.unwrap().len(), 3);
    let retention = JobWork::ApplyRetention { day: 1 };
    let later = NOW.plus(2 * DAY_MS);
    let store = &shop.app.store;
    store
        .enqueue_job(&scope(tenant), &retention, later)
        .await
        .unwrap();
    pass(&shop.app, &shop.clock, 2 * DAY_MS);
    until("the left-overs are gone", async || {
        let lying = shelf.messages(tenant).await.unwrap();
        (lying == [kept]).then_some(())
    })
    .await;
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

#[tokio::test]
async fn beyond_the_limit_a_file_is_told_of_and_its_owner_gets_a_mail() {
    let shop = Shop::open().await;
    let (app, scope) = (&shop.app, scope(shop.business.id));
    let version = app.store.settings(&scope).await.unwrap().version;
    let patch = SettingsPatch {
        storage_limit_bytes: Replace(Some(SOUND.len() as u64)),
        ..SettingsPatch::default()
    };
    let limited = app.store.update_settings(&scope, version, patch).await;
    limited.unwrap();
    let document = || media("document", "text/plain", SOUND.len() as u64, false);
    shop.receives(1, document(), SOUND).await;
    let first = shop.once("stored").await;
    assert_eq!(first["media"]["over_limit"], Value::Null, "{first}");
    jobs(app, "warn_of_storage", "done", 1).await;
    let mails = app.mailer.take();
    let is_told = mails.iter().any(|mail| {
        matches!(&mail.content, MailContent::Alert { headline, .. } if headline.contains("no room for files"))
    });
    assert!(is_told, "of {} mails none tells of it", mails.len());
    shop.receives(2, document(), SOUND).await;
    let second = shop.once("too_large").await;
    assert_eq!(second["media"]["over_limit"], true, "{second}");
    let path = format!("/api/businesses/{}/storage", shop.business.id);
    let used = shop.owner.get(&path).await;
    assert_eq!(used["used_bytes"], SOUND.len(), "{used}");
}
