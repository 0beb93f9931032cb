//! The outbox in seeded time: two workers that crash, fail and report late, clocks that disagree, a process that starts
//! again. A reference beside it says in every step which jobs a worker gets and which report counts. Each seed runs twice
//! with equal traces.
//!
//! `PROSAAS_TEST_SEED=17` runs one, `PROSAAS_TEST_SEEDS=10000` so many.

mod fault;
mod run;

use fault::ALL;
use run::{Bench, Run};

use crate::support::{Backend, Databases, number};

/// How many seeds are run, unless `PROSAAS_TEST_SEEDS` says otherwise.
const SEEDS: u64 = 100;

#[tokio::test]
async fn no_job_is_lost_and_none_done_again_once_it_counts_as_done() {
    let databases = Databases::new(Backend::Sqlite);
    let mut bench = Bench::new(&databases).await;
    let one = number("PROSAAS_TEST_SEED");
    let seeds = number("PROSAAS_TEST_SEEDS").unwrap_or(SEEDS);
    let range = one.map_or(1..=seeds, |seed| seed..=seed);
    for seed in range {
        let first = Run::new(&mut bench, seed).play().await;
        let again = Run::new(&mut bench, seed).play().await;
        assert_eq!(first, again, "seed {seed}: two runs, two traces");
    }
    let fired: u32 = bench.fired.iter().sum();
    println!(
        "outbox: {seeds} seeds simulated twice with equal traces; {} kinds of fault fired {fired} times",
        ALL.len()
    );
    let every_kind = ALL.iter().zip(bench.fired);
    let silent: Vec<_> = every_kind.filter(|(_, times)| *times == 0).collect();
    assert!(
        one.is_some() || seeds < SEEDS || silent.is_empty(),
        "these never fired: {silent:?}"
    );
}
