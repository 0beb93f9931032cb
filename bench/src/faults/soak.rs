//! Hours of ordinary calls: nothing breaks on purpose, and nothing may break by itself.

use prosaas_core::CallSid;

use super::{Plan, books::Books, installation::sid, row::Outcome, voices::Voices, world::World};
use crate::scenario::soak;

const BAR: &str = "0 failed, memory + ≤ 2 %, descriptors flat";
const BAR_PERCENT: f64 = 2.0;
/// More than are ever live.
const LIMIT: u32 = 10_000;

/// The calls, and the books afterwards.
pub(super) async fn run(plan: &Plan, voices: &Voices) -> anyhow::Result<Outcome> {
    let mut outcome = Outcome::default();
    let mut world = World::new(LIMIT, &voices.folder(), None).await?;
    let pid = world.installation.pid()?;
    let soak = soak::run(&world.rig, &world.route(), pid, plan.soak).await?;
    for failure in &soak.verdict.failures {
        outcome.break_with(format!("a call failed in the soak: {failure}"));
    }
    let missing = missing(&world, plan.soak.calls, &mut outcome).await?;
    let (failed, silent) = (soak.verdict.failures.len(), soak.verdict.silent);
    let [warm, middle, end] = soak.rss_kib;
    let grown = (end as f64 / warm.max(1) as f64 - 1.0) * 100.0;
    let [few, some, last] = soak.descriptors;
    let lost = soak.verdict.caller.lost + soak.verdict.agent.lost;
    let mib = |kib: u64| kib as f64 / 1024.0;
    let measured = format!(
        "{failed} failed, {silent} silent, {missing} not in the books, {lost} frames lost; memory after a tenth {:.1} MiB, \
         in the middle {:.1}, at the end {:.1} ({grown:+.1} %); descriptors {few}, {some}, {last}",
        mib(warm),
        mib(middle),
        mib(end),
    );
    let sound = failed == 0 && silent == 0 && missing == 0;
    let reached = sound && grown <= BAR_PERCENT && last <= few;
    let fault = format!("calls of 5 to 20 s, {} at once", plan.soak.live);
    let calls = plan.soak.calls as usize;
    outcome.row(fault, BAR, measured, (calls, reached));
    world.installation.kill().await?;
    Ok(outcome)
}

/// How many calls are not stored with their end and their lead.
async fn missing(world: &World, calls: u32, outcome: &mut Outcome) -> anyhow::Result<u64> {
    let books = Books::open(&world.installation).await?;
    let calls: Vec<CallSid> = (0..calls).map(sid).collect::<anyhow::Result<_>>()?;
    books.catch_up(&calls).await?;
    let mut missing = 0;
    for call in &calls {
        let stored = books.call(call).await?;
        let is_there = stored.is_some_and(|stored| stored.is_finished() && stored.lead.is_some());
        if !is_there {
            missing += 1;
            outcome.break_with(format!("call {call} of the soak is not in the books"));
        }
    }
    Ok(missing)
}
