//! How late the server's own clock is.
//!
//! A timer that fires late tells that tasks wait for a processor, or for a task that does not let go: then the audio
//! of live calls waits as well, and one more call makes it worse for all of them. So while the server is behind, a new
//! call goes on as if all lines of its number were taken.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::wiring::App;

/// How often the clock is looked at.
const EVERY: Duration = Duration::from_millis(100);
/// For how long, at least, the worst lag is shown: longer than there is between two scrapes of the metrics.
const SHOWN: Duration = Duration::from_secs(30);

/// When a server is behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// A tick may be so late.
    pub most: Duration,
    /// So long ticks must be later, one after the other, before the server is behind; and so long in time before it
    /// has caught up.
    pub within: Duration,
}

/// Whether this server is behind, for whoever lets calls in.
#[derive(Debug, Default)]
pub struct Lag {
    is_behind: AtomicBool,
}

impl Lag {
    /// Whether it is behind.
    pub fn is_behind(&self) -> bool {
        self.is_behind.load(Ordering::Relaxed)
    }

    /// Says whether it is.
    pub fn set_behind(&self, is_behind: bool) {
        self.is_behind.store(is_behind, Ordering::Relaxed);
    }
}

/// What the ticks so far tell. Times are those since some beginning.
#[derive(Debug)]
struct Watch {
    limits: Limits,
    is_behind: bool,
    /// Since when every tick tells the other thing.
    turning_since: Option<Duration>,
}

impl Watch {
    const fn new(limits: Limits) -> Self {
        Self {
            limits,
            is_behind: false,
            turning_since: None,
        }
    }

    /// A tick came at `now` and was so late; `Some` when the server is behind by it, or has caught up.
    fn tick(&mut self, now: Duration, late: Duration) -> Option<bool> {
        let is_late = late > self.limits.most;
        if is_late == self.is_behind {
            self.turning_since = None;
            return None;
        }
        // From the first tick on: one long halt is over when it is noticed.
        let since = *self.turning_since.get_or_insert(now);
        if now.saturating_sub(since) < self.limits.within {
            return None;
        }
        self.is_behind = is_late;
        self.turning_since = None;
        Some(is_late)
    }
}

/// The worst lag of the last while.
#[derive(Debug, Default)]
struct Worst {
    since: Duration,
    current: Duration,
    before: Duration,
}

impl Worst {
    /// One more, at this time; the worst by now.
    fn of(&mut self, now: Duration, late: Duration) -> Duration {
        if now.saturating_sub(self.since) >= SHOWN {
            self.before = std::mem::take(&mut self.current);
            self.since = now;
        }
        self.current = self.current.max(late);
        self.current.max(self.before)
    }
}

/// Looks at the clock until `stop`.
pub(crate) async fn run(app: Arc<App>, stop: CancellationToken) {
    let began = Instant::now();
    let (mut watch, mut worst) = (Watch::new(app.config.lag), Worst::default());
    let mut ticks = interval(EVERY);
    // A late tick does not make the next one early.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while let Some(due) = stop.run_until_cancelled(ticks.tick()).await {
        let (now, late) = (began.elapsed(), due.elapsed());
        app.metrics.event_loop_lag(worst.of(now, late));
        let Some(is_behind) = watch.tick(now, late) else {
            continue;
        };
        app.lag.set_behind(is_behind);
        let lag_ms = late.as_millis() as u64;
        if is_behind {
            tracing::error!(lag_ms, "the server is behind; new calls get no line");
        } else {
            tracing::warn!(
                lag_ms,
                "the server has caught up; new calls are let in again"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits {
        most: Duration::from_millis(500),
        within: Duration::from_secs(3),
    };

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    /// What becomes of ticks, each with its time and lag: the times at which something changed.
    fn changes(ticks: impl IntoIterator<Item = (u64, u64)>) -> Vec<(u64, bool)> {
        let mut watch = Watch::new(LIMITS);
        let mut changes = Vec::new();
        for (now, late) in ticks {
            changes.extend(watch.tick(ms(now), ms(late)).map(|behind| (now, behind)));
        }
        changes
    }

    #[test]
    fn a_server_is_behind_when_every_tick_is_late_for_a_while() {
        let late = (0..6).map(|n| (n * 700, 600));
        assert_eq!(changes(late), [(3_500, true)]);
        let at_the_limit = (0..100).map(|n| (n * 600, 500));
        assert_eq!(changes(at_the_limit), []);
    }

    #[test]
    fn one_tick_in_time_begins_anew() {
        let mut ticks: Vec<(u64, u64)> = (0..5).map(|n| (n * 700, 600)).collect();
        ticks.push((2_900, 1));
        ticks.extend((0..5).map(|n| (3_600 + n * 700, 600)));
        assert_eq!(changes(ticks.clone()), []);
        ticks.push((7_100, 600));
        assert_eq!(changes(ticks), [(7_100, true)]);
    }

    #[test]
    fn one_long_halt_is_over_when_it_is_noticed() {
        assert_eq!(changes([(0, 0), (10_000, 9_900), (10_100, 0)]), []);
    }

    #[test]
    fn it_has_caught_up_when_every_tick_is_in_time_for_a_while() {
        let late = [(0, 600), (3_000, 2_900)];
        let between = [(3_100, 0), (6_000, 2_800)];
        let in_time = (0..40).map(|n| (6_100 + n * 100, 2));
        let ticks = late.into_iter().chain(between).chain(in_time);
        assert_eq!(changes(ticks), [(3_000, true), (9_100, false)]);
    }

    #[test]
    fn the_worst_is_shown_until_somebody_has_seen_it() {
        let mut worst = Worst::default();
        for (now, late, shown) in [
            (0, 1, 1),
            (1_000, 700, 700),
            (29_900, 2, 700),
            (30_000, 3, 700),
            (59_900, 2, 700),
            (60_000, 2, 3),
        ] {
            assert_eq!(worst.of(ms(now), ms(late)), ms(shown), "at {now}");
        }
    }
}
