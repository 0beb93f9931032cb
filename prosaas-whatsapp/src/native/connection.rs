//! One connection to WhatsApp: a client of the library, and every task that belongs to it.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use prosaas_core::{E164, Error, Result};
use tokio::sync::mpsc::Sender;
use whatsapp_rust::pair_code::PairCodeOptions;
use whatsapp_rust::store::persistence_manager::PersistenceManager;
use whatsapp_rust::types::events::Subscription;
use whatsapp_rust::{CacheConfig, Client};

use super::driver::Signal;
use super::hook::Hook;
use super::link::Link;
use super::listener::{HeardOf, Listener};
use super::network::Dialer;
use super::tasks::Tasks;

/// How long a connection may take to end in order.
const CLOSING: Duration = Duration::from_secs(8);
/// How long WhatsApp may take to unlink.
const LEAVING: Duration = Duration::from_secs(10);
/// What was sent is kept so long for people whose phones ask for it again.
const SENT_SECS: u64 = 14 * 24 * 3600;
/// How often the library's device is saved, when it changed.
const SAVING: Duration = Duration::from_secs(5);

/// A connection, being made or there.
pub(crate) struct Connection {
    client: Arc<Client>,
    tasks: Tasks,
    _listening: Subscription,
}

impl Connection {
    /// Begins to connect with the keys that are stored, or new ones where there are none.
    pub(crate) async fn open(
        link: &Link,
        generation: u64,
        signals: Sender<Signal>,
    ) -> Result<Self> {
        let tasks = Tasks::here();
        let network = &link.shared.network;
        let dialer = Dialer::new(network.socket.clone(), tasks.clone());
        let unreachable = dialer.unreachable();
        let device = PersistenceManager::new(Arc::<super::keys::Keys>::clone(&link.keys))
            .await
            .map_err(|error| Error::internal("the link's keys", error))?;
        let cache = CacheConfig {
            sent_message_ttl_secs: SENT_SECS,
            ..CacheConfig::default()
        };
        let client = Client::builder()
            .with_runtime(tasks.clone())
            .with_persistence_manager(Arc::new(device))
            .with_transport_factory(dialer)
            .with_http_client_arc(Arc::clone(&network.http))
            .with_version_override(link.shared.versions.now().await)
            .with_cache_config(cache)
            .with_inbound_durability_hook(Hook {
                keys: Arc::clone(&link.keys),
                outbox: Arc::clone(&link.outbox),
                queue: Arc::clone(&link.queue),
            })
            .with_skip_history_sync(true)
            .with_background_saver_interval(SAVING)
            .build()
            .await
            .map_err(|error| Error::internal("the WhatsApp client", error))?
            .into_client();
        // What follows the end of a connection is the link's to decide.
        client.enable_auto_reconnect.store(false, Ordering::Relaxed);
        let listener = Listener::new(generation, signals.clone(), link.heard.clone());
        let heard_of = listener.heard_of();
        let listening = client.subscribe_handler(Arc::new(listener));
        let running = run(
            Arc::clone(&client),
            heard_of,
            unreachable,
            generation,
            signals,
        );
        tasks.start(Box::pin(running));
        Ok(Self {
            client,
            tasks,
            _listening: listening,
        })
    }

    pub(crate) fn client(&self) -> Arc<Client> {
        Arc::clone(&self.client)
    }

    /// Asks for a code to be typed; it comes as an event, or its refusal does.
    pub(crate) fn request_pairing_code(&self, phone: &E164) {
        let client = self.client();
        let options = PairCodeOptions {
            phone_number: phone.expose().trim_start_matches('+').to_owned(),
            ..PairCodeOptions::default()
        };
        self.tasks.start(Box::pin(async move {
            if let Err(error) = client.pair_with_code(options).await {
                tracing::info!(%error, "WhatsApp gave no code to be typed");
            }
        }));
    }

    /// Tells WhatsApp that this device is linked no longer.
    pub(crate) async fn log_out(&self) {
        let _ = tokio::time::timeout(LEAVING, self.client.logout()).await;
    }

    /// Ends the connection and everything that belongs to it. The link stays.
    pub(crate) async fn close(&self) {
        if tokio::time::timeout(CLOSING, self.client.disconnect())
            .await
            .is_err()
        {
            tracing::warn!("a connection to WhatsApp did not end in order");
        }
        self.tasks.end().await;
    }
}

/// The library's tasks hold its client, and the client its tasks: somebody has to let go.
impl Drop for Connection {
    fn drop(&mut self) {
        self.tasks.abort();
    }
}

/// Lives as long as the connection, and says why it ended.
async fn run(
    client: Arc<Client>,
    heard_of: Arc<Mutex<HeardOf>>,
    unreachable: Arc<Mutex<bool>>,
    generation: u64,
    signals: Sender<Signal>,
) {
    client.run().await;
    let unreachable = *unreachable.lock().unwrap_or_else(PoisonError::into_inner);
    let cause = heard_of
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .cause(unreachable);
    let _ = signals.send(Signal::Ended(generation, cause)).await;
}
