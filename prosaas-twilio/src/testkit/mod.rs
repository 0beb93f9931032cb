//! Twilio without Twilio: a fake carrier that places calls, and a fake REST API. Both speak the real wire
//! over real sockets, so that what is tested is what answers in production.

pub mod carrier;
pub mod rest_api;
mod wav;

pub use wav::stereo_wav;
