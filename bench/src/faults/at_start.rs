//! The model refuses, hangs or is at its limit when a call begins: the caller hears speech in time, and there is a
//! lead whatever happens.

use std::time::Duration;

use prosaas_realtime::testkit::model::{FakeModel, FakeModelConfig, Mode};
use prosaas_twilio::testkit::carrier::CallScript;
use tokio::{task::JoinSet, time::interval};

use super::{
    Plan,
    books::Books,
    caller, heard,
    installation::{Installation, Placed},
    row::{Outcome, Times},
    voices::Voices,
};

/// The longest wait for the first speech.
const BAR_MS: u64 = 3_000;
/// Calls come this far apart.
const APART: Duration = Duration::from_millis(100);
/// The caller gives up.
const PATIENCE_MS: u64 = 25_000;

/// Every way of failing at the start, each with a server of its own: what one taught the server must not help
/// against the next.
pub(super) async fn run(plan: &Plan, voices: &Voices) -> anyhow::Result<Outcome> {
    let modes = [
        (
            "model refuses (401) at call start",
            Mode::Refuse { status: 401 },
        ),
        ("model hangs at call start", Mode::Hang),
        (
            "model at its limit (429) at call start",
            Mode::Refuse { status: 429 },
        ),
        ("every reply fails under a rate limit", Mode::RateLimited),
    ];
    let mut outcome = Outcome::default();
    for (name, mode) in modes {
        fails(name, mode, plan, voices, &mut outcome).await?;
    }
    Ok(outcome)
}

async fn fails(
    name: &str,
    mode: Mode,
    plan: &Plan,
    voices: &Voices,
    outcome: &mut Outcome,
) -> anyhow::Result<()> {
    let config = FakeModelConfig {
        mode,
        ..FakeModelConfig::default()
    };
    let model = FakeModel::start(config).await?;
    let mut installation = Installation::roomy(model.address(), &voices.folder()).await?;
    let calls = place_all(&installation, plan.calls).await?;
    let books = Books::open(&installation).await?;
    let leads = books.judge(&calls, outcome).await?;
    let mut times = Times::default();
    let mut silent = 0;
    for placed in &calls {
        if let Some(ms) = heard::first_speech(&placed.seen) {
            times.add(ms);
        } else {
            silent += 1;
            outcome.break_with(format!("{name}: call {} ended in silence", placed.call));
        }
    }
    let measured = format!(
        "{}; leads {leads}/{}; silent {silent}",
        times.spell(),
        calls.len()
    );
    let reached = times.max() <= BAR_MS && silent == 0 && leads == calls.len() as u64;
    let bar = "speech ≤ 3 s in 100 %, lead in 100 %";
    outcome.row(name, bar, measured, (calls.len(), reached));
    installation.kill().await
}

async fn place_all(installation: &Installation, count: u32) -> anyhow::Result<Vec<Placed>> {
    let mut calls = JoinSet::new();
    let mut next = interval(APART);
    for number in 0..count {
        next.tick().await;
        let script = CallScript {
            at_most_ms: PATIENCE_MS,
            ..CallScript::listening()
        };
        let placed = installation.place(number, script, None)?;
        calls.spawn(async move { (number, placed.await) });
    }
    caller::finish(calls).await
}
