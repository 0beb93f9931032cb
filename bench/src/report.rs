//! The table.

use std::fmt::Write as _;

use crate::{
    generator::verdict::{Frames, Verdict},
    measure::{histogram::Histogram, machine::Environment},
    scenario::{short_calls::ShortCalls, steady::Steady},
};

/// Column head of the floor.
pub const RELAY: &str = "relay";

/// One subject with one number of calls.
#[derive(Debug, Clone)]
pub struct Run {
    /// Column head.
    pub subject: String,
    /// The steady run.
    pub steady: Steady,
    /// Time to first audio.
    pub first_audio: Option<Verdict>,
    /// The short calls.
    pub short_calls: Option<ShortCalls>,
}

/// All runs of one invocation.
#[derive(Debug)]
pub struct Report {
    environment: Environment,
    pinned: bool,
    /// In the order they were made.
    pub runs: Vec<Run>,
}

impl Report {
    /// A report without runs.
    pub fn new(environment: Environment, pinned: bool) -> Self {
        Self {
            environment,
            pinned,
            runs: Vec::new(),
        }
    }

    /// The environment, the table with ratios to the relay of the same number of calls, and what
    /// went wrong.
    pub fn render(&self, markdown: bool) -> String {
        let mut rows = vec![vec!["figure".to_owned()]];
        for (name, _) in ROWS {
            rows.push(vec![(*name).to_owned()]);
        }
        for run in &self.runs {
            rows[0].push(format!("{} {}", run.subject, run.steady.calls));
            let relay = self
                .runs
                .iter()
                .find(|other| other.subject == RELAY && other.steady.calls == run.steady.calls);
            for (row, (_, figure)) in rows[1..].iter_mut().zip(ROWS) {
                row.push(cell(run, relay, *figure));
            }
        }
        let mut text = self.head();
        text.push_str(&if markdown {
            markdown_table(&rows)
        } else {
            plain_table(&rows)
        });
        for run in &self.runs {
            remarks(&mut text, run);
        }
        text
    }

    fn head(&self) -> String {
        let pinning = if self.pinned {
            "subject on core 0, generator on core 1"
        } else {
            "not pinned"
        };
        format!("{}; {pinning}\n\n", self.environment)
    }
}

/// A figure: its text, and its number when a ratio makes sense.
type Figure = fn(&Run) -> (String, Option<f64>);

const ROWS: &[(&str, Figure)] = &[
    ("CPU-ms per call-second", |run| number(run.steady.cpu_ms, 3)),
    ("calls per core at 80 %", |run| {
        plain(format!("{:.0}", run.steady.calls_per_core()))
    }),
    ("switches per call-second, waited", |run| {
        number(run.steady.switches.0, 1)
    }),
    ("switches per call-second, preempted", |run| {
        number(run.steady.switches.1, 1)
    }),
    ("KiB per call, half to all", |run| {
        number(run.steady.kib_per_call(), 1)
    }),
    ("KiB per call, idle to all", |run| {
        number(run.steady.kib_per_call_from_idle(), 1)
    }),
    ("RSS idle / half / all, KiB", |run| {
        let [idle, half, all] = run.steady.rss_kib;
        plain(format!("{idle} / {half} / {all}"))
    }),
    ("caller frame delay p50", |run| {
        duration(&run.steady.live.caller_delay, 50.0)
    }),
    ("caller frame delay p99", |run| {
        duration(&run.steady.live.caller_delay, 99.0)
    }),
    ("caller frame delay p99.9", |run| {
        duration(&run.steady.live.caller_delay, 99.9)
    }),
    ("agent frame transit p50 (paced by design)", |run| {
        duration(&run.steady.live.agent_transit, 50.0)
    }),
    ("caller frames sent", |run| {
        plain(run.steady.verdict.caller.sent.to_string())
    }),
    ("  lost / doubled / reordered / tail", |run| {
        frames(&run.steady.verdict.caller)
    }),
    ("  frames per message to the model", |run| {
        let verdict = &run.steady.verdict;
        plain(format!(
            "{:.2}",
            verdict.caller.received as f64 / verdict.appends.max(1) as f64
        ))
    }),
    ("agent frames sent", |run| {
        plain(run.steady.verdict.agent.sent.to_string())
    }),
    ("  lost / doubled / reordered / cut", |run| {
        frames(&run.steady.verdict.agent)
    }),
    ("agent heard, share of the time", |run| {
        let verdict = &run.steady.verdict;
        plain(format!(
            "{:.1} %",
            100.0 * verdict.heard_ms as f64 / verdict.call_ms.max(1) as f64
        ))
    }),
    ("barge-in to clear p50", |run| {
        duration(&run.steady.verdict.barge_in, 50.0)
    }),
    ("barge-in to clear p99", |run| {
        duration(&run.steady.verdict.barge_in, 99.0)
    }),
    ("barge-ins / without clear / stale frames", |run| {
        let verdict = &run.steady.verdict;
        let (count, missing) = (verdict.barge_in.count(), verdict.clear_missing);
        plain(format!(
            "{} / {missing} / {}",
            count + missing,
            verdict.stale
        ))
    }),
    (
        "truncations ok / refused / beyond heard / needless / missing",
        |run| {
            if run.subject == RELAY {
                return none();
            }
            let cut = &run.steady.verdict.truncations;
            plain(format!(
                "{} / {} / {} / {} / {}",
                cut.accepted, cut.refused, cut.beyond_heard, cut.needless, cut.missing
            ))
        },
    ),
    ("  heard but cut off p50 / max", |run| {
        let cut = &run.steady.verdict.truncations.heard_but_cut;
        let median = cut
            .percentile(50.0)
            .map_or_else(|| "-".to_owned(), format_ns);
        plain(format!("{median} / {}", format_ns(cut.max())))
    }),
    ("first audio p50, model accepts after 300 ms", |run| {
        run.first_audio
            .as_ref()
            .map_or_else(none, |first| duration(&first.first_audio, 50.0))
    }),
    ("first audio p99", |run| {
        run.first_audio
            .as_ref()
            .map_or_else(none, |first| duration(&first.first_audio, 99.0))
    }),
    ("  caller frames lost meanwhile", |run| {
        run.first_audio
            .as_ref()
            .map_or_else(none, |first| plain(first.caller.lost.to_string()))
    }),
    ("webhook to TwiML p50, 50 calls/s", |run| {
        run.short_calls
            .as_ref()
            .map_or_else(none, |short| duration(&short.verdict.webhook, 50.0))
    }),
    ("webhook to TwiML p99", |run| {
        run.short_calls
            .as_ref()
            .map_or_else(none, |short| duration(&short.verdict.webhook, 99.0))
    }),
    ("short calls", |run| {
        run.short_calls
            .as_ref()
            .map_or_else(none, |short| plain(short.verdict.calls.to_string()))
    }),
    ("  RSS after a tenth / after all, KiB", |run| {
        run.short_calls.as_ref().map_or_else(none, |short| {
            plain(format!("{} / {}", short.rss_kib[0], short.rss_kib[1]))
        })
    }),
    ("  descriptors after a tenth / after all", |run| {
        run.short_calls.as_ref().map_or_else(none, |short| {
            plain(format!(
                "{} / {}",
                short.descriptors[0], short.descriptors[1]
            ))
        })
    }),
    ("failed calls, steady / first audio / short", |run| {
        let first = run
            .first_audio
            .as_ref()
            .map_or(0, |verdict| verdict.failures.len());
        let short = run
            .short_calls
            .as_ref()
            .map_or(0, |short| short.verdict.failures.len());
        plain(format!(
            "{} / {first} / {short}",
            run.steady.verdict.failures.len()
        ))
    }),
    ("generator: share of its core", |run| {
        plain(percent(run.steady.generator_cpu))
    }),
    ("generator: clock lag p99", |run| {
        duration(&run.steady.live.lag, 99.0)
    }),
    ("others on the machine, cores", |run| {
        plain(format!("{:.2}", run.steady.others_cpu))
    }),
];

fn cell(run: &Run, relay: Option<&Run>, figure: Figure) -> String {
    let (text, value) = figure(run);
    let floor = relay
        .filter(|_| run.subject != RELAY)
        .and_then(|relay| figure(relay).1);
    match (value, floor) {
        (Some(value), Some(floor)) if floor > 0.0 => format!("{text} ({:.2}x)", value / floor),
        _ => text,
    }
}

fn number(value: f64, digits: usize) -> (String, Option<f64>) {
    (format!("{value:.digits$}"), Some(value))
}

fn plain(text: String) -> (String, Option<f64>) {
    (text, None)
}

fn none() -> (String, Option<f64>) {
    plain("-".to_owned())
}

fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}

fn duration(histogram: &Histogram, percent: f64) -> (String, Option<f64>) {
    histogram
        .percentile(percent)
        .map_or_else(none, |value| (format_ns(value), Some(value as f64)))
}

fn format_ns(nanoseconds: u64) -> String {
    format!("{:.3} ms", nanoseconds as f64 / 1e6)
}

fn frames(frames: &Frames) -> (String, Option<f64>) {
    plain(format!(
        "{} / {} / {} / {}",
        frames.lost, frames.duplicated, frames.reordered, frames.tail
    ))
}

/// What a reader must know before he believes the column.
fn remarks(text: &mut String, run: &Run) {
    let mut remark = |line: String| {
        let written = writeln!(text, "{} {}: {line}", run.subject, run.steady.calls);
        debug_assert!(written.is_ok(), "writing to a String cannot fail");
    };
    if run.steady.saturated() {
        remark("the generator was saturated: what this subject can do is underestimated".into());
    }
    if run.steady.others_cpu > 0.1 {
        remark(format!(
            "other programs used {:.2} cores meanwhile: the figures are noisy",
            run.steady.others_cpu
        ));
    }
    let first = run.first_audio.iter().flat_map(|verdict| &verdict.failures);
    let short = run
        .short_calls
        .iter()
        .flat_map(|short| &short.verdict.failures);
    let mut failures: Vec<_> = run
        .steady
        .verdict
        .failures
        .iter()
        .chain(first)
        .chain(short)
        .collect();
    failures.sort();
    for group in failures.chunk_by(|a, b| a == b) {
        remark(format!("{} call(s) failed: {}", group.len(), group[0]));
    }
}

fn plain_table(rows: &[Vec<String>]) -> String {
    let columns = rows.first().map_or(0, Vec::len);
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let widths: Vec<usize> = (0..columns).filter_map(width).collect();
    let mut text = String::new();
    for row in rows {
        for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
            let padding = " ".repeat(width - cell.chars().count());
            if column == 0 {
                text.extend([cell.as_str(), &padding]);
            } else {
                text.extend(["   ", &padding, cell.as_str()]);
            }
        }
        text.push('\n');
    }
    text.push('\n');
    text
}

fn markdown_table(rows: &[Vec<String>]) -> String {
    let mut text = String::new();
    for (index, row) in rows.iter().enumerate() {
        let cells: Vec<&str> = row.iter().map(|cell| cell.trim()).collect();
        text.extend(["| ", &cells.join(" | "), " |\n"]);
        if index == 0 {
            text.extend(["|---|", &"---:|".repeat(row.len() - 1), "\n"]);
        }
    }
    text.push('\n');
    text
}
