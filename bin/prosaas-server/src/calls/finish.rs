//! How calls end: the outcome, the carrier's callbacks, recordings.

use std::time::Duration;

use prosaas_core::TenantStore as _;
use prosaas_core::{
    CallEnd, CallOutcome, CallRecord, CallStatus, Error, ErrorClass, UnixMillis, Usage,
};
use prosaas_crm::CallStore as _;
use prosaas_crm::auth::TenantScope;
use prosaas_crm::model::call_list::AnsweredBy;
use prosaas_crm::{AfterStream, RecordingState, RecordingUpdate, StatusUpdate};
use prosaas_twilio::webhook::{CallStatusCallback, RecordingCallback, RecordingStatus};
use tracing::Instrument as _;

use super::answer;
use crate::call_span;
use crate::wiring::App;

/// How often a write at the end of a call is tried before it is left to the reconciler.
const TRIES: u32 = 6;
/// The pause before the second try; it doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// Stores a call's outcome and how it goes on, once; a second time changes nothing.
///
/// # Errors
/// What the store said, after three tries when the failure may pass.
pub async fn store(
    app: &App,
    record: &CallRecord,
    outcome: CallOutcome,
    after: AfterStream,
) -> Result<(), Error> {
    let end = outcome.end;
    let usage = outcome.usage;
    let scope = TenantScope::of_call(record);
    let mut pause = FIRST_PAUSE;
    for tries_left in (0..TRIES).rev() {
        let stored = app
            .store
            .finish_call_then(&scope, record.id, outcome.clone(), after.clone())
            .await;
        match stored {
            Ok(_) => break,
            Err(error) if tries_left == 0 || error.class() != ErrorClass::Retry => {
                return Err(error);
            }
            Err(error) => {
                tracing::warn!(error = %error.chain(), "the call's outcome is not stored yet; trying again");
            }
        }
        wait(pause).await;
        pause *= 2;
    }
    // From here on a copy of an earlier webhook hears that the call is over.
    app.answers.forget(&record.call.call_sid);
    app.live.forget(record.id);
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

#[expect(
    clippy::disallowed_methods,
    reason = "back-off between tries of one write"
)]
async fn wait(pause: Duration) {
    tokio::time::sleep(pause).await;
}

/// Takes in a status callback: the status only moves forward, and a call that ended without ever having
/// had a conversation leaves its lead.
///
/// # Errors
/// When the store cannot be reached; the carrier's callback is not repeated, the reconciler heals it.
pub async fn call_status(app: &App, callback: &CallStatusCallback) -> Result<(), Error> {
    let Some(record) = app.store.find_call(&callback.call_sid).await? else {
        tracing::warn!(call_sid = %callback.call_sid, "a status callback of an unknown call was ignored");
        return Ok(());
    };
    let Some(status) = callback.status else {
        tracing::warn!(call = %record.id, "a status callback with an unknown status was ignored");
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
    let span = call_span!(record.id);
    take_status(app, &record, update).instrument(span).await
}

/// Notes what the carrier says about a call, and finishes a call that is over and that no socket carries.
pub(super) async fn take_status(
    app: &App,
    record: &CallRecord,
    update: StatusUpdate,
) -> Result<(), Error> {
    let scope = TenantScope::of_call(record);
    let moved = app.store.advance_status(&scope, record.id, update).await?;
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
        app.store.expect_answer(&scope, record.id, None).await?;
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
    record: &CallRecord,
    ended_at: UnixMillis,
) -> Result<(), Error> {
    let end = if app.config.model.use_realtime {
        CallEnd::CallerHungUp
    } else {
        CallEnd::Voicemail
    };
    without_socket(app, record, ended_at, end, AfterStream::HangUp).await
}

/// As [`without_conversation`], for a given reason and continuation. A call without a transcript leaves the
/// lead of a missed call.
pub(super) async fn without_socket(
    app: &App,
    record: &CallRecord,
    ended_at: UnixMillis,
    end: CallEnd,
    after: AfterStream,
) -> Result<(), Error> {
    let scope = TenantScope::of_call(record);
    let spoken = !app.store.transcript(&scope, record.id).await?.is_empty();
    let known = app.store.call_entry(&scope, record.id).await?;
    let heard = spoken || known.answered_by == Some(AnsweredBy::Person);
    let business = app.store.business(record.tenant).await?;
    let lead = match business {
        Some(business) if !heard => answer::missed(business.language),
        _ => prosaas_core::LeadDraft::default(),
    };
    let outcome = CallOutcome {
        ended_at,
        end,
        usage: Usage::default(),
        lead,
    };
    store(app, record, outcome, after).await
}

/// Takes in a recording callback. A finished recording is fetched by a job.
///
/// # Errors
/// When the store cannot be reached.
pub async fn recording(app: &App, callback: &RecordingCallback) -> Result<(), Error> {
    let Some(record) = app.store.find_call(&callback.call_sid).await? else {
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
    };
    let changed = app
        .store
        .set_recording(&TenantScope::of_call(&record), record.id, update)
        .await?;
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
