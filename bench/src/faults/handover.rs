//! A model's session reaches its longest life: the next one takes over before, between two turns, and the caller
//! notices nothing. The hour is half a minute here, and the model says so, as the real one says its hour.

use std::time::Duration;

use prosaas_realtime::testkit::model::{FakeModel, FakeModelConfig};
use prosaas_twilio::testkit::carrier::{CallScript, CarrierEvent, HangUp};
use tokio::{task::JoinSet, time::interval};

use super::{
    Plan,
    books::Books,
    caller::{self, FACTS, politely},
    heard,
    installation::{Installation, Placed},
    row::{Outcome, Times},
    voices::Voices,
};

/// How long a session of the model lives.
const LIFE: Duration = Duration::from_secs(30);
/// Turns of the caller that ended this early were answered before the hand-over began, in call time.
const BEFORE_MS: u64 = 24_000;
/// How much later than an ordinary answer the answers after it may come.
const BAR_MS: u64 = 700;
/// What the caller says after the facts, often enough to talk on beyond the hand-over.
const AND_SO_ON: [&str; 6] = ["Yes.", "Good.", "Right.", "Fine.", "Yes.", "Good."];
/// Calls that are live at once: the model keeps the books of so many sessions.
const AT_ONCE: u32 = 50;
const APART: Duration = Duration::from_millis(150);

/// Calls of three quarters of a minute that tell ten facts before the hand-over.
pub(super) async fn run(plan: &Plan, voices: &Voices) -> anyhow::Result<Outcome> {
    let model = FakeModel::start(FakeModelConfig {
        mode: caller::ELSEWHERE,
        caller_texts: texts().map(str::to_owned).collect(),
        session_life: Some(LIFE),
        ..FakeModelConfig::default()
    })
    .await?;
    let mut installation = Installation::roomy(model.address(), &voices.folder()).await?;
    let mut outcome = Outcome::default();
    let (mut seen, mut all) = (Seen::default(), Vec::new());
    for first in (0..plan.calls).step_by(AT_ONCE as usize) {
        let numbers = first..(first + AT_ONCE).min(plan.calls);
        let (calls, sessions) = talk(&installation, &model, numbers).await?;
        for placed in &calls {
            seen.add(placed, voices, &mut outcome);
        }
        let stats = model.stats();
        let known = sessions.iter().map(|it| caller::facts_known(&stats, *it));
        seen.known.extend(known);
        all.extend(calls);
    }
    let books = Books::open(&installation).await?;
    let leads = books.judge(&all, &mut outcome).await?;
    if leads < all.len() as u64 {
        outcome.break_with(format!("{} calls left {leads} leads", all.len()));
    }
    let stats = model.stats();
    let unplanned = stats.errors.get("session_expired").copied().unwrap_or(0);
    tell(&seen, unplanned, &mut outcome);
    installation.kill().await?;
    Ok(outcome)
}

fn texts() -> impl Iterator<Item = &'static str> {
    FACTS.into_iter().chain(AND_SO_ON)
}

/// Places these calls; what they heard, and the model's first session of each.
async fn talk(
    installation: &Installation,
    model: &FakeModel,
    numbers: std::ops::Range<u32>,
) -> anyhow::Result<(Vec<Placed>, Vec<u64>)> {
    let (mut calls, mut sessions) = (JoinSet::new(), Vec::new());
    let mut next = interval(APART);
    for number in numbers {
        next.tick().await;
        let call = (number, script(number));
        let begun = caller::begin(installation, model, call, &mut calls).await?;
        sessions.push(begun.session);
    }
    Ok((caller::finish(calls).await?, sessions))
}

fn script(number: u32) -> CallScript {
    // People leave a moment before they answer, each another one.
    let pause_ms = 1_000 + u64::from(number * 37 % 400);
    CallScript {
        utterances: texts().map(|_| politely(pause_ms, 1_000)).collect(),
        hang_up: HangUp::WhenDone { silent_ms: 4_000 },
        at_most_ms: 90_000,
        ..CallScript::listening()
    }
}

/// What all calls heard.
#[derive(Default)]
struct Seen {
    /// From the end of a turn to the model's words: turns before the hand-over.
    before: Times,
    /// The longest of each call afterwards.
    longest: Times,
    /// How many facts the second session was told; `None` when there was none.
    known: Vec<Option<usize>>,
}

impl Seen {
    fn add(&mut self, placed: &Placed, voices: &Voices, outcome: &mut Outcome) {
        let mut longest = 0;
        for ended in turns(placed) {
            let place = |frame: &[u8]| voices.place(frame);
            let heard = heard::after_loss(&placed.seen.agent_audio, ended, place);
            let Some(words) = heard.and_then(|heard| heard.words) else {
                let call = &placed.call;
                outcome.break_with(format!("a turn of call {call} got no answer"));
                continue;
            };
            if ended < BEFORE_MS {
                self.before.add(words);
            } else {
                longest = longest.max(words);
            }
        }
        self.longest.add(longest);
    }
}

/// When the caller's turns ended.
fn turns(placed: &Placed) -> impl Iterator<Item = u64> {
    let timeline = placed.seen.timeline.iter();
    timeline.filter_map(|timed| {
        let ended = matches!(timed.event, CarrierEvent::CallerEnded(_));
        ended.then_some(timed.at_ms)
    })
}

fn tell(seen: &Seen, unplanned: u64, outcome: &mut Outcome) {
    let calls = seen.known.len();
    let handed_over = seen.known.iter().flatten().count();
    let facts = seen.known.iter().map(|known| known.unwrap_or(0)).min();
    let facts = facts.unwrap_or(0);
    let ordinary = seen.before.percentile(50);
    let added = seen.longest.max().saturating_sub(ordinary);
    let measured = format!(
        "longest answer + {added} ms over the ordinary {ordinary} ms; handed over in {handed_over} of {calls}, \
         sessions that ended before: {unplanned}; facts known: at least {facts} of 10"
    );
    let reached = added <= BAR_MS && handed_over == calls && unplanned == 0 && facts == 10;
    let fault = "model's session reaches its longest life";
    let bar = "gap + ≤ 700 ms, 10 facts known";
    outcome.row(fault, bar, measured, (calls, reached));
}
