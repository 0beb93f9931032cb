//! The model is gone in the middle of a call: while the agent speaks, while the caller speaks, and between the
//! two. The next session has to know everything that was said.

use std::time::Duration;

use prosaas_realtime::testkit::model::{FakeModel, FakeModelConfig, Pace, Stats};
use prosaas_twilio::testkit::carrier::{CallScript, CarrierEvent, HangUp};
use tokio::{
    task::JoinSet,
    time::{Instant, interval},
};

use super::{
    Plan,
    books::Books,
    caller::{self, Begun, FACTS, Moment, politely},
    heard::{self, AfterLoss},
    installation::{Installation, Placed},
    row::{Outcome, Times},
    voices::Voices,
};

/// What the caller tells, in two turns, and asks in a third.
const TOLD: [&str; 3] = [FACTS[0], FACTS[1], "When can you come?"];
/// The bars, in milliseconds: words in 95 % and in all calls, and the line that fills the gap.
const WORDS_P95: u64 = 2_500;
const WORDS_MAX: u64 = 4_000;
const LINE: u64 = 700;
const LINE_BAR: &str = "≤ 700 ms after the trouble, or after the agent's turn came";
/// Where the model's words come so soon after the agent's turn came, nobody waits for longer than always: turn
/// detection and thinking take 1.0 s here.
const AS_ALWAYS: u64 = 1_200;
/// Calls that are live at once.
const AT_ONCE: u32 = 24;
const APART: Duration = Duration::from_millis(150);

/// When the model is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    AgentSpeaks,
    CallerSpeaks,
    Between,
}

impl Phase {
    const ALL: [Self; 3] = [Self::AgentSpeaks, Self::CallerSpeaks, Self::Between];

    const fn name(self) -> &'static str {
        match self {
            Self::AgentSpeaks => "model drops while the agent speaks",
            Self::CallerSpeaks => "model drops while the caller speaks",
            Self::Between => "model drops before it answers",
        }
    }

    /// The moment of the loss, a little elsewhere in each call.
    fn moment(self, number: u32) -> Moment {
        let (event, after) = match self {
            // Its answer began 0.5 s of turn detection and 0.5 s of thinking after the caller's last word.
            Self::AgentSpeaks => (CarrierEvent::CallerEnded(1), 2_000),
            Self::CallerSpeaks => (CarrierEvent::CallerBegan(2), 500),
            Self::Between => (CarrierEvent::CallerEnded(2), 550),
        };
        Moment {
            event,
            after: Duration::from_millis(after + u64::from(number * 37 % 200)),
        }
    }

    fn script(self) -> CallScript {
        let turns = if self == Self::AgentSpeaks { 2 } else { 3 };
        CallScript {
            utterances: (0..turns).map(|_| politely(500, 1_000)).collect(),
            // Longer than any silence that is within the bars.
            hang_up: HangUp::WhenDone { silent_ms: 5_000 },
            at_most_ms: 60_000,
            ..CallScript::listening()
        }
    }
}

/// A call whose model was lost, and when.
struct Lost {
    phase: Phase,
    number: u32,
    session: u64,
    at: Instant,
}

/// The calls of all phases, in turn.
pub(super) async fn run(plan: &Plan, voices: &Voices) -> anyhow::Result<Outcome> {
    let model = FakeModel::start(FakeModelConfig {
        mode: caller::ELSEWHERE,
        caller_texts: TOLD.map(str::to_owned).to_vec(),
        // No faster than it is heard, so that what is lost is not already under way to the caller.
        pace: Pace::Times(1),
        ..FakeModelConfig::default()
    })
    .await?;
    let mut installation = Installation::roomy(model.address(), &voices.folder()).await?;
    let mut outcome = Outcome::default();
    let mut judged = Vec::new();
    let (mut all, total) = (Vec::new(), plan.calls.max(3));
    for first in (0..total).step_by(AT_ONCE as usize) {
        let numbers = first..(first + AT_ONCE).min(total);
        let (calls, lost) = lose_all(&installation, &model, numbers).await?;
        judged.extend(judge(
            &calls,
            &lost,
            &model.stats(),
            (voices, first),
            &mut outcome,
        ));
        all.extend(calls);
    }
    let books = Books::open(&installation).await?;
    let leads = books.judge(&all, &mut outcome).await?;
    if leads < all.len() as u64 {
        outcome.break_with(format!("{} calls left {leads} leads", all.len()));
    }
    for phase in Phase::ALL {
        tell(phase, &judged, &mut outcome);
    }
    installation.kill().await?;
    Ok(outcome)
}

/// Places these calls and cuts each one's session at its moment.
async fn lose_all(
    installation: &Installation,
    model: &FakeModel,
    numbers: std::ops::Range<u32>,
) -> anyhow::Result<(Vec<Placed>, Vec<Lost>)> {
    let mut calls = JoinSet::new();
    let mut losing = Vec::new();
    let mut next = interval(APART);
    for number in numbers {
        next.tick().await;
        let phase = Phase::ALL[number as usize % Phase::ALL.len()];
        let begun =
            caller::begin(installation, model, (number, phase.script()), &mut calls).await?;
        losing.push(lose(model, phase, begun));
    }
    let lost = futures_util::future::join_all(losing).await;
    let calls = caller::finish(calls).await?;
    Ok((calls, lost.into_iter().flatten().collect()))
}

/// `None` when the call ended before its moment.
async fn lose(model: &FakeModel, phase: Phase, mut begun: Begun) -> Option<Lost> {
    let at = phase.moment(begun.number).wait(&mut begun.events).await?;
    model.cut_session(begun.session);
    Some(Lost {
        phase,
        number: begun.number,
        session: begun.session,
        at,
    })
}

/// One call judged.
struct Judged {
    phase: Phase,
    heard: Option<AfterLoss>,
    facts: usize,
}

fn judge(
    calls: &[Placed],
    lost: &[Lost],
    stats: &Stats,
    (voices, first): (&Voices, u32),
    outcome: &mut Outcome,
) -> Vec<Judged> {
    let mut judged = Vec::new();
    for lost in lost {
        let Some(placed) = calls.get((lost.number - first) as usize) else {
            continue;
        };
        let heard = heard_after(placed, lost, voices);
        if heard.is_some_and(|heard| heard.words.is_none()) {
            let call = &placed.call;
            outcome.break_with(format!(
                "{}: call {call} ended in silence",
                lost.phase.name()
            ));
        }
        judged.push(Judged {
            phase: lost.phase,
            heard,
            facts: caller::facts_known(stats, lost.session).unwrap_or(0),
        });
    }
    judged
}

/// What the caller heard after the loss, counted from when it was the agent's turn.
fn heard_after(placed: &Placed, lost: &Lost, voices: &Voices) -> Option<AfterLoss> {
    let lost_ms = (lost.at - placed.began).as_millis() as u64;
    let mut timeline = placed.seen.timeline.iter();
    let spoke = timeline.find(|timed| timed.event == CarrierEvent::CallerEnded(2));
    let turn_ms = match lost.phase {
        Phase::AgentSpeaks => lost_ms,
        Phase::CallerSpeaks | Phase::Between => spoke.map_or(lost_ms, |timed| timed.at_ms),
    };
    let from_ms = turn_ms.max(lost_ms);
    let mut heard = heard::after_loss(&placed.seen.agent_audio, from_ms, |frame| {
        voices.place(frame)
    })?;
    // Silence that had begun before the loss counts as well, when it was the agent's turn.
    let before = from_ms - turn_ms;
    heard.silence = heard.silence.max(heard.sound + before);
    Some(heard)
}

fn tell(phase: Phase, judged: &[Judged], outcome: &mut Outcome) {
    let of = || judged.iter().filter(|judged| judged.phase == phase);
    let heard = || of().filter_map(|judged| judged.heard);
    let words: Times = of()
        .filter_map(|judged| judged.heard.map_or(Some(0), |heard| heard.words))
        .collect();
    let waited = |heard: &AfterLoss| heard.words.is_none_or(|words| words > AS_ALWAYS);
    let first: Times = heard()
        .filter(|heard| heard.by_line || waited(heard))
        .map(|heard| heard.sound)
        .collect();
    let lines = heard().filter(|heard| heard.by_line).count();
    let count = of().count();
    let facts = of().map(|judged| judged.facts).min().unwrap_or(0);
    let silence = heard().map(|heard| heard.silence).max().unwrap_or(0);
    let again = words.percentile(95) <= WORDS_P95 && words.max() <= WORDS_MAX;
    let measured = format!(
        "the model's words: {}; facts known: at least {facts} of 10",
        words.spell()
    );
    let reached = again && words.len() == count && facts == 10;
    let bar = "words again p95 ≤ 2.5 s, max ≤ 4 s; 10 facts known, one lead";
    outcome.row(phase.name(), bar, measured, (count, reached));
    if first.len() == 0 {
        let why = "nobody needed it: the model answered as soon as always";
        return outcome.not_measured("… the line that fills the gap", LINE_BAR, why);
    }
    let measured = format!(
        "line heard in {lines} of {count}, first sound: {}; longest silence {:.2} s",
        first.spell(),
        silence as f64 / 1e3
    );
    let reached = first.percentile(95) <= LINE;
    outcome.row(
        "… the line that fills the gap",
        LINE_BAR,
        measured,
        (first.len(), reached),
    );
}
