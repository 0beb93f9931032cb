//! The phone follows the business's rules, and the call writes the CRM.

use std::sync::Arc;

use prosaas_core::memory::MemoryTextModel;
use prosaas_core::{
    Business, CallContext, CallDirection, CallEnd, CallId, CallTime, LeadDraft, NewCall, Speaker,
    ToolHost as _, ToolRequest, TranscriptLine, UnixMillis,
};
use prosaas_crm::LeadStore as _;
use prosaas_crm::PhoneStore as _;
use prosaas_crm::auth::{Permissions, TenantScope};
use prosaas_crm::mail::MailContent;
use prosaas_crm::model::block::{BlockKind, NewBlock};
use prosaas_crm::model::call_list::AnsweredBy;
use prosaas_crm::model::knowledge::{KnowledgeKind, NewKnowledge};
use prosaas_crm::model::number::NumberPatch;
use prosaas_crm::model::page::Page;
use prosaas_crm::model::patch::{Patch, Replace};
use prosaas_crm::model::promise::PromiseFilter;
use prosaas_crm::model::settings::{SettingsPatch, VoiceTool};
use prosaas_crm::model::task::{NewTask, Priority, TaskFilter};
use prosaas_crm::rules::answering::AnswerMode;
use prosaas_crm::testkit::OPERATOR;
use prosaas_server::calls::tools::CallTools;
use prosaas_twilio::testkit::carrier::{CallEnding, CallScript, DialResult};
use serde_json::{Value, json};

use crate::support::{CALLER, HUMAN, NUMBER, Setup, TestApp, e164, incoming, sid, status, until};

fn scope(business: &Business) -> TenantScope {
    TenantScope::from_trusted_host(business.id, Permissions::all())
}

async fn ring_first(app: &TestApp, business: &Business, mode: AnswerMode) {
    let scope = scope(business);
    let number = app.store.number(&scope, &e164(NUMBER)).await.unwrap();
    let patch = NumberPatch {
        answer_mode: Replace(Some(mode)),
        ring_number: Patch::Set(e164(HUMAN)),
        ..NumberPatch::default()
    };
    app.store
        .update_number(&scope, &e164(NUMBER), number.version, patch)
        .await
        .unwrap();
}

async fn settings(app: &TestApp, business: &Business, patch: SettingsPatch) {
    let scope = scope(business);
    let version = app.store.settings(&scope).await.unwrap().version;
    app.store
        .update_settings(&scope, version, patch)
        .await
        .unwrap();
}

async fn answered_by(app: &TestApp, business: &Business) -> Option<AnsweredBy> {
    let call = app.finished(business).await.record.id;
    let entry = app.store.call_entry(&scope(business), call).await.unwrap();
    entry.answered_by
}

#[tokio::test]
async fn the_business_phone_rings_first_and_the_agent_takes_what_nobody_takes() {
    for (result, legs, by) in [
        (DialResult::Answered(200), 0, AnsweredBy::Person),
        (DialResult::NoAnswer, 1, AnsweredBy::Nobody),
    ] {
        let app = TestApp::start().await;
        let business = app.business(NUMBER).await;
        ring_first(&app, &business, AnswerMode::RingFirst).await;
        let script = CallScript {
            dial: result,
            ..CallScript::listening()
        };
        let seen = app.carrier().place_call(script).await;
        assert!(seen.warnings.is_empty(), "{:?}", seen.warnings);
        let dialled: Vec<_> = seen.dialled().cloned().collect();
        assert_eq!(dialled, [e164(HUMAN)]);
        assert_eq!(answered_by(&app, &business).await, Some(by), "{result:?}");
        assert_eq!(app.legs_of_calls().len(), legs, "{result:?}");
        let call = app.only_call(&business).await.record;
        let lead = app
            .store
            .lead_of_call(&scope(&business), call.id)
            .await
            .unwrap();
        let missed = lead.unwrap().known.notes.is_some();
        assert_eq!(missed, by == AnsweredBy::Nobody, "{result:?}");
    }
}

#[tokio::test]
async fn the_phone_rings_for_its_seconds_and_only_then() {
    let app = TestApp::start().await;
    let business = app.business(NUMBER).await;
    ring_first(&app, &business, AnswerMode::RingFirst).await;
    let answer = app.ring(&sid(1)).await;
    assert!(answer.body.contains("<Dial"), "{}", answer.body);
    assert!(answer.body.contains("timeout=\"15\""), "{}", answer.body);
    // The owner calls his own business: his phone is busy.
    let second = sid(2);
    let mut fields = incoming(&second);
    fields.retain(|(name, _)| *name != "From");
    fields.push(("From", HUMAN));
    let answer = app.post("/webhook/incoming_call", &fields).await;
    assert!(answer.body.contains("<Stream"), "{}", answer.body);
}

#[tokio::test]
async fn who_is_blocked_hears_the_busy_tone_and_costs_nothing() {
    let app = TestApp::start().await;
    let business = app.business(NUMBER).await;
    let block = NewBlock {
        kind: BlockKind::Prefix,
        value: CALLER[..7].to_owned(),
        reason: None,
    };
    app.store.add_block(&scope(&business), block).await.unwrap();
    let seen = app.carrier().place_call(CallScript::listening()).await;
    assert_eq!(seen.ending, CallEnding::Rejected);
    let by = answered_by(&app, &business).await;
    assert_eq!(by, Some(AnsweredBy::Rejected));
    assert_eq!(app.leads(&business).await, 0);
    assert!(app.legs_of_calls().is_empty(), "no model was paid");
    assert!(app.mailer.take().is_empty());
}

#[tokio::test]
async fn who_calls_too_often_may_leave_a_message_then_hears_the_busy_tone() {
    let app = TestApp::start().await;
    let business = app.business(NUMBER).await;
    let mut heard = Vec::new();
    for n in 0..13 {
        let answer = app.ring(&sid(n)).await;
        let word = ["<Stream", "<Record", "<Reject"]
            .into_iter()
            .find(|verb| answer.body.contains(verb));
        heard.push(word.unwrap_or("nothing"));
        app.post("/webhook/call_status", &status(&sid(n), "completed"))
            .await;
    }
    assert_eq!(heard[..6], ["<Stream"; 6]);
    assert_eq!(heard[6..12], ["<Record"; 6]);
    assert_eq!(heard[12], "<Reject");
    assert!(app.calls(&business).await.len() == 13);
}

#[tokio::test]
async fn a_known_caller_and_his_open_matters_reach_the_agent() {
    let app = TestApp::start().await;
    let business = app.business(NUMBER).await;
    let scope = scope(&business);
    let earlier = call(&app, &business, 9).await;
    let draft = LeadDraft {
        name: Some("Dana Cohen".to_owned()),
        ..LeadDraft::default()
    };
    let lead = app.store.save_lead(&scope, earlier, draft).await;
    let task = NewTask {
        lead_id: Some(lead.unwrap()),
        title: "Send the offer".to_owned(),
        ..NewTask::default()
    };
    app.store.create_task(&scope, task).await.unwrap();
    app.carrier().place_call(CallScript::listening()).await;
    let legs = app.legs_of_calls();
    let brief = legs[0].brief();
    assert!(
        brief.instructions.contains("\"Dana Cohen\""),
        "{}",
        brief.instructions
    );
    assert!(brief.instructions.contains("\"Send the offer\""));
    assert!(!brief.instructions.contains(&CALLER[4..]), "never a number");
    let tools: Vec<_> = brief.tools.iter().map(|tool| tool.name).collect();
    for tool in VoiceTool::ALL {
        // There is no way to WhatsApp here.
        let is_offered = tool != VoiceTool::SendWhatsapp;
        assert_eq!(tools.contains(&tool.as_str()), is_offered, "{tool}");
    }
}

#[tokio::test]
async fn the_announcement_is_heard_before_a_recorded_call_and_noted() {
    let app = TestApp::start().await;
    let business = app.business_with(NUMBER, |b| b.record_calls = true).await;
    let patch = SettingsPatch {
        announcement: Patch::Set("This call is recorded.".to_owned()),
        ..SettingsPatch::default()
    };
    settings(&app, &business, patch).await;
    let answer = app.ring(&sid(1)).await;
    let said = answer.body.find("This call is recorded.").unwrap();
    assert!(
        said < answer
            .body
            .find("<Recording")
            .or(answer.body.find("<Start"))
            .unwrap()
    );
    let call = app.only_call(&business).await.record.id;
    let entry = app.store.call_entry(&scope(&business), call).await.unwrap();
    assert_eq!(entry.announcement_version, Some(1));
}

#[tokio::test]
async fn a_missed_call_is_alerted_at_once() {
    let app = TestApp::start().await;
    let business = app.business(NUMBER).await;
    app.ring(&sid(1)).await;
    app.post("/webhook/call_status", &status(&sid(1), "completed"))
        .await;
    let call = app.only_call(&business).await.record.id;
    until("the owners were told", async || {
        let metrics = app.get("/metrics").await.body;
        metrics
            .contains("prosaas_jobs_total{kind=\"alert_owners\",result=\"done\"}")
            .then_some(())
    })
    .await;
    let entry = app.store.call_entry(&scope(&business), call).await.unwrap();
    assert_eq!(entry.answered_by, Some(AnsweredBy::Nobody));
    for mail in app.mailer.take() {
        assert!(matches!(mail.content, MailContent::Alert { .. }));
    }
}

#[tokio::test]
async fn what_was_promised_is_kept_with_its_second() {
    let summary = json!({
        "summary": "Wants a call back.", "intent": "call back", "name": "Dana", "next_step": "",
        "urgent": true,
        "promises": [
            { "what": "call back", "who": "Ron", "by": "2030-01-01T16:00", "said": "hello from the agent" },
            { "what": "pay", "who": "", "by": "", "said": "we will pay you a million" },
        ],
        "tasks": [{ "title": "Call Dana back", "by": "2030-01-01T16:00" }],
    });
    let app = Setup::default()
        .text(MemoryTextModel::answering(summary))
        .start()
        .await;
    let business = app.business(NUMBER).await;
    app.carrier().place_call(CallScript::listening()).await;
    let call = app.finished(&business).await.record.id;
    let scope = scope(&business);
    let entry = until("the call is summed up", async || {
        let entry = app.store.call_entry(&scope, call).await.unwrap();
        entry.summarized_at.is_some().then_some(entry)
    })
    .await;
    assert!(entry.urgent);
    assert_eq!(entry.summary.as_deref(), Some("Wants a call back."));
    let promises = app
        .store
        .promises(&scope, &PromiseFilter::default(), Page::first(10))
        .await
        .unwrap();
    assert_eq!(
        promises.len(),
        1,
        "what nobody said is no promise: {promises:?}"
    );
    assert_eq!(
        (promises[0].call_id, promises[0].who.as_str()),
        (call, "Ron")
    );
    let tasks = app
        .store
        .tasks(&scope, &TaskFilter::default(), Page::first(10))
        .await
        .unwrap();
    assert_eq!(tasks.len(), 1);
    assert_eq!(tasks[0].priority, Priority::Urgent);
    assert_eq!(tasks[0].due_at, tasks[0].remind_at);
}

/// A call of the business's own that is going on.
async fn call(app: &TestApp, business: &Business, n: u32) -> CallId {
    let new = NewCall {
        call_sid: sid(n),
        direction: CallDirection::Inbound,
        caller: Some(e164(CALLER)),
        business_number: e164(NUMBER),
        started_at: UnixMillis(1_700_000_000_000),
    };
    let (record, _) = app.store.open_call(&scope(business), new).await.unwrap();
    record.id
}

/// The agent of one call, at its tools.
struct Agent {
    app: TestApp,
    business: Business,
    context: CallContext,
    tools: CallTools,
}

impl Agent {
    async fn new() -> Self {
        let app = TestApp::start().await;
        let business = app.business(NUMBER).await;
        let call = call(&app, &business, 1).await;
        let context = CallContext {
            tenant: business.id,
            call,
            call_sid: sid(1),
            caller: Some(e164(CALLER)),
        };
        let found = app.store.find_call(&OPERATOR, &sid(1)).await.unwrap();
        let record = Arc::new(found.unwrap());
        let standby = Arc::clone(&app.app().standby);
        let tools = CallTools::new(Arc::new(business.clone()), record, standby, None);
        Self {
            app,
            business,
            context,
            tools,
        }
    }

    async fn uses(&self, name: &str, arguments: &Value) -> Value {
        let request = ToolRequest {
            call: format!("{name}:{arguments}"),
            name: name.to_owned(),
            arguments: arguments.to_string(),
        };
        let reply = self.tools.run(&self.context, request).await;
        serde_json::from_str(&reply.output).unwrap()
    }
}

#[tokio::test]
async fn the_agent_books_a_time_that_is_free_and_no_other() {
    let agent = Agent::new().await;
    let found = agent.uses("check_availability", &json!({})).await;
    let times = found["free_times"].as_array().unwrap();
    assert!(!times.is_empty(), "{found}");
    let booking = json!({ "starts_at": times[0], "title": "Brakes" });
    let booked = agent.uses("book_appointment", &booking).await;
    assert_eq!(booked["booked"], times[0], "{booked}");
    let again = json!({ "starts_at": times[0], "title": "Another" });
    let refused = agent.uses("book_appointment", &again).await;
    assert!(refused["error"].is_string(), "{refused}");
    assert!(
        !refused["free_times"]
            .as_array()
            .unwrap()
            .contains(&times[0])
    );
    let at_night = json!({ "starts_at": "2030-01-01T03:00", "title": "x" });
    assert!(agent.uses("book_appointment", &at_night).await["error"].is_string());
    assert_eq!(
        agent.app.leads(&agent.business).await,
        1,
        "the caller's lead"
    );
}

#[tokio::test]
async fn a_message_is_a_task_and_a_time_a_promise() {
    let agent = Agent::new().await;
    let scope = scope(&agent.business);
    let line = TranscriptLine {
        seq: 0,
        speaker: Speaker::Agent,
        at: CallTime(42_000),
        text: "Ron will call you back at four.".to_owned(),
        interrupted: false,
    };
    let store = &agent.app.store;
    store
        .append_transcript(&scope, agent.context.call, &[line])
        .await
        .unwrap();
    let message = json!({
        "message": "My car is ready?", "recipient": "Ron",
        "call_back_by": "2030-01-01T16:00", "urgent": true,
    });
    assert_eq!(
        agent.uses("take_message", &message).await,
        json!({ "ok": true })
    );
    let task = json!({ "title": "Send the offer" });
    assert_eq!(agent.uses("create_task", &task).await["ok"], true);
    let filter = TaskFilter::default();
    let tasks = store.tasks(&scope, &filter, Page::first(10)).await.unwrap();
    assert_eq!(tasks.len(), 2);
    assert!(
        tasks
            .iter()
            .all(|t| t.call_id == Some(agent.context.call) && t.lead_id.is_some())
    );
    let filter = PromiseFilter::default();
    let promises = store
        .promises(&scope, &filter, Page::first(10))
        .await
        .unwrap();
    assert_eq!((promises.len(), promises[0].said_at_ms), (1, 42_000));
}

#[tokio::test]
async fn answers_from_the_knowledge_name_their_source() {
    let agent = Agent::new().await;
    let entry = NewKnowledge {
        kind: KnowledgeKind::Question,
        title: "How much is a brake check?".to_owned(),
        body: "A brake check costs 200 shekels.".to_owned(),
    };
    let scope = scope(&agent.business);
    let known = agent.app.store.add_knowledge(&scope, entry).await.unwrap();
    let question = json!({ "question": "brake check" });
    let found = agent.uses("look_up_knowledge", &question).await;
    assert_eq!(found["found"][0]["source"], json!(known.id), "{found}");
    let nothing = json!({ "question": "zebra" });
    assert!(agent.uses("look_up_knowledge", &nothing).await["error"].is_string());
}

#[tokio::test]
async fn a_tool_that_the_owner_took_away_does_nothing() {
    let agent = Agent::new().await;
    let patch = SettingsPatch {
        tools: Replace(Some(vec![VoiceTool::TakeMessage])),
        ..SettingsPatch::default()
    };
    settings(&agent.app, &agent.business, patch).await;
    let refused = agent.uses("create_task", &json!({ "title": "x" })).await;
    assert!(refused["error"].is_string(), "{refused}");
    let taken = agent.uses("take_message", &json!({ "message": "x" })).await;
    assert_eq!(taken, json!({ "ok": true }));
}

#[tokio::test]
async fn a_call_that_was_turned_away_stays_so_whatever_the_carrier_says_later() {
    let app = TestApp::start().await;
    let business = app.business(NUMBER).await;
    let block = NewBlock {
        kind: BlockKind::Number,
        value: CALLER.to_owned(),
        reason: None,
    };
    app.store.add_block(&scope(&business), block).await.unwrap();
    let answer = app.ring(&sid(1)).await;
    assert!(answer.body.contains("<Reject"), "{}", answer.body);
    app.post("/webhook/call_status", &status(&sid(1), "busy"))
        .await;
    let by = answered_by(&app, &business).await;
    assert_eq!(by, Some(AnsweredBy::Rejected));
    assert_eq!(
        app.only_call(&business).await.record.end,
        Some(CallEnd::Voicemail)
    );
    assert_eq!(app.leads(&business).await, 0);
}
