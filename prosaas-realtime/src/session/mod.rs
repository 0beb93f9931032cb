//! The call session: everything a call decides, without a socket, a clock or a task.
//!
//! [`CallSession::handle`] takes an event and the time and pushes actions; [`CallSession::next_deadline`]
//! says when to come back with [`Event::Wake`]. The same events at the same times give the same actions,
//! which is what makes a journal of a call replayable.
//!
//! The parts: [`audio_queue`], [`uplink`] (caller audio towards the model), [`playback`] (agent audio towards the caller
//! and what of it was heard), [`turns`] (one reply at a time), `floor` (whether the caller has finished), [`tools`],
//! [`transcript`], [`timers`].

mod action;
mod activity;
mod ai;
pub mod audio_queue;
mod caller;
mod config;
pub mod ear;
mod ending;
mod event;
mod figures;
mod floor;
mod handover;
mod hold;
mod meter;
pub mod playback;
mod reopen;
mod stats;
pub mod timers;
pub mod tools;
pub mod transcript;
pub mod turns;
pub mod uplink;
mod written;

use prosaas_core::call::CallEnd;
use prosaas_core::money::Usage;
use prosaas_core::phone::E164;
use prosaas_core::time::CallTime;
use prosaas_core::tool_host::{AfterTool, ToolReply};
use prosaas_core::transcript::TranscriptLine;

pub use action::{Action, Actions, AiOrder, AudioSpan, CallUpdate, SessionEnd};
pub use activity::{Activity, Turn};
pub use config::{BargeIn, Opening, Prompts, SessionConfig, Times, TurnTaking};
pub use event::{Control, Event};
pub use stats::CallStats;

use ear::Voice;
use floor::Floor;
use handover::Spare;
use hold::Hold;
use meter::Meter;
use playback::{Heard, Playback, Source};
use timers::{Timer, Timers};
use tools::Tools;
use transcript::Transcript;
use turns::Turns;
use uplink::Uplink;
use written::{Words, Written};

/// Where the AI leg stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ai {
    /// Being opened or configured.
    Opening,
    /// Hears and speaks.
    Ready,
    /// Gone for good.
    Off,
    /// Gone for good, and the caller is told by the fallback.
    Failed,
}

/// Where the call stands.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Phase {
    /// The stream has not begun.
    Waiting,
    /// Agent and caller talk.
    Talking,
    /// The agent says its last words.
    Closing(SessionEnd),
    /// The caller is gone; texts may still come.
    HungUp(CallEnd),
    /// Over.
    Ended,
}

/// One call.
#[derive(Debug)]
pub struct CallSession {
    config: SessionConfig,
    phase: Phase,
    ai: Ai,
    /// Counts AI legs, so that ids of an earlier leg are not mistaken for those of this one.
    leg: u32,
    reopened: u32,
    /// When the first of the legs was lost that `reopened` counts.
    lost_at: Option<CallTime>,
    /// When the present leg was ready.
    ready_at: Option<CallTime>,
    /// The leg that is to take over from the present one.
    spare: Option<Spare>,
    /// The model was told that the call's longest time is near, and so is every later leg.
    max_warned: bool,
    hold: Hold,
    /// Replies that failed in a row.
    failed_replies: u32,
    malformed_in_a_row: u32,
    caller_speaking: bool,
    /// What of the caller was loud lately.
    voice: Voice,
    /// The caller's turn, where the session decides when it is over.
    floor: Floor,
    /// When the caller's latest speech began, until the model names it.
    speech_began: Option<CallTime>,
    /// The greeting was asked for and not yet heard.
    greeting: Option<Greeting>,
    /// The model owes the caller an answer.
    answer_owed: bool,
    /// Somebody spoke last at this time, or the agent's words ended.
    last_sound: CallTime,
    last_frame: CallTime,
    /// When the caller was loud last.
    last_loud: Option<CallTime>,
    idle_asked: u32,
    keys: String,
    written: Written,
    uplink: Uplink,
    playback: Playback,
    turns: Turns,
    tools: Tools,
    transcript: Transcript,
    timers: Timers,
    usage: Usage,
    stats: CallStats,
    meter: Meter,
}

/// How far the greeting is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Greeting {
    /// Asked for.
    Asked,
    /// The model is making it.
    Speaking,
    /// The model has made all of it; the caller is still hearing it.
    Spoken,
}

impl CallSession {
    /// A session that waits for [`Event::Started`].
    pub fn new(config: SessionConfig) -> Self {
        let uplink = Uplink::new(config.batch_ms, config.keep_ms);
        let playback = Playback::new(config.pacing);
        let tools = Tools::new(config.times.tool_ms);
        Self {
            config,
            phase: Phase::Waiting,
            ai: Ai::Opening,
            leg: 0,
            reopened: 0,
            lost_at: None,
            ready_at: None,
            spare: None,
            max_warned: false,
            hold: Hold::default(),
            failed_replies: 0,
            malformed_in_a_row: 0,
            caller_speaking: false,
            voice: Voice::default(),
            floor: Floor::default(),
            speech_began: None,
            greeting: None,
            answer_owed: false,
            last_sound: CallTime::ZERO,
            last_frame: CallTime::ZERO,
            last_loud: None,
            idle_asked: 0,
            keys: String::new(),
            written: Written::default(),
            uplink,
            playback,
            turns: Turns::default(),
            tools,
            transcript: Transcript::default(),
            timers: Timers::default(),
            usage: Usage::default(),
            stats: CallStats::default(),
            meter: Meter::new(),
        }
    }

    /// Takes one event and pushes what follows from it.
    pub fn handle(&mut self, now: CallTime, event: Event<'_>, actions: &mut Actions) {
        if self.phase == Phase::Ended {
            return;
        }
        self.measure(now);
        match event {
            Event::Started => self.on_started(now),
            Event::Caller(event, audio) => self.on_caller(now, event, audio, actions),
            Event::AiOpenFailed(error) => self.on_ai_lost(now, error.kind.is_permanent(), actions),
            Event::Ai(event, audio) => self.on_ai(now, event, audio, actions),
            Event::ToolDone { call, reply } => self.on_tool_done(now, &call, reply, actions),
            Event::Control(control) => self.on_control(now, control, actions),
            Event::SpareAiReady => self.on_spare_ready(now, actions),
            Event::SpareAiFailed => self.on_spare_failed(now),
            Event::AiOpened | Event::Wake => {}
        }
        while self.phase != Phase::Ended
            && let Some(timer) = self.timers.take_due(now)
        {
            self.on_timer(now, timer, actions);
        }
        if self.phase != Phase::Ended {
            self.advance(now, actions);
        }
    }

    fn on_control(&mut self, now: CallTime, control: Control, actions: &mut Actions) {
        match control {
            Control::CallerWrote(text) => self.on_written(Words::Caller(text)),
            Control::Whispered(text) => self.on_written(Words::Staff(text)),
            // What the agent is saying it says to its end; then come the last words.
            Control::HandTo(number) => {
                let announce = self.config.prompts.transfer.to_string();
                self.turns.take_spoke();
                self.close_with(now, CallEnd::Transferred, Some(number), announce);
            }
            Control::EndCall => {
                let goodbye = self.config.prompts.goodbye.to_string();
                self.turns.take_spoke();
                self.close_with(now, CallEnd::AgentEnded, None, goodbye);
            }
            Control::TakenOver => {
                // What is not played by now never will be: the next socket's model must not think that it was.
                self.forget_unheard(now);
                self.end(SessionEnd::TakenOver, actions);
            }
            Control::Shutdown => self.end_call(CallEnd::Shutdown, actions),
        }
    }

    /// When to come back if nothing happens before.
    pub fn next_deadline(&self) -> Option<CallTime> {
        if self.phase == Phase::Ended {
            return None;
        }
        let deadlines = [
            self.timers.next(),
            self.playback.next_send(),
            self.playback.given_up_at(),
            self.tools.next_deadline(),
        ];
        deadlines.into_iter().flatten().min()
    }

    /// What was used so far.
    pub const fn usage(&self) -> Usage {
        self.usage
    }

    /// What was counted so far.
    pub const fn stats(&self) -> &CallStats {
        &self.stats
    }

    /// The final lines of the transcript so far.
    pub fn transcript(&self) -> &[TranscriptLine] {
        self.transcript.lines()
    }

    /// Whether the caller heard, or is hearing, the recorded fallback.
    pub fn spoke_fallback(&self) -> bool {
        self.ai == Ai::Failed && !self.config.fallback_audio.is_empty()
    }

    fn on_started(&mut self, now: CallTime) {
        if self.phase != Phase::Waiting {
            self.stats.out_of_place += 1;
            return;
        }
        self.phase = Phase::Talking;
        self.meter.begin(now);
        self.last_sound = now;
        self.last_frame = now;
        let limits = self.config.limits;
        let times = self.config.times;
        let max_ms = u64::from(limits.max_call_s) * 1_000;
        self.timers.set(Timer::MaxCall, now.plus(max_ms));
        self.timers.set(
            Timer::MaxWarning,
            now.plus(max_ms.saturating_sub(times.max_warning_ms)),
        );
        self.timers
            .set(Timer::Idle, now.plus(u64::from(limits.idle_s) * 1_000));
        if self.ai != Ai::Ready {
            self.timers.set(Timer::AiReady, now.plus(times.ai_ready_ms));
        }
    }

    /// What follows from the state rather than from one event: audio that is due, lines that are final,
    /// a reply that is wanted, an end that is reached.
    fn advance(&mut self, now: CallTime, actions: &mut Actions) {
        self.tools.expire(now, actions);
        self.playback.settle(now);
        if self.playback.pump(now, actions) && self.stats.first_audio.is_none() {
            self.stats.first_audio = Some(now);
            actions.push(Action::Update(CallUpdate::FirstAudio { at: now }));
        }
        while let Some(heard) = self.playback.take_heard(now) {
            self.last_sound = now;
            self.heard(heard);
        }
        self.greeting_progress(now, actions);
        self.tell_written(now, actions);
        if self.ai == Ai::Ready && matches!(self.phase, Phase::Talking | Phase::Closing(_)) {
            if self.phase == Phase::Talking
                && self.turns.active().is_none()
                && self.tools.take_owed()
            {
                let apology = std::mem::take(&mut self.hold.apologise);
                let words = apology.then(|| self.config.prompts.reconnected.to_string());
                self.turns.want(words);
                self.answer_owed = true;
                self.expect_words(now);
            }
            if self.turns.ask(actions) {
                self.turn_is_answered();
                self.expect_reply(now);
            }
        }
        if let Some(since) = self.transcript.waiting_since() {
            self.timers.set_if_unset(
                Timer::Transcript,
                since.plus(self.config.times.transcript_ms),
            );
        }
        self.transcript.emit(actions);
        self.finish_if_done(now, actions);
    }

    /// Lets caller audio through once nothing the model hears can cut the greeting any more, or at once
    /// when the greeting is not protected.
    fn greeting_progress(&mut self, now: CallTime, actions: &mut Actions) {
        if self.ai != Ai::Ready || self.phase == Phase::Waiting {
            return;
        }
        if !self.config.protect_greeting {
            self.greeting = None;
        }
        if self.greeting == Some(Greeting::Spoken) && !self.playback.outstanding(now) {
            self.greeting = None;
        }
        if matches!(self.greeting, None | Some(Greeting::Spoken)) && !self.uplink.is_open() {
            self.timers.stop(Timer::Greeting);
            self.uplink.open(actions);
        }
    }

    fn heard(&mut self, heard: Heard) {
        if let Source::Agent { reply, item, .. } = heard.source {
            self.transcript
                .agent_heard(reply, item, heard.played, heard.received);
        }
    }

    fn on_tool_done(&mut self, now: CallTime, call: &str, reply: ToolReply, actions: &mut Actions) {
        if self.tools.on_done(call, &reply.output, actions) == tools::Finished::Late {
            self.stats.out_of_place += 1;
            return;
        }
        match reply.then {
            AfterTool::Continue => {}
            AfterTool::EndCall => {
                let goodbye = self.config.prompts.goodbye.to_string();
                self.close_with(now, CallEnd::AgentEnded, None, goodbye);
            }
            AfterTool::Transfer(number) => {
                let announce = self.config.prompts.transfer.to_string();
                self.close_with(now, CallEnd::Transferred, Some(number), announce);
            }
        }
    }

    pub(super) fn close_with(
        &mut self,
        now: CallTime,
        end: CallEnd,
        transfer_to: Option<E164>,
        last_words: String,
    ) {
        if self.phase != Phase::Talking {
            return;
        }
        // The follow-up that tool answers are owed is the goodbye, unless it was said with the call.
        self.tools.take_owed();
        if !self.turns.take_spoke() {
            self.turns.want(Some(last_words));
        }
        self.begin_closing(now, SessionEnd::Call { end, transfer_to });
    }

    fn on_timer(&mut self, now: CallTime, timer: Timer, actions: &mut Actions) {
        match timer {
            Timer::AiReady | Timer::Reply => self.on_ai_lost(now, false, actions),
            Timer::RetryReply => self.turns.release(),
            Timer::Reopen => self.reopen(actions),
            Timer::Stall => self.on_stall(now, actions),
            Timer::Idle => self.on_idle(now, actions),
            Timer::MaxWarning => {
                self.max_warned = true;
                self.note_to_model(self.config.prompts.max_warning.to_string(), actions);
            }
            Timer::MaxCall => self.on_max_call(now),
            Timer::Dtmf => self.keys_entered(now, actions),
            Timer::Handover => self.on_handover(now, actions),
            Timer::Greeting => self.greeting = None,
            Timer::Closing => self.finish_closing(actions),
            Timer::HangUp => self.finish_hang_up(actions),
            Timer::Transcript => {
                let since = now.0.saturating_sub(self.config.times.transcript_ms);
                self.transcript.give_up(CallTime(since));
            }
            Timer::BargeIn => self.interrupt(now, actions),
            Timer::Hold => self.on_hold(now, actions),
            Timer::TurnEnd => self.on_turn_end(now, actions),
        }
    }

    fn note_to_model(&mut self, note: String, actions: &mut Actions) {
        if self.ai == Ai::Ready {
            actions.push(Action::Ai(AiOrder::SystemNote(note)));
        }
    }
}
