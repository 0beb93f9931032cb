//! Whole calls in virtual time: a session between a carrier that plays audio truthfully, a model that follows its own
//! rules, tools and a caller, all with delays, under faults that a seed chooses. The judges are the books of those
//! around the session, never its own.
//!
//! A call is one number: `PROSAAS_TEST_SEED=17` plays one, `PROSAAS_TEST_SEEDS=10000` so many.

mod caller;
mod carrier;
mod fault;
mod judge;
mod legs;
mod model;
mod strikes;
mod tools;
mod trace;
mod world;

use std::thread;

use fault::{Fault, Fired, NOTHING_FIRED};
use judge::Run;
use world::World;

/// How many calls are simulated, unless `PROSAAS_TEST_SEEDS` says otherwise.
const SEEDS: u64 = 300;
/// Threads that share them.
const WORKERS: u64 = 2;

/// What calls were together.
struct Tally {
    calls: u32,
    fired: Fired,
    truncations: u32,
    handovers: u32,
}

impl Tally {
    const NOTHING: Self = Self {
        calls: 0,
        fired: NOTHING_FIRED,
        truncations: 0,
        handovers: 0,
    };

    fn add(&mut self, other: &Self) {
        self.calls += other.calls;
        self.truncations += other.truncations;
        self.handovers += other.handovers;
        for (sum, times) in self.fired.iter_mut().zip(other.fired) {
            *sum += times;
        }
    }
}

/// Says which call it was when a session panics in it.
struct Named(u64);

impl Drop for Named {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("PROSAAS_TEST_SEED={} plays this call again", self.0);
        }
    }
}

/// Plays the call of a seed twice: it keeps every promise, and both times are the same.
fn judge(seed: u64) -> Tally {
    let _named = Named(seed);
    let Run {
        violations,
        fingerprint,
        fired,
        truncations,
        handovers,
        ..
    } = World::new(seed, false).run();
    let again = World::new(seed, false).run();
    assert_eq!(
        fingerprint, again.fingerprint,
        "seed {seed}: two runs, two traces"
    );
    if !violations.is_empty() {
        let told = World::new(seed, true).run().told;
        panic!("seed {seed}: {violations:#?}\n{told}");
    }
    Tally {
        calls: 1,
        fired,
        truncations,
        handovers,
    }
}

/// Plays the calls of these seeds.
fn judge_all(seeds: u64) -> Tally {
    let mut sum = Tally::NOTHING;
    thread::scope(|scope| {
        let workers: Vec<_> = (0..WORKERS)
            .map(|worker| scope.spawn(move || judge_share(seeds, worker)))
            .collect();
        for worker in workers {
            sum.add(&worker.join().unwrap());
        }
    });
    sum
}

fn judge_share(seeds: u64, worker: u64) -> Tally {
    let mut sum = Tally::NOTHING;
    for seed in (1..=seeds).filter(|seed| seed % WORKERS == worker) {
        sum.add(&judge(seed));
    }
    sum
}

/// A number by which a run is made longer, or shorter.
#[expect(
    clippy::disallowed_methods,
    reason = "how cargo xtask says how long the tests are"
)]
fn number(variable: &str) -> Option<u64> {
    let number = std::env::var(variable).ok()?;
    Some(number.parse().unwrap())
}

#[test]
fn every_call_keeps_every_promise_under_every_fault() {
    if let Some(seed) = number("PROSAAS_TEST_SEED") {
        judge(seed);
        return;
    }
    let seeds = number("PROSAAS_TEST_SEEDS").unwrap_or(SEEDS);
    let sum = judge_all(seeds);
    let kinds = Fault::ALL.len();
    let fired: u32 = sum.fired.iter().sum();
    println!(
        "calls: {} seeds simulated twice with equal traces; {kinds} kinds of fault fired {fired} times; {} truncations, \
         {} hand-overs",
        sum.calls, sum.truncations, sum.handovers
    );
    let every_kind = Fault::ALL.iter().zip(sum.fired);
    let silent: Vec<_> = every_kind.filter(|(_, times)| *times == 0).collect();
    if seeds >= SEEDS {
        assert!(silent.is_empty(), "these never fired: {silent:?}");
        assert!(
            sum.truncations > 50 && sum.handovers > 10,
            "the calls were interrupted and handed over often enough to mean something"
        );
    }
}
