//! One's own authenticator app and recovery codes.

use axum::Json;
use axum::extract::State;
use prosaas_core::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::own_account;
use super::place::Place;
use super::throttled::require_own_password;
use crate::api::kit::{ApiJson, ApiResult, ApiState, Needs, NoContent, Routes, Session, Tagged};
use crate::auth::totp::RecoveryCode;

/// The password of who is signed in, shown again.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"password": "correct horse battery staple"}))]
pub(super) struct OwnPassword {
    #[schema(value_type = String, format = Password, max_length = 1024)]
    password: SecretString,
}

/// What an authenticator app is set up with; shown once.
#[derive(Serialize, ToSchema)]
pub(super) struct TotpEnrolment {
    /// To be typed in where nothing can be scanned.
    secret: String,
    /// For a QR code.
    uri: String,
}

/// A code of the app.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"code": "123456"}))]
pub(super) struct TotpCode {
    #[schema(max_length = 20, example = "123456")]
    code: String,
}

/// Codes for the day the phone is gone; shown once, each works once.
#[derive(Serialize, ToSchema)]
pub(super) struct RecoveryCodes {
    recovery_codes: Vec<String>,
}

impl From<Vec<RecoveryCode>> for RecoveryCodes {
    fn from(codes: Vec<RecoveryCode>) -> Self {
        let expose = |code: &RecoveryCode| code.expose().to_owned();
        Self {
            recovery_codes: codes.iter().map(expose).collect(),
        }
    }
}

/// Begins to register an authenticator app.
#[utoipa::path(post, path = "/api/auth/totp", request_body = OwnPassword,
    responses((status = 200, description = "Confirm it with a code.", body = TotpEnrolment)))]
async fn begin_totp(
    State(state): State<ApiState>,
    session: Session,
    place: Place,
    ApiJson(body): ApiJson<OwnPassword>,
) -> ApiResult<Json<TotpEnrolment>> {
    let user = own_account(&session)?;
    let email = require_own_password(&state, &place, user, &body.password).await?;
    let secret = state.store().begin_totp(user).await?;
    let uri = secret.uri(&state.accounts().site_name, email.expose())?;
    Ok(Json(TotpEnrolment {
        secret: secret.base32()?.expose_secret().to_owned(),
        uri: uri.expose_secret().to_owned(),
    }))
}

/// Ends the registration with a code of the app.
#[utoipa::path(post, path = "/api/auth/totp/confirm", request_body = TotpCode,
    responses((status = 200, description = "It counts from now on.", body = RecoveryCodes)))]
async fn confirm_totp(
    State(state): State<ApiState>,
    session: Session,
    ApiJson(body): ApiJson<TotpCode>,
) -> ApiResult<Json<RecoveryCodes>> {
    let user = own_account(&session)?;
    let codes = state.store().confirm_totp(user, &body.code).await?;
    Ok(Json(codes.into()))
}

/// Removes the authenticator app and the recovery codes.
#[utoipa::path(post, path = "/api/auth/totp/disable", request_body = OwnPassword,
    responses((status = 204, description = "It counts no more.")))]
async fn disable_totp(
    State(state): State<ApiState>,
    session: Session,
    place: Place,
    ApiJson(body): ApiJson<OwnPassword>,
) -> ApiResult<NoContent> {
    let user = own_account(&session)?;
    require_own_password(&state, &place, user, &body.password).await?;
    state.store().disable_totp(user).await?;
    Ok(NoContent)
}

/// Gives a fresh set of recovery codes; the earlier ones stop working.
#[utoipa::path(post, path = "/api/auth/recovery-codes", request_body = OwnPassword,
    responses((status = 200, description = "The new ones.", body = RecoveryCodes)))]
async fn renew_recovery_codes(
    State(state): State<ApiState>,
    session: Session,
    place: Place,
    ApiJson(body): ApiJson<OwnPassword>,
) -> ApiResult<Json<RecoveryCodes>> {
    let user = own_account(&session)?;
    require_own_password(&state, &place, user, &body.password).await?;
    let codes = state.store().renew_recovery_codes(user).await?;
    Ok(Json(codes.into()))
}

pub(crate) fn routes() -> Tagged {
    Routes::tagged("auth")
        .add(Needs::Session.secret_answer(), routes!(begin_totp))
        .add(Needs::Session.secret_answer(), routes!(confirm_totp))
        .add(Needs::Session, routes!(disable_totp))
        .add(
            Needs::Session.secret_answer(),
            routes!(renew_recovery_codes),
        )
}
