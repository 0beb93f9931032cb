//! The one-time token that binds a media socket to a call.
//!
//! The signature of an upgrade proves that Twilio connects, not for which call. So the TwiML carries a
//! token as a `<Parameter>`, and the socket's `start` message must bring it back. Store only its hash,
//! with the call, the tenant and a short life, and consume it atomically.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use prosaas_core::Error;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq as _;

/// 128 random bits. Text form: 22 characters of base64url. `Debug` hides them; there is no `Display`.
#[derive(Clone)]
pub struct StreamToken([u8; Self::BYTES]);

impl StreamToken {
    const BYTES: usize = 16;

    /// The name of the `<Parameter>` that carries it.
    pub const PARAMETER: &str = "token";

    /// A new token from the operating system's randomness.
    ///
    /// # Errors
    /// [`Error::Internal`] when the operating system has none.
    pub fn mint() -> Result<Self, Error> {
        let mut bits = [0; Self::BYTES];
        getrandom::fill(&mut bits).map_err(|error| Error::internal("random numbers", error))?;
        Ok(Self(bits))
    }

    /// The text for the TwiML. Not for logs.
    pub fn expose(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }

    /// What is stored and looked up: SHA-256 of the 16 bytes. A look-up by hash tells an attacker nothing
    /// about a token by its timing.
    pub fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.0).into()
    }

    /// Whether this is the token with that hash, in constant time.
    pub fn matches(&self, hash: &[u8; 32]) -> bool {
        self.hash().ct_eq(hash).into()
    }
}

impl FromStr for StreamToken {
    type Err = Error;

    /// Every token has exactly one text form. Nothing secret is compared here, so timing tells nothing.
    fn from_str(text: &str) -> Result<Self, Error> {
        let wrong = || Error::invalid("token", "expected the 22 characters of a stream token");
        let mut bits = [0; Self::BYTES];
        // The length is checked first: the decoder would ask for more room than there is.
        if text.len() != 22 {
            return Err(wrong());
        }
        match URL_SAFE_NO_PAD.decode_slice(text, &mut bits) {
            Ok(Self::BYTES) => Ok(Self(bits)),
            _ => Err(wrong()),
        }
    }
}

impl fmt::Debug for StreamToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StreamToken(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_token_survives_its_text_and_is_known_by_its_hash() {
        let token = StreamToken::mint().unwrap();
        let back: StreamToken = token.expose().parse().unwrap();
        assert_eq!(back.hash(), token.hash());
        assert!(back.matches(&token.hash()));
        assert!(!StreamToken::mint().unwrap().matches(&token.hash()));
        assert_eq!(token.expose().len(), 22);
    }

    #[test]
    fn debug_hides_it() {
        assert_eq!(
            format!("{:?}", StreamToken::mint().unwrap()),
            "StreamToken(hidden)"
        );
    }

    #[test]
    fn other_texts_are_refused() {
        let good = StreamToken([0; 16]).expose();
        let nonzero_padding_bits = format!("{}B", &good[..21]);
        for bad in [
            "",
            "A",
            &good[..21],
            &format!("{good}A"),
            &good.replace('A', "+"),
            &nonzero_padding_bits,
        ] {
            assert!(bad.parse::<StreamToken>().is_err(), "{bad} must not parse");
        }
    }

    proptest! {
        #[test]
        fn any_text_parses_to_itself_or_not_at_all(text in "[A-Za-z0-9_+/=\\-\\PC]{0,30}") {
            if let Ok(token) = text.parse::<StreamToken>() {
                prop_assert_eq!(token.expose(), text);
            }
        }
    }
}
