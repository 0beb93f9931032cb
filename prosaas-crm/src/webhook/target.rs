//! Where a webhook may go.
//!
//! A name is resolved once. Every address it resolves to must be public, and the connection goes to an
//! address that was checked: a name that changes its mind between two questions is asked only once.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use prosaas_core::Error;
use url::{Host, Url};

use super::address::is_public;

/// The longest address of a webhook, in bytes.
pub const MAX_URL: usize = 2_048;
/// The most addresses of a name that are looked at; a name with more is refused.
const MAX_ADDRESSES: usize = 64;
/// The only port, unless [`TargetPolicy::Development`].
const HTTPS_PORT: u16 = 443;

/// Endings of names that never lead to the public internet.
const PRIVATE_ENDINGS: [&str; 15] = [
    "alt",
    "arpa",
    "corp",
    "home",
    "internal",
    "intranet",
    "invalid",
    "lan",
    "local",
    "localdomain",
    "localhost",
    "onion",
    "private",
    "test",
    "example",
];

/// How strict the check is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum TargetPolicy {
    /// HTTPS on port 443 to the public internet.
    #[default]
    Public,
    /// The same, and services beside the server that the operator named: every business's owner may have
    /// events sent there, in the clear too.
    PublicAnd(Arc<[InsideService]>),
    /// Anything, for a developer's own machine. Whoever switches this on lets every owner of a webhook
    /// reach everything the server can reach.
    Development,
}

impl TargetPolicy {
    /// The same without the services that the operator named: those are for webhooks.
    #[must_use]
    pub fn without_services(&self) -> Self {
        match self {
            Self::Public | Self::PublicAnd(_) => Self::Public,
            Self::Development => Self::Development,
        }
    }
}

/// A service beside the server that webhooks may lead to, such as `n8n:5678`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InsideService {
    host: String,
    port: u16,
}

impl InsideService {
    fn is_of(&self, url: &Url) -> bool {
        url.host_str() == Some(self.host.as_str()) && url.port_or_known_default() == Some(self.port)
    }
}

impl std::str::FromStr for InsideService {
    type Err = Error;

    /// Reads `host:port`. The host is a name as URLs write it.
    fn from_str(text: &str) -> Result<Self, Error> {
        let wrong = || Error::invalid("service", "expected a host and a port, such as n8n:5678");
        let (host, port) = text.split_once(':').ok_or_else(wrong)?;
        let port = port.parse().map_err(|_| wrong())?;
        let url = Url::parse(&format!("http://{text}/")).map_err(|_| wrong())?;
        // Whatever a URL would write otherwise could never be met.
        if url.domain() != Some(host) || port == 0 {
            return Err(wrong());
        }
        let host = host.to_owned();
        Ok(Self { host, port })
    }
}

/// Why a request is not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// Not a URL, or too long for one.
    #[error("expected a URL of at most 2048 bytes")]
    NotAUrl,
    /// Spaces, control characters or backslashes, which programs read differently.
    #[error("expected a URL without spaces, control characters and backslashes")]
    Ambiguous,
    /// Not HTTPS.
    #[error("expected an https URL")]
    NotHttps,
    /// Another port.
    #[error("expected no port other than 443")]
    Port,
    /// A user name or password in the URL.
    #[error("expected no user name or password in the URL")]
    Credentials,
    /// A host that is no public name.
    #[error("expected a host name of the public internet")]
    Host,
    /// The name leads somewhere that is not public.
    #[error("the host's addresses are not all of the public internet")]
    Address,
}

impl From<TargetError> for Error {
    fn from(error: TargetError) -> Self {
        Self::invalid("url", error.to_string())
    }
}

/// An address that was read, and whose form is allowed. Where its name leads is checked by
/// [`Target::admit`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    url: Url,
    policy: TargetPolicy,
}

impl Target {
    /// Reads the address of a webhook.
    ///
    /// # Errors
    /// The first thing about it that is not allowed.
    pub fn parse(text: &str, policy: TargetPolicy) -> Result<Self, TargetError> {
        if text.len() > MAX_URL {
            return Err(TargetError::NotAUrl);
        }
        // The parser would mend these silently, and another program would mend them differently.
        if text.contains(|c: char| c == '\\' || c.is_control() || c.is_whitespace()) {
            return Err(TargetError::Ambiguous);
        }
        let url = Url::parse(text).map_err(|_| TargetError::NotAUrl)?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(TargetError::Credentials);
        }
        let target = Self { url, policy };
        if target.may_be_private() {
            target.check_reachable()?;
        } else {
            target.check_public()?;
        }
        Ok(target)
    }

    /// Whether it may lead into the server's own network, and in the clear.
    pub fn may_be_private(&self) -> bool {
        match &self.policy {
            TargetPolicy::Public => false,
            TargetPolicy::PublicAnd(services) => {
                services.iter().any(|service| service.is_of(&self.url))
            }
            TargetPolicy::Development => true,
        }
    }

    fn check_reachable(&self) -> Result<(), TargetError> {
        match (self.url.scheme(), self.url.host()) {
            ("http" | "https", Some(_)) => Ok(()),
            ("http" | "https", None) => Err(TargetError::Host),
            _ => Err(TargetError::NotHttps),
        }
    }

    fn check_public(&self) -> Result<(), TargetError> {
        if self.url.scheme() != "https" {
            return Err(TargetError::NotHttps);
        }
        if self.url.port_or_known_default() != Some(HTTPS_PORT) {
            return Err(TargetError::Port);
        }
        match self.url.host() {
            Some(Host::Domain(name)) if is_public_name(name) => Ok(()),
            Some(Host::Ipv4(address)) if is_public(address.into()) => Ok(()),
            Some(Host::Ipv6(address)) if is_public(address.into()) => Ok(()),
            _ => Err(TargetError::Host),
        }
    }

    /// The address to request.
    pub const fn url(&self) -> &Url {
        &self.url
    }

    /// The name to resolve; `None` when the URL holds an address, which needs no resolving.
    pub fn name(&self) -> Option<&str> {
        self.url.domain()
    }

    /// The port to connect to.
    pub fn port(&self) -> u16 {
        self.url.port_or_known_default().unwrap_or(HTTPS_PORT)
    }

    /// The addresses to connect to, given everything the name resolved to. Connect to these and resolve
    /// no second time.
    ///
    /// # Errors
    /// `Address` when there is none, or any of them is not public: a name with one public and one
    /// private address is a trick, not a mistake.
    pub fn admit(&self, resolved: &[IpAddr]) -> Result<Vec<SocketAddr>, TargetError> {
        let is_allowed = self.may_be_private() || resolved.iter().copied().all(is_public);
        if resolved.is_empty() || resolved.len() > MAX_ADDRESSES || !is_allowed {
            return Err(TargetError::Address);
        }
        let port = self.port();
        Ok(resolved
            .iter()
            .map(|address| SocketAddr::new(*address, port))
            .collect())
    }
}

/// Whether a name could be one of the public internet: it has a dot, and no ending kept for inside use.
fn is_public_name(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    let has_only_labels = name.split('.').all(|label| !label.is_empty());
    match name.rsplit_once('.') {
        Some((_, ending)) => has_only_labels && !PRIVATE_ENDINGS.contains(&ending),
        None => false,
    }
}

#[cfg(test)]
mod tests;
