//! What the fake model saw and did, for assertions.

use std::collections::VecDeque;

use prosaas_core::SecretString;
use serde_json::Value;

/// Sessions whose details are kept; older ones stay counted.
const KEPT_SESSIONS: usize = 256;
/// The most audio kept per session: an hour.
const KEPT_AUDIO: usize = 60 * 60 * 8_000;

/// Everything counted since the model was started.
#[derive(Clone, Debug, Default)]
pub struct Stats {
    /// Websockets accepted.
    pub sessions_opened: u64,
    /// Websockets that are gone.
    pub sessions_closed: u64,
    /// Handshakes refused.
    pub refused: u64,
    /// REST requests, refused ones included.
    pub rest_requests: u64,
    /// The key of the latest REST request.
    pub rest_key: Option<SecretString>,
    /// Sound files heard.
    pub transcriptions: u64,
    /// Responses begun.
    pub responses_created: u64,
    /// Responses cancelled, by the client or because the caller spoke.
    pub responses_cancelled: u64,
    /// Truncations carried out.
    pub truncations_ok: u64,
    /// Truncations refused as beyond the audio sent, negative, or of no such item.
    pub truncations_refused: u64,
    /// Tool outputs received.
    pub tool_outputs: u64,
    /// Client events of a type the API does not have, and frames that were not JSON.
    pub unknown_events: u64,
    /// Audio frames appended before the session was configured, which the API would have misheard.
    pub audio_before_setup: u64,
    /// The codes (or types) of all `error` events sent, with how often.
    pub errors: std::collections::BTreeMap<String, u64>,
    /// The latest sessions, oldest first.
    pub sessions: VecDeque<SessionStats>,
}

/// One websocket session.
#[derive(Clone, Debug, Default)]
pub struct SessionStats {
    /// Counts sessions from 0.
    pub index: u64,
    /// Bytes of caller audio received.
    pub audio_bytes: u64,
    /// The caller audio itself, when the model was told to keep it; at most an hour.
    pub audio: Vec<u8>,
    /// `session.update` as it was last accepted.
    pub setup: Option<Value>,
    /// Messages created by the client, as `role: text`, and tool outputs as `tool: output`.
    pub created_items: Vec<String>,
    /// Turns of the caller.
    pub caller_turns: u32,
    /// Bytes of speech sent.
    pub sent_bytes: u64,
    /// The key of the handshake.
    pub key: Option<SecretString>,
    /// `OpenAI-Safety-Identifier` of the handshake.
    pub safety_identifier: Option<String>,
    /// Whether the websocket is gone.
    pub closed: bool,
}

impl Stats {
    /// Opens a session and returns its index.
    pub(super) fn open(&mut self, mut session: SessionStats) -> u64 {
        let index = self.sessions_opened;
        self.sessions_opened += 1;
        session.index = index;
        if self.sessions.len() == KEPT_SESSIONS {
            self.sessions.pop_front();
        }
        self.sessions.push_back(session);
        index
    }

    /// A session by its index, unless it is too long ago.
    pub fn session(&self, index: u64) -> Option<&SessionStats> {
        let first = self.sessions.front()?.index;
        self.sessions
            .get(usize::try_from(index.checked_sub(first)?).ok()?)
    }

    pub(super) fn session_mut(&mut self, index: u64) -> Option<&mut SessionStats> {
        let first = self.sessions.front()?.index;
        self.sessions
            .get_mut(usize::try_from(index.checked_sub(first)?).ok()?)
    }

    /// A session that obeys a script was told a tool's output.
    pub(super) fn tool_told(&mut self, index: u64, output: &str) {
        self.tool_outputs += 1;
        if let Some(session) = self.session_mut(index) {
            session.created_items.push(format!("tool: {output}"));
        }
    }

    pub(super) fn error(&mut self, code: &str) {
        *self.errors.entry(code.to_owned()).or_default() += 1;
    }
}

impl SessionStats {
    pub(super) fn keep_audio(&mut self, mulaw: &[u8]) {
        let room = KEPT_AUDIO.saturating_sub(self.audio.len());
        self.audio
            .extend_from_slice(&mulaw[..mulaw.len().min(room)]);
    }
}
