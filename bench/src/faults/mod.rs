//! `prosaas-bench faults`: the real server under the faults it has bars for, judged by what callers heard and by
//! what was acknowledged to them, never by the server's own word. `docs/RELIABILITY.md` has bars and methods.

mod at_start;
mod attacks;
mod away;
mod books;
mod burst;
mod caller;
mod drain;
mod frames;
mod handover;
mod heard;
mod hostile;
mod installation;
mod kills;
mod mid_call;
mod postgres;
mod row;
mod soak;
mod socket;
mod voices;
mod world;

use std::{
    io::{IsTerminal as _, Write as _},
    time::Duration,
};

use clap::ValueEnum as _;
use futures_util::future::try_join_all;

use self::{
    row::{Outcome, Style},
    voices::Voices,
};
use crate::{measure::machine::Environment, progress, scenario::soak::Load};

/// Options of `faults`.
#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    /// Only these (repeatable).
    #[arg(long, value_enum, value_name = "NAME")]
    only: Vec<Fault>,
    /// Few calls and kills, and several faults at a time: about two minutes in all.
    #[arg(long)]
    short: bool,
    /// Calls per fault [default: 50, or 10 with --short].
    #[arg(long)]
    calls: Option<u32>,
    /// How often the server is killed [default: 40, or 5 with --short].
    #[arg(long)]
    kills: Option<u32>,
    /// How often the server is told to stop [default: 20, or 3 with --short].
    #[arg(long)]
    stops: Option<u32>,
    /// Calls that are live when it is told to.
    #[arg(long, default_value_t = 20)]
    stop_calls: u32,
    /// Calls of the soak, which is done only when it is named: 100,000 take two hours.
    #[arg(long, default_value_t = 100_000)]
    soak_calls: u32,
    /// Calls of the soak at once.
    #[arg(long, default_value_t = 200)]
    soak_live: u32,
    /// Print Markdown.
    #[arg(long)]
    markdown: bool,
    /// PostgreSQL as the application's role; kills are then done on it as well, and it is cut off.
    #[arg(long, env = "PROSAAS_TEST_POSTGRES", hide_env_values = true)]
    postgres: Option<String>,
    /// PostgreSQL as the role that owns the tables.
    #[arg(long, env = "PROSAAS_TEST_POSTGRES_OWNER", hide_env_values = true)]
    postgres_owner: Option<String>,
}

/// The kinds of faults.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Fault {
    /// The model refuses, hangs or is at its limit when a call begins.
    Start,
    /// The model is gone in the middle of a call.
    Drop,
    /// The model's session reaches its longest life.
    Handover,
    /// The carrier's media socket breaks; the call is alive.
    Socket,
    /// `kill -9` and a restart.
    Kill,
    /// Ten times as many calls at once as are admitted.
    Burst,
    /// Frames of the caller are lost, doubled or reordered.
    Frames,
    /// SIGTERM under live calls.
    Drain,
    /// PostgreSQL is away under live calls.
    Away,
    /// The model obeys an attacker.
    Hostile,
    /// Nothing breaks on purpose, for hours; only when it is named.
    Soak,
}

/// How much is done.
#[derive(Debug, Clone)]
struct Plan {
    calls: u32,
    kills: u32,
    terms: u32,
    /// Calls that are live at each of these.
    stopped: u32,
    /// Calls that are live while PostgreSQL is away, and how long it is.
    live: u32,
    away: Duration,
    /// Rounds of hostile tool calls.
    hostile: u32,
    soak: Load,
    postgres: Option<(String, String)>,
}

/// How often a server is told to stop, and in the short run.
const TERMS: u32 = 20;
const SHORT_TERMS: u32 = 3;
/// Calls that are live while PostgreSQL is away, for how many seconds, and both in the short run.
const AWAY: (u32, u64) = (200, 60);
const SHORT_AWAY: (u32, u64) = (20, 10);
/// Hostile tool calls, and in the short run.
const HOSTILE: u32 = 300;
const SHORT_HOSTILE: u32 = 30;

impl Options {
    fn plan(&self) -> Plan {
        let or = |given: Option<u32>, long, short| {
            given
                .unwrap_or(if self.short { short } else { long })
                .max(1)
        };
        let soak = Load {
            calls: self.soak_calls.max(1),
            live: self.soak_live.max(1),
        };
        let (live, seconds) = if self.short { SHORT_AWAY } else { AWAY };
        Plan {
            live,
            soak,
            away: Duration::from_secs(seconds),
            hostile: hostile::rounds(if self.short { SHORT_HOSTILE } else { HOSTILE }),
            calls: or(self.calls, 50, 10),
            kills: or(self.kills, 40, 5),
            terms: or(self.stops, TERMS, SHORT_TERMS),
            stopped: self.stop_calls.max(1),
            postgres: self.postgres.clone().zip(self.postgres_owner.clone()),
        }
    }

    /// What is measured, in groups that run at the same time. Alone, a figure is disturbed by nothing of ours; in
    /// the short run most of the time is waiting, and only the burst and PostgreSQL's absence measure milliseconds.
    fn groups(&self) -> Vec<Vec<Fault>> {
        let is_wanted = |fault: &Fault| {
            let all = self.only.is_empty() && *fault != Fault::Soak;
            all || self.only.contains(fault)
        };
        let all: Vec<Vec<Fault>> = if self.short {
            vec![
                vec![
                    Fault::Start,
                    Fault::Drop,
                    Fault::Handover,
                    Fault::Socket,
                    Fault::Frames,
                    Fault::Hostile,
                ],
                vec![Fault::Kill, Fault::Drain],
                vec![Fault::Burst],
                vec![Fault::Away],
                vec![Fault::Soak],
            ]
        } else {
            let each = Fault::value_variants().iter();
            each.map(|fault| vec![*fault]).collect()
        };
        let wanted = all.into_iter().map(|mut group| {
            group.retain(is_wanted);
            group
        });
        wanted.filter(|group| !group.is_empty()).collect()
    }
}

/// Runs what is wanted and prints the table; whether every hard property held.
///
/// # Errors
/// When something could not be measured for a reason of this side.
pub async fn run(options: Options, environment: Environment) -> anyhow::Result<bool> {
    let plan = options.plan();
    progress(format_args!("sentences are spoken in advance"));
    let voices = Box::pin(Voices::prepare()).await?;
    let mut outcomes: Vec<(Fault, Outcome)> = Vec::new();
    for group in options.groups() {
        let names: Vec<String> = group.iter().map(|fault| name(*fault)).collect();
        progress(format_args!("{}", names.join(", ")));
        let measured = group.iter().map(|fault| measure(*fault, &plan, &voices));
        let measured = try_join_all(measured).await?;
        outcomes.extend(group.into_iter().zip(measured));
    }
    outcomes.sort_by_key(|(fault, _)| *fault as u8);
    let outcomes: Vec<Outcome> = outcomes.into_iter().map(|(_, outcome)| outcome).collect();
    let style = if options.markdown {
        Style::Markdown
    } else {
        let colour = std::io::stdout().is_terminal();
        Style::Plain { colour }
    };
    let text = row::render(&environment, &outcomes, style);
    std::io::stdout().write_all(text.as_bytes())?;
    Ok(outcomes.iter().all(|outcome| outcome.broken.is_empty()))
}

fn name(fault: Fault) -> String {
    let value = fault.to_possible_value();
    value.map_or_else(String::new, |value| value.get_name().to_owned())
}

async fn measure(fault: Fault, plan: &Plan, voices: &Voices) -> anyhow::Result<Outcome> {
    match fault {
        Fault::Start => Box::pin(at_start::run(plan, voices)).await,
        Fault::Drop => Box::pin(mid_call::run(plan, voices)).await,
        Fault::Handover => Box::pin(handover::run(plan, voices)).await,
        Fault::Socket => Box::pin(socket::run(plan, voices)).await,
        Fault::Kill => Box::pin(kills::run(plan, voices)).await,
        Fault::Burst => Box::pin(burst::run(voices)).await,
        Fault::Frames => Box::pin(frames::run(plan, voices)).await,
        Fault::Drain => Box::pin(drain::run(plan, voices)).await,
        Fault::Away => Box::pin(away::run(plan, voices)).await,
        Fault::Hostile => Box::pin(hostile::run(plan, voices)).await,
        Fault::Soak => Box::pin(soak::run(plan, voices)).await,
    }
}
