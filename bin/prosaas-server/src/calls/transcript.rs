//! Stores what is said while a call goes on, beside the audio and never in its way.

use prosaas_core::{CallTime, TranscriptLine};
use prosaas_realtime::session::CallUpdate;
use tokio::sync::mpsc;

use super::FoundCall;
use super::news::News;
use crate::metrics::Rung;
use crate::standby::Earlier;
use crate::wiring::{App, FIRST_RUNG};

/// The most updates stored in one go.
const BATCH: usize = 32;

/// Where a socket's part of the conversation begins: after what earlier sockets of the call stored.
#[derive(Debug, Default)]
pub(super) struct Offset {
    /// What was said over earlier sockets.
    pub(super) earlier: Vec<TranscriptLine>,
    seq: u32,
    time: CallTime,
}

impl Offset {
    /// Reads what is stored. When that fails the call begins as a new one, which is better than not at all.
    pub(super) async fn of(app: &App, record: &FoundCall) -> Self {
        match app.standby.earlier(record).await {
            Ok(earlier) => Self::after(earlier, app.clock.now().since(record.call.started_at)),
            Err(error) => {
                tracing::error!(error = %error.chain(), "the call's earlier transcript could not be read");
                Self::default()
            }
        }
    }

    fn after(earlier: Earlier, elapsed_ms: i64) -> Self {
        if earlier.next == 0 {
            return Self::default();
        }
        let elapsed = CallTime(u64::try_from(elapsed_ms).unwrap_or(0));
        Self {
            seq: earlier.next,
            time: elapsed.max(earlier.last),
            earlier: earlier.lines,
        }
    }

    /// A line of this socket, placed in the whole call.
    fn place(&self, line: TranscriptLine) -> TranscriptLine {
        TranscriptLine {
            seq: line.seq.saturating_add(self.seq),
            at: CallTime(line.at.0.saturating_add(self.time.0)),
            ..line
        }
    }
}

/// Stores lines as they come until the call ends.
pub(super) async fn write(
    app: &App,
    record: &FoundCall,
    offset: &Offset,
    mut updates: mpsc::Receiver<CallUpdate>,
) {
    let mut batch = Vec::new();
    while updates.recv_many(&mut batch, BATCH).await > 0 {
        let mut lines = Vec::new();
        for update in batch.drain(..) {
            app.news
                .tell(&record.call.call_sid, || News::Update(update.clone()));
            app.live.climb(record.id, &update);
            match update {
                CallUpdate::Line(line) => lines.push(offset.place(line)),
                CallUpdate::FirstAudio { at } => app.metrics.first_audio(at.0),
                CallUpdate::BargeIn { at, unheard_ms } => {
                    tracing::info!(%at, unheard_ms, "the caller interrupted");
                }
                CallUpdate::Reconnecting { at } => {
                    app.metrics.ladder_rung(Rung::Reconnect);
                    tracing::warn!(%at, "the model failed and is connected again");
                }
                CallUpdate::Holding { at } => {
                    app.metrics.ladder_rung(Rung::Hold);
                    tracing::warn!(%at, "the model keeps the caller waiting; a line asks for patience");
                }
                CallUpdate::Served { at, by } => {
                    if by != FIRST_RUNG {
                        app.metrics.ladder_rung(Rung::Spare);
                    }
                    tracing::info!(%at, %by, "the model that serves");
                }
                CallUpdate::Fallback { at } => tracing::error!(%at, "the model is out of reach"),
            }
        }
        if lines.is_empty() {
            continue;
        }
        if let Err(error) = app.standby.say(record, &lines).await {
            tracing::warn!(error = %error.chain(), "transcript lines are not stored yet");
        }
    }
}

/// Stores the whole transcript of a socket once more: a line already stored stays as it is, and one that was
/// missed is there now.
pub(super) async fn complete(
    app: &App,
    record: &FoundCall,
    offset: &Offset,
    transcript: &[TranscriptLine],
) {
    if transcript.is_empty() {
        return;
    }
    let lines: Vec<_> = transcript
        .iter()
        .cloned()
        .map(|line| offset.place(line))
        .collect();
    if let Err(error) = app.standby.say(record, &lines).await {
        tracing::error!(error = %error.chain(), lines = lines.len(), "the call's transcript is not stored in full");
    }
}

#[cfg(test)]
mod tests {
    use prosaas_core::Speaker;

    use super::*;

    fn line(seq: u32, at: u64) -> TranscriptLine {
        TranscriptLine {
            seq,
            speaker: Speaker::Agent,
            at: CallTime(at),
            text: "x".to_owned(),
            interrupted: false,
        }
    }

    #[test]
    fn a_first_socket_begins_at_zero() {
        let placed = Offset::after(Earlier::default(), 5_000).place(line(0, 10));
        assert_eq!((placed.seq, placed.at), (0, CallTime(10)));
    }

    #[test]
    fn a_resumed_call_goes_on_where_it_was() {
        let earlier = |next| Earlier {
            lines: Vec::new(),
            next,
            last: CallTime(900),
        };
        let offset = Offset::after(earlier(2), 5_000);
        let placed = offset.place(line(0, 10));
        assert_eq!((placed.seq, placed.at), (2, CallTime(5_010)));
        let clock_went_back = Offset::after(earlier(5), -3).place(line(1, 0));
        assert_eq!(
            (clock_went_back.seq, clock_went_back.at),
            (6, CallTime(900))
        );
    }
}
