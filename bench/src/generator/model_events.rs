//! The texts the model sends, in both dialects.

use std::fmt::Write as _;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

/// Appends base64 to an event that is built by hand because it is sent several times a second.
fn audio_event(out: &mut String, head: std::fmt::Arguments<'_>, audio: &[u8], tail: &str) {
    out.clear();
    let written = out.write_fmt(head);
    debug_assert!(written.is_ok(), "writing to a String cannot fail");
    STANDARD.encode_string(audio, out);
    out.push_str(tail);
}

/// A Twilio media message, for the relay to pass on.
pub(super) fn carrier_media(out: &mut String, stream_sid: &str, audio: &[u8]) {
    audio_event(
        out,
        format_args!(r#"{{"event":"media","streamSid":"{stream_sid}","media":{{"payload":""#),
        audio,
        r#""}}"#,
    );
}

/// A Twilio clear message, for the relay to pass on.
pub(super) fn carrier_clear(stream_sid: &str) -> String {
    format!(r#"{{"event":"clear","streamSid":"{stream_sid}"}}"#)
}

/// Names of one reply on the wire.
#[derive(Debug, Clone, Default)]
pub(super) struct ReplyIds {
    /// `resp_...`
    pub(super) response: String,
    /// `item_...`
    pub(super) item: String,
}

impl ReplyIds {
    pub(super) fn new(connection: u32, reply: u32) -> Self {
        Self {
            response: format!("resp_{connection:08x}{reply:08x}"),
            item: format!("item_{connection:08x}{reply:08x}"),
        }
    }
}

/// `response.output_audio.delta`.
pub(super) fn audio_delta(out: &mut String, event: u64, ids: &ReplyIds, audio: &[u8]) {
    audio_event(
        out,
        format_args!(
            r#"{{"type":"response.output_audio.delta","event_id":"event_{event:x}","response_id":"{}","item_id":"{}","output_index":0,"content_index":0,"delta":""#,
            ids.response, ids.item
        ),
        audio,
        r#""}"#,
    );
}

/// `response.output_audio_transcript.delta`.
pub(super) fn transcript_delta(ids: &ReplyIds, text: &str) -> Value {
    json!({
        "type": "response.output_audio_transcript.delta", "response_id": ids.response,
        "item_id": ids.item, "output_index": 0, "content_index": 0, "delta": text,
    })
}

/// `session.created` or `session.updated`, echoing what the client asked for.
pub(super) fn session(kind: &str, connection: u32, asked: &Value) -> Value {
    let mut session = json!({
        "type": "realtime", "object": "realtime.session", "id": format!("sess_{connection:08x}"),
        "model": "gpt-realtime-2.1", "output_modalities": ["audio"], "expires_at": 4_000_000_000_u64,
    });
    if let (Some(session), Some(asked)) = (session.as_object_mut(), asked.as_object()) {
        session.extend(asked.clone());
    }
    json!({ "type": kind, "session": session })
}

/// The events that open a reply.
pub(super) fn reply_begins(ids: &ReplyIds) -> [Value; 4] {
    let item = json!({
        "id": ids.item, "object": "realtime.item", "type": "message", "status": "in_progress",
        "role": "assistant", "content": [],
    });
    [
        json!({ "type": "response.created", "response": response(ids, "in_progress", false) }),
        json!({
            "type": "response.output_item.added", "response_id": ids.response, "output_index": 0,
            "item": item,
        }),
        json!({ "type": "conversation.item.added", "previous_item_id": null, "item": item }),
        json!({
            "type": "response.content_part.added", "response_id": ids.response, "item_id": ids.item,
            "output_index": 0, "content_index": 0, "part": { "type": "audio", "transcript": "" },
        }),
    ]
}

/// The events that close a reply, whole or cut.
pub(super) fn reply_ends(ids: &ReplyIds, transcript: &str, cancelled: bool) -> [Value; 5] {
    let status = if cancelled { "incomplete" } else { "completed" };
    let item = json!({
        "id": ids.item, "object": "realtime.item", "type": "message", "status": status,
        "role": "assistant", "content": [{ "type": "output_audio", "transcript": transcript }],
    });
    let place = json!({ "response_id": ids.response, "item_id": ids.item, "output_index": 0, "content_index": 0 });
    let placed = |kind: &str, extra: Value| {
        let mut event = place.clone();
        if let (Some(event), Some(extra)) = (event.as_object_mut(), extra.as_object()) {
            event.insert("type".into(), kind.into());
            event.extend(extra.clone());
        }
        event
    };
    let status = if cancelled { "cancelled" } else { "completed" };
    [
        placed("response.output_audio.done", json!({})),
        placed(
            "response.output_audio_transcript.done",
            json!({ "transcript": transcript }),
        ),
        json!({
            "type": "response.output_item.done", "response_id": ids.response, "output_index": 0,
            "item": item,
        }),
        json!({ "type": "conversation.item.done", "previous_item_id": null, "item": item }),
        json!({ "type": "response.done", "response": response(ids, status, true) }),
    ]
}

fn response(ids: &ReplyIds, status: &str, usage: bool) -> Value {
    let details = match status {
        "cancelled" => json!({ "type": "cancelled", "reason": "turn_detected" }),
        _ => Value::Null,
    };
    let usage = if usage {
        json!({
            "total_tokens": 900, "input_tokens": 800, "output_tokens": 100,
            "input_token_details": {
                "text_tokens": 500, "audio_tokens": 300, "image_tokens": 0, "cached_tokens": 640,
                "cached_tokens_details": { "text_tokens": 448, "audio_tokens": 192, "image_tokens": 0 },
            },
            "output_token_details": { "text_tokens": 20, "audio_tokens": 80 },
        })
    } else {
        Value::Null
    };
    json!({
        "object": "realtime.response", "id": ids.response, "status": status,
        "status_details": details, "output": [], "conversation_id": "conv_1",
        "output_modalities": ["audio"], "max_output_tokens": "inf", "usage": usage,
    })
}

/// `input_audio_buffer.speech_started`.
pub(super) fn caller_speaks(item: &str, at_ms: u64) -> Value {
    json!({ "type": "input_audio_buffer.speech_started", "audio_start_ms": at_ms, "item_id": item })
}

/// The events that follow the end of the caller's speech, with its transcript.
pub(super) fn caller_stops(item: &str, at_ms: u64, transcript: &str) -> [Value; 4] {
    [
        json!({ "type": "input_audio_buffer.speech_stopped", "audio_end_ms": at_ms, "item_id": item }),
        json!({ "type": "input_audio_buffer.committed", "previous_item_id": null, "item_id": item }),
        json!({
            "type": "conversation.item.added", "previous_item_id": null,
            "item": {
                "id": item, "object": "realtime.item", "type": "message", "status": "completed",
                "role": "user", "content": [{ "type": "input_audio", "transcript": null }],
            },
        }),
        json!({
            "type": "conversation.item.input_audio_transcription.completed", "item_id": item,
            "content_index": 0, "transcript": transcript,
            "usage": { "type": "duration", "seconds": 2.6 },
        }),
    ]
}

/// `error`.
pub(super) fn error(code: &str, message: &str, about: Option<&str>) -> Value {
    json!({ "type": "error", "error": {
        "type": "invalid_request_error", "code": code, "message": message, "param": null,
        "event_id": about,
    }})
}

/// `conversation.item.truncated`.
pub(super) fn truncated(item: &str, audio_end_ms: u64) -> Value {
    json!({
        "type": "conversation.item.truncated", "item_id": item, "content_index": 0,
        "audio_end_ms": audio_end_ms,
    })
}
