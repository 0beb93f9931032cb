//! `kill -9` in the middle of writing, again and again, on each database: what was acknowledged is there,
//! once; what was sent again under its key is not done twice; jobs go on.
//!
//! The judge is a ledger on this side: what was sent, and what was answered.

#![expect(
    clippy::print_stdout,
    reason = "`--long` reads its figures from what is printed"
)]

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use prosaas_core::time::SystemClock;
use prosaas_core::{Business, CallSid, Clock as _, TenantId};
use prosaas_crm::model::lead::Lead;
use prosaas_crm::testkit::{OPERATOR, scope};
use prosaas_crm::{
    CallStore as _, CrmStore, JobWork, Jobs as _, LeadStore as _, Page, RetryPolicy, StoredCall,
};
use prosaas_realtime::testkit::model::{FakeModel, FakeModelConfig};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::support::browser::{Browser, add_owner};
use crate::support::databases::{Database, variable};
use crate::support::serving::Serving;
use crate::support::webhooks::Webhooks;
use crate::support::{ACCOUNT, AUTH_TOKEN, NUMBER, add_business, incoming, sid, status, until};

/// How often a server is killed, unless `PROSAAS_TEST_KILLS` says otherwise.
const KILLS: u32 = 12;
/// How many clients write at once.
const WRITERS: u32 = 4;
/// The longest time from a server's first answer to its end, in milliseconds.
const LONGEST_LIFE_MS: u64 = 700;
const OWNER: &str = "owner@example.com";
/// Longer than a job's lease.
const AFTER_LEASES_MS: i64 = 11 * 60_000;

/// What became of something that was sent, as the client knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Fate {
    /// The connection broke.
    Unknown,
    /// Done, with this id.
    Acknowledged(String),
    /// The server says that nobody can know.
    Disowned,
}

/// What one lead's notes were set to.
#[derive(Clone, Debug, Default)]
struct Notes {
    acknowledged: Option<String>,
    tried: Option<String>,
}

/// What was sent and what was answered. Leads are named by their number, calls by theirs.
#[derive(Debug, Default)]
struct Ledger {
    leads: BTreeMap<u32, Fate>,
    notes: BTreeMap<u32, Notes>,
    rung: BTreeMap<u32, bool>,
    ended: BTreeMap<u32, bool>,
}

/// One database under fire.
struct Range {
    database: Database,
    model: FakeModel,
    ledger: Arc<Mutex<Ledger>>,
    next: Arc<AtomicU32>,
    dice: u64,
}

impl Range {
    async fn new(database: Database, seed: u64) -> (Self, Business) {
        let store = database.store().await;
        let business = add_business(&store, NUMBER, |business| {
            business.limits.max_live_calls = 100_000;
        })
        .await;
        add_owner(&store, &business, OWNER).await;
        store.close().await;
        let config = FakeModelConfig::default();
        let range = Self {
            database,
            model: FakeModel::start(config).await.unwrap(),
            ledger: Arc::default(),
            next: Arc::new(AtomicU32::new(1)),
            dice: seed,
        };
        (range, business)
    }

    async fn serve(&self) -> Serving {
        let model = (self.model.url().to_string(), self.model.rest_base());
        let mut vars = self.database.vars();
        vars.extend([
            ("TWILIO_AUTH_TOKEN", AUTH_TOKEN),
            ("TWILIO_ACCOUNT_SID", ACCOUNT),
            ("INTERNAL_SECRET", "an internal secret of this test"),
            ("OPENAI_REALTIME_URL", model.0.as_str()),
            ("OPENAI_BASE_URL", model.1.as_str()),
            ("PROSAAS_API_REQUESTS_PER_MINUTE", "1000000"),
            ("PROSAAS_LOG", "warn"),
        ]);
        Serving::start(self.database.data(), &vars).await
    }

    /// xorshift64: the same seed kills at the same moments, as far as the machine allows.
    fn roll(&mut self, below: u64) -> u64 {
        self.dice ^= self.dice << 13;
        self.dice ^= self.dice >> 7;
        self.dice ^= self.dice << 17;
        self.dice % below
    }

    /// One life of a server: what is unknown is sent again, writers write, and in the middle of it the
    /// server is killed.
    async fn life(&mut self, session: &mut Browser) {
        let mut serving = self.serve().await;
        session.go_to(serving.address());
        self.send_again(session, serving.address()).await;
        let mut writers = JoinSet::new();
        for _ in 0..WRITERS {
            let writer = Writer {
                browser: session.clone(),
                webhooks: Webhooks::to(serving.address()),
                ledger: Arc::clone(&self.ledger),
                next: Arc::clone(&self.next),
            };
            writers.spawn(async move { while writer.write().await.is_some() {} });
        }
        let life = Duration::from_millis(self.roll(LONGEST_LIFE_MS));
        let _ = tokio::time::timeout(life, std::future::pending::<()>()).await;
        serving.kill();
        while let Some(writer) = writers.join_next().await {
            writer.unwrap();
        }
    }

    /// What nobody knows the fate of is sent again, exactly as it was.
    async fn send_again(&self, browser: &Browser, server: SocketAddr) {
        let writer = Writer {
            browser: browser.clone(),
            webhooks: Webhooks::to(server),
            ledger: Arc::clone(&self.ledger),
            next: Arc::clone(&self.next),
        };
        let unknown = |fates: &BTreeMap<u32, bool>| -> Vec<u32> {
            let of = fates.iter().filter(|(_, done)| !**done);
            of.map(|(number, _)| *number).collect()
        };
        let (leads, rung, ended) = {
            let ledger = self.ledger.lock().unwrap();
            let leads = ledger.leads.iter();
            let leads = leads.filter(|(_, fate)| **fate == Fate::Unknown);
            let leads: Vec<u32> = leads.map(|(number, _)| *number).collect();
            (leads, unknown(&ledger.rung), unknown(&ledger.ended))
        };
        for number in leads {
            writer.create(number).await.expect("nobody kills yet");
        }
        for number in rung {
            writer.ring(number).await.expect("nobody kills yet");
        }
        for number in ended {
            writer.end(number).await.expect("nobody kills yet");
        }
    }
}

/// A client that writes.
struct Writer {
    browser: Browser,
    webhooks: Webhooks,
    ledger: Arc<Mutex<Ledger>>,
    next: Arc<AtomicU32>,
}

impl Writer {
    /// One of everything; `None` once the server is gone.
    async fn write(&self) -> Option<()> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let id = self.create(number).await?;
        if let Some(id) = &id {
            let again = self.create(number).await?;
            assert_eq!(again.as_ref(), Some(id), "the same request, the same lead");
            self.note(number, id).await?;
        }
        self.ring(number).await?;
        self.end(number).await
    }

    /// Creates the lead of this number under its key.
    async fn create(&self, number: u32) -> Option<Option<String>> {
        {
            let mut ledger = self.ledger.lock().unwrap();
            ledger.leads.entry(number).or_insert(Fate::Unknown);
        }
        let key = format!("lead-{number}");
        let body = json!({ "name": name(number) });
        let headers = [("idempotency-key", key.as_str())];
        let answer = self
            .browser
            .ask(Method::POST, "/api/crm/leads", &headers, Some(&body))
            .await?;
        let fate = match answer.status {
            201 => {
                let lead: Value = serde_json::from_str(&answer.body).unwrap();
                Fate::Acknowledged(lead["id"].as_str().unwrap().to_owned())
            }
            409 if answer.body.contains("idempotency-") => Fate::Disowned,
            status => panic!("a lead: {status} {}", answer.body),
        };
        let id = match &fate {
            Fate::Acknowledged(id) => Some(id.clone()),
            _ => None,
        };
        let mut ledger = self.ledger.lock().unwrap();
        let known = ledger.leads.insert(number, fate.clone());
        if let Some(Fate::Acknowledged(before)) = known {
            assert_eq!(Some(before), id, "lead {number} was acknowledged before");
        }
        Some(id)
    }

    /// Sets the lead's notes.
    async fn note(&self, number: u32, id: &str) -> Option<()> {
        let text = format!("note {number}");
        let path = format!("/api/crm/leads/{id}");
        {
            let mut ledger = self.ledger.lock().unwrap();
            ledger.notes.entry(number).or_default().tried = Some(text.clone());
        }
        let answer = self
            .browser
            .ask(
                Method::PATCH,
                &path,
                &[("if-match", "\"1\"")],
                Some(&json!({ "notes": text })),
            )
            .await?;
        assert_eq!(answer.status, 200, "{}", answer.body);
        let mut ledger = self.ledger.lock().unwrap();
        ledger.notes.entry(number).or_default().acknowledged = Some(text);
        Some(())
    }

    /// A call of this number comes in.
    async fn ring(&self, number: u32) -> Option<()> {
        self.ledger
            .lock()
            .unwrap()
            .rung
            .entry(number)
            .or_insert(false);
        let (call, caller) = (sid(number), caller(number));
        let mut fields = incoming(&call);
        fields[2].1 = &caller;
        let answer = self
            .webhooks
            .post("/webhook/incoming_call", &fields)
            .await?;
        assert_eq!(answer.status, 200, "{}", answer.body);
        let is_over = self.ledger.lock().unwrap().ended.contains_key(&number);
        assert!(
            is_over || answer.body.contains("<Stream"),
            "{}",
            answer.body
        );
        self.ledger.lock().unwrap().rung.insert(number, true);
        Some(())
    }

    /// The carrier says that the call is over.
    async fn end(&self, number: u32) -> Option<()> {
        self.ledger
            .lock()
            .unwrap()
            .ended
            .entry(number)
            .or_insert(false);
        let call = sid(number);
        let fields = status(&call, "completed");
        let answer = self.webhooks.post("/webhook/call_status", &fields).await?;
        assert!(answer.status < 300, "{} {}", answer.status, answer.body);
        self.ledger.lock().unwrap().ended.insert(number, true);
        Some(())
    }
}

fn name(number: u32) -> String {
    format!("Lead {number}")
}

/// Somebody else for every call, so that none of them calls too often.
fn caller(number: u32) -> String {
    format!("+97250{:07}", 1_000_000 + number)
}

async fn all_leads(store: &CrmStore, tenant: TenantId) -> Vec<Lead> {
    let mut all: Vec<Lead> = Vec::new();
    loop {
        let page = match all.last() {
            None => Page::first(200),
            Some(last) => Page::after(last.created_at, last.id, 200),
        };
        let leads = store.list_leads(&scope(tenant), page).await.unwrap();
        if leads.is_empty() {
            return all;
        }
        all.extend(leads);
    }
}

async fn all_calls(store: &CrmStore, tenant: TenantId) -> Vec<StoredCall> {
    let mut all: Vec<StoredCall> = Vec::new();
    loop {
        let page = match all.last() {
            None => Page::first(200),
            Some(last) => Page::after(last.record.call.started_at, last.record.id, 200),
        };
        let calls = store.list_calls(&scope(tenant), page).await.unwrap();
        if calls.is_empty() {
            return all;
        }
        all.extend(calls);
    }
}

/// The leads that clients made are those of the ledger.
async fn judge_leads(store: &CrmStore, tenant: TenantId, ledger: &Ledger) {
    let mut stored: BTreeMap<String, Vec<Lead>> = BTreeMap::new();
    for lead in all_leads(store, tenant).await {
        if let Some(name) = &lead.known.name {
            stored.entry(name.clone()).or_default().push(lead);
        }
    }
    for (number, fate) in &ledger.leads {
        let found = stored.remove(&name(*number)).unwrap_or_default();
        let ids: Vec<_> = found.iter().map(|lead| lead.id.to_string()).collect();
        match fate {
            Fate::Acknowledged(id) => {
                assert_eq!(ids.as_slice(), std::slice::from_ref(id), "lead {number}");
            }
            Fate::Unknown | Fate::Disowned => assert!(ids.len() <= 1, "lead {number}: {ids:?}"),
        }
        let Some(notes) = ledger.notes.get(number) else {
            continue;
        };
        let kept = found[0].known.notes.as_ref();
        let may = [notes.acknowledged.as_ref(), notes.tried.as_ref()];
        let lost = notes.acknowledged.is_some() && kept != notes.acknowledged.as_ref();
        assert!(
            !lost && (kept.is_none() || may.contains(&kept)),
            "lead {number}: {kept:?}"
        );
    }
    assert!(stored.is_empty(), "nobody made these: {stored:?}");
}

/// Every call that was answered is there once; every one whose end was taken has its end, its lead and its
/// job.
async fn judge_calls(store: &CrmStore, tenant: TenantId, ledger: &Ledger) {
    let mut stored: BTreeMap<CallSid, StoredCall> = BTreeMap::new();
    for call in all_calls(store, tenant).await {
        let sid = call.record.call.call_sid.clone();
        assert!(stored.insert(sid, call).is_none(), "a call is there twice");
    }
    for (number, _) in ledger.rung.iter().filter(|(_, done)| **done) {
        assert!(stored.contains_key(&sid(*number)), "call {number} is lost");
    }
    for (number, _) in ledger.ended.iter().filter(|(_, done)| **done) {
        let call = &stored[&sid(*number)];
        assert!(call.is_finished(), "the end of call {number} is lost");
        assert!(call.lead.is_some(), "the lead of call {number} is lost");
        let work = JobWork::SummarizeCall {
            call: call.record.id,
        };
        let now = SystemClock.now();
        let is_new = store.enqueue_job(&scope(tenant), &work, now).await.unwrap();
        assert!(!is_new, "the job of call {number} is lost");
    }
}

/// Jobs that nobody held when the server died are run by the next one; those that it held are due again
/// when their lease is over.
async fn judge_jobs(store: &CrmStore, range: &Range) {
    let serving = range.serve().await;
    until("jobs go on", async || {
        let counts = store.count_jobs(&OPERATOR).await.unwrap();
        assert_eq!(counts.dead, 0);
        (counts.pending == 0).then_some(())
    })
    .await;
    drop(serving);
    let held = store.count_jobs(&OPERATOR).await.unwrap().running;
    let later = SystemClock.now().plus(AFTER_LEASES_MS);
    let policy = RetryPolicy::STANDARD;
    let claimed = store.claim_jobs(&OPERATOR, later, 60_000, 1_000, policy);
    assert_eq!(claimed.await.unwrap().len() as u64, held);
}

async fn under_fire(number: usize, database: Database, kills: u32) {
    let seed = 0x9E37_79B9_7F4A_7C15 ^ (u64::from(kills) << 8) ^ number as u64;
    let (mut range, business) = Range::new(database, seed).await;
    let serving = range.serve().await;
    let mut session = Browser::sign_in(serving.address(), OWNER).await;
    drop(serving);
    for _ in 0..kills {
        range.life(&mut session).await;
    }
    let serving = range.serve().await;
    session.go_to(serving.address());
    range.send_again(&session, serving.address()).await;
    drop(serving);
    let ledger = std::mem::take(&mut *range.ledger.lock().unwrap());
    let (mut acknowledged, mut disowned) = (0, 0);
    for fate in ledger.leads.values() {
        acknowledged += u32::from(matches!(fate, Fate::Acknowledged(_)));
        disowned += u32::from(*fate == Fate::Disowned);
    }
    println!(
        "{}: {kills} kills; leads: {acknowledged} acknowledged, {disowned} that nobody can know; calls: {}",
        range.database.name(),
        ledger.rung.len(),
    );
    assert!(
        acknowledged > kills / 2,
        "something was written: {ledger:?}"
    );
    let store = range.database.store().await;
    judge_leads(&store, business.id, &ledger).await;
    judge_calls(&store, business.id, &ledger).await;
    judge_jobs(&store, &range).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_survives_kill_9_and_nothing_is_done_twice() {
    let kills = variable("PROSAAS_TEST_KILLS");
    let kills = kills.map_or(KILLS, |kills| kills.parse().unwrap());
    let databases = Database::all().await.into_iter().enumerate();
    let ranges = databases.map(|(number, database)| under_fire(number, database, kills));
    futures_util::future::join_all(ranges).await;
}
