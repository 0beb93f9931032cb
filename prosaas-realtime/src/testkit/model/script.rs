//! Scripts: exactly these events, whatever the call does. For hostile tool calls and rare sequences.

use serde::Deserialize;
use serde_json::{Value, json};

/// A model that answers client events with prepared ones and does nothing by itself.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(transparent)]
pub struct Script {
    steps: Vec<Step>,
}

/// One prepared answer.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// The type of the client event it answers, or `connect`.
    pub on: String,
    /// Server events, sent in order; a text is sent as it is, JSON or not.
    #[serde(default)]
    pub send: Vec<Value>,
    /// Whether it answers every such event or only the first.
    #[serde(default)]
    pub repeat: bool,
    /// Whether the connection is dropped afterwards.
    #[serde(default)]
    pub close: bool,
}

impl Script {
    /// A script of these steps. An event is answered by the first step left for its type.
    pub const fn new(steps: Vec<Step>) -> Self {
        Self { steps }
    }

    /// A script written as a JSON list of [`Step`]s.
    ///
    /// # Errors
    /// The parser's, with line and column.
    pub fn from_json(text: &str) -> serde_json::Result<Self> {
        serde_json::from_str(text)
    }

    /// A model that obeys an attacker: every response asked for calls these tools, named with their
    /// arguments, and says nothing.
    pub fn tool_calls(calls: &[(&str, &str)]) -> Self {
        let ids: Vec<String> = (0..calls.len())
            .map(|index| format!("call_script_{index}"))
            .collect();
        let calls: Vec<_> = ids
            .iter()
            .zip(calls)
            .map(|(id, (name, arguments))| (id.as_str(), *name, *arguments))
            .collect();
        Self::tool_calls_as(&calls)
    }

    /// As [`Self::tool_calls`], where each call has an id of the attacker's choice before its name.
    pub fn tool_calls_as(calls: &[(&str, &str, &str)]) -> Self {
        let mut response =
            vec![json!({"type": "response.created", "response": {"id": "resp_script"}})];
        for (index, (call, name, arguments)) in calls.iter().enumerate() {
            response.push(json!({
                "type": "response.output_item.done",
                "response_id": "resp_script",
                "output_index": index,
                "item": {
                    "id": format!("item_script_{index}"),
                    "type": "function_call",
                    "status": "completed",
                    "call_id": call,
                    "name": name,
                    "arguments": arguments,
                },
            }));
        }
        response.push(json!({
            "type": "response.done",
            "response": {"id": "resp_script", "status": "completed", "output": []},
        }));
        let answer = |on: &str, send, repeat| Step {
            on: on.to_owned(),
            send,
            repeat,
            close: false,
        };
        Self::new(vec![
            answer(
                "connect",
                vec![json!({"type": "session.created", "session": {}})],
                false,
            ),
            answer(
                "session.update",
                vec![json!({"type": "session.updated", "session": {}})],
                true,
            ),
            answer("response.create", response, false),
            // The follow-up after the outputs ends at once, or the attack would never end.
            answer(
                "response.create",
                vec![
                    json!({"type": "response.created", "response": {"id": "resp_after"}}),
                    json!({"type": "response.done", "response": {"id": "resp_after", "status": "completed"}}),
                ],
                true,
            ),
        ])
    }

    /// Takes the answer to an event: what to send, and whether to close.
    pub(super) fn take(&mut self, on: &str) -> Option<(Vec<String>, bool)> {
        let place = self.steps.iter().position(|step| step.on == on)?;
        let step = if self.steps[place].repeat {
            self.steps[place].clone()
        } else {
            self.steps.remove(place)
        };
        let texts = step.send.into_iter().map(|value| match value {
            Value::String(raw) => raw,
            event => event.to_string(),
        });
        Some((texts.collect(), step.close))
    }
}

/// Frames no honest server sends. `harmful` ones could end a response or claim absurd sizes.
pub(super) fn garbage(turn: usize, harmful: bool) -> Garbage {
    const HARMLESS: [&str; 9] = [
        "{",
        "not json at all",
        "[]",
        r#"{"type":5}"#,
        r#"{"type":"response.output_audio.delta"}"#,
        r#"{"type":"response.output_audio.delta","response_id":"resp_g","item_id":"item_g","delta":"@@@@"}"#,
        r#"{"type":"conversation.item.added","item":17}"#,
        r#"{"type":"response.reasoning.delta","item":{"type":"reasoning"},"delta":{"a":[1]}}"#,
        "\u{0}\u{FFFD}",
    ];
    const HARMFUL: [&str; 5] = [
        r#"{"type":"response.done"}"#,
        r#"{"type":"response.done","response":{"id":"resp_never","usage":{"input_tokens":-1}}}"#,
        r#"{"type":"error"}"#,
        r#"{"type":"input_audio_buffer.committed"}"#,
        r#"{"type":"response.created","response":{"id":null}}"#,
    ];
    let kinds = HARMLESS.len() + 1 + if harmful { HARMFUL.len() + 1 } else { 0 };
    match turn % kinds {
        0 => Garbage::Binary(vec![0, 159, 146, 150]),
        n if n <= HARMLESS.len() => Garbage::Text(HARMLESS[n - 1].to_owned()),
        n if n <= HARMLESS.len() + HARMFUL.len() => {
            Garbage::Text(HARMFUL[n - 1 - HARMLESS.len()].to_owned())
        }
        _ => Garbage::Text(format!(
            r#"{{"type":"response.output_audio.delta","response_id":"r","item_id":"i","delta":"{}"}}"#,
            "A".repeat(256 * 1024)
        )),
    }
}

/// One frame of garbage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Garbage {
    Text(String),
    Binary(Vec<u8>),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_answer_once_or_always() {
        let mut script = Script::from_json(
            r#"[{"on":"a","send":[{"type":"x"}]},{"on":"a","send":["raw {"],"repeat":true,"close":true}]"#,
        )
        .unwrap();
        assert_eq!(script.take("b"), None);
        assert_eq!(
            script.take("a"),
            Some((vec![r#"{"type":"x"}"#.to_owned()], false))
        );
        for _ in 0..3 {
            assert_eq!(script.take("a"), Some((vec!["raw {".to_owned()], true)));
        }
    }

    #[test]
    fn a_misspelled_step_is_an_error() {
        let error = Script::from_json(r#"[{"on":"a","sned":[]}]"#).unwrap_err();
        assert!(
            error.to_string().contains("unknown field `sned`"),
            "{error}"
        );
    }
}
