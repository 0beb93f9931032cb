//! What every [`WhatsAppTransport`] must do.

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;

use crate::message::{ChatAddress, InboundMessage, OutboundId, OutboundMessage};
use crate::whatsapp::{LinkState, WhatsAppTransport};
use crate::{Error, ErrorClass, Result, TenantId, UnixMillis};

/// How the suite gets at a backend and plays its far side.
#[async_trait]
pub trait Fixture: Send + Sync {
    /// A fresh transport to which nobody is linked.
    async fn transport(&self) -> Arc<dyn WhatsAppTransport>;

    /// Does what the owner does after [`WhatsAppTransport::link`], and waits until the link is ready.
    async fn complete_link(&self, transport: &Arc<dyn WhatsAppTransport>, tenant: TenantId);

    /// The channel delivers a message to the business; waits until it arrived.
    async fn deliver(
        &self,
        transport: &Arc<dyn WhatsAppTransport>,
        tenant: TenantId,
        message: InboundMessage,
    );

    /// What the channel got from the business, oldest first.
    async fn sent(
        &self,
        transport: &Arc<dyn WhatsAppTransport>,
        tenant: TenantId,
    ) -> Vec<OutboundMessage>;
}

/// Runs every rule, each on a fresh transport.
pub async fn suite(fixture: &impl Fixture) {
    linking_leads_from_unlinked_to_ready_and_back(fixture).await;
    sending_needs_a_link(fixture).await;
    a_message_is_sent_once(fixture).await;
    received_messages_wait_until_acknowledged(fixture).await;
    businesses_do_not_see_each_other(fixture).await;
}

/// Rule: a business starts unlinked, links, and unlinks; doing either twice is not an error.
pub async fn linking_leads_from_unlinked_to_ready_and_back(fixture: &impl Fixture) {
    let rule = "rule `linking leads from unlinked to ready and back`";
    let transport = fixture.transport().await;
    let tenant = tenant(1);
    let state = ok(transport.state(tenant).await, rule);
    assert_eq!(state, LinkState::Unlinked, "{rule}: at first");
    let begun = ok(transport.link(tenant).await, rule);
    assert_ne!(begun, LinkState::Unlinked, "{rule}: after link");
    if transport.capabilities().links_by_qr {
        let shows_code = matches!(&begun, LinkState::Qr(code) if !code.is_empty());
        assert!(
            shows_code || begun == LinkState::Connecting,
            "{rule}: link gave {begun:?}"
        );
    }
    ok(transport.link(tenant).await, rule);
    fixture.complete_link(&transport, tenant).await;
    let state = ok(transport.state(tenant).await, rule);
    assert_eq!(state, LinkState::Ready, "{rule}: after the owner's part");
    let again = ok(transport.link(tenant).await, rule);
    assert_eq!(
        again,
        LinkState::Ready,
        "{rule}: linking a linked business does nothing"
    );
    for _ in 0..2 {
        ok(transport.unlink(tenant).await, rule);
        let state = ok(transport.state(tenant).await, rule);
        assert_eq!(state, LinkState::Unlinked, "{rule}: after unlink");
    }
}

/// Rule: sending without a link is a `Conflict`, and nothing is sent.
pub async fn sending_needs_a_link(fixture: &impl Fixture) {
    let rule = "rule `sending needs a link`";
    let transport = fixture.transport().await;
    refuses(
        &transport.send(tenant(1), outbound("1", "hello")).await,
        rule,
    );
    assert!(
        fixture.sent(&transport, tenant(1)).await.is_empty(),
        "{rule}: something was sent"
    );
}

/// Rule: a message is sent once by its id; the same id with other content is a `Conflict`.
pub async fn a_message_is_sent_once(fixture: &impl Fixture) {
    let rule = "rule `a message is sent once`";
    let (transport, tenant) = linked(fixture).await;
    let message = outbound("1", "hello");
    assert!(
        ok(transport.send(tenant, message.clone()).await, rule),
        "{rule}: first time"
    );
    assert!(
        !ok(transport.send(tenant, message.clone()).await, rule),
        "{rule}: second time"
    );
    refuses(
        &transport
            .send(tenant, outbound("1", "something else"))
            .await,
        rule,
    );
    let second = outbound("2", "hello");
    assert!(
        ok(transport.send(tenant, second.clone()).await, rule),
        "{rule}: another id"
    );
    let sent = fixture.sent(&transport, tenant).await;
    assert_eq!(sent, [message, second], "{rule}: what arrived");
}

/// Rule: received messages come oldest first, at most `limit`, until they are acknowledged; the
/// channel delivering one again does not bring it back.
pub async fn received_messages_wait_until_acknowledged(fixture: &impl Fixture) {
    let rule = "rule `received messages wait until acknowledged`";
    let (transport, tenant) = linked(fixture).await;
    for n in [1, 2, 3, 2] {
        fixture.deliver(&transport, tenant, inbound(n)).await;
    }
    let expected = [inbound(1), inbound(2), inbound(3)];
    for _ in 0..2 {
        assert_eq!(
            ok(transport.received(tenant, 10).await, rule),
            expected,
            "{rule}"
        );
    }
    let first_two = ok(transport.received(tenant, 2).await, rule);
    assert_eq!(first_two, expected[..2], "{rule}: limit 2");
    for _ in 0..2 {
        ok(transport.acknowledge(tenant, &inbound(2).id).await, rule);
    }
    fixture.deliver(&transport, tenant, inbound(2)).await;
    let left = ok(transport.received(tenant, 10).await, rule);
    assert_eq!(
        left,
        [inbound(1), inbound(3)],
        "{rule}: after acknowledging the second"
    );
}

/// Rule: links, sent and received messages belong to one business.
pub async fn businesses_do_not_see_each_other(fixture: &impl Fixture) {
    let rule = "rule `businesses do not see each other`";
    let (transport, ours) = linked(fixture).await;
    let theirs = tenant(2);
    fixture.deliver(&transport, ours, inbound(1)).await;
    ok(transport.send(ours, outbound("1", "hello")).await, rule);
    let state = ok(transport.state(theirs).await, rule);
    assert_eq!(state, LinkState::Unlinked, "{rule}: the link");
    assert!(
        ok(transport.received(theirs, 10).await, rule).is_empty(),
        "{rule}: received"
    );
    assert!(
        fixture.sent(&transport, theirs).await.is_empty(),
        "{rule}: sent"
    );
    // Whether acknowledging what is not there is an error or not: it must not touch the other's.
    let _ = transport.acknowledge(theirs, &inbound(1).id).await;
    ok(transport.unlink(theirs).await, rule);
    let waiting = ok(transport.received(ours, 10).await, rule);
    assert_eq!(
        waiting,
        [inbound(1)],
        "{rule}: the other business acknowledged our message"
    );
    let state = ok(transport.state(ours).await, rule);
    assert_eq!(
        state,
        LinkState::Ready,
        "{rule}: the other business unlinked us"
    );
}

async fn linked(fixture: &impl Fixture) -> (Arc<dyn WhatsAppTransport>, TenantId) {
    let transport = fixture.transport().await;
    let tenant = tenant(1);
    ok(
        transport.link(tenant).await,
        "linking a business for the suite",
    );
    fixture.complete_link(&transport, tenant).await;
    (transport, tenant)
}

fn ok<T>(result: Result<T>, rule: &str) -> T {
    result.unwrap_or_else(|error| panic!("{rule}: failed with `{}`", error.chain()))
}

fn refuses<T: Debug>(result: &Result<T>, rule: &str) {
    match result.as_ref().map_err(Error::class) {
        Err(ErrorClass::Conflict) => {}
        _ => panic!("{rule}: expected a Conflict, got {result:?}"),
    }
}

fn tenant(n: u128) -> TenantId {
    TenantId::from_uuid(uuid::Uuid::from_u128(
        0x0192_0000_0000_7000_8000_0000_0000_0000 + n,
    ))
}

fn outbound(id: &str, text: &str) -> OutboundMessage {
    let to = ChatAddress("972550000100@s.whatsapp.net".to_owned());
    OutboundMessage {
        id: OutboundId(id.to_owned()),
        to,
        text: text.to_owned(),
    }
}

fn inbound(n: i64) -> InboundMessage {
    InboundMessage {
        id: format!("3EB0{n:016X}"),
        from: ChatAddress("100200300@lid".to_owned()),
        text: format!("message {n}"),
        sent_at: UnixMillis(1_700_000_000_000 + n),
    }
}
