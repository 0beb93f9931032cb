//! The console: checked, built and driven in a browser.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::process::{capture, command, root, run, succeeds};

/// The browser that the console is driven with, as Debian installs it.
pub(crate) const BROWSER_PACKAGE: &str = "chromium";
/// A font with Hebrew letters: without one, screenshots show boxes.
pub(crate) const FONT_PACKAGE: &str = "culmus";
/// The oldest Node that Vite runs on.
const NODE: (u32, u32) = (20, 19);

/// What is checked before the console is built, and after: npm scripts of `web/package.json`.
const SCRIPTS: [&str; 7] = [
    "drift",
    "lint",
    "stylelint",
    "typecheck",
    "unit",
    "build",
    "size",
];

/// The step `web`: everything about the console that needs no server.
pub(crate) fn check() -> Result<()> {
    require_node()?;
    install()?;
    for script in SCRIPTS {
        npm(&["run", "--silent", script])?;
    }
    Ok(())
}

/// The step `console`: a browser on the real server, which has the console of the step before in it.
pub(crate) fn drive() -> Result<()> {
    require_node()?;
    if !root().join("web/dist/index.html").is_file() {
        bail!("the console is not built: the step `web` does it");
    }
    crate::demo::build()?;
    // The one test with nothing played in it links to the local WhatsApp of the sidecar's tests.
    crate::sidecar::build_for_demo()?;
    npm(&["run", "--silent", "console"])
}

/// Builds the console for the demo where Node is there; says so where it is not.
pub(crate) fn build_if_possible() -> Result<()> {
    if !has_node() {
        println!("   no Node 20.19 or later: the server will say how to get the console");
        return Ok(());
    }
    if !installed().is_dir() {
        install()?;
    }
    npm(&["run", "--silent", "build"])
}

/// Whether there is a browser to drive.
pub(crate) fn browser_is_installed() -> bool {
    [
        "/usr/bin/chromium",
        "/usr/bin/chromium-browser",
        "/usr/bin/google-chrome",
    ]
    .iter()
    .any(|path| Path::new(path).exists())
}

/// Whether Hebrew can be drawn.
pub(crate) fn font_is_installed() -> bool {
    succeeds(command("dpkg").args(["-s", FONT_PACKAGE]))
}

fn installed() -> PathBuf {
    root().join("web/node_modules")
}

fn install() -> Result<()> {
    npm(&["ci", "--no-audit", "--no-fund", "--loglevel", "error"])
}

fn npm(args: &[&str]) -> Result<()> {
    run(command("npm").args(["--prefix", "web"]).args(args))
}

fn require_node() -> Result<()> {
    if has_node() {
        return Ok(());
    }
    bail!(
        "the console needs Node {}.{} or later with npm",
        NODE.0,
        NODE.1
    )
}

fn has_node() -> bool {
    let version = capture(command("node").arg("--version"));
    version
        .and_then(|text| parse(&text).context("no version"))
        .is_ok_and(|version| version >= NODE)
        && succeeds(command("npm").arg("--version"))
}

/// `v20.20.2` as its first two numbers.
fn parse(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.trim().strip_prefix('v')?.split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_version_is_read() {
        assert_eq!(parse("v20.20.2\n"), Some((20, 20)));
        assert!(parse("v20.18.0").is_some_and(|version| version < NODE));
        assert_eq!(parse("20"), None);
    }
}
