//! One test binary for the crate; one module per concern.

#[cfg(feature = "axum")]
mod media_socket;
#[cfg(feature = "axum")]
mod router;
mod signature;
mod webhook;
