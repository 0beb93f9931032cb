//! One task per call: the thin shell around a [`CallSession`].
//!
//! [`run_call`] owns both legs, the timer and the running tools of one call and does nothing but feed
//! the session and carry out its actions. Frames cross no channel. Only what was woken is asked, and
//! everything that is ready is handled before anything is flushed: one wake-up costs one read and one write
//! per side, and caller audio that was read in one go leaves in one message.

mod ai_side;
mod scratch;
mod serving;
mod setup;
mod slots;
mod wakeups;

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use prosaas_core::agent::{AgentBrief, HistoryTurn};
use prosaas_core::audio_bridge::AudioBridge;
use prosaas_core::leg::{AiCommand, AiEvent, BYTES_PER_MS, LegCommand, LegEvent, TelephonyLeg};
use prosaas_core::time::CallTime;
use prosaas_core::tool_host::{CallContext, ToolHost, ToolReply, ToolRequest};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, Sleep};

use crate::journal;
use crate::listen::{Heard, Sound};
use crate::session::{
    Action, Actions, Activity, CallSession, CallStats, CallUpdate, Control, Event, SessionEnd,
};
use ai_side::AiSide;
use scratch::Scratch;
use wakeups::{Source, Unflushed, Wakeups};

pub use setup::{CallReport, CallSetup, PendingAi};

/// How long tools that run when the call ends may go on: a lead being saved is worth the wait.
const TOOLS_AFTER_END: Duration = Duration::from_secs(5);
/// Events handled in one go before what follows from them is flushed.
const EVENTS_PER_TURN: usize = 32;
/// Caller audio in one message to the model is at most this long, unless the session batched more.
const MAX_MESSAGE_BYTES: usize = 100 * BYTES_PER_MS;

/// Runs one call from the start of its stream to its end.
///
/// The carrier's leg is not closed: store the report, then drop the leg. The AI leg is closed when the
/// call ends; tools still running get five more seconds. What the call logs belongs to the `tracing` span
/// in which it is polled first.
///
/// # Cancel safety
/// Dropping the future ends the call: both legs' state is lost, running tools are aborted.
pub fn run_call<L: TelephonyLeg>(
    leg: &mut L,
    setup: CallSetup,
) -> impl Future<Output = CallReport> + Send {
    // An argument keeps its room in the future after it was moved on; this one only until the call has begun.
    let setup = Box::new(setup);
    async move {
        let mut shell = Shell::begin(leg, setup);
        shell.feed(|_| Event::Started);
        let end = poll_fn(|cx| shell.poll(cx)).await;
        shell.ai = AiSide::None;
        let unfinished = async { while shell.tools.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(TOOLS_AFTER_END, unfinished).await;
        shell.report(end)
    }
}

struct Shell<'a, L> {
    leg: &'a mut L,
    leg_over: bool,
    ai: AiSide,
    /// Opened beside the present one, to take its place.
    spare: AiSide,
    served_by: Vec<(CallTime, String)>,
    bridge: Arc<dyn AudioBridge>,
    brief: AgentBrief,
    tool_host: Arc<dyn ToolHost>,
    context: CallContext,
    tools: JoinSet<(String, ToolReply)>,
    updates: mpsc::Sender<CallUpdate>,
    control: mpsc::Receiver<Control>,
    control_over: bool,
    activity: Option<watch::Sender<Activity>>,
    heard: Heard,
    journal: Option<journal::Writer>,
    session: CallSession,
    scratch: Scratch,
    began: Instant,
    timer: Pin<Box<Sleep>>,
    timer_at: Option<CallTime>,
    end: Option<SessionEnd>,
    wakeups: Wakeups,
    unflushed: Unflushed,
    /// Where the call began: what it logs belongs there, whoever polls it.
    span: tracing::Span,
}

impl<'a, L: TelephonyLeg> Shell<'a, L> {
    fn begin(leg: &'a mut L, setup: Box<CallSetup>) -> Self {
        let CallSetup {
            session,
            context,
            brief,
            bridge,
            ai,
            tools,
            updates,
            control,
            activity,
            listeners,
            mut journal,
        } = *setup;
        if let Some(journal) = &mut journal {
            journal.begin(&session);
        }
        let ai = match ai {
            Some(pending) => AiSide::pending(pending),
            None => AiSide::open(&bridge, brief.clone()),
        };
        Self {
            leg,
            leg_over: false,
            ai,
            spare: AiSide::None,
            served_by: Vec::new(),
            bridge,
            brief,
            tool_host: tools,
            context,
            tools: JoinSet::new(),
            updates,
            control,
            control_over: false,
            activity,
            heard: Heard(listeners),
            journal,
            session: CallSession::new(session),
            scratch: Scratch::default(),
            began: Instant::now(),
            timer: Box::pin(tokio::time::sleep_until(Instant::now())),
            timer_at: None,
            end: None,
            wakeups: Wakeups::new(),
            unflushed: Unflushed::default(),
            span: tracing::Span::current(),
        }
    }

    fn now(&self) -> CallTime {
        CallTime(u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX))
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<SessionEnd> {
        self.scratch = Scratch::borrow();
        let polled = self.poll_session(cx);
        std::mem::take(&mut self.scratch).give_back();
        polled
    }

    fn poll_session(&mut self, cx: &mut Context<'_>) -> Poll<SessionEnd> {
        self.wakeups.collect(cx);
        loop {
            let more = self.take_what_is_ready(cx);
            let woken = self.end.is_none() && self.wake_if_due();
            self.flush(cx);
            self.show_activity();
            if let Some(end) = self.end.take() {
                return Poll::Ready(end);
            }
            // A leg that takes nothing more says so with its next event.
            if !more && !woken && !self.wakeups.is_open(Source::Ai) {
                return Poll::Pending;
            }
        }
    }

    /// Feeds the session what is ready; whether there may be more.
    fn take_what_is_ready(&mut self, cx: &mut Context<'_>) -> bool {
        for _ in 0..EVENTS_PER_TURN {
            if self.end.is_some() || !self.take_one(cx) {
                return false;
            }
        }
        true
    }

    /// Feeds the session one event, if any is ready.
    fn take_one(&mut self, cx: &mut Context<'_>) -> bool {
        self.take_from_caller(cx)
            || self.take(Source::Ai, |shell, cx| {
                shell.take_from_ai(cx) || shell.take_from_spare(cx)
            })
            || self.take(Source::Rest, |shell, cx| {
                shell.take_from_tools(cx) || shell.take_control(cx)
            })
    }

    /// Asks a source, if it was woken, until it has nothing more.
    fn take(
        &mut self,
        source: Source,
        take: impl FnOnce(&mut Self, &mut Context<'_>) -> bool,
    ) -> bool {
        if !self.wakeups.is_open(source) {
            return false;
        }
        let waker = self.wakeups.waker(source).clone();
        let taken = take(self, &mut Context::from_waker(&waker));
        if !taken {
            self.wakeups.settle(source);
        }
        taken
    }

    fn take_from_caller(&mut self, cx: &mut Context<'_>) -> bool {
        if self.leg_over {
            return false;
        }
        self.scratch.audio.clear();
        let Poll::Ready(event) = self.leg.poll_event(cx, &mut self.scratch.audio) else {
            return false;
        };
        self.leg_over = matches!(event, LegEvent::Stopped | LegEvent::Lost);
        if !self.scratch.audio.is_empty() {
            let audio = &self.scratch.audio;
            self.heard
                .tell(|| Sound::Caller(Bytes::copy_from_slice(audio)));
        }
        self.feed(|audio| Event::Caller(event, audio));
        true
    }

    fn take_from_ai(&mut self, cx: &mut Context<'_>) -> bool {
        let _entered = self.span.clone().entered();
        self.scratch.audio.clear();
        match &mut self.ai {
            AiSide::None => false,
            AiSide::Opening(opening) => {
                let Poll::Ready(opened) = opening.as_mut().poll(cx) else {
                    return false;
                };
                match opened {
                    Ok(leg) => {
                        self.ai = AiSide::Open(leg);
                        self.note_who_serves();
                        self.feed(|_| Event::AiOpened);
                    }
                    Err(error) => {
                        self.ai = AiSide::None;
                        tracing::warn!(kind = ?error.kind, code = %error.code, "the AI leg could not be opened");
                        self.feed(|_| Event::AiOpenFailed(error));
                    }
                }
                true
            }
            AiSide::Open(leg) => {
                let Poll::Ready(event) = leg.poll_event(cx, &mut self.scratch.audio) else {
                    return false;
                };
                if let AiEvent::Failed(error) = &event {
                    tracing::warn!(kind = ?error.kind, code = %error.code, "the model reported an error");
                }
                if event == AiEvent::Closed {
                    self.ai = AiSide::None;
                }
                self.feed(|audio| Event::Ai(event, audio));
                true
            }
        }
    }

    fn take_from_tools(&mut self, cx: &mut Context<'_>) -> bool {
        match self.tools.poll_join_next(cx) {
            Poll::Ready(Some(Ok((call, reply)))) => {
                self.feed(|_| Event::ToolDone { call, reply });
                true
            }
            Poll::Ready(Some(Err(error))) => {
                // The session answers for it when the tool's time is over.
                self.span
                    .in_scope(|| tracing::error!(%error, "a tool panicked"));
                true
            }
            Poll::Ready(None) | Poll::Pending => false,
        }
    }

    fn take_control(&mut self, cx: &mut Context<'_>) -> bool {
        if self.control_over {
            return false;
        }
        match self.control.poll_recv(cx) {
            Poll::Ready(Some(control)) => {
                self.feed(|_| Event::Control(control));
                true
            }
            Poll::Ready(None) => {
                self.control_over = true;
                false
            }
            Poll::Pending => false,
        }
    }

    /// Arms the timer for the session's next deadline; wakes the session when it has come.
    fn wake_if_due(&mut self) -> bool {
        let Some(deadline) = self.session.next_deadline() else {
            return false;
        };
        if self.timer_at != Some(deadline) {
            self.timer_at = Some(deadline);
            let at = self.began + Duration::from_millis(deadline.0.min(u64::from(u32::MAX)));
            self.timer.as_mut().reset(slots::not_before(at));
        } else if !self.wakeups.is_open(Source::Timer) {
            return false;
        }
        self.wakeups.settle(Source::Timer);
        let mut cx = Context::from_waker(self.wakeups.waker(Source::Timer));
        if self.timer.as_mut().poll(&mut cx).is_pending() {
            return false;
        }
        self.timer_at = None;
        self.feed(|_| Event::Wake);
        true
    }

    /// One step of the session: journal the event, handle it, carry out what follows.
    fn feed(&mut self, event: impl for<'b> FnOnce(&'b [u8]) -> Event<'b>) {
        let now = self.now();
        let event = event(&self.scratch.audio);
        if let Some(journal) = &mut self.journal {
            journal.event(now, &event);
        }
        self.session.handle(now, event, &mut self.scratch.actions);
        if let Some(journal) = &mut self.journal {
            journal.actions(&self.scratch.actions);
        }
        self.carry_out();
    }

    fn carry_out(&mut self) {
        let mut list = self.scratch.actions.take();
        for action in list.drain(..) {
            match action {
                Action::Play(span) => {
                    let audio = self.scratch.actions.audio(span);
                    self.heard
                        .tell(|| Sound::Agent(Bytes::copy_from_slice(audio)));
                    self.tell_caller(|actions| LegCommand::Audio(actions.audio(span)));
                }
                Action::Mark(mark) => self.tell_caller(|_| LegCommand::Mark(mark)),
                Action::ClearPlayback => {
                    self.heard.tell(|| Sound::Cleared);
                    self.tell_caller(|_| LegCommand::Clear);
                }
                Action::SendAudio(span) => {
                    let audio = self.scratch.actions.audio(span);
                    if self.scratch.outgoing.len() + audio.len() > MAX_MESSAGE_BYTES {
                        self.send_audio();
                    }
                    self.scratch
                        .outgoing
                        .extend_from_slice(self.scratch.actions.audio(span));
                }
                Action::Ai(order) => {
                    self.send_audio();
                    self.tell_ai(order.as_command());
                }
                Action::OpenAi(history) => {
                    let brief = self.brief_with(history);
                    self.replace_ai(AiSide::open(&self.bridge, brief));
                }
                Action::CloseAi => self.replace_ai(AiSide::None),
                Action::OpenSpareAi(history) => {
                    self.spare = AiSide::open(&self.bridge, self.brief_with(history));
                    self.wakeups.reopen(Source::Ai);
                }
                Action::UseSpareAi => {
                    let spare = std::mem::replace(&mut self.spare, AiSide::None);
                    self.replace_ai(spare);
                    self.note_who_serves();
                }
                Action::CloseSpareAi => self.spare = AiSide::None,
                Action::RunTool(request) => self.run_tool(request),
                // While the application reads too slowly it misses live news; the report has it all.
                Action::Update(update) => drop(self.updates.try_send(update)),
                Action::End(end) => self.end = Some(end),
            }
        }
        self.scratch.actions.give_back(list);
        self.scratch.actions.clear();
    }

    /// A leg whose bounded buffer is full, or that is closed, reports so with its next event.
    fn tell_caller<'b>(&'b mut self, command: impl FnOnce(&'b Actions) -> LegCommand<'b>) {
        self.unflushed.caller = true;
        if self.leg.send(command(&self.scratch.actions)).is_err() {
            self.span
                .in_scope(|| tracing::debug!("the carrier's socket takes nothing more"));
        }
    }

    fn tell_ai(&mut self, command: AiCommand<'_>) {
        if let AiSide::Open(leg) = &mut self.ai {
            self.unflushed.ai = true;
            if leg.send(command).is_err() {
                self.wakeups.reopen(Source::Ai);
                self.span
                    .in_scope(|| tracing::debug!("the model's socket takes nothing more"));
            }
        }
    }

    /// Sends the caller audio that was read in one go.
    fn send_audio(&mut self) {
        if !self.scratch.outgoing.is_empty() {
            let audio = std::mem::take(&mut self.scratch.outgoing);
            self.tell_ai(AiCommand::Audio(&audio));
            self.scratch.outgoing = audio;
            self.scratch.outgoing.clear();
        }
    }

    fn replace_ai(&mut self, ai: AiSide) {
        self.send_audio();
        self.ai = ai;
        self.wakeups.reopen(Source::Ai);
    }

    fn brief_with(&self, history: Vec<HistoryTurn>) -> AgentBrief {
        let mut brief = self.brief.clone();
        brief.history.extend(history);
        brief
    }

    fn run_tool(&mut self, request: ToolRequest) {
        let host = Arc::clone(&self.tool_host);
        let context = self.context.clone();
        self.tools.spawn(async move {
            let call = request.call.clone();
            (call, host.run(&context, request).await)
        });
        self.wakeups.reopen(Source::Rest);
    }

    /// Whoever watches is woken when something changed, not for every frame.
    fn show_activity(&self) {
        if let Some(shown) = &self.activity {
            let activity = self.session.activity(self.now());
            shown.send_if_modified(|shown| std::mem::replace(shown, activity) != activity);
        }
    }

    /// A peer that is gone shows up as an event; until then there is nothing to do about it here.
    fn flush(&mut self, cx: &mut Context<'_>) {
        self.send_audio();
        if self.unflushed.caller && !self.leg_over {
            self.unflushed.caller = self.leg.poll_flush(cx).is_pending();
        }
        if let AiSide::Open(leg) = &mut self.ai
            && self.unflushed.ai
        {
            let mut cx = Context::from_waker(self.wakeups.waker(Source::Ai));
            let flushed = leg.poll_flush(&mut cx);
            self.unflushed.ai = flushed.is_pending();
            if matches!(flushed, Poll::Ready(Err(_))) {
                self.wakeups.reopen(Source::Ai);
            }
        }
    }

    fn report(mut self, end: SessionEnd) -> CallReport {
        if let Some(journal) = self.journal.take() {
            journal.finish();
        }
        let (end, transfer_to) = match end {
            SessionEnd::Call { end, transfer_to } => (Some(end), transfer_to),
            SessionEnd::TakenOver => (None, None),
        };
        CallReport {
            duration_ms: self.now().0,
            end,
            transfer_to,
            usage: self.session.usage(),
            transcript: self.session.transcript().to_vec(),
            spoke_fallback: self.session.spoke_fallback(),
            stats: CallStats {
                served_by: self.served_by,
                ..self.session.stats().clone()
            },
            figures: self.session.figures(),
        }
    }
}
