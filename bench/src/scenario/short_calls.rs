//! Many short calls: set-up rate, and memory that stays where it was.

use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, sleep_until};

use super::{Calls, judge};
use crate::{
    generator::{dial::Route, rig::Rig, verdict::Verdict},
    measure::process::Reading,
};

/// Calls placed per second.
pub const PER_SECOND: u32 = 50;
/// The caller talks this long; the drain comes on top.
const LENGTH: Duration = Duration::from_millis(500);
/// Between the last call and the last reading.
const REST: Duration = Duration::from_secs(3);

/// The figures of one run of short calls.
#[derive(Debug, Clone)]
pub struct ShortCalls {
    /// Memory of the subject after a tenth of the calls and after all, in KiB, both with no call in
    /// progress: what the first calls load is not growth.
    pub rss_kib: [u64; 2],
    /// Its descriptors at the same moments.
    pub descriptors: [u64; 2],
    /// Every call judged.
    pub verdict: Verdict,
}

/// Places `count` calls of half a second.
pub async fn run(
    rig: &Arc<Rig>,
    route: &Arc<Route>,
    pid: u32,
    first: u32,
    count: u32,
) -> anyhow::Result<ShortCalls> {
    let mut verdict = Verdict::default();
    let warm = (count / 10).max(1);
    batch(rig, route, first, warm, &mut verdict).await;
    let before = Reading::of(pid)?;
    batch(rig, route, first + warm, count - warm, &mut verdict).await;
    let after = Reading::of(pid)?;
    Ok(ShortCalls {
        rss_kib: [before.rss_kib, after.rss_kib],
        descriptors: [before.descriptors, after.descriptors],
        verdict,
    })
}

async fn batch(rig: &Arc<Rig>, route: &Arc<Route>, first: u32, count: u32, verdict: &mut Verdict) {
    let mut calls = Calls::new(rig, route, first);
    let begin = Instant::now();
    let mut placed = 0;
    let mut ends = std::collections::VecDeque::new();
    loop {
        let next_start =
            (placed < count).then(|| begin + Duration::from_secs(1) * placed / PER_SECOND);
        let next_end = ends.front().map(|(at, _)| *at);
        let Some(next) = next_start.into_iter().chain(next_end).min() else {
            break;
        };
        tokio::select! {
            () = sleep_until(next) => {}
            Some(ended) = calls.tasks.join_next() => { judge(rig, ended, verdict); continue; }
        }
        if next_end == Some(next) {
            if let Some((_, hang_up)) = ends.pop_front() {
                tokio_util::sync::CancellationToken::cancel(&hang_up);
            }
        } else {
            let hang_up = tokio_util::sync::CancellationToken::new();
            ends.push_back((
                begin + Duration::from_secs(1) * placed / PER_SECOND + LENGTH,
                hang_up.clone(),
            ));
            calls.place(hang_up);
            placed += 1;
        }
    }
    while let Some(ended) = calls.tasks.join_next().await {
        judge(rig, ended, verdict);
    }
    rig.pass(REST).await;
}
