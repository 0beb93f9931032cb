//! OpenAI's Realtime wire (GA dialect, JSON text frames over a websocket), as far as a phone call needs it.
//!
//! Ours rather than a client library's, because a phone call must survive what the vendor adds or
//! leaves out: incoming events are parsed leniently (every field optional, unknown events named and
//! counted), outgoing ones say exactly what they mean (an absent field keeps its value, an explicit
//! `null` switches a feature off).
//!
//! Facts: the event reference of the Realtime API and the official SDK's types, November 2026.

mod error;
mod incoming;
mod outgoing;
mod usage;

pub use error::{VendorError, classify, request_of};
pub use incoming::{Malformed, ReplyStatus, ServerEvent, parse_event};
pub(super) use outgoing::{Author, Encoder, session_update};
pub use usage::{TokenUsage, TranscriptionUsage};
