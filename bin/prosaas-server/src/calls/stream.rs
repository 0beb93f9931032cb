//! One call over its media socket, from the one-time token to the stored outcome.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use prosaas_core::{Business, CallEnd, CallOutcome, CallRecord, Error, LeadDraft, Speaker};
use prosaas_crm::AfterStream;
use prosaas_realtime::journal::Writer;
use prosaas_realtime::session::{CallUpdate, Control, Opening, SessionConfig};
use prosaas_realtime::shell::{CallReport, CallSetup, run_call};
use prosaas_twilio::StreamToken;
use prosaas_twilio::axum::MediaSocket;
use prosaas_twilio::media::Start;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tracing::Instrument as _;

use super::live::Seat;
use super::news::News;
use super::tools::CallTools;
use super::{agent, answer, finish, journal, transcript};
use crate::call_span;
use crate::wiring::App;

/// How many updates of a call may wait for the database; more are dropped and stored at the end.
const UPDATES: usize = 256;
/// How long a call whose socket broke waits for the carrier to connect it again.
const RESUMED_WITHIN: Duration = Duration::from_secs(30);
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
        .store
        .redeem_stream_token(&token.hash(), &start.call_sid, app.clock.now())
        .await
    {
        Ok(grant) => grant.is_some(),
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
            return socket.close().await;
        }
        Err(error) => {
            tracing::error!(error = %error.chain(), "a call could not be looked up for its socket");
            return socket.close().await;
        }
    };
    let seat = app.live.take_seat(record.tenant, record.id);
    let span = call_span!(record.id);
    let call = Carried {
        app,
        record,
        business,
    };
    call.carry(socket, seat).instrument(span).await;
}

async fn find(app: &App, start: &Start) -> Result<Option<(CallRecord, Arc<Business>)>, Error> {
    let Some(record) = app.store.find_call(&start.call_sid).await? else {
        return Ok(None);
    };
    if record.end.is_some() {
        return Ok(None);
    }
    let business = app.store.business(record.tenant).await?;
    Ok(business.map(|business| (record, business)))
}

/// The session's ends of a call's channels.
struct Channels {
    updates: mpsc::Sender<CallUpdate>,
    commands: mpsc::Receiver<Control>,
    journal: Writer,
}

/// Something that runs beside a call.
type Beside<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;
/// A command to a call, and the end that follows from it.
type Told = (Control, Option<CallEnd>);

/// A call that this socket carries.
struct Carried<'a> {
    app: &'a Arc<App>,
    record: CallRecord,
    business: Arc<Business>,
}

impl Carried<'_> {
    async fn carry(&self, mut socket: MediaSocket, seat: Seat) {
        let began = Box::pin(transcript::Offset::of(self.app, &self.record)).await;
        let (updates, received) = mpsc::channel(UPDATES);
        let (control, commands) = mpsc::channel(4);
        let (journal, pieces) = journal::channel();
        let channels = Channels {
            updates,
            commands,
            journal,
        };
        let setup = match Box::pin(self.setup(&began, channels)).await {
            Ok(setup) => setup,
            Err(error) => {
                // Closing the socket lets the carrier ask again, which tries again or takes a message.
                tracing::error!(error = %error.chain(), "a call could not begin");
                return socket.close().await;
            }
        };
        self.app.news.began(&self.record);
        let writers: [Beside<'_, ()>; 2] = [
            Box::pin(transcript::write(self.app, &self.record, &began, received)),
            Box::pin(journal::write(self.app, &self.record, pieces)),
        ];
        let run = run_call(&mut socket, setup);
        let report = self.guide(run, &seat, &control, writers).await;
        self.count(&report);
        self.app.news.tell(&self.record.call.call_sid, || {
            News::Ended(Arc::new(report.clone()))
        });
        Box::pin(self.after(socket, seat, report, began)).await;
    }

    /// What follows once the session is over. In a box of its own, like everything that runs before the call:
    /// a call's memory is that of its longest part, not of its largest.
    async fn after(
        &self,
        socket: MediaSocket,
        seat: Seat,
        report: CallReport,
        began: transcript::Offset,
    ) {
        transcript::complete(self.app, &self.record, &began, &report.transcript).await;
        seat.carry(report.usage);
        match report.end {
            None => tracing::info!("another socket took the call over"),
            Some(CallEnd::LegFailed) => {
                socket.close().await;
                self.wait_for_resume(&seat, &report, &began).await;
            }
            Some(end) => {
                self.store(end, &report, &seat, &began).await;
                // Only now: closing makes the carrier ask how the call goes on, and the answer is stored.
                socket.close().await;
            }
        }
    }

    async fn setup(
        &self,
        began: &transcript::Offset,
        channels: Channels,
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
        session.batch_ms = u64::from(app.config.model.audio_batch_ms);
        session.fallback_audio = app.voices.fallback(&self.business).await;
        Ok(CallSetup {
            session,
            context: answer::context(&self.record),
            brief: answer::brief(app, &self.business, &self.record, history).await?,
            bridge: Arc::clone(&app.bridge),
            ai: app.prewarm.take(&self.record.call.call_sid),
            tools: app.news.watched(Arc::new(CallTools::new(
                Arc::clone(&self.business),
                Arc::clone(&app.store) as _,
            ))),
            updates: channels.updates,
            control: channels.commands,
            journal: Some(channels.journal),
        })
    }

    /// Runs the call, passes on what the rest of the server wants of it, and writes down what it says.
    ///
    /// The call wakes up for every frame. What runs beside it is polled only when it was woken itself.
    async fn guide(
        &self,
        run: impl Future<Output = CallReport>,
        seat: &Seat,
        control: &mpsc::Sender<Control>,
        writers: [Beside<'_, ()>; 2],
    ) -> CallReport {
        let mut run = pin!(run);
        let watch: Beside<'_, Told> = Box::pin(self.watch(seat));
        let mut watch = FuturesUnordered::from_iter([watch]);
        let mut writers = FuturesUnordered::from_iter(writers);
        let mut known_end = None;
        let report = loop {
            tokio::select! {
                biased;
                report = &mut run => break report,
                Some((told, end)) = watch.next(), if !watch.is_empty() => {
                    known_end = end;
                    // The channel holds several commands and this is the first.
                    let _ = control.try_send(told);
                }
                Some(()) = writers.next(), if !writers.is_empty() => {}
            }
        };
        // The call has let go of its channels, so the writers come to an end.
        while writers.next().await.is_some() {}
        CallReport {
            end: known_end.or(report.end),
            ..report
        }
    }

    /// What the rest of the server wants of the call, and how the call ended if that is known better there.
    async fn watch(&self, seat: &Seat) -> Told {
        let carrier_gone = async {
            seat.carrier_ended().await;
            // The socket's own `stop` is on its way. Only when it does not come, the call is ended from here.
            expired(AFTER_CARRIER_END).await;
        };
        tokio::select! {
            () = seat.superseded() => (Control::TakenOver, None),
            () = self.app.shutdown.stopping() => (Control::Shutdown, None),
            () = carrier_gone => (Control::Shutdown, Some(CallEnd::CallerHungUp)),
        }
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
        let outcome = CallOutcome {
            ended_at: self.app.clock.now(),
            end,
            usage: seat.carried(),
            lead: if heard {
                LeadDraft::default()
            } else {
                answer::missed(self.business.language)
            },
        };
        let after = match (end, &report.transfer_to) {
            (CallEnd::Transferred, Some(number)) => AfterStream::Dial(number.clone()),
            (CallEnd::AiFailed, _) if !report.spoke_fallback => AfterStream::TakeVoicemail,
            _ => AfterStream::HangUp,
        };
        let stored = finish::store(self.app, self.business.id, &self.record, outcome, after).await;
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

async fn expired(after: Duration) {
    let _ = timeout(after, std::future::pending::<()>()).await;
}
