//! A call as a regression script: what happened in it, without what was said.

use async_trait::async_trait;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use prosaas_core::{CallId, Result, TenantId};

use crate::api::kit::{ApiResult, ApiState, Id, Problem, Scope};

/// Where a host keeps what happened in its calls, input by input.
///
/// The method names the business: a call of another one is exactly like one of which nothing is kept.
#[async_trait]
pub trait CallScripts: Send + Sync + std::fmt::Debug {
    /// A call's first connection as a script, with letters and digits in place of words, names and numbers; `None`
    /// when nothing is kept of it.
    ///
    /// # Errors
    /// `Unavailable` when it cannot be read; `Internal` when it makes no sense.
    async fn script(&self, tenant: TenantId, call: CallId) -> Result<Option<String>>;
}

/// Shows a call as a script that replays it: every input at its time and what the session did. Words, names and numbers
/// are replaced by others of their length, and sound by its length.
#[utoipa::path(get, path = "/api/calls/{id}/script",
    params(("id" = CallId, Path, description = "The call.")),
    responses((status = 200, description = "The script.", body = String, content_type = "text/plain")))]
pub(super) async fn get_call_script(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    Id(id): Id<CallId>,
) -> ApiResult<Response> {
    // Another business's call is not found, whatever is kept of it.
    let kind = "call.script_requested";
    state.store().note_request(&scope, id, kind).await?;
    let kept = match state.scripts() {
        Some(scripts) => scripts.script(scope.tenant(), id).await?,
        None => None,
    };
    let script = kept.ok_or_else(Problem::not_found)?;
    let text = HeaderValue::from_static("text/plain; charset=utf-8");
    let headers = [
        (header::CONTENT_TYPE, text),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    let mut response = (headers, script).into_response();
    // The id is ours: letters, digits and an underscore.
    if let Ok(name) = HeaderValue::from_str(&format!("attachment; filename=\"{id}.txt\"")) {
        response
            .headers_mut()
            .insert(header::CONTENT_DISPOSITION, name);
    }
    Ok(response)
}
