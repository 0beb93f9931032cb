//! Acting for a business.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use prosaas_core::{TenantId, UnixMillis};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::routes;

use crate::api::accounts::{SetCookie, session_cookie};
use crate::api::kit::{
    ApiJson, ApiResult, ApiState, Id, List, ListParams, Needs, NoFilter, Page, Routes, Session,
    System, Tagged, Time,
};
use crate::model::access::{ActingSession as Stored, NewActing};
use crate::model::id::{ActingId, UserId};

/// An administrator at work for a business.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ActingSession {
    id: ActingId,
    admin_id: UserId,
    business: TenantId,
    /// Why; the business reads it.
    reason: String,
    created_at: Time,
    expires_at: Time,
    ended_at: Option<Time>,
}

impl From<Stored> for ActingSession {
    fn from(acting: Stored) -> Self {
        Self {
            id: acting.id,
            admin_id: acting.admin,
            business: acting.tenant,
            reason: acting.reason,
            created_at: acting.created_at.into(),
            expires_at: acting.expires_at.into(),
            ended_at: acting.ended_at.map(Time::from),
        }
    }
}

/// Why and for how long an administrator wants to act.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"reason": "ticket 17", "minutes": 30}))]
pub(super) struct ActingWish {
    /// The business reads it.
    #[schema(max_length = 500)]
    reason: String,
    #[schema(minimum = 30, maximum = 60)]
    minutes: u32,
}

/// Begins to act for a business. Its owners are told by mail, and it stands in both audit logs.
#[utoipa::path(post, path = "/api/system/businesses/{id}/act", request_body = ActingWish,
    params(("id" = TenantId, Path, description = "The business.")),
    responses((status = 201, description = "The session works in the business now.", body = ActingSession)))]
async fn begin_acting(
    State(state): State<ApiState>,
    System(scope): System,
    session: Session,
    Id(business): Id<TenantId>,
    ApiJson(body): ApiJson<ActingWish>,
) -> ApiResult<(StatusCode, SetCookie, Json<ActingSession>)> {
    let new = NewActing::new(business, &body.reason, body.minutes)?;
    let store = state.store();
    let (token, acting) = store.begin_acting(&scope, session.session, &new).await?;
    state.recheck_streams();
    let cookie = session_cookie(&state, &token);
    Ok((StatusCode::CREATED, cookie, Json(acting.into())))
}

/// Lists who acted for whom, the newest first.
#[utoipa::path(get, path = "/api/system/acting-sessions", params(ListParams),
    responses((status = 200, description = "One page.", body = Page<ActingSession>)))]
async fn list_acting_sessions(
    State(state): State<ApiState>,
    System(scope): System,
    list: List<NoFilter>,
) -> ApiResult<Json<Page<ActingSession>>> {
    let after: Option<(UnixMillis, ActingId)> = list.after()?;
    let acting = state
        .store()
        .acting_sessions(&scope, after, list.fetch())
        .await?;
    let page = list.page(
        acting,
        |acting| (acting.created_at, acting.id),
        ActingSession::from,
    )?;
    Ok(page.json())
}

pub(crate) fn routes() -> Tagged {
    Routes::tagged("system")
        .add(Needs::System.secret_answer(), routes!(begin_acting))
        .add(Needs::System, routes!(list_acting_sessions))
}
