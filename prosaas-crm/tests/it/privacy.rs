//! An erased person leaves nothing behind, on every backend: not in a table, not in a restored backup.

mod belongings;

use std::fmt::Write as _;
use std::io::Cursor;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use prosaas_core::memory::MemoryWhatsApp;
use prosaas_core::message::{
    Author, ChatAddress, ChatParty, ContactAlias, DisplayName, InboundBody, InboundMessage,
};
use prosaas_core::testkit::samples::{line, new_call, number, outcome, seed};
use prosaas_core::testkit::whatsapp::RecordingInbox;
use prosaas_core::whatsapp::WhatsAppEvent;
use prosaas_core::{
    CallEnd, Error, ErrorClass, LeadDraft, LeadId, NewCall, Result, WhatsAppInbox as _,
    WhatsAppTransport as _,
};
use prosaas_crm::PhoneStore as _;
use prosaas_crm::auth::{Permission, Permissions, SystemScope, TenantScope};
use prosaas_crm::model::batch::{BatchKind, BatchState};
use prosaas_crm::model::block::{BlockKind, NewBlock};
use prosaas_crm::model::conversation::{ConversationFilter, NewOutbound};
use prosaas_crm::model::id::BatchJobId;
use prosaas_crm::model::identity::NewIdentity;
use prosaas_crm::model::lead::{LeadSource, NewLead};
use prosaas_crm::model::note::NewNote;
use prosaas_crm::model::privacy::{
    NewSubjectRequest, SubjectRequestKind, SubjectRequestPatch, SubjectRequestStatus, Tombstone,
};
use prosaas_crm::{
    BusinessAdmin as _, CallStore as _, CrmStore, ErasureKey, JobWork, Jobs as _, LeadStore as _,
    RecordingState, RecordingUpdate, RetryPolicy, StoreOptions, TombstoneKeeper,
};

use prosaas_crm::store::{KeyedAnswer, KeyedRequest};

use crate::support::{Backend, Databases, open, owner_url};

const KEY: [u8; 32] = [7; 32];
/// A name and a word that nobody else has, and the last digits of the person's number.
pub(crate) const NAME: &str = "Zyxwena Canaryson";
pub(crate) const SECRET: &str = "qqcanarysecretqq";
const EMAIL: &str = "zyxwena@canary.example";
const LID: &str = "777666555@lid";

#[derive(Debug, Default)]
struct Book(Mutex<Vec<Tombstone>>);

#[async_trait]
impl TombstoneKeeper for Book {
    async fn keep(&self, tombstones: &[Tombstone]) -> Result<()> {
        self.0.lock().unwrap().extend_from_slice(tombstones);
        Ok(())
    }
}

pub(crate) fn scope(n: u8) -> TenantScope {
    TenantScope::from_trusted_host(seed(n).business.id, Permissions::all())
}

fn person(name: &str, identities: Vec<NewIdentity>) -> NewLead {
    NewLead {
        known: LeadDraft {
            name: Some(name.to_owned()),
            notes: Some(SECRET.to_owned()),
            ..LeadDraft::default()
        },
        identities,
        ..NewLead::of(LeadSource::Manual)
    }
}

fn caller(n: u8) -> NewCall {
    NewCall {
        caller: Some(number(77)),
        ..new_call(n)
    }
}

/// Two businesses; in the first a person with all that a person has, in three leads, and somebody else.
pub(crate) async fn plant(store: &CrmStore) -> (LeadId, LeadId) {
    for n in [1, 2] {
        let seed = seed(n);
        store
            .add_business(&SystemScope::from_operator(), &seed.business, &seed.numbers)
            .await
            .unwrap();
    }
    let ours = scope(1);
    let tenant = ours.tenant();
    // A call, with a transcript, a recording and what it taught.
    let (call, _) = store.open_call(&ours, caller(1)).await.unwrap();
    let line = line(1, &format!("I am {NAME}, {SECRET}"));
    store
        .append_transcript(&ours, call.id, &[line])
        .await
        .unwrap();
    let update = RecordingUpdate {
        sid: format!("RE{:032x}", 7).parse().unwrap(),
        state: RecordingState::Stored,
        duration_ms: Some(1),
        path: Some(format!("recordings/{SECRET}.wav")),
        is_voicemail: false,
    };
    store.set_recording(&ours, call.id, update).await.unwrap();
    let mut end = outcome(CallEnd::Voicemail);
    end.lead = LeadDraft {
        name: Some(NAME.to_owned()),
        notes: Some(SECRET.to_owned()),
        ..LeadDraft::default()
    };
    let lead = store.finish_call(&ours, call.id, end).await.unwrap();
    let note = NewNote {
        lead_id: lead,
        body: format!("{NAME} said {SECRET}"),
    };
    store.add_note(&ours, note).await.unwrap();
    belongings::hang(store, &ours, lead, call.id).await;
    // A second lead, merged into the first; a third in the trash with the same address.
    let email = NewIdentity::email(EMAIL).unwrap();
    let second = store
        .create_lead(&ours, person(NAME, vec![email.clone()]))
        .await
        .unwrap();
    let version = second.lead.version;
    store
        .delete_lead(&ours, second.lead.id, version)
        .await
        .unwrap();
    let third = store
        .create_lead(&ours, person(NAME, vec![email]))
        .await
        .unwrap();
    store.merge_leads(&ours, lead, third.lead.id).await.unwrap();
    let wish = NewSubjectRequest {
        kind: SubjectRequestKind::Erasure,
        lead_id: Some(lead),
        subject: NAME.to_owned(),
        contact: EMAIL.to_owned(),
        note: SECRET.to_owned(),
        due_at: None,
    };
    store.add_subject_request(&ours, wish).await.unwrap();
    let block = NewBlock {
        kind: BlockKind::Number,
        value: number(77).expose().to_owned(),
        reason: Some("calls at night".to_owned()),
    };
    store.add_block(&ours, block).await.unwrap();
    // What was answered to somebody who wrote the person down.
    let request = KeyedRequest {
        owner: tenant.uuid(),
        key: "once".to_owned(),
        operation: "POST /api/crm/leads".to_owned(),
        hash: [1; 32],
    };
    store.reserve_key(&request).await.unwrap();
    let answer = KeyedAnswer {
        status: 201,
        headers: serde_json::json!([]),
        body: Some(format!("{{\"name\":\"{NAME}\"}}").into_bytes()),
    };
    store.finish_key(&request, answer).await.unwrap();
    chat(store).await;
    let mut other = person("Noa Other", vec![NewIdentity::phone(&number(50))]);
    other.known.notes = None;
    let other = store.create_lead(&ours, other).await.unwrap();
    (lead, other.lead.id)
}

/// What the person wrote by WhatsApp, under a hidden name beside the number, and what was answered.
async fn chat(store: &CrmStore) {
    let message = InboundMessage {
        id: format!("3EB0{SECRET}"),
        party: ChatParty {
            address: ChatAddress(LID.to_owned()),
            aliases: vec![
                ContactAlias::Lid(LID.to_owned()),
                ContactAlias::Phone(number(77)),
            ],
            name: DisplayName::new(NAME),
        },
        author: Author::Customer,
        body: InboundBody::Text(format!("It is {NAME}, {SECRET}")),
        quoted: None,
        sent_at: store.now(),
        delayed: false,
    };
    let ours = scope(1);
    store
        .accept(ours.tenant(), WhatsAppEvent::Message(message))
        .await
        .unwrap();
    belongings::send_picture(store, &ours).await;
    let all = ConversationFilter::default();
    let conversations = store.conversations(&ours, all, None, 9).await.unwrap();
    let transport = MemoryWhatsApp::new(Arc::new(RecordingInbox::default()));
    let answer = NewOutbound::text(format!("Hello {NAME}"));
    store
        .write_message(&ours, conversations[0].id, answer, transport.capabilities())
        .await
        .unwrap();
    belongings::close_conversation(store, &ours).await;
    // The jobs of both are done by then, and one failed for a reason that is kept.
    let jobs = store
        .claim_jobs(
            &SystemScope::from_operator(),
            store.now().plus(60_000),
            1,
            50,
            RetryPolicy::STANDARD,
        )
        .await
        .unwrap();
    for job in jobs {
        if matches!(
            job.work,
            JobWork::SendMessage { .. }
                | JobWork::ShowTyping { .. }
                | JobWork::AnswerMessage { .. }
        ) {
            store.bury_job(&job, SECRET).await.unwrap();
        }
    }
}

async fn backup(store: &CrmStore) -> Vec<u8> {
    let mut file = Vec::new();
    let scope = SystemScope::from_operator();
    store.backup(&scope, &mut file).await.unwrap();
    file
}

/// The lines of a backup, which holds every row of every table, that tell of the person: as text, and as
/// the hexadecimal digits that bytes are written in.
fn traces(file: &[u8]) -> Vec<String> {
    let number = number(77);
    let words = [
        NAME,
        "zyxwena",
        "canaryson",
        EMAIL,
        SECRET,
        LID,
        &number.expose()[1..],
    ];
    let hex = |word: &&str| {
        word.bytes().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
    };
    let in_hex: Vec<String> = words.iter().map(hex).collect();
    let mut words: Vec<String> = words.iter().map(|word| word.to_lowercase()).collect();
    words.extend(in_hex);
    let text = String::from_utf8(file.to_vec()).unwrap().to_lowercase();
    let mut table = String::new();
    let mut found = Vec::new();
    for line in text.lines() {
        if line.starts_with("{\"table\"") {
            table = line.chars().take(80).collect();
        }
        if words.iter().any(|word| line.contains(word.as_str())) {
            found.push(format!("{table}: {line}"));
        }
    }
    found
}

async fn run(store: &CrmStore, key: &ErasureKey, book: &Book) {
    let jobs = store
        .claim_jobs(
            &SystemScope::from_operator(),
            store.now(),
            60_000,
            50,
            RetryPolicy::STANDARD,
        )
        .await
        .unwrap();
    for job in jobs {
        if let JobWork::RunBatch { batch, .. } = &job.work {
            let scope = TenantScope::of_job(&job);
            if store.batch_kind(&scope, *batch).await.unwrap() != BatchKind::PersonErasure {
                continue;
            }
            store.run_erasure(&scope, *batch, key, book).await.unwrap();
        }
        store.complete_job(&job).await.unwrap();
    }
}

async fn erase(store: &CrmStore, lead: LeadId, book: &Book) -> BatchJobId {
    let ours = scope(1);
    let requests = store
        .subject_requests(&ours, None, prosaas_crm::Page::first(9))
        .await
        .unwrap();
    let id = store
        .begin_erasure(&ours, lead, Some(requests[0].id))
        .await
        .unwrap();
    run(store, &ErasureKey::new(KEY), book).await;
    id
}

/// An empty database of this version, with what a restore needs.
async fn target(databases: &Databases) -> StoreOptions {
    let options = databases.fresh().await;
    match databases.names().last() {
        Some(name) => options.migrate_over(&owner_url(name)),
        None => options,
    }
}

#[tokio::test]
async fn an_erased_person_has_no_row_left_and_stays_erased_after_a_restore() {
    for backend in Backend::available() {
        println!("on {backend:?}");
        let databases = Databases::new(backend);
        let store = databases.store().await;
        let (lead, other) = plant(&store).await;
        // A file with everything about the person goes with the person.
        let file = store.begin_person_export(&scope(1), lead, None).await;
        let file = file.unwrap();
        store.run_person_export(&scope(1), file).await.unwrap();
        let before = backup(&store).await;
        let wordless = belongings::unplanted(&before, &traces(&before));
        let mut expected = belongings::WORDLESS.to_vec();
        expected.sort_unstable();
        assert_eq!(
            wordless, expected,
            "plant a row of each table that can tell of a person"
        );

        let book = Book::default();
        let id = erase(&store, lead, &book).await;
        let ours = scope(1);
        let job = store.batch(&ours, id).await.unwrap();
        assert_eq!((job.state, job.done), (BatchState::Done, 1));
        assert_eq!(job.result["leads"], 3);
        assert!(store.person_export(&ours, file).await.is_err());
        let after = backup(&store).await;
        assert_eq!(traces(&after), [] as [String; 0]);
        assert!(
            store.get_lead(&ours, other).await.is_ok(),
            "somebody else stays"
        );
        let requests = store
            .subject_requests(&ours, None, prosaas_crm::Page::first(9))
            .await
            .unwrap();
        assert_eq!(requests[0].status, SubjectRequestStatus::Done);
        assert_eq!(
            (requests[0].subject.as_str(), requests[0].lead_id),
            ("", None)
        );
        let jobs = store
            .claim_jobs(
                &SystemScope::from_operator(),
                store.now(),
                1,
                50,
                RetryPolicy::STANDARD,
            )
            .await
            .unwrap();
        let files = jobs
            .iter()
            .filter(|job| matches!(job.work, JobWork::EraseCallFiles { .. }));
        assert!(files.count() <= 1);

        // The older backup comes back; the tombstones were kept outside of it.
        let options = target(&databases).await;
        let operator = SystemScope::from_operator();
        CrmStore::restore_backup(&operator, &options, &mut Cursor::new(&before[..]))
            .await
            .unwrap();
        let restored = open(&options).await;
        assert!(!traces(&backup(&restored).await).is_empty());
        let kept = book.0.lock().unwrap().clone();
        let strange = ErasureKey::new([8; 32]);
        let none = restored.replay_erasures(&operator, &strange, &kept).await;
        assert_eq!(none.unwrap(), 0, "another key finds nothing");
        let key = ErasureKey::new(KEY);
        let erased = restored.replay_erasures(&operator, &key, &kept).await;
        assert!(erased.unwrap() >= 4);
        assert_eq!(traces(&backup(&restored).await), [] as [String; 0]);
        assert!(restored.get_lead(&ours, other).await.is_ok());
        let again = restored.replay_erasures(&operator, &key, &kept).await;
        assert_eq!(again.unwrap(), 0);
    }
}

#[tokio::test]
async fn nobody_is_erased_without_the_right_nor_while_he_is_on_the_phone() {
    for backend in Backend::available() {
        let databases = Databases::new(backend);
        let store = databases.store().await;
        let (lead, _) = plant(&store).await;
        let (ours, theirs) = (scope(1), scope(2));
        let weak = Permissions::all().without(Permission::PrivacyWrite);
        let weak = TenantScope::from_trusted_host(ours.tenant(), weak);
        let refused = store.begin_erasure(&weak, lead, None).await;
        assert!(matches!(refused, Err(Error::Forbidden { .. })));
        let refused = store.begin_erasure(&theirs, lead, None).await;
        assert!(matches!(refused, Err(Error::NotFound { what: "lead" })));

        let (call, _) = store.open_call(&ours, caller(2)).await.unwrap();
        let book = Book::default();
        let id = store.begin_erasure(&ours, lead, None).await.unwrap();
        let key = ErasureKey::new(KEY);
        let busy = store.run_erasure(&ours, id, &key, &book).await;
        assert_eq!(busy.unwrap_err().class(), ErrorClass::Conflict);
        assert!(
            store.get_lead(&ours, lead).await.is_ok(),
            "nothing is erased"
        );
        let end = outcome(CallEnd::CallerHungUp);
        store.finish_call(&ours, call.id, end).await.unwrap();
        store.run_erasure(&ours, id, &key, &book).await.unwrap();
        assert!(store.lead(&ours, lead).await.unwrap().is_none());
    }
}

#[tokio::test]
async fn a_request_is_worked_through_and_says_who_ended_it() {
    for backend in Backend::available() {
        let databases = Databases::new(backend);
        let store = databases.store().await;
        plant(&store).await;
        let (ours, theirs) = (scope(1), scope(2));
        let first = prosaas_crm::Page::first(9);
        let listed = store.subject_requests(&ours, None, first).await.unwrap();
        assert_eq!(listed.len(), 1);
        assert!(
            store
                .subject_requests(&theirs, None, first)
                .await
                .unwrap()
                .is_empty()
        );
        let id = listed[0].id;
        assert!(store.subject_request(&theirs, id).await.is_err());
        let patch = SubjectRequestPatch {
            status: Some(SubjectRequestStatus::Refused),
            ..SubjectRequestPatch::default()
        };
        let stale = store
            .update_subject_request(&ours, id, 9, patch.clone())
            .await;
        assert!(matches!(stale, Err(Error::Conflict { .. })));
        let ended = store
            .update_subject_request(&ours, id, 1, patch)
            .await
            .unwrap();
        assert_eq!(ended.handled_kind.as_deref(), Some("host"));
        assert!(ended.handled_at.is_some());
        let open = Some(SubjectRequestStatus::Open);
        let listed = store.subject_requests(&ours, open, first).await.unwrap();
        assert!(listed.is_empty());
    }
}
