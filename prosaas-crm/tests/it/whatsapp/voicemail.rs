//! The message that a caller left: heard once, told of once, to whoever would have had the call.

use prosaas_core::{
    CallDirection, CallEnd, CallId, Clock as _, E164, LeadDraft, RecordingSid, Speaker,
};
use prosaas_crm::model::call_list::LadderUse;
use prosaas_crm::model::page::Page;
use prosaas_crm::model::timeline::TimelineKind;
use prosaas_crm::model::transfer::{Transfer, TransferList};
use prosaas_crm::model::voicemail::ToldBy;
use prosaas_crm::{CallStore as _, JobWork, PhoneStore as _, RecordingState, RecordingUpdate};

use super::missed::{Shop, number};
use super::{CAN, conversations, jobs_until, on_each_clock, person, theirs};

const WORDS: &str = "My boiler leaks";

fn sid() -> RecordingSid {
    format!("RE{:032x}", 1).parse().unwrap()
}

impl Shop {
    /// Calls go to this phone.
    async fn gives_calls_to(&self, phone: &E164) {
        let targets = vec![Transfer {
            label: "sales".to_owned(),
            number: phone.clone(),
        }];
        let list = TransferList { targets };
        let set = self.store.set_transfer_targets(&person(), list).await;
        set.unwrap();
    }

    /// Calls go to this phone, and Dana leaves a message.
    async fn keeps_a_message(&self, phone: &E164) -> CallId {
        self.gives_calls_to(phone).await;
        let call = self.begin(CallDirection::Inbound, Some(number())).await;
        let available = RecordingUpdate {
            sid: sid(),
            state: RecordingState::Available,
            duration_ms: Some(3_000),
            path: None,
            is_voicemail: true,
        };
        let stored = RecordingUpdate {
            state: RecordingState::Stored,
            path: Some("recordings/a.wav".to_owned()),
            ..available.clone()
        };
        for update in [available, stored] {
            let set = self.store.set_recording(&person(), call, update).await;
            assert!(set.unwrap());
        }
        call
    }
}

#[tokio::test]
async fn a_message_is_heard_once_and_becomes_the_callers_last_line() {
    on_each_clock(async |store, clock| {
        let shop = Shop::open(store, clock).await;
        let call = shop.keeps_a_message(&number()).await;
        let (store, sid, ours) = (&shop.store, sid(), person());
        let said = |words| store.note_voicemail(&ours, (call, &sid), words);
        for (scope, call) in [(theirs(), call), (person(), shop.misses().await)] {
            let foreign = store.note_voicemail(&scope, (call, &sid), Some(WORDS));
            assert!(foreign.await.is_err());
        }
        assert!(said(Some(" My boiler leaks\n")).await.unwrap());
        assert!(!said(Some("again")).await.unwrap());
        assert!(!said(None).await.unwrap());
        let lines = store.transcript(&person(), call).await.unwrap();
        assert_eq!(lines.len(), 1, "{lines:?}");
        let line = (lines[0].seq, lines[0].speaker, lines[0].text.as_str());
        assert_eq!(line, (0, Speaker::Caller, WORDS));
        let left = store
            .voicemail(&person(), call, &sid)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(left.words.as_deref(), Some(WORDS));
        assert_eq!(left.caller, Some(number()));
        assert_eq!(store.voicemail(&theirs(), call, &sid).await.unwrap(), None);
        let lead = store.save_lead(&person(), call, LeadDraft::default()).await;
        let timeline = store
            .timeline(&person(), lead.unwrap(), Page::first(50))
            .await;
        let shown = timeline.unwrap().into_iter();
        let shown = shown.filter(|one| one.kind == TimelineKind::CallVoicemail);
        assert_eq!(shown.count(), 1);
        let jobs = jobs_until(store, shop.clock.now()).await;
        let tell = JobWork::TellOfVoicemail {
            call,
            recording: sid.clone(),
        };
        assert_eq!(jobs.iter().filter(|job| job.work == tell).count(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_message_is_told_of_once_to_a_phone_of_the_business() {
    on_each_clock(async |store, clock| {
        let shop = Shop::open(store, clock).await;
        let phone = E164::parse("+972521234567").unwrap();
        let call = shop.keeps_a_message(&phone).await;
        let (store, sid, ours) = (&shop.store, sid(), person());
        let tell = || store.write_of_voicemail(&ours, (call, &sid), (WORDS, CAN));
        assert!(!store.was_told_of_voicemail(&person(), call).await.unwrap());
        assert_eq!(tell().await.unwrap(), ToldBy::Whatsapp);
        assert_eq!(tell().await.unwrap(), ToldBy::Earlier);
        assert!(!store.note_voicemail_told(&person(), &sid).await.unwrap());
        assert!(store.was_told_of_voicemail(&person(), call).await.unwrap());
        assert!(!store.was_told_of_voicemail(&theirs(), call).await.unwrap());
        assert_eq!(conversations(store).await.len(), 1);
        let jobs = jobs_until(store, shop.clock.now()).await;
        let sends = |work: &JobWork| matches!(work, JobWork::SendMessage { .. });
        assert_eq!(jobs.iter().filter(|job| sends(&job.work)).count(), 1);
    })
    .await;
}

#[tokio::test]
async fn nobody_is_told_on_a_phone_that_takes_no_messages_or_is_the_callers() {
    on_each_clock(async |store, clock| {
        let shop = Shop::open(store, clock).await;
        let fixed = E164::parse("+97231234567").unwrap();
        let call = shop.keeps_a_message(&fixed).await;
        for phone in [fixed, number()] {
            shop.gives_calls_to(&phone).await;
            let told = shop
                .store
                .write_of_voicemail(&person(), (call, &sid()), (WORDS, CAN))
                .await;
            assert_eq!(told.unwrap(), ToldBy::Nobody);
        }
        assert!(
            shop.store
                .note_voicemail_told(&person(), &sid())
                .await
                .unwrap()
        );
        assert_eq!(conversations(&shop.store).await.len(), 0);
    })
    .await;
}

#[tokio::test]
async fn what_served_a_call_stands_in_its_row_and_its_timeline() {
    on_each_clock(async |store, clock| {
        let shop = Shop::open(store, clock).await;
        let call = shop.begin(CallDirection::Inbound, Some(number())).await;
        let ladder = LadderUse {
            served_by: Some("spare".to_owned()),
            hold_lines: 2,
            reconnects: 1,
        };
        shop.store
            .note_ladder(&person(), call, &ladder)
            .await
            .unwrap();
        let foreign = shop.store.note_ladder(&theirs(), call, &ladder).await;
        assert!(foreign.is_err());
        shop.end(call, CallEnd::CallerHungUp).await;
        let entry = shop.entry(call).await;
        assert_eq!(entry.ladder, ladder);
        let lead = entry.call.lead.unwrap();
        let timeline = shop.store.timeline(&person(), lead, Page::first(50)).await;
        let ended = timeline.unwrap().into_iter();
        let mut ended = ended.filter(|one| one.kind == TimelineKind::CallEnded);
        let data = ended.next().unwrap().data;
        assert_eq!(data["served_by"], "spare");
        assert_eq!(
            (data["hold_lines"].as_u64(), data["reconnects"].as_u64()),
            (Some(2), Some(1))
        );
    })
    .await;
}
