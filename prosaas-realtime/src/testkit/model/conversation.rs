//! The items of a conversation and what they weigh in tokens.

use std::collections::HashSet;

use serde_json::Value;

use super::answers::Last;
use super::reply::Tokens;
use super::setup::ApiError;

/// What an item is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The caller's voice, with its text.
    CallerSpeech(String),
    /// Something the client wrote as the caller.
    CallerText(String),
    /// The model's voice.
    AgentSpeech { kept_ms: u64 },
    /// What the system or, in a replayed history, the agent wrote.
    Written,
    /// A tool call.
    ToolCall,
    /// A tool's output.
    ToolOutput,
}

#[derive(Clone, Debug)]
struct Item {
    id: String,
    kind: Kind,
    tokens: Tokens,
}

/// A conversation, oldest item first.
#[derive(Debug, Default)]
pub(super) struct Conversation {
    items: Vec<Item>,
    open_calls: HashSet<String>,
}

impl Conversation {
    /// The id of the last item.
    pub(super) fn last_id(&self) -> Option<&str> {
        self.items.last().map(|item| item.id.as_str())
    }

    /// What comes last, apart from notes of the system.
    pub(super) fn last(&self) -> Last<'_> {
        let mut kinds = self.items.iter().rev().map(|item| &item.kind);
        let last = kinds.find(|kind| **kind != Kind::Written);
        match last {
            Some(Kind::CallerSpeech(text) | Kind::CallerText(text)) => Last::Words(text),
            Some(Kind::ToolOutput) => Last::ToolOutput,
            _ => Last::Nothing,
        }
    }

    /// How many messages of the caller the client has written.
    pub(super) fn written_by_caller(&self) -> usize {
        self.items
            .iter()
            .filter(|item| matches!(item.kind, Kind::CallerText(_)))
            .count()
    }

    /// The tokens a response reads, with the session's instructions.
    pub(super) fn tokens(&self, instructions: &str) -> Tokens {
        let start = Tokens {
            text: Tokens::of_text(instructions),
            audio: 0,
        };
        self.items.iter().fold(start, |sum, item| Tokens {
            text: sum.text + item.tokens.text,
            audio: sum.audio + item.tokens.audio,
        })
    }

    /// Adds the caller's speech.
    pub(super) fn caller_spoke(&mut self, id: &str, ms: u64, text: &str) {
        let tokens = Tokens {
            text: 0,
            audio: Tokens::of_caller(ms),
        };
        self.push(id, Kind::CallerSpeech(text.to_owned()), tokens);
    }

    /// Adds an item of the model's voice; nothing is said yet.
    pub(super) fn agent_begins(&mut self, id: &str) {
        self.push(id, Kind::AgentSpeech { kept_ms: 0 }, Tokens::default());
    }

    /// The model has said this much of its latest item.
    pub(super) fn agent_said(&mut self, id: &str, ms: u64) {
        if let Some(item) = self.items.iter_mut().rev().find(|item| item.id == id) {
            item.kind = Kind::AgentSpeech { kept_ms: ms };
            item.tokens.audio = Tokens::of_agent(ms);
        }
    }

    /// Adds a tool call, which waits for its output.
    pub(super) fn calls_tool(&mut self, call_id: &str, name: &str) {
        self.open_calls.insert(call_id.to_owned());
        let tokens = Tokens {
            text: Tokens::of_text(name),
            audio: 0,
        };
        self.push(call_id, Kind::ToolCall, tokens);
    }

    /// Adds an item the client created; returns a line that describes it.
    pub(super) fn create(&mut self, id: &str, item: &Value) -> Result<String, ApiError> {
        let text_of = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let weigh = |text: &str| Tokens {
            text: Tokens::of_text(text),
            audio: 0,
        };
        match item["type"].as_str() {
            Some("message") => {
                let role = item["role"].as_str().unwrap_or_default();
                let wanted = match role {
                    "user" | "system" => "input_text",
                    "assistant" => "output_text",
                    _ => {
                        return Err(ApiError::about(
                            "item.role",
                            "invalid_value",
                            "Unknown role.",
                        ));
                    }
                };
                let parts = item["content"]
                    .as_array()
                    .map(Vec::as_slice)
                    .unwrap_or_default();
                if parts.is_empty() || parts.iter().any(|part| part["type"] != wanted) {
                    let message =
                        format!("Invalid content of a {role} message: expected '{wanted}'.");
                    return Err(ApiError::about("item.content", "invalid_value", message));
                }
                let text: String = parts.iter().map(|part| text_of(&part["text"])).collect();
                let kind = if role == "user" {
                    Kind::CallerText(text.clone())
                } else {
                    Kind::Written
                };
                self.push(id, kind, weigh(&text));
                Ok(format!("{role}: {text}"))
            }
            Some("function_call") => {
                let call_id = text_of(&item["call_id"]);
                let name = text_of(&item["name"]);
                let arguments = item["arguments"].as_str();
                if call_id.is_empty() || name.is_empty() || arguments.is_none() {
                    let message = "A function call needs a call_id, a name and its arguments.";
                    return Err(ApiError::about(
                        "item",
                        "missing_required_parameter",
                        message,
                    ));
                }
                self.calls_tool(&call_id, &name);
                let arguments = arguments.unwrap_or_default();
                Ok(format!("call: {name} {arguments}"))
            }
            Some("function_call_output") => {
                let call_id = text_of(&item["call_id"]);
                if !item["output"].is_string() {
                    return Err(ApiError::about(
                        "item.output",
                        "invalid_type",
                        "Expected a string.",
                    ));
                }
                if !self.open_calls.remove(&call_id) {
                    let message = format!("Tool call ID '{call_id}' not found in conversation.");
                    return Err(ApiError::about(
                        "item.call_id",
                        "invalid_tool_call_id",
                        message,
                    ));
                }
                let output = text_of(&item["output"]);
                self.push(id, Kind::ToolOutput, weigh(&output));
                Ok(format!("tool: {output}"))
            }
            _ => Err(ApiError::about(
                "item.type",
                "invalid_value",
                "Unknown item type.",
            )),
        }
    }

    /// Forgets what was not heard of an item.
    pub(super) fn truncate(&mut self, id: &str, audio_end_ms: i64) -> Result<(), ApiError> {
        let Ok(end) = u64::try_from(audio_end_ms) else {
            let message =
                "Invalid 'audio_end_ms': integer below minimum value. Expected a value >= 0.";
            return Err(ApiError::about(
                "audio_end_ms",
                "integer_below_min_value",
                message,
            ));
        };
        let Some(item) = self.items.iter_mut().rev().find(|item| item.id == id) else {
            let message = format!("Error truncating item: item '{id}' was not found.");
            return Err(ApiError::about(
                "item_id",
                "item_truncate_invalid_item_id",
                message,
            ));
        };
        let Kind::AgentSpeech { kept_ms } = &mut item.kind else {
            let message = "Only model output audio messages can be truncated";
            return Err(ApiError::about("item_id", "invalid_value", message));
        };
        if end > *kept_ms {
            // The one error the API sends without a code.
            let message = format!("Audio content of {kept_ms}ms is already shorter than {end}ms");
            return Err(ApiError {
                code: None,
                message,
                param: None,
            });
        }
        *kept_ms = end;
        item.tokens.audio = Tokens::of_agent(end);
        Ok(())
    }

    fn push(&mut self, id: &str, kind: Kind, tokens: Tokens) {
        self.items.push(Item {
            id: id.to_owned(),
            kind,
            tokens,
        });
    }
}
