//! A [`SignatureVerifier`] for tests.

use std::hash::{DefaultHasher, Hash, Hasher};

use async_trait::async_trait;

use crate::secret::{ExposeSecret, SecretString};
use crate::signature::{Rejected, SignatureVerifier, SignedRequest, Transport};

/// Believes requests that carry its own tag over transport, method, URL and body.
///
/// The tag is a keyed checksum from the standard library, bound to the whole request so that the
/// behaviour suite holds. It is **not** cryptography: never put this in front of a network.
#[derive(Debug)]
pub struct MockVerifier {
    secret: SecretString,
}

impl MockVerifier {
    /// The header that carries the tag.
    pub const HEADER: &'static str = "x-mock-signature";

    /// A verifier, and signer, with this secret.
    pub const fn new(secret: SecretString) -> Self {
        Self { secret }
    }

    /// The value of [`Self::HEADER`] that makes this request believed.
    pub fn sign(&self, request: &SignedRequest<'_>) -> String {
        let half = |salt: u8| {
            let mut hasher = DefaultHasher::new();
            let websocket = request.transport == Transport::WebSocket;
            (salt, self.secret.expose_secret(), websocket).hash(&mut hasher);
            (request.method, request.url, request.body).hash(&mut hasher);
            (salt, self.secret.expose_secret()).hash(&mut hasher);
            hasher.finish()
        };
        format!("{:016x}{:016x}", half(1), half(2))
    }
}

#[async_trait]
impl SignatureVerifier for MockVerifier {
    async fn verify(&self, request: &SignedRequest<'_>) -> Result<(), Rejected> {
        let given = (request.header)(Self::HEADER).ok_or(Rejected::Missing)?;
        let expected = self.sign(request);
        if equal_in_constant_time(given.as_bytes(), expected.as_bytes()) {
            Ok(())
        } else {
            Err(Rejected::Wrong)
        }
    }
}

/// Compares without stopping at the first difference; only the length shows.
fn equal_in_constant_time(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |differs, (a, b)| differs | (a ^ b)) == 0
}

#[cfg(test)]
mod tests {
    use super::equal_in_constant_time;

    #[test]
    fn equality_is_equality() {
        assert!(equal_in_constant_time(b"", b""));
        assert!(equal_in_constant_time(b"abc", b"abc"));
        for (a, b) in [("abc", "abd"), ("abc", "ab"), ("", "a"), ("Abc", "abc")] {
            assert!(
                !equal_in_constant_time(a.as_bytes(), b.as_bytes()),
                "{a} is not {b}"
            );
        }
    }
}
