//! One response: from `response.created` over audio and transcript to `response.done` with its usage.

use serde_json::{Value, json};

use super::answers::Plan;
use super::events::{Ids, audio_delta, event};
use super::{Pace, speech};

/// Speech in one delta: 200 ms.
const DELTA_BYTES: usize = 1_600;

/// Tokens of the conversation, by kind.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tokens {
    pub(super) text: u64,
    pub(super) audio: u64,
}

impl Tokens {
    /// Written words: about four characters each.
    pub(super) fn of_text(text: &str) -> u64 {
        (text.chars().count() as u64).div_ceil(4)
    }

    /// The caller's voice: one token per 100 ms.
    pub(super) const fn of_caller(ms: u64) -> u64 {
        ms.div_ceil(100)
    }

    /// The model's own voice: one token per 50 ms.
    pub(super) const fn of_agent(ms: u64) -> u64 {
        ms.div_ceil(50)
    }
}

/// How a response ends before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cut {
    TurnDetected,
    ClientCancelled,
}

/// A response being spoken.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) id: String,
    pub(super) item: String,
    plan: Plan,
    audio: Vec<u8>,
    sent: usize,
    text_sent: usize,
    next_at: u64,
    pace: Pace,
    context: Tokens,
    cached: Tokens,
}

/// Calls a finished response waits for: the id of the call and the tool's name.
pub(super) type OpenCalls = Vec<(String, String)>;

impl Reply {
    /// Begins a response: what is sent at once, and the response.
    pub(super) fn begin(
        ids: &mut Ids,
        plan: Plan,
        pace: Pace,
        now: u64,
        (context, cached): (Tokens, Tokens),
        previous_item: Option<&str>,
        out: &mut Vec<String>,
    ) -> Self {
        let (id, item) = (ids.mint("resp"), ids.mint("item"));
        let response = json!({
            "id": id, "object": "realtime.response", "status": "in_progress", "status_details": null,
            "output": [], "output_modalities": ["audio"], "usage": null, "metadata": null,
        });
        out.push(event(
            ids,
            "response.created",
            json!({ "response": response }),
        ));
        let limits = json!([
            {"name": "requests", "limit": 5_000, "remaining": 4_999, "reset_seconds": 0.012},
            {"name": "tokens", "limit": 400_000, "remaining": 399_000, "reset_seconds": 0.15},
        ]);
        out.push(event(
            ids,
            "rate_limits.updated",
            json!({ "rate_limits": limits }),
        ));
        let body = message(&item, "in_progress", &[]);
        out.push(event(
            ids,
            "response.output_item.added",
            json!({
                "response_id": id, "output_index": 0, "item": body,
            }),
        ));
        out.push(event(
            ids,
            "conversation.item.added",
            json!({
                "previous_item_id": previous_item, "item": body,
            }),
        ));
        out.push(event(
            ids,
            "response.content_part.added",
            json!({
                "response_id": id, "item_id": item, "output_index": 0, "content_index": 0,
                "part": {"type": "audio", "transcript": ""},
            }),
        ));
        let audio = speech::say(&plan.text);
        Self {
            id,
            item,
            plan,
            audio,
            sent: 0,
            text_sent: 0,
            next_at: now,
            pace,
            context,
            cached,
        }
    }

    /// When the next piece is due.
    pub(super) const fn next_at(&self) -> u64 {
        self.next_at
    }

    /// Milliseconds of speech sent.
    pub(super) const fn sent_ms(&self) -> u64 {
        (self.sent / 8) as u64
    }

    /// Sends what is due; true when everything was said.
    pub(super) fn advance(&mut self, ids: &mut Ids, now: u64, out: &mut Vec<String>) -> bool {
        while self.sent < self.audio.len() && self.next_at <= now {
            let piece = &self.audio[self.sent..(self.sent + DELTA_BYTES).min(self.audio.len())];
            out.push(audio_delta(ids, &self.id, &self.item, piece));
            self.sent += piece.len();
            let piece_ms = (piece.len() / 8) as u64;
            self.text_delta(ids, out);
            if let Pace::Times(times) = self.pace {
                self.next_at += piece_ms / u64::from(times.max(1));
            }
        }
        self.sent == self.audio.len() && self.next_at <= now
    }

    /// The words that belong to the audio sent so far, cut at a character.
    fn text_delta(&mut self, ids: &mut Ids, out: &mut Vec<String>) {
        let share = self.plan.text.len() * self.sent / self.audio.len().max(1);
        let end = (share..=self.plan.text.len())
            .find(|at| self.plan.text.is_char_boundary(*at))
            .unwrap_or(self.plan.text.len());
        if end > self.text_sent {
            out.push(event(ids, "response.output_audio_transcript.delta", json!({
                "response_id": self.id, "item_id": self.item, "output_index": 0, "content_index": 0,
                "delta": &self.plan.text[self.text_sent..end],
            })));
            self.text_sent = end;
        }
    }

    /// Ends the response, said in full or cut.
    pub(super) fn finish(
        self,
        ids: &mut Ids,
        cut: Option<Cut>,
        out: &mut Vec<String>,
    ) -> OpenCalls {
        let text = &self.plan.text[..self.text_sent];
        let place = |mut fields: Value| {
            fields["response_id"] = self.id.clone().into();
            fields["item_id"] = self.item.clone().into();
            fields["output_index"] = 0.into();
            fields["content_index"] = 0.into();
            fields
        };
        let part = json!({"type": "output_audio", "transcript": text});
        let status = if cut.is_some() {
            "incomplete"
        } else {
            "completed"
        };
        let body = message(&self.item, status, &[part]);
        out.push(event(ids, "response.output_audio.done", place(json!({}))));
        out.push(event(
            ids,
            "response.output_audio_transcript.done",
            place(json!({"transcript": text})),
        ));
        let audio_part = json!({"type": "audio", "transcript": text});
        out.push(event(
            ids,
            "response.content_part.done",
            place(json!({"part": audio_part})),
        ));
        out.push(event(ids, "conversation.item.done", json!({"item": body})));
        out.push(event(
            ids,
            "response.output_item.done",
            json!({
                "response_id": self.id, "output_index": 0, "item": body,
            }),
        ));
        let mut output = vec![body];
        let mut calls = Vec::new();
        if cut.is_none() {
            for (index, call) in self.plan.calls.iter().enumerate() {
                let call_id = ids.mint("call");
                output.push(function_call(ids, &self.id, index + 1, &call_id, call, out));
                calls.push((call_id, call.name.clone()));
            }
        }
        out.push(event(
            ids,
            "response.done",
            json!({ "response": self.response(cut, &output) }),
        ));
        calls
    }

    fn response(&self, cut: Option<Cut>, output: &[Value]) -> Value {
        let reason = cut.map(|cut| match cut {
            Cut::TurnDetected => "turn_detected",
            Cut::ClientCancelled => "client_cancelled",
        });
        let details = reason.map(|reason| json!({"type": "cancelled", "reason": reason}));
        json!({
            "id": self.id,
            "object": "realtime.response",
            "status": if cut.is_some() { "cancelled" } else { "completed" },
            "status_details": details,
            "output": output,
            "output_modalities": ["audio"],
            "metadata": null,
            "usage": self.usage(),
        })
    }

    fn usage(&self) -> Value {
        let out_audio = Tokens::of_agent(self.sent_ms());
        let out_text = Tokens::of_text(&self.plan.text[..self.text_sent]);
        let (input, cached) = (
            self.context.text + self.context.audio,
            self.cached.text + self.cached.audio,
        );
        json!({
            "total_tokens": input + out_audio + out_text,
            "input_tokens": input,
            "output_tokens": out_audio + out_text,
            "input_token_details": {
                "text_tokens": self.context.text,
                "audio_tokens": self.context.audio,
                "image_tokens": 0,
                "cached_tokens": cached,
                "cached_tokens_details": {
                    "text_tokens": self.cached.text, "audio_tokens": self.cached.audio, "image_tokens": 0,
                },
            },
            "output_token_details": {"text_tokens": out_text, "audio_tokens": out_audio},
        })
    }
}

/// A response that fails at once, as under a rate limit.
pub(super) fn fail(ids: &mut Ids, out: &mut Vec<String>) {
    let id = ids.mint("resp");
    let response = |status: &str, details: Value| {
        json!({
            "id": id, "object": "realtime.response", "status": status, "status_details": details,
            "output": [], "usage": null,
        })
    };
    out.push(event(
        ids,
        "response.created",
        json!({"response": response("in_progress", Value::Null)}),
    ));
    let details = json!({
        "type": "failed",
        "error": {
            "type": "rate_limit_error",
            "code": "inference_rate_limit_exceeded",
            "message": "Rate limit reached for the fake model. Please try again in 2 s.",
        },
    });
    out.push(event(
        ids,
        "response.done",
        json!({"response": response("failed", details)}),
    ));
}

fn function_call(
    ids: &mut Ids,
    response: &str,
    index: usize,
    call_id: &str,
    call: &super::answers::Call,
    out: &mut Vec<String>,
) -> Value {
    let item_id = ids.mint("item");
    let item = |status: &str, arguments: &str| {
        json!({
            "id": item_id, "object": "realtime.item", "type": "function_call", "status": status,
            "call_id": call_id, "name": call.name, "arguments": arguments,
        })
    };
    let at = json!({"response_id": response, "output_index": index});
    let with = |name: &str, value: Value| {
        let mut fields = at.clone();
        fields[name] = value;
        fields
    };
    out.push(event(
        ids,
        "response.output_item.added",
        with("item", item("in_progress", "")),
    ));
    let mut arguments = with("delta", call.arguments.clone().into());
    arguments["item_id"] = item_id.clone().into();
    arguments["call_id"] = call_id.into();
    out.push(event(
        ids,
        "response.function_call_arguments.delta",
        arguments.clone(),
    ));
    arguments["name"] = call.name.clone().into();
    arguments["arguments"] = arguments["delta"].take();
    out.push(event(
        ids,
        "response.function_call_arguments.done",
        arguments,
    ));
    let done = item("completed", &call.arguments);
    out.push(event(ids, "conversation.item.added", json!({"item": done})));
    out.push(event(
        ids,
        "response.output_item.done",
        with("item", done.clone()),
    ));
    done
}

fn message(id: &str, status: &str, content: &[Value]) -> Value {
    json!({
        "id": id, "object": "realtime.item", "type": "message", "role": "assistant",
        "status": status, "content": content,
    })
}
