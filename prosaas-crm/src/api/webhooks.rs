//! `/api/webhooks`: the addresses that are told of the business's events.

use axum::Json;
use axum::extract::State;
use prosaas_core::ExposeSecret as _;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::deliveries::Delivery;
use super::records::{page_of, versioned};
use crate::api::kit::{
    ApiJson, ApiResult, ApiState, Created, Id, IfMatch, List, ListParams, Needs, NoContent,
    NoFilter, Page, Routes, Scope, Tagged, Time, Versioned, WithETag,
};
use crate::auth::Permission;
use crate::model::delivery::{DeliveryState, ReplayWindow};
use crate::model::id::WebhookId;
use crate::model::webhook::{NewWebhook, Webhook, WebhookPatch};
use crate::webhook::WebhookSecret;

versioned!(Webhook);

/// A webhook with the secret that signs what it is sent: shown now and never again.
#[derive(Serialize, ToSchema)]
pub(crate) struct FreshWebhook {
    #[serde(flatten)]
    webhook: Webhook,
    /// The secret, as the Standard Webhooks libraries take it.
    #[schema(example = "whsec_...")]
    secret: String,
}

impl FreshWebhook {
    fn of((webhook, secret): (Webhook, WebhookSecret)) -> Self {
        let secret = secret.expose().expose_secret().to_owned();
        Self { webhook, secret }
    }
}

impl Versioned for FreshWebhook {
    fn version(&self) -> u64 {
        self.webhook.version
    }
}

/// Which deliveries are sent once more.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "from": "2026-11-27T00:00:00Z", "until": "2026-11-28T00:00:00Z", "state": "dead" }))]
pub(crate) struct ReplayWish {
    /// Events from then on.
    from: Time,
    /// Events before then.
    until: Time,
    /// Only those that have come so far: `dead` or `delivered`; both when not said.
    state: Option<DeliveryState>,
}

/// What is sent once more.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Replayed {
    /// How many deliveries are on their way again.
    replayed: u64,
}

/// Lists the webhooks, the newest first.
#[utoipa::path(get, path = "/api/webhooks", params(ListParams),
    responses((status = 200, description = "One page of them.", body = Page<Webhook>)))]
async fn list_webhooks(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    list: List<NoFilter>,
) -> ApiResult<Json<Page<Webhook>>> {
    let page = page_of::<WebhookId, _>(&list)?;
    let rows = state.store().webhooks(&scope, page).await?;
    let key = |row: &Webhook| (row.created_at.millis(), row.id);
    Ok(list.page(rows, key, |row| row)?.json())
}

/// Adds a webhook; its secret is in this answer alone.
#[utoipa::path(post, path = "/api/webhooks", request_body = NewWebhook,
    responses((status = 201, description = "The webhook with its secret.", body = FreshWebhook)))]
async fn create_webhook(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    ApiJson(new): ApiJson<NewWebhook>,
) -> ApiResult<Created<FreshWebhook>> {
    let (store, policy) = (state.store(), state.config().webhook_targets.clone());
    let made = store
        .add_webhook(&scope, store.master_keys()?, (new, policy))
        .await?;
    Ok(Created {
        location: format!("/api/webhooks/{}", made.0.id),
        body: FreshWebhook::of(made),
    })
}

/// Shows a webhook, without its secret.
#[utoipa::path(get, path = "/api/webhooks/{id}", params(("id" = WebhookId, Path, description = "The webhook.")),
    responses((status = 200, description = "As it is now.", body = Webhook)))]
async fn get_webhook(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    Id(id): Id<WebhookId>,
) -> ApiResult<WithETag<Webhook>> {
    Ok(WithETag(state.store().webhook(&scope, id).await?))
}

/// Changes a webhook, or switches it off and on. What happens while it is off it is not told.
#[utoipa::path(patch, path = "/api/webhooks/{id}", params(("id" = WebhookId, Path, description = "The webhook.")),
    request_body = WebhookPatch, responses((status = 200, description = "As it is now.", body = Webhook)))]
async fn update_webhook(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    Id(id): Id<WebhookId>,
    IfMatch(version): IfMatch,
    ApiJson(patch): ApiJson<WebhookPatch>,
) -> ApiResult<WithETag<Webhook>> {
    let policy = state.config().webhook_targets.clone();
    let changed = state
        .store()
        .update_webhook(&scope, id, version, (patch, policy))
        .await?;
    Ok(WithETag(changed))
}

/// Removes a webhook; nothing more is sent to it.
#[utoipa::path(delete, path = "/api/webhooks/{id}", params(("id" = WebhookId, Path, description = "The webhook.")),
    responses((status = 204, description = "It is gone.")))]
async fn delete_webhook(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    Id(id): Id<WebhookId>,
    IfMatch(version): IfMatch,
) -> ApiResult<NoContent> {
    state.store().delete_webhook(&scope, id, version).await?;
    Ok(NoContent)
}

/// Gives a webhook a new secret, in this answer alone. The old one signs beside it until the next time.
#[utoipa::path(post, path = "/api/webhooks/{id}/rotate-secret", params(("id" = WebhookId, Path, description = "The webhook.")),
    responses((status = 200, description = "The webhook with its new secret.", body = FreshWebhook)))]
async fn rotate_webhook_secret(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    Id(id): Id<WebhookId>,
) -> ApiResult<WithETag<FreshWebhook>> {
    let store = state.store();
    let rotated = store
        .rotate_webhook_secret(&scope, store.master_keys()?, id)
        .await?;
    Ok(WithETag(FreshWebhook::of(rotated)))
}

/// Sends a webhook an event of the kind `webhook.test`, whatever kinds it wants.
#[utoipa::path(post, path = "/api/webhooks/{id}/test", params(("id" = WebhookId, Path, description = "The webhook.")),
    responses((status = 200, description = "The delivery, to be sent.", body = Delivery)))]
async fn test_webhook(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    Id(id): Id<WebhookId>,
) -> ApiResult<Json<Delivery>> {
    let sent = state.store().send_test_event(&scope, id).await?;
    Ok(Json(sent.into()))
}

/// Sends the deliveries of a while once more, 1,000 at most: after the receiver was out of order.
#[utoipa::path(post, path = "/api/webhooks/{id}/deliveries/replay", request_body = ReplayWish,
    params(("id" = WebhookId, Path, description = "The webhook.")),
    responses((status = 200, description = "How many are on their way again.", body = Replayed)))]
async fn replay_webhook_deliveries(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    Id(id): Id<WebhookId>,
    ApiJson(wish): ApiJson<ReplayWish>,
) -> ApiResult<Json<Replayed>> {
    let window = ReplayWindow::new(wish.from.millis(), wish.until.millis(), wish.state)?;
    let replayed = state.store().replay_deliveries(&scope, id, window).await?;
    Ok(Json(Replayed { replayed }))
}

pub(crate) fn routes() -> Tagged {
    let manage = Needs::Tenant(Permission::KeysWrite);
    Routes::tagged("webhooks")
        .add(manage, routes!(list_webhooks))
        .add(manage.secret_answer(), routes!(create_webhook))
        .add(manage, routes!(get_webhook))
        .add(manage, routes!(update_webhook))
        .add(manage, routes!(delete_webhook))
        .add(manage.secret_answer(), routes!(rotate_webhook_secret))
        .add(manage, routes!(test_webhook))
        .add(manage, routes!(replay_webhook_deliveries))
}
