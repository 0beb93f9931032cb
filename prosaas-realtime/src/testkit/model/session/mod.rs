//! One session: the API's rules as a state machine without a socket or a clock.

mod hearing;

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::FakeModelConfig;
use super::answers::{self, Last, Prompt, is_hebrew};
use super::conversation::Conversation;
use super::events::{self, Ids, event};
use super::reply::{self, Cut, Reply, Tokens};
use super::setup::{self, ApiError};
use super::stats::Stats;
use super::vad::Vad;

/// Something that happens later.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    /// The model starts to answer by itself.
    Answer { idle: bool },
    /// A transcription is finished.
    Transcript {
        item: String,
        text: String,
        speech_ms: u64,
    },
}

/// What the fake model is asked to do differently in this session.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Behaviour {
    /// Every response fails as under a rate limit.
    pub(super) rate_limited: bool,
    /// Added before each response.
    pub(super) extra_think_ms: u64,
    /// When the session ends, in Unix seconds.
    pub(super) expires_at: Option<i64>,
}

/// What the API says when a session's life is over.
pub(super) const EXPIRED: &str = "Your session hit the maximum duration of 60 minutes.";

/// A session of the fake model.
#[derive(Debug)]
pub(super) struct Session {
    index: u64,
    config: FakeModelConfig,
    behaviour: Behaviour,
    ids: Ids,
    settings: Value,
    configured: bool,
    vad: Vad,
    conversation: Conversation,
    turns: u32,
    /// Texts used up by turns before this session, as its replayed history shows.
    texts_before: usize,
    saved: bool,
    has_spoken: bool,
    speech_item: String,
    idle_since_ms: u64,
    active: Option<Reply>,
    last_context: Tokens,
    due: BTreeSet<(u64, Due)>,
    out: Vec<String>,
}

impl Session {
    pub(super) fn new(
        index: u64,
        model: &str,
        config: FakeModelConfig,
        behaviour: Behaviour,
    ) -> Self {
        let mut session = Self {
            index,
            config,
            behaviour,
            ids: Ids::new(index),
            settings: setup::initial(model),
            configured: false,
            vad: Vad::new(0.5, 500, 300),
            conversation: Conversation::default(),
            turns: 0,
            texts_before: 0,
            saved: false,
            has_spoken: false,
            speech_item: String::new(),
            idle_since_ms: 0,
            active: None,
            last_context: Tokens::default(),
            due: BTreeSet::new(),
            out: Vec::new(),
        };
        if let Some(at) = behaviour.expires_at {
            session.settings["expires_at"] = at.into();
        }
        session.send_session("session.created");
        session
    }

    /// What is to be sent now.
    pub(super) fn take_output(&mut self) -> Vec<String> {
        std::mem::take(&mut self.out)
    }

    /// When [`Self::tick`] has something to do.
    pub(super) fn next_deadline(&self) -> Option<u64> {
        let due = self.due.first().map(|(at, _)| *at);
        let reply = self.active.as_ref().map(Reply::next_at);
        due.into_iter().chain(reply).min()
    }

    /// Does what is due.
    pub(super) fn tick(&mut self, now: u64, stats: &mut Stats) {
        while self.due.first().is_some_and(|(at, _)| *at <= now) {
            match self.due.pop_first() {
                Some((_, Due::Answer { idle })) => self.respond(now, None, idle, stats),
                Some((
                    _,
                    Due::Transcript {
                        item,
                        text,
                        speech_ms,
                    },
                )) => {
                    self.transcribed(&item, &text, speech_ms);
                }
                None => break,
            }
        }
        if let Some(reply) = &mut self.active {
            let before = reply.sent_ms();
            let said_all = reply.advance(&mut self.ids, now, &mut self.out);
            let sent = reply.sent_ms();
            self.has_spoken |= sent > 0;
            self.conversation.agent_said(&reply.item, sent);
            if let Some(session) = stats.session_mut(self.index) {
                session.sent_bytes += (sent - before) * 8;
            }
            if said_all {
                self.end_reply(None, stats);
            }
        }
    }

    /// A text frame of the client.
    pub(super) fn client_event(&mut self, text: &str, now: u64, stats: &mut Stats) {
        let parsed: Option<Value> = serde_json::from_str(text).ok();
        let kind = parsed.as_ref().and_then(|event| event["type"].as_str());
        let (Some(event), Some(kind)) = (&parsed, kind) else {
            stats.unknown_events += 1;
            let error = ApiError::new(
                "invalid_json",
                "The event is not a JSON object with a type.",
            );
            return self.refuse(&error, None, stats);
        };
        let result = match kind {
            "input_audio_buffer.append" => self.append(event, now, stats),
            "session.update" => self.update(event, stats),
            "response.create" => self.create_response(event, now, stats),
            "response.cancel" => self.cancel_response(event, stats),
            "conversation.item.create" => self.create_item(event, stats),
            "conversation.item.truncate" => self.truncate(event, stats),
            "input_audio_buffer.commit" => self.commit(now, stats),
            "input_audio_buffer.clear" => {
                self.vad.reset();
                self.send("input_audio_buffer.cleared", json!({}));
                Ok(())
            }
            "conversation.item.retrieve" | "conversation.item.delete" => Err(ApiError::new(
                "item_not_found",
                "The fake model keeps no items to retrieve or delete.",
            )),
            _ => {
                stats.unknown_events += 1;
                let message = format!("Invalid value: '{kind}' is not a client event.");
                Err(ApiError::about("type", "invalid_value", message))
            }
        };
        if let Err(error) = result {
            self.refuse(&error, event["event_id"].as_str(), stats);
        }
    }

    /// A frame that is no text.
    pub(super) fn binary_frame(&mut self, stats: &mut Stats) {
        stats.unknown_events += 1;
        let error = ApiError::new("invalid_json", "Binary frames are not part of this API.");
        self.refuse(&error, None, stats);
    }

    /// The session's life is over.
    pub(super) fn expire(&mut self, stats: &mut Stats) {
        self.refuse(&ApiError::new("session_expired", EXPIRED), None, stats);
    }

    fn refuse(&mut self, error: &ApiError, client_event: Option<&str>, stats: &mut Stats) {
        stats.error(error.code.unwrap_or("invalid_request_error"));
        let text = events::error(&mut self.ids, error, client_event);
        self.out.push(text);
    }

    fn send(&mut self, kind: &str, fields: Value) {
        let text = event(&mut self.ids, kind, fields);
        self.out.push(text);
    }

    fn send_session(&mut self, kind: &str) {
        let session = self.settings.clone();
        self.send(kind, json!({ "session": session }));
    }

    fn setting(&self, pointer: &str) -> &Value {
        self.settings.pointer(pointer).unwrap_or(&Value::Null)
    }

    fn vad_setting(&self, name: &str) -> &Value {
        &self.setting("/audio/input/turn_detection")[name]
    }

    fn update(&mut self, event: &Value, stats: &mut Stats) -> Result<(), ApiError> {
        setup::apply(&mut self.settings, &event["session"], self.has_spoken)?;
        self.configured = self.setting("/audio/input/format/type") == "audio/pcmu"
            && self.setting("/audio/output/format/type") == "audio/pcmu";
        let number = |name: &str, or| self.vad_setting(name).as_u64().unwrap_or(or);
        let threshold = self.vad_setting("threshold").as_f64().unwrap_or(0.5);
        let settings = Vad::new(
            threshold,
            number("silence_duration_ms", 500),
            number("prefix_padding_ms", 300),
        );
        self.vad.adopt(&settings);
        if let Some(session) = stats.session_mut(self.index) {
            session.setup = Some(event["session"].clone());
        }
        self.send_session("session.updated");
        Ok(())
    }

    fn create_item(&mut self, event: &Value, stats: &mut Stats) -> Result<(), ApiError> {
        let item = &event["item"];
        let id = match item["id"].as_str() {
            Some(id) if id.len() <= 32 => id.to_owned(),
            Some(_) => {
                return Err(ApiError::about(
                    "item.id",
                    "invalid_value",
                    "At most 32 characters.",
                ));
            }
            None => self.ids.mint("item"),
        };
        let previous = self.conversation.last_id().map(str::to_owned);
        let line = self.conversation.create(&id, item)?;
        if item["type"] == "function_call_output" {
            stats.tool_outputs += 1;
        }
        if let Some(session) = stats.session_mut(self.index) {
            session.created_items.push(line);
        }
        let mut body = item.clone();
        body["id"] = id.into();
        for kind in ["conversation.item.added", "conversation.item.done"] {
            self.send(kind, json!({"previous_item_id": previous, "item": body}));
        }
        Ok(())
    }

    fn truncate(&mut self, event: &Value, stats: &mut Stats) -> Result<(), ApiError> {
        let item = event["item_id"].as_str().unwrap_or_default();
        let Some(end) = event["audio_end_ms"].as_i64() else {
            stats.truncations_refused += 1;
            return Err(ApiError::about(
                "audio_end_ms",
                "invalid_type",
                "Expected an integer.",
            ));
        };
        if let Err(error) = self.conversation.truncate(item, end) {
            stats.truncations_refused += 1;
            return Err(error);
        }
        stats.truncations_ok += 1;
        self.send(
            "conversation.item.truncated",
            json!({
                "item_id": item, "content_index": event["content_index"], "audio_end_ms": end,
            }),
        );
        Ok(())
    }

    fn create_response(
        &mut self,
        event: &Value,
        now: u64,
        stats: &mut Stats,
    ) -> Result<(), ApiError> {
        if let Some(active) = &self.active {
            let message = format!(
                "Conversation already has an active response in progress: {}. Wait until the response \
                 is finished before creating a new one.",
                active.id
            );
            return Err(ApiError::new(
                "conversation_already_has_active_response",
                message,
            ));
        }
        let instructions = event["response"]["instructions"].as_str();
        self.respond(now, instructions, false, stats);
        Ok(())
    }

    fn cancel_response(&mut self, event: &Value, stats: &mut Stats) -> Result<(), ApiError> {
        let wanted = event["response_id"].as_str();
        if self
            .active
            .as_ref()
            .is_some_and(|active| wanted.is_none_or(|id| id == active.id))
        {
            self.end_reply(Some(Cut::ClientCancelled), stats);
            return Ok(());
        }
        let message = "Cancellation failed: no active response found";
        Err(ApiError::new("response_cancel_not_active", message))
    }

    fn respond(&mut self, now: u64, instructions: Option<&str>, idle: bool, stats: &mut Stats) {
        if self.active.is_some() {
            return;
        }
        stats.responses_created += 1;
        if self.behaviour.rate_limited {
            return reply::fail(&mut self.ids, &mut self.out);
        }
        let language = self.setting("/audio/input/transcription/language").as_str();
        let own_words = self.setting("/instructions").as_str().unwrap_or_default();
        let plan = answers::plan(&Prompt {
            instructions,
            last: if idle {
                Last::Silence
            } else {
                self.conversation.last()
            },
            turns: self.turns,
            tools: self
                .setting("/tools")
                .as_array()
                .map(Vec::as_slice)
                .unwrap_or_default(),
            saved: self.saved,
            end_call_after: self.config.end_call_after,
            hebrew: language == Some("he") || is_hebrew(own_words),
        });
        let context = self.conversation.tokens(own_words);
        self.saved |= plan.calls.iter().any(|call| call.name == "save_lead");
        // Everything the last response read is cached, as far as it was not cut since.
        let cached = Tokens {
            text: self.last_context.text.min(context.text),
            audio: self.last_context.audio.min(context.audio),
        };
        self.last_context = context;
        let previous = self.conversation.last_id().map(str::to_owned);
        let reply = Reply::begin(
            &mut self.ids,
            plan,
            self.config.pace,
            now,
            (context, cached),
            previous.as_deref(),
            &mut self.out,
        );
        self.conversation.agent_begins(&reply.item);
        self.active = Some(reply);
    }

    fn end_reply(&mut self, cut: Option<Cut>, stats: &mut Stats) {
        let Some(reply) = self.active.take() else {
            return;
        };
        if cut.is_some() {
            stats.responses_cancelled += 1;
        }
        self.idle_since_ms = self.vad.heard_ms() + reply.sent_ms();
        for (call_id, name) in reply.finish(&mut self.ids, cut, &mut self.out) {
            self.conversation.calls_tool(&call_id, &name);
        }
    }
}
