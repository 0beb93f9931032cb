//! What carriers and model connections share: the clock, the conversation, the instruments.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use super::{
    model::ModelLog,
    pacer::{Pacer, Ticks},
    schedule::Timeline,
    stamp::FRAME_MS,
};
use crate::measure::histogram::Histogram;

/// What the subject speaks on its model side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// Twilio messages, as the bare relay passes them on.
    Carrier,
    /// The GA Realtime API.
    Realtime,
}

/// Live measurements, taken only while [`Rig::record`] is on.
#[derive(Debug, Default, Clone)]
pub struct Live {
    /// Caller's frame handed to the socket -> read by the model.
    pub caller_delay: Histogram,
    /// Model's frame handed to the socket -> read by the carrier (includes pacing, by design).
    pub agent_transit: Histogram,
    /// How late the generator's own clock ticks were.
    pub lag: Histogram,
}

/// Shared by every task of the generator.
#[derive(Debug)]
pub struct Rig {
    epoch: Instant,
    pacer: Pacer,
    /// What the subject speaks.
    pub dialect: Dialect,
    /// The conversation's steps.
    pub timeline: Arc<Timeline>,
    recording: AtomicBool,
    accept_delay_ms: AtomicU64,
    left_out_ms: AtomicU64,
    live: Mutex<Live>,
    bound: Mutex<HashMap<u32, Vec<Arc<Mutex<ModelLog>>>>>,
}

impl Rig {
    /// A rig whose clock starts now.
    pub fn new(dialect: Dialect) -> Self {
        let epoch = Instant::now();
        Self {
            epoch,
            pacer: Pacer::start(epoch),
            dialect,
            timeline: Arc::default(),
            recording: AtomicBool::new(false),
            accept_delay_ms: AtomicU64::new(0),
            left_out_ms: AtomicU64::new(0),
            live: Mutex::default(),
            bound: Mutex::default(),
        }
    }

    /// Nanoseconds since the rig was made.
    pub fn now_ns(&self) -> u64 {
        self.epoch.elapsed().as_nanos() as u64
    }

    /// The runtime's instant for a time of this rig.
    pub fn instant(&self, at_ns: u64) -> tokio::time::Instant {
        (self.epoch + Duration::from_nanos(at_ns)).into()
    }

    /// A caller's 20 ms clock.
    pub fn ticks(&self, first_ns: u64) -> Ticks {
        self.pacer.ticks(first_ns)
    }

    /// Lets time pass: the load follows the wall clock, there is no condition to wait for.
    pub async fn pass(&self, time: Duration) {
        tokio::time::sleep_until(tokio::time::Instant::now() + time).await;
    }

    /// Switches the live measurements on or off.
    pub fn record(&self, on: bool) {
        self.recording.store(on, Ordering::Relaxed);
    }

    /// Changes the live measurements, if they are on.
    pub fn measure(&self, change: impl FnOnce(&mut Live)) {
        if self.recording.load(Ordering::Relaxed) {
            change(&mut lock(&self.live));
        }
    }

    /// Leaves the first seconds of each call out of the delays of callers' frames: what is said while the greeting is
    /// made is kept back by design, and would be all that is seen of calls that have just begun.
    pub fn leave_out(&self, first: Duration) {
        self.left_out_ms
            .store(first.as_millis() as u64, Ordering::Relaxed);
    }

    /// Whether the delay of a caller's frame of this number counts.
    pub fn is_steady(&self, frame: u32) -> bool {
        u64::from(frame) * FRAME_MS >= self.left_out_ms.load(Ordering::Relaxed)
    }

    /// A copy of the live measurements.
    pub fn live(&self) -> Live {
        lock(&self.live).clone()
    }

    /// The live measurements, which begin anew.
    pub fn take_live(&self) -> Live {
        std::mem::take(&mut lock(&self.live))
    }

    /// How long the model takes to accept a connection.
    pub fn accept_delay(&self) -> Duration {
        Duration::from_millis(self.accept_delay_ms.load(Ordering::Relaxed))
    }

    /// Sets how long the model takes to accept a connection.
    pub fn set_accept_delay(&self, delay: Duration) {
        self.accept_delay_ms
            .store(delay.as_millis() as u64, Ordering::Relaxed);
    }

    /// Remembers that a model connection serves the call `index` (learned from the first stamped
    /// frame: nothing else on the model's side names the call).
    pub fn bind(&self, index: u32, log: &Arc<Mutex<ModelLog>>) {
        lock(&self.bound)
            .entry(index)
            .or_default()
            .push(Arc::clone(log));
    }

    /// Takes the logs of all model connections that served the call `index`.
    pub fn take_logs(&self, index: u32) -> Vec<Arc<Mutex<ModelLog>>> {
        lock(&self.bound).remove(&index).unwrap_or_default()
    }
}

/// Locks; a panic elsewhere must not hide the figures that were measured before it.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_seconds_of_a_call_are_left_out_where_that_is_asked() {
        let rig = Rig::new(Dialect::Realtime);
        assert!(rig.is_steady(0));
        rig.leave_out(Duration::from_secs(9));
        assert!(!rig.is_steady(449));
        assert!(rig.is_steady(450));
    }
}
