//! WhatsApp: where the sidecar is, and the secret that both sides sign with.

use std::fmt;

use prosaas_core::{ExposeSecret as _, SecretString};
use url::Url;

use super::Vars;

/// The shortest secret that backend and sidecar may share, in bytes; the sidecar refuses a shorter one too.
const SHORTEST_SECRET: usize = 32;

/// The sidecar that carries WhatsApp.
#[derive(Clone)]
pub struct WhatsAppConfig {
    /// `BAILEYS_BASE_URL`, such as `http://baileys:3300`.
    pub sidecar_url: String,
    /// `INTERNAL_SECRET`, by which each side knows the other.
    pub secret: SecretString,
}

impl fmt::Debug for WhatsAppConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WhatsAppConfig")
            .field("sidecar_url", &self.sidecar_url)
            .finish_non_exhaustive()
    }
}

/// The sidecar as configured; `None` without `BAILEYS_BASE_URL`.
pub(super) fn of_sidecar<F: Fn(&str) -> Option<String>>(
    vars: Vars<'_, F>,
    secret: Option<&SecretString>,
) -> Option<WhatsAppConfig> {
    let sidecar_url = vars.optional("BAILEYS_BASE_URL", sidecar_url)?;
    let Some(secret) = secret else {
        // One that is there and not fit was named already.
        if vars.text("INTERNAL_SECRET").is_none() {
            vars.problem(
                "INTERNAL_SECRET",
                "is not set, and BAILEYS_BASE_URL is: set the same 64 random hexadecimal digits here and at \
                 the sidecar",
            );
        }
        return None;
    };
    if secret.expose_secret().len() < SHORTEST_SECRET {
        vars.problem(
            "INTERNAL_SECRET",
            format!(
                "expected at least {SHORTEST_SECRET} random characters, because BAILEYS_BASE_URL is set: the \
                 WhatsApp sidecar signs with it"
            ),
        );
        return None;
    }
    Some(WhatsAppConfig {
        sidecar_url,
        secret: secret.clone(),
    })
}

/// Plain HTTP is taken towards any host: the two live on one internal network, and every request is signed.
fn sidecar_url(text: &str) -> Result<String, String> {
    let plain = |url: &Url| {
        matches!(url.scheme(), "http" | "https")
            && url.has_host()
            && url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none()
    };
    match Url::parse(text) {
        Ok(url) if plain(&url) => Ok(text.to_owned()),
        _ => Err(
            "expected the sidecar's address without user, query or fragment, such as http://baileys:3300"
                .to_owned(),
        ),
    }
}
