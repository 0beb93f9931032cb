//! `cargo xtask compose-check`: an installation as `DEPLOYMENT.md` describes it, out of a clean clone: images built,
//! every service started, called, upgraded under calls, killed under a call, driven in a browser, and with n8n.
//!
//! It takes a Docker engine and half an hour, so it is no step of `test`. What it starts is a project of its own, and
//! is taken down with its volumes at the end.

mod calls;
mod console;
mod images;
mod n8n;
mod services;
mod site;
mod upgrade;

use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::process::{capture, command, run};
use site::Site;

/// How long something that must happen may take.
const PATIENCE: Duration = Duration::from_secs(90);

/// Runs all of it; with `keep`, everything is left running, and with `reuse` the clone of an earlier run is taken.
pub(crate) fn check(keep: bool, reuse: bool) -> Result<()> {
    capture(command("docker").args(["compose", "version"]))
        .context("there is no Docker with Compose")?;
    let site = Site::cloned(reuse)?;
    site.without_settings()?;
    site.write_settings()?;
    let outcome = all(&site);
    if keep {
        return outcome;
    }
    let down = run(&mut site.compose(&["down", "--volumes", "--timeout", "20"]));
    outcome.and(down)
}

fn all(site: &Site) -> Result<()> {
    images::build(site)?;
    site.build_peer()?;
    services::start(site)?;
    services::look_at(site)?;
    calls::answered(site)?;
    calls::killed(site)?;
    upgrade::under_calls(site)?;
    let console = console::driven(site)?;
    n8n::connected(site, &console)
}

/// Looks again until it is there.
#[expect(
    clippy::disallowed_methods,
    reason = "a container cannot be waited for otherwise"
)]
fn until<T>(what: &str, mut look: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look()? {
            return Ok(found);
        }
        if Instant::now() > end {
            bail!("{what}: not within {PATIENCE:?}");
        }
        sleep(Duration::from_millis(50));
    }
}
