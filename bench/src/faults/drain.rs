//! SIGTERM under live calls: nobody is dropped, nobody new is let in, and the process ends by itself.

use std::{process::ExitStatus, time::Duration};

use prosaas_realtime::testkit::model::{FakeModel, FakeModelConfig};
use prosaas_twilio::testkit::carrier::{CallEnding, CallScript, CarrierEvent, HangUp, StreamEnd};
use tokio::{task::JoinSet, time::Instant};

use super::{
    Plan,
    books::Books,
    caller::{self, Moment, politely},
    heard,
    installation::{Installation, Placed},
    row::{Outcome, Times},
    voices::Voices,
};

/// How long after its last call the server may take to end.
const BAR_MS: u64 = 2_000;
/// A call that comes so long after the signal is turned away.
const NO_MORE_AFTER: Duration = Duration::from_secs(1);
/// How long placing a call may take: those placed first stay so much longer.
const PLACED_MS: u64 = 60;
/// The number of the one who calls while the server drains, above all others.
const LATE: u32 = 900_000;

/// What one stop gave.
struct Stop {
    calls: Vec<Placed>,
    late: Placed,
    /// From the last call's last callback to the end of the process.
    after_ms: u64,
    status: ExitStatus,
}

/// So many stops, each under live calls, each followed by a start on the same data.
pub(super) async fn run(plan: &Plan, voices: &Voices) -> anyhow::Result<Outcome> {
    let model = FakeModel::start(FakeModelConfig::default()).await?;
    let mut installation = Installation::roomy(model.address(), &voices.folder()).await?;
    let mut outcome = Outcome::default();
    let (mut calls, mut times, mut dropped, mut bad_exits) = (Vec::new(), Times::default(), 0, 0);
    for term in 0..plan.terms {
        let stop = Box::pin(stop(&mut installation, &model, (term, plan.stopped))).await?;
        for placed in stop.calls.iter().filter(|placed| !hung_up_himself(placed)) {
            dropped += 1;
            outcome.break_with(format!("call {} was dropped by a stop", placed.call));
        }
        if !was_turned_away(&stop.late) {
            outcome.break_with(format!("call {} came in during a stop", stop.late.call));
        }
        times.add(stop.after_ms);
        bad_exits += u32::from(!stop.status.success());
        calls.extend(stop.calls.into_iter().map(Placed::without_audio));
        calls.push(stop.late.without_audio());
        installation.serve().await?;
    }
    Books::open(&installation)
        .await?
        .judge(&calls, &mut outcome)
        .await?;
    let measured = format!(
        "{dropped} dropped in {} stops under {} calls; ended after the last call: {}; {bad_exits} bad exits",
        plan.terms,
        plan.stopped,
        times.spell()
    );
    let reached = dropped == 0 && times.max() <= BAR_MS && bad_exits == 0;
    let bar = "0 dropped, exit 0 ≤ 2 s after the last call";
    outcome.row(
        "SIGTERM under live calls",
        bar,
        measured,
        (calls.len(), reached),
    );
    installation.kill().await?;
    Ok(outcome)
}

async fn stop(
    installation: &mut Installation,
    model: &FakeModel,
    (term, count): (u32, u32),
) -> anyhow::Result<Stop> {
    let mut calls = JoinSet::new();
    let mut last = None;
    for number in 0..count {
        let call = (term * count + number, script(number, count));
        last = Some(caller::begin(installation, model, call, &mut calls).await?);
    }
    // Somewhere in the conversation of the last one, elsewhere in that of each other.
    if let Some(mut begun) = last {
        let moment = Moment {
            event: CarrierEvent::AgentBegan,
            after: Duration::from_millis(u64::from(term * 731 % 2_000)),
        };
        moment.wait(&mut begun.events).await;
    }
    installation.terminate().await?;
    tokio::time::sleep_until(Instant::now() + NO_MORE_AFTER).await;
    let late = installation
        .place(LATE + term, CallScript::listening(), None)?
        .await;
    let calls = caller::finish(calls).await?;
    let over = Instant::now();
    let status = installation.ended().await?;
    Ok(Stop {
        calls,
        late,
        after_ms: over.elapsed().as_millis() as u64,
        status,
    })
}

/// All are live when the last one has begun to speak, and they end one after the other.
fn script(number: u32, count: u32) -> CallScript {
    let stays_ms = 5_500 + u64::from(count) * PLACED_MS;
    CallScript {
        utterances: vec![politely(500, 800)],
        hang_up: HangUp::At(stays_ms + u64::from(number * 37 % 1_200)),
        ..CallScript::listening()
    }
}

/// Whether nobody but the caller ended the call.
fn hung_up_himself(placed: &Placed) -> bool {
    let mut ends = placed
        .seen
        .timeline
        .iter()
        .filter_map(|timed| match timed.event {
            CarrierEvent::StreamEnded(end) => Some(end),
            _ => None,
        });
    placed.seen.ending == CallEnding::CallerHungUp && ends.all(|end| end == StreamEnd::CallerHungUp)
}

/// Whether the caller was told so politely, or the server was gone already.
fn was_turned_away(placed: &Placed) -> bool {
    let answered = heard::was_acknowledged(&placed.seen, "voice webhook");
    placed.seen.stream_start_ms.is_none() && (!answered || placed.seen.said().next().is_some())
}
