//! A call that comes while all lines are taken: it waits, goes elsewhere or leaves a message, as its number says.

use std::sync::Arc;

use prosaas_core::{Business, Error};
use prosaas_crm::model::call_list::AnsweredBy;
use prosaas_crm::rules::full::{FullFacts, FullPlan, FullRules, HOLD_S, plan};
use prosaas_twilio::twiml::Response;
use prosaas_twilio::webhook::StreamEnded;
use tracing::Instrument as _;

use super::answer::{self, Opening, apology, say};
use super::{FoundCall, phrases, resume, without_agent};
use crate::call_span;
use crate::wiring::App;

/// Where a call is tried again that has waited; the path goes on with how often it has.
pub const PATH: &str = "/webhook/call_held";

/// What the caller hears who waited so often already.
pub(super) async fn treat(
    app: &App,
    business: &Business,
    record: &FoundCall,
    (rules, waited): (&FullRules, u32),
) -> Result<Response, Error> {
    let plan = plan(
        rules,
        &FullFacts {
            caller: record.call.caller.as_ref(),
            called: &record.call.business_number,
            waited,
        },
    );
    tracing::warn!(when = rules.when.as_str(), waited, "all lines are taken");
    // Until somebody has picked up: a caller who hangs up before that was missed.
    let nobody = Some(AnsweredBy::Nobody);
    match plan {
        FullPlan::CallBack => answer::refuse(app, business, record).await,
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
