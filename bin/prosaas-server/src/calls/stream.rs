//! One call over its media socket, from the one-time token to the stored outcome.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use prosaas_core::leg::{AiErrorKind, FRAME_MS};
use prosaas_core::{
    AgentBrief, AiCapabilities, AiError, AiLeg, AudioBridge, BridgeHealth, Business, CallEnd,
    CallOutcome, Error, LeadDraft, Speaker, Usage,
};
use prosaas_crm::AfterStream;
use prosaas_crm::model::call_list::LadderUse;
use prosaas_realtime::journal::Writer;
use prosaas_realtime::listen::Listeners;
use prosaas_realtime::session::{Activity, CallUpdate, Control, Opening, SessionConfig};
use prosaas_realtime::shell::{CallReport, CallSetup, run_call};
use prosaas_twilio::StreamToken;
use prosaas_twilio::axum::MediaSocket;
use prosaas_twilio::media::Start;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tracing::{Instrument as _, Span};

use super::live::{Seat, Signals};
use super::news::News;
use super::tools::CallTools;
use super::{FoundCall, agent, answer, finish, journal, transcript, without_agent};
use crate::call_span;
use crate::whatsapp::WhatsApp;
use crate::wiring::App;

/// How many updates of a call may wait for the database; more are dropped and stored at the end.
const UPDATES: usize = 256;
/// How many commands to a session may wait: what its caller writes, and what ends it.
const COMMANDS: usize = 16;
/// How long a call whose socket broke waits for the carrier to connect it again.
const RESUMED_WITHIN: Duration = Duration::from_secs(30);
/// How much later than planned a socket may be read.
const SLACK_MS: u64 = 5;
/// How long a socket may live on after the carrier said that the call is over.
const AFTER_CARRIER_END: Duration = Duration::from_secs(5);

/// Uses up the token in `start`. Exactly one socket gets a call, however many try.
pub async fn authorize(app: &App, start: &Start) -> bool {
    let token = start
        .parameters
        .get(StreamToken::PARAMETER)
        .and_then(|text| text.parse::<StreamToken>().ok());
    let Some(token) = token else {
        return false;
    };
    match app
        .standby
        .redeem_token(&token.hash(), &start.call_sid)
        .await
    {
        Ok(is_granted) => is_granted,
        Err(error) => {
            tracing::error!(error = %error.chain(), "a stream token could not be checked");
            false
        }
    }
}

/// Runs a call over its authorised socket.
pub async fn stream(app: &Arc<App>, socket: MediaSocket, start: Start) {
    // Counted, so that the process does not end under a call.
    let _running = app.tasks.token();
    let found = Box::pin(find(app, &start)).await;
    let (record, business) = match found {
        Ok(Some(found)) => found,
        Ok(None) => {
            tracing::warn!(call_sid = %start.call_sid, "the socket of a call that is over was closed");
            return Box::pin(socket.close()).await;
        }
        Err(error) => {
            tracing::error!(error = %error.chain(), "a call could not be looked up for its socket");
            return Box::pin(socket.close()).await;
        }
    };
    // Not needed again, and the call may be long.
    drop(start);
    let seat = app.live.take_seat(record.tenant, record.id);
    let span = call_span!(record.id);
    let call = Carried {
        app,
        record: Arc::new(record),
        business,
        span,
    };
    call.carry(socket, seat).await;
}

async fn find(app: &App, start: &Start) -> Result<Option<(FoundCall, Arc<Business>)>, Error> {
    let Some(record) = app.standby.find_call(&start.call_sid).await? else {
        return Ok(None);
    };
    if record.end.is_some() {
        return Ok(None);
    }
    let business = app.standby.business(record.scope()).await?;
    Ok(business.map(|business| (record, business)))
}

/// The session's ends of a call's channels.
struct Channels {
    updates: mpsc::Sender<CallUpdate>,
    commands: mpsc::Receiver<Control>,
    activity: watch::Sender<Activity>,
    listeners: Arc<Listeners>,
    journal: Writer,
}

/// A call that this socket carries.
struct Carried<'a> {
    app: &'a Arc<App>,
    record: Arc<FoundCall>,
    business: Arc<Business>,
    span: Span,
}

impl Carried<'_> {
    async fn carry(&self, mut socket: MediaSocket, seat: Seat) {
        // In boxes of their own, and made in them: a call's memory is that of its longest part, not of its largest.
        let beginning = Box::pin(self.begin(&seat).instrument(self.span.clone())).await;
        let (setup, beside, began) = match beginning {
            Ok(beginning) => beginning,
            Err(error) => {
                // Closing the socket lets the carrier ask again, which tries again or takes a message.
                self.span
                    .in_scope(|| tracing::error!(error = %error.chain(), "a call could not begin"));
                return Box::pin(socket.close()).await;
            }
        };
        let batch_ms = self.app.config.model.audio_batch_ms;
        if u64::from(batch_ms) > FRAME_MS {
            socket.read_every(Duration::from_millis(batch_ms.into()));
        }
        if let Some((socket, report)) = self.run(socket, setup).await {
            Box::pin(
                self.after(socket, seat, report, beside, &began)
                    .instrument(self.span.clone()),
            )
            .await;
        }
    }

    /// Runs the session, in a task of its own: a frame wakes nothing but that, and what is kept until the call
    /// ends is not touched meanwhile. `None` when the process ends.
    async fn run(
        &self,
        mut socket: MediaSocket,
        setup: Box<CallSetup>,
    ) -> Option<(MediaSocket, CallReport)> {
        let span = self.span.clone();
        // Aborted when this is dropped.
        let mut session = JoinSet::new();
        session.spawn(async move {
            let report = {
                let mut run = pin!(begun(&mut socket, setup));
                // The session remembers the span; entering it for every frame would cost too much.
                let mut first = Some(span);
                poll_fn(|cx| {
                    let _entered = first.take().map(Span::entered);
                    run.as_mut().poll(cx)
                })
                .await
            };
            (socket, report)
        });
        match session.join_next().await? {
            Ok(done) => Some(done),
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_aborted) => None,
            },
        }
    }

    /// What comes before the session, and what runs beside it.
    async fn begin(
        &self,
        seat: &Seat,
    ) -> Result<
        (
            Box<CallSetup>,
            JoinSet<Option<CallEnd>>,
            Arc<transcript::Offset>,
        ),
        Error,
    > {
        let began = Arc::new(transcript::Offset::of(self.app, &self.record).await);
        let (updates, received) = mpsc::channel(UPDATES);
        let (control, commands) = mpsc::channel(COMMANDS);
        if let Some(caller) = self.record.call.caller.clone() {
            let began = self.record.call.started_at;
            seat.listen(self.record.scope(), (caller, began), control.clone());
        }
        let (activity, watched) = watch::channel(Activity::default());
        let listeners = Arc::new(Listeners::default());
        seat.show(control.clone(), watched, Arc::clone(&listeners));
        let (journal, pieces) = journal::channel();
        let channels = Channels {
            updates,
            commands,
            activity,
            listeners,
            journal,
        };
        let setup = self.setup(&began, channels, seat.carried()).await?;
        self.app.news.began(&self.record);
        let mut beside = JoinSet::new();
        let (app, record) = (Arc::clone(self.app), Arc::clone(&self.record));
        let offset = Arc::clone(&began);
        let transcript = async move {
            transcript::write(&app, &record, &offset, received).await;
            None
        };
        beside.spawn(transcript.instrument(self.span.clone()));
        let (app, record) = (Arc::clone(self.app), Arc::clone(&self.record));
        let journal = async move {
            journal::write(&app, &record, pieces).await;
            None
        };
        beside.spawn(journal.instrument(self.span.clone()));
        beside.spawn(watch(Arc::clone(self.app), seat.signals(), control));
        Ok((Box::new(setup), beside, began))
    }

    /// What follows once the session is over.
    async fn after(
        &self,
        socket: MediaSocket,
        seat: Seat,
        report: CallReport,
        mut beside: JoinSet<Option<CallEnd>>,
        began: &transcript::Offset,
    ) {
        // The session has let go of its channels, so all of them come to an end.
        let mut known_end = None;
        while let Some(done) = beside.join_next().await {
            match done {
                Ok(end) => known_end = known_end.or(end),
                Err(error) => tracing::error!(%error, "what ran beside a call panicked"),
            }
        }
        let report = CallReport {
            end: known_end.or(report.end),
            ..report
        };
        self.count(&report);
        self.app.news.tell(&self.record.call.call_sid, || {
            News::Ended(Arc::new(report.clone()))
        });
        transcript::complete(self.app, &self.record, began, &report.transcript).await;
        seat.carry(report.usage, &report.figures);
        match report.end {
            None => tracing::info!("another socket took the call over"),
            Some(CallEnd::LegFailed) => {
                socket.close().await;
                self.wait_for_resume(&seat, &report, began).await;
            }
            Some(end) => {
                self.store(end, &report, &seat, began).await;
                // Only now: closing makes the carrier ask how the call goes on, and the answer is stored.
                socket.close().await;
            }
        }
    }

    async fn setup(
        &self,
        began: &transcript::Offset,
        channels: Channels,
        used: Usage,
    ) -> Result<CallSetup, Error> {
        let app = self.app;
        let history = agent::history(&began.earlier);
        let resumed = !history.is_empty();
        let instructions = agent::opening(&self.business, resumed);
        let opening = if resumed {
            Opening::Resume(instructions)
        } else {
            Opening::Greet(instructions)
        };
        let mut session = SessionConfig::new(opening, self.business.limits);
        session.capabilities = app.bridge.capabilities();
        // The socket is read so often, and what is read in one go leaves in one message.
        session.pacing.look_ahead_ms = u64::from(app.config.model.audio_batch_ms) + SLACK_MS;
        let scope = self.record.scope();
        session.fallback_audio = app.voices.fallback(scope, &self.business).await;
        let hold = app.voices.hold(scope, &self.business).await;
        [session.hold_audio, session.hold_again_audio] = hold;
        session.budget = app.purse.left(self.record.id, used.cost);
        session.has_spare_model = app.config.model.spare.is_some();
        if app.config.model.turn_taking {
            session.decide_turns(self.business.language);
        }
        Ok(CallSetup {
            session,
            context: answer::context(&self.record),
            bridge: Arc::new(Briefed {
                app: Arc::clone(app),
                record: Arc::clone(&self.record),
                business: Arc::clone(&self.business),
                earlier: history.len(),
            }),
            brief: AgentBrief {
                history,
                ..AgentBrief::default()
            },
            ai: app.prewarm.take(&self.record.call.call_sid),
            tools: app.news.watched(Arc::new(CallTools::new(
                Arc::clone(&self.business),
                Arc::clone(&self.record),
                Arc::clone(&app.standby),
                app.whatsapp.as_ref().map(WhatsApp::transport),
            ))),
            updates: channels.updates,
            control: channels.commands,
            activity: Some(channels.activity),
            listeners: Some(channels.listeners),
            journal: Some(channels.journal),
        })
    }

    /// A broken socket is not the end of a call: the carrier asks how to go on and connects again.
    async fn wait_for_resume(&self, seat: &Seat, report: &CallReport, began: &transcript::Offset) {
        let end = tokio::select! {
            () = seat.superseded() => return tracing::info!("the call went on over another socket"),
            () = seat.carrier_ended() => CallEnd::CallerHungUp,
            () = self.app.shutdown.stopping() => CallEnd::Shutdown,
            () = expired(RESUMED_WITHIN) => CallEnd::LegFailed,
        };
        self.store(end, report, seat, began).await;
    }

    async fn store(
        &self,
        end: CallEnd,
        report: &CallReport,
        seat: &Seat,
        began: &transcript::Offset,
    ) {
        let heard = began
            .earlier
            .iter()
            .chain(&report.transcript)
            .any(|line| line.speaker == Speaker::Caller);
        let after = match (end, &report.transfer_to) {
            (CallEnd::Transferred, Some(number)) => AfterStream::Dial(number.clone()),
            (CallEnd::AiFailed, _) => {
                without_agent::after_failure(self.app, &self.business, &self.record).await
            }
            _ => AfterStream::HangUp,
        };
        let quality = seat.measured().judge(Some(self.business.language));
        let outcome = CallOutcome {
            ended_at: self.app.clock.now(),
            end,
            usage: seat.carried(),
            // Whom a person is about to have is not missed yet.
            lead: if heard || matches!(after, AfterStream::Dial(_)) {
                LeadDraft::default()
            } else {
                answer::missed(self.business.language)
            },
            quality: quality.map(Box::new),
        };
        let ladder = self.app.live.ladder(self.record.id);
        if ladder != LadderUse::default()
            && let Err(error) = self.app.standby.note_ladder(&self.record, &ladder).await
        {
            tracing::warn!(error = %error.chain(), "what served the call could not be stored");
        }
        let stored = finish::store(self.app, &self.record, outcome, after).await;
        if let Err(error) = stored {
            // The status callback or the reconciler finishes the call later.
            tracing::error!(error = %error.chain(), "the call's outcome could not be stored");
        }
    }

    fn count(&self, report: &CallReport) {
        let stats = &report.stats;
        self.app
            .metrics
            .malformed_frames(stats.malformed_from_carrier);
        tracing::info!(
            duration_ms = report.duration_ms,
            frames_in = stats.frames_in,
            frames_out = stats.frames_out,
            barge_ins = stats.barge_ins.len(),
            malformed = stats.malformed_from_carrier,
            caller_lost_ms = stats.caller_lost_ms,
            model_errors = stats.model_errors,
            reopened = stats.reopened,
            "the call's socket ended"
        );
    }
}

/// The session over its socket. A function of its own: the box is given back here, not when the call ends.
fn begun(
    socket: &mut MediaSocket,
    setup: Box<CallSetup>,
) -> impl Future<Output = CallReport> + Send {
    run_call(socket, *setup)
}

/// Opens legs for one call. What the model is told is put together when it is needed: mostly once, before the
/// socket came, and kept it would be a tenth of a call's memory.
struct Briefed {
    app: Arc<App>,
    record: Arc<FoundCall>,
    business: Arc<Business>,
    /// How many lines of the history were said over earlier sockets.
    earlier: usize,
}

#[async_trait]
impl AudioBridge for Briefed {
    fn capabilities(&self) -> AiCapabilities {
        self.app.bridge.capabilities()
    }

    fn health(&self) -> BridgeHealth {
        self.app.bridge.health()
    }

    async fn open(&self, session: AgentBrief) -> Result<Box<dyn AiLeg>, AiError> {
        let mut history = session.history;
        let later = history.split_off(self.earlier.min(history.len()));
        match answer::brief(&self.app, &self.business, &self.record, history).await {
            Ok(mut brief) => {
                brief.history.extend(later);
                self.app.bridge.open(brief).await
            }
            Err(error) => {
                tracing::error!(error = %error.chain(), "what the model is to be told could not be read");
                Err(AiError {
                    kind: AiErrorKind::Connect,
                    code: "brief".to_owned(),
                    message: "the store could not be read".to_owned(),
                    request: None,
                })
            }
        }
    }
}

/// Passes on what the rest of the server wants of the call, and says how the call ended if that is known
/// better there. Ends with the call, which closes its end of the channel.
async fn watch(app: Arc<App>, signals: Signals, control: mpsc::Sender<Control>) -> Option<CallEnd> {
    let carrier_gone = async {
        signals.carrier_ended().await;
        // The socket's own `stop` is on its way. Only when it does not come, the call is ended from here.
        expired(AFTER_CARRIER_END).await;
    };
    let (told, end) = tokio::select! {
        () = control.closed() => return None,
        () = signals.superseded() => (Control::TakenOver, None),
        () = app.shutdown.stopping() => (Control::Shutdown, None),
        () = carrier_gone => (Control::Shutdown, Some(CallEnd::CallerHungUp)),
    };
    // What the caller writes leaves room for it.
    let _ = control.try_send(told);
    end
}

async fn expired(after: Duration) {
    let _ = timeout(after, std::future::pending::<()>()).await;
}
