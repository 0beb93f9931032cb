//! What people may ask about their data: requests, exports, erasure, and what keeps an erasure after a restore.

#[cfg(all(test, feature = "sqlite"))]
mod coverage;
mod erase;
mod export;
mod person;
mod replay;
mod requests;
mod sections;
mod tombstones;

pub use tombstones::{ErasureKey, TombstoneKeeper};
