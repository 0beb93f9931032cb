//! What every [`WhatsAppTransport`] must do.

use std::fmt::Debug;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;

use crate::message::{
    Author, ChatAddress, ChatParty, Delivery, DeliveryReport, InboundBody, InboundMedia,
    InboundMessage, MediaKind, OutboundBody, OutboundId, OutboundMedia, OutboundMessage, Template,
};
use crate::phone::E164;
use crate::whatsapp::{
    LinkMethod, LinkState, TOO_LARGE, WhatsAppCapabilities, WhatsAppEvent, WhatsAppInbox,
    WhatsAppTransport,
};
use crate::{Error, ErrorClass, Result, TenantId, UnixMillis};

/// How the suite gets at a backend and plays its far side.
#[async_trait]
pub trait Fixture: Send + Sync {
    /// The backend under test.
    type Transport: WhatsAppTransport;

    /// What this backend must be able to do: a capability that got lost fails the suite.
    fn expected(&self) -> WhatsAppCapabilities;

    /// A customer, by the address that this channel gives him.
    fn customer(&self) -> ChatAddress;

    /// A fresh transport to which nobody is linked, and which gives what comes in to `inbox`.
    async fn transport(&self, inbox: Arc<dyn WhatsAppInbox>) -> Self::Transport;

    /// Does what the owner does after [`WhatsAppTransport::link`], and waits until the link is ready.
    async fn complete_link(&self, transport: &Self::Transport, tenant: TenantId);

    /// A customer sends the business a message; waits until the transport has offered it once.
    async fn deliver(&self, transport: &Self::Transport, tenant: TenantId, message: InboundMessage);

    /// Has the transport offer what its inbox has refused, and waits until it did.
    async fn offer_again(&self, transport: &Self::Transport, tenant: TenantId);

    /// The channel tells what became of a message; waits until the transport has offered it.
    async fn report(&self, transport: &Self::Transport, tenant: TenantId, report: DeliveryReport);

    /// Puts a file at the channel: the one with this handle, of the message with this id.
    async fn put_file(
        &self,
        transport: &Self::Transport,
        tenant: TenantId,
        file: (&str, &str),
        bytes: Bytes,
    );

    /// What the channel got from the business, oldest first.
    async fn sent(&self, transport: &Self::Transport, tenant: TenantId) -> Vec<OutboundMessage>;
}

/// An inbox for tests: it remembers what it kept, and can be told to refuse.
#[derive(Debug, Default)]
pub struct RecordingInbox {
    inner: Mutex<Recorded>,
}

#[derive(Debug, Default)]
struct Recorded {
    kept: Vec<(TenantId, WhatsAppEvent)>,
    refusals: u32,
}

impl RecordingInbox {
    /// Refuses the next `times` events.
    pub fn refuse(&self, times: u32) {
        self.lock().refusals = times;
    }

    /// The messages kept for a business, oldest first, each once.
    pub fn messages(&self, tenant: TenantId) -> Vec<InboundMessage> {
        let mut messages: Vec<InboundMessage> = Vec::new();
        for (owner, event) in &self.lock().kept {
            if let WhatsAppEvent::Message(message) = event
                && *owner == tenant
                && messages.iter().all(|known| known.id != message.id)
            {
                messages.push(message.clone());
            }
        }
        messages
    }

    /// How far a message came, by the reports kept.
    pub fn delivery(&self, tenant: TenantId, id: &OutboundId) -> Option<Delivery> {
        let inner = self.lock();
        let reports = inner.kept.iter().filter_map(|(owner, event)| match event {
            WhatsAppEvent::Delivery(report) if *owner == tenant && report.id == *id => {
                Some(report.delivery)
            }
            _ => None,
        });
        reports.max()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Recorded> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl WhatsAppInbox for RecordingInbox {
    async fn accept(&self, tenant: TenantId, event: WhatsAppEvent) -> Result<()> {
        let mut inner = self.lock();
        if inner.refusals > 0 {
            inner.refusals -= 1;
            return Err(Error::unavailable("inbox", "it was told to refuse"));
        }
        inner.kept.push((tenant, event));
        Ok(())
    }
}

/// Runs every rule that applies, each on a fresh transport, and returns the names of those that do not
/// apply to this backend. Pin them in the test that calls this.
pub async fn suite(fixture: &impl Fixture) -> Vec<&'static str> {
    let mut skipped = Vec::new();
    it_can_do_what_it_must(fixture).await;
    linking_leads_from_unlinked_to_ready_and_back(fixture).await;
    sending_needs_a_link(fixture).await;
    a_message_is_sent_once(fixture).await;
    a_message_is_offered_until_it_is_kept(fixture).await;
    businesses_do_not_see_each_other(fixture).await;
    let can = fixture.expected();
    if can.links_by_pairing_code {
        a_pairing_code_has_eight_characters(fixture).await;
    } else {
        linking_in_a_way_it_cannot_is_forbidden(fixture).await;
        skipped.push("a_pairing_code_has_eight_characters");
    }
    if can.reports_delivery {
        reports_reach_the_inbox(fixture).await;
    } else {
        skipped.push("reports_reach_the_inbox");
    }
    if can.carries_media {
        files_go_both_ways(fixture).await;
    } else {
        skipped.push("files_go_both_ways");
    }
    if can.needs_templates {
        a_stranger_needs_a_template(fixture).await;
    } else {
        templates_are_refused_where_there_are_none(fixture).await;
        skipped.push("a_stranger_needs_a_template");
    }
    skipped
}

/// Rule: the backend has the capabilities that it must have.
pub async fn it_can_do_what_it_must(fixture: &impl Fixture) {
    let transport = fixture.transport(ignored()).await;
    assert_eq!(
        transport.capabilities(),
        fixture.expected(),
        "rule `it can do what it must`"
    );
}

/// Rule: a business starts unlinked, links, and unlinks; doing either twice is not an error.
pub async fn linking_leads_from_unlinked_to_ready_and_back(fixture: &impl Fixture) {
    let rule = "rule `linking leads from unlinked to ready and back`";
    let transport = fixture.transport(ignored()).await;
    let tenant = tenant(1);
    let state = ok(transport.state(tenant).await, rule);
    assert_eq!(state.as_str(), "unlinked", "{rule}: at first");
    let begun = ok(transport.link(tenant, LinkMethod::Qr).await, rule);
    assert_ne!(begun.as_str(), "unlinked", "{rule}: after link");
    if transport.capabilities().links_by_qr {
        assert!(
            matches!(begun, LinkState::Qr(_) | LinkState::Connecting),
            "{rule}: link gave {begun:?}"
        );
    }
    ok(transport.link(tenant, LinkMethod::Qr).await, rule);
    fixture.complete_link(&transport, tenant).await;
    let state = ok(transport.state(tenant).await, rule);
    assert!(
        state.is_ready(),
        "{rule}: after the owner's part: {state:?}"
    );
    let again = ok(transport.link(tenant, LinkMethod::Qr).await, rule);
    assert!(
        again.is_ready(),
        "{rule}: linking a linked business does nothing"
    );
    for _ in 0..2 {
        ok(transport.unlink(tenant).await, rule);
        let state = ok(transport.state(tenant).await, rule);
        assert_eq!(state.as_str(), "unlinked", "{rule}: after unlink");
    }
}

/// Rule: a pairing code has eight characters.
pub async fn a_pairing_code_has_eight_characters(fixture: &impl Fixture) {
    use crate::secret::ExposeSecret as _;
    let rule = "rule `a pairing code has eight characters`";
    let transport = fixture.transport(ignored()).await;
    let method = LinkMethod::PairingCode(owner());
    match ok(transport.link(tenant(1), method).await, rule) {
        LinkState::PairingCode(code) => {
            assert_eq!(code.expose_secret().len(), 8, "{rule}");
        }
        state => panic!("{rule}: link gave {state:?}"),
    }
}

/// Rule: asking for a way to link that the backend does not have is `Forbidden`.
pub async fn linking_in_a_way_it_cannot_is_forbidden(fixture: &impl Fixture) {
    let rule = "rule `linking in a way it cannot is forbidden`";
    let transport = fixture.transport(ignored()).await;
    let result = transport
        .link(tenant(1), LinkMethod::PairingCode(owner()))
        .await;
    refuses(&result, ErrorClass::Forbidden, rule);
}

/// Rule: sending without a link is a `Conflict`, and nothing is sent.
pub async fn sending_needs_a_link(fixture: &impl Fixture) {
    let rule = "rule `sending needs a link`";
    let transport = fixture.transport(ignored()).await;
    let result = transport
        .send(tenant(1), fixture.outbound("1", "hello"))
        .await;
    refuses(&result, ErrorClass::Conflict, rule);
    assert!(
        fixture.sent(&transport, tenant(1)).await.is_empty(),
        "{rule}: something was sent"
    );
}

/// Rule: a message is sent once by its id; the same id with other content is a `Conflict`.
pub async fn a_message_is_sent_once(fixture: &impl Fixture) {
    let rule = "rule `a message is sent once`";
    let (transport, tenant, _) = conversing(fixture).await;
    let message = fixture.outbound("1", "hello");
    assert!(
        ok(transport.send(tenant, message.clone()).await, rule),
        "{rule}: first time"
    );
    assert!(
        !ok(transport.send(tenant, message.clone()).await, rule),
        "{rule}: second time"
    );
    let changed = fixture.outbound("1", "something else");
    refuses(
        &transport.send(tenant, changed).await,
        ErrorClass::Conflict,
        rule,
    );
    let second = fixture.outbound("2", "hello");
    assert!(
        ok(transport.send(tenant, second.clone()).await, rule),
        "{rule}: another id"
    );
    let sent = fixture.sent(&transport, tenant).await;
    assert_eq!(sent, [message, second], "{rule}: what arrived");
}

/// Rule: a message is offered to the inbox until it was kept, in the order of arrival; the channel
/// delivering one again does not make two of it.
pub async fn a_message_is_offered_until_it_is_kept(fixture: &impl Fixture) {
    let rule = "rule `a message is offered until it is kept`";
    let (transport, tenant, inbox) = linked(fixture).await;
    fixture
        .deliver(&transport, tenant, fixture.inbound(1))
        .await;
    inbox.refuse(1);
    fixture
        .deliver(&transport, tenant, fixture.inbound(2))
        .await;
    let expected = |n: i64| facts(&fixture.inbound(n));
    assert_eq!(kept(&inbox, tenant), [expected(1)], "{rule}: refused");
    fixture.offer_again(&transport, tenant).await;
    fixture
        .deliver(&transport, tenant, fixture.inbound(3))
        .await;
    fixture
        .deliver(&transport, tenant, fixture.inbound(2))
        .await;
    let expected = [expected(1), expected(2), expected(3)];
    assert_eq!(kept(&inbox, tenant), expected, "{rule}");
}

/// Rule: what became of a message reaches the inbox under the id that we gave it.
pub async fn reports_reach_the_inbox(fixture: &impl Fixture) {
    let rule = "rule `reports reach the inbox`";
    let (transport, tenant, inbox) = conversing(fixture).await;
    let message = fixture.outbound("1", "hello");
    ok(transport.send(tenant, message.clone()).await, rule);
    for (delivery, at) in [(Delivery::Delivered, 10), (Delivery::Read, 20)] {
        let report = DeliveryReport {
            id: message.id.clone(),
            delivery,
            code: None,
            sentence: None,
            at: UnixMillis(1_700_000_000_000 + at),
        };
        fixture.report(&transport, tenant, report).await;
        assert_eq!(
            inbox.delivery(tenant, &message.id),
            Some(delivery),
            "{rule}"
        );
    }
}

/// Rule: a file is sent, a received one is fetched whole, and one that is too large is refused.
pub async fn files_go_both_ways(fixture: &impl Fixture) {
    let rule = "rule `files go both ways`";
    let (transport, tenant, inbox) = conversing(fixture).await;
    let picture = OutboundMessage {
        id: OutboundId("1".to_owned()),
        to: fixture.customer(),
        body: OutboundBody::Media(OutboundMedia {
            kind: MediaKind::Image,
            mime_type: "image/png".to_owned(),
            file_name: None,
            caption: Some("the boiler".to_owned()),
            bytes: Bytes::from_static(b"\x89PNG\r\n\x1a\n"),
        }),
        first_contact: false,
    };
    ok(transport.send(tenant, picture.clone()).await, rule);
    let sent = fixture.sent(&transport, tenant).await;
    assert_eq!(sent, [picture], "{rule}: what was sent");

    let bytes = Bytes::from_static(b"OggS and the rest");
    fixture
        .put_file(
            &transport,
            tenant,
            ("voice1", &fixture.inbound(7).id),
            bytes.clone(),
        )
        .await;
    let media = InboundMedia {
        kind: MediaKind::VoiceNote,
        mime_type: "audio/ogg".to_owned(),
        file_name: None,
        caption: None,
        bytes: Some(bytes.len() as u64),
        handle: "voice1".to_owned(),
    };
    let note = InboundMessage {
        body: InboundBody::Media(media),
        ..fixture.inbound(7)
    };
    fixture.deliver(&transport, tenant, note).await;
    let received = inbox
        .messages(tenant)
        .into_iter()
        .find(|m| m.id == fixture.inbound(7).id);
    let Some(InboundBody::Media(media)) = received.map(|message| message.body) else {
        panic!("{rule}: no file was received");
    };
    assert_eq!(media.kind, MediaKind::VoiceNote, "{rule}");
    let mut fetched = Vec::new();
    let whole = transport.fetch(tenant, &media, 1_000, &mut fetched).await;
    ok(whole, rule);
    assert_eq!(fetched, bytes, "{rule}: what was fetched");
    let mut part = Vec::new();
    let too_large = transport.fetch(tenant, &media, 3, &mut part).await;
    assert!(
        matches!(&too_large, Err(Error::Invalid { field, .. }) if *field == TOO_LARGE),
        "{rule}: {too_large:?}"
    );
    assert!(part.len() <= 3, "{rule}: {} bytes were kept", part.len());
}

/// Rule: who has not written lately gets a template or nothing.
pub async fn a_stranger_needs_a_template(fixture: &impl Fixture) {
    let rule = "rule `a stranger needs a template`";
    let (transport, tenant, _) = linked(fixture).await;
    let result = transport.send(tenant, fixture.outbound("1", "hello")).await;
    refuses(&result, ErrorClass::Conflict, rule);
    let template = fixture.template("2");
    assert!(
        ok(transport.send(tenant, template.clone()).await, rule),
        "{rule}"
    );
    let sent = fixture.sent(&transport, tenant).await;
    assert_eq!(sent, [template], "{rule}: what was sent");
}

/// Rule: a backend without templates says so instead of sending something else.
pub async fn templates_are_refused_where_there_are_none(fixture: &impl Fixture) {
    let rule = "rule `templates are refused where there are none`";
    let (transport, tenant, _) = conversing(fixture).await;
    let result = transport.send(tenant, fixture.template("1")).await;
    refuses(&result, ErrorClass::Invalid, rule);
    assert!(fixture.sent(&transport, tenant).await.is_empty(), "{rule}");
}

/// Rule: links, sent and received messages belong to one business.
pub async fn businesses_do_not_see_each_other(fixture: &impl Fixture) {
    let rule = "rule `businesses do not see each other`";
    let (transport, ours, inbox) = linked(fixture).await;
    let theirs = tenant(2);
    fixture.deliver(&transport, ours, fixture.inbound(1)).await;
    ok(
        transport.send(ours, fixture.outbound("1", "hello")).await,
        rule,
    );
    let state = ok(transport.state(theirs).await, rule);
    assert_eq!(state.as_str(), "unlinked", "{rule}: the link");
    assert!(inbox.messages(theirs).is_empty(), "{rule}: received");
    assert!(
        fixture.sent(&transport, theirs).await.is_empty(),
        "{rule}: sent"
    );
    ok(transport.unlink(theirs).await, rule);
    let state = ok(transport.state(ours).await, rule);
    assert!(state.is_ready(), "{rule}: the other business unlinked us");
}

/// What every channel tells of a message alike; names and aliases are the channel's own.
type Facts = (String, ChatAddress, Author, InboundBody, UnixMillis);

fn facts(message: &InboundMessage) -> Facts {
    let message = message.clone();
    (
        message.id,
        message.party.address,
        message.author,
        message.body,
        message.sent_at,
    )
}

fn kept(inbox: &RecordingInbox, tenant: TenantId) -> Vec<Facts> {
    inbox.messages(tenant).iter().map(facts).collect()
}

/// An inbox that nobody looks into.
fn ignored() -> Arc<dyn WhatsAppInbox> {
    Arc::new(RecordingInbox::default())
}

/// A linked business.
async fn linked<F: Fixture>(fixture: &F) -> (F::Transport, TenantId, Arc<RecordingInbox>) {
    let inbox = Arc::new(RecordingInbox::default());
    let for_transport: Arc<dyn WhatsAppInbox> = Arc::<RecordingInbox>::clone(&inbox);
    let transport = fixture.transport(for_transport).await;
    let tenant = tenant(1);
    ok(
        transport.link(tenant, LinkMethod::Qr).await,
        "linking a business for the suite",
    );
    fixture.complete_link(&transport, tenant).await;
    (transport, tenant, inbox)
}

/// A linked business to which the customer has just written.
async fn conversing<F: Fixture>(fixture: &F) -> (F::Transport, TenantId, Arc<RecordingInbox>) {
    let (transport, tenant, inbox) = linked(fixture).await;
    fixture
        .deliver(&transport, tenant, fixture.inbound(99))
        .await;
    (transport, tenant, inbox)
}

fn ok<T>(result: Result<T>, rule: &str) -> T {
    result.unwrap_or_else(|error| panic!("{rule}: failed with `{}`", error.chain()))
}

fn refuses<T: Debug>(result: &Result<T>, class: ErrorClass, rule: &str) {
    match result.as_ref().map_err(Error::class) {
        Err(actual) if actual == class => {}
        _ => panic!("{rule}: expected {class:?}, got {result:?}"),
    }
}

fn tenant(n: u128) -> TenantId {
    TenantId::from_uuid(uuid::Uuid::from_u128(
        0x0192_0000_0000_7000_8000_0000_0000_0000 + n,
    ))
}

fn owner() -> E164 {
    super::samples::number(50)
}

/// The suite's messages, to and from the backend's customer.
trait Messages: Fixture {
    fn outbound(&self, id: &str, text: &str) -> OutboundMessage {
        OutboundMessage::text(OutboundId(id.to_owned()), self.customer(), text)
    }

    fn template(&self, id: &str) -> OutboundMessage {
        OutboundMessage {
            id: OutboundId(id.to_owned()),
            to: self.customer(),
            body: OutboundBody::Template(Template {
                name: "we_called_back".to_owned(),
                language: "he".to_owned(),
                parameters: vec!["Levi Plumbing".to_owned()],
            }),
            first_contact: true,
        }
    }

    fn inbound(&self, n: i64) -> InboundMessage {
        InboundMessage {
            id: format!("3EB0{n:016X}"),
            party: ChatParty::at(self.customer()),
            author: Author::Customer,
            body: InboundBody::Text(format!("message {n}")),
            quoted: None,
            sent_at: UnixMillis(1_700_000_000_000 + n * 1000),
            delayed: false,
        }
    }
}

impl<F: Fixture> Messages for F {}
