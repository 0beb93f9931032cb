//! The behaviour suite of the store: what every backend must do, written once.
//!
//! Give it a [`Fixture`] for your backend and call [`suite`] from an async test. It runs the core's
//! suite of [`prosaas_core::TenantStore`] as well, through a [`HostStore`], and panics at the first
//! broken rule with a sentence that names it. Nothing here needs a particular runtime.

pub mod businesses;
pub mod calls;
pub mod jobs;
pub mod leads;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub mod missed_calls;
pub mod payments;
#[cfg(feature = "push")]
pub mod push;
pub mod recordings;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub mod records;
#[cfg(feature = "mail")]
pub mod smtp;
pub mod tokens;

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use prosaas_core::testkit::samples::{new_call, seed};
use prosaas_core::testkit::tenant_store::{self, Seed, SeenLead};
use prosaas_core::{
    CallId, CallRecord, Error, ErrorClass, Result, TenantId, TranscriptLine, UnixMillis,
};

use crate::auth::{Scoped, SystemScope, TenantScope};
use crate::model::page::Page;
use crate::store::{BusinessAdmin, CallStore, HostStore, LeadStore, PhoneStore, Store};

/// Leave to act on the installation, as its command line has it.
pub const OPERATOR: SystemScope = SystemScope::from_operator();

/// Leave to act in a business, as a call of it gives: what a test passes where the code behind it was
/// handed a verified webhook.
pub fn scope(tenant: TenantId) -> TenantScope {
    TenantScope::for_agent(tenant)
}

/// How the suite gets at a backend.
#[async_trait]
pub trait Fixture: Send + Sync {
    /// The backend.
    type Store: Store;

    /// A fresh store without businesses.
    async fn store(&self) -> Self::Store;
}

/// Runs every rule, each on a fresh store.
pub async fn suite(fixture: &impl Fixture) {
    tenant_store::suite(&AsTenantStore(fixture)).await;
    businesses::suite(fixture).await;
    calls::suite(fixture).await;
    leads::suite(fixture).await;
    recordings::suite(fixture).await;
    tokens::suite(fixture).await;
    jobs::suite(fixture).await;
}

/// A fixture of this suite as one of the core's.
#[derive(Debug)]
pub struct AsTenantStore<'a, F>(pub &'a F);

#[async_trait]
impl<F: Fixture> tenant_store::Fixture for AsTenantStore<'_, F> {
    type Store = HostStore<F::Store>;

    async fn store(&self, businesses: Vec<Seed>) -> Self::Store {
        let rule = "adding the core suite's businesses";
        let store = self.0.store().await;
        for seed in businesses {
            ok(
                store.add_business(&OPERATOR, &seed.business, &[]).await,
                rule,
            );
            for number in &seed.numbers {
                ok(
                    store
                        .import_number(&OPERATOR, seed.business.id, number)
                        .await,
                    rule,
                );
            }
        }
        HostStore::from_trusted_host(Arc::new(store))
    }

    async fn transcript(
        &self,
        store: &Self::Store,
        tenant: TenantId,
        call: CallId,
    ) -> Vec<TranscriptLine> {
        ok(
            store.store().transcript(&scope(tenant), call).await,
            "reading a transcript for the core suite",
        )
    }

    async fn leads(&self, store: &Self::Store, tenant: TenantId) -> Vec<SeenLead> {
        let store = store.store();
        let leads = store.list_leads(&scope(tenant), Page::first(200)).await;
        let rule = "reading leads for the core suite";
        let mut seen = Vec::new();
        for lead in ok(leads, rule) {
            seen.push(SeenLead {
                id: lead.id,
                calls: ok(store.calls_of_lead(&scope(tenant), lead.id).await, rule),
                known: lead.known,
            });
        }
        seen
    }
}

/// A store with two businesses, and a call of the first.
async fn with_call<F: Fixture>(fixture: &F, rule: &str) -> (F::Store, Scoped<CallRecord>) {
    let store = fixture.store().await;
    for n in [1, 2] {
        let seed = seed(n);
        ok(
            store
                .add_business(&OPERATOR, &seed.business, &seed.numbers)
                .await,
            rule,
        );
    }
    let (call, _) = ok(store.open_call(&scope(ours()), new_call(1)).await, rule);
    (store, call)
}

/// The business of [`with_call`] that has the call.
fn ours() -> TenantId {
    seed(1).business.id
}

/// The one that has not.
fn theirs() -> TenantId {
    seed(2).business.id
}

/// Everything that must look like "does not exist": a foreign tenant, an unknown one, an unknown call.
fn strangers(call: CallId) -> [(TenantId, CallId); 3] {
    let unknown = CallId::mint(UnixMillis(77));
    [
        (theirs(), call),
        (seed(3).business.id, call),
        (ours(), unknown),
    ]
}

fn ok<T>(result: Result<T>, rule: &str) -> T {
    result.unwrap_or_else(|error| panic!("{rule}: failed with `{}`", error.chain()))
}

fn refuses<T: Debug>(result: &Result<T>, class: ErrorClass, rule: &str) {
    match result.as_ref().map_err(Error::class) {
        Err(found) if found == class => {}
        _ => panic!("{rule}: expected an error of class {class:?}, got {result:?}"),
    }
}
