//! Files that come with messages: fetched, told by their bytes, heard, given up, erased.

mod limit;

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use prosaas_core::memory::{MemoryTranscriber, MemoryWhatsApp};
use prosaas_core::message::{
    ChatAddress, InboundBody, InboundMedia, InboundMessage, MediaKind, OutboundBody,
    OutboundMessage,
};
use prosaas_core::time::ManualClock;
use prosaas_core::whatsapp::{FileSink, LinkMethod, LinkState, WhatsAppCapabilities};
use prosaas_core::{Error, Result, TenantId, UnixMillis, WhatsAppTransport};
use prosaas_crm::model::conversation::{Message, NewOutbound, OutboundWords};
use prosaas_crm::model::id::MessageId;
use prosaas_crm::model::media_type::MediaType;
use prosaas_crm::model::message_file::{
    FileState, MOST_BYTES, MessageFile, OutboundFile, TranscriptState,
};
use prosaas_crm::search::Query;
use prosaas_crm::shelf::Shelf;
use prosaas_crm::store::FileOutcome;
use prosaas_crm::whatsapp::{Files, MAX_TRIES};
use prosaas_crm::{CrmStore, JobWork, LeadStore as _, Page, whatsapp};
use tempfile::TempDir;

use super::{
    deliver, messages, on_each_clock, ours, person, text, the_conversation, theirs, work_until,
};
use crate::support::NOW;

const OGG: &[u8] = b"OggS\0\x02 and what was said";
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n and the picture";
const PAGE: &[u8] = b"<html><script>alert(1)</script></html>";

/// A business with its way to WhatsApp, its shelf, and somebody who hears.
struct Shop {
    store: Arc<CrmStore>,
    clock: Arc<ManualClock>,
    transport: MemoryWhatsApp,
    hearing: MemoryTranscriber,
    shelf: Shelf,
    _folder: TempDir,
}

#[expect(
    clippy::future_not_send,
    reason = "a test's future stays on its own thread"
)]
async fn in_a_shop<F: Future<Output = ()>>(test: impl Fn(Shop) -> F) {
    on_each_clock(|store, clock| {
        let test = &test;
        async move {
            let transport = MemoryWhatsApp::new(Arc::clone(&store) as _);
            transport.scan(ours()).await;
            let folder = TempDir::new().unwrap();
            test(Shop {
                store,
                clock,
                transport,
                hearing: MemoryTranscriber::default(),
                shelf: Shelf::in_data_dir(folder.path()),
                _folder: folder,
            })
            .await;
        }
    })
    .await;
}

impl Shop {
    /// Somebody sends a file; what its bytes are is said apart from what they are said to be.
    async fn receives(
        &self,
        id: &str,
        (kind, claimed): (MediaKind, &str),
        bytes: impl Into<Bytes>,
    ) -> MessageId {
        let bytes = bytes.into();
        let size = bytes.len() as u64;
        self.transport.put_file(ours(), id, bytes);
        self.announced(id, (kind, claimed), Some(size)).await
    }

    async fn announced(
        &self,
        id: &str,
        (kind, claimed): (MediaKind, &str),
        bytes: Option<u64>,
    ) -> MessageId {
        self.clock.advance(10);
        let media = InboundMedia {
            kind,
            mime_type: claimed.to_owned(),
            file_name: Some(format!("../{id}.bin")),
            caption: None,
            bytes,
            handle: id.to_owned(),
        };
        let message = InboundMessage {
            body: InboundBody::Media(media),
            sent_at: self.store.now(),
            ..text(id, "")
        };
        deliver(&self.store, message).await;
        self.message(id).await.id
    }

    async fn notes(&self, id: &str) -> MessageId {
        self.receives(id, (MediaKind::VoiceNote, "audio/ogg; codecs=opus"), OGG)
            .await
    }

    async fn writes(&self, id: &str) -> MessageId {
        self.clock.advance(10);
        let mut message = text(id, "Are you there?");
        message.sent_at = self.store.now();
        deliver(&self.store, message).await;
        self.message(id).await.id
    }

    async fn message(&self, external: &str) -> Message {
        let all = messages(&self.store).await;
        let of = |one: &Message| one.external_id.as_deref() == Some(external);
        all.into_iter().find(of).unwrap()
    }

    async fn file(&self, id: MessageId) -> MessageFile {
        let message = self.store.message(&person(), id).await.unwrap();
        message.file.unwrap()
    }

    fn files(&self) -> Files<'_> {
        Files {
            store: &self.store,
            shelf: &self.shelf,
        }
    }

    async fn fetch(&self, id: MessageId, attempt: u32) -> Result<()> {
        let transport: &dyn WhatsAppTransport = &self.transport;
        let files = self.files();
        files.fetch(transport, &person(), (id, attempt)).await
    }

    async fn hear(&self, id: MessageId, attempt: u32) -> Result<()> {
        let (files, scope) = (self.files(), person());
        let heard = files.transcribe(&self.hearing, &scope, (id, attempt));
        heard.await.map(drop)
    }

    async fn read(&self, id: MessageId) -> Option<Bytes> {
        self.shelf.read(ours(), id, MOST_BYTES).await.unwrap()
    }

    /// What is to be done now, and will have to be within the next seconds.
    async fn work(&self) -> Vec<JobWork> {
        work_until(&self.store, self.store.now().plus(3_000)).await
    }
}

fn unavailable<T>() -> Result<T> {
    Err(Error::unavailable("model", "it sleeps"))
}

#[tokio::test]
async fn a_received_file_is_fetched_once_and_known_by_its_bytes() {
    in_a_shop(async |shop| {
        let picture = shop
            .receives("M1", (MediaKind::Image, "text/html"), PNG)
            .await;
        assert_eq!(shop.file(picture).await.state, FileState::Waiting);
        let work = shop.work().await;
        assert!(
            work.contains(&JobWork::FetchFile { message: picture }),
            "{work:?}"
        );
        assert!(work.contains(&JobWork::AnswerMessage { message: picture }));
        for _ in 0..2 {
            shop.fetch(picture, 1).await.unwrap();
        }
        let file = shop.file(picture).await;
        assert_eq!(file.state, FileState::Stored);
        assert_eq!(file.media_type.unwrap().name, "image/png");
        assert_eq!(file.bytes, Some(PNG.len() as u64));
        assert_eq!(file.name.as_deref(), Some("M1.bin"));
        assert_eq!(shop.read(picture).await.unwrap(), PNG);
        // A page that says it is a picture is a file of which nothing is known.
        let page = shop
            .receives("M2", (MediaKind::Image, "image/png"), PAGE)
            .await;
        shop.fetch(page, 1).await.unwrap();
        let file = shop.file(page).await;
        let found = file.media_type.unwrap();
        assert_eq!(
            (found.name, found.is_inline),
            ("application/octet-stream", false)
        );
    })
    .await;
}

#[tokio::test]
async fn another_business_has_no_part_in_it() {
    in_a_shop(async |shop| {
        let picture = shop
            .receives("M1", (MediaKind::Image, "image/png"), PNG)
            .await;
        let files = shop.files();
        let theirs = &theirs();
        files
            .fetch(&shop.transport, theirs, (picture, 1))
            .await
            .unwrap();
        assert!(shop.store.message(theirs, picture).await.is_err());
        let outcome = FileOutcome::Absent;
        let settled = shop.store.settle_file(theirs, picture, outcome).await;
        assert!(!settled.unwrap());
        let heard = shop.store.settle_transcript(theirs, picture, Some("x"));
        assert!(!heard.await.unwrap());
        assert_eq!(shop.file(picture).await.state, FileState::Waiting);
        shop.fetch(picture, 1).await.unwrap();
        let far = shop.store.now().plus(1_000);
        assert_eq!(shop.store.old_files(theirs, far, 9).await.unwrap(), []);
        assert_eq!(
            shop.store
                .messages_with_files(theirs, None, 9)
                .await
                .unwrap(),
            []
        );
        shop.store.forget_file(theirs, picture).await.unwrap();
        assert_eq!(shop.file(picture).await.state, FileState::Stored);
        let ours = shop.store.messages_with_files(&person(), None, 9).await;
        assert_eq!(ours.unwrap(), [picture]);
    })
    .await;
}

#[tokio::test]
async fn a_file_of_100_mb_is_refused_and_the_message_says_so() {
    in_a_shop(async |shop| {
        let film = (MediaKind::Video, "video/mp4");
        let announced = shop.announced("M1", film, Some(100_000_000)).await;
        shop.fetch(announced, 1).await.unwrap();
        assert_eq!(shop.file(announced).await.state, FileState::TooLarge);
        // Its size was not said, or was a lie: it is not read to its end.
        let huge = Bytes::from(vec![0; 100_000_000]);
        shop.transport.put_file(ours(), "M2", huge);
        let lying = shop.announced("M2", film, Some(7)).await;
        shop.fetch(lying, 1).await.unwrap();
        assert_eq!(shop.file(lying).await.state, FileState::TooLarge);
        assert_eq!(shop.shelf.messages(ours()).await.unwrap(), []);
        let gone = shop.announced("M3", film, None).await;
        shop.fetch(gone, 1).await.unwrap();
        assert_eq!(shop.file(gone).await.state, FileState::Absent);
    })
    .await;
}

#[tokio::test]
async fn who_dies_between_the_file_and_its_row_leaves_neither_twice_nor_alone() {
    in_a_shop(async |shop| {
        let picture = shop
            .receives("M1", (MediaKind::Image, "image/png"), PNG)
            .await;
        // Killed after the file was put in its place, before the row said so; and once in the middle.
        let mut placed = shop.shelf.begin(ours(), picture, 1).await.unwrap();
        placed.write(Bytes::from_static(PNG)).await.unwrap();
        placed.place("image/png").await.unwrap();
        let mut half = shop.shelf.begin(ours(), picture, 2).await.unwrap();
        half.write(Bytes::from_static(b"\x89PN")).await.unwrap();
        drop(half);
        assert_eq!(shop.file(picture).await.state, FileState::Waiting);
        shop.fetch(picture, 3).await.unwrap();
        assert_eq!(shop.file(picture).await.state, FileState::Stored);
        assert_eq!(shop.read(picture).await.unwrap(), PNG);
        // Erased while it was fetched: what is put in its place then goes again.
        let second = shop
            .receives("M2", (MediaKind::Image, "image/png"), PNG)
            .await;
        let mut placed = shop.shelf.begin(ours(), second, 1).await.unwrap();
        placed.write(Bytes::from_static(PNG)).await.unwrap();
        placed.place("image/png").await.unwrap();
        let lead = the_conversation(&shop.store).await.lead.unwrap();
        let found = shop.store.get_lead(&person(), lead).await.unwrap();
        let version = found.version;
        shop.store
            .delete_lead(&person(), lead, version)
            .await
            .unwrap();
        shop.store.purge_lead(&person(), lead).await.unwrap();
        shop.fetch(second, 2).await.unwrap();
        assert!(shop.read(second).await.is_none());
        // What was stored before goes by a job of its own.
        let work = work_until(&shop.store, shop.store.now()).await;
        assert!(
            work.contains(&JobWork::EraseFile { message: picture }),
            "{work:?}"
        );
        shop.shelf.remove(ours(), picture).await.unwrap();
        assert_eq!(shop.shelf.messages(ours()).await.unwrap(), []);
    })
    .await;
}

#[tokio::test]
async fn a_voice_note_is_answered_once_its_words_are_there() {
    in_a_shop(async |shop| {
        let note = shop.notes("M1").await;
        let answers = |work: &[JobWork], message| {
            let answer = JobWork::AnswerMessage { message };
            work.contains(&answer)
        };
        let work = shop.work().await;
        assert!(!answers(&work, note), "{work:?}");
        assert!(work.contains(&JobWork::ShowTyping { message: note }));
        // What is written meanwhile waits for it as well, so that the agent knows what was said.
        let behind = shop.writes("M2").await;
        let work = shop.work().await;
        assert!(!answers(&work, behind), "{work:?}");
        shop.fetch(note, 1).await.unwrap();
        let hear = JobWork::TranscribeMessage { message: note };
        assert_eq!(shop.work().await, [hear]);
        shop.hearing.push(Ok(" My boiler leaks. ".to_owned()));
        shop.hear(note, 1).await.unwrap();
        let asked = shop.hearing.asked();
        assert_eq!(asked[0].bytes, OGG);
        assert_eq!(
            (asked[0].media_type, asked[0].extension),
            ("audio/ogg", "ogg")
        );
        let answer = JobWork::AnswerMessage { message: behind };
        assert_eq!(shop.work().await, [answer]);
        let message = shop.message("M1").await;
        assert_eq!(message.body, "My boiler leaks.");
        assert_eq!(
            shop.file(note).await.transcript,
            Some(TranscriptState::Done)
        );
        let query = Query::parse("boiler", shop.store.phone_region(&person()).await.unwrap());
        let found = shop
            .store
            .search_conversations(&person(), &query.unwrap(), 9)
            .await;
        assert_eq!(found.unwrap().len(), 1);
        // Once heard, it is not heard again.
        shop.hear(note, 1).await.unwrap();
        assert_eq!(shop.hearing.asked().len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_kind_that_only_calls_itself_a_voice_note_keeps_nobody_waiting() {
    in_a_shop(async |shop| {
        let message = InboundMessage {
            body: InboundBody::Other("voice_note".to_owned()),
            ..text("M1", "")
        };
        deliver(&shop.store, message).await;
        let message = shop.writes("M2").await;
        let work = shop.work().await;
        assert!(
            work.contains(&JobWork::AnswerMessage { message }),
            "{work:?}"
        );
    })
    .await;
}

#[tokio::test]
async fn what_cannot_be_heard_is_answered_as_that() {
    in_a_shop(async |shop| {
        let is_answered = async |message: MessageId| {
            let work = shop.work().await;
            let failed = shop.file(message).await.transcript == Some(TranscriptState::Failed);
            failed && work.contains(&JobWork::AnswerMessage { message })
        };
        // A model that sleeps is asked again, and not for ever.
        let note = shop.notes("M1").await;
        shop.fetch(note, 1).await.unwrap();
        shop.work().await;
        shop.hearing.push(unavailable());
        assert!(shop.hear(note, 1).await.is_err());
        assert!(!is_answered(note).await);
        shop.hearing.push(unavailable());
        shop.hear(note, MAX_TRIES).await.unwrap();
        assert!(is_answered(note).await);
        // A refused key is not mended by another try; silence has no words; a page is no sound.
        let note = shop.notes("M2").await;
        shop.fetch(note, 1).await.unwrap();
        let detail = "no such key".to_owned();
        shop.hearing.push(Err(Error::Forbidden { detail }));
        shop.hear(note, 1).await.unwrap();
        assert!(is_answered(note).await);
        let note = shop.notes("M3").await;
        shop.fetch(note, 1).await.unwrap();
        shop.hearing.push(Ok(" ".to_owned()));
        shop.hear(note, 1).await.unwrap();
        assert!(is_answered(note).await);
        let asked = shop.hearing.asked().len();
        let page = shop
            .receives("M4", (MediaKind::VoiceNote, "audio/ogg"), PAGE)
            .await;
        shop.fetch(page, 1).await.unwrap();
        assert!(is_answered(page).await);
        assert_eq!(shop.hearing.asked().len(), asked);
    })
    .await;
}

#[tokio::test]
async fn a_note_that_cannot_be_had_keeps_nobody_waiting() {
    in_a_shop(async |shop| {
        let note = shop.notes("M1").await;
        shop.work().await;
        // The sidecar is away: the first tries only fail.
        let away = Away;
        let files = shop.files();
        for attempt in 1..MAX_TRIES {
            assert!(
                files
                    .fetch(&away, &person(), (note, attempt))
                    .await
                    .is_err()
            );
        }
        assert_eq!(shop.work().await, []);
        assert!(
            files
                .fetch(&away, &person(), (note, MAX_TRIES))
                .await
                .is_err()
        );
        assert_eq!(
            shop.work().await,
            [JobWork::AnswerMessage { message: note }]
        );
        // The file is still wanted, and is kept without being heard when it comes.
        shop.fetch(note, MAX_TRIES + 1).await.unwrap();
        let file = shop.file(note).await;
        assert_eq!(file.state, FileState::Stored);
        assert_eq!(file.transcript, Some(TranscriptState::Failed));
        assert_eq!(shop.work().await, []);
        // The job is dead, after longer than an answer may take: a person has it.
        let late = shop.notes("M2").await;
        shop.work().await;
        let fetch = JobWork::FetchFile { message: late };
        let rest = JobWork::GiveUpFile { message: late };
        assert_eq!(fetch.after_death(), Some(rest));
        shop.clock.advance(3_600_000);
        shop.store.give_up_file(&person(), late).await.unwrap();
        assert_eq!(shop.file(late).await.state, FileState::Absent);
        assert_eq!(
            shop.work().await,
            [JobWork::HandOverMessage { message: late }]
        );
    })
    .await;
}

#[tokio::test]
async fn a_file_has_its_time() {
    in_a_shop(async |shop| {
        let picture = shop
            .receives("M1", (MediaKind::Image, "image/png"), PNG)
            .await;
        shop.fetch(picture, 1).await.unwrap();
        let scope = person();
        let old = |before: UnixMillis| shop.store.old_files(&scope, before, 9);
        assert_eq!(old(NOW).await.unwrap(), []);
        assert_eq!(old(NOW.plus(60_000)).await.unwrap(), [picture]);
        shop.store.forget_file(&scope, picture).await.unwrap();
        assert_eq!(old(NOW.plus(60_000)).await.unwrap(), []);
        assert_eq!(shop.file(picture).await.state, FileState::Removed);
        let leads = shop.store.list_leads(&scope, Page::first(9)).await;
        assert_eq!(leads.unwrap().len(), 1, "the words stay");
    })
    .await;
}

#[tokio::test]
async fn a_file_of_ours_is_sent_with_its_bytes_or_says_that_it_is_gone() {
    in_a_shop(async |shop| {
        shop.writes("M1").await;
        let conversation = the_conversation(&shop.store).await.id;
        let write = async |id: MessageId, can| {
            let file = OutboundFile {
                id,
                media_type: MediaType::named("image/png").unwrap(),
                bytes: PNG.len() as u64,
                name: Some("a.png".to_owned()),
                caption: Some("look".to_owned()),
            };
            let new = NewOutbound {
                body: OutboundWords::File(file),
                ..NewOutbound::text("")
            };
            let scope = person();
            shop.store
                .write_message(&scope, conversation, new, can)
                .await
        };
        let id = MessageId::mint(shop.store.now());
        let mut draft = shop.shelf.begin(ours(), id, 1).await.unwrap();
        draft.write(Bytes::from_static(PNG)).await.unwrap();
        draft.place("").await.unwrap();
        let wordless = WhatsAppCapabilities {
            carries_media: false,
            ..super::CAN
        };
        let refused = write(id, wordless).await.unwrap_err();
        assert!(matches!(
            refused,
            Error::Conflict {
                what: "files-not-carried",
                ..
            }
        ));
        assert_eq!(write(id, super::CAN).await.unwrap().id, id);
        let twice = write(id, super::CAN).await.unwrap_err();
        assert!(matches!(
            twice,
            Error::Conflict {
                what: "file-sent",
                ..
            }
        ));
        let send = async |id| {
            let files = shop.files();
            whatsapp::send(files, &shop.transport, &person(), id, false).await
        };
        send(id).await.unwrap();
        let sent = shop.transport.sent(ours());
        let OutboundBody::Media(media) = &sent[0].body else {
            panic!("expected a file, got {:?}", sent[0]);
        };
        assert_eq!((media.kind, &media.bytes[..]), (MediaKind::Image, PNG));
        assert_eq!(media.caption.as_deref(), Some("look"));
        let gone = MessageId::mint(shop.store.now());
        write(gone, super::CAN).await.unwrap();
        send(gone).await.unwrap();
        let message = shop.store.message(&person(), gone).await.unwrap();
        assert_eq!(message.failure.unwrap().code, "file-gone");
    })
    .await;
}

/// A way to WhatsApp that is away.
struct Away;

#[async_trait]
impl WhatsAppTransport for Away {
    fn capabilities(&self) -> WhatsAppCapabilities {
        super::CAN
    }
    async fn state(&self, _: TenantId) -> Result<LinkState> {
        unavailable()
    }
    async fn link(&self, _: TenantId, _: LinkMethod) -> Result<LinkState> {
        unavailable()
    }
    async fn unlink(&self, _: TenantId) -> Result<()> {
        unavailable()
    }
    async fn send(&self, _: TenantId, _: OutboundMessage) -> Result<bool> {
        unavailable()
    }
    async fn typing(&self, _: TenantId, _: &ChatAddress) -> Result<()> {
        unavailable()
    }
    async fn mark_read(&self, _: TenantId, _: &ChatAddress, _: &[String]) -> Result<()> {
        unavailable()
    }
    async fn fetch(
        &self,
        _: TenantId,
        _: &InboundMedia,
        _: u64,
        _: &mut dyn FileSink,
    ) -> Result<()> {
        unavailable()
    }
}
