//! How fast a WhatsApp message is seen, and how soon the other side sees that somebody writes. The times are printed,
//! not judged: a machine may be busy. The figures of a quiet one stand in `docs/BENCHMARKS.md` beside their bars.

#![expect(clippy::print_stdout, reason = "its figures are what is printed")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use prosaas_core::Business;
use prosaas_core::memory::MemoryTextModel;
use prosaas_core::time::SystemClock;
use serde_json::json;

use crate::support::browser::Browser;
use crate::support::sidecar::Sidecar;
use crate::support::{NUMBER, TestApp, until};

/// How many customers write at the same time, and how many messages each.
const CUSTOMERS: u64 = 8;
const MESSAGES: u64 = 15;

struct Line {
    app: TestApp,
    sidecar: Sidecar,
    business: Business,
    owner: Browser,
}

impl Line {
    async fn open() -> Self {
        let sidecar = Sidecar::start(Arc::new(SystemClock)).await;
        let says = json!({ "reply": "Until six.", "calls": [] });
        let setup = sidecar
            .setup()
            .var("PROSAAS_API_REQUESTS_PER_MINUTE", "1000000")
            .text(MemoryTextModel::answering(says));
        let app = setup.start().await;
        let business = app.business(NUMBER).await;
        app.owner(&business, "owner@example.com").await;
        let mut owner = app.sign_in("owner@example.com").await;
        owner.post("/api/wa/link", &json!({ "method": "qr" })).await;
        sidecar.fake.scan(business.id);
        Self {
            app,
            sidecar,
            business,
            owner,
        }
    }

    /// One message of a customer: how long until the API shows it, and until typing was shown to him.
    async fn message(&self, customer: u64, n: u64) -> (Duration, Duration) {
        let (lid, phone) = (
            format!("8880{customer:04}@lid"),
            format!("97250000{customer:04}"),
        );
        let words = format!("message {n}");
        let id = format!("3EB0{customer:04}{n:04}");
        let event = self.sidecar.text_of((&lid, &phone), n + 1, &id, &words);
        let session = self.business.id.to_string();
        let epoch = self.sidecar.epoch(&self.business);
        let shown = || {
            let (typing, _) = self.sidecar.fake.signs(self.business.id);
            typing.iter().filter(|chat| **chat == lid).count()
        };
        let before = shown();
        let began = Instant::now();
        let answer = self
            .sidecar
            .report(&self.app, (&session, epoch), &[event])
            .await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        let visible = async {
            until("the message is visible", async || {
                self.shows(&lid, &words).await
            })
            .await;
            began.elapsed()
        };
        let typing = async {
            until("typing is shown", async || (shown() > before).then_some(())).await;
            began.elapsed()
        };
        tokio::join!(visible, typing)
    }

    /// Whether the newest message of a customer's conversation is this one.
    async fn shows(&self, lid: &str, words: &str) -> Option<()> {
        let listed = self.owner.get("/api/conversations?limit=100").await;
        let mut all = listed["data"].as_array()?.iter();
        let id = all.find(|one| one["peer"] == lid)?["id"].as_str()?;
        let path = format!("/api/conversations/{id}/messages");
        let messages = self.owner.get(&path).await;
        let mut bodies = messages["data"].as_array()?.iter();
        bodies.find(|one| one["body"] == words).map(|_| ())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_message_of_many_customers_becomes_visible_and_is_typed_at() {
    let line = &Line::open().await;
    let customers = (0..CUSTOMERS).map(async |customer| {
        let mut took = Vec::new();
        for n in 0..MESSAGES {
            took.push(line.message(customer, n).await);
        }
        took
    });
    let took: Vec<_> = join_all(customers).await.into_iter().flatten().collect();
    assert_eq!(took.len() as u64, CUSTOMERS * MESSAGES);
    let (visible, typing): (Vec<_>, Vec<_>) = took.into_iter().unzip();
    percentiles("received -> visible in the API", visible);
    percentiles("received -> typing at the sidecar", typing);
}

/// Prints the distribution.
fn percentiles(what: &str, mut took: Vec<Duration>) {
    took.sort_unstable();
    let at = |percent: usize| took[(took.len() * percent / 100).min(took.len() - 1)];
    println!(
        "{what}: p50 {:?}, p95 {:?}, longest {:?}, {} messages",
        at(50),
        at(95),
        at(100),
        took.len()
    );
}
