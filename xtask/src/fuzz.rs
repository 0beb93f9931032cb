//! Fuzzing: the targets live in the package `prosaas-fuzz`.

use anyhow::Result;

use crate::process::{program, run};

/// Every target for `seconds`, from a fixed seed, so that a failure here fails everywhere.
pub(crate) fn short(seconds: u32) -> Result<()> {
    fuzz(&["--seconds", &seconds.to_string(), "--seed", "1"])
}

/// Every target for `seconds` from this seed; what was found is printed and written to `report`.
pub(crate) fn long(seconds: u32, seed: u64, report: &str) -> Result<()> {
    fuzz(&[
        "--seconds",
        &seconds.to_string(),
        "--seed",
        &seed.to_string(),
        "--report",
        report,
    ])
}

fn fuzz(args: &[&str]) -> Result<()> {
    run(program("prosaas-fuzz")?.args(args))
}
