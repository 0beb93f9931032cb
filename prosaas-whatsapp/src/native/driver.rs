//! The one task that owns a link's state and its connection.

use std::sync::Arc;
use std::time::Duration;

use prosaas_core::whatsapp::LinkMethod;
use prosaas_core::{Error, Result};
use tokio::sync::mpsc::{Receiver, Sender};
use tokio::sync::oneshot;

use super::connection::Connection;
use super::keys;
use super::link::Link;
use super::machine::{Action, Cause, Input, Machine};

/// What the driver is woken by.
pub(crate) enum Signal {
    Link(LinkMethod, oneshot::Sender<()>),
    Unlink(oneshot::Sender<Result<()>>),
    Stop(oneshot::Sender<()>),
    /// An event of the connection with this number.
    Event(u64, Input),
    /// The connection with this number ended.
    Ended(u64, Cause),
}

/// A link's state, and the connection that it has.
pub(crate) struct Driver {
    link: Arc<Link>,
    machine: Machine,
    signals: Sender<Signal>,
    /// Counts connections: what an earlier one still says is not heard.
    generation: u64,
    connection: Option<Connection>,
}

impl Driver {
    pub(crate) fn new(link: Arc<Link>, linked: bool, signals: Sender<Signal>) -> Self {
        Self {
            link,
            machine: Machine::new(linked),
            signals,
            generation: 0,
            connection: None,
        }
    }

    /// Runs until it is told to stop.
    pub(crate) async fn run(mut self, mut signals: Receiver<Signal>) {
        self.take(Input::Start).await;
        loop {
            let signal = match self.until_due() {
                None => Ok(signals.recv().await),
                Some(wait) => tokio::time::timeout(wait, signals.recv()).await,
            };
            let Ok(signal) = signal else {
                self.take(Input::Tick).await;
                continue;
            };
            match signal {
                None => return,
                Some(Signal::Stop(done)) => {
                    // The link stays: whoever stops the process does not unlink the device.
                    self.disconnect().await;
                    let _ = done.send(());
                    return;
                }
                Some(signal) => self.signalled(signal).await,
            }
        }
    }

    fn until_due(&self) -> Option<Duration> {
        let wait = self.machine.deadline()?.since(self.link.shared.clock.now());
        Some(Duration::from_millis(wait.max(0).unsigned_abs()))
    }

    async fn signalled(&mut self, signal: Signal) {
        match signal {
            Signal::Link(method, done) => {
                self.take(Input::Link(method)).await;
                let _ = done.send(());
            }
            Signal::Unlink(done) => {
                let unlinked = self.unlink().await;
                let _ = done.send(unlinked);
            }
            Signal::Event(generation, input) if generation == self.generation => {
                self.take(input).await;
            }
            Signal::Ended(generation, cause) if generation == self.generation => {
                self.disconnect().await;
                self.look_for_a_link().await;
                self.take(Input::Closed(cause)).await;
            }
            Signal::Event(..) | Signal::Ended(..) | Signal::Stop(_) => {}
        }
    }

    /// The library says that it was linked after it told WhatsApp so, and the end that WhatsApp then wants may come
    /// first. What the library stored counts: a device that the phone has must not begin anew.
    async fn look_for_a_link(&mut self) {
        if self.machine.is_linked() {
            return;
        }
        match keys::is_linked(&self.link.vault).await {
            Ok(true) => self.take(Input::Paired).await,
            Ok(false) => {}
            Err(error) => {
                tracing::error!(tenant = %self.link.tenant, error = %error.chain(), "keys cannot be read");
            }
        }
    }

    async fn unlink(&mut self) -> Result<()> {
        let is_linked = self.machine.is_linked();
        if let Some(connection) = self.connection.as_ref().filter(|_| is_linked) {
            connection.log_out().await;
        }
        self.take(Input::Unlinked).await;
        if is_linked {
            self.link.queue.give_up(&self.link.outbox).await?;
        }
        if keys::is_linked(&self.link.vault).await? {
            let detail = "its keys are still there";
            return Err(Error::unavailable("WhatsApp link store", detail));
        }
        Ok(())
    }

    async fn take(&mut self, input: Input) {
        let (now, random) = (self.link.shared.clock.now(), random());
        for action in self.machine.step(input, now, random) {
            self.act(action).await;
        }
        let shown = self.machine.shown();
        self.link.show(shown);
    }

    async fn act(&mut self, action: Action) {
        match action {
            Action::Connect { fresh } => self.connect(fresh).await,
            Action::Disconnect => self.disconnect().await,
            Action::RequestPairingCode(phone) => {
                if let Some(connection) = &self.connection {
                    connection.request_pairing_code(&phone);
                }
            }
            Action::Forget => self.forget().await,
            Action::RefreshVersion => self.link.shared.versions.refresh().await,
        }
    }

    async fn connect(&mut self, fresh: bool) {
        self.disconnect().await;
        if fresh {
            self.forget().await;
        }
        let opened = Connection::open(&self.link, self.generation, self.signals.clone()).await;
        match opened {
            Ok(connection) => {
                self.link.connected(Some(connection.client()));
                self.connection = Some(connection);
            }
            Err(error) => {
                tracing::error!(tenant = %self.link.tenant, error = %error.chain(), "a link cannot be used");
                // Nobody takes it while this runs, and the channel has room: nothing else of this number comes.
                let _ = self
                    .signals
                    .try_send(Signal::Ended(self.generation, Cause::Failed));
            }
        }
    }

    async fn disconnect(&mut self) {
        self.generation += 1;
        self.link.connected(None);
        if let Some(connection) = self.connection.take() {
            connection.close().await;
        }
    }

    async fn forget(&self) {
        if let Err(error) = keys::forget(&self.link.vault).await {
            tracing::error!(tenant = %self.link.tenant, error = %error.chain(), "old keys stay");
        }
    }
}

/// From 0 to 1; the middle where the system has no chance to give.
fn random() -> f64 {
    getrandom::u32().map_or(0.5, |number| f64::from(number) / f64::from(u32::MAX))
}
