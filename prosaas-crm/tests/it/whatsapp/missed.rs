//! The message to a caller whom nobody heard: to whom, by which way, and once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use prosaas_core::message::{ChatParty, DisplayName};
use prosaas_core::testkit::samples::seed;
use prosaas_core::time::ManualClock;
use prosaas_core::whatsapp::{LinkState, WhatsAppEvent};
use prosaas_core::{
    CallDirection, CallEnd, CallId, CallOutcome, Clock as _, E164, LeadDraft, NewCall, Usage,
    WhatsAppInbox as _,
};
use prosaas_crm::model::block::{BlockKind, NewBlock};
use prosaas_crm::model::call_list::{AnsweredBy, CallEntry, NewSettlement, SettledHow};
use prosaas_crm::model::consent::{ConsentChannel, ConsentPurpose, NewConsent};
use prosaas_crm::model::conversation::{
    Channel, ConversationStatus, Message, MessageFailure, MessageStatus, NewOutbound,
};
use prosaas_crm::model::id::MessageId;
use prosaas_crm::model::page::Page;
use prosaas_crm::model::patch::{Patch, Replace};
use prosaas_crm::model::settings::{MissedCallReply, SettingsPatch};
use prosaas_crm::model::timeline::TimelineKind;
use prosaas_crm::model::transfer::{Transfer, TransferList};
use prosaas_crm::rules::missed_call::{DAY_MS, PATIENCE_MS, Verdict, Why};
use prosaas_crm::store::ReplyWays;
use prosaas_crm::{AfterStream, CallStore as _, CrmStore, JobWork, PhoneStore as _};

use super::{
    CAN, ContactAlias, conversations, jobs_until, on_each_clock, ours, person, text, theirs,
};

const DANA: &str = "+972501234567";
const WAYS: ReplyWays = ReplyWays {
    whatsapp: Some(CAN),
    sms: true,
};

pub(super) fn number() -> E164 {
    E164::parse(DANA).unwrap()
}

/// A business, its clock, and how many calls it had.
pub(super) struct Shop {
    pub(super) store: Arc<CrmStore>,
    pub(super) clock: Arc<ManualClock>,
    calls: AtomicU32,
}

impl Shop {
    /// It writes to callers whom nobody heard, and has WhatsApp.
    pub(super) async fn open(store: Arc<CrmStore>, clock: Arc<ManualClock>) -> Self {
        let shop = Self {
            store,
            clock,
            calls: AtomicU32::new(0),
        };
        shop.wants(MissedCallReply::Always).await;
        let ready = WhatsAppEvent::Link(LinkState::Ready { number: None });
        shop.store.accept(ours(), ready).await.unwrap();
        shop
    }

    async fn wants(&self, reply: MissedCallReply) {
        let patch = SettingsPatch {
            missed_call_reply: Replace(Some(reply)),
            ..SettingsPatch::default()
        };
        let version = self.store.settings(&person()).await.unwrap().version;
        let changed = self.store.update_settings(&person(), version, patch).await;
        assert_eq!(changed.unwrap().missed_call_reply, reply);
    }

    pub(super) async fn begin(&self, direction: CallDirection, caller: Option<E164>) -> CallId {
        let n = self.calls.fetch_add(1, Ordering::Relaxed);
        let call = NewCall {
            call_sid: format!("CA{n:032x}").parse().unwrap(),
            direction,
            caller,
            business_number: seed(1).numbers[0].clone(),
            started_at: self.clock.now(),
        };
        let opened = self.store.open_call(&person(), call).await;
        self.clock.advance(1_000);
        opened.unwrap().0.id
    }

    pub(super) async fn end(&self, call: CallId, end: CallEnd) {
        let outcome = CallOutcome {
            ended_at: self.clock.now(),
            end,
            usage: Usage::default(),
            lead: LeadDraft::default(),
            quality: None,
        };
        let person = person();
        let finish = self
            .store
            .finish_call_then(&person, call, outcome, AfterStream::HangUp);
        finish.await.unwrap();
    }

    /// Dana calls, and nobody hears her.
    pub(super) async fn misses(&self) -> CallId {
        let call = self.begin(CallDirection::Inbound, Some(number())).await;
        self.end(call, CallEnd::CallerHungUp).await;
        call
    }

    /// Dana writes on WhatsApp.
    pub(super) async fn hears(&self, id: &str) {
        let mut message = text(id, "hello");
        message.party = ChatParty {
            aliases: vec![ContactAlias::Phone(number())],
            name: DisplayName::new("Dana"),
            ..message.party
        };
        message.sent_at = self.clock.now();
        let event = WhatsAppEvent::Message(message);
        self.store.accept(ours(), event).await.unwrap();
        self.clock.advance(1_000);
    }

    pub(super) fn pass(&self, millis: i64) {
        self.clock.advance(millis);
    }

    pub(super) async fn reply(&self, call: CallId) -> Verdict {
        self.reply_by(call, WAYS, None).await
    }

    async fn reply_by(&self, call: CallId, ways: ReplyWays, instead: Option<MessageId>) -> Verdict {
        let replied = self
            .store
            .reply_to_missed_call(&person(), call, (ways, instead))
            .await;
        replied.unwrap()
    }

    pub(super) async fn entry(&self, call: CallId) -> CallEntry {
        self.store.call_entry(&person(), call).await.unwrap()
    }

    async fn message_of(&self, call: CallId) -> Message {
        let reply = self.entry(call).await.reply.unwrap();
        self.store.message(&person(), reply.message).await.unwrap()
    }
}

fn is_reply(work: &JobWork) -> bool {
    matches!(work, JobWork::ReplyToMissedCall { .. })
}

#[tokio::test]
async fn nobody_is_written_to_before_the_business_says_so() {
    on_each_clock(async |store, clock| {
        let shop = Shop::open(store, clock).await;
        shop.wants(MissedCallReply::Never).await;
        let call = shop.misses().await;
        shop.pass(PATIENCE_MS);
        let jobs = jobs_until(&shop.store, shop.clock.now()).await;
        assert!(!jobs.iter().any(|job| is_reply(&job.work)), "{jobs:?}");
        assert_eq!(shop.reply(call).await, Verdict::Nothing(Why::Off));
        assert_eq!(conversations(&shop.store).await.len(), 0);
    })
    .await;
}

#[tokio::test]
async fn who_wrote_before_gets_one_whatsapp_and_his_question_stays_open() {
    on_each_clock(async |store, clock| {
        let shop = Shop::open(store, clock).await;
        shop.hears("M1").await;
        shop.pass(3 * DAY_MS);
        let call = shop.misses().await;
        let early = jobs_until(&shop.store, shop.clock.now()).await;
        assert!(!early.iter().any(|job| is_reply(&job.work)), "{early:?}");
        shop.pass(PATIENCE_MS);
        let jobs = jobs_until(&shop.store, shop.clock.now()).await;
        assert_eq!(jobs.iter().filter(|job| is_reply(&job.work)).count(), 1);
        assert_eq!(shop.reply(call).await, Verdict::Whatsapp);
        // The job runs twice.
        assert_eq!(shop.reply(call).await, Verdict::Nothing(Why::Written));
        let message = shop.message_of(call).await;
        assert!(message.body.contains("Business 1"), "{}", message.body);
        assert!(message.body.contains("שלום"), "{}", message.body);
        let reply = shop.entry(call).await.reply.unwrap();
        assert_eq!(
            (reply.channel, reply.status),
            (Channel::Whatsapp, MessageStatus::Queued)
        );
        let jobs = jobs_until(&shop.store, shop.clock.now()).await;
        let send = JobWork::SendMessage {
            message: message.id,
        };
        assert_eq!(jobs.iter().filter(|job| job.work == send).count(), 1);
        let waiting = shop.store.waiting_calls(&person(), None, 10).await.unwrap();
        assert_eq!(waiting[0].reply, Some(reply), "the board shows it");
        let all = conversations(&shop.store).await;
        assert_eq!(all.len(), 1);
        assert_eq!(all[0].status, ConversationStatus::Open);
        let lead = all[0].lead.unwrap();
        let timeline = shop.store.timeline(&person(), lead, Page::first(50)).await;
        let shown = timeline.unwrap().into_iter().any(|one| {
            one.kind == TimelineKind::Message && one.ref_id == Some(message.id.to_string())
        });
        assert!(shown);
        let strange = shop.store.call_entry(&theirs(), call).await;
        assert!(strange.is_err());
    })
    .await;
}

#[tokio::test]
async fn a_stranger_gets_a_text_message_and_only_one_a_day() {
    on_each_clock(async |store, clock| {
        let shop = Shop::open(store, clock).await;
        let first = shop.misses().await;
        shop.pass(PATIENCE_MS);
        assert_eq!(shop.reply(first).await, Verdict::Sms);
        let message = shop.message_of(first).await;
        let sms = shop
            .store
            .outbound_sms(&person(), message.id)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(
            (sms.to, sms.from),
            (number(), Some(seed(1).numbers[0].clone()))
        );
        assert_eq!(
            shop.store
                .outbound_sms(&theirs(), message.id)
                .await
                .unwrap()
                .map(|sms| sms.body),
            None
        );
        let again = shop.misses().await;
        shop.pass(PATIENCE_MS);
        assert_eq!(shop.reply(again).await, Verdict::Nothing(Why::Written));
        shop.pass(DAY_MS);
        let next_day = shop.misses().await;
        shop.pass(PATIENCE_MS);
        assert_eq!(shop.reply(next_day).await, Verdict::Sms);
        let all = conversations(&shop.store).await;
        assert_eq!(all.len(), 1, "one thread a number: {all:?}");
        assert_eq!(all[0].channel, Channel::Sms);
    })
    .await;
}

#[tokio::test]
async fn a_text_message_is_handed_to_the_carrier_once() {
    on_each_clock(async |store, clock| {
        let shop = Shop::open(store, clock).await;
        let call = shop.misses().await;
        shop.pass(PATIENCE_MS);
        shop.reply(call).await;
        let (store, id) = (&shop.store, shop.message_of(call).await.id);
        assert!(store.hand_over_sms(&person(), id).await.unwrap());
        assert!(!store.hand_over_sms(&person(), id).await.unwrap());
        assert!(!store.hand_over_sms(&theirs(), id).await.unwrap());
        let handed = store.outbound_sms(&person(), id).await.unwrap().unwrap();
        assert!(handed.was_handed_over);
        store.take_back_sms(&theirs(), id).await.unwrap();
        assert!(!store.hand_over_sms(&person(), id).await.unwrap());
        store.take_back_sms(&person(), id).await.unwrap();
        assert!(store.hand_over_sms(&person(), id).await.unwrap());
        let sent = (MessageStatus::Sent, None);
        store
            .advance_message(&person(), id, sent, store.now())
            .await
            .unwrap();
        assert!(store.outbound_sms(&person(), id).await.unwrap().is_none());
        assert!(!store.hand_over_sms(&person(), id).await.unwrap());
    })
    .await;
}

#[tokio::test]
async fn a_whatsapp_that_did_not_arrive_becomes_a_text_message() {
    on_each_clock(async |store, clock| {
        let shop = Shop::open(store, clock).await;
        shop.hears("M1").await;
        shop.pass(DAY_MS);
        let call = shop.misses().await;
        shop.pass(PATIENCE_MS);
        assert_eq!(shop.reply(call).await, Verdict::Whatsapp);
        let first = shop.message_of(call).await.id;
        jobs_until(&shop.store, shop.clock.now()).await;
        let failure = MessageFailure {
            code: "not-found".to_owned(),
            sentence: "there is nobody".to_owned(),
        };
        let failed = (MessageStatus::Failed, Some(failure));
        let at = shop.clock.now();
        shop.store
            .advance_message(&person(), first, failed, at)
            .await
            .unwrap();
        let jobs = jobs_until(&shop.store, at).await;
        let again = JobWork::ReplyToMissedCall {
            call,
            instead_of: Some(first),
        };
        assert!(jobs.iter().any(|job| job.work == again), "{jobs:?}");
        assert_eq!(shop.reply_by(call, WAYS, Some(first)).await, Verdict::Sms);
        assert_eq!(
            shop.reply_by(call, WAYS, Some(first)).await,
            Verdict::Nothing(Why::Written)
        );
        assert_eq!(shop.entry(call).await.reply.unwrap().channel, Channel::Sms);
    })
    .await;
}

#[tokio::test]
async fn who_was_in_touch_since_is_left_alone() {
    on_each_clock(async |store, clock| {
        let shop = Shop::open(store, clock).await;
        let nothing = Verdict::Nothing;
        // He tries again, and that call decides.
        let first = shop.misses().await;
        let second = shop.begin(CallDirection::Inbound, Some(number())).await;
        assert_eq!(shop.reply(first).await, nothing(Why::InTouch));
        shop.end(second, CallEnd::AgentEnded).await;
        assert_eq!(shop.reply(first).await, nothing(Why::InTouch));
        assert_eq!(shop.reply(second).await, nothing(Why::Seen));
        shop.pass(DAY_MS);
        // Somebody calls him back.
        let third = shop.misses().await;
        let back = shop.begin(CallDirection::Outbound, Some(number())).await;
        let by = Some(AnsweredBy::Person);
        shop.store.expect_answer(&person(), back, by).await.unwrap();
        shop.end(back, CallEnd::Transferred).await;
        assert_eq!(shop.reply(third).await, nothing(Why::InTouch));
        shop.pass(DAY_MS);
        // He writes.
        let fourth = shop.misses().await;
        shop.hears("M1").await;
        assert_eq!(shop.reply(fourth).await, nothing(Why::InTouch));
        // Somebody answers him there, and he waits for nothing.
        let thread = conversations(&shop.store).await.remove(0);
        let answer = NewOutbound::text("Come by tomorrow.");
        let person = person();
        let answered = shop.store.write_message(&person, thread.id, answer, CAN);
        answered.await.unwrap();
        let fifth = shop.misses().await;
        assert_eq!(shop.reply(fifth).await, nothing(Why::Written));
    })
    .await;
}

#[tokio::test]
async fn who_refused_is_blocked_or_settled_gets_nothing() {
    on_each_clock(async |store, clock| {
        let shop = Shop::open(store, clock).await;
        let call = shop.misses().await;
        let lead = shop.entry(call).await.call.lead.unwrap();
        let consent = |given| NewConsent {
            lead_id: lead,
            channel: ConsentChannel::Whatsapp,
            purpose: ConsentPurpose::Service,
            given,
            source: "call".to_owned(),
            evidence: None,
        };
        shop.store
            .add_consent(&person(), consent(false))
            .await
            .unwrap();
        assert_eq!(shop.reply(call).await, Verdict::Nothing(Why::Refused));
        shop.pass(1_000);
        shop.store
            .add_consent(&person(), consent(true))
            .await
            .unwrap();
        let block = NewBlock {
            kind: BlockKind::Prefix,
            value: "+97250".to_owned(),
            reason: None,
        };
        let block = shop.store.add_block(&person(), block).await.unwrap();
        assert_eq!(shop.reply(call).await, Verdict::Nothing(Why::Unwanted));
        shop.store.delete_block(&person(), block.id).await.unwrap();
        let settle = NewSettlement {
            how: SettledHow::Answered,
            reason: None,
        };
        shop.store
            .settle_call(&person(), call, settle)
            .await
            .unwrap();
        assert_eq!(shop.reply(call).await, Verdict::Nothing(Why::Seen));
        shop.store.reopen_call(&person(), call).await.unwrap();
        let none = ReplyWays {
            whatsapp: None,
            sms: false,
        };
        assert_eq!(
            shop.reply_by(call, none, None).await,
            Verdict::Nothing(Why::NoWay)
        );
        assert_eq!(shop.reply(call).await, Verdict::Sms);
    })
    .await;
}

#[tokio::test]
async fn only_a_strangers_mobile_number_is_written_to() {
    on_each_clock(async |store, clock| {
        let shop = Shop::open(store, clock).await;
        let fixed = E164::parse("+97231234567").unwrap();
        // Whom the business connects its callers to.
        let colleague = E164::parse("+972521234567").unwrap();
        let targets = vec![Transfer {
            label: "Ron".to_owned(),
            number: colleague.clone(),
        }];
        let list = TransferList { targets };
        shop.store
            .set_transfer_targets(&person(), list)
            .await
            .unwrap();
        for (caller, why) in [
            (None, Why::NoMobile),
            (Some(fixed), Why::NoMobile),
            (Some(colleague), Why::Unwanted),
        ] {
            let call = shop.begin(CallDirection::Inbound, caller).await;
            shop.end(call, CallEnd::CallerHungUp).await;
            assert_eq!(shop.reply(call).await, Verdict::Nothing(why));
        }
        // A call of ours that nobody took.
        let ours = shop.begin(CallDirection::Outbound, Some(number())).await;
        shop.end(ours, CallEnd::CallerHungUp).await;
        assert_eq!(shop.reply(ours).await, Verdict::Nothing(Why::Seen));
    })
    .await;
}

#[tokio::test]
async fn the_words_are_the_businesses_own_and_bounded() {
    on_each_clock(async |store, clock| {
        let shop = Shop::open(store, clock).await;
        let patch = |text: &str| SettingsPatch {
            missed_call_text: Patch::Set(text.to_owned()),
            ..SettingsPatch::default()
        };
        let version = shop.store.settings(&person()).await.unwrap().version;
        let long = shop
            .store
            .update_settings(&person(), version, patch(&"x".repeat(301)))
            .await;
        assert!(long.is_err());
        shop.store
            .update_settings(&person(), version, patch(" Call you soon. "))
            .await
            .unwrap();
        let call = shop.misses().await;
        shop.reply(call).await;
        let message = shop.message_of(call).await;
        assert_eq!(message.body, "Business 1: Call you soon.");
    })
    .await;
}
