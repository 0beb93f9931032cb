//! The model's REST side, for the request the subject makes after a call.

use serde_json::{Value, json};

/// The answer to any POST: a chat completion or a response, by the path, whose text is a JSON
/// object with the fields of a call's summary.
pub(super) fn answer(request_line: &str, _body: &[u8]) -> String {
    let text = json!({
        "summary": "The caller booked an appointment for tomorrow at ten.",
        "intent": "appointment", "name": "", "next_step": "Confirm by message.",
    })
    .to_string();
    let answer: Value = if request_line.contains("/responses") {
        json!({
            "id": "resp_1", "object": "response", "created_at": 0, "status": "completed",
            "model": "bench", "output": [{
                "type": "message", "id": "msg_1", "status": "completed", "role": "assistant",
                "content": [{ "type": "output_text", "text": text, "annotations": [] }],
            }],
            "usage": {
                "input_tokens": 100, "input_tokens_details": { "cached_tokens": 0 },
                "output_tokens": 40, "output_tokens_details": { "reasoning_tokens": 0 },
                "total_tokens": 140,
            },
        })
    } else {
        json!({
            "id": "chatcmpl_1", "object": "chat.completion", "created": 0, "model": "bench",
            "choices": [{
                "index": 0, "finish_reason": "stop",
                "message": { "role": "assistant", "content": text },
            }],
            "usage": { "prompt_tokens": 100, "completion_tokens": 40, "total_tokens": 140 },
        })
    };
    answer.to_string()
}
