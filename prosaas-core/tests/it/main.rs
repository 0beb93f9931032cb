//! The behaviour suites on the implementations in memory.
#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests may panic as tests may"
)]

mod broken_store;
mod suites;
mod whole_call;
