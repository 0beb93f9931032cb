//! What must hold in every call, whatever goes wrong in it. The judges are the books of the carrier, the model and the
//! tools; of the session's own word only whether the call is coming to its end is taken.

use prosaas_core::leg::{AiEvent, BYTES_PER_MS, FRAME_BYTES, LegEvent, ReplyEnd, SILENCE};
use prosaas_core::time::CallTime;
use prosaas_core::transcript::TranscriptLine;
use prosaas_realtime::session::{Actions, AiOrder, Control, Event, Opening, SessionEnd, Turn};

use super::carrier::HOLD;
use super::fault::{Fault, Fired};
use super::model::{Leg, NEVER_SAID};
use super::world::World;
use crate::quality::contradiction;

/// The caller is silent, and words are owed: so long until he hears something, in milliseconds. The model is given 1.5 s,
/// trouble 0.6 s more; what is left is for a loss at the end of both.
const WAIT_BAR_MS: u64 = 4_000;
/// After a line the model may take its time for a reply twice, and all tries to reach another leg theirs.
const WAIT_AFTER_LINE_BAR_MS: u64 = 17_000;
/// From the beginning to the first sound, when no leg is ever ready.
const FIRST_SOUND_BAR_MS: u64 = 3_000;
/// The same when one is ready that says nothing, and there is no line to fill the gap: its time to begin a reply, and to
/// say something in it.
const FIRST_WORD_BAR_MS: u64 = 6_000;
/// In the middle of what it says the model is given as long as for its beginning, and no line is heard meanwhile.
const GOES_ON_MS: u64 = 1_000;
/// From the caller's last word to a sound, when the model does not notice that he has finished.
const DEAF_BAR_MS: u64 = 8_000;
/// From the call's money being used up to its end: the last words, and the fallback if there are none.
const BUDGET_BAR_MS: u64 = 13_000;
/// What somebody who does not listen would take for speaking over him, in milliseconds.
const SPOKEN_OVER_MS: u64 = 600;
/// A line is never begun over so many frames with speech.
const LOUD_FRAMES: u32 = 10;
/// A session's and a carrier's idea of what was heard differ by so much, and by a way there and back each time that
/// playback was cleared, in milliseconds.
const APART_MS: u64 = 1_000;
const APART_PER_CLEAR_MS: u64 = 200;
/// More findings than this are not read.
const MOST_FINDINGS: usize = 20;

/// What is noted of a call.
#[derive(Default)]
pub(super) struct Book {
    pub(super) violations: Vec<String>,
    pub(super) ended: Option<(u64, SessionEnd)>,
    pub(super) handovers: u32,
    /// How long the process stood still.
    pub(super) frozen_ms: u64,
    /// The caller has spoken.
    pub(super) spoken: bool,
    /// A leg was ready.
    ready: bool,
    first_sound: Option<u64>,
    /// Since when the caller waits for words, and how long he may.
    waits: Option<(u64, u64)>,
    budget_spent_at: Option<u64>,
    told_cost: i64,
    pub(super) truncations: u32,
}

impl Book {
    /// Something happened that must not.
    pub(super) fn wrong(&mut self, what: String) {
        if self.violations.len() < MOST_FINDINGS {
            self.violations.push(what);
        }
    }
}

/// What is left of a call.
pub(super) struct Run {
    pub(super) violations: Vec<String>,
    pub(super) fingerprint: u64,
    pub(super) fired: Fired,
    pub(super) truncations: u32,
    pub(super) handovers: u32,
    /// The last lines of the trace, when it was kept in words.
    pub(super) told: String,
}

impl World {
    /// An event of the model is about to reach the session.
    pub(super) fn comes_from_model(&mut self, event: &AiEvent, bytes: usize) {
        match event {
            AiEvent::Ready => self.book.ready = true,
            AiEvent::SpeechStarted => self.book.waits = Some((self.now, DEAF_BAR_MS)),
            AiEvent::Audio { .. } if bytes > 0 => {
                self.book.waits = Some((self.now, self.wait_bar() + GOES_ON_MS));
            }
            AiEvent::SpeechStopped if self.book.first_sound.is_some() => {
                self.book.waits = Some((self.now, self.wait_bar()));
            }
            AiEvent::ReplyEnded { end, usage, .. } => {
                self.book.told_cost += usage.cost.0;
                if *end != ReplyEnd::Failed {
                    self.book.waits = None;
                }
            }
            _ => {}
        }
    }

    /// Lost marks and late deadlines make a wait longer; so does what the caller does himself meanwhile.
    fn wait_bar(&self) -> u64 {
        let slower = [
            (Fault::MarksLost, 1_000),
            (Fault::MarksLate, 1_000),
            (Fault::TimersLate, 1_000),
            (Fault::KeysFlood, 3_000),
            (Fault::MessagesFlood, 2_500),
        ];
        let slower = slower.iter().filter(|(fault, _)| self.plan.has(*fault));
        WAIT_BAR_MS + slower.map(|(_, ms)| ms).sum::<u64>()
    }

    /// Sound reached the carrier.
    pub(super) fn caller_will_hear(&mut self, tag: u8) {
        self.book.first_sound.get_or_insert(self.now);
        if self.book.waits.is_some() {
            // What it says in full is to come yet.
            let goes_on = self.leg.as_ref().is_some_and(Leg::is_speaking);
            self.book.waits = match tag {
                HOLD => Some((self.line.until_ms(), WAIT_AFTER_LINE_BAR_MS)),
                _ => goes_on.then(|| (self.now, self.wait_bar() + GOES_ON_MS)),
            };
        }
    }

    /// What can be seen after every step.
    pub(super) fn look(&mut self) {
        let now = self.now;
        if let Some(budget) = self.config.budget
            && self.session.usage().cost >= budget
            && self.book.budget_spent_at.is_none()
        {
            self.book.budget_spent_at = Some(now);
            self.plan.fire(Fault::BudgetSpent);
        }
        if self.book.waits.is_none() && self.book.first_sound.is_some() {
            return;
        }
        if self.book.ended.is_some() || self.is_closing() {
            self.book.waits = None;
            return;
        }
        self.look_at_first_sound();
        if self.config.hold_audio.is_empty() {
            return;
        }
        let Some((since, bar)) = self.book.waits else {
            return;
        };
        let speaks = self.mic.loud_in_a_row > 0;
        let since = if speaks {
            now
        } else {
            since.max(self.line.until_ms())
        };
        self.book.waits = Some((since, bar));
        let waited = now.saturating_sub(since);
        if waited > bar + self.book.frozen_ms {
            self.book
                .wrong(format!("at {now} the caller had waited for {waited} ms"));
            self.book.waits = None;
        }
    }

    fn look_at_first_sound(&mut self) {
        let now = self.now;
        let greets = self.config.opening != Opening::Wait;
        if self.book.first_sound.is_some() || self.book.spoken || !greets || self.line.gone {
            return;
        }
        let bar = if self.book.ready && self.config.hold_audio.is_empty() {
            FIRST_WORD_BAR_MS
        } else {
            FIRST_SOUND_BAR_MS
        };
        let late = if self.plan.has(Fault::TimersLate) {
            1_000
        } else {
            0
        };
        if now > bar + late + self.book.frozen_ms {
            self.book.wrong(format!("nothing was heard by {now}"));
            self.book.first_sound = Some(now);
        }
    }

    fn is_closing(&self) -> bool {
        self.session.activity(CallTime(self.now)).turn == Turn::Closing
    }

    /// A line that asks for patience begins: the caller is silent.
    pub(super) fn line_is_spoken(&mut self) {
        let heard_lately = self.now.saturating_sub(self.mic.last_arrival) <= 40;
        if heard_lately && self.mic.loud_in_a_row >= LOUD_FRAMES {
            self.book.wrong(format!(
                "at {} a line began while the caller spoke",
                self.now
            ));
        }
    }

    /// The caller speaks: no line goes on for long.
    pub(super) fn caller_is_not_spoken_over(&mut self) {
        let now = self.now;
        let enough = (SPOKEN_OVER_MS / 20) as u32 - 5;
        let lasts = now.saturating_sub(self.mic.loud_since) > SPOKEN_OVER_MS;
        let speaks = self.mic.loud_in_a_row >= enough && lasts;
        if speaks && self.line.sounds(now) == Some(HOLD) && !self.is_closing() {
            self.book
                .wrong(format!("at {now} a line went on over the caller"));
        }
    }

    /// The session gives the model a command.
    pub(super) fn order_is_given(&mut self, order: &AiOrder) {
        let Some(leg) = self.leg.as_ref().filter(|leg| leg.ready) else {
            self.book
                .wrong(format!("a command for a leg that is gone: {order:?}"));
            return;
        };
        match order {
            AiOrder::Truncate {
                item, played_ms, ..
            } => {
                self.book.truncations += 1;
                let heard = leg.tag(*item).map(|tag| self.line.heard(tag, self.now));
                if heard.is_none_or(|heard| played_ms * BYTES_PER_MS as u64 > heard) {
                    let told = format!("{played_ms} ms of {heard:?} bytes");
                    self.book
                        .wrong(format!("truncated beyond what was played: {told}"));
                }
            }
            AiOrder::ToolOutput { call, .. } => {
                self.tool_is_answered(call);
            }
            _ => {}
        }
    }

    /// Whatever comes after the end leads to nothing.
    pub(super) fn after_the_end(&mut self) {
        if self.book.ended.is_none() {
            self.book.wrong("the call did not end".to_owned());
            return;
        }
        let frame = [SILENCE; FRAME_BYTES];
        let timestamp_ms = Some(self.now);
        let events = [
            Event::Wake,
            Event::Caller(LegEvent::Audio { timestamp_ms }, &frame),
            Event::Caller(LegEvent::Stopped, &[]),
            Event::AiOpened,
            Event::Ai(AiEvent::Ready, &[]),
            Event::Ai(AiEvent::SpeechStarted, &[]),
            Event::SpareAiReady,
            Event::Control(Control::EndCall),
        ];
        let mut actions = Actions::default();
        for event in events {
            let at = CallTime(self.now + 10_000);
            self.session.handle(at, event, &mut actions);
        }
        if let Some(action) = actions.iter().next() {
            self.book.wrong(format!("after the end: {action:?}"));
        }
        if self.session.next_deadline().is_some() {
            self.book.wrong("a deadline after the end".to_owned());
        }
    }

    /// Compares the books.
    pub(super) fn judged(mut self) -> Run {
        let figures = self.session.figures().counted();
        if let Some(told) = contradiction(&figures) {
            self.book.wrong(told);
        }
        let heard_ms = self.line.heard_ms();
        let apart_ms = figures.agent_ms.abs_diff(heard_ms);
        if apart_ms > APART_MS + APART_PER_CLEAR_MS * self.line.clears {
            self.book.wrong(format!(
                "the carrier played {heard_ms} ms, measured were {} ms",
                figures.agent_ms
            ));
        }
        let cost = self.session.usage().cost.0;
        if cost > self.book.told_cost {
            let told = self.book.told_cost;
            self.book.wrong(format!("{cost} were used of {told}"));
        }
        if let (Some(spent), Some((ended, _))) = (self.book.budget_spent_at, &self.book.ended)
            && ended.saturating_sub(spent) > BUDGET_BAR_MS + self.book.frozen_ms
        {
            let told = format!("money was used up at {spent}, the end came at {ended}");
            self.book.wrong(told);
        }
        self.judge_lines();
        Run {
            told: self.trace().last(400),
            fingerprint: self.trace().fingerprint(),
            fired: self.plan.fired(),
            truncations: self.book.truncations,
            handovers: self.book.handovers,
            violations: self.book.violations,
        }
    }

    fn judge_lines(&mut self) {
        let lines = self.session.transcript();
        let in_order = |(seq, line): (usize, &TranscriptLine)| line.seq as usize == seq;
        if !lines.iter().enumerate().all(in_order) {
            self.book
                .wrong("lines do not count without gaps".to_owned());
        }
        if lines.iter().any(|line| line.text.contains(NEVER_SAID)) {
            self.book
                .wrong("a reply that never began was written down".to_owned());
        }
    }
}
