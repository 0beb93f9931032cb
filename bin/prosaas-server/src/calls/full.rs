//! A call that comes while all lines are taken: it waits, goes elsewhere or leaves a message, as its number says.

use std::sync::Arc;

use prosaas_core::{Business, CallEnd, CallId, CallOutcome, Error, NewCall, Usage};
use prosaas_crm::AfterStream;
use prosaas_crm::auth::Scoped;
use prosaas_crm::model::call_list::AnsweredBy;
use prosaas_crm::rules::full::{FullFacts, FullPlan, FullRules, HOLD_S, plan};
use prosaas_twilio::twiml::Response;
use prosaas_twilio::webhook::StreamEnded;
use tracing::Instrument as _;

use super::answer::{self, Opening, apology, say};
use super::live::Room;
use super::{FoundCall, finish, phrases, resume, without_agent};
use crate::call_span;
use crate::wiring::App;

/// Where a call is tried again that has waited; the path goes on with how often it has.
pub const PATH: &str = "/webhook/call_held";

/// Whether a call can have the agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// It has a line, which is kept for it.
    Free,
    /// All are taken, or the server cannot carry one more.
    Taken,
    /// The server is stopping.
    Stopping,
}

/// Takes a line for a call, if there is one; asking twice takes one.
pub(super) fn line_for(
    app: &App,
    business: &Business,
    (id, call): (CallId, &NewCall),
    rules: &FullRules,
) -> Line {
    if app.shutdown.is_draining() {
        return Line::Stopping;
    }
    if app.lag.is_behind() {
        return Line::Taken;
    }
    let room = Room {
        business: business.limits.max_live_calls,
        number: Some((&call.business_number, rules.max_live_calls)),
    };
    if app.live.admit(business.id, id, room, app.clock.now()) {
        Line::Free
    } else {
        Line::Taken
    }
}

/// Turns a new call away for which there is no line, if its caller is to be called back. `None`: the call goes on
/// as any other, and keeps the line that it may have got.
///
/// Callers come in hundreds when they come too many, and each waits until his call is stored: it is opened and ended
/// in one short change, and its lead comes by a job in the same transaction ([`prosaas_crm::CrmStore::open_missed`]).
/// A server that is stopping takes the time: its jobs may run only after the next start.
pub(super) async fn at_once(
    app: &App,
    business: &Scoped<Arc<Business>>,
    (id, call): (CallId, &NewCall),
    rules: &FullRules,
) -> Result<Option<Response>, Error> {
    let is_taken = line_for(app, business, (id, call), rules) == Line::Taken;
    if !is_taken || planned(rules, call, 0) != FullPlan::CallBack {
        return Ok(None);
    }
    let end = CallEnd::Voicemail;
    let missed = app.standby.miss(business, (id, call.clone()), end).await?;
    let Some(record) = missed else {
        return Ok(None);
    };
    tracing::warn!(call = %record.id, when = rules.when.as_str(), "all lines are taken; the caller is called back");
    app.answers.forget(&call.call_sid);
    app.metrics.call_ended(end);
    app.work.notify_one();
    Ok(Some(called_back(business)))
}

/// What is done with a call for which there is no line.
fn planned(rules: &FullRules, call: &NewCall, waited: u32) -> FullPlan {
    let facts = FullFacts {
        caller: call.caller.as_ref(),
        called: &call.business_number,
        waited,
    };
    plan(rules, &facts)
}

/// What a caller hears who is called back.
fn called_back(business: &Business) -> Response {
    let language = business.language;
    Response::new()
        .say(say(language, phrases::all_busy(language)))
        .hangup()
}

/// Turns a call away politely, with its lead stored.
pub(super) async fn refuse(
    app: &App,
    business: &Business,
    record: &FoundCall,
) -> Result<Response, Error> {
    let outcome = CallOutcome {
        ended_at: app.clock.now(),
        end: CallEnd::Voicemail,
        usage: Usage::default(),
        lead: answer::missed(business.language),
        quality: None,
    };
    finish::store(app, record, outcome, AfterStream::HangUp).await?;
    Ok(called_back(business))
}

/// What the caller hears who waited so often already.
pub(super) async fn treat(
    app: &App,
    business: &Business,
    record: &FoundCall,
    (rules, waited): (&FullRules, u32),
) -> Result<Response, Error> {
    let plan = planned(rules, &record.call, waited);
    tracing::warn!(when = rules.when.as_str(), waited, "all lines are taken");
    // Until somebody has picked up: a caller who hangs up before that was missed.
    let nobody = Some(AnsweredBy::Nobody);
    match plan {
        FullPlan::CallBack => refuse(app, business, record).await,
        FullPlan::TakeMessage => answer::message_instead(app, business, record).await,
        FullPlan::Dial(number) => {
            app.standby.expect_answer(record, nobody).await?;
            Ok(without_agent::forward(app, business, record, number))
        }
        FullPlan::Hold => {
            app.standby.expect_answer(record, nobody).await?;
            let language = business.language;
            let words = if waited == 0 {
                phrases::hold_the_line(language)
            } else {
                phrases::hold_on(language)
            };
            Ok(Response::new()
                .say(say(language, words))
                .pause(HOLD_S)
                .redirect(app.held_url(waited + 1)))
        }
    }
}

/// A caller has waited for a line so often: it is tried again. `waited` travels in the URL, so that a repeated
/// webhook gets the same answer and a restarted process does not count from the beginning.
pub async fn waited(app: &Arc<App>, held: &StreamEnded, waited: u32) -> Response {
    match again(app, held, waited).await {
        Ok(response) => response,
        Err(error) => {
            tracing::error!(error = %error.chain(), "a call that waited could not go on; the caller hears an apology");
            apology()
        }
    }
}

async fn again(app: &Arc<App>, held: &StreamEnded, waited: u32) -> Result<Response, Error> {
    let Some((record, business, stored)) = resume::known(app, &held.call_sid).await? else {
        return Ok(Response::new().hangup());
    };
    if stored.is_finished() || record.status.is_final() {
        return Ok(Response::new().hangup());
    }
    let span = call_span!(record.id);
    let tried = async {
        app.standby.expect_answer(&record, None).await?;
        let opening = Opening::again(app, &record, 0).await?;
        answer::answer_for(app, &business, &record, (opening, waited)).await
    };
    tried.instrument(span).await
}
