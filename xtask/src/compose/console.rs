//! The console through nginx with TLS: asked by `deploy/smoke.sh`, and by a browser.

use std::fs;

use anyhow::{Context, Result};
use serde_json::Value;

use super::site::{HOST, Site};
use crate::process::{capture, run};

/// What a browser made for n8n.
pub(super) struct Connected {
    /// The webhook's id.
    pub(super) webhook: String,
    /// What its events are signed with.
    pub(super) secret: String,
    /// An API key.
    pub(super) key: String,
}

/// Switches TLS on, asks everything from outside, and lets an owner sign in.
pub(super) fn driven(site: &Site) -> Result<Connected> {
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
    let mut smoke = site.command("deploy/smoke.sh");
    smoke.arg(format!("https://{HOST}"));
    run(smoke.env("CURL_HOME", settings.parent().context("a folder")?))?;
    browsed(site)
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

fn browsed(site: &Site) -> Result<Connected> {
    let prosaas = |words: &[&str]| {
        let mut admin = site.compose(&["exec", "-T", "backend", "prosaas", "admin"]);
        capture(admin.args(words))
    };
    let listed = prosaas(&["business", "list"])?;
    let business = listed
        .split_whitespace()
        .find(|word| word.starts_with("ten_"))
        .context("there is no business")?;
    let link = prosaas(&[
        "user",
        "add",
        "--email",
        "owner@levi.example",
        "--name",
        "Dana Levi",
        "--business",
        business,
    ])?;
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
    let made: Value = serde_json::from_str(said.trim()).context("what the browser made")?;
    let text = |name: &str| {
        let text = made[name].as_str().map(str::to_owned);
        text.with_context(|| format!("the browser made no {name}"))
    };
    Ok(Connected {
        webhook: text("webhook")?,
        secret: text("secret")?,
        key: text("key")?,
    })
}
