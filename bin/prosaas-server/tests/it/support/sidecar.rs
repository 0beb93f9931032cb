//! The WhatsApp sidecar's side of a test: what it reports, signed as it signs, and what it was asked to send.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use prosaas_core::memory::MemoryTextModel;
use prosaas_core::time::ManualClock;
use prosaas_core::{Business, Clock, SecretString, TenantId};
use prosaas_whatsapp::baileys::{
    EVENTS_PATH, InternalKey, NONCE_HEADER, SIGNATURE_HEADER, TIME_HEADER,
};
use prosaas_whatsapp::testkit::FakeSidecar;
use serde_json::{Value, json};

use super::browser::Browser;
use super::{Answer, Setup, TestApp};

/// What both sides sign with.
pub(crate) const SECRET: &str = "canary-internal-secret-of-32-bytes";

/// A fake sidecar and the key it shares with the server.
pub(crate) struct Sidecar {
    pub(crate) fake: FakeSidecar,
    key: InternalKey,
    clock: Arc<dyn Clock>,
    requests: AtomicU64,
    http: reqwest::Client,
}

/// The three headers of a signed request.
pub(crate) type Signed = [(&'static str, String); 3];

impl Sidecar {
    pub(crate) async fn start(clock: Arc<dyn Clock>) -> Self {
        // Two tests may come here at once; the second finds the provider in place.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let key = InternalKey::new(SecretString::from(SECRET)).unwrap();
        let fake = FakeSidecar::start(key.clone(), Arc::clone(&clock)).await;
        Self {
            fake: fake.unwrap(),
            key,
            clock,
            requests: AtomicU64::new(1),
            http: reqwest::Client::builder().build().unwrap(),
        }
    }

    /// A server that has this sidecar.
    pub(crate) fn setup(&self) -> Setup {
        Setup::default()
            .var("INTERNAL_SECRET", SECRET)
            .var("BAILEYS_BASE_URL", self.fake.base_url())
    }

    /// As [`Sidecar::setup`], at this time; its text model answers each message with "Until six.".
    pub(crate) fn answering(&self, clock: &Arc<ManualClock>) -> Setup {
        let says = json!({ "reply": "Until six.", "calls": [] });
        self.setup()
            .clock(Arc::clone(clock))
            .text(MemoryTextModel::answering(says))
    }

    /// What the sidecar would sign now.
    pub(crate) fn sign(&self, method: &str, path: &str, body: &str) -> Signed {
        let nonce = self.requests.fetch_add(1, Ordering::Relaxed);
        let (nonce, now) = (format!("{nonce:032x}"), self.clock.now());
        let signature = self.key.sign(method, path, now, &nonce, body.as_bytes());
        [
            (TIME_HEADER, now.0.to_string()),
            (NONCE_HEADER, nonce),
            (SIGNATURE_HEADER, signature),
        ]
    }

    /// Asks the server with these headers.
    pub(crate) async fn ask(
        &self,
        app: &TestApp,
        (method, path): (&str, &str),
        body: &str,
        headers: &[(&'static str, String)],
    ) -> Answer {
        let url = format!("http://{}{path}", app.server.address());
        let mut request = self.http.request(method.parse().unwrap(), url);
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        let answer = request.body(body.to_owned()).send().await.unwrap();
        Answer {
            status: answer.status().as_u16(),
            body: answer.text().await.unwrap(),
        }
    }

    /// Reports events of a session under an epoch.
    pub(crate) async fn report(
        &self,
        app: &TestApp,
        (session, epoch): (&str, u64),
        events: &[Value],
    ) -> Answer {
        let batch = json!({ "session": session, "owner_epoch": epoch, "events": events });
        let body = batch.to_string();
        let headers = self.sign("POST", EVENTS_PATH, &body);
        self.ask(app, ("POST", EVENTS_PATH), &body, &headers).await
    }

    /// `owner` links the business's own WhatsApp: event number 1 of its session.
    pub(crate) async fn links(&self, app: &TestApp, business: &Business, owner: &mut Browser) {
        owner.post("/api/wa/link", &json!({ "method": "qr" })).await;
        self.fake.scan(business.id);
        let state = json!({
            "event_id": "ev_1", "seq": 1, "kind": "state", "created_at": self.clock.now().0,
            "state": { "state": "open" },
        });
        let session = business.id.to_string();
        let owned = (session.as_str(), self.epoch(business));
        let told = self.report(app, owned, &[state]).await;
        assert_eq!(told.status, 200, "{}", told.body);
    }

    /// Under which epoch the sidecar owns the session of a business; the first one when it does not yet.
    pub(crate) fn epoch(&self, business: &Business) -> u64 {
        self.fake.epoch(business.id).max(1)
    }

    /// Somebody writes to a business: event number `seq` of its session.
    pub(crate) async fn hears(&self, app: &TestApp, business: &Business, seq: u64, words: &str) {
        let event = self.text(seq, &format!("3EB0{seq:04}"), words);
        let session = business.id.to_string();
        let owned = (session.as_str(), self.epoch(business));
        let answer = self.report(app, owned, &[event]).await;
        assert_eq!(answer.body, json!({ "acked": seq }).to_string());
    }

    /// A customer's text as an event.
    pub(crate) fn text(&self, seq: u64, wa_id: &str, words: &str) -> Value {
        self.text_of(("888000222@lid", "972501234567"), seq, wa_id, words)
    }

    /// [`Sidecar::text`] of somebody with this opaque id and number.
    pub(crate) fn text_of(
        &self,
        (lid, phone): (&str, &str),
        seq: u64,
        wa_id: &str,
        words: &str,
    ) -> Value {
        let now = self.clock.now().0;
        json!({
            "event_id": format!("ev_{seq}"), "seq": seq, "kind": "message", "created_at": now,
            "message": {
                "wa_id": wa_id, "from_me": false, "sent_at": now, "via": "notify",
                "chat": {"id": lid, "alt": null, "phone": phone, "kind": "person"},
                "sender": {"id": lid, "alt": null, "phone": phone, "name": "Dana"},
                "quoted": null,
                "content": {"type": "text", "text": words},
            },
        })
    }

    /// The words that the business sent, oldest first.
    pub(crate) async fn sent(&self, tenant: TenantId) -> Vec<String> {
        use prosaas_core::message::OutboundBody;
        let nothing_kept = prosaas_whatsapp::testkit::MemorySidecarHost::default();
        let sent = self.fake.sent(tenant, &nothing_kept).await;
        sent.into_iter()
            .map(|message| match message.body {
                OutboundBody::Text(text) => text,
                other => panic!("expected words, got {other:?}"),
            })
            .collect()
    }
}
