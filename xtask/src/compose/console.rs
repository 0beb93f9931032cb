//! The console through nginx with TLS: asked by `deploy/smoke.sh`, and by a browser.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::site::{HOST, Site};
use crate::process::{capture, run};

/// Where what the browser made is kept for n8n.
const MADE: &str = "made.json";

/// What a browser made for n8n.
pub(super) struct Connected {
    /// What the webhook's events are signed with.
    pub(super) secret: String,
    /// An API key.
    pub(super) key: String,
}

/// Switches TLS on, asks everything from outside, and lets an owner sign in.
pub(super) fn driven(site: &Site) -> Result<()> {
    let authority = certificates(site)?;
    run(&mut site.compose(&[
        "up",
        "--detach",
        "--no-deps",
        "--force-recreate",
        "--wait",
        "frontend",
    ]))?;
    // Where the names lead, and whose certificates are believed.
    let names = ["", "media.", "n8n."];
    let mut curl = format!("cacert = {authority}\n");
    for name in names {
        curl.push_str("resolve = ");
        curl.push_str(name);
        curl.push_str(HOST);
        curl.push_str(":443:127.0.0.1\n");
    }
    let settings = site.shared(".curlrc");
    fs::write(&settings, curl)?;
    smoke(site, settings.parent().context("a folder")?)?;
    browsed(site)
}

/// `deploy/smoke.sh`, which may fail at what nobody here can answer: Twilio.
fn smoke(site: &Site, curl_home: &Path) -> Result<()> {
    let mut smoke = site.command("deploy/smoke.sh");
    smoke.arg(format!("https://{HOST}"));
    let output = smoke.env("CURL_HOME", curl_home).output()?;
    let said = String::from_utf8_lossy(&output.stdout);
    println!("{said}");
    let failed = said.lines().filter(|line| line.starts_with("FAIL"));
    let unknown: Vec<_> = failed
        .filter(|line| {
            !line.contains("Twilio could not be asked") && *line != "FAIL  prosaas doctor"
        })
        .collect();
    ensure!(
        said.contains("== by hand") && unknown.is_empty(),
        "deploy/smoke.sh found what is wrong: {unknown:?}"
    );
    Ok(())
}

/// A certificate for the three names, by nobody.
fn certificates(site: &Site) -> Result<String> {
    let tls = site.folder.join("deploy/tls");
    let names = format!("subjectAltName=DNS:{HOST},DNS:media.{HOST},DNS:n8n.{HOST}");
    let mut make = site.command("openssl");
    make.current_dir(&tls).args([
        "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
    ]);
    make.args([
        "-keyout",
        "site.key",
        "-out",
        "site.pem",
        "-subj",
        "/CN=prosaas.test",
        "-addext",
        &names,
    ]);
    capture(&mut make)?;
    for (from, to) in [("site.pem", "media.pem"), ("site.key", "media.key")] {
        fs::copy(tls.join(from), tls.join(to))?;
    }
    // nginx is not root.
    capture(
        site.command("chmod")
            .current_dir(&tls)
            .args(["644", "site.key", "media.key"]),
    )?;
    Ok(tls.join("site.pem").display().to_string())
}

fn browsed(site: &Site) -> Result<()> {
    let prosaas = |words: &[&str]| {
        let mut admin = site.compose(&["exec", "-T", "backend", "prosaas", "admin"]);
        capture(admin.args(words))
    };
    let listed = prosaas(&["business", "list"])?;
    let business = listed
        .split_whitespace()
        .find(|word| word.starts_with("ten_"))
        .context("there is no business")?;
    let email = "owner@levi.example";
    let add = [
        "user",
        "add",
        "--email",
        email,
        "--name",
        "Dana Levi",
        "--business",
        business,
    ];
    // He is there already when this part is run once more.
    let link = prosaas(&add).or_else(|_| prosaas(&["user", "reset-password", email]))?;
    run(site
        .command("npm")
        .args(["--prefix", "web", "ci", "--silent", "--ignore-scripts"]))?;
    let mut browser = site.command("node");
    browser
        .arg("web/scripts/deployed.mjs")
        .arg(format!("https://{HOST}"))
        .arg(link.trim());
    let said = capture(browser.arg(site.shared("")))?;
    println!("   a browser: signed in through nginx, saw the lead and the QR code of WhatsApp");
    fs::write(site.shared(MADE), said)?;
    Ok(())
}

impl Connected {
    /// What the browser made.
    pub(super) fn read(site: &Site) -> Result<Self> {
        let said = fs::read_to_string(site.shared(MADE))?;
        let made: Value = serde_json::from_str(&said).context("what the browser made")?;
        let text = |name: &str| {
            let text = made[name].as_str().map(str::to_owned);
            text.with_context(|| format!("the browser made no {name}"))
        };
        Ok(Self {
            secret: text("secret")?,
            key: text("key")?,
        })
    }
}
