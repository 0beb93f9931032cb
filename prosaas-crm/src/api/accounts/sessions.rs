//! One's own sessions.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::routes;

use crate::api::kit::{ApiResult, ApiState, Id, Needs, NoContent, Routes, Session, Tagged, Time};
use crate::model::access::SessionInfo;
use crate::model::id::SessionId;

/// A browser one is signed in with.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SignedInBrowser {
    id: SessionId,
    /// Whether it is the one that asks.
    current: bool,
    /// What it calls itself.
    user_agent: String,
    signed_in_at: Time,
    seen_at: Time,
    expires_at: Time,
}

/// One's own sessions.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SignedInBrowsers {
    data: Vec<SignedInBrowser>,
}

/// Lists one's own sessions, the one used last first.
#[utoipa::path(get, path = "/api/auth/sessions",
    responses((status = 200, description = "The sessions.", body = SignedInBrowsers)))]
async fn list_sessions(
    State(state): State<ApiState>,
    session: Session,
) -> ApiResult<Json<SignedInBrowsers>> {
    let rules = state.accounts().sessions;
    let sessions = state.store().sessions(session.user, rules).await?;
    let show = |info: SessionInfo| SignedInBrowser {
        id: info.id,
        current: info.id == session.session,
        user_agent: info.user_agent,
        signed_in_at: info.created_at.into(),
        seen_at: info.seen_at.into(),
        expires_at: info.expires_at.into(),
    };
    let data = sessions.into_iter().map(show).collect();
    Ok(Json(SignedInBrowsers { data }))
}

/// Ends one of one's own sessions.
#[utoipa::path(delete, path = "/api/auth/sessions/{id}",
    params(("id" = SessionId, Path, description = "The session.")),
    responses((status = 204, description = "It is over.")))]
async fn revoke_session(
    State(state): State<ApiState>,
    session: Session,
    Id(id): Id<SessionId>,
) -> ApiResult<NoContent> {
    state.store().revoke_session(session.user, id).await?;
    state.recheck_streams();
    Ok(NoContent)
}

/// Ends all of one's own sessions but this one.
#[utoipa::path(post, path = "/api/auth/sessions/revoke-others",
    responses((status = 204, description = "They are over.")))]
async fn revoke_other_sessions(
    State(state): State<ApiState>,
    session: Session,
) -> ApiResult<NoContent> {
    state
        .store()
        .revoke_other_sessions(session.user, session.session)
        .await?;
    state.recheck_streams();
    Ok(NoContent)
}

pub(crate) fn routes() -> Tagged {
    Routes::tagged("auth")
        .add(Needs::Session, routes!(list_sessions))
        .add(Needs::Session.unversioned(), routes!(revoke_session))
        .add(Needs::Session, routes!(revoke_other_sessions))
}
