//! The caller's side of a session: audio becomes turns, turns become items and are answered.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{Due, Session};
use crate::testkit::model::reply::Cut;
use crate::testkit::model::setup::ApiError;
use crate::testkit::model::stats::Stats;
use crate::testkit::model::vad::Turn;

/// How long after the end of a turn its text is known; the API's comes after the reply has begun.
const TRANSCRIPTION_MS: u64 = 400;
/// The shortest buffer the API commits.
const SHORTEST_COMMIT_MS: u64 = 100;

impl Session {
    pub(super) fn append(
        &mut self,
        event: &Value,
        now: u64,
        stats: &mut Stats,
    ) -> Result<(), ApiError> {
        let Some(Ok(mulaw)) = event["audio"].as_str().map(|text| STANDARD.decode(text)) else {
            return Err(ApiError::about(
                "audio",
                "invalid_value",
                "Expected base64-encoded audio.",
            ));
        };
        if !self.configured {
            stats.audio_before_setup += 1;
        }
        if let Some(session) = stats.session_mut(self.index) {
            session.audio_bytes += mulaw.len() as u64;
            if self.config.keep_audio {
                session.keep_audio(&mulaw);
            }
        }
        if self.setting("/audio/input/turn_detection").is_null() {
            return Ok(());
        }
        let mut turns = Vec::new();
        self.vad.push(&mulaw, &mut turns);
        for turn in turns {
            match turn {
                Turn::Started { at_ms } => self.speech_started(at_ms, stats),
                Turn::Stopped { at_ms, speech_ms } => {
                    let item = self.speech_item.clone();
                    self.send(
                        "input_audio_buffer.speech_stopped",
                        json!({
                            "audio_end_ms": at_ms, "item_id": item,
                        }),
                    );
                    self.commit_turn(speech_ms, now, stats);
                }
            }
        }
        self.check_idle(now);
        Ok(())
    }

    fn speech_started(&mut self, at_ms: u64, stats: &mut Stats) {
        self.speech_item = self.ids.mint("item");
        let item = self.speech_item.clone();
        self.send(
            "input_audio_buffer.speech_started",
            json!({"audio_start_ms": at_ms, "item_id": item}),
        );
        self.due
            .retain(|(_, due)| !matches!(due, Due::Answer { .. }));
        if self.active.is_some() && self.vad_setting("interrupt_response") == true {
            self.end_reply(Some(Cut::TurnDetected), stats);
        }
    }

    /// The caller's turn becomes an item; the answer and its text follow.
    fn commit_turn(&mut self, speech_ms: u64, now: u64, stats: &mut Stats) {
        if self.turns == 0 {
            self.texts_before = self.conversation.written_by_caller();
        }
        let known = self
            .config
            .caller_texts
            .get(self.texts_before + self.turns as usize)
            .cloned();
        let text = known.unwrap_or_else(|| {
            format!("[speech {}.{} s]", speech_ms / 1000, speech_ms % 1000 / 100)
        });
        self.turns += 1;
        if let Some(session) = stats.session_mut(self.index) {
            session.caller_turns = self.turns;
        }
        let item = std::mem::take(&mut self.speech_item);
        let previous = self.conversation.last_id().map(str::to_owned);
        self.send(
            "input_audio_buffer.committed",
            json!({"item_id": item, "previous_item_id": previous}),
        );
        let body = json!({
            "id": item, "object": "realtime.item", "type": "message", "role": "user",
            "status": "completed", "content": [{"type": "input_audio", "transcript": null}],
        });
        for kind in ["conversation.item.added", "conversation.item.done"] {
            self.send(kind, json!({"previous_item_id": previous, "item": body}));
        }
        self.conversation.caller_spoke(&item, speech_ms, &text);
        self.idle_since_ms = self.vad.heard_ms();
        if !self.setting("/audio/input/transcription").is_null() {
            self.due.insert((
                now + TRANSCRIPTION_MS,
                Due::Transcript {
                    item,
                    text,
                    speech_ms,
                },
            ));
        }
        if self.vad_setting("create_response") == true && self.active.is_none() {
            self.answer_soon(now, false);
        }
    }

    fn answer_soon(&mut self, now: u64, idle: bool) {
        let think = self.config.think.as_millis() as u64 + self.behaviour.extra_think_ms;
        self.due.insert((now + think, Due::Answer { idle }));
    }

    pub(super) fn transcribed(&mut self, item: &str, text: &str, speech_ms: u64) {
        self.send(
            "conversation.item.input_audio_transcription.completed",
            json!({
                "item_id": item, "content_index": 0, "transcript": text,
                "usage": {"type": "duration", "seconds": speech_ms as f64 / 1000.0},
            }),
        );
    }

    /// The idle timeout runs in audio time from the end of the last reply's playback.
    fn check_idle(&mut self, now: u64) {
        let Some(timeout) = self.vad_setting("idle_timeout_ms").as_u64() else {
            return;
        };
        let busy = self.active.is_some() || self.vad.speaking() || !self.due.is_empty();
        let heard = self.vad.heard_ms();
        if busy || !self.has_spoken || heard < self.idle_since_ms + timeout {
            return;
        }
        let item = self.ids.mint("item");
        self.send(
            "input_audio_buffer.timeout_triggered",
            json!({
                "item_id": item, "audio_start_ms": self.idle_since_ms, "audio_end_ms": heard,
            }),
        );
        self.idle_since_ms = heard;
        self.answer_soon(now, true);
    }

    pub(super) fn commit(&mut self, now: u64, stats: &mut Stats) -> Result<(), ApiError> {
        let received = stats
            .session(self.index)
            .map_or(0, |session| session.audio_bytes / 8);
        if received < SHORTEST_COMMIT_MS {
            let message = "Error committing input audio buffer: buffer too small.";
            return Err(ApiError::new("input_audio_buffer_commit_empty", message));
        }
        self.speech_item = self.ids.mint("item");
        self.commit_turn(received, now, stats);
        Ok(())
    }
}
