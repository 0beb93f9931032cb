//! The command line of the bench.

use std::{net::SocketAddr, process::ExitCode};

use clap::{Parser, Subcommand};
use prosaas_bench::{calls, crm, faults, measure::machine::Environment, relay, subject};

/// The bench's command line.
#[derive(Debug, Parser)]
#[command(version, about)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Plays conversations against the relay and against ours, and prints both with their ratio.
    Calls(calls::Options),
    /// Measures the CRM with a million leads in one business; `cargo xtask bench crm` starts what it needs.
    Crm(crm::Options),
    /// Breaks the model, the line and the server under calls; fails when a hard property breaks, not by figures.
    Faults(faults::Options),
    /// The bare relay, started by `calls`; ends when standard input closes.
    Relay {
        /// Where to listen; port 0 takes a free one, which is printed.
        #[arg(long, default_value = "127.0.0.1:0")]
        listen: SocketAddr,
        /// Where the model listens.
        #[arg(long)]
        model: SocketAddr,
    },
}

fn main() -> anyhow::Result<ExitCode> {
    match Arguments::parse().command {
        Command::Calls(options) => {
            // Before pinning, which hides cores.
            let environment = Environment::read();
            // Before the runtime, so that nothing of ours runs on the subject's core yet.
            let pinning = if options.no_pin {
                None
            } else {
                subject::Pinning::apply()
            };
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            runtime.block_on(calls::run(options, environment, pinning))
        }
        Command::Crm(options) => {
            let environment = Environment::read();
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .enable_all()
                .build()?;
            runtime.block_on(crm::run(options, environment))
        }
        Command::Faults(options) => {
            let environment = Environment::read();
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .enable_all()
                .build()?;
            let held = runtime.block_on(faults::run(options, environment))?;
            return Ok(ExitCode::from(u8::from(!held)));
        }
        Command::Relay { listen, model } => {
            // The multi-thread runtime with one worker per core it may use, as our server has.
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .enable_all()
                .build()?;
            let served = runtime.block_on(relay::serve(listen, model));
            runtime.shutdown_background();
            served
        }
    }?;
    Ok(ExitCode::SUCCESS)
}
