//! Joins what the carrier and the model noticed about a call into counts.

use std::ops::AddAssign;

use super::{
    carrier::CallLog,
    model::{ModelLog, ReplyLog},
    playout::Reply,
    stamp::{FRAME_MS, Tally},
};
use crate::measure::histogram::Histogram;

/// An interruption in a call's last second is not judged: the call ended before the subject had to
/// act.
const GRACE_NS: u64 = 1_000_000_000;

/// Frames of one direction.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Frames {
    /// Handed to the subject.
    pub sent: u64,
    /// Distinct frames that came out.
    pub received: u64,
    /// Missing although later frames of the same part came out, or although the part was over.
    pub lost: u64,
    /// Missing at the very end of the call: a subject that batches may hold them at the hang-up.
    pub tail: u64,
    /// Came out again.
    pub duplicated: u64,
    /// Came out after a later one.
    pub reordered: u64,
}

impl AddAssign for Frames {
    fn add_assign(&mut self, other: Self) {
        self.sent += other.sent;
        self.received += other.received;
        self.lost += other.lost;
        self.tail += other.tail;
        self.duplicated += other.duplicated;
        self.reordered += other.reordered;
    }
}

/// How the subject told the model what the caller had not heard.
#[derive(Debug, Default, Clone)]
pub struct Truncations {
    /// Truncations accepted by the model.
    pub accepted: u64,
    /// Refused by the model: beyond the audio sent, or of an unknown item.
    pub refused: u64,
    /// Later than what the caller had heard when the clear arrived.
    pub beyond_heard: u64,
    /// By how much at worst, in milliseconds.
    pub worst_beyond_ms: u64,
    /// Of replies that the caller had heard to the end.
    pub needless: u64,
    /// Interrupted replies with unheard audio that were not truncated.
    pub missing: u64,
    /// Milliseconds heard but cut off the model's memory, in nanoseconds.
    pub heard_but_cut: Histogram,
}

/// The counts of many calls.
#[derive(Debug, Default, Clone)]
pub struct Verdict {
    /// Calls judged.
    pub calls: u64,
    /// Why calls failed.
    pub failures: Vec<String>,
    /// Caller to model.
    pub caller: Frames,
    /// Model to caller.
    pub agent: Frames,
    /// Messages with caller audio that reached the model.
    pub appends: u64,
    /// Frames that reached the model without a stamp (padding).
    pub caller_unstamped: u64,
    /// Frames that reached the caller without a stamp.
    pub agent_unstamped: u64,
    /// Frames of a reply that reached the caller after its clear.
    pub stale: u64,
    /// Messages that were not whole frames, both directions.
    pub ragged: u64,
    /// Messages the carrier would have refused.
    pub refused: u64,
    /// Interruption reported by the model -> clear read by the carrier.
    pub barge_in: Histogram,
    /// Interruptions that no clear followed.
    pub clear_missing: u64,
    /// Webhook sent, connection included -> TwiML read.
    pub webhook: Histogram,
    /// `start` sent -> first agent audio read.
    pub first_audio: Histogram,
    /// Calls in which the agent was never heard.
    pub silent: u64,
    /// Truncation of interrupted replies.
    pub truncations: Truncations,
    /// `response.create` while a reply was active.
    pub create_refused: u64,
    /// Agent audio heard, in milliseconds.
    pub heard_ms: u64,
    /// Length of all calls, in milliseconds.
    pub call_ms: u64,
}

impl Verdict {
    /// Adds one call.
    pub fn add(&mut self, call: CallLog, models: &[&ModelLog]) {
        self.calls += 1;
        self.call_ms += (call.ended_ns - call.started_ns) / 1_000_000;
        self.heard_ms += call.heard_total_ms;
        self.agent_unstamped += call.unstamped;
        self.stale += call.stale;
        self.refused += call.refused;
        self.ragged += call.ragged + models.iter().map(|model| model.ragged).sum::<u64>();
        if let Some(took) = call.webhook_ns {
            self.webhook.record(took);
        }
        match call.first_audio_ns {
            Some(at) => self.first_audio.record(at.saturating_sub(call.started_ns)),
            None => self.silent += 1,
        }
        self.caller += caller_frames(call.frames_sent, models);
        for model in models {
            self.appends += model.appends;
            self.caller_unstamped += model.unstamped;
            self.create_refused += model.create_refused;
            self.truncations.refused += model.truncate_refused;
            for (number, reply) in model.replies.iter().enumerate() {
                let key = (model.connection, number as u32);
                self.agent += agent_frames(&call, key, reply);
                self.judge_interruption(&call, key, reply);
            }
        }
        self.failures.extend(call.failure);
    }

    fn judge_interruption(&mut self, call: &CallLog, key: Reply, reply: &ReplyLog) {
        let sent_ms = u64::from(reply.frames) * FRAME_MS;
        let at_clear = call.clears.iter().find_map(|clear| match clear.heard {
            Some((heard, milliseconds)) if heard == key => Some(milliseconds),
            _ => None,
        });
        let heard_ms =
            at_clear.unwrap_or_else(|| call.heard_ms.get(&key).copied().unwrap_or_default());
        for (_, end_ms) in &reply.truncations {
            let truncations = &mut self.truncations;
            truncations.accepted += 1;
            if *end_ms > heard_ms {
                truncations.beyond_heard += 1;
                truncations.worst_beyond_ms = truncations.worst_beyond_ms.max(end_ms - heard_ms);
            } else {
                truncations
                    .heard_but_cut
                    .record((heard_ms - end_ms) * 1_000_000);
            }
            let whole = reply.ended_ns.is_some() && reply.interrupted_ns.is_none();
            truncations.needless += u64::from(whole && heard_ms >= sent_ms);
        }
        let Some(at) = reply.interrupted_ns else {
            return;
        };
        if at + GRACE_NS > call.ended_ns {
            return;
        }
        match call.clears.iter().find(|clear| clear.at_ns >= at) {
            Some(clear) if clear.at_ns < at + GRACE_NS => self.barge_in.record(clear.at_ns - at),
            _ => self.clear_missing += 1,
        }
        let truncated = !reply.truncations.is_empty();
        self.truncations.missing += u64::from(heard_ms < sent_ms && !truncated);
    }
}

/// A call may have had several model connections one after the other; together they must have
/// received every frame once.
fn caller_frames(sent: u64, models: &[&ModelLog]) -> Frames {
    let mut frames = Frames {
        sent,
        ..Frames::default()
    };
    let end = models
        .iter()
        .map(|model| model.caller.end())
        .max()
        .unwrap_or(0);
    for model in models {
        frames.received += model.caller.received;
        frames.duplicated += model.caller.duplicated;
        frames.reordered += model.caller.reordered;
    }
    frames.lost = end.saturating_sub(frames.received);
    frames.tail = sent - end;
    frames
}

/// A reply that was cut, or was still being paced out when the call ended, may lack its tail, never
/// a frame in between.
fn agent_frames(call: &CallLog, key: Reply, reply: &ReplyLog) -> Frames {
    let nothing = Tally::default();
    let tally = call.agent.get(&key).unwrap_or(&nothing);
    let sent = u64::from(reply.frames);
    let pacing_ns = (sent * FRAME_MS) * 1_000_000 + GRACE_NS;
    let over = reply.interrupted_ns.is_none()
        && reply
            .ended_ns
            .is_some_and(|ended| ended + pacing_ns < call.ended_ns);
    let tail = sent.saturating_sub(tally.end());
    Frames {
        sent,
        received: tally.received,
        lost: tally.gaps() + if over { tail } else { 0 },
        tail: if over { 0 } else { tail },
        duplicated: tally.duplicated,
        reordered: tally.reordered,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generator::carrier::Clear;

    const S: u64 = 1_000_000_000;

    fn interrupted_call(heard_ms: u64, truncated_at_ms: Option<u64>) -> Verdict {
        let mut model = ModelLog {
            connection: 1,
            ..ModelLog::default()
        };
        model.replies.push(ReplyLog {
            frames: 200,
            ended_ns: Some(3 * S),
            interrupted_ns: Some(2 * S),
            truncations: truncated_at_ms
                .map(|end| (2 * S, end))
                .into_iter()
                .collect(),
        });
        let mut heard = Tally::default();
        (0..120).for_each(|sequence| heard.arrived(sequence));
        let call = CallLog {
            frames_sent: 0,
            ended_ns: 10 * S,
            agent: [((1, 0), heard)].into(),
            clears: vec![Clear {
                at_ns: 2 * S + 3_000_000,
                heard: Some(((1, 0), heard_ms)),
            }],
            ..CallLog::default()
        };
        let mut verdict = Verdict::default();
        verdict.add(call, &[&model]);
        verdict
    }

    #[test]
    fn a_truncation_at_or_before_what_was_heard_is_right() {
        let verdict = interrupted_call(1_980, Some(1_960));
        assert_eq!(verdict.truncations.beyond_heard, 0);
        assert_eq!(verdict.truncations.heard_but_cut.max(), 20_000_000);
        assert_eq!((verdict.truncations.missing, verdict.clear_missing), (0, 0));
        assert_eq!(verdict.barge_in.max(), 3_000_000);
        assert_eq!((verdict.agent.lost, verdict.agent.tail), (0, 80));
    }

    #[test]
    fn a_truncation_beyond_what_was_heard_is_counted() {
        let verdict = interrupted_call(1_900, Some(1_960));
        assert_eq!(verdict.truncations.beyond_heard, 1);
        assert_eq!(verdict.truncations.worst_beyond_ms, 60);
    }

    #[test]
    fn an_interruption_without_truncation_is_missing_one() {
        assert_eq!(interrupted_call(1_900, None).truncations.missing, 1);
    }

    #[test]
    fn two_model_connections_share_the_callers_frames() {
        let (mut first, mut second) = (ModelLog::default(), ModelLog::default());
        (0..50).for_each(|sequence| first.caller.arrived(sequence));
        (52..98).for_each(|sequence| second.caller.arrived(sequence));
        let frames = caller_frames(100, &[&first, &second]);
        assert_eq!((frames.received, frames.lost, frames.tail), (96, 2, 2));
    }
}
