//! The subcommands of the `prosaas` binary.

pub mod admin;
pub mod admin_user;
pub mod database;
pub mod demo;
pub mod doctor;
pub mod fake;
pub mod openapi;
pub mod reconcile;
pub mod replay;
pub mod serve;
pub mod simulate;
pub mod twilio;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::config::Config;
use crate::telemetry;
use crate::ui::Ui;

/// Answers the phones of many businesses with an AI voice.
#[derive(Debug, Parser)]
#[command(name = "prosaas", version, arg_required_else_help = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What `prosaas` can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Answer calls until told to stop (SIGTERM or Ctrl-C).
    Serve,
    /// Start everything against a fake carrier and a fake model, place a call and show it.
    Demo(demo::Options),
    /// Check the configuration and what it needs; exits with 1 when something is broken.
    Doctor(doctor::Options),
    /// Feed the journal of a call through the session again; exits with 1 when it does not do the same.
    Replay(replay::Options),
    /// Print the OpenAPI document of the API.
    Openapi,
    /// Bring the database up to this version's schema.
    Migrate,
    /// Write everything that is in the database into a new file, while the server runs.
    Backup(database::BackupFile),
    /// Restore a backup into an empty database, of either kind.
    Restore(database::BackupFile),
    /// Compare our calls with Twilio's list of them, keep what they cost there, and mend what is missing.
    Reconcile(reconcile::Options),
    /// Act as the carrier.
    #[command(subcommand)]
    Simulate(simulate::Command),
    /// Run a fake of something we depend on.
    #[command(subcommand)]
    Fake(fake::Command),
    /// Manage the installation.
    #[command(subcommand)]
    Admin(admin::Command),
    /// Set up what is at Twilio.
    #[command(subcommand)]
    Twilio(twilio::Command),
}

/// Threads for file work. Tokio's default of 512 would answer a burst of calls with as many stacks, each with a
/// heap of its own.
const BLOCKING_THREADS: usize = 4;

/// Runs a command to its end. What goes wrong is said on standard error; the exit code is then 1.
pub fn run(cli: Cli) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .max_blocking_threads(BLOCKING_THREADS)
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            return failed(&anyhow::Error::new(error).context("the runtime could not be started"));
        }
    };
    let result = runtime.block_on(async {
        match cli.command {
            Command::Doctor(options) => return Ok(doctor::run(&options).await),
            Command::Demo(options) => return Box::pin(demo::run(&options)).await,
            Command::Replay(options) => return replay::run(&options, &mut Ui::stdout()),
            Command::Openapi => openapi::run(&mut std::io::stdout().lock())?,
            Command::Simulate(command) => return simulate::run(command).await,
            Command::Fake(command) => fake::run(command).await?,
            Command::Serve => {
                let config = Config::from_env()?;
                telemetry::install(&config.log)?;
                serve::run(config).await?;
            }
            Command::Migrate => {
                database::migrate(&Config::from_env()?, &mut Ui::stdout()).await?;
            }
            Command::Backup(options) => {
                database::backup(&options, &Config::from_env()?, &mut Ui::stdout()).await?;
            }
            Command::Restore(options) => {
                database::restore(&options, &Config::from_env()?, &mut Ui::stdout()).await?;
            }
            Command::Reconcile(options) => {
                let config = Config::from_env()?;
                telemetry::install(&config.log)?;
                Box::pin(reconcile::run(&options, &config, &mut Ui::stdout())).await?;
            }
            Command::Admin(command) => admin::run(command, Config::from_env()?).await?,
            Command::Twilio(command) => {
                twilio::run(command, &Config::from_env()?, &mut Ui::stdout()).await?;
            }
        }
        Ok(ExitCode::SUCCESS)
    });
    match result {
        Ok(code) => code,
        Err(error) => failed(&error),
    }
}

#[expect(
    clippy::print_stderr,
    reason = "the last word of a command that failed"
)]
fn failed(error: &anyhow::Error) -> ExitCode {
    eprintln!("prosaas: {error:#}");
    ExitCode::FAILURE
}
