//! One-time links: a new password, an invitation, the first administrator, the wait for a second factor.

use prosaas_core::{Error, Result, TenantId, UnixMillis};
use serde_json::json;

use super::users::{insert_user, replace_password};
use crate::auth::password::StoredPassword;
use crate::auth::token::OpaqueToken;
use crate::auth::{Actor, SystemScope};
use crate::model::access::LinkPurpose;
use crate::model::id::UserId;
use crate::model::user::NewUser;
use crate::store::CrmStore;
use crate::store::db::{Sql, SystemTx, args};

const ISSUE: Sql = Sql::both(
    "INSERT INTO one_time_tokens (token_hash, purpose, user_id, tenant_id, created_at, expires_at)
     VALUES ($1, $2, $3, $4, $5, $6)",
);
// `IS NOT DISTINCT FROM` is how both databases compare with a NULL that stands for nobody.
const REPLACE: Sql = Sql::both(
    "UPDATE one_time_tokens SET used_at = $4
     WHERE purpose = $1 AND user_id IS NOT DISTINCT FROM $2 AND tenant_id IS NOT DISTINCT FROM $3
       AND used_at IS NULL",
);
const LOOK: Sql = Sql::both(
    "/* across tenants: the token is the proof */
     SELECT user_id, tenant_id FROM one_time_tokens
     WHERE token_hash = $1 AND purpose = $2 AND used_at IS NULL AND expires_at > $3",
);
// One statement decides and marks, so of two clicks at once only one can win.
const REDEEM: Sql = Sql::both(
    "/* across tenants: the token is the proof */
     UPDATE one_time_tokens SET used_at = $3
     WHERE token_hash = $1 AND purpose = $2 AND used_at IS NULL AND expires_at > $3
     RETURNING user_id, tenant_id",
);
const FORGET: Sql = Sql::both(
    "/* across tenants: expired links are of no use to anybody */
     DELETE FROM one_time_tokens WHERE expires_at < $1",
);
const HAS_ADMIN: Sql = Sql::both(
    "SELECT 1 FROM users WHERE system_admin AND status = 'active' AND deleted_at IS NULL LIMIT 1",
);

/// Whom a link was made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RedeemedLink {
    /// The account; none for the first administrator.
    pub user: Option<UserId>,
    /// The business of an invitation.
    pub tenant: Option<TenantId>,
}

impl CrmStore {
    /// A link for an account; an earlier one for the same purpose stops working.
    pub async fn issue_link(
        &self,
        scope: &SystemScope,
        purpose: LinkPurpose,
        user: UserId,
    ) -> Result<OpaqueToken> {
        let mut tx = self.system_write(scope).await?;
        let token = issue(&mut tx, purpose, Some(user), None, self.now()).await?;
        tx.commit().await?;
        Ok(token)
    }

    /// The link by which the first administrator makes his account; `None` when there is one already.
    pub async fn issue_first_admin_link(&self, scope: &SystemScope) -> Result<Option<OpaqueToken>> {
        let mut tx = self.system_write(scope).await?;
        if tx.fetch_optional(&HAS_ADMIN, args![]).await?.is_some() {
            return Ok(None);
        }
        let token = issue(&mut tx, LinkPurpose::FirstAdmin, None, None, self.now()).await?;
        tx.commit().await?;
        Ok(Some(token))
    }

    /// Whom a link is for, without using it up.
    pub async fn look_at_link(
        &self,
        purpose: LinkPurpose,
        token: &OpaqueToken,
    ) -> Result<Option<RedeemedLink>> {
        let mut tx = self.system_read(&SystemScope::for_installation()).await?;
        let values = args![token.hash().as_bytes(), purpose.as_str(), self.now()];
        let row = tx.fetch_optional(&LOOK, values).await?;
        row.map(|row| {
            Ok(RedeemedLink {
                user: row.optional_id("user_id")?,
                tenant: row.optional_id("tenant_id")?,
            })
        })
        .transpose()
    }

    /// Uses up a link that proves only who somebody is.
    ///
    /// # Errors
    /// `Conflict` with `link-used-up`.
    pub async fn redeem_link(
        &self,
        purpose: LinkPurpose,
        token: &OpaqueToken,
    ) -> Result<RedeemedLink> {
        let mut tx = self.system_write(&SystemScope::for_installation()).await?;
        let link = redeem(&mut tx, purpose, token, self.now()).await?;
        tx.commit().await?;
        Ok(link)
    }

    /// Sets a new password by a reset link, and ends all sessions.
    ///
    /// # Errors
    /// `Conflict` with `link-used-up`.
    pub async fn reset_password(
        &self,
        token: &OpaqueToken,
        password: &StoredPassword,
    ) -> Result<UserId> {
        let mut tx = self.system_write(&SystemScope::for_installation()).await?;
        let link = redeem(&mut tx, LinkPurpose::PasswordReset, token, self.now()).await?;
        let user = link.user.ok_or_else(used_up)?;
        replace_password(&mut tx, user, password, self.now()).await?;
        tx.commit().await?;
        Ok(user)
    }

    /// Makes the first administrator by the one-time link.
    ///
    /// # Errors
    /// `Conflict` with `link-used-up` or `email-taken`.
    pub async fn create_first_admin(
        &self,
        token: &OpaqueToken,
        new: &NewUser,
        password: &StoredPassword,
    ) -> Result<UserId> {
        let user = UserId::mint(self.now());
        let scope = SystemScope::on_behalf_of(Actor::User(user));
        let mut tx = self.system_write(&scope).await?;
        redeem(&mut tx, LinkPurpose::FirstAdmin, token, self.now()).await?;
        if tx.fetch_optional(&HAS_ADMIN, args![]).await?.is_some() {
            return Err(used_up());
        }
        if !insert_user(&mut tx, user, new, true, self.now()).await? {
            return Err(Error::Conflict {
                what: "email-taken",
                detail: "another account has this address".to_owned(),
            });
        }
        replace_password(&mut tx, user, password, self.now()).await?;
        tx.audit("user.first_admin", Some(user.to_string()), json!({}))
            .await?;
        tx.commit().await?;
        Ok(user)
    }

    /// Deletes links that expired before a time; returns how many.
    pub async fn forget_links(
        &self,
        scope: &SystemScope,
        expired_before: UnixMillis,
    ) -> Result<u64> {
        let mut tx = self.system_write(scope).await?;
        let forgotten = tx.execute(&FORGET, args![expired_before]).await?;
        tx.commit().await?;
        Ok(forgotten)
    }
}

pub(super) async fn issue(
    tx: &mut SystemTx,
    purpose: LinkPurpose,
    user: Option<UserId>,
    tenant: Option<TenantId>,
    now: UnixMillis,
) -> Result<OpaqueToken> {
    let token = OpaqueToken::generate()?;
    let (user, tenant) = (user.map(UserId::uuid), tenant.map(TenantId::uuid));
    // Several browsers may each wait for their second factor; of the other links the last one counts.
    if purpose != LinkPurpose::SecondFactor {
        tx.execute(&REPLACE, args![purpose.as_str(), user, tenant, now])
            .await?;
    }
    let expires_at = now.plus(purpose.lifetime_ms());
    let values = args![
        token.hash().as_bytes(),
        purpose.as_str(),
        user,
        tenant,
        now,
        expires_at,
    ];
    tx.execute(&ISSUE, values).await?;
    Ok(token)
}

pub(super) async fn redeem(
    tx: &mut SystemTx,
    purpose: LinkPurpose,
    token: &OpaqueToken,
    now: UnixMillis,
) -> Result<RedeemedLink> {
    let values = args![token.hash().as_bytes(), purpose.as_str(), now];
    let row = tx.fetch_optional(&REDEEM, values).await?;
    let row = row.ok_or_else(used_up)?;
    Ok(RedeemedLink {
        user: row.optional_id("user_id")?,
        tenant: row.optional_id("tenant_id")?,
    })
}

pub(super) fn used_up() -> Error {
    Error::Conflict {
        what: "link-used-up",
        detail: "the link was used, has expired, or never was one".to_owned(),
    }
}
