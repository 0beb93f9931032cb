//! WhatsApp in the store, on every backend.

mod answering;
mod cloud;
mod files;
mod in_call;
mod inbox;
mod links;
mod missed;
mod sending;
mod snooze;
mod voicemail;

use std::path::Path;
use std::sync::Arc;

use prosaas_core::message::{
    Author, ChatAddress, ChatParty, ContactAlias, DisplayName, InboundBody, InboundMessage,
};
use prosaas_core::testkit::samples::seed;
use prosaas_core::time::ManualClock;
use prosaas_core::whatsapp::{WhatsAppCapabilities, WhatsAppEvent};
use prosaas_core::{
    E164, Error, Result, TenantId, UnixMillis, WhatsAppInbox as _, WhatsAppTransport,
};
use prosaas_crm::auth::{Permissions, TenantScope};
use prosaas_crm::model::conversation::{
    Conversation, ConversationFilter, ConversationPatch, ConversationStatus, Message,
};
use prosaas_crm::model::id::MessageId;
use prosaas_crm::model::patch::{Patch, Replace};
use prosaas_crm::shelf::Shelf;
use prosaas_crm::testkit::OPERATOR;
use prosaas_crm::whatsapp::Files;
use prosaas_crm::{
    BusinessAdmin as _, ClaimedJob, CrmStore, JobWork, Jobs as _, RetryPolicy, whatsapp,
};

use crate::support::{Backend, Databases, NOW};

/// A store with two businesses, on each backend in turn; its clock stands still.
#[expect(
    clippy::future_not_send,
    reason = "a test's future stays on its own thread"
)]
async fn on_each_backend<F: Future<Output = ()>>(test: impl Fn(Arc<CrmStore>) -> F) {
    on_each_clock(|store, _| test(store)).await;
}

/// [`on_each_backend`], with the clock.
async fn on_each_clock<F: Future<Output = ()>>(
    test: impl Fn(Arc<CrmStore>, Arc<ManualClock>) -> F,
) {
    for backend in Backend::available() {
        println!("on {backend:?}");
        let databases = Databases::new(backend);
        let options = databases.fresh().await;
        let clock = Arc::new(ManualClock::at(NOW));
        let store = CrmStore::open_with(&options, Arc::clone(&clock) as _).await;
        let store = store.unwrap();
        for n in [1, 2] {
            let seed = seed(n);
            let numbers = &seed.numbers;
            let added = store.add_business(&OPERATOR, &seed.business, numbers);
            added.await.unwrap();
        }
        test(Arc::new(store), clock).await;
    }
}

fn ours() -> TenantId {
    seed(1).business.id
}

/// Somebody of the business.
fn person() -> TenantScope {
    TenantScope::from_trusted_host(ours(), Permissions::all())
}

fn theirs() -> TenantScope {
    TenantScope::from_trusted_host(seed(2).business.id, Permissions::all())
}

/// What a backend without templates can do.
const CAN: WhatsAppCapabilities = WhatsAppCapabilities {
    links_by_qr: true,
    links_by_pairing_code: true,
    needs_templates: false,
    carries_media: true,
    reports_delivery: true,
    shows_typing: true,
};

const LID: &str = "888000222@lid";
const PHONE: &str = "+15550100123";

fn dana() -> ChatParty {
    ChatParty {
        address: ChatAddress(LID.to_owned()),
        aliases: vec![ContactAlias::Lid(LID.to_owned())],
        name: DisplayName::new("Dana"),
    }
}

fn phone() -> ContactAlias {
    ContactAlias::Phone(E164::parse(PHONE).unwrap())
}

fn text(id: &str, text: &str) -> InboundMessage {
    InboundMessage {
        id: id.to_owned(),
        party: dana(),
        author: Author::Customer,
        body: InboundBody::Text(text.to_owned()),
        quoted: None,
        // In the order of their numbers.
        sent_at: NOW.plus(-1_000 + id.trim_start_matches('M').parse().unwrap_or(1) - 1),
        delayed: false,
    }
}

async fn deliver(store: &CrmStore, message: InboundMessage) {
    let event = WhatsAppEvent::Message(message);
    store.accept(ours(), event).await.unwrap();
}

async fn conversations(store: &CrmStore) -> Vec<Conversation> {
    let all = ConversationFilter::default();
    store.conversations(&person(), all, None, 50).await.unwrap()
}

/// The only conversation there is.
async fn the_conversation(store: &CrmStore) -> Conversation {
    let mut all = conversations(store).await;
    assert_eq!(all.len(), 1, "{all:?}");
    all.remove(0)
}

/// Closes a conversation as it was seen.
async fn close(store: &CrmStore, seen: &Conversation, reason: &str) -> Result<Conversation> {
    let patch = ConversationPatch {
        status: Replace(Some(ConversationStatus::Closed)),
        close_reason: Patch::Set(reason.to_owned()),
        ..ConversationPatch::default()
    };
    store
        .update_conversation(&person(), seen.id, seen.version, patch)
        .await
}

/// Whether something was refused because it was meant for an older version.
fn is_stale<T>(result: &Result<T>) -> bool {
    let what = "version-conflict";
    matches!(result, Err(Error::Conflict { what: code, .. }) if *code == what)
}

/// Its messages, the oldest first.
async fn messages(store: &CrmStore) -> Vec<Message> {
    let id = the_conversation(store).await.id;
    let mut all = store.messages(&person(), id, None, 100).await.unwrap();
    all.reverse();
    all
}

/// What is to be done by a moment; done with it.
async fn jobs_until(store: &CrmStore, at: UnixMillis) -> Vec<ClaimedJob> {
    let jobs = store
        .claim_jobs(&OPERATOR, at, 60_000, 50, RetryPolicy::STANDARD)
        .await
        .unwrap();
    for job in &jobs {
        store.complete_job(job).await.unwrap();
    }
    jobs
}

async fn work_until(store: &CrmStore, at: UnixMillis) -> Vec<JobWork> {
    let jobs = jobs_until(store, at).await;
    jobs.into_iter().map(|job| job.work).collect()
}

/// Sends a message without a file, as its job does.
async fn send_words(
    store: &CrmStore,
    transport: &dyn WhatsAppTransport,
    scope: &TenantScope,
    message: MessageId,
    is_last_try: bool,
) -> Result<()> {
    let shelf = Shelf::in_data_dir(Path::new("nowhere"));
    let files = Files {
        store,
        shelf: &shelf,
    };
    whatsapp::send(files, transport, scope, message, is_last_try).await
}
