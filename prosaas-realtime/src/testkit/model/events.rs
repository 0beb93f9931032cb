//! Server events as the API writes them, with its ids.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::setup::ApiError;

/// Gives out ids that are unique within a session and look like the vendor's.
#[derive(Debug)]
pub(super) struct Ids {
    session: u64,
    next: u64,
}

impl Ids {
    pub(super) const fn new(session: u64) -> Self {
        Self { session, next: 0 }
    }

    /// A fresh id, such as `item_00002a0000000000000007`.
    pub(super) fn mint(&mut self, prefix: &str) -> String {
        self.next += 1;
        format!(
            "{prefix}_{:06x}{:016x}",
            self.session & 0xFF_FFFF,
            self.next
        )
    }
}

/// An event with its `event_id`.
pub(super) fn event(ids: &mut Ids, kind: &str, mut fields: Value) -> String {
    fields["type"] = kind.into();
    fields["event_id"] = ids.mint("event").into();
    fields.to_string()
}

/// `error`.
pub(super) fn error(ids: &mut Ids, error: &ApiError, client_event: Option<&str>) -> String {
    let body = json!({
        "type": "invalid_request_error",
        "code": error.code,
        "message": error.message,
        "param": error.param,
        "event_id": client_event,
    });
    event(ids, "error", json!({ "error": body }))
}

/// `response.output_audio.delta`, written by hand: it is most of what the model sends.
pub(super) fn audio_delta(ids: &mut Ids, response: &str, item: &str, mulaw: &[u8]) -> String {
    let mut text = String::with_capacity(240 + mulaw.len() * 4 / 3);
    text.push_str(r#"{"type":"response.output_audio.delta","event_id":""#);
    text.push_str(&ids.mint("event"));
    text.push_str(r#"","response_id":""#);
    text.push_str(response);
    text.push_str(r#"","item_id":""#);
    text.push_str(item);
    text.push_str(r#"","output_index":0,"content_index":0,"delta":""#);
    STANDARD.encode_string(mulaw, &mut text);
    text.push_str(r#""}"#);
    text
}
