//! The store on real databases.
#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests may panic as tests may"
)]

#[cfg(feature = "auth")]
mod accounts;
#[cfg(feature = "axum")]
mod api;
#[cfg(feature = "auth")]
mod auth;
mod backup;
mod behaviour;
mod bulk;
mod files;
mod isolation;
mod leads;
mod privacy;
mod schema;
mod sqlite;
mod statements;
mod support;
mod upgrade;
mod whatsapp;
