//! One's own business: `/api/businesses/{id}`. The id is the caller's own or the business does not exist.

mod knowledge;
mod lists;
mod numbers;
mod spending;
mod storage;

use axum::Json;
use axum::extract::State;
use prosaas_core::TenantId;
use utoipa_axum::routes;

use super::kit::{
    ApiJson, ApiResult, ApiState, Id, IfMatch, Needs, Problem, Routes, Scope, Versioned, WithETag,
};
use super::records::{Whole, versioned};
use crate::auth::{Permission, TenantScope};
use crate::model::block::Block;
use crate::model::hours::SpecialDay;
use crate::model::knowledge::Knowledge;
use crate::model::number::BusinessNumber;
use crate::model::settings::{BusinessSettings, HoursPatch, SettingsPatch};

/// Passes the caller's own business; any other is like one that does not exist.
fn own(scope: &TenantScope, id: TenantId) -> ApiResult<()> {
    if scope.tenant() == id {
        return Ok(());
    }
    Err(Problem::not_found())
}

versioned!(BusinessNumber, BusinessSettings, Knowledge, SpecialDay);

/// A block never changes.
impl Versioned for Block {
    fn version(&self) -> u64 {
        1
    }
}

/// Lists the businesses that the caller may act in now: his own.
#[utoipa::path(get, path = "/api/businesses",
    responses((status = 200, description = "All of them.", body = Whole<BusinessSettings>)))]
async fn list_businesses(
    State(state): State<ApiState>,
    Scope(scope): Scope,
) -> ApiResult<Json<Whole<BusinessSettings>>> {
    Ok(Whole::of(vec![state.store().settings(&scope).await?]))
}

/// Shows one's own business.
#[utoipa::path(get, path = "/api/businesses/{id}", params(("id" = TenantId, Path, description = "One's own business.")),
    responses((status = 200, description = "Its settings.", body = BusinessSettings)))]
async fn get_business(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    Id(id): Id<TenantId>,
) -> ApiResult<WithETag<BusinessSettings>> {
    own(&scope, id)?;
    Ok(WithETag(state.store().settings(&scope).await?))
}

/// Changes the settings of one's own business.
#[utoipa::path(patch, path = "/api/businesses/{id}", params(("id" = TenantId, Path, description = "One's own business.")),
    request_body = SettingsPatch, responses((status = 200, description = "Its settings.", body = BusinessSettings)))]
async fn update_business(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    Id(id): Id<TenantId>,
    IfMatch(version): IfMatch,
    ApiJson(patch): ApiJson<SettingsPatch>,
) -> ApiResult<WithETag<BusinessSettings>> {
    own(&scope, id)?;
    let changed = state
        .store()
        .update_settings(&scope, version, patch)
        .await?;
    Ok(WithETag(changed))
}

/// Changes when one's own business is open and how it takes appointments.
#[utoipa::path(patch, path = "/api/businesses/{id}/hours", params(("id" = TenantId, Path, description = "One's own business.")),
    request_body = HoursPatch, responses((status = 200, description = "Its settings.", body = BusinessSettings)))]
async fn update_hours(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    Id(id): Id<TenantId>,
    IfMatch(version): IfMatch,
    ApiJson(patch): ApiJson<HoursPatch>,
) -> ApiResult<WithETag<BusinessSettings>> {
    own(&scope, id)?;
    let patch = patch.into();
    let changed = state
        .store()
        .update_settings(&scope, version, patch)
        .await?;
    Ok(WithETag(changed))
}

pub(crate) fn routes() -> Routes {
    let read = Needs::Tenant(Permission::BusinessRead);
    let settings = Routes::tagged("businesses")
        .add(read, routes!(list_businesses))
        .add(read, routes!(get_business))
        .add(
            Needs::Tenant(Permission::BusinessWrite),
            routes!(update_business),
        )
        .add(
            Needs::Tenant(Permission::BusinessManage),
            routes!(update_hours),
        );
    Routes::default()
        .merge(settings)
        .merge(knowledge::routes())
        .merge(lists::routes())
        .merge(numbers::routes())
        .merge(spending::routes())
        .merge(storage::routes())
}
