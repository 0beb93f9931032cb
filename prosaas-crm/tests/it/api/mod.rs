//! The HTTP API.

mod document;
mod events;
mod kit;
mod matrix;
mod support;
mod things;
