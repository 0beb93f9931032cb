//! What the business writes: queued with its job, sent once, and who has the conversation.

use std::sync::Arc;

use prosaas_core::memory::MemoryWhatsApp;
use prosaas_core::message::{Author, ChatAddress, InboundMessage, Template};
use prosaas_core::whatsapp::{LinkState, WhatsAppCapabilities};
use prosaas_core::{Error, TenantId, UnixMillis, WhatsAppTransport as _};
use prosaas_crm::auth::TenantScope;
use prosaas_crm::model::consent::{ConsentChannel, ConsentPurpose, NewConsent};
use prosaas_crm::model::conversation::{
    Channel, ConversationFilter, ConversationPatch, ConversationStatus, Message, MessageDirection,
    MessageStatus, NewMessage, NewOutbound, OutboundWords, PausedReason,
};
use prosaas_crm::model::id::MessageId;
use prosaas_crm::model::patch::Replace;
use prosaas_crm::{CrmStore, JobWork, whatsapp};

use super::{
    CAN, LID, close, deliver, is_stale, jobs_until, messages, on_each_backend, ours, person,
    send_words, text, the_conversation, theirs, work_until,
};
use crate::support::NOW;

async fn linked(store: &Arc<CrmStore>) -> MemoryWhatsApp {
    let transport = MemoryWhatsApp::new(Arc::clone(store) as _);
    transport.scan(ours()).await;
    transport
}

async fn write(store: &CrmStore, new: NewOutbound) -> Result<Message, Error> {
    let conversation = the_conversation(store).await.id;
    store.write_message(&person(), conversation, new, CAN).await
}

pub(super) fn code<T: std::fmt::Debug>(result: &Result<T, Error>) -> &'static str {
    match result {
        Err(Error::Conflict { what, .. } | Error::NotFound { what }) => what,
        Err(Error::Invalid { field, .. }) => field,
        other => panic!("expected a refusal, got {other:?}"),
    }
}

async fn status(store: &CrmStore, id: MessageId) -> MessageStatus {
    store.message(&person(), id).await.unwrap().status
}

#[tokio::test]
async fn a_message_is_queued_with_its_job_and_sent_once() {
    on_each_backend(async |store| {
        let transport = linked(&store).await;
        deliver(&store, text("M1", "are you open?")).await;
        let written = write(&store, NewOutbound::text(" Until six. "))
            .await
            .unwrap();
        assert_eq!(written.status, MessageStatus::Queued);
        assert_eq!(written.body, "Until six.");
        let conversation = the_conversation(&store).await;
        assert_eq!(conversation.paused, Some(PausedReason::Person));
        assert_eq!(conversation.status, ConversationStatus::Waiting);
        assert_eq!(conversation.unread, 0);
        let send = JobWork::SendMessage {
            message: written.id,
        };
        let mut jobs = jobs_until(&store, NOW).await;
        jobs.retain(|job| job.work == send);
        assert_eq!(jobs.len(), 1, "{jobs:?}");
        // The process dies after the transport took it, and the job runs again.
        let scope = TenantScope::of_job(&jobs[0]);
        let outbound = store.outbound(&scope, written.id).await.unwrap().unwrap();
        assert!(transport.send(ours(), outbound.message).await.unwrap());
        for _ in 0..2 {
            send_words(&store, &transport, &scope, written.id, false)
                .await
                .unwrap();
        }
        let sent = transport.sent(ours());
        assert_eq!(sent.len(), 1);
        assert_eq!(sent[0].to, ChatAddress(LID.to_owned()));
        assert_eq!(sent[0].id.0, written.id.to_string());
        let after = store.message(&person(), written.id).await.unwrap();
        assert_eq!(
            (after.status, after.sent_at),
            (MessageStatus::Sent, Some(NOW))
        );
        assert!(store.outbound(&scope, written.id).await.unwrap().is_none());
        assert!(
            store
                .outbound(&theirs(), written.id)
                .await
                .unwrap()
                .is_none()
        );
    })
    .await;
}

#[tokio::test]
async fn what_cannot_be_sent_fails_with_its_reason() {
    on_each_backend(async |store| {
        let transport = linked(&store).await;
        deliver(&store, text("M1", "hello")).await;
        transport.set_state(ours(), LinkState::LoggedOut).await;
        let message = write(&store, NewOutbound::text("hello")).await.unwrap().id;
        send_words(&store, &transport, &person(), message, false)
            .await
            .unwrap();
        let failed = store.message(&person(), message).await.unwrap();
        assert_eq!(failed.status, MessageStatus::Failed);
        assert_eq!(failed.failure.unwrap().code, "refused");
        // What is never tried again does not wait for ever.
        let stuck = write(&store, NewOutbound::text("hello")).await.unwrap().id;
        let system = prosaas_crm::testkit::OPERATOR;
        assert_eq!(store.give_up_unsent(&system, NOW).await.unwrap(), 0);
        let later = store.give_up_unsent(&system, NOW.plus(1)).await;
        assert_eq!(later.unwrap(), 1);
        assert_eq!(status(&store, stuck).await, MessageStatus::Failed);
        let dead = write(&store, NewOutbound::text("hello")).await.unwrap().id;
        whatsapp::give_up(&store, &person(), dead).await.unwrap();
        assert_eq!(status(&store, dead).await, MessageStatus::Failed);
    })
    .await;
}

#[tokio::test]
async fn what_the_law_and_the_channel_forbid_is_not_written() {
    on_each_backend(async |store| {
        deliver(&store, text("M1", "hello")).await;
        let conversation = the_conversation(&store).await;
        let advert = || NewOutbound {
            purpose: ConsentPurpose::Marketing,
            ..NewOutbound::text("Ten percent off!")
        };
        assert_eq!(code(&write(&store, advert()).await), "consent-missing");
        let consent = |purpose, given| NewConsent {
            lead_id: conversation.lead.unwrap(),
            channel: ConsentChannel::Whatsapp,
            purpose,
            given,
            source: "chat".to_owned(),
            evidence: None,
        };
        let given = consent(ConsentPurpose::Marketing, true);
        store.add_consent(&person(), given).await.unwrap();
        assert!(write(&store, advert()).await.is_ok());
        let refused = consent(ConsentPurpose::Service, false);
        store.add_consent(&person(), refused).await.unwrap();
        let answer = write(&store, NewOutbound::text("hello")).await;
        assert_eq!(code(&answer), "consent-missing");
        assert!(write(&store, advert()).await.is_ok(), "another purpose");
        for bad in ["", " \n ", "a\0b", &"x".repeat(4_097)] {
            assert_eq!(code(&write(&store, NewOutbound::text(bad)).await), "text");
        }
        let template = Template {
            name: "hello".to_owned(),
            language: "he".to_owned(),
            parameters: Vec::new(),
        };
        let template = NewOutbound {
            body: OutboundWords::Template(template),
            purpose: ConsentPurpose::Marketing,
            quotes: None,
            is_wanted: false,
            is_to_own_people: false,
        };
        assert_eq!(code(&write(&store, template).await), "template");
        let quoting = NewOutbound {
            quotes: Some(MessageId::mint(UnixMillis(5))),
            ..advert()
        };
        assert_eq!(code(&write(&store, quoting).await), "quoted message");
        let foreign = store
            .write_message(&theirs(), conversation.id, NewOutbound::text("x"), CAN)
            .await;
        assert_eq!(code(&foreign), "conversation");
    })
    .await;
}

#[tokio::test]
async fn behind_the_window_only_a_template_is_written() {
    let cloud = WhatsAppCapabilities {
        needs_templates: true,
        ..CAN
    };
    on_each_backend(async |store| {
        let mut message = text("M1", "hello");
        message.sent_at = NOW.plus(-25 * 3_600_000);
        deliver(&store, message).await;
        let conversation = the_conversation(&store).await.id;
        let words = NewOutbound::text("hello");
        let late = store
            .write_message(&person(), conversation, words, cloud)
            .await;
        assert_eq!(code(&late), "window-closed");
        let template = Template {
            name: "we_are_back".to_owned(),
            language: "he".to_owned(),
            parameters: vec!["Dana".to_owned()],
        };
        let new = NewOutbound {
            body: OutboundWords::Template(template.clone()),
            ..NewOutbound::text("")
        };
        let written = store
            .write_message(&person(), conversation, new, cloud)
            .await;
        let outbound = store.outbound(&person(), written.unwrap().id).await;
        let body = outbound.unwrap().unwrap().message.body;
        assert_eq!(
            body,
            prosaas_core::message::OutboundBody::Template(template)
        );
    })
    .await;
}

#[tokio::test]
async fn a_person_takes_over_and_gives_back() {
    on_each_backend(async |store| {
        deliver(&store, text("M1", "hello")).await;
        let before = the_conversation(&store).await;
        let patch = |paused| ConversationPatch {
            agent_paused: Replace(Some(paused)),
            ..ConversationPatch::default()
        };
        let change = |version, paused| {
            let store = Arc::clone(&store);
            async move {
                let patch = patch(paused);
                let id = before.id;
                store
                    .update_conversation(&person(), id, version, patch)
                    .await
            }
        };
        let taken = change(before.version, true).await.unwrap();
        assert_eq!(taken.paused, Some(PausedReason::Switched));
        assert_eq!(
            code(&change(before.version, false).await),
            "version-conflict"
        );
        work_until(&store, NOW.plus(9_000)).await;
        deliver(&store, text("M2", "anybody?")).await;
        assert_eq!(work_until(&store, NOW.plus(9_000)).await, []);
        let version = the_conversation(&store).await.version;
        assert_eq!(change(version, false).await.unwrap().paused, None);
        deliver(&store, text("M3", "hello?")).await;
        assert_eq!(work_until(&store, NOW.plus(9_000)).await.len(), 2);
        let agent = |answers| ConversationFilter {
            agent: Some(answers),
            ..ConversationFilter::default()
        };
        let with = store.conversations(&person(), agent(true), None, 9).await;
        let without = store.conversations(&person(), agent(false), None, 9).await;
        assert_eq!((with.unwrap().len(), without.unwrap().len()), (1, 0));
        let nothing = ConversationPatch::default();
        let id = before.id;
        assert!(
            store
                .update_conversation(&person(), id, 1, nothing)
                .await
                .is_err()
        );
    })
    .await;
}

#[tokio::test]
async fn what_was_read_is_shown_to_the_other_side_once() {
    on_each_backend(async |store| {
        let transport = linked(&store).await;
        deliver(&store, text("M1", "one")).await;
        deliver(&store, text("M2", "two")).await;
        work_until(&store, NOW.plus(9_000)).await;
        let unread = |unread| ConversationFilter {
            unread: Some(unread),
            ..ConversationFilter::default()
        };
        let waiting = store.conversations(&person(), unread(true), None, 9).await;
        let id = waiting.unwrap()[0].id;
        let read = store.read_conversation(&person(), id).await.unwrap();
        assert_eq!(read.unread, 0);
        assert_eq!(store.read_conversation(&person(), id).await.unwrap(), read);
        let jobs = work_until(&store, NOW).await;
        let [JobWork::MarkRead { conversation, at }] = jobs.as_slice() else {
            panic!("{jobs:?}");
        };
        whatsapp::mark_read(&store, &transport, &person(), *conversation, *at)
            .await
            .unwrap();
        let mut marked = transport.marked_read(ours());
        marked.sort_unstable();
        assert_eq!(marked, ["M1", "M2"]);
        let waiting = store.conversations(&person(), unread(true), None, 9).await;
        assert!(waiting.unwrap().is_empty());
        assert!(
            messages(&store)
                .await
                .iter()
                .all(|message| message.read_at == Some(NOW))
        );
        assert!(store.read_conversation(&theirs(), id).await.is_err());
        let heard = store
            .wa_last_heard(
                &prosaas_crm::testkit::OPERATOR,
                ours(),
                &ChatAddress(LID.to_owned()),
            )
            .await;
        assert_eq!(heard.unwrap(), Some(NOW.plus(-999)));
        let nobody = TenantId::mint(UnixMillis(5));
        let heard = store
            .wa_last_heard(
                &prosaas_crm::testkit::OPERATOR,
                nobody,
                &ChatAddress(LID.to_owned()),
            )
            .await;
        assert_eq!(heard.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn a_conversation_is_closed_with_a_reason_until_somebody_writes() {
    on_each_backend(async |store| {
        deliver(&store, text("M1", "hello")).await;
        let seen = the_conversation(&store).await;
        assert!(close(&store, &seen, &"x".repeat(201)).await.is_err());
        let closed = close(&store, &seen, " a wrong number ").await.unwrap();
        assert_eq!(closed.status, ConversationStatus::Closed);
        assert_eq!(closed.close_reason.as_deref(), Some("a wrong number"));
        deliver(&store, text("M2", "still here")).await;
        let again = the_conversation(&store).await;
        assert_eq!(again.status, ConversationStatus::Open);
        assert_eq!(again.close_reason, None);
        // What came in meanwhile was not seen.
        deliver(&store, text("M3", "hello?")).await;
        let late = close(&store, &again, "a wrong number").await;
        assert!(is_stale(&late), "{late:?}");
        assert_eq!(
            the_conversation(&store).await.status,
            ConversationStatus::Open
        );
    })
    .await;
}

#[tokio::test]
async fn whoever_opens_a_conversation_again_the_reason_for_its_end_goes() {
    on_each_backend(async |store| {
        let scope = person();
        deliver(&store, text("M1", "hello")).await;
        let first = messages(&store).await[0].id;
        let id = the_conversation(&store).await.id;
        for way in 0..6 {
            let seen = the_conversation(&store).await;
            close(&store, &seen, "solved").await.unwrap();
            match way {
                0 => {
                    let answered = store.write_answer(&scope, first, "Until six.", (CAN, None));
                    assert!(answered.await.unwrap());
                }
                1 => {
                    let asked = PausedReason::Asked;
                    assert!(store.hand_over(&scope, id, asked).await.unwrap());
                }
                2 => {
                    write(&store, NewOutbound::text("hello")).await.unwrap();
                }
                3 => {
                    let by_phone = InboundMessage {
                        author: Author::Business,
                        ..text("M3", "from my phone")
                    };
                    deliver(&store, by_phone).await;
                }
                4 => {
                    let opens = ConversationPatch {
                        status: Replace(Some(ConversationStatus::Open)),
                        ..ConversationPatch::default()
                    };
                    let version = the_conversation(&store).await.version;
                    let opened = store.update_conversation(&scope, id, version, opens);
                    opened.await.unwrap();
                }
                _ => deliver(&store, text("M4", "one more thing")).await,
            }
            let after = the_conversation(&store).await;
            assert_ne!(after.status, ConversationStatus::Closed, "way {way}");
            assert_eq!(after.close_reason, None, "way {way}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_conversation_without_a_transport_is_opened_by_its_messages_too() {
    on_each_backend(async |store| {
        let new = |direction, at: i64| NewMessage {
            channel: Channel::Web,
            peer: "visitor".to_owned(),
            lead: None,
            direction,
            kind: "text".to_owned(),
            body: "hello".to_owned(),
            media: None,
            external_id: None,
            status: MessageStatus::Received,
            at: NOW.plus(at),
        };
        let (seen, _) = store
            .add_message(&person(), new(MessageDirection::Inbound, 0))
            .await
            .unwrap();
        for direction in MessageDirection::ALL {
            let seen = store.conversation(&person(), seen.id).await.unwrap();
            close(&store, &seen, "solved").await.unwrap();
            let added = store.add_message(&person(), new(direction, 1)).await;
            let (after, _) = added.unwrap();
            assert_ne!(after.status, ConversationStatus::Closed);
            assert_eq!(after.close_reason, None);
        }
    })
    .await;
}
