//! The Cloud API's client, and its webhook.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use prosaas_core::message::{
    ChatAddress, ContactAlias, DeliveryReport, InboundMedia, InboundMessage, OutboundId,
    OutboundMessage,
};
use prosaas_core::testkit::whatsapp::{self, RecordingInbox};
use prosaas_core::time::ManualClock;
use prosaas_core::whatsapp::{
    FileSink, LinkMethod, LinkState, WhatsAppCapabilities, WhatsAppInbox, WhatsAppTransport,
};
use prosaas_core::{ErrorClass, Result, SecretString, TenantId};
use prosaas_whatsapp::cloud::{Cloud, CloudAccount, CloudHost as _, Receiver, WINDOW_MS};
use prosaas_whatsapp::testkit::{FakeGraph, MemoryCloudHost};
use serde_json::json;

use crate::{NOW, http};

const TOKEN: &str = "meta-token";
const APP_SECRET: &str = "meta-app-secret";

struct Rig {
    client: Cloud,
    graph: FakeGraph,
    receiver: Receiver,
    host: Arc<MemoryCloudHost>,
    clock: Arc<ManualClock>,
}

/// Businesses get the number with their last two digits.
fn number_of(tenant: TenantId) -> String {
    let text = tenant.to_string();
    let last = text
        .chars()
        .last()
        .and_then(|c| c.to_digit(16))
        .unwrap_or(0);
    format!("10000{last}")
}

impl Rig {
    async fn new(inbox: Arc<dyn WhatsAppInbox>) -> Self {
        let clock = Arc::new(ManualClock::at(NOW));
        let host = Arc::new(MemoryCloudHost::default());
        let graph = FakeGraph::start(SecretString::from(TOKEN)).await.unwrap();
        let client = Cloud::new(
            &graph.base_url(),
            Arc::<ManualClock>::clone(&clock),
            Arc::<MemoryCloudHost>::clone(&host),
            http(),
        )
        .unwrap();
        let receiver = Receiver::new(
            SecretString::from(APP_SECRET),
            SecretString::from("verify-me"),
            inbox,
            Arc::<MemoryCloudHost>::clone(&host),
        );
        Self {
            client,
            graph,
            receiver,
            host,
            clock,
        }
    }

    fn configure(&self, tenant: TenantId) {
        self.host.set_account(
            tenant,
            CloudAccount {
                phone_number_id: number_of(tenant),
                token: SecretString::from(TOKEN),
                linked: false,
            },
        );
    }

    async fn notify(&self, body: &serde_json::Value) -> u16 {
        let body = body.to_string();
        let signature = FakeGraph::sign(&SecretString::from(APP_SECRET), body.as_bytes());
        self.receiver
            .notify(Some(&signature), body.as_bytes())
            .await
            .status
    }
}

/// As an operator would, the number is entered before it is linked.
#[async_trait]
impl WhatsAppTransport for Rig {
    fn capabilities(&self) -> WhatsAppCapabilities {
        self.client.capabilities()
    }
    async fn state(&self, tenant: TenantId) -> Result<LinkState> {
        self.client.state(tenant).await
    }
    async fn link(&self, tenant: TenantId, method: LinkMethod) -> Result<LinkState> {
        if self.host.account(tenant).await?.is_none() {
            self.configure(tenant);
        }
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

/// Messages that Meta did not get a 200 for.
#[derive(Default)]
struct Fixture {
    again: std::sync::Mutex<Vec<serde_json::Value>>,
}

#[async_trait]
impl whatsapp::Fixture for Fixture {
    type Transport = Rig;

    fn expected(&self) -> WhatsAppCapabilities {
        WhatsAppCapabilities {
            links_by_qr: false,
            links_by_pairing_code: false,
            needs_templates: true,
            carries_media: true,
            reports_delivery: true,
            shows_typing: false,
        }
    }

    fn customer(&self) -> ChatAddress {
        ChatAddress("972550000100".to_owned())
    }

    async fn transport(&self, inbox: Arc<dyn WhatsAppInbox>) -> Rig {
        Rig::new(inbox).await
    }

    async fn complete_link(&self, _rig: &Rig, _tenant: TenantId) {}

    async fn deliver(&self, rig: &Rig, tenant: TenantId, message: InboundMessage) {
        rig.host
            .hear(tenant, message.party.address.clone(), message.sent_at);
        let body = FakeGraph::message(&number_of(tenant), &message);
        if rig.notify(&body).await != 200 {
            self.again.lock().unwrap().push(body);
        }
    }

    async fn offer_again(&self, rig: &Rig, _tenant: TenantId) {
        let bodies = std::mem::take(&mut *self.again.lock().unwrap());
        for body in bodies {
            assert_eq!(rig.notify(&body).await, 200);
        }
    }

    async fn report(&self, rig: &Rig, tenant: TenantId, report: DeliveryReport) {
        rig.notify(&FakeGraph::status(&number_of(tenant), &report))
            .await;
    }

    async fn put_file(
        &self,
        rig: &Rig,
        _tenant: TenantId,
        (handle, _): (&str, &str),
        bytes: Bytes,
    ) {
        rig.graph.put_file(handle, bytes);
    }

    async fn sent(&self, rig: &Rig, tenant: TenantId) -> Vec<OutboundMessage> {
        rig.graph.sent(&number_of(tenant))
    }
}

#[tokio::test]
async fn the_cloud_api_is_a_whatsapp_transport() {
    let skipped = whatsapp::suite(&Fixture::default()).await;
    assert_eq!(skipped, ["a_pairing_code_has_eight_characters"]);
}

async fn linked(inbox: Arc<dyn WhatsAppInbox>) -> (Rig, TenantId) {
    let rig = Rig::new(inbox).await;
    let tenant = TenantId::mint(NOW);
    rig.link(tenant, LinkMethod::Qr).await.unwrap();
    (rig, tenant)
}

fn hello(id: &str) -> OutboundMessage {
    let to = ChatAddress("972550000100".to_owned());
    OutboundMessage::text(OutboundId(id.to_owned()), to, "hello")
}

#[tokio::test]
async fn a_message_whose_answer_was_lost_is_not_sent_again() {
    let (rig, tenant) = linked(Arc::new(RecordingInbox::default())).await;
    rig.host.hear(tenant, hello("").to, NOW);
    rig.graph.fail_next(500, 1);
    let error = rig.send(tenant, hello("m1")).await.unwrap_err();
    assert_eq!(error.class(), ErrorClass::Retry);
    let error = rig.send(tenant, hello("m1")).await.unwrap_err();
    assert_eq!(error.class(), ErrorClass::Conflict, "nobody knows");
    assert!(rig.graph.sent(&number_of(tenant)).is_empty());
    let report = DeliveryReport {
        id: OutboundId("m1".to_owned()),
        delivery: prosaas_core::message::Delivery::Sent,
        code: None,
        sentence: None,
        at: NOW,
    };
    let status = rig
        .notify(&FakeGraph::status(&number_of(tenant), &report))
        .await;
    assert_eq!(status, 200);
    assert!(
        !rig.send(tenant, hello("m1")).await.unwrap(),
        "its status told"
    );
}

#[tokio::test]
async fn what_meta_refused_may_be_tried_again() {
    let (rig, tenant) = linked(Arc::new(RecordingInbox::default())).await;
    rig.host.hear(tenant, hello("").to, NOW);
    rig.graph.fail_next(400, 131_056);
    let error = rig.send(tenant, hello("m1")).await.unwrap_err();
    assert_eq!(error.class(), ErrorClass::Retry);
    assert!(rig.send(tenant, hello("m1")).await.unwrap());
}

#[tokio::test]
async fn the_window_closes_after_a_day() {
    let (rig, tenant) = linked(Arc::new(RecordingInbox::default())).await;
    rig.host.hear(tenant, hello("").to, NOW);
    rig.clock.advance(WINDOW_MS - 1);
    assert!(rig.send(tenant, hello("m1")).await.unwrap());
    rig.clock.advance(1);
    let error = rig.send(tenant, hello("m2")).await.unwrap_err();
    assert_eq!(error.class(), ErrorClass::Conflict);
    assert!(error.to_string().contains("template"), "{error}");
}

#[tokio::test]
async fn a_notification_needs_metas_signature_over_its_raw_bytes() {
    let rig = Rig::new(Arc::new(RecordingInbox::default())).await;
    let body = br#"{"object":"whatsapp_business_account","entry":[]}"#;
    let secret = SecretString::from(APP_SECRET);
    let signature = FakeGraph::sign(&secret, body);
    let status = async |signature: Option<&str>, body: &[u8]| {
        rig.receiver.notify(signature, body).await.status
    };
    assert_eq!(status(Some(&signature), body).await, 200);
    assert_eq!(status(None, body).await, 401);
    assert_eq!(status(Some(&signature[7..]), body).await, 401);
    assert_eq!(status(Some(&signature.to_uppercase()), body).await, 401);
    assert_eq!(status(Some(&signature), b"{}").await, 401);
    let forged = FakeGraph::sign(&SecretString::from("other"), body);
    assert_eq!(status(Some(&forged), body).await, 401);
    // Signed nonsense is answered, or Meta would send it for days.
    let nonsense = b"not json";
    let signature = FakeGraph::sign(&secret, nonsense);
    assert_eq!(status(Some(&signature), nonsense).await, 200);
}

#[tokio::test]
async fn the_webhook_is_entered_with_its_token() {
    let rig = Rig::new(Arc::new(RecordingInbox::default())).await;
    let query = |token: &str| {
        [
            ("hub.mode", "subscribe"),
            ("hub.verify_token", token),
            ("hub.challenge", "1158201444"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
    };
    let answer = rig.receiver.subscribe(&query("verify-me"));
    assert_eq!((answer.status, &answer.body[..]), (200, &b"1158201444"[..]));
    assert_eq!(rig.receiver.subscribe(&query("guess")).status, 403);
    assert_eq!(rig.receiver.subscribe(&[]).status, 403);
}

#[tokio::test]
async fn a_customer_without_a_number_is_known_by_his_id() {
    let inbox = Arc::new(RecordingInbox::default());
    let for_rig: Arc<dyn WhatsAppInbox> = Arc::<RecordingInbox>::clone(&inbox);
    let (rig, tenant) = linked(for_rig).await;
    let body = json!({"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": [
    {"field": "account_update", "value": {}},
    {"field": "messages", "value": {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "1", "phone_number_id": number_of(tenant)},
        "contacts": [{"user_id": "IL.13491208655302741918", "profile": {"name": "Dana", "username": "dana.levi"}}],
        "messages": [
            {"from_user_id": "IL.13491208655302741918", "id": "wamid.1", "timestamp": "1700000000", "type": "text", "text": {"body": "hi"}},
            {"id": 5},
            {"from_user_id": "IL.13491208655302741918", "id": "wamid.2", "timestamp": "1700000001", "type": "unsupported", "errors": [{"code": 131_051}]}
        ]}}]}]});
    assert_eq!(rig.notify(&body).await, 200);
    let messages = inbox.messages(tenant);
    assert_eq!(messages.len(), 2, "what cannot be read is passed over");
    assert_eq!(
        messages[0].party.aliases,
        [
            ContactAlias::Bsuid("IL.13491208655302741918".to_owned()),
            ContactAlias::Username("dana.levi".to_owned()),
        ]
    );
    assert_eq!(messages[0].party.name.as_ref().unwrap().expose(), "Dana");
    assert_eq!(messages[1].body.kind(), "unsupported");
}

#[tokio::test]
async fn a_number_of_nobody_changes_nothing() {
    let inbox = Arc::new(RecordingInbox::default());
    let for_rig: Arc<dyn WhatsAppInbox> = Arc::<RecordingInbox>::clone(&inbox);
    let (rig, tenant) = linked(for_rig).await;
    let message = InboundMessage {
        id: "wamid.1".to_owned(),
        party: prosaas_core::message::ChatParty::at(hello("").to),
        author: prosaas_core::message::Author::Customer,
        body: prosaas_core::message::InboundBody::Text("x".to_owned()),
        quoted: None,
        sent_at: NOW,
        delayed: false,
    };
    assert_eq!(rig.notify(&FakeGraph::message("999", &message)).await, 200);
    assert!(inbox.messages(tenant).is_empty());
}
