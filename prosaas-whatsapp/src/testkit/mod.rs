//! Fakes that speak the two wires: a sidecar and Meta's Graph API, each on a loopback port, and what a host
//! keeps for the backends, in memory.

mod graph;
mod hosts;
mod sidecar;

pub use graph::FakeGraph;
pub use hosts::{MemoryCloudHost, MemorySidecarHost};
pub use sidecar::FakeSidecar;

use std::sync::{Mutex, MutexGuard, PoisonError};

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
