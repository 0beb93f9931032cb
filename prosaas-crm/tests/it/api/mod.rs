//! The HTTP API.

mod document;
mod events;
mod kit;
mod matrix;
pub(crate) mod support;
mod things;
