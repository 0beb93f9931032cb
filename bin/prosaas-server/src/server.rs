//! A running server: its listener and background work under one owner, and the way it stops.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::serve::ListenerExt as _;
use prosaas_core::Error;
use prosaas_crm::auth::{SystemScope, TenantScope};
use prosaas_crm::{BusinessAdmin as _, JobWork, Jobs as _, RetryPolicy, StreamTokens as _};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, timeout};
use tokio_util::sync::CancellationToken;

use crate::calls::heal;
use crate::calls::voice_cache::VoiceSpeaker;
use crate::jobs;
use crate::routes;
use crate::wiring::App;

/// What the server itself does across businesses.
const INSTALLATION: SystemScope = SystemScope::for_installation();
/// How often calls whose end got lost are looked for.
const HOUSEKEEPING: Duration = Duration::from_mins(1);
/// A day.
const DAY_MS: i64 = 24 * 3_600_000;
/// How long used stream tokens are kept, so that a second use is recognised.
const TOKENS_KEPT_MS: i64 = 24 * 3_600_000;
/// How long live calls may take to end once they were told to.
const END_WITHIN: Duration = Duration::from_secs(5);
/// How long the last call's webhooks are answered after its socket closed.
const LINGER: Duration = Duration::from_secs(1);
/// How long open connections and background work may take to end.
const CLOSE_WITHIN: Duration = Duration::from_secs(4);

/// A running server. Dropping it aborts everything; [`Server::stop`] is the polite way.
#[derive(Debug)]
pub struct Server {
    app: Arc<App>,
    address: SocketAddr,
    work: JoinSet<()>,
    closing: CancellationToken,
}

impl Server {
    /// Serves on `listener` and begins the background work.
    ///
    /// # Errors
    /// When the listener has no address or a public URL cannot be used.
    pub fn start(
        app: Arc<App>,
        speaker: VoiceSpeaker,
        listener: TcpListener,
    ) -> anyhow::Result<Self> {
        let address = listener.local_addr()?;
        let router = routes::router(&app)?;
        let closing = CancellationToken::new();
        let mut work = JoinSet::new();
        // With Nagle's algorithm a `clear` waits for the carrier's next frame: 20 ms, measured.
        let listener = listener.tap_io(|connection| {
            if let Err(error) = connection.set_nodelay(true) {
                tracing::warn!(%error, "a connection keeps Nagle's algorithm");
            }
        });
        let service = router.into_make_service_with_connect_info::<SocketAddr>();
        let closed = closing.clone().cancelled_owned();
        work.spawn(async move {
            if let Err(error) = axum::serve(listener, service)
                .with_graceful_shutdown(closed)
                .await
            {
                tracing::error!(%error, "the listener failed");
            }
        });
        let stop = app.shutdown.stop_token();
        work.spawn(jobs::run(
            Arc::clone(&app),
            RetryPolicy::STANDARD,
            stop.clone(),
        ));
        work.spawn(keep_house(Arc::clone(&app), stop.clone()));
        if app.config.model.use_realtime {
            work.spawn(speaker.run(stop));
        }
        Ok(Self {
            app,
            address,
            work,
            closing,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it is made of.
    pub fn app(&self) -> &Arc<App> {
        &self.app
    }

    /// Stops: no new calls; live ones go on for at most `patience`, or until `hurry` completes, and are then
    /// ended with their outcome stored.
    pub async fn stop(mut self, patience: Duration, hurry: impl Future<Output = ()>) {
        let app = Arc::clone(&self.app);
        app.shutdown.drain();
        let had_calls = app.live.count() > 0;
        tracing::info!(
            calls = app.live.count(),
            "stopping: new calls are refused, live ones go on"
        );
        tokio::select! {
            () = emptied(&app) => {}
            () = expired(patience) => tracing::warn!("the time to finish is over; live calls are ended"),
            () = hurry => tracing::warn!("asked again to stop; live calls are ended"),
        }
        app.shutdown.stop();
        if timeout(END_WITHIN, app.live.wait_until_seatless())
            .await
            .is_err()
        {
            tracing::error!(calls = app.live.count(), "some calls did not end in time");
        }
        if had_calls {
            // The carrier asks how the last call goes on; the answer is in the store.
            expired(LINGER).await;
        }
        app.prewarm.clear();
        app.tasks.close();
        app.api.close_streams();
        self.closing.cancel();
        let finished = async {
            while self.work.join_next().await.is_some() {}
            app.tasks.wait().await;
            app.api.drain().await;
        };
        if timeout(CLOSE_WITHIN, finished).await.is_err() {
            tracing::warn!("some connections or background work did not end in time and were cut");
        }
        self.work.shutdown().await;
        tracing::info!("stopped");
    }
}

async fn expired(after: Duration) {
    let _ = timeout(after, std::future::pending::<()>()).await;
}

/// Waits until there is no call; those whose socket never came are forgotten meanwhile.
async fn emptied(app: &App) {
    loop {
        app.live.expire(app.clock.now());
        if timeout(Duration::from_millis(250), app.live.wait_until_empty())
            .await
            .is_ok()
        {
            return;
        }
    }
}

/// Looks for calls whose end got lost and forgets old tokens, at the start and every minute.
async fn keep_house(app: Arc<App>, stop: CancellationToken) {
    if app.config.model.use_realtime {
        speak_ahead(&app).await;
    }
    let mut retained_on = None;
    let mut tick = tokio::time::interval(HOUSEKEEPING);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while stop.run_until_cancelled(tick.tick()).await.is_some() {
        app.live.expire(app.clock.now());
        if let Err(error) = heal::round(&app).await {
            tracing::error!(error = %error.chain(), "lost calls could not be looked for");
        }
        let today = app.clock.now().0.div_euclid(DAY_MS);
        if retained_on != Some(today) && enqueue_retention(&app, today).await {
            retained_on = Some(today);
        }
        let old = app.clock.now().plus(-TOKENS_KEPT_MS);
        if let Err(error) = app.store.forget_stream_tokens(&INSTALLATION, old).await {
            tracing::error!(error = %error.chain(), "old stream tokens could not be forgotten");
        }
    }
}

/// Has every business's old recordings and transcripts removed, once a day; `false` when it has to be tried
/// again.
async fn enqueue_retention(app: &App, day: i64) -> bool {
    let enqueued = async {
        for listed in app.store.list_businesses(&INSTALLATION).await? {
            let work = JobWork::ApplyRetention { day };
            let now = app.clock.now();
            let scope = TenantScope::of_listed(&listed);
            app.store.enqueue_job(&scope, &work, now).await?;
        }
        Ok::<_, Error>(())
    };
    match enqueued.await {
        Ok(()) => {
            app.work.notify_one();
            true
        }
        Err(error) => {
            tracing::error!(error = %error.chain(), "retention could not be enqueued");
            false
        }
    }
}

/// Asks for every business's fallback sentence, so that it is there before the first failure.
async fn speak_ahead(app: &App) {
    match app.store.list_businesses(&INSTALLATION).await {
        Ok(businesses) => {
            for listed in businesses {
                app.voices.fallback(&listed.business).await;
            }
        }
        Err(error) => tracing::error!(error = %error.chain(), "the businesses could not be read"),
    }
}
