//! The CRM's HTTP API as this server runs it.

use std::sync::Arc;

use anyhow::Context as _;
use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use prosaas_core::{Clock, Error, Result, SecretString, WhatsAppTransport};
use prosaas_crm::CrmStore;
use prosaas_crm::api::CallScripts;
use prosaas_crm::api::accounts::{Accounts, SessionAuthenticator};
use prosaas_crm::api::kit::{ApiConfig, ApiParts, ApiState, Limits, Quota, StreamTiming};
use prosaas_crm::live::LiveDesk;
use prosaas_crm::mail::{Mail, Mailer};
use prosaas_crm::payment::ExternalLinks;
use prosaas_crm::talk::TalkDesk;
use prosaas_crm::webhook::TargetPolicy;
use url::Url;

use crate::calls::agent::Pseudonyms;
use crate::config::Config;

/// What the API is made of.
pub(crate) struct Services {
    pub(crate) store: Arc<CrmStore>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) mailer: Option<Arc<dyn Mailer>>,
    pub(crate) whatsapp: Option<Arc<dyn WhatsAppTransport>>,
    pub(crate) live: Arc<dyn LiveDesk>,
    pub(crate) talk: Arc<dyn TalkDesk>,
    pub(crate) scripts: Arc<dyn CallScripts>,
}

/// The state of the API: sessions and keys of the store, mail as configured.
///
/// # Errors
/// When `PUBLIC_BASE_URL` is no URL or the operating system has no randomness.
pub(crate) fn state(
    config: &Config,
    pseudonyms: &Pseudonyms,
    services: Services,
) -> anyhow::Result<ApiState> {
    let public = Url::parse(&config.public_base_url).context("PUBLIC_BASE_URL cannot be used")?;
    let public_origin = public.origin().ascii_serialization();
    let mailer = services.mailer.unwrap_or_else(|| Arc::new(NoMailServer));
    let accounts = Accounts::standard(&public_origin, mailer)
        .context("the accounts' services could not be set up")?;
    let authenticator = SessionAuthenticator::new(
        Arc::clone(&services.store),
        accounts.sessions,
        public_origin.starts_with("https://"),
        accounts.require_second_factor,
    );
    let signing_key = URL_SAFE_NO_PAD.encode(pseudonyms.derive("api", &[]));
    Ok(ApiState::new(ApiParts {
        config: ApiConfig {
            public_origin,
            signing_key: SecretString::from(signing_key),
            limits: limits(config.api_requests_per_minute),
            streams: StreamTiming::default(),
            data_dir: config.data_dir.clone(),
            webhook_targets: webhook_targets(config),
        },
        store: services.store,
        clock: services.clock,
        authenticator: Arc::new(authenticator),
        accounts,
        payments: Arc::new(ExternalLinks),
        whatsapp: services.whatsapp,
        live: Some(services.live),
        talk: Some(services.talk),
        scripts: Some(services.scripts),
    }))
}

/// Where outgoing webhooks may lead, as configured.
pub(crate) fn webhook_targets(config: &Config) -> TargetPolicy {
    if config.webhooks_to_anywhere {
        TargetPolicy::Development
    } else if config.webhooks_also_to.is_empty() {
        TargetPolicy::Public
    } else {
        TargetPolicy::PublicAnd(config.webhooks_also_to.as_slice().into())
    }
}

/// What one session or key may ask, and with it what an address and a business may.
const fn limits(requests: u32) -> Limits {
    Limits {
        address: Quota::per_minute(requests.saturating_mul(2)),
        credential: Quota::per_minute(requests),
        tenant: Quota::per_minute(requests.saturating_mul(10)),
        exports: Quota::per_minute(6),
    }
}

/// Stands where a mail server would: what needs mail says that there is none.
#[derive(Debug)]
struct NoMailServer;

#[async_trait]
impl Mailer for NoMailServer {
    async fn send(&self, _mail: &Mail) -> Result<()> {
        Err(Error::unavailable(
            "mail server",
            "PROSAAS_SMTP_URL is not set",
        ))
    }
}
