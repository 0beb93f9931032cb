//! A session between a model and a carrier that have delays and keep books.

use std::collections::{BTreeMap, VecDeque};

use prosaas_core::agent::HistoryTurn;
use prosaas_core::business::CallLimits;
use prosaas_core::leg::{
    AiError, AiErrorKind, AiEvent, FRAME_BYTES, FRAME_MS, ItemId, LegEvent, MarkId, ReplyEnd,
    ReplyId,
};
use prosaas_core::money::Usage;
use prosaas_core::time::CallTime;
use prosaas_core::tool_host::{AfterTool, ToolReply};
use prosaas_realtime::session::{
    Action, Actions, AiOrder, CallSession, CallUpdate, Event, Opening, SessionConfig,
};

/// The model's voice before it is lost and afterwards, and the recorded line's.
pub(super) const MODEL: u8 = 0x22;
pub(super) const AGAIN: u8 = 0x23;
pub(super) const LINE: u8 = 0x11;
/// A loud frame of the caller's.
pub(super) const LOUD: u8 = 0x00;

/// What happens to the coming tries to open a leg.
#[derive(Clone, Copy, Debug)]
pub(super) enum Try {
    Opens,
    Refused,
    Hangs,
}

/// A model and a carrier with delays, and the books of both.
pub(super) struct Drill {
    pub(super) session: CallSession,
    pub(super) actions: Actions,
    pub(super) now: u64,
    pub(super) open_ms: u64,
    pub(super) think_ms: u64,
    pub(super) tool_ms: u64,
    pub(super) tries: VecDeque<Try>,
    pub(super) from_model: VecDeque<(u64, AiEvent, Vec<u8>)>,
    pub(super) opening: Option<(u64, bool)>,
    pub(super) tool_done: VecDeque<(u64, String, String)>,
    pub(super) marks: VecDeque<(u64, MarkId)>,
    pub(super) plays_until: u64,
    /// When what began to be heard, and until when.
    pub(super) heard: Vec<(u64, u64, u8)>,
    pub(super) histories: Vec<Vec<HistoryTurn>>,
    pub(super) runs: BTreeMap<String, u32>,
    pub(super) told: BTreeMap<String, u32>,
    pub(super) updates: Vec<CallUpdate>,
    pub(super) replies: u32,
    pub(super) voice: u8,
    pub(super) spare: bool,
}

impl Drill {
    pub(super) fn new(change: impl FnOnce(&mut SessionConfig)) -> Self {
        let limits = CallLimits {
            max_call_s: 7_200,
            idle_s: 7_000,
            max_live_calls: 1,
        };
        let mut config = SessionConfig::new(Opening::Greet("greet".to_owned()), limits);
        config.protect_greeting = false;
        config.hold_audio = vec![LINE; 9_600].into();
        config.fallback_audio = vec![0x33; 8_000].into();
        change(&mut config);
        let mut drill = Self {
            session: CallSession::new(config),
            actions: Actions::default(),
            now: 0,
            open_ms: 300,
            think_ms: 600,
            tool_ms: 500,
            tries: VecDeque::new(),
            from_model: VecDeque::new(),
            opening: Some((5, false)),
            tool_done: VecDeque::new(),
            marks: VecDeque::new(),
            plays_until: 0,
            heard: Vec::new(),
            histories: Vec::new(),
            runs: BTreeMap::new(),
            told: BTreeMap::new(),
            updates: Vec::new(),
            replies: 0,
            voice: MODEL,
            spare: false,
        };
        drill.feed(Event::Started);
        drill.until(6_000);
        drill
    }

    pub(super) fn feed(&mut self, event: Event<'_>) {
        let mut actions = std::mem::take(&mut self.actions);
        actions.clear();
        self.session.handle(CallTime(self.now), event, &mut actions);
        for action in actions.iter() {
            match action {
                Action::Play(span) => self.played(actions.audio(*span)),
                Action::Mark(mark) => self.marks.push_back((self.plays_until, *mark)),
                Action::ClearPlayback => {
                    self.plays_until = self.now;
                    self.marks.clear();
                    // What was to come behind what is being heard has not begun.
                    self.heard.retain(|(from, _, _)| *from < self.now);
                    if let Some((_, until, _)) = self.heard.last_mut() {
                        *until = (*until).min(self.now);
                    }
                }
                Action::OpenAi(history) => self.open(history),
                Action::OpenSpareAi(history) => {
                    self.spare = true;
                    self.histories.push(history.clone());
                    self.opening = Some((self.now + self.open_ms, true));
                }
                Action::UseSpareAi | Action::CloseSpareAi => self.spare = false,
                Action::CloseAi => {
                    self.from_model.clear();
                    self.opening = None;
                }
                Action::Ai(AiOrder::RequestReply { .. }) => {
                    self.reply(self.now, "Sorry, as I was saying.", 8_000);
                }
                Action::Ai(AiOrder::ToolOutput { call, .. }) => {
                    *self.told.entry(call.clone()).or_default() += 1;
                }
                Action::RunTool(request) => {
                    *self.runs.entry(request.name.clone()).or_default() += 1;
                    let output = format!(r#"{{"ref":"{}-77"}}"#, request.name);
                    let at = self.now + self.tool_ms;
                    self.tool_done.push_back((at, request.call.clone(), output));
                }
                Action::Update(update) => self.updates.push(update.clone()),
                _ => {}
            }
        }
        self.actions = actions;
    }

    pub(super) fn played(&mut self, audio: &[u8]) {
        let from = self.plays_until.max(self.now);
        self.plays_until = from + audio.len() as u64 / 8;
        match self.heard.last_mut() {
            Some((_, until, voice)) if *until == from && *voice == audio[0] => {
                *until = self.plays_until;
            }
            _ => self.heard.push((from, self.plays_until, audio[0])),
        }
    }

    pub(super) fn open(&mut self, history: &[HistoryTurn]) {
        self.histories.push(history.to_vec());
        match self.tries.pop_front().unwrap_or(Try::Opens) {
            Try::Opens => self.opening = Some((self.now + self.open_ms, true)),
            Try::Refused => self.opening = Some((self.now + 50, false)),
            Try::Hangs => self.opening = None,
        }
    }

    /// The model answers: its audio comes four times faster than it is heard.
    pub(super) fn reply(&mut self, now: u64, text: &str, bytes: usize) {
        let (reply, item) = (ReplyId(self.replies), ItemId(1_000 + self.replies));
        self.replies += 1;
        let text = text.to_owned();
        self.says(now + 100, AiEvent::ReplyStarted { reply });
        let mut at = now + self.think_ms;
        self.says(
            at,
            AiEvent::AgentText {
                reply,
                item,
                text,
                whole: true,
            },
        );
        for piece in vec![self.voice; bytes].chunks(800) {
            let content = 0;
            self.from_model.push_back((
                at,
                AiEvent::Audio {
                    reply,
                    item,
                    content,
                },
                piece.to_vec(),
            ));
            at += 25;
        }
        self.ends(at, reply);
    }

    pub(super) fn ends(&mut self, at: u64, reply: ReplyId) {
        let (end, usage) = (ReplyEnd::Completed, Usage::default());
        self.says(at, AiEvent::ReplyEnded { reply, end, usage });
    }

    pub(super) fn calls(&mut self, call: &str, name: &str) {
        let reply = ReplyId(self.replies);
        self.replies += 1;
        self.says(self.now, AiEvent::ReplyStarted { reply });
        let (call, name) = (call.to_owned(), name.to_owned());
        let arguments = r#"{"day":"Tuesday"}"#.to_owned();
        self.says(
            self.now,
            AiEvent::ToolCall {
                reply,
                call,
                name,
                arguments,
            },
        );
        self.ends(self.now, reply);
    }

    pub(super) fn says(&mut self, at: u64, event: AiEvent) {
        self.from_model.push_back((at, event, Vec::new()));
    }

    /// The caller speaks until now, and the model writes it down.
    pub(super) fn caller(&mut self, item: u32, text: &str) {
        self.feed(Event::Ai(AiEvent::SpeechStarted, &[]));
        self.until(self.now + 800);
        self.feed(Event::Ai(AiEvent::SpeechStopped, &[]));
        let (item, after) = (ItemId(item), None);
        self.feed(Event::Ai(AiEvent::CallerItem { item, after }, &[]));
        let (text, usage) = (text.to_owned(), Usage::default());
        self.feed(Event::Ai(AiEvent::CallerText { item, text, usage }, &[]));
    }

    /// So many milliseconds of the caller's frames, each byte this one.
    pub(super) fn frames(&mut self, ms: u64, byte: u8) {
        let end = self.now + ms;
        while self.now < end {
            self.until((self.now + FRAME_MS).min(end));
            let timestamp_ms = None;
            self.feed(Event::Caller(
                LegEvent::Audio { timestamp_ms },
                &[byte; FRAME_BYTES],
            ));
        }
    }

    pub(super) fn lose(&mut self) -> u64 {
        self.from_model.clear();
        self.replies = 0;
        self.voice = AGAIN;
        self.feed(Event::Ai(AiEvent::Closed, &[]));
        self.now
    }

    pub(super) fn until(&mut self, end: u64) {
        while self.now < end {
            self.now += 1;
            self.due();
            let mut wakes = 0;
            while self
                .session
                .next_deadline()
                .is_some_and(|at| at.0 <= self.now)
            {
                wakes += 1;
                assert!(wakes < 50, "the session spins at {} ms", self.now);
                self.feed(Event::Wake);
            }
        }
    }

    pub(super) fn due(&mut self) {
        while self.marks.front().is_some_and(|(at, _)| *at <= self.now) {
            let (_, mark) = self.marks.pop_front().unwrap();
            self.feed(Event::Caller(LegEvent::Mark(mark), &[]));
        }
        if let Some((at, opens)) = self.opening
            && at <= self.now
        {
            self.opening = None;
            self.opened(opens);
        }
        while self
            .tool_done
            .front()
            .is_some_and(|(at, ..)| *at <= self.now)
        {
            let (_, call, output) = self.tool_done.pop_front().unwrap();
            let then = AfterTool::Continue;
            let reply = ToolReply { output, then };
            self.feed(Event::ToolDone { call, reply });
        }
        while self
            .from_model
            .front()
            .is_some_and(|(at, ..)| *at <= self.now)
        {
            let (_, event, audio) = self.from_model.pop_front().unwrap();
            self.feed(Event::Ai(event, &audio));
        }
    }

    pub(super) fn opened(&mut self, opens: bool) {
        if self.spare {
            self.replies = 0;
            return self.feed(Event::SpareAiReady);
        }
        if opens || self.histories.is_empty() {
            self.feed(Event::AiOpened);
            self.says(self.now + 100, AiEvent::Ready);
        } else {
            self.feed(Event::AiOpenFailed(AiError {
                kind: AiErrorKind::Connect,
                code: "io".to_owned(),
                message: String::new(),
                request: None,
            }));
        }
    }

    /// How long after `from` the model was heard.
    pub(super) fn model_speaks_after(&self, from: u64) -> u64 {
        let spoke = self
            .heard
            .iter()
            .find(|(at, _, voice)| *at > from && *voice == self.voice);
        spoke.map_or(u64::MAX, |(at, ..)| at - from)
    }

    /// How long after `from` nothing was heard at first, and the longest silence until the model spoke.
    pub(super) fn silences_after(&self, from: u64) -> (u64, u64) {
        let mut quiet_since = from;
        let (mut first, mut longest) = (None, 0);
        for (at, until, voice) in &self.heard {
            if *at > from {
                let silence = at.saturating_sub(quiet_since);
                first.get_or_insert(silence);
                longest = longest.max(silence);
                if *voice == self.voice {
                    break;
                }
            }
            quiet_since = quiet_since.max(*until);
        }
        (first.unwrap_or(u64::MAX), longest)
    }
}
