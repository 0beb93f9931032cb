//! The HTTP API.

mod bad_input;
mod document;
mod events;
mod kit;
mod matrix;
mod message_files;
pub(crate) mod support;
mod things;
mod wa_cloud;
mod whatsapp;
