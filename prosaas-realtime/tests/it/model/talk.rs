//! A leg under test and what it said so far.

use std::time::Duration;

use prosaas_core::agent::{AgentBrief, ToolSpec};
use prosaas_core::leg::{AiCommand, AiError, AiEvent, AiLeg, RequestId};
use prosaas_core::{AudioBridge, Language};
use prosaas_realtime::audio::g711;
use prosaas_realtime::openai::{OpenAiBridge, OpenAiConfig};
use prosaas_realtime::testkit::model::{FakeModel, FakeModelConfig, Pace};
use serde_json::json;

pub(super) const LIMIT: Duration = Duration::from_secs(10);

/// A leg with what it said so far.
pub(super) struct Talk {
    pub(super) leg: Box<dyn AiLeg>,
    pub(super) audio: Vec<u8>,
    next_request: u32,
}

impl Talk {
    pub(super) fn new(leg: Box<dyn AiLeg>) -> Self {
        Self {
            leg,
            audio: Vec::new(),
            next_request: 0,
        }
    }

    pub(super) async fn event(&mut self) -> AiEvent {
        let next = std::future::poll_fn(|cx| self.leg.poll_event(cx, &mut self.audio));
        tokio::time::timeout(LIMIT, next)
            .await
            .expect("the model says nothing")
    }

    /// The next event that `wanted` accepts; the ones before it are returned as well.
    pub(super) async fn until(&mut self, wanted: impl Fn(&AiEvent) -> bool) -> Vec<AiEvent> {
        let mut seen = Vec::new();
        loop {
            let event = self.event().await;
            assert_ne!(event, AiEvent::Closed, "after {seen:?}");
            let found = wanted(&event);
            seen.push(event);
            if found {
                return seen;
            }
        }
    }

    pub(super) async fn until_reply_ended(&mut self) -> Vec<AiEvent> {
        self.until(|event| matches!(event, AiEvent::ReplyEnded { .. }))
            .await
    }

    pub(super) async fn failure(&mut self) -> AiError {
        match self
            .until(|event| matches!(event, AiEvent::Failed(_)))
            .await
            .pop()
        {
            Some(AiEvent::Failed(error)) => error,
            other => panic!("{other:?}"),
        }
    }

    pub(super) async fn send(&mut self, command: AiCommand<'_>) {
        self.leg.send(command).unwrap();
        std::future::poll_fn(|cx| self.leg.poll_flush(cx))
            .await
            .unwrap();
    }

    pub(super) async fn ask(&mut self, instructions: Option<&str>) -> RequestId {
        let request = RequestId(self.next_request);
        self.next_request += 1;
        self.send(AiCommand::RequestReply {
            request,
            instructions,
        })
        .await;
        request
    }

    /// The caller speaks for `ms` and then is silent for 700 ms.
    pub(super) async fn speak(&mut self, ms: usize) {
        for frame in voice(ms).chunks(480) {
            self.send(AiCommand::Audio(frame)).await;
        }
        for _ in 0..7 {
            self.send(AiCommand::Audio(&[0xFF; 800])).await;
        }
    }
}

/// A loud buzz, speech to any detector by energy.
pub(super) fn voice(ms: usize) -> Vec<u8> {
    (0..ms * 8)
        .map(|n| g711::encode(if n / 40 % 2 == 0 { 9_000 } else { -9_000 }))
        .collect()
}

pub(super) async fn fake(config: FakeModelConfig) -> FakeModel {
    FakeModel::start(FakeModelConfig {
        think: Duration::ZERO,
        pace: Pace::AtOnce,
        ..config
    })
    .await
    .unwrap()
}

pub(super) fn bridge(model: &FakeModel) -> OpenAiBridge {
    OpenAiBridge::new(OpenAiConfig {
        connect_timeout: Duration::from_millis(500),
        ..OpenAiConfig::new(model.url(), "gpt-realtime-2.1")
    })
    .unwrap()
}

pub(super) fn brief() -> AgentBrief {
    let tool = |name| ToolSpec {
        name,
        description: "A tool.".to_owned(),
        parameters: json!({
            "type": "object",
            "properties": {"intent": {"type": "string"}, "name": {"type": "string"}},
            "required": ["intent"],
        }),
    };
    AgentBrief {
        instructions: "You answer the phone of Levi Plumbing.".to_owned(),
        voice: "alloy".to_owned(),
        language: Language::En,
        tools: vec![tool("save_lead"), tool("end_call")],
        ..AgentBrief::default()
    }
}

pub(super) async fn open(model: &FakeModel, brief: AgentBrief) -> Talk {
    let leg = bridge(model).open(brief).await.unwrap();
    let mut talk = Talk::new(leg);
    talk.until(|event| *event == AiEvent::Ready).await;
    talk
}

/// The error of a connection that must fail.
pub(super) async fn refusal(model: &FakeModel) -> AiError {
    bridge(model)
        .open(brief())
        .await
        .err()
        .expect("the connection must fail")
}

pub(super) fn said(events: &[AiEvent]) -> String {
    let whole = events.iter().find_map(|event| match event {
        AiEvent::AgentText {
            text, whole: true, ..
        } => Some(text.clone()),
        _ => None,
    });
    let pieces: String = events
        .iter()
        .filter_map(|event| match event {
            AiEvent::AgentText {
                text, whole: false, ..
            } => Some(text.as_str()),
            _ => None,
        })
        .collect();
    let whole = whole.expect("the agent said nothing");
    assert_eq!(pieces, whole, "pieces and whole text differ");
    whole
}
