//! The behaviour suites: what every backend of a trait must do, written once.
//!
//! Each suite is an ordinary `async fn` over a *fixture* that you write for your backend: it makes a
//! fresh backend and does what the trait has no method for (look at what was stored, be the far
//! side). Nothing here needs a particular runtime; call it from whatever async test you have.
//!
//! ```
//! use prosaas_core::memory::{MemoryLead, MemoryStore};
//! use prosaas_core::testkit::tenant_store::{Fixture, SeenLead, Seed, suite};
//! use prosaas_core::{CallId, TenantId, TranscriptLine};
//!
//! struct Mine;
//!
//! #[async_trait::async_trait]
//! impl Fixture for Mine {
//!     type Store = MemoryStore; // yours
//!     async fn store(&self, businesses: Vec<Seed>) -> MemoryStore {
//!         let store = MemoryStore::new();
//!         for seed in businesses {
//!             store.add_business(seed.business, seed.numbers);
//!         }
//!         store
//!     }
//!     async fn transcript(&self, store: &MemoryStore, tenant: TenantId, call: CallId) -> Vec<TranscriptLine> {
//!         store.transcript(tenant, call)
//!     }
//!     async fn leads(&self, store: &MemoryStore, tenant: TenantId) -> Vec<SeenLead> {
//!         let seen = |lead: MemoryLead| SeenLead { id: lead.id, calls: lead.calls, known: lead.known };
//!         store.leads(tenant).into_iter().map(seen).collect()
//!     }
//! }
//!
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! suite(&Mine).await; // panics with a sentence that names the broken rule
//! # });
//! ```
//!
//! A suite panics at the first broken rule. Rules that a backend does not claim by its capabilities are
//! left out. A backend that never answers makes a suite wait for ever: set a deadline around it.

pub mod audio_bridge;
pub mod dice;
pub mod samples;
pub mod signature;
pub mod tenant_store;
pub mod whatsapp;

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;

/// Runs futures at once, in one task, and returns their results in the order given.
///
/// What makes races in the suites: every future is started before any of them is waited for.
pub async fn join_all<'a, T: Send>(
    futures: impl IntoIterator<Item = Pin<Box<dyn Future<Output = T> + Send + 'a>>>,
) -> Vec<T> {
    let mut running: Vec<_> = futures
        .into_iter()
        .map(|future| (Some(future), None))
        .collect();
    poll_fn(move |cx| {
        let mut all_done = true;
        for (future, result) in &mut running {
            let Some(pending) = future else { continue };
            match pending.as_mut().poll(cx) {
                Poll::Ready(value) => {
                    *result = Some(value);
                    *future = None;
                }
                Poll::Pending => all_done = false,
            }
        }
        if all_done {
            Poll::Ready(
                running
                    .iter_mut()
                    .filter_map(|(_, result)| result.take())
                    .collect(),
            )
        } else {
            Poll::Pending
        }
    })
    .await
}
