//! What every handler may reach.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use axum::http::StatusCode;
use prosaas_core::{Clock, ExposeSecret as _, SecretString, UnixMillis, WhatsAppTransport};
use sha2::{Digest as _, Sha256};
use tokio_util::task::TaskTracker;

use super::auth::Authenticator;
use super::cursor::Cursors;
use super::limit::{Key, Limiter, Limits};
use super::problem::{ApiResult, Problem};
use super::sse::{Bell, Seats, StreamTiming};
use crate::CrmStore;
use crate::api::CallScripts;
use crate::api::accounts::Accounts;
use crate::auth::TenantScope;
use crate::auth::token::OpaqueToken;
use crate::live::LiveDesk;
use crate::payment::PaymentProvider;
use crate::talk::TalkDesk;
use crate::webhook::TargetPolicy;

/// The settings of the API.
#[derive(Clone, Debug)]
pub struct ApiConfig {
    /// The origin browsers use, such as `https://crm.example`: no path, no slash at the end.
    pub public_origin: String,
    /// The secret under which cursors and short-lived links are signed.
    pub signing_key: SecretString,
    /// How much one address, key and business may ask.
    pub limits: Limits,
    /// How often event streams look up.
    pub streams: StreamTiming,
    /// The folder that the paths of recordings begin in.
    pub data_dir: PathBuf,
    /// Where webhooks may lead.
    pub webhook_targets: TargetPolicy,
}

/// What the API is made of.
pub struct ApiParts {
    /// The settings.
    pub config: ApiConfig,
    /// The database.
    pub store: Arc<CrmStore>,
    /// Where "now" comes from.
    pub clock: Arc<dyn Clock>,
    /// Who finds out who asks.
    pub authenticator: Arc<dyn Authenticator>,
    /// What signing in needs beside the database.
    pub accounts: Accounts,
    /// Who makes the links that people pay by.
    pub payments: Arc<dyn PaymentProvider>,
    /// The way to WhatsApp, where the installation has one.
    pub whatsapp: Option<Arc<dyn WhatsAppTransport>>,
    /// The calls that this process carries, where it carries any.
    pub live: Option<Arc<dyn LiveDesk>>,
    /// Who lets people talk to the agent from the console, where somebody does.
    pub talk: Option<Arc<dyn TalkDesk>>,
    /// What happened in calls, where this process keeps it.
    pub scripts: Option<Arc<dyn CallScripts>>,
}

impl fmt::Debug for ApiParts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiParts")
            .field("config", &self.config)
            .field("whatsapp", &self.whatsapp.is_some())
            .finish_non_exhaustive()
    }
}

/// The state of every handler; cheap to clone.
#[derive(Clone, Debug)]
pub struct ApiState(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    parts: ApiParts,
    signing_key: [u8; 32],
    cursors: Cursors,
    limiter: Limiter,
    seats: Seats,
    tasks: TaskTracker,
}

impl ApiState {
    /// The state over these parts.
    pub fn new(parts: ApiParts) -> Self {
        let signing_key = Sha256::digest(parts.config.signing_key.expose_secret()).into();
        let limiter = Limiter::new(parts.config.limits.clone());
        Self(Arc::new(Inner {
            cursors: Cursors::new(&signing_key),
            parts,
            signing_key,
            limiter,
            seats: Seats::default(),
            tasks: TaskTracker::new(),
        }))
    }

    /// The present moment.
    pub fn now(&self) -> UnixMillis {
        self.0.parts.clock.now()
    }

    /// The clock.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.0.parts.clock
    }

    /// The database.
    pub fn store(&self) -> &CrmStore {
        &self.0.parts.store
    }

    /// What signing in needs beside the database.
    pub(crate) fn accounts(&self) -> &Accounts {
        &self.0.parts.accounts
    }

    /// Who makes the links that people pay by.
    pub(crate) fn payments(&self) -> &dyn PaymentProvider {
        &*self.0.parts.payments
    }

    /// The way to WhatsApp.
    ///
    /// # Errors
    /// 503 `whatsapp-not-configured` when the installation has none.
    pub(crate) fn whatsapp(&self) -> ApiResult<&dyn WhatsAppTransport> {
        self.0.parts.whatsapp.as_deref().ok_or_else(|| {
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "whatsapp-not-configured")
                .detail("this installation has no way to WhatsApp; its operator configures one")
        })
    }

    /// The calls that this process carries.
    pub(crate) fn live(&self) -> Option<&dyn LiveDesk> {
        self.0.parts.live.as_deref()
    }

    /// Who lets people talk to the agent.
    ///
    /// # Errors
    /// 503 `talk-not-available` when this host does not.
    pub(crate) fn talk(&self) -> ApiResult<&dyn TalkDesk> {
        self.0.parts.talk.as_deref().ok_or_else(|| {
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "talk-not-available")
                .detail("this server does not carry calls")
        })
    }

    /// What happened in calls.
    pub(crate) fn scripts(&self) -> Option<&dyn CallScripts> {
        self.0.parts.scripts.as_deref()
    }

    /// The address of a page that takes a one-time token. The token stands behind the `#`: browsers send
    /// that to nobody, so it is in no server's log and no `Referer`.
    pub(crate) fn link(&self, page: &str, token: &OpaqueToken) -> SecretString {
        let origin = &self.config().public_origin;
        SecretString::from(format!("{origin}/{page}#token={}", token.expose()))
    }

    /// The settings.
    pub fn config(&self) -> &ApiConfig {
        &self.0.parts.config
    }

    /// The key for what is signed and handed out; derive another one for each purpose.
    pub fn signing_key(&self) -> &[u8; 32] {
        &self.0.signing_key
    }

    /// Whether cookies may say `Secure`: not over plain HTTP on one's own machine.
    pub fn secure_cookies(&self) -> bool {
        self.config().public_origin.starts_with("https://")
    }

    /// Looks again who listens to event streams: call it when a session or key was revoked, or a member
    /// was removed or got another role, so that he hears nothing more.
    pub fn recheck_streams(&self) {
        self.0.seats.ring(Bell::Recheck);
    }

    /// Ends the event streams, which have no end of their own: the first thing of a shutdown.
    pub fn close_streams(&self) {
        self.0.seats.ring(Bell::Close);
    }

    /// Waits for requests that go on although their clients have hung up. The last thing before the
    /// store is closed.
    pub async fn drain(&self) {
        self.0.tasks.close();
        self.0.tasks.wait().await;
    }

    pub(crate) fn tasks(&self) -> &TaskTracker {
        &self.0.tasks
    }

    pub(crate) fn seats(&self) -> &Seats {
        &self.0.seats
    }

    pub(crate) fn authenticator(&self) -> &dyn Authenticator {
        &*self.0.parts.authenticator
    }

    pub(super) fn cursors(&self) -> &Cursors {
        &self.0.cursors
    }

    /// Counts a file of leads out of a business.
    ///
    /// # Errors
    /// 429 with the time to wait, when there were too many.
    pub(crate) fn admit_export(&self, scope: &TenantScope) -> Result<(), Problem> {
        let key = Key::Exports(scope.tenant());
        self.limiter().take(key, self.now()).map(drop)
    }

    pub(super) fn limiter(&self) -> &Limiter {
        &self.0.limiter
    }
}
