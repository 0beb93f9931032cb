//! The backends against fakes that speak the two wires.
#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests may panic as tests may"
)]

mod baileys;
mod cloud;
#[cfg(feature = "native")]
mod native;

use prosaas_core::UnixMillis;

/// The suite's messages are of this time.
const NOW: UnixMillis = UnixMillis(1_700_000_200_000);

/// Installs the TLS provider that the HTTP client asks for.
fn http() -> reqwest::ClientBuilder {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
}
