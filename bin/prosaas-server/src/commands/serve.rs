//! `prosaas serve`.

use std::io;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use prosaas_core::time::SystemClock;
use prosaas_crm::auth::SystemScope;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::admin_user;
use crate::config::Config;
use crate::erasures::Erasures;
use crate::server::Server;
use crate::wiring::{self, App};

/// Serves until SIGTERM or SIGINT. Live calls then finish; a second signal ends them.
///
/// # Errors
/// When a part cannot be set up, with a sentence that says which and what to do.
pub async fn run(config: Config) -> anyhow::Result<()> {
    let mut signals = Signals::new().context("signals cannot be received")?;
    for warning in &config.warnings {
        tracing::warn!("{warning}");
    }
    let listener = bind(&config).await?;
    let patience = config.drain;
    offer_first_administration(&config).await?;
    let parts = wiring::parts(&config, Arc::new(SystemClock)).await?;
    let erased = Erasures::replay_if_behind(&config.data_dir, &parts.store).await;
    let erased =
        erased.context("what was erased cannot be erased again from a restored database")?;
    if erased > 0 {
        tracing::warn!(
            erased,
            "the database is older than erasures: they were done again"
        );
    }
    let (app, speaker) = App::new(config, parts)?;
    let server = Server::start(app, speaker, listener)?;
    tracing::info!(address = %server.address(), public = %server.app().config.public_base_url, "serving");
    signals.next().await;
    server.stop(patience, signals.next()).await;
    Ok(())
}

/// While nobody administers the installation, says in the log how somebody can: a link that works once
/// and for a day. Whoever reads this log could read the database as well.
async fn offer_first_administration(config: &Config) -> anyhow::Result<()> {
    let store = wiring::open_store(config, Arc::new(SystemClock)).await?;
    let scope = SystemScope::from_operator();
    if let Some(token) = store.issue_first_admin_link(&scope).await? {
        let link = admin_user::link(&config.public_base_url, "first-admin", &token);
        tracing::warn!(%link, "nobody administers this installation: this link makes its first administrator, once, within a day");
    }
    store.close().await;
    Ok(())
}

/// Opens the port, or says in a sentence why it cannot.
///
/// # Errors
/// Names the address and what to do.
pub async fn bind(config: &Config) -> anyhow::Result<TcpListener> {
    let (host, port) = (config.host.as_str(), config.port);
    match TcpListener::bind((host, port)).await {
        Ok(listener) => Ok(listener),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            bail!(
                "port {port} on {host} is in use by another process; stop it or set PORT to a free port"
            )
        }
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            bail!(
                "port {port} on {host} may not be opened by this user; set PORT to one above 1023"
            )
        }
        Err(error) => {
            Err(error).with_context(|| format!("HOST {host} port {port} cannot be listened on"))
        }
    }
}

/// SIGTERM and SIGINT.
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// Takes both signals over from here on.
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// Completes when one of them arrives.
    pub(super) async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
