//! The backend that speaks WhatsApp's own protocol, linked to the local WhatsApp of the sidecar's tests.

mod peer;
mod rig;

use std::sync::Arc;
use std::sync::atomic::AtomicU32;

use prosaas_core::message::{ChatAddress, Delivery, OutboundId, OutboundMessage};
use prosaas_core::testkit::whatsapp::{self, Fixture as _, RecordingInbox};
use prosaas_core::whatsapp::{LinkMethod, LinkState, WhatsAppInbox, WhatsAppTransport as _};
use prosaas_core::{E164, ExposeSecret as _, TenantId};
use prosaas_whatsapp::native::{FolderLinkStore, LinkStore, MemoryLinkStore};
use serde_json::json;

use crate::NOW;
use peer::Peer;
use rig::{CUSTOMER, Fixture, Rig};

async fn fixture() -> Option<Fixture> {
    Some(Fixture {
        peer: Arc::new(Peer::start().await?),
        rigs: AtomicU32::new(1),
    })
}

fn inbox() -> (Arc<RecordingInbox>, Arc<dyn WhatsAppInbox>) {
    let inbox = Arc::new(RecordingInbox::default());
    (Arc::clone(&inbox), inbox)
}

/// A business that is linked.
async fn linked(fixture: &Fixture) -> (Rig, TenantId, Arc<RecordingInbox>) {
    let (inbox, for_rig) = inbox();
    let rig = fixture.transport(for_rig).await;
    let tenant = TenantId::mint(NOW);
    rig.link(tenant, LinkMethod::Qr).await.unwrap();
    rig.scan(tenant).await;
    (rig, tenant, inbox)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_native_backend_is_a_whatsapp_transport() {
    let Some(fixture) = fixture().await else {
        return;
    };
    let skipped = whatsapp::suite(&fixture).await;
    assert_eq!(skipped, ["a_stranger_needs_a_template"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_keeps_the_link_and_loses_nothing_that_came_meanwhile() {
    let Some(fixture) = fixture().await else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let store =
        || -> Arc<dyn LinkStore> { Arc::new(FolderLinkStore::open(folder.path()).unwrap()) };
    let tenant = TenantId::mint(NOW);
    let (_, first_inbox) = inbox();
    let first = Rig::new(&fixture.peer, first_inbox, store(), 1).await;
    first.link(tenant, LinkMethod::Qr).await.unwrap();
    first.scan(tenant).await;
    first.native.stop().await;
    let account = first.account(tenant);
    drop(first);
    let words = json!({"account": account, "customer": CUSTOMER, "text": "are you there?"});
    fixture.peer.act("write", words).await;

    let (inbox, second_inbox) = inbox();
    let second = Rig::new(&fixture.peer, second_inbox, store(), 1).await;
    second.until_state(tenant, "ready").await;
    fixture.peer.until(&account, "taken", None, 1).await;
    second
        .until("the message", |_| inbox.messages(tenant).len() == 1)
        .await;
    assert!(inbox.messages(tenant)[0].delayed);
    let ledger = fixture.peer.ledger(&account).await;
    assert!(
        ledger.iter().all(|entry| entry["kind"] != "logout"),
        "stopping unlinked the device"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn each_end_of_a_connection_has_its_state() {
    let Some(fixture) = fixture().await else {
        return;
    };
    for (how, word) in [
        (
            json!({"kind": "error", "code": "401", "conflict": "device_removed"}),
            "logged_out",
        ),
        (
            json!({"kind": "error", "code": "440", "conflict": "replaced"}),
            "replaced",
        ),
        (json!({"kind": "failure", "reason": "403"}), "banned"),
        (json!({"kind": "failure", "reason": "409"}), "outdated"),
    ] {
        let (rig, tenant, _) = linked(&fixture).await;
        let account = rig.account(tenant);
        fixture
            .peer
            .act("close", json!({"account": account, "how": how}))
            .await;
        rig.until_state(tenant, word).await;
        rig.native.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_connection_that_is_asked_for_and_one_that_is_cut_come_back() {
    let Some(fixture) = fixture().await else {
        return;
    };
    let (rig, tenant, _) = linked(&fixture).await;
    let account = rig.account(tenant);
    for (how, logins) in [
        (json!({"kind": "error", "code": "515"}), 2),
        (json!({"kind": "drop"}), 3),
    ] {
        fixture
            .peer
            .act("close", json!({"account": account, "how": how}))
            .await;
        fixture.peer.until(&account, "login", None, logins).await;
        rig.until_state(tenant, "ready").await;
    }
    fixture.peer.act("network", json!({"up": false})).await;
    rig.until_state(tenant, "unreachable").await;
    fixture.peer.act("network", json!({"up": true})).await;
    rig.until_state(tenant, "ready").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_that_is_typed_links_and_a_passkey_is_named() {
    let Some(fixture) = fixture().await else {
        return;
    };
    let (_, for_rig) = inbox();
    let rig = fixture.transport(for_rig).await;
    let tenant = TenantId::mint(NOW);
    let phone = rig.account(tenant);
    let method = LinkMethod::PairingCode(E164::parse(&format!("+{phone}")).unwrap());
    let LinkState::PairingCode(code) = rig.link(tenant, method).await.unwrap() else {
        panic!("no code to be typed");
    };
    let typed = json!({"code": code.expose_secret(), "phone": phone});
    fixture.peer.act("type-code", typed).await;
    rig.until_state(tenant, "ready").await;

    let other = TenantId::mint(NOW);
    rig.link(other, LinkMethod::Qr).await.unwrap();
    fixture.peer.act("passkey", json!({})).await;
    rig.until_state(other, "needs_passkey").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_whatsapp_refuses_is_reported_with_its_code() {
    let Some(fixture) = fixture().await else {
        return;
    };
    let (rig, tenant, inbox) = linked(&fixture).await;
    fixture
        .peer
        .act("behaviour", json!({"ackError": "463"}))
        .await;
    let id = OutboundId("1".to_owned());
    let to = ChatAddress(format!("8{CUSTOMER}@lid"));
    let refused = rig
        .send(
            tenant,
            OutboundMessage::text(id.clone(), to.clone(), "hello"),
        )
        .await;
    assert!(refused.is_err(), "he never wrote to the business");
    let message = OutboundMessage {
        first_contact: true,
        ..OutboundMessage::text(id.clone(), to, "hello")
    };
    assert!(rig.send(tenant, message).await.unwrap());
    rig.until("the refusal", |_| {
        inbox.delivery(tenant, &id) == Some(Delivery::Failed)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_forgets_a_business_that_is_erased() {
    let Some(fixture) = fixture().await else {
        return;
    };
    let (_, for_rig) = inbox();
    let store = Arc::new(MemoryLinkStore::default());
    let rig = fixture
        .rig(for_rig, Arc::<MemoryLinkStore>::clone(&store))
        .await;
    let tenant = TenantId::mint(NOW);
    rig.link(tenant, LinkMethod::Qr).await.unwrap();
    rig.scan(tenant).await;
    rig.native.erase(tenant).await.unwrap();
    assert_eq!(store.tenants().await.unwrap(), []);
    fixture
        .peer
        .until(&rig.account(tenant), "logout", None, 1)
        .await;
}
