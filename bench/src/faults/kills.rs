//! `kill -9` in the middle of calls, and a start on the same data. The carrier asks for the `<Connect>` action
//! until somebody answers; callers hear speech again, and what was acknowledged is there.

use std::{collections::BTreeMap, time::Duration};

use prosaas_realtime::testkit::model::{FakeModel, FakeModelConfig, Stats};
use prosaas_twilio::testkit::carrier::{CallScript, CarrierEvent, HangUp, TimedEvent, Trouble};
use tokio::{
    sync::mpsc,
    task::JoinSet,
    time::{Instant, interval, timeout},
};

use super::{
    Plan,
    books::Books,
    caller::{self, Moment, politely},
    heard,
    installation::{Installation, Placed, Setup, sid},
    postgres,
    row::{Outcome, Times},
    voices::Voices,
};

/// The longest time from the kill to speech.
const BAR_MS: u64 = 8_000;
/// Calls that live through the kills of one batch.
const CALLS: u32 = 4;
/// A call is connected again so often; then its caller is asked for a message.
const KILLS: u32 = 3;
/// Short calls that come in while the server dies, and how far apart.
const RINGING: u32 = 6;
const RING_EVERY: Duration = Duration::from_millis(50);
/// How long callers are waited for after a kill.
const HEARD_WITHIN: Duration = Duration::from_secs(20);
/// What the caller says before the first kill.
const TOLD: &str = "Alder 11, Birch 22, Cedar 33";
/// A call's most numbers: those who live through, and those who ring.
const NUMBERS: u32 = CALLS + KILLS * RINGING;

/// On a file and, where there is one, on PostgreSQL.
pub(super) async fn run(plan: &Plan, voices: &Voices) -> anyhow::Result<Outcome> {
    let mut outcome = Outcome::default();
    under_fire(
        "kill -9 in mid-call, SQLite",
        None,
        plan,
        voices,
        &mut outcome,
    )
    .await?;
    let name = "kill -9 in mid-call, PostgreSQL";
    if let Some(server) = &plan.postgres {
        let fresh = postgres::fresh("kills", server).await?;
        under_fire(name, Some(fresh), plan, voices, &mut outcome).await?;
    } else {
        let why = "no server of it; `cargo xtask bench faults` starts one";
        outcome.not_measured(name, BAR, why);
    }
    Ok(outcome)
}

const BAR: &str = "speech ≤ 8 s, nothing acknowledged lost";

/// Everything that the kills gave.
#[derive(Default)]
struct Fire {
    calls: Vec<Placed>,
    times: Times,
    /// Calls whose model was told afterwards what the caller had said before.
    known: usize,
    of: usize,
}

async fn under_fire(
    name: &str,
    postgres: Option<(String, String)>,
    plan: &Plan,
    voices: &Voices,
    outcome: &mut Outcome,
) -> anyhow::Result<()> {
    let model = FakeModel::start(FakeModelConfig {
        mode: caller::ELSEWHERE,
        caller_texts: vec![TOLD.to_owned()],
        ..FakeModelConfig::default()
    })
    .await?;
    let mut installation = Installation::start(&Setup {
        postgres,
        ..Setup::roomy(model.address(), &voices.folder())
    })
    .await?;
    let mut fire = Fire::default();
    let mut killed = 0;
    while killed < plan.kills {
        let kills = KILLS.min(plan.kills - killed);
        let first = killed / KILLS * NUMBERS;
        batch(
            &mut installation,
            &model,
            (first, kills),
            &mut fire,
            outcome,
        )
        .await?;
        killed += kills;
    }
    Books::open(&installation)
        .await?
        .judge(&fire.calls, outcome)
        .await?;
    let Fire {
        calls,
        times,
        known,
        of,
    } = fire;
    let measured = format!(
        "{killed} kills; {}; what was said before known in {known} of {of} calls",
        times.spell()
    );
    let reached = times.max() <= BAR_MS && known == of;
    outcome.row(name, BAR, measured, (calls.len(), reached));
    installation.kill().await
}

/// Some calls, and kills while they go on.
async fn batch(
    installation: &mut Installation,
    model: &FakeModel,
    (first, kills): (u32, u32),
    fire: &mut Fire,
    outcome: &mut Outcome,
) -> anyhow::Result<()> {
    let from = model.stats().sessions_opened;
    let (mut living, mut ringing) = (JoinSet::new(), JoinSet::new());
    let mut begun = Vec::new();
    for number in first..first + CALLS {
        let call = (number, script());
        begun.push(caller::begin(installation, model, call, &mut living).await?);
    }
    // The caller has spoken, his words are known, and the agent answers.
    for begun in &mut begun {
        let moment = Moment {
            event: CarrierEvent::CallerEnded(0),
            after: Duration::from_millis(1_600),
        };
        moment.wait(&mut begun.events).await;
    }
    let mut killed = Vec::new();
    for kill in 0..kills {
        let numbers = first + CALLS + kill * RINGING;
        ring(installation, numbers, &mut ringing).await?;
        killed.push(Instant::now());
        installation.kill().await?;
        installation.serve().await?;
        let again = begun.iter_mut().map(|begun| talks_again(&mut begun.events));
        futures_util::future::join_all(again).await;
    }
    for number in first..first + CALLS {
        installation.hang_up(&sid(number)?).await?;
    }
    let calls = caller::finish(living).await?;
    for placed in &calls {
        judge(placed, &killed, fire, outcome);
    }
    count_known(&model.stats(), from, fire);
    fire.calls
        .extend(calls.into_iter().map(Placed::without_audio));
    let rung = caller::finish(ringing).await?;
    fire.calls
        .extend(rung.into_iter().map(Placed::without_audio));
    Ok(())
}

fn script() -> CallScript {
    CallScript {
        utterances: vec![politely(300, 600)],
        hang_up: HangUp::Never,
        at_most_ms: 90_000,
        trouble: Trouble {
            ask_again_ms: 15_000,
            ..Trouble::default()
        },
        ..CallScript::listening()
    }
}

/// Short calls come in one after the other; some of them are answered, some see the end of the server.
async fn ring(
    installation: &Installation,
    first: u32,
    ringing: &mut JoinSet<(u32, Placed)>,
) -> anyhow::Result<()> {
    let mut next = interval(RING_EVERY);
    for number in first..first + RINGING {
        next.tick().await;
        let script = CallScript {
            hang_up: HangUp::At(60),
            ..CallScript::listening()
        };
        let placed = installation.place(number, script, None)?;
        ringing.spawn(async move { (number, placed.await) });
    }
    Ok(())
}

/// Waits until the agent is heard over a new socket, but not for ever: the ledger tells what was heard.
async fn talks_again(events: &mut mpsc::Receiver<TimedEvent>) {
    let again = async {
        let mut is_new = false;
        while let Some(timed) = events.recv().await {
            is_new |= matches!(timed.event, CarrierEvent::StreamStarted(_));
            if is_new && timed.event == CarrierEvent::AgentBegan {
                return;
            }
        }
    };
    // Too late is seen by the judge.
    drop(timeout(HEARD_WITHIN, again).await);
}

/// How long after each kill the caller heard speech.
fn judge(placed: &Placed, killed: &[Instant], fire: &mut Fire, outcome: &mut Outcome) {
    let mut breaks = heard::breaks(&placed.seen);
    for kill in killed {
        let kill_ms = (*kill - placed.began).as_millis() as u64;
        let Some(broke) = breaks.find(|at| *at + 20 >= kill_ms) else {
            continue;
        };
        match heard::speech_from(&placed.seen, broke) {
            Some(at) => fire.times.add(at.saturating_sub(kill_ms)),
            None => outcome.break_with(format!("call {} stayed silent after a kill", placed.call)),
        }
    }
    if heard::was_dropped(&placed.seen) {
        outcome.break_with(format!("call {} was lost by a kill", placed.call));
    }
}

/// Later sessions of the callers of this batch: whether each was told what was said.
fn count_known(stats: &Stats, from: u64, fire: &mut Fire) {
    let mut callers: BTreeMap<&str, Vec<bool>> = BTreeMap::new();
    for session in stats
        .sessions
        .iter()
        .filter(|session| session.index >= from)
    {
        let Some(caller) = session.safety_identifier.as_deref() else {
            continue;
        };
        let knows = session.created_items.iter().any(|item| item.contains(TOLD));
        callers.entry(caller).or_default().push(knows);
    }
    // One that was killed before it was told anything has another one after it.
    let last = callers.values().filter_map(|sessions| sessions[1..].last());
    for knows in last {
        fire.of += 1;
        fire.known += usize::from(*knows);
    }
}
