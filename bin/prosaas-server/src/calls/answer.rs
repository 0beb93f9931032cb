//! What a call hears first: the TwiML that answers `incoming_call`.

use std::sync::Arc;

use prosaas_core::agent::HistoryTurn;
use prosaas_core::{
    AgentBrief, BridgeHealth, Business, BusinessSecrets, CallContext, CallDirection, CallId,
    CallSid, E164, Error, Language, LeadDraft, MicroUsd, NewCall, NumberOwner, UnixMillis,
};
use prosaas_crm::auth::Scoped;
use prosaas_crm::model::call_list::AnsweredBy;
use prosaas_crm::model::settings::VoiceTool;
use prosaas_crm::model::situation::CallSituation;
use prosaas_crm::model::token::NewStreamToken;
use prosaas_crm::rules::answering::{self, AnswerPlan, CallFacts};
use prosaas_twilio::StreamToken;
use prosaas_twilio::axum::paths;
use prosaas_twilio::twiml::{
    Dial, RecordVerb, RecordingChannels, RejectReason, Response, Say, StartRecording, Stream,
};
use prosaas_twilio::webhook::IncomingCall;
use tracing::Instrument as _;

use super::full::{self, Line};
use super::{FoundCall, agent, caller, phrases, tools, without_agent};
use crate::call_span;
use crate::standby::is_away;
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
        .get_or_make(&call.call_sid, now, Box::pin(answer(app, call)))
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
    // A call that nobody can be asked about, and that did not pass here, is taken for a new one.
    let known = match app.standby.find_call(&call.call_sid).await {
        Err(error) if is_away(&error) => None,
        found => found?,
    };
    if let Some(known) = &known
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
    let situation = app.standby.situation(business.scope(), &new).await?;
    let plan = plan(&situation, &new);
    let is_new = known.is_none();
    let id = known.map_or_else(|| CallId::mint(new.started_at), |known| known.id);
    if is_new && plan == AnswerPlan::Agent {
        let rules = &situation.rules.full;
        if let Some(refused) = full::at_once(app, &business, (id, &new), rules).await? {
            return Ok(refused);
        }
    }
    let opening = Opening::of(app, &new.call_sid, 0, situation)?;
    let token = (plan == AnswerPlan::Agent).then(|| opening.to_store());
    let opened = app.standby.open_call(&business, (id, new), token).await;
    if is_new && !opened.as_ref().is_ok_and(|record| record.id == id) {
        // Not stored, or by another process under another id: nobody has the line that was kept for it.
        app.live.forget(id);
    }
    let record = opened?;
    if record.end.is_some() || record.status.is_final() {
        tracing::info!(call = %record.id, "the call was over before it could be answered");
        return Ok(Response::new().hangup());
    }
    let span = call_span!(record.id);
    let follow = follow(app, &business, &record, plan, opening);
    follow.instrument(span).await
}

/// A stream that is about to be opened, and what was found out for it.
pub(super) struct Opening {
    /// How many streams the call had.
    attempt: u32,
    token: StreamToken,
    expires_at: UnixMillis,
    situation: CallSituation,
}

impl Opening {
    fn of(
        app: &App,
        call: &CallSid,
        attempt: u32,
        situation: CallSituation,
    ) -> Result<Self, Error> {
        Ok(Self {
            attempt,
            token: app.stream_token(call, attempt)?,
            expires_at: app.clock.now().plus(TOKEN_LIFE_MS),
            situation,
        })
    }

    /// Another stream of a call that is open, its token given out.
    pub(super) async fn again(app: &App, record: &FoundCall, attempt: u32) -> Result<Self, Error> {
        let situation = app.standby.situation(record.scope(), &record.call).await?;
        let opening = Self::of(app, &record.call.call_sid, attempt, situation)?;
        app.standby.issue_token(record, opening.to_store()).await?;
        Ok(opening)
    }

    fn to_store(&self) -> NewStreamToken {
        NewStreamToken {
            hash: self.token.hash(),
            expires_at: self.expires_at,
        }
    }
}

/// How the business wants a call answered. One that we placed was wanted.
pub(crate) fn plan(situation: &CallSituation, call: &NewCall) -> AnswerPlan {
    if call.direction == CallDirection::Outbound {
        return AnswerPlan::Agent;
    }
    let facts = CallFacts {
        caller: call.caller.as_ref(),
        called: &call.business_number,
        is_open: situation.is_open,
        is_known: situation
            .caller
            .as_ref()
            .is_some_and(|caller| caller.name.is_some()),
        is_blocked: situation.is_blocked,
        is_known_bad: situation.is_known_bad,
        calls_before: situation.calls_before,
    };
    answering::plan(&situation.rules, &facts)
}

async fn follow(
    app: &Arc<App>,
    business: &Arc<Business>,
    record: &FoundCall,
    plan: AnswerPlan,
    opening: Opening,
) -> Result<Response, Error> {
    match plan {
        AnswerPlan::Reject(why) => {
            tracing::info!(why = why.as_str(), "the caller was turned away");
            app.standby.reject(record).await?;
            Ok(Response::new().reject(RejectReason::Busy))
        }
        AnswerPlan::TakeMessage(why) => {
            tracing::info!(why = why.as_str(), "the caller may leave a message");
            let by = Some(AnsweredBy::Voicemail);
            app.standby.expect_answer(record, by).await?;
            Ok(plain_voicemail(app, business))
        }
        AnswerPlan::Ring(phone) => {
            tracing::info!(
                seconds = phone.seconds(),
                "the business's phone rings first"
            );
            let by = Some(AnsweredBy::Person);
            app.standby.expect_answer(record, by).await?;
            let mut dial = Dial::new(phone.number().clone());
            dial.timeout_s = Some(phone.seconds());
            dial.answer_on_bridge = Some(true);
            dial.action = Some(app.url(paths::STREAM_ENDED));
            Ok(Response::new().dial(dial))
        }
        AnswerPlan::Agent => answer_for(app, business, record, (opening, 0)).await,
    }
}

/// The agent takes the call, if there is room for one more; its caller has waited so often for that already.
pub(super) async fn answer_for(
    app: &Arc<App>,
    business: &Arc<Business>,
    record: &FoundCall,
    (opening, waited): (Opening, u32),
) -> Result<Response, Error> {
    let rules = &opening.situation.rules.full;
    match full::line_for(app, business, (record.id, &record.call), rules) {
        Line::Free => {}
        Line::Taken => return full::treat(app, business, record, (rules, waited)).await,
        Line::Stopping => {
            tracing::info!("the server is stopping, so the call was refused");
            return full::refuse(app, business, record).await;
        }
    }
    if !app.config.model.use_realtime {
        return Ok(plain_voicemail(app, business));
    }
    // What is known of the installation's accounts says nothing about a business's own.
    if let BridgeHealth::Down { .. } = app.bridge.health()
        && app
            .standby
            .secrets(record.scope())
            .await?
            .openai_api_key
            .is_none()
    {
        return without_agent::answer(app, business, record, &opening.situation).await;
    }
    if give_money(app, record, &opening.situation) == Some(MicroUsd(0)) {
        tracing::warn!("the month's budget is spent, so the caller is asked for a message");
        return message_instead(app, business, record).await;
    }
    connect(app, business, record, opening).await
}

/// What a call may cost; `None` when there is no end to it. Asking again gives no more.
fn give_money(app: &App, record: &FoundCall, situation: &CallSituation) -> Option<MicroUsd> {
    let now = app.clock.now();
    app.purse
        .give(record.tenant, record.id, &situation.account, now)
}

/// The agent would have had the call and cannot.
pub(super) async fn message_instead(
    app: &App,
    business: &Business,
    record: &FoundCall,
) -> Result<Response, Error> {
    let by = Some(AnsweredBy::Voicemail);
    app.standby.expect_answer(record, by).await?;
    Ok(plain_voicemail(app, business))
}

/// Greeting and voicemail, without a model.
fn plain_voicemail(app: &App, business: &Business) -> Response {
    let language = business.language;
    let response = Response::new()
        .say(say(language, agent::greeting(business)))
        .say(say(language, phrases::voicemail(language)));
    record_message(app, response)
}

/// The business whose number was called, with that number; `None` after saying why in the log.
async fn owner(
    app: &App,
    call: &IncomingCall,
) -> Result<Option<(Scoped<Arc<Business>>, E164)>, Error> {
    let Some(number) = call.our_side().number() else {
        tracing::warn!(call_sid = %call.call_sid, side = ?call.our_side(), "a call to something that is no phone number was refused");
        return Ok(None);
    };
    match app.standby.owner(number).await? {
        NumberOwner::One(business) => {
            if app
                .keys
                .may_speak_for(&call.account_sid, business.id)
                .await?
            {
                return Ok(Some((business, number.clone())));
            }
            tracing::error!(
                call_sid = %call.call_sid, %number,
                "another business's account sent a call for this number; it was refused"
            );
            Ok(None)
        }
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

/// What a call leaves when nobody spoke with the caller.
pub(crate) fn missed(language: Language) -> LeadDraft {
    LeadDraft {
        notes: Some(phrases::missed_call(language).to_owned()),
        ..LeadDraft::default()
    }
}

/// Connects the call to the model: `<Connect><Stream>` with a fresh token, and the model's side is opened
/// meanwhile.
pub(super) async fn connect(
    app: &Arc<App>,
    business: &Arc<Business>,
    record: &FoundCall,
    opening: Opening,
) -> Result<Response, Error> {
    let Opening {
        attempt,
        token,
        situation,
        ..
    } = opening;
    let history = match attempt {
        0 => Vec::new(),
        _ => agent::history(&app.standby.earlier(record).await?.lines),
    };
    // Another process may have answered the call.
    give_money(app, record, &situation);
    let secrets = app.standby.secrets(record.scope()).await?;
    let media_url = media_url(app, record, &secrets);
    let known = (&situation, secrets);
    let brief = brief_for(app, business, record, known, history).await?;
    app.prewarm
        .open(record.call.call_sid.clone(), Arc::clone(&app.bridge), brief);

    let mut response = Response::new();
    if situation.record_calls.unwrap_or(business.record_calls) && attempt == 0 {
        if let Some(announcement) = situation.announcement {
            app.standby.announce(record, announcement.version).await?;
            response = response.say(say(business.language, announcement.text));
        }
        response = response.start_recording(StartRecording {
            recording_status_callback: Some(app.url(paths::HANDLE_RECORDING)),
            channels: Some(RecordingChannels::Dual),
            trim_silence: None,
        });
    }
    tracing::info!(attempt, "the call is connected to the agent");
    let resume = app.resume_url(attempt + 1);
    let stream = Stream::new(media_url)
        .parameter(StreamToken::PARAMETER, token.expose())
        .action(resume.clone());
    // The action is requested when the stream ends for whatever reason; the redirect stands for a carrier
    // that goes on with the next verb instead.
    Ok(response.connect_stream(stream).redirect(resume))
}

/// Where the carrier opens the media socket. An upgrade carries no account, so a business with a key of its
/// own is named in the path.
fn media_url(app: &App, record: &FoundCall, secrets: &BusinessSecrets) -> String {
    let base = &app.config.public_media_url;
    match secrets.twilio_auth_token {
        Some(_) => format!("{base}/{}", record.tenant),
        None => base.clone(),
    }
}

/// What the model is told for this call.
pub(super) async fn brief(
    app: &App,
    business: &Business,
    record: &FoundCall,
    history: Vec<HistoryTurn>,
) -> Result<AgentBrief, Error> {
    let situation = app.standby.situation(record.scope(), &record.call).await?;
    let secrets = app.standby.secrets(record.scope()).await?;
    let known = (&situation, secrets);
    brief_for(app, business, record, known, history).await
}

async fn brief_for(
    app: &App,
    business: &Business,
    record: &FoundCall,
    (situation, secrets): (&CallSituation, BusinessSecrets),
    history: Vec<HistoryTurn>,
) -> Result<AgentBrief, Error> {
    let context = context(record);
    let offered = offered(app, record, &situation.tools).await;
    let mut brief = agent::brief(
        business,
        tools::specs(business, &offered),
        history,
        app.pseudonyms.of(&context),
        secrets.openai_api_key,
    );
    let notes = caller::notes(situation, app.clock.now());
    brief.instructions.push_str(&notes);
    Ok(brief)
}

/// What the agent may do in this very call: it sends a WhatsApp only where the caller can be written to.
async fn offered(app: &App, record: &FoundCall, tools: &[VoiceTool]) -> Vec<VoiceTool> {
    let mut offered = tools.to_vec();
    if offered.contains(&VoiceTool::SendWhatsapp) {
        let way = app.whatsapp.as_ref().zip(record.call.caller.as_ref());
        let can_write = match way {
            Some((whatsapp, caller)) => {
                let transport = whatsapp.transport();
                let scope = record.scope();
                app.standby
                    .may_write_in_call(scope, caller, &*transport)
                    .await
            }
            None => false,
        };
        if !can_write {
            offered.retain(|tool| *tool != VoiceTool::SendWhatsapp);
        }
    }
    offered
}

/// Whose call it is, for tools.
pub(super) fn context(record: &FoundCall) -> CallContext {
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
