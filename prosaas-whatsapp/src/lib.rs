#![doc = include_str!("../README.md")]

#[cfg(feature = "baileys")]
pub mod baileys;
#[cfg(feature = "cloud")]
pub mod cloud;
#[cfg(any(feature = "baileys", feature = "cloud", feature = "native"))]
mod http;
#[cfg(feature = "native")]
pub mod native;
#[cfg(feature = "testkit")]
pub mod testkit;

#[cfg(any(feature = "baileys", feature = "cloud"))]
pub use http::Answer;
