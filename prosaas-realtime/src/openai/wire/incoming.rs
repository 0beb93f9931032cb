//! Server events. One pass over the text, strings borrowed from it where they hold no escapes.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::error::VendorError;
use super::usage::{TokenUsage, TranscriptionUsage, token_usage, transcription_usage};

/// A string that borrows from the message when it can.
#[derive(Deserialize)]
#[serde(transparent)]
pub(super) struct Text<'a>(#[serde(borrow)] pub(super) Cow<'a, str>);

/// A message that is not JSON, or an event we know without the fields it must have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the message is not a Realtime event")]
pub struct Malformed;

/// How a response ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplyStatus {
    /// `completed`.
    Completed,
    /// `cancelled`.
    Cancelled,
    /// `incomplete`, or a word we do not know: the response is over either way.
    Incomplete,
    /// `failed`.
    Failed,
}

/// The events a call acts on.
#[derive(Clone, Debug, PartialEq)]
pub enum ServerEvent<'a> {
    /// `session.created`, when it says how long the session lives.
    SessionCreated {
        /// When it ends, in Unix seconds.
        expires_at: u64,
    },
    /// `session.updated`: formats and instructions are in force.
    SessionUpdated {
        /// When the session ends, in Unix seconds, if it says so.
        expires_at: Option<u64>,
    },
    /// `input_audio_buffer.speech_started`.
    SpeechStarted,
    /// `input_audio_buffer.speech_stopped`.
    SpeechStopped,
    /// `input_audio_buffer.timeout_triggered`: nobody spoke; a response follows by itself.
    IdleTimeout,
    /// The caller's speech became an item: `input_audio_buffer.committed`, or `conversation.item.added`
    /// with audio of the user.
    CallerItem {
        /// The item.
        item: Cow<'a, str>,
        /// The item before it.
        after: Option<Cow<'a, str>>,
    },
    /// `conversation.item.input_audio_transcription.completed` or `.failed` (then without text).
    CallerText {
        /// The item.
        item: Cow<'a, str>,
        /// The whole text.
        text: Cow<'a, str>,
        /// What it used.
        usage: TranscriptionUsage,
    },
    /// `response.created`.
    ReplyStarted {
        /// The response.
        reply: Cow<'a, str>,
    },
    /// `response.output_audio.delta`.
    AudioDelta {
        /// The response.
        reply: Cow<'a, str>,
        /// The item.
        item: Cow<'a, str>,
        /// The part of the item.
        content: u32,
        /// Base64.
        delta: Cow<'a, str>,
    },
    /// A piece of what the agent says: `response.output_audio_transcript.delta` or `response.output_text.delta`.
    TextDelta {
        /// The response.
        reply: Cow<'a, str>,
        /// The item.
        item: Cow<'a, str>,
        /// The piece.
        text: Cow<'a, str>,
    },
    /// All of what one part of an item says.
    TextDone {
        /// The response.
        reply: Cow<'a, str>,
        /// The item.
        item: Cow<'a, str>,
        /// The part of the item.
        content: u32,
        /// The text.
        text: Cow<'a, str>,
    },
    /// `response.output_item.done` with a function call that is complete.
    FunctionCall {
        /// The response.
        reply: Cow<'a, str>,
        /// The vendor's id of the call.
        call: Cow<'a, str>,
        /// The function.
        name: Cow<'a, str>,
        /// Its arguments, JSON text written by the model.
        arguments: Cow<'a, str>,
    },
    /// `response.done`.
    ReplyDone {
        /// The response; `None` when the vendor left it out, and then it is the latest.
        reply: Option<Cow<'a, str>>,
        /// How it ended.
        status: ReplyStatus,
        /// What it used; zero when the vendor did not say.
        usage: TokenUsage,
        /// Why it failed.
        error: Option<VendorError<'a>>,
    },
    /// `error`.
    Error(VendorError<'a>),
    /// An event we know and have no use for.
    Ignored,
    /// An event we do not know.
    Unknown {
        /// Its `type`.
        kind: Cow<'a, str>,
    },
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    response_id: Option<Text<'a>>,
    #[serde(borrow)]
    item_id: Option<Text<'a>>,
    #[serde(borrow)]
    previous_item_id: Option<Text<'a>>,
    content_index: Option<u32>,
    #[serde(borrow)]
    delta: Option<Text<'a>>,
    #[serde(borrow)]
    transcript: Option<Text<'a>>,
    #[serde(borrow)]
    text: Option<Text<'a>>,
    #[serde(borrow)]
    item: Option<&'a RawValue>,
    #[serde(borrow)]
    response: Option<&'a RawValue>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
    #[serde(borrow)]
    usage: Option<&'a RawValue>,
    #[serde(borrow)]
    session: Option<&'a RawValue>,
}

/// Parses one text frame. The names of the retired beta dialect, which older Azure deployments still
/// speak, are recognised beside the GA names.
///
/// # Errors
/// [`Malformed`] for text that is not a JSON object with a `type`, and for an event of this enum that
/// lacks a field it cannot do without. An event of an unknown type is never an error.
pub fn parse_event(text: &str) -> Result<ServerEvent<'_>, Malformed> {
    match serde_json::from_str::<Envelope<'_>>(text) {
        Ok(envelope) => envelope.into_event(),
        Err(_) => parse_type_only(text),
    }
}

/// An unknown event may use our field names for values of other types.
fn parse_type_only(text: &str) -> Result<ServerEvent<'_>, Malformed> {
    #[derive(Deserialize)]
    struct Peek<'a> {
        #[serde(borrow, rename = "type")]
        kind: Cow<'a, str>,
    }
    let Peek { kind } = serde_json::from_str(text).map_err(|_| Malformed)?;
    match kind.as_ref() {
        // Losing the end of a response would leave the call waiting for it.
        "response.done" => Ok(ServerEvent::ReplyDone {
            reply: None,
            status: ReplyStatus::Incomplete,
            usage: TokenUsage::default(),
            error: None,
        }),
        "error" => Ok(ServerEvent::Error(VendorError::default())),
        known if is_ignored(known) => Ok(ServerEvent::Ignored),
        known if is_used(known) => Err(Malformed),
        _ => Ok(ServerEvent::Unknown { kind }),
    }
}

impl<'a> Envelope<'a> {
    fn into_event(self) -> Result<ServerEvent<'a>, Malformed> {
        Ok(match self.kind.as_ref() {
            "response.output_audio.delta" | "response.audio.delta" => ServerEvent::AudioDelta {
                reply: need(self.response_id)?,
                item: need(self.item_id)?,
                content: self.content_index.unwrap_or(0),
                delta: need(self.delta)?,
            },
            "response.output_audio_transcript.delta"
            | "response.audio_transcript.delta"
            | "response.output_text.delta"
            | "response.text.delta" => ServerEvent::TextDelta {
                reply: need(self.response_id)?,
                item: need(self.item_id)?,
                text: need(self.delta)?,
            },
            "response.output_audio_transcript.done"
            | "response.audio_transcript.done"
            | "response.output_text.done"
            | "response.text.done" => ServerEvent::TextDone {
                reply: need(self.response_id)?,
                item: need(self.item_id)?,
                content: self.content_index.unwrap_or(0),
                text: need(self.transcript.or(self.text))?,
            },
            "session.created" => match expires_at(self.session) {
                Some(expires_at) => ServerEvent::SessionCreated { expires_at },
                None => ServerEvent::Ignored,
            },
            "session.updated" => ServerEvent::SessionUpdated {
                expires_at: expires_at(self.session),
            },
            "input_audio_buffer.speech_started" => ServerEvent::SpeechStarted,
            "input_audio_buffer.speech_stopped" => ServerEvent::SpeechStopped,
            "input_audio_buffer.timeout_triggered" => ServerEvent::IdleTimeout,
            "input_audio_buffer.committed" => ServerEvent::CallerItem {
                item: need(self.item_id)?,
                after: self.previous_item_id.map(|t| t.0),
            },
            "conversation.item.added" | "conversation.item.created" => self.into_caller_item()?,
            "conversation.item.input_audio_transcription.completed" => ServerEvent::CallerText {
                item: need(self.item_id)?,
                text: self.transcript.map_or(Cow::Borrowed(""), |t| t.0),
                usage: self.usage.map(transcription_usage).unwrap_or_default(),
            },
            "conversation.item.input_audio_transcription.failed" => ServerEvent::CallerText {
                item: need(self.item_id)?,
                text: Cow::Borrowed(""),
                usage: TranscriptionUsage::default(),
            },
            "response.created" => {
                let response = self.response.and_then(parse::<Response<'a>>);
                ServerEvent::ReplyStarted {
                    reply: need(response.and_then(|r| r.id))?,
                }
            }
            "response.output_item.done" => self.into_function_call()?,
            "response.done" => reply_done(self.response),
            "error" => ServerEvent::Error(
                self.error
                    .map(|raw| VendorError::parse(raw.get()))
                    .unwrap_or_default(),
            ),
            known if is_ignored(known) => ServerEvent::Ignored,
            _ => ServerEvent::Unknown { kind: self.kind },
        })
    }

    fn into_caller_item(self) -> Result<ServerEvent<'a>, Malformed> {
        let item: Item<'a> = self.item.and_then(parse).ok_or(Malformed)?;
        let is_speech = is(item.kind.as_ref(), "message")
            && is(item.role.as_ref(), "user")
            && item
                .content
                .iter()
                .flatten()
                .any(|part| is(part.kind.as_ref(), "input_audio"));
        if !is_speech {
            return Ok(ServerEvent::Ignored);
        }
        Ok(ServerEvent::CallerItem {
            item: need(item.id)?,
            after: self.previous_item_id.map(|t| t.0),
        })
    }

    fn into_function_call(self) -> Result<ServerEvent<'a>, Malformed> {
        let item: Item<'a> = self.item.and_then(parse).ok_or(Malformed)?;
        // An interrupted call is `incomplete` and its arguments are cut in the middle.
        if !is(item.kind.as_ref(), "function_call") || !is(item.status.as_ref(), "completed") {
            return Ok(ServerEvent::Ignored);
        }
        Ok(ServerEvent::FunctionCall {
            reply: need(self.response_id)?,
            call: need(item.call_id)?,
            name: need(item.name)?,
            arguments: need(item.arguments)?,
        })
    }
}

fn need(text: Option<Text<'_>>) -> Result<Cow<'_, str>, Malformed> {
    text.map(|t| t.0).ok_or(Malformed)
}

fn is(text: Option<&Text<'_>>, word: &str) -> bool {
    text.is_some_and(|t| t.0 == word)
}

fn parse<'a, T: Deserialize<'a>>(raw: &'a RawValue) -> Option<T> {
    serde_json::from_str(raw.get()).ok()
}

/// The one thing of a session's echo that a call does not know already.
fn expires_at(session: Option<&RawValue>) -> Option<u64> {
    #[derive(Deserialize)]
    struct Session {
        expires_at: Option<u64>,
    }
    session.and_then(parse::<Session>)?.expires_at
}

#[derive(Deserialize)]
struct Item<'a> {
    #[serde(borrow)]
    id: Option<Text<'a>>,
    #[serde(borrow, rename = "type")]
    kind: Option<Text<'a>>,
    #[serde(borrow)]
    role: Option<Text<'a>>,
    #[serde(borrow)]
    status: Option<Text<'a>>,
    #[serde(borrow)]
    call_id: Option<Text<'a>>,
    #[serde(borrow)]
    name: Option<Text<'a>>,
    #[serde(borrow)]
    arguments: Option<Text<'a>>,
    #[serde(borrow)]
    content: Option<Vec<Part<'a>>>,
}

#[derive(Deserialize)]
struct Part<'a> {
    #[serde(borrow, rename = "type")]
    kind: Option<Text<'a>>,
}

#[derive(Deserialize)]
struct Response<'a> {
    #[serde(borrow)]
    id: Option<Text<'a>>,
    #[serde(borrow)]
    status: Option<Text<'a>>,
    #[serde(borrow)]
    status_details: Option<&'a RawValue>,
    #[serde(borrow)]
    usage: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct StatusDetails<'a> {
    #[serde(borrow)]
    error: Option<&'a RawValue>,
}

/// Never fails: a call waits for this event.
fn reply_done<'a>(raw: Option<&'a RawValue>) -> ServerEvent<'a> {
    let response = raw.and_then(parse::<Response<'a>>);
    let Some(Response {
        id,
        status,
        status_details,
        usage,
    }) = response
    else {
        return ServerEvent::ReplyDone {
            reply: None,
            status: ReplyStatus::Incomplete,
            usage: TokenUsage::default(),
            error: None,
        };
    };
    let details = status_details.and_then(parse::<StatusDetails<'a>>);
    ServerEvent::ReplyDone {
        reply: id.map(|t| t.0),
        status: match status.as_ref().map(|t| t.0.as_ref()) {
            Some("completed") => ReplyStatus::Completed,
            Some("cancelled") => ReplyStatus::Cancelled,
            Some("failed") => ReplyStatus::Failed,
            _ => ReplyStatus::Incomplete,
        },
        usage: usage.map(token_usage).unwrap_or_default(),
        error: details
            .and_then(|d| d.error)
            .map(|raw| VendorError::parse(raw.get())),
    }
}

/// Events that [`Envelope::into_event`] needs fields of.
fn is_used(kind: &str) -> bool {
    matches!(
        kind,
        "session.updated"
            | "input_audio_buffer.speech_started"
            | "input_audio_buffer.speech_stopped"
            | "input_audio_buffer.timeout_triggered"
            | "input_audio_buffer.committed"
            | "conversation.item.added"
            | "conversation.item.created"
            | "conversation.item.input_audio_transcription.completed"
            | "conversation.item.input_audio_transcription.failed"
            | "response.created"
            | "response.output_item.done"
            | "response.output_audio.delta"
            | "response.audio.delta"
            | "response.output_audio_transcript.delta"
            | "response.output_audio_transcript.done"
            | "response.audio_transcript.delta"
            | "response.audio_transcript.done"
            | "response.output_text.delta"
            | "response.output_text.done"
            | "response.text.delta"
            | "response.text.done"
    )
}

/// Events that tell a phone call nothing it does not know from another one.
fn is_ignored(kind: &str) -> bool {
    matches!(
        kind,
        "session.created"
            | "conversation.created"
            | "conversation.item.done"
            | "conversation.item.retrieved"
            | "conversation.item.deleted"
            | "conversation.item.truncated"
            | "conversation.item.input_audio_transcription.delta"
            | "conversation.item.input_audio_transcription.segment"
            | "input_audio_buffer.cleared"
            | "input_audio_buffer.dtmf_event_received"
            | "output_audio_buffer.started"
            | "output_audio_buffer.stopped"
            | "output_audio_buffer.cleared"
            | "response.output_item.added"
            | "response.content_part.added"
            | "response.content_part.done"
            | "response.output_audio.done"
            | "response.audio.done"
            | "response.function_call_arguments.delta"
            | "response.function_call_arguments.done"
            | "response.mcp_call_arguments.delta"
            | "response.mcp_call_arguments.done"
            | "response.mcp_call.in_progress"
            | "response.mcp_call.completed"
            | "response.mcp_call.failed"
            | "mcp_list_tools.in_progress"
            | "mcp_list_tools.completed"
            | "mcp_list_tools.failed"
            | "rate_limits.updated"
    )
}
