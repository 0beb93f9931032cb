//! The tables.

use std::fmt::Write as _;
use std::time::Duration;

use super::figures::Class;
use super::measure::Measured;
use super::memory::Memory;
use super::mixed::{CLIENTS, Mixed};
use super::world::Size;
use crate::measure::machine::Environment;

/// Half of what pgbench does with the same statements.
const LEAST_SHARE: f64 = 0.5;
/// What the server may hold, in KiB.
const MOST_KIB: (u64, u64) = (40 * 1024, 250 * 1024);

/// What was measured on one database.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) database: &'static str,
    pub(crate) figures: Vec<Measured>,
    pub(crate) mixed: Mixed,
    /// Requests in a second by pgbench, on PostgreSQL.
    pub(crate) pgbench: Option<f64>,
    pub(crate) memory: Option<Memory>,
    /// Cores that others used just before and after.
    pub(crate) others: f64,
}

impl Run {
    /// How many figures are over their bars.
    pub(crate) fn red(&self) -> usize {
        let figures = self.figures.iter().filter(|figure| figure.is_red()).count();
        let share = self.share().is_some_and(|share| share < LEAST_SHARE);
        let memory = self.memory.is_some_and(is_too_much);
        figures + usize::from(share) + usize::from(memory)
    }

    fn share(&self) -> Option<f64> {
        self.pgbench.map(|pgbench| self.mixed.rate() / pgbench)
    }

    fn write(&self, text: &mut String) -> std::fmt::Result {
        writeln!(text, "### {}\n", self.database)?;
        writeln!(
            text,
            "| figure | bar p50 / p99 | p50 | p99 | rows | requests | |"
        )?;
        writeln!(text, "|---|---:|---:|---:|---:|---:|---|")?;
        for figure in &self.figures {
            let (p50, p99) = figure.class.bar();
            writeln!(
                text,
                "| {} | {} / {} ms | {} | {} | {:.1} | {} | {} |",
                figure.name,
                p50.as_millis(),
                p99.as_millis(),
                spell(figure.percentile(50.0)),
                spell(figure.percentile(99.0)),
                figure.rows,
                figure.times.count(),
                if figure.is_red() { "**over**" } else { "" },
            )?;
        }
        let of = |percent| {
            spell(Duration::from_nanos(
                self.mixed.times.percentile(percent).unwrap_or(0),
            ))
        };
        writeln!(
            text,
            "\n| together | bar | measured | |\n|---|---:|---:|---|"
        )?;
        writeln!(
            text,
            "| mixed requests, {CLIENTS} at once | - | {:.0} a second | |",
            self.mixed.rate()
        )?;
        writeln!(
            text,
            "| mixed requests, p50 / p99 | - | {} / {} | |",
            of(50.0),
            of(99.0)
        )?;
        if let (Some(pgbench), Some(share)) = (self.pgbench, self.share()) {
            let red = if share < LEAST_SHARE { "**under**" } else { "" };
            writeln!(
                text,
                "| the same statements by pgbench | - | {pgbench:.0} a second | |"
            )?;
            writeln!(
                text,
                "| ours, as a share of pgbench's | 0.5x | {share:.2}x | {red} |"
            )?;
        }
        if let Some(memory) = self.memory {
            let red = if is_too_much(memory) { "**over**" } else { "" };
            let mib = |kib: u64| kib as f64 / 1024.0;
            let (idle, loaded) = (mib(memory.idle_kib), mib(memory.loaded_kib));
            writeln!(
                text,
                "| server's memory, idle / loaded | 40 / 250 MiB | {idle:.0} / {loaded:.0} MiB | {red} |"
            )?;
        }
        writeln!(
            text,
            "| others on the machine, just before and after | - | {:.2} cores | |\n",
            self.others
        )
    }
}

const fn is_too_much(memory: Memory) -> bool {
    memory.idle_kib > MOST_KIB.0 || memory.loaded_kib > MOST_KIB.1
}

/// Every table, and what the reader needs to judge them.
pub(crate) fn render(runs: &[Run], size: Size, environment: &Environment) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = write(&mut text, runs, size, environment);
    text
}

fn write(
    text: &mut String,
    runs: &[Run],
    size: Size,
    environment: &Environment,
) -> std::fmt::Result {
    let Environment {
        cpu,
        cores,
        kernel,
        rustc,
        commit,
    } = environment;
    writeln!(
        text,
        "{cpu}, {cores} core(s), Linux {kernel}, {rustc}, commit {commit}."
    )?;
    writeln!(
        text,
        "{} leads in one of {} businesses, 300 in each of the others.\n",
        size.leads, size.businesses
    )?;
    for run in runs {
        run.write(text)?;
    }
    let red: usize = runs.iter().map(Run::red).sum();
    writeln!(text, "{red} over their bars.")
}

/// Two digits behind the point below ten milliseconds, one above.
fn spell(time: Duration) -> String {
    let ms = time.as_secs_f64() * 1_000.0;
    if ms < 10.0 {
        format!("{ms:.2} ms")
    } else {
        format!("{ms:.1} ms")
    }
}

/// Whether every class of the bars has a figure: a table with a hole is no table.
pub(crate) fn is_whole(run: &Run) -> bool {
    let classes = [Class::List, Class::Get, Class::Search, Class::Write];
    classes
        .iter()
        .all(|class| run.figures.iter().any(|figure| figure.class == *class))
        && run.figures.iter().all(|figure| figure.times.count() > 0)
        && run.mixed.requests > 0
}
