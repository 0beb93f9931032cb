use prosaas_core::SecretString;
use prosaas_core::message::ChatAddress;
use prosaas_core::time::ManualClock;
use prosaas_core::whatsapp::WhatsAppEvent;

use super::super::store::{LinkStore, MemoryLinkStore};
use super::super::translate::{Envelope, Person, UNDECRYPTABLE};
use super::super::vault::LinkKey;
use super::*;

struct Rig {
    store: Arc<MemoryLinkStore>,
    tenant: TenantId,
}

impl Rig {
    fn new() -> Self {
        Self {
            store: Arc::default(),
            tenant: TenantId::mint(UnixMillis(1)),
        }
    }

    /// What a process has after it began.
    async fn open(&self, bound: usize) -> (Queue, Outbox) {
        let key = SecretString::from("a-key-for-tests-of-32-bytes-or-more");
        let store: Arc<dyn LinkStore> = Arc::<MemoryLinkStore>::clone(&self.store);
        let vault = Vault::new(store, &LinkKey::new(&key).unwrap(), self.tenant);
        let clock: Arc<dyn Clock> = Arc::new(ManualClock::at(UnixMillis(1_000)));
        let outbox = Outbox::open(vault.clone(), Arc::clone(&clock), bound);
        let queue = Queue::open(vault, clock, self.tenant, bound);
        (queue.await.unwrap(), outbox.await.unwrap())
    }
}

fn message(id: &str, text: &str) -> OutboundMessage {
    let to = ChatAddress("888@lid".to_owned());
    OutboundMessage::text(OutboundId(id.to_owned()), to, text)
}

async fn put(queue: &Queue, id: &str, text: &str) -> Result<bool> {
    let (chat, encoded) = ("888@lid".to_owned(), text.as_bytes().to_vec());
    queue.put(&message(id, text), chat, encoded).await
}

fn came(id: &str) -> Envelope {
    Envelope {
        id: id.to_owned(),
        with: Person {
            lid: Some("888@lid".to_owned()),
            phone: Some("4917000000".to_owned()),
        },
        name: None,
        from_me: false,
        sent_at: 1,
        delayed: false,
        instead: Some(UNDECRYPTABLE.to_owned()),
    }
}

#[tokio::test]
async fn an_id_is_sent_once_also_after_a_restart_and_carries_one_message() {
    let rig = Rig::new();
    let (queue, _) = rig.open(10).await;
    assert!(put(&queue, "1", "hello").await.unwrap());
    assert!(!put(&queue, "1", "hello").await.unwrap());
    let (queue, _) = rig.open(10).await;
    assert!(!put(&queue, "1", "hello").await.unwrap());
    let other = put(&queue, "1", "other").await;
    assert!(matches!(other, Err(Error::Conflict { .. })));
    assert!(put(&queue, "2", "hello").await.unwrap());
    let first = queue.first().await.unwrap().unwrap();
    let expected = wa_id(rig.tenant, &OutboundId("1".to_owned()));
    assert_eq!(first.wa_id, expected);
    assert!(expected.starts_with("3EB0") && expected.len() == 22);
}

#[tokio::test]
async fn a_queue_has_an_end() {
    let (queue, _) = Rig::new().open(1).await;
    assert!(put(&queue, "1", "hello").await.unwrap());
    let full = put(&queue, "2", "hello").await;
    assert!(matches!(full, Err(Error::RateLimited { .. })));
}

#[tokio::test]
async fn what_whatsapp_says_of_a_message_of_ours_is_reported_and_ends_its_wait() {
    let rig = Rig::new();
    let (queue, outbox) = rig.open(10).await;
    put(&queue, "1", "hello").await.unwrap();
    let ours = wa_id(rig.tenant, &OutboundId("1".to_owned()));
    for id in ["3EB0SOMEBODYELSES", &ours] {
        let (code, at) = (Some("463".to_owned()), UnixMillis(5));
        let heard = queue.heard(id, Delivery::Failed, code, at, &outbox);
        heard.await.unwrap();
    }
    assert_eq!(queue.first().await.unwrap(), None);
    let (number, event) = outbox.first().await.unwrap().unwrap();
    let Some(WhatsAppEvent::Delivery(report)) = event else {
        panic!("no report");
    };
    assert_eq!(report.id.0, "1");
    assert_eq!(report.delivery, Delivery::Failed);
    assert!(report.sentence.is_some());
    outbox.taken(number).await.unwrap();
    assert!(outbox.first().await.unwrap().is_none());
}

#[tokio::test]
async fn what_cannot_be_sent_any_more_is_reported() {
    let (queue, outbox) = Rig::new().open(10).await;
    put(&queue, "1", "hello").await.unwrap();
    queue.give_up(&outbox).await.unwrap();
    assert_eq!(queue.first().await.unwrap(), None);
    assert!(outbox.first().await.unwrap().is_some());
}

#[tokio::test]
async fn what_came_in_waits_in_order_once_and_over_a_restart() {
    let rig = Rig::new();
    let (_, outbox) = rig.open(2).await;
    assert!(!outbox.knows("888@lid").await.unwrap());
    let both = [(came("A"), None), (came("B"), None)];
    outbox.keep(&both).await.unwrap();
    let full = outbox.keep(&[(came("C"), None)]).await;
    assert!(full.is_err(), "WhatsApp is to keep it");
    for name in ["888@lid", "4917000000@s.whatsapp.net"] {
        assert!(outbox.knows(name).await.unwrap());
    }
    let (_, outbox) = rig.open(9).await;
    outbox.keep(&[(came("A"), None)]).await.unwrap();
    for expected in ["A", "B"] {
        let (number, event) = outbox.first().await.unwrap().unwrap();
        let Some(WhatsAppEvent::Message(message)) = event else {
            panic!("no message");
        };
        assert_eq!(message.id, expected);
        assert_eq!(message.party.aliases.len(), 2);
        outbox.taken(number).await.unwrap();
        outbox.taken(number).await.unwrap();
    }
    let left = outbox.first().await.unwrap();
    assert!(left.is_none(), "A came again and is known");
}
