//! How calls end: the outcome, the carrier's callbacks, recordings.

use prosaas_core::{CallEnd, CallOutcome, CallStatus, Error, UnixMillis, Usage};
use prosaas_crm::{AfterStream, RecordingState, RecordingUpdate, StatusUpdate};
use prosaas_twilio::webhook::{CallStatusCallback, RecordingCallback, RecordingStatus};
use tracing::Instrument as _;

use super::{FoundCall, answer, lost};
use crate::call_span;
use crate::config::Config;
use crate::wiring::App;

/// What the carrier calls the recording of a message: that of `<Record>`.
const LEFT_BY_CALLER: &str = "RecordVerb";

/// Stores a call's outcome and how it goes on, once; a second time changes nothing.
///
/// # Errors
/// What the store said; when it is away, that the outcome could not be kept either.
pub async fn store(
    app: &App,
    record: &FoundCall,
    outcome: CallOutcome,
    after: AfterStream,
) -> Result<(), Error> {
    let (end, usage) = (outcome.end, outcome.usage);
    app.standby.finish(record, &outcome, &after).await?;
    // From here on a copy of an earlier webhook hears that the call is over.
    app.answers.forget(&record.call.call_sid);
    // Whoever hung up before his socket came needs no model any more.
    drop(app.prewarm.take(&record.call.call_sid));
    app.live.forget(record.id);
    app.purse.take_back(record.id);
    app.metrics.call_ended(end);
    app.metrics.usage(&usage);
    app.work.notify_one();
    tracing::info!(
        end = end.as_str(),
        cost_micro_usd = usage.cost.0,
        "the call is finished"
    );
    Ok(())
}

/// Takes in a status callback: the status only moves forward, and a call that ended without ever having
/// had a conversation leaves its lead, whether it was known before or not.
///
/// # Errors
/// When the store cannot be reached; the carrier's callback is not repeated, the reconciler heals it.
pub async fn call_status(app: &App, callback: &CallStatusCallback) -> Result<(), Error> {
    let found = app.standby.find_call(&callback.call_sid).await?;
    let Some(status) = callback.status else {
        tracing::warn!(call_sid = %callback.call_sid, "a status callback with an unknown status was ignored");
        return Ok(());
    };
    let at = callback
        .timestamp
        .as_deref()
        .and_then(carrier_time)
        .unwrap_or_else(|| app.clock.now());
    let update = StatusUpdate {
        status,
        sequence: callback.sequence,
        at,
    };
    let known = match found {
        Some(record) => Some(record),
        None => Box::pin(lost::heard_of(app, callback, update)).await?,
    };
    let Some(record) = known else {
        return Ok(());
    };
    let span = call_span!(record.id);
    take_status(app, &record, update).instrument(span).await
}

/// Notes what the carrier says about a call, and finishes a call that is over and that no socket carries.
pub(super) async fn take_status(
    app: &App,
    record: &FoundCall,
    update: StatusUpdate,
) -> Result<(), Error> {
    let moved = app.standby.advance(record, update).await?;
    tracing::info!(
        status = update.status.as_str(),
        moved,
        "the carrier reported a status"
    );
    // A socket that holds the call stores the outcome itself, with what the call used.
    if !update.status.is_final() || record.end.is_some() || app.live.carrier_ended(record.id) {
        return Ok(());
    }
    if update.status != CallStatus::Completed {
        // It was never picked up, whoever it rang for.
        app.standby.expect_answer(record, None).await?;
    }
    without_conversation(app, record, update.at).await
}

/// RFC 2822, as Twilio writes `Timestamp`.
fn carrier_time(text: &str) -> Option<UnixMillis> {
    let at = jiff::fmt::rfc2822::parse(text).ok()?;
    Some(UnixMillis(at.timestamp().as_millisecond()))
}

/// Finishes a call that no socket carries: the caller hung up before anybody spoke, or the process that
/// carried it is gone.
pub(super) async fn without_conversation(
    app: &App,
    record: &FoundCall,
    ended_at: UnixMillis,
) -> Result<(), Error> {
    let end = end_without_conversation(&app.config);
    without_socket(app, record, ended_at, end, AfterStream::HangUp).await
}

/// How a call ends in which nobody spoke with the caller.
pub(super) const fn end_without_conversation(config: &Config) -> CallEnd {
    if config.model.use_realtime {
        CallEnd::CallerHungUp
    } else {
        CallEnd::Voicemail
    }
}

/// As [`without_conversation`], for a given reason and continuation. A call without a transcript leaves the
/// lead of a missed call.
pub(super) async fn without_socket(
    app: &App,
    record: &FoundCall,
    ended_at: UnixMillis,
    end: CallEnd,
    after: AfterStream,
) -> Result<(), Error> {
    let heard = app.standby.was_heard(record).await?;
    let business = app.standby.business(record.scope()).await?;
    let lead = match business {
        Some(business) if !heard => answer::missed(business.language),
        _ => prosaas_core::LeadDraft::default(),
    };
    let outcome = CallOutcome {
        ended_at,
        end,
        usage: Usage::default(),
        lead,
        // There is nothing to judge, or the process that measured it is gone.
        quality: None,
    };
    store(app, record, outcome, after).await
}

/// Takes in a recording callback. A finished recording is fetched by a job.
///
/// # Errors
/// When the store cannot be reached.
pub async fn recording(app: &App, callback: &RecordingCallback) -> Result<(), Error> {
    let Some(record) = app.standby.find_call(&callback.call_sid).await? else {
        tracing::warn!(call_sid = %callback.call_sid, "a recording of an unknown call was ignored");
        return Ok(());
    };
    let state = match callback.status {
        RecordingStatus::InProgress => RecordingState::InProgress,
        RecordingStatus::Completed => RecordingState::Available,
        RecordingStatus::Absent => RecordingState::Absent,
        _ => return Ok(()),
    };
    let update = RecordingUpdate {
        sid: callback.recording_sid.clone(),
        state,
        duration_ms: callback
            .duration_s
            .map(|seconds| u64::from(seconds) * 1_000),
        path: None,
        is_voicemail: callback.source.as_deref() == Some(LEFT_BY_CALLER),
    };
    let changed = app.standby.record(&record, update).await?;
    tracing::info!(call = %record.id, state = state.as_str(), changed, "the carrier reported a recording");
    app.work.notify_one();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twilios_timestamps_are_read() {
        assert_eq!(
            carrier_time("Tue, 14 Nov 2023 22:13:20 +0000"),
            Some(UnixMillis(1_700_000_000_000))
        );
        assert_eq!(carrier_time("yesterday"), None);
    }
}
