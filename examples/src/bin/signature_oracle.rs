//! Compares our verdicts on random requests with those of the official Twilio helper.
//!
//! `cargo xtask test` makes the requests with `testdata/oracle/twilio_signature.py` and runs this on them.
#![expect(clippy::print_stdout, reason = "a program that prints")]

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader};

use anyhow::{Context as _, Result, bail, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use prosaas_core::{SecretString, SignedRequest, Transport};
use prosaas_twilio::signature::{Algorithm, Candidates, SignatureKey, sign, verify};
use serde::Deserialize;

/// The id that the requests name when a SharedKey signed them.
const SHARED_KEY: &str = "webhooks_sharedkey_1";

/// One request and what the helper said about it.
#[derive(Deserialize)]
struct Judged {
    number: u64,
    case: String,
    /// Where the two differ on purpose: the difference's name.
    differs: Option<String>,
    transport: String,
    method: String,
    url: String,
    headers: BTreeMap<String, String>,
    /// Base64.
    body: String,
    /// The form's pairs, decoded.
    pairs: Vec<(String, String)>,
    secret: String,
    algorithm: String,
    /// The helper's verdict.
    accepted: bool,
    /// The helper's own signature over this URL and these pairs.
    computed: String,
}

fn main() -> Result<()> {
    let path = std::env::args()
        .nth(1)
        .context("usage: signature_oracle FILE.jsonl")?;
    let file = File::open(&path).with_context(|| format!("opening {path}"))?;
    let (mut accepted, mut rejected) = (0_u64, 0_u64);
    let mut differences: BTreeMap<String, u64> = BTreeMap::new();
    for line in BufReader::new(file).lines() {
        let judged: Judged = serde_json::from_str(&line?).context("reading a request")?;
        let ours = judged.our_verdict()?;
        let agreed = ours == judged.accepted;
        ensure!(
            agreed != judged.differs.is_some(),
            "request {} ({}): the helper says {}, we say {ours}: {}",
            judged.number,
            judged.case,
            judged.accepted,
            judged.url
        );
        if let Some(name) = judged.differs {
            *differences.entry(name).or_default() += 1;
        } else if ours {
            accepted += 1;
        } else {
            rejected += 1;
        }
    }
    ensure!(
        accepted > 0 && rejected > 0,
        "both verdicts must occur in {path}"
    );
    println!("both accept {accepted}, both reject {rejected}; all signatures computed alike");
    for (name, count) in differences {
        println!("differs on purpose: {name}, {count} times");
    }
    Ok(())
}

impl Judged {
    /// Whether our check accepts the request; an error when we compute another signature.
    fn our_verdict(&self) -> Result<bool> {
        let secret = || SecretString::from(self.secret.clone());
        let token = SignatureKey::auth_token(secret());
        let shared = SignatureKey::shared(SHARED_KEY, secret(), Algorithm::HmacSha256);
        let signer = match Algorithm::from_wire(&self.algorithm) {
            Some(Algorithm::HmacSha1) => &token,
            Some(Algorithm::HmacSha256) => &shared,
            _ => bail!(
                "request {}: unknown algorithm {}",
                self.number,
                self.algorithm
            ),
        };
        let pairs = self
            .pairs
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()));
        ensure!(
            sign(signer, &self.url, pairs) == self.computed,
            "request {} ({}): another signature than the helper's",
            self.number,
            self.case
        );
        let header = |name: &str| {
            let found = self
                .headers
                .iter()
                .find(|(known, _)| known.eq_ignore_ascii_case(name));
            found.map(|(_, value)| value.as_str())
        };
        let request = SignedRequest {
            transport: match self.transport.as_str() {
                "websocket" => Transport::WebSocket,
                _ => Transport::Http,
            },
            method: &self.method,
            url: &self.url,
            header: &header,
            body: &STANDARD
                .decode(&self.body)
                .context("the body is not base64")?,
        };
        Ok(verify(
            &[token.clone(), shared.clone()],
            &request,
            Candidates::default(),
        )
        .is_ok())
    }
}
