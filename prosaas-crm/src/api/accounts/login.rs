//! Signing in and out.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse, Response};
use prosaas_core::{SecretString, TenantId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::cookies::Cookie;
use super::place::Place;
use super::throttled::{CodeKind, check_code, check_password, wrong_credentials};
use crate::api::kit::{
    ApiJson, ApiResult, ApiState, Id, Needs, NoContent, Problem, Routes, Session, Tagged,
};
use crate::auth::SystemScope;
use crate::auth::token::OpaqueToken;
use crate::model::access::LinkPurpose;
use crate::model::email::EmailAddress;
use crate::model::id::UserId;

/// An address and a password.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"email": "owner@ours.example", "password": "correct horse battery staple"}))]
pub(super) struct Login {
    #[schema(value_type = String, format = Email, max_length = 254)]
    email: EmailAddress,
    #[schema(value_type = String, format = Password, max_length = 1024)]
    password: SecretString,
}

/// How far signing in has come.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct LoginState {
    /// Whether the session's cookie came with this answer.
    signed_in: bool,
    /// What the second factor is shown with, for five minutes; null when none is needed.
    second_factor: Option<PendingLogin>,
}

/// A password was right, and a second factor is still missing.
#[derive(Debug, Serialize, ToSchema)]
struct PendingLogin {
    /// To be sent with the code or the passkey's answer.
    token: String,
    /// With what it can be shown.
    methods: Vec<LoginMethod>,
}

/// A second factor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum LoginMethod {
    /// Six digits of an authenticator app.
    Totp,
    /// One of the recovery codes, once.
    RecoveryCode,
    /// A passkey.
    Passkey,
}

/// A code as the second factor.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"token": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "method": "totp", "code": "123456"}))]
pub(super) struct LoginCode {
    /// From the first step.
    #[schema(max_length = 100)]
    token: String,
    /// `totp` or `recovery_code`.
    method: LoginMethod,
    /// The code.
    #[schema(max_length = 100)]
    code: String,
}

/// Signs in with a password; with a second factor registered this is the first of two steps.
#[utoipa::path(post, path = "/api/auth/login", request_body = Login,
    responses((status = 200, description = "Signed in, or the second factor is asked for.", body = LoginState),
        (status = 401, description = "The address, the password or the code is not right.")))]
async fn login(
    State(state): State<ApiState>,
    place: Place,
    ApiJson(login): ApiJson<Login>,
) -> ApiResult<Response> {
    let account = check_password(&state, &place, &login.email, &login.password).await?;
    if !account.has_second_factor() {
        return sign_in(&state, &place, account.user, false).await;
    }
    let store = state.store();
    let scope = SystemScope::for_installation();
    let token = store
        .issue_link(&scope, LinkPurpose::SecondFactor, account.user)
        .await?;
    let mut methods = Vec::new();
    if account.has_totp {
        methods.extend([LoginMethod::Totp, LoginMethod::RecoveryCode]);
    }
    if account.has_passkeys {
        methods.push(LoginMethod::Passkey);
    }
    let pending = PendingLogin {
        token: token.expose().to_owned(),
        methods,
    };
    Ok(Json(LoginState {
        signed_in: false,
        second_factor: Some(pending),
    })
    .into_response())
}

/// Shows a code as the second factor.
#[utoipa::path(post, path = "/api/auth/login/code", request_body = LoginCode,
    responses((status = 200, description = "Signed in.", body = LoginState),
        (status = 401, description = "The address, the password or the code is not right.")))]
async fn login_with_code(
    State(state): State<ApiState>,
    place: Place,
    ApiJson(body): ApiJson<LoginCode>,
) -> ApiResult<Response> {
    let (token, user) = pending(&state, &body.token).await?;
    let kind = match body.method {
        LoginMethod::Totp => CodeKind::Totp,
        LoginMethod::RecoveryCode => CodeKind::Recovery,
        LoginMethod::Passkey => return Err(wrong_credentials()),
    };
    check_code(&state, &place, user, kind, &body.code).await?;
    finish(&state, &place, &token, user).await
}

/// Whose sign-in waits for its second factor under this token.
pub(super) async fn pending(state: &ApiState, token: &str) -> ApiResult<(OpaqueToken, UserId)> {
    let token = OpaqueToken::parse(token).map_err(|_| wrong_credentials())?;
    let link = state
        .store()
        .look_at_link(LinkPurpose::SecondFactor, &token)
        .await?;
    let user = link
        .and_then(|link| link.user)
        .ok_or_else(wrong_credentials)?;
    Ok((token, user))
}

/// The second factor was right: the token is used up, the session opens.
pub(super) async fn finish(
    state: &ApiState,
    place: &Place,
    token: &OpaqueToken,
    user: UserId,
) -> ApiResult<Response> {
    state
        .store()
        .redeem_link(LinkPurpose::SecondFactor, token)
        .await?;
    sign_in(state, place, user, true).await
}

/// Opens a session under a fresh token, and marks the browser as one its owner signed in from.
pub(super) async fn sign_in(
    state: &ApiState,
    place: &Place,
    user: UserId,
    with_second_factor: bool,
) -> ApiResult<Response> {
    let (store, rules) = (state.store(), state.accounts().sessions);
    let session = store
        .open_session(user, &place.user_agent, with_second_factor, rules)
        .await?;
    let fresh = match place.device() {
        Some(_) => None,
        None => Some(OpaqueToken::generate()?),
    };
    store
        .remember_places(user, &place.marks(fresh.as_ref()))
        .await?;
    let secure = state.secure_cookies();
    let mut cookies = vec![(header::SET_COOKIE, Cookie::Session.set(&session, secure))];
    cookies.extend(fresh.map(|token| (header::SET_COOKIE, Cookie::Device.set(&token, secure))));
    let body = Json(LoginState {
        signed_in: true,
        second_factor: None,
    });
    Ok((AppendHeaders(cookies), body).into_response())
}

/// The header of a session that goes on under another token.
pub(crate) fn session_cookie(state: &ApiState, token: &OpaqueToken) -> SetCookie {
    let value = Cookie::Session.set(token, state.secure_cookies());
    AppendHeaders([(header::SET_COOKIE, value)])
}

/// A response's one cookie.
pub(crate) type SetCookie = AppendHeaders<[(HeaderName, HeaderValue); 1]>;

/// Signs out.
#[utoipa::path(post, path = "/api/auth/logout",
    responses((status = 204, description = "Signed out.")))]
async fn logout(
    State(state): State<ApiState>,
    session: Session,
) -> ApiResult<(SetCookie, NoContent)> {
    state
        .store()
        .revoke_session(session.user, session.session)
        .await?;
    state.recheck_streams();
    let cleared = Cookie::Session.clear(state.secure_cookies());
    Ok((AppendHeaders([(header::SET_COOKIE, cleared)]), NoContent))
}

/// Goes on working in another of one's businesses.
#[utoipa::path(post, path = "/api/auth/businesses/{id}/enter",
    params(("id" = TenantId, Path, description = "The business.")),
    responses((status = 204, description = "From here on requests are about this business.")))]
async fn enter_business(
    State(state): State<ApiState>,
    session: Session,
    Id(business): Id<TenantId>,
) -> ApiResult<(SetCookie, NoContent)> {
    let token = state
        .store()
        .switch_business(session.session, session.user, business)
        .await?;
    state.recheck_streams();
    Ok((session_cookie(&state, &token), NoContent))
}

/// Ends the acting for a business.
#[utoipa::path(post, path = "/api/auth/acting/end",
    responses((status = 204, description = "The session is the administrator's own again.")))]
async fn end_acting(
    State(state): State<ApiState>,
    session: Session,
) -> ApiResult<(SetCookie, NoContent)> {
    let token = state
        .store()
        .end_acting(session.user, session.session)
        .await?;
    state.recheck_streams();
    Ok((session_cookie(&state, &token), NoContent))
}

/// Refuses what cannot be a one-time link's token.
pub(super) fn link_token(text: &str) -> ApiResult<OpaqueToken> {
    OpaqueToken::parse(text).map_err(|_| link_used_up())
}

/// What is said to every link that does not work.
pub(super) fn link_used_up() -> Problem {
    Problem::new(StatusCode::CONFLICT, "link-used-up")
        .detail("the link was used, has expired, or never was one")
}

pub(crate) fn routes() -> Tagged {
    Routes::tagged("auth")
        .add(Needs::Public, routes!(login))
        .add(Needs::Public, routes!(login_with_code))
        .add(Needs::Session, routes!(logout))
        .add(Needs::Session.secret_answer(), routes!(enter_business))
        .add(Needs::Session.secret_answer(), routes!(end_acting))
}
