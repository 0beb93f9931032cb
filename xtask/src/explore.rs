//! schemathesis: asks the server for whatever the API's document allows and forbids, as somebody signed in.
//!
//! It reads `testdata/schemathesis`: the checks that are off with their reasons, and how the login is kept.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::api::environment;
use crate::demo;
use crate::process::{capture, command, run_watched, target_dir};

/// The seed of the short run: it asks the same every time.
const SEED: u32 = 20_261_128;
/// Where its settings are.
const SETTINGS: &str = "testdata/schemathesis/schemathesis.toml";
/// What a browser would see in its address bar; the server is told that a proxy ends TLS before it.
const ORIGIN: &str = "https://crm.example";
/// The password that both logins choose.
const PASSWORD: &str = "a long password of this run";
/// A key for sealing secrets, of this run alone: 32 bytes of zero.
const MASTER_KEY: &str = "1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
/// What the server and its fake sidecar sign with, of this run alone.
const INTERNAL_SECRET: &str = "a secret of this run, of 32 bytes or more";

/// Whose session asks.
#[derive(Clone, Copy)]
enum Login {
    /// An owner of a business: every route that works in a business.
    Owner,
    /// A system administrator: every route of the installation.
    Admin,
}

impl Login {
    const fn name(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Admin => "admin",
        }
    }

    /// What is asked: a system administrator of no business gets nothing but 403 elsewhere.
    const fn scope(self) -> &'static [&'static str] {
        match self {
            Self::Owner => &["--exclude-path-regex", "^/api/system/"],
            Self::Admin => &["--include-path-regex", "^/api/(system|auth)/"],
        }
    }
}

/// The short run of continuous integration: the same requests every time.
pub(crate) fn short() -> Result<()> {
    let seed = SEED.to_string();
    let repeatable = [
        "--seed",
        &seed,
        "--generation-deterministic",
        "--max-examples",
        "3",
    ];
    explore(Login::Owner, &repeatable)?;
    explore(Login::Admin, &repeatable).map(drop)
}

/// The long run, of so many seconds in all; returns what it says of itself at its end.
pub(crate) fn long(seconds: u32) -> Result<String> {
    let mut said = String::new();
    for (login, seconds) in [(Login::Owner, seconds * 4 / 5), (Login::Admin, seconds / 5)] {
        let summary = explore(login, &["--max-time", &seconds.to_string()])?;
        let (name, summary) = (login.name(), summary.trim_end());
        writeln!(said, "As {name}, {seconds} s:\n\n```{summary}\n```\n")?;
    }
    Ok(said)
}

/// Returns the summary.
fn explore(login: Login, budget: &[&str]) -> Result<String> {
    let python = environment()?;
    demo::build()?;
    let folder = target_dir().join("api").join(login.name());
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    let server = Server::start(&folder, login)?;
    let mut summary = None::<String>;
    let asked = run_watched(
        command(python.with_file_name("st"))
            .args(["--config-file", SETTINGS, "run"])
            .arg(format!("{}/api/openapi.json", server.url))
            .args(["--no-color"])
            .args(budget)
            .args(login.scope())
            // A stream without an end: its own tests read it.
            .args(["--exclude-path", "/api/events"])
            .env("PYTHONPATH", ".")
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .envs(server.login()),
        |line| {
            if line.contains("= SUMMARY =") {
                summary = Some(String::new());
            } else if let Some(summary) = &mut summary {
                summary.push_str(line);
                summary.push('\n');
            }
        },
    );
    asked.with_context(|| {
        format!(
            "as {}; the server's log: {}",
            login.name(),
            server.log.display()
        )
    })?;
    Ok(summary.unwrap_or_default())
}

/// The server with one account signed up, and its way to WhatsApp; both end with this value.
struct Server {
    _child: Running,
    _sidecar: Running,
    url: String,
    log: PathBuf,
    email: String,
    reset: String,
}

impl Server {
    fn start(folder: &Path, login: Login) -> Result<Self> {
        let port = free_port()?;
        let (sidecar, sidecar_url) = start_sidecar()?;
        let prosaas = |words: &[&str]| {
            let mut prosaas = command(demo::binary());
            prosaas.args(words);
            configure(&mut prosaas, folder, port);
            prosaas.env("BAILEYS_BASE_URL", &sidecar_url);
            prosaas
        };
        let added = capture(&mut prosaas(&[
            "admin",
            "business",
            "add",
            "--name",
            "Dana's garage",
            "--phone",
            "+97231234567",
            "--language",
            "en",
        ]))?;
        let business = word_after(&added, "added ")?;
        let reset = |email: &str, place: &[&str]| -> Result<String> {
            let mut words = vec!["admin", "user", "add", "--name", "Ada", "--email", email];
            words.extend(place);
            word_after(&capture(&mut prosaas(&words))?, "#token=")
        };
        // Two of each kind: the only one could not be removed, and the rule would hide the route.
        reset("other-owner@ours.example", &["--business", &business])?;
        reset("other-admin@ours.example", &["--system-admin"])?;
        let email = format!("{}@ours.example", login.name());
        let reset = match login {
            Login::Owner => reset(&email, &["--business", &business])?,
            Login::Admin => reset(&email, &["--system-admin"])?,
        };
        let log = folder.join("server.log");
        let out = File::create(&log)?;
        let child = prosaas(&["serve"])
            .stderr(out.try_clone()?)
            .stdout(out)
            .spawn()
            .context("the server did not start")?;
        Ok(Self {
            _child: Running(child),
            _sidecar: sidecar,
            url: format!("http://127.0.0.1:{port}"),
            log,
            email,
            reset,
        })
    }

    /// What `browser.py` reads.
    fn login(&self) -> [(&'static str, &str); 4] {
        [
            ("PROSAAS_LOGIN_URL", &self.url),
            ("PROSAAS_LOGIN_EMAIL", &self.email),
            ("PROSAAS_LOGIN_PASSWORD", PASSWORD),
            ("PROSAAS_LOGIN_RESET", &self.reset),
        ]
    }
}

/// A program that ends with this value.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A fake of the WhatsApp sidecar, and its address.
fn start_sidecar() -> Result<(Running, String)> {
    let mut sidecar = command(demo::binary());
    sidecar
        .args(["fake", "sidecar"])
        .env("INTERNAL_SECRET", INTERNAL_SECRET)
        .stdout(Stdio::piped());
    let child = sidecar.spawn().context("the fake sidecar did not start")?;
    let mut child = Running(child);
    let output = child.0.stdout.take().map(BufReader::new);
    let address = output
        .into_iter()
        .flat_map(BufRead::lines)
        .find_map(|line| {
            let line = line.ok()?;
            line.strip_prefix("BAILEYS_BASE_URL=").map(str::to_owned)
        });
    match address {
        Some(address) => Ok((child, address)),
        None => bail!("the fake sidecar ended without an address"),
    }
}

fn configure(prosaas: &mut Command, folder: &Path, port: u16) {
    prosaas
        .env("PROSAAS_ENV", "development")
        .env("HOST", "127.0.0.1")
        .env("PORT", port.to_string())
        .env("PUBLIC_BASE_URL", ORIGIN)
        .env("TRUSTED_PROXIES", "127.0.0.1/32")
        .env("DATA_DIR", folder)
        .env(
            "DATABASE_URL",
            format!("sqlite:{}", folder.join("crm.db").display()),
        )
        .env("PROSAAS_MASTER_KEY", MASTER_KEY)
        .env("INTERNAL_SECRET", INTERNAL_SECRET)
        .env("USE_REALTIME_API", "false")
        // Limits have tests of their own; here they would answer in the API's place.
        .env("PROSAAS_API_REQUESTS_PER_MINUTE", "1000000")
        .env("PROSAAS_LOG", "warn");
}

/// A port that nobody listens on. Somebody could take it in the moment before the server does; then the
/// server says so and the run fails.
fn free_port() -> Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

fn word_after(text: &str, mark: &str) -> Result<String> {
    let rest = text.split_once(mark).map(|(_, rest)| rest);
    match rest.and_then(|rest| rest.split_whitespace().next()) {
        Some(word) => Ok(word.to_owned()),
        None => bail!("`{mark}` is not in what the server said: {text}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_found_behind_its_mark() {
        assert_eq!(
            word_after("added ten_1 Garage\n", "added ").unwrap(),
            "ten_1"
        );
        assert!(word_after("refused", "added ").is_err());
    }
}
