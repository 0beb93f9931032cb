//! The members of a business: who they are, and how they come in.

use prosaas_core::{Error, Result, TenantId};
use serde_json::json;

use super::links::{issue, redeem, used_up};
use super::users::{insert_user, replace_password, user_by_email};
use super::{After, key_of};
use crate::auth::password::StoredPassword;
use crate::auth::token::OpaqueToken;
use crate::auth::{Actor, Permission, Role, SystemScope, TenantScope};
use crate::model::access::LinkPurpose;
use crate::model::id::UserId;
use crate::model::user::{Member, NewUser};
use crate::store::CrmStore;
use crate::store::db::{Change, Row, Sql, SystemTx, args};

macro_rules! members_where {
    ($condition:literal) => {
        concat!(
            "SELECT memberships.user_id, memberships.role, memberships.status, memberships.created_at,
                    memberships.version, memberships.own_phone, users.email, users.name, users.language,
                    (users.totp_confirmed_at IS NOT NULL
                     OR EXISTS (SELECT 1 FROM passkeys WHERE passkeys.user_id = users.id)) AS second_factor
             FROM memberships JOIN users ON users.id = memberships.user_id
             WHERE memberships.tenant_id = $1 AND memberships.status <> 'removed' AND ",
            $condition
        )
    };
}

const MEMBER: Sql = Sql::both(members_where!("memberships.user_id = $2"));
const MEMBERS: Sql = Sql::both(members_where!(
    "(memberships.created_at < $2 OR (memberships.created_at = $2 AND memberships.user_id < $3))
     ORDER BY memberships.created_at DESC, memberships.user_id DESC LIMIT $4"
));
const BUSINESS: Sql =
    Sql::both("SELECT name FROM businesses WHERE tenant_id = $1 AND deleted_at IS NULL");
// A removed member may be invited again; whoever is in, or was invited already, stays as he is.
const INVITE: Sql = Sql::both(
    "INSERT INTO memberships (tenant_id, user_id, role, status, created_at, updated_at)
     VALUES ($1, $2, $3, 'invited', $4, $4)
     ON CONFLICT (tenant_id, user_id) DO UPDATE
     SET role = excluded.role, status = 'invited', updated_at = excluded.updated_at,
         version = memberships.version + 1
     WHERE memberships.status IN ('removed', 'invited')",
);
const JOIN_IN: Sql = Sql::both(
    "UPDATE memberships SET status = 'active', updated_at = $3, version = version + 1
     WHERE tenant_id = $1 AND user_id = $2 AND status = 'invited'",
);
const ADD_ACTIVE: Sql = Sql::both(
    "INSERT INTO memberships (tenant_id, user_id, role, status, created_at, updated_at)
     VALUES ($1, $2, $3, 'active', $4, $4)
     ON CONFLICT (tenant_id, user_id) DO UPDATE
     SET role = excluded.role, status = 'active', updated_at = excluded.updated_at,
         version = memberships.version + 1
     WHERE memberships.status IN ('removed', 'invited')",
);
const NEEDS_PASSWORD: Sql = Sql::both(
    "SELECT password_hash IS NULL AS needs FROM users WHERE id = $1 AND deleted_at IS NULL",
);

/// Somebody who was invited, and the link to send him.
#[derive(Clone, Debug)]
pub struct Invited {
    /// Who.
    pub user: UserId,
    /// The one-time link's secret.
    pub token: OpaqueToken,
    /// The name of the business that invites.
    pub business: String,
}

impl CrmStore {
    /// The members of the business, the newest first.
    pub async fn members(
        &self,
        scope: &TenantScope,
        after: After<UserId>,
        limit: u32,
    ) -> Result<Vec<Member>> {
        let (at, id) = key_of(after);
        // Passkeys belong to the installation, so the list is read from there; `$1` is the business.
        let mut tx = self.system_read(&SystemScope::for_installation()).await?;
        let values = args![scope.tenant().uuid(), at, id, limit];
        let rows = tx.fetch_all(&MEMBERS, values).await?;
        rows.iter().map(read_member).collect()
    }

    /// One member.
    pub async fn member(&self, scope: &TenantScope, user: UserId) -> Result<Option<Member>> {
        let mut tx = self.system_read(&SystemScope::for_installation()).await?;
        let values = args![scope.tenant().uuid(), user.uuid()];
        let row = tx.fetch_optional(&MEMBER, values).await?;
        row.as_ref().map(read_member).transpose()
    }

    /// Invites somebody into the business. Whether the address has an account elsewhere is not told.
    ///
    /// # Errors
    /// `Conflict` with `already-member`; `Forbidden`; `NotFound` when the business is gone.
    pub async fn invite_member(
        &self,
        scope: &TenantScope,
        new: &NewUser,
        role: Role,
    ) -> Result<Invited> {
        scope.require(Permission::UsersWrite)?;
        let people = SystemScope::on_behalf_of(scope.actor());
        let mut tx = self.system_write(&people).await?;
        let invited = self.invite(&mut tx, scope.tenant(), new, role).await?;
        tx.commit().await?;
        Ok(invited)
    }

    /// The same as part of a larger change.
    pub(in crate::store) async fn invite(
        &self,
        tx: &mut SystemTx,
        tenant: TenantId,
        new: &NewUser,
        role: Role,
    ) -> Result<Invited> {
        let now = self.now();
        let values = args![tenant.uuid()];
        let business = tx.fetch_one(&BUSINESS, values, "business").await?;
        let id = UserId::mint(now);
        insert_user(tx, id, new, false, now).await?;
        let user = user_by_email(tx, &new.email).await?;
        let user = user.ok_or(Error::NotFound { what: "user" })?.id;
        let values = args![tenant.uuid(), user.uuid(), role.as_str(), now];
        if tx.execute(&INVITE, values).await? == 0 {
            return Err(Error::Conflict {
                what: "already-member",
                detail: "this address belongs to a member of the business".to_owned(),
            });
        }
        let purpose = LinkPurpose::Invitation;
        let token = issue(tx, purpose, Some(user), Some(tenant), now).await?;
        let change = Change::new("member.invited", "user", user);
        tx.record(tenant, change.detail(json!({"role": role.as_str()})));
        Ok(Invited {
            user,
            token,
            business: business.get("name")?,
        })
    }

    /// Whether who accepts this invitation has to choose a password, having none.
    ///
    /// # Errors
    /// `Conflict` with `link-used-up`.
    pub async fn invitation_needs_password(&self, token: &OpaqueToken) -> Result<bool> {
        let link = self.look_at_link(LinkPurpose::Invitation, token).await?;
        let user = link.and_then(|link| link.user).ok_or_else(used_up)?;
        let mut tx = self.system_read(&SystemScope::for_installation()).await?;
        let row = tx
            .fetch_one(&NEEDS_PASSWORD, args![user.uuid()], "user")
            .await?;
        row.get("needs")
    }

    /// Lets an invited person in; his first password comes with it if he has none.
    ///
    /// # Errors
    /// `Conflict` with `link-used-up`, also when the invitation was withdrawn; `Invalid` when a password
    /// is missing.
    pub async fn accept_invitation(
        &self,
        token: &OpaqueToken,
        password: Option<&StoredPassword>,
    ) -> Result<UserId> {
        let now = self.now();
        let link = self.look_at_link(LinkPurpose::Invitation, token).await?;
        let user = link.and_then(|link| link.user).ok_or_else(used_up)?;
        let scope = SystemScope::on_behalf_of(Actor::User(user));
        let mut tx = self.system_write(&scope).await?;
        let link = redeem(&mut tx, LinkPurpose::Invitation, token, now).await?;
        let tenant = link.tenant.ok_or_else(used_up)?;
        let joined = tx
            .execute(&JOIN_IN, args![tenant.uuid(), user.uuid(), now])
            .await?;
        if joined == 0 {
            return Err(used_up());
        }
        let row = tx
            .fetch_one(&NEEDS_PASSWORD, args![user.uuid()], "user")
            .await?;
        match (row.get::<bool>("needs")?, password) {
            (true, Some(password)) => replace_password(&mut tx, user, password, now).await?,
            (true, None) => return Err(Error::invalid("password", "expected a first password")),
            // An account that has a password keeps it: the link proves the mailbox, not the password.
            (false, _) => {}
        }
        tx.record(tenant, Change::new("member.joined", "user", user));
        tx.commit().await?;
        Ok(user)
    }

    /// Makes an account a member at once, without an invitation: the operator's way.
    ///
    /// # Errors
    /// `Conflict` with `already-member`; `NotFound` when the business is gone.
    pub async fn add_member(&self, scope: &TenantScope, user: UserId, role: Role) -> Result<()> {
        scope.require(Permission::UsersWrite)?;
        let people = SystemScope::on_behalf_of(scope.actor());
        let mut tx = self.system_write(&people).await?;
        let tenant = scope.tenant().uuid();
        tx.fetch_one(&BUSINESS, args![tenant], "business").await?;
        let values = args![tenant, user.uuid(), role.as_str(), self.now()];
        if tx.execute(&ADD_ACTIVE, values).await? == 0 {
            return Err(Error::Conflict {
                what: "already-member",
                detail: "the account is a member of the business".to_owned(),
            });
        }
        let change = Change::new("member.joined", "user", user);
        tx.record(
            scope.tenant(),
            change.detail(json!({"role": role.as_str()})),
        );
        tx.commit().await
    }
}

fn read_member(row: &Row) -> Result<Member> {
    Ok(Member {
        user: row.id("user_id")?,
        email: row.parse("email")?,
        name: row.get("name")?,
        language: row.parse("language")?,
        role: row.parse("role")?,
        status: row.parse("status")?,
        has_second_factor: row.get("second_factor")?,
        own_phone: row.get("own_phone")?,
        created_at: row.get("created_at")?,
        version: row.get("version")?,
    })
}
