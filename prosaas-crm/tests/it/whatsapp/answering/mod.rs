//! What the agent answers, and when a person has to.

mod failing;
mod typing;

use std::sync::Arc;

use async_trait::async_trait;
use prosaas_core::memory::{MemoryTextModel, MemoryWhatsApp};
use prosaas_core::message::OutboundBody;
use prosaas_core::time::ManualClock;
use prosaas_core::{Error, MicroUsd, Result, TextModel, TextReply, TextRequest, Usage};
use prosaas_crm::auth::TenantScope;
use prosaas_crm::model::consent::{ConsentChannel, ConsentPurpose, NewConsent};
use prosaas_crm::model::conversation::{
    MessageDirection, MessageStatus, NewOutbound, PausedReason,
};
use prosaas_crm::model::id::MessageId;
use prosaas_crm::model::knowledge::{KnowledgeKind, NewKnowledge};
use prosaas_crm::model::patch::Patch;
use prosaas_crm::model::settings::SettingsPatch;
use prosaas_crm::model::task::{Priority, Task, TaskFilter};
use prosaas_crm::model::whatsapp::WaSettingsPatch;
use prosaas_crm::rules::chat::answering::Silence;
use prosaas_crm::whatsapp::{Answered, Answering};
use prosaas_crm::{CrmStore, JobWork, Page, whatsapp};
use serde_json::{Value, json};

use super::{
    CAN, deliver, messages, on_each_clock, ours, person, phone, seed, send_words, text,
    the_conversation, work_until,
};
use crate::support::NOW;

/// A business with its way to WhatsApp and a clock that goes on.
struct Shop {
    store: Arc<CrmStore>,
    transport: MemoryWhatsApp,
    clock: Arc<ManualClock>,
}

impl Shop {
    /// A customer writes; returns the message.
    async fn hears(&self, id: &str, words: &str) -> MessageId {
        self.clock.advance(10);
        let mut message = text(id, words);
        message.sent_at = self.store.now();
        deliver(&self.store, message).await;
        let kept = messages(&self.store).await;
        kept.iter()
            .find(|one| one.external_id.as_deref() == Some(id))
            .unwrap()
            .id
    }

    async fn answer(
        &self,
        model: &dyn TextModel,
        message: MessageId,
        attempt: u32,
    ) -> Result<Answered> {
        self.clock.advance(10);
        let answering = Answering {
            store: &self.store,
            model,
            transport: &self.transport,
        };
        let answered = answering.answer(&person(), message, attempt).await;
        answered.map(|(answered, _)| answered)
    }

    async fn answered(&self, model: &dyn TextModel, message: MessageId) -> Answered {
        self.answer(model, message, 1).await.unwrap()
    }

    async fn tasks(&self) -> Vec<Task> {
        let all = TaskFilter::default();
        let tasks = self.store.tasks(&person(), &all, Page::first(50)).await;
        tasks.unwrap()
    }

    /// What the agent wrote.
    async fn said(&self) -> Vec<String> {
        let all = messages(&self.store).await;
        let agents = all.iter().filter(|one| one.actor_kind == "agent");
        agents.map(|one| one.body.clone()).collect()
    }

    /// A person has it: paused for this reason, one urgent task, and somebody is told.
    async fn is_handed_over(&self, reason: PausedReason) {
        let conversation = the_conversation(&self.store).await;
        assert_eq!(conversation.paused, Some(reason));
        let urgent = self.tasks().await;
        let urgent: Vec<_> = urgent
            .iter()
            .filter(|task| task.priority == Priority::Urgent)
            .collect();
        assert_eq!(urgent.len(), 1, "{urgent:?}");
        assert_eq!(urgent[0].lead_id, conversation.lead);
        let work = work_until(&self.store, self.store.now().plus(60_000)).await;
        let alerts = work
            .iter()
            .filter(|work| matches!(work, JobWork::AlertConversation { .. }));
        assert_eq!(alerts.count(), 1, "{work:?}");
    }
}

#[expect(
    clippy::future_not_send,
    reason = "a test's future stays on its own thread"
)]
async fn in_a_shop<F: Future<Output = ()>>(test: impl Fn(Arc<Shop>) -> F) {
    on_each_clock(|store, clock| {
        let test = &test;
        async move {
            let transport = MemoryWhatsApp::new(Arc::clone(&store) as _);
            transport.scan(ours()).await;
            let shop = Shop {
                store,
                transport,
                clock,
            };
            test(Arc::new(shop)).await;
        }
    })
    .await;
}

fn says(reply: &str) -> MemoryTextModel {
    MemoryTextModel::answering(json!({ "reply": reply, "calls": [] }))
}

fn turn(reply: &str, calls: &[(&str, Value)]) -> Result<TextReply> {
    let calls: Vec<_> = calls
        .iter()
        .map(|(tool, arguments)| json!({ "tool": tool, "arguments": arguments.to_string() }))
        .collect();
    Ok(TextReply {
        value: json!({ "reply": reply, "calls": calls }),
        usage: Usage::default(),
    })
}

#[tokio::test]
async fn the_agent_answers_and_its_answer_is_sent() {
    in_a_shop(async |shop| {
        let message = shop.hears("M1", "Are you open?").await;
        let model = says(" Until six. ");
        assert_eq!(shop.answered(&model, message).await, Answered::Yes);
        assert_eq!(shop.said().await, ["Until six."]);
        assert_eq!(the_conversation(&shop.store).await.paused, None);
        let asked = &model.asked()[0];
        let name = &seed(1).business.name;
        assert!(asked.instructions.contains(name.as_str()));
        assert_eq!(asked.input, "customer: Are you open?\n");
        assert!(!shop.transport.typed_to(ours()).is_empty());
        let work = work_until(&shop.store, shop.store.now()).await;
        let send = work.iter().find_map(|work| match work {
            JobWork::SendMessage { message } => Some(*message),
            _ => None,
        });
        send_words(
            &shop.store,
            &shop.transport,
            &person(),
            send.unwrap(),
            false,
        )
        .await
        .unwrap();
        let body = OutboundBody::Text("Until six.".to_owned());
        assert_eq!(shop.transport.sent(ours())[0].body, body);
    })
    .await;
}

#[tokio::test]
async fn several_quick_messages_are_answered_once() {
    in_a_shop(async |shop| {
        let first = shop.hears("M1", "Hello").await;
        let second = shop.hears("M2", "are you open?").await;
        let model = says("Until six.");
        let newer = Answered::Silent(Silence::Newer);
        assert_eq!(shop.answered(&model, first).await, newer);
        assert_eq!(shop.answered(&model, second).await, Answered::Yes);
        let input = &model.asked()[0].input;
        assert_eq!(input, "customer: Hello\ncustomer: are you open?\n");
        // The job runs again, after a process died.
        let known = Answered::Silent(Silence::Answered);
        assert_eq!(shop.answered(&model, second).await, known);
        assert_eq!(shop.answered(&model, first).await, known);
        assert_eq!(shop.said().await.len(), 1);
        let third = shop.hears("M3", "and tomorrow?").await;
        assert_eq!(shop.answered(&model, third).await, Answered::Yes);
        assert!(model.asked()[1].input.contains("you: Until six.\n"));
    })
    .await;
}

/// A model during whose thinking something happens.
struct Slow {
    shop: Arc<Shop>,
    meanwhile: Meanwhile,
}

#[derive(Clone, Copy)]
enum Meanwhile {
    PersonWrites,
    AnotherMessage,
    AnotherJobAnswers(MessageId),
}

#[async_trait]
impl TextModel for Slow {
    async fn ask(&self, _: TextRequest) -> Result<TextReply> {
        let shop = &self.shop;
        match self.meanwhile {
            Meanwhile::PersonWrites => {
                let conversation = the_conversation(&shop.store).await.id;
                let new = NewOutbound::text("It is me, Noa.");
                let store = &shop.store;
                store
                    .write_message(&person(), conversation, new, CAN)
                    .await?;
            }
            Meanwhile::AnotherMessage => {
                shop.hears("M9", "wait, one more thing").await;
            }
            Meanwhile::AnotherJobAnswers(message) => {
                let answered = shop.answered(&says("First."), message).await;
                assert_eq!(answered, Answered::Yes);
            }
        }
        turn("Too late.", &[])
    }
}

#[tokio::test]
async fn what_happens_while_the_model_thinks_comes_first() {
    for what in 0..3 {
        in_a_shop(async |shop| {
            let message = shop.hears("M1", "Hello").await;
            let meanwhile = [
                Meanwhile::PersonWrites,
                Meanwhile::AnotherMessage,
                Meanwhile::AnotherJobAnswers(message),
            ][what];
            let model = Slow {
                shop: Arc::clone(&shop),
                meanwhile,
            };
            assert_eq!(shop.answered(&model, message).await, Answered::Overtaken);
            let said = shop.said().await;
            let expected: &[&str] = if what == 2 { &["First."] } else { &[] };
            assert_eq!(said, expected);
        })
        .await;
    }
}

#[tokio::test]
async fn an_answer_that_waits_is_not_sent_over_a_person() {
    in_a_shop(async |shop| {
        let message = shop.hears("M1", "Hello").await;
        shop.answered(&says("Hello!"), message).await;
        let answer = messages(&shop.store).await[1].id;
        let conversation = the_conversation(&shop.store).await.id;
        let new = NewOutbound::text("It is me, Noa.");
        let scope = person();
        let written = shop.store.write_message(&scope, conversation, new, CAN);
        written.await.unwrap();
        send_words(&shop.store, &shop.transport, &person(), answer, false)
            .await
            .unwrap();
        let after = shop.store.message(&person(), answer).await.unwrap();
        assert_eq!(after.status, MessageStatus::Failed);
        assert_eq!(after.failure.unwrap().code, "taken-over");
        assert!(shop.transport.sent(ours()).is_empty());
    })
    .await;
}

#[tokio::test]
async fn who_asks_for_a_person_gets_one_and_hears_so() {
    in_a_shop(async |shop| {
        let message = shop.hears("M1", "Can I talk to somebody?").await;
        let model = MemoryTextModel::failing();
        let reason = json!({ "reason": "asked" });
        model.push(turn(
            "Noa will answer you here.",
            &[("hand_to_human", reason)],
        ));
        let handed = Answered::HandedOver(PausedReason::Asked);
        assert_eq!(shop.answered(&model, message).await, handed);
        let last = messages(&shop.store).await.pop().unwrap();
        assert_eq!(last.body, "Noa will answer you here.");
        shop.is_handed_over(PausedReason::Asked).await;
        // Its last word is still sent.
        let outbound = shop.store.outbound(&person(), last.id).await.unwrap();
        assert!(!outbound.unwrap().is_overtaken);
    })
    .await;
}

#[tokio::test]
async fn tools_act_for_the_one_who_writes_and_for_nobody_else() {
    in_a_shop(async |shop| {
        let new = NewKnowledge {
            kind: KnowledgeKind::Text,
            title: "Prices".to_owned(),
            body: "Brakes cost 400.".to_owned(),
        };
        shop.store.add_knowledge(&person(), new).await.unwrap();
        let message = shop.hears("M1", "What do brakes cost?").await;
        let lead = the_conversation(&shop.store).await.lead.unwrap();
        let model = MemoryTextModel::failing();
        model.push(turn(
            "",
            &[
                (
                    "look_up_knowledge",
                    json!({ "question": "prices of brakes" }),
                ),
                ("save_lead", json!({ "intent": "brakes" })),
                ("create_task", json!({ "title": "Send the offer" })),
                ("create_task", json!({ "title": "x", "lead_id": lead })),
                ("transfer_to_human", json!({ "to": "sales" })),
                ("drop_tables", json!({})),
            ],
        ));
        model.push(turn("They cost 400.", &[]));
        assert_eq!(shop.answered(&model, message).await, Answered::Yes);
        let results = model.asked()[1].input.clone();
        assert!(results.contains("Brakes cost 400."), "{results}");
        assert!(
            results.contains("there is no such tool in a chat"),
            "{results}"
        );
        assert!(!results.contains("drop_tables"), "five at most: {results}");
        let tasks = shop.tasks().await;
        assert_eq!(tasks.len(), 1, "{tasks:?}");
        assert_eq!(tasks[0].lead_id, Some(lead));
        let known = shop.store.get_lead(&person(), lead).await.unwrap().known;
        assert_eq!(known.intent.as_deref(), Some("brakes"));
        assert_eq!(known.name.as_deref(), Some("Dana"));
    })
    .await;
}

#[tokio::test]
async fn what_was_done_is_not_done_again_when_the_model_fails_after_it() {
    in_a_shop(async |shop| {
        let message = shop.hears("M1", "Please call me").await;
        let model = MemoryTextModel::failing();
        model.push(turn(
            "",
            &[("create_task", json!({ "title": "Call Dana" }))],
        ));
        let first = shop.answer(&model, message, 1).await.unwrap();
        assert_eq!(first, Answered::HandedOver(PausedReason::Failed));
        let titles = shop.tasks().await.into_iter().map(|task| task.title);
        assert_eq!(titles.filter(|title| title == "Call Dana").count(), 1);
    })
    .await;
}

#[tokio::test]
async fn the_business_decides_how_often_and_whom() {
    in_a_shop(async |shop| {
        let patch = |text: &str| serde_json::from_str::<WaSettingsPatch>(text).unwrap();
        let one = patch(r#"{"max_answers_a_day":1}"#);
        shop.store
            .update_wa_settings(&person(), 1, one)
            .await
            .unwrap();
        let model = says("Hello!");
        let first = shop.hears("M1", "Hello").await;
        assert_eq!(shop.answered(&model, first).await, Answered::Yes);
        let second = shop.hears("M2", "Hello?").await;
        let limit = Answered::HandedOver(PausedReason::Limit);
        assert_eq!(shop.answered(&model, second).await, limit);
        shop.is_handed_over(PausedReason::Limit).await;
        let third = shop.hears("M3", "Hello??").await;
        let paused = Answered::Silent(Silence::Paused);
        assert_eq!(shop.answered(&model, third).await, paused);
        let off = patch(r#"{"answers":false}"#);
        shop.store
            .update_wa_settings(&person(), 2, off)
            .await
            .unwrap();
        let off = Answered::Silent(Silence::Off);
        assert_eq!(shop.answered(&model, third).await, off);
        assert_eq!(model.asked().len(), 1);
    })
    .await;
}

#[tokio::test]
async fn who_is_blocked_or_refused_to_be_written_to_gets_no_answer() {
    in_a_shop(async |shop| {
        let message = shop.hears("M1", "Hello").await;
        let lead = the_conversation(&shop.store).await.lead.unwrap();
        let no = NewConsent {
            lead_id: lead,
            channel: ConsentChannel::Whatsapp,
            purpose: ConsentPurpose::Service,
            given: false,
            source: "letter".to_owned(),
            evidence: None,
        };
        shop.store.add_consent(&person(), no).await.unwrap();
        let refused = shop.answered(&says("Hello!"), message).await;
        assert_eq!(refused, Answered::HandedOver(PausedReason::Failed));
        assert_eq!(shop.said().await, [] as [&str; 0]);
    })
    .await;
    in_a_shop(async |shop| {
        let block = prosaas_crm::model::block::NewBlock {
            kind: prosaas_crm::model::block::BlockKind::Number,
            value: super::PHONE.to_owned(),
            reason: None,
        };
        shop.store.add_block(&person(), block).await.unwrap();
        let mut message = text("M1", "Hello");
        message.party.aliases.push(phone());
        deliver(&shop.store, message).await;
        let kept = messages(&shop.store).await;
        assert_eq!(kept[0].direction, MessageDirection::Inbound);
        let unwanted = Answered::Silent(Silence::Unwanted);
        assert_eq!(shop.answered(&says("x"), kept[0].id).await, unwanted);
    })
    .await;
}

#[tokio::test]
async fn a_message_that_is_gone_or_another_business_s_is_nobodys() {
    in_a_shop(async |shop| {
        let message = shop.hears("M1", "Hello").await;
        let model = says("x");
        let gone = MessageId::mint(NOW);
        assert_eq!(shop.answered(&model, gone).await, Answered::Overtaken);
        let foreign: TenantScope = super::theirs();
        let facts = shop.store.answer_facts(&foreign, message).await;
        assert!(matches!(facts, Ok(None)), "{facts:?}");
        let taken = shop.store.hand_over(
            &foreign,
            the_conversation(&shop.store).await.id,
            PausedReason::Asked,
        );
        assert!(matches!(taken.await, Err(Error::NotFound { .. })));
    })
    .await;
}

#[tokio::test]
async fn every_try_is_paid_for_and_without_money_a_person_has_the_conversation() {
    in_a_shop(async |shop| {
        let owner = person();
        let version = shop.store.settings(&owner).await.unwrap().version;
        let budget = SettingsPatch {
            monthly_budget_micro_usd: Patch::Set(1_000),
            ..SettingsPatch::default()
        };
        let changed = shop.store.update_settings(&owner, version, budget);
        changed.await.unwrap();
        let costs = |value: Value, cost| {
            let cost = MicroUsd(cost);
            let usage = Usage {
                cost,
                ..Usage::default()
            };
            Ok(TextReply { value, usage })
        };
        let message = shop.hears("M1", "Are you open?").await;
        let model = MemoryTextModel::failing();
        // Paid for, and of no use.
        model.push(costs(json!({ "nonsense": true }), 400));
        assert!(shop.answer(&model, message, 1).await.is_err());
        model.push(costs(json!({ "reply": "Until six.", "calls": [] }), 600));
        let answered = shop.answer(&model, message, 2).await.unwrap();
        assert_eq!(answered, Answered::Yes);
        let account = shop.store.account(&owner).await.unwrap();
        assert_eq!(account.spent, MicroUsd(1_000));
        let lead = the_conversation(&shop.store).await.lead.unwrap();
        let on_lead = shop.store.lead_spending(&owner, lead).await.unwrap();
        assert_eq!(on_lead.chats_micro_usd, MicroUsd(1_000));
        let message = shop.hears("M2", "And on Friday?").await;
        let answered = shop.answered(&model, message).await;
        assert_eq!(answered, Answered::HandedOver(PausedReason::Limit));
        assert_eq!(model.asked().len(), 2, "nothing more is spent");
        shop.is_handed_over(PausedReason::Limit).await;
    })
    .await;
}
