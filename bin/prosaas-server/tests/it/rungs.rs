//! What becomes of a call that no model can have: a person's phone rings while the business is open, else the caller
//! leaves a message. Time is the tests' own.

use std::sync::Arc;

use prosaas_core::leg::FRAME_BYTES;
use prosaas_core::time::ManualClock;
use prosaas_core::{Business, CallEnd, Error, Speaker, UnixMillis};
use prosaas_crm::mail::MailContent;
use prosaas_crm::model::call_list::AnsweredBy;
use prosaas_crm::testkit::scope;
use prosaas_crm::{AfterStream, CallStore as _, LeadStore as _};
use prosaas_twilio::testkit::carrier::{CallScript, CarrierEvent, DialResult};

use crate::support::jobs::{jobs, pass};
use crate::support::sidecar::Sidecar;
use crate::support::{CALLER, HUMAN, NUMBER, Setup, TestApp, e164, refusing, sid, status};

/// 2026-11-24T14:00:00Z, which is 16:00 in Jerusalem: open.
const OPEN: UnixMillis = UnixMillis(1_795_528_800_000);
/// The night after it: closed.
const CLOSED: UnixMillis = UnixMillis(1_795_528_800_000 + 8 * 3_600_000);
/// Longer than an alert waits for somebody to pick up.
const LATER_MS: i64 = 2 * 60_000;
const FORWARD: &str = r#"<Say language="en-US" voice="Google.en-US-Standard-C">I am connecting you to a person.</Say><Dial action="https://voice.test/webhook/stream_ended/4" answerOnBridge="true" callerId="+97231234567" timeout="20"><Number>+97239876543</Number></Dial><Hangup/>"#;

struct Shop {
    app: TestApp,
    clock: Arc<ManualClock>,
    business: Business,
}

impl Shop {
    /// No model can be reached.
    async fn at(now: UnixMillis, change: impl FnOnce(&mut Business)) -> Self {
        let clock = Arc::new(ManualClock::at(now));
        let setup = Setup::default().bridge(refusing()).rest();
        let app = setup.clock(Arc::clone(&clock)).start().await;
        let business = app.business_with(NUMBER, change).await;
        Self {
            app,
            clock,
            business,
        }
    }

    /// The carrier asks how the first call goes on after its `<Dial>`.
    async fn dialled(&self, dial: &str, call_status: &str) -> String {
        let call = sid(1);
        let mut fields = status(&call, call_status);
        fields.push(("DialCallStatus", dial));
        let path = "/webhook/stream_ended/4";
        self.app.post(path, &fields).await.body
    }

    async fn answered_by(&self) -> Option<AnsweredBy> {
        let call = self.app.finished(&self.business).await.record.id;
        let scope = scope(self.business.id);
        let entry = self.app.store.call_entry(&scope, call).await.unwrap();
        entry.answered_by
    }

    async fn counted(&self, rung: &str, times: u32) {
        let line = format!("prosaas_ladder_rung_total{{rung=\"{rung}\"}} {times}");
        let metrics = self.app.get("/metrics").await.body;
        assert!(
            metrics.lines().any(|found| found == line),
            "{line}: {metrics}"
        );
    }
}

#[tokio::test]
async fn a_call_that_no_model_can_have_rings_a_person_while_the_business_is_open() {
    let shop = Shop::at(OPEN, |_| {}).await;
    shop.app.bridge.know_down();
    let answer = shop.app.ring(&sid(1)).await.body;
    assert!(answer.contains(FORWARD), "{answer}");
    assert_eq!(
        shop.app.ring(&sid(1)).await.body,
        answer,
        "a copy hears the same"
    );
    shop.counted("forward", 1).await;
    let next = shop.dialled("completed", "in-progress").await;
    assert!(
        next.contains("<Hangup/>") && !next.contains("<Say"),
        "{next}"
    );
    assert_eq!(shop.answered_by().await, Some(AnsweredBy::Person));
    let call = shop.app.only_call(&shop.business).await;
    assert_eq!(call.record.end, Some(CallEnd::Transferred));
    let scope = scope(shop.business.id);
    let lead = shop.app.store.lead_of_call(&scope, call.record.id).await;
    let notes = lead.unwrap().unwrap().known.notes;
    assert_eq!(notes, None, "nobody was missed");
    assert!(shop.app.legs_of_calls().is_empty());
}

#[tokio::test]
async fn a_person_who_does_not_pick_up_leaves_the_caller_to_voicemail() {
    for dial in ["no-answer", "busy", "failed"] {
        let shop = Shop::at(OPEN, |_| {}).await;
        shop.app.bridge.know_down();
        shop.app.ring(&sid(1)).await;
        let next = shop.dialled(dial, "in-progress").await;
        assert!(
            next.contains("Nobody can take your call right now"),
            "{next}"
        );
        assert!(next.contains("<Record"), "{next}");
        shop.counted("voicemail", 1).await;
        // The caller hangs up without a word.
        shop.app
            .post("/webhook/call_status", &status(&sid(1), "completed"))
            .await;
        assert_eq!(
            shop.answered_by().await,
            Some(AnsweredBy::Voicemail),
            "{dial}"
        );
        assert_eq!(shop.app.leads(&shop.business).await, 1);
    }
}

#[tokio::test]
async fn who_hangs_up_while_the_phone_rings_was_missed_unless_somebody_picked_up() {
    for (dial, by, alerted) in [
        ("no-answer", AnsweredBy::Nobody, true),
        ("completed", AnsweredBy::Person, false),
    ] {
        let shop = Shop::at(OPEN, |_| {}).await;
        shop.app.owner(&shop.business, "owner@example.com").await;
        shop.app.bridge.know_down();
        shop.app.ring(&sid(1)).await;
        // The end of the call overtakes the end of its dial.
        shop.app
            .post("/webhook/call_status", &status(&sid(1), "completed"))
            .await;
        let next = shop.dialled(dial, "completed").await;
        assert!(next.contains("<Hangup/>"), "{next}");
        assert_eq!(shop.answered_by().await, Some(by));
        pass(&shop.app, &shop.clock, LATER_MS);
        jobs(&shop.app, "alert_owners", "done", 1).await;
        assert_eq!(!shop.app.mailer.take().is_empty(), alerted, "{dial}");
    }
}

#[tokio::test]
async fn a_closed_business_or_one_without_a_number_goes_to_voicemail_at_once() {
    let closed = Shop::at(CLOSED, |_| {}).await;
    let alone = Shop::at(OPEN, |business| business.transfer.clear()).await;
    for shop in [closed, alone] {
        shop.app.bridge.know_down();
        let answer = shop.app.ring(&sid(1)).await.body;
        assert!(!answer.contains("<Dial"), "{answer}");
        assert!(answer.contains("<Record"), "{answer}");
        shop.counted("voicemail", 1).await;
    }
}

#[tokio::test]
async fn a_call_whose_model_fails_for_good_rings_a_person() {
    for (dial, by) in [
        (DialResult::Answered(200), AnsweredBy::Person),
        (DialResult::NoAnswer, AnsweredBy::Nobody),
    ] {
        let shop = Shop::at(OPEN, |_| {}).await;
        let script = CallScript {
            dial,
            at_most_ms: 20_000,
            ..CallScript::listening()
        };
        let seen = shop.app.carrier().place_call(script).await;
        let dialled: Vec<_> = seen.dialled().cloned().collect();
        assert_eq!(dialled, [e164(HUMAN)], "{:?}", seen.timeline);
        let call = shop.app.finished(&shop.business).await;
        assert_eq!(call.record.end, Some(CallEnd::AiFailed));
        assert_eq!(call.after_stream, Some(AfterStream::Dial(e164(HUMAN))));
        assert_eq!(shop.answered_by().await, Some(by), "{dial:?}");
        let said: Vec<_> = seen.said().collect();
        assert!(said[0].contains("connecting you to a person"), "{said:?}");
        let asked = said.iter().any(|text| text.contains("leave a message"));
        assert_eq!(asked, by == AnsweredBy::Nobody, "{said:?}");
        shop.counted("forward", 1).await;
    }
}

/// A call that goes to voicemail, in which the caller leaves a message of one second.
async fn leaves_a_message(app: &TestApp) {
    let seen = app
        .carrier()
        .place_call(CallScript {
            at_most_ms: 20_000,
            ..CallScript::saying(vec![0x55; 50 * FRAME_BYTES])
        })
        .await;
    let recorded = seen
        .timeline
        .iter()
        .any(|timed| matches!(timed.event, CarrierEvent::Recorded { ms } if ms > 0));
    assert!(recorded, "{:?}", seen.timeline);
}

/// Runs the telling job once more, as after a crash before it was noted as done.
async fn tells_again(app: &TestApp, business: &Business) {
    let scope = scope(business.id);
    let call = app.only_call(business).await.record.id;
    let recordings = app.store.recordings(&scope, call).await.unwrap();
    let left = recordings.iter().find(|one| one.is_voicemail).unwrap();
    let told = app.store.note_voicemail_told(&scope, &left.sid).await;
    assert!(!told.unwrap(), "they were told");
    let again = app
        .store
        .note_voicemail(&scope, (call, &left.sid), Some("again"));
    assert!(!again.await.unwrap(), "it was heard");
}

#[tokio::test]
async fn a_voicemail_is_written_down_and_the_owner_is_told_once_by_mail() {
    let shop = Shop::at(CLOSED, |_| {}).await;
    let app = &shop.app;
    app.owner(&shop.business, "owner@example.com").await;
    app.transcriber.push(Ok(" My boiler leaks ".to_owned()));
    app.bridge.know_down();
    leaves_a_message(app).await;
    jobs(app, "tell_of_voicemail", "done", 1).await;
    pass(app, &shop.clock, LATER_MS);
    jobs(app, "alert_owners", "done", 1).await;
    tells_again(app, &shop.business).await;
    let mails = app.mailer.take();
    assert_eq!(mails.len(), 1, "{mails:?}");
    let MailContent::Alert {
        headline, detail, ..
    } = &mails[0].content
    else {
        panic!("{mails:?}");
    };
    assert_eq!(headline, "A voice message");
    assert!(detail.contains("My boiler leaks"), "{detail}");
    let call = app.only_call(&shop.business).await;
    let scope = scope(shop.business.id);
    let lines = app.store.transcript(&scope, call.record.id).await.unwrap();
    let said: Vec<_> = lines
        .iter()
        .map(|line| (line.speaker, line.text.as_str()))
        .collect();
    assert_eq!(said, [(Speaker::Caller, "My boiler leaks")]);
    let owner = app.sign_in("owner@example.com").await;
    let path = format!("/api/crm/leads/{}/timeline", call.lead.unwrap());
    let timeline = owner.get(&path).await;
    let left: Vec<_> = timeline["data"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|entry| entry["kind"] == "call.voicemail")
        .collect();
    assert_eq!(left.len(), 1, "{timeline}");
    assert_eq!(left[0]["data"]["line"], 0, "{timeline}");
    assert_eq!(left[0]["actor_kind"], "contact");
}

#[tokio::test]
async fn a_voicemail_that_nobody_can_hear_is_told_of_all_the_same() {
    let shop = Shop::at(CLOSED, |_| {}).await;
    let app = &shop.app;
    app.owner(&shop.business, "owner@example.com").await;
    app.transcriber
        .push(Err(Error::invalid("voicemail", "expected words")));
    app.bridge.know_down();
    leaves_a_message(app).await;
    jobs(app, "tell_of_voicemail", "done", 1).await;
    let mails = app.mailer.take();
    assert_eq!(mails.len(), 1, "{mails:?}");
    let MailContent::Alert { detail, .. } = &mails[0].content else {
        panic!("{mails:?}");
    };
    assert!(detail.contains("listened to"), "{detail}");
    assert_eq!(app.leads(&shop.business).await, 1);
}

#[tokio::test]
async fn whoever_would_have_had_the_call_is_told_by_whatsapp_once() {
    const PHONE: &str = "+972521234567";
    let clock = Arc::new(ManualClock::at(CLOSED));
    let sidecar = Sidecar::start(Arc::clone(&clock) as _).await;
    let setup = sidecar.setup().clock(Arc::clone(&clock)).rest();
    let app = setup.bridge(refusing()).start().await;
    let to_phone = |business: &mut Business| business.transfer[0].number = e164(PHONE);
    let business = app.business_with(NUMBER, to_phone).await;
    app.owner(&business, "owner@example.com").await;
    let mut owner = app.sign_in("owner@example.com").await;
    sidecar.links(&app, &business, &mut owner).await;
    app.transcriber.push(Ok("My boiler leaks".to_owned()));
    app.bridge.know_down();
    leaves_a_message(&app).await;
    jobs(&app, "send_message", "done", 1).await;
    tells_again(&app, &business).await;
    pass(&app, &clock, LATER_MS);
    jobs(&app, "alert_owners", "done", 1).await;
    let sent = sidecar.sent(business.id).await;
    assert_eq!(sent.len(), 1, "{sent:?}");
    for part in ["Dana's Garage", CALLER, "My boiler leaks", "/calls/call_"] {
        assert!(sent[0].contains(part), "{part}: {sent:?}");
    }
    assert!(app.mailer.take().is_empty(), "nobody hears it twice");
}
