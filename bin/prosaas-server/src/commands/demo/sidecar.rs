//! The WhatsApp sidecar as it is shipped, and the local WhatsApp that it links to: two Node programs beside the
//! demo. The sidecar has no switch that trusts another WhatsApp than the real one; a file of its tests, loaded
//! before it, does that from outside.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, bail};
use prosaas_core::{ExposeSecret as _, SecretString};
use prosaas_twilio::StreamToken;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::commands::simulate;
use crate::config::process_variable;

/// How long each of the two may take to listen.
const STARTS_WITHIN: Duration = Duration::from_secs(30);
/// A version of WhatsApp Web, so that nobody has to be asked for one.
const WEB_VERSION: &str = "2.3000.1043857760";
/// Where both keep what they write, under the data directory.
const FOLDER: &str = "demo/whatsapp";

/// Both programs, running; they end with this value.
#[derive(Debug)]
pub(super) struct LocalWhatsApp {
    /// What the server is told as `BAILEYS_BASE_URL`.
    pub(super) sidecar_url: String,
    /// What the server is told as `INTERNAL_SECRET`.
    pub(super) secret: SecretString,
    control_url: String,
    http: reqwest::Client,
    _peer: Child,
    _sidecar: Child,
    /// Reads on what they print, so that neither waits for a reader.
    _readers: JoinSet<()>,
}

impl LocalWhatsApp {
    /// Starts both out of the sidecar's built folder; the sidecar reports to `backend`.
    ///
    /// # Errors
    /// When Node is not there, the folder is not built, or one of them does not start.
    pub(super) async fn start(
        folder: &Path,
        data_dir: &Path,
        backend: &str,
    ) -> anyhow::Result<Self> {
        let folder = folder.canonicalize();
        let folder = folder.context("the folder given by --whatsapp cannot be found")?;
        let data = data_dir.join(FOLDER);
        // The local WhatsApp forgets everybody with its end, so whoever was linked is not any more.
        if data.exists() {
            std::fs::remove_dir_all(&data).context("an earlier demo's links cannot be removed")?;
        }
        std::fs::create_dir_all(&data).context("the sidecar's folder cannot be made")?;
        let data = data.canonicalize()?;
        let secret = SecretString::from(format!("{}{}", random()?, random()?));
        let mut readers = JoinSet::new();

        let mut peer = node(&folder, &data, "peer.log")?;
        peer.arg(built(&folder, "target/all/test/peer/main.js")?);
        let listens = |said: &Value| said["control_url"].is_string();
        let peer = started(peer, &mut readers, listens).await;
        let (peer, said) = peer.context("the local WhatsApp did not start")?;
        let of_peer = |field: &str| said[field].as_str().unwrap_or_default().to_owned();

        let mut sidecar = node(&folder, &data, "sidecar.log")?;
        sidecar
            .arg("--import")
            .arg(built(&folder, "target/all/test/peer/trust.js")?)
            .arg(built(&folder, "dist/main.js")?)
            .env("INTERNAL_SECRET", secret.expose_secret())
            .env("FLASK_BASE_URL", backend)
            .env("BAILEYS_PORT", "0")
            .env("BAILEYS_DATA_DIR", data.join("store"))
            .env("BAILEYS_STORE_KEY", store_key()?)
            .env("WA_WEB_SOCKET_URL", of_peer("whatsapp_url"))
            .env("WA_VERSION", WEB_VERSION)
            .env("WA_PACE", "none")
            .env("WA_TEST_ROOT_KEY", of_peer("root_key"));
        let listens = |said: &Value| said["what"] == "listening";
        let sidecar = started(sidecar, &mut readers, listens).await;
        let (sidecar, said) = sidecar.context("the WhatsApp sidecar did not start")?;
        Ok(Self {
            sidecar_url: format!("http://127.0.0.1:{}", said["port"]),
            secret,
            control_url: of_peer("control_url"),
            http: simulate::http_client()?,
            _peer: peer,
            _sidecar: sidecar,
            _readers: readers,
        })
    }

    /// Has the local WhatsApp do something, such as `scan` or `write`.
    ///
    /// # Errors
    /// When it cannot, with what it says.
    pub(super) async fn act(&self, what: &str, body: &Value) -> anyhow::Result<Value> {
        let url = format!("{}/{what}", self.control_url);
        answer(self.http.post(url).json(body)).await
    }

    /// What really went over the wire after entry number `after`, waiting a second for something to.
    ///
    /// # Errors
    /// When it does not answer.
    pub(super) async fn ledger(&self, after: u64) -> anyhow::Result<Vec<Value>> {
        let url = format!("{}/ledger?after={after}&wait_ms=1000", self.control_url);
        match answer(self.http.get(url)).await?["entries"].take() {
            Value::Array(entries) => Ok(entries),
            _ => bail!("the local WhatsApp has no ledger"),
        }
    }
}

async fn answer(request: reqwest::RequestBuilder) -> anyhow::Result<Value> {
    let silent = "the local WhatsApp does not answer";
    let answer = request.send().await.context(silent)?;
    let is_done = answer.status().is_success();
    let body: Value = answer.json().await.context(silent)?;
    if !is_done {
        bail!("the local WhatsApp refuses: {}", body["message"]);
    }
    Ok(body)
}

/// Node with nothing of this process's environment but where programs and its own files are.
fn node(folder: &Path, data: &Path, log: &str) -> anyhow::Result<Command> {
    let log = File::create(data.join(log)).context("a log of WhatsApp cannot be written")?;
    let mut node = Command::new("node");
    node.env_clear()
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(log)
        .kill_on_drop(true);
    for name in ["PATH", "HOME"] {
        if let Some(value) = process_variable(name) {
            node.env(name, value);
        }
    }
    Ok(node)
}

fn built(folder: &Path, file: &str) -> anyhow::Result<PathBuf> {
    let file = folder.join(file);
    if !file.is_file() {
        bail!(
            "{} is missing: run `npm ci`, `npx tsc` and `npm run build` in the sidecar's folder",
            file.display()
        );
    }
    Ok(file)
}

/// Starts a program and reads its lines of JSON up to the one that says it listens.
async fn started(
    mut command: Command,
    readers: &mut JoinSet<()>,
    listens: fn(&Value) -> bool,
) -> anyhow::Result<(Child, Value)> {
    let mut child = command.spawn().context("`node` cannot be run")?;
    let output: Option<ChildStdout> = child.stdout.take();
    let mut lines = BufReader::new(output.context("its output is not readable")?).lines();
    let said = timeout(STARTS_WITHIN, async {
        let mut last = String::new();
        while let Some(line) = lines.next_line().await? {
            let said: Value = serde_json::from_str(&line).unwrap_or_default();
            if listens(&said) {
                return Ok(said);
            }
            last = line;
        }
        bail!("it ended; its last words: {last}")
    });
    let said = said.await.context("it does not listen in time")??;
    readers.spawn(read_on(lines));
    Ok((child, said))
}

async fn read_on(mut lines: Lines<BufReader<impl AsyncRead + Unpin>>) {
    while let Ok(Some(line)) = lines.next_line().await {
        tracing::debug!(line, "the local WhatsApp or its sidecar says");
    }
}

fn random() -> anyhow::Result<String> {
    Ok(StreamToken::mint()?.expose())
}

/// 64 hexadecimal digits.
fn store_key() -> anyhow::Result<String> {
    use std::fmt::Write as _;
    let bytes = StreamToken::mint()?.hash();
    Ok(bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    }))
}
