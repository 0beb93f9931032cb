//! The carrier's media socket breaks and the call is alive: the carrier asks how to go on and opens a new one.

use std::time::Duration;

use prosaas_realtime::testkit::model::{FakeModel, FakeModelConfig};
use prosaas_twilio::testkit::carrier::{CallScript, HangUp, Trouble};
use tokio::{task::JoinSet, time::interval};

use super::{
    Plan,
    books::Books,
    caller::{self, politely},
    heard,
    installation::Installation,
    row::{Outcome, Times},
    voices::Voices,
};

/// The longest time until the caller hears speech again.
const BAR_MS: u64 = 3_000;
const APART: Duration = Duration::from_millis(150);

/// One break in each call, at another moment in each.
pub(super) async fn run(plan: &Plan, voices: &Voices) -> anyhow::Result<Outcome> {
    let model = FakeModel::start(FakeModelConfig {
        mode: caller::ELSEWHERE,
        ..FakeModelConfig::default()
    })
    .await?;
    let mut installation = Installation::roomy(model.address(), &voices.folder()).await?;
    let mut calls = JoinSet::new();
    let mut next = interval(APART);
    for number in 0..plan.calls {
        next.tick().await;
        let placed = installation.place(number, script(number), None)?;
        calls.spawn(async move { (number, placed.await) });
    }
    let calls = caller::finish(calls).await?;
    let mut outcome = Outcome::default();
    let leads = Books::open(&installation)
        .await?
        .judge(&calls, &mut outcome)
        .await?;
    let mut times = Times::default();
    for placed in &calls {
        let Some(broke) = heard::breaks(&placed.seen).next() else {
            continue;
        };
        match heard::speech_from(&placed.seen, broke) {
            Some(at) => times.add(at - broke),
            None => outcome.break_with(format!(
                "call {} stayed silent on a new socket",
                placed.call
            )),
        }
    }
    let count = calls.len();
    let measured = format!(
        "{} in {} of {count}; leads {leads}",
        times.spell(),
        times.len()
    );
    let reached = times.max() <= BAR_MS && times.len() == count && leads == count as u64;
    let bar = "talking again ≤ 3 s, one lead";
    outcome.row(
        "media socket breaks, call alive",
        bar,
        measured,
        (count, reached),
    );
    installation.kill().await?;
    Ok(outcome)
}

fn script(number: u32) -> CallScript {
    CallScript {
        utterances: vec![politely(500, 800)],
        hang_up: HangUp::WhenDone { silent_ms: 4_000 },
        at_most_ms: 60_000,
        trouble: Trouble {
            cuts_ms: vec![2_500 + u64::from(number * 613 % 4_000)],
            ..Trouble::default()
        },
        ..CallScript::listening()
    }
}
