//! `/api/wa/cloud`: a number at Meta, which a business may have instead of a linked phone.

use axum::Json;
use axum::extract::State;
use prosaas_core::Error;
use prosaas_core::whatsapp::{LinkMethod, LinkState};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::routes;

use crate::api::kit::{
    ApiJson, ApiResult, ApiState, Needs, NoContent, Problem, Routes, Scope, Tagged, Time,
};
use crate::auth::{Permission, TenantScope};
use crate::model::access::SecretName;
use crate::model::whatsapp::CloudNumber;

/// The business's number at Meta. Its access token is the secret `whatsapp_cloud_token`, which is never shown.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WaCloud {
    /// Meta's id of the number; null when the business links a phone.
    phone_number_id: Option<String>,
    /// Meta's id of the WhatsApp business account that it belongs to.
    account_id: Option<String>,
    /// Whether there is an access token.
    has_token: bool,
    /// Whether Meta took the number with the token: only then messages go and come by it.
    is_on: bool,
    /// When Meta's webhook last told of it, to the minute.
    last_webhook_at: Option<Time>,
}

/// A number at Meta.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"phone_number_id": "106540352242922", "account_id": "102290129340398"}))]
pub(crate) struct WaCloudNumber {
    /// Meta's id of the number: not the number itself.
    #[schema(min_length = 1, max_length = 32, pattern = "^[0-9]+$")]
    phone_number_id: String,
    /// Meta's id of the WhatsApp business account that it belongs to.
    #[schema(min_length = 1, max_length = 32, pattern = "^[0-9]+$")]
    account_id: String,
}

/// Shows the business's number at Meta.
#[utoipa::path(get, path = "/api/wa/cloud",
    responses((status = 200, description = "The number, if there is one.", body = WaCloud)))]
async fn get_wa_cloud(
    State(state): State<ApiState>,
    Scope(scope): Scope,
) -> ApiResult<Json<WaCloud>> {
    shown(&state, &scope).await.map(Json)
}

async fn shown(state: &ApiState, scope: &TenantScope) -> ApiResult<WaCloud> {
    let store = state.store();
    let link = store.wa_link(scope).await?.cloud;
    let secrets = store.secrets_overview(scope).await?;
    let mut names = secrets.set.iter().map(|hint| hint.name);
    let has_token = names.any(|name| name == SecretName::WhatsAppCloudToken);
    Ok(WaCloud {
        has_token,
        is_on: link.as_ref().is_some_and(|link| link.is_on),
        last_webhook_at: link.as_ref().and_then(|link| link.heard_at).map(Time::from),
        account_id: link.as_ref().map(|link| link.number.account_id.clone()),
        phone_number_id: link.map(|link| link.number.number_id),
    })
}

/// Gives the business a number at Meta instead of a linked phone. It is not used before it is connected.
#[utoipa::path(put, path = "/api/wa/cloud", request_body = WaCloudNumber,
    responses((status = 200, description = "The number as it is kept.", body = WaCloud)))]
async fn set_wa_cloud(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    ApiJson(number): ApiJson<WaCloudNumber>,
) -> ApiResult<Json<WaCloud>> {
    let number = CloudNumber {
        number_id: number.phone_number_id,
        account_id: number.account_id,
    };
    let store = state.store();
    store.set_wa_cloud(&scope, &number).await?;
    store.note_wa_state(&scope, &LinkState::Unlinked).await?;
    shown(&state, &scope).await.map(Json)
}

/// Asks Meta about the business's number with its access token, and uses it from now on if Meta takes both.
#[utoipa::path(post, path = "/api/wa/cloud/connect",
    responses((status = 200, description = "The number, which is used now.", body = WaCloud)))]
async fn connect_wa_cloud(
    State(state): State<ApiState>,
    Scope(scope): Scope,
) -> ApiResult<Json<WaCloud>> {
    let store = state.store();
    if store.wa_link(&scope).await?.cloud.is_none() {
        let detail = "the business has no number at Meta: enter its phone number id first";
        return Err(conflict("cloud-not-set", detail));
    }
    let transport = state.whatsapp()?;
    let can = transport.capabilities_of(scope.tenant()).await?;
    if can.links_by_qr {
        let detail = "this installation has no app at Meta; its operator configures one";
        return Err(conflict("cloud-not-configured", detail));
    }
    let asked = ("whatsapp.cloud_connect_requested", None);
    store.note_wa_request(&scope, asked, None).await?;
    let linked = transport.link(scope.tenant(), LinkMethod::Qr).await;
    let link = linked.map_err(refused)?;
    store.note_wa_state(&scope, &link).await?;
    shown(&state, &scope).await.map(Json)
}

fn conflict(what: &'static str, detail: &str) -> Problem {
    let detail = detail.to_owned();
    Error::Conflict { what, detail }.into()
}

/// What Meta does not take is no fault of the request, and no lack of the asker's rights.
fn refused(error: Error) -> Problem {
    match error {
        Error::Forbidden { detail }
        | Error::Invalid {
            expected: detail, ..
        } => conflict("cloud-refused", &detail),
        error => error.into(),
    }
}

/// Takes the number at Meta away with its access token; a phone can be linked again. Conversations stay.
#[utoipa::path(delete, path = "/api/wa/cloud",
    responses((status = 204, description = "The business has no number at Meta.")))]
async fn forget_wa_cloud(
    State(state): State<ApiState>,
    Scope(scope): Scope,
) -> ApiResult<NoContent> {
    let store = state.store();
    store.forget_wa_cloud(&scope).await?;
    store.note_wa_state(&scope, &LinkState::Unlinked).await?;
    Ok(NoContent)
}

pub(crate) fn routes() -> Tagged {
    let keys = Needs::Tenant(Permission::KeysWrite);
    Routes::tagged("whatsapp")
        .add(keys, routes!(get_wa_cloud))
        .add(keys.unversioned(), routes!(set_wa_cloud))
        .add(keys, routes!(connect_wa_cloud))
        .add(keys.unversioned(), routes!(forget_wa_cloud))
}
