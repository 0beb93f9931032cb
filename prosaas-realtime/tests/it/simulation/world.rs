//! Everything around one session in virtual time: what happens next, and what its actions lead to.

use std::collections::BTreeMap;

use prosaas_core::business::CallLimits;
use prosaas_core::leg::{AiError, AiErrorKind, AiEvent, LegEvent, MarkId, RequestId};
use prosaas_core::money::MicroUsd;
use prosaas_core::testkit::dice::Dice;
use prosaas_core::time::CallTime;
use prosaas_core::tool_host::ToolReply;
use prosaas_realtime::session::{
    Action, Actions, AiOrder, BargeIn, CallSession, CallUpdate, Control, Event, Opening,
    SessionConfig,
};

use super::caller::Mic;
use super::carrier::{FALLBACK, HOLD, Line, ToCarrier};
use super::fault::{Fault, Plan};
use super::judge::{Book, Run};
use super::model::Leg;
use super::tools::ToolDesk;
use super::trace::Trace;

/// A call that goes on for longer does not end by itself, in milliseconds.
const HORIZON_MS: u64 = 90_000;
/// How often a session may come back in one millisecond.
const MOST_WAKES: u32 = 50;

/// Something that is on its way.
pub(super) enum Happening {
    /// The caller's telephone makes a frame.
    Mic,
    /// A frame reaches the session.
    Frame {
        timestamp_ms: Option<u64>,
        loud: bool,
    },
    Caller(LegEvent),
    Arrives(ToCarrier),
    Played(MarkId),
    Opened(u32),
    OpenFailed(u32, AiErrorKind),
    SpareReady(u32),
    SpareFailed(u32),
    /// An event of the model, with what every byte of its audio is and how many there are.
    Model {
        leg: u32,
        event: AiEvent,
        audio: (u8, usize),
    },
    Order {
        leg: u32,
        order: AiOrder,
    },
    Tool {
        call: String,
        reply: ToolReply,
    },
    Control(Control),
}

impl Happening {
    /// Whether it waits while the session's process stands still.
    const fn reaches_session(&self) -> bool {
        !matches!(
            self,
            Self::Mic | Self::Arrives(_) | Self::Played(_) | Self::Order { .. }
        )
    }
}

/// One call and everything around it.
pub(super) struct World {
    pub(super) now: u64,
    pub(super) dice: Dice,
    pub(super) plan: Plan,
    pub(super) book: Book,
    pub(super) line: Line,
    pub(super) mic: Mic,
    pub(super) tools: ToolDesk,
    /// The leg that is being opened or serves.
    pub(super) leg: Option<Leg>,
    /// The leg that says nothing any more.
    pub(super) mute_leg: Option<u32>,
    pub(super) spare: Option<Leg>,
    pub(super) legs: u32,
    /// The number of the agent's latest item over all legs.
    pub(super) items: u8,
    /// The model stops its reply by itself when the caller speaks.
    pub(super) stops_itself: bool,
    pub(super) max_leg_ms: Option<u64>,
    pub(super) carrier_ms: u64,
    pub(super) model_ms: u64,
    pub(super) session: CallSession,
    pub(super) config: SessionConfig,
    trace: Trace,
    actions: Actions,
    queue: BTreeMap<(u64, u64), Happening>,
    scheduled: u64,
    frozen_until: u64,
    wakes: (u64, u32),
}

/// The settings of a call.
fn settings(call_s: u64, plan: &Plan, dice: &mut Dice) -> SessionConfig {
    let limits = CallLimits {
        max_call_s: call_s as u32,
        idle_s: 5,
        max_live_calls: 1,
    };
    let opening = if dice.one_in(5) {
        Opening::Wait
    } else {
        Opening::Greet("greet".to_owned())
    };
    let mut config = SessionConfig::new(opening, limits);
    config.protect_greeting = dice.one_in(2);
    config.batch_ms = 20 * dice.between(1, 4);
    if dice.one_in(4) {
        config.barge_in = BargeIn::AfterMs(300);
    }
    config.times.tool_ms = 3_000;
    config.times.max_warning_ms = 5_000;
    config.times.transcript_ms = 4_000;
    config.times.handover_ms = 3_000;
    config.fallback_audio = vec![FALLBACK; 8 * 900].into();
    if !dice.one_in(4) {
        config.hold_audio = vec![HOLD; 8 * 1_500].into();
    }
    let handover = [
        Fault::HandoverRefused,
        Fault::HandoverHangs,
        Fault::HandoverLegLost,
        Fault::HandoverSpokenOver,
    ];
    if dice.one_in(3) || handover.into_iter().any(|fault| plan.has(fault)) {
        config.capabilities.max_leg_ms = Some(dice.between(5_000, 9_000));
    }
    config.has_spare_model = dice.one_in(3);
    if plan.has(Fault::BudgetSpent) {
        config.budget = Some(MicroUsd(dice.between(200, 600) as i64));
    }
    config
}

impl World {
    pub(super) fn new(seed: u64, in_words: bool) -> Self {
        let mut dice = Dice::new(seed);
        let call_s = dice.between(12, 26);
        let plan = Plan::new(seed, call_s * 1_000, &mut dice);
        let config = settings(call_s, &plan, &mut dice);
        Self {
            now: 0,
            plan,
            book: Book::default(),
            line: Line::default(),
            mic: Mic::new(&mut dice),
            tools: ToolDesk::default(),
            leg: None,
            mute_leg: None,
            spare: None,
            legs: 0,
            items: 0,
            stops_itself: config.barge_in == BargeIn::AtOnce,
            max_leg_ms: config.capabilities.max_leg_ms,
            carrier_ms: dice.roll(80),
            model_ms: dice.roll(60),
            session: CallSession::new(config.clone()),
            config,
            trace: Trace::new(in_words),
            actions: Actions::default(),
            queue: BTreeMap::new(),
            scheduled: 0,
            frozen_until: 0,
            wakes: (0, 0),
            dice,
        }
    }

    /// Plays the call to its end.
    pub(super) fn run(mut self) -> Run {
        self.schedule(0, Happening::Mic);
        self.feed(Event::Started);
        self.open();
        while self.book.ended.is_none() && self.now < HORIZON_MS {
            self.step();
        }
        self.line.stop(self.now);
        self.after_the_end();
        self.judged()
    }

    pub(super) const fn trace(&self) -> &Trace {
        &self.trace
    }

    pub(super) fn schedule(&mut self, at: u64, what: Happening) {
        let mut at = at.max(self.now);
        if what.reaches_session() {
            at = at.max(self.frozen_until);
        }
        self.scheduled += 1;
        self.queue.insert((at, self.scheduled), what);
    }

    /// What is on its way and is like this never arrives.
    pub(super) fn recall(&mut self, forget: impl Fn(&Happening) -> bool) {
        self.queue.retain(|_, what| !forget(what));
    }

    /// The session's process stands still until then: everything that would reach it arrives at once, in order.
    pub(super) fn freeze(&mut self, until: u64) {
        self.book.frozen_ms += until.saturating_sub(self.now.max(self.frozen_until));
        self.frozen_until = self.frozen_until.max(until);
        let waiting = self.queue.range(..=(until, u64::MAX));
        let waiting = waiting.filter(|(_, what)| what.reaches_session());
        let keys: Vec<_> = waiting.map(|(key, _)| *key).collect();
        for key in keys {
            if let Some(what) = self.queue.remove(&key) {
                self.schedule(until, what);
            }
        }
    }

    fn step(&mut self) {
        let next = self.queue.first_key_value().map(|((at, _), _)| *at);
        let deadline = self.session.next_deadline().map(|at| at.0);
        let wake = deadline.map(|at| self.noticed(at));
        if let Some(wake) = wake
            && next.is_none_or(|next| wake <= next)
        {
            self.late_by(deadline, wake);
            self.now = wake;
            self.wake();
        } else if let Some(((at, _), what)) = self.queue.pop_first() {
            // What happens before the late timer finds it overdue.
            self.late_by(deadline, at);
            self.now = at;
            self.happens(what);
        } else {
            self.book.wrong("nothing happens any more".to_owned());
            self.now = HORIZON_MS;
        }
    }

    /// Counts a timer that was due before `at`, and was not noticed.
    fn late_by(&mut self, deadline: Option<u64>, at: u64) {
        let overdue = deadline.filter(|due| *due < at);
        if overdue.is_some_and(|due| self.plan.lasts(Fault::TimersLate, due)) {
            self.plan.fire(Fault::TimersLate);
        }
    }

    /// When a deadline is noticed.
    fn noticed(&self, deadline: u64) -> u64 {
        let late = if self.plan.lasts(Fault::TimersLate, deadline) {
            150
        } else {
            0
        };
        (deadline + late).max(self.now).max(self.frozen_until)
    }

    fn wake(&mut self) {
        let (at, times) = self.wakes;
        self.wakes = (self.now, if at == self.now { times + 1 } else { 1 });
        if self.wakes.1 > MOST_WAKES {
            self.book
                .wrong(format!("the session spins at {}", self.now));
            self.now = HORIZON_MS;
            return;
        }
        self.feed(Event::Wake);
    }

    fn happens(&mut self, what: Happening) {
        match what {
            Happening::Mic => self.mic_frame(),
            Happening::Frame { timestamp_ms, loud } => self.frame_arrives(timestamp_ms, loud),
            Happening::Caller(event) => self.feed(Event::Caller(event, &[])),
            Happening::Arrives(what) => self.reaches_carrier(what),
            Happening::Played(mark) => self.mark_played(mark),
            Happening::Opened(leg) if self.serves(leg) => self.feed(Event::AiOpened),
            Happening::OpenFailed(leg, kind) if self.serves(leg) => {
                self.leg = None;
                self.feed(Event::AiOpenFailed(error(kind, None)));
            }
            Happening::SpareReady(leg) if self.is_spare(leg) => self.spare_ready(),
            Happening::SpareFailed(leg) if self.is_spare(leg) => {
                self.spare = None;
                self.feed(Event::SpareAiFailed);
            }
            Happening::Model { leg, event, audio } if self.serves(leg) => {
                self.model_says(event, audio);
            }
            Happening::Order { leg, order } if self.serves(leg) => self.model_is_told(&order),
            Happening::Tool { call, reply } => {
                self.tools.running -= 1;
                self.feed(Event::ToolDone { call, reply });
            }
            Happening::Control(control) => self.feed(Event::Control(control)),
            // Of a leg that is gone.
            Happening::Opened(_)
            | Happening::OpenFailed(..)
            | Happening::SpareReady(_)
            | Happening::SpareFailed(_)
            | Happening::Model { .. }
            | Happening::Order { .. } => {}
        }
    }

    fn serves(&self, leg: u32) -> bool {
        self.leg.as_ref().is_some_and(|own| own.number == leg)
    }

    fn is_spare(&self, leg: u32) -> bool {
        self.spare.as_ref().is_some_and(|own| own.number == leg)
    }

    /// Gives the session an event, carries out what it wants, and judges what can be seen.
    pub(super) fn feed(&mut self, event: Event<'_>) {
        for fault in self.plan.take_news() {
            self.trace.fault(self.now, fault);
        }
        self.trace.event(self.now, &event);
        self.actions.clear();
        self.session
            .handle(CallTime(self.now), event, &mut self.actions);
        let actions = std::mem::take(&mut self.actions);
        for action in actions.iter() {
            self.trace.action(self.now, action);
            if self.book.ended.is_some() {
                self.book.wrong(format!("after the end: {action:?}"));
            }
            self.act(action, &actions);
        }
        self.actions = actions;
        self.look();
    }

    fn act(&mut self, action: &Action, actions: &Actions) {
        let arrives = self.now + self.carrier_ms;
        match action {
            Action::Play(span) => {
                let audio = ToCarrier::Audio(actions.audio(*span).to_vec());
                self.schedule(arrives, Happening::Arrives(audio));
            }
            Action::Mark(mark) => {
                self.schedule(arrives, Happening::Arrives(ToCarrier::Mark(*mark)));
            }
            Action::ClearPlayback => {
                let interrupted =
                    |action: &Action| matches!(action, Action::Update(CallUpdate::BargeIn { .. }));
                let clear = ToCarrier::Clear(actions.iter().any(interrupted));
                self.schedule(arrives, Happening::Arrives(clear));
            }
            Action::SendAudio(span) => self.model_hears(actions.audio(*span)),
            Action::Ai(order) => {
                self.order_is_given(order);
                if let Some(leg) = self.leg.as_ref().map(|leg| leg.number) {
                    let order = order.clone();
                    let at = self.now + self.model_ms;
                    self.schedule(at, Happening::Order { leg, order });
                }
            }
            Action::OpenAi(_) => self.open(),
            Action::CloseAi => self.leg = None,
            Action::OpenSpareAi(_) => self.open_spare(),
            Action::UseSpareAi => self.use_spare(),
            Action::CloseSpareAi => self.spare = None,
            Action::RunTool(request) => self.run_tool(request),
            Action::Update(CallUpdate::Holding { .. }) => self.line_is_spoken(),
            Action::Update(_) => {}
            Action::End(end) => {
                self.book.ended = Some((self.now, end.clone()));
                self.line.stop(self.now);
            }
        }
    }
}

/// An error of the model about a command of ours, or about none.
pub(super) fn error(kind: AiErrorKind, request: Option<RequestId>) -> AiError {
    AiError {
        kind,
        code: String::new(),
        message: String::new(),
        request,
    }
}
