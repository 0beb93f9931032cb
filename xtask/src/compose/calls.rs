//! Signed calls through nginx by our fake carrier, which is a container of its own beside the services.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};

use super::site::{AUTH_TOKEN, HOST, NETWORK, Site};
use crate::process::{capture, run};
use crate::steps::spell;

/// The number of the business that is called.
pub(super) const NUMBER: &str = "+97231234567";
/// What the fake carrier prints when the server is to be killed: in the middle of the talk.
const KILLED_AT: &str = "begins utterance 2";

/// Adds the business; a call reaches its agent and leaves a lead.
pub(super) fn answered(site: &Site) -> Result<()> {
    let business = [
        "--name",
        "Levi Plumbing",
        "--phone",
        NUMBER,
        "--language",
        "en",
    ];
    let mut add = site.compose(&[
        "exec", "-T", "backend", "prosaas", "admin", "business", "add",
    ]);
    run(add.args(business))?;
    let said = capture(&mut caller(site, &site.tag()?, "+972501000001", 1))?;
    println!("{said}");
    ensure!(
        heard(&said),
        "the caller of a simulated call heard no agent"
    );
    let leads = leads(site)?;
    ensure!(leads == 1, "one call left {leads} leads");
    Ok(())
}

/// The server is killed in a call and started again: the caller hears it again, in the same call.
pub(super) fn killed(site: &Site) -> Result<()> {
    let before = leads(site)?;
    let mut call = caller(site, &site.tag()?, "+972501000002", 1);
    let mut call = call
        .stdout(Stdio::piped())
        .spawn()
        .context("the fake carrier did not start")?;
    let output = call.stdout.take().context("its output is a pipe")?;
    let (mut is_killed, mut heard_after) = (false, false);
    for line in BufReader::new(output).lines() {
        let line = line?;
        println!("{line}");
        heard_after |= is_killed && line.contains("begins to speak");
        if !is_killed && line.contains(KILLED_AT) {
            is_killed = true;
            kill(site)?;
        }
    }
    ensure!(is_killed, "the call never came to its second utterance");
    ensure!(
        call.wait()?.success(),
        "the call in which the server was killed did not end normally"
    );
    ensure!(
        heard_after,
        "nobody spoke again after the server was killed"
    );
    let added = leads(site)? - before;
    ensure!(
        added == 1,
        "a call in which the server was killed left {added} leads"
    );
    Ok(())
}

fn kill(site: &Site) -> Result<()> {
    let began = Instant::now();
    run(&mut site.compose(&["kill", "backend"]))?;
    run(&mut site.compose(&["up", "--detach", "--no-deps", "--no-build", "backend"]))?;
    println!(
        "   killed and started again within {}",
        spell(began.elapsed())
    );
    Ok(())
}

/// The fake carrier out of the build with this tag; it places `calls` calls at once.
pub(super) fn caller(site: &Site, tag: &str, from: &str, calls: u32) -> Command {
    let image = format!("prosaas-backend:{tag}");
    let mut docker = site.command("docker");
    docker.args(["run", "--rm", "--network", NETWORK, "--env"]);
    docker.arg(format!("TWILIO_AUTH_TOKEN={AUTH_TOKEN}"));
    docker.args([
        "--env",
        "TWILIO_ACCOUNT_SID=AC00000000000000000000000000000001",
    ]);
    docker.args([&image, "simulate", "call", "--to", NUMBER, "--from", from]);
    docker.args([
        "--url",
        "http://frontend/webhook/incoming_call",
        "--public-base-url",
    ]);
    docker.arg(format!("https://{HOST}"));
    docker.args([
        "--status-callback",
        &format!("https://{HOST}/webhook/call_status"),
    ]);
    docker.args(["--calls", &calls.to_string()]);
    docker
}

/// Whether a caller heard the agent.
pub(super) fn heard(said: &str) -> bool {
    said.contains("first audio") && !said.contains("no audio")
}

/// How many leads there are.
pub(super) fn leads(site: &Site) -> Result<u64> {
    counted(site, "select count(*) from leads")
}

/// What the database counts, asked by its owner: row-level security is no wall for him.
pub(super) fn counted(site: &Site, query: &str) -> Result<u64> {
    let mut psql = site.compose(&["exec", "-T", "postgres", "psql", "--tuples-only"]);
    psql.args(["--username=postgres", "--dbname=prosaas"]);
    let told = capture(psql.args(["--command", query]))?;
    match told.trim().parse() {
        Ok(count) => Ok(count),
        Err(_) => bail!("PostgreSQL answers `{query}` with {told}"),
    }
}
