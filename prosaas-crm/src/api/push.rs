//! `/api/push`: a member is told of calls on a device of his.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::records::Whole;
use crate::api::kit::{
    ApiJson, ApiResult, ApiState, Caller, Credential, Id, Needs, NoContent, Problem, Routes, Scope,
    Tagged, Time,
};
use crate::auth::{Permission, SystemScope};
use crate::model::id::{PushSubscriptionId, SessionId};
use crate::model::push::{PushSubscription, Reach};

/// The key by which push services know this installation.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PushKey {
    /// What a browser subscribes with: `applicationServerKey`, in base64url.
    public_key: String,
}

/// A browser as it describes itself: the parts of its `PushSubscription`.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "endpoint": "https://push.example.com/send/dGhpcyBpcyBhbiBleGFtcGxl",
    "p256dh": "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
    "auth": "BTBZMqHH6r4Tts7J_aSIgg",
}))]
pub(crate) struct NewPushDevice {
    /// Its address at a push service: https, to the public internet.
    #[schema(max_length = 2048)]
    endpoint: String,
    /// Its public key, in base64url.
    #[schema(max_length = 100)]
    p256dh: String,
    /// Its secret, in base64url.
    #[schema(max_length = 100)]
    auth: String,
}

/// A browser that is told of calls. How it is reached is not shown.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PushDevice {
    id: PushSubscriptionId,
    /// Whether it is the one that asks.
    current: bool,
    created_at: Time,
    /// When its console was open last.
    seen_at: Time,
}

impl PushDevice {
    fn seen_from(asking: &Caller, device: &PushSubscription) -> Self {
        Self {
            id: device.id,
            current: session_of(asking) == Some(device.session),
            created_at: device.created_at.into(),
            seen_at: device.seen_at.into(),
        }
    }
}

fn session_of(caller: &Caller) -> Option<SessionId> {
    match caller.credential() {
        Credential::Session(session) => Some(session),
        Credential::ApiKey(_) => None,
    }
}

/// Shows the key that a browser subscribes with.
#[utoipa::path(get, path = "/api/push/key",
    responses((status = 200, description = "The key.", body = PushKey)))]
async fn get_push_key(State(state): State<ApiState>) -> ApiResult<Json<PushKey>> {
    let installation = SystemScope::for_installation();
    let public_key = state.store().push_key(&installation).await?.public();
    Ok(Json(PushKey { public_key }))
}

/// Lists one's own devices that are told of calls, the one seen last first.
#[utoipa::path(get, path = "/api/push/subscriptions",
    responses((status = 200, description = "All of them.", body = Whole<PushDevice>)))]
async fn list_push_subscriptions(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    caller: Caller,
) -> ApiResult<Json<Whole<PushDevice>>> {
    let devices = state.store().pushes(&scope).await?;
    let shown = devices.iter().map(|d| PushDevice::seen_from(&caller, d));
    Ok(Whole::of(shown.collect()))
}

/// Has oneself told of missed and urgent calls on the browser that asks; one that is known is noted anew.
#[utoipa::path(post, path = "/api/push/subscriptions", request_body = NewPushDevice,
    responses((status = 200, description = "It is told.", body = PushDevice)))]
async fn create_push_subscription(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    caller: Caller,
    ApiJson(new): ApiJson<NewPushDevice>,
) -> ApiResult<Json<PushDevice>> {
    let policy = state.config().webhook_targets.without_services();
    let reach = Reach::parse(&new.endpoint, (&new.p256dh, &new.auth), policy)?;
    let session = session_of(&caller)
        .ok_or_else(|| Problem::forbidden("only a member is told of calls on a device"))?;
    let device = state.store().add_push(&scope, session, &reach).await?;
    Ok(Json(PushDevice::seen_from(&caller, &device)))
}

/// Ends notifications on one of one's own devices.
#[utoipa::path(delete, path = "/api/push/subscriptions/{id}",
    params(("id" = PushSubscriptionId, Path, description = "The device.")),
    responses((status = 204, description = "It is told of nothing more.")))]
async fn delete_push_subscription(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    Id(id): Id<PushSubscriptionId>,
) -> ApiResult<NoContent> {
    state.store().remove_push(&scope, id).await?;
    Ok(NoContent)
}

pub(crate) fn routes() -> Tagged {
    let calls = Needs::Tenant(Permission::CallsRead);
    Routes::tagged("push")
        .add(calls, routes!(get_push_key))
        .add(calls, routes!(list_push_subscriptions))
        .add(calls, routes!(create_push_subscription))
        .add(calls.unversioned(), routes!(delete_push_subscription))
}
