//! Takes what people said out of the events of a call, and leaves what decisions depend on: how long it was, in which
//! script it was written, and when it came.

use std::borrow::Cow;

use prosaas_core::leg::{AiError, AiEvent, LegEvent};
use prosaas_core::tool_host::ToolReply;
use serde_json::Value;

use crate::session::{Control, Event, Opening, Prompts, SessionConfig};

/// The names that vendors give to tool calls, by the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Names(Vec<String>);

impl Names {
    /// The same name for the same call.
    fn of(&mut self, call: &str) -> String {
        let known = self.0.iter().position(|known| known == call);
        let number = known.unwrap_or_else(|| {
            self.0.push(call.to_owned());
            self.0.len() - 1
        });
        format!("call{number}")
    }
}

/// The configuration without the business's words.
pub(super) fn config(config: SessionConfig) -> SessionConfig {
    let opening = match &config.opening {
        Opening::Greet(words) => Opening::Greet(text(words)),
        Opening::Resume(words) => Opening::Resume(text(words)),
        Opening::Wait => Opening::Wait,
    };
    SessionConfig {
        opening,
        prompts: Prompts::default(),
        ..config
    }
}

/// An event without words, names and numbers. Its audio is the caller's business.
pub(super) fn event<'a>(event: Event<'a>, names: &mut Names) -> Event<'a> {
    match event {
        Event::Caller(LegEvent::Dtmf(key), audio) => {
            let key = if key.is_ascii_digit() { '0' } else { key };
            Event::Caller(LegEvent::Dtmf(key), audio)
        }
        Event::Ai(event, audio) => Event::Ai(ai(event, names), audio),
        Event::AiOpenFailed(failed) => Event::AiOpenFailed(error(&failed)),
        Event::ToolDone { call, reply } => Event::ToolDone {
            call: names.of(&call),
            reply: ToolReply {
                output: json(&reply.output),
                ..reply
            },
        },
        Event::Control(Control::CallerWrote(words)) => {
            Event::Control(Control::CallerWrote(text(&words)))
        }
        Event::Control(Control::Whispered(words)) => {
            Event::Control(Control::Whispered(text(&words)))
        }
        // The journal holds no number of these.
        Event::Control(
            Control::HandTo(_) | Control::EndCall | Control::TakenOver | Control::Shutdown,
        )
        | Event::Caller(
            LegEvent::Audio { .. }
            | LegEvent::Mark(_)
            | LegEvent::Malformed
            | LegEvent::Stopped
            | LegEvent::Lost,
            _,
        )
        | Event::Started
        | Event::AiOpened
        | Event::SpareAiReady
        | Event::SpareAiFailed
        | Event::Wake => event,
    }
}

fn ai(event: AiEvent, names: &mut Names) -> AiEvent {
    match event {
        AiEvent::AgentText {
            reply,
            item,
            text: words,
            whole,
        } => AiEvent::AgentText {
            reply,
            item,
            text: text(&words),
            whole,
        },
        AiEvent::CallerText {
            item,
            text: words,
            usage,
        } => AiEvent::CallerText {
            item,
            text: text(&words),
            usage,
        },
        AiEvent::ToolCall {
            reply,
            call,
            name,
            arguments,
        } => AiEvent::ToolCall {
            reply,
            call: names.of(&call),
            name: word(&name).into_owned(),
            arguments: json(&arguments),
        },
        AiEvent::Failed(failed) => AiEvent::Failed(error(&failed)),
        AiEvent::Unknown { kind } => AiEvent::Unknown {
            kind: word(&kind).into_owned(),
        },
        AiEvent::Ready
        | AiEvent::LifeLeft { .. }
        | AiEvent::SpeechStarted
        | AiEvent::SpeechStopped
        | AiEvent::ReplyStarted { .. }
        | AiEvent::Audio { .. }
        | AiEvent::CallerItem { .. }
        | AiEvent::ReplyEnded { .. }
        | AiEvent::IdleTimeout
        | AiEvent::Malformed
        | AiEvent::Closed => event,
    }
}

fn error(error: &AiError) -> AiError {
    AiError {
        kind: error.kind,
        code: word(&error.code).into_owned(),
        message: text(&error.message),
        request: error.request,
    }
}

/// A text of the same length: letters become one letter of their script, digits become zeros.
fn text(words: &str) -> String {
    words.chars().map(letter).collect()
}

const fn letter(c: char) -> char {
    match c {
        '\u{0590}'..='\u{05FF}' | '\u{FB1D}'..='\u{FB4F}' => 'א',
        '\u{0400}'..='\u{052F}' => 'х',
        '\u{0600}'..='\u{06FF}'
        | '\u{0750}'..='\u{077F}'
        | '\u{08A0}'..='\u{08FF}'
        | '\u{FB50}'..='\u{FDFF}'
        | '\u{FE70}'..='\u{FEFF}' => 'ب',
        'A'..='Z' | 'a'..='z' | '\u{00AA}'..='\u{024F}' | '\u{1E00}'..='\u{1EFF}' => 'x',
        '0'..='9' => '0',
        // Where a sentence ends and a word begins says nothing by itself, and lines are cut there.
        ' '..='~' | '\n' | '\t' => c,
        _ => 'ω',
    }
}

/// A word of ours or of a vendor's, such as a tool's name; anything else may be somebody's words.
fn word(word: &str) -> Cow<'_, str> {
    let is_word = |c: char| c.is_ascii_lowercase() || matches!(c, '_' | '.' | '-');
    if word.chars().all(is_word) {
        Cow::Borrowed(word)
    } else {
        Cow::Owned(text(word))
    }
}

/// JSON of the same shape, or any other text.
fn json(of: &str) -> String {
    match serde_json::from_str::<Value>(of) {
        Ok(value) => value_of(value).to_string(),
        Err(_) => text(of),
    }
}

fn value_of(value: Value) -> Value {
    match value {
        Value::String(words) => Value::String(text(&words)),
        Value::Number(_) => Value::from(0),
        Value::Array(values) => values.into_iter().map(value_of).collect(),
        Value::Object(fields) => fields
            .into_iter()
            .map(|(name, value)| (word(&name).into_owned(), value_of(value)))
            .collect(),
        Value::Null | Value::Bool(_) => value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_keeps_its_length_and_script_and_nothing_else() {
        for (said, left) in [
            ("Dana, 054-1234567!", "xxxx, 000-0000000!"),
            ("דָּנָה רחוב 7", "אאאאאא אאאא 0"),
            ("Привет مرحبا 你 ٣", "хххххх ببببب ω ب"),
            ("é\u{202e}🙂", "xωω"),
        ] {
            assert_eq!(text(said), left);
            assert_eq!(said.chars().count(), left.chars().count());
        }
    }

    #[test]
    fn of_json_the_shape_is_left() {
        let said = r#"{"name":"Dana","age":7,"054-1":[true,"x1"],"ok":null}"#;
        assert_eq!(
            json(said),
            r#"{"000-0":[true,"x0"],"age":0,"name":"xxxx","ok":null}"#
        );
        assert_eq!(json("{broken Dana 5"), "{xxxxxx xxxx 0");
        assert_eq!(word("rate_limit_exceeded"), "rate_limit_exceeded");
        assert_eq!(word("call Dana"), "xxxx xxxx");
    }

    #[test]
    fn a_tool_calls_name_is_the_same_wherever_it_stands() {
        let mut names = Names::default();
        assert_eq!(
            (names.of("abc"), names.of("d")),
            ("call0".into(), "call1".into())
        );
        assert_eq!(names.of("abc"), "call0");
    }
}
