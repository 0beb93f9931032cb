//! What a call hears first: the TwiML that answers `incoming_call`.

use std::sync::Arc;

use prosaas_core::{
    Business, CallContext, CallDirection, CallEnd, CallOutcome, CallRecord, E164, Error, Language,
    LeadDraft, NewCall, NumberOwner, Usage,
};
use prosaas_crm::AfterStream;
use prosaas_twilio::StreamToken;
use prosaas_twilio::axum::paths;
use prosaas_twilio::twiml::{RecordVerb, RecordingChannels, Response, Say, StartRecording, Stream};
use prosaas_twilio::webhook::IncomingCall;
use tracing::Instrument as _;

use super::{agent, phrases, tools};
use crate::call_span;
use crate::wiring::App;

/// How long a media socket may take to come with its token.
pub const TOKEN_LIFE_MS: i64 = 60_000;
/// The longest voicemail, in seconds.
const LONGEST_MESSAGE_S: u32 = 180;

/// Answers a call. Copies of one delivery, however many and however parallel, get the same answer, and
/// only the first one does anything.
pub async fn incoming_call(app: &Arc<App>, call: &IncomingCall) -> Response {
    let now = app.clock.now();
    match app
        .answers
        .get_or_make(&call.call_sid, now, answer(app, call))
        .await
    {
        Ok(response) => response,
        Err(error) => {
            tracing::error!(error = %error.chain(), "a call could not be answered; the caller hears an apology");
            apology()
        }
    }
}

async fn answer(app: &Arc<App>, call: &IncomingCall) -> Result<Response, Error> {
    if let Some(known) = app.store.find_call(&call.call_sid).await?
        && (known.end.is_some() || known.status.is_final())
    {
        tracing::info!(call = %known.id, "a webhook of a call that is over was repeated");
        return Ok(Response::new().hangup());
    }
    let Some((business, number)) = owner(app, call).await? else {
        return Ok(not_in_service());
    };
    let new = NewCall {
        call_sid: call.call_sid.clone(),
        direction: direction(call),
        caller: call.their_side().number().cloned(),
        business_number: number,
        started_at: app.clock.now(),
    };
    let (record, _) = app.store.open_call(business.id, new).await?;
    let span = call_span!(record.id);
    answer_for(app, &business, &record).instrument(span).await
}

async fn answer_for(
    app: &Arc<App>,
    business: &Arc<Business>,
    record: &CallRecord,
) -> Result<Response, Error> {
    let limit = business.limits.max_live_calls;
    if app.shutdown.is_draining() {
        tracing::info!("the server is stopping, so the call was refused");
        return refuse(app, business, record).await;
    }
    if !app
        .live
        .admit(business.id, record.id, limit, app.clock.now())
    {
        tracing::warn!(
            limit,
            "the business has as many live calls as it may, so the call was refused"
        );
        return refuse(app, business, record).await;
    }
    if !app.config.model.use_realtime {
        let response = Response::new()
            .say(say(business.language, agent::greeting(business)))
            .say(say(
                business.language,
                phrases::voicemail(business.language),
            ));
        return Ok(record_message(app, response));
    }
    connect(app, business, record, 0).await
}

/// The business whose number was called, with that number; `None` after saying why in the log.
async fn owner(app: &App, call: &IncomingCall) -> Result<Option<(Arc<Business>, E164)>, Error> {
    let Some(number) = call.our_side().number() else {
        tracing::warn!(call_sid = %call.call_sid, side = ?call.our_side(), "a call to something that is no phone number was refused");
        return Ok(None);
    };
    match app.store.business_by_number(number).await? {
        NumberOwner::One(business) => Ok(Some((business, number.clone()))),
        NumberOwner::Nobody => {
            tracing::warn!(call_sid = %call.call_sid, %number, "a number that belongs to no business was called");
            Ok(None)
        }
        NumberOwner::Several(businesses) => {
            tracing::error!(
                call_sid = %call.call_sid, %number, businesses,
                "a number that several businesses claim was called; nobody may guess, so it was refused"
            );
            Ok(None)
        }
    }
}

/// A call we placed has our number in `From`.
fn direction(call: &IncomingCall) -> CallDirection {
    if call.direction.is_outbound() {
        CallDirection::Outbound
    } else {
        CallDirection::Inbound
    }
}

/// Turns a call away politely, with its lead stored.
async fn refuse(app: &App, business: &Business, record: &CallRecord) -> Result<Response, Error> {
    let outcome = CallOutcome {
        ended_at: app.clock.now(),
        end: CallEnd::Voicemail,
        usage: Usage::default(),
        lead: missed(business.language),
    };
    super::finish::store(app, business.id, record, outcome, AfterStream::HangUp).await?;
    Ok(Response::new()
        .say(say(business.language, phrases::all_busy(business.language)))
        .hangup())
}

/// What a call leaves when nobody spoke with the caller.
pub(super) fn missed(language: Language) -> LeadDraft {
    LeadDraft {
        notes: Some(phrases::missed_call(language).to_owned()),
        ..LeadDraft::default()
    }
}

/// Connects the call to the model: `<Connect><Stream>` with a fresh token, and the model's side is opened
/// meanwhile. `attempt` counts the streams of the call.
pub(super) async fn connect(
    app: &Arc<App>,
    business: &Arc<Business>,
    record: &CallRecord,
    attempt: u32,
) -> Result<Response, Error> {
    let token = app.stream_token(&record.call.call_sid, attempt)?;
    let expires_at = app.clock.now().plus(TOKEN_LIFE_MS);
    app.store
        .issue_stream_token(business.id, record.id, token.hash(), expires_at)
        .await?;

    let history = match attempt {
        0 => Vec::new(),
        _ => agent::history(&app.store.transcript(business.id, record.id).await?),
    };
    let brief = brief(app, business, record, history).await?;
    app.prewarm
        .open(record.call.call_sid.clone(), Arc::clone(&app.bridge), brief);

    let mut response = Response::new();
    if business.record_calls && attempt == 0 {
        response = response.start_recording(StartRecording {
            recording_status_callback: Some(app.url(paths::HANDLE_RECORDING)),
            channels: Some(RecordingChannels::Dual),
            trim_silence: None,
        });
    }
    tracing::info!(attempt, "the call is connected to the agent");
    let resume = app.resume_url(attempt + 1);
    let stream = Stream::new(app.config.public_media_url.clone())
        .parameter(StreamToken::PARAMETER, token.expose())
        .action(resume.clone());
    // The action is requested when the stream ends for whatever reason; the redirect stands for a carrier
    // that goes on with the next verb instead.
    Ok(response.connect_stream(stream).redirect(resume))
}

/// What the model is told for this call.
pub(super) async fn brief(
    app: &App,
    business: &Business,
    record: &CallRecord,
    history: Vec<prosaas_core::agent::HistoryTurn>,
) -> Result<prosaas_core::AgentBrief, Error> {
    let secrets = app.store.secrets(business.id).await?;
    let context = context(record);
    Ok(agent::brief(
        business,
        tools::specs(business),
        history,
        app.pseudonyms.of(&context),
        secrets.openai_api_key,
    ))
}

/// Whose call it is, for tools.
pub(super) fn context(record: &CallRecord) -> CallContext {
    CallContext {
        tenant: record.tenant,
        call: record.id,
        call_sid: record.call.call_sid.clone(),
        caller: record.call.caller.clone(),
    }
}

/// `response` followed by a recorded message. The action is given because without one Twilio would request
/// this same document again.
pub(super) fn record_message(app: &App, response: Response) -> Response {
    response
        .record(RecordVerb {
            action: Some(app.url(paths::STREAM_ENDED)),
            max_length_s: Some(LONGEST_MESSAGE_S),
            play_beep: Some(true),
            recording_status_callback: Some(app.url(paths::HANDLE_RECORDING)),
            ..RecordVerb::default()
        })
        .hangup()
}

/// A sentence in a voice that speaks the language.
pub(super) fn say(language: Language, text: impl Into<String>) -> Say {
    Say::new(text)
        .voice(phrases::say_voice(language))
        .language(phrases::say_language(language))
}

/// The default answer: in both languages, since nobody knows whose caller it is.
fn not_in_service() -> Response {
    [Language::He, Language::En]
        .into_iter()
        .fold(Response::new(), |response, language| {
            response.say(say(language, phrases::not_in_service(language)))
        })
        .hangup()
}

/// What a caller hears when we failed.
pub fn apology() -> Response {
    [Language::He, Language::En]
        .into_iter()
        .fold(Response::new(), |response, language| {
            response.say(say(language, phrases::apology(language)))
        })
        .hangup()
}
