//! What happens to a call session.

use std::fmt;

use prosaas_core::leg::{AiError, AiEvent, LegEvent};
use prosaas_core::phone::E164;
use prosaas_core::tool_host::ToolReply;

/// One thing that happened. Audio bytes stand beside the event that describes them.
#[derive(Clone, Debug)]
pub enum Event<'a> {
    /// The carrier's stream began; the AI leg is being opened.
    Started,
    /// The carrier's side reported something; the bytes are those of [`LegEvent::Audio`].
    Caller(LegEvent, &'a [u8]),
    /// An AI leg was opened; its events follow.
    AiOpened,
    /// No AI leg could be opened.
    AiOpenFailed(AiError),
    /// The leg of [`super::Action::OpenSpareAi`] is ready.
    SpareAiReady,
    /// The leg of [`super::Action::OpenSpareAi`] could not be opened, or is gone again.
    SpareAiFailed,
    /// The AI side reported something; the bytes are those of [`AiEvent::Audio`].
    Ai(AiEvent, &'a [u8]),
    /// A tool finished.
    ToolDone {
        /// The vendor's id of the tool call.
        call: String,
        /// Its answer.
        reply: ToolReply,
    },
    /// The application wants something.
    Control(Control),
    /// The deadline came.
    Wake,
}

/// What the application may want of a running call.
#[derive(Clone, PartialEq, Eq)]
pub enum Control {
    /// The caller wrote this meanwhile, by another channel: the model is told it as the caller's words. Only so
    /// much of it counts as [`CallSession::MAX_WRITTEN`](super::CallSession::MAX_WRITTEN) says, and only so many
    /// as [`CallSession::MAX_WRITTEN_MESSAGES`](super::CallSession::MAX_WRITTEN_MESSAGES) says.
    CallerWrote(String),
    /// Somebody of the business tells the agent this, unheard by the caller. Counts as a message towards
    /// [`CallSession::MAX_WRITTEN_MESSAGES`](super::CallSession::MAX_WRITTEN_MESSAGES).
    Whispered(String),
    /// Somebody of the business takes the call: the agent says so and it is handed to this number.
    HandTo(E164),
    /// Somebody of the business ends the call: the agent says goodbye.
    EndCall,
    /// Another socket of this call took over: stop without finishing the call.
    TakenOver,
    /// The server stops now.
    Shutdown,
}

impl fmt::Debug for Control {
    /// What somebody wrote, and to whom a call goes, is not for logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::CallerWrote(_) => "CallerWrote(…)",
            Self::Whispered(_) => "Whispered(…)",
            Self::HandTo(_) => "HandTo(…)",
            Self::EndCall => "EndCall",
            Self::TakenOver => "TakenOver",
            Self::Shutdown => "Shutdown",
        })
    }
}
