//! What became of telling webhooks of events.

use axum::Json;
use axum::extract::State;
use prosaas_core::UnixMillis;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::routes;

use crate::api::kit::{
    ApiResult, ApiState, Id, List, ListParams, Needs, Page, Routes, Scope, Tagged, Time,
};
use crate::auth::Permission;
use crate::model::delivery::{Delivery as Stored, DeliveryState};
use crate::model::id::{DeliveryId, WebhookId};

/// An event on its way to a webhook.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Delivery {
    /// Its id: what the receiver sees as `webhook-id`.
    id: DeliveryId,
    /// The webhook.
    webhook_id: WebhookId,
    /// The kind of event.
    #[schema(example = "lead.created")]
    kind: String,
    /// What is sent.
    #[schema(value_type = Object)]
    payload: serde_json::Value,
    /// How far it has come.
    state: DeliveryState,
    /// How often it was tried.
    attempts: u32,
    /// The receiver's last HTTP status.
    last_status: Option<u16>,
    /// Why the last attempt failed without one.
    last_error: Option<String>,
    /// When the event happened.
    created_at: Time,
    /// When the receiver had it.
    delivered_at: Option<Time>,
}

impl From<Stored> for Delivery {
    fn from(stored: Stored) -> Self {
        Self {
            id: stored.id,
            webhook_id: stored.webhook,
            kind: stored.kind,
            payload: stored.payload,
            state: stored.state,
            attempts: stored.attempts,
            last_status: stored.last_status,
            last_error: stored.last_error,
            created_at: stored.created_at.into(),
            delivered_at: stored.delivered_at.map(Time::from),
        }
    }
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct DeliveryFilter {
    /// Only those that have come so far; `dead` are the dead letters.
    state: Option<DeliveryState>,
}

/// Lists the deliveries to a webhook, the newest first.
#[utoipa::path(get, path = "/api/webhooks/{id}/deliveries",
    params(ListParams, DeliveryFilter, ("id" = WebhookId, Path, description = "The webhook.")),
    responses((status = 200, description = "One page of deliveries.", body = Page<Delivery>)))]
async fn list_webhook_deliveries(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    Id(id): Id<WebhookId>,
    list: List<DeliveryFilter>,
) -> ApiResult<Json<Page<Delivery>>> {
    let after: Option<(UnixMillis, DeliveryId)> = list.after()?;
    let rows = state
        .store()
        .deliveries(&scope, id, list.filter.state, after, list.fetch())
        .await?;
    let key = |row: &Stored| (row.created_at, row.id);
    Ok(list.page(rows, key, Delivery::from)?.json())
}

/// Sends a delivery once more, whether it arrived or was given up.
#[utoipa::path(post, path = "/api/webhooks/{id}/deliveries/{delivery}/replay",
    params(
        ("id" = WebhookId, Path, description = "The webhook."),
        ("delivery" = DeliveryId, Path, description = "The delivery."),
    ),
    responses((status = 200, description = "The delivery, to be sent.", body = Delivery)))]
async fn replay_webhook_delivery(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    Id((id, delivery)): Id<(WebhookId, DeliveryId)>,
) -> ApiResult<Json<Delivery>> {
    let replayed = state.store().replay_delivery(&scope, id, delivery).await?;
    Ok(Json(replayed.into()))
}

pub(crate) fn routes() -> Tagged {
    let manage = Needs::Tenant(Permission::KeysWrite);
    Routes::tagged("webhooks")
        .add(manage, routes!(list_webhook_deliveries))
        .add(manage, routes!(replay_webhook_delivery))
}
