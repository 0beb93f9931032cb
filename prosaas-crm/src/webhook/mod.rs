//! Outgoing webhooks: how they are signed, when they are tried again, and where they may go.
//!
//! Values in, values out: sending them is the host's.

pub mod address;
pub mod schedule;
#[cfg(feature = "webhooks")]
pub mod signing;
pub mod target;

pub use schedule::Verdict;
#[cfg(feature = "webhooks")]
pub use signing::{SignedHeaders, SigningSecrets, WebhookSecret};
pub use target::{InsideService, Target, TargetError, TargetPolicy};
