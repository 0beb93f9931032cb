//! The REST side: structured answers over Chat Completions and Responses, and the list of models.
//!
//! The answer follows the schema of the request and derives from the transcript in it: what the
//! caller said, and nothing else.

use std::sync::Arc;

use axum::Json;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::{Value, json};

use super::answers::{fill_schema, is_hebrew, stated_name};
use super::reply::Tokens;
use super::server::Shared;
use super::{Delay, RestMode, transcriptions};

const MAX_BODY: usize = 1024 * 1024;
/// A summary is the caller's first lines.
const SUMMARY_LINES: usize = 3;

pub(super) fn routes() -> axum::Router<Arc<Shared>> {
    axum::Router::new()
        .route("/v1/chat/completions", post(chat))
        .route("/v1/responses", post(responses))
        .route("/v1/models", get(models))
        .merge(transcriptions::routes())
        .layer(DefaultBodyLimit::max(MAX_BODY))
}

async fn chat(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    Json(request): Json<Value>,
) -> Response {
    if let Some(fault) = fault(&shared, &headers).await {
        return fault;
    }
    let Some(messages) = request["messages"].as_array() else {
        return refusal(
            StatusCode::BAD_REQUEST,
            "missing_required_parameter",
            "Missing 'messages'.",
        );
    };
    let input: String = messages
        .iter()
        .filter(|m| m["role"] == "user")
        .map(|m| text_of(&m["content"]))
        .collect();
    let answer = answer(&request["response_format"]["json_schema"]["schema"], &input);
    let (prompt, completion) = (
        Tokens::of_text(&request.to_string()),
        Tokens::of_text(&answer),
    );
    let body = json!({
        "id": "chatcmpl-fake", "object": "chat.completion", "created": 1_700_000_000,
        "model": request["model"],
        "choices": [{
            "index": 0, "finish_reason": "stop", "logprobs": null,
            "message": {"role": "assistant", "content": answer, "refusal": null, "annotations": []},
        }],
        "usage": {
            "prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion,
            "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
        },
    });
    Json(body).into_response()
}

async fn responses(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    Json(request): Json<Value>,
) -> Response {
    if let Some(fault) = fault(&shared, &headers).await {
        return fault;
    }
    let input = match &request["input"] {
        Value::String(text) => text.clone(),
        Value::Array(items) => items
            .iter()
            .filter(|item| item["role"] == "user")
            .map(|item| text_of(&item["content"]))
            .collect(),
        _ => {
            return refusal(
                StatusCode::BAD_REQUEST,
                "missing_required_parameter",
                "Missing 'input'.",
            );
        }
    };
    let answer = answer(&request["text"]["format"]["schema"], &input);
    let (read, written) = (
        Tokens::of_text(&request.to_string()),
        Tokens::of_text(&answer),
    );
    let body = json!({
        "id": "resp_fake", "object": "response", "created_at": 1_700_000_000, "status": "completed",
        "model": request["model"], "error": null, "incomplete_details": null,
        "output": [{
            "type": "message", "id": "msg_fake", "role": "assistant", "status": "completed",
            "content": [{"type": "output_text", "text": answer, "annotations": []}],
        }],
        "usage": {
            "input_tokens": read, "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": written, "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": read + written,
        },
    });
    Json(body).into_response()
}

async fn models() -> Response {
    let model = |id: &str, shutdown: Value| json!({"id": id, "object": "model", "created": 1_700_000_000, "owned_by": "fake", "shutdown_date": shutdown});
    let data = [
        model("gpt-realtime-2.1", Value::Null),
        model("gpt-realtime-2.1-mini", Value::Null),
        model("gpt-realtime", "2027-01-20".into()),
    ];
    Json(json!({"object": "list", "data": data})).into_response()
}

/// What the standing mode does instead of answering.
pub(super) async fn fault(shared: &Shared, headers: &HeaderMap) -> Option<Response> {
    shared.stats.send_modify(|stats| {
        stats.rest_requests += 1;
        stats.rest_key = super::server::bearer(headers);
    });
    match shared.rest_mode() {
        RestMode::Normal => None,
        RestMode::Slow(delay) => {
            shared.wait(Delay::For(delay)).await;
            None
        }
        RestMode::Hang => {
            shared.wait(Delay::Forever).await;
            Some(StatusCode::SERVICE_UNAVAILABLE.into_response())
        }
        RestMode::Garbage => Some("{\"choices\": [{\"finish_reason\": 7".into_response()),
        RestMode::Refuse(status) => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            Some(refusal(
                status,
                super::server::code_of(status),
                "The fake model was told to refuse this.",
            ))
        }
    }
}

/// An error body as the API writes it.
pub(super) fn refusal(status: StatusCode, code: &str, message: &str) -> Response {
    let error =
        json!({"message": message, "type": "invalid_request_error", "param": null, "code": code});
    (status, Json(json!({"error": error}))).into_response()
}

fn text_of(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts
            .iter()
            .filter_map(|part| part["text"].as_str())
            .collect(),
        _ => String::new(),
    }
}

/// An object of the schema, from what the caller said.
fn answer(schema: &Value, input: &str) -> String {
    let lines = caller_lines(input);
    let next = if lines.iter().any(|line| is_hebrew(line)) {
        "לחזור ללקוח"
    } else {
        "Call back"
    };
    let filled = fill_schema(schema, &|property| match property {
        "summary" => Some(lines[..lines.len().min(SUMMARY_LINES)].join(" ").into()),
        "intent" => Some((*lines.first().unwrap_or(&"")).into()),
        "name" => lines
            .iter()
            .find_map(|line| stated_name(line))
            .map(Value::from),
        "next_step" => Some(next.into()),
        "tasks" => Some(requests(&lines)),
        "reply" => Some(reply(input).into()),
        _ => None,
    });
    filled.to_string()
}

/// What is answered in a chat: the customer's last line, given back.
fn reply(input: &str) -> String {
    let said = input
        .lines()
        .rev()
        .find_map(|line| line.strip_prefix("customer:"));
    let said = said.map_or("", str::trim);
    if is_hebrew(said) {
        format!("קראתי: {said}")
    } else {
        format!("I read: {said}")
    }
}

/// What a caller says who wants something done later.
const LATER: [&str; 6] = [
    "call me back",
    "call back",
    "tomorrow",
    "מחר",
    "תחזרו",
    "לחזור אליי",
];

/// The caller's own lines that ask for something later, as tasks without a date: none is made up.
fn requests(lines: &[&str]) -> Value {
    let asks = |line: &&&str| {
        let line = line.to_lowercase();
        LATER.iter().any(|phrase| line.contains(phrase))
    };
    let task = |line: &&str| json!({ "title": line, "by": "" });
    lines
        .iter()
        .filter(asks)
        .take(SUMMARY_LINES)
        .map(task)
        .collect()
}

/// The lines of a transcript that the caller said; all lines when none says who spoke.
fn caller_lines(input: &str) -> Vec<&str> {
    let said: Vec<&str> = input
        .lines()
        .filter_map(|line| line.split_once("caller:").map(|(_, said)| said.trim()))
        .filter(|line| !line.is_empty())
        .collect();
    if said.is_empty() {
        return input
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty())
            .collect();
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chat_is_answered_by_its_last_line() {
        let schema = json!({
            "required": ["reply", "calls"],
            "properties": { "reply": {"type": "string"}, "calls": {"type": "array"} },
        });
        let input = "customer: Hello\nyou: Hello.\ncustomer: Are you open?\n";
        let answered = serde_json::from_str::<Value>(&answer(&schema, input)).unwrap();
        let expected = json!({ "reply": "I read: Are you open?", "calls": [] });
        assert_eq!(answered, expected);
    }

    #[test]
    fn answers_hold_what_the_caller_said_and_nothing_else() {
        let schema = json!({
            "required": ["summary", "intent", "name", "next_step", "tasks"],
            "properties": {
                "tasks": {"type": "array"},
                "summary": {"type": "string"}, "intent": {"type": "string"},
                "name": {"type": ["string", "null"]}, "next_step": {"type": "string"},
            },
        });
        let answered = |input| serde_json::from_str::<Value>(&answer(&schema, input)).unwrap();
        let input = "agent: Hello.\ncaller: I need a plumber.\nagent: Sure.\ncaller: My name is Dana Cohen.\n";
        assert_eq!(
            answered(input),
            json!({"summary": "I need a plumber. My name is Dana Cohen.", "intent": "I need a plumber.", "name": "Dana Cohen", "next_step": "Call back", "tasks": []})
        );
        assert_eq!(
            answered("caller: שלום"),
            json!({"summary": "שלום", "intent": "שלום", "name": null, "next_step": "לחזור ללקוח", "tasks": []})
        );
        let input = "agent: We will call you back.\ncaller: Tomorrow morning would be good.\ncaller: Bye.\n";
        assert_eq!(
            answered(input)["tasks"],
            json!([{"title": "Tomorrow morning would be good.", "by": ""}])
        );
    }
}
