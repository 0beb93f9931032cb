//! `cargo xtask test --long`: what takes hours. Its results are committed with date and commit.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, ensure};

use crate::postgres::Postgres;
use crate::process::{capture, cargo, command, root, target_dir};
use crate::steps::{Steps, spell};
use crate::workspace::everything;
use crate::{explore, fuzz, oracle, prerequisites};

/// Seconds for each fuzz target.
const FUZZ_SECONDS: u32 = 900;
/// Seconds that schemathesis asks the API.
const EXPLORE_SECONDS: u32 = 1500;
/// How often a server is killed on each database.
const KILLS: &str = "300";
/// How often it is killed in the middle of calls, and told to stop under how many of them.
const KILLS_IN_CALLS: &str = "1000";
const STOPS: &str = "100";
const STOP_CALLS: &str = "200";
/// Calls of each other fault.
const CALLS: &str = "100";
/// How long PostgreSQL is away, for each way of being away.
const OUTAGE_SECONDS: &str = "60";
/// Seeds that each simulation runs.
const SIMULATED_SEEDS: &str = "10000";
/// Batches of requests that the official helper judges, each from its own seed.
const ORACLE_BATCHES: u64 = 20;
/// Requests in each of those batches.
const ORACLE_BATCH: u32 = 100_000;

/// Calls of the soak, and how many of them at once: two hours.
const SOAK_CALLS: &str = "100000";
const SOAK_LIVE: &str = "200";

/// Runs the long steps, or those whose names contain one of `only`; each writes its own report.
pub(crate) fn run(only: &[String]) -> Result<()> {
    Steps::new()
        .step("prerequisites", prerequisites::ensure)
        .step("long oracle", long_oracle)
        .step("long fuzz", long_fuzz)
        .step("long schemathesis", long_schemathesis)
        .step("long simulation", long_simulation)
        .step("long kills", long_kills)
        .step("long outage", long_outage)
        .step("long faults", long_faults)
        .step("bench crm smoke", crate::bench::crm_smoke)
        .step("soak", soak)
        .run(only)
}

fn long_oracle() -> Result<()> {
    let began = Instant::now();
    for batch in 0..ORACLE_BATCHES {
        oracle::run(ORACLE_BATCH, oracle::FIXED_SEED + 1 + batch)?;
    }
    let requests = ORACLE_BATCHES * u64::from(ORACLE_BATCH);
    report(
        "oracle",
        "Signature oracle",
        &format!(
            "{requests} random requests were judged by the official helper and by us; every verdict \
             agreed, apart from the differences listed in docs/decisions/0006-signature-oracle.md.\n\
             Time: {}.\n",
            spell(began.elapsed())
        ),
    )
}

fn long_schemathesis() -> Result<()> {
    let said = explore::long(EXPLORE_SECONDS)?;
    report("schemathesis", "schemathesis", &said)
}

fn long_fuzz() -> Result<()> {
    let seed = capture(command("date").args(["-u", "+%Y%m%d"]))?
        .trim()
        .parse()?;
    let table = target_dir().join("fuzz-report.md");
    fuzz::long(FUZZ_SECONDS, seed, &table.to_string_lossy())?;
    let found = fs::read_to_string(&table).context("the fuzz run left no report")?;
    report("fuzz", "Fuzzing", &found)
}

/// Calls, the outbox and admission in seeded time.
fn long_simulation() -> Result<()> {
    let began = Instant::now();
    let mut tests = cargo();
    tests
        .env("PROSAAS_TEST_SEEDS", SIMULATED_SEEDS)
        .arg("test")
        .args(everything()?)
        .args(["--test", "it", "--", "--nocapture"])
        .args(["simulation::", "outbox::", "admission::"]);
    let printed = capture(&mut tests)?;
    let mut page = String::new();
    for line in printed.lines() {
        if line.contains(" seeds simulated ") {
            // The name of the test may stand before what it prints.
            let told = line.rsplit(" ... ").next().unwrap_or(line);
            writeln!(page, "- {told}")?;
        }
    }
    writeln!(page, "\nTime: {}.", spell(began.elapsed()))?;
    report("simulation", "Simulation", &page)
}

fn long_kills() -> Result<()> {
    let printed = faults("kills::", ("PROSAAS_TEST_KILLS", KILLS))?;
    report("kills", "`kill -9` under writes", &printed)
}

fn long_outage() -> Result<()> {
    let name = "outage::while_postgresql_is_away";
    let printed = faults(name, ("PROSAAS_TEST_OUTAGE_SECONDS", OUTAGE_SECONDS))?;
    report("outage", "PostgreSQL away", &printed)
}

/// Calls under faults, with a thousand kills on each database and a hundred stops under two hundred calls.
fn long_faults() -> Result<()> {
    let mut measuring = crate::bench::measuring("release")?;
    let postgres = Postgres::start()?;
    measuring
        .envs(postgres.variables())
        .args(["faults", "--markdown", "--calls", CALLS])
        .args(["--kills", KILLS_IN_CALLS])
        .args(["--stops", STOPS, "--stop-calls", STOP_CALLS]);
    judged("faults", "Calls under faults", &mut measuring)
}

/// Runs the server's tests of this name beside a PostgreSQL; what they print about themselves, as a list.
fn faults(name: &str, (variable, value): (&str, &str)) -> Result<String> {
    let postgres = Postgres::start()?;
    let mut tests = cargo();
    tests
        .envs(postgres.variables())
        .env(variable, value)
        .arg("test")
        .args(everything()?)
        .args(["--test", "it", name, "--", "--nocapture"]);
    let printed = capture(&mut tests)?;
    let lines = printed
        .lines()
        .filter(|line| line.contains(" kills; ") || line.contains(": away for "));
    let lines: Vec<_> = lines.map(|line| format!("- {line}\n")).collect();
    Ok(lines.concat())
}

/// Hours of ordinary calls over real sockets.
fn soak() -> Result<()> {
    let mut measuring = crate::bench::measuring("release")?;
    measuring
        .args(["faults", "--markdown", "--only", "soak"])
        .args(["--soak-calls", SOAK_CALLS, "--soak-live", SOAK_LIVE]);
    judged("soak", "Soak", &mut measuring)
}

/// Measures for hours: what was printed is written down also when it broke a hard property.
fn judged(name: &str, title: &str, measuring: &mut Command) -> Result<()> {
    let output = measuring
        .stderr(Stdio::inherit())
        .output()
        .context("the measurement did not start")?;
    let table = String::from_utf8(output.stdout).context("the measurement did not print UTF-8")?;
    if !table.is_empty() {
        report(name, title, &table)?;
    }
    ensure!(
        output.status.success(),
        "something broke that must never break: {}",
        output.status
    );
    Ok(())
}

/// Writes `docs/results/<date>-<name>.md`.
fn report(name: &str, title: &str, body: &str) -> Result<()> {
    let date = capture(command("date").args(["-u", "+%F"]))?;
    let commit = capture(command("git").args(["rev-parse", "HEAD"]))?;
    let clean = capture(command("git").args(["status", "--porcelain"]))?.is_empty();
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let mut page = format!("# {title}, {}\n\n", date.trim());
    let state = if clean { "" } else { " with local changes" };
    writeln!(page, "Commit {}{state}, {cores} cores.\n", commit.trim())?;
    page.push_str(body.trim_end());
    page.push('\n');
    let path: PathBuf = root()
        .join("docs/results")
        .join(format!("{}-{name}.md", date.trim()));
    fs::create_dir_all(root().join("docs/results"))?;
    fs::write(&path, page).with_context(|| format!("writing {}", path.display()))?;
    println!("   written: docs/results/{}-{name}.md", date.trim());
    Ok(())
}
