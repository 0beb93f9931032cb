//! What people may ask about their data: requests, erasure, and what keeps an erasure after a restore.

mod erase;
mod person;
mod replay;
mod requests;
mod tombstones;

pub use tombstones::{ErasureKey, TombstoneKeeper};
