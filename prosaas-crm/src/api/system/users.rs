//! Accounts of the installation.

use axum::Json;
use axum::extract::State;
use prosaas_core::{Error, Language, TenantId, UnixMillis};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::routes;

use crate::api::kit::{
    ApiJson, ApiResult, ApiState, Created, Id, List, ListParams, Needs, NoContent, NoFilter, Page,
    Routes, System, Tagged, Time, Versioned, WithETag,
};
use crate::auth::SystemScope;
use crate::mail::{Mail, MailContent};
use crate::model::access::LinkPurpose;
use crate::model::check::at_most;
use crate::model::id::UserId;
use crate::model::user::{NewUser, User, UserStatus};
use crate::rules::removal::AccountChange;
use crate::store::accounts::AccountHeirs;

/// The most businesses whose records one removal hands over.
const MAX_HEIRS: usize = 100;

/// An account of the installation.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Account {
    id: UserId,
    email: String,
    name: String,
    #[schema(value_type = String, example = "he")]
    language: Language,
    system_admin: bool,
    status: UserStatus,
    has_second_factor: bool,
    created_at: Time,
    version: u64,
}

impl From<User> for Account {
    fn from(user: User) -> Self {
        Self {
            id: user.id,
            email: user.email.expose().to_owned(),
            name: user.name,
            language: user.language,
            system_admin: user.system_admin,
            status: user.status,
            has_second_factor: user.has_second_factor,
            created_at: user.created_at.into(),
            version: user.version,
        }
    }
}

impl Versioned for Account {
    fn version(&self) -> u64 {
        self.version
    }
}

/// A new administrator of the installation.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"email": "ada@installation.example", "name": "Ada", "language": "en"}))]
pub(super) struct NewAdmin {
    #[schema(format = Email, max_length = 254)]
    email: String,
    #[schema(max_length = 200)]
    name: String,
    #[serde(default)]
    #[schema(value_type = String, example = "he")]
    language: Language,
}

/// What becomes of an account.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"action": "suspend"}))]
pub(super) struct AccountWish {
    action: AccountAction,
    /// For `remove`: who takes the records, for every business in which the account holds any.
    #[serde(default)]
    #[schema(max_items = 100)]
    heirs: Vec<AccountHeir>,
}

/// Who takes a removed account's records in one business.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct AccountHeir {
    of: TenantId,
    user_id: UserId,
}

/// What becomes of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum AccountAction {
    Suspend,
    Activate,
    GrantAdmin,
    DropAdmin,
    Remove,
}

/// Lists the accounts, the newest first.
#[utoipa::path(get, path = "/api/system/users", params(ListParams),
    responses((status = 200, description = "One page of the accounts.", body = Page<Account>)))]
async fn list_accounts(
    State(state): State<ApiState>,
    System(scope): System,
    list: List<NoFilter>,
) -> ApiResult<Json<Page<Account>>> {
    let after: Option<(UnixMillis, UserId)> = list.after()?;
    let users = state.store().users(&scope, after, list.fetch()).await?;
    let page = list.page(users, |user| (user.created_at, user.id), Account::from)?;
    Ok(page.json())
}

/// Shows an account.
#[utoipa::path(get, path = "/api/system/users/{id}",
    params(("id" = UserId, Path, description = "The account.")),
    responses((status = 200, description = "The account.", body = Account)))]
async fn get_account(
    State(state): State<ApiState>,
    System(scope): System,
    Id(id): Id<UserId>,
) -> ApiResult<WithETag<Account>> {
    one(&state, &scope, id).await.map(WithETag)
}

async fn one(state: &ApiState, scope: &SystemScope, user: UserId) -> ApiResult<Account> {
    let user = state.store().user(scope, user).await?;
    Ok(user.ok_or(Error::NotFound { what: "user" })?.into())
}

/// Adds an administrator; a link to choose a password is on its way.
#[utoipa::path(post, path = "/api/system/users", request_body = NewAdmin,
    responses((status = 201, description = "The account.", body = Account)))]
async fn create_admin(
    State(state): State<ApiState>,
    System(scope): System,
    ApiJson(body): ApiJson<NewAdmin>,
) -> ApiResult<Created<Account>> {
    let new = NewUser::new(&body.email, &body.name, body.language)?;
    let store = state.store();
    let user = store.add_user(&scope, &new, true).await?;
    let token = store
        .issue_link(&scope, LinkPurpose::PasswordReset, user.id)
        .await?;
    let mail = Mail {
        to: new.email,
        language: new.language,
        content: MailContent::PasswordReset {
            link: state.link("reset", &token),
        },
        at: state.now(),
    };
    let mailer = std::sync::Arc::clone(&state.accounts().mailer);
    state.tasks().spawn(async move {
        if let Err(error) = mailer.send(&mail).await {
            tracing::warn!(error = %error.chain(), "a password link could not be sent");
        }
    });
    Ok(Created {
        location: format!("/api/system/users/{}", user.id),
        body: user.into(),
    })
}

/// Suspends or activates an account, gives or takes the administration, or removes it with heirs.
#[utoipa::path(post, path = "/api/system/users/{id}/change", request_body = AccountWish,
    params(("id" = UserId, Path, description = "The account.")),
    responses((status = 204, description = "Done.")))]
async fn change_account(
    State(state): State<ApiState>,
    System(scope): System,
    Id(id): Id<UserId>,
    ApiJson(body): ApiJson<AccountWish>,
) -> ApiResult<NoContent> {
    at_most("heirs", &body.heirs, MAX_HEIRS)?;
    let heirs: AccountHeirs = body
        .heirs
        .iter()
        .map(|heir| (heir.of, heir.user_id))
        .collect();
    let store = state.store();
    match body.action {
        AccountAction::Activate => store.activate_account(&scope, id).await?,
        AccountAction::GrantAdmin => store.make_system_admin(&scope, id).await?,
        AccountAction::Suspend => {
            store
                .change_account(&scope, id, AccountChange::Suspend, &heirs)
                .await?;
        }
        AccountAction::DropAdmin => {
            store
                .change_account(&scope, id, AccountChange::DropAdmin, &heirs)
                .await?;
        }
        AccountAction::Remove => {
            store
                .change_account(&scope, id, AccountChange::Remove, &heirs)
                .await?;
        }
    }
    state.recheck_streams();
    Ok(NoContent)
}

/// Removes an account that holds no records; `reassignment-required` says that it needs heirs.
#[utoipa::path(delete, path = "/api/system/users/{id}",
    params(("id" = UserId, Path, description = "The account.")),
    responses((status = 204, description = "It is gone, with its memberships.")))]
async fn remove_account(
    State(state): State<ApiState>,
    System(scope): System,
    Id(id): Id<UserId>,
) -> ApiResult<NoContent> {
    let nobody = AccountHeirs::new();
    state
        .store()
        .change_account(&scope, id, AccountChange::Remove, &nobody)
        .await?;
    state.recheck_streams();
    Ok(NoContent)
}

pub(crate) fn routes() -> Tagged {
    Routes::tagged("system")
        .add(Needs::System, routes!(list_accounts))
        .add(Needs::System, routes!(get_account))
        .add(Needs::System, routes!(create_admin))
        .add(Needs::System, routes!(change_account))
        .add(Needs::System.unversioned(), routes!(remove_account))
}
