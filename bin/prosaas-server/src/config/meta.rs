//! WhatsApp by Meta's Cloud API: the installation's app at Meta. Numbers and tokens are the businesses' own.

use std::fmt;

use prosaas_core::SecretString;
use prosaas_whatsapp::cloud::DEFAULT_BASE;
use url::Url;

use super::{Vars, urls};

/// The app at Meta through which businesses' numbers are reached.
#[derive(Clone)]
pub struct MetaConfig {
    /// `META_APP_SECRET`, by which Meta signs its webhooks.
    pub app_secret: SecretString,
    /// `META_VERIFY_TOKEN`, the words that were entered at Meta beside the webhook's address.
    pub verify_token: SecretString,
    /// `META_GRAPH_BASE`: Meta's Graph API with its version.
    pub graph_base: String,
}

impl fmt::Debug for MetaConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MetaConfig")
            .field("graph_base", &self.graph_base)
            .finish_non_exhaustive()
    }
}

/// The app as configured; `None` without `META_APP_SECRET` and `META_VERIFY_TOKEN`, which go together.
pub(super) fn of_app<F: Fn(&str) -> Option<String>>(vars: Vars<'_, F>) -> Option<MetaConfig> {
    let graph_base = vars.parsed("META_GRAPH_BASE", DEFAULT_BASE.to_owned(), graph_base);
    match (
        vars.secret("META_APP_SECRET"),
        vars.secret("META_VERIFY_TOKEN"),
    ) {
        (Some(app_secret), Some(verify_token)) => Some(MetaConfig {
            app_secret,
            verify_token,
            graph_base,
        }),
        (None, None) => None,
        (Some(_), None) => {
            vars.problem(
                "META_VERIFY_TOKEN",
                "is not set, and META_APP_SECRET is: set the words that are entered at Meta beside the webhook",
            );
            None
        }
        (None, Some(_)) => {
            vars.problem(
                "META_APP_SECRET",
                "is not set, and META_VERIFY_TOKEN is: set the secret that Meta shows for the app",
            );
            None
        }
    }
}

/// Tokens go there: plain HTTP is taken towards this machine only.
fn graph_base(text: &str) -> Result<String, String> {
    let is_fit = |url: &Url| {
        (url.scheme() == "https" || (url.scheme() == "http" && urls::is_loopback(url)))
            && url.has_host()
            && url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none()
    };
    match Url::parse(text) {
        Ok(url) if is_fit(&url) => Ok(text.to_owned()),
        _ => Err(format!(
            "expected the address of Meta's API with its version, such as {DEFAULT_BASE}"
        )),
    }
}
