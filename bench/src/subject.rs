//! The process under test: started, pinned and ended by the bench.

use std::{net::SocketAddr, process::Stdio, time::Duration};

use anyhow::Context as _;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, ChildStdin, Command},
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
    _child: Child,
    /// The relay ends when this closes, even if the bench is killed.
    _stdin: ChildStdin,
}

impl Subject {
    /// Starts the bare relay, which is this program under another subcommand.
    pub async fn relay(model: SocketAddr, pinning: Option<Pinning>) -> anyhow::Result<Self> {
        let program = std::env::current_exe().context("cannot find the bench's own program")?;
        let mut command = pinned(program.as_os_str(), pinning);
        command.args([
            "relay",
            "--listen",
            "127.0.0.1:0",
            "--model",
            &model.to_string(),
        ]);
        let mut child = command
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
            _child: child,
            _stdin: stdin,
        })
    }
}

/// `program`, on the subject's core. `taskset` replaces itself by the program, so the process id
/// stays the one we know.
fn pinned(program: &std::ffi::OsStr, pinning: Option<Pinning>) -> Command {
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
