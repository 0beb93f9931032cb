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

/// A part of the check.
type Part = fn(&Site) -> Result<()>;

/// The parts, in their order: each stands on those before it.
const PARTS: [(&str, Part); 7] = [
    ("images", images::build),
    ("services", services::started),
    ("call", calls::answered),
    ("crash", calls::killed),
    ("upgrade", upgrade::under_calls),
    ("console", console::driven),
    ("n8n", n8n::connected),
];

/// Runs all of it, or in the clone of an earlier run from one part on; with `keep`, everything is left running.
pub(crate) fn check(keep: bool, from: Option<&str>) -> Result<()> {
    capture(command("docker").args(["compose", "version"]))
        .context("there is no Docker with Compose")?;
    let first = match from {
        None => 0,
        Some(name) => PARTS
            .iter()
            .position(|(part, _)| *part == name)
            .with_context(|| format!("`{name}` is no part of the check"))?,
    };
    let site = if from.is_some() {
        Site::earlier()
    } else {
        Site::cloned()
    }?;
    let outcome = PARTS[first..].iter().try_for_each(|(name, part)| {
        println!("== {name}");
        part(&site)
    });
    if keep {
        return outcome;
    }
    let down = run(&mut site.compose(&["down", "--volumes", "--timeout", "20"]));
    outcome.and(down)
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
