//! The HTTP API.

mod bad_input;
mod document;
mod events;
mod kit;
mod matrix;
pub(crate) mod support;
mod things;
mod whatsapp;
