//! A running server: its listener and background work under one owner, and the way it stops.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::serve::ListenerExt as _;
use prosaas_crm::RetryPolicy;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::calls::voice_cache::VoiceSpeaker;
use crate::house;
use crate::jobs;
use crate::lag;
use crate::routes;
use crate::standby;
use crate::wiring::App;

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
        work.spawn(house::keep(Arc::clone(&app), stop.clone()));
        work.spawn(standby::run(Arc::clone(&app), stop.clone()));
        work.spawn(lag::run(Arc::clone(&app), stop.clone()));
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
