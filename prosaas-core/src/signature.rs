//! Was this request made by the one who claims to have made it?

use async_trait::async_trait;

/// How a request arrived; the two are signed differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transport {
    /// An ordinary HTTP request.
    Http,
    /// A websocket upgrade.
    WebSocket,
}

/// A request as it was received, before anything in it is believed.
#[derive(Clone, Copy)]
pub struct SignedRequest<'a> {
    /// How it arrived.
    pub transport: Transport,
    /// The HTTP method, upper case.
    pub method: &'a str,
    /// The public URL the sender used: the configured public base URL followed by the request target
    /// exactly as received, undecoded.
    pub url: &'a str,
    /// Looks up a header by its lower-case name; `None` when absent or not text.
    pub header: &'a (dyn Fn(&str) -> Option<&'a str> + Sync),
    /// The body as received; empty for upgrades.
    pub body: &'a [u8],
}

impl std::fmt::Debug for SignedRequest<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Neither the URL's query nor the body: both hold phone numbers.
        f.debug_struct("SignedRequest")
            .field("transport", &self.transport)
            .field("method", &self.method)
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// Why a request was not believed. None of these tells the sender anything: all are answered alike,
/// except [`Rejected::NoKey`], which is our own fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Rejected {
    /// There is no signature.
    #[error("the request carries no signature")]
    Missing,
    /// The signature does not fit the request.
    #[error("the signature does not match the request")]
    Wrong,
    /// The signature is made in a way this verifier does not accept.
    #[error("the signature's algorithm is not accepted")]
    Algorithm,
    /// The body cannot be what was signed.
    #[error("the body cannot be read as the signed form")]
    Body,
    /// No key is configured, so nothing can be verified.
    #[error("no signing key is configured, so no request can be verified")]
    NoKey,
    /// Keys could not be looked up right now.
    #[error("the signing key could not be looked up")]
    Unavailable,
}

/// Decides whether a request may be believed.
///
/// Implementations compare in constant time and fail closed: anything they do not understand is rejected.
#[async_trait]
pub trait SignatureVerifier: Send + Sync + 'static {
    /// Verifies one request.
    async fn verify(&self, request: &SignedRequest<'_>) -> Result<(), Rejected>;
}
