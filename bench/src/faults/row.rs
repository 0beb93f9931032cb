//! The rows of the table and what breaks the run.

use std::fmt::Write as _;

use crate::measure::machine::Environment;

/// Whether a bar was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// It was.
    Reached,
    /// It was not.
    Open,
    /// Nobody knows.
    NotMeasured,
}

impl State {
    /// Reached or open.
    pub(super) const fn of(reached: bool) -> Self {
        if reached { Self::Reached } else { Self::Open }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Reached => "reached",
            Self::Open => "OPEN",
            Self::NotMeasured => "not measured",
        }
    }
}

/// One line of the table.
#[derive(Debug, Clone)]
pub(super) struct Row {
    /// What goes wrong.
    pub(super) fault: String,
    /// What is wanted.
    pub(super) bar: &'static str,
    /// What was seen, or why nothing was.
    pub(super) measured: String,
    /// In how many calls.
    pub(super) calls: u64,
    /// The verdict.
    pub(super) state: State,
}

/// What one kind of fault gave.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    /// Its lines.
    pub(super) rows: Vec<Row>,
    /// Hard properties that broke: these fail the run, whatever the figures are.
    pub(super) broken: Vec<String>,
}

impl Outcome {
    /// A hard property does not hold.
    pub(super) fn break_with(&mut self, what: String) {
        self.broken.push(what);
    }

    /// Adds a line.
    pub(super) fn row(
        &mut self,
        fault: impl Into<String>,
        bar: &'static str,
        measured: String,
        (calls, reached): (usize, bool),
    ) {
        self.rows.push(Row {
            fault: fault.into(),
            bar,
            measured,
            calls: calls as u64,
            state: State::of(reached),
        });
    }

    /// Adds a line for what could not be measured, and why.
    pub(super) fn not_measured(&mut self, fault: &str, bar: &'static str, why: &str) {
        self.rows.push(Row {
            fault: fault.to_owned(),
            bar,
            measured: format!("not measured: {why}"),
            calls: 0,
            state: State::NotMeasured,
        });
    }
}

/// Milliseconds of many calls.
#[derive(Debug, Default, Clone)]
pub(super) struct Times(Vec<u64>);

impl Times {
    /// Adds one.
    pub(super) fn add(&mut self, ms: u64) {
        self.0.push(ms);
        self.0.sort_unstable();
    }

    /// How many there are.
    pub(super) const fn len(&self) -> usize {
        self.0.len()
    }

    /// What `percent` of them do not exceed; 0 when there are none.
    pub(super) fn percentile(&self, percent: u64) -> u64 {
        let rank = (self.0.len() as u64 * percent).div_ceil(100).max(1) as usize;
        self.0.get(rank - 1).copied().unwrap_or(0)
    }

    /// The longest.
    pub(super) fn max(&self) -> u64 {
        self.0.last().copied().unwrap_or(0)
    }

    /// `p50 0.41 s, p95 0.63 s, max 0.70 s`.
    pub(super) fn spell(&self) -> String {
        let s = |ms: u64| format!("{:.2} s", ms as f64 / 1e3);
        format!(
            "p50 {}, p95 {}, max {}",
            s(self.percentile(50)),
            s(self.percentile(95)),
            s(self.max())
        )
    }
}

impl FromIterator<u64> for Times {
    fn from_iter<I: IntoIterator<Item = u64>>(times: I) -> Self {
        let mut times: Vec<u64> = times.into_iter().collect();
        times.sort_unstable();
        Self(times)
    }
}

/// How the table is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// Columns for a terminal; in colour when it is one.
    Plain {
        /// Whether what is open is red.
        colour: bool,
    },
    /// Markdown.
    Markdown,
}

/// The environment, the table and what broke.
pub(super) fn render(environment: &Environment, outcomes: &[Outcome], style: Style) -> String {
    let profile = if cfg!(debug_assertions) {
        "debug build"
    } else {
        "release build"
    };
    let mut text = format!("{environment}; {profile}\n\n");
    let mut lines = vec![["fault", "bar", "measured", "calls", ""].map(str::to_owned)];
    let rows = || outcomes.iter().flat_map(|outcome| &outcome.rows);
    for row in rows() {
        let calls = match row.state {
            State::NotMeasured => "-".to_owned(),
            _ => row.calls.to_string(),
        };
        let state = row.state.word().to_owned();
        lines.push([
            row.fault.clone(),
            row.bar.to_owned(),
            row.measured.clone(),
            calls,
            state,
        ]);
    }
    for (number, line) in lines.iter().enumerate() {
        let is_red = number > 0 && line[4] == State::Open.word();
        text.push_str(&written(&lines, line, (number == 0, is_red), style));
    }
    text.push('\n');
    for broken in outcomes.iter().flat_map(|outcome| &outcome.broken) {
        let written = writeln!(text, "BROKEN: {broken}");
        debug_assert!(written.is_ok(), "writing to a String cannot fail");
    }
    text
}

fn written(
    all: &[[String; 5]],
    line: &[String; 5],
    (is_head, is_red): (bool, bool),
    style: Style,
) -> String {
    let Style::Plain { colour } = style else {
        let mut text = format!("| {} |\n", line.join(" | "));
        if is_head {
            text.push_str("|---|---|---|---:|---|\n");
        }
        return text;
    };
    let mut text = String::new();
    for (column, cell) in line.iter().enumerate() {
        let widest = all.iter().map(|line| line[column].chars().count()).max();
        let padding = widest.unwrap_or(0) - cell.chars().count();
        text.push_str(cell);
        text.push_str(&" ".repeat(padding + 2));
    }
    let text = text.trim_end();
    if colour && is_red {
        format!("\u{1b}[31m{text}\u{1b}[0m\n")
    } else {
        format!("{text}\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment() -> Environment {
        let text = || "x".to_owned();
        Environment {
            cpu: text(),
            cores: 2,
            kernel: text(),
            rustc: text(),
            commit: text(),
        }
    }

    #[test]
    fn what_is_open_is_red_and_what_broke_is_told() {
        let mut outcome = Outcome::default();
        outcome.row("hangs", "3 s", "2.6 s".to_owned(), (10, true));
        outcome.row("drops", "4 s", "5.0 s".to_owned(), (3, false));
        outcome.break_with("a lead was lost".to_owned());
        let text = render(&environment(), &[outcome], Style::Plain { colour: true });
        assert!(text.contains("hangs  3 s  2.6 s"), "{text}");
        assert!(text.contains("\u{1b}[31mdrops  4 s  5.0 s"), "{text}");
        assert!(text.ends_with("BROKEN: a lead was lost\n"), "{text}");
    }

    #[test]
    fn percentiles_are_times_that_were_seen() {
        let times: Times = (1..=100).rev().collect();
        assert_eq!((times.percentile(50), times.percentile(95)), (50, 95));
        assert_eq!((times.max(), times.len()), (100, 100));
        assert_eq!(Times::default().percentile(95), 0);
    }
}
