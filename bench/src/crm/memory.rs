//! The server's memory on a full database: at rest, and while the console's requests come in.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context as _, ensure};
use prosaas_core::Clock as _;
use prosaas_core::time::SystemClock;
use prosaas_crm::auth::token::KeyEnvironment;
use prosaas_crm::auth::{Permission, Permissions};
use prosaas_crm::model::access::NewApiKey;
use prosaas_crm::{CrmStore, StoreOptions};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::task::JoinSet;

use super::world::Tenant;
use crate::generator::http;
use crate::measure::process::Reading;
use crate::subject::{Server, Subject, server_program};

/// Requests in all: below what one address may ask in a minute.
const REQUESTS: usize = 1_000;
/// Requests at once.
const AT_ONCE: usize = 16;
/// What is asked for in turn: the largest pages, and searches.
const PATHS: [&str; 5] = [
    "/api/crm/leads?limit=200",
    "/api/search?q=%D7%9E%D7%A9%D7%94&limit=200",
    "/api/crm/leads?limit=200&sort=created_at",
    "/api/calls?limit=200",
    "/api/crm/leads/board",
];

/// Resident memory of `prosaas serve`, in KiB.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Memory {
    pub(crate) idle_kib: u64,
    /// The most that was seen while requests came in.
    pub(crate) loaded_kib: u64,
}

impl Memory {
    /// Starts the server on a database and loads it.
    pub(crate) async fn of_server(
        url: &str,
        options: &StoreOptions,
        tenant: &Tenant,
    ) -> anyhow::Result<Self> {
        let keys = keys(options, tenant).await?;
        let program = server_program()?;
        let server = Server {
            program: &program,
            // Nothing listens there: no call is made.
            model: SocketAddr::from(([127, 0, 0, 1], 9)),
            auth_token: "no call is made",
            batch_ms: 20,
            businesses: 0,
        };
        let subject = Subject::on_database(&server, url).await?;
        let idle_kib = Reading::of(subject.pid)?.rss_kib;
        let loaded_kib = load(&subject, &keys).await?;
        subject.stop().await?;
        Ok(Self {
            idle_kib,
            loaded_kib: loaded_kib.max(idle_kib),
        })
    }
}

/// Keys that may read; two, since one alone may not ask that much in a minute.
async fn keys(options: &StoreOptions, tenant: &Tenant) -> anyhow::Result<Arc<[SecretString; 2]>> {
    let store = CrmStore::open_with(options, Arc::new(SystemClock)).await?;
    let mut keys = Vec::new();
    for name in ["one", "other"] {
        let scopes = Permissions::from_iter([Permission::LeadsRead, Permission::CallsRead]);
        let new = NewApiKey::new(name, scopes, None, SystemClock.now())?;
        let made = store
            .create_api_key(&tenant.scope(), &new, KeyEnvironment::Live)
            .await?;
        keys.push((made.0.expose(), made.1.id));
    }
    store.close().await;
    let keys: [_; 2] = keys
        .into_iter()
        .map(|(key, _)| key)
        .collect::<Vec<_>>()
        .try_into()
        .map_err(|_| anyhow::anyhow!("two keys were made"))?;
    Ok(Arc::new(keys))
}

/// Makes the requests; the most memory that was seen.
async fn load(subject: &Subject, keys: &Arc<[SecretString; 2]>) -> anyhow::Result<u64> {
    let address = subject.address;
    let mut most = 0;
    let mut running = JoinSet::new();
    for n in 0..REQUESTS + AT_ONCE {
        if n < REQUESTS {
            let keys = Arc::clone(keys);
            running.spawn(async move {
                let bearer = format!("Bearer {}", keys[n % 2].expose_secret());
                let path = PATHS[n % PATHS.len()];
                let status = http::get(address, path, &[("Authorization", &bearer)]).await?;
                anyhow::Ok((path, status))
            });
        }
        if n >= AT_ONCE {
            let answered = running.join_next().await.context("no request runs")??;
            let (path, status) = answered?;
            ensure!(status == 200, "`{path}` was answered with {status}");
            most = most.max(Reading::of(subject.pid)?.rss_kib);
        }
    }
    Ok(most)
}
