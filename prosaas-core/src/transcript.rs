//! Who said what, when.

use serde::{Deserialize, Serialize};

use crate::time::CallTime;

/// Who said a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Speaker {
    /// The person on the phone.
    Caller,
    /// The AI agent.
    Agent,
}

impl Speaker {
    /// The word stored and printed.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Caller => "caller",
            Self::Agent => "agent",
        }
    }
}

/// One line of a transcript. Lines of a call are ordered by `seq`, which counts from 0 without gaps
/// in the order of the conversation, not of arrival.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TranscriptLine {
    /// The line's place in the conversation; with the call it identifies the line.
    pub seq: u32,
    /// Who said it.
    pub speaker: Speaker,
    /// When it began.
    pub at: CallTime,
    /// What was said. For an interrupted agent line, the part the caller heard.
    pub text: String,
    /// Whether the other side cut this line short.
    pub interrupted: bool,
}
