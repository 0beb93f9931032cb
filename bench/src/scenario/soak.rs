//! Calls of ordinary length, so many at once, one after the other for hours: none fails, and memory and
//! descriptors stay where they were.

use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};
use tokio_util::sync::CancellationToken;

use super::{Calls, judge};
use crate::{
    generator::{
        dial::{self, Route},
        rig::Rig,
        verdict::Verdict,
    },
    measure::process::Reading,
};

/// Calls last this long at least, and less than so much longer, in milliseconds.
const SHORTEST_MS: u64 = 5_000;
const SPREAD_MS: u64 = 15_000;
/// Spreads the lengths: without a common divisor with the spread.
const STEP_MS: u64 = 7_919;
/// Calls begin no closer together than this.
const START_EVERY: Duration = Duration::from_millis(20);
/// Between the last call of a part and the reading: the allocator gives memory back after ten seconds.
const REST: Duration = Duration::from_secs(20);

/// How much is done.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    /// Calls in all.
    pub calls: u32,
    /// Calls at once.
    pub live: u32,
}

/// The figures of one soak.
#[derive(Debug, Clone)]
pub struct Soak {
    /// Memory of the subject after a tenth of the calls, in the middle and at the end, in KiB, each with no call in
    /// progress: what the first calls load is not growth.
    pub rss_kib: [u64; 3],
    /// Its descriptors at the same moments.
    pub descriptors: [u64; 3],
    /// Every call judged.
    pub verdict: Verdict,
}

/// Places the calls, from the number 0 on.
pub async fn run(rig: &Arc<Rig>, route: &Arc<Route>, pid: u32, load: Load) -> anyhow::Result<Soak> {
    let mut soak = Soak {
        rss_kib: [0; 3],
        descriptors: [0; 3],
        verdict: Verdict::default(),
    };
    let warm = (load.calls / 10).max(1);
    let middle = warm + (load.calls - warm) / 2;
    let parts = [(0, warm), (warm, middle), (middle, load.calls)];
    for (number, (first, end)) in parts.into_iter().enumerate() {
        let mut calls = Calls::new(rig, route, first);
        part(&mut calls, end, load.live, &mut soak.verdict).await;
        rig.pass(REST).await;
        let reading = Reading::of(pid)?;
        soak.rss_kib[number] = reading.rss_kib;
        soak.descriptors[number] = reading.descriptors;
    }
    Ok(soak)
}

/// Calls up to this number, and the end of all of them.
async fn part(calls: &mut Calls, end: u32, live: u32, verdict: &mut Verdict) {
    let mut pace = interval(START_EVERY);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while calls.next < end {
        if calls.tasks.len() >= live.max(1) as usize {
            if let Some(ended) = calls.tasks.join_next().await {
                judge(&calls.rig, ended, verdict);
            }
            continue;
        }
        pace.tick().await;
        place(calls);
    }
    while let Some(ended) = calls.tasks.join_next().await {
        judge(&calls.rig, ended, verdict);
    }
}

/// Places the next call, which ends by itself.
fn place(calls: &mut Calls) {
    let (rig, route) = (Arc::clone(&calls.rig), Arc::clone(&calls.route));
    let number = calls.next;
    calls.next += 1;
    let ends = Instant::now() + length(number);
    calls.tasks.spawn(async move {
        let hang_up = CancellationToken::new();
        let call = dial::call(rig, route, number, hang_up.clone());
        let hanging_up = async {
            sleep_until(ends).await;
            hang_up.cancel();
        };
        let (log, ()) = tokio::join!(call, hanging_up);
        log
    });
}

/// How long the call of this number lasts.
fn length(number: u32) -> Duration {
    Duration::from_millis(SHORTEST_MS + u64::from(number) * STEP_MS % SPREAD_MS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_last_from_five_to_twenty_seconds_and_no_length_is_preferred() {
        let lengths: Vec<u64> = (0..15_000)
            .map(|number| length(number).as_millis() as u64)
            .collect();
        assert!(lengths.iter().all(|ms| (5_000..20_000).contains(ms)));
        let mean = lengths.iter().sum::<u64>() / lengths.len() as u64;
        assert_eq!(mean, 12_499);
    }
}
