//! Twilio's requests in an axum application: verified webhooks, the media socket, a router for both.
//!
//! [`VerifiedForm`] is the only way to a webhook's content and only verification makes one, so a handler
//! cannot be reached by a forged request. [`router`] serves a whole voice application behind
//! [`VoiceHandler`].

mod connection;
mod extract;
mod guard;
mod handler;
mod media_socket;
mod rounds;
mod router;
mod upgrade;

pub use extract::{MAX_BODY_BYTES, VerifiedForm, WebhookRejection};
pub use guard::{PublicUrl, WebhookGuard};
pub use handler::VoiceHandler;
pub use media_socket::MediaSocket;
pub use router::{MediaLimits, VoiceRouter, paths, router};
