//! `cargo xtask test`: everything continuous integration runs, in order of how fast it can say no.

use anyhow::Result;

use crate::steps::{BUDGET, Steps, spell};
use crate::{api, checks, demo, explore, fuzz, nodes, oracle, prerequisites, sidecar, tidy, web};

/// Requests that the official helper judges in each run.
const ORACLE_REQUESTS: u32 = 12_000;
/// Seconds that each fuzz target runs.
const FUZZ_SECONDS: u32 = 3;

/// Runs the steps, or those whose names contain one of `only`.
pub(crate) fn run(only: &[String]) -> Result<()> {
    println!("budget: {} cold on two cores", spell(BUDGET));
    Steps::new()
        .step("prerequisites", prerequisites::ensure)
        .step("format", checks::format)
        .step("tidy", tidy::run)
        .step("baileys", sidecar::check)
        .step("n8n nodes", nodes::check)
        .step("clippy", checks::clippy)
        .step("tests", checks::tests)
        .step("doctests", checks::doctests)
        .step("features", checks::features)
        .step("rustdoc", checks::rustdoc)
        .step("deny", checks::deny)
        .step("package", checks::package)
        .step("openapi", api::check)
        .step("schemathesis", explore::short)
        .step("signature oracle", || {
            oracle::run(ORACLE_REQUESTS, oracle::FIXED_SEED)
        })
        .step("fuzz", || fuzz::short(FUZZ_SECONDS))
        .step("web", web::check)
        .step("console", web::drive)
        .step("examples", checks::examples)
        .step("demo", demo::smoke_default)
        .step("demo, human voice", demo::smoke_human)
        .step("demo, faults", demo::smoke_faults)
        .step("fault bench", crate::bench::faults_smoke)
        .step("bench smoke", crate::bench::smoke)
        .run(only)
}
