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
