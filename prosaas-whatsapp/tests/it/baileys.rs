//! The client of the sidecar, and the end that receives what it reports.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use prosaas_core::message::{
    Author, ChatAddress, ChatParty, DeliveryReport, InboundBody, InboundMedia, InboundMessage,
    OutboundMessage,
};
use prosaas_core::testkit::whatsapp::{self, RecordingInbox};
use prosaas_core::time::ManualClock;
use prosaas_core::whatsapp::{
    FileSink, LinkMethod, LinkState, WhatsAppCapabilities, WhatsAppInbox, WhatsAppTransport,
};
use prosaas_core::{Clock, ErrorClass, Result, SecretString, TenantId};
use prosaas_whatsapp::baileys::{
    Baileys, EVENTS_PATH, InternalKey, PING_PATH, Receiver, SidecarHost as _, SignedParts,
};
use prosaas_whatsapp::testkit::{FakeSidecar, MemorySidecarHost};
use serde_json::json;

use crate::{NOW, http};

fn key(secret: &str) -> InternalKey {
    InternalKey::new(SecretString::from(secret)).unwrap()
}

const SECRET: &str = "a-secret-for-tests-of-32-bytes-00";

/// A client, its sidecar, and the backend's receiver.
struct Rig {
    client: Baileys,
    sidecar: FakeSidecar,
    receiver: Receiver,
    host: Arc<MemorySidecarHost>,
    clock: Arc<ManualClock>,
}

impl Rig {
    async fn new(inbox: Arc<dyn WhatsAppInbox>) -> Self {
        let clock = Arc::new(ManualClock::at(NOW));
        let dyn_clock: Arc<dyn Clock> = Arc::<ManualClock>::clone(&clock);
        let host = Arc::new(MemorySidecarHost::default());
        let sidecar = FakeSidecar::start(key(SECRET), Arc::clone(&dyn_clock))
            .await
            .unwrap();
        let dyn_host = Arc::<MemorySidecarHost>::clone(&host);
        let client = Baileys::new(
            sidecar.base_url(),
            key(SECRET),
            Arc::clone(&dyn_clock),
            dyn_host,
            http(),
        )
        .unwrap();
        let dyn_host = Arc::<MemorySidecarHost>::clone(&host);
        let receiver = Receiver::new(key(SECRET), dyn_clock, inbox, dyn_host);
        Self {
            client,
            sidecar,
            receiver,
            host,
            clock,
        }
    }
}

#[async_trait]
impl WhatsAppTransport for Rig {
    fn capabilities(&self) -> WhatsAppCapabilities {
        self.client.capabilities()
    }
    async fn state(&self, tenant: TenantId) -> Result<LinkState> {
        self.client.state(tenant).await
    }
    async fn link(&self, tenant: TenantId, method: LinkMethod) -> Result<LinkState> {
        self.client.link(tenant, method).await
    }
    async fn unlink(&self, tenant: TenantId) -> Result<()> {
        self.client.unlink(tenant).await
    }
    async fn send(&self, tenant: TenantId, message: OutboundMessage) -> Result<bool> {
        self.client.send(tenant, message).await
    }
    async fn typing(&self, tenant: TenantId, chat: &ChatAddress) -> Result<()> {
        self.client.typing(tenant, chat).await
    }
    async fn mark_read(&self, tenant: TenantId, chat: &ChatAddress, ids: &[String]) -> Result<()> {
        self.client.mark_read(tenant, chat, ids).await
    }
    async fn fetch(
        &self,
        tenant: TenantId,
        media: &InboundMedia,
        limit: u64,
        sink: &mut dyn FileSink,
    ) -> Result<()> {
        self.client.fetch(tenant, media, limit, sink).await
    }
}

struct Fixture;

#[async_trait]
impl whatsapp::Fixture for Fixture {
    type Transport = Rig;

    fn expected(&self) -> WhatsAppCapabilities {
        WhatsAppCapabilities {
            links_by_qr: true,
            links_by_pairing_code: true,
            needs_templates: false,
            carries_media: true,
            reports_delivery: true,
            shows_typing: true,
        }
    }

    fn customer(&self) -> ChatAddress {
        ChatAddress("100200300@lid".to_owned())
    }

    async fn transport(&self, inbox: Arc<dyn WhatsAppInbox>) -> Rig {
        Rig::new(inbox).await
    }

    async fn complete_link(&self, rig: &Rig, tenant: TenantId) {
        rig.sidecar.scan(tenant);
    }

    async fn deliver(&self, rig: &Rig, tenant: TenantId, message: InboundMessage) {
        rig.sidecar.deliver(tenant, &message);
        rig.sidecar.flush(&rig.receiver, tenant).await;
    }

    async fn offer_again(&self, rig: &Rig, tenant: TenantId) {
        rig.sidecar.flush(&rig.receiver, tenant).await;
    }

    async fn report(&self, rig: &Rig, tenant: TenantId, report: DeliveryReport) {
        rig.sidecar.report(tenant, &report);
        rig.sidecar.flush(&rig.receiver, tenant).await;
    }

    async fn put_file(
        &self,
        rig: &Rig,
        tenant: TenantId,
        (_, message): (&str, &str),
        bytes: Bytes,
    ) {
        rig.sidecar.put_file(tenant, message, bytes);
    }

    async fn sent(&self, rig: &Rig, tenant: TenantId) -> Vec<OutboundMessage> {
        rig.sidecar.sent(tenant, &*rig.host).await
    }
}

#[tokio::test]
async fn the_client_of_the_sidecar_is_a_whatsapp_transport() {
    let skipped = whatsapp::suite(&Fixture).await;
    assert_eq!(skipped, ["a_stranger_needs_a_template"]);
}

fn tenant() -> TenantId {
    TenantId::mint(NOW)
}

/// A request signed with a secret, at the sidecar's time.
async fn ask(rig: &Rig, secret: &str, method: &str, path: &str, body: &[u8], nonce: &str) -> u16 {
    let time = rig.clock.now();
    let signature = key(secret).sign(method, path, time, nonce, body);
    let parts = SignedParts {
        method,
        path,
        time: Some(&time.0.to_string()),
        nonce: Some(nonce),
        signature: Some(&signature),
        body,
    };
    rig.receiver.handle(parts).await.status
}

#[tokio::test]
async fn only_the_sidecar_gets_in_and_only_once() {
    let inbox = Arc::new(RecordingInbox::default());
    let for_rig: Arc<dyn WhatsAppInbox> = Arc::<RecordingInbox>::clone(&inbox);
    let rig = Rig::new(for_rig).await;
    let nonce = "0".repeat(32);
    let stranger = "another-secret-of-at-least-32-bytes";
    assert_eq!(
        ask(&rig, stranger, "GET", PING_PATH, b"", &nonce).await,
        401
    );
    assert_eq!(ask(&rig, SECRET, "GET", PING_PATH, b"", &nonce).await, 204);
    assert_eq!(
        ask(&rig, SECRET, "GET", PING_PATH, b"", &nonce).await,
        401,
        "a replay"
    );
    let other = "1".repeat(32);
    assert_eq!(
        ask(&rig, SECRET, "GET", "/internal/wa/other", b"", &other).await,
        404
    );
    let unsigned = SignedParts {
        method: "POST",
        path: EVENTS_PATH,
        time: None,
        nonce: None,
        signature: None,
        body: b"{",
    };
    assert_eq!(rig.receiver.handle(unsigned).await.status, 401);
}

#[tokio::test]
async fn a_sidecar_that_lost_its_session_is_fenced() {
    let rig = Rig::new(Arc::new(RecordingInbox::default())).await;
    let tenant = tenant();
    rig.client.link(tenant, LinkMethod::Qr).await.unwrap();
    rig.host.raise_epoch(tenant).await.unwrap();
    let events = json!({"session": tenant.to_string(), "owner_epoch": 1, "events": [
        {"event_id": "e", "seq": 1, "kind": "news", "created_at": 1}
    ]});
    let answer = rig.sidecar.post(&rig.receiver, EVENTS_PATH, &events).await;
    assert_eq!(answer.status, 409);
    assert!(String::from_utf8_lossy(&answer.body).contains("fenced"));
}

/// A customer's message.
fn hello(id: &str) -> InboundMessage {
    InboundMessage {
        id: id.to_owned(),
        party: ChatParty {
            address: ChatAddress("1@lid".to_owned()),
            aliases: Vec::new(),
            name: None,
        },
        author: Author::Customer,
        body: InboundBody::Text("hello".to_owned()),
        quoted: None,
        sent_at: NOW,
        delayed: false,
    }
}

#[tokio::test]
async fn of_two_sidecars_only_the_one_that_was_linked_last_is_heard() {
    let inbox = Arc::new(RecordingInbox::default());
    let for_rig: Arc<dyn WhatsAppInbox> = Arc::<RecordingInbox>::clone(&inbox);
    let rig = Rig::new(for_rig).await;
    let tenant = tenant();
    let flush = async |sidecar: &FakeSidecar| {
        let answer = sidecar.flush(&rig.receiver, tenant).await;
        answer.map(|answer| answer.status)
    };
    let old = &rig.sidecar;
    rig.client.link(tenant, LinkMethod::Qr).await.unwrap();
    old.scan(tenant);
    old.deliver(tenant, &hello("3EB01"));
    assert_eq!(flush(old).await, Some(200));
    // Asking about a link that is there makes no new owner.
    let first = old.epoch(tenant);
    rig.client.link(tenant, LinkMethod::Qr).await.unwrap();
    assert_eq!(old.epoch(tenant), first);
    // Another one is put in its place, with a volume of its own; the first runs on somewhere.
    let clock: Arc<dyn Clock> = Arc::<ManualClock>::clone(&rig.clock);
    let new = FakeSidecar::start(key(SECRET), Arc::clone(&clock)).await;
    let new = new.unwrap();
    let host = Arc::<MemorySidecarHost>::clone(&rig.host);
    let client = Baileys::new(new.base_url(), key(SECRET), clock, host, http()).unwrap();
    client.link(tenant, LinkMethod::Qr).await.unwrap();
    new.scan(tenant);
    assert!(new.epoch(tenant) > first);
    old.deliver(tenant, &hello("3EB02"));
    new.deliver(tenant, &hello("3EB03"));
    assert_eq!(flush(old).await, Some(409), "it is fenced");
    assert_eq!(flush(&new).await, Some(200));
    let heard = inbox.messages(tenant);
    let heard: Vec<_> = heard.iter().map(|message| message.id.as_str()).collect();
    assert_eq!(heard, ["3EB01", "3EB03"]);
    // The backend's database is restored from a backup of before: the new one's word brings it up to date.
    rig.host.restore_epoch(tenant, first);
    new.deliver(tenant, &hello("3EB04"));
    assert_eq!(flush(&new).await, Some(200));
    assert_eq!(flush(old).await, Some(409), "it is fenced still");
    // And so does whoever asks for a link before it has said one.
    rig.host.restore_epoch(tenant, 1);
    client.link(tenant, LinkMethod::Qr).await.unwrap();
    new.deliver(tenant, &hello("3EB05"));
    assert_eq!(flush(&new).await, Some(200));
    assert_eq!(flush(old).await, Some(409));
}

#[tokio::test]
async fn a_batch_is_acknowledged_as_far_as_it_was_kept() {
    let inbox = Arc::new(RecordingInbox::default());
    let for_rig: Arc<dyn WhatsAppInbox> = Arc::<RecordingInbox>::clone(&inbox);
    let rig = Rig::new(for_rig).await;
    let tenant = tenant();
    let message = |seq: u64| {
        json!({"event_id": format!("e{seq}"), "seq": seq, "kind": "message", "created_at": 1, "message": {
            "wa_id": format!("3EB0{seq}"), "from_me": false, "sent_at": 1, "via": "notify",
            "chat": {"id": "1@lid", "alt": null, "phone": null, "kind": "person"},
            "sender": null, "quoted": null, "content": {"type": "text", "text": "x"}}})
    };
    let strange = json!({"event_id": "e2", "seq": 2, "kind": "message", "created_at": 1, "message": {"wa_id": 7}});
    let batch = |events: Vec<serde_json::Value>| json!({"session": tenant.to_string(), "owner_epoch": 1, "events": events});
    let acked = |answer: &prosaas_whatsapp::Answer| {
        serde_json::from_slice::<serde_json::Value>(&answer.body).unwrap()["acked"].as_u64()
    };
    let first = rig
        .sidecar
        .post(
            &rig.receiver,
            EVENTS_PATH,
            &batch(vec![message(1), strange]),
        )
        .await;
    assert_eq!(
        acked(&first),
        Some(2),
        "what cannot be read does not stop the rest"
    );
    inbox.refuse(1);
    let refused = rig
        .sidecar
        .post(&rig.receiver, EVENTS_PATH, &batch(vec![message(3)]))
        .await;
    assert_eq!((refused.status, acked(&refused)), (503, None));
    let again = rig
        .sidecar
        .post(
            &rig.receiver,
            EVENTS_PATH,
            &batch(vec![message(3), message(4)]),
        )
        .await;
    assert_eq!(acked(&again), Some(4));
    assert_eq!(inbox.messages(tenant).len(), 3);
}

#[tokio::test]
async fn the_errors_of_the_sidecar_say_what_to_do() {
    let rig = Rig::new(Arc::new(RecordingInbox::default())).await;
    let wrong = Baileys::new(
        rig.sidecar.base_url(),
        key("another-secret-of-at-least-32-bytes"),
        Arc::new(ManualClock::at(NOW)),
        Arc::<MemorySidecarHost>::clone(&rig.host),
        http(),
    )
    .unwrap();
    let error = wrong.state(tenant()).await.unwrap_err();
    assert!(
        error.chain().contains("INTERNAL_SECRET"),
        "{}",
        error.chain()
    );
    let gone = Baileys::new(
        "http://127.0.0.1:1",
        key(SECRET),
        Arc::new(ManualClock::at(NOW)),
        Arc::<MemorySidecarHost>::clone(&rig.host),
        http(),
    )
    .unwrap();
    assert_eq!(
        gone.state(tenant()).await.unwrap_err().class(),
        ErrorClass::Retry
    );
    assert!(
        Baileys::new(
            "baileys",
            key(SECRET),
            Arc::new(ManualClock::at(NOW)),
            Arc::<MemorySidecarHost>::clone(&rig.host),
            http()
        )
        .is_err()
    );
}
