//! The last two rungs: a call that the agent cannot have goes to a person, or to voicemail.

use std::sync::Arc;

use prosaas_core::{Business, E164, Error, NewCall};
use prosaas_crm::AfterStream;
use prosaas_crm::model::call_list::AnsweredBy;
use prosaas_crm::model::situation::CallSituation;
use prosaas_crm::rules::answering::{AnswerPlan, RingPhone};
use prosaas_crm::rules::without_agent::{WithoutAgent, next};
use prosaas_twilio::twiml::{Dial, Response};

use super::answer::{self, record_message, say};
use super::{FoundCall, phrases, resume};
use crate::metrics::Rung;
use crate::wiring::App;

/// How long the phone rings that a call is forwarded to, in seconds.
const FORWARD_RINGS_S: u32 = 20;

/// Answers a call whose agent is known to be out of reach.
pub(super) async fn answer(
    app: &Arc<App>,
    business: &Arc<Business>,
    record: &FoundCall,
    situation: &CallSituation,
) -> Result<Response, Error> {
    let next = rung(business, &record.call, situation);
    count(app, &next);
    let AfterStream::Dial(number) = next else {
        tracing::error!("every model is known to be down, so the caller is asked for a message");
        return answer::message_instead(app, business, record).await;
    };
    tracing::error!("every model is known to be down, so the call is forwarded to a person");
    // Until somebody has picked up: a caller who hangs up before that was missed.
    let by = Some(AnsweredBy::Nobody);
    app.standby.expect_answer(record, by).await?;
    Ok(forward(app, business, record, number))
}

/// How a call goes on whose agent failed for good. When nothing is known of the business's hours, with
/// voicemail: nobody's phone rings at night.
pub(super) async fn after_failure(
    app: &App,
    business: &Business,
    record: &FoundCall,
) -> AfterStream {
    let situation = app.standby.situation(record.scope(), &record.call).await;
    let next = match situation {
        Ok(situation) => rung(business, &record.call, &situation),
        Err(error) => {
            tracing::error!(error = %error.chain(), "the business's hours could not be read; its caller is asked for a message");
            AfterStream::TakeVoicemail
        }
    };
    count(app, &next);
    next
}

fn rung(business: &Business, call: &NewCall, situation: &CallSituation) -> AfterStream {
    let rang = match answer::plan(situation, call) {
        AnswerPlan::Ring(phone) => Some(phone),
        _ => None,
    };
    next(&WithoutAgent {
        is_open: situation.is_open,
        targets: &business.transfer,
        caller: call.caller.as_ref(),
        called: &call.business_number,
        rang: rang.as_ref().map(RingPhone::number),
    })
}

fn count(app: &App, next: &AfterStream) {
    match next {
        AfterStream::Dial(_) => app.metrics.ladder_rung(Rung::Forward),
        AfterStream::TakeVoicemail => app.metrics.ladder_rung(Rung::Voicemail),
        AfterStream::HangUp => {}
    }
}

/// A person's phone rings, after a word about it. The action's number says that the agent had its turn.
pub(super) fn forward(
    app: &App,
    business: &Business,
    record: &FoundCall,
    number: E164,
) -> Response {
    let language = business.language;
    let words = phrases::connecting_to_a_person(language);
    let dial = Dial {
        timeout_s: Some(FORWARD_RINGS_S),
        action: Some(app.resume_url(resume::MAX_RESUMES + 1)),
        ..transfer(record, number)
    };
    Response::new()
        .say(say(language, words))
        .dial(dial)
        .hangup()
}

/// Calls a person who sees the business's number: the carrier refuses others.
pub(super) fn transfer(record: &FoundCall, number: E164) -> Dial {
    let mut dial = Dial::new(number);
    dial.caller_id = Some(record.call.business_number.clone());
    dial.answer_on_bridge = Some(true);
    dial
}

/// Asks the caller of a failed agent for a message.
pub(super) fn voicemail(app: &App, business: &Business) -> Response {
    ask_for_message(app, business, phrases::leave_a_message(business.language))
}

/// Asks the caller for a message whose call nobody picked up.
pub(super) fn voicemail_instead(app: &App, business: &Business) -> Response {
    app.metrics.ladder_rung(Rung::Voicemail);
    ask_for_message(app, business, phrases::nobody_picks_up(business.language))
}

fn ask_for_message(app: &App, business: &Business, words: &'static str) -> Response {
    let words = say(business.language, words);
    record_message(app, Response::new().say(words))
}
