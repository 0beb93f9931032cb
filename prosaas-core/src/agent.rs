//! What the AI is told before a call.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::business::Language;
use crate::secret::SecretString;
use crate::transcript::Speaker;

/// A tool the model may ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolSpec {
    /// Its name, `[a-z_]+`.
    pub name: &'static str,
    /// What it does, for the model.
    pub description: String,
    /// The JSON Schema of its arguments, an object.
    pub parameters: Value,
}

/// Something said before, for a leg that continues a conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryTurn {
    /// Who said it.
    pub speaker: Speaker,
    /// What was heard.
    pub text: String,
}

/// Everything an AI leg needs to begin.
#[derive(Clone, Debug, Default)]
pub struct AgentBrief {
    /// Standing instructions.
    pub instructions: String,
    /// The voice, by the vendor's name.
    pub voice: String,
    /// The language expected from the caller; helps transcription.
    pub language: Language,
    /// Tools the model may ask for.
    pub tools: Vec<ToolSpec>,
    /// What was said before, oldest first; empty for a new call.
    pub history: Vec<HistoryTurn>,
    /// The business's own key; `None` means the installation's.
    pub api_key: Option<SecretString>,
    /// A stable name for the caller that identifies nobody (a keyed hash), for the vendor's abuse checks.
    pub end_user: Option<String>,
}
