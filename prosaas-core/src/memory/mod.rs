//! An implementation of each trait that lives in memory: no I/O, no runtime, no clock.
//!
//! They pass the same behaviour suites as the real ones (feature `testkit`), so a whole call can be
//! run in a test: [`MemoryStore`] knows the business, [`MemoryLeg`] is the caller, [`MockBridge`] the
//! model, [`MockVerifier`] signs, [`MemoryWhatsApp`], [`MemoryTextModel`] and [`MemoryTranscriber`] do
//! what follows.

mod audio_bridge;
mod leg;
mod tenant_store;
mod text_model;
mod transcriber;
mod verifier;
mod whatsapp;

pub use audio_bridge::{AiHandle, Emit, MockBridge, RecordedAiCommand, Step, Trigger};
pub use leg::{CallerHandle, MemoryLeg, RecordedLegCommand};
pub use tenant_store::{MemoryLead, MemoryStore};
pub use text_model::MemoryTextModel;
pub use transcriber::MemoryTranscriber;
pub use verifier::MockVerifier;
pub use whatsapp::MemoryWhatsApp;

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks, even after a panic elsewhere: a failing test should report its own panic, not this lock's.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
