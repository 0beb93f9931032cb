//! What several test modules need.

#![expect(clippy::unwrap_used, reason = "helpers of tests, which may fail")]

use std::sync::{Mutex, Once};
use std::time::Duration;

use async_trait::async_trait;
use prosaas_core::{AccountSid, E164};
use prosaas_twilio::rest::Sleeper;

pub(crate) fn account() -> AccountSid {
    "AC00000000000000000000000000000001".parse().unwrap()
}

pub(crate) fn number(text: &str) -> E164 {
    E164::parse(text).unwrap()
}

/// Settings for an HTTP client; installs the TLS provider that reqwest wants even for plain HTTP.
pub(crate) fn http() -> reqwest::ClientBuilder {
    static PROVIDER: Once = Once::new();
    PROVIDER.call_once(|| {
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
    reqwest::Client::builder().no_proxy()
}

/// Does not wait, but remembers for how long it should have.
#[derive(Debug, Default)]
pub(crate) struct NoSleep(pub(crate) Mutex<Vec<Duration>>);

#[async_trait]
impl Sleeper for NoSleep {
    async fn sleep(&self, duration: Duration) {
        self.0.lock().unwrap().push(duration);
    }
}
