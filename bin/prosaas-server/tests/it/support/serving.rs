//! `prosaas serve` as a process of its own, to be asked, signalled and killed.

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::time::Duration;

use super::{PUBLIC, until};

/// A `prosaas serve` in production mode that is killed with the test. What it writes to standard error is
/// added to a file beside its data.
pub(crate) struct Serving {
    child: Child,
    address: SocketAddr,
    log: PathBuf,
    http: reqwest::Client,
}

impl Serving {
    /// Starts one with nothing of this process's environment but `vars`, and waits until it is ready.
    pub(crate) async fn start(data: &Path, vars: &[(&str, &str)]) -> Self {
        let serving = Self::spawn(data, vars);
        until("the server answers", async || {
            serving.get("/ready").await.filter(|status| *status == 200)
        })
        .await;
        serving
    }

    /// [`Serving::start`] without the waiting.
    pub(crate) fn spawn(data: &Path, vars: &[(&str, &str)]) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let port = free_port();
        let log = data.join("stderr.log");
        let stderr = File::options().append(true).create(true).open(&log);
        let child = Command::new(env!("CARGO_BIN_EXE_prosaas"))
            .arg("serve")
            .env_clear()
            .env("DATA_DIR", data)
            .env("PROSAAS_ENV", "production")
            .env("PUBLIC_BASE_URL", PUBLIC)
            .env("PORT", port.to_string())
            .envs(vars.iter().copied())
            .stderr(stderr.unwrap())
            .spawn()
            .unwrap();
        Self {
            child,
            address: (Ipv4Addr::LOCALHOST, port).into(),
            log,
            http: reqwest::Client::builder()
                .timeout(Duration::from_secs(20))
                .build()
                .unwrap(),
        }
    }

    /// Where it listens.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The status of a GET; `None` when nobody answered.
    pub(crate) async fn get(&self, path: &str) -> Option<u16> {
        let url = format!("http://{}{path}", self.address);
        let response = self.http.get(url).send().await.ok()?;
        Some(response.status().as_u16())
    }

    /// Sends a signal by its name.
    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill")
            .args(["-s", name, &self.child.id().to_string()])
            .status()
            .unwrap();
        assert!(sent.success());
    }

    /// `kill -9`; returns when the process is gone.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// How it ended, if it has.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    /// Everything it has written to standard error so far, and what earlier ones on this data wrote.
    pub(crate) fn log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.log).unwrap()).into_owned()
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}
