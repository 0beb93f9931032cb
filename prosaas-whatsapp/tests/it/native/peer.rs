//! The local WhatsApp of `baileys/test/peer`, as a program beside the test, and a place for files in memory.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Mutex;

use async_trait::async_trait;
use prosaas_whatsapp::native::{HttpClient, HttpRequest, HttpResponse};
use serde_json::{Value, json};
use whatsapp_rust::anyhow;

use crate::http;

/// Tells the tests that the peer is there, and where: `cargo xtask test` sets it.
const VARIABLE: &str = "PROSAAS_TEST_WHATSAPP";

/// The peer as the sidecar's step of `cargo xtask test` built it; `None` where nobody says that it must be there and
/// it is not.
#[expect(
    clippy::disallowed_methods,
    reason = "how cargo xtask tells the tests that there is a peer"
)]
fn program() -> Option<PathBuf> {
    if let Ok(told) = std::env::var(VARIABLE) {
        let told = PathBuf::from(told);
        assert!(told.is_file(), "{VARIABLE}: {HOW}");
        return Some(told);
    }
    let built =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../baileys/target/all/test/peer/main.js");
    built.is_file().then_some(built)
}

const HOW: &str =
    "the local WhatsApp is not built; with Node, `cargo xtask test --only baileys` builds it";

/// A running peer; it ends when its input does.
pub(super) struct Peer {
    pub(super) socket: String,
    control: String,
    http: reqwest::Client,
    child: Child,
    input: Option<ChildStdin>,
}

impl Drop for Peer {
    fn drop(&mut self) {
        drop(self.input.take());
        let _ = self.child.wait();
    }
}

impl Peer {
    /// `None`, and a line that says so, where the peer was not built: it takes Node.
    pub(super) async fn start() -> Option<Self> {
        let Some(program) = program() else {
            eprintln!("skipped: {HOW}");
            return None;
        };
        let mut child = Command::new("node")
            .arg(program)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let output = child.stdout.take().unwrap();
        BufReader::new(output).read_line(&mut line).unwrap();
        let said: Value = serde_json::from_str(&line).unwrap();
        let peer = Self {
            socket: said["whatsapp_url"].as_str().unwrap().to_owned(),
            control: said["control_url"].as_str().unwrap().to_owned(),
            http: http().build().unwrap(),
            input: child.stdin.take(),
            child,
        };
        peer.act("behaviour", json!({"delivered": false, "sharesKeys": true}))
            .await;
        Some(peer)
    }

    /// Has the peer do something.
    pub(super) async fn act(&self, route: &str, body: Value) -> Value {
        let url = format!("{}/{route}", self.control);
        let answer = self.http.post(url).json(&body).send().await.unwrap();
        let status = answer.status();
        let body: Value = answer.json().await.unwrap();
        assert!(status.is_success(), "{route}: {body}");
        body
    }

    /// What a peer saw of a business so far.
    pub(super) async fn ledger(&self, account: &str) -> Vec<Value> {
        let all = self.entries(0, 0).await;
        let of = all.into_iter().filter(|entry| entry["account"] == account);
        of.collect()
    }

    async fn entries(&self, after: usize, wait_ms: u32) -> Vec<Value> {
        let url = format!("{}/ledger?after={after}&wait_ms={wait_ms}", self.control);
        let answer = self.http.get(url).send().await.unwrap();
        let mut body: Value = answer.json().await.unwrap();
        serde_json::from_value(body["entries"].take()).unwrap()
    }

    /// Waits until the peer saw at least `count` entries of a kind, and of a message where `id` names one.
    pub(super) async fn until(
        &self,
        account: &str,
        kind: &str,
        id: Option<&str>,
        count: usize,
    ) -> Vec<Value> {
        for _ in 0..60 {
            let all = self.entries(0, 0).await;
            let seen = all.len();
            let found: Vec<Value> = all
                .into_iter()
                .filter(|entry| entry["account"] == account && entry["kind"] == kind)
                .filter(|entry| id.is_none_or(|id| entry["id"] == id))
                .collect();
            if found.len() >= count {
                return found;
            }
            // Comes back as soon as there is one more.
            self.entries(seen, 1_000).await;
        }
        panic!("the peer did not see {count} times {kind} of {account} in a minute");
    }
}

/// WhatsApp's place for files, in memory.
#[derive(Default)]
pub(super) struct Files {
    kept: Mutex<HashMap<String, Vec<u8>>>,
}

impl Files {
    pub(super) fn put(&self, path: &str, bytes: Vec<u8>) {
        self.kept.lock().unwrap().insert(path.to_owned(), bytes);
    }

    pub(super) fn get(&self, path: &str) -> Option<Vec<u8>> {
        self.kept.lock().unwrap().get(path).cloned()
    }
}

#[async_trait]
impl HttpClient for Files {
    async fn execute(&self, request: HttpRequest) -> anyhow::Result<HttpResponse> {
        let url = reqwest::Url::parse(&request.url)?;
        let (status_code, body) = match (request.method.as_str(), request.body) {
            ("POST", Some(body)) => {
                let path = format!("/v{}", url.path());
                self.put(&path, body.to_vec());
                let url = format!("https://media.invalid{path}");
                let answer = json!({"url": url, "direct_path": path});
                (200, answer.to_string().into_bytes())
            }
            ("GET", _) => match self.get(url.path()) {
                Some(bytes) => (200, bytes),
                None => (404, Vec::new()),
            },
            _ => (404, Vec::new()),
        };
        Ok(HttpResponse { status_code, body })
    }
}
