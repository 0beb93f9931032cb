//! Passwords: changing one's own, and choosing a new one by mail; the first administrator.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use prosaas_core::{ExposeSecret as _, Language, SecretString};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::login::{SetCookie, link_token, link_used_up, session_cookie, sign_in};
use super::own_account;
use super::place::Place;
use super::throttled::require_own_password;
use crate::api::kit::{ApiJson, ApiResult, ApiState, Needs, NoContent, Routes, Session, Tagged};
use crate::auth::SystemScope;
use crate::auth::password::{NewPassword, StoredPassword};
use crate::mail::{Mail, MailContent};
use crate::model::access::LinkPurpose;
use crate::model::email::EmailAddress;
use crate::model::user::{NewUser, UserStatus};

/// A password to be changed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"current": "correct horse battery staple", "new": "another long password"}))]
pub(super) struct PasswordChange {
    #[schema(value_type = String, format = Password, max_length = 1024)]
    current: SecretString,
    #[schema(value_type = String, format = Password, min_length = 10, max_length = 256)]
    new: SecretString,
}

/// An address whose password is forgotten.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"email": "owner@ours.example"}))]
pub(super) struct ForgottenPassword {
    #[schema(value_type = String, format = Email, max_length = 254)]
    email: EmailAddress,
}

/// A new password, with the token of the link.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"token": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "password": "another long password"}))]
pub(super) struct PasswordReset {
    /// From the link.
    #[schema(value_type = String, max_length = 100)]
    token: SecretString,
    #[schema(value_type = String, format = Password, min_length = 10, max_length = 256)]
    password: SecretString,
}

/// The first administrator of an installation.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"token": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "email": "admin@ours.example", "name": "Ada", "language": "en", "password": "another long password"}))]
pub(super) struct FirstAdmin {
    /// From the link in the server's log.
    #[schema(value_type = String, max_length = 100)]
    token: SecretString,
    #[schema(format = Email, max_length = 254)]
    email: String,
    #[schema(max_length = 200)]
    name: String,
    #[serde(default)]
    #[schema(value_type = String, example = "he")]
    language: Language,
    #[schema(value_type = String, format = Password, min_length = 10, max_length = 256)]
    password: SecretString,
}

/// Hashes a new password for an account, if it passes the rules.
pub(super) async fn hash_new(
    state: &ApiState,
    password: &SecretString,
    account: &str,
) -> ApiResult<StoredPassword> {
    let password = NewPassword::parse(password, account)?;
    Ok(state.accounts().passwords.hash(password).await?)
}

/// Changes one's own password; every other session ends, this one goes on under a new token.
#[utoipa::path(post, path = "/api/auth/password", request_body = PasswordChange,
    responses((status = 204, description = "It is the new one.")))]
async fn change_password(
    State(state): State<ApiState>,
    session: Session,
    place: Place,
    ApiJson(change): ApiJson<PasswordChange>,
) -> ApiResult<(SetCookie, NoContent)> {
    let user = own_account(&session)?;
    let email = require_own_password(&state, &place, user, &change.current).await?;
    let new = hash_new(&state, &change.new, email.expose()).await?;
    let store = state.store();
    store.set_password(user, &new).await?;
    let rules = state.accounts().sessions;
    let token = store
        .open_session(user, &place.user_agent, false, rules)
        .await?;
    state.recheck_streams();
    Ok((session_cookie(&state, &token), NoContent))
}

/// Sends a link by which a new password can be chosen, if the address has an account. The answer and its
/// time are the same whether it has or not.
#[utoipa::path(post, path = "/api/auth/password-reset", request_body = ForgottenPassword,
    responses((status = 202, description = "If there is such an account, a mail is on its way.")))]
async fn forgot_password(
    State(state): State<ApiState>,
    place: Place,
    ApiJson(body): ApiJson<ForgottenPassword>,
) -> ApiResult<StatusCode> {
    let subjects = place.subjects(&format!("reset of {}", body.email.expose()));
    let rates = &state.accounts().logins;
    state.store().admit_login(&subjects, false, rates).await?;
    let work = {
        let state = state.clone();
        async move {
            if let Err(error) = send_reset(&state, &body.email).await {
                tracing::warn!(error = %error.chain(), "a password link could not be sent");
            }
        }
    };
    state.tasks().spawn(work);
    Ok(StatusCode::ACCEPTED)
}

async fn send_reset(state: &ApiState, email: &EmailAddress) -> prosaas_core::Result<()> {
    let scope = SystemScope::for_installation();
    let store = state.store();
    let Some(user) = store.user_by_email(&scope, email).await? else {
        return Ok(());
    };
    if user.status != UserStatus::Active {
        return Ok(());
    }
    let token = store
        .issue_link(&scope, LinkPurpose::PasswordReset, user.id)
        .await?;
    let link = state.link("reset", &token);
    let mail = Mail {
        to: user.email,
        language: user.language,
        content: MailContent::PasswordReset { link },
        at: state.now(),
    };
    state.accounts().mailer.send(&mail).await
}

/// Chooses a new password with the token of the link; all sessions end.
#[utoipa::path(post, path = "/api/auth/password-reset/confirm", request_body = PasswordReset,
    responses((status = 204, description = "It is the new one; sign in with it.")))]
async fn reset_password(
    State(state): State<ApiState>,
    ApiJson(body): ApiJson<PasswordReset>,
) -> ApiResult<NoContent> {
    let token = link_token(body.token.expose_secret())?;
    let store = state.store();
    let link = store
        .look_at_link(LinkPurpose::PasswordReset, &token)
        .await?;
    let user = link.and_then(|link| link.user);
    // Nothing is hashed for a token that nobody got.
    let user = user.ok_or_else(link_used_up)?;
    let account = store.own_account(user).await?;
    let password = hash_new(&state, &body.password, account.email.expose()).await?;
    store.reset_password(&token, &password).await?;
    state.recheck_streams();
    Ok(NoContent)
}

/// Makes the installation's first administrator, with the token from the server's log.
#[utoipa::path(post, path = "/api/auth/first-admin", request_body = FirstAdmin,
    responses((status = 200, description = "Signed in.", body = super::login::LoginState)))]
async fn create_first_admin(
    State(state): State<ApiState>,
    place: Place,
    ApiJson(body): ApiJson<FirstAdmin>,
) -> ApiResult<Response> {
    let token = link_token(body.token.expose_secret())?;
    let store = state.store();
    let link = store.look_at_link(LinkPurpose::FirstAdmin, &token).await?;
    link.ok_or_else(link_used_up)?;
    let new = NewUser::new(&body.email, &body.name, body.language)?;
    let password = hash_new(&state, &body.password, new.email.expose()).await?;
    let user = store.create_first_admin(&token, &new, &password).await?;
    sign_in(&state, &place, user, false).await
}

pub(crate) fn routes() -> Tagged {
    Routes::tagged("auth")
        .add(Needs::Session.secret_answer(), routes!(change_password))
        .add(Needs::Public, routes!(forgot_password))
        .add(Needs::Public, routes!(reset_password))
        .add(Needs::Public, routes!(create_first_admin))
}
