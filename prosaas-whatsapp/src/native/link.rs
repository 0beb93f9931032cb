//! One business's link: its records, its state, and the tasks that work for it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use prosaas_core::message::Delivery;
use prosaas_core::whatsapp::{LinkState, WhatsAppEvent};
use prosaas_core::{Error, Result, TenantId};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;
use whatsapp_rust::waproto::codec;
use whatsapp_rust::{Client, Jid, SendOptions};

use super::Shared;
use super::driver::{Driver, Signal};
use super::keys::{self, Keys};
use super::listener::Heard;
use super::outbox::Outbox;
use super::queue::{Queue, UNSENT, Waiting};
use super::vault::Vault;

/// Signals that wait for the driver.
const SIGNALS: usize = 256;
/// Reports that wait to be written down.
const REPORTS: usize = 4096;
/// How long WhatsApp may take to say that it has a message, before it is sent again.
const ACKNOWLEDGED_WITHIN: Duration = Duration::from_secs(30);
/// After so many failures in a row a message counts as unsent.
const TRIES: u32 = 8;
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// What is known of one business.
pub(crate) struct Link {
    pub(crate) tenant: TenantId,
    pub(crate) shared: Arc<Shared>,
    pub(crate) vault: Vault,
    pub(crate) keys: Arc<Keys>,
    pub(crate) outbox: Arc<Outbox>,
    pub(crate) queue: Arc<Queue>,
    pub(crate) heard: Sender<Heard>,
    signals: Sender<Signal>,
    shown: watch::Sender<LinkState>,
    client: Mutex<Option<Arc<Client>>>,
}

impl Link {
    /// Opens what is stored of a business, and starts what works for it on `tasks`.
    pub(crate) async fn open(
        shared: Arc<Shared>,
        tenant: TenantId,
        tasks: &Mutex<JoinSet<()>>,
    ) -> Result<Arc<Self>> {
        let vault = Vault::new(Arc::clone(&shared.store), &shared.key, tenant);
        let clock = || Arc::clone(&shared.clock);
        let (options, linked) = (&shared.options, keys::is_linked(&vault).await?);
        let outbox = Outbox::open(vault.clone(), clock(), options.inbox_bound).await?;
        let queue = Queue::open(vault.clone(), clock(), tenant, options.queue_bound).await?;
        let (signals, signalled) = channel(SIGNALS);
        let (heard, to_write) = channel(REPORTS);
        let shown = if linked {
            LinkState::Connecting
        } else {
            LinkState::Unlinked
        };
        let link = Arc::new(Self {
            tenant,
            keys: Arc::new(Keys::new(vault.clone(), clock())),
            vault,
            outbox: Arc::new(outbox),
            queue: Arc::new(queue),
            heard,
            signals: signals.clone(),
            shown: watch::Sender::new(shown),
            client: Mutex::default(),
            shared,
        });
        let mut tasks = tasks.lock().unwrap_or_else(PoisonError::into_inner);
        tasks.spawn(Driver::new(Arc::clone(&link), linked, signals).run(signalled));
        tasks.spawn(Arc::clone(&link).write_down(to_write));
        tasks.spawn(Arc::clone(&link).offer());
        tasks.spawn(Arc::clone(&link).tell());
        tasks.spawn(Arc::clone(&link).send());
        Ok(link)
    }

    pub(crate) fn state(&self) -> LinkState {
        self.shown.borrow().clone()
    }

    /// Waits until the state is one that `is_it` looks for, or the time is over; gives the state then.
    pub(crate) async fn state_when(
        &self,
        is_it: impl FnMut(&LinkState) -> bool + Send,
        within: Duration,
    ) -> LinkState {
        let mut shown = self.shown.subscribe();
        let _ = timeout(within, shown.wait_for(is_it)).await;
        self.state()
    }

    pub(crate) async fn signal<T: Send>(
        &self,
        signal: impl FnOnce(oneshot::Sender<T>) -> Signal + Send,
    ) -> Result<T> {
        let gone = || Error::unavailable("WhatsApp link", "it was stopped");
        let (done, answer) = oneshot::channel();
        self.signals.send(signal(done)).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())
    }

    pub(crate) fn show(&self, state: LinkState) {
        self.shown.send_replace(state);
        self.queue.look();
    }

    pub(crate) fn connected(&self, client: Option<Arc<Client>>) {
        *self.client.lock().unwrap_or_else(PoisonError::into_inner) = client;
    }

    /// The client, when messages can be sent.
    pub(crate) fn ready(&self) -> Option<Arc<Client>> {
        let client = self.client.lock().unwrap_or_else(PoisonError::into_inner);
        client.clone().filter(|_| self.state().is_ready())
    }

    /// Writes down what was heard.
    async fn write_down(self: Arc<Self>, mut to_write: Receiver<Heard>) {
        while let Some(heard) = to_write.recv().await {
            if let Err(error) = self.heard(heard).await {
                tracing::error!(tenant = %self.tenant, error = %error.chain(), "a report is lost");
            }
        }
    }

    async fn heard(&self, heard: Heard) -> Result<()> {
        match heard {
            Heard::Instead(envelope) => self.outbox.keep(&[(envelope, None)]).await,
            Heard::Report {
                wa_ids,
                delivery,
                code,
                at,
            } => {
                let at = if at.0 == 0 {
                    self.shared.clock.now()
                } else {
                    at
                };
                for wa_id in wa_ids {
                    self.queue
                        .heard(&wa_id, delivery, code.clone(), at, &self.outbox)
                        .await?;
                }
                Ok(())
            }
        }
    }

    /// Offers the inbox what was kept, in order, each until it is taken.
    async fn offer(self: Arc<Self>) {
        let mut failures = 0;
        loop {
            match self.offer_one().await {
                Ok(true) => failures = 0,
                Ok(false) => self.outbox.news().await,
                Err(error) => {
                    failures += 1;
                    let pause = pause(self.shared.options.retry_first, failures);
                    tracing::warn!(tenant = %self.tenant, error = %error.chain(), "the inbox did not take an event");
                    let _ = timeout(pause, self.outbox.news()).await;
                }
            }
        }
    }

    /// Whether there was one.
    async fn offer_one(&self) -> Result<bool> {
        let Some((number, event)) = self.outbox.first().await? else {
            return Ok(false);
        };
        if let Some(event) = event {
            self.shared.inbox.accept(self.tenant, event).await?;
        }
        self.outbox.taken(number).await?;
        Ok(true)
    }

    /// Tells the inbox of the link's state: the last one that holds, not every one that held.
    async fn tell(self: Arc<Self>) {
        let mut shown = self.shown.subscribe();
        let mut told = shown.borrow_and_update().as_str();
        let mut failures = 0;
        loop {
            let state = shown.borrow_and_update().clone();
            if state.as_str() != told {
                let event = WhatsAppEvent::Link(state.clone());
                if self.shared.inbox.accept(self.tenant, event).await.is_ok() {
                    (told, failures) = (state.as_str(), 0);
                } else {
                    failures += 1;
                    let pause = pause(self.shared.options.retry_first, failures);
                    let _ = timeout(pause, shown.changed()).await;
                    continue;
                }
            }
            if shown.changed().await.is_err() {
                return;
            }
        }
    }

    /// Sends what waits, one after the other.
    async fn send(self: Arc<Self>) {
        let mut failures = 0;
        loop {
            match self.send_one().await {
                Ok(true) => {
                    failures = 0;
                    self.keep_pace().await;
                }
                Ok(false) => self.queue.news().await,
                Err(error) => {
                    failures += 1;
                    tracing::warn!(tenant = %self.tenant, error = %error.chain(), "a message was not sent");
                    if failures >= TRIES {
                        failures = 0;
                        self.give_up_first().await;
                    } else {
                        let pause = pause(Duration::from_secs(1), failures);
                        let _ = timeout(pause, self.queue.news()).await;
                    }
                }
            }
        }
    }

    /// Whether there was one, and WhatsApp said what became of it.
    async fn send_one(&self) -> Result<bool> {
        let (Some(client), Some(waiting)) = (self.ready(), self.queue.first().await?) else {
            return Ok(false);
        };
        let internal = |error| Error::internal("a message that waits", error);
        let message = codec::message_decode(&waiting.message).map_err(internal)?;
        let chat: Jid = waiting
            .chat
            .parse()
            .map_err(|_| Error::internal("a message that waits", "it has no chat"))?;
        let options = SendOptions::default().with_message_id(waiting.wa_id.clone());
        client
            .send_message_with_options(chat, message, options)
            .await
            .map_err(|error| Error::unavailable("WhatsApp", error))?;
        let acknowledged = self.until_gone(&waiting);
        if timeout(ACKNOWLEDGED_WITHIN, acknowledged).await.is_err() {
            return Err(Error::unavailable(
                "WhatsApp",
                "it did not say that it has a message",
            ));
        }
        Ok(true)
    }

    /// Waits until a message waits no longer; the connection it was sent on may end before.
    async fn until_gone(&self, waiting: &Waiting) {
        loop {
            match self.queue.first().await {
                Ok(Some(first)) if first.wa_id == waiting.wa_id => {}
                _ => return,
            }
            if self.ready().is_none() {
                return;
            }
            self.queue.news().await;
        }
    }

    /// A message that cannot be sent does not hold up those behind it.
    async fn give_up_first(&self) {
        if self.ready().is_none() {
            return;
        }
        if let Ok(Some(waiting)) = self.queue.first().await {
            let (code, now) = (Some(UNSENT.to_owned()), self.shared.clock.now());
            let heard = self
                .queue
                .heard(&waiting.wa_id, Delivery::Failed, code, now, &self.outbox);
            let _ = heard.await;
        }
    }

    /// People do not write without a pause.
    #[expect(
        clippy::disallowed_methods,
        reason = "the pause between two messages is a time, not a condition"
    )]
    async fn keep_pace(&self) {
        let pace = &self.shared.options.pace;
        let spread = pace.end.saturating_sub(pace.start).as_millis() as u64;
        let random = getrandom::u32().unwrap_or_default();
        let more = spread * u64::from(random) / u64::from(u32::MAX);
        tokio::time::sleep(pace.start + Duration::from_millis(more)).await;
    }
}

/// Doubling from `first`.
fn pause(first: Duration, failures: u32) -> Duration {
    let doubled = first.saturating_mul(1 << failures.saturating_sub(1).min(16));
    doubled.min(LONGEST_PAUSE.max(first))
}
