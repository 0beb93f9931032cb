//! The two legs of a call in neutral words: the telephony leg towards the carrier, the AI leg towards
//! the model. Both are polled by the one task that owns the call, so no frame crosses a channel.
//!
//! Audio is mu-law, 8 kHz, mono (ITU-T G.711): 8 bytes are one millisecond, a frame is 160 bytes.
//! Audio bytes travel in a buffer the caller owns and reuses; events and commands only describe them.

use std::fmt;
use std::str::FromStr;
use std::task::{Context, Poll};

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::money::Usage;

/// Bytes of mu-law audio in one millisecond.
pub const BYTES_PER_MS: usize = 8;
/// Bytes of mu-law audio in one 20 ms frame.
pub const FRAME_BYTES: usize = 160;
/// Milliseconds in one frame.
pub const FRAME_MS: u64 = 20;
/// The mu-law byte of silence.
pub const SILENCE: u8 = 0xFF;

/// Names a place in the outgoing audio; the carrier echoes it once everything before it was played.
///
/// `generation` counts interruptions: marks of an earlier generation come back when the carrier's
/// buffer is cleared and say nothing about what was heard. Printed as `generation:seq`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MarkId {
    /// How many times playback had been cleared when the mark was sent.
    pub generation: u32,
    /// Counts the marks of a call.
    pub seq: u32,
}

impl fmt::Display for MarkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.generation, self.seq)
    }
}

impl FromStr for MarkId {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self, Error> {
        text.split_once(':')
            .and_then(|(g, s)| {
                Some(Self {
                    generation: g.parse().ok()?,
                    seq: s.parse().ok()?,
                })
            })
            .ok_or_else(|| Error::invalid("mark", "expected `generation:seq`"))
    }
}

/// What the carrier's side reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LegEvent {
    /// Caller audio; its bytes were appended to the buffer given to [`TelephonyLeg::poll_event`].
    Audio {
        /// Milliseconds since the stream began, by the carrier's clock; `None` when it gave none.
        timestamp_ms: Option<u64>,
    },
    /// The caller pressed a key: `0-9`, `*`, `#`, or `A-D`.
    Dtmf(char),
    /// Everything before this mark was played, or the buffer was cleared.
    Mark(MarkId),
    /// A message that could not be understood; counted, otherwise ignored.
    Malformed,
    /// The caller hung up or the carrier ended the stream. Nothing follows.
    Stopped,
    /// The connection broke without a stop. Nothing follows.
    Lost,
}

/// What we tell the carrier's side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LegCommand<'a> {
    /// Play this after what was sent before; whole frames, any number.
    Audio(&'a [u8]),
    /// Echo this once everything before it was played.
    Mark(MarkId),
    /// Drop everything not yet played.
    Clear,
}

/// The other side is gone, or it reads too slowly and its bounded buffer is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the connection is closed or stalled")]
pub struct LegClosed;

/// The carrier's side of one call.
pub trait TelephonyLeg: Send {
    /// The next event. Audio bytes are appended to `audio`. After [`LegEvent::Stopped`] or
    /// [`LegEvent::Lost`] it is not polled again.
    ///
    /// # Cancel safety
    /// A pending poll consumes nothing.
    fn poll_event(&mut self, cx: &mut Context<'_>, audio: &mut Vec<u8>) -> Poll<LegEvent>;

    /// Queues a command. Bounded: a peer that does not read makes this fail.
    fn send(&mut self, command: LegCommand<'_>) -> Result<(), LegClosed>;

    /// Pushes what is queued to the wire.
    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), LegClosed>>;
}

/// One reply of the model, numbered by the leg in order of appearance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ReplyId(pub u32);

/// One item of the conversation (something said, a tool call), numbered by the leg.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ItemId(pub u32);

/// Names a command of ours, so that an error can say which command it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RequestId(pub u32);

/// What the AI side reports.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ai", rename_all = "snake_case")]
pub enum AiEvent {
    /// Connected and configured; audio sent from now on is heard.
    Ready,
    /// The vendor said when it ends the leg.
    LifeLeft {
        /// How much longer it serves, in milliseconds.
        ms: u64,
    },
    /// The caller began to speak.
    SpeechStarted,
    /// The caller stopped speaking.
    SpeechStopped,
    /// A reply began.
    ReplyStarted {
        /// The reply.
        reply: ReplyId,
    },
    /// Agent audio; its bytes were appended to the buffer given to [`AiLeg::poll_event`].
    Audio {
        /// The reply it belongs to.
        reply: ReplyId,
        /// The item it belongs to.
        item: ItemId,
        /// The part of the item.
        content: u32,
    },
    /// What the agent says, in pieces.
    AgentText {
        /// The reply it belongs to.
        reply: ReplyId,
        /// The item it belongs to.
        item: ItemId,
        /// The next piece, or the whole text when `whole`.
        text: String,
        /// Whether `text` is the whole text of the item and replaces the pieces.
        whole: bool,
    },
    /// The caller's speech became an item of the conversation; its text may follow much later.
    CallerItem {
        /// The item.
        item: ItemId,
        /// The item before it.
        after: Option<ItemId>,
    },
    /// What the caller said.
    CallerText {
        /// The item.
        item: ItemId,
        /// The whole text; empty when transcription failed.
        text: String,
        /// What the transcription used, when it is billed apart.
        usage: Usage,
    },
    /// The model wants a tool run.
    ToolCall {
        /// The reply that asked.
        reply: ReplyId,
        /// The vendor's id of this tool call, echoed with the output.
        call: String,
        /// The tool's name as the model wrote it.
        name: String,
        /// The arguments as the model wrote them, meant to be a JSON object.
        arguments: String,
    },
    /// A reply ended. Nothing of it follows.
    ReplyEnded {
        /// The reply.
        reply: ReplyId,
        /// How.
        end: ReplyEnd,
        /// What it used.
        usage: Usage,
    },
    /// The model noticed that nobody speaks; it may begin a reply by itself.
    IdleTimeout,
    /// Something went wrong; see [`AiError::kind`] for whether the leg lives on.
    Failed(AiError),
    /// An event this version does not know; counted, otherwise ignored.
    Unknown {
        /// The vendor's name of the event, cut to 64 characters.
        kind: String,
    },
    /// A message that could not be understood; counted, otherwise ignored.
    Malformed,
    /// The connection is gone. Nothing follows.
    Closed,
}

/// How a reply ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReplyEnd {
    /// Said in full.
    Completed,
    /// Cancelled, by us or because the caller spoke.
    Cancelled,
    /// Cut by a length limit or a content filter.
    Incomplete,
    /// Failed; the error was reported apart when the vendor gave one.
    Failed,
}

/// An error of the AI side.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[error("the model reported {kind:?} ({code}): {message}")]
pub struct AiError {
    /// What to do about it.
    pub kind: AiErrorKind,
    /// The vendor's code, or an empty text.
    pub code: String,
    /// The vendor's message, cut to 300 characters.
    pub message: String,
    /// The command of ours that it answers, when the vendor says so.
    pub request: Option<RequestId>,
}

/// What an [`AiError`] means for the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AiErrorKind {
    /// A reply was asked for while one was active: ask again when it ended.
    ReplyActive,
    /// There was nothing to cancel: ignore.
    NothingToCancel,
    /// A truncation was refused: our accounting was wrong.
    TruncateRefused,
    /// Too many requests: the reply may be asked for again later.
    RateLimited,
    /// The leg's longest life is over: open a new one.
    SessionExpired,
    /// Key, quota or account: a new leg would fail as well.
    Account,
    /// The connection could not be opened or configured.
    Connect,
    /// Anything else; the leg lives on.
    Other,
}

impl AiErrorKind {
    /// Whether the leg is of no further use.
    pub const fn ends_leg(self) -> bool {
        matches!(self, Self::SessionExpired | Self::Account | Self::Connect)
    }

    /// Whether a new leg would fail in the same way.
    pub const fn is_permanent(self) -> bool {
        matches!(self, Self::Account)
    }
}

/// What we tell the AI side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AiCommand<'a> {
    /// Caller audio.
    Audio(&'a [u8]),
    /// Ask for a reply. With `instructions`, they replace the standing ones for this reply.
    RequestReply {
        /// Names this command in errors.
        request: RequestId,
        /// What to say instead of what the conversation asks for.
        instructions: Option<&'a str>,
    },
    /// Stop the reply.
    CancelReply {
        /// Names this command in errors.
        request: RequestId,
        /// The reply.
        reply: ReplyId,
    },
    /// Tell the model how much of an item was heard. Only where the leg can truncate.
    Truncate {
        /// Names this command in errors.
        request: RequestId,
        /// The item.
        item: ItemId,
        /// The part of the item.
        content: u32,
        /// Milliseconds that were played, rounded down.
        played_ms: u64,
    },
    /// The result of a tool call.
    ToolOutput {
        /// The vendor's id of the tool call.
        call: &'a str,
        /// The result, JSON text.
        output: &'a str,
    },
    /// Something the caller did other than by voice, such as pressing keys.
    CallerNote(&'a str),
    /// Something the system wants the model to know.
    SystemNote(&'a str),
}

/// The AI side of one call.
pub trait AiLeg: Send {
    /// The next event. Audio bytes are appended to `audio`. After [`AiEvent::Closed`] it is not polled again.
    ///
    /// # Cancel safety
    /// A pending poll consumes nothing.
    fn poll_event(&mut self, cx: &mut Context<'_>, audio: &mut Vec<u8>) -> Poll<AiEvent>;

    /// Queues a command. Bounded: a peer that does not read makes this fail.
    fn send(&mut self, command: AiCommand<'_>) -> Result<(), LegClosed>;

    /// Pushes what is queued to the wire.
    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), LegClosed>>;

    /// The name of the model or account behind this leg, where a bridge chose between several.
    fn served_by(&self) -> Option<&str> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_print_and_parse() {
        let mark = MarkId {
            generation: 3,
            seq: 17,
        };
        assert_eq!(mark.to_string().parse::<MarkId>().unwrap(), mark);
        for bad in ["", "3", "3:", ":1", "a:b", "-1:2", "99999999999:1"] {
            assert!(bad.parse::<MarkId>().is_err(), "{bad} must not parse");
        }
    }
}
