//! What the business's files take, and how much they may.

use axum::Json;
use axum::extract::State;
use prosaas_core::TenantId;
use utoipa_axum::routes;

use super::own;
use crate::api::kit::{ApiResult, ApiState, Id, Needs, Routes, Scope, Tagged};
use crate::auth::Permission;
use crate::model::storage::StorageUse;

/// Shows what the files of one's own business take, and how much they may.
#[utoipa::path(get, path = "/api/businesses/{id}/storage", params(("id" = TenantId, Path, description = "One's own business.")),
    responses((status = 200, description = "As it is now.", body = StorageUse)))]
async fn get_storage(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    Id(id): Id<TenantId>,
) -> ApiResult<Json<StorageUse>> {
    own(&scope, id)?;
    Ok(Json(state.store().storage_use(&scope).await?))
}

pub(crate) fn routes() -> Tagged {
    Routes::tagged("businesses").add(
        Needs::Tenant(Permission::BusinessRead),
        routes!(get_storage),
    )
}
