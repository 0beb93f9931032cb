//! A member's own phone, and taking a call over on it.

use axum::Json;
use axum::extract::State;
use prosaas_core::{CallId, E164, Error};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::live::step_in;
use crate::api::kit::{ApiJson, ApiResult, ApiState, Id, NoContent, Scope};
use crate::live::LiveWish;
use crate::model::phone::parse_phone;

/// One's own phone in the business.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OwnPhone {
    /// The number; null when there is none.
    number: Option<E164>,
}

/// A phone to take calls over on.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "number": "+97231234568" }))]
pub(crate) struct NewOwnPhone {
    /// The number as people write it. An ordinary phone: no premium, shared-cost or satellite number.
    #[schema(min_length = 1, max_length = 64)]
    number: String,
}

/// Shows one's own phone in the business.
#[utoipa::path(get, path = "/api/calls/own-phone",
    responses((status = 200, description = "The phone, if there is one.", body = OwnPhone)))]
pub(super) async fn get_own_phone(
    State(state): State<ApiState>,
    Scope(scope): Scope,
) -> ApiResult<Json<OwnPhone>> {
    let number = state.store().own_phone(&scope).await?;
    Ok(Json(OwnPhone { number }))
}

/// Sets one's own phone: calls are taken over on it, and owners of the business see it.
#[utoipa::path(put, path = "/api/calls/own-phone", request_body = NewOwnPhone,
    responses((status = 200, description = "The phone as it is kept.", body = OwnPhone)))]
pub(super) async fn set_own_phone(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    ApiJson(new): ApiJson<NewOwnPhone>,
) -> ApiResult<Json<OwnPhone>> {
    let store = state.store();
    let region = store.phone_region(&scope).await?;
    // A mistake in it is named as the body names it.
    let number = parse_phone(&new.number, region)
        .map_err(|_| Error::invalid("number", "expected a phone number such as 050-1234567"))?;
    store.set_own_phone(&scope, Some(&number)).await?;
    let number = Some(number);
    Ok(Json(OwnPhone { number }))
}

/// Clears one's own phone.
#[utoipa::path(delete, path = "/api/calls/own-phone",
    responses((status = 204, description = "There is none any more.")))]
pub(super) async fn clear_own_phone(
    State(state): State<ApiState>,
    Scope(scope): Scope,
) -> ApiResult<NoContent> {
    state.store().set_own_phone(&scope, None).await?;
    Ok(NoContent)
}

/// Hands a call to whoever asks, on his own phone: the agent says so, and it rings.
#[utoipa::path(post, path = "/api/calls/{id}/take-over",
    params(("id" = CallId, Path, description = "The call.")),
    responses((status = 204, description = "The agent hands it over.")))]
pub(super) async fn take_over_call(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    Id(id): Id<CallId>,
) -> ApiResult<NoContent> {
    let store = state.store();
    // Another business's call is not found, whoever asks.
    store.call_entry(&scope, id).await?;
    let number = store.own_phone(&scope).await?;
    let number = number.ok_or_else(|| Error::Conflict {
        what: "own-phone-missing",
        detail: "enter a phone of your own first".to_owned(),
    })?;
    let wish = ("call.take_over_requested", LiveWish::HandTo(number));
    step_in(&state, &scope, id, wish).await
}
