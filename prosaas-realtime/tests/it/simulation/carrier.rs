//! The carrier: plays 8 bytes a millisecond, echoes marks, and keeps true books of what was heard.

use std::collections::{BTreeMap, VecDeque};

use prosaas_core::leg::{BYTES_PER_MS, FRAME_BYTES, LegEvent, MarkId, SILENCE};

use super::fault::Fault;
use super::world::{Happening, World};

/// The line that asks for patience, and the fallback, in every byte.
pub(super) const HOLD: u8 = 250;
pub(super) const FALLBACK: u8 = 251;
/// Audio that must never be heard.
pub(super) const GHOST: u8 = 249;
/// The last number of an item.
pub(super) const LAST_ITEM: u8 = 200;

const PER_MS: u64 = BYTES_PER_MS as u64;
/// The carrier may hold so much: the lead and one message.
const MOST_AHEAD: u64 = (200 + 100) * PER_MS;

/// What is sent to the carrier.
pub(super) enum ToCarrier {
    Audio(Vec<u8>),
    Mark(MarkId),
    /// With whether the caller interrupted the agent.
    Clear(bool),
}

struct Stretch {
    /// When it begins to be heard, in bytes since the call began.
    from: u64,
    bytes: u64,
    tag: u8,
}

/// The line to the caller's ear. Agent audio carries its item's number in every byte.
#[derive(Default)]
pub(super) struct Line {
    stretches: VecDeque<Stretch>,
    /// When everything is played, in bytes since the call began.
    until: u64,
    heard: BTreeMap<u8, u64>,
    marks: Vec<MarkId>,
    latest_item: u8,
    cleared_items: u8,
    pub(super) clears: u64,
    /// The caller is gone.
    pub(super) gone: bool,
}

impl Line {
    fn settle(&mut self, now: u64) {
        let at = now * PER_MS;
        while let Some(front) = self.stretches.front()
            && front.from + front.bytes <= at
        {
            *self.heard.entry(front.tag).or_default() += front.bytes;
            self.stretches.pop_front();
        }
    }

    /// Drops what was not played; the highest number of an item among it.
    fn cut(&mut self, now: u64) -> u8 {
        self.settle(now);
        let at = now * PER_MS;
        let mut highest = 0;
        for stretch in self.stretches.drain(..) {
            let played = at.saturating_sub(stretch.from).min(stretch.bytes);
            *self.heard.entry(stretch.tag).or_default() += played;
            if stretch.tag <= LAST_ITEM {
                highest = highest.max(stretch.tag);
            }
        }
        self.until = at;
        highest
    }

    /// The caller or we are gone: nothing is heard any more.
    pub(super) fn stop(&mut self, now: u64) {
        if !self.gone {
            self.cut(now);
            self.gone = true;
        }
    }

    /// How many bytes of this kind were heard.
    pub(super) fn heard(&self, tag: u8, now: u64) -> u64 {
        let at = now * PER_MS;
        let present = self.stretches.iter().filter(|part| part.tag == tag);
        let present: u64 = present
            .map(|part| at.saturating_sub(part.from).min(part.bytes))
            .sum();
        self.heard.get(&tag).copied().unwrap_or(0) + present
    }

    /// Everything that was played until the line stopped, in milliseconds.
    pub(super) fn heard_ms(&self) -> u64 {
        self.heard.values().sum::<u64>() / PER_MS
    }

    /// What is heard now.
    pub(super) fn sounds(&self, now: u64) -> Option<u8> {
        let at = now * PER_MS;
        let sounds = |part: &&Stretch| part.from <= at && at < part.from + part.bytes;
        self.stretches.iter().find(sounds).map(|part| part.tag)
    }

    /// When everything that was sent is played, in milliseconds.
    pub(super) const fn until_ms(&self) -> u64 {
        self.until.div_ceil(PER_MS)
    }

    fn audio(&mut self, now: u64, audio: &[u8]) -> Vec<String> {
        self.settle(now);
        let mut wrong = Vec::new();
        if !audio.len().is_multiple_of(FRAME_BYTES) {
            wrong.push(format!("{} bytes are not whole frames", audio.len()));
        }
        let mut from = self.until.max(now * PER_MS);
        let mut rest = audio;
        while let Some(tag) = rest.first().copied() {
            let bytes = rest.iter().take_while(|byte| **byte == tag).count();
            if tag <= LAST_ITEM {
                if tag <= self.cleared_items {
                    wrong.push(format!("item {tag} spoke after it was cleared"));
                }
                self.latest_item = self.latest_item.max(tag);
            }
            if tag == GHOST {
                wrong.push("a reply that never began was heard".to_owned());
            }
            let bytes = bytes as u64;
            self.stretches.push_back(Stretch { from, bytes, tag });
            from += bytes;
            rest = &rest[bytes as usize..];
        }
        self.until = from;
        let ahead = from - now * PER_MS;
        if ahead > MOST_AHEAD {
            wrong.push(format!("the carrier holds {ahead} bytes"));
        }
        wrong
    }
}

impl World {
    /// Something reaches the carrier.
    pub(super) fn reaches_carrier(&mut self, what: ToCarrier) {
        if self.line.gone {
            return;
        }
        let now = self.now;
        match what {
            ToCarrier::Audio(audio) => {
                let wrong = self.line.audio(now, &audio);
                self.book.violations.extend(wrong);
                if let Some(tag) = audio.iter().find(|byte| **byte != SILENCE) {
                    self.caller_will_hear(*tag);
                }
            }
            ToCarrier::Mark(mark) => {
                self.line.marks.push(mark);
                let at = self.line.until_ms().max(now);
                self.schedule(at, Happening::Played(mark));
            }
            ToCarrier::Clear(interrupted) => {
                self.line.clears += 1;
                let dropped = self.line.cut(now);
                let cleared = if interrupted {
                    self.line.latest_item
                } else {
                    dropped
                };
                self.line.cleared_items = self.line.cleared_items.max(cleared);
                for mark in std::mem::take(&mut self.line.marks) {
                    self.echo(mark);
                }
            }
        }
    }

    /// Everything before a mark was played, unless it was cleared before.
    pub(super) fn mark_played(&mut self, mark: MarkId) {
        let before = self.line.marks.len();
        self.line.marks.retain(|waiting| *waiting != mark);
        if self.line.marks.len() < before {
            self.echo(mark);
        }
    }

    fn echo(&mut self, mark: MarkId) {
        let now = self.now;
        if self.line.gone {
            return;
        }
        if self.plan.lasts(Fault::MarksLost, now) {
            self.plan.fire(Fault::MarksLost);
            return;
        }
        let mut at = now + self.carrier_ms;
        if self.plan.lasts(Fault::MarksLate, now) {
            self.plan.fire(Fault::MarksLate);
            at += self.dice.between(300, 1_500);
        }
        let event = LegEvent::Mark(mark);
        self.schedule(at, Happening::Caller(event));
        if self.plan.lasts(Fault::MarksDoubled, now) {
            self.plan.fire(Fault::MarksDoubled);
            let again = at + self.dice.roll(200);
            self.schedule(again, Happening::Caller(event));
        }
    }
}
