//! Where a request comes from, as far as throttling asks.

use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::header;
use axum::http::request::Parts;
use sha2::{Digest as _, Sha256};

use super::cookies::Cookie;
use crate::api::kit::{ApiState, ClientAddress, Problem};
use crate::auth::token::{OpaqueToken, TokenHash};
use crate::store::accounts::LoginSubjects;

/// The place of whoever tries to sign in.
#[derive(Debug)]
pub(super) struct Place {
    address: String,
    /// What the browser calls itself.
    pub(super) user_agent: String,
    device: Option<OpaqueToken>,
    key: [u8; 32],
}

impl Place {
    /// What a try on an account is counted under.
    pub(super) fn subjects(&self, account: &str) -> LoginSubjects {
        LoginSubjects {
            account: self.hash(&["account", account]),
            account_here: self.hash(&["account here", account, &self.address]),
            address: self.hash(&["address", &self.address]),
        }
    }

    /// What the account's owner is recognised by: his browser's mark, and his address.
    pub(super) fn marks(&self, device: Option<&OpaqueToken>) -> Vec<TokenHash> {
        let device = device.or(self.device.as_ref());
        let device = device.map(|token| self.hash(&["device", token.expose()]));
        let address = self.hash(&["familiar address", &self.address]);
        device.into_iter().chain([address]).collect()
    }

    /// The browser's mark, if it has one.
    pub(super) const fn device(&self) -> Option<&OpaqueToken> {
        self.device.as_ref()
    }

    /// Keyed, so that the table of tries cannot be searched for an address; hashed twice, so that no
    /// hash is the beginning of another.
    fn hash(&self, parts: &[&str]) -> TokenHash {
        let mut keyed = Sha256::new();
        keyed.update(b"places of sign-ins");
        keyed.update(self.key);
        for part in parts {
            keyed.update((part.len() as u64).to_be_bytes());
            keyed.update(part.as_bytes());
        }
        TokenHash::from_bytes(Sha256::digest(keyed.finalize()).into())
    }
}

/// The whole network of an IPv6 address: a household has 2^64 addresses of it.
fn network(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
        IpAddr::V4(v4) => v4.to_string(),
    }
}

impl FromRequestParts<ApiState> for Place {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, Problem> {
        let told = parts.extensions.get::<ClientAddress>().map(|told| told.0);
        let peer = || parts.extensions.get::<ConnectInfo<SocketAddr>>();
        let address = told.or_else(|| peer().map(|info| info.0.ip()));
        let user_agent = parts.headers.get(header::USER_AGENT);
        let user_agent = user_agent.and_then(|value| value.to_str().ok());
        Ok(Self {
            address: address.map_or_else(String::new, network),
            user_agent: user_agent.unwrap_or_default().to_owned(),
            device: Cookie::Device.read(&parts.headers, state.secure_cookies()),
            key: *state.signing_key(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(address: &str) -> Place {
        Place {
            address: network(address.parse().unwrap()),
            user_agent: String::new(),
            device: None,
            key: [7; 32],
        }
    }

    #[test]
    fn a_network_is_one_place_and_accounts_are_counted_wherever_from() {
        let (one, two) = (place("2001:db8:1:2::1"), place("2001:db8:1:2:ffff::2"));
        let other = place("2001:db8:1:3::1");
        let subjects = |place: &Place| place.subjects("dana@example.com");
        assert_eq!(subjects(&one).address, subjects(&two).address);
        assert!(subjects(&one).address != subjects(&other).address);
        assert_eq!(subjects(&one).account, subjects(&other).account);
        assert!(subjects(&one).account_here != subjects(&other).account_here);
        assert!(one.subjects("x@example.com").account != subjects(&one).account);
    }

    #[test]
    fn a_mapped_address_is_the_address() {
        assert_eq!(network("::ffff:192.0.2.1".parse().unwrap()), "192.0.2.1");
    }
}
