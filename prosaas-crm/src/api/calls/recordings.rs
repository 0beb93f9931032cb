//! Recordings: they leave through here and nowhere else, to who may hear them.

use axum::Json;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use prosaas_core::{CallId, RecordingSid};
use serde::Serialize;
use tower::ServiceExt as _;
use tower_http::services::ServeFile;
use utoipa::ToSchema;

use crate::api::kit::{ApiResult, ApiState, Id, Problem, Scope};
use crate::model::call::{Recording, RecordingState};
use crate::store::CallStore as _;

/// A recording of a call.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Recording)]
pub(crate) struct RecordingInfo {
    /// Its id.
    id: RecordingSid,
    /// How far it has come: `in_progress`, `available` at the carrier, `stored` here, or `absent`.
    #[schema(example = "stored")]
    state: &'static str,
    /// How long it is.
    duration_ms: Option<u64>,
    /// Where it can be heard, once it is stored.
    url: Option<String>,
}

impl RecordingInfo {
    fn of(call: CallId, recording: Recording) -> Self {
        let is_stored = recording.state == RecordingState::Stored;
        let url = format!("/api/calls/{call}/recordings/{}", recording.sid);
        Self {
            url: is_stored.then_some(url),
            id: recording.sid,
            state: recording.state.as_str(),
            duration_ms: recording.duration_ms,
        }
    }
}

/// The recordings of a call.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Recordings {
    /// The conversation, and a voicemail behind it if there is one.
    data: Vec<RecordingInfo>,
}

/// Lists the recordings of a call.
#[utoipa::path(get, path = "/api/calls/{id}/recordings",
    params(("id" = CallId, Path, description = "The call.")),
    responses((status = 200, description = "The recordings.", body = Recordings)))]
pub(super) async fn list_call_recordings(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    Id(id): Id<CallId>,
) -> ApiResult<Json<Recordings>> {
    let known = state.store().recordings(&scope, id).await?;
    let data = known
        .into_iter()
        .map(|recording| RecordingInfo::of(id, recording))
        .collect();
    Ok(Json(Recordings { data }))
}

/// Plays a recording; a part of it when the request has a `Range`.
#[utoipa::path(get, path = "/api/calls/{id}/recordings/{recording}",
    params(
        ("id" = CallId, Path, description = "The call."),
        ("recording" = RecordingSid, Path, description = "The recording."),
    ),
    responses((status = 200, description = "The sound.", body = Vec<u8>, content_type = "audio/wav")))]
pub(super) async fn get_call_recording(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    Id((id, recording)): Id<(CallId, RecordingSid)>,
    request: Request,
) -> ApiResult<Response> {
    let known = state.store().recordings(&scope, id).await?;
    let stored = known.into_iter().find(|known| known.sid == recording);
    let path = stored
        .and_then(|recording| recording.path)
        .ok_or_else(Problem::not_found)?;
    let file = state.config().data_dir.join(path);
    let Ok(served) = ServeFile::new(&file).oneshot(request).await;
    if served.status() == StatusCode::NOT_FOUND {
        return Err(Problem::not_found());
    }
    let mut response = served.into_response();
    let headers = response.headers_mut();
    // Kept by the browser, but asked about each time: whoever has signed out hears nothing.
    let private = HeaderValue::from_static("private, no-cache");
    headers.insert(header::CACHE_CONTROL, private);
    if headers.contains_key(header::CONTENT_TYPE) {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("audio/wav"));
    }
    // Both ids are ours: letters, digits and underscores.
    let name = format!("inline; filename=\"{id}-{recording}.wav\"");
    if let Ok(name) = HeaderValue::from_str(&name) {
        headers.insert(header::CONTENT_DISPOSITION, name);
    }
    Ok(response)
}
