//! `deploy/upgrade.sh` while calls are held and new ones come.

use std::fs;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Instant;

use anyhow::{Context, Result, anyhow, ensure};

use super::calls::{caller, heard, leads};
use super::site::Site;
use crate::process::{capture, run};
use crate::steps::spell;

/// How many lines call over and over, each with two calls at once.
const LINES: u32 = 3;
const CALLS: u32 = 2;
/// A line of the server that is changed for the new build, and what it is changed to.
const FILE: &str = "bin/prosaas-server/src/calls/without_agent.rs";
const LINE: (&str, &str) = (
    "every model is known to be down, so the caller is asked for a message",
    "every model is known to be down; the caller is asked for a message",
);

/// Changes a line, builds it, and puts it into service under calls.
pub(super) fn under_calls(site: &Site) -> Result<()> {
    let old = site.tag()?;
    change(site)?;
    let new = site.tag()?;
    site.set("PROSAAS_TAG", &new)?;
    let began = Instant::now();
    run(&mut site.compose(&["build", "backend"]))?;
    println!(
        "   built again after a change of one line in {}",
        spell(began.elapsed())
    );
    run(&mut site.compose(&["build", "frontend", "baileys"]))?;
    site.set("PROSAAS_TAG", &old)?;

    let before = leads(site)?;
    let calls = upgraded_while_called(site, &old)?;
    let image = "--format={{.Config.Image}}";
    let container = site.container("backend")?;
    let running = capture(site.command("docker").args(["inspect", image, &container]))?;
    ensure!(
        running.trim() == format!("prosaas-backend:{new}"),
        "{} is in service instead of {new}",
        running.trim()
    );
    let left = leads(site)? - before;
    println!(
        "   {calls} calls while the server was exchanged: none was dropped; {left} leads, a number calls twice"
    );
    Ok(())
}

fn change(site: &Site) -> Result<()> {
    let file = site.folder.join(FILE);
    let text = fs::read_to_string(&file)?;
    ensure!(
        text.contains(LINE.0),
        "{FILE} does not say {:?} any more",
        LINE.0
    );
    fs::write(&file, text.replace(LINE.0, LINE.1))?;
    let mut commit = site.command("git");
    commit.args([
        "-c",
        "user.name=check",
        "-c",
        "user.email=check@prosaas.test",
    ]);
    run(commit.args([
        "commit",
        "--quiet",
        "--all",
        "--message",
        "A change of one line",
    ]))
}

/// How many calls were placed; each of them was answered by an agent and ended normally.
fn upgraded_while_called(site: &Site, carrier: &str) -> Result<u32> {
    let is_over = AtomicBool::new(false);
    let placed = AtomicU32::new(0);
    std::thread::scope(|scope| {
        let lines: Vec<_> = (0..LINES)
            .map(|line| {
                scope.spawn({
                    let (is_over, placed) = (&is_over, &placed);
                    move || calls_on(site, carrier, line, is_over, placed)
                })
            })
            .collect();
        let mut upgrade = site.command("deploy/upgrade.sh");
        let upgraded = run(&mut upgrade).context("deploy/upgrade.sh");
        is_over.store(true, Ordering::Relaxed);
        let called = lines
            .into_iter()
            .try_for_each(|line| line.join().map_err(|_| anyhow!("a line panicked"))?);
        upgraded.and(called)
    })?;
    Ok(placed.load(Ordering::Relaxed))
}

fn calls_on(
    site: &Site,
    carrier: &str,
    line: u32,
    is_over: &AtomicBool,
    placed: &AtomicU32,
) -> Result<()> {
    let mut round = 0;
    // One more round after the end is answered by the new server alone.
    let mut last = false;
    while !last {
        last = is_over.load(Ordering::Relaxed);
        let from = format!("+97250200{line}{round:03}");
        let said = capture(&mut caller(site, carrier, &from, CALLS));
        let said = said.with_context(|| format!("the calls of {from}"))?;
        ensure!(heard(&said), "a caller heard no agent: {said}");
        placed.fetch_add(CALLS, Ordering::Relaxed);
        round += 1;
    }
    Ok(())
}
