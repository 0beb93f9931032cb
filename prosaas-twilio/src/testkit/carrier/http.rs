//! Signed requests to the server under test.

use std::net::SocketAddr;
use std::time::Duration;

use reqwest::header;
use url::Url;

use super::CarrierConfig;
use super::document::MAX_DOCUMENT_BYTES;
use crate::signature::{SIGNATURE_HEADER, SignatureKey, sign};

/// Twilio's limit for one exchange with a voice webhook.
const TIMEOUT: Duration = Duration::from_secs(15);
/// Longest audio file that `<Play>` fetches.
const MAX_AUDIO_BYTES: usize = 40 * 1024 * 1024;

/// An HTTP answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) content_type: String,
    pub(super) body: Vec<u8>,
}

/// Posts a form as Twilio does; `None` when there is no whole answer in time.
pub(super) async fn post(
    config: &CarrierConfig,
    url: &str,
    fields: &[(String, String)],
    idempotency_token: &str,
) -> Option<Answer> {
    let key = SignatureKey::auth_token(config.auth_token.clone());
    let pairs = fields
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()));
    let body = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(fields)
        .finish();
    let request = config
        .http
        .post(address(config.connect_to, url)?)
        .header(SIGNATURE_HEADER, sign(&key, url, pairs))
        .header("i-twilio-idempotency-token", idempotency_token)
        .header(
            header::CONTENT_TYPE,
            "application/x-www-form-urlencoded; charset=UTF-8",
        )
        .header(header::USER_AGENT, "TwilioProxy/1.1")
        .body(body);
    read(request, MAX_DOCUMENT_BYTES).await
}

/// Fetches the file of a `<Play>`; a GET is signed over its URL alone.
pub(super) async fn get(config: &CarrierConfig, url: &str) -> Option<Answer> {
    let key = SignatureKey::auth_token(config.auth_token.clone());
    let request = config
        .http
        .get(address(config.connect_to, url)?)
        .header(SIGNATURE_HEADER, sign(&key, url, []));
    read(request, MAX_AUDIO_BYTES).await
}

async fn read(request: reqwest::RequestBuilder, limit: usize) -> Option<Answer> {
    let mut response = request.timeout(TIMEOUT).send().await.ok()?;
    let status = response.status().as_u16();
    let content_type = response
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
        .to_ascii_lowercase();
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.ok()? {
        if body.len() + chunk.len() > limit {
            return None;
        }
        body.extend_from_slice(&chunk);
    }
    Some(Answer {
        status,
        content_type,
        body,
    })
}

/// Where a request for this public URL really goes.
pub(super) fn address(connect_to: Option<SocketAddr>, url: &str) -> Option<Url> {
    let mut address = Url::parse(url).ok()?;
    if let Some(target) = connect_to {
        let scheme = if address.scheme().starts_with("ws") {
            "ws"
        } else {
            "http"
        };
        address.set_scheme(scheme).ok()?;
        address.set_ip_host(target.ip()).ok()?;
        address.set_port(Some(target.port())).ok()?;
    }
    address.set_fragment(None);
    Some(address)
}

/// An absolute URL for what a document says, relative to the document's own. An absolute one is kept to the
/// letter: it is what gets signed.
pub(super) fn resolve(base: &str, reference: &str) -> Option<String> {
    if Url::parse(reference).is_ok() {
        return Some(reference.to_owned());
    }
    Url::parse(base)
        .ok()?
        .join(reference)
        .ok()
        .map(String::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_go_where_they_are_sent() {
        let local = Some(SocketAddr::from(([127, 0, 0, 1], 5000)));
        let text = |connect_to, url| address(connect_to, url).map(String::from);
        assert_eq!(
            text(None, "https://v.example.com/x#rc=2").unwrap(),
            "https://v.example.com/x"
        );
        assert_eq!(
            text(local, "https://v.example.com/x?a=1").unwrap(),
            "http://127.0.0.1:5000/x?a=1"
        );
        assert_eq!(
            text(local, "wss://v.example.com/media").unwrap(),
            "ws://127.0.0.1:5000/media"
        );
        assert_eq!(text(local, "nonsense"), None);
    }

    #[test]
    fn relative_urls_are_resolved_and_absolute_ones_kept() {
        let base = "https://v.example.com/webhook/incoming_call?x=1";
        assert_eq!(resolve(base, "/a").unwrap(), "https://v.example.com/a");
        assert_eq!(
            resolve(base, "b").unwrap(),
            "https://v.example.com/webhook/b"
        );
        assert_eq!(
            resolve(base, "https://V.example.com//c").unwrap(),
            "https://V.example.com//c"
        );
    }
}
