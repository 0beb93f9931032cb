//! What signing in needs beside the store.

use std::sync::Arc;

use prosaas_core::{Error, Result};
use url::Url;

#[cfg(feature = "passkeys")]
use crate::auth::passkey::Passkeys;
use crate::auth::password::Passwords;
use crate::auth::throttle::LoginRates;
use crate::auth::token::KeyEnvironment;
use crate::mail::Mailer;
use crate::model::access::SessionRules;

/// The services and settings of accounts.
#[derive(Clone, Debug)]
pub struct Accounts {
    /// Hashes passwords, a few at a time.
    pub passwords: Passwords,
    /// Sends invitations and links.
    pub mailer: Arc<dyn Mailer>,
    /// Runs the ceremonies; none where the site has no host name, such as `http://127.0.0.1`.
    #[cfg(feature = "passkeys")]
    pub passkeys: Option<Passkeys>,
    /// How long sessions live.
    pub sessions: SessionRules,
    /// How often a password may be tried.
    pub logins: LoginRates,
    /// Whether owners and system administrators may do nothing before they have a second factor.
    pub require_second_factor: bool,
    /// What API keys of this installation say about it.
    pub environment: KeyEnvironment,
    /// What authenticator apps show.
    pub site_name: String,
}

impl Accounts {
    /// The standard settings for a site at this origin: `http://` makes it a test installation.
    ///
    /// # Errors
    /// `Invalid` when the origin is no URL; `Internal` when the system gives no random bytes.
    pub fn standard(public_origin: &str, mailer: Arc<dyn Mailer>) -> Result<Self> {
        let origin: Url = public_origin
            .parse()
            .map_err(|_| Error::invalid("public URL", "expected such as `https://crm.example`"))?;
        let site_name = "ProSaaS".to_owned();
        let environment = if origin.scheme() == "https" {
            KeyEnvironment::Live
        } else {
            KeyEnvironment::Test
        };
        Ok(Self {
            passwords: Passwords::standard()?,
            mailer,
            #[cfg(feature = "passkeys")]
            passkeys: Passkeys::new(&origin, &site_name).ok(),
            sessions: SessionRules::STANDARD,
            logins: LoginRates::STANDARD,
            require_second_factor: false,
            environment,
            site_name,
        })
    }
}
