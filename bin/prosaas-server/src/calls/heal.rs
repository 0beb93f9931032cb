//! Heals calls whose end got lost: the process that carried them died, or the carrier's last callback
//! never came. And calls that nobody took, whose lead a process was to bring that is gone.

use std::collections::HashSet;

use prosaas_core::{AccountSid, CallEnd, CallSid, CallStatus, Error, ErrorClass, UnixMillis};
use prosaas_crm::auth::SystemScope;
use prosaas_crm::{AfterStream, CallReconciler as _, PhoneStore as _, StatusUpdate};
use prosaas_twilio::rest;
use tracing::Instrument as _;

use super::{FoundCall, answer, finish};
use crate::wiring::App;
use crate::{call_span, carrier};

/// The lost calls of all businesses.
const INSTALLATION: SystemScope = SystemScope::for_installation();
/// How long a call may go without a final status before the carrier is asked about it.
const ASK_AFTER_MS: i64 = 5 * 60_000;
/// How long after its longest time a call without an end counts as lost.
const LOST_AFTER_MS: i64 = 10 * 60_000;
/// How many calls one round looks at; the rest waits for the next.
const AT_ONCE: u32 = 100;

/// One round: brings leads that were to be brought, asks the carrier about calls it has gone silent on, then
/// finishes what is lost.
///
/// # Errors
/// When the store cannot be reached; the next round tries again.
pub async fn round(app: &App) -> Result<(), Error> {
    bring_leads(app).await?;
    ask_the_carrier(app).await?;
    finish_lost_calls(app).await
}

/// Brings the leads of missed calls whose jobs are taken. One that is being brought at this moment comes once all
/// the same; one whose process died would come when its lease is over, and somebody waits to be called back.
async fn bring_leads(app: &App) -> Result<(), Error> {
    let in_hand = app
        .store
        .missed_calls_in_hand(&INSTALLATION, AT_ONCE)
        .await?;
    for call in in_hand {
        let Some(business) = app.store.business(call.scope()).await? else {
            continue;
        };
        let lead = answer::missed(business.language);
        let noted = app.store.note_missed_call(call.scope(), *call, lead);
        match noted.await {
            Ok(()) => {}
            // Somebody was erased meanwhile: he is not called back.
            Err(error) if error.class() == ErrorClass::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Asks Twilio how calls ended whose last callback never came.
async fn ask_the_carrier(app: &App) -> Result<(), Error> {
    let before = app.clock.now().plus(-ASK_AFTER_MS);
    let silent = app
        .store
        .calls_without_final_status(&INSTALLATION, before, AT_ONCE)
        .await?;
    let silent = silent.into_iter().map(|call| call.map(|call| call.record));
    let mut unreachable = HashSet::new();
    for record in silent.filter(|record| !app.live.is_seated(record.id)) {
        let clients = carrier::clients(app, record.scope()).await?;
        let status = ask(&clients, &record.call.call_sid, &mut unreachable).await;
        let Some(status) = status.filter(|status| status.is_final()) else {
            continue;
        };
        let update = StatusUpdate {
            status,
            sequence: None,
            at: app.clock.now(),
        };
        let span = call_span!(record.id);
        finish::take_status(app, &record, update)
            .instrument(span)
            .await?;
    }
    Ok(())
}

/// What the first of the accounts that knows the call says of it; failed where none does, nothing where one could not be
/// asked.
async fn ask(
    clients: &[rest::Client],
    sid: &CallSid,
    unreachable: &mut HashSet<AccountSid>,
) -> Option<CallStatus> {
    let mut status = None;
    for client in clients {
        // The account or the network: the next call would fare no better.
        if unreachable.contains(client.account()) {
            return None;
        }
        match client.fetch_call(sid).await {
            Ok(found) => return Some(found.status),
            Err(error) if error.call_is_over() => status = Some(CallStatus::Failed),
            Err(error) => {
                tracing::warn!(%error, "Twilio could not be asked about calls without an end");
                unreachable.insert(client.account().clone());
                return None;
            }
        }
    }
    status
}

/// Takes Twilio's word from its list of calls that a call is over. One that a socket carries, or that waits for
/// the database, ends by itself.
///
/// # Errors
/// When the store cannot be reached.
pub async fn take_word(app: &App, sid: &CallSid, update: StatusUpdate) -> Result<(), Error> {
    let Some(record) = app.standby.find_call(sid).await? else {
        return Ok(());
    };
    if app.live.is_seated(record.id) || app.standby.is_pending(record.id) {
        return Ok(());
    }
    let span = call_span!(record.id);
    finish::take_status(app, &record, update)
        .instrument(span)
        .await
}

/// Finishes calls whose end got lost, because the process that carried them died and the carrier's last
/// callback never came.
async fn finish_lost_calls(app: &App) -> Result<(), Error> {
    let now = app.clock.now();
    let lost = app
        .store
        .calls_without_outcome(&INSTALLATION, now.plus(-LOST_AFTER_MS), AT_ONCE)
        .await?;
    for call in lost {
        let record = call.map(|call| call.record);
        if is_lost(app, &record, now).await? {
            let span = call_span!(record.id);
            let healed = async {
                tracing::warn!("the call's end got lost; it is finished now");
                let (end, after) = (CallEnd::LegFailed, AfterStream::HangUp);
                finish::without_socket(app, &record, now, end, after).await
            };
            healed.instrument(span).await?;
        }
    }
    Ok(())
}

async fn is_lost(app: &App, record: &FoundCall, now: UnixMillis) -> Result<bool, Error> {
    if app.live.is_seated(record.id) || app.standby.is_pending(record.id) {
        return Ok(false);
    }
    if record.status.is_final() {
        return Ok(true);
    }
    let business = app.store.business(record.scope()).await?;
    let longest_s = business.map_or(0, |business| business.limits.max_call_s);
    let longest_ms = i64::from(longest_s) * 1_000;
    Ok(now.since(record.call.started_at) > longest_ms + LOST_AFTER_MS)
}
