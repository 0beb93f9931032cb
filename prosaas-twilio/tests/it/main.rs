//! One test binary for the crate; one module per concern.

#[cfg(all(feature = "rest", feature = "testkit"))]
mod call_list;
#[cfg(all(feature = "rest", feature = "testkit"))]
mod carrier;
#[cfg(all(feature = "rest", feature = "testkit"))]
mod carrier_faults;
mod media;
#[cfg(feature = "axum")]
mod media_socket;
#[cfg(all(feature = "rest", feature = "testkit"))]
mod rest;
#[cfg(feature = "axum")]
mod router;
mod signature;
#[cfg(all(feature = "rest", feature = "testkit"))]
mod support;
#[cfg(all(feature = "rest", feature = "testkit"))]
mod twiml;
mod webhook;
