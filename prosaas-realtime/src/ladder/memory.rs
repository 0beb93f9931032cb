//! What is remembered of each rung: whether it failed, and until when it is not asked first. Pure: the time
//! is a parameter.

use prosaas_core::audio_bridge::BridgeHealth;
use prosaas_core::leg::AiError;
use prosaas_core::time::UnixMillis;

use super::{LadderTimes, RungState, Trouble};

/// Failures in a row after which a rung whose trouble passes by itself counts as known to be down.
const KNOWN_DOWN: u32 = 2;
/// While one call tries a rung that was down, others wait for what it finds, in milliseconds.
const PROBE_MS: i64 = 3_000;
/// While every rung is down, each is asked at most so often for new calls, in milliseconds.
const LAST_RESORT_MS: i64 = 1_000;

#[derive(Clone, Debug, Default)]
struct Rung {
    down_until: Option<UnixMillis>,
    trouble: Option<Trouble>,
    error: Option<AiError>,
    /// Failures with no word spoken in between.
    failures: u32,
    asked_at: Option<UnixMillis>,
    live: u32,
}

/// The memory of one ladder.
#[derive(Debug)]
pub(super) struct Memory {
    times: LadderTimes,
    rungs: Vec<Rung>,
}

impl Memory {
    /// Nothing is known against any of `rungs` rungs.
    pub(super) fn new(rungs: usize, times: LadderTimes) -> Self {
        Self {
            times,
            rungs: vec![Rung::default(); rungs],
        }
    }

    /// Which rungs to ask, in which order. A call that goes on has nothing to lose: it asks those that are
    /// down as well, after the others.
    pub(super) fn order(&self, now: UnixMillis, goes_on: bool) -> Vec<usize> {
        let (mut order, down): (Vec<usize>, Vec<usize>) =
            (0..self.rungs.len()).partition(|rung| !self.is_down(now, *rung));
        if goes_on {
            let (hopeless, hopeful): (Vec<usize>, Vec<usize>) =
                down.into_iter().partition(|rung| {
                    self.rungs[*rung]
                        .trouble
                        .is_some_and(Trouble::needs_somebody)
                });
            order.extend(hopeful);
            order.extend(hopeless);
        } else if order.is_empty() {
            let rested = |rung: &usize| {
                let asked = self.rungs[*rung].asked_at;
                asked.is_none_or(|at| !(0..LAST_RESORT_MS).contains(&now.since(at)))
            };
            order.extend(down.into_iter().filter(rested));
        }
        order
    }

    /// A rung is asked. One that failed before is not asked first by others until it is known how it went.
    pub(super) fn asked(&mut self, now: UnixMillis, rung: usize) {
        let down = self.is_down(now, rung);
        let rung = &mut self.rungs[rung];
        rung.asked_at = Some(now);
        if rung.failures > 0 && !down {
            rung.down_until = Some(now.plus(PROBE_MS));
        }
    }

    /// A rung failed.
    pub(super) fn failed(&mut self, now: UnixMillis, rung: usize, trouble: Trouble, why: &AiError) {
        let times = self.times;
        let rung = &mut self.rungs[rung];
        let first = match trouble {
            Trouble::Key | Trouble::Quota => times.account_ms,
            Trouble::RetiredModel => times.retired_ms,
            Trouble::Overload => times.overload_ms,
            Trouble::Unreachable => times.unreachable_ms,
        };
        // What passes by itself is looked for less and less often.
        let doublings = rung.failures.min(8);
        let longer = (first << doublings).min(times.longest_ms.max(first));
        let rest = if trouble.needs_somebody() {
            first
        } else {
            longer
        };
        rung.failures = rung.failures.saturating_add(1);
        rung.down_until = Some(now.plus(i64::try_from(rest).unwrap_or(i64::MAX)));
        rung.trouble = Some(trouble);
        rung.error = Some(why.clone());
    }

    /// A rung spoke: nothing is known against it any more.
    pub(super) fn spoke(&mut self, rung: usize) {
        let rung = &mut self.rungs[rung];
        rung.failures = 0;
        rung.down_until = None;
        rung.trouble = None;
        rung.error = None;
    }

    /// A leg of this rung begins or ends.
    pub(super) fn count(&mut self, rung: usize, begins: bool) {
        let live = &mut self.rungs[rung].live;
        *live = if begins {
            live.saturating_add(1)
        } else {
            live.saturating_sub(1)
        };
    }

    /// Whether a new call is worth the try.
    pub(super) fn health(&self, now: UnixMillis) -> BridgeHealth {
        let mut until: Option<UnixMillis> = None;
        for (number, rung) in self.rungs.iter().enumerate() {
            let sure =
                rung.failures >= KNOWN_DOWN || rung.trouble.is_some_and(Trouble::needs_somebody);
            match rung.down_until {
                Some(at) if sure && self.is_down(now, number) => {
                    until = Some(until.map_or(at, |earliest| earliest.min(at)));
                }
                _ => return BridgeHealth::Up,
            }
        }
        until.map_or(BridgeHealth::Up, |until| BridgeHealth::Down { until })
    }

    /// What is known of a rung.
    pub(super) fn state(&self, now: UnixMillis, number: usize, name: &str) -> RungState {
        let rung = &self.rungs[number];
        let down = self.is_down(now, number);
        RungState {
            name: name.to_owned(),
            down_until: rung.down_until.filter(|_| down),
            trouble: rung.trouble,
            failures: rung.failures,
            live: rung.live,
        }
    }

    /// The error that a rung was last seen with.
    pub(super) fn last_error(&self) -> Option<AiError> {
        self.rungs.iter().find_map(|rung| rung.error.clone())
    }

    fn is_down(&self, now: UnixMillis, rung: usize) -> bool {
        let times = self.times;
        let longest = times.longest_ms.max(times.account_ms).max(times.retired_ms);
        // A wall clock that was set back would make a rest of minutes one of hours.
        let longest = i64::try_from(longest).unwrap_or(i64::MAX);
        self.rungs[rung]
            .down_until
            .is_some_and(|until| (1..=longest).contains(&until.since(now)))
    }
}

#[cfg(test)]
mod tests {
    use prosaas_core::leg::AiErrorKind;

    use super::*;

    fn error() -> AiError {
        AiError {
            kind: AiErrorKind::Connect,
            code: "io".to_owned(),
            message: String::new(),
            request: None,
        }
    }

    fn memory() -> Memory {
        Memory::new(2, LadderTimes::default())
    }

    const fn at(ms: i64) -> UnixMillis {
        UnixMillis(1_000_000 + ms)
    }

    #[test]
    fn the_next_call_begins_on_the_good_rung_and_one_call_looks_whether_the_other_is_back() {
        let mut memory = memory();
        assert_eq!(memory.order(at(0), false), [0, 1]);
        memory.failed(at(0), 0, Trouble::Unreachable, &error());
        assert_eq!(memory.order(at(1), false), [1]);
        assert_eq!(memory.order(at(1), true), [1, 0], "a live call tries all");
        assert_eq!(memory.order(at(5_000), false), [0, 1]);
        memory.asked(at(5_000), 0);
        assert_eq!(memory.order(at(5_001), false), [1], "one is looking");
        memory.spoke(0);
        assert_eq!(memory.order(at(5_002), false), [0, 1]);
    }

    #[test]
    fn what_does_not_pass_is_looked_for_less_often() {
        let mut memory = memory();
        let mut rests = Vec::new();
        for _ in 0..7 {
            memory.failed(at(0), 0, Trouble::Unreachable, &error());
            let until = memory.state(at(0), 0, "").down_until.unwrap();
            rests.push(until.since(at(0)) / 1_000);
        }
        assert_eq!(rests, [5, 10, 20, 40, 80, 120, 120]);
    }

    #[test]
    fn health_is_down_only_when_every_rung_is_known_to_be() {
        let mut memory = memory();
        memory.failed(at(0), 0, Trouble::Quota, &error());
        assert_eq!(memory.health(at(1)), BridgeHealth::Up);
        memory.failed(at(0), 1, Trouble::Unreachable, &error());
        assert_eq!(memory.health(at(1)), BridgeHealth::Up, "once is no proof");
        memory.failed(at(1_000), 1, Trouble::Unreachable, &error());
        let until = at(11_000);
        assert_eq!(memory.health(at(1_001)), BridgeHealth::Down { until });
        assert_eq!(memory.health(until), BridgeHealth::Up);
    }

    #[test]
    fn new_calls_ask_a_dead_vendor_once_a_second() {
        let mut memory = Memory::new(1, LadderTimes::default());
        memory.failed(at(0), 0, Trouble::Unreachable, &error());
        let mut asked = 0;
        for ms in (0..4_900).step_by(10) {
            for rung in memory.order(at(ms), false) {
                memory.asked(at(ms), rung);
                asked += 1;
            }
        }
        assert_eq!(asked, 5);
    }

    #[test]
    fn a_clock_that_is_set_back_keeps_no_rung_down() {
        let mut memory = memory();
        memory.failed(at(3_600_000), 0, Trouble::Quota, &error());
        assert_eq!(memory.order(at(0), false), [0, 1]);
    }
}
