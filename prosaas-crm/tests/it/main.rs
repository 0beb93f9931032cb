//! The store on real databases.
#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests may panic as tests may"
)]
#![allow(
    clippy::explicit_write,
    clippy::large_futures,
    clippy::large_stack_arrays,
    clippy::print_stdout,
    clippy::single_match_else,
    clippy::unnecessary_wraps,
    reason = "tests may be large and tell their figures; what a build has of them depends on its features"
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
mod outbox;
mod privacy;
mod schema;
mod sqlite;
mod statements;
mod support;
mod upgrade;
mod whatsapp;
