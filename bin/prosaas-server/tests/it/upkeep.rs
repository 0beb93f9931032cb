//! Who hears of what by mail, over a mail server's own wire, and what the server cleans up by itself. Time
//! is the tests' own: no mail waits for a clock that stands still.

use std::sync::Arc;

use prosaas_core::memory::MemoryTextModel;
use prosaas_core::testkit::samples::{new_call, outcome, quality};
use prosaas_core::time::ManualClock;
use prosaas_core::{
    Business, CallEnd, CallOutcome, CallTime, Clock as _, ExposeSecret as _, SecretString, Speaker,
    TranscriptLine, UnixMillis, Verdict,
};
use prosaas_crm::auth::seal::MasterKeys;
use prosaas_crm::auth::{Permissions, SystemScope, TenantScope};
use prosaas_crm::model::access::SecretName;
use prosaas_crm::model::page::Page;
use prosaas_crm::model::patch::Replace;
use prosaas_crm::model::promise::{PromiseFilter, PromisePatch, PromiseStatus};
use prosaas_crm::testkit::smtp::{FakeSmtp, Mood, ReceivedMail};
use prosaas_crm::{AfterStream, CallStore as _, PhoneStore as _};
use prosaas_twilio::testkit::carrier::CallScript;
use serde_json::json;

use crate::support::jobs::{jobs, pass};
use crate::support::{NUMBER, Setup, sid, status, until};

const DAY_MS: i64 = 24 * 3_600_000;
const MINUTE_MS: i64 = 60_000;
/// 2026-11-24T14:00:00Z, which is 16:00 in Jerusalem.
const NOW: UnixMillis = UnixMillis(1_795_528_800_000);
const OPERATOR: SystemScope = SystemScope::from_operator();

fn scope(business: &Business) -> TenantScope {
    TenantScope::from_trusted_host(business.id, Permissions::all())
}

fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::at(NOW))
}

/// A server that sends its mail to this one.
fn mailing(smtp: &FakeSmtp, clock: &Arc<ManualClock>) -> Setup {
    Setup::default()
        .clock(Arc::clone(clock))
        .var("PROSAAS_SMTP_URL", &smtp.url())
        .var("PROSAAS_MAIL_FROM", "crm@example.com")
}

/// The next mail, once it is there, with its text as it is read.
async fn mail(smtp: &FakeSmtp) -> (ReceivedMail, String) {
    let mut mails = until("a mail arrives", async || {
        let mails = smtp.take();
        (!mails.is_empty()).then_some(mails)
    })
    .await;
    assert_eq!(mails.len(), 1, "one mail: {mails:?}");
    let mail = mails.remove(0);
    let text = mail.data.replace("=\r\n", "").replace("=3D", "=");
    (mail, text)
}

#[tokio::test]
async fn the_owner_hears_of_a_missed_call_within_a_minute_even_when_the_mail_server_is_busy() {
    let smtp = FakeSmtp::start(Mood::Busy).await.unwrap();
    let clock = clock();
    let app = mailing(&smtp, &clock).start().await;
    let business = app.business(NUMBER).await;
    app.owner(&business, "owner@example.com").await;
    app.ring(&sid(1)).await;
    app.post("/webhook/call_status", &status(&sid(1), "completed"))
        .await;
    jobs(&app, "alert_owners", "failed", 1).await;
    smtp.set_mood(Mood::Takes);
    pass(&app, &clock, 5_000);
    let (mail, text) = mail(&smtp).await;
    assert_eq!(mail.to, ["owner@example.com"]);
    assert!(text.contains("A missed call"), "{text}");
    assert!(
        !text.contains("+972501234567"),
        "the number is masked: {text}"
    );
    let began = app.only_call(&business).await.record.call.started_at;
    assert!(clock.now().since(began) <= MINUTE_MS);
    jobs(&app, "alert_owners", "done", 1).await;
    assert!(smtp.take().is_empty(), "once");
}

#[tokio::test]
async fn owners_hear_once_a_day_that_many_calls_went_badly() {
    let smtp = FakeSmtp::start(Mood::Takes).await.unwrap();
    let clock = clock();
    let app = mailing(&smtp, &clock).start().await;
    let business = app.business(NUMBER).await;
    app.owner(&business, "owner@example.com").await;
    let bad_call = async |n: u8| {
        let scope = scope(&business);
        let (call, _) = app.store.open_call(&scope, new_call(n)).await.unwrap();
        let outcome = CallOutcome {
            quality: Some(Box::new(quality(Verdict::Poor))),
            ..outcome(CallEnd::AgentEnded)
        };
        let finished = app
            .store
            .finish_call_then(&scope, call.id, outcome, AfterStream::HangUp);
        finished.await.unwrap();
        pass(&app, &clock, 1);
    };
    for n in 1..=6 {
        bad_call(n).await;
    }
    let (first, text) = mail(&smtp).await;
    assert_eq!(first.to, ["owner@example.com"]);
    for part in ["Many calls did not go well", "of the last", "verdict=poor"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    jobs(&app, "alert_quality", "done", 1).await;
    pass(&app, &clock, DAY_MS);
    bad_call(7).await;
    mail(&smtp).await;
    jobs(&app, "alert_quality", "done", 2).await;
    assert!(smtp.take().is_empty(), "once");
}

#[tokio::test]
async fn every_owner_hears_of_an_urgent_call_at_once() {
    let smtp = FakeSmtp::start(Mood::Takes).await.unwrap();
    let clock = clock();
    let summary = json!({
        "summary": "Water everywhere.", "intent": "burst pipe", "name": "Dana", "next_step": "",
        "urgent": true, "promises": [], "tasks": [],
    });
    let app = mailing(&smtp, &clock)
        .text(MemoryTextModel::answering(summary))
        .start()
        .await;
    let business = app.business(NUMBER).await;
    app.owner(&business, "one@example.com").await;
    app.owner(&business, "two@example.com").await;
    app.ring(&sid(1)).await;
    let call = app.only_call(&business).await.record.id;
    let said = TranscriptLine {
        seq: 0,
        speaker: Speaker::Caller,
        at: CallTime(900),
        text: "There is water everywhere!".to_owned(),
        interrupted: false,
    };
    let lines = [said];
    app.store
        .append_transcript(&scope(&business), call, &lines)
        .await
        .unwrap();
    app.post("/webhook/call_status", &status(&sid(1), "completed"))
        .await;
    let mut to = Vec::new();
    let mut text = String::new();
    until("both owners hear that it is urgent", async || {
        for mail in smtp.take() {
            to.extend(mail.to);
            text = mail.data;
        }
        (to.len() == 2).then_some(())
    })
    .await;
    to.sort();
    assert_eq!(to, ["one@example.com", "two@example.com"]);
    for part in ["An urgent call", "Water everywhere."] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert_eq!(clock.now(), NOW, "no time had to pass");
}

#[tokio::test]
async fn a_promise_that_is_not_kept_reaches_the_owner_once_and_again_a_day_later() {
    let smtp = FakeSmtp::start(Mood::Takes).await.unwrap();
    let clock = clock();
    let summary = json!({
        "summary": "Wants a price.", "intent": "price", "name": "Dana", "next_step": "",
        "urgent": false, "tasks": [],
        "promises": [{
            "what": "Call back with a price", "who": "Ron", "by": "2026-11-24T18:00",
            "said": "hello from the agent",
        }],
    });
    let app = mailing(&smtp, &clock)
        .text(MemoryTextModel::answering(summary))
        .start()
        .await;
    let business = app.business(NUMBER).await;
    app.carrier().place_call(CallScript::listening()).await;
    jobs(&app, "summarize_call", "done", 1).await;
    app.owner(&business, "owner@example.com").await;
    smtp.take();

    pass(&app, &clock, 2 * 60 * MINUTE_MS);
    let (first, text) = mail(&smtp).await;
    assert_eq!(first.to, ["owner@example.com"]);
    assert!(text.contains("A promise to a caller is overdue"), "{text}");
    assert!(
        text.contains("Call back with a price (Ron). Due: 2026-11-24 18:00"),
        "{text}"
    );
    jobs(&app, "escalate_promise", "done", 1).await;
    pass(&app, &clock, DAY_MS - 1);
    assert!(smtp.take().is_empty(), "not before a day is over");
    pass(&app, &clock, 1);
    mail(&smtp).await;
    jobs(&app, "escalate_promise", "done", 2).await;

    let scope = scope(&business);
    let filter = PromiseFilter::default();
    let promises = app.store.promises(&scope, &filter, Page::first(9)).await;
    let promise = promises.unwrap().remove(0);
    let kept = PromisePatch {
        status: Replace(Some(PromiseStatus::Kept)),
        ..PromisePatch::default()
    };
    let kept = app
        .store
        .update_promise(&scope, promise.id, promise.version, kept);
    kept.await.unwrap();
    pass(&app, &clock, 7 * DAY_MS);
    jobs(&app, "escalate_promise", "done", 3).await;
    assert!(smtp.take().is_empty(), "a kept promise is let be");
}

#[tokio::test]
async fn owners_are_told_who_acts_for_their_business_why_and_until_when() {
    let smtp = FakeSmtp::start(Mood::Takes).await.unwrap();
    let clock = clock();
    let app = mailing(&smtp, &clock).start().await;
    let business = app.business(NUMBER).await;
    app.owner(&business, "owner@example.com").await;
    app.administrator("admin@example.com").await;
    let mut admin = app.sign_in("admin@example.com").await;
    let act = format!("/api/system/businesses/{}/act", business.id);
    let why = json!({ "reason": "ticket 17", "minutes": 30 });
    admin.post(&act, &why).await;
    let (mail, text) = mail(&smtp).await;
    assert_eq!(mail.to, ["owner@example.com"]);
    for part in ["Somebody has access", "ticket 17", "2026-11-24 16:30"] {
        assert!(text.contains(part), "{part} in {text}");
    }
    let leads = admin.get("/api/crm/leads").await;
    assert_eq!(leads["data"], json!([]));
}

#[tokio::test]
async fn what_had_its_time_while_the_server_was_down_is_done_at_its_start() {
    let smtp = FakeSmtp::start(Mood::Takes).await.unwrap();
    let (old, new) = (
        MasterKeys::generate(1).unwrap(),
        MasterKeys::generate(2).unwrap(),
    );
    let clock = clock();
    let app = mailing(&smtp, &clock)
        .var("PROSAAS_MASTER_KEY", old.expose_secret())
        .start()
        .await;
    let business = app.business(NUMBER).await;
    app.administrator("admin@example.com").await;
    let mut admin = app.sign_in("admin@example.com").await;
    let act = format!("/api/system/businesses/{}/act", business.id);
    let why = json!({ "reason": "ticket 17", "minutes": 30 });
    admin.post(&act, &why).await;
    let canary = SecretString::from("canary-0123456789");
    let operator = OPERATOR.tenant(business.id).unwrap();
    let name = SecretName::OpenAiApiKey;
    app.store
        .set_secret(&operator, name, &canary)
        .await
        .unwrap();
    let last = app
        .store
        .event_bounds(&scope(&business))
        .await
        .unwrap()
        .last;
    assert!(last > 0);
    let directory = Arc::clone(&app.directory);
    drop(app);

    clock.advance(8 * DAY_MS);
    let both = format!("{},{}", new.expose_secret(), old.expose_secret());
    let app = mailing(&smtp, &clock)
        .directory(directory)
        .var("PROSAAS_MASTER_KEY", &both)
        .start()
        .await;
    let scope = scope(&business);
    let events = until("old events are gone, and acting has ended", async || {
        let bounds = app.store.event_bounds(&scope).await.unwrap();
        let only_new = bounds.first.is_some_and(|first| first > last);
        if !only_new {
            return None;
        }
        Some(app.store.events_after(&scope, last, 10).await.unwrap())
    })
    .await;
    assert!(
        events.iter().any(|event| event.kind == "acting.expired"),
        "{events:?}"
    );
    let current = until("the secret is under the new key", async || {
        let seals = app.store.count_seals(&OPERATOR).await.unwrap();
        (seals.older == 0).then_some(seals.current)
    })
    .await;
    assert_eq!(current, 1);
    let secrets = app.store.secrets(&scope).await.unwrap();
    let opened = secrets.openai_api_key.unwrap();
    assert_eq!(opened.expose_secret(), canary.expose_secret());
    jobs(&app, "apply_retention", "done", 1).await;
}
