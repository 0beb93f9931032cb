//! What a call left behind: read back from the database and the disk, not from memory.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use prosaas_core::leg::FRAME_BYTES;
use prosaas_core::{CallRecord, CallSid, Speaker, TranscriptLine, Usage};
use prosaas_crm::auth::SystemScope;
use prosaas_crm::{
    CallStore as _, CrmStore, Jobs as _, PhoneStore as _, Recording, RecordingState,
};
use prosaas_realtime::session::CallStats;
use prosaas_realtime::shell::CallReport;
use prosaas_twilio::testkit::carrier::CallObservation;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::live::Placed;
use crate::calls::journal;
use crate::ui::{Style, Ui};
use crate::wiring::App;

/// How long the jobs after the call (summary, recording) may take.
const JOBS_WITHIN: Duration = Duration::from_secs(20);
/// What the demo asks across businesses.
const INSTALLATION: SystemScope = SystemScope::from_operator();
/// A job that is to run later than this belongs to another day.
const SOON_MS: i64 = 60_000;
/// How often it is looked whether they are done.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// A call as it is stored.
#[derive(Debug)]
pub(super) struct Stored {
    pub(super) record: CallRecord,
    recordings: Vec<Recording>,
    /// Whether the jobs after the call are done.
    settled: bool,
}

/// Waits for what follows the call and reads everything back.
///
/// # Errors
/// When the call is not in the database, or it cannot be read.
pub(super) async fn read_back(app: &App, call: &CallSid) -> anyhow::Result<Stored> {
    let store = app.store.as_ref();
    let settled = timeout(JOBS_WITHIN, settle(store, call)).await;
    let settled = settled.map_or(Ok(false), |done| done.map(|()| true))?;
    let record = store
        .find_call(&INSTALLATION, call)
        .await?
        .context("the call is not in the database")?;
    Ok(Stored {
        recordings: store.recordings(record.scope(), record.id).await?,
        record: record.into_inner(),
        settled,
    })
}

/// Waits until the call has its outcome, and no job runs or is to run soon. Reminders wait for days.
async fn settle(store: &CrmStore, call: &CallSid) -> anyhow::Result<()> {
    let mut look = interval(LOOK_EVERY);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        look.tick().await;
        let known = store.find_call(&INSTALLATION, call).await?;
        let soon = store.now().plus(SOON_MS);
        let waits = store
            .next_job_at(&INSTALLATION)
            .await?
            .is_some_and(|at| at <= soon);
        let is_busy = waits || store.count_jobs(&INSTALLATION).await?.running > 0;
        if known.is_some_and(|known| known.end.is_some()) && !is_busy {
            return Ok(());
        }
    }
}

/// Whether words reached the caller: the agent's, the kept fallback, or those of `<Say>`. Sound alone is no
/// answer: a broken model can send noise.
pub(super) fn was_spoken_to(placed: &Placed) -> bool {
    let in_words = |report: &CallReport| {
        let agent = |line: &TranscriptLine| line.speaker == Speaker::Agent;
        report.spoke_fallback || report.transcript.iter().any(agent)
    };
    let by_stream =
        !placed.seen.spans.is_empty() && placed.reports.iter().any(|report| in_words(report));
    by_stream || placed.seen.said().next().is_some()
}

/// Prints what the carrier measured; for any server. `cleared_after_ms` is what only our own server knows:
/// how long after the model's word each interruption reached the carrier.
pub(crate) fn observed(ui: &mut Ui, seen: &CallObservation, cleared_after_ms: &[u64]) {
    let first_audio = match (seen.first_audio_ms(), seen.first_audio_after_stream_ms()) {
        (Some(webhook), Some(stream)) => {
            format!("{webhook} ms after the webhook was sent, {stream} ms after the stream began")
        }
        _ => "none".to_owned(),
    };
    ui.entry("time to first audio", first_audio);
    let heard: Vec<u64> = seen.barge_ins_ms().into_iter().flatten().collect();
    if heard.is_empty() {
        ui.entry("barge-in", "none");
    } else {
        let what = format_args!("cleared {} after the caller began", times(&heard));
        ui.entry("barge-in", what);
    }
    if !cleared_after_ms.is_empty() {
        let times = times(cleared_after_ms);
        ui.entry(
            "",
            format_args!("{times} after the model's word reached the server"),
        );
    }
    let received = seen.media_bytes / FRAME_BYTES as u64;
    ui.entry(
        "frames at the carrier",
        format_args!("{} sent, {received} received", seen.frames_sent),
    );
    for (code, count) in &seen.warnings {
        ui.entry("warning", format_args!("{code}, {count} times"));
    }
}

/// `240 ms, 260 ms`.
fn times(all: &[u64]) -> String {
    let all: Vec<String> = all.iter().map(|ms| format!("{ms} ms")).collect();
    all.join(", ")
}

/// Prints the summary of a demo call.
pub(super) fn print(ui: &mut Ui, app: &App, placed: &Placed, stored: &Stored, both_sides: &Path) {
    ui.heading("summary");
    observed(ui, &placed.seen, &placed.cleared_after_ms);
    let stats = || placed.reports.iter().map(|report| &report.stats);
    let sum = |count: fn(&CallStats) -> u64| stats().map(count).sum::<u64>();
    ui.entry(
        "frames in the server",
        format_args!(
            "{} in, {} out, {} late, {} ms of caller audio lost",
            sum(|stats| stats.frames_in),
            sum(|stats| stats.frames_out),
            sum(|stats| stats.frames_late),
            sum(|stats| stats.caller_lost_ms),
        ),
    );
    let model = app.config.model.realtime_model.as_str();
    ui.entry("cost of the model", cost(&stored.record.usage, model));
    let end = stored.record.end.map_or("not stored", |end| end.as_str());
    ui.entry("call ended", end);
    print_files(ui, app, stored, both_sides);
    if !stored.settled {
        let late = ui.paint(
            Style::Alarm,
            "the jobs after the call are not done yet; they go on",
        );
        ui.line(format_args!("  {late}"));
    }
}

fn cost(usage: &Usage, model: &str) -> String {
    let Usage {
        input_text,
        input_audio,
        cached_text,
        cached_audio,
        output_text,
        output_audio,
        ..
    } = usage;
    format!(
        "{} at the prices of {model}; tokens read: {input_text} text ({cached_text} cached), \
         {input_audio} audio ({cached_audio} cached); written: {output_text} text, {output_audio} audio",
        usage.cost
    )
}

fn print_files(ui: &mut Ui, app: &App, stored: &Stored, both_sides: &Path) {
    let data_dir = &app.config.data_dir;
    let recording = match stored.recordings.as_slice() {
        [] => "none".to_owned(),
        recordings => recordings
            .iter()
            .map(|one| kept(data_dir, one))
            .collect::<Vec<_>>()
            .join(", "),
    };
    ui.entry("recording", recording);
    let file = journal_path(data_dir, &stored.record);
    if file.is_file() {
        ui.entry("journal", file.display());
    } else {
        ui.entry("journal", "none");
    }
    ui.entry(
        "both sides",
        format_args!("{} (left: caller)", both_sides.display()),
    );
}

fn kept(data_dir: &Path, recording: &Recording) -> String {
    match (&recording.state, &recording.path) {
        (RecordingState::Stored, Some(path)) => data_dir.join(path).display().to_string(),
        (state, _) => format!("not stored ({})", state.as_str()),
    }
}

fn journal_path(data_dir: &Path, record: &CallRecord) -> PathBuf {
    data_dir
        .join(journal::FOLDER)
        .join(record.tenant.to_string())
        .join(format!("{}.txt", record.id))
}

#[cfg(test)]
mod tests {
    use prosaas_core::MicroUsd;

    use super::*;

    #[test]
    fn the_cost_tells_cached_tokens_apart() {
        let usage = Usage {
            input_text: 900,
            cached_text: 640,
            input_audio: 300,
            cached_audio: 128,
            output_text: 80,
            output_audio: 400,
            cost: MicroUsd(12_345),
            ..Usage::default()
        };
        assert_eq!(
            cost(&usage, "gpt-realtime-2.1"),
            "0.012345 USD at the prices of gpt-realtime-2.1; tokens read: 900 text (640 cached), \
             300 audio (128 cached); written: 80 text, 400 audio"
        );
    }
}
