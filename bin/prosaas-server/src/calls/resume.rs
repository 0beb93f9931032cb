//! What comes next when a call's stream, or a verb after it, has ended.

use std::sync::Arc;

use prosaas_core::{Business, CallEnd, CallSid, CallStatus, Error};
use prosaas_crm::model::call_list::AnsweredBy;
use prosaas_crm::{AfterStream, StoredCall};
use prosaas_twilio::axum::paths;
use prosaas_twilio::twiml::Response;
use prosaas_twilio::webhook::{DialOutcome, StreamEnded};
use tracing::Instrument as _;

use super::answer::{self, Opening, apology, say};
use super::{FoundCall, finish, phrases, without_agent};
use crate::call_span;
use crate::wiring::App;

/// How often a call whose stream broke is connected again before the caller is asked for a message.
pub const MAX_RESUMES: u32 = 3;

/// Answers the action of `<Connect>`, `<Dial>` and `<Record>`. `attempt` is the number the next stream of
/// the call would have; it travels in the URL, so that a repeated webhook gets the same answer and a
/// restarted process does not count from the beginning.
pub async fn stream_ended(app: &Arc<App>, ended: &StreamEnded, attempt: u32) -> Response {
    match next(app, ended, attempt).await {
        Ok(response) => response,
        Err(error) => {
            tracing::error!(error = %error.chain(), "a call could not go on after its stream; the caller hears an apology");
            apology()
        }
    }
}

async fn next(app: &Arc<App>, ended: &StreamEnded, attempt: u32) -> Result<Response, Error> {
    let Some((record, business, stored)) = known(app, &ended.call_sid).await? else {
        return Ok(Response::new().hangup());
    };
    let span = call_span!(record.id);
    next_of(app, &business, (&record, &stored), ended, attempt)
        .instrument(span)
        .await
}

/// A call that was answered here with its business, as both are now; `None` after a word in the log.
pub(super) async fn known(
    app: &App,
    call: &CallSid,
) -> Result<Option<(FoundCall, Arc<Business>, StoredCall)>, Error> {
    let Some(record) = app.standby.find_call(call).await? else {
        tracing::warn!(call_sid = %call, "what comes next in an unknown call was ignored");
        return Ok(None);
    };
    let Some(business) = app.standby.business(record.scope()).await? else {
        return Err(Error::NotFound { what: "business" });
    };
    let Some(stored) = app.standby.call(&record).await? else {
        return Err(Error::NotFound { what: "call" });
    };
    // The row as it is now.
    let record = record.map(|_| stored.record.clone());
    Ok(Some((record, business, stored)))
}

async fn next_of(
    app: &Arc<App>,
    business: &Arc<Business>,
    (record, stored): (&FoundCall, &StoredCall),
    ended: &StreamEnded,
    attempt: u32,
) -> Result<Response, Error> {
    let is_over = record.status.is_final() || ended.status.is_some_and(CallStatus::is_final);
    if ended.recorded.is_some() {
        if !stored.is_finished() {
            finish_as(app, record, CallEnd::Voicemail, AfterStream::HangUp).await?;
        }
        return Ok(Response::new().hangup());
    }
    let was_answered = ended.dial.as_ref().is_some_and(DialOutcome::was_answered);
    if was_answered && stored.is_finished() {
        // The outcome may say that nobody had the call: it was stored before somebody picked up.
        let by = Some(AnsweredBy::Person);
        app.standby.expect_answer(record, by).await?;
    }
    if is_over && (!was_answered || stored.is_finished()) {
        // A socket that still holds the call is about to store the outcome itself.
        if !stored.is_finished() && !app.live.carrier_ended(record.id) {
            finish::without_conversation(app, record, app.clock.now()).await?;
        }
        return Ok(Response::new().hangup());
    }
    if let Some(dial) = &ended.dial
        && !stored.is_finished()
    {
        return if attempt > MAX_RESUMES {
            forwarded(app, business, record, dial.was_answered()).await
        } else {
            rung(app, business, record, dial.was_answered()).await
        };
    }
    if let Some(dial) = &ended.dial {
        tracing::info!(answered = dial.was_answered(), "the transfer ended");
        return Ok(if dial.was_answered() {
            Response::new().hangup()
        } else {
            without_agent::voicemail_instead(app, business)
        });
    }
    if stored.is_finished() {
        return Ok(after(app, business, (record, stored)));
    }
    unfinished(app, business, record, attempt).await
}

/// The business's phone rang before the agent had the call. Who picked up has had his conversation; when
/// nobody did, the agent takes it.
async fn rung(
    app: &Arc<App>,
    business: &Arc<Business>,
    record: &FoundCall,
    answered: bool,
) -> Result<Response, Error> {
    tracing::info!(answered, "the business's phone has rung");
    if !answered {
        app.standby.expect_answer(record, None).await?;
        let opening = Opening::again(app, record, 0).await?;
        return answer::answer_for(app, business, record, (opening, 0)).await;
    }
    finish_as(app, record, CallEnd::Transferred, AfterStream::HangUp).await?;
    Ok(Response::new().hangup())
}

/// The call was forwarded to a person before it was answered, since the agent could not have it.
async fn forwarded(
    app: &Arc<App>,
    business: &Arc<Business>,
    record: &FoundCall,
    answered: bool,
) -> Result<Response, Error> {
    tracing::info!(answered, "the phone of a person has rung");
    if !answered {
        let by = Some(AnsweredBy::Voicemail);
        app.standby.expect_answer(record, by).await?;
        return Ok(without_agent::voicemail_instead(app, business));
    }
    let by = Some(AnsweredBy::Person);
    app.standby.expect_answer(record, by).await?;
    finish_as(app, record, CallEnd::Transferred, AfterStream::HangUp).await?;
    Ok(Response::new().hangup())
}

/// The call's outcome says how it goes on.
fn after(app: &App, business: &Business, (record, stored): (&FoundCall, &StoredCall)) -> Response {
    match stored.after_stream.as_ref().unwrap_or(&AfterStream::HangUp) {
        AfterStream::HangUp if stored.record.end == Some(CallEnd::Shutdown) => Response::new()
            .say(say(business.language, phrases::goodbye(business.language)))
            .hangup(),
        AfterStream::HangUp => Response::new().hangup(),
        AfterStream::TakeVoicemail => without_agent::voicemail(app, business),
        AfterStream::Dial(number) if stored.record.end == Some(CallEnd::AiFailed) => {
            without_agent::forward(app, business, record, number.clone())
        }
        AfterStream::Dial(number) => {
            let mut dial = without_agent::transfer(record, number.clone());
            dial.action = Some(app.url(paths::STREAM_ENDED));
            Response::new().dial(dial).hangup()
        }
    }
}

/// The stream ended although the call did not: the socket broke, or we crashed.
async fn unfinished(
    app: &Arc<App>,
    business: &Arc<Business>,
    record: &FoundCall,
    attempt: u32,
) -> Result<Response, Error> {
    if !app.config.model.use_realtime {
        // Nothing was recorded, else Twilio had said so.
        finish_as(app, record, CallEnd::Voicemail, AfterStream::HangUp).await?;
        return Ok(Response::new().hangup());
    }
    if app.shutdown.is_draining() && !app.live.is_seated(record.id) {
        finish_as(app, record, CallEnd::Shutdown, AfterStream::HangUp).await?;
        return Ok(Response::new()
            .say(say(business.language, phrases::goodbye(business.language)))
            .hangup());
    }
    if attempt > MAX_RESUMES {
        tracing::error!(
            attempt,
            "the call's stream broke too often; it goes on without the agent"
        );
        let next = without_agent::after_failure(app, business, record).await;
        finish_as(app, record, CallEnd::AiFailed, next.clone()).await?;
        app.live.carrier_ended(record.id);
        return Ok(match next {
            AfterStream::Dial(number) => without_agent::forward(app, business, record, number),
            _ => without_agent::voicemail(app, business),
        });
    }
    tracing::warn!(attempt, "the call's stream broke; it is connected again");
    let opening = Opening::again(app, record, attempt).await?;
    answer::connect(app, business, record, opening).await
}

async fn finish_as(
    app: &App,
    record: &FoundCall,
    end: CallEnd,
    after: AfterStream,
) -> Result<(), Error> {
    finish::without_socket(app, record, app.clock.now(), end, after).await
}
