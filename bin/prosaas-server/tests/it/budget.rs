//! What models cost a business is counted, and where its budget ends the agent does.

use std::sync::Arc;

use prosaas_core::leg::{FRAME_BYTES, ItemId, ReplyId};
use prosaas_core::memory::{Emit, MockBridge, RecordedAiCommand, Step, Trigger};
use prosaas_core::time::ManualClock;
use prosaas_core::{AiEvent, Business, CallEnd, MicroUsd, ReplyEnd, UnixMillis, Usage};
use prosaas_crm::mail::MailContent;
use prosaas_crm::model::conversation::{ConversationFilter, PausedReason};
use prosaas_crm::model::patch::Patch;
use prosaas_crm::model::settings::SettingsPatch;
use prosaas_crm::testkit::scope;
use serde_json::Value;

use crate::support::jobs::{jobs, pass};
use crate::support::sidecar::Sidecar;
use crate::support::{ACCOUNT, NUMBER, Setup, TestApp, sid, status, token_in};

/// 2026-11-24T14:00:00Z.
const NOW: UnixMillis = UnixMillis(1_795_528_800_000);
/// Longer than the agent waits for the rest of what somebody writes.
const REST_MS: i64 = 3_000;
const OWNER: &str = "owner@example.com";
const STRANGER: &str = "stranger@example.com";

/// A model whose replies cost 0.30 USD each.
fn dear() -> MockBridge {
    MockBridge::scripted((0..6).map(|n| {
        let (reply, item) = (ReplyId(n), ItemId(n));
        let usage = Usage {
            cost: MicroUsd(300_000),
            ..Usage::default()
        };
        let ended = AiEvent::ReplyEnded {
            reply,
            end: ReplyEnd::Completed,
            usage,
        };
        let emit: Vec<Emit> = vec![
            AiEvent::ReplyStarted { reply }.into(),
            Emit::audio(reply, item, vec![0x55; 5 * FRAME_BYTES]),
            ended.into(),
        ];
        Step::new(Trigger::ReplyRequested, emit)
    }))
}

async fn budget(app: &TestApp, business: &Business, micro_usd: u64) {
    let scope = scope(business.id);
    let version = app.store.settings(&scope).await.unwrap().version;
    let patch = SettingsPatch {
        monthly_budget_micro_usd: Patch::Set(micro_usd),
        ..SettingsPatch::default()
    };
    let changed = app.store.update_settings(&scope, version, patch).await;
    changed.unwrap();
}

/// What the console shows of a business's money.
async fn spending(app: &TestApp, business: &Business) -> Value {
    let owner = app.sign_in(OWNER).await;
    let path = format!("/api/businesses/{}/spending", business.id);
    owner.get(&path).await
}

/// What owners were told by mail.
fn told(app: &TestApp) -> String {
    let mails = app.mailer.take();
    let alerts = mails.into_iter().filter_map(|mail| match mail.content {
        MailContent::Alert {
            headline, detail, ..
        } => Some(format!("{headline}: {detail}\n")),
        _ => None,
    });
    alerts.collect()
}

#[tokio::test]
async fn a_call_says_goodbye_at_the_end_of_the_money_and_the_next_one_leaves_a_message() {
    let app = Setup::default().bridge(dear()).start().await;
    let business = app.business(NUMBER).await;
    app.owner(&business, OWNER).await;
    budget(&app, &business, 250_000).await;
    assert_eq!(spending(&app, &business).await["state"], "plenty");
    let first = sid(1);
    let token = token_in(&app.ring(&first).await.body);
    let mut socket = app.socket().await;
    socket.begin(&first, &token).await;
    socket.hears_audio().await;
    socket.closed().await;
    let call = app.finished(&business).await.record;
    assert_eq!(call.end, Some(CallEnd::MaxDuration));
    assert_eq!(call.usage.cost, MicroUsd(600_000));
    let commands = app.legs_of_calls().remove(0).commands();
    let goodbye = commands.iter().any(|command| {
        matches!(command, RecordedAiCommand::RequestReply(Some(words)) if words.contains("goodbye"))
    });
    assert!(goodbye, "{commands:?}");
    let spent = spending(&app, &business).await;
    assert_eq!(spent["state"], "spent", "{spent}");
    assert_eq!(spent["spent_micro_usd"], 600_000, "{spent}");
    assert_eq!(spent["months"][0]["calls_micro_usd"], 600_000, "{spent}");
    jobs(&app, "warn_of_budget", "done", 1).await;
    let told = told(&app);
    assert!(told.contains("The month's budget is spent"), "{told}");
    // Another caller.
    let legs = app.legs_of_calls().len();
    let second = sid(2);
    let answer = app.ring(&second).await.body;
    assert!(answer.contains("<Record"), "{answer}");
    assert!(!answer.contains("<Connect"), "{answer}");
    assert_eq!(app.ring(&second).await.body, answer, "a copy");
    let mut fields = status(&second, "in-progress");
    let url = format!(
        "https://api.twilio.com/2010-04-01/Accounts/{ACCOUNT}/Recordings/RE{}",
        "1".repeat(32)
    );
    fields.push(("RecordingUrl", &url));
    app.post("/webhook/stream_ended", &fields).await;
    let calls = app.calls(&business).await;
    let second = calls
        .iter()
        .find(|stored| stored.record.call.call_sid == second);
    let second = second.unwrap();
    assert_eq!(second.record.end, Some(CallEnd::Voicemail));
    assert!(second.lead.is_some());
    assert_eq!(app.legs_of_calls().len(), legs, "no model was asked");
}

#[tokio::test]
async fn a_raised_budget_answers_calls_again_and_is_nobody_elses_matter() {
    let app = TestApp::start().await;
    let business = app.business(NUMBER).await;
    let other = app.business("+97231234999").await;
    app.owner(&business, OWNER).await;
    app.owner(&other, STRANGER).await;
    budget(&app, &business, 0).await;
    assert!(app.ring(&sid(1)).await.body.contains("<Record"));
    budget(&app, &business, 5_000_000).await;
    assert!(app.ring(&sid(2)).await.body.contains("<Connect"));
    let stranger = app.sign_in(STRANGER).await;
    let path = format!("/api/businesses/{}/spending", business.id);
    let answer = stranger.ask(reqwest::Method::GET, &path, &[], None).await;
    assert_eq!(answer.unwrap().status, 404);
}

#[tokio::test]
async fn a_conversation_waits_for_a_person_once_the_budget_is_spent() {
    let clock = Arc::new(ManualClock::at(NOW));
    let sidecar = Sidecar::start(Arc::clone(&clock) as _).await;
    let app = sidecar.answering(&clock).start().await;
    let business = app.business(NUMBER).await;
    app.owner(&business, OWNER).await;
    let mut owner = app.sign_in(OWNER).await;
    sidecar.links(&app, &business, &mut owner).await;
    budget(&app, &business, 0).await;
    sidecar.hears(&app, &business, 2, "Are you open?").await;
    pass(&app, &clock, REST_MS);
    jobs(&app, "answer_message", "done", 1).await;
    jobs(&app, "alert_conversation", "done", 1).await;
    let all = ConversationFilter::default();
    let found = app
        .store
        .conversations(&scope(business.id), all, None, 50)
        .await
        .unwrap();
    assert_eq!(found[0].paused, Some(PausedReason::Limit));
    assert!(app.text.asked().is_empty(), "no model was asked");
    let told = told(&app);
    assert!(told.contains("the month's budget"), "{told}");
}
