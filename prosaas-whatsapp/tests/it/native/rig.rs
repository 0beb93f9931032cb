//! The backend linked to the local WhatsApp, as the behaviour suite wants it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use prosaas_core::message::{
    ChatAddress, Delivery, DeliveryReport, InboundBody, InboundMedia, InboundMessage, MediaKind,
    OutboundBody, OutboundId, OutboundMedia, OutboundMessage,
};
use prosaas_core::testkit::whatsapp;
use prosaas_core::time::SystemClock;
use prosaas_core::whatsapp::{
    FileSink, LinkMethod, LinkState, WhatsAppCapabilities, WhatsAppEvent, WhatsAppInbox,
    WhatsAppTransport,
};
use prosaas_core::{ExposeSecret as _, Result, SecretString, TenantId};
use prosaas_whatsapp::native::{
    HttpClient, LinkKey, LinkStore, MemoryLinkStore, Native, NativeOptions, NativeParts, Network,
    wa_id,
};
use serde_json::{Value, json};
use tokio::sync::watch;
use whatsapp_rust::download::{DownloadUtils, MediaType};
use whatsapp_rust::wacore::upload::encrypt_media_streaming;

use super::peer::{Files, Peer};

/// The customer's phone; the peer gives him the hidden id 8 and the number.
pub(super) const CUSTOMER: &str = "972500000001";

/// An inbox that says what it was offered and what it took.
pub(super) struct Watched {
    inner: Arc<dyn WhatsAppInbox>,
    pub(super) seen: watch::Sender<Seen>,
}

#[derive(Clone, Default)]
pub(super) struct Seen {
    offered: Vec<String>,
    taken: Vec<String>,
    pub(super) states: HashMap<TenantId, LinkState>,
}

fn name(tenant: TenantId, event: &WhatsAppEvent) -> String {
    match event {
        WhatsAppEvent::Message(message) => format!("{tenant} {}", message.id),
        WhatsAppEvent::Delivery(report) => named(tenant, &report.id, report.delivery),
        other => format!("{tenant} {other:?}"),
    }
}

fn named(tenant: TenantId, id: &OutboundId, delivery: Delivery) -> String {
    format!("{tenant} {} {delivery:?}", id.0)
}

#[async_trait]
impl WhatsAppInbox for Watched {
    async fn accept(&self, tenant: TenantId, event: WhatsAppEvent) -> Result<()> {
        let name = name(tenant, &event);
        let state = match &event {
            WhatsAppEvent::Link(state) => Some(state.clone()),
            _ => None,
        };
        let accepted = self.inner.accept(tenant, event).await;
        self.seen.send_modify(|seen| {
            seen.offered.push(name.clone());
            if accepted.is_ok() {
                seen.taken.push(name);
                seen.states.extend(state.map(|state| (tenant, state)));
            }
        });
        accepted
    }
}

/// A backend, and what a test plays its far side by.
pub(super) struct Rig {
    pub(super) native: Native,
    pub(super) peer: Arc<Peer>,
    pub(super) watched: Arc<Watched>,
    files: Arc<Files>,
    number: u32,
    sent: Mutex<Vec<(TenantId, OutboundMessage)>>,
    put: Mutex<HashMap<String, Value>>,
}

impl Rig {
    pub(super) async fn new(
        peer: &Arc<Peer>,
        inbox: Arc<dyn WhatsAppInbox>,
        store: Arc<dyn LinkStore>,
        number: u32,
    ) -> Self {
        let files = Arc::new(Files::default());
        let watched = Arc::new(Watched {
            inner: inbox,
            seen: watch::Sender::default(),
        });
        let http: Arc<dyn HttpClient> = Arc::<Files>::clone(&files);
        let parts = NativeParts {
            store,
            key: LinkKey::new(&SecretString::from("a-key-for-tests-of-32-bytes-or-more")).unwrap(),
            clock: Arc::new(SystemClock),
            inbox: Arc::<Watched>::clone(&watched),
            network: Network::at(peer.socket.clone(), http),
            options: NativeOptions {
                version: Some((2, 3000, 1_043_857_760)),
                pace: Duration::ZERO..Duration::ZERO,
                // What was refused is offered again when the suite says so.
                retry_first: Duration::from_hours(1),
                ..NativeOptions::default()
            },
        };
        Self {
            native: Native::start(parts).await.unwrap(),
            peer: Arc::clone(peer),
            watched,
            files,
            number,
            sent: Mutex::default(),
            put: Mutex::default(),
        }
    }

    /// The number of a business's phone.
    pub(super) fn account(&self, tenant: TenantId) -> String {
        let last = tenant.uuid().as_u128() % 10;
        format!("4917{:06}{last}", self.number)
    }

    /// Waits until the inbox saw what `is_it` looks for.
    pub(super) async fn until(&self, what: &str, is_it: impl FnMut(&Seen) -> bool + Send) {
        let mut seen = self.watched.seen.subscribe();
        let found = tokio::time::timeout(Duration::from_mins(1), seen.wait_for(is_it)).await;
        assert!(
            found.is_ok(),
            "the inbox did not see {what} in a minute; it was told of {:?}",
            self.watched.seen.borrow().states
        );
    }

    /// Waits until the inbox was told of a state.
    pub(super) async fn until_state(&self, tenant: TenantId, word: &str) {
        let is_it = |seen: &Seen| {
            seen.states
                .get(&tenant)
                .is_some_and(|state| state.as_str() == word)
        };
        self.until(word, is_it).await;
    }

    pub(super) async fn scan(&self, tenant: TenantId) {
        let LinkState::Qr(code) = self.native.state(tenant).await.unwrap() else {
            panic!("no code is shown");
        };
        let (qr, phone) = (code.text.expose_secret(), self.account(tenant));
        self.peer
            .act("scan", json!({"qr": qr, "phone": phone}))
            .await;
        self.until_state(tenant, "ready").await;
        // Nobody can write before.
        self.peer.until(&phone, "keys", None, 1).await;
    }

    async fn write(&self, tenant: TenantId, message: &InboundMessage) {
        let mut body = json!({
            "account": self.account(tenant),
            "customer": CUSTOMER,
            "id": message.id,
            "t": (message.sent_at.0 / 1000).to_string(),
        });
        match &message.body {
            InboundBody::Text(text) => body["text"] = json!(text),
            _ => body["message"] = self.put.lock().unwrap()[&message.id].clone(),
        }
        self.peer.act("write", body).await;
    }

    /// How many messages a business gave to be sent.
    fn given(&self, tenant: TenantId) -> usize {
        let sent = self.sent.lock().unwrap();
        sent.iter().filter(|(owner, _)| *owner == tenant).count()
    }

    /// What the peer has of a message, as the business gave it.
    fn arrived(&self, tenant: TenantId, entry: &Value) -> OutboundMessage {
        let sent = self.sent.lock().unwrap();
        let (_, given) = sent
            .iter()
            .find(|(owner, message)| *owner == tenant && entry["id"] == wa_id(tenant, &message.id))
            .unwrap();
        let body = match entry["text"].as_str() {
            Some(text) => OutboundBody::Text(text.to_owned()),
            None => OutboundBody::Media(self.picture(&entry["message"]["imageMessage"])),
        };
        OutboundMessage {
            body,
            ..given.clone()
        }
    }

    fn picture(&self, image: &Value) -> OutboundMedia {
        let word = |field: &str| image[field].as_str().map(str::to_owned);
        let key = STANDARD.decode(word("mediaKey").unwrap()).unwrap();
        let sealed = self.files.get(&word("directPath").unwrap()).unwrap();
        let bytes = DownloadUtils::decrypt_stream(&*sealed, &key, MediaType::Image).unwrap();
        OutboundMedia {
            kind: MediaKind::Image,
            mime_type: word("mimetype").unwrap(),
            file_name: None,
            caption: word("caption"),
            bytes: Bytes::from(bytes),
        }
    }
}

#[async_trait]
impl WhatsAppTransport for Rig {
    fn capabilities(&self) -> WhatsAppCapabilities {
        self.native.capabilities()
    }
    async fn state(&self, tenant: TenantId) -> Result<LinkState> {
        self.native.state(tenant).await
    }
    async fn link(&self, tenant: TenantId, method: LinkMethod) -> Result<LinkState> {
        self.native.link(tenant, method).await
    }
    async fn unlink(&self, tenant: TenantId) -> Result<()> {
        self.native.unlink(tenant).await
    }
    async fn send(&self, tenant: TenantId, message: OutboundMessage) -> Result<bool> {
        let sent = self.native.send(tenant, message.clone()).await?;
        if sent {
            self.sent.lock().unwrap().push((tenant, message));
        }
        Ok(sent)
    }
    async fn typing(&self, tenant: TenantId, chat: &ChatAddress) -> Result<()> {
        self.native.typing(tenant, chat).await
    }
    async fn mark_read(&self, tenant: TenantId, chat: &ChatAddress, ids: &[String]) -> Result<()> {
        self.native.mark_read(tenant, chat, ids).await
    }
    async fn fetch(
        &self,
        tenant: TenantId,
        media: &InboundMedia,
        limit: u64,
        sink: &mut dyn FileSink,
    ) -> Result<()> {
        self.native.fetch(tenant, media, limit, sink).await
    }
}

/// Makes rigs on one peer, each with phones of its own.
pub(super) struct Fixture {
    pub(super) peer: Arc<Peer>,
    pub(super) rigs: AtomicU32,
}

impl Fixture {
    pub(super) async fn rig(
        &self,
        inbox: Arc<dyn WhatsAppInbox>,
        store: Arc<dyn LinkStore>,
    ) -> Rig {
        let number = self.rigs.fetch_add(1, Ordering::Relaxed);
        Rig::new(&self.peer, inbox, store, number).await
    }
}

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
        ChatAddress(format!("8{CUSTOMER}@lid"))
    }

    async fn transport(&self, inbox: Arc<dyn WhatsAppInbox>) -> Rig {
        self.rig(inbox, Arc::new(MemoryLinkStore::default())).await
    }

    async fn complete_link(&self, rig: &Rig, tenant: TenantId) {
        rig.scan(tenant).await;
    }

    async fn deliver(&self, rig: &Rig, tenant: TenantId, message: InboundMessage) {
        let (account, id) = (rig.account(tenant), message.id.as_str());
        let ledger = rig.peer.ledger(&account).await;
        let before = ledger
            .iter()
            .filter(|entry| entry["kind"] == "taken" && entry["id"] == id);
        let before = before.count();
        rig.write(tenant, &message).await;
        rig.peer
            .until(&account, "taken", Some(id), before + 1)
            .await;
        let name = format!("{tenant} {id}");
        rig.until(&name, |seen| seen.offered.contains(&name)).await;
    }

    async fn offer_again(&self, rig: &Rig, tenant: TenantId) {
        rig.native.offer(tenant).await;
        let all = |seen: &Seen| seen.offered.iter().all(|name| seen.taken.contains(name));
        rig.until("all that was offered", all).await;
    }

    async fn report(&self, rig: &Rig, tenant: TenantId, report: DeliveryReport) {
        let mut body = json!({
            "account": rig.account(tenant),
            "customer": CUSTOMER,
            "id": wa_id(tenant, &report.id),
            "t": (report.at.0 / 1000).to_string(),
        });
        // A receipt may come only for what was sent.
        rig.peer
            .until(
                &rig.account(tenant),
                "from_business",
                body["id"].as_str(),
                1,
            )
            .await;
        if report.delivery == Delivery::Read {
            body["type"] = json!("read");
        }
        rig.peer.act("receipt", body).await;
        let name = named(tenant, &report.id, report.delivery);
        rig.until(&name, |seen| seen.taken.contains(&name)).await;
    }

    async fn put_file(&self, rig: &Rig, _: TenantId, (handle, id): (&str, &str), bytes: Bytes) {
        let mut sealed = Vec::new();
        let file = encrypt_media_streaming(&*bytes, &mut sealed, MediaType::Audio).unwrap();
        let path = format!("/v/{handle}");
        rig.files.put(&path, sealed);
        let message = json!({"audioMessage": {
            "url": format!("https://media.invalid{path}"),
            "directPath": path,
            "mimetype": "audio/ogg",
            "mediaKey": STANDARD.encode(file.media_key),
            "fileSha256": STANDARD.encode(file.file_sha256),
            "fileEncSha256": STANDARD.encode(file.file_enc_sha256),
            "fileLength": file.file_length,
            "ptt": true,
        }});
        rig.put.lock().unwrap().insert(id.to_owned(), message);
    }

    async fn sent(&self, rig: &Rig, tenant: TenantId) -> Vec<OutboundMessage> {
        let count = rig.given(tenant);
        let shown = rig
            .peer
            .until(&rig.account(tenant), "from_business", None, count)
            .await;
        shown
            .iter()
            .map(|entry| rig.arrived(tenant, entry))
            .collect()
    }
}
