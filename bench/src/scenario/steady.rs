//! N conversations at once: CPU, memory, delay, and every frame accounted for.

use std::{sync::Arc, time::Duration};

use super::Calls;
use crate::{
    generator::{
        dial::Route,
        rig::{Live, Rig},
        schedule::CYCLE_MS,
        verdict::Verdict,
    },
    measure::{machine, process::Reading},
};

/// Above this lag of the generator's own clock (99 %), its figures are a lower bound.
const SATURATED_LAG_NS: u64 = 5_000_000;
/// Above this share of its core as well.
const SATURATED_CPU: f64 = 0.85;
/// Calls that load everything lazily loaded before memory is first read.
const WARM_UP_CALLS: u32 = 4;

/// The figures of one steady run.
#[derive(Debug, Clone)]
pub struct Steady {
    /// Calls at once.
    pub calls: u32,
    /// Length of the measured window in seconds.
    pub seconds: f64,
    /// The subject's CPU time per call and second of the window, in milliseconds.
    pub cpu_ms: f64,
    /// Its context switches per call and second: waited, preempted.
    pub switches: (f64, f64),
    /// Its resident memory before the calls, with half of them, with all, in KiB.
    pub rss_kib: [u64; 3],
    /// Delays in the window.
    pub live: Live,
    /// Every frame and interruption of the whole run.
    pub verdict: Verdict,
    /// The generator's share of a core in the window.
    pub generator_cpu: f64,
    /// What everything else on the machine used, in cores: the disturbance.
    pub others_cpu: f64,
}

impl Steady {
    /// Memory per call in KiB: the slope between half of the calls and all.
    pub fn kib_per_call(&self) -> f64 {
        let [_, half, full] = self.rss_kib;
        (full as f64 - half as f64) / f64::from(self.calls - self.calls / 2)
    }

    /// Memory per call in KiB, counted from the warm idle process.
    pub fn kib_per_call_from_idle(&self) -> f64 {
        let [idle, _, full] = self.rss_kib;
        (full as f64 - idle as f64) / f64::from(self.calls)
    }

    /// Calls that one core holds at 80 %, by CPU time.
    pub fn calls_per_core(&self) -> f64 {
        800.0 / self.cpu_ms
    }

    /// Whether the generator was at its own limit.
    pub fn saturated(&self) -> bool {
        self.generator_cpu > SATURATED_CPU
            || self
                .live
                .lag
                .percentile(99.0)
                .is_some_and(|lag| lag > SATURATED_LAG_NS)
    }
}

/// Plays `count` calls: half of them, a cycle of rest, the other half, a cycle of rest, then the
/// window that is measured.
pub async fn run(
    rig: &Arc<Rig>,
    route: &Arc<Route>,
    pid: u32,
    count: u32,
    window: Duration,
) -> anyhow::Result<Steady> {
    let cycle = Duration::from_millis(CYCLE_MS);
    let mut warm_up = Calls::new(rig, route, 0);
    warm_up.ramp(WARM_UP_CALLS, Duration::from_secs(3)).await;
    warm_up.finish().await;
    rig.pass(Duration::from_secs(1)).await;
    let idle = Reading::of(pid)?;

    let mut calls = Calls::new(rig, route, WARM_UP_CALLS);
    calls.ramp(count / 2, cycle).await;
    rig.pass(cycle).await;
    let half = Reading::of(pid)?;
    calls.ramp(count - count / 2, cycle).await;
    rig.pass(cycle).await;

    let own = std::process::id();
    rig.record(true);
    let began = rig.now_ns();
    let before = (Reading::of(pid)?, Reading::of(own)?, machine::busy_ms());
    rig.pass(window).await;
    let after = (Reading::of(pid)?, Reading::of(own)?, machine::busy_ms());
    let seconds = (rig.now_ns() - began) as f64 / 1e9;
    rig.record(false);
    let verdict = calls.finish().await;

    let call_seconds = f64::from(count) * seconds;
    let subject_ms = after.0.cpu_ms - before.0.cpu_ms;
    let own_ms = after.1.cpu_ms - before.1.cpu_ms;
    let others_ms = (after.2 - before.2).saturating_sub(subject_ms + own_ms);
    let per_call = |after: u64, before: u64| after.saturating_sub(before) as f64 / call_seconds;
    Ok(Steady {
        calls: count,
        seconds,
        cpu_ms: subject_ms as f64 / call_seconds,
        switches: (
            per_call(after.0.voluntary, before.0.voluntary),
            per_call(after.0.involuntary, before.0.involuntary),
        ),
        rss_kib: [idle.rss_kib, half.rss_kib, after.0.rss_kib],
        live: rig.live(),
        verdict,
        generator_cpu: own_ms as f64 / (seconds * 1e3),
        others_cpu: others_ms as f64 / (seconds * 1e3),
    })
}
