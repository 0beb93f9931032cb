//! Many more calls at once than a business may have: those that are live do not notice, exactly so many are let
//! in, and whoever is turned away is told so and leaves a lead.
//!
//! The generator of the calls' benchmark serves here: its frames carry the time at which they were sent. Those who
//! were live before are watched: whom the burst lets in is still being greeted when it ends.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use anyhow::Context as _;
use prosaas_core::CallSid;
use prosaas_twilio::testkit::carrier::parse_document;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{
    books::Books,
    installation::sid,
    row::{Outcome, Times},
    voices::Voices,
    world::{GREETED, World, p99_ms},
};
use crate::generator::{
    carrier::{Carrier, Identity},
    webhook::{StreamTarget, stream_target},
};

/// The limit, the calls that are live before, and the burst of ten times the limit.
const LIMIT: u32 = 20;
const LIVE: u32 = 10;
const BURST: u32 = 200;
/// The other burst: so many dials against so small a cap.
const CAP: u32 = 10;
const DIALS: u32 = 1_000;
/// The bars, in milliseconds.
const WEBHOOK_MS: u64 = 500;
const ADDED_MS: f64 = 20.0;
/// How long frames are watched without and with the burst.
const WATCHED: Duration = Duration::from_secs(5);
/// The first number of a dial; live calls are below.
const FIRST: u32 = 1_000;

/// Streams that are open at the carrier.
#[derive(Debug, Default)]
struct Open {
    now: AtomicUsize,
    most: AtomicUsize,
}

/// How a dial was answered.
struct Answer {
    number: u32,
    ms: u64,
    /// Let in, turned away in valid TwiML, or what was wrong with the answer.
    admitted: Result<bool, String>,
}

/// Both bursts.
pub(super) async fn run(voices: &Voices) -> anyhow::Result<Outcome> {
    let mut outcome = Outcome::default();
    ten_times(voices, &mut outcome).await?;
    against_the_cap(voices, &mut outcome).await?;
    Ok(outcome)
}

async fn ten_times(voices: &Voices, outcome: &mut Outcome) -> anyhow::Result<()> {
    let mut world = World::new(LIMIT, &voices.folder(), None).await?;
    let rig = Arc::clone(&world.rig);
    let mut live = world.calls(0);
    live.ramp(LIVE, Duration::from_secs(2)).await;
    rig.pass(GREETED).await;
    rig.record(true);
    rig.pass(WATCHED).await;
    let quiet = rig.take_live();
    let (answers, open) = dial_all(&world, BURST).await?;
    let loaded = rig.take_live();
    rig.record(false);
    let verdict = live.finish().await;
    for failure in &verdict.failures {
        outcome.break_with(format!("a live call failed in the burst: {failure}"));
    }
    let most = LIVE as usize + open.most.load(Ordering::Relaxed);
    admitted_at_most(LIMIT, most, outcome);
    let leads = judge(&world, &answers, outcome).await?;
    let times: Times = answers.iter().map(|answer| answer.ms).collect();
    let added = p99_ms(&loaded) - p99_ms(&quiet);
    let measured = format!(
        "webhook p99 {} ms; caller's frames p99 {:.1} ms, {added:+.1} ms by the burst; \
         {most} live at once; leads {leads}/{}",
        times.percentile(99),
        p99_ms(&loaded),
        answers.len(),
    );
    let reached = times.percentile(99) <= WEBHOOK_MS
        && added <= ADDED_MS
        && most == LIMIT as usize
        && leads == answers.len();
    let bar = "webhook p99 ≤ 500 ms, frames + ≤ 20 ms, TwiML and lead for each";
    let fault = "200 calls at once, limit 20, 10 live";
    outcome.row(fault, bar, measured, (answers.len(), reached));
    world.installation.kill().await
}

async fn against_the_cap(voices: &Voices, outcome: &mut Outcome) -> anyhow::Result<()> {
    let mut world = World::new(CAP, &voices.folder(), None).await?;
    let (answers, open) = dial_all(&world, DIALS).await?;
    let most = open.most.load(Ordering::Relaxed);
    admitted_at_most(CAP, most, outcome);
    let leads = judge(&world, &answers, outcome).await?;
    let admitted = answers.iter().filter(|answer| answer.admitted == Ok(true));
    let admitted = admitted.count();
    let times: Times = answers.iter().map(|answer| answer.ms).collect();
    let measured = format!(
        "{admitted} admitted, {most} open at once; leads {leads}/{}; webhook p99 {} ms",
        answers.len(),
        times.percentile(99)
    );
    let reached = admitted == CAP as usize && most == CAP as usize && leads == answers.len();
    let bar = "exactly 10 admitted, a lead for each";
    outcome.row(
        "1,000 dials at once, cap 10",
        bar,
        measured,
        (answers.len(), reached),
    );
    world.installation.kill().await
}

fn admitted_at_most(limit: u32, most: usize, outcome: &mut Outcome) {
    if most > limit as usize {
        outcome.break_with(format!(
            "{most} calls were live at once under a limit of {limit}"
        ));
    }
}

/// So many dials at the same moment. Who is let in stays until everybody has his answer and the frames were
/// watched; then all hang up.
async fn dial_all(world: &World, count: u32) -> anyhow::Result<(Vec<Answer>, Arc<Open>)> {
    let open = Arc::new(Open::default());
    let hang_up = CancellationToken::new();
    let (answers, mut answered) = mpsc::channel(count as usize);
    let mut dials = Vec::new();
    for number in FIRST..FIRST + count {
        let answers = answers.clone();
        dials.push(dial(world, number, (answers, hang_up.clone(), &open)));
    }
    drop(answers);
    let watch = async {
        let mut all = Vec::new();
        while all.len() < count as usize
            && let Some(answer) = answered.recv().await
        {
            all.push(answer);
        }
        world.rig.pass(WATCHED).await;
        hang_up.cancel();
        all
    };
    let (all, ended) = tokio::join!(watch, futures_util::future::join_all(dials));
    for end in ended {
        end.context("a dial failed")?;
    }
    Ok((all, open))
}

/// One dial: the webhook, the stream if it is let in, and the callback at the end.
async fn dial(
    world: &World,
    number: u32,
    (answers, hang_up, open): (mpsc::Sender<Answer>, CancellationToken, &Open),
) -> anyhow::Result<()> {
    let World { rig, webhooks, .. } = world;
    let mut identity = Identity::new(number);
    let began = rig.now_ns();
    let answer = webhooks.announce(&identity).await;
    let ms = (rig.now_ns() - began) / 1_000_000;
    let (admitted, target) = read(answer);
    let told = Answer {
        number,
        ms,
        admitted,
    };
    drop(answers.send(told).await);
    // The channel's end tells the watcher that nobody else is to come.
    drop(answers);
    let mut seconds = 0;
    if let Some(target) = target {
        let socket = webhooks.open_stream(&target).await?;
        let now = open.now.fetch_add(1, Ordering::Relaxed) + 1;
        open.most.fetch_max(now, Ordering::Relaxed);
        identity.parameters = target.parameters;
        let log = Carrier::new(Arc::clone(rig), socket, identity.clone())
            .run(hang_up)
            .await;
        open.now.fetch_sub(1, Ordering::Relaxed);
        seconds = (log.ended_ns - log.started_ns) / 1_000_000_000;
    }
    webhooks.completed(&identity, seconds).await
}

/// Whether the dial was let in, and where its audio goes then.
fn read(answer: anyhow::Result<(u16, String)>) -> (Result<bool, String>, Option<StreamTarget>) {
    let body = match answer {
        Ok((200, body)) => body,
        Ok((status, _)) => return (Err(format!("it was answered with {status}")), None),
        Err(error) => return (Err(format!("{error:#}")), None),
    };
    let document = match parse_document(&body) {
        Ok(document) => document,
        Err(error) => return (Err(error.to_string()), None),
    };
    if let Some(target) = stream_target(&body) {
        return (Ok(true), Some(target));
    }
    let speaks = document.children.iter().any(|verb| verb.name == "Say");
    let refusal = if speaks {
        Ok(false)
    } else {
        Err("nothing is said".to_owned())
    };
    (refusal, None)
}

/// Every answer was valid, and every caller is in the books with his lead; how many are.
async fn judge(world: &World, answers: &[Answer], outcome: &mut Outcome) -> anyhow::Result<usize> {
    let books = Books::open(&world.installation).await?;
    let calls: Vec<CallSid> = answers
        .iter()
        .map(|answer| sid(answer.number))
        .collect::<anyhow::Result<_>>()?;
    books.catch_up(&calls).await?;
    let mut leads = 0;
    for (answer, call) in answers.iter().zip(&calls) {
        if let Err(what) = &answer.admitted {
            outcome.break_with(format!("dial {}: {what}", answer.number));
            continue;
        }
        let stored = books.call(call).await?;
        if stored.is_some_and(|stored| stored.lead.is_some()) {
            leads += 1;
        } else {
            outcome.break_with(format!(
                "dial {} was answered and left no lead",
                answer.number
            ));
        }
    }
    Ok(leads)
}
