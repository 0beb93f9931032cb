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

/// Something said or done before, for a leg that continues a conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryTurn {
    /// Who said it, or the agent when it called a tool.
    pub speaker: Speaker,
    /// What was heard; empty when a tool was called.
    pub text: String,
    /// The tool that was called; `None` when something was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool: Option<ToolTurn>,
}

impl HistoryTurn {
    /// Something that was said and heard.
    pub fn said(speaker: Speaker, text: impl Into<String>) -> Self {
        Self {
            speaker,
            text: text.into(),
            tool: None,
        }
    }

    /// A tool that the agent called.
    pub const fn called(tool: ToolTurn) -> Self {
        Self {
            speaker: Speaker::Agent,
            text: String::new(),
            tool: Some(tool),
        }
    }

    /// Whether there is anything to tell.
    pub fn is_empty(&self) -> bool {
        self.tool.is_none() && self.text.trim().is_empty()
    }
}

/// A tool call of an earlier leg. Facts that were never spoken, such as the number of an open booking, are
/// known from its output only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolTurn {
    /// The vendor's id of the tool call.
    pub call: String,
    /// The tool's name as the model wrote it.
    pub name: String,
    /// The arguments as the model wrote them.
    pub arguments: String,
    /// The result, JSON text; `None` while the tool is running, whose output follows as
    /// [`crate::AiCommand::ToolOutput`].
    pub output: Option<String>,
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
    /// What was said and done before, oldest first; empty for a new call.
    pub history: Vec<HistoryTurn>,
    /// The business's own key; `None` means the installation's.
    pub api_key: Option<SecretString>,
    /// A stable name for the caller that identifies nobody (a keyed hash), for the vendor's abuse checks.
    pub end_user: Option<String>,
}
