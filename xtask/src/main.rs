//! The project's automation, run as `cargo xtask …`: demo, test, tidy, features, bench.
//!
//! One language and no extra install: every step is a child process or our own code, no shell.
#![expect(clippy::print_stdout, reason = "what it prints is its whole product")]

mod api;
mod aside;
mod bench;
mod checks;
mod compose;
mod demo;
mod explore;
mod fuzz;
mod long;
mod nodes;
mod oracle;
mod panics;
mod postgres;
mod prerequisites;
mod process;
mod sidecar;
mod speech;
mod steps;
mod test;
mod tidy;
mod web;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(
    name = "cargo xtask",
    about = "ProSaaS automation",
    disable_help_subcommand = true
)]
struct Cli {
    #[command(subcommand)]
    command: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Build the server and place a demo call; arguments are passed on to `prosaas demo`.
    Demo {
        /// For example `--caller FILE`, `--once`; see `cargo xtask demo -- --help`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Everything that continuous integration runs.
    Test {
        /// What takes hours instead: long fuzzing, many oracle requests, soaks; writes docs/results/.
        #[arg(long)]
        long: bool,
        /// Only the steps whose name contains this text (repeatable); for trying one step.
        #[arg(long, value_name = "TEXT")]
        only: Vec<String>,
    },
    /// Write the API's document, `docs/openapi.json`, as the code has it.
    Openapi,
    /// The project's own rules: crate edges, file sizes, hygiene, static SQL.
    Tidy,
    /// Put an installation out of a clean clone into service with Docker, and try it: calls, an upgrade, a crash, a
    /// browser, n8n; takes a Docker engine and half an hour.
    ComposeCheck {
        /// Leave everything running at the end.
        #[arg(long)]
        keep: bool,
        /// Go on in the clone of an earlier run that was kept, at this part: images, services, call, crash, upgrade,
        /// console or n8n.
        #[arg(long, value_name = "PART")]
        from: Option<String>,
    },
    /// Lint each library crate with no features, and with each feature alone.
    Features,
    /// Run a command with a throw-away PostgreSQL and PgBouncer beside it, such as
    /// `postgres -- cargo test -p prosaas-crm --all-features`.
    Postgres {
        /// The command and its arguments.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        words: Vec<String>,
    },
    /// Benchmarks, such as `bench calls` and `bench crm`; arguments are passed on.
    Bench {
        /// What to measure and how; see `cargo xtask bench --help`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
}

fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Task::Demo { args } => demo::run(&args),
        Task::Test { long: false, only } => test::run(&only),
        Task::Test { long: true, only } => long::run(&only),
        Task::Openapi => api::write(),
        Task::Tidy => tidy::run(),
        Task::ComposeCheck { keep, from } => compose::check(keep, from.as_deref()),
        Task::Features => checks::features(),
        Task::Postgres { words } => postgres::with(&words),
        Task::Bench { args } => bench::bench(&args),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
