//! What happens to a call session.

use prosaas_core::leg::{AiError, AiEvent, LegEvent};
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Control {
    /// Another socket of this call took over: stop without finishing the call.
    TakenOver,
    /// The server stops now.
    Shutdown,
}
