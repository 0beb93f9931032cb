//! A whole call between the memory implementations: no socket, no clock, no waiting.

use std::future::poll_fn;

use prosaas_core::leg::{ItemId, ReplyEnd, ReplyId};
use prosaas_core::memory::{
    Emit, MemoryLeg, MemoryStore, MemoryTextModel, MockBridge, RecordedAiCommand,
    RecordedLegCommand, Step, Trigger,
};
use prosaas_core::testkit::samples::{line, new_call, outcome, seed};
use prosaas_core::{
    AgentBrief, AiCommand, AiEvent, AudioBridge, CallEnd, ErrorClass, LegCommand, LegEvent,
    TelephonyLeg, TenantStore, TextModel, TextRequest, Usage,
};

/// What the model says once it heard the caller.
fn answer() -> Vec<Emit> {
    let (reply, item) = (ReplyId(1), ItemId(1));
    vec![
        AiEvent::SpeechStarted.into(),
        AiEvent::ReplyStarted { reply }.into(),
        Emit::audio(reply, item, vec![0x11; 160]),
        Emit::audio(reply, item, vec![0x22; 160]),
        AiEvent::ReplyEnded {
            reply,
            end: ReplyEnd::Completed,
            usage: Usage::default(),
        }
        .into(),
    ]
}

#[tokio::test]
async fn a_call_runs_from_number_to_lead() {
    let store = MemoryStore::new();
    let seed = seed(1);
    let tenant = seed.business.id;
    store.add_business(seed.business, seed.numbers);
    let (call, _) = store.open_call(tenant, new_call(1)).await.unwrap();

    let bridge = MockBridge::scripted([Step::new(Trigger::CallerAudio, answer())]);
    let mut ai = bridge.open(AgentBrief::default()).await.unwrap();
    let (mut leg, caller) = MemoryLeg::pair();
    caller.speak(0, &[0x33; 160]);

    let mut heard = Vec::new();
    let event = poll_fn(|cx| leg.poll_event(cx, &mut heard)).await;
    assert_eq!(
        event,
        LegEvent::Audio {
            timestamp_ms: Some(0)
        }
    );
    ai.send(AiCommand::Audio(&heard)).unwrap();
    loop {
        let mut said = Vec::new();
        match poll_fn(|cx| ai.poll_event(cx, &mut said)).await {
            AiEvent::Audio { .. } => leg.send(LegCommand::Audio(&said)).unwrap(),
            AiEvent::ReplyEnded { .. } => break,
            _ => {}
        }
    }
    caller.hang_up();
    assert_eq!(
        poll_fn(|cx| leg.poll_event(cx, &mut heard)).await,
        LegEvent::Stopped
    );

    store
        .append_transcript(tenant, call.id, &[line(0, "Hello")])
        .await
        .unwrap();
    store
        .finish_call(tenant, call.id, outcome(CallEnd::CallerHungUp))
        .await
        .unwrap();

    let said = [[0x11; 160], [0x22; 160]].concat();
    assert_eq!(caller.commands(), [RecordedLegCommand::Audio(said)]);
    assert_eq!(
        bridge.opened()[0].commands(),
        [RecordedAiCommand::Audio(vec![0x33; 160])]
    );
    assert_eq!(store.calls(tenant).len(), 1);
    assert_eq!(store.transcript(tenant, call.id), [line(0, "Hello")]);
    assert_eq!(
        store.leads(tenant)[0].known,
        outcome(CallEnd::CallerHungUp).lead
    );
}

#[tokio::test]
async fn a_model_speaks_out_of_turn_and_disappears() {
    let bridge = MockBridge::scripted([]);
    let mut ai = bridge.open(AgentBrief::default()).await.unwrap();
    let mut audio = Vec::new();
    assert_eq!(
        poll_fn(|cx| ai.poll_event(cx, &mut audio)).await,
        AiEvent::Ready
    );
    let handle = bridge.opened().remove(0);
    let waiting = poll_fn(|cx| ai.poll_event(cx, &mut audio));
    let (event, ()) = tokio::join!(waiting, async { handle.push(AiEvent::Closed) });
    assert_eq!(event, AiEvent::Closed);
    assert!(
        ai.send(AiCommand::Audio(&[0xFF; 160])).is_err(),
        "a closed leg takes no commands"
    );
    drop(ai);
    assert!(handle.is_dropped());
}

#[tokio::test]
async fn a_text_model_answers_as_told() {
    let ask = TextRequest {
        instructions: "Summarise.".to_owned(),
        input: "Hello".to_owned(),
        schema_name: "summary",
        schema: serde_json::json!({ "type": "object" }),
        api_key: None,
    };
    let model = MemoryTextModel::answering(serde_json::json!({ "summary": "A greeting." }));
    let reply = model.ask(ask.clone()).await.unwrap();
    assert_eq!(reply.value["summary"], "A greeting.");
    assert_eq!(model.asked()[0].input, "Hello");
    let refused = MemoryTextModel::failing().ask(ask).await.unwrap_err();
    assert_eq!(refused.class(), ErrorClass::Retry);
}
