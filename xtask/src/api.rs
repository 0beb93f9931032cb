//! The HTTP API's document: written, compared and validated.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use crate::prerequisites::python;
use crate::process::{capture, command, program, root, run as run_child, succeeds, target_dir};

/// Where the document is committed.
const DOCUMENT: &str = "docs/openapi.json";
/// The validator of the OpenAPI initiative's schemas, and the tester that reads the document.
const PACKAGES: [(&str, &str); 2] = [
    ("openapi-spec-validator", "0.9.0"),
    ("schemathesis", "4.32.5"),
];

/// `cargo xtask openapi`: writes the document as the code has it.
pub(crate) fn write() -> Result<()> {
    fs::write(root().join(DOCUMENT), printed()?).with_context(|| format!("writing {DOCUMENT}"))?;
    println!("   written: {DOCUMENT}");
    Ok(())
}

/// Fails when the committed document is not what the code says, or is no OpenAPI.
pub(crate) fn check() -> Result<()> {
    let committed = fs::read_to_string(root().join(DOCUMENT)).unwrap_or_default();
    if committed != printed()? {
        bail!("{DOCUMENT} is stale: run `cargo xtask openapi` and commit it");
    }
    run_child(
        command(environment()?)
            .args(["-m", "openapi_spec_validator"])
            .arg(DOCUMENT),
    )
}

fn printed() -> Result<String> {
    capture(program("prosaas")?.arg("openapi"))
}

/// The virtual environment's Python, with the packages installed.
pub(crate) fn environment() -> Result<PathBuf> {
    let folder = target_dir().join("api").join("venv");
    let inside = folder.join("bin/python");
    let pins = PACKAGES.map(|(name, version)| format!("{name}=={version}"));
    let checks = PACKAGES.map(|(name, version)| format!("version('{name}') == '{version}'"));
    let check = format!(
        "from importlib.metadata import version\nimport sys\nsys.exit(not ({}))",
        checks.join(" and ")
    );
    if succeeds(command(&inside).args(["-c", &check])) {
        return Ok(inside);
    }
    let python = python().context("no Python 3 that can make virtual environments")?;
    run_child(command(python).args(["-m", "venv", "--clear"]).arg(&folder))?;
    run_child(
        command(&inside)
            .args(["-m", "pip", "install", "--quiet"])
            .args(&pins),
    )?;
    Ok(inside)
}
