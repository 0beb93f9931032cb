//! What a scripted model says, and what it was told.

use crate::leg::{AiEvent, ItemId, ReplyId};

/// One event of a script, with the audio bytes that come with an [`AiEvent::Audio`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Emit {
    /// The event.
    pub event: AiEvent,
    /// Its audio, mu-law; empty for every other event.
    pub audio: Vec<u8>,
}

impl Emit {
    /// Audio of a reply.
    pub const fn audio(reply: ReplyId, item: ItemId, audio: Vec<u8>) -> Self {
        Self {
            event: AiEvent::Audio {
                reply,
                item,
                content: 0,
            },
            audio,
        }
    }
}

impl From<AiEvent> for Emit {
    fn from(event: AiEvent) -> Self {
        Self {
            event,
            audio: Vec::new(),
        }
    }
}

/// What makes a [`Step`] happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Trigger {
    /// The leg was opened. Without a step for it, the leg reports [`AiEvent::Ready`].
    Opened,
    /// Caller audio arrived.
    CallerAudio,
    /// A reply was asked for.
    ReplyRequested,
    /// A reply was cancelled.
    ReplyCancelled,
    /// An item was truncated.
    Truncated,
    /// A tool's result arrived.
    ToolOutput,
    /// A note of the caller or the system arrived.
    Note,
}

/// A part of a script: on this, report that. Every step happens once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// What makes it happen. Of several steps with one trigger the first happens first.
    pub on: Trigger,
    /// What is reported, in this order.
    pub emit: Vec<Emit>,
}

impl Step {
    /// On this, report that.
    pub fn new(on: Trigger, emit: impl IntoIterator<Item = Emit>) -> Self {
        Self {
            on,
            emit: emit.into_iter().collect(),
        }
    }
}

/// A command that a leg was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RecordedAiCommand {
    /// Caller audio; pieces sent one after the other are one entry.
    Audio(Vec<u8>),
    /// [`crate::AiCommand::RequestReply`] with its instructions.
    RequestReply(Option<String>),
    /// [`crate::AiCommand::CancelReply`].
    CancelReply(ReplyId),
    /// [`crate::AiCommand::Truncate`].
    Truncate {
        /// The item.
        item: ItemId,
        /// Milliseconds that were played.
        played_ms: u64,
    },
    /// [`crate::AiCommand::ToolOutput`].
    ToolOutput {
        /// The tool call's id.
        call: String,
        /// The result.
        output: String,
    },
    /// [`crate::AiCommand::CallerNote`].
    CallerNote(String),
    /// [`crate::AiCommand::SystemNote`].
    SystemNote(String),
}
