//! What the backends share of HTTP: bounded answers, addresses that may carry secrets.

use bytes::{Bytes, BytesMut};
#[cfg(any(feature = "baileys", feature = "cloud"))]
use prosaas_core::whatsapp::FileSink;
use prosaas_core::whatsapp::TOO_LARGE;
use prosaas_core::{Error, Result};
#[cfg(any(feature = "baileys", feature = "cloud"))]
use url::Url;

/// The longest JSON answer that is read, in bytes.
#[cfg(any(feature = "baileys", feature = "cloud"))]
pub(crate) const MAX_JSON: u64 = 1024 * 1024;

/// An answer to be given over HTTP.
#[cfg(any(feature = "baileys", feature = "cloud"))]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The media type of the body; empty when there is none.
    pub content_type: &'static str,
    /// The body.
    pub body: Bytes,
}

#[cfg(any(feature = "baileys", feature = "cloud"))]
impl Answer {
    /// An answer without a body.
    pub const fn empty(status: u16) -> Self {
        Self {
            status,
            content_type: "",
            body: Bytes::new(),
        }
    }

    /// An answer in JSON.
    #[cfg(feature = "baileys")]
    pub(crate) fn json(status: u16, value: &serde_json::Value) -> Self {
        Self {
            status,
            content_type: "application/json",
            body: Bytes::from(value.to_string()),
        }
    }

    /// An answer in plain text.
    #[cfg(feature = "cloud")]
    pub(crate) fn text(status: u16, text: String) -> Self {
        Self {
            status,
            content_type: "text/plain; charset=utf-8",
            body: Bytes::from(text),
        }
    }
}

/// A base address; plain HTTP only where `allows_plain` says so.
#[cfg(any(feature = "baileys", feature = "cloud"))]
pub(crate) fn base(
    text: &str,
    field: &'static str,
    allows_plain: impl Fn(&Url) -> bool,
) -> Result<Url> {
    let mut url = Url::parse(text)
        .ok()
        .filter(|url| url.scheme() == "https" || (url.scheme() == "http" && allows_plain(url)))
        .filter(|url| url.query().is_none() && url.fragment().is_none())
        .ok_or_else(|| {
            Error::invalid(
                field,
                "expected an address such as https://host:port without query",
            )
        })?;
    if !url.path().ends_with('/') {
        let path = format!("{}/", url.path());
        url.set_path(&path);
    }
    Ok(url)
}

/// Whether an address is this machine.
#[cfg(feature = "cloud")]
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

/// Why a body was not read whole.
pub(crate) enum Unread {
    /// It has more bytes than allowed.
    TooLong,
    /// The connection broke.
    Broken(reqwest::Error),
}

/// Reads a body of at most `limit` bytes.
pub(crate) async fn read(
    mut response: reqwest::Response,
    limit: u64,
) -> std::result::Result<Bytes, Unread> {
    if response
        .content_length()
        .is_some_and(|length| length > limit)
    {
        return Err(Unread::TooLong);
    }
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(Unread::Broken)? {
        if (body.len() + chunk.len()) as u64 > limit {
            return Err(Unread::TooLong);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

/// The body of an answer that said 200, whole: an answer in JSON.
pub(crate) async fn whole(response: reqwest::Response, limit: u64) -> Result<Bytes> {
    read(response, limit).await.map_err(|unread| match unread {
        Unread::TooLong => too_large(limit),
        Unread::Broken(error) => Error::unavailable("WhatsApp", error.without_url()),
    })
}

/// A file's bytes of an answer that said 200, piece by piece; never more than `limit` of them.
#[cfg(any(feature = "baileys", feature = "cloud"))]
pub(crate) async fn file(
    mut response: reqwest::Response,
    limit: u64,
    sink: &mut dyn FileSink,
) -> Result<()> {
    if response.content_length().is_some_and(|all| all > limit) {
        return Err(too_large(limit));
    }
    let mut left = limit;
    let broken = |error: reqwest::Error| Error::unavailable("WhatsApp", error.without_url());
    while let Some(piece) = response.chunk().await.map_err(broken)? {
        left = left
            .checked_sub(piece.len() as u64)
            .ok_or_else(|| too_large(limit))?;
        sink.write(piece).await?;
    }
    Ok(())
}

/// What is said of a file above the limit.
pub(crate) fn too_large(limit: u64) -> Error {
    Error::invalid(TOO_LARGE, format!("expected at most {limit} bytes"))
}
