#![doc = include_str!("../README.md")]

pub mod audio;
pub mod journal;
#[cfg(any(feature = "openai", feature = "text"))]
mod loopback;
#[cfg(feature = "openai")]
pub mod openai;
pub mod session;
pub mod shell;
#[cfg(feature = "testkit")]
pub mod testkit;
#[cfg(feature = "text")]
pub mod text;
