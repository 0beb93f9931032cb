//! Whole calls in virtual time: a session between a carrier that plays audio truthfully and a model
//! that follows its own rules, both with delays, under random interleavings. The judges are the
//! carrier's and the model's own books, never the session's.

use std::collections::{BTreeMap, HashMap, VecDeque};

use proptest::prelude::*;
use prosaas_core::business::CallLimits;
use prosaas_core::leg::{
    AiError, AiErrorKind, AiEvent, ItemId, LegEvent, MarkId, ReplyEnd, ReplyId, RequestId,
};
use prosaas_core::money::Usage;
use prosaas_core::time::CallTime;
use prosaas_core::tool_host::ToolReply;
use prosaas_realtime::session::{
    Action, Actions, AiOrder, CallSession, Event, Opening, SessionConfig, SessionEnd,
};

use super::quality::contradiction;

/// A small generator, so that a failing case is one number.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % below
    }
}

enum ToCarrier {
    Audio(Vec<u8>),
    Mark(MarkId),
    Clear,
}

/// Plays 8 bytes a millisecond and keeps true books. Agent audio carries its item's number in every byte.
#[derive(Default)]
struct Carrier {
    incoming: VecDeque<(u64, ToCarrier)>,
    outgoing: VecDeque<(u64, MarkId)>,
    queue: VecDeque<Piece>,
    played: BTreeMap<u8, u64>,
    most_buffered: usize,
    latest_item: u8,
    cleared_items: u8,
    latency: u64,
    violations: Vec<String>,
}

enum Piece {
    Byte(u8),
    Mark(MarkId),
}

impl Carrier {
    fn tick(&mut self, now: u64) {
        while self.incoming.front().is_some_and(|(at, _)| *at <= now) {
            match self.incoming.pop_front().unwrap().1 {
                ToCarrier::Audio(audio) => {
                    if audio.len() % 160 != 0 {
                        self.violations
                            .push(format!("{} bytes are not whole frames", audio.len()));
                    }
                    for byte in audio {
                        if byte != 0xFF && byte <= self.cleared_items {
                            self.violations
                                .push(format!("item {byte} spoke after it was cleared"));
                        }
                        self.latest_item =
                            self.latest_item.max(if byte == 0xFF { 0 } else { byte });
                        self.queue.push_back(Piece::Byte(byte));
                    }
                }
                ToCarrier::Mark(mark) => self.queue.push_back(Piece::Mark(mark)),
                ToCarrier::Clear => {
                    self.cleared_items = self.latest_item;
                    for piece in std::mem::take(&mut self.queue) {
                        if let Piece::Mark(mark) = piece {
                            self.outgoing.push_back((now + self.latency, mark));
                        }
                    }
                }
            }
        }
        let bytes = self
            .queue
            .iter()
            .filter(|p| matches!(p, Piece::Byte(_)))
            .count();
        self.most_buffered = self.most_buffered.max(bytes);
        let mut left = 8;
        while let Some(piece) = self.queue.front() {
            match piece {
                Piece::Mark(mark) => self.outgoing.push_back((now + self.latency, *mark)),
                Piece::Byte(_) if left == 0 => break,
                Piece::Byte(byte) => {
                    left -= 1;
                    *self.played.entry(*byte).or_default() += 1;
                }
            }
            self.queue.pop_front();
        }
    }
}

/// Holds one reply at a time, starts replies when the caller stops speaking, checks truncations.
#[derive(Default)]
struct Model {
    to_session: VecDeque<(u64, AiEvent, Vec<u8>)>,
    active: Option<ReplyId>,
    replies: u32,
    items: u32,
    audio_sent: HashMap<u32, u64>,
    truncated_too_far: u32,
    refused: u32,
    answered: HashMap<String, u32>,
    asked_tools: Vec<String>,
    latency: u64,
}

impl Model {
    fn say(&mut self, at: u64, event: AiEvent, audio: Vec<u8>) {
        let at = self
            .to_session
            .back()
            .map_or(at, |(last, ..)| at.max(*last));
        self.to_session.push_back((at, event, audio));
    }

    fn reply(&mut self, now: u64, dice: &mut Dice) {
        let reply = ReplyId(self.replies);
        self.replies += 1;
        self.active = Some(reply);
        let think = now + self.latency + dice.roll(300);
        self.say(think, AiEvent::ReplyStarted { reply }, vec![]);
        let mut at = think;
        for _ in 0..=dice.roll(2) {
            let item = ItemId(self.items);
            self.items += 1;
            for _ in 0..=dice.roll(6) {
                let bytes = 80 * (1 + dice.roll(40)) as usize;
                *self.audio_sent.entry(item.0).or_default() += bytes as u64;
                let tag = (item.0 % 200) as u8 + 1;
                self.say(
                    at,
                    AiEvent::Audio {
                        reply,
                        item,
                        content: 0,
                    },
                    vec![tag; bytes],
                );
                let text = "some words ".to_owned();
                self.say(
                    at,
                    AiEvent::AgentText {
                        reply,
                        item,
                        text,
                        whole: false,
                    },
                    vec![],
                );
                at += dice.roll(120);
            }
        }
        if dice.roll(4) == 0 {
            let call = format!("tool-{}", self.asked_tools.len());
            self.asked_tools.push(call.clone());
            let (name, arguments) = ("save_lead".to_owned(), "{}".to_owned());
            self.say(
                at,
                AiEvent::ToolCall {
                    reply,
                    call,
                    name,
                    arguments,
                },
                vec![],
            );
        }
        let end = if dice.roll(12) == 0 {
            ReplyEnd::Failed
        } else {
            ReplyEnd::Completed
        };
        self.say(
            at,
            AiEvent::ReplyEnded {
                reply,
                end,
                usage: Usage::default(),
            },
            vec![],
        );
    }

    /// The caller speaks: what is left of the active reply never comes.
    fn interrupted(&mut self, now: u64) {
        if let Some(reply) = self.active.take() {
            self.to_session.retain(|(_, event, audio)| {
                // The end of an earlier reply may still be on its way: it stays.
                let cut = match event {
                    AiEvent::Audio { reply: of, .. }
                    | AiEvent::AgentText { reply: of, .. }
                    | AiEvent::ToolCall { reply: of, .. }
                    | AiEvent::ReplyEnded { reply: of, .. } => *of == reply,
                    _ => false,
                };
                if let (true, AiEvent::Audio { item, .. }) = (cut, event) {
                    *self.audio_sent.get_mut(&item.0).unwrap() -= audio.len() as u64;
                }
                if let (true, AiEvent::ToolCall { call, .. }) = (cut, event) {
                    self.asked_tools.retain(|asked| asked != call);
                }
                !cut
            });
            let end = ReplyEnd::Cancelled;
            self.say(now + self.latency, AiEvent::SpeechStarted, vec![]);
            self.say(
                now + self.latency,
                AiEvent::ReplyEnded {
                    reply,
                    end,
                    usage: Usage::default(),
                },
                vec![],
            );
        } else {
            self.say(now + self.latency, AiEvent::SpeechStarted, vec![]);
        }
    }

    fn order(&mut self, now: u64, order: &AiOrder, dice: &mut Dice) {
        let failed = |kind, request: RequestId| {
            AiEvent::Failed(AiError {
                kind,
                code: String::new(),
                message: String::new(),
                request: Some(request),
            })
        };
        match order {
            AiOrder::RequestReply { request, .. } if self.active.is_some() => {
                self.refused += 1;
                self.say(
                    now + self.latency,
                    failed(AiErrorKind::ReplyActive, *request),
                    vec![],
                );
            }
            AiOrder::RequestReply { .. } => self.reply(now, dice),
            AiOrder::Truncate {
                request,
                item,
                played_ms,
                ..
            } => {
                let sent = self.audio_sent.get(&item.0).copied().unwrap_or(0);
                if played_ms * 8 > sent {
                    self.truncated_too_far += 1;
                    self.say(now, failed(AiErrorKind::TruncateRefused, *request), vec![]);
                }
            }
            AiOrder::ToolOutput { call, .. } => {
                *self.answered.entry(call.clone()).or_default() += 1;
            }
            AiOrder::CancelReply { .. } | AiOrder::CallerNote(_) | AiOrder::SystemNote(_) => {}
        }
    }
}

struct World {
    dice: Dice,
    session: CallSession,
    actions: Actions,
    carrier: Carrier,
    model: Model,
    tools_due: VecDeque<(u64, String)>,
    truncated_beyond_played: u32,
    truncations: u32,
    active_seen: Option<ReplyId>,
    ended: Option<SessionEnd>,
    wakes_at_once: u32,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut dice = Dice(seed | 1);
        let limits = CallLimits {
            max_call_s: 50,
            idle_s: 8,
            max_live_calls: 1,
        };
        let mut config = SessionConfig::new(Opening::Greet("greet".to_owned()), limits);
        config.protect_greeting = dice.roll(2) == 0;
        config.batch_ms = 20 * (1 + dice.roll(3));
        let latency = dice.roll(80);
        Self {
            session: CallSession::new(config),
            actions: Actions::default(),
            carrier: Carrier {
                latency,
                ..Carrier::default()
            },
            model: Model {
                latency: dice.roll(60),
                ..Model::default()
            },
            tools_due: VecDeque::new(),
            truncated_beyond_played: 0,
            truncations: 0,
            active_seen: None,
            ended: None,
            wakes_at_once: 0,
            dice,
        }
    }

    fn feed(&mut self, now: u64, event: Event<'_>) {
        self.actions.clear();
        self.session.handle(CallTime(now), event, &mut self.actions);
        let actions = std::mem::take(&mut self.actions);
        for action in actions.iter() {
            assert!(self.ended.is_none(), "an action after the end: {action:?}");
            let arrives = now + self.carrier.latency;
            match action {
                Action::Play(span) => {
                    let audio = ToCarrier::Audio(actions.audio(*span).to_vec());
                    self.carrier.incoming.push_back((arrives, audio));
                }
                Action::Mark(mark) => {
                    self.carrier
                        .incoming
                        .push_back((arrives, ToCarrier::Mark(*mark)));
                }
                Action::ClearPlayback => {
                    self.carrier.incoming.push_back((arrives, ToCarrier::Clear));
                }
                Action::Ai(order) => {
                    if let AiOrder::Truncate {
                        item, played_ms, ..
                    } = order
                    {
                        self.truncations += 1;
                        let tag = (item.0 % 200) as u8 + 1;
                        let played = self.carrier.played.get(&tag).copied().unwrap_or(0);
                        if played_ms * 8 > played {
                            self.truncated_beyond_played += 1;
                        }
                    }
                    self.model.order(now, order, &mut self.dice);
                }
                Action::RunTool(request) => {
                    let at = now + self.dice.roll(1_500);
                    self.tools_due.push_back((at, request.call.clone()));
                }
                Action::End(end) => self.ended = Some(end.clone()),
                Action::SendAudio(_)
                | Action::OpenAi(_)
                | Action::CloseAi
                | Action::OpenSpareAi(_)
                | Action::UseSpareAi
                | Action::CloseSpareAi
                | Action::Update(_) => {}
            }
        }
        self.actions = actions;
    }

    fn tick(&mut self, now: u64, speaking: &mut bool) {
        self.carrier.tick(now);
        while self
            .carrier
            .outgoing
            .front()
            .is_some_and(|(at, _)| *at <= now)
        {
            let (_, mark) = self.carrier.outgoing.pop_front().unwrap();
            self.feed(now, Event::Caller(LegEvent::Mark(mark), &[]));
        }
        if now.is_multiple_of(20) && self.dice.roll(50) != 0 {
            let timestamp_ms = Some(now);
            let loud = if *speaking { 0x55 } else { 0xFF };
            self.feed(
                now,
                Event::Caller(LegEvent::Audio { timestamp_ms }, &[loud; 160]),
            );
        }
        if self.dice.roll(2_500) == 0 {
            self.feed(now, Event::Caller(LegEvent::Dtmf('5'), &[]));
        }
        self.caller_speech(now, speaking);
        self.model_events(now);
        while self.tools_due.front().is_some_and(|(at, _)| *at <= now) {
            let (_, call) = self.tools_due.pop_front().unwrap();
            let reply = ToolReply::refusal("no");
            self.feed(now, Event::ToolDone { call, reply });
        }
        self.wakes_at_once = 0;
        while self.session.next_deadline().is_some_and(|at| at.0 <= now) && self.ended.is_none() {
            self.wakes_at_once += 1;
            assert!(self.wakes_at_once < 50, "the session spins at {now} ms");
            self.feed(now, Event::Wake);
        }
    }

    fn caller_speech(&mut self, now: u64, speaking: &mut bool) {
        if *speaking && self.dice.roll(900) == 0 {
            *speaking = false;
            let item = ItemId(self.model.items);
            self.model.items += 1;
            let at = now + self.model.latency;
            self.model.say(at, AiEvent::SpeechStopped, vec![]);
            self.model
                .say(at, AiEvent::CallerItem { item, after: None }, vec![]);
            let text = AiEvent::CallerText {
                item,
                text: "hi".to_owned(),
                usage: Usage::default(),
            };
            self.model.say(at, text, vec![]);
            if self.model.active.is_none() {
                self.model.reply(now, &mut self.dice);
            }
        } else if !*speaking && self.dice.roll(4_000) == 0 {
            *speaking = true;
            self.model.interrupted(now);
        }
    }

    fn model_events(&mut self, now: u64) {
        while self
            .model
            .to_session
            .front()
            .is_some_and(|(at, ..)| *at <= now)
        {
            let (_, event, audio) = self.model.to_session.pop_front().unwrap();
            match &event {
                AiEvent::ReplyStarted { reply } => {
                    assert!(self.active_seen.is_none(), "two replies at once");
                    self.active_seen = Some(*reply);
                }
                AiEvent::ReplyEnded { reply, .. } => {
                    self.active_seen = None;
                    if self.model.active == Some(*reply) {
                        self.model.active = None;
                    }
                }
                _ => {}
            }
            self.feed(now, Event::Ai(event, &audio));
        }
    }

    fn run(mut self) -> Self {
        self.feed(0, Event::Started);
        self.feed(3, Event::AiOpened);
        self.model.say(5, AiEvent::Ready, vec![]);
        let mut speaking = false;
        for now in 1..70_000 {
            self.tick(now, &mut speaking);
            if self.ended.is_some() {
                break;
            }
        }
        self
    }
}

fn judge(seed: u64) -> u32 {
    let world = World::new(seed).run();
    assert!(
        world.ended.is_some(),
        "seed {seed}: the call's longest time must end it"
    );
    assert_eq!(
        world.model.truncated_too_far, 0,
        "seed {seed}: truncated beyond the audio sent"
    );
    assert_eq!(
        world.truncated_beyond_played, 0,
        "seed {seed}: truncated beyond what was played"
    );
    assert_eq!(
        world.carrier.violations,
        Vec::<String>::new(),
        "seed {seed}"
    );
    let most = (200 + 100) * 8;
    assert!(
        world.carrier.most_buffered <= most,
        "seed {seed}: {} bytes ahead",
        world.carrier.most_buffered
    );
    for (call, times) in &world.model.answered {
        assert_eq!(*times, 1, "seed {seed}: {call} was answered {times} times");
    }
    for (seq, line) in world.session.transcript().iter().enumerate() {
        assert_eq!(
            line.seq as usize, seq,
            "seed {seed}: transcript lines count without gaps"
        );
    }
    let figures = world.session.figures().counted();
    assert_eq!(contradiction(&figures), None, "seed {seed}");
    let played_ms = world.carrier.played.values().sum::<u64>() / 8;
    let apart_ms = figures.agent_ms.abs_diff(played_ms);
    assert!(
        apart_ms <= 1_000,
        "seed {seed}: the carrier played {played_ms} ms, measured were {} ms",
        figures.agent_ms
    );
    world.truncations
}

#[test]
fn many_random_calls_keep_every_promise() {
    let seeds = (1..=40)
        .map(|seed| seed * 7_919)
        .chain([8_280_417_252_591_191_664]);
    let truncations: u32 = seeds.map(judge).sum();
    assert!(
        truncations > 50,
        "the calls were interrupted often enough to mean something"
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    #[test]
    fn any_call_keeps_every_promise(seed in any::<u64>()) {
        judge(seed);
    }
}
