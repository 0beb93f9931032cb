//! Calls that go well.

use std::time::Duration;

use prosaas_core::agent::{AgentBrief, HistoryTurn, ToolTurn};
use prosaas_core::leg::{AiCommand, AiErrorKind, AiEvent, ItemId, ReplyEnd, ReplyId, RequestId};
use prosaas_core::{ExposeSecret, Language, SecretString, Speaker};
use prosaas_realtime::testkit::model::{FakeModel, FakeModelConfig, Mode, Pace, Script};
use serde_json::json;

use super::talk::{LIMIT, brief, fake, open, said, voice};

#[tokio::test]
async fn the_greeting_is_spoken_as_told_and_paid_for() {
    let model = fake(FakeModelConfig::default()).await;
    let mut talk = open(&model, brief()).await;
    talk.ask(Some(r#"Say exactly: "Hello, this is Levi Plumbing.""#))
        .await;
    let events = talk.until_reply_ended().await;
    assert_eq!(said(&events), "Hello, this is Levi Plumbing.");
    let Some(AiEvent::ReplyEnded {
        reply,
        end: ReplyEnd::Completed,
        usage,
    }) = events.last()
    else {
        panic!("{events:?}");
    };
    assert_eq!(*reply, ReplyId(0));
    let ms = talk.audio.len() as u64 / 8;
    assert!((1_200..4_000).contains(&ms), "{ms} ms of greeting");
    assert_eq!(usage.output_audio, ms.div_ceil(50));
    // 24 USD per million text tokens and 64 per million audio tokens, beside what was read.
    let spoken = usage.output_text * 24 + usage.output_audio * 64;
    assert_eq!(usage.cost.0 as u64, spoken + usage.input_text * 4);
    assert_eq!(
        model.stats().errors.len(),
        0,
        "our own messages were refused"
    );
}

#[tokio::test]
async fn a_turn_of_the_caller_is_heard_written_down_and_answered() {
    let texts = vec!["I need a plumber".to_owned()];
    let model = fake(FakeModelConfig {
        caller_texts: texts,
        keep_audio: true,
        ..FakeModelConfig::default()
    })
    .await;
    let mut talk = open(
        &model,
        AgentBrief {
            tools: Vec::new(),
            ..brief()
        },
    )
    .await;
    talk.speak(1_000).await;
    let mut events = talk.until_reply_ended().await;
    assert_eq!(said(&events), "I heard: I need a plumber");
    events.extend(
        talk.until(|event| matches!(event, AiEvent::CallerText { .. }))
            .await,
    );
    let order: Vec<u8> = events
        .iter()
        .filter_map(|event| match event {
            AiEvent::SpeechStarted => Some(1),
            AiEvent::SpeechStopped => Some(2),
            AiEvent::CallerItem { .. } => Some(3),
            AiEvent::ReplyStarted { .. } => Some(4),
            AiEvent::CallerText { text, usage, .. } => {
                assert_eq!(
                    (text.as_str(), usage.billed_ms),
                    ("I need a plumber", 1_000)
                );
                Some(5)
            }
            _ => None,
        })
        .collect();
    assert_eq!(order, [1, 2, 3, 4, 5]);
    let stats = model.stats();
    let session = stats.session(0).unwrap();
    assert_eq!(session.audio_bytes, 8_000 + 5_600);
    assert_eq!(
        session.audio[..8_000],
        voice(1_000),
        "the caller's audio arrived untouched"
    );
    assert_eq!((stats.audio_before_setup, stats.unknown_events), (0, 0));

    // The next turn has no transcript: nothing is invented, and what was read before is cached.
    talk.speak(3_400).await;
    let events = talk.until_reply_ended().await;
    assert_eq!(said(&events), "I heard: [speech 3.4 s]");
    let Some(AiEvent::ReplyEnded { usage, .. }) = events.last() else {
        panic!()
    };
    assert!(
        usage.cached_audio >= 10 && usage.cached_audio < usage.input_audio,
        "{usage:?}"
    );
}

#[tokio::test]
async fn the_callers_voice_stops_the_reply_and_truncation_is_checked() {
    let config = FakeModelConfig {
        think: Duration::ZERO,
        pace: Pace::Times(1),
        ..FakeModelConfig::default()
    };
    let model = FakeModel::start(config).await.unwrap();
    let mut talk = open(&model, brief()).await;
    let long = format!(
        r#"Say exactly: "{}""#,
        "Please listen to our opening hours. ".repeat(20)
    );
    talk.ask(Some(&long)).await;
    let events = talk
        .until(|event| matches!(event, AiEvent::Audio { .. }))
        .await;
    let Some(AiEvent::Audio {
        item, content: 0, ..
    }) = events.last()
    else {
        panic!("{events:?}")
    };
    let item = *item;
    talk.send(AiCommand::Audio(&voice(300))).await;
    let events = talk.until_reply_ended().await;
    assert!(events.contains(&AiEvent::SpeechStarted));
    assert!(matches!(
        events.last(),
        Some(AiEvent::ReplyEnded {
            end: ReplyEnd::Cancelled,
            ..
        })
    ));

    let sent_ms = talk.audio.len() as u64 / 8;
    let mut truncate = async |request, item, played_ms| {
        let command = AiCommand::Truncate {
            request: RequestId(request),
            item,
            content: 0,
            played_ms,
        };
        talk.send(command).await;
    };
    truncate(90, item, sent_ms + 1).await;
    truncate(91, item, sent_ms).await;
    truncate(92, item, 0).await;
    truncate(93, ItemId(900), 0).await;
    let error = talk.failure().await;
    assert_eq!(
        (error.kind, error.request),
        (AiErrorKind::TruncateRefused, Some(RequestId(90)))
    );
    assert!(
        error.message.contains("is already shorter than"),
        "{}",
        error.message
    );
    let stats = model
        .wait_for(LIMIT, |stats| stats.truncations_ok == 2)
        .await
        .unwrap();
    assert_eq!(
        (stats.truncations_refused, stats.responses_cancelled),
        (1, 1)
    );
}

#[tokio::test]
async fn one_reply_at_a_time_and_nothing_to_cancel_are_told_apart() {
    let config = FakeModelConfig {
        pace: Pace::Times(1),
        ..FakeModelConfig::default()
    };
    let model = FakeModel::start(config).await.unwrap();
    let mut talk = open(&model, brief()).await;
    talk.ask(Some(
        r#"Say exactly: "A long sentence that takes its time.""#,
    ))
    .await;
    let second = talk.ask(None).await;
    let error = talk.failure().await;
    assert_eq!(
        (error.kind, error.request),
        (AiErrorKind::ReplyActive, Some(second))
    );

    let cancel = |request| AiCommand::CancelReply {
        request: RequestId(request),
        reply: ReplyId(0),
    };
    talk.send(cancel(50)).await;
    let events = talk.until_reply_ended().await;
    assert!(matches!(
        events.last(),
        Some(AiEvent::ReplyEnded {
            end: ReplyEnd::Cancelled,
            ..
        })
    ));
    talk.send(cancel(51)).await;
    let error = talk.failure().await;
    assert_eq!(
        (error.kind, error.request),
        (AiErrorKind::NothingToCancel, Some(RequestId(51)))
    );
}

#[tokio::test]
async fn tools_are_called_and_their_outputs_answered() {
    let texts = vec!["My name is Dana Cohen, my sink leaks".to_owned()];
    let config = FakeModelConfig {
        caller_texts: texts,
        end_call_after: Some(1),
        ..FakeModelConfig::default()
    };
    let model = fake(config).await;
    let mut talk = open(&model, brief()).await;
    talk.speak(600).await;
    let events = talk.until_reply_ended().await;
    let calls: Vec<(&str, &str, &str)> = events
        .iter()
        .filter_map(|event| match event {
            AiEvent::ToolCall {
                call,
                name,
                arguments,
                ..
            } => Some((&**call, &**name, &**arguments)),
            _ => None,
        })
        .collect();
    let [(first, "save_lead", arguments), (second, "end_call", _)] = calls[..] else {
        panic!("{calls:?}")
    };
    let arguments: serde_json::Value = serde_json::from_str(arguments).unwrap();
    assert_eq!(
        arguments,
        json!({"intent": "My name is Dana Cohen, my sink leaks", "name": "Dana Cohen"})
    );
    for call in [first, second, "call_nobody_made"] {
        talk.send(AiCommand::ToolOutput {
            call,
            output: r#"{"ok":true}"#,
        })
        .await;
    }
    assert_eq!(talk.failure().await.code, "invalid_tool_call_id");
    talk.ask(None).await;
    assert_eq!(
        said(&talk.until_reply_ended().await),
        "That is noted. Anything else?"
    );
    assert_eq!(model.stats().tool_outputs, 2);
}

#[tokio::test]
async fn the_configuration_the_history_and_the_headers_arrive() {
    let model = fake(FakeModelConfig {
        caller_texts: vec!["first".into(), "second".into()],
        ..FakeModelConfig::default()
    })
    .await;
    let turn = |speaker, text: &str| HistoryTurn::said(speaker, text);
    let tool = |call: &str, output: Option<&str>| {
        HistoryTurn::called(ToolTurn {
            call: call.to_owned(),
            name: "save_lead".to_owned(),
            arguments: r#"{"intent":"a leak"}"#.to_owned(),
            output: output.map(str::to_owned),
        })
    };
    let mut talk = open(
        &model,
        AgentBrief {
            history: vec![
                turn(Speaker::Agent, "Hello."),
                turn(Speaker::Caller, "first"),
                turn(Speaker::Agent, " "),
                tool("call_1", Some(r#"{"lead":"L-7"}"#)),
                tool("call_2", None),
            ],
            api_key: Some(SecretString::from("sk-business")),
            end_user: Some("user_5f2c".to_owned()),
            language: Language::He,
            tools: Vec::new(),
            ..brief()
        },
    )
    .await;
    talk.send(AiCommand::ToolOutput {
        call: "call_2",
        output: r#"{"lead":"L-8"}"#,
    })
    .await;
    talk.send(AiCommand::CallerNote("caller pressed 12#")).await;
    talk.send(AiCommand::SystemNote("Half a minute is left."))
        .await;
    talk.ask(None).await;
    assert_eq!(
        said(&talk.until_reply_ended().await),
        "שמעתי: caller pressed 12#"
    );
    talk.speak(400).await;
    assert!(said(&talk.until_reply_ended().await).starts_with("שמעתי: "));

    let stats = model.stats();
    let session = stats.session(0).unwrap();
    assert_eq!(
        session.created_items,
        [
            "assistant: Hello.",
            "user: first",
            r#"call: save_lead {"intent":"a leak"}"#,
            r#"tool: {"lead":"L-7"}"#,
            r#"call: save_lead {"intent":"a leak"}"#,
            r#"tool: {"lead":"L-8"}"#,
            "user: caller pressed 12#",
            "system: Half a minute is left.",
        ]
    );
    assert_eq!(session.safety_identifier.as_deref(), Some("user_5f2c"));
    assert_eq!(session.key.as_ref().unwrap().expose_secret(), "sk-business");
    let setup = session.setup.as_ref().unwrap();
    assert_eq!(setup["audio"]["input"]["transcription"]["language"], "he");
    assert_eq!(setup["reasoning"]["effort"], "low");
}

#[tokio::test]
async fn a_script_is_obeyed() {
    let script = Script::tool_calls(&[
        ("transfer_to_human", r#"{"number":"+19005550000"}"#),
        ("drop_table", "not json"),
    ]);
    let model = fake(FakeModelConfig {
        mode: Mode::Scripted(script),
        ..FakeModelConfig::default()
    })
    .await;
    let mut talk = open(&model, brief()).await;
    talk.ask(None).await;
    let events = talk.until_reply_ended().await;
    let names: Vec<&str> = events
        .iter()
        .filter_map(|event| match event {
            AiEvent::ToolCall { name, .. } => Some(name.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(names, ["transfer_to_human", "drop_table"]);
    talk.ask(None).await;
    assert_eq!(
        talk.until_reply_ended().await.len(),
        2,
        "the follow-up ends at once"
    );
}

#[tokio::test]
async fn a_running_model_stops_when_told() {
    let model = fake(FakeModelConfig::default()).await;
    let mut talk = open(&model, brief()).await;
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let running = model.run_until(async move { drop(stopped.await) });
    let closing = async {
        stop.send(()).unwrap();
        assert_eq!(talk.event().await, AiEvent::Closed);
    };
    tokio::time::timeout(LIMIT, async { tokio::join!(running, closing) })
        .await
        .unwrap();
}

#[tokio::test]
async fn fifty_calls_at_once_do_not_mix() {
    let model = fake(FakeModelConfig::default()).await;
    let calls = (0..50).map(|n| {
        let model = &model;
        async move {
            let mut talk = open(model, brief()).await;
            let sentence = format!("This is call number {n}.");
            talk.ask(Some(&format!(r#"Say exactly: "{sentence}""#)))
                .await;
            assert_eq!(said(&talk.until_reply_ended().await), sentence);
        }
    });
    futures_util::future::join_all(calls).await;
    assert_eq!(model.stats().sessions_opened, 50);
}
