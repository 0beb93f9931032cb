//! What the model answers about a call, and what of it is believed.
//!
//! The lead's fields must be there. Everything else is taken piece by piece: what is misshapen is dropped
//! and the rest counts. A promise counts only with the agent's own words, found in the transcript: that is
//! where its second comes from, and a promise that nobody made is none.

use prosaas_core::{CallId, CallTime, LeadDraft, Speaker, TranscriptLine, UnixMillis};
use prosaas_crm::model::call_list::CallFindings;
use prosaas_crm::model::promise::NewPromise;
use prosaas_crm::model::wall::Zone;
use serde::Deserialize;
use serde_json::{Value, json};

use super::JobError;
use crate::calls::when;

/// The most promises and the most tasks that are taken from one call.
const MOST_FOUND: usize = 10;
/// The longest text of a promise or task, in characters.
const MAX_CHARS: usize = 200;
/// The fewest letters that are looked for as somebody's words.
const FEWEST_LETTERS: usize = 4;

/// The answer's shape. What the model promises is checked here.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    summary: String,
    intent: String,
    name: Option<String>,
    next_step: Option<String>,
    #[serde(default)]
    urgent: Value,
    #[serde(default)]
    promises: Value,
    #[serde(default)]
    tasks: Value,
}

#[derive(Debug, Deserialize)]
struct PromiseAnswer {
    what: String,
    #[serde(default)]
    who: String,
    #[serde(default)]
    by: String,
    said: String,
}

#[derive(Debug, Deserialize)]
struct TaskAnswer {
    title: String,
    #[serde(default)]
    by: String,
}

/// What a call was about.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Findings {
    /// What is new about the lead.
    pub(super) draft: LeadDraft,
    /// Whether somebody should see to it now.
    pub(super) urgent: bool,
    /// What the agent said somebody will do.
    pub(super) promises: Vec<FoundPromise>,
    /// What the caller asked for.
    pub(super) tasks: Vec<FoundTask>,
}

impl Findings {
    /// As the store takes them.
    pub(super) fn into_stored(self, call: CallId) -> CallFindings {
        let promise = |found: FoundPromise| NewPromise {
            call_id: call,
            what: found.what,
            who: Some(found.who),
            due_at: found.due_at.map(Into::into),
            said_at_ms: found.said_at.0,
        };
        CallFindings {
            lead: self.draft,
            urgent: self.urgent,
            promises: self.promises.into_iter().map(promise).collect(),
            tasks: self
                .tasks
                .into_iter()
                .map(|found| (found.title, found.due_at))
                .collect(),
        }
    }
}

/// Something the agent said somebody will do.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct FoundPromise {
    /// What.
    pub(super) what: String,
    /// Who; empty when nobody was named.
    pub(super) who: String,
    /// By when.
    pub(super) due_at: Option<UnixMillis>,
    /// When it was said.
    pub(super) said_at: CallTime,
}

/// Something to be done.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct FoundTask {
    /// What.
    pub(super) title: String,
    /// By when.
    pub(super) due_at: Option<UnixMillis>,
}

/// Reads the model's answer about a conversation.
///
/// # Errors
/// `Retry` when the lead's fields are not there. The answer is not repeated: it holds the caller's words.
pub(super) fn read(
    value: Value,
    lines: &[TranscriptLine],
    zone: &Zone,
) -> Result<Findings, JobError> {
    let answer: Answer = serde_json::from_value(value)
        .map_err(|_| JobError::Retry("the model's answer does not follow the schema".to_owned()))?;
    let draft = LeadDraft {
        name: answer.name,
        intent: Some(answer.intent),
        summary: Some(answer.summary),
        next_step: answer.next_step,
        notes: None,
    };
    let promises = each(answer.promises, |promise: PromiseAnswer| {
        Some(FoundPromise {
            what: line(&promise.what)?,
            who: line(&promise.who).unwrap_or_default(),
            due_at: when::moment(zone, &promise.by),
            said_at: said_at(&promise.said, lines)?,
        })
    });
    let tasks = each(answer.tasks, |task: TaskAnswer| {
        Some(FoundTask {
            title: line(&task.title)?,
            due_at: when::moment(zone, &task.by),
        })
    });
    Ok(Findings {
        draft: draft.cleaned(),
        urgent: answer.urgent == Value::Bool(true),
        promises,
        tasks,
    })
}

/// The items of a list that have the right shape and hold something; each only once.
fn each<T: for<'de> Deserialize<'de>, U: PartialEq>(
    list: Value,
    found: impl Fn(T) -> Option<U>,
) -> Vec<U> {
    let Value::Array(items) = list else {
        return Vec::new();
    };
    let mut kept = Vec::new();
    let readable = items
        .into_iter()
        .filter_map(|item| serde_json::from_value(item).ok());
    for item in readable.filter_map(found).take(MOST_FOUND) {
        if !kept.contains(&item) {
            kept.push(item);
        }
    }
    kept
}

/// One line of bounded length, if there is anything in the text.
fn line(text: &str) -> Option<String> {
    let words: Vec<&str> = text
        .split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| !word.is_empty())
        .collect();
    let line: String = words.join(" ").chars().take(MAX_CHARS).collect();
    (!line.is_empty()).then_some(line)
}

/// When the agent said these words. Only letters and digits are compared: a model copies words, not commas.
fn said_at(words: &str, lines: &[TranscriptLine]) -> Option<CallTime> {
    let letters = |text: &str| -> String {
        text.chars()
            .filter(|c| c.is_alphanumeric())
            .flat_map(char::to_lowercase)
            .collect()
    };
    let wanted = letters(words);
    if wanted.chars().count() < FEWEST_LETTERS {
        return None;
    }
    lines
        .iter()
        .filter(|line| line.speaker == Speaker::Agent)
        .find(|line| letters(&line.text).contains(&wanted))
        .map(|line| line.at)
}

/// The schema that the model's answer follows.
pub(super) fn schema() -> Value {
    let text = |what: &str| json!({ "type": "string", "description": what });
    let object = |properties: Value| {
        let names: Vec<&String> = properties
            .as_object()
            .into_iter()
            .flat_map(|p| p.keys())
            .collect();
        json!({
            "type": "object",
            "required": names,
            "properties": properties,
            "additionalProperties": false,
        })
    };
    let list = |what: &str, properties: Value| json!({ "type": "array", "description": what, "items": object(properties) });
    let by = text("By when, as local time such as 2026-11-24T16:00, or an empty text.");
    object(json!({
        "summary": text("What the call was about, in at most three sentences."),
        "intent": text("What the caller wants, in at most six words."),
        "name": text("The caller's name as they gave it, or an empty text."),
        "next_step": text("What somebody of the business should do next, or an empty text."),
        "urgent": {
            "type": "boolean",
            "description": "Whether somebody of the business should see to it right now: danger, damage, or a caller who cannot wait until tomorrow.",
        },
        "promises": list(
            "What the agent told the caller that somebody will do. Nothing that was not said.",
            json!({
                "what": text("What will be done, in a few words."),
                "who": text("Who will do it, or an empty text."),
                "by": by,
                "said": text("The agent's own words, copied exactly from the transcript."),
            }),
        ),
        "tasks": list(
            "What the caller asked the business to do, such as calling back.",
            json!({ "title": text("What to do, in a few words."), "by": by }),
        ),
    }))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn said(speaker: Speaker, at: u64, text: &str) -> TranscriptLine {
        TranscriptLine {
            seq: u32::try_from(at).unwrap(),
            speaker,
            at: CallTime(at),
            text: text.to_owned(),
            interrupted: false,
        }
    }

    fn lines() -> [TranscriptLine; 4] {
        [
            said(Speaker::Agent, 0, "Hello, Dana's Garage."),
            said(
                Speaker::Caller,
                2_000,
                "Call me back at four. Dana will call you.",
            ),
            said(
                Speaker::Agent,
                5_000,
                "Sure! Ron will call you back, at four.",
            ),
            said(Speaker::Agent, 9_000, "נחזור אליך מחר."),
        ]
    }

    fn found(extra: &Value) -> Findings {
        let mut value =
            json!({ "summary": " Brakes. ", "intent": "repair", "name": "", "next_step": "\u{0}" });
        let fields = value.as_object_mut().unwrap();
        fields.extend(extra.as_object().unwrap().clone());
        read(value, &lines(), &Zone::default()).unwrap()
    }

    #[test]
    fn an_answer_is_cleaned_and_empty_fields_change_nothing() {
        let findings = found(&json!({}));
        assert_eq!(findings.draft.summary.as_deref(), Some("Brakes."));
        assert_eq!(
            (findings.draft.name, findings.draft.next_step),
            (None, None)
        );
        assert!(!findings.urgent && findings.promises.is_empty() && findings.tasks.is_empty());
    }

    #[test]
    fn an_answer_of_another_shape_is_refused_without_repeating_it() {
        for value in [
            json!("text"),
            json!({}),
            json!({ "summary": "s", "intent": 3, "name": "Dana", "next_step": "" }),
            json!({ "summary": "s", "intent": "i", "name": "Dana", "next_step": "", "tenant": "x" }),
        ] {
            let error = read(value, &[], &Zone::default()).unwrap_err().to_string();
            assert!(!error.contains("Dana"), "{error}");
        }
    }

    #[test]
    fn a_promise_has_the_second_in_which_the_agent_said_it() {
        let promise = |said: &str| json!({ "what": "call back", "who": "Ron", "by": "2026-11-24T16:00", "said": said });
        let findings = found(&json!({ "promises": [
            promise("ron will call you back at four"),
            promise("נחזור אליך"),
            promise("ron will call you back at four"),
        ]}));
        let times: Vec<u64> = findings.promises.iter().map(|p| p.said_at.0).collect();
        assert_eq!(times, [5_000, 9_000], "each once");
        assert_eq!(
            findings.promises[0].due_at,
            Some(UnixMillis(1_795_528_800_000))
        );
        let invented = found(&json!({ "promises": [
            promise("we will pay you a million"),
            promise("Dana will call you"),
            promise("Ron"),
            promise(""),
        ]}));
        assert_eq!(invented.promises, [], "nobody of ours said that");
    }

    #[test]
    fn what_is_misshapen_is_dropped_and_the_rest_counts() {
        let findings = found(&json!({
            "urgent": "yes",
            "promises": { "what": "x" },
            "tasks": [
                3,
                { "title": "  " },
                { "title": "Call\nback", "by": "at four", "extra": 1 },
                { "title": "x".repeat(500), "by": null },
                { "title": "Send the offer" },
            ],
        }));
        assert!(!findings.urgent);
        assert!(findings.promises.is_empty());
        let titles: Vec<&str> = findings.tasks.iter().map(|t| t.title.as_str()).collect();
        assert_eq!(titles, ["Call back", "Send the offer"]);
        assert_eq!(findings.tasks[0].due_at, None);
        let many = found(&json!({ "tasks": vec![json!({ "title": "x".repeat(500) }); 50] }));
        assert_eq!(many.tasks.len(), 1);
        assert_eq!(many.tasks[0].title.len(), MAX_CHARS);
    }

    #[test]
    fn the_schema_is_strict_at_every_level() {
        fn check(schema: &Value) {
            if let Some(properties) = schema["properties"].as_object() {
                assert_eq!(schema["additionalProperties"], false);
                assert_eq!(
                    schema["required"].as_array().unwrap().len(),
                    properties.len()
                );
                properties.values().for_each(check);
            }
            if schema["type"] == "array" {
                check(&schema["items"]);
            }
        }
        check(&schema());
        assert_eq!(schema()["properties"].as_object().unwrap().len(), 7);
    }

    proptest! {
        #[test]
        fn any_words_are_looked_for_without_panic(words in ".{0,40}") {
            let _ = said_at(&words, &lines());
            let _ = line(&words);
        }
    }
}
