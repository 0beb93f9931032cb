//! Named steps in order: each is announced, timed and counted; the first failure ends the run.
//!
//! A step can also run aside: in a process of its own, at the lowest priority, beside the steps that follow. What
//! waits (a call in real time, a browser) leaves the processors to what compiles, and is not slowed down by it.

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Error, Result, anyhow, bail};

use crate::aside::{self, Aside};

/// The time a cold run on two cores may take in all.
pub(crate) const BUDGET: Duration = Duration::from_mins(45);

type Act = Box<dyn FnOnce() -> Result<()>>;

/// One entry of the list.
struct Planned {
    name: &'static str,
    act: Act,
    place: Place,
}

/// Where a step runs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// In this process, after the step before it.
    Here,
    /// Beside the steps that follow.
    Aside,
    /// Here, once all that runs aside has ended.
    Alone,
}

/// An ordered list of steps and what became of them.
pub(crate) struct Steps {
    planned: Vec<Planned>,
    /// What runs the steps of these names in a process of its own.
    launch: fn(&[&'static str]) -> Command,
}

impl Steps {
    /// No steps yet.
    pub(crate) const fn new() -> Self {
        Self {
            planned: Vec::new(),
            launch: aside::ourselves,
        }
    }

    /// Adds a step to the end.
    #[must_use]
    pub(crate) fn step(
        self,
        name: &'static str,
        act: impl FnOnce() -> Result<()> + 'static,
    ) -> Self {
        self.plan(name, act, Place::Here)
    }

    /// Adds a step that runs beside those that follow; of such steps next to each other, one after the other.
    #[must_use]
    pub(crate) fn aside(
        self,
        name: &'static str,
        act: impl FnOnce() -> Result<()> + 'static,
    ) -> Self {
        self.plan(name, act, Place::Aside)
    }

    /// Adds a step before which everything that runs aside has ended.
    #[must_use]
    pub(crate) fn alone(
        self,
        name: &'static str,
        act: impl FnOnce() -> Result<()> + 'static,
    ) -> Self {
        self.plan(name, act, Place::Alone)
    }

    fn plan(
        mut self,
        name: &'static str,
        act: impl FnOnce() -> Result<()> + 'static,
        place: Place,
    ) -> Self {
        let act = Box::new(act);
        self.planned.push(Planned { name, act, place });
        self
    }

    /// Runs all steps, or, when `only` is not empty, those whose name contains one of its texts, none of them aside.
    /// Then prints the summary.
    pub(crate) fn run(mut self, only: &[String]) -> Result<()> {
        if !only.is_empty() {
            self.planned
                .retain(|step| only.iter().any(|text| step.name.contains(text.as_str())));
            for step in &mut self.planned {
                step.place = Place::Here;
            }
        }
        if self.planned.is_empty() {
            bail!("no step's name contains {}", only.join(" or "));
        }
        let mut run = Run {
            total: self.planned.len(),
            launch: self.launch,
            began: Instant::now(),
            done: Vec::new(),
            gathered: Vec::new(),
            aside: None,
        };
        let mut steps = self.planned.into_iter();
        let outcome = steps.try_for_each(|step| run.take(step));
        let outcome = outcome.and_then(|()| run.finish_aside());
        run.summarise(outcome)
    }
}

/// The step that failed, and why.
type Failure = (String, Error);

/// What has happened so far.
struct Run {
    total: usize,
    launch: fn(&[&'static str]) -> Command,
    began: Instant,
    /// The steps that ended well, and how long each took.
    done: Vec<(&'static str, String)>,
    /// Steps next to each other that will run aside.
    gathered: Vec<&'static str>,
    aside: Option<Aside>,
}

impl Run {
    fn take(&mut self, step: Planned) -> Result<(), Failure> {
        if step.place == Place::Aside {
            self.gathered.push(step.name);
            return Ok(());
        }
        self.begin_aside()?;
        let is_over = self.aside.as_mut().is_some_and(Aside::is_over);
        if step.place == Place::Alone || is_over {
            self.finish_aside()?;
        }
        self.act(step)
    }

    fn act(&mut self, Planned { name, act, .. }: Planned) -> Result<(), Failure> {
        let beside = self.aside.as_ref().map_or(0, |aside| aside.names.len());
        let number = self.done.len() + beside + 1;
        println!("\n== {number}/{} {name}", self.total);
        let (began, busy) = (Instant::now(), processors());
        let outcome = act();
        let busy = processors().saturating_sub(busy);
        let took = format!("{} / {}", spell(began.elapsed()), spell(busy));
        match outcome {
            Ok(()) => {
                println!("   {name}: ok in {took}");
                self.done.push((name, took));
                Ok(())
            }
            Err(error) => {
                println!("   {name}: FAILED after {took}");
                Err((name.to_owned(), error))
            }
        }
    }

    /// Starts what was gathered, when something was.
    fn begin_aside(&mut self) -> Result<(), Failure> {
        if self.gathered.is_empty() {
            return Ok(());
        }
        self.finish_aside()?;
        let names = std::mem::take(&mut self.gathered);
        println!("\n== aside: {}", names.join(", "));
        let command = (self.launch)(&names);
        let name = names.join(", ");
        self.aside = Some(Aside::start(names, command).map_err(|error| (name, error))?);
        Ok(())
    }

    /// Waits for what runs aside, shows what it printed, and takes over what it did.
    fn finish_aside(&mut self) -> Result<(), Failure> {
        let Some(aside) = self.aside.take() else {
            return Ok(());
        };
        println!("\n== what ran aside: {}", aside.names.join(", "));
        let all = aside.names.clone();
        let ended = aside.finish().map_err(|error| (all.join(", "), error))?;
        self.done.extend(ended.took);
        match ended.failed {
            None => Ok(()),
            Some(name) => Err((name, anyhow!("what it said is above"))),
        }
    }

    fn summarise(mut self, outcome: Result<(), Failure>) -> Result<()> {
        // What still runs aside is of no use to anybody.
        let interrupted = self.aside.take().is_some();
        println!("\n== summary: by the clock / of processors");
        for (name, took) in &self.done {
            println!("   {name:<24} {took:>27}  ok");
        }
        let all = self.began.elapsed();
        let verdict = if all <= BUDGET { "within" } else { "OVER" };
        println!(
            "   {:<24} {:>27}  {verdict} the budget of {}",
            "all steps",
            format!("{} / {}", spell(all), spell(processors())),
            spell(BUDGET)
        );
        let passed = self.done.len();
        let Err((name, error)) = outcome else {
            println!("{passed} passed, 0 failed");
            return Ok(());
        };
        println!("step `{name}`: {error:#}");
        let skipped = self.total - passed - 1;
        let ended = if interrupted {
            ", what ran aside was ended"
        } else {
            ""
        };
        println!("{passed} passed, 1 failed, {skipped} skipped{ended}");
        bail!("step `{name}` failed");
    }
}

/// The time of processors that the children of this process took which have ended, and theirs; nothing where the
/// system does not tell as Linux does.
fn processors() -> Duration {
    let told = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    of_children(&told).unwrap_or_default()
}

/// `cutime` and `cstime`, in hundredths of a second (proc_pid_stat(5), fields 16 and 17; the second field is the
/// program's name in brackets, with anything in it).
fn of_children(stat: &str) -> Option<Duration> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(13);
    let mut next = || fields.next()?.parse::<u64>().ok();
    Some(Duration::from_millis((next()? + next()?) * 10))
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

    fn later(done: &Rc<Cell<bool>>) -> impl FnOnce() -> Result<()> + 'static {
        let done = Rc::clone(done);
        move || {
            done.set(true);
            Ok(())
        }
    }

    #[test]
    fn what_runs_aside_is_waited_for_and_taken_over() {
        let done = Rc::new(Cell::new(false));
        let mut steps = Steps::new()
            .aside("one", || bail!("this process does not run it"))
            .aside("two", || bail!("nor this"))
            .step("beside", || Ok(()))
            .alone("after", later(&done));
        steps.launch = |names| {
            assert_eq!(names, ["one", "two"]);
            let mut said = crate::process::command("printf");
            said.arg("   one: ok in 1.0 s\n   two: ok in 2 min 00 s\n");
            said
        };
        steps.run(&[]).unwrap();
        assert!(done.get(), "what waits for it comes in the end");
    }

    #[test]
    fn what_fails_aside_is_named_and_ends_the_run() {
        // Other names than in the test above: what runs aside writes a file of their names.
        let done = Rc::new(Cell::new(false));
        let mut steps = Steps::new()
            .aside("red", || Ok(()))
            .aside("blue", || Ok(()))
            .step("beside", || Ok(()))
            .alone("after", later(&done));
        steps.launch = |_| crate::process::command("false");
        let error = steps.run(&[]).unwrap_err();
        assert_eq!(error.to_string(), "step `red` failed");
        assert!(!done.get(), "nothing runs after a failure");
    }

    #[test]
    fn a_chosen_step_never_runs_aside() {
        let done = Rc::new(Cell::new(false));
        let mut steps = Steps::new().aside("one", later(&done));
        steps.launch = |_| panic!("nothing is to be launched");
        steps.run(&["one".to_owned()]).unwrap();
        assert!(done.get(), "it ran here");
    }

    #[test]
    fn processors_are_read_from_what_the_system_tells() {
        let stat = "71 (a) b (c) S 1 71 71 0 -1 4194304 9 8 7 6 50 60 1234 66 20 0 1 0 500 9000 80";
        assert_eq!(of_children(stat), Some(Duration::from_secs(13)));
        assert_eq!(of_children("71 (a)"), None);
    }

    #[test]
    fn durations_are_spelled_for_people() {
        assert_eq!(spell(Duration::from_millis(4_210)), "4.2 s");
        assert_eq!(spell(Duration::from_secs(187)), "3 min 07 s");
    }
}
