//! Calls that go on: what they are doing, and stepping in.

use std::convert::Infallible;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use futures_util::StreamExt as _;
use prosaas_core::{CallId, Error};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Call;
use crate::api::kit::{ApiJson, ApiResult, ApiState, Id, NoContent, Problem, Scope};
use crate::auth::TenantScope;
use crate::live::{LiveTurn, LiveWish, MAX_WHISPER};
use crate::model::check;

/// A call that goes on.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LiveCallView {
    /// The call as it is stored. Its cost is known there when it is over.
    call: Call,
    /// Whose turn it is.
    turn: LiveTurn,
    /// What the model cost so far, in millionths of a US dollar.
    cost_so_far_micro_usd: i64,
    /// Which model or account serves it, such as `first` or `spare`; null when none does yet, or there is only one.
    #[schema(example = "spare")]
    served_by: Option<String>,
    /// Whether its caller was asked for patience and still waits.
    is_holding: bool,
    /// How often its caller was asked for patience.
    hold_lines: u32,
}

/// The calls that go on.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LiveCallList {
    /// All of them, the longest first.
    data: Vec<LiveCallView>,
}

/// Something the agent is to be told.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "text": "He is a regular customer: offer him tomorrow at nine." }))]
pub(crate) struct Whisper {
    /// The words.
    #[schema(min_length = 1, max_length = 1000, pattern = r"\S")]
    text: String,
}

/// Whom a call is handed to.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "target": "sales" }))]
pub(crate) struct HandOver {
    /// The label of one of those whom the business's calls may be transferred to.
    #[schema(min_length = 1, max_length = 100, pattern = r"\S")]
    target: String,
}

/// Lists the calls that go on and are carried by this server.
#[utoipa::path(get, path = "/api/calls/live",
    responses((status = 200, description = "All of them.", body = LiveCallList)))]
pub(super) async fn list_live_calls(
    State(state): State<ApiState>,
    Scope(scope): Scope,
) -> ApiResult<Json<LiveCallList>> {
    let going_on = state
        .live()
        .map_or_else(Vec::new, |live| live.calls(scope.tenant()));
    let mut data = Vec::with_capacity(going_on.len());
    for live in going_on {
        match state.store().call_entry(&scope, live.call).await {
            // Its socket is about to be closed.
            Ok(entry) if entry.call.record.end.is_some() => {}
            Ok(entry) => data.push(LiveCallView {
                call: entry.into(),
                turn: live.turn,
                cost_so_far_micro_usd: live.cost.0,
                served_by: live.served_by,
                is_holding: live.is_holding,
                hold_lines: live.hold_lines,
            }),
            // It came in while the database was away, which does not know it yet.
            Err(Error::NotFound { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    // Ids begin with the time.
    data.sort_by_key(|live| live.call.id);
    Ok(Json(LiveCallList { data }))
}

/// Tells the agent of a call something that its caller does not hear.
#[utoipa::path(post, path = "/api/calls/{id}/whispers", request_body = Whisper,
    params(("id" = CallId, Path, description = "The call.")),
    responses((status = 204, description = "The agent is told.")))]
pub(super) async fn whisper(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    Id(id): Id<CallId>,
    ApiJson(wish): ApiJson<Whisper>,
) -> ApiResult<NoContent> {
    let text = check::text("text", &wish.text, MAX_WHISPER)?;
    step_in(
        &state,
        &scope,
        id,
        ("call.whisper_requested", LiveWish::Whisper(text)),
    )
    .await
}

/// Hands a call to somebody of the business: the agent says so, and that phone rings.
#[utoipa::path(post, path = "/api/calls/{id}/hand-over", request_body = HandOver,
    params(("id" = CallId, Path, description = "The call.")),
    responses((status = 204, description = "The agent hands it over.")))]
pub(super) async fn hand_over_call(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    Id(id): Id<CallId>,
    ApiJson(wish): ApiJson<HandOver>,
) -> ApiResult<NoContent> {
    let label = wish.target.trim();
    let mut targets = state.store().transfer_targets(&scope).await?.into_iter();
    let Some(target) = targets.find(|target| target.label == label) else {
        let expected = "expected one of the labels of the business's transfer targets";
        return Err(Error::invalid("target", expected).into());
    };
    step_in(
        &state,
        &scope,
        id,
        ("call.hand_over_requested", LiveWish::HandTo(target.number)),
    )
    .await
}

/// Ends a call: its agent says goodbye.
#[utoipa::path(post, path = "/api/calls/{id}/hang-up",
    params(("id" = CallId, Path, description = "The call.")),
    responses((status = 204, description = "The agent ends it.")))]
pub(super) async fn hang_up_call(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    Id(id): Id<CallId>,
) -> ApiResult<NoContent> {
    step_in(
        &state,
        &scope,
        id,
        ("call.hang_up_requested", LiveWish::End),
    )
    .await
}

/// Plays what is heard in a call, both sides, until it ends: the caller on the left, the agent on the right. A player
/// is about a second behind.
#[utoipa::path(get, path = "/api/calls/{id}/sound",
    params(("id" = CallId, Path, description = "The call.")),
    responses((status = 200, description = "The sound, without an end.", body = Vec<u8>, content_type = "audio/wav")))]
pub(super) async fn listen_in(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    Id(id): Id<CallId>,
) -> ApiResult<Response> {
    let kind = "call.listen_requested";
    state.store().note_request(&scope, id, kind).await?;
    let sound = state
        .live()
        .and_then(|live| live.listen(scope.tenant(), id));
    let sound = sound.ok_or_else(not_live)?.map(Ok::<_, Infallible>);
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("audio/wav")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        // A proxy that gathers it would make a call of it that is over.
        (
            HeaderName::from_static("x-accel-buffering"),
            HeaderValue::from_static("no"),
        ),
    ];
    Ok((headers, Body::from_stream(sound)).into_response())
}

/// Notes who wants what of a call, and tells it.
pub(super) async fn step_in(
    state: &ApiState,
    scope: &TenantScope,
    call: CallId,
    (kind, wish): (&'static str, LiveWish),
) -> ApiResult<NoContent> {
    // Another business's call is not found, whether it goes on or not.
    state.store().note_request(scope, call, kind).await?;
    let told = state
        .live()
        .is_some_and(|live| live.tell(scope.tenant(), call, wish));
    told.then_some(NoContent).ok_or_else(not_live)
}

fn not_live() -> Problem {
    Problem::new(StatusCode::CONFLICT, "call-not-live")
        .detail("the call is over, or takes no more of this; look at the call")
}
