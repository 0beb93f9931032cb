#![doc = include_str!("../README.md")]

#[cfg(feature = "axum")]
pub mod axum;
#[cfg(any(feature = "rest", feature = "testkit"))]
mod calendar;
pub mod media;
#[cfg(feature = "rest")]
pub mod rest;
pub mod signature;
pub mod stream_token;
#[cfg(feature = "testkit")]
pub mod testkit;
pub mod twiml;
pub mod webhook;

pub use stream_token::StreamToken;
