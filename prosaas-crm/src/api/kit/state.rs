//! What every handler may reach.

use std::sync::Arc;

use prosaas_core::{Clock, ExposeSecret as _, SecretString, UnixMillis};
use sha2::{Digest as _, Sha256};

use super::auth::Authenticator;
use super::cursor::Cursors;
use super::limit::{Limiter, Limits};

/// The settings of the API.
#[derive(Clone, Debug)]
pub struct ApiConfig {
    /// The origin browsers use, such as `https://crm.example`: no path, no slash at the end.
    pub public_origin: String,
    /// The secret under which cursors and short-lived links are signed.
    pub signing_key: SecretString,
    /// How much one address, key and business may ask.
    pub limits: Limits,
}

/// What the API is made of.
#[derive(Debug)]
pub struct ApiParts {
    /// The settings.
    pub config: ApiConfig,
    /// Where "now" comes from.
    pub clock: Arc<dyn Clock>,
    /// Who finds out who asks.
    pub authenticator: Arc<dyn Authenticator>,
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

    pub(super) fn authenticator(&self) -> &dyn Authenticator {
        &*self.0.parts.authenticator
    }

    pub(super) fn cursors(&self) -> &Cursors {
        &self.0.cursors
    }

    pub(super) fn limiter(&self) -> &Limiter {
        &self.0.limiter
    }
}
