//! Who is signed in.

use axum::Json;
use axum::extract::State;
use prosaas_core::{Language, TenantId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::authenticator::lacks_second_factor;
use super::own_account;
use crate::api::kit::{
    ApiJson, ApiResult, ApiState, Needs, Problem, Routes, Session, Tagged, Time,
};
use crate::auth::{Permission, Role};
use crate::model::id::{ActingId, SessionId, UserId};
use crate::model::patch::Replace;
use crate::model::user::UserBusiness;

/// Who is signed in, and what he may do.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Me {
    id: UserId,
    email: String,
    name: String,
    #[schema(value_type = String, example = "he")]
    language: Language,
    /// The session, as the list of sessions names it.
    session_id: SessionId,
    /// Whether he administers the installation.
    system_admin: bool,
    /// The business he works in, by its id; null when none.
    working_in: Option<TenantId>,
    /// What he may do there.
    #[schema(value_type = Vec<String>, example = json!(["leads:read"]))]
    permissions: Vec<&'static str>,
    /// The businesses he may work in.
    businesses: Vec<MyBusiness>,
    /// While he acts for a business as an administrator: what the banner says.
    acting: Option<ActingNow>,
    /// Whether an authenticator app or a passkey is registered.
    has_second_factor: bool,
    /// Whether he ought to register one: owners and system administrators.
    mfa_enrolment_required: bool,
    /// How many recovery codes are left.
    recovery_codes_left: u64,
}

/// A business somebody may work in.
#[derive(Debug, Serialize, ToSchema)]
struct MyBusiness {
    id: TenantId,
    name: String,
    role: Role,
}

/// An administrator at work for a business.
#[derive(Debug, Serialize, ToSchema)]
struct ActingNow {
    id: ActingId,
    expires_at: Time,
}

/// A merge patch of one's own account.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "Dana Levi", "language": "he"}))]
pub(crate) struct MePatch {
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 200)]
    name: Replace<String>,
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "he")]
    language: Replace<Language>,
}

/// Says who is signed in.
#[utoipa::path(get, path = "/api/auth/me",
    responses((status = 200, description = "Who is signed in.", body = Me)))]
async fn get_me(State(state): State<ApiState>, session: Session) -> ApiResult<Json<Me>> {
    let store = state.store();
    let rules = state.accounts().sessions;
    let signed_in = store.session_still(session.session, rules).await?;
    let signed_in = signed_in.ok_or_else(Problem::unauthenticated)?;
    let user = store.own_account(session.user).await?;
    let businesses = store.businesses_of_user(session.user).await?;
    let scope = signed_in.tenant;
    let permissions = scope.map(|scope| scope.permissions());
    Ok(Json(Me {
        id: user.id,
        email: user.email.expose().to_owned(),
        name: user.name,
        language: user.language,
        session_id: session.session,
        system_admin: user.system_admin,
        working_in: scope.map(|scope| scope.tenant()),
        permissions: permissions
            .map(|set| set.iter().map(Permission::as_str).collect())
            .unwrap_or_default(),
        businesses: businesses.into_iter().map(MyBusiness::from).collect(),
        acting: signed_in.acting.map(|banner| ActingNow {
            id: banner.id,
            expires_at: banner.expires_at.into(),
        }),
        has_second_factor: signed_in.has_second_factor,
        mfa_enrolment_required: lacks_second_factor(&signed_in),
        recovery_codes_left: store.recovery_codes_left(session.user).await?,
    }))
}

impl From<UserBusiness> for MyBusiness {
    fn from(business: UserBusiness) -> Self {
        Self {
            id: business.tenant,
            name: business.name,
            role: business.role,
        }
    }
}

/// Changes one's own name or language.
#[utoipa::path(patch, path = "/api/auth/me", request_body = MePatch,
    responses((status = 200, description = "Who is signed in.", body = Me)))]
async fn patch_me(
    State(state): State<ApiState>,
    session: Session,
    ApiJson(patch): ApiJson<MePatch>,
) -> ApiResult<Json<Me>> {
    let user = own_account(&session)?;
    let store = state.store();
    let current = store.own_account(user).await?;
    let name = patch.name.apply(current.name);
    let language = patch.language.apply(current.language);
    store.rename_account(user, &name, language).await?;
    get_me(State(state), session).await
}

pub(crate) fn routes() -> Tagged {
    Routes::tagged("auth")
        .add(Needs::Session, routes!(get_me))
        .add(Needs::Session.unversioned(), routes!(patch_me))
}
