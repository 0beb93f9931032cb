//! The official Twilio Python package as an oracle for our signature check.

use std::fs::File;
use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::prerequisites::python;
use crate::process::{command, program, run as run_child, succeeds, target_dir};

/// The package and the version that was read for `docs/decisions/0006-signature-oracle.md`.
const TWILIO: &str = "twilio==9.13.0";
/// The program among the examples that compares the verdicts.
pub(crate) const JUDGE: &str = "signature_oracle";
/// The seed of every run in continuous integration; long runs count on from here.
pub(crate) const FIXED_SEED: u64 = 20_261_123;

/// Has `requests` random requests judged by the official helper and by us, and compares both verdicts.
pub(crate) fn run(requests: u32, seed: u64) -> Result<()> {
    let python = environment()?;
    let judged = target_dir().join("oracle").join("requests.jsonl");
    println!("   {requests} requests from seed {seed}, judged by {TWILIO}");
    let mut generator = command(&python);
    generator
        .arg("testdata/oracle/twilio_signature.py")
        .args([requests.to_string(), seed.to_string()])
        .stdout(File::create(&judged).with_context(|| format!("creating {}", judged.display()))?);
    run_child(&mut generator)?;
    run_child(program(JUDGE)?.arg(&judged))
}

/// The virtual environment's Python, with the package installed.
fn environment() -> Result<PathBuf> {
    let folder = target_dir().join("oracle").join("venv");
    let python_inside = folder.join("bin/python");
    let version = TWILIO.split("==").nth(1).unwrap_or_default();
    let check = format!("import twilio, sys; sys.exit(twilio.__version__ != '{version}')");
    if succeeds(command(&python_inside).args(["-c", &check])) {
        return Ok(python_inside);
    }
    let python = python().context("no Python 3 that can make virtual environments")?;
    run_child(command(python).args(["-m", "venv", "--clear"]).arg(&folder))?;
    run_child(command(&python_inside).args(["-m", "pip", "install", "--quiet", TWILIO]))?;
    Ok(python_inside)
}
