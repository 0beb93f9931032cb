//! The model behind a leg: hears the caller by what the session sends it, holds one reply at a time, follows its own
//! rules and breaks them where a fault says so.

use std::collections::BTreeMap;

use prosaas_core::leg::{AiErrorKind, AiEvent, FRAME_BYTES, ItemId, ReplyEnd, ReplyId, RequestId};
use prosaas_core::money::{MicroUsd, Usage};
use prosaas_realtime::session::{AiOrder, Event};

use super::caller::LOUD;
use super::carrier::{GHOST, LAST_ITEM};
use super::fault::Fault;
use super::world::{Happening, World, error};

/// Ids that no reply and no item has.
const UNKNOWN_ID: u32 = 900_000;
/// What is written in a reply that never began.
pub(super) const NEVER_SAID: &str = "never said";
/// So many frames of speech in a row are speech, and so many without are its end.
const SPEECH_FRAMES: u32 = 3;
const SILENT_FRAMES: u32 = 25;

/// One leg, with the model's own books.
pub(super) struct Leg {
    pub(super) number: u32,
    pub(super) ready: bool,
    /// The reply that the model is making, and those whose beginning the session knows.
    pub(super) active: Option<ReplyId>,
    begun: Vec<ReplyId>,
    replies: u32,
    items: u32,
    /// A turn of the caller waits for the active reply's end.
    owes_turn: bool,
    hears_speech: bool,
    loud: u32,
    quiet: u32,
    /// Bytes that reached the session, and what they are, by item.
    sent: BTreeMap<u32, u64>,
    tags: BTreeMap<u32, u8>,
}

enum Noticed {
    Nothing,
    Speech,
    Silence,
}

impl Leg {
    pub(super) const fn new(number: u32) -> Self {
        Self {
            number,
            ready: false,
            active: None,
            begun: Vec::new(),
            replies: 0,
            items: 0,
            owes_turn: false,
            hears_speech: false,
            loud: 0,
            quiet: 0,
            sent: BTreeMap::new(),
            tags: BTreeMap::new(),
        }
    }

    fn frame(&mut self, loud: bool) -> Noticed {
        if loud {
            self.loud += 1;
            self.quiet = 0;
        } else {
            self.loud = 0;
            self.quiet += 1;
        }
        if !self.hears_speech && self.loud >= SPEECH_FRAMES {
            self.hears_speech = true;
            return Noticed::Speech;
        }
        if self.hears_speech && self.quiet >= SILENT_FRAMES {
            self.hears_speech = false;
            return Noticed::Silence;
        }
        Noticed::Nothing
    }

    fn next_reply(&mut self) -> ReplyId {
        self.replies += 1;
        ReplyId(self.replies - 1)
    }

    fn next_item(&mut self) -> ItemId {
        self.items += 1;
        ItemId(self.items - 1)
    }

    /// Whether the session knows of a reply that has not ended.
    pub(super) const fn is_speaking(&self) -> bool {
        !self.begun.is_empty()
    }

    /// What the bytes of an item are.
    pub(super) fn tag(&self, item: ItemId) -> Option<u8> {
        self.tags.get(&item.0).copied()
    }
}

impl World {
    /// Says something at a time, which is when the session hears of it.
    pub(super) fn say(&mut self, at: u64, event: AiEvent) {
        self.speak(at, event, (0, 0));
    }

    fn speak(&mut self, at: u64, event: AiEvent, audio: (u8, usize)) {
        let leg = self.leg.as_ref().map(|leg| leg.number);
        if let Some(leg) = leg.filter(|leg| self.mute_leg != Some(*leg)) {
            self.schedule(at, Happening::Model { leg, event, audio });
        }
    }

    /// From here on the model says nothing, if that is to be.
    pub(super) fn maybe_mute(&mut self, fault: Fault) {
        let leg = self.leg.as_ref().map(|leg| leg.number);
        if leg.is_some() && self.plan.take(fault, self.now) {
            self.mute_leg = leg;
        }
    }

    /// Caller audio reaches the model.
    pub(super) fn model_hears(&mut self, audio: &[u8]) {
        for part in audio.chunks(FRAME_BYTES) {
            let loud = part.first() == Some(&LOUD);
            let Some(leg) = self.leg.as_mut().filter(|leg| leg.ready) else {
                self.book.wrong("audio for a leg that is gone".to_owned());
                return;
            };
            match leg.frame(loud) {
                Noticed::Nothing => {}
                Noticed::Speech => self.speech_begins(),
                Noticed::Silence => self.speech_ends(),
            }
        }
    }

    /// What is left of the active reply never comes, if the model stops by itself.
    fn speech_begins(&mut self) {
        let at = self.now + self.model_ms;
        if self.stops_itself {
            let cut = self.cut_reply();
            self.say(at, AiEvent::SpeechStarted);
            self.say_cancelled(cut);
        } else {
            self.say(at, AiEvent::SpeechStarted);
        }
        self.maybe_mute(Fault::DeafToCaller);
    }

    /// Recalls what is under way of the active reply; the replies whose end the session does not know.
    fn cut_reply(&mut self) -> Vec<ReplyId> {
        let at = self.now + self.model_ms;
        let Some(leg) = self.leg.as_mut() else {
            return Vec::new();
        };
        let Some(active) = leg.active.take() else {
            return Vec::new();
        };
        let (number, mut open) = (leg.number, leg.begun.clone());
        self.recall(|what| match what {
            Happening::Model { leg, event, .. } if *leg == number => {
                reply_of(event).is_some_and(|of| of >= active)
            }
            _ => false,
        });
        if !open.contains(&active) {
            open.push(active);
            self.say(at, AiEvent::ReplyStarted { reply: active });
        }
        open
    }

    fn say_cancelled(&mut self, replies: Vec<ReplyId>) {
        let at = self.now + self.model_ms;
        for reply in replies {
            let usage = self.usage();
            let end = ReplyEnd::Cancelled;
            self.say(at, AiEvent::ReplyEnded { reply, end, usage });
        }
    }

    /// The caller's turn is over: it becomes an item, is written down, and is answered.
    fn speech_ends(&mut self) {
        let now = self.now;
        let at = now + self.model_ms;
        let Some(leg) = self.leg.as_mut() else {
            return;
        };
        let item = leg.next_item();
        let busy = leg.active.is_some();
        leg.owes_turn = busy;
        self.say(at, AiEvent::SpeechStopped);
        self.say(at, AiEvent::CallerItem { item, after: None });
        let mut written = at + self.dice.roll(800);
        if self.plan.take(Fault::TranscriptLate, now) {
            written += self.dice.between(3_000, 8_000);
        }
        if !self.plan.take(Fault::TranscriptMissing, now) {
            let (text, usage) = ("hi".to_owned(), Usage::default());
            self.say(written, AiEvent::CallerText { item, text, usage });
        }
        if !busy {
            self.reply(None);
        }
    }

    /// A reply, with what goes wrong in it.
    fn reply(&mut self, request: Option<RequestId>) {
        let now = self.now;
        if self.plan.take(Fault::ReplyNeverComes, now) {
            return;
        }
        if self.plan.take(Fault::ReplyRateLimited, now) {
            let refused = error(AiErrorKind::RateLimited, request);
            self.say(now + self.model_ms, AiEvent::Failed(refused));
            return;
        }
        let Some(leg) = self.leg.as_mut() else {
            return;
        };
        let reply = leg.next_reply();
        leg.active = Some(reply);
        let mut at = now + self.model_ms + self.dice.roll(300);
        self.say(at, AiEvent::ReplyStarted { reply });
        if self.plan.take(Fault::UnknownIds, now) {
            self.say_the_unknown(at);
        }
        if self.plan.take(Fault::ReplyEmpty, now) {
            self.say_ended(at, reply, ReplyEnd::Completed);
            return;
        }
        let silent_tool = self.tools.wanted(&self.plan, now) && self.dice.one_in(3);
        if !silent_tool {
            for _ in 0..=self.dice.roll(2) {
                at = self.item(at, reply);
            }
        }
        self.maybe_call_tool(at, reply);
        let mut end = ReplyEnd::Completed;
        if self.plan.take(Fault::ReplyFailed, now) {
            end = ReplyEnd::Failed;
        } else if self.plan.take(Fault::ReplyIncomplete, now) {
            end = ReplyEnd::Incomplete;
        }
        if self.plan.take(Fault::TwoReplies, now) {
            at = self.say_another(at);
        }
        self.say_ended(at, reply, end);
    }

    /// One item of a reply with its words; when it is said.
    fn item(&mut self, mut at: u64, reply: ReplyId) -> u64 {
        self.items = (self.items + 1).min(LAST_ITEM);
        let tag = self.items;
        let Some(leg) = self.leg.as_mut() else {
            return at;
        };
        let (item, content) = (leg.next_item(), 0);
        leg.tags.insert(item.0, tag);
        let stalls = self.plan.take(Fault::AudioStalls, self.now);
        for piece in 0..=self.dice.roll(5) {
            if stalls && piece == 0 {
                at += self.dice.between(1_000, 4_500);
            }
            let bytes = 80 * self.dice.between(1, 41) as usize;
            let audio = AiEvent::Audio {
                reply,
                item,
                content,
            };
            self.speak(at, audio, (tag, bytes));
            let text = AiEvent::AgentText {
                reply,
                item,
                text: "some words ".to_owned(),
                whole: false,
            };
            self.say(at, text);
            self.maybe_mute(Fault::MuteInReply);
            at += self.dice.roll(120);
        }
        at
    }

    /// A second reply beside the active one, from its beginning to its end.
    fn say_another(&mut self, at: u64) -> u64 {
        let Some(leg) = self.leg.as_mut() else {
            return at;
        };
        let reply = leg.next_reply();
        self.say(at, AiEvent::ReplyStarted { reply });
        let at = self.item(at, reply);
        self.say_ended(at, reply, ReplyEnd::Completed);
        at
    }

    fn say_the_unknown(&mut self, at: u64) {
        let (reply, item) = (ReplyId(UNKNOWN_ID), ItemId(UNKNOWN_ID));
        let audio = AiEvent::Audio {
            reply,
            item,
            content: 7,
        };
        self.speak(at, audio, (GHOST, 800));
        let text = AiEvent::AgentText {
            reply,
            item,
            text: NEVER_SAID.to_owned(),
            whole: true,
        };
        self.say(at, text);
        let (end, usage) = (ReplyEnd::Completed, Usage::default());
        self.say(at, AiEvent::ReplyEnded { reply, end, usage });
    }

    fn say_ended(&mut self, at: u64, reply: ReplyId, end: ReplyEnd) {
        let usage = self.usage();
        let ended = AiEvent::ReplyEnded { reply, end, usage };
        if self.plan.take(Fault::UsageDoubled, self.now) {
            self.say(at, ended.clone());
        }
        self.say(at, ended);
    }

    fn usage(&mut self) -> Usage {
        Usage {
            output_audio: 10,
            cost: MicroUsd(self.dice.between(50, 150) as i64),
            ..Usage::default()
        }
    }

    /// An event of the serving leg reaches the session.
    pub(super) fn model_says(&mut self, event: AiEvent, (tag, bytes): (u8, usize)) {
        self.comes_from_model(&event, bytes);
        let mut answers = false;
        if let Some(leg) = &mut self.leg {
            match &event {
                AiEvent::Ready => leg.ready = true,
                AiEvent::ReplyStarted { reply } => leg.begun.push(*reply),
                AiEvent::Audio { item, .. } => {
                    *leg.sent.entry(item.0).or_default() += bytes as u64;
                }
                AiEvent::ReplyEnded { reply, .. } => {
                    leg.begun.retain(|begun| begun != reply);
                    if leg.active == Some(*reply) {
                        leg.active = None;
                        answers = std::mem::take(&mut leg.owes_turn);
                    }
                }
                AiEvent::Closed => self.leg = None,
                _ => {}
            }
        }
        self.feed(Event::Ai(event, &vec![tag; bytes]));
        if answers {
            self.reply(None);
        }
    }

    /// A command of the session reaches the model.
    pub(super) fn model_is_told(&mut self, order: &AiOrder) {
        let at = self.now + self.model_ms;
        let Some(leg) = &self.leg else {
            return;
        };
        match order {
            AiOrder::RequestReply { request, .. } if leg.active.is_some() => {
                let refused = error(AiErrorKind::ReplyActive, Some(*request));
                self.say(at, AiEvent::Failed(refused));
            }
            AiOrder::RequestReply { request, .. } => self.reply(Some(*request)),
            AiOrder::CancelReply { reply, .. } if leg.active == Some(*reply) => {
                let cut = self.cut_reply();
                self.say_cancelled(cut);
            }
            AiOrder::CancelReply { request, .. } => {
                let nothing = error(AiErrorKind::NothingToCancel, Some(*request));
                self.say(at, AiEvent::Failed(nothing));
            }
            AiOrder::Truncate {
                item, played_ms, ..
            } => {
                let sent = leg.sent.get(&item.0).copied().unwrap_or(0);
                if played_ms * 8 > sent {
                    let told = format!("item {}: {played_ms} ms of {sent} bytes", item.0);
                    self.book
                        .wrong(format!("truncated beyond what was sent: {told}"));
                }
            }
            AiOrder::ToolOutput { .. } | AiOrder::CallerNote(_) | AiOrder::SystemNote(_) => {}
        }
    }
}

/// The reply that an event belongs to.
const fn reply_of(event: &AiEvent) -> Option<ReplyId> {
    match event {
        AiEvent::ReplyStarted { reply }
        | AiEvent::Audio { reply, .. }
        | AiEvent::AgentText { reply, .. }
        | AiEvent::ToolCall { reply, .. }
        | AiEvent::ReplyEnded { reply, .. } => Some(*reply),
        _ => None,
    }
}
