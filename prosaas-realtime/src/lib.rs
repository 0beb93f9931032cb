#![doc = include_str!("../README.md")]

pub mod audio;
pub mod journal;
pub mod ladder;
pub mod listen;
#[cfg(any(feature = "openai", feature = "text"))]
mod loopback;
#[cfg(feature = "openai")]
pub mod openai;
#[cfg(any(feature = "openai", feature = "text"))]
mod prices;
#[cfg(feature = "text")]
mod rest;
pub mod session;
pub mod shell;
#[cfg(feature = "testkit")]
pub mod testkit;
#[cfg(feature = "text")]
pub mod text;
#[cfg(feature = "text")]
pub mod transcription;
pub mod turn_taking;
pub mod verdict;
