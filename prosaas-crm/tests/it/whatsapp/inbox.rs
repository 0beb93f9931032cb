//! What comes in is kept, once, as what it is.

use std::sync::Arc;

use prosaas_core::message::{
    Author, ChatAddress, ChatParty, ContactAlias, Delivery, DeliveryReport, InboundBody,
    InboundMedia, InboundMessage, MediaKind, OutboundId,
};
use prosaas_core::testkit::samples::{new_call, seed};
use prosaas_core::whatsapp::WhatsAppEvent;
use prosaas_core::{
    E164, ErrorClass, LeadDraft, NewCall, TenantId, UnixMillis, WhatsAppInbox as _,
};
use prosaas_crm::model::conversation::{
    ConversationStatus, MessageDirection, MessageStatus, NewOutbound, PausedReason,
};
use prosaas_crm::model::identity::NewIdentity;
use prosaas_crm::model::timeline::TimelineKind;
use prosaas_crm::{JobWork, LeadSource, LeadStore as _, Page, PhoneStore as _};

use super::{
    CAN, LID, PHONE, close, conversations, dana, deliver, is_stale, messages, on_each_backend,
    on_each_clock, ours, person, phone, text, the_conversation, theirs, work_until,
};
use crate::support::NOW;

#[tokio::test]
async fn a_message_is_kept_with_all_that_follows_from_it() {
    on_each_backend(async |store| {
        deliver(&store, text("M1", "Are you open?")).await;
        let conversation = the_conversation(&store).await;
        assert_eq!(conversation.peer, LID);
        assert_eq!(conversation.peer_name.as_deref(), Some("Dana"));
        assert_eq!((conversation.unread, conversation.paused), (1, None));
        assert_eq!(conversation.status, ConversationStatus::Open);
        assert_eq!(conversation.last_inbound_at, Some(NOW.plus(-1_000)));
        let lead = conversation.lead.unwrap();
        let details = store.lead_details(&person(), lead).await.unwrap();
        assert_eq!(details.lead.source, LeadSource::WhatsApp);
        assert_eq!(details.lead.known.name.as_deref(), Some("Dana"));
        assert_eq!(details.identities[0].identity.expose(), LID);
        let kept = &messages(&store).await[0];
        assert_eq!(
            (kept.body.as_str(), kept.kind.as_str()),
            ("Are you open?", "text")
        );
        assert_eq!(kept.external_id.as_deref(), Some("M1"));
        assert_eq!(kept.actor_kind, "contact");
        let first = Page::first(9);
        let timeline = store.timeline(&person(), lead, first).await.unwrap();
        let entry = timeline
            .iter()
            .find(|entry| entry.kind == TimelineKind::Message);
        let entry = entry.expect("an entry of the message");
        assert_eq!(entry.ref_id, Some(kept.id.to_string()));
        assert_eq!(entry.actor_kind, "contact");
        let events = store.events_after(&person(), 0, 50).await.unwrap();
        let mine = conversation.id.to_string();
        assert!(events.iter().any(|event| event.kind == "message.received"
            && event.entity_id == mine
            && event.lead == Some(lead)));
        // The agent shows that it writes, and waits a little for the rest of what is being written.
        let typing = JobWork::ShowTyping { message: kept.id };
        assert_eq!(work_until(&store, NOW).await, [typing]);
        let answer = JobWork::AnswerMessage { message: kept.id };
        assert_eq!(work_until(&store, NOW.plus(5_000)).await, [answer]);
        assert!(
            store
                .conversation(&theirs(), conversation.id)
                .await
                .is_err()
        );
        assert!(store.message(&theirs(), kept.id).await.is_err());
    })
    .await;
}

#[tokio::test]
async fn a_message_that_is_delivered_twice_or_at_once_is_kept_once() {
    on_each_backend(async |store| {
        let mut deliveries = tokio::task::JoinSet::new();
        for n in 0..8 {
            let store = Arc::clone(&store);
            // Two messages of a person who was never heard of, four times each, under two names.
            let mut message = text(["M1", "M2"][n % 2], "hello");
            if n >= 4 {
                message.party.aliases.push(phone());
            }
            deliveries.spawn(async move {
                let event = WhatsAppEvent::Message(message);
                store.accept(ours(), event).await.unwrap();
            });
        }
        while let Some(ended) = deliveries.join_next().await {
            ended.unwrap();
        }
        assert_eq!(messages(&store).await.len(), 2);
        let conversation = the_conversation(&store).await;
        assert_eq!(conversation.unread, 2);
        let leads = store.list_leads(&person(), Page::first(9)).await.unwrap();
        let leads: Vec<_> = leads.iter().map(|lead| lead.id).collect();
        assert_eq!(leads, [conversation.lead.unwrap()]);
        assert_eq!(work_until(&store, NOW.plus(9_000)).await.len(), 4);
        // Once more, long after.
        deliver(&store, text("M1", "hello")).await;
        assert_eq!(the_conversation(&store).await, conversation);
    })
    .await;
}

#[tokio::test]
async fn nothing_that_somebody_may_send_is_dropped() {
    on_each_backend(async |store| {
        let bodies = [
            InboundBody::Text("a\0b".to_owned()),
            InboundBody::Text("x".repeat(100_000)),
            InboundBody::Text(String::new()),
            InboundBody::Other("a_kind_of_tomorrow".to_owned()),
            InboundBody::Other(format!("{}\u{7}\0", "k".repeat(500))),
            InboundBody::Other("\0".to_owned()),
            InboundBody::Undecryptable,
            InboundBody::Location {
                latitude: f64::NAN,
                longitude: 34.8,
                name: Some("\0".to_owned()),
            },
            InboundBody::Reaction {
                to: "nobody's".to_owned(),
                emoji: "👍".to_owned(),
            },
            InboundBody::Media(InboundMedia {
                kind: MediaKind::VoiceNote,
                mime_type: "audio/ogg\0".to_owned(),
                file_name: Some("\0".repeat(300)),
                caption: None,
                bytes: Some(u64::MAX),
                handle: "a b\0".to_owned(),
            }),
            InboundBody::Revoked {
                to: "x".repeat(1_000),
            },
        ];
        let count = bodies.len();
        for (body, n) in bodies.into_iter().zip(0..) {
            let message = InboundMessage {
                body,
                id: format!("{n}\0{}", "i".repeat(n * 50)),
                quoted: Some("\0q".to_owned()),
                sent_at: UnixMillis([i64::MIN, 0, i64::MAX][n % 3]),
                ..text("", "")
            };
            deliver(&store, message).await;
        }
        // Without an id nothing can be known again, but it is kept.
        deliver(&store, text("\0", "no id")).await;
        let kept = messages(&store).await;
        assert_eq!(kept.len(), count + 1);
        assert!(
            kept.iter()
                .all(|message| message.at == NOW || message.body == "no id")
        );
        let kinds: Vec<_> = kept.iter().map(|message| message.kind.as_str()).collect();
        assert!(kinds.contains(&"a_kind_of_tomorrow") && kinds.contains(&"unknown"));
        // Reactions and words taken back wait for nobody.
        assert_eq!(the_conversation(&store).await.unread as usize, count - 1);
    })
    .await;
}

#[tokio::test]
async fn a_person_has_one_conversation_and_one_lead_under_all_his_names() {
    on_each_clock(async |store, clock| {
        // He called before, and is known by his number; by WhatsApp he writes under a hidden one.
        let call = NewCall {
            caller: Some(E164::parse(PHONE).unwrap()),
            ..new_call(1)
        };
        let (call, _) = store.open_call(&person(), call).await.unwrap();
        let draft = LeadDraft::default();
        let caller = store.save_lead(&person(), call.id, draft).await.unwrap();
        clock.advance(1_000);
        deliver(&store, text("M1", "hello")).await;
        let stranger = the_conversation(&store).await.lead.unwrap();
        assert_ne!(stranger, caller, "nobody knows yet");
        // Then the channel says who that is.
        let same = ChatParty {
            aliases: vec![ContactAlias::Lid(LID.to_owned()), phone()],
            name: None,
            ..dana()
        };
        store
            .accept(ours(), WhatsAppEvent::SamePerson(same))
            .await
            .unwrap();
        let conversation = the_conversation(&store).await;
        assert_eq!(conversation.lead, Some(caller), "the older one stays");
        assert!(store.get_lead(&person(), stranger).await.is_err());
        let number = NewIdentity::phone(&E164::parse(PHONE).unwrap());
        let owner = store.lead_by_identity(&person(), &number).await.unwrap();
        assert_eq!(owner.map(|lead| lead.id), Some(caller));
        // From another address of his it is the same conversation.
        let mut message = text("M2", "it is me");
        message.party = ChatParty {
            address: ChatAddress("15550100123@s.whatsapp.net".to_owned()),
            aliases: vec![phone()],
            name: None,
        };
        deliver(&store, message).await;
        assert_eq!(messages(&store).await.len(), 2);
        assert_eq!(the_conversation(&store).await.peer, LID);
    })
    .await;
}

#[tokio::test]
async fn two_conversations_of_one_person_become_one() {
    on_each_backend(async |store| {
        deliver(&store, text("M1", "by my hidden name")).await;
        let mut by_number = text("M2", "by my number");
        by_number.party = ChatParty {
            address: ChatAddress("15550100123@s.whatsapp.net".to_owned()),
            aliases: vec![phone()],
            name: None,
        };
        deliver(&store, by_number).await;
        let both = conversations(&store).await;
        assert_eq!(both.len(), 2);
        let mut message = text("M3", "both are me");
        message.party.aliases.push(phone());
        deliver(&store, message).await;
        let one = the_conversation(&store).await;
        assert_eq!(one.unread, 3);
        assert_eq!(messages(&store).await.len(), 3);
        let lead = one.lead.unwrap();
        let identities = store.lead_identities(&person(), lead).await.unwrap();
        assert_eq!(identities.len(), 2);
    })
    .await;
}

#[tokio::test]
async fn who_waits_in_one_of_two_conversations_waits_in_the_one_that_is_left() {
    use ConversationStatus::{Closed, Open};
    for (first, second, after) in [
        (Closed, Open, Open),
        (Open, Closed, Open),
        (Closed, Closed, Closed),
    ] {
        on_each_clock(|store, clock| async move {
            deliver(&store, text("M1", "by my hidden name")).await;
            let kept = the_conversation(&store).await.id;
            clock.advance(1_000);
            let mut by_number = text("M2", "by my number");
            by_number.party = ChatParty {
                address: ChatAddress("15550100123@s.whatsapp.net".to_owned()),
                aliases: vec![phone()],
                name: None,
            };
            deliver(&store, by_number).await;
            for one in conversations(&store).await {
                let status = if one.id == kept { first } else { second };
                if status == Closed {
                    close(&store, &one, "solved").await.unwrap();
                } else {
                    let asked = PausedReason::Asked;
                    assert!(store.hand_over(&person(), one.id, asked).await.unwrap());
                }
            }
            work_until(&store, NOW.plus(60_000)).await;
            clock.advance(1_000);
            let same = ChatParty {
                aliases: vec![ContactAlias::Lid(LID.to_owned()), phone()],
                ..dana()
            };
            let same = WhatsAppEvent::SamePerson(same);
            store.accept(ours(), same).await.unwrap();
            let one = the_conversation(&store).await;
            assert_eq!((one.id, one.status), (kept, after), "{first} and {second}");
            let reason = (after == Closed).then_some("solved");
            assert_eq!(one.close_reason.as_deref(), reason);
            let asked = (after == Open).then_some(PausedReason::Asked);
            assert_eq!(one.paused, asked, "a person is still waited for");
            // The mail about the one that is gone would reach nobody.
            let work = work_until(&store, NOW.plus(60_000)).await;
            let told = work.iter().any(|work| {
                matches!(work, JobWork::AlertConversation { conversation, .. } if *conversation == kept)
            });
            assert_eq!(told, second == Open, "{work:?}");
        })
        .await;
    }
}

#[tokio::test]
async fn somebody_whose_lead_was_thrown_away_comes_back() {
    on_each_backend(async |store| {
        deliver(&store, text("M1", "hello")).await;
        let lead = the_conversation(&store).await.lead.unwrap();
        let version = store.get_lead(&person(), lead).await.unwrap().version;
        store.delete_lead(&person(), lead, version).await.unwrap();
        deliver(&store, text("M2", "hello again")).await;
        let conversation = the_conversation(&store).await;
        assert_ne!(conversation.lead, Some(lead));
        let back = conversation.lead.unwrap();
        assert!(store.get_lead(&person(), back).await.is_ok());
    })
    .await;
}

#[tokio::test]
async fn what_could_not_be_read_is_read_when_it_can_be() {
    on_each_backend(async |store| {
        let sealed = InboundMessage {
            body: InboundBody::Undecryptable,
            ..text("M1", "")
        };
        deliver(&store, sealed.clone()).await;
        assert_eq!(work_until(&store, NOW.plus(9_000)).await, []);
        deliver(&store, text("M1", "now you can")).await;
        deliver(&store, sealed).await;
        let kept = messages(&store).await;
        assert_eq!((kept.len(), kept[0].body.as_str()), (1, "now you can"));
        assert_eq!(the_conversation(&store).await.unread, 1);
        assert_eq!(work_until(&store, NOW.plus(9_000)).await.len(), 2);
    })
    .await;
}

#[tokio::test]
async fn what_can_be_read_at_last_is_news_to_whoever_closed_it_or_is_about_to() {
    on_each_backend(async |store| {
        let sealed = InboundMessage {
            body: InboundBody::Undecryptable,
            ..text("M1", "")
        };
        deliver(&store, sealed).await;
        let seen = the_conversation(&store).await;
        deliver(&store, text("M1", "my house is under water")).await;
        let late = close(&store, &seen, "nothing to read").await;
        assert!(is_stale(&late), "{late:?}");
        // And when it was closed and read before.
        let sealed = InboundMessage {
            body: InboundBody::Undecryptable,
            ..text("M2", "")
        };
        deliver(&store, sealed).await;
        let seen = the_conversation(&store).await;
        let read = store.read_conversation(&person(), seen.id).await.unwrap();
        close(&store, &read, "nothing to read").await.unwrap();
        deliver(&store, text("M2", "hello?")).await;
        let after = the_conversation(&store).await;
        assert_eq!((after.status, after.unread), (ConversationStatus::Open, 1));
        assert_eq!(after.close_reason, None);
    })
    .await;
}

#[tokio::test]
async fn words_are_changed_and_taken_back_by_their_author_alone() {
    on_each_backend(async |store| {
        deliver(&store, text("M1", "at four")).await;
        let other = |id: &str, body, author| InboundMessage {
            body,
            author,
            ..text(id, "")
        };
        let edit = InboundBody::Edit {
            to: "M1".to_owned(),
            text: "at five".to_owned(),
        };
        let revoke = InboundBody::Revoked {
            to: "M1".to_owned(),
        };
        deliver(&store, other("M2", revoke.clone(), Author::Business)).await;
        assert_eq!(
            messages(&store).await[0].revoked_at,
            None,
            "it is not its own"
        );
        deliver(&store, other("M3", edit, Author::Customer)).await;
        deliver(&store, other("M4", revoke, Author::Customer)).await;
        let kept = messages(&store).await;
        assert!(kept[0].edited_at.is_some() && kept[0].revoked_at.is_some());
        assert_eq!(kept[0].body, "at four", "what was read stays");
        assert!(kept.iter().any(|message| message.body == "at five"));
    })
    .await;
}

#[tokio::test]
async fn who_answers_on_the_phone_takes_the_conversation_over() {
    on_each_backend(async |store| {
        deliver(&store, text("M1", "hello")).await;
        let answer = InboundMessage {
            author: Author::Business,
            ..text("M2", "we are open")
        };
        deliver(&store, answer).await;
        let conversation = the_conversation(&store).await;
        assert_eq!(conversation.paused, Some(PausedReason::Person));
        assert_eq!(conversation.unread, 0);
        let kept = messages(&store).await;
        assert_eq!(kept[1].direction, MessageDirection::Outbound);
        assert_eq!(
            (kept[1].status, kept[1].actor_kind.as_str()),
            (MessageStatus::Sent, "phone")
        );
        work_until(&store, NOW.plus(9_000)).await;
        deliver(&store, text("M3", "thanks")).await;
        let later = work_until(&store, NOW.plus(9_000)).await;
        assert_eq!(later, [], "a person has it");
    })
    .await;
}

#[tokio::test]
async fn a_group_is_nobodys_lead_and_nobody_answers_it() {
    on_each_backend(async |store| {
        let mut message = text("M1", "hello all");
        message.party.address = ChatAddress("1-2@g.us".to_owned());
        deliver(&store, message).await;
        assert_eq!(the_conversation(&store).await.lead, None);
        assert_eq!(work_until(&store, NOW.plus(9_000)).await, []);
    })
    .await;
}

#[tokio::test]
async fn reports_move_a_message_forward_only() {
    use Delivery::{Delivered, Failed, Read, Sent};
    on_each_backend(async |store| {
        deliver(&store, text("M1", "hello")).await;
        let conversation = the_conversation(&store).await.id;
        let cases: [(&[Delivery], MessageStatus); 6] = [
            (&[Sent, Delivered, Read], MessageStatus::Read),
            (&[Read, Delivered, Sent, Read], MessageStatus::Read),
            (&[Sent, Failed], MessageStatus::Failed),
            (&[Failed, Sent], MessageStatus::Failed),
            (&[Failed, Delivered], MessageStatus::Delivered),
            (&[Delivered, Failed, Sent], MessageStatus::Delivered),
        ];
        for (reports, expected) in cases {
            let new = NewOutbound::text("we are open");
            let written = store.write_message(&person(), conversation, new, CAN).await;
            let message = written.unwrap().id;
            for delivery in reports {
                let report = DeliveryReport {
                    id: OutboundId(message.to_string()),
                    delivery: *delivery,
                    code: Some("463".to_owned()),
                    sentence: None,
                    at: NOW.plus(5),
                };
                let event = WhatsAppEvent::Delivery(report);
                store.accept(ours(), event.clone()).await.unwrap();
                // Another business's word changes nothing.
                store.accept(theirs().tenant(), event).await.unwrap();
            }
            let after = store.message(&person(), message).await.unwrap();
            assert_eq!(after.status, expected, "{reports:?}");
            let failure = after.failure.map(|failure| failure.code);
            let failed = expected == MessageStatus::Failed;
            assert_eq!(failure.is_some(), failed, "{reports:?}");
        }
        let unknown = DeliveryReport {
            id: OutboundId("somebody-else's".to_owned()),
            delivery: Sent,
            code: None,
            sentence: None,
            at: NOW,
        };
        let event = WhatsAppEvent::Delivery(unknown);
        store.accept(ours(), event).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_business_that_does_not_exist_gets_nothing() {
    on_each_backend(async |store| {
        let nobody = TenantId::mint(UnixMillis(5));
        let event = WhatsAppEvent::Message(text("M1", "hello"));
        let refused = store.accept(nobody, event.clone()).await.unwrap_err();
        assert_eq!(refused.class(), ErrorClass::NotFound);
        // The same id at two businesses is two messages.
        store.accept(ours(), event.clone()).await.unwrap();
        store.accept(seed(2).business.id, event).await.unwrap();
        assert_eq!(messages(&store).await.len(), 1);
    })
    .await;
}
