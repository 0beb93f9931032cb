//! How much one address, one credential and one business may ask in a while.
//!
//! The generic cell rate algorithm: for each key one moment, the theoretical arrival time of the next
//! request at the steady rate. No timer refills anything, and the clock is passed in.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use prosaas_core::{TenantId, UnixMillis};

use super::auth::Credential;
use super::problem::{Problem, seconds_up};

/// So many requests in a window, all at once if need be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// The requests.
    pub requests: u32,
    /// The window.
    pub window: Duration,
}

impl Quota {
    /// So many a minute.
    pub const fn per_minute(requests: u32) -> Self {
        Self {
            requests,
            window: Duration::from_mins(1),
        }
    }
}

/// The quotas of the API.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Of one address, signed in or not.
    pub address: Quota,
    /// Of one session or key.
    pub credential: Quota,
    /// Of one business, whoever asks.
    pub tenant: Quota,
    /// Files of leads out of one business: each reads all of them.
    pub exports: Quota,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            address: Quota::per_minute(1200),
            credential: Quota::per_minute(600),
            tenant: Quota::per_minute(6000),
            exports: Quota::per_minute(6),
        }
    }
}

/// Whose requests are counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Key {
    Address(IpAddr),
    Credential(Credential),
    Tenant(TenantId),
    Exports(TenantId),
}

impl Key {
    /// An address; of IPv6 the network, since a household has 2^64 addresses of it.
    pub(super) fn address(address: IpAddr) -> Self {
        Self::Address(match address.to_canonical() {
            IpAddr::V6(v6) => {
                let network = u128::from(v6) & !u128::from(u64::MAX);
                IpAddr::V6(network.into())
            }
            v4 @ IpAddr::V4(_) => v4,
        })
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Address(_) => "address",
            Self::Credential(_) => "credential",
            Self::Tenant(_) => "business",
            Self::Exports(_) => "exports",
        }
    }
}

/// What is left for a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Standing {
    name: &'static str,
    quota: Quota,
    remaining: u32,
    /// Until the whole quota is there again.
    reset: Duration,
}

/// The keys that are remembered at most; 32 bytes and a bit each.
const MAX_KEYS: usize = 100_000;

/// Counts requests.
#[derive(Debug)]
pub(super) struct Limiter {
    limits: Limits,
    arrivals: Mutex<HashMap<Key, i64>>,
}

impl Limiter {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            arrivals: Mutex::new(HashMap::new()),
        }
    }

    /// Counts a request.
    ///
    /// # Errors
    /// 429 with the time to wait, when the quota is used up.
    pub(super) fn take(&self, key: Key, now: UnixMillis) -> Result<Standing, Problem> {
        let quota = match key {
            Key::Address(_) => self.limits.address,
            Key::Credential(_) => self.limits.credential,
            Key::Tenant(_) => self.limits.tenant,
            Key::Exports(_) => self.limits.exports,
        };
        let now = now.0.saturating_mul(1000);
        let window = i64::try_from(quota.window.as_micros()).unwrap_or(i64::MAX);
        let step = (window / i64::from(quota.requests.max(1))).max(1);
        let mut arrivals = self.arrivals.lock().unwrap_or_else(PoisonError::into_inner);
        make_room(&mut arrivals, now);
        let arrival = arrivals.get(&key).copied().unwrap_or(now).max(now);
        let next = arrival.saturating_add(step);
        let used = next - now;
        if used > window {
            return Err(Problem::rate_limited(micros(used - window)));
        }
        arrivals.insert(key, next);
        Ok(Standing {
            name: key.name(),
            quota,
            remaining: u32::try_from((window - used) / step).unwrap_or(u32::MAX),
            reset: micros(used),
        })
    }
}

fn micros(time: i64) -> Duration {
    Duration::from_micros(time.unsigned_abs())
}

/// Forgets keys whose quota is whole again; under a flood of new ones also the half that asked least,
/// since memory has an end and those lose least by it.
fn make_room(arrivals: &mut HashMap<Key, i64>, now: i64) {
    if arrivals.len() < MAX_KEYS {
        return;
    }
    arrivals.retain(|_, arrival| *arrival > now);
    if arrivals.len() < MAX_KEYS {
        return;
    }
    let mut moments: Vec<i64> = arrivals.values().copied().collect();
    let (_, middle, _) = moments.select_nth_unstable(MAX_KEYS / 2);
    let middle = *middle;
    arrivals.retain(|_, arrival| *arrival > middle);
}

/// Says in the headers of draft-ietf-httpapi-ratelimit-headers how much is left where least is.
pub(super) fn announce(headers: &mut HeaderMap, standings: &[Standing]) {
    let policy: Vec<String> = standings
        .iter()
        .map(|s| {
            let window = s.quota.window.as_secs();
            format!("\"{}\";q={};w={window}", s.name, s.quota.requests)
        })
        .collect();
    let Some(least) = standings.iter().min_by_key(|s| s.remaining) else {
        return;
    };
    let left = format!(
        "\"{}\";r={};t={}",
        least.name,
        least.remaining,
        seconds_up(least.reset)
    );
    for (name, text) in [("ratelimit-policy", policy.join(", ")), ("ratelimit", left)] {
        if let Ok(value) = HeaderValue::from_str(&text) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limiter(requests: u32) -> Limiter {
        Limiter::new(Limits {
            address: Quota::per_minute(requests),
            ..Limits::default()
        })
    }

    fn address(text: &str) -> Key {
        Key::address(text.parse().unwrap())
    }

    #[test]
    fn a_burst_passes_and_the_next_request_waits() {
        let limiter = limiter(3);
        let (now, key) = (UnixMillis(1_000_000), address("192.0.2.1"));
        for left in [2, 1, 0] {
            assert_eq!(limiter.take(key, now).unwrap().remaining, left);
        }
        assert_eq!(limiter.take(key, now).err().unwrap().status().as_u16(), 429);
        assert!(limiter.take(key, now.plus(19_999)).is_err());
        assert!(limiter.take(key, now.plus(20_000)).is_ok());
        assert!(limiter.take(address("192.0.2.2"), now).is_ok());
    }

    #[test]
    fn a_network_of_ipv6_is_one_client() {
        assert_eq!(address("2001:db8::1"), address("2001:db8::2:3"));
        assert_ne!(address("2001:db8::1"), address("2001:db8:0:1::1"));
        assert_eq!(address("::ffff:192.0.2.1"), address("192.0.2.1"));
    }

    #[test]
    fn memory_has_an_end() {
        let mut arrivals = HashMap::new();
        for n in 0..MAX_KEYS as u32 {
            arrivals.insert(Key::Address(IpAddr::V4(n.into())), i64::from(n));
        }
        make_room(&mut arrivals, -1);
        assert!(arrivals.len() < MAX_KEYS);
        let busiest = Key::Address(IpAddr::V4((MAX_KEYS as u32 - 1).into()));
        assert!(arrivals.contains_key(&busiest));
        let mut idle = arrivals.clone();
        make_room(&mut idle, i64::from(MAX_KEYS as u32));
        assert_eq!(idle.len(), arrivals.len(), "there was room");
    }

    #[test]
    fn headers_name_the_scarcest() {
        let limiter = limiter(3);
        let standings = [
            limiter.take(address("192.0.2.1"), UnixMillis(0)).unwrap(),
            limiter
                .take(Key::Tenant(TenantId::mint(UnixMillis(1))), UnixMillis(0))
                .unwrap(),
        ];
        let mut headers = HeaderMap::new();
        announce(&mut headers, &standings);
        assert_eq!(headers["ratelimit"], "\"address\";r=2;t=20");
        assert_eq!(
            headers["ratelimit-policy"],
            "\"address\";q=3;w=60, \"business\";q=6000;w=60"
        );
    }
}
