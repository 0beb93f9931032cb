//! Client events. Every field that is not set is absent, because `null` switches a feature off.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::{BufMut, Bytes, BytesMut};
use prosaas_core::agent::AgentBrief;
use prosaas_core::leg::RequestId;
use prosaas_core::transcript::Speaker;
use serde::ser::{Serialize, Serializer};
use serde_json::Value;

use crate::openai::config::{NoiseReduction, OpenAiConfig, ReasoningEffort, TurnDetection};

/// The `event_id` of the `session.update` that configures a leg.
pub(crate) const SETUP_EVENT_ID: &str = "setup";

/// Commands whose failure matters; the word and the request make up the `event_id`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CommandKind {
    Reply,
    Cancel,
    Truncate,
}

impl CommandKind {
    const ALL: [(Self, &'static str); 3] = [
        (Self::Reply, "reply_"),
        (Self::Cancel, "cancel_"),
        (Self::Truncate, "truncate_"),
    ];

    fn event_id(self, request: RequestId) -> String {
        let prefix = Self::ALL
            .iter()
            .find(|(kind, _)| *kind == self)
            .map_or("", |(_, p)| p);
        format!("{prefix}{}", request.0)
    }

    /// The command named by an `event_id` of ours.
    pub(super) fn of(event_id: &str) -> Option<(Self, RequestId)> {
        Self::ALL.iter().find_map(|(kind, prefix)| {
            let number = event_id.strip_prefix(prefix)?.parse().ok()?;
            Some((*kind, RequestId(number)))
        })
    }
}

/// A field that can be left alone, switched off, or set.
#[derive(Clone, Copy, Debug)]
enum Tri<T> {
    Keep,
    Off,
    Set(T),
}

impl<T> Tri<T> {
    const fn is_keep(&self) -> bool {
        matches!(self, Self::Keep)
    }
}

impl<T: Serialize> Serialize for Tri<T> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Keep | Self::Off => s.serialize_none(),
            Self::Set(value) => value.serialize(s),
        }
    }
}

#[derive(serde::Serialize)]
#[serde(tag = "type")]
#[expect(
    clippy::large_enum_variant,
    reason = "lives for one serialisation, on the stack"
)]
enum ClientEvent<'a> {
    #[serde(rename = "session.update")]
    SessionUpdate {
        event_id: &'a str,
        session: Session<'a>,
    },
    #[serde(rename = "conversation.item.create")]
    ItemCreate { item: Item<'a> },
    #[serde(rename = "conversation.item.truncate")]
    Truncate {
        event_id: &'a str,
        item_id: &'a str,
        content_index: u32,
        audio_end_ms: u64,
    },
    #[serde(rename = "response.create")]
    ResponseCreate {
        event_id: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        response: Option<ResponseParams<'a>>,
    },
    #[serde(rename = "response.cancel")]
    ResponseCancel {
        event_id: &'a str,
        response_id: &'a str,
    },
}

#[derive(serde::Serialize)]
struct ResponseParams<'a> {
    instructions: &'a str,
}

#[derive(serde::Serialize)]
struct Session<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    output_modalities: [&'static str; 1],
    #[serde(skip_serializing_if = "str::is_empty")]
    instructions: &'a str,
    audio: Audio<'a>,
    #[serde(skip_serializing_if = "<[Tool<'_>]>::is_empty")]
    tools: &'a [Tool<'a>],
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_choice: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_output_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning: Option<Reasoning>,
    truncation: Truncation,
}

#[derive(serde::Serialize)]
struct Audio<'a> {
    input: AudioInput<'a>,
    output: AudioOutput<'a>,
}

#[derive(serde::Serialize)]
struct AudioInput<'a> {
    format: Format,
    #[serde(skip_serializing_if = "Tri::is_keep")]
    noise_reduction: Tri<Typed>,
    transcription: Tri<Transcription<'a>>,
    turn_detection: &'a TurnDetection,
}

#[derive(serde::Serialize)]
struct AudioOutput<'a> {
    format: Format,
    #[serde(skip_serializing_if = "str::is_empty")]
    voice: &'a str,
}

#[derive(serde::Serialize)]
struct Format {
    #[serde(rename = "type")]
    kind: &'static str,
}

/// Mu-law at 8 kHz, what a telephone carries.
const PCMU: Format = Format { kind: "audio/pcmu" };

#[derive(Clone, Copy, Debug, serde::Serialize)]
struct Typed {
    #[serde(rename = "type")]
    kind: &'static str,
}

#[derive(Clone, Copy, Debug, serde::Serialize)]
struct Transcription<'a> {
    model: &'a str,
    language: &'static str,
}

#[derive(serde::Serialize)]
struct Tool<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    name: &'static str,
    #[serde(skip_serializing_if = "str::is_empty")]
    description: &'a str,
    parameters: &'a Value,
}

#[derive(serde::Serialize)]
struct Reasoning {
    effort: ReasoningEffort,
}

#[derive(serde::Serialize)]
struct Truncation {
    #[serde(rename = "type")]
    kind: &'static str,
    retention_ratio: f64,
    token_limits: TokenLimits,
}

#[derive(serde::Serialize)]
struct TokenLimits {
    post_instructions: u32,
}

#[derive(serde::Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Item<'a> {
    Message {
        role: &'static str,
        content: [Part<'a>; 1],
    },
    FunctionCall {
        call_id: &'a str,
        name: &'a str,
        arguments: &'a str,
    },
    FunctionCallOutput {
        call_id: &'a str,
        output: &'a str,
    },
}

#[derive(serde::Serialize)]
struct Part<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    text: &'a str,
}

/// Who a written message is from; the vendor's part type follows from it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Author {
    Caller,
    Agent,
    System,
}

impl From<Speaker> for Author {
    fn from(speaker: Speaker) -> Self {
        match speaker {
            Speaker::Caller => Self::Caller,
            Speaker::Agent => Self::Agent,
        }
    }
}

/// The text of the `session.update` that makes a session a phone call.
pub(crate) fn session_update(
    encoder: &mut Encoder,
    config: &OpenAiConfig,
    brief: &AgentBrief,
) -> Bytes {
    let tools: Vec<Tool<'_>> = brief
        .tools
        .iter()
        .map(|spec| Tool {
            kind: "function",
            name: spec.name,
            description: &spec.description,
            parameters: &spec.parameters,
        })
        .collect();
    let transcription = config
        .transcription_model
        .as_deref()
        .map_or(Tri::Off, |model| {
            Tri::Set(Transcription {
                model,
                language: brief.language.code(),
            })
        });
    encoder.json(&ClientEvent::SessionUpdate {
        event_id: SETUP_EVENT_ID,
        session: Session {
            kind: "realtime",
            output_modalities: ["audio"],
            instructions: &brief.instructions,
            audio: Audio {
                input: AudioInput {
                    format: PCMU,
                    noise_reduction: noise_reduction(config.noise_reduction),
                    transcription,
                    turn_detection: &config.turn_detection,
                },
                output: AudioOutput {
                    format: PCMU,
                    voice: &brief.voice,
                },
            },
            tools: &tools,
            tool_choice: (!tools.is_empty()).then_some("auto"),
            max_output_tokens: config.max_output_tokens,
            reasoning: config.reasoning_effort.map(|effort| Reasoning { effort }),
            truncation: Truncation {
                kind: "retention_ratio",
                // Cutting a fifth at once keeps the prompt cache warm for many turns.
                retention_ratio: 0.8,
                token_limits: TokenLimits {
                    post_instructions: config.context_tokens,
                },
            },
        },
    })
}

const fn noise_reduction(setting: NoiseReduction) -> Tri<Typed> {
    match setting {
        NoiseReduction::VendorDefault => Tri::Keep,
        NoiseReduction::Off => Tri::Off,
        NoiseReduction::NearField => Tri::Set(Typed { kind: "near_field" }),
        NoiseReduction::FarField => Tri::Set(Typed { kind: "far_field" }),
    }
}

const AUDIO_PREFIX: &[u8] = br#"{"type":"input_audio_buffer.append","audio":""#;
const AUDIO_SUFFIX: &[u8] = br#""}"#;

/// Writes client events into one buffer that is reused once the socket has taken the last message.
#[derive(Debug, Default)]
pub(crate) struct Encoder {
    buffer: BytesMut,
}

impl Encoder {
    /// Caller audio.
    pub(crate) fn audio(&mut self, mulaw: &[u8]) -> Bytes {
        let encoded = mulaw.len().div_ceil(3) * 4;
        self.buffer
            .reserve(AUDIO_PREFIX.len() + encoded + AUDIO_SUFFIX.len());
        self.buffer.put_slice(AUDIO_PREFIX);
        self.buffer.put_bytes(0, encoded);
        let written = STANDARD
            .encode_slice(mulaw, &mut self.buffer[AUDIO_PREFIX.len()..])
            .expect("four characters for every three bytes is what base64 needs");
        debug_assert_eq!(written, encoded);
        self.buffer.put_slice(AUDIO_SUFFIX);
        self.buffer.split().freeze()
    }

    /// A reply, with instructions in place of the session's.
    pub(crate) fn request_reply(
        &mut self,
        request: RequestId,
        instructions: Option<&str>,
    ) -> Bytes {
        self.json(&ClientEvent::ResponseCreate {
            event_id: &CommandKind::Reply.event_id(request),
            response: instructions.map(|instructions| ResponseParams { instructions }),
        })
    }

    /// The end of a reply.
    pub(crate) fn cancel(&mut self, request: RequestId, response_id: &str) -> Bytes {
        self.json(&ClientEvent::ResponseCancel {
            event_id: &CommandKind::Cancel.event_id(request),
            response_id,
        })
    }

    /// How much of an item was heard.
    pub(crate) fn truncate(
        &mut self,
        request: RequestId,
        item_id: &str,
        content_index: u32,
        audio_end_ms: u64,
    ) -> Bytes {
        let event_id = CommandKind::Truncate.event_id(request);
        self.json(&ClientEvent::Truncate {
            event_id: &event_id,
            item_id,
            content_index,
            audio_end_ms,
        })
    }

    /// A tool call of an earlier session.
    pub(crate) fn tool_call(&mut self, call_id: &str, name: &str, arguments: &str) -> Bytes {
        self.json(&ClientEvent::ItemCreate {
            item: Item::FunctionCall {
                call_id,
                name,
                arguments,
            },
        })
    }

    /// A tool's result.
    pub(crate) fn tool_output(&mut self, call_id: &str, output: &str) -> Bytes {
        self.json(&ClientEvent::ItemCreate {
            item: Item::FunctionCallOutput { call_id, output },
        })
    }

    /// A written message. What the agent said can only be replayed as text.
    pub(crate) fn message(&mut self, author: Author, text: &str) -> Bytes {
        let (role, kind) = match author {
            Author::Caller => ("user", "input_text"),
            Author::Agent => ("assistant", "output_text"),
            Author::System => ("system", "input_text"),
        };
        let content = [Part { kind, text }];
        self.json(&ClientEvent::ItemCreate {
            item: Item::Message { role, content },
        })
    }

    fn json(&mut self, event: &ClientEvent<'_>) -> Bytes {
        serde_json::to_writer((&mut self.buffer).writer(), event)
            .expect("client events have string keys and no failing parts");
        self.buffer.split().freeze()
    }
}

#[cfg(test)]
mod tests {
    use prosaas_core::Language;
    use prosaas_core::agent::ToolSpec;
    use serde_json::json;

    use super::*;
    use crate::openai::config::Eagerness;

    fn text(bytes: &Bytes) -> &str {
        std::str::from_utf8(bytes).unwrap()
    }

    fn config(model: &str) -> OpenAiConfig {
        OpenAiConfig::new("wss://h/v1/realtime".parse().unwrap(), model)
    }

    #[test]
    fn a_phone_session_sets_what_it_needs_and_leaves_the_rest_alone() {
        let brief = AgentBrief {
            instructions: "Be \"brief\".\nAlways.".to_owned(),
            voice: "alloy".to_owned(),
            language: Language::He,
            tools: vec![ToolSpec {
                name: "end_call",
                description: String::new(),
                parameters: json!({"type": "object"}),
            }],
            ..AgentBrief::default()
        };
        let update = session_update(&mut Encoder::default(), &config("gpt-realtime-2.1"), &brief);
        insta::assert_snapshot!(text(&update), @r#"{"type":"session.update","event_id":"setup","session":{"type":"realtime","output_modalities":["audio"],"instructions":"Be \"brief\".\nAlways.","audio":{"input":{"format":{"type":"audio/pcmu"},"transcription":{"model":"gpt-realtime-whisper","language":"he"},"turn_detection":{"type":"server_vad","create_response":true,"interrupt_response":true}},"output":{"format":{"type":"audio/pcmu"},"voice":"alloy"}},"tools":[{"type":"function","name":"end_call","parameters":{"type":"object"}}],"tool_choice":"auto","reasoning":{"effort":"low"},"truncation":{"type":"retention_ratio","retention_ratio":0.8,"token_limits":{"post_instructions":12000}}}}"#);
    }

    #[test]
    fn what_is_switched_off_is_null() {
        let mut config = config("gpt-realtime-1.5");
        config.transcription_model = None;
        config.noise_reduction = NoiseReduction::Off;
        config.max_output_tokens = Some(900);
        config.turn_detection = TurnDetection::SemanticVad {
            eagerness: Some(Eagerness::High),
            create_response: true,
            interrupt_response: false,
        };
        let update = session_update(&mut Encoder::default(), &config, &AgentBrief::default());
        insta::assert_snapshot!(text(&update), @r#"{"type":"session.update","event_id":"setup","session":{"type":"realtime","output_modalities":["audio"],"audio":{"input":{"format":{"type":"audio/pcmu"},"noise_reduction":null,"transcription":null,"turn_detection":{"type":"semantic_vad","eagerness":"high","create_response":true,"interrupt_response":false}},"output":{"format":{"type":"audio/pcmu"}}},"max_output_tokens":900,"truncation":{"type":"retention_ratio","retention_ratio":0.8,"token_limits":{"post_instructions":12000}}}}"#);
        config.noise_reduction = NoiseReduction::FarField;
        config.turn_detection = TurnDetection::ServerVad {
            threshold: Some(0.6),
            prefix_padding_ms: Some(200),
            silence_duration_ms: Some(650),
            idle_timeout_ms: Some(8_000),
            create_response: true,
            interrupt_response: true,
        };
        let update = session_update(&mut Encoder::default(), &config, &AgentBrief::default());
        let update: Value = serde_json::from_slice(&update).unwrap();
        let input: Value = serde_json::from_str(r#"{"format":{"type":"audio/pcmu"},"noise_reduction":{"type":"far_field"},"transcription":null,"turn_detection":{"type":"server_vad","threshold":0.6,"prefix_padding_ms":200,"silence_duration_ms":650,"idle_timeout_ms":8000,"create_response":true,"interrupt_response":true}}"#).unwrap();
        assert_eq!(update["session"]["audio"]["input"], input);
    }

    #[test]
    fn commands_carry_their_request() {
        let mut encoder = Encoder::default();
        insta::assert_snapshot!(text(&encoder.request_reply(RequestId(7), None)), @r#"{"type":"response.create","event_id":"reply_7"}"#);
        insta::assert_snapshot!(text(&encoder.request_reply(RequestId(8), Some("Say hi."))), @r#"{"type":"response.create","event_id":"reply_8","response":{"instructions":"Say hi."}}"#);
        insta::assert_snapshot!(text(&encoder.cancel(RequestId(9), "resp_1")), @r#"{"type":"response.cancel","event_id":"cancel_9","response_id":"resp_1"}"#);
        insta::assert_snapshot!(text(&encoder.truncate(RequestId(10), "item_1", 0, 1_480)), @r#"{"type":"conversation.item.truncate","event_id":"truncate_10","item_id":"item_1","content_index":0,"audio_end_ms":1480}"#);
        insta::assert_snapshot!(text(&encoder.tool_output("call_1", "{}")), @r#"{"type":"conversation.item.create","item":{"type":"function_call_output","call_id":"call_1","output":"{}"}}"#);
        insta::assert_snapshot!(text(&encoder.message(Author::Agent, "Hi")), @r#"{"type":"conversation.item.create","item":{"type":"message","role":"assistant","content":[{"type":"output_text","text":"Hi"}]}}"#);
        insta::assert_snapshot!(text(&encoder.message(Author::Caller, "Hi")), @r#"{"type":"conversation.item.create","item":{"type":"message","role":"user","content":[{"type":"input_text","text":"Hi"}]}}"#);
        insta::assert_snapshot!(text(&encoder.message(Author::System, "Hi")), @r#"{"type":"conversation.item.create","item":{"type":"message","role":"system","content":[{"type":"input_text","text":"Hi"}]}}"#);
    }

    #[test]
    fn audio_is_written_into_one_buffer_over_and_over() {
        let mut encoder = Encoder::default();
        insta::assert_snapshot!(text(&encoder.audio(&[0xFF, 0x7F, 0x00, 0x80])), @r#"{"type":"input_audio_buffer.append","audio":"/38AgA=="}"#);
        encoder.audio(&[0xFF; 480]);
        let place = encoder.audio(&[0xFF; 480]).as_ptr();
        for _ in 0..100 {
            assert_eq!(
                encoder.audio(&[0xFF; 480]).as_ptr(),
                place,
                "the buffer moved"
            );
        }
    }
}
