//! Frames of the caller are lost, doubled or reordered on the way: the model must still hear the true timeline.

use std::time::Duration;

use prosaas_core::leg::{BYTES_PER_MS, FRAME_MS};
use prosaas_realtime::testkit::model::{FakeModel, FakeModelConfig};
use prosaas_twilio::testkit::carrier::{CallScript, HangUp, Trouble, Utterance, When};
use tokio::{task::JoinSet, time::interval};

use super::{Plan, books::Books, caller, installation::Installation, row::Outcome, voices::Voices};
use crate::generator::stamp::Stamp;

/// One frame in so many goes wrong: 5 %.
const ONE_IN: u64 = 20;
/// How far a frame may be from where it belongs.
const BAR_MS: u64 = 20;
/// Numbered frames that each caller says: 6 s.
const FRAMES: u32 = 300;
const APART: Duration = Duration::from_millis(150);

/// Numbered frames of many calls.
pub(super) async fn run(plan: &Plan, voices: &Voices) -> anyhow::Result<Outcome> {
    let model = FakeModel::start(FakeModelConfig {
        keep_audio: true,
        ..FakeModelConfig::default()
    })
    .await?;
    let mut installation = Installation::roomy(model.address(), &voices.folder()).await?;
    let (mut calls, mut sessions) = (JoinSet::new(), Vec::new());
    let mut next = interval(APART);
    for number in 0..plan.calls {
        next.tick().await;
        let call = (number, script(number));
        let begun = caller::begin(&installation, &model, call, &mut calls).await?;
        sessions.push(begun.session);
    }
    let calls = caller::finish(calls).await?;
    let mut outcome = Outcome::default();
    Books::open(&installation)
        .await?
        .judge(&calls, &mut outcome)
        .await?;
    let stats = model.stats();
    let heard = sessions
        .iter()
        .filter_map(|session| stats.session(*session));
    let timelines: Vec<Timeline> = heard.map(|session| Timeline::of(&session.audio)).collect();
    tell(&timelines, calls.len(), &mut outcome);
    installation.kill().await?;
    Ok(outcome)
}

fn script(number: u32) -> CallScript {
    let mut audio = Vec::new();
    for sequence in 0..FRAMES {
        let stamp = Stamp {
            source: number,
            part: 0,
            sequence,
            sent_ns: 0,
        };
        stamp.append_frame(&mut audio);
    }
    CallScript {
        utterances: vec![Utterance {
            when: When::AgentSilent(500),
            audio,
        }],
        hang_up: HangUp::At(11_500),
        trouble: Trouble {
            one_frame_in: Some(ONE_IN),
            ..Trouble::default()
        },
        ..CallScript::listening()
    }
}

/// Where the model heard the numbered frames of a call.
#[derive(Debug, Default, PartialEq, Eq)]
struct Timeline {
    /// Different frames that were heard.
    heard: usize,
    /// Frames that were heard again.
    doubled: usize,
    /// How far a frame was from where it belongs, at worst, in milliseconds.
    worst_ms: u64,
}

impl Timeline {
    fn of(audio: &[u8]) -> Self {
        let mut begins = Vec::new();
        let mut numbers = std::collections::BTreeSet::new();
        let mut doubled = 0;
        for at in 0..audio.len() {
            let Some(stamp) = Stamp::read(&audio[at..]) else {
                continue;
            };
            doubled += usize::from(!numbers.insert(stamp.sequence));
            // Where the first frame would be if this one is where it belongs.
            let at_ms = (at / BYTES_PER_MS) as i64;
            begins.push(at_ms - i64::from(stamp.sequence) * FRAME_MS as i64);
        }
        begins.sort_unstable();
        let middle = begins.get(begins.len() / 2).copied().unwrap_or_default();
        let worst = begins.iter().map(|begin| begin.abs_diff(middle)).max();
        Self {
            heard: numbers.len(),
            doubled,
            worst_ms: worst.unwrap_or(0),
        }
    }
}

fn tell(timelines: &[Timeline], calls: usize, outcome: &mut Outcome) {
    let heard: usize = timelines.iter().map(|timeline| timeline.heard).sum();
    let doubled: usize = timelines.iter().map(|timeline| timeline.doubled).sum();
    let worst = timelines.iter().map(|timeline| timeline.worst_ms).max();
    let worst = worst.unwrap_or(u64::MAX);
    let said = calls * FRAMES as usize;
    let measured =
        format!("worst {worst} ms; {heard} of {said} frames heard, {doubled} of them twice");
    // A frame that was lost on the way, and one that came too late, cannot be heard.
    let all = heard * 100 >= said * 96;
    let reached = worst <= BAR_MS && doubled == 0 && all && timelines.len() == calls;
    let fault = "5 % of caller frames lost, doubled, reordered";
    outcome.row(fault, "true timeline ± 20 ms", measured, (calls, reached));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn audio(numbers: &[Option<u32>]) -> Vec<u8> {
        let mut audio = vec![0xFF; 333];
        for number in numbers {
            match number {
                None => audio.resize(audio.len() + 160, 0xFF),
                Some(sequence) => Stamp {
                    source: 1,
                    part: 0,
                    sequence: *sequence,
                    sent_ns: 0,
                }
                .append_frame(&mut audio),
            }
        }
        audio
    }

    #[test]
    fn a_hole_keeps_the_timeline_and_a_frame_too_much_shifts_it() {
        let whole = [Some(0), Some(1), None, Some(3), Some(4)];
        let timeline = Timeline::of(&audio(&whole));
        assert_eq!(
            (timeline.heard, timeline.doubled, timeline.worst_ms),
            (4, 0, 0)
        );
        let shifted = [Some(0), Some(1), Some(1), Some(2), Some(3), Some(5)];
        let timeline = Timeline::of(&audio(&shifted));
        assert_eq!(
            (timeline.heard, timeline.doubled, timeline.worst_ms),
            (5, 1, 20)
        );
    }
}
