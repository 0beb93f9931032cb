//! `cargo xtask compose-check`: builds the images, starts every service, and looks whether they are as `DEPLOYMENT.md`
//! says.
//!
//! It takes a Docker engine and a quarter of an hour, so it is no step of `test`. What it starts is a project of its
//! own, and is taken down with its volumes at the end.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};

use crate::process::{capture, command, root, run, succeeds, target_dir};
use crate::steps::spell;

const PROJECT: &str = "prosaas-check";
const TAG: &str = "check";
const SERVICES: [&str; 5] = ["postgres", "backend", "baileys", "n8n", "frontend"];
/// What is built here, with the image it stands on.
const IMAGES: [(&str, &str); 3] = [
    ("prosaas-backend", "debian:trixie-slim"),
    ("prosaas-frontend", "nginx:stable-trixie"),
    ("prosaas-baileys", "node:24-trixie-slim"),
];
/// What the server and its libraries may add to their base image.
const MOST_ADDED_BYTES: u64 = 60_000_000;
/// Put into `web/dist` of this machine; found in an image it says that the image was not built from sources.
const MARKER: &str = "marker-of-the-host.txt";

/// Runs all of it.
pub(crate) fn check() -> Result<()> {
    capture(command("docker").args(["compose", "version"]))
        .context("there is no Docker with Compose")?;
    without_settings()?;
    fs::write(settings_file(), settings())?;
    let outcome = built().and_then(|()| started());
    let down = run(&mut compose(&["down", "--volumes", "--timeout", "20"]));
    outcome.and(down)
}

/// Compose reads its file without an `.env`, and says nothing.
fn without_settings() -> Result<()> {
    let mut config = command("docker");
    let empty = target_dir().join("compose-check.empty");
    fs::write(&empty, "")?;
    config.args(["compose", "--env-file"]).arg(empty);
    let output = config.args(["config", "--quiet"]).output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success() && said.trim().is_empty(),
        "`docker compose config` without settings: {said}"
    );
    Ok(())
}

fn built() -> Result<()> {
    let marker = root().join("web/dist").join(MARKER);
    fs::write(&marker, "This file is of the host.\n")?;
    let began = Instant::now();
    let outcome = run(&mut compose(&["build"]));
    fs::remove_file(&marker)?;
    outcome?;
    println!("   built in {}", spell(began.elapsed()));
    for (name, base) in IMAGES {
        let image = format!("{name}:{TAG}");
        let find = format!("find / -xdev -name {MARKER} -print -quit");
        let found = capture(command("docker").args([
            "run",
            "--rm",
            "--user",
            "0",
            "--entrypoint",
            "sh",
            &image,
            "-c",
            &find,
        ]))?;
        ensure!(
            found.trim().is_empty(),
            "{image} has a file of the host in it: {found}"
        );
        let added = size(&image)?.saturating_sub(size(base)?);
        println!("   {image} adds {} MB to {base}", added / 1_000_000);
        ensure!(
            name != "prosaas-backend" || added < MOST_ADDED_BYTES,
            "{image} adds {added} bytes, more than {MOST_ADDED_BYTES}"
        );
    }
    Ok(())
}

fn size(image: &str) -> Result<u64> {
    let inspect = ["image", "inspect", "--format", "{{.Size}}", image];
    let bytes = capture(command("docker").args(inspect))?;
    bytes
        .trim()
        .parse()
        .with_context(|| format!("the size of {image}"))
}

fn started() -> Result<()> {
    let began = Instant::now();
    run(&mut compose(&[
        "up",
        "--detach",
        "--wait",
        "--wait-timeout",
        "300",
    ]))?;
    println!(
        "   every service is healthy after {}",
        spell(began.elapsed())
    );
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
        asked("GET", url, status)?;
    }
    // Without a signature.
    asked("POST", "http://frontend:80/webhook/incoming_call", 403)?;
    asked("POST", "http://frontend:80/webhook/fallback", 200)?;
    for service in SERVICES {
        walled(service)?;
        notices_a_hang(service)?;
    }
    Ok(())
}

/// What a service answers another one, asked from the sidecar's container, which has a client.
fn asked(method: &str, url: &str, wanted: u16) -> Result<()> {
    let ask = "const [method, url] = process.argv.slice(1); \
               fetch(url, { method, redirect: 'manual' }).then((r) => console.log(r.status))";
    let status = capture(&mut compose(&[
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

/// No root, no write outside of its volumes.
fn walled(service: &str) -> Result<()> {
    let user = capture(&mut compose(&["exec", "-T", service, "id", "-u"]))?;
    ensure!(user.trim() != "0", "`{service}` runs as root");
    let mut write = compose(&["exec", "-T", service, "sh", "-c", "echo x >/etc/written"]);
    ensure!(
        !succeeds(&mut write),
        "`{service}` can write outside of its volumes"
    );
    Ok(())
}

/// The health check fails while the process is stopped, and succeeds again afterwards.
fn notices_a_hang(service: &str) -> Result<()> {
    let container = capture(&mut compose(&["ps", "--quiet", service]))?;
    let format = "--format={{json .Config.Healthcheck.Test}}";
    let test = capture(command("docker").args(["inspect", format, container.trim()]))?;
    let test: Vec<String> = serde_json::from_str(&test)?;
    let Some((kind, words)) = test.split_first() else {
        bail!("`{service}` has no health check");
    };
    ensure!(kind == "CMD", "the health check of `{service}` is a {kind}");
    let ask = || {
        let mut ask = compose(&["exec", "-T", service]);
        ask.args(words);
        succeeds(&mut ask)
    };
    ensure!(ask(), "`{service}` is not healthy");
    signal(service, "STOP")?;
    let noticed = !ask();
    signal(service, "CONT")?;
    ensure!(noticed, "`{service}` hangs and its health check succeeds");
    println!("   the health check of `{service}` notices a hang");
    Ok(())
}

/// Sends a signal to every process of a container: Docker's own goes to the first alone, which may be a parent.
fn signal(service: &str, name: &str) -> Result<()> {
    // Each by its number, so that the line does no harm where it is tried by hand. There may be none.
    let others = format!(
        "for p in /proc/[0-9]*; do p=${{p#/proc/}}; \
         if [ $p -gt 1 ] && [ $p -ne $$ ]; then kill -s {name} $p || true; fi; done"
    );
    run(&mut compose(&["exec", "-T", service, "sh", "-c", &others]))?;
    run(&mut compose(&["kill", "--signal", name, service]))
}

fn compose(words: &[&str]) -> Command {
    let mut docker = command("docker");
    docker.args(["compose", "--project-name", PROJECT, "--env-file"]);
    docker.arg(settings_file());
    docker.args(["--profile", "postgres"]).args(words);
    docker
}

fn settings_file() -> PathBuf {
    target_dir().join("compose-check.env")
}

/// Settings of an installation that nobody calls.
fn settings() -> String {
    let secret = "0123456789abcdef".repeat(4);
    let lines = [
        format!("PROSAAS_TAG={TAG}"),
        "FRONTEND_BIND=127.0.0.1".to_owned(),
        "PUBLIC_BASE_URL=https://prosaas.test".to_owned(),
        "PUBLIC_MEDIA_URL=wss://media.prosaas.test/media".to_owned(),
        "N8N_HOST=n8n.prosaas.test".to_owned(),
        "N8N_WEBHOOK_URL=https://n8n.prosaas.test/".to_owned(),
        "USE_REALTIME_API=false".to_owned(),
        "TWILIO_ACCOUNT_SID=AC00000000000000000000000000000001".to_owned(),
        "TWILIO_AUTH_TOKEN=a-token-of-nobody".to_owned(),
        format!("INTERNAL_SECRET={secret}"),
        format!("BAILEYS_STORE_KEY={secret}"),
        format!("N8N_ENCRYPTION_KEY={secret}"),
        "POSTGRES_PASSWORD=postgres".to_owned(),
        "POSTGRES_OWNER_PASSWORD=owner".to_owned(),
        "POSTGRES_APP_PASSWORD=app".to_owned(),
        "DATABASE_URL=postgres://prosaas_app:app@postgres/prosaas".to_owned(),
        "DATABASE_URL_DIRECT=postgres://prosaas_owner:owner@postgres/prosaas".to_owned(),
    ];
    lines.join("\n") + "\n"
}
