//! Whole calls: our fake carrier on one side, a scripted model on the other.

use prosaas_core::leg::{FRAME_BYTES, ItemId, ReplyId};
use prosaas_core::memory::{
    AiHandle, Emit, MemoryTextModel, MockBridge, RecordedAiCommand, Step, Trigger,
};
use prosaas_core::{AiEvent, CallEnd, Error, ReplyEnd, TextReply, Usage};
use prosaas_crm::testkit::scope;
use prosaas_crm::{CallStore as _, LeadStore as _};
use prosaas_twilio::testkit::carrier::{
    CallEnding, CallScript, Carrier, CarrierConfig, DialResult, HangUp,
};
use serde_json::json;

use crate::support::{HUMAN, NUMBER, Setup, TestApp, e164, line_to, refusing, until};

/// The model's reply number `n`: half a second of sound, then these tool calls.
fn reply(n: u32, text: &str, calls: &[(&str, &str)]) -> Step {
    let (reply, item) = (ReplyId(n), ItemId(n));
    let mut emit: Vec<Emit> = vec![
        AiEvent::ReplyStarted { reply }.into(),
        AiEvent::AgentText {
            reply,
            item,
            text: text.to_owned(),
            whole: true,
        }
        .into(),
        Emit::audio(reply, item, vec![0x55; 25 * FRAME_BYTES]),
    ];
    emit.extend(calls.iter().enumerate().map(|(at, (name, arguments))| {
        Emit::from(AiEvent::ToolCall {
            reply,
            call: format!("tool-{n}-{at}"),
            name: (*name).to_owned(),
            arguments: (*arguments).to_owned(),
        })
    }));
    let usage = Usage {
        output_audio: 10,
        cost: prosaas_core::MicroUsd(640),
        ..Usage::default()
    };
    emit.push(
        AiEvent::ReplyEnded {
            reply,
            end: ReplyEnd::Completed,
            usage,
        }
        .into(),
    );
    Step::new(Trigger::ReplyRequested, emit)
}

fn script(steps: impl IntoIterator<Item = Step>) -> MockBridge {
    MockBridge::scripted(steps)
}

#[tokio::test]
async fn a_call_is_answered_heard_and_stored() {
    let summary = json!({ "summary": "Brakes squeak.", "intent": "repair", "name": "Dana", "next_step": "call back" });
    let app = Setup::default()
        .text(MemoryTextModel::answering(summary))
        .start()
        .await;
    let business = app.business(NUMBER).await;
    let seen = app.carrier().place_call(CallScript::listening()).await;
    assert_eq!(seen.ending, CallEnding::CallerHungUp, "{:?}", seen.timeline);
    assert!(seen.warnings.is_empty(), "{:?}", seen.warnings);
    assert!(
        seen.media_bytes >= 8_000 && seen.partial_frames == 0,
        "a second of whole frames"
    );
    let call = app.finished(&business).await;
    assert_eq!(call.record.end, Some(CallEnd::CallerHungUp));
    let lines = app
        .store
        .transcript(&scope(business.id), call.record.id)
        .await
        .unwrap();
    assert_eq!(lines[0].text, "Hello from the agent");
    let lead = until("the summary is merged into the lead", async || {
        let lead = app
            .store
            .lead_of_call(&scope(business.id), call.record.id)
            .await
            .unwrap()?;
        lead.known.summary.is_some().then_some(lead)
    })
    .await;
    assert_eq!(
        (lead.known.name.as_deref(), lead.known.intent.as_deref()),
        (Some("Dana"), Some("repair"))
    );
    assert_eq!(app.leads(&business).await, 1);
    let journal = app
        .data()
        .join(format!("journals/{}/{}.txt", business.id, call.record.id));
    assert!(
        std::fs::read_to_string(journal).unwrap().lines().count() > 50,
        "the call has a journal"
    );
    let quality = call.quality.expect("a verdict");
    assert_eq!(quality.figures.replies, 1, "{quality:?}");
    assert!(quality.figures.agent_ms >= 400, "{quality:?}");
    app.owner(&business, "owner@example.com").await;
    let owner = app.sign_in("owner@example.com").await;
    let path = format!("/api/calls/{}", call.record.id);
    let shown = owner.get(&path).await;
    assert_eq!(shown["quality"]["verdict"], quality.verdict.as_str());
    let script = owner.stream(&format!("{path}/script")).await;
    let script = script.text().await.unwrap();
    assert!(script.starts_with("# Recorded from a call"), "{script}");
    assert!(!script.contains("Hello"), "{script}");
    assert_eq!(app.app().live.count(), 0);
}

#[tokio::test]
async fn a_summary_that_fails_leaves_the_lead_without_it_and_is_tried_again() {
    let app = TestApp::start().await;
    let business = app.business(NUMBER).await;
    app.text.push(Ok(TextReply {
        value: json!({ "wrong": "shape" }),
        usage: Usage::default(),
    }));
    app.text.push(Err(Error::unavailable("text model", "down")));
    app.carrier().place_call(CallScript::listening()).await;
    let call = app.finished(&business).await;
    until("the first try failed", async || {
        let metrics = app.get("/metrics").await.body;
        metrics
            .contains("prosaas_jobs_total{kind=\"summarize_call\",result=\"failed\"}")
            .then_some(())
    })
    .await;
    let lead = app
        .store
        .lead_of_call(&scope(business.id), call.record.id)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(lead.known.summary, None);
    assert_eq!(lead.phone, Some(e164(crate::support::CALLER)));
}

#[tokio::test]
async fn the_agent_saves_a_lead_and_ends_the_call() {
    let bridge = script([
        reply(
            1,
            "Hello",
            &[("save_lead", r#"{"name":"Dana","intent":"repair"}"#)],
        ),
        reply(2, "Goodbye", &[("end_call", "{}")]),
        reply(3, "Bye", &[]),
    ]);
    let app = Setup::default().bridge(bridge).start().await;
    let business = app.business(NUMBER).await;
    let listening = CallScript {
        hang_up: HangUp::Never,
        at_most_ms: 20_000,
        ..CallScript::listening()
    };
    let seen = app.carrier().place_call(listening).await;
    assert_eq!(seen.ending, CallEnding::ServerHungUp, "{:?}", seen.timeline);
    let call = app.finished(&business).await;
    assert_eq!(call.record.end, Some(CallEnd::AgentEnded));
    assert!(
        call.record.usage.cost.0 >= 640,
        "the cost is stored: {:?}",
        call.record.usage
    );
    let lead = app
        .store
        .lead_of_call(&scope(business.id), call.record.id)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (lead.known.name.as_deref(), lead.known.notes),
        (Some("Dana"), Some("Missed call".to_owned()))
    );
}

#[tokio::test]
async fn a_transfer_dials_the_number_on_the_business_list() {
    for (result, voicemail) in [(DialResult::Answered(200), false), (DialResult::Busy, true)] {
        let bridge = script([
            reply(1, "Hello", &[("transfer_to_human", r#"{"to":"sales"}"#)]),
            reply(2, "One moment", &[]),
        ]);
        let app = Setup::default().bridge(bridge).start().await;
        let business = app.business(NUMBER).await;
        let script = CallScript {
            hang_up: HangUp::Never,
            at_most_ms: 20_000,
            dial: result,
            ..CallScript::listening()
        };
        let seen = app.carrier().place_call(script).await;
        assert_eq!(
            seen.dialled().cloned().collect::<Vec<_>>(),
            [e164(HUMAN)],
            "{:?}",
            seen.timeline
        );
        assert_eq!(
            seen.said().any(|text| text.contains("leave a message")),
            voicemail
        );
        assert_eq!(
            app.finished(&business).await.record.end,
            Some(CallEnd::Transferred)
        );
    }
}

#[tokio::test]
async fn a_transfer_to_a_number_of_the_models_choosing_is_refused() {
    let bridge = script([
        reply(
            1,
            "Hello",
            &[
                ("transfer_to_human", r#"{"to":"+19005551234"}"#),
                (
                    "transfer_to_human",
                    r#"{"to":"sales","number":"+19005551234"}"#,
                ),
            ],
        ),
        reply(2, "I cannot do that", &[]),
    ]);
    let app = Setup::default().bridge(bridge).start().await;
    let business = app.business(NUMBER).await;
    let seen = app.carrier().place_call(CallScript::listening()).await;
    assert_eq!(seen.dialled().count(), 0);
    let legs = app.bridge.current().opened();
    let refused = legs
        .iter()
        .flat_map(AiHandle::commands)
        .filter(|command| matches!(command, RecordedAiCommand::ToolOutput { output, .. } if output.contains("error")))
        .count();
    assert_eq!(refused, 2, "the model is told so");
    assert_eq!(
        app.finished(&business).await.record.end,
        Some(CallEnd::CallerHungUp)
    );
}

#[tokio::test]
async fn a_model_out_of_reach_leaves_a_spoken_answer_voicemail_and_a_lead() {
    let app = Setup::default().bridge(refusing()).rest().start().await;
    let business = app.business_with(NUMBER, |b| b.transfer.clear()).await;
    let message = CallScript::saying(vec![0x55; 100 * FRAME_BYTES]);
    let seen = app
        .carrier()
        .place_call(CallScript {
            at_most_ms: 20_000,
            ..message
        })
        .await;
    assert!(
        seen.said()
            .any(|text| text.contains("leave a message after the tone")),
        "{:?}",
        seen.timeline
    );
    let said_at = seen
        .timeline
        .iter()
        .find(|timed| format!("{:?}", timed.event).starts_with("Said"))
        .unwrap()
        .at_ms;
    assert!(
        said_at <= 3_500,
        "the caller hears something after {said_at} ms"
    );
    let call = app.finished(&business).await;
    assert_eq!(call.record.end, Some(CallEnd::AiFailed));
    let lead = app
        .store
        .lead_of_call(&scope(business.id), call.record.id)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(lead.known.notes.as_deref(), Some("Missed call"));
    assert!(
        app.get("/metrics")
            .await
            .body
            .contains("prosaas_model_errors_total{kind=\"connect\"}")
    );
}

#[tokio::test]
async fn the_fallback_is_spoken_in_the_agents_voice_once_it_is_cached() {
    let app = Setup::default().start().await;
    let business = app.business_with(NUMBER, |b| b.transfer.clear()).await;
    // Asks for it, as a call would; the model is still there.
    let nothing_yet = app
        .app()
        .voices
        .fallback(&scope(business.id), &business)
        .await;
    assert!(nothing_yet.is_empty());
    until("the sentence is cached", async || {
        (!app
            .app()
            .voices
            .fallback(&scope(business.id), &business)
            .await
            .is_empty())
        .then_some(())
    })
    .await;
    app.bridge.set(refusing());
    let seen = app
        .carrier()
        .place_call(CallScript {
            at_most_ms: 20_000,
            ..CallScript::listening()
        })
        .await;
    assert!(
        seen.media_bytes >= 8_000,
        "the cached second was heard: {:?}",
        seen.timeline
    );
    let said: Vec<_> = seen.said().collect();
    assert_eq!(
        said.len(),
        1,
        "the synthetic voice asks for a message only: {said:?}"
    );
    assert!(said[0].contains("leave a message"), "{said:?}");
    assert_eq!(
        app.finished(&business).await.record.end,
        Some(CallEnd::AiFailed)
    );
    assert_eq!(app.leads(&business).await, 1);
}

#[tokio::test]
async fn a_model_that_hangs_is_answered_for_in_time() {
    let app = Setup::default().bridge(MockBridge::hanging()).start().await;
    let business = app.business_with(NUMBER, |b| b.transfer.clear()).await;
    let seen = app
        .carrier()
        .place_call(CallScript {
            at_most_ms: 15_000,
            ..CallScript::listening()
        })
        .await;
    let said_at = seen
        .timeline
        .iter()
        .find(|timed| format!("{:?}", timed.event).starts_with("Said"));
    let said_at = said_at
        .unwrap_or_else(|| panic!("nothing was said: {:?}", seen.timeline))
        .at_ms;
    assert!(
        said_at <= 3_500,
        "the caller hears something after {said_at} ms"
    );
    assert_eq!(
        app.finished(&business).await.record.end,
        Some(CallEnd::AiFailed)
    );
}

#[tokio::test]
async fn twenty_calls_at_once_do_not_mix() {
    let app = TestApp::start().await;
    let business = app
        .business_with(NUMBER, |business| business.limits.max_live_calls = 50)
        .await;
    // Four callers: who calls more often is asked for a message.
    let callers = (0..20).map(|n| format!("+97250555000{}", n % 4));
    let calls = callers.map(|caller| {
        let carrier = Carrier::new(CarrierConfig {
            from: Some(e164(&caller)),
            ..line_to(app.server.address())
        });
        async move { carrier.place_call(CallScript::listening()).await }
    });
    let calls = futures_util::future::join_all(calls).await;
    for seen in &calls {
        assert_eq!(seen.ending, CallEnding::CallerHungUp);
        assert!(seen.media_bytes >= 8_000);
    }
    until("all are finished", async || {
        let finished = app
            .calls(&business)
            .await
            .iter()
            .filter(|call| call.is_finished())
            .count();
        (finished == 20).then_some(())
    })
    .await;
    assert_eq!(app.leads(&business).await, 4);
}
