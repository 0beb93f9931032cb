//! The CRM's API inside an application that has its own login: `embedded DATABASE [PORT]`.
//!
//! The application's login is one bearer token here, and says so with `from_trusted_host`. What it serves
//! is the whole API for one business, made on the first start.
#![expect(clippy::print_stdout, reason = "it tells where it listens")]

use std::net::SocketAddr;
use std::sync::Arc;

use async_trait::async_trait;
use axum::http::header;
use prosaas_core::time::SystemClock;
use prosaas_core::{Clock as _, Error, Language, SecretString, TenantId};
use prosaas_crm::api::accounts::Accounts;
use prosaas_crm::api::kit::{
    ApiConfig, ApiParts, ApiState, Authenticator, Caller, Limits, Presented, Problem, Quota,
    StreamTiming,
};
use prosaas_crm::auth::{Permissions, SystemScope, TenantScope};
use prosaas_crm::mail::MemoryMailer;
use prosaas_crm::model::id::ApiKeyId;
use prosaas_crm::payment::ExternalLinks;
use prosaas_crm::webhook::TargetPolicy;
use prosaas_crm::{BusinessAdmin as _, CrmStore, api, default_business};
use tokio::net::TcpListener;

/// What the application's users show. A real one would have one each.
const TOKEN: &str = "Bearer let-me-in";

/// The application's own login.
#[derive(Debug)]
struct HostLogin {
    caller: Caller,
}

#[async_trait]
impl Authenticator for HostLogin {
    async fn authenticate(&self, presented: Presented<'_>) -> Result<Option<Caller>, Problem> {
        let shown = presented.headers.get(header::AUTHORIZATION);
        Ok(shown
            .is_some_and(|token| token == TOKEN)
            .then_some(self.caller))
    }

    async fn recheck(&self, caller: &Caller) -> Result<Option<Caller>, Problem> {
        Ok(Some(*caller))
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let database = arguments.next().ok_or("say which database")?;
    let port = arguments.next().map_or(Ok(0), |port| port.parse())?;
    let clock = Arc::new(SystemClock);
    let store = CrmStore::open(&database, Arc::clone(&clock) as _).await?;
    let tenant = business(&store).await?;
    let scope = TenantScope::from_trusted_host(tenant, Permissions::all());
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    let origin = format!("http://{}", listener.local_addr()?);
    let plenty = Quota::per_minute(1_000_000);
    let state = ApiState::new(ApiParts {
        config: ApiConfig {
            public_origin: origin.clone(),
            signing_key: SecretString::from("a real application keeps this one secret"),
            limits: Limits {
                address: plenty,
                credential: plenty,
                tenant: plenty,
                exports: plenty,
            },
            streams: StreamTiming::default(),
            data_dir: std::env::temp_dir(),
            webhook_targets: TargetPolicy::Public,
        },
        store: Arc::new(store),
        authenticator: Arc::new(HostLogin {
            caller: Caller::key(ApiKeyId::mint(clock.now()), scope),
        }),
        clock,
        // Nobody signs in here: the application has its own login.
        accounts: Accounts::standard(&origin, Arc::new(MemoryMailer::default()))?,
        payments: Arc::new(ExternalLinks),
        whatsapp: None,
        live: None,
        talk: None,
        scripts: None,
    });
    println!("{origin}");
    let service = api::router(&state).into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, service).await?;
    Ok(())
}

/// The one business: that of the last start, or a new one.
async fn business(store: &CrmStore) -> Result<TenantId, Error> {
    if let Some(known) = store
        .list_businesses(&SystemScope::from_operator())
        .await?
        .first()
    {
        return Ok(known.business.id);
    }
    let tenant = TenantId::mint(SystemClock.now());
    let business = default_business(tenant, "Dana's garage", Language::En);
    store
        .add_business(&SystemScope::from_operator(), &business, &[])
        .await?;
    Ok(tenant)
}
