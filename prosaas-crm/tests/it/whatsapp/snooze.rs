//! Conversations that are put off, and come back.

use prosaas_core::message::{ChatAddress, ChatParty, ContactAlias};
use prosaas_core::whatsapp::WhatsAppEvent;
use prosaas_core::{Error, Result, UnixMillis, WhatsAppInbox as _};
use prosaas_crm::model::conversation::{
    Conversation, ConversationFilter, ConversationPatch, ConversationStatus, NewOutbound,
    PausedReason,
};
use prosaas_crm::model::patch::{Patch, Replace};
use prosaas_crm::{CrmStore, JobWork};

use super::{
    CAN, LID, close, conversations, dana, deliver, on_each_clock, ours, person, phone, text,
    the_conversation, theirs, work_until,
};
use crate::support::NOW;

const DAY_MS: i64 = 24 * 3_600_000;

async fn snooze(store: &CrmStore, until: Patch<UnixMillis>) -> Result<Conversation> {
    let seen = the_conversation(store).await;
    change(store, &seen, until, Replace(None)).await
}

async fn change(
    store: &CrmStore,
    seen: &Conversation,
    snoozed_until: Patch<UnixMillis>,
    status: Replace<ConversationStatus>,
) -> Result<Conversation> {
    let patch = ConversationPatch {
        snoozed_until,
        status,
        ..ConversationPatch::default()
    };
    store
        .update_conversation(&person(), seen.id, seen.version, patch)
        .await
}

/// Wakes what is to be woken until a moment; returns how many came back.
async fn wake_until(store: &CrmStore, at: UnixMillis) -> usize {
    let mut woken = 0;
    for work in work_until(store, at).await {
        if let JobWork::WakeConversation { conversation, at } = work {
            let nobodys = store.wake_conversation(&theirs(), conversation, at).await;
            assert!(!nobodys.unwrap(), "another business wakes nothing");
            let came_back = store.wake_conversation(&person(), conversation, at).await;
            woken += usize::from(came_back.unwrap());
        }
    }
    woken
}

async fn count(store: &CrmStore, filter: ConversationFilter) -> usize {
    let found = store.conversations(&person(), filter, None, 9).await;
    found.unwrap().len()
}

#[tokio::test]
async fn what_is_put_off_waits_until_then_and_comes_back_open() {
    on_each_clock(|store, clock| async move {
        deliver(&store, text("M1", "call me next week")).await;
        let until = NOW.plus(7 * DAY_MS);
        let snoozed = snooze(&store, Patch::Set(until)).await.unwrap();
        assert_eq!(snoozed.status, ConversationStatus::Waiting);
        assert_eq!(snoozed.snoozed_until, Some(until));
        let put_off = |snoozed| ConversationFilter {
            snoozed: Some(snoozed),
            ..ConversationFilter::default()
        };
        assert_eq!(count(&store, put_off(true)).await, 1);
        assert_eq!(count(&store, put_off(false)).await, 0);
        // What is written to the other side meanwhile changes nothing about that.
        let hello = NewOutbound::text("We will.");
        let written = store.write_message(&person(), snoozed.id, hello, CAN).await;
        written.unwrap();
        assert_eq!(wake_until(&store, until.plus(-1)).await, 0);
        clock.advance(7 * DAY_MS);
        assert_eq!(wake_until(&store, until).await, 1);
        let back = the_conversation(&store).await;
        assert_eq!(back.status, ConversationStatus::Open);
        assert_eq!(back.snoozed_until, None);
        let events = store.events_after(&person(), 0, 50).await.unwrap();
        let id = back.id.to_string();
        let woken = |kind: &str, of: &str| kind == "conversation.woken" && of == id;
        assert!(events.iter().any(|one| woken(&one.kind, &one.entity_id)));
    })
    .await;
}

#[tokio::test]
async fn whoever_writes_closes_or_hands_over_ends_it() {
    on_each_clock(|store, _| async move {
        deliver(&store, text("M1", "hello")).await;
        let until = NOW.plus(DAY_MS);
        for way in 0..5 {
            snooze(&store, Patch::Set(until.plus(way))).await.unwrap();
            let seen = the_conversation(&store).await;
            let expected = match way {
                0 => {
                    deliver(&store, text("M2", "are you there?")).await;
                    ConversationStatus::Open
                }
                1 => {
                    close(&store, &seen, "solved").await.unwrap();
                    ConversationStatus::Closed
                }
                2 => {
                    snooze(&store, Patch::Clear).await.unwrap();
                    ConversationStatus::Open
                }
                3 => {
                    let asked = PausedReason::Asked;
                    assert!(store.hand_over(&person(), seen.id, asked).await.unwrap());
                    ConversationStatus::Open
                }
                _ => {
                    // Put off again, further: the first job wakes nothing.
                    let later = Patch::Set(until.plus(DAY_MS));
                    snooze(&store, later).await.unwrap();
                    ConversationStatus::Waiting
                }
            };
            let after = the_conversation(&store).await;
            assert_eq!(after.status, expected, "way {way}");
            assert_eq!(after.snoozed_until.is_some(), way == 4, "way {way}");
        }
        assert_eq!(wake_until(&store, until.plus(10)).await, 0);
        assert_eq!(wake_until(&store, until.plus(DAY_MS)).await, 1);
    })
    .await;
}

#[tokio::test]
async fn nothing_is_put_off_into_the_past_or_for_ever_or_beside_a_status() {
    on_each_clock(|store, _| async move {
        deliver(&store, text("M1", "hello")).await;
        for until in [NOW, NOW.plus(-1), NOW.plus(400 * DAY_MS)] {
            let refused = snooze(&store, Patch::Set(until)).await;
            assert!(
                matches!(&refused, Err(Error::Invalid { field, .. }) if *field == "snoozed_until"),
                "{refused:?}"
            );
        }
        let seen = the_conversation(&store).await;
        let until = Patch::Set(NOW.plus(DAY_MS));
        let closed = Replace(Some(ConversationStatus::Closed));
        assert!(change(&store, &seen, until, closed).await.is_err());
        assert_eq!(the_conversation(&store).await, seen);
    })
    .await;
}

#[tokio::test]
async fn of_two_conversations_of_one_person_the_one_left_comes_back_first_of_both() {
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
            let days = if one.id == kept { 5 } else { 2 };
            let until = Patch::Set(NOW.plus(days * DAY_MS));
            change(&store, &one, until, Replace(None)).await.unwrap();
        }
        let same = ChatParty {
            aliases: vec![ContactAlias::Lid(LID.to_owned()), phone()],
            ..dana()
        };
        let same = WhatsAppEvent::SamePerson(same);
        store.accept(ours(), same).await.unwrap();
        let first = NOW.plus(2 * DAY_MS);
        assert_eq!(the_conversation(&store).await.snoozed_until, Some(first));
        assert_eq!(wake_until(&store, first).await, 1);
        assert_eq!(wake_until(&store, NOW.plus(9 * DAY_MS)).await, 0);
    })
    .await;
}
