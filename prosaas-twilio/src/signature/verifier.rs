//! The verifier a server uses: it finds the keys, then checks.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use prosaas_core::{AccountSid, Rejected, SecretString, SignatureVerifier, SignedRequest};

use super::url::{path, split_query};
use super::verify::{Content, check};
use super::{Candidates, SIGNATURE_HEADER, SignatureKey};
use crate::webhook::Form;

/// Why a [`KeySource`] has no keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// No such account, or nothing known under this path. Answered exactly as a wrong signature.
    #[error("no signing key belongs to this account or path")]
    Unknown,
    /// No key is configured at all: our own fault.
    #[error("no signing key is configured; set the account's Auth Token")]
    NotConfigured,
    /// The keys could not be looked up right now.
    #[error("the signing keys could not be looked up")]
    Unavailable,
}

/// Where the keys come from. A subaccount signs with its own token, so the keys depend on the account.
#[async_trait]
pub trait KeySource: Send + Sync + 'static {
    /// The keys that may have signed a request.
    ///
    /// `account` is what the *unverified* form claims; `None` for a websocket upgrade or JSON, whose tenant
    /// can only stand in `path` (the signed URL's path, undecoded). An empty list counts as
    /// [`KeyError::NotConfigured`].
    async fn keys(
        &self,
        account: Option<&AccountSid>,
        path: &str,
    ) -> Result<Arc<[SignatureKey]>, KeyError>;
}

/// The same keys for every account: one Twilio account, or one and its next token during a rotation.
#[derive(Clone, Debug)]
pub struct StaticKeys(Arc<[SignatureKey]>);

impl StaticKeys {
    /// With no keys, every request is refused as [`Rejected::NoKey`].
    pub fn new(keys: impl IntoIterator<Item = SignatureKey>) -> Self {
        Self(keys.into_iter().collect())
    }
}

#[async_trait]
impl KeySource for StaticKeys {
    async fn keys(&self, _: Option<&AccountSid>, _: &str) -> Result<Arc<[SignatureKey]>, KeyError> {
        if self.0.is_empty() {
            Err(KeyError::NotConfigured)
        } else {
            Ok(Arc::clone(&self.0))
        }
    }
}

/// Verifies Twilio's signatures with the keys of a [`KeySource`].
pub struct TwilioVerifier<K> {
    keys: K,
    candidates: Candidates,
    /// Checked when the account is unknown, so that the answer takes the same work.
    decoy: [SignatureKey; 1],
}

impl<K: KeySource> TwilioVerifier<K> {
    /// Tries the usual URL texts only.
    pub fn new(keys: K) -> Self {
        Self::with_candidates(keys, Candidates::default())
    }

    /// Tries more URL texts; see [`Candidates`].
    pub fn with_candidates(keys: K, candidates: Candidates) -> Self {
        let decoy = [SignatureKey::auth_token(SecretString::from("0".repeat(32)))];
        Self {
            keys,
            candidates,
            decoy,
        }
    }
}

impl<K> fmt::Debug for TwilioVerifier<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TwilioVerifier")
            .field("candidates", &self.candidates)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl<K: KeySource> SignatureVerifier for TwilioVerifier<K> {
    async fn verify(&self, request: &SignedRequest<'_>) -> Result<(), Rejected> {
        // The keys are looked up whatever the request looks like: a server without any must notice.
        let content = Content::of(request);
        let account = match &content {
            Ok(content) => claimed_account(request, content),
            Err(rejected) => Err(*rejected),
        };
        let claimed = account.as_ref().ok().and_then(Option::as_ref);
        let keys = self.keys.keys(claimed, path(request.url)).await;
        let keys = match &keys {
            Ok(keys) if keys.is_empty() => return Err(Rejected::NoKey),
            Ok(keys) => Some(&**keys),
            Err(KeyError::Unknown) => None,
            Err(KeyError::NotConfigured) => return Err(Rejected::NoKey),
            Err(KeyError::Unavailable) => return Err(Rejected::Unavailable),
        };
        let signature = (request.header)(SIGNATURE_HEADER).ok_or(Rejected::Missing)?;
        let content = content?;
        account?;
        let verdict = check(
            keys.unwrap_or(&self.decoy),
            request,
            &content,
            signature,
            self.candidates,
        );
        // For an unknown account the work is done and its outcome forgotten.
        if keys.is_some() {
            verdict
        } else {
            Err(Rejected::Wrong)
        }
    }
}

/// The account the form, or the query of a GET, says it is from. Two different ones are refused: the key
/// would be chosen by one and the webhook believed for the other.
fn claimed_account(
    request: &SignedRequest<'_>,
    content: &Content,
) -> Result<Option<AccountSid>, Rejected> {
    let query;
    let form = match content {
        Content::Form(form) => form,
        Content::Hashed => return Ok(None),
        Content::UrlOnly => match split_query(request.url) {
            Some((_, text)) => {
                query = Form::parse(text.as_bytes()).map_err(|_| Rejected::Body)?;
                &query
            }
            None => return Ok(None),
        },
    };
    let mut claims = form.all("AccountSid");
    let Some(first) = claims.next() else {
        return Ok(None);
    };
    if claims.any(|claim| claim != first) {
        return Err(Rejected::Body);
    }
    first.parse().map(Some).map_err(|_| Rejected::Wrong)
}

/// Believes every request. **For development on one's own machine only**: with it, anyone who can reach
/// the server can make it place calls and read leads.
#[derive(Clone, Copy, Debug, Default)]
pub struct InsecureAcceptAll;

#[async_trait]
impl SignatureVerifier for InsecureAcceptAll {
    async fn verify(&self, _: &SignedRequest<'_>) -> Result<(), Rejected> {
        Ok(())
    }
}
