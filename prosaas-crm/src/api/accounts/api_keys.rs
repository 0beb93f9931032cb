//! `/api/api-keys`: keys for the business's own programs.

use axum::Json;
use axum::extract::State;
use prosaas_core::{Error, ExposeSecret as _};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::routes;

use crate::api::kit::{
    ApiJson, ApiResult, ApiState, Created, Id, IfMatch, Needs, NoContent, Routes, Scope, Tagged,
    Time, Versioned, WithETag,
};
use crate::auth::{Permission, Permissions};
use crate::model::access::{ApiKeyInfo, NewApiKey};
use crate::model::id::{ApiKeyId, UserId};

/// An API key, without its secret.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ApiKey {
    id: ApiKeyId,
    name: String,
    #[schema(value_type = Vec<String>, example = json!(["leads:read"]))]
    scopes: Vec<&'static str>,
    created_by: Option<UserId>,
    created_at: Time,
    expires_at: Option<Time>,
    used_at: Option<Time>,
    revoked_at: Option<Time>,
    version: u64,
}

impl From<ApiKeyInfo> for ApiKey {
    fn from(info: ApiKeyInfo) -> Self {
        Self {
            id: info.id,
            name: info.name,
            scopes: info.scopes.iter().map(Permission::as_str).collect(),
            created_by: info.created_by,
            created_at: info.created_at.into(),
            expires_at: info.expires_at.map(Time::from),
            used_at: info.used_at.map(Time::from),
            revoked_at: info.revoked_at.map(Time::from),
            version: info.version,
        }
    }
}

impl Versioned for ApiKey {
    fn version(&self) -> u64 {
        self.version
    }
}

/// The keys of the business.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ApiKeys {
    data: Vec<ApiKey>,
}

/// A fresh key, with its secret: shown now and never again.
#[derive(Serialize, ToSchema)]
pub(super) struct FreshApiKey {
    #[serde(flatten)]
    key: ApiKey,
    /// The whole key, for `Authorization: Bearer`.
    #[schema(example = "psk_live_...")]
    secret: String,
}

impl Versioned for FreshApiKey {
    fn version(&self) -> u64 {
        self.key.version
    }
}

/// A key to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "n8n", "scopes": ["leads:read"]}))]
pub(super) struct ApiKeyRequest {
    #[schema(max_length = 200)]
    name: String,
    /// Permissions such as `leads:read`; never `users:write` or `keys:write`.
    #[schema(min_items = 1, max_items = 50, example = json!(["leads:read"]))]
    scopes: Vec<String>,
    expires_at: Option<Time>,
}

/// Lists the keys, the newest first, revoked ones among them.
#[utoipa::path(get, path = "/api/api-keys",
    responses((status = 200, description = "The keys.", body = ApiKeys)))]
async fn list_api_keys(
    State(state): State<ApiState>,
    Scope(scope): Scope,
) -> ApiResult<Json<ApiKeys>> {
    let keys = state.store().api_keys(&scope).await?;
    let data = keys.into_iter().map(ApiKey::from).collect();
    Ok(Json(ApiKeys { data }))
}

/// Makes a key; its secret is in this answer alone.
#[utoipa::path(post, path = "/api/api-keys", request_body = ApiKeyRequest,
    responses((status = 201, description = "The key.", body = FreshApiKey)))]
async fn create_api_key(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    ApiJson(body): ApiJson<ApiKeyRequest>,
) -> ApiResult<Created<FreshApiKey>> {
    let scopes: Permissions = body
        .scopes
        .iter()
        .map(|word| word.parse::<Permission>())
        .collect::<Result<_, Error>>()
        .map_err(|_| Error::invalid("scopes", "expected permissions such as `leads:read`"))?;
    let new = NewApiKey::new(
        &body.name,
        scopes,
        body.expires_at.map(Time::millis),
        state.now(),
    )?;
    let environment = state.accounts().environment;
    let (key, info) = state
        .store()
        .create_api_key(&scope, &new, environment)
        .await?;
    Ok(Created {
        location: format!("/api/api-keys/{}", info.id),
        body: FreshApiKey {
            key: info.into(),
            secret: key.expose().expose_secret().to_owned(),
        },
    })
}

/// Shows a key, without its secret.
#[utoipa::path(get, path = "/api/api-keys/{id}",
    params(("id" = ApiKeyId, Path, description = "The key.")),
    responses((status = 200, description = "The key.", body = ApiKey)))]
async fn get_api_key(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    Id(id): Id<ApiKeyId>,
) -> ApiResult<WithETag<ApiKey>> {
    let info = state.store().api_key(&scope, id).await?;
    Ok(WithETag(info.into()))
}

/// Revokes a key; its next request is refused.
#[utoipa::path(delete, path = "/api/api-keys/{id}",
    params(("id" = ApiKeyId, Path, description = "The key.")),
    responses((status = 204, description = "It opens nothing any more.")))]
async fn revoke_api_key(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    Id(id): Id<ApiKeyId>,
    IfMatch(expected): IfMatch,
) -> ApiResult<NoContent> {
    state
        .store()
        .revoke_api_key(&scope, id, Some(expected))
        .await?;
    state.recheck_streams();
    Ok(NoContent)
}

pub(crate) fn routes() -> Tagged {
    let keys = Needs::Tenant(Permission::KeysWrite);
    Routes::tagged("api-keys")
        .add(keys, routes!(list_api_keys))
        .add(keys.secret_answer(), routes!(create_api_key))
        .add(keys, routes!(get_api_key))
        .add(keys, routes!(revoke_api_key))
}
