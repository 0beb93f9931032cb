//! The HTTP API.

mod document;
mod kit;
mod matrix;
mod support;
mod things;
