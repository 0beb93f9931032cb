//! The store on real files.
#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests may panic as tests may"
)]

mod sqlite;
mod statements;
mod support;
