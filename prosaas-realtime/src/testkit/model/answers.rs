//! What the fake model says. It invents nothing about the caller: it repeats what it was told to say,
//! or quotes what the caller's transcript says.

use serde_json::{Map, Value, json};

/// A reply to be spoken, and tools to be called after it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Plan {
    pub(super) text: String,
    pub(super) calls: Vec<Call>,
}

/// A tool call the model makes.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Call {
    pub(super) name: String,
    pub(super) arguments: String,
}

/// What comes last in the conversation.
#[derive(Clone, Copy, Debug)]
pub(super) enum Last<'a> {
    /// The caller's words.
    Words(&'a str),
    /// A tool's output.
    ToolOutput,
    /// The caller fell silent.
    Silence,
    /// Nothing to answer.
    Nothing,
}

/// What a reply answers.
#[derive(Clone, Debug)]
pub(super) struct Prompt<'a> {
    /// Instructions of `response.create`.
    pub(super) instructions: Option<&'a str>,
    /// What it answers without instructions.
    pub(super) last: Last<'a>,
    /// How many times the caller has spoken.
    pub(super) turns: u32,
    /// The session's tools.
    pub(super) tools: &'a [Value],
    /// Whether `save_lead` was called before.
    pub(super) saved: bool,
    /// Call `end_call` at this turn.
    pub(super) end_call_after: Option<u32>,
    /// Whether the session expects Hebrew.
    pub(super) hebrew: bool,
}

/// Decides what to say.
pub(super) fn plan(prompt: &Prompt<'_>) -> Plan {
    if let Some(text) = prompt.instructions.and_then(say_exactly) {
        return Plan {
            text: text.to_owned(),
            calls: Vec::new(),
        };
    }
    let hebrew = prompt.hebrew || matches!(prompt.last, Last::Words(words) if is_hebrew(words));
    let pick = |he: &str, en: &str| if hebrew { he.to_owned() } else { en.to_owned() };
    let say = |text| Plan {
        text,
        calls: Vec::new(),
    };
    if let Some(instructions) = prompt.instructions.map(str::to_lowercase) {
        return say(if instructions.contains("goodbye") {
            pick("תודה שהתקשרת, להתראות.", "Thank you for calling. Goodbye.")
        } else if instructions.contains("connecting") {
            pick("אני מעביר אותך עכשיו.", "I am connecting you now.")
        } else if instructions.contains("still there") {
            pick("עדיין על הקו?", "Are you still there?")
        } else {
            pick("שלום, איך אפשר לעזור?", "Hello, how can I help you?")
        });
    }
    let caller = match prompt.last {
        Last::Words(words) => words,
        Last::ToolOutput => {
            return say(pick("זה נשמר. עוד משהו?", "That is noted. Anything else?"));
        }
        Last::Silence => return say(pick("עדיין על הקו?", "Are you still there?")),
        Last::Nothing => return say(pick("שלום, איך אפשר לעזור?", "Hello, how can I help you?")),
    };
    let mut calls = Vec::new();
    if prompt.turns > 0 && !prompt.saved {
        calls.extend(call(prompt.tools, "save_lead", caller));
    }
    let ending = prompt
        .end_call_after
        .is_some_and(|turns| prompt.turns >= turns);
    if ending {
        calls.extend(call(prompt.tools, "end_call", caller));
    }
    let text = if ending {
        pick("תודה שהתקשרת, להתראות.", "Thank you for calling. Goodbye.")
    } else if hebrew {
        format!("שמעתי: {caller}")
    } else {
        format!("I heard: {caller}")
    };
    Plan { text, calls }
}

/// The sentence in quotation marks after `Say exactly:`; it may hold quotation marks itself.
pub(super) fn say_exactly(instructions: &str) -> Option<&str> {
    let (_, rest) = instructions.split_once("Say exactly:")?;
    let rest = rest.trim_start();
    let open = rest.chars().next()?;
    let close = match open {
        '"' => '"',
        '“' => '”',
        _ => return Some(rest.lines().next().unwrap_or_default().trim()),
    };
    let inside = &rest[open.len_utf8()..];
    Some(inside.rfind(close).map_or(inside, |end| &inside[..end]))
}

/// Calls a tool of the session, with every argument its schema requires.
fn call(tools: &[Value], name: &str, caller: &str) -> Option<Call> {
    let tool = tools.iter().find(|tool| tool["name"] == name)?;
    let arguments = fill_schema(&tool["parameters"], &|property| match property {
        "intent" => Some(Value::from(caller)),
        "name" => stated_name(caller).map(Value::from),
        _ => None,
    });
    Some(Call {
        name: name.to_owned(),
        arguments: arguments.to_string(),
    })
}

/// An object that follows a JSON schema: known properties by `known`, other required ones empty.
pub(super) fn fill_schema(schema: &Value, known: &dyn Fn(&str) -> Option<Value>) -> Value {
    let required: Vec<&str> = schema["required"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let mut object = Map::new();
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        if let Some(value) = known(name) {
            object.insert(name.clone(), value);
        } else if required.contains(&name.as_str()) {
            object.insert(name.clone(), empty(property));
        }
    }
    Value::Object(object)
}

/// The emptiest value a property allows.
fn empty(property: &Value) -> Value {
    if let Some(first) = property["enum"]
        .as_array()
        .and_then(|values| values.first())
    {
        return first.clone();
    }
    let allows = |wanted: &str| match &property["type"] {
        Value::String(kind) => kind == wanted,
        Value::Array(kinds) => kinds.iter().any(|kind| kind == wanted),
        _ => false,
    };
    match () {
        () if allows("null") => Value::Null,
        () if allows("string") => Value::from(""),
        () if allows("boolean") => Value::from(false),
        () if allows("integer") || allows("number") => Value::from(0),
        () if allows("array") => json!([]),
        () if allows("object") => fill_schema(property, &|_| None),
        () => Value::Null,
    }
}

/// A name the speaker gave as theirs, in so many words.
pub(super) fn stated_name(line: &str) -> Option<String> {
    let lower = line.to_lowercase();
    // Lower-casing may move bytes in exotic scripts; a place that is no boundary is no name.
    let rest = ["my name is ", "קוראים לי "]
        .iter()
        .find_map(|phrase| line.get(lower.find(phrase)? + phrase.len()..))?;
    let until = rest
        .find([',', '.', '!', '?', ';', '\n'])
        .unwrap_or(rest.len());
    let words: Vec<&str> = rest[..until].split_whitespace().collect();
    let capital = |word: &&str| word.chars().next().is_some_and(char::is_uppercase);
    let count = match words.len() {
        0 => return None,
        1..=2 => words.len(),
        _ if words.get(1).is_some_and(capital) => 2,
        _ => 1,
    };
    Some(words[..count].join(" "))
}

/// Whether a text holds Hebrew letters.
pub(super) fn is_hebrew(text: &str) -> bool {
    text.chars().any(|c| ('\u{05D0}'..='\u{05EA}').contains(&c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_what_it_is_told_to_say() {
        let check = |instructions, text| assert_eq!(say_exactly(instructions), text);
        check(
            r#"Say exactly: "Hello, this is Levi's.""#,
            Some("Hello, this is Levi's."),
        );
        check(
            r#"Be calm. Say exactly: "רח' הרצל 5, ת"א." Then stop."#,
            Some(r#"רח' הרצל 5, ת"א."#),
        );
        check("Say exactly: “Hi.”", Some("Hi."));
        check("Say exactly: Hi there\nand more", Some("Hi there"));
        check("Greet the caller.", None);
        check("Say exactly:", None);
    }

    #[test]
    fn names_are_only_those_stated() {
        let check =
            |line, name: Option<&str>| assert_eq!(stated_name(line).as_deref(), name, "{line}");
        check(
            "Hi, my name is Dana Cohen, I need a plumber",
            Some("Dana Cohen"),
        );
        check("My name is Dana and I need a plumber", Some("Dana"));
        check("קוראים לי דנה כהן.", Some("דנה כהן"));
        check("קוראים לי דנה ואני צריכה אינסטלטור", Some("דנה"));
        check("Dana would like a table", None);
        check("my name is ", None);
    }

    #[test]
    fn schemas_are_filled_with_what_is_known_and_otherwise_empty() {
        let schema = json!({
            "type": "object",
            "required": ["intent", "urgent", "name", "note", "kind"],
            "properties": {
                "intent": {"type": "string"},
                "urgent": {"type": "boolean"},
                "name": {"type": ["string", "null"]},
                "note": {"type": "string"},
                "kind": {"type": "string", "enum": ["new", "old"]},
                "extra": {"type": "string"},
            },
        });
        let filled = fill_schema(&schema, &|name| {
            (name == "intent").then(|| Value::from("a table"))
        });
        assert_eq!(
            filled,
            json!({"intent": "a table", "urgent": false, "name": null, "note": "", "kind": "new"})
        );
    }
}
