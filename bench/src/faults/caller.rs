//! What callers say, and how they are placed one after the other so that each call's model session is known.

use std::{f64::consts::TAU, time::Duration};

use anyhow::anyhow;
use prosaas_realtime::{
    audio::g711,
    testkit::model::{FakeModel, Mode, SessionStats, Stats},
};
use prosaas_twilio::testkit::carrier::{CallScript, CarrierEvent, TimedEvent, Utterance, When};
use tokio::{sync::mpsc, task::JoinSet, time::Instant};

use super::installation::{Installation, Placed};

/// A model elsewhere takes this long to accept a connection and to begin an answer.
pub(super) const ELSEWHERE: Mode = Mode::Slow {
    connect: Duration::from_millis(500),
    reply: Duration::from_millis(300),
};
/// Ten facts, as a caller tells them in two turns.
pub(super) const FACTS: [&str; 2] = [
    "Alder 11, Birch 22, Cedar 33, Dogwood 44, Elm 55",
    "Fir 66, Ginkgo 77, Hazel 88, Ivy 99, Juniper 10",
];
/// How long the model's session of a call may take to come.
const SESSION_WITHIN: Duration = Duration::from_secs(15);
/// Room for everything that happens in a call.
const EVENTS: usize = 4096;

/// Sound that every turn detection takes for speech.
pub(super) fn speech(ms: u32) -> Vec<u8> {
    let sample = |n: u32| {
        let phase = TAU * 180.0 * f64::from(n) / 8_000.0;
        let voice = phase.sin() + 0.5 * (2.0 * phase).sin();
        g711::encode((6_000.0 * voice) as i16)
    };
    (0..ms * 8).map(sample).collect()
}

/// Something said so long after the agent has finished.
pub(super) fn politely(silent_ms: u64, ms: u32) -> Utterance {
    Utterance {
        when: When::AgentSilent(silent_ms),
        audio: speech(ms),
    }
}

/// Something that happens in a call, so many milliseconds after an event of it.
#[derive(Debug, Clone)]
pub(super) struct Moment {
    /// The event.
    pub(super) event: CarrierEvent,
    /// How long after it.
    pub(super) after: Duration,
}

impl Moment {
    /// Waits for it. `None` when the call ended before.
    pub(super) async fn wait(&self, events: &mut mpsc::Receiver<TimedEvent>) -> Option<Instant> {
        while let Some(timed) = events.recv().await {
            if timed.event == self.event {
                let at = Instant::now() + self.after;
                tokio::time::sleep_until(at).await;
                return Some(Instant::now());
            }
        }
        None
    }
}

/// A call in progress and the number of its model session.
#[derive(Debug)]
pub(super) struct Begun {
    /// The generator's number of the call.
    pub(super) number: u32,
    /// The model's number of its first session.
    pub(super) session: u64,
    /// Everything that happens in it.
    pub(super) events: mpsc::Receiver<TimedEvent>,
}

/// Places the call of this number and waits until the model has a session for it, so that the two belong
/// together whatever the server says. The call goes on in `calls`.
pub(super) async fn begin(
    installation: &Installation,
    model: &FakeModel,
    (number, script): (u32, CallScript),
    calls: &mut JoinSet<(u32, Placed)>,
) -> anyhow::Result<Begun> {
    let (live, events) = mpsc::channel(EVENTS);
    let session = model.stats().sessions_opened;
    let placed = installation.place(number, script, Some(live))?;
    calls.spawn(async move { (number, placed.await) });
    model
        .wait_for(SESSION_WITHIN, |stats| stats.sessions_opened > session)
        .await
        .map_err(|_| anyhow!("call {number} got no model session"))?;
    Ok(Begun {
        number,
        session,
        events,
    })
}

/// How many of the ten facts the session after this one of the same call was told in text. `None` when there was
/// none after it.
pub(super) fn facts_known(stats: &Stats, session: u64) -> Option<usize> {
    let first = stats.session(session)?;
    let same = |other: &&SessionStats| {
        other.index > session && other.safety_identifier == first.safety_identifier
    };
    let next = stats.sessions.iter().find(same)?;
    let facts = FACTS.into_iter().flat_map(|turn| turn.split(", "));
    let is_known = |fact: &&str| next.created_items.iter().any(|item| item.contains(fact));
    Some(facts.filter(is_known).count())
}

/// All calls, in the order of their numbers.
pub(super) async fn finish(mut calls: JoinSet<(u32, Placed)>) -> anyhow::Result<Vec<Placed>> {
    let mut ended = Vec::new();
    while let Some(call) = calls.join_next().await {
        ended.push(call?);
    }
    ended.sort_by_key(|(number, _)| *number);
    Ok(ended.into_iter().map(|(_, placed)| placed).collect())
}
