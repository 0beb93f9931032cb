//! Checking one request against a set of keys.

use std::borrow::Cow;

use prosaas_core::{Rejected, SignedRequest, Transport};
use subtle::{Choice, ConstantTimeEq as _};

use super::url::{split_query, variants, websocket_url, with_trailing_slash};
use super::{
    Algorithm, Candidates, SETTINGS_HEADER, SIGNATURE_HEADER, SignatureKey, body_sha256,
    signature_text, sorted_pairs,
};
use crate::webhook::Form;

/// Checks a request against every key that may have signed it; several keys allow a rotation.
///
/// All keys and all candidate URLs are tried, matching or not, and compared in constant time.
///
/// # Errors
/// [`Rejected`]; everything that is not understood is rejected.
pub fn verify(
    keys: &[SignatureKey],
    request: &SignedRequest<'_>,
    candidates: Candidates,
) -> Result<(), Rejected> {
    if keys.is_empty() {
        return Err(Rejected::NoKey);
    }
    let signature = (request.header)(SIGNATURE_HEADER).ok_or(Rejected::Missing)?;
    let content = Content::of(request)?;
    check(keys, request, &content, signature, candidates)
}

/// What a request's body is, as far as signatures care.
pub(super) enum Content {
    /// Nothing beyond the URL is signed.
    UrlOnly,
    /// The pairs are signed after the URL.
    Form(Form),
    /// The URL names the body's hash.
    Hashed,
}

impl Content {
    pub(super) fn of(request: &SignedRequest<'_>) -> Result<Self, Rejected> {
        if request.transport == Transport::WebSocket || matches!(request.method, "GET" | "HEAD") {
            // A body that no signature covers must not reach anyone.
            return if request.body.is_empty() {
                Ok(Self::UrlOnly)
            } else {
                Err(Rejected::Body)
            };
        }
        let content_type = (request.header)("content-type").unwrap_or_default();
        let media_type = content_type.split(';').next().unwrap_or_default().trim();
        if media_type.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            Form::parse(request.body)
                .map(Self::Form)
                .map_err(|_| Rejected::Body)
        } else if media_type.eq_ignore_ascii_case("application/json") {
            Ok(Self::Hashed)
        } else if request.body.is_empty() {
            Ok(Self::UrlOnly)
        } else {
            Err(Rejected::Body)
        }
    }
}

/// [`verify`], with the content already read.
pub(super) fn check(
    keys: &[SignatureKey],
    request: &SignedRequest<'_>,
    content: &Content,
    signature: &str,
    candidates: Candidates,
) -> Result<(), Rejected> {
    if matches!(content, Content::Hashed) && !body_hash_fits(request) {
        return Err(Rejected::Wrong);
    }
    let settings = Settings::read((request.header)(SETTINGS_HEADER))?;
    let pairs = match content {
        Content::Form(form) => sorted_pairs(form.pairs()),
        Content::UrlOnly | Content::Hashed => Vec::new(),
    };
    let texts = signed_texts(request, candidates);
    let query_form = query_as_form(request, candidates);
    let mut matches = Choice::from(0);
    for key in settings.applicable(keys)? {
        let mut compare = |url: &str, pairs: &[(&str, &str)]| {
            matches |= signature_text(key, url, pairs)
                .as_bytes()
                .ct_eq(signature.as_bytes());
        };
        for url in &texts {
            compare(url, &pairs);
        }
        if let Some((bare_urls, form)) = &query_form {
            let pairs = sorted_pairs(form.pairs());
            for url in bare_urls {
                compare(url, &pairs);
            }
        }
    }
    if bool::from(matches) {
        Ok(())
    } else {
        Err(Rejected::Wrong)
    }
}

fn signed_url<'a>(request: &SignedRequest<'a>) -> Cow<'a, str> {
    match request.transport {
        Transport::Http => request.url.into(),
        Transport::WebSocket => websocket_url(request.url),
    }
}

fn signed_texts(request: &SignedRequest<'_>, candidates: Candidates) -> Vec<String> {
    let url = signed_url(request);
    let mut texts = variants(&url, candidates.without_userinfo);
    if candidates.trailing_slash && request.transport == Transport::WebSocket {
        texts.extend(variants(
            &with_trailing_slash(&url),
            candidates.without_userinfo,
        ));
    }
    texts
}

/// The other way an upgrade's query may be signed: the URLs without it, and its pairs.
fn query_as_form(
    request: &SignedRequest<'_>,
    candidates: Candidates,
) -> Option<(Vec<String>, Form)> {
    if !candidates.query_as_params || request.transport != Transport::WebSocket {
        return None;
    }
    let url = signed_url(request);
    let (before, query) = split_query(&url)?;
    // An unreadable query is not a reason to refuse: the URL with its query may still match.
    let form = Form::parse(query.as_bytes()).ok()?;
    Some((variants(before, candidates.without_userinfo), form))
}

/// Whether the URL names the hash of this body. A JSON body that it does not cover is refused.
fn body_hash_fits(request: &SignedRequest<'_>) -> bool {
    let claimed = split_query(request.url).and_then(|(_, query)| {
        query
            .split('&')
            .find_map(|pair| pair.strip_prefix("bodySHA256="))
    });
    claimed.is_some_and(|claimed| {
        body_sha256(request.body)
            .as_bytes()
            .ct_eq(claimed.to_ascii_lowercase().as_bytes())
            .into()
    })
}

/// What [`SETTINGS_HEADER`] says.
struct Settings<'a> {
    key: Option<&'a str>,
    algorithm: Algorithm,
}

impl<'a> Settings<'a> {
    fn read(header: Option<&'a str>) -> Result<Self, Rejected> {
        let mut settings = Self {
            key: None,
            algorithm: Algorithm::HmacSha1,
        };
        for item in header.unwrap_or_default().split(',') {
            let Some((name, value)) = item.split_once('=') else {
                continue;
            };
            match name.trim() {
                "key" => settings.key = Some(value.trim()),
                "algorithm" => {
                    settings.algorithm =
                        Algorithm::from_wire(value.trim()).ok_or(Rejected::Algorithm)?;
                }
                _ => {}
            }
        }
        Ok(settings)
    }

    /// The keys the header can mean. It selects a key by id; the algorithm is the key's own, and a header
    /// that says otherwise is an attempt to downgrade.
    fn applicable<'k>(&self, keys: &'k [SignatureKey]) -> Result<Vec<&'k SignatureKey>, Rejected> {
        let (fitting, others): (Vec<_>, Vec<_>) = keys
            .iter()
            .filter(|key| key.id() == self.key)
            .partition(|key| key.algorithm() == self.algorithm);
        if fitting.is_empty() && !others.is_empty() {
            return Err(Rejected::Algorithm);
        }
        Ok(fitting)
    }
}
