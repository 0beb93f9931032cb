//! Integration tests, one binary.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on should fail where it stands"
)]

mod audio;
mod journal;
mod scripts;
mod shell;
mod simulation;
