//! What every client of OpenAI's REST API does alike: where it asks, with whose key, and what a refusal means.

use std::time::Duration;

use prosaas_core::{Error, ExposeSecret as _, Result, SecretString};
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use url::Url;

use crate::loopback::is_loopback;

/// What to wait after a rate limit when nobody says how long.
const RETRY_AFTER: Duration = Duration::from_secs(20);

/// The base without a slash at its end.
///
/// # Errors
/// `Invalid` when it is not `https` (or `http` towards loopback).
pub(crate) fn checked_base(base: &Url) -> Result<String> {
    match base.scheme() {
        "https" => {}
        "http" if is_loopback(base) => {}
        _ => {
            let expected = "expected a URL that begins with https:// (or http:// on loopback)";
            return Err(Error::invalid("the OpenAI REST base", expected));
        }
    }
    Ok(base.as_str().trim_end_matches('/').to_owned())
}

/// The headers that carry a key.
///
/// # Errors
/// `Forbidden` for a key that no header can carry.
pub(crate) fn headers(key: Option<&SecretString>) -> Result<HeaderMap> {
    let mut headers = HeaderMap::new();
    if let Some(key) = key {
        let mut value =
            HeaderValue::from_str(&format!("Bearer {}", key.expose_secret())).map_err(|_| {
                Error::Forbidden {
                    detail: "the API key holds characters that no API key has".to_owned(),
                }
            })?;
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
    }
    Ok(headers)
}

/// What a status other than success means; `code` is the API's own word, if it gave one. Nothing else of the
/// answer is repeated: it may hold what people said.
pub(crate) fn refusal(what: &'static str, status: u16, code: &str) -> Error {
    match status {
        401 | 403 => Error::Forbidden {
            detail: format!("{what} refuses the API key"),
        },
        429 if code == "insufficient_quota" => Error::Forbidden {
            detail: "the API account has no quota left".to_owned(),
        },
        429 => Error::RateLimited {
            retry_after: RETRY_AFTER,
        },
        400 | 404 | 413 | 415 | 422 => {
            let code: String = code
                .chars()
                .filter(char::is_ascii_graphic)
                .take(60)
                .collect();
            Error::invalid("the request", format!("{what} refuses it ({code})"))
        }
        status => Error::unavailable(what, format!("it answered with HTTP {status}")),
    }
}
