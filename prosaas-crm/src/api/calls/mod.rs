//! Calls: what was said in them, and their recordings.

mod live;
mod own_phone;
mod quality;
mod recordings;
mod script;
mod waiting;

use axum::Json;
use axum::extract::State;
use prosaas_core::{
    CallDirection, CallEnd, CallId, CallStatus, E164, LeadId, Speaker, TranscriptLine, UnixMillis,
    Verdict,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::routes;

use self::quality::CallQualityView;
pub use self::script::CallScripts;
use self::waiting::{CallReplyView, CallSettlement};
use crate::api::kit::{
    ApiResult, ApiState, Id, List, ListParams, Needs, Page, Routes, Scope, Tagged, Time,
};
use crate::auth::Permission;
use crate::model::call::AfterStream;
use crate::model::call_list::{AnsweredBy, CallEntry, CallFilter, LadderUse};
use crate::store::CallStore as _;

/// A call.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Call {
    /// Its id.
    id: CallId,
    /// Who called whom.
    #[schema(value_type = String, example = "inbound")]
    direction: CallDirection,
    /// The other side's number; null when it is withheld.
    caller: Option<E164>,
    /// The business's number.
    business_number: E164,
    /// The lead it belongs to.
    lead_id: Option<LeadId>,
    /// How far it has come, in the carrier's words.
    #[schema(value_type = String, example = "completed")]
    status: CallStatus,
    /// When it began.
    started_at: Time,
    /// When it ended.
    ended_at: Option<Time>,
    /// Why it ended.
    #[schema(value_type = Option<String>, example = "caller_hung_up")]
    end: Option<CallEnd>,
    /// Who took it.
    answered_by: Option<AnsweredBy>,
    /// What it was about.
    summary: Option<String>,
    /// What the caller wanted.
    intent: Option<String>,
    /// Whether somebody should see to it now.
    urgent: bool,
    /// When it was summed up.
    summarized_at: Option<Time>,
    /// Which announcement of the recording the caller heard.
    announcement_version: Option<u32>,
    /// How it ended for a caller whom nobody had heard, once somebody said so.
    settlement: Option<CallSettlement>,
    /// The message that its caller got because nobody heard him.
    reply: Option<CallReplyView>,
    /// What kept it from silence when its model failed.
    ladder: CallLadder,
    /// How well it went; null while it goes on, when no agent was to take it, and when it was over at once.
    quality: Option<CallQualityView>,
    /// What the model cost, in millionths of a US dollar.
    cost_micro_usd: i64,
    /// What the carrier charges, with the legs that the call made; null while that is not known, which takes a day,
    /// or when it is charged in another currency.
    carrier_cost_micro_usd: Option<i64>,
    /// Both together, as far as they are known.
    total_cost_micro_usd: i64,
}

impl From<CallEntry> for Call {
    fn from(entry: CallEntry) -> Self {
        let ladder = CallLadder::of(&entry);
        let record = entry.call.record;
        let (model, carrier) = (record.usage.cost, entry.carrier_cost);
        Self {
            id: record.id,
            direction: record.call.direction,
            caller: record.call.caller,
            business_number: record.call.business_number,
            lead_id: entry.call.lead,
            status: record.status,
            started_at: record.call.started_at.into(),
            ended_at: record.ended_at.map(Time::from),
            end: record.end,
            answered_by: entry.answered_by,
            summary: entry.summary,
            intent: entry.intent,
            urgent: entry.urgent,
            summarized_at: entry.summarized_at.map(Time::from),
            announcement_version: entry.announcement_version,
            settlement: entry.settled.map(CallSettlement::from),
            reply: entry.reply.map(CallReplyView::from),
            ladder,
            quality: entry.call.quality.map(|quality| (*quality).into()),
            cost_micro_usd: model.0,
            carrier_cost_micro_usd: carrier.map(|carrier| carrier.0),
            total_cost_micro_usd: (model + carrier.unwrap_or_default()).0,
        }
    }
}

/// What kept a call from silence when its model failed.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CallLadder {
    /// Which model or account served it last, such as `first` or `spare`; null when none did, or there is only one.
    #[schema(example = "spare")]
    served_by: Option<String>,
    /// How often its caller was asked for patience.
    hold_lines: u32,
    /// How often its model was connected again.
    reconnects: u32,
    /// How it went on when its model had failed for good: `dial` to a person, or `take_voicemail`.
    #[schema(example = "dial")]
    went_on: Option<&'static str>,
}

impl CallLadder {
    fn of(entry: &CallEntry) -> Self {
        let LadderUse {
            served_by,
            hold_lines,
            reconnects,
        } = entry.ladder.clone();
        let failed = entry.call.record.end == Some(CallEnd::AiFailed);
        let after = entry.call.after_stream.as_ref().filter(|_| failed);
        Self {
            served_by,
            hold_lines,
            reconnects,
            went_on: after.map(AfterStream::as_str),
        }
    }
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct CallListFilter {
    /// Only `inbound` or `outbound` calls.
    #[param(value_type = Option<String>)]
    direction: Option<CallDirection>,
    /// Only calls that ended so, such as `caller_hung_up`.
    #[param(value_type = Option<String>)]
    end: Option<CallEnd>,
    /// Only calls that were taken so.
    answered_by: Option<AnsweredBy>,
    /// Only urgent calls, or only the others.
    urgent: Option<bool>,
    /// Only calls that went so: `good`, `fair` or `poor`.
    #[param(value_type = Option<String>)]
    verdict: Option<Verdict>,
    /// Only this lead's calls.
    lead_id: Option<LeadId>,
    /// Only calls that began at this time or later.
    from: Option<Time>,
    /// Only calls that began before this time.
    until: Option<Time>,
}

/// A line of a transcript.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TranscriptLine)]
pub(crate) struct Line {
    /// Its place in the conversation.
    seq: u32,
    /// Who said it: `caller` or `agent`.
    #[schema(value_type = String, example = "caller")]
    speaker: Speaker,
    /// When it was said, in milliseconds from the beginning of the conversation.
    at_ms: u64,
    /// What was said.
    text: String,
    /// Whether the speaker was interrupted.
    interrupted: bool,
}

impl From<TranscriptLine> for Line {
    fn from(line: TranscriptLine) -> Self {
        Self {
            seq: line.seq,
            speaker: line.speaker,
            at_ms: line.at.0,
            text: line.text,
            interrupted: line.interrupted,
        }
    }
}

/// What was said in a call.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Transcript {
    /// Its lines, in the order of the conversation.
    data: Vec<Line>,
}

/// Lists calls, the newest first.
#[utoipa::path(get, path = "/api/calls", params(ListParams, CallListFilter),
    responses((status = 200, description = "One page of calls.", body = Page<Call>)))]
async fn list_calls(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    list: List<CallListFilter>,
) -> ApiResult<Json<Page<Call>>> {
    let after: Option<(UnixMillis, CallId)> = list.after()?;
    let wanted = &list.filter;
    let filter = CallFilter {
        direction: wanted.direction,
        end: wanted.end,
        answered_by: wanted.answered_by,
        urgent: wanted.urgent,
        verdict: wanted.verdict,
        lead: wanted.lead_id,
        from: wanted.from.map(UnixMillis::from),
        until: wanted.until.map(UnixMillis::from),
    };
    let rows = state
        .store()
        .calls(&scope, filter, after, list.fetch())
        .await?;
    let key = |entry: &CallEntry| {
        let record = &entry.call.record;
        (record.call.started_at, record.id)
    };
    Ok(list.page(rows, key, Call::from)?.json())
}

/// Shows a call.
#[utoipa::path(get, path = "/api/calls/{id}",
    params(("id" = CallId, Path, description = "The call.")),
    responses((status = 200, description = "The call.", body = Call)))]
async fn get_call(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    Id(id): Id<CallId>,
) -> ApiResult<Json<Call>> {
    Ok(Json(state.store().call_entry(&scope, id).await?.into()))
}

/// Shows what was said in a call.
#[utoipa::path(get, path = "/api/calls/{id}/transcript",
    params(("id" = CallId, Path, description = "The call.")),
    responses((status = 200, description = "The transcript.", body = Transcript)))]
async fn get_call_transcript(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    Id(id): Id<CallId>,
) -> ApiResult<Json<Transcript>> {
    let lines = state.store().transcript(&scope, id).await?;
    let data = lines.into_iter().map(Line::from).collect();
    Ok(Json(Transcript { data }))
}

pub(crate) fn routes() -> Tagged {
    Routes::tagged("calls")
        .add(Needs::Tenant(Permission::CallsRead), routes!(list_calls))
        .add(Needs::Tenant(Permission::CallsRead), routes!(get_call))
        .add(
            Needs::Tenant(Permission::CallsRead),
            routes!(live::list_live_calls),
        )
        .add(
            Needs::Tenant(Permission::CallsWrite).unversioned(),
            routes!(live::whisper),
        )
        .add(
            Needs::Tenant(Permission::CallsWrite).unversioned(),
            routes!(live::hand_over_call),
        )
        .add(
            Needs::Tenant(Permission::CallsWrite).unversioned(),
            routes!(live::hang_up_call),
        )
        .add(
            Needs::Tenant(Permission::CallsWrite),
            routes!(own_phone::get_own_phone),
        )
        .add(
            Needs::Tenant(Permission::CallsWrite).unversioned(),
            routes!(own_phone::set_own_phone),
        )
        .add(
            Needs::Tenant(Permission::CallsWrite).unversioned(),
            routes!(own_phone::clear_own_phone),
        )
        .add(
            Needs::Tenant(Permission::CallsWrite).unversioned(),
            routes!(own_phone::take_over_call),
        )
        .add(
            Needs::Tenant(Permission::CallsRead),
            routes!(live::listen_in),
        )
        .add(
            Needs::Tenant(Permission::CallsRead),
            routes!(waiting::list_waiting_calls),
        )
        .add(
            Needs::Tenant(Permission::CallsWrite).unversioned(),
            routes!(waiting::settle_call),
        )
        .add(
            Needs::Tenant(Permission::CallsWrite).unversioned(),
            routes!(waiting::reopen_call),
        )
        .add(
            Needs::Tenant(Permission::CallsRead),
            routes!(get_call_transcript),
        )
        .add(
            Needs::Tenant(Permission::CallsRead),
            routes!(recordings::list_call_recordings),
        )
        .add(
            Needs::Tenant(Permission::CallsRead),
            routes!(recordings::get_call_recording),
        )
        .add(
            Needs::Tenant(Permission::AuditRead),
            routes!(script::get_call_script),
        )
}
