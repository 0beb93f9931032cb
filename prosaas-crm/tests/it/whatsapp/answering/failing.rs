//! What no try could answer is left to a person.

use prosaas_crm::testkit::OPERATOR;
use prosaas_crm::whatsapp::MAX_TRIES;
use prosaas_crm::{Jobs as _, RetryPolicy};

use super::*;

#[tokio::test]
async fn a_model_that_fails_leaves_the_conversation_to_a_person() {
    in_a_shop(async |shop| {
        let message = shop.hears("M1", "Are you open?").await;
        let down = MemoryTextModel::failing();
        for attempt in 1..MAX_TRIES {
            assert!(shop.answer(&down, message, attempt).await.is_err());
            assert_eq!(the_conversation(&shop.store).await.paused, None);
        }
        let last = shop.answer(&down, message, MAX_TRIES).await.unwrap();
        assert_eq!(last, Answered::HandedOver(PausedReason::Failed));
        shop.is_handed_over(PausedReason::Failed).await;
        assert_eq!(shop.said().await, [] as [&str; 0]);
        // Once more: a person has it.
        let again = shop.answered(&down, message).await;
        assert_eq!(again, Answered::Silent(Silence::Paused));
        assert_eq!(shop.tasks().await.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn what_grew_old_while_an_earlier_try_had_it_is_left_to_a_person() {
    in_a_shop(async |shop| {
        let message = shop.hears("M1", "Are you open?").await;
        shop.clock.advance(11 * 60_000);
        let model = MemoryTextModel::failing();
        let first = shop.answered(&model, message).await;
        assert_eq!(first, Answered::Silent(Silence::Old));
        // The first try was cut off by the end of its process; this one is claimed when its lease has run out.
        let second = shop.answer(&model, message, 2).await.unwrap();
        assert_eq!(second, Answered::HandedOver(PausedReason::Failed));
        shop.is_handed_over(PausedReason::Failed).await;
    })
    .await;
}

/// Lets the job that is to answer fail, or its workers die, until it is dead; then there is one to hand over.
async fn let_it_die(shop: &Shop, workers_report: bool) -> Option<MessageId> {
    let store = &shop.store;
    let mut now = NOW.plus(60_000);
    for _ in 0..30 {
        let jobs = store.claim_jobs(&OPERATOR, now, 60_000, 50, RetryPolicy::STANDARD);
        for job in jobs.await.unwrap() {
            match job.work {
                JobWork::AnswerMessage { .. } if workers_report => {
                    let failed = store.fail_job(&job, now, "down", RetryPolicy::STANDARD);
                    failed.await.unwrap();
                }
                JobWork::AnswerMessage { .. } => {}
                JobWork::HandOverMessage { message } => {
                    store.complete_job(&job).await.unwrap();
                    return Some(message);
                }
                _ => {
                    store.complete_job(&job).await.unwrap();
                }
            }
        }
        now = now.plus(31 * 60_000);
    }
    None
}

#[tokio::test]
async fn a_message_that_no_try_could_answer_is_left_to_a_person() {
    for workers_report in [true, false] {
        in_a_shop(async |shop| {
            let message = shop.hears("M1", "Are you open?").await;
            assert_eq!(let_it_die(&shop, workers_report).await, Some(message));
            // All the tries took their time.
            shop.clock.advance(90 * 60_000);
            let hand_over = async |scope: &TenantScope| {
                whatsapp::hand_over(&shop.store, scope, message)
                    .await
                    .unwrap()
            };
            assert!(!hand_over(&super::super::theirs()).await, "not theirs");
            assert!(hand_over(&person()).await);
            assert!(!hand_over(&person()).await, "once");
            shop.is_handed_over(PausedReason::Failed).await;
        })
        .await;
    }
}

#[tokio::test]
async fn nobody_is_handed_a_message_that_was_answered_or_that_a_person_has() {
    in_a_shop(async |shop| {
        let message = shop.hears("M1", "Are you open?").await;
        assert_eq!(
            shop.answered(&says("Until six."), message).await,
            Answered::Yes
        );
        let left = whatsapp::hand_over(&shop.store, &person(), message).await;
        assert!(!left.unwrap());
        let second = shop.hears("M2", "and tomorrow?").await;
        let conversation = the_conversation(&shop.store).await.id;
        let new = NewOutbound::text("It is me, Noa.");
        let scope = person();
        let written = shop.store.write_message(&scope, conversation, new, CAN);
        written.await.unwrap();
        let left = whatsapp::hand_over(&shop.store, &person(), second).await;
        assert!(!left.unwrap());
        assert!(shop.tasks().await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn an_answer_without_sense_is_a_failure_and_never_silence() {
    for value in [
        json!("hello"),
        json!({ "reply": 7, "calls": [] }),
        json!({ "reply": "  ", "calls": [] }),
    ] {
        in_a_shop(async |shop| {
            let message = shop.hears("M1", "Hello").await;
            let model = MemoryTextModel::answering(value.clone());
            let last = shop.answer(&model, message, MAX_TRIES).await.unwrap();
            assert_eq!(last, Answered::HandedOver(PausedReason::Failed));
            shop.is_handed_over(PausedReason::Failed).await;
        })
        .await;
    }
}
