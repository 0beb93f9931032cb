//! A resource that keeps nothing: what the kit does is seen through it.

use axum::Json;
use prosaas_core::LeadId;
use prosaas_crm::api::kit::{
    ApiJson, ApiResult, Caller, Created, Id, IfMatch, List, ListParams, Needs, NoContent, Page,
    Problem, Routes, Scope, Session, System, Tagged, Time, Versioned, WithETag,
};
use prosaas_crm::auth::Permission;
use prosaas_crm::model::patch::{Patch, Replace, require_change};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::routes;

use crate::support::NOW;

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Thing {
    id: LeadId,
    name: String,
    created_at: Time,
    version: u64,
}

impl Versioned for Thing {
    fn version(&self) -> u64 {
        self.version
    }
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "name": "Dana" }))]
pub(crate) struct CreateThing {
    name: String,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "company": null }))]
pub(crate) struct UpdateThing {
    #[serde(default)]
    name: Replace<String>,
    #[serde(default)]
    company: Patch<String>,
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ThingFilter {
    /// Only names that begin so.
    starts: Option<String>,
}

fn thing(id: LeadId, name: &str, version: u64) -> Thing {
    Thing {
        id,
        name: name.to_owned(),
        created_at: NOW.into(),
        version,
    }
}

/// Lists things.
#[utoipa::path(get, path = "/api/things", params(ListParams, ThingFilter),
    responses((status = 200, description = "One page of things.", body = Page<Thing>)))]
async fn list_things(Scope(_): Scope, list: List<ThingFilter>) -> ApiResult<Json<Page<Thing>>> {
    let after: u64 = list.after()?.unwrap_or(0);
    let rows: Vec<u64> = (after + 1..=10).take(list.fetch() as usize).collect();
    let name = list.filter.starts.clone().unwrap_or_default();
    let id = LeadId::mint(NOW);
    let page = list.page(rows, |row| *row, |row| thing(id, &name, row))?;
    Ok(page.json())
}

/// Makes a thing.
#[utoipa::path(post, path = "/api/things", request_body = CreateThing,
    responses((status = 201, description = "The new thing.", body = Thing)))]
async fn create_thing(Scope(_): Scope, ApiJson(new): ApiJson<CreateThing>) -> Created<Thing> {
    let id = LeadId::mint(NOW);
    Created {
        location: format!("/api/things/{id}"),
        body: thing(id, &new.name, 1),
    }
}

/// Shows a thing.
#[utoipa::path(get, path = "/api/things/{id}", params(("id" = LeadId, Path, description = "The thing.")),
    responses((status = 200, description = "The thing.", body = Thing)))]
async fn get_thing(Scope(_): Scope, Id(id): Id<LeadId>) -> WithETag<Thing> {
    WithETag(thing(id, "Dana", 3))
}

/// Changes a thing.
#[utoipa::path(patch, path = "/api/things/{id}", params(("id" = LeadId, Path, description = "The thing.")),
    request_body = UpdateThing,
    responses((status = 200, description = "The changed thing.", body = Thing)))]
async fn update_thing(
    Scope(_): Scope,
    Id(id): Id<LeadId>,
    IfMatch(version): IfMatch,
    ApiJson(patch): ApiJson<UpdateThing>,
) -> ApiResult<WithETag<Thing>> {
    require_change(&[patch.name.is_change(), patch.company.is_change()])?;
    let name = patch.name.apply("Dana".to_owned());
    Ok(WithETag(thing(id, &name, version + 1)))
}

/// Removes a thing.
#[utoipa::path(delete, path = "/api/things/{id}", params(("id" = LeadId, Path, description = "The thing.")),
    responses((status = 204, description = "It is gone.")))]
async fn delete_thing(Scope(_): Scope, Id(_): Id<LeadId>, _: IfMatch) -> NoContent {
    NoContent
}

/// Who am I.
#[utoipa::path(get, path = "/api/whoami",
    responses((status = 200, description = "The user's id.", body = String)))]
async fn whoami(session: Session) -> String {
    session.user.to_string()
}

/// Installation's own.
#[utoipa::path(post, path = "/api/system/sweep",
    responses((status = 204, description = "Swept.")))]
async fn sweep(System(_): System) -> NoContent {
    NoContent
}

/// For anybody.
#[utoipa::path(post, path = "/api/public", request_body = CreateThing,
    responses((status = 204, description = "Taken.")))]
async fn public(ApiJson(_): ApiJson<CreateThing>) -> NoContent {
    NoContent
}

/// Its row lets anybody in and its handler does not: a bug that must not become a hole.
#[utoipa::path(get, path = "/api/wrong",
    responses((status = 204, description = "Never.")))]
async fn wrong_row(Scope(_): Scope) -> NoContent {
    NoContent
}

/// Fails with a secret in its cause.
#[utoipa::path(get, path = "/api/broken",
    responses((status = 204, description = "Never.")))]
async fn broken(_: Caller) -> ApiResult<NoContent> {
    Err(Problem::internal("password=hunter2"))
}

/// Shows a secret, once.
#[utoipa::path(post, path = "/api/secrets", responses((status = 200, description = "A secret.", body = String)))]
async fn make_secret(_: Caller) -> &'static str {
    "shown once"
}

pub(crate) fn routes() -> Tagged {
    Routes::tagged("things")
        .add(Needs::Tenant(Permission::LeadsRead), routes!(list_things))
        .add(Needs::Tenant(Permission::LeadsWrite), routes!(create_thing))
        .add(Needs::Tenant(Permission::LeadsRead), routes!(get_thing))
        .add(Needs::Tenant(Permission::LeadsWrite), routes!(update_thing))
        .add(Needs::Tenant(Permission::LeadsPurge), routes!(delete_thing))
        .add(Needs::Session, routes!(whoami))
        .add(Needs::System, routes!(sweep))
        .add(Needs::Public, routes!(public))
        .add(Needs::Public, routes!(wrong_row))
        .add(Needs::Session, routes!(broken))
        .add(Needs::Session.secret_answer(), routes!(make_secret))
}
