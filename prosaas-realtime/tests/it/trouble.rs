//! Calls whose model is lost, in virtual time: how long the caller hears nothing, how soon the model speaks
//! again, what it knows then, and what was done twice.

use std::collections::{BTreeMap, VecDeque};

use prosaas_core::agent::HistoryTurn;
use prosaas_core::business::CallLimits;
use prosaas_core::leg::{
    AiError, AiErrorKind, AiEvent, ItemId, LegEvent, MarkId, ReplyEnd, ReplyId,
};
use prosaas_core::money::Usage;
use prosaas_core::time::CallTime;
use prosaas_core::tool_host::{AfterTool, ToolReply};
use prosaas_realtime::session::{
    Action, Actions, AiOrder, CallSession, CallUpdate, Event, Opening, SessionConfig,
};

/// The model's voice before it is lost and afterwards, and the recorded line's.
const MODEL: u8 = 0x22;
const AGAIN: u8 = 0x23;
const LINE: u8 = 0x11;

/// What happens to the coming tries to open a leg.
#[derive(Clone, Copy, Debug)]
enum Try {
    Opens,
    Refused,
    Hangs,
}

/// A model and a carrier with delays, and the books of both.
struct Drill {
    session: CallSession,
    actions: Actions,
    now: u64,
    open_ms: u64,
    think_ms: u64,
    tool_ms: u64,
    tries: VecDeque<Try>,
    from_model: VecDeque<(u64, AiEvent, Vec<u8>)>,
    opening: Option<(u64, bool)>,
    tool_done: VecDeque<(u64, String, String)>,
    marks: VecDeque<(u64, MarkId)>,
    plays_until: u64,
    /// When what began to be heard, and until when.
    heard: Vec<(u64, u64, u8)>,
    histories: Vec<Vec<HistoryTurn>>,
    runs: BTreeMap<String, u32>,
    told: BTreeMap<String, u32>,
    updates: Vec<CallUpdate>,
    replies: u32,
    voice: u8,
    spare: bool,
}

impl Drill {
    fn new(change: impl FnOnce(&mut SessionConfig)) -> Self {
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

    fn feed(&mut self, event: Event<'_>) {
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

    fn played(&mut self, audio: &[u8]) {
        let from = self.plays_until.max(self.now);
        self.plays_until = from + audio.len() as u64 / 8;
        match self.heard.last_mut() {
            Some((_, until, voice)) if *until == from && *voice == audio[0] => {
                *until = self.plays_until;
            }
            _ => self.heard.push((from, self.plays_until, audio[0])),
        }
    }

    fn open(&mut self, history: &[HistoryTurn]) {
        self.histories.push(history.to_vec());
        match self.tries.pop_front().unwrap_or(Try::Opens) {
            Try::Opens => self.opening = Some((self.now + self.open_ms, true)),
            Try::Refused => self.opening = Some((self.now + 50, false)),
            Try::Hangs => self.opening = None,
        }
    }

    /// The model answers: its audio comes four times faster than it is heard.
    fn reply(&mut self, now: u64, text: &str, bytes: usize) {
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

    fn ends(&mut self, at: u64, reply: ReplyId) {
        let (end, usage) = (ReplyEnd::Completed, Usage::default());
        self.says(at, AiEvent::ReplyEnded { reply, end, usage });
    }

    fn calls(&mut self, call: &str, name: &str) {
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

    fn says(&mut self, at: u64, event: AiEvent) {
        self.from_model.push_back((at, event, Vec::new()));
    }

    /// The caller speaks until now, and the model writes it down.
    fn caller(&mut self, item: u32, text: &str) {
        self.feed(Event::Ai(AiEvent::SpeechStarted, &[]));
        self.until(self.now + 800);
        self.feed(Event::Ai(AiEvent::SpeechStopped, &[]));
        let (item, after) = (ItemId(item), None);
        self.feed(Event::Ai(AiEvent::CallerItem { item, after }, &[]));
        let (text, usage) = (text.to_owned(), Usage::default());
        self.feed(Event::Ai(AiEvent::CallerText { item, text, usage }, &[]));
    }

    fn lose(&mut self) -> u64 {
        self.from_model.clear();
        self.replies = 0;
        self.voice = AGAIN;
        self.feed(Event::Ai(AiEvent::Closed, &[]));
        self.now
    }

    fn until(&mut self, end: u64) {
        while self.now < end {
            self.now += 1;
            self.due();
            while self
                .session
                .next_deadline()
                .is_some_and(|at| at.0 <= self.now)
            {
                self.feed(Event::Wake);
            }
        }
    }

    fn due(&mut self) {
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

    fn opened(&mut self, opens: bool) {
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
    fn model_speaks_after(&self, from: u64) -> u64 {
        let spoke = self
            .heard
            .iter()
            .find(|(at, _, voice)| *at > from && *voice == self.voice);
        spoke.map_or(u64::MAX, |(at, ..)| at - from)
    }

    /// How long after `from` nothing was heard at first, and the longest silence until the model spoke.
    fn silences_after(&self, from: u64) -> (u64, u64) {
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

/// Where in a call its model is lost.
#[derive(Clone, Copy, Debug)]
enum Moment {
    AnswerOwed,
    InTheAnswer,
    ToolRunning,
}

fn lost_at(moment: Moment, drill: &mut Drill) -> u64 {
    drill.caller(5, "Do you fix boilers?");
    match moment {
        Moment::AnswerOwed => drill.until(drill.now + 150),
        Moment::InTheAnswer => {
            drill.reply(
                drill.now,
                "Yes, we do, and we come on Tuesdays and Fridays.",
                24_000,
            );
            drill.until(drill.now + drill.think_ms + 200);
        }
        Moment::ToolRunning => {
            drill.calls("c1", "book");
            drill.until(drill.now + 100);
        }
    }
    drill.lose()
}

#[test]
fn the_model_speaks_again_soon_and_the_caller_never_hears_nothing_for_long() {
    let mut times = Vec::new();
    for moment in [Moment::AnswerOwed, Moment::InTheAnswer, Moment::ToolRunning] {
        for tries in [
            &[][..],
            &[Try::Refused],
            &[Try::Refused, Try::Refused],
            &[Try::Hangs],
        ] {
            for (open_ms, think_ms) in [(150, 400), (300, 600), (500, 800)] {
                let mut drill = Drill::new(|_| {});
                (drill.open_ms, drill.think_ms) = (open_ms, think_ms);
                let at = lost_at(moment, &mut drill);
                drill.tries = tries.iter().copied().collect();
                // The first try follows at once, before the tries were set.
                if !tries.is_empty() {
                    drill.opening = match drill.tries.pop_front() {
                        Some(Try::Refused) => Some((at + 50, false)),
                        _ => None,
                    };
                }
                drill.until(at + 12_000);
                let case = format!("{moment:?} {tries:?} {open_ms} {think_ms}");
                let (first, longest) = drill.silences_after(at);
                assert!(first <= 700, "{case}: {first} ms until anything");
                assert!(longest <= 2_500, "{case}: {longest} ms of silence");
                let speaks = drill.model_speaks_after(at);
                assert!(speaks <= 4_000, "{case}: {speaks} ms");
                if tries.is_empty() {
                    times.push(speaks);
                }
                let runs: u32 = drill.runs.values().sum();
                assert!(runs <= 1, "{case}: {:?}", drill.runs);
                assert!(!drill.session.spoke_fallback(), "{case}");
            }
        }
    }
    times.sort_unstable();
    let p95 = times[times.len() * 95 / 100];
    assert!(p95 <= 2_500, "{times:?}");
}

#[test]
fn without_a_line_the_fallback_comes_within_four_seconds() {
    let mut drill = Drill::new(|config| config.hold_audio = [].into());
    let at = lost_at(Moment::AnswerOwed, &mut drill);
    drill.opening = None;
    drill.tries = [Try::Hangs; 20].into();
    drill.until(at + 12_000);
    assert!(drill.session.spoke_fallback());
    let fallback = drill.heard.iter().find(|(from, ..)| *from > at).unwrap();
    assert!(fallback.0 - at <= 4_000, "{fallback:?} after {at}");
}

#[test]
fn ten_facts_are_known_to_the_next_leg_and_the_one_after() {
    let mut drill = Drill::new(|_| {});
    let spoken = [
        "Dana Levi",
        "12 Oak Street",
        "boiler",
        "Tuesday",
        "050-1234567",
    ];
    for (item, fact) in spoken.iter().enumerate() {
        drill.caller(5 + item as u32, &format!("It is {fact}."));
        drill.reply(drill.now, &format!("I noted answer {item}."), 2_400);
        drill.until(drill.now + 2_000);
    }
    // Facts that were never spoken: they are in what tools returned.
    for (call, name) in [("t1", "lead"), ("t2", "slots"), ("t3", "hold")] {
        drill.calls(call, name);
        drill.until(drill.now + 3_000);
    }
    // A key, and a tool that is running when the model is lost.
    drill.feed(Event::Caller(LegEvent::Dtmf('4'), &[]));
    drill.feed(Event::Caller(LegEvent::Dtmf('#'), &[]));
    drill.until(drill.now + 2_000);
    drill.tool_ms = 1_500;
    drill.calls("t4", "book");
    drill.until(drill.now + 100);
    for _ in 0..2 {
        let lost = drill.lose();
        drill.until(lost + 5_000);
        let told = format!("{:?}", drill.histories.last().unwrap());
        for fact in spoken {
            assert!(told.contains(fact), "{fact} in {told}");
        }
        for fact in ["lead-77", "slots-77", "hold-77", "[keys: 4#]"] {
            assert!(told.contains(fact), "{fact} in {told}");
        }
        assert!(told.contains(r#"name: "book""#), "{told}");
    }
    let last = format!("{:?}", drill.histories.last().unwrap());
    assert!(last.contains("book-77"), "{last}");
    assert!(
        drill.runs.values().all(|runs| *runs == 1),
        "{:?}",
        drill.runs
    );
    assert!(
        drill.told.values().all(|told| *told == 1),
        "{:?}",
        drill.told
    );
    assert_eq!(drill.told.len(), 4, "no output is lost");
}

#[test]
fn what_a_tool_wants_of_the_call_is_done_although_the_model_was_lost() {
    let mut drill = Drill::new(|_| {});
    drill.caller(5, "Bye.");
    drill.tool_ms = 60_000;
    drill.calls("c1", "end_call");
    drill.until(drill.now + 50);
    drill.lose();
    drill.until(drill.now + 100);
    let then = AfterTool::EndCall;
    let output = "{}".to_owned();
    let reply = ToolReply { output, then };
    drill.feed(Event::ToolDone {
        call: "c1".to_owned(),
        reply,
    });
    let before = drill.now;
    drill.until(before + 5_000);
    assert!(
        drill.model_speaks_after(before) < 2_000,
        "the goodbye is said"
    );
    assert_eq!(drill.session.next_deadline(), None, "and the call is over");
}

#[test]
fn an_hour_ends_between_two_turns_without_a_gap() {
    let hour = 3_600_000;
    let mut drill = Drill::new(|config| config.capabilities.max_leg_ms = Some(hour));
    drill.caller(5, "My name is Dana Levi.");
    drill.reply(drill.now, "Hello Dana.", 2_400);
    drill.until(3_000_000 - 1_000);
    // The caller is speaking when the time comes.
    drill.open_ms = 900;
    drill.caller(6, "And I live in Oak Street.");
    drill.until(drill.now + 400);
    drill.caller(7, "Number twelve.");
    drill.reply(drill.now, "Thank you.", 2_400);
    drill.until(3_010_000);
    assert!(!drill.spare, "it took over");
    let stats = drill.session.stats();
    assert_eq!((stats.reopened, stats.hold_lines), (1, 0));
    let told = format!("{:?}", drill.histories.last().unwrap());
    for fact in ["Dana Levi", "Oak Street", "twelve", "Thank you."] {
        assert!(told.contains(fact), "{fact} in {told}");
    }
    let reconnecting = |update: &CallUpdate| matches!(update, CallUpdate::Reconnecting { .. });
    assert!(!drill.updates.iter().any(reconnecting));
    // The next turn is answered by the next leg as if nothing had happened.
    drill.caller(8, "Are you there?");
    let asked = drill.now;
    drill.reply(asked, "Yes.", 1_600);
    drill.until(asked + 3_000);
    assert_eq!(drill.model_speaks_after(asked), drill.think_ms);
}

#[test]
fn the_line_never_speaks_over_the_caller() {
    let loud = [0x8F; 160];
    for begins in (100..2_600_u64).step_by(100) {
        let mut drill = Drill::new(|_| {});
        let at = lost_at(Moment::AnswerOwed, &mut drill);
        drill.opening = None;
        drill.tries = [Try::Hangs; 20].into();
        drill.until(at + begins);
        let mut over = 0;
        for frame in 0..50_u64 {
            drill.feed(Event::Caller(LegEvent::Audio { timestamp_ms: None }, &loud));
            drill.until(at + begins + (frame + 1) * 20);
            over += u64::from(drill.plays_until > drill.now) * 20;
        }
        // Three frames are heard before it counts as speech.
        assert!(over <= 60, "begins {begins}: spoken over for {over} ms");
    }
}
