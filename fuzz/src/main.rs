//! Fuzzing on stable Rust: mutated seeds, a fixed order for a given seed, no instrumentation.
//!
//! `cargo run -p prosaas-fuzz -- --seconds 5 [--target media] [--seed 7]` runs each target for that long.
//! The same seed gives the same inputs in the same order, so what fails here fails everywhere.
//! Why not cargo-fuzz or bolero: `docs/decisions/0003-fuzzing.md`.
#![expect(clippy::print_stdout, reason = "what it prints is its whole product")]

mod corpus;
mod engine;
mod mutate;
mod target;
mod targets;

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::Parser;

use crate::engine::{Run, Verdict};

/// Feeds mutated inputs to the parsers of foreign input.
#[derive(Parser)]
struct Cli {
    /// Seconds for each target.
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// Only this target.
    #[arg(long)]
    target: Option<String>,
    /// Chooses the inputs; the same seed gives the same ones.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Feeds this one file to the target instead, to look at what was found.
    #[arg(long, requires = "target", value_name = "FILE")]
    input: Option<PathBuf>,
    /// Also writes the table of results to this file, as Markdown.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
}

fn main() -> ExitCode {
    match run(&Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: &Cli) -> Result<()> {
    let chosen: Vec<_> = targets::all()
        .into_iter()
        .filter(|target| cli.target.as_ref().is_none_or(|name| name == target.name))
        .collect();
    if chosen.is_empty() {
        let names: Vec<_> = targets::all().iter().map(|target| target.name).collect();
        bail!("no such target; there are: {}", names.join(", "));
    }
    if let Some(file) = &cli.input {
        let input = std::fs::read(file).with_context(|| format!("reading {}", file.display()))?;
        for target in &chosen {
            (target.run)(&input);
            println!("{}: {} bytes did no harm", target.name, input.len());
        }
        return Ok(());
    }
    let mut report = format!(
        "Seed {}, {} s for each target.\n\n| Target | Executions | Per second | Kept inputs |\n|---|---|---|---|\n",
        cli.seed, cli.seconds
    );
    for target in &chosen {
        let seeds = corpus::load(target)?;
        let Run {
            executions,
            kept,
            took,
            verdict,
        } = engine::run(target, &seeds, cli.seed, Duration::from_secs(cli.seconds));
        let rate = executions as f64 / took.as_secs_f64().max(0.001);
        println!(
            "{:<16} {executions:>10} executions {rate:>10.0}/s {kept:>5} kept",
            target.name
        );
        writeln!(
            report,
            "| {} | {executions} | {rate:.0} | {kept} |",
            target.name
        )?;
        if let Verdict::Failed { input, why } = verdict {
            let path = corpus::write_artifact(target, &input)?;
            bail!(
                "target `{}`: {why}; the input is in {}, see it again with `--target {} --input FILE`",
                target.name,
                path.display(),
                target.name
            );
        }
    }
    if let Some(path) = &cli.report {
        std::fs::write(path, report).with_context(|| format!("writing {}", path.display()))?;
    }
    Ok(())
}
