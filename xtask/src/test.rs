//! `cargo xtask test`: everything continuous integration runs; what says no fast comes first.

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
        // Node's beside what is Rust's alone. The console comes before the build, which takes it into the server.
        .aside("clippy", checks::clippy)
        .step("baileys", sidecar::check)
        .step("n8n nodes", nodes::check)
        .step("web", web::check)
        .alone("build", checks::build)
        // What only compiles, beside what waits for calls, databases and a browser.
        .aside("deny", checks::deny)
        .aside("features", checks::features)
        .aside("rustdoc", checks::rustdoc)
        .aside("package", checks::package)
        .step("tests", checks::tests)
        .step("doctests", checks::doctests)
        .step("openapi", api::check)
        .step("schemathesis", explore::short)
        .step("signature oracle", || {
            oracle::run(ORACLE_REQUESTS, oracle::FIXED_SEED)
        })
        .step("fuzz", || fuzz::short(FUZZ_SECONDS))
        .step("examples", checks::examples)
        .step("console", web::drive)
        .step("demo", demo::smoke_default)
        .step("demo, human voice", demo::smoke_human)
        .step("demo, faults", demo::smoke_faults)
        .step("bench smoke", crate::bench::smoke)
        // What judges sound by the clock has the machine to itself.
        .alone("fault bench", crate::bench::faults_smoke)
        .run(only)
}
