//! `/api/system/businesses`: the businesses of the installation, for its administrators. What a business
//! stores is not here: for that an administrator begins to act for it, and the business hears of it.

use axum::Json;
use axum::extract::State;
use prosaas_core::{E164, Language, TenantId, UnixMillis};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::routes;

use crate::api::accounts::send_invitation;
use crate::api::kit::{
    ApiJson, ApiResult, ApiState, Created, Id, IfMatch, List, ListParams, Needs, NoContent, Page,
    Routes, System, Tagged, Time, Versioned, WithETag,
};
use crate::auth::SystemScope;
use crate::model::id::UserId;
use crate::model::installation::{
    BusinessStatus, InstalledBusiness, InstalledBusinessPatch, NewBusiness,
};
use crate::model::patch::Replace;
use crate::model::user::NewUser;
use crate::store::accounts::Invited;

/// A business of the installation.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SystemBusiness {
    id: TenantId,
    /// The name callers know.
    name: String,
    /// Its first language.
    #[schema(value_type = String, example = "he")]
    language: Language,
    status: BusinessStatus,
    /// Its phone numbers; of a removed business those it had, which others may have by now.
    numbers: Vec<E164>,
    /// How many members it has, invited ones included.
    members: u32,
    created_at: Time,
    updated_at: Time,
    deleted_at: Option<Time>,
    version: u64,
}

impl From<InstalledBusiness> for SystemBusiness {
    fn from(business: InstalledBusiness) -> Self {
        Self {
            id: business.id,
            name: business.name,
            language: business.language,
            status: business.status,
            numbers: business.numbers,
            members: business.members,
            created_at: business.created_at.into(),
            updated_at: business.updated_at.into(),
            deleted_at: business.deleted_at.map(Time::from),
            version: business.version,
        }
    }
}

impl Versioned for SystemBusiness {
    fn version(&self) -> u64 {
        self.version
    }
}

/// A business to be created.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "Noa's flowers", "language": "he", "numbers": ["+97231234588"], "owner": {"email": "noa@flowers.example", "name": "Noa"}}))]
pub(super) struct NewSystemBusiness {
    /// The name callers know.
    #[schema(min_length = 1, max_length = 200)]
    name: String,
    /// Its first language.
    #[serde(default)]
    #[schema(value_type = String, example = "he")]
    language: Language,
    /// Its phone numbers, in international form; 409 when one belongs to another business.
    #[serde(default)]
    #[schema(max_items = 50)]
    numbers: Vec<E164>,
    /// Who is invited as its first owner.
    owner: Option<NewOwner>,
}

/// Somebody to be invited as an owner.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"email": "dana@flowers.example", "name": "Dana", "language": "he"}))]
pub(super) struct NewOwner {
    #[schema(format = Email, max_length = 254)]
    email: String,
    #[schema(min_length = 1, max_length = 200)]
    name: String,
    /// The language of his console and of the invitation.
    #[serde(default)]
    #[schema(value_type = String, example = "he")]
    language: Language,
}

impl NewOwner {
    fn parse(&self) -> ApiResult<NewUser> {
        Ok(NewUser::new(&self.email, &self.name, self.language)?)
    }
}

/// An owner was invited.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct InvitedOwner {
    /// His account.
    user_id: UserId,
}

/// What changes about a business.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"suspended": true}))]
pub(super) struct SystemBusinessPatch {
    /// The name callers know.
    #[serde(default)]
    name: Replace<String>,
    /// Nobody works in a suspended business and its calls are not answered; its numbers stay its own.
    #[serde(default)]
    suspended: Replace<bool>,
}

/// How a removed business is taken back.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"numbers": []}))]
pub(super) struct BusinessRestoration {
    /// The numbers it gets back; 409 `number-taken` when another business has one by now, and then
    /// nothing is restored.
    #[serde(default)]
    #[schema(max_items = 50)]
    numbers: Vec<E164>,
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct SystemBusinessFilter {
    /// Only those of this status.
    #[param(inline)]
    status: Option<BusinessStatus>,
}

/// Lists the businesses, the newest first, removed ones among them.
#[utoipa::path(get, path = "/api/system/businesses", params(ListParams, SystemBusinessFilter),
    responses((status = 200, description = "One page of them.", body = Page<SystemBusiness>)))]
async fn list_system_businesses(
    State(state): State<ApiState>,
    System(scope): System,
    list: List<SystemBusinessFilter>,
) -> ApiResult<Json<Page<SystemBusiness>>> {
    let after: Option<(UnixMillis, TenantId)> = list.after()?;
    let rows = state
        .store()
        .installed_businesses(&scope, list.filter.status, after, list.fetch())
        .await?;
    let key = |row: &InstalledBusiness| (row.created_at, row.id);
    Ok(list.page(rows, key, SystemBusiness::from)?.json())
}

/// Creates a business with its numbers; the invitation of its first owner is on its way.
#[utoipa::path(post, path = "/api/system/businesses", request_body = NewSystemBusiness,
    responses((status = 201, description = "What was made.", body = SystemBusiness)))]
async fn create_system_business(
    State(state): State<ApiState>,
    System(scope): System,
    ApiJson(body): ApiJson<NewSystemBusiness>,
) -> ApiResult<Created<SystemBusiness>> {
    let owner = body.owner.as_ref().map(NewOwner::parse).transpose()?;
    let new = NewBusiness::new(&body.name, body.language, body.numbers, owner.clone())?;
    let (business, invited) = state.store().create_business(&scope, new).await?;
    if let (Some(owner), Some(invited)) = (owner, invited) {
        mail(&state, &scope, owner, invited).await?;
    }
    Ok(Created {
        location: format!("/api/system/businesses/{}", business.id),
        body: business.into(),
    })
}

async fn mail(
    state: &ApiState,
    scope: &SystemScope,
    owner: NewUser,
    invited: Invited,
) -> ApiResult<()> {
    let inviter = match scope.actor().user() {
        Some(admin) => state.store().own_account(admin).await?.name,
        None => "ProSaaS".to_owned(),
    };
    send_invitation(state, owner, invited, inviter);
    Ok(())
}

/// Shows a business, also a removed one.
#[utoipa::path(get, path = "/api/system/businesses/{id}", params(("id" = TenantId, Path, description = "The business.")),
    responses((status = 200, description = "As it is now.", body = SystemBusiness)))]
async fn get_system_business(
    State(state): State<ApiState>,
    System(scope): System,
    Id(id): Id<TenantId>,
) -> ApiResult<WithETag<SystemBusiness>> {
    let business = state.store().installed_business(&scope, id).await?;
    Ok(WithETag(business.into()))
}

/// Changes a business's name, suspends it, or lets it work again. Nothing of it is lost meanwhile.
#[utoipa::path(patch, path = "/api/system/businesses/{id}", request_body = SystemBusinessPatch,
    params(("id" = TenantId, Path, description = "The business.")),
    responses((status = 200, description = "As it is now.", body = SystemBusiness)))]
async fn update_system_business(
    State(state): State<ApiState>,
    System(scope): System,
    Id(id): Id<TenantId>,
    IfMatch(version): IfMatch,
    ApiJson(body): ApiJson<SystemBusinessPatch>,
) -> ApiResult<WithETag<SystemBusiness>> {
    let patch = InstalledBusinessPatch {
        name: body.name,
        suspended: body.suspended,
    };
    let changed = state
        .store()
        .update_installed_business(&scope, id, version, patch)
        .await?;
    state.recheck_streams();
    Ok(WithETag(changed.into()))
}

/// Removes a business: its people are locked out and its numbers are free for others at once. What it
/// stored stays until it is purged.
#[utoipa::path(delete, path = "/api/system/businesses/{id}", params(("id" = TenantId, Path, description = "The business.")),
    responses((status = 204, description = "It is removed, and can be restored.")))]
async fn delete_system_business(
    State(state): State<ApiState>,
    System(scope): System,
    Id(id): Id<TenantId>,
    IfMatch(version): IfMatch,
) -> ApiResult<NoContent> {
    state
        .store()
        .delete_installed_business(&scope, id, version)
        .await?;
    state.recheck_streams();
    Ok(NoContent)
}

/// Takes a removed business back, with those of its numbers that are named.
#[utoipa::path(post, path = "/api/system/businesses/{id}/restore", request_body = BusinessRestoration,
    params(("id" = TenantId, Path, description = "The business.")),
    responses((status = 200, description = "As it is now.", body = SystemBusiness)))]
async fn restore_system_business(
    State(state): State<ApiState>,
    System(scope): System,
    Id(id): Id<TenantId>,
    ApiJson(body): ApiJson<BusinessRestoration>,
) -> ApiResult<WithETag<SystemBusiness>> {
    let restored = state
        .store()
        .restore_with_numbers(&scope, id, body.numbers)
        .await?;
    Ok(WithETag(restored.into()))
}

/// Invites an owner into a business, such as one whose owners are gone; the mail is on its way.
#[utoipa::path(post, path = "/api/system/businesses/{id}/owners", request_body = NewOwner,
    params(("id" = TenantId, Path, description = "The business.")),
    responses((status = 200, description = "Invited.", body = InvitedOwner)))]
async fn invite_business_owner(
    State(state): State<ApiState>,
    System(scope): System,
    Id(id): Id<TenantId>,
    ApiJson(body): ApiJson<NewOwner>,
) -> ApiResult<Json<InvitedOwner>> {
    let owner = body.parse()?;
    let invited = state.store().invite_owner(&scope, id, &owner).await?;
    let user_id = invited.user;
    mail(&state, &scope, owner, invited).await?;
    Ok(Json(InvitedOwner { user_id }))
}

pub(crate) fn routes() -> Tagged {
    Routes::tagged("system")
        .add(Needs::System, routes!(list_system_businesses))
        .add(Needs::System, routes!(create_system_business))
        .add(Needs::System, routes!(get_system_business))
        .add(Needs::System, routes!(update_system_business))
        .add(Needs::System, routes!(delete_system_business))
        .add(Needs::System, routes!(restore_system_business))
        .add(Needs::System, routes!(invite_business_owner))
}
