//! The OpenAI backend against the fake model, over real sockets.

mod calls;
mod faults;
mod ladder;
mod lost;
mod talk;
mod turns;
