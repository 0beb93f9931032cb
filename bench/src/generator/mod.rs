//! The load: carriers on one side of the subject, the model on the other, in one process with one
//! monotonic clock, so that a frame's delay is one subtraction.

pub mod carrier;
pub mod dial;
pub mod http;
pub mod model;
mod model_events;
pub mod pacer;
pub mod playout;
mod rest;
pub mod rig;
pub mod schedule;
pub mod stamp;
pub mod verdict;
pub mod webhook;
pub mod wire;
