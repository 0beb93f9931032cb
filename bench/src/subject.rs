//! The process under test: started, pinned and ended by the bench.

use std::{
    ffi::OsStr,
    fs::File,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context as _, bail, ensure};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, ChildStdin, Command},
};

use crate::generator::{
    http,
    webhook::{PUBLIC_BASE_URL, Webhooks},
};

/// How long a subject may take until it listens.
const START_TIMEOUT: Duration = Duration::from_secs(15);

/// Cores of the two processes: the subject alone on one, the generator on the other.
#[derive(Debug, Clone, Copy)]
pub struct Pinning {
    /// Core of the subject.
    pub subject: usize,
    /// Core of the generator.
    pub generator: usize,
}

impl Pinning {
    /// Pins this process; `None` where there is one core only or no `taskset`.
    pub fn apply() -> Option<Self> {
        let cores = std::thread::available_parallelism().ok()?.get();
        let pinning = Self {
            subject: 0,
            generator: 1,
        };
        let pinned = std::process::Command::new("taskset")
            .args(["-a", "-c", "-p"])
            .arg(pinning.generator.to_string())
            .arg(std::process::id().to_string())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        (cores > 1 && pinned.is_ok_and(|status| status.success())).then_some(pinning)
    }
}

/// A running subject; dropping it ends the process.
#[derive(Debug)]
pub struct Subject {
    /// For `/proc`.
    pub pid: u32,
    /// Where it listens.
    pub address: SocketAddr,
    child: Child,
    /// The relay ends when this closes, even if the bench is killed.
    _stdin: Option<ChildStdin>,
    /// Database and log of our server.
    _directory: Option<TempDir>,
}

impl Subject {
    /// Starts the bare relay, which is this program under another subcommand.
    pub async fn relay(model: SocketAddr, pinning: Option<Pinning>) -> anyhow::Result<Self> {
        let program = std::env::current_exe().context("cannot find the bench's own program")?;
        let mut child = pinned(program.as_os_str(), pinning)
            .args([
                "relay",
                "--listen",
                "127.0.0.1:0",
                "--model",
                &model.to_string(),
            ])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("cannot start the relay")?;
        let stdin = child
            .stdin
            .take()
            .context("the relay has no standard input")?;
        let stdout = child
            .stdout
            .take()
            .context("the relay has no standard output")?;
        let mut lines = BufReader::new(stdout).lines();
        let line = tokio::time::timeout(START_TIMEOUT, lines.next_line())
            .await
            .context("the relay did not say within 15 s where it listens")??
            .context("the relay ended at its start")?;
        let address = line
            .parse()
            .with_context(|| format!("{line:?} is not an address"))?;
        let pid = child.id().context("the relay ended at its start")?;
        Ok(Self {
            pid,
            address,
            child,
            _stdin: Some(stdin),
            _directory: None,
        })
    }

    /// Starts `prosaas serve` with a fresh database and seeded businesses.
    pub async fn ours(server: &Server<'_>, pinning: Option<Pinning>) -> anyhow::Result<Self> {
        let directory = TempDir::with_prefix("prosaas-bench-")?;
        // Free now, and nobody else on this machine is likely to take it in the next milliseconds.
        let address = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let variables = server.variables(directory.path(), address);
        for business in 0..server.businesses {
            add_business(server.program, &variables, business).await?;
        }
        Self::serve(server, directory, (address, variables), pinning).await
    }

    /// Starts `prosaas serve` on a database that is there.
    pub async fn on_database(server: &Server<'_>, url: &str) -> anyhow::Result<Self> {
        let directory = TempDir::with_prefix("prosaas-bench-")?;
        let address = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let mut variables = server.variables(directory.path(), address);
        variables.retain(|(name, _)| *name != "DATABASE_URL");
        variables.push(("DATABASE_URL", url.to_owned()));
        Self::serve(server, directory, (address, variables), None).await
    }

    async fn serve(
        server: &Server<'_>,
        directory: TempDir,
        (address, variables): (SocketAddr, Vec<(&'static str, String)>),
        pinning: Option<Pinning>,
    ) -> anyhow::Result<Self> {
        let log = directory.path().join("server.log");
        let output = File::create(&log)?;
        let mut child = pinned(server.program.as_os_str(), pinning)
            .arg("serve")
            .env_clear()
            .envs(variables)
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot start {}", server.program.display()))?;
        until_healthy(&mut child, address, &log).await?;
        let pid = child.id().context("the server ended at its start")?;
        Ok(Self {
            pid,
            address,
            child,
            _stdin: None,
            _directory: Some(directory),
        })
    }

    /// Ends the process and waits until it is gone, so that the next subject has the core alone.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        self.child
            .kill()
            .await
            .context("the subject could not be ended")
    }
}

/// Our server and its settings.
#[derive(Debug, Clone, Copy)]
pub struct Server<'a> {
    /// The `prosaas` binary.
    pub program: &'a Path,
    /// Where the model listens.
    pub model: SocketAddr,
    /// What signs webhooks.
    pub auth_token: &'a str,
    /// Caller audio in one message to the model, in milliseconds.
    pub batch_ms: u32,
    /// How many businesses the calls are spread over.
    pub businesses: u32,
}

impl Server<'_> {
    /// The whole environment of the server: production, so that everything is enforced and on.
    pub(crate) fn variables(
        &self,
        directory: &Path,
        address: SocketAddr,
    ) -> Vec<(&'static str, String)> {
        let data = directory.join("data");
        vec![
            ("PROSAAS_ENV", "production".to_owned()),
            ("PUBLIC_BASE_URL", PUBLIC_BASE_URL.to_owned()),
            ("HOST", address.ip().to_string()),
            ("PORT", address.port().to_string()),
            (
                "DATABASE_URL",
                format!("sqlite:{}", data.join("prosaas.db").display()),
            ),
            ("DATA_DIR", data.display().to_string()),
            (
                "OPENAI_REALTIME_URL",
                format!("ws://{}/v1/realtime", self.model),
            ),
            ("OPENAI_BASE_URL", format!("http://{}/v1", self.model)),
            ("OPENAI_API_KEY", "sk-bench".to_owned()),
            ("TWILIO_AUTH_TOKEN", self.auth_token.to_owned()),
            (
                "INTERNAL_SECRET",
                "a secret of the bench, not of anybody".to_owned(),
            ),
            ("AUDIO_BATCH_MS", self.batch_ms.to_string()),
        ]
    }
}

async fn add_business(
    program: &Path,
    variables: &[(&'static str, String)],
    index: u32,
) -> anyhow::Result<()> {
    let output = Command::new(program)
        .args(["admin", "business", "add", "--language", "en"])
        .args(["--name", &format!("Business {index}")])
        .args(["--phone", &Webhooks::business_number(index)])
        .env_clear()
        .envs(variables.iter().cloned())
        .output()
        .await
        .with_context(|| format!("cannot run {}", program.display()))?;
    ensure!(
        output.status.success(),
        "a business could not be added: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}

/// Waits until `/health` answers 200.
pub(crate) async fn until_healthy(
    child: &mut Child,
    address: SocketAddr,
    log: &Path,
) -> anyhow::Result<()> {
    let deadline = tokio::time::Instant::now() + START_TIMEOUT;
    let mut poll = tokio::time::interval(Duration::from_millis(50));
    loop {
        poll.tick().await;
        if http::get_status(address, "/health")
            .await
            .is_ok_and(|status| status == 200)
        {
            return Ok(());
        }
        let ended = child.try_wait()?;
        if ended.is_some() || tokio::time::Instant::now() > deadline {
            let said = std::fs::read_to_string(log).unwrap_or_default();
            bail!("the server does not answer on {address} ({ended:?}); it said:\n{said}");
        }
    }
}

/// The server's binary: beside this program, where cargo puts both.
pub fn server_program() -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe().context("cannot find the bench's own program")?;
    let program = own.with_file_name("prosaas");
    ensure!(
        program.exists(),
        "{} does not exist; build it first: cargo build --release -p prosaas-server",
        program.display()
    );
    Ok(program)
}

/// `program`, on the subject's core. `taskset` replaces itself by the program, so the process id
/// stays the one we know.
fn pinned(program: &OsStr, pinning: Option<Pinning>) -> Command {
    match pinning {
        Some(pinning) => {
            let mut command = Command::new("taskset");
            command
                .arg("-c")
                .arg(pinning.subject.to_string())
                .arg(program);
            command
        }
        None => Command::new(program),
    }
}
