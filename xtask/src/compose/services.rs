//! The services: healthy, walled in, answering what they should, and noticed when they hang.

use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};

use super::site::Site;
use crate::process::{capture, command, run, succeeds};
use crate::steps::spell;

const SERVICES: [&str; 5] = ["postgres", "backend", "baileys", "n8n", "frontend"];

/// Starts all of them, and looks at them.
pub(super) fn started(site: &Site) -> Result<()> {
    site.build_peer()?;
    let began = Instant::now();
    run(&mut site.compose(&["up", "--detach", "--wait", "--wait-timeout", "300"]))?;
    println!(
        "   every service is healthy after {}",
        spell(began.elapsed())
    );
    look_at(site)
}

/// What they answer each other, and what each of them may not do.
fn look_at(site: &Site) -> Result<()> {
    for (url, status) in [
        ("http://backend:5000/health", 200),
        ("http://backend:5000/ready", 200),
        ("http://frontend:80/health", 200),
        ("http://frontend:80/", 200),
        ("http://frontend:80/api/openapi.json", 200),
        ("http://frontend:80/webhook/incoming_call", 405),
        ("http://frontend:80/metrics", 404),
        ("http://n8n:5678/healthz", 200),
    ] {
        asked(site, "GET", url, status)?;
    }
    // Without a signature.
    asked(
        site,
        "POST",
        "http://frontend:80/webhook/incoming_call",
        403,
    )?;
    asked(site, "POST", "http://frontend:80/webhook/fallback", 200)?;
    starting_time(site)?;
    for service in SERVICES {
        walled(site, service)?;
        notices_a_hang(site, service)?;
    }
    Ok(())
}

/// What a service answers another one, asked from the sidecar's container, which has a client.
fn asked(site: &Site, method: &str, url: &str, wanted: u16) -> Result<()> {
    let ask = "const [method, url] = process.argv.slice(1); \
               fetch(url, { method, redirect: 'manual' }).then((r) => console.log(r.status))";
    let status = capture(&mut site.compose(&[
        "exec", "-T", "baileys", "node", "-e", ask, "--", method, url,
    ]))?;
    let status = status.trim();
    println!("   {method} {url}: {status}");
    ensure!(
        status.parse::<u16>() == Ok(wanted),
        "{method} {url} is answered {status} instead of {wanted}"
    );
    Ok(())
}

/// How long the backend takes from `docker compose start` until it takes calls, asked over and over.
fn starting_time(site: &Site) -> Result<()> {
    run(&mut site.compose(&["stop", "--timeout", "20", "backend"]))?;
    let container = site.container("backend")?;
    let began = Instant::now();
    run(&mut site.compose(&["start", "backend"]))?;
    let ready = ["exec", container.as_str(), "healthy", "5000", "/ready"];
    super::until("the backend takes calls", || {
        Ok(succeeds(command("docker").args(ready)).then_some(()))
    })?;
    println!(
        "   the backend takes calls {} after it was started",
        spell(began.elapsed())
    );
    Ok(())
}

/// No root, no write outside of its volumes.
fn walled(site: &Site, service: &str) -> Result<()> {
    let user = capture(&mut site.compose(&["exec", "-T", service, "id", "-u"]))?;
    ensure!(user.trim() != "0", "`{service}` runs as root");
    let mut write = site.compose(&["exec", "-T", service, "sh", "-c", "echo x >/etc/written"]);
    ensure!(
        !succeeds(&mut write),
        "`{service}` can write outside of its volumes"
    );
    Ok(())
}

/// The health check fails while the process is stopped, and succeeds again afterwards.
fn notices_a_hang(site: &Site, service: &str) -> Result<()> {
    let format = "--format={{json .Config.Healthcheck.Test}}";
    let container = site.container(service)?;
    let test = capture(command("docker").args(["inspect", format, &container]))?;
    let test: Vec<String> = serde_json::from_str(&test).context("a health check")?;
    let Some((kind, words)) = test.split_first() else {
        bail!("`{service}` has no health check");
    };
    ensure!(kind == "CMD", "the health check of `{service}` is a {kind}");
    let ask = || {
        let mut ask = site.compose(&["exec", "-T", service]);
        ask.args(words);
        succeeds(&mut ask)
    };
    ensure!(ask(), "`{service}` is not healthy");
    signal(site, service, "STOP")?;
    let noticed = !ask();
    signal(site, service, "CONT")?;
    ensure!(noticed, "`{service}` hangs and its health check succeeds");
    println!("   the health check of `{service}` notices a hang");
    Ok(())
}

/// Sends a signal to every process of a container: Docker's own goes to the first alone, which may be a parent.
fn signal(site: &Site, service: &str, name: &str) -> Result<()> {
    // Each by its number, so that the line does no harm where it is tried by hand. There may be none.
    let others = format!(
        "for p in /proc/[0-9]*; do p=${{p#/proc/}}; \
         if [ $p -gt 1 ] && [ $p -ne $$ ]; then kill -s {name} $p || true; fi; done"
    );
    run(&mut site.compose(&["exec", "-T", service, "sh", "-c", &others]))?;
    run(&mut site.compose(&["kill", "--signal", name, service]))
}
