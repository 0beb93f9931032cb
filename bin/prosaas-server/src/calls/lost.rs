//! A call that we hear of only when it is over, because its webhook met no server. For its caller it is a missed
//! call, with its lead and the alert that follows.
//!
//! Its last status callback tells of it at once; where that got lost as well, Twilio's list of calls does
//! ([`crate::reconcile`]). Both come here, in any order and any number of times: the first one stores the call.

use std::sync::Arc;

use prosaas_core::{Business, CallDirection, CallId, Error, NewCall, NumberOwner};
use prosaas_crm::auth::Scoped;
use prosaas_crm::rules::answering::AnswerPlan;
use prosaas_crm::{CallStore as _, CrmStore, MissedCall, PhoneStore as _, StatusUpdate};
use prosaas_twilio::webhook::{CallStatusCallback, Direction};

use super::{FoundCall, answer, finish};
use crate::config::Config;
use crate::wiring::App;

/// What became of a lost call.
#[derive(Debug)]
pub(crate) enum Fate {
    /// It is stored as a missed one.
    Missed(FoundCall),
    /// It is stored as one whose caller is not let in.
    TurnedAway,
    /// The number was not the business's when the call began.
    NotHere,
    /// It was stored meanwhile.
    Known(FoundCall),
}

/// Stores a call to a business as what it is for its caller, with the carrier's last word of it.
pub(crate) async fn store(
    store: &CrmStore,
    config: &Config,
    business: &Scoped<Arc<Business>>,
    (call, word): (NewCall, StatusUpdate),
) -> Result<Fate, Error> {
    let scope = business.scope();
    let (number, began) = (&call.business_number, call.started_at);
    if !store.held_number(scope, number, began).await? {
        return Ok(Fate::NotHere);
    }
    let caller = call.caller.as_ref();
    let situation = store.call_situation(scope, number, caller, began).await?;
    if let AnswerPlan::Reject(_) = answer::plan(&situation, &call) {
        return turn_away(store, business, (call, word)).await;
    }
    let missed = MissedCall {
        end: finish::end_without_conversation(config),
        ended_at: word.at,
        word: Some(word),
    };
    let id = CallId::mint(store.now());
    let (record, is_new) = store.open_missed(scope, id, call, missed).await?;
    if !is_new {
        return Ok(Fate::Known(record));
    }
    let (sid, number) = (&record.call.call_sid, &record.call.business_number);
    tracing::error!(call = %record.id, call_sid = %sid, %number, "a call never reached us; it is stored as a missed one");
    let lead = answer::missed(business.language);
    if let Err(error) = store.note_missed_call(scope, record.id, lead).await {
        tracing::warn!(call = %record.id, error = %error.chain(), "a missed call has no lead yet; its job brings it");
    }
    Ok(Fate::Missed(record))
}

/// It leaves no lead, and nobody is told of it.
async fn turn_away(
    store: &CrmStore,
    business: &Scoped<Arc<Business>>,
    (call, word): (NewCall, StatusUpdate),
) -> Result<Fate, Error> {
    let scope = business.scope();
    let (record, is_new) = store.open_call(scope, call).await?;
    if !is_new {
        return Ok(Fate::Known(record));
    }
    store.advance_status(scope, record.id, word).await?;
    store.reject_call(scope, record.id).await?;
    Ok(Fate::TurnedAway)
}

/// A status callback of a call that nobody knows: its last one makes it a missed call. `Some` when the call was
/// stored meanwhile, so that the callback is one of a known call.
///
/// # Errors
/// When the store cannot be reached, or other calls wait for it in files.
pub(super) async fn heard_of(
    app: &App,
    callback: &CallStatusCallback,
    word: StatusUpdate,
) -> Result<Option<FoundCall>, Error> {
    let ignored = |why: &'static str| {
        tracing::warn!(call_sid = %callback.call_sid, why, "a status callback of an unknown call was ignored");
        Ok(None)
    };
    if !word.status.is_final() {
        return ignored("the call goes on, and its webhook may still come");
    }
    // Legs of calls, and calls that somebody placed, are no callers.
    if callback.direction != Direction::Inbound || callback.parent_call_sid.is_some() {
        return ignored("nobody called us");
    }
    // Files that an earlier process left may hold this very call, with what was said in it: it must be stored first.
    // Not acknowledged; Twilio's list tells of it if it was another one.
    if app.standby.waiting() > 0 {
        let why = "the call may be one of those that wait for the database";
        return Err(Error::unavailable("write-behind", why));
    }
    let Some(number) = callback.to.number() else {
        return ignored("what was called is no phone number");
    };
    let NumberOwner::One(business) = app.standby.owner(number).await? else {
        return ignored("the number is not one business's");
    };
    let account = &callback.account_sid;
    if !app.keys.may_speak_for(account, business.id).await? {
        return ignored("the number is not of this account's business");
    }
    let lasted_ms = i64::from(callback.duration_s.unwrap_or(0)) * 1_000;
    let call = NewCall {
        call_sid: callback.call_sid.clone(),
        direction: CallDirection::Inbound,
        caller: callback.from.number().cloned(),
        business_number: number.clone(),
        started_at: word.at.plus(-lasted_ms),
    };
    match store(&app.store, &app.config, &business, (call, word)).await? {
        Fate::Missed(record) => {
            // A copy of its webhook that is still on its way hears that the call is over.
            app.answers.forget(&callback.call_sid);
            if let Some(end) = record.end {
                app.metrics.call_ended(end);
            }
            app.work.notify_one();
            Ok(None)
        }
        Fate::TurnedAway => Ok(None),
        Fate::NotHere => ignored("the number was not here yet"),
        Fate::Known(record) => Ok(Some(record)),
    }
}
