//! Named steps in order: each is announced, timed and counted; the first failure ends the run.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// The time a cold run on two cores may take in all.
pub(crate) const BUDGET: Duration = Duration::from_mins(45);

type Act = Box<dyn FnOnce() -> Result<()>>;

/// An ordered list of steps and what became of them.
pub(crate) struct Steps {
    planned: Vec<(&'static str, Act)>,
}

impl Steps {
    /// No steps yet.
    pub(crate) const fn new() -> Self {
        Self {
            planned: Vec::new(),
        }
    }

    /// Adds a step to the end.
    #[must_use]
    pub(crate) fn step(
        mut self,
        name: &'static str,
        act: impl FnOnce() -> Result<()> + 'static,
    ) -> Self {
        self.planned.push((name, Box::new(act)));
        self
    }

    /// Runs the steps whose name contains one of `only` (all when it is empty), then prints the summary.
    pub(crate) fn run(mut self, only: &[String]) -> Result<()> {
        if !only.is_empty() {
            self.planned
                .retain(|(name, _)| only.iter().any(|text| name.contains(text.as_str())));
        }
        if self.planned.is_empty() {
            bail!("no step's name contains {}", only.join(" or "));
        }
        let total = self.planned.len();
        let began = Instant::now();
        let mut done: Vec<(&'static str, Duration)> = Vec::new();
        let mut failure = None;
        for (number, (name, act)) in self.planned.into_iter().enumerate() {
            println!("\n== {}/{total} {name}", number + 1);
            let step_began = Instant::now();
            let outcome = act();
            let took = step_began.elapsed();
            done.push((name, took));
            match outcome {
                Ok(()) => println!("   {name}: ok in {}", spell(took)),
                Err(error) => {
                    println!("   {name}: FAILED after {}", spell(took));
                    failure = Some((name, error));
                    break;
                }
            }
        }
        summarise(
            &done,
            failure.as_ref().map(|(name, _)| *name),
            began.elapsed(),
        );
        let (passed, failed, skipped) = count(total, done.len(), usize::from(failure.is_some()));
        if let Some((name, error)) = failure {
            println!("step `{name}`: {error:#}");
            println!("{passed} passed, {failed} failed, {skipped} skipped");
            bail!("step `{name}` failed");
        }
        println!("{passed} passed, {failed} failed");
        Ok(())
    }
}

/// Of `total` steps `begun` were begun and `failed` of those failed: passed, failed, skipped.
const fn count(total: usize, begun: usize, failed: usize) -> (usize, usize, usize) {
    (begun - failed, failed, total - begun)
}

fn summarise(done: &[(&'static str, Duration)], failed: Option<&str>, all: Duration) {
    println!("\n== summary");
    for (name, took) in done {
        let mark = if failed == Some(*name) {
            "FAILED"
        } else {
            "ok"
        };
        println!("   {name:<36} {:>9}  {mark}", spell(*took));
    }
    let verdict = if all <= BUDGET { "within" } else { "OVER" };
    println!(
        "   {:<36} {:>9}  {verdict} the budget of {}",
        "all steps",
        spell(all),
        spell(BUDGET)
    );
}

/// `4.2 s`, or `3 min 07 s` from a minute on.
pub(crate) fn spell(time: Duration) -> String {
    let seconds = time.as_secs();
    if seconds < 60 {
        format!("{:.1} s", time.as_secs_f64())
    } else {
        format!("{} min {:02} s", seconds / 60, seconds % 60)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::rc::Rc;

    use super::*;

    #[test]
    fn the_first_failure_ends_the_run_and_is_named() {
        let later = Rc::new(Cell::new(false));
        let seen = Rc::clone(&later);
        let error = Steps::new()
            .step("first", || Ok(()))
            .step("second", || bail!("broken"))
            .step("third", move || {
                seen.set(true);
                Ok(())
            })
            .run(&[])
            .unwrap_err();
        assert_eq!(error.to_string(), "step `second` failed");
        assert!(!later.get(), "nothing runs after a failure");
    }

    #[test]
    fn steps_can_be_chosen_by_name() {
        let steps = || {
            Steps::new()
                .step("lint", || Ok(()))
                .step("break", || bail!("broken"))
        };
        assert!(steps().run(&["lint".to_owned()]).is_ok());
        assert!(steps().run(&["nothing".to_owned()]).is_err());
    }

    #[test]
    fn steps_are_counted_as_passed_failed_and_skipped() {
        assert_eq!(count(5, 5, 0), (5, 0, 0));
        assert_eq!(count(5, 3, 1), (2, 1, 2));
    }

    #[test]
    fn durations_are_spelled_for_people() {
        assert_eq!(spell(Duration::from_millis(4_210)), "4.2 s");
        assert_eq!(spell(Duration::from_secs(187)), "3 min 07 s");
    }
}
