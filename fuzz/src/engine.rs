//! Feeds inputs to a target until its time is over or something breaks.

use std::collections::HashSet;
use std::panic::catch_unwind;
use std::time::{Duration, Instant};

use crate::mutate::{Rng, mutate};
use crate::target::Target;

/// An input this slow is a finding too: a message must not stop a server.
const SLOW: Duration = Duration::from_secs(1);
/// Inputs kept for further mutation, seeds included.
const KEPT: usize = 2_000;

/// What a run came to.
pub(crate) struct Run {
    pub(crate) executions: u64,
    /// Inputs with an outcome of their own.
    pub(crate) kept: usize,
    pub(crate) took: Duration,
    pub(crate) verdict: Verdict,
}

/// Whether everything held.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// For every input.
    Held,
    /// Not for this one.
    Failed { input: Vec<u8>, why: String },
}

/// Feeds each seed as it is, then mutations of them, for `time`.
pub(crate) fn run(target: &Target, seeds: &[Vec<u8>], seed: u64, time: Duration) -> Run {
    let began = Instant::now();
    let mut rng = Rng::new(seed);
    let mut kept: Vec<Vec<u8>> = Vec::new();
    let mut outcomes = HashSet::new();
    let mut executions = 0;
    let mut waiting = seeds.iter();
    let verdict = loop {
        // Every seed is fed, however little time there is.
        let input = match waiting.next() {
            Some(seed) => seed.clone(),
            None if began.elapsed() >= time => break Verdict::Held,
            None => mutation(&kept, target.dictionary, &mut rng),
        };
        executions += 1;
        let started = Instant::now();
        let Ok(outcome) = catch_unwind(|| (target.run)(&input)) else {
            break Verdict::Failed {
                input,
                why: "it panicked".to_owned(),
            };
        };
        if started.elapsed() > SLOW {
            let why = format!("it took {} ms", started.elapsed().as_millis());
            break Verdict::Failed { input, why };
        }
        if kept.len() < KEPT && outcomes.insert(outcome) {
            kept.push(input);
        }
    };
    Run {
        executions,
        kept: kept.len(),
        took: began.elapsed(),
        verdict,
    }
}

fn mutation(kept: &[Vec<u8>], dictionary: &[&str], rng: &mut Rng) -> Vec<u8> {
    let mut input = rng.pick(kept).cloned().unwrap_or_default();
    let other = rng.pick(kept).map(Vec::as_slice).unwrap_or_default();
    mutate(&mut input, other, dictionary, rng);
    input
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::Outcome;

    /// Breaks on a word that needs three steps, each of which gives an outcome of its own.
    const BREAKS: Target = Target {
        name: "breaks",
        run: |input| {
            let depth = [b"{", b"["]
                .iter()
                .filter(|word| input.starts_with(**word))
                .count();
            assert!(!(depth == 1 && input.ends_with(b"boom")), "found");
            Outcome::of((depth, input.len().min(3)))
        },
        dictionary: &["boom", "["],
    };

    const HOLDS: Target = Target {
        name: "holds",
        run: |input| Outcome::of(input.first().copied()),
        dictionary: &[],
    };

    #[test]
    fn what_breaks_is_found_and_handed_back() {
        let run = run(&BREAKS, &[b"x".to_vec()], 1, Duration::from_secs(20));
        let Verdict::Failed { input, .. } = run.verdict else {
            panic!("not found in {} executions", run.executions)
        };
        assert!(input.ends_with(b"boom"), "{input:?}");
    }

    #[test]
    fn seeds_are_all_fed_and_new_outcomes_are_kept() {
        let seeds: Vec<Vec<u8>> = (0..50_u8).map(|byte| vec![byte]).collect();
        let run = run(&HOLDS, &seeds, 1, Duration::ZERO);
        assert!(matches!(run.verdict, Verdict::Held));
        assert_eq!((run.executions, run.kept), (50, 50));
    }
}
