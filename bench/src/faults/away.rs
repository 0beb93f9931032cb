//! PostgreSQL is away under live calls: first it hangs, then it is gone. Nobody is dropped, nobody hears it, and
//! everything is written afterwards.

use std::time::Duration;

use prosaas_core::CallSid;
use tokio::time::Instant;

use super::{
    Plan,
    books::Books,
    installation::sid,
    postgres::{self, State, Way},
    row::Outcome,
    voices::Voices,
    world::{GREETED, World, p99_ms},
};

const BAR: &str = "0 dropped, frames + ≤ 5 ms, all written after";
const BAR_MS: f64 = 5.0;
/// How long frames are watched before PostgreSQL is away.
const WATCHED: Duration = Duration::from_secs(10);
/// A call more comes in so often while PostgreSQL is away.
const NEW_EVERY: Duration = Duration::from_secs(2);
/// So many of the live calls begin in a second.
const PER_SECOND: u32 = 10;
/// More than any row has.
const LIMIT: u32 = 10_000;

/// Calls that are live all the while, and some that come in.
pub(super) async fn run(plan: &Plan, voices: &Voices) -> anyhow::Result<Outcome> {
    let mut outcome = Outcome::default();
    let seconds = plan.away.as_secs();
    let fault = format!("PostgreSQL away for {seconds} s, {} calls live", plan.live);
    let Some(server) = &plan.postgres else {
        let why = "no server of it; `cargo xtask bench faults` starts one";
        outcome.not_measured(&fault, BAR, why);
        return Ok(outcome);
    };
    let database = postgres::fresh("away", server).await?;
    let way = Way::to(&database.0).await?;
    let by = way.of(&database)?;
    let mut world = World::new(LIMIT, &voices.folder(), Some(by)).await?;
    let rig = &world.rig;
    let mut calls = world.calls(0);
    calls
        .ramp(plan.live, Duration::from_secs(1) * plan.live / PER_SECOND)
        .await;
    rig.pass(GREETED).await;
    rig.record(true);
    rig.pass(WATCHED).await;
    let quiet = rig.take_live();
    let new = (plan.away.as_secs() / NEW_EVERY.as_secs()) as u32;
    way.set(State::Hangs);
    calls.ramp(new / 2, plan.away / 2).await;
    way.set(State::Gone);
    calls.ramp(new - new / 2, plan.away / 2).await;
    way.set(State::There);
    let loaded = rig.take_live();
    rig.record(false);
    let verdict = calls.finish().await;
    for failure in &verdict.failures {
        outcome.break_with(format!(
            "a call failed while PostgreSQL was away: {failure}"
        ));
    }
    let ended = Instant::now();
    let sids: Vec<CallSid> = (0..plan.live + new)
        .map(sid)
        .collect::<anyhow::Result<_>>()?;
    let written = written(&world, &sids, &mut outcome).await?;
    let added = p99_ms(&loaded) - p99_ms(&quiet);
    let (dropped, all) = (verdict.failures.len(), sids.len());
    let measured = format!(
        "{dropped} dropped; caller's frames p99 {:.1} ms, {added:+.1} ms while it was away; \
         {written} of {all} written {:.1} s after the last call; {new} calls came in meanwhile",
        p99_ms(&loaded),
        ended.elapsed().as_secs_f64(),
    );
    let reached = dropped == 0 && added <= BAR_MS && written == all;
    outcome.row(fault, BAR, measured, (all, reached));
    world.installation.kill().await?;
    Ok(outcome)
}

/// How many of these calls are stored whole: with their end, their lead and their words without a hole.
async fn written(world: &World, calls: &[CallSid], outcome: &mut Outcome) -> anyhow::Result<usize> {
    let books = Books::open(&world.installation).await?;
    books.catch_up(calls).await?;
    let mut whole = 0;
    for call in calls {
        if books.is_whole(call).await? {
            whole += 1;
        } else {
            outcome.break_with(format!(
                "call {call} is not written whole after PostgreSQL was away"
            ));
        }
    }
    Ok(whole)
}
