//! Coming in by an invitation.

use axum::Json;
use axum::extract::State;
use prosaas_core::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::login::{link_token, link_used_up};
use super::passwords::hash_new;
use crate::api::kit::{ApiJson, ApiResult, ApiState, Needs, NoContent, Routes, Tagged};
use crate::model::access::LinkPurpose;

/// An invitation's token.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"token": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}))]
pub(super) struct InvitationToken {
    /// From the link.
    #[schema(value_type = String, max_length = 100)]
    token: SecretString,
}

/// What an invitation still asks for.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct InvitationState {
    /// Whether a first password has to be chosen.
    needs_password: bool,
}

/// An invitation to be accepted.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"token": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "password": "another long password"}))]
pub(super) struct InvitationAcceptance {
    /// From the link.
    #[schema(value_type = String, max_length = 100)]
    token: SecretString,
    /// The first password, for an account that has none. An account that has one keeps it.
    #[schema(value_type = Option<String>, format = Password, min_length = 10, max_length = 256)]
    password: Option<SecretString>,
}

/// Says what an invitation still asks for.
#[utoipa::path(post, path = "/api/auth/invitation", request_body = InvitationToken,
    responses((status = 200, description = "The invitation stands.", body = InvitationState)))]
async fn look_at_invitation(
    State(state): State<ApiState>,
    ApiJson(body): ApiJson<InvitationToken>,
) -> ApiResult<Json<InvitationState>> {
    let token = link_token(body.token.expose_secret())?;
    let needs_password = state.store().invitation_needs_password(&token).await?;
    Ok(Json(InvitationState { needs_password }))
}

/// Accepts an invitation.
#[utoipa::path(post, path = "/api/auth/invitation/accept", request_body = InvitationAcceptance,
    responses((status = 204, description = "A member from now on; sign in.")))]
async fn accept_invitation(
    State(state): State<ApiState>,
    ApiJson(body): ApiJson<InvitationAcceptance>,
) -> ApiResult<NoContent> {
    let token = link_token(body.token.expose_secret())?;
    let store = state.store();
    let link = store.look_at_link(LinkPurpose::Invitation, &token).await?;
    let user = link.and_then(|link| link.user).ok_or_else(link_used_up)?;
    let password = match &body.password {
        Some(password) => {
            let account = store.own_account(user).await?;
            Some(hash_new(&state, password, account.email.expose()).await?)
        }
        None => None,
    };
    store.accept_invitation(&token, password.as_ref()).await?;
    Ok(NoContent)
}

pub(crate) fn routes() -> Tagged {
    Routes::tagged("auth")
        .add(Needs::Public, routes!(look_at_invitation))
        .add(Needs::Public, routes!(accept_invitation))
}
