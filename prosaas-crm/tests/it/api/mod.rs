//! The HTTP API.

mod kit;
mod support;
mod things;
