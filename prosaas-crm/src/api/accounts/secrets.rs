//! `/api/business/secrets`: the business's own keys to its vendors. Written, never read back.

use axum::Json;
use axum::extract::State;
use prosaas_core::{AccountSid, SecretString};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::routes;

use crate::api::kit::{
    ApiJson, ApiResult, ApiState, Id, Needs, NoContent, Problem, Routes, Scope, Tagged, Time,
};
use crate::auth::Permission;
use crate::model::access::{SecretHint, SecretName};
use crate::model::patch::Patch;

/// Which of the business's own secrets are set.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct BusinessSecretsState {
    /// The business's own Twilio account; null when it uses the installation's.
    twilio_account_sid: Option<String>,
    secrets: Vec<SecretState>,
}

/// Whether a secret is set.
#[derive(Debug, Serialize, ToSchema)]
struct SecretState {
    /// `twilio_auth_token`, `openai_api_key` or `whatsapp_cloud_token`.
    name: &'static str,
    is_set: bool,
    /// Its last four characters.
    last_four: Option<String>,
    updated_at: Option<Time>,
}

/// A secret to be kept.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"value": "0123456789abcdef0123456789abcdef"}))]
pub(super) struct SecretValue {
    #[schema(value_type = String, format = Password, min_length = 1, max_length = 512)]
    value: SecretString,
}

/// A merge patch of the Twilio account.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"twilio_account_sid": "AC00000000000000000000000000000000"}))]
pub(super) struct TwilioAccountPatch {
    /// The account's SID; null goes back to the installation's account.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    twilio_account_sid: Patch<AccountSid>,
}

/// Says which secrets are set.
#[utoipa::path(get, path = "/api/business/secrets",
    responses((status = 200, description = "What is set.", body = BusinessSecretsState)))]
async fn get_secrets(
    State(state): State<ApiState>,
    Scope(scope): Scope,
) -> ApiResult<Json<BusinessSecretsState>> {
    let overview = state.store().secrets_overview(&scope).await?;
    let show = |name: SecretName| {
        let hint = overview.set.iter().find(|hint| hint.name == name);
        SecretState {
            name: name.as_str(),
            is_set: hint.is_some(),
            last_four: hint.map(last_four),
            updated_at: hint.map(|hint| hint.updated_at.into()),
        }
    };
    Ok(Json(BusinessSecretsState {
        twilio_account_sid: overview
            .twilio_account
            .as_ref()
            .map(|sid| sid.as_str().to_owned()),
        secrets: SecretName::ALL.into_iter().map(show).collect(),
    }))
}

fn last_four(hint: &SecretHint) -> String {
    hint.hint.clone()
}

/// Sets the Twilio account.
#[utoipa::path(patch, path = "/api/business/secrets", request_body = TwilioAccountPatch,
    responses((status = 200, description = "What is set.", body = BusinessSecretsState)))]
async fn patch_twilio_account(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    ApiJson(patch): ApiJson<TwilioAccountPatch>,
) -> ApiResult<Json<BusinessSecretsState>> {
    let store = state.store();
    match patch.twilio_account_sid {
        Patch::Keep => {}
        Patch::Clear => store.set_twilio_account(&scope, None).await?,
        Patch::Set(account) => store.set_twilio_account(&scope, Some(&account)).await?,
    }
    get_secrets(State(state), Scope(scope)).await
}

/// Sets a secret.
#[utoipa::path(put, path = "/api/business/secrets/{name}", request_body = SecretValue,
    params(("name" = String, Path, description = "`twilio_auth_token`, `openai_api_key` or `whatsapp_cloud_token`.")),
    responses((status = 204, description = "It is kept, sealed.")))]
async fn put_secret(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    Id(name): Id<String>,
    ApiJson(body): ApiJson<SecretValue>,
) -> ApiResult<NoContent> {
    state
        .store()
        .set_secret(&scope, known(&name)?, &body.value)
        .await?;
    Ok(NoContent)
}

/// Removes a secret; the installation's is used again.
#[utoipa::path(delete, path = "/api/business/secrets/{name}",
    params(("name" = String, Path, description = "`twilio_auth_token`, `openai_api_key` or `whatsapp_cloud_token`.")),
    responses((status = 204, description = "It is gone.")))]
async fn delete_secret(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    Id(name): Id<String>,
) -> ApiResult<NoContent> {
    state.store().clear_secret(&scope, known(&name)?).await?;
    Ok(NoContent)
}

fn known(name: &str) -> ApiResult<SecretName> {
    name.parse().map_err(|_| Problem::not_found())
}

pub(crate) fn routes() -> Tagged {
    let keys = Needs::Tenant(Permission::KeysWrite);
    Routes::tagged("secrets")
        .add(keys, routes!(get_secrets))
        .add(keys.unversioned(), routes!(patch_twilio_account))
        .add(keys.unversioned(), routes!(put_secret))
        .add(keys.unversioned(), routes!(delete_secret))
}
