//! One's own passkeys, and a passkey as the second factor.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use prosaas_core::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::login::{LoginState, finish, pending};
use super::own_account;
use super::place::Place;
use super::throttled::{require_own_password, wrong_credentials};
use crate::api::kit::{
    ApiJson, ApiResult, ApiState, Id, Needs, NoContent, Problem, Routes, Session, Tagged, Time,
};
use crate::auth::passkey::{CEREMONY_MS, Ceremony, CeremonyState, Passkeys, StoredPasskey};
use crate::auth::token::OpaqueToken;
use crate::model::access::PasskeyInfo;
use crate::model::id::{PasskeyId, UserId};
use crate::store::accounts::CeremonyKind;

/// A registered passkey.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RegisteredPasskey {
    id: PasskeyId,
    name: String,
    created_at: Time,
    used_at: Option<Time>,
}

/// One's own passkeys.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RegisteredPasskeys {
    data: Vec<RegisteredPasskey>,
}

/// The first half of a ceremony.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PasskeyChallenge {
    /// To be sent with the answer, within five minutes.
    ceremony: String,
    /// For `navigator.credentials`.
    #[schema(value_type = Object)]
    challenge: Value,
}

/// What begins a registration.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"password": "correct horse battery staple"}))]
pub(super) struct PasskeyRegistration {
    #[schema(value_type = String, format = Password, max_length = 1024)]
    password: SecretString,
}

/// The browser's answer to a registration.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"ceremony": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "name": "Phone", "credential": {}}))]
pub(super) struct NewPasskey {
    #[schema(max_length = 100)]
    ceremony: String,
    /// What it shall be called.
    #[schema(max_length = 200)]
    name: String,
    /// What `navigator.credentials.create` gave.
    #[schema(value_type = Object)]
    credential: Value,
}

/// A sign-in that waits for its second factor.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"token": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}))]
pub(super) struct PendingToken {
    #[schema(max_length = 100)]
    token: String,
}

/// The browser's answer to a sign-in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"token": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "ceremony": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "credential": {}}))]
pub(super) struct PasskeyLogin {
    #[schema(max_length = 100)]
    token: String,
    #[schema(max_length = 100)]
    ceremony: String,
    /// What `navigator.credentials.get` gave.
    #[schema(value_type = Object)]
    credential: Value,
}

fn site(state: &ApiState) -> ApiResult<&Passkeys> {
    state.accounts().passkeys.as_ref().ok_or_else(|| {
        Problem::new(StatusCode::CONFLICT, "passkeys-unavailable")
            .detail("passkeys need a site with a host name")
    })
}

async fn registered(state: &ApiState, user: UserId) -> ApiResult<Vec<StoredPasskey>> {
    let stored = state.store().passkey_credentials(user).await?;
    let keys = stored
        .iter()
        .map(|value| StoredPasskey::from_json(&value.to_string()));
    Ok(keys.collect::<Result<_, _>>()?)
}

async fn keep(
    state: &ApiState,
    user: UserId,
    kind: CeremonyKind,
    ceremony: Ceremony,
) -> ApiResult<Json<PasskeyChallenge>> {
    let kept = to_value(ceremony.state.as_json())?;
    let ends = state.now().plus(CEREMONY_MS);
    let token = state.store().begin_ceremony(user, kind, kept, ends).await?;
    Ok(Json(PasskeyChallenge {
        ceremony: token.expose().to_owned(),
        challenge: ceremony.challenge,
    }))
}

async fn kept(
    state: &ApiState,
    user: UserId,
    kind: CeremonyKind,
    token: &str,
) -> ApiResult<CeremonyState> {
    let token = OpaqueToken::parse(token)
        .map_err(|_| Problem::new(StatusCode::CONFLICT, "ceremony-over").detail("begin again"))?;
    let value = state.store().end_ceremony(user, kind, &token).await?;
    Ok(CeremonyState::from_json(value.to_string()))
}

fn to_value(json: &str) -> ApiResult<Value> {
    serde_json::from_str(json).map_err(|error| Problem::internal(error.to_string()))
}

/// Lists one's own passkeys.
#[utoipa::path(get, path = "/api/auth/passkeys",
    responses((status = 200, description = "The passkeys.", body = RegisteredPasskeys)))]
async fn list_passkeys(
    State(state): State<ApiState>,
    session: Session,
) -> ApiResult<Json<RegisteredPasskeys>> {
    let passkeys = state.store().passkeys(session.user).await?;
    let show = |info: PasskeyInfo| RegisteredPasskey {
        id: info.id,
        name: info.name,
        created_at: info.created_at.into(),
        used_at: info.used_at.map(Time::from),
    };
    let data = passkeys.into_iter().map(show).collect();
    Ok(Json(RegisteredPasskeys { data }))
}

/// Begins to register a passkey.
#[utoipa::path(post, path = "/api/auth/passkeys/begin", request_body = PasskeyRegistration,
    responses((status = 200, description = "For the browser.", body = PasskeyChallenge)))]
async fn begin_passkey(
    State(state): State<ApiState>,
    session: Session,
    place: Place,
    ApiJson(body): ApiJson<PasskeyRegistration>,
) -> ApiResult<Json<PasskeyChallenge>> {
    let user = own_account(&session)?;
    require_own_password(&state, &place, user, &body.password).await?;
    let account = state.store().own_account(user).await?;
    let known = registered(&state, user).await?;
    let ceremony =
        site(&state)?.begin_registration(user, account.email.expose(), &account.name, &known)?;
    keep(&state, user, CeremonyKind::Register, ceremony).await
}

/// Registers a passkey with the browser's answer.
#[utoipa::path(post, path = "/api/auth/passkeys", request_body = NewPasskey,
    responses((status = 200, description = "The passkeys.", body = RegisteredPasskeys)))]
async fn add_passkey(
    State(state): State<ApiState>,
    session: Session,
    ApiJson(body): ApiJson<NewPasskey>,
) -> ApiResult<Json<RegisteredPasskeys>> {
    let user = own_account(&session)?;
    let begun = kept(&state, user, CeremonyKind::Register, &body.ceremony).await?;
    let passkey = site(&state)?.end_registration(&begun, body.credential)?;
    let value = to_value(&passkey.to_json()?)?;
    let store = state.store();
    store
        .add_passkey(user, passkey.credential_id(), value, &body.name)
        .await?;
    list_passkeys(State(state), session).await
}

/// Removes one of one's own passkeys.
#[utoipa::path(delete, path = "/api/auth/passkeys/{id}",
    params(("id" = PasskeyId, Path, description = "The passkey.")),
    responses((status = 204, description = "It proves nothing any more.")))]
async fn remove_passkey(
    State(state): State<ApiState>,
    session: Session,
    Id(id): Id<PasskeyId>,
) -> ApiResult<NoContent> {
    let store = state.store();
    let is_own = store
        .passkeys(session.user)
        .await?
        .iter()
        .any(|key| key.id == id);
    if !is_own {
        return Err(Problem::not_found());
    }
    store.remove_passkey(own_account(&session)?, id).await?;
    Ok(NoContent)
}

/// Begins to show a passkey as the second factor.
#[utoipa::path(post, path = "/api/auth/login/passkey/begin", request_body = PendingToken,
    responses((status = 200, description = "For the browser.", body = PasskeyChallenge),
        (status = 401, description = "The address, the password or the code is not right.")))]
async fn begin_passkey_login(
    State(state): State<ApiState>,
    ApiJson(body): ApiJson<PendingToken>,
) -> ApiResult<Json<PasskeyChallenge>> {
    let (_, user) = pending(&state, &body.token).await?;
    let known = registered(&state, user).await?;
    if known.is_empty() {
        return Err(wrong_credentials());
    }
    let ceremony = site(&state)?.begin_authentication(&known)?;
    keep(&state, user, CeremonyKind::Authenticate, ceremony).await
}

/// Shows a passkey as the second factor.
#[utoipa::path(post, path = "/api/auth/login/passkey", request_body = PasskeyLogin,
    responses((status = 200, description = "Signed in.", body = LoginState),
        (status = 401, description = "The address, the password or the code is not right.")))]
async fn login_with_passkey(
    State(state): State<ApiState>,
    place: Place,
    ApiJson(body): ApiJson<PasskeyLogin>,
) -> ApiResult<Response> {
    let (token, user) = pending(&state, &body.token).await?;
    let begun = kept(&state, user, CeremonyKind::Authenticate, &body.ceremony).await?;
    let known = registered(&state, user).await?;
    let proved = site(&state)?
        .end_authentication(&begun, body.credential, &known)
        .map_err(|_| wrong_credentials())?;
    let value = to_value(&proved.to_json()?)?;
    let store = state.store();
    store
        .note_passkey_use(user, proved.credential_id(), value)
        .await?;
    finish(&state, &place, &token, user).await
}

pub(crate) fn routes() -> Tagged {
    Routes::tagged("auth")
        .add(Needs::Session, routes!(list_passkeys))
        .add(Needs::Session.secret_answer(), routes!(begin_passkey))
        .add(Needs::Session, routes!(add_passkey))
        .add(Needs::Session.unversioned(), routes!(remove_passkey))
        .add(Needs::Public, routes!(begin_passkey_login))
        .add(Needs::Public, routes!(login_with_passkey))
}
