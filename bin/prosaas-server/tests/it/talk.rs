//! People of a business talk to their agent from the console: a browser's websocket instead of a phone.

use prosaas_core::leg::{FRAME_BYTES, ItemId, ReplyId};
use prosaas_core::memory::{AiHandle, Emit, MockBridge, RecordedAiCommand, Step, Trigger};
use prosaas_core::{AiEvent, ReplyEnd, Usage};
use prosaas_crm::auth::Role;
use reqwest::Method;

use crate::support::page::Page;
use crate::support::{NUMBER, Setup, TestApp, until};

const OWNER: &str = "owner@example.com";
const STRANGER: &str = "stranger@example.com";
const OTHER_NUMBER: &str = "+97231234999";

fn ended(reply: ReplyId) -> Emit {
    AiEvent::ReplyEnded {
        reply,
        end: ReplyEnd::Completed,
        usage: Usage::default(),
    }
    .into()
}

/// A model that greets, and then says what the test makes it say.
fn greeting() -> MockBridge {
    let (reply, item) = (ReplyId(0), ItemId(0));
    let text = AiEvent::AgentText {
        reply,
        item,
        text: "Dana's Garage, hello".to_owned(),
        whole: true,
    };
    let emit: Vec<Emit> = vec![
        AiEvent::ReplyStarted { reply }.into(),
        Emit::audio(reply, item, vec![0x55; 5 * FRAME_BYTES]),
        text.into(),
        ended(reply),
    ];
    MockBridge::scripted([Step::new(Trigger::ReplyRequested, emit)])
}

/// Whether the model was given what a test says into the microphone.
fn is_heard(command: &RecordedAiCommand) -> bool {
    matches!(command, RecordedAiCommand::Audio(audio) if audio.contains(&0x11))
}

/// Somebody talks, and has heard the greeting.
async fn talking(app: &TestApp, email: &str) -> (Page, AiHandle) {
    let browser = app.sign_in(email).await;
    let before = app.legs_of_calls().len();
    let mut page = app.talk(&browser).await.expect("the page may talk");
    page.hears(0x55).await;
    let said = page.told("line").await;
    assert_eq!(said["speaker"], "agent");
    assert_eq!(said["text"], "Dana's Garage, hello");
    (page, app.legs_of_calls().remove(before))
}

#[tokio::test]
async fn the_agent_is_talked_to_from_the_console() {
    let app = Setup::default().bridge(greeting()).start().await;
    let business = app.business(NUMBER).await;
    app.owner(&business, OWNER).await;
    let (mut page, model) = talking(&app, OWNER).await;
    page.speaks(vec![0x11; 5 * FRAME_BYTES]).await;
    until("the model hears it", async || {
        model.commands().iter().any(is_heard).then_some(())
    })
    .await;
    page.hangs_up().await;
    assert_eq!(page.told("ended").await, "caller_hung_up");
    assert!(app.calls(&business).await.is_empty(), "no call is kept");
    assert_eq!(app.leads(&business).await, 0);
    let audit = app.sign_in(OWNER).await.get("/api/audit").await.to_string();
    assert!(audit.contains("agent.talked_to"), "{audit}");
    assert!(audit.contains("cost_micro_usd"), "{audit}");
    until("its place is free again", async || {
        (app.app().live.count() == 0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn an_interruption_reaches_the_page() {
    let app = Setup::default().bridge(greeting()).start().await;
    let business = app.business(NUMBER).await;
    app.owner(&business, OWNER).await;
    let (mut page, model) = talking(&app, OWNER).await;
    let (reply, item) = (ReplyId(1), ItemId(6));
    model.push(AiEvent::SpeechStarted);
    model.push(AiEvent::SpeechStopped);
    model.push(AiEvent::CallerItem {
        item: ItemId(5),
        after: None,
    });
    model.push(AiEvent::ReplyStarted { reply });
    model.push(Emit::audio(reply, item, vec![0x66; 200 * FRAME_BYTES]));
    page.hears(0x66).await;
    model.push(AiEvent::SpeechStarted);
    assert_eq!(page.told("clear").await, true);
    model.push(AiEvent::CallerText {
        item: ItemId(5),
        text: "When are you open?".to_owned(),
        usage: Usage::default(),
    });
    let said = page.told("line").await;
    assert_eq!(said["text"], "When are you open?");
    assert_eq!(said["speaker"], "caller");
}

#[tokio::test]
async fn the_tools_of_a_rehearsal_write_nothing() {
    let reply = ReplyId(0);
    let call = AiEvent::ToolCall {
        reply,
        call: "tool_1".to_owned(),
        name: "save_lead".to_owned(),
        arguments: r#"{"name":"Dana"}"#.to_owned(),
    };
    let emit: Vec<Emit> = vec![
        AiEvent::ReplyStarted { reply }.into(),
        call.into(),
        ended(reply),
    ];
    let bridge = MockBridge::scripted([Step::new(Trigger::ReplyRequested, emit)]);
    let app = Setup::default().bridge(bridge).start().await;
    let business = app.business(NUMBER).await;
    app.owner(&business, OWNER).await;
    let browser = app.sign_in(OWNER).await;
    let mut page = app.talk(&browser).await.expect("the page may talk");
    let output = until("the tool answers", async || {
        let model = app.legs_of_calls().into_iter().next()?;
        model
            .commands()
            .into_iter()
            .find_map(|command| match command {
                RecordedAiCommand::ToolOutput { output, .. } => Some(output),
                _ => None,
            })
    })
    .await;
    assert!(output.contains("rehearsal"), "{output}");
    page.hangs_up().await;
    page.told("ended").await;
    assert_eq!(app.leads(&business).await, 0);
    assert!(app.calls(&business).await.is_empty());
    assert!(app.mailer.take().is_empty(), "nobody is alerted");
}

#[tokio::test]
async fn who_may_not_talk_is_refused() {
    let app = Setup::default().bridge(greeting()).start().await;
    let business = app.business(NUMBER).await;
    app.owner(&business, OWNER).await;
    app.member(&business, "viewer@example.com", Role::Viewer)
        .await;
    let owner = app.sign_in(OWNER).await;
    let viewer = app.sign_in("viewer@example.com").await;
    let public = Some(crate::support::PUBLIC);
    let evil = "https://evil.example";
    assert_eq!(app.talk_from(None, public).await.err(), Some(401));
    for origin in [Some(evil), Some("null"), None] {
        let refused = app.talk_from(Some(&owner), origin).await.err();
        assert_eq!(refused, Some(403), "{origin:?}");
    }
    assert_eq!(app.talk(&viewer).await.err(), Some(403));
    let plain = owner.ask(Method::GET, "/api/agent/talk", &[], None).await;
    assert_eq!(plain.unwrap().status, 426);
    assert_eq!(app.legs_of_calls().len(), 0, "no model was opened");
}

#[tokio::test]
async fn everybody_talks_to_the_agent_of_his_own_business() {
    let app = Setup::default().start().await;
    let business = app.business(NUMBER).await;
    let other = app
        .business_with(OTHER_NUMBER, |other| {
            "Ron's Shop".clone_into(&mut other.name);
        })
        .await;
    app.owner(&business, OWNER).await;
    app.owner(&other, STRANGER).await;
    let stranger = app.sign_in(STRANGER).await;
    let mut page = app.talk(&stranger).await.expect("the page may talk");
    page.hears(0x55).await;
    let legs = app.legs_of_calls();
    assert_eq!(legs.len(), 1);
    let instructions = legs[0].brief().instructions;
    assert!(instructions.contains("Ron's Shop"), "{instructions}");
    assert!(!instructions.contains("Dana's Garage"), "{instructions}");
    assert_eq!(app.app().live.count(), 1, "it counts as a call");
}

#[tokio::test]
async fn one_talk_a_user_and_no_more_than_the_business_may_have() {
    let app = Setup::default().start().await;
    let business = app
        .business_with(NUMBER, |business| business.limits.max_live_calls = 1)
        .await;
    app.owner(&business, OWNER).await;
    app.member(&business, "agent@example.com", Role::Agent)
        .await;
    let (owner, agent) = (
        app.sign_in(OWNER).await,
        app.sign_in("agent@example.com").await,
    );
    let mut page = app.talk(&owner).await.expect("the page may talk");
    assert_eq!(app.talk(&owner).await.err(), Some(409), "twice");
    assert_eq!(app.talk(&agent).await.err(), Some(409), "one too many");
    page.hangs_up().await;
    page.told("ended").await;
    drop(page);
    let mut second = until("the next one may talk", async || {
        app.talk(&agent).await.ok()
    })
    .await;
    second.hears(0x55).await;
}

#[tokio::test]
async fn a_page_that_goes_away_ends_the_talk() {
    let app = Setup::default().start().await;
    let business = app.business(NUMBER).await;
    app.owner(&business, OWNER).await;
    let owner = app.sign_in(OWNER).await;
    let mut page = app.talk(&owner).await.expect("the page may talk");
    page.hears(0x55).await;
    drop(page);
    until("the talk is over", async || {
        (app.app().live.count() == 0).then_some(())
    })
    .await;
    assert!(app.legs_of_calls()[0].is_dropped());
}
