//! The WhatsApp sidecar's own checks: its types, and its tests against the local WhatsApp.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use crate::process::{capture, command, root, run};

/// The oldest Node that the sidecar runs on.
const NODE: u32 = 20;

/// Whether Node is there and new enough.
pub(crate) fn node_is_new_enough() -> bool {
    capture(command("node").arg("--version")).is_ok_and(|text| major(&text) >= Some(NODE))
}

/// Whether npm is there.
pub(crate) fn npm_is_installed() -> bool {
    crate::process::succeeds(command("npm").arg("--version"))
}

/// Installs exactly what the lock file names, checks the types, runs the tests.
pub(crate) fn check() -> Result<()> {
    if !node_is_new_enough() {
        bail!("the sidecar needs Node {NODE} or newer; `node --version` says otherwise");
    }
    npm(&["ci"]).context("the lock file of `baileys` and its package.json must agree")?;
    npm(&["run", "typecheck"])?;
    npm(&["test"])
}

/// Where the sidecar's tests build the local WhatsApp, which the tests of `prosaas-whatsapp` link to as well.
pub(crate) fn local_whatsapp() -> PathBuf {
    root().join("baileys/target/all/test/peer/main.js")
}

/// Builds the sidecar and the local WhatsApp of its tests for the demo; `None` where Node, npm or a registry to
/// install from is missing.
pub(crate) fn build_for_demo() -> Result<Option<PathBuf>> {
    let folder = root().join("baileys");
    if !node_is_new_enough() || !npm_is_installed() {
        return Ok(None);
    }
    if !folder.join("node_modules/lmdb").is_dir() && npm(&["ci", "--silent"]).is_err() {
        return Ok(None);
    }
    run(command("node")
        .arg("node_modules/typescript/bin/tsc")
        .current_dir(&folder))?;
    npm(&["run", "--silent", "build"])?;
    Ok(Some(folder))
}

fn npm(args: &[&str]) -> Result<()> {
    run(command("npm")
        .args(args)
        .current_dir(root().join("baileys")))
}

/// The first number of a version such as `v20.19.2`.
fn major(version: &str) -> Option<u32> {
    let digits = version.trim().strip_prefix('v')?.split('.').next()?;
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_major_version_of_node_is_read() {
        assert_eq!(major("v20.19.2\n"), Some(20));
        assert_eq!(major("v8.0.0"), Some(8));
        assert_eq!(major("20.19.2"), None);
        assert_eq!(major(""), None);
    }
}
