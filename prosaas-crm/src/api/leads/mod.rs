//! Leads: the people a business knows.

mod board;
mod bulk;
mod duplicates;
mod export;
mod identities;
mod import;
mod merge;
mod spending;
mod trash;
mod views;

use axum::Json;
use axum::extract::State;
use prosaas_core::{LeadId, UnixMillis};
use serde::Deserialize;
use utoipa_axum::routes;

use self::views::{CreateLead, Lead, LeadWithDetails, UpdateLead};
use crate::api::kit::{
    ApiJson, ApiResult, ApiState, Count, Created, Id, IfMatch, List, ListParams, Needs, Page,
    Problem, Routes, Scope, Tagged, WithETag,
};
use crate::auth::Permission;
use crate::model::id::{StageId, TagId};
use crate::model::lead_list::{Assigned, LeadFilter, LeadKey, LeadList, LeadPage, LeadSort};
use crate::model::phone::PhoneRegion;
use crate::search::Query;

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct LeadListFilter {
    /// Only leads in this stage.
    stage_id: Option<StageId>,
    /// Only leads with this tag.
    tag_id: Option<TagId>,
    /// Only leads that this member looks after, or with `none` those that nobody does.
    assignee_id: Option<String>,
    /// Only leads that came from there, such as `call`.
    source: Option<String>,
    /// Only leads found by these words: a name, the last digits of a number.
    #[param(min_length = 2, max_length = 200)]
    q: Option<String>,
    /// `-active_at` (the default), `-created_at` (the default with a tag) or `created_at`.
    sort: Option<String>,
}

impl LeadListFilter {
    fn parse(&self, region: PhoneRegion) -> ApiResult<(LeadFilter, LeadSort)> {
        let default = match self.tag_id {
            Some(_) => LeadSort::Newest,
            None => LeadSort::Active,
        };
        let sort = self.sort.as_deref().map(str::parse).transpose()?;
        let assigned = match self.assignee_id.as_deref() {
            None => None,
            Some("none") => Some(Assigned::Nobody),
            Some(id) => Some(Assigned::To(id.parse()?)),
        };
        let query = self.q.as_deref().map(|text| query(text, region));
        let filter = LeadFilter {
            stage: self.stage_id,
            tag: self.tag_id,
            assigned,
            source: self.source.as_deref().map(str::parse).transpose()?,
            query: query.transpose()?,
        };
        Ok((filter, sort.unwrap_or(default)))
    }
}

/// The longest search, in characters.
const MAX_QUERY: usize = 200;

/// What somebody looks for.
fn query(text: &str, region: PhoneRegion) -> ApiResult<Query> {
    if text.chars().count() > MAX_QUERY {
        return Err(Problem::bad_request("query-too-long", "see `errors`")
            .at("/q", "expected at most 200 characters"));
    }
    let too_short = || {
        Problem::bad_request("query-too-short", "see `errors`")
            .at("/q", "expected at least two letters or digits")
    };
    Query::parse(text, region).ok_or_else(too_short)
}

/// Lists leads. A page may be shorter than its limit and have a next one.
#[utoipa::path(get, path = "/api/crm/leads", params(ListParams, LeadListFilter),
    responses((status = 200, description = "One page of leads.", body = Page<Lead>)))]
async fn list_leads(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    list: List<LeadListFilter>,
) -> ApiResult<Json<Page<Lead>>> {
    let region = state.store().phone_region(&scope).await?;
    let (filter, sort) = list.filter.parse(region)?;
    let wanted = LeadList {
        filter,
        sort,
        after: after(&list)?,
        limit: list.limit,
    };
    let page = state.store().find_leads(&scope, &wanted).await?;
    let count = if list.counted && wanted.filter == LeadFilter::default() {
        let counted = state.store().count_leads(&scope).await?;
        Some(Count::of(u64::from(counted)))
    } else {
        None
    };
    Ok(shown(&list, page)?.counted(count).json())
}

fn after<F>(list: &List<F>) -> ApiResult<Option<LeadKey>> {
    let after: Option<(UnixMillis, LeadId)> = list.after()?;
    Ok(after.map(|(at, id)| LeadKey { at, id }))
}

fn shown<F>(list: &List<F>, page: LeadPage) -> ApiResult<Page<Lead>> {
    let data = page.leads.into_iter().map(Lead::from).collect();
    list.page_until(data, page.next.map(|key| (key.at, key.id)))
}

/// Creates a lead.
#[utoipa::path(post, path = "/api/crm/leads", request_body = CreateLead,
    responses((status = 201, description = "The new lead.", body = LeadWithDetails)))]
async fn create_lead(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    ApiJson(body): ApiJson<CreateLead>,
) -> ApiResult<Created<LeadWithDetails>> {
    let region = state.store().phone_region(&scope).await?;
    let new = body.parse(&scope, region)?;
    let body: LeadWithDetails = state.store().create_lead(&scope, new).await?.into();
    Ok(Created {
        location: format!("/api/crm/leads/{}", body.lead.id),
        body,
    })
}

/// Shows a lead.
#[utoipa::path(get, path = "/api/crm/leads/{id}",
    params(("id" = LeadId, Path, description = "The lead.")),
    responses((status = 200, description = "The lead.", body = LeadWithDetails)))]
async fn get_lead(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    Id(id): Id<LeadId>,
) -> ApiResult<WithETag<LeadWithDetails>> {
    let details = state.store().lead_details(&scope, id).await?;
    Ok(WithETag(details.into()))
}

/// Changes a lead.
#[utoipa::path(patch, path = "/api/crm/leads/{id}",
    params(("id" = LeadId, Path, description = "The lead.")), request_body = UpdateLead,
    responses((status = 200, description = "The changed lead.", body = LeadWithDetails)))]
async fn update_lead(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    Id(id): Id<LeadId>,
    IfMatch(version): IfMatch,
    ApiJson(body): ApiJson<UpdateLead>,
) -> ApiResult<WithETag<LeadWithDetails>> {
    let region = state.store().phone_region(&scope).await?;
    let patch = body.parse(region)?;
    let details = state
        .store()
        .update_lead(&scope, id, version, &patch)
        .await?;
    Ok(WithETag(details.into()))
}

pub(crate) fn routes() -> Tagged {
    let read = Needs::Tenant(Permission::LeadsRead);
    let write = Needs::Tenant(Permission::LeadsWrite);
    let manage = Needs::Tenant(Permission::LeadsManage);
    let purge = Needs::Tenant(Permission::LeadsPurge);
    let export = Needs::Tenant(Permission::LeadsExport);
    Routes::tagged("leads")
        .add(read, routes!(list_leads))
        .add(export, routes!(export::export_leads))
        .add(write, routes!(create_lead))
        .add(read, routes!(get_lead))
        .add(write, routes!(update_lead))
        .add(read, routes!(spending::get_lead_spending))
        .add(read, routes!(board::count_leads_by_stage))
        .add(read, routes!(board::search))
        .add(write, routes!(identities::add_lead_identity))
        .add(
            write.unversioned(),
            routes!(identities::remove_lead_identity),
        )
        .add(manage.streaming(), routes!(import::import_leads))
        .add(manage, routes!(import::undo_lead_import))
        .add(manage, routes!(duplicates::list_lead_duplicates))
        .add(manage, routes!(duplicates::find_lead_duplicates))
        .add(manage, routes!(duplicates::dismiss_lead_duplicates))
        .add(manage, routes!(merge::preview_lead_merge))
        .add(manage, routes!(merge::merge_leads))
        .add(manage, routes!(merge::undo_lead_merge))
        .add(manage, routes!(bulk::change_leads))
        .add(manage, routes!(bulk::undo_bulk_deletion))
        .add(purge, routes!(bulk::purge_lead))
        .add(purge, routes!(bulk::empty_trash))
        .add(write, routes!(trash::delete_lead))
        .add(write, routes!(trash::restore_lead))
        .add(read, routes!(trash::list_deleted_leads))
        .add(write, routes!(trash::undo_lead_deletion))
}
