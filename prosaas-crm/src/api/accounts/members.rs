//! `/api/users`: the members of the business.

use axum::Json;
use axum::extract::State;
use prosaas_core::{E164, Error, Language, UnixMillis};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::routes;

use crate::api::kit::{
    ApiJson, ApiQuery, ApiResult, ApiState, Created, Id, IfMatch, List, ListParams, Needs,
    NoContent, NoFilter, Page, Problem, Routes, Scope, Tagged, Time, Versioned, WithETag,
};
use crate::auth::{Actor, Permission, Role, TenantScope};
use crate::mail::{Mail, MailContent};
use crate::model::id::UserId;
use crate::model::patch::Replace;
use crate::model::user::{Member as Stored, MemberStatus, NewUser};
use crate::rules::removal::MembershipChange;
use crate::store::accounts::{Invited, MemberWish};

/// The most changes of one request.
const MAX_BULK: usize = 100;

/// A member of the business.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Member {
    id: UserId,
    email: String,
    name: String,
    #[schema(value_type = String, example = "he")]
    language: Language,
    role: Role,
    status: MemberStatus,
    /// Whether an authenticator app or a passkey is registered.
    has_second_factor: bool,
    /// A phone of his own, on which he takes calls over; shown to whoever may change members, and null to others.
    own_phone: Option<E164>,
    created_at: Time,
    version: u64,
}

impl Member {
    fn seen_by(scope: &TenantScope, member: Stored) -> Self {
        let sees_phones = scope.permissions().contains(Permission::UsersWrite);
        Self {
            id: member.user,
            email: member.email.expose().to_owned(),
            name: member.name,
            language: member.language,
            role: member.role,
            status: member.status,
            has_second_factor: member.has_second_factor,
            own_phone: member.own_phone.filter(|_| sees_phones),
            created_at: member.created_at.into(),
            version: member.version,
        }
    }
}

impl Versioned for Member {
    fn version(&self) -> u64 {
        self.version
    }
}

/// Somebody to be invited.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"email": "noa@ours.example", "name": "Noa", "role": "agent", "language": "he"}))]
pub(super) struct Invitation {
    #[schema(format = Email, max_length = 254)]
    email: String,
    #[schema(max_length = 200)]
    name: String,
    role: Role,
    /// The language of the mail and his console.
    #[serde(default)]
    #[schema(value_type = String, example = "he")]
    language: Language,
}

/// A merge patch of a member: his role, or whether he may work, one at a time.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"role": "manager"}))]
pub(super) struct MemberPatch {
    #[serde(default)]
    #[schema(value_type = Option<Role>)]
    role: Replace<Role>,
    /// `active` or `suspended`.
    #[serde(default)]
    #[schema(value_type = Option<MemberStatus>)]
    status: Replace<MemberStatus>,
}

/// Who takes a removed member's records.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Removal {
    /// Needed when he holds any: `reassignment-required` says how many.
    reassign_to: Option<UserId>,
}

/// Changes of several members, each by itself.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"changes": [{"user_id": "user_01920000000070008000000000000001", "action": "suspend"}]}))]
pub(super) struct MemberChanges {
    #[schema(max_items = 100)]
    changes: Vec<MemberChange>,
}

/// One change among several.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct MemberChange {
    user_id: UserId,
    action: MemberAction,
    /// For `set_role`.
    role: Option<Role>,
    /// For `remove`.
    reassign_to: Option<UserId>,
}

/// What becomes of a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum MemberAction {
    SetRole,
    Suspend,
    Activate,
    Remove,
}

/// What became of several members.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct MemberResults {
    results: Vec<MemberResult>,
}

/// What became of one of them.
#[derive(Debug, Serialize, ToSchema)]
struct MemberResult {
    user_id: UserId,
    /// `done`, or the code of what forbids it.
    #[schema(example = "sole-owner")]
    code: String,
    /// How many records went to another member.
    reassigned: u64,
}

/// Lists the members, the newest first.
#[utoipa::path(get, path = "/api/users", params(ListParams),
    responses((status = 200, description = "One page of the members.", body = Page<Member>)))]
async fn list_members(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    list: List<NoFilter>,
) -> ApiResult<Json<Page<Member>>> {
    let after: Option<(UnixMillis, UserId)> = list.after()?;
    let members = state.store().members(&scope, after, list.fetch()).await?;
    let page = list.page(
        members,
        |member| (member.created_at, member.user),
        |member| Member::seen_by(&scope, member),
    )?;
    Ok(page.json())
}

/// Invites somebody; the mail with the link is on its way.
#[utoipa::path(post, path = "/api/users", request_body = Invitation,
    responses((status = 201, description = "Invited.", body = Member)))]
async fn invite_member(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    ApiJson(body): ApiJson<Invitation>,
) -> ApiResult<Created<Member>> {
    let new = NewUser::new(&body.email, &body.name, body.language)?;
    let invited = state.store().invite_member(&scope, &new, body.role).await?;
    let user = invited.user;
    let inviter = name_of(&state, &scope).await?;
    send_invitation(&state, new, invited, inviter);
    let member = one(&state, &scope, user).await?;
    Ok(Created {
        location: format!("/api/users/{user}"),
        body: member,
    })
}

async fn name_of(state: &ApiState, scope: &TenantScope) -> ApiResult<String> {
    Ok(match scope.actor() {
        Actor::User(user) => state.store().own_account(user).await?.name,
        _ => "ProSaaS".to_owned(),
    })
}

/// Sent beside the answer: a slow mail server does not hold up the console, and the link can be sent
/// again by inviting again.
pub(crate) fn send_invitation(
    state: &ApiState,
    new: NewUser,
    invited: Invited,
    invited_by: String,
) {
    let mail = Mail {
        to: new.email,
        language: new.language,
        content: MailContent::Invitation {
            business: invited.business,
            invited_by,
            link: state.link("invitation", &invited.token),
        },
        at: state.now(),
    };
    let mailer = std::sync::Arc::clone(&state.accounts().mailer);
    state.tasks().spawn(async move {
        if let Err(error) = mailer.send(&mail).await {
            tracing::warn!(error = %error.chain(), "an invitation could not be sent");
        }
    });
}

/// Shows a member.
#[utoipa::path(get, path = "/api/users/{id}",
    params(("id" = UserId, Path, description = "The member.")),
    responses((status = 200, description = "The member.", body = Member)))]
async fn get_member(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    Id(id): Id<UserId>,
) -> ApiResult<WithETag<Member>> {
    one(&state, &scope, id).await.map(WithETag)
}

async fn one(state: &ApiState, scope: &TenantScope, user: UserId) -> ApiResult<Member> {
    let member = state.store().member(scope, user).await?;
    let member = member.ok_or(Error::NotFound { what: "user" })?;
    Ok(Member::seen_by(scope, member))
}

/// Gives a member another role, suspends or activates him. His sessions in the business end.
#[utoipa::path(patch, path = "/api/users/{id}", request_body = MemberPatch,
    params(("id" = UserId, Path, description = "The member.")),
    responses((status = 200, description = "The member.", body = Member)))]
async fn patch_member(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    Id(id): Id<UserId>,
    IfMatch(expected): IfMatch,
    ApiJson(patch): ApiJson<MemberPatch>,
) -> ApiResult<WithETag<Member>> {
    let change = match (patch.role.0, patch.status.0) {
        (Some(role), None) => MembershipChange::Role(role),
        (None, Some(MemberStatus::Active)) => MembershipChange::Activate,
        (None, Some(MemberStatus::Suspended)) => MembershipChange::Suspend,
        _ => {
            return Err(Problem::bad_request("invalid", "see `errors`").at(
                "/status",
                "expected either `role`, or `status` as `active` or `suspended`",
            ));
        }
    };
    let wish = MemberWish {
        user: id,
        change,
        reassign_to: None,
        expected: Some(expected),
    };
    state.store().change_member(&scope, wish).await?;
    state.recheck_streams();
    one(&state, &scope, id).await.map(WithETag)
}

/// Removes a member; his sessions, API keys and event streams end at once.
#[utoipa::path(delete, path = "/api/users/{id}",
    params(("id" = UserId, Path, description = "The member."), Removal),
    responses((status = 204, description = "No member any more.")))]
async fn remove_member(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    Id(id): Id<UserId>,
    IfMatch(expected): IfMatch,
    ApiQuery(removal): ApiQuery<Removal>,
) -> ApiResult<NoContent> {
    let wish = MemberWish {
        user: id,
        change: MembershipChange::Remove,
        reassign_to: removal.reassign_to,
        expected: Some(expected),
    };
    state.store().change_member(&scope, wish).await?;
    state.recheck_streams();
    Ok(NoContent)
}

/// Changes several members, each by itself: what the rules forbid for one does not stop the others.
#[utoipa::path(post, path = "/api/users/bulk", request_body = MemberChanges,
    responses((status = 200, description = "What became of each.", body = MemberResults)))]
async fn change_members(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    ApiJson(body): ApiJson<MemberChanges>,
) -> ApiResult<Json<MemberResults>> {
    crate::model::check::at_most("changes", &body.changes, MAX_BULK)?;
    let wishes: Vec<_> = body.changes.iter().map(wish).collect::<ApiResult<_>>()?;
    // An id that names no member is a mistake in the list: nothing of it is done.
    for wish in &wishes {
        one(&state, &scope, wish.user).await?;
        if let Some(heir) = wish.reassign_to {
            one(&state, &scope, heir).await?;
        }
    }
    let outcomes = state.store().change_members(&scope, &wishes).await;
    state.recheck_streams();
    let result = |(wish, outcome): (&MemberWish, Result<_, Error>)| match outcome {
        Ok(changed) => {
            let changed: crate::store::accounts::ChangedMember = changed;
            MemberResult {
                user_id: wish.user,
                code: "done".to_owned(),
                reassigned: changed.reassigned,
            }
        }
        Err(error) => MemberResult {
            user_id: wish.user,
            code: Problem::from(error).code().to_owned(),
            reassigned: 0,
        },
    };
    let results = wishes.iter().zip(outcomes).map(result).collect();
    Ok(Json(MemberResults { results }))
}

fn wish(change: &MemberChange) -> ApiResult<MemberWish> {
    let action = match (change.action, change.role) {
        (MemberAction::SetRole, Some(role)) => MembershipChange::Role(role),
        (MemberAction::SetRole, None) => {
            return Err(Error::invalid("role", "expected a role").into());
        }
        (_, Some(_)) => {
            let expected = "expected none: only `set_role` takes a role";
            return Err(Error::invalid("role", expected).into());
        }
        (MemberAction::Suspend, None) => MembershipChange::Suspend,
        (MemberAction::Activate, None) => MembershipChange::Activate,
        (MemberAction::Remove, None) => MembershipChange::Remove,
    };
    if action != MembershipChange::Remove && change.reassign_to.is_some() {
        let expected = "expected nobody: only `remove` gives records to another";
        return Err(Error::invalid("reassign_to", expected).into());
    }
    Ok(MemberWish {
        user: change.user_id,
        change: action,
        reassign_to: change.reassign_to,
        expected: None,
    })
}

pub(crate) fn routes() -> Tagged {
    let read = Needs::Tenant(Permission::BusinessRead);
    let write = Needs::Tenant(Permission::UsersWrite);
    Routes::tagged("users")
        .add(read, routes!(list_members))
        .add(write, routes!(invite_member))
        .add(read, routes!(get_member))
        .add(write, routes!(patch_member))
        .add(write, routes!(remove_member))
        .add(write, routes!(change_members))
}
