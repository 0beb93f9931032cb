//! What decides whether a request is believed: a verifier, and the URL the world knows us by.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use axum::extract::OriginalUri;
use axum::http::request::Parts;
use prosaas_core::{Error, Rejected, SignatureVerifier, SignedRequest, Transport};

/// A URL under which Twilio reaches us, such as `https://voice.example.com` or
/// `wss://voice.example.com/media`. Kept as written, without a `/` at the end.
///
/// Signatures cover this text, so it must be exactly what Twilio is told: scheme, host, and port if any.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct PublicUrl(Arc<str>);

impl PublicUrl {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The URL followed by what is appended to it, undecoded.
    pub fn join(&self, rest: &str) -> String {
        format!("{}{rest}", self.0)
    }
}

impl FromStr for PublicUrl {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let wrong = |expected: &str| Error::invalid("public URL", expected);
        // Parsed to be checked only: the text itself is what gets signed.
        let url =
            url::Url::parse(text).map_err(|_| wrong("expected `https://host` or `wss://host`"))?;
        if !matches!(url.scheme(), "https" | "http" | "wss" | "ws") || !url.has_host() {
            return Err(wrong("expected https, http, wss or ws, and a host"));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(wrong(
                "expected no `?` and no `#`: Twilio drops the query of a media URL",
            ));
        }
        Ok(Self(text.trim_end_matches('/').into()))
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // It may carry `user:password@`.
        let host = url::Url::parse(&self.0)
            .ok()
            .and_then(|url| url.host_str().map(str::to_owned));
        f.debug_tuple("PublicUrl")
            .field(&host.unwrap_or_default())
            .finish()
    }
}

/// The state [`super::VerifiedForm`] needs. Implement `FromRef<YourState>` for it by cloning.
#[derive(Clone)]
pub struct WebhookGuard {
    verifier: Arc<dyn SignatureVerifier>,
    public_url: PublicUrl,
}

impl WebhookGuard {
    /// Believes what `verifier` believes of requests to `public_url`.
    ///
    /// The request target as received is appended to `public_url`. Behind a proxy that strips a path
    /// prefix, the prefix belongs to `public_url`.
    pub fn new(verifier: Arc<dyn SignatureVerifier>, public_url: PublicUrl) -> Self {
        Self {
            verifier,
            public_url,
        }
    }

    /// Verifies an ordinary request; `body` is the whole body.
    ///
    /// # Errors
    /// [`Rejected`], logged.
    pub async fn verify_http(&self, parts: &Parts, body: &[u8]) -> Result<(), Rejected> {
        // Inside a nested router the plain URI has lost its prefix.
        let uri = parts
            .extensions
            .get::<OriginalUri>()
            .map_or(&parts.uri, |original| &original.0);
        let target = uri.path_and_query().map_or("", |target| target.as_str());
        self.verify(Transport::Http, parts, &self.public_url.join(target), body)
            .await
    }

    /// Verifies a request of either kind to `url`.
    pub(super) async fn verify(
        &self,
        transport: Transport,
        parts: &Parts,
        url: &str,
        body: &[u8],
    ) -> Result<(), Rejected> {
        let headers = &parts.headers;
        let request = SignedRequest {
            transport,
            method: parts.method.as_str(),
            url,
            header: &|name| headers.get(name).and_then(|value| value.to_str().ok()),
            body,
        };
        let verdict = self.verifier.verify(&request).await;
        match verdict {
            Ok(()) => {}
            Err(Rejected::NoKey) => tracing::error!(
                "CRITICAL: no Twilio signing key is configured, so every webhook is refused; set the Auth Token"
            ),
            Err(Rejected::Unavailable) => tracing::error!(
                "CRITICAL: Twilio signing keys cannot be looked up, so webhooks are refused"
            ),
            // The path names a route of ours; the query may hold a phone number.
            Err(reason) => tracing::warn!(%reason, path = parts.uri.path(), "request refused"),
        }
        verdict
    }
}

impl fmt::Debug for WebhookGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebhookGuard")
            .field("public_url", &self.public_url)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn public_urls_keep_their_text() {
        let url: PublicUrl = "https://Voice.Example.com:8443/base/".parse().unwrap();
        assert_eq!(url.as_str(), "https://Voice.Example.com:8443/base");
        assert_eq!(
            url.join("/x%20y?z"),
            "https://Voice.Example.com:8443/base/x%20y?z"
        );
    }

    #[test]
    fn what_twilio_could_not_request_is_refused() {
        for text in [
            "",
            "voice.example.com",
            "ftp://h",
            "https://",
            "https://h/?x=1",
            "wss://h/m#x",
        ] {
            assert!(text.parse::<PublicUrl>().is_err(), "{text} must not parse");
        }
    }

    #[test]
    fn debug_hides_a_password() {
        let url: PublicUrl = "https://user:hush@voice.example.com".parse().unwrap();
        assert_eq!(format!("{url:?}"), r#"PublicUrl("voice.example.com")"#);
    }
}
