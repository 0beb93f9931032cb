//! Every memory implementation passes the suite of its trait.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use prosaas_core::audio_bridge::{AiCapabilities, Billing};
use prosaas_core::memory::{MemoryLead, MemoryStore, MemoryWhatsApp, MockBridge, MockVerifier};
use prosaas_core::message::{ChatAddress, DeliveryReport, InboundMessage, OutboundMessage};
use prosaas_core::testkit::{audio_bridge, signature, tenant_store, whatsapp};
use prosaas_core::whatsapp::{WhatsAppCapabilities, WhatsAppInbox};
use prosaas_core::{
    AudioBridge, CallId, SecretString, SignatureVerifier, TenantId, TranscriptLine,
};

struct Stores;

#[async_trait]
impl tenant_store::Fixture for Stores {
    type Store = MemoryStore;

    async fn store(&self, businesses: Vec<tenant_store::Seed>) -> MemoryStore {
        let store = MemoryStore::new();
        for seed in businesses {
            store.add_business(seed.business, seed.numbers);
        }
        store
    }

    async fn transcript(
        &self,
        store: &MemoryStore,
        tenant: TenantId,
        call: CallId,
    ) -> Vec<TranscriptLine> {
        store.transcript(tenant, call)
    }

    async fn leads(&self, store: &MemoryStore, tenant: TenantId) -> Vec<tenant_store::SeenLead> {
        let seen = |lead: MemoryLead| tenant_store::SeenLead {
            id: lead.id,
            calls: lead.calls,
            known: lead.known,
        };
        store.leads(tenant).into_iter().map(seen).collect()
    }
}

#[tokio::test]
async fn the_memory_store_is_a_tenant_store() {
    tenant_store::suite(&Stores).await;
}

struct Signatures(Arc<MockVerifier>);

impl signature::Fixture for Signatures {
    fn verifier(&self) -> Arc<dyn SignatureVerifier> {
        Arc::clone(&self.0) as _
    }

    fn sign(&self, request: &mut signature::Request) {
        let tag = request.lend(|request| self.0.sign(request));
        request.headers.push((MockVerifier::HEADER.to_owned(), tag));
    }

    fn signature_header(&self) -> &'static str {
        MockVerifier::HEADER
    }
}

#[tokio::test]
async fn the_mock_verifier_is_a_signature_verifier() {
    let verifier = MockVerifier::new(SecretString::from("open sesame"));
    signature::suite(&Signatures(Arc::new(verifier))).await;
}

#[tokio::test]
async fn the_mock_verifier_refuses_another_secret() {
    use signature::Fixture;
    let ours = Signatures(Arc::new(MockVerifier::new(SecretString::from("ours"))));
    let theirs = MockVerifier::new(SecretString::from("theirs"));
    for mut request in ours.requests() {
        ours.sign(&mut request);
        let header = |name: &str| request.header(name);
        let signed = prosaas_core::SignedRequest {
            transport: request.transport,
            method: &request.method,
            url: &request.url,
            header: &header,
            body: &request.body,
        };
        assert_eq!(
            theirs.verify(&signed).await,
            Err(prosaas_core::Rejected::Wrong)
        );
    }
}

/// Keeps the bridge it gave out, to ask it about its legs.
struct Bridges {
    bridge: Arc<MockBridge>,
}

#[async_trait]
impl audio_bridge::Fixture for Bridges {
    async fn bridge(&self) -> Arc<dyn AudioBridge> {
        Arc::clone(&self.bridge) as _
    }

    async fn all_closed(&self, _bridge: &Arc<dyn AudioBridge>) {
        let open = self
            .bridge
            .opened()
            .iter()
            .filter(|leg| !leg.is_dropped())
            .count();
        assert_eq!(open, 0, "legs still open");
    }
}

#[tokio::test]
async fn the_mock_bridge_is_an_audio_bridge() {
    let bridge = Arc::new(MockBridge::talking(
        "Hello, how can I help?",
        &[0x55; 4_000],
    ));
    audio_bridge::suite(&Bridges { bridge }).await;
}

#[tokio::test]
async fn a_mock_bridge_that_can_do_little_passes_what_it_claims() {
    let little = AiCapabilities {
        can_truncate: false,
        can_cancel: false,
        takes_requests: false,
        paces_itself: true,
        billing: Billing::Seconds,
        max_leg_ms: Some(1),
    };
    let bridge = Arc::new(MockBridge::scripted([]).with_capabilities(little));
    audio_bridge::suite(&Bridges { bridge }).await;
}

struct WhatsApps;

#[async_trait]
impl whatsapp::Fixture for WhatsApps {
    type Transport = MemoryWhatsApp;

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

    async fn transport(&self, inbox: Arc<dyn WhatsAppInbox>) -> MemoryWhatsApp {
        MemoryWhatsApp::new(inbox)
    }

    async fn complete_link(&self, transport: &MemoryWhatsApp, tenant: TenantId) {
        transport.scan(tenant).await;
    }

    async fn deliver(&self, transport: &MemoryWhatsApp, tenant: TenantId, message: InboundMessage) {
        transport.deliver(tenant, message).await;
    }

    async fn offer_again(&self, transport: &MemoryWhatsApp, tenant: TenantId) {
        transport.offer(tenant).await;
    }

    async fn report(&self, transport: &MemoryWhatsApp, tenant: TenantId, report: DeliveryReport) {
        transport.report(tenant, report).await;
    }

    async fn put_file(
        &self,
        transport: &MemoryWhatsApp,
        tenant: TenantId,
        (handle, _): (&str, &str),
        bytes: Bytes,
    ) {
        transport.put_file(tenant, handle, bytes);
    }

    async fn sent(&self, transport: &MemoryWhatsApp, tenant: TenantId) -> Vec<OutboundMessage> {
        transport.sent(tenant)
    }
}

#[tokio::test]
async fn the_memory_whatsapp_is_a_whatsapp_transport() {
    let skipped = whatsapp::suite(&WhatsApps).await;
    assert_eq!(skipped, ["a_stranger_needs_a_template"]);
}
