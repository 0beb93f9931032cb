//! What reaches us as WhatsApp: the sidecar's signed requests, Meta's signed notifications.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};

use async_trait::async_trait;
use prosaas_core::time::ManualClock;
use prosaas_core::whatsapp::{WhatsAppEvent, WhatsAppInbox};
use prosaas_core::{SecretString, TenantId, UnixMillis};
use prosaas_whatsapp::Answer;
use prosaas_whatsapp::baileys::{
    EVENTS_PATH, InternalKey, NonceWindow, QR_PATH, Receiver as Sidecar, Refusal, SignedParts,
};
use prosaas_whatsapp::cloud::{CloudAccount, Receiver as Meta};
use prosaas_whatsapp::testkit::{MemoryCloudHost, MemorySidecarHost};

use super::{now, text};
use crate::target::{Outcome, Target};

const NOW: UnixMillis = UnixMillis(1_750_000_000_000);
/// The business of the seeds.
const BUSINESS: &str = "ten_01900000000070008000000000000001";
/// Its number at Meta in the seeds.
const NUMBER: &str = "100000000000001";
const SECRET: &str = "a secret that only this fuzzer has";

/// Counts what it is given of the one business that the request names.
struct Counting {
    business: Option<TenantId>,
    given: AtomicUsize,
}

impl Counting {
    fn of(business: Option<&str>) -> Arc<Self> {
        Arc::new(Self {
            business: business.and_then(|id| id.parse().ok()),
            given: AtomicUsize::new(0),
        })
    }

    fn given(&self) -> usize {
        self.given.load(Ordering::Relaxed).min(10)
    }
}

#[async_trait]
impl WhatsAppInbox for Counting {
    async fn accept(&self, tenant: TenantId, event: WhatsAppEvent) -> prosaas_core::Result<()> {
        assert_eq!(
            Some(tenant),
            self.business,
            "an event of a business that nobody named"
        );
        // What a log line would do.
        let _ = format!("{event:?}");
        self.given.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

fn key() -> InternalKey {
    InternalKey::new(SecretString::from(SECRET)).expect("the secret is long enough")
}

/// The sidecar's messages: whatever stands in a body, the answer is one of the protocol's.
pub(crate) const WA_SIDECAR: Target = Target {
    name: "wa_sidecar",
    run: |input| {
        let mut words = Vec::new();
        let body: serde_json::Value = serde_json::from_slice(input).unwrap_or_default();
        for path in [EVENTS_PATH, QR_PATH] {
            let inbox = Counting::of(body["session"].as_str());
            let receiver = Sidecar::new(
                key(),
                Arc::new(ManualClock::at(NOW)),
                Arc::clone(&inbox) as _,
                Arc::new(MemorySidecarHost::default()),
            );
            let nonce = "0".repeat(32);
            let signature = key().sign("POST", path, NOW, &nonce, input);
            let time = NOW.0.to_string();
            let request = SignedParts {
                method: "POST",
                path,
                time: Some(&time),
                nonce: Some(&nonce),
                signature: Some(&signature),
                body: input,
            };
            let answer = now(receiver.handle(request));
            assert!(
                matches!(answer.status, 200 | 204 | 400 | 404 | 409),
                "an answer that the protocol does not have: {}",
                answer.status
            );
            assert_eq!(
                now(receiver.handle(request)).status,
                401,
                "a request was taken twice"
            );
            words.push((answer.status, inbox.given()));
        }
        Outcome::of(words)
    },
    dictionary: &[
        "\"session\":",
        "\"owner_epoch\":1",
        "\"events\":[",
        "\"seq\":",
        "\"kind\":\"message\"",
        "\"kind\":\"receipt\"",
        "\"kind\":\"state\"",
        "\"content\":{\"type\":\"",
        "@s.whatsapp.net",
        "@lid",
        "@g.us",
        "\"state\":\"qr\"",
        "18446744073709551615",
    ],
};

/// Signature headers of the sidecar: what is taken was signed by us, once, and now.
pub(crate) const WA_SIGNATURE: Target = Target {
    name: "wa_signature",
    run: |input| {
        let text = text(input);
        let mut lines = text.splitn(6, '\n');
        let mut line = || lines.next().unwrap_or_default();
        let (method, path, time, nonce, signature) = (line(), line(), line(), line(), line());
        let body = line().as_bytes();
        let parts = SignedParts {
            method,
            path,
            time: Some(time),
            nonce: Some(nonce),
            signature: Some(signature),
            body,
        };
        let mut window = NonceWindow::since(NOW.plus(-1_000));
        let claimed = window.check(&key(), parts, NOW);
        if claimed.is_ok() {
            let at = UnixMillis(time.parse().expect("a time that was taken"));
            assert_eq!(key().sign(method, path, at, nonce, body), signature);
        }
        // The same request as the sidecar would sign it.
        let right = time.parse().map(UnixMillis).map(|at| {
            let signature = key().sign(method, path, at, nonce, body);
            let parts = SignedParts {
                signature: Some(&signature),
                ..parts
            };
            let first = window.check(&key(), parts, NOW);
            if first.is_ok() {
                let again = window.check(&key(), parts, NOW);
                assert_eq!(again, Err(Refusal::Replayed), "a request was taken twice");
            }
            format!("{first:?}")
        });
        Outcome::of((format!("{claimed:?}"), right.ok()))
    },
    dictionary: &[
        "POST\n",
        "GET\n",
        "/internal/wa/events\n",
        "1750000000000\n",
        "9223372036854775807\n",
        "-1\n",
        "00000000000000000000000000000000\n",
        "?",
    ],
};

static META: LazyLock<(Arc<Counting>, Meta)> = LazyLock::new(|| {
    let host = MemoryCloudHost::default();
    let account = CloudAccount {
        phone_number_id: NUMBER.to_owned(),
        token: SecretString::from("token"),
        linked: true,
    };
    host.set_account(BUSINESS.parse().expect("a constant id"), account);
    let inbox = Counting::of(Some(BUSINESS));
    let receiver = Meta::new(
        SecretString::from(SECRET),
        SecretString::from("verify"),
        Arc::clone(&inbox) as _,
        Arc::new(host),
    );
    (inbox, receiver)
});

/// Meta's notifications: signed ones are answered 200 whatever stands in them, others 401.
pub(crate) const WA_CLOUD: Target = Target {
    name: "wa_cloud",
    run: |input| {
        let (inbox, receiver) = &*META;
        let before = inbox.given.load(Ordering::Relaxed);
        let signature = format!("sha256={}", hmac_hex(input));
        let answer = now(receiver.notify(Some(&signature), input));
        assert_eq!(answer, Answer::empty(200), "Meta would send it for days");
        let kept = inbox.given.load(Ordering::Relaxed) - before;
        // A header that was not made for this body.
        let header = text(input);
        for forged in [None, Some(&*header), Some("sha256="), Some(&signature[1..])] {
            assert_eq!(now(receiver.notify(forged, input)).status, 401);
        }
        Outcome::of(kept.min(10))
    },
    dictionary: &[
        "\"object\":\"whatsapp_business_account\"",
        "\"entry\":[",
        "\"changes\":[",
        "\"field\":\"messages\"",
        "\"value\":{",
        "\"metadata\":{\"phone_number_id\":\"100000000000001\"}",
        "\"messages\":[",
        "\"statuses\":[",
        "\"contacts\":[",
        "\"type\":\"text\"",
        "\"timestamp\":\"1750000000\"",
        "\"biz_opaque_callback_data\":",
        "sha256=",
    ],
};

fn hmac_hex(body: &[u8]) -> String {
    use hmac::{Hmac, KeyInit as _, Mac as _};
    let mut mac =
        Hmac::<sha2::Sha256>::new_from_slice(SECRET.as_bytes()).expect("a key of any length");
    mac.update(body);
    let digest = mac.finalize().into_bytes();
    digest.iter().fold(String::new(), |mut hex, byte| {
        let _ = std::fmt::Write::write_fmt(&mut hex, format_args!("{byte:02x}"));
        hex
    })
}
