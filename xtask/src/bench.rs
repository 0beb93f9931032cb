//! Handing over to the package that measures.

use std::process::Command;

use anyhow::Result;

use crate::postgres::Postgres;
use crate::process::{cargo, command, program, run, target_dir};

/// The profile in which the CRM is measured: see the workspace's manifest.
const CRM_PROFILE: &str = "bench-crm";

/// `cargo xtask bench …`.
pub(crate) fn bench(args: &[String]) -> Result<()> {
    if args.first().is_some_and(|name| name == "crm") {
        return crm(args);
    }
    if args.first().is_some_and(|name| name == "faults") {
        return faults(args);
    }
    run(measuring("release")?.args(args))
}

/// The CRM with a million leads. The databases are filled once and kept under the target folder; the tables
/// are printed and written beside them.
fn crm(args: &[String]) -> Result<()> {
    let data = target_dir().join("crm-data");
    let mut measuring = measuring(CRM_PROFILE)?;
    let postgres = Postgres::start_to_measure(&data.join("postgres"))?;
    measuring
        .envs(postgres.variables())
        .envs(postgres.measuring_variables()?)
        .args(args)
        .arg("--data")
        .arg(&data)
        .arg("--write")
        .arg(data.join("tables.md"));
    run(&mut measuring)
}

/// Calls under faults, with a PostgreSQL for the kills. The figures fail nothing; what must never happen does.
fn faults(args: &[String]) -> Result<()> {
    let mut measuring = measuring("release")?;
    let postgres = Postgres::start()?;
    run(measuring.envs(postgres.variables()).args(args))
}

/// Calls under faults, shortly, on what the tests built. A lost lead, a call that ended in silence or one too many
/// admitted fails the step; how long something took does not: the machine is not ours alone.
pub(crate) fn faults_smoke() -> Result<()> {
    // The server it breaks is looked for beside it.
    crate::demo::build()?;
    run(program("prosaas-bench")?.args(["faults", "--short"]))
}

/// A few seconds of the calls' benchmark, to see that it still measures. In the development profile: the figures
/// are not looked at, and an optimised build takes minutes.
pub(crate) fn smoke() -> Result<()> {
    // The server it measures is looked for beside it.
    crate::demo::build()?;
    run(program("prosaas-bench")?
        .args(["calls", "--no-pin", "--calls", "4", "--seconds", "3"])
        .args(["--short", "8", "--first-audio", "2"]))
}

/// The CRM's benchmark with few leads, on both databases; it fails when a figure is missing.
pub(crate) fn crm_smoke() -> Result<()> {
    let data = target_dir().join("crm-smoke");
    // Filled anew each time: that is half of what is looked at.
    if data.exists() {
        std::fs::remove_dir_all(&data)?;
    }
    let postgres = Postgres::start()?;
    let mut measuring = measuring("dev")?;
    measuring
        .envs(postgres.variables())
        .envs(postgres.measuring_variables()?)
        .args([
            "crm",
            "--leads",
            "3000",
            "--businesses",
            "3",
            "--requests",
            "20",
        ])
        .args(["--limit", "1", "--mixed", "1", "--rows", "2500", "--data"])
        .arg(&data);
    run(&mut measuring)
}

/// The measuring program in a profile of cargo's, still without arguments, and beside it the server that it
/// measures: built together, and run as built, or cargo would choose other features and compile both again.
pub(crate) fn measuring(profile: &str) -> Result<Command> {
    run(cargo()
        .args(["build", "--package", "prosaas-server", "--bin", "prosaas"])
        .args(["--package", "prosaas-bench", "--bin", "prosaas-bench"])
        .args(["--profile", profile]))?;
    let folder = if profile == "dev" { "debug" } else { profile };
    Ok(command(target_dir().join(folder).join("prosaas-bench")))
}
