//! Integration tests, one binary.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on should fail where it stands"
)]

mod audio;
mod floor;
mod journal;
mod ladder;
#[cfg(all(feature = "openai", feature = "testkit"))]
mod model;
#[cfg(feature = "openai")]
mod openai;
mod quality;
mod scripts;
mod shell;
mod simulation;
#[cfg(all(feature = "text", feature = "testkit"))]
mod text;
#[cfg(all(feature = "text", feature = "testkit"))]
mod transcription;
mod trouble;
mod turn_taking;
