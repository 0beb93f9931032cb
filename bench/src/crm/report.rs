//! The tables.

use std::fmt::Write as _;
use std::time::Duration;

use super::figures::Class;
use super::files::Files;
use super::measure::Measured;
use super::memory::Memory;
use super::mixed::{CLIENTS, Mixed};
use super::world::Size;
use crate::measure::machine::Environment;

/// Half of what pgbench does with the same statements.
const LEAST_SHARE: f64 = 0.5;
/// Rows a second that an export is to write.
const LEAST_EXPORT: f64 = 50_000.0;
/// What the server may hold, in KiB.
const MOST_KIB: (u64, u64) = (40 * 1024, 250 * 1024);

/// What was measured on one database.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) database: &'static str,
    pub(crate) figures: Vec<Measured>,
    pub(crate) mixed: Mixed,
    pub(crate) files: Option<Files>,
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
        let import = self
            .files
            .is_some_and(|files| files.import_rate() < self.least_import());
        let export = self
            .files
            .is_some_and(|files| files.export_rate() < LEAST_EXPORT);
        let together = [share, memory, import, export];
        figures + together.into_iter().filter(|is_red| *is_red).count()
    }

    /// Rows a second that an import is to bring.
    fn least_import(&self) -> f64 {
        if self.pgbench.is_some() {
            10_000.0
        } else {
            20_000.0
        }
    }

    fn write_files(&self, text: &mut String, files: Files) -> std::fmt::Result {
        let under = |is_under| if is_under { "**under**" } else { "" };
        let (import, export) = (files.import_rate(), files.export_rate());
        let least = self.least_import();
        writeln!(
            text,
            "| import of {} rows, upload included | {least:.0} a second | {import:.0} a second | {} |",
            files.imported,
            under(import < least)
        )?;
        let searchable = files.searchable.as_secs_f64();
        writeln!(
            text,
            "| until the last of them is found | - | {searchable:.1} s | |"
        )?;
        writeln!(
            text,
            "| export of {} rows | {LEAST_EXPORT:.0} a second | {export:.0} a second | {} |",
            files.exported,
            under(export < LEAST_EXPORT)
        )?;
        let grown = files.grown_kib as f64 / 1024.0;
        writeln!(
            text,
            "| memory that both took beside what was held | - | {grown:.0} MiB | |"
        )
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
        if let Some(files) = self.files {
            self.write_files(text, files)?;
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
    writeln!(text, "{environment}.")?;
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
