//! Accounts of the installation.

use std::collections::BTreeMap;

use prosaas_core::{Error, Result, TenantId, UnixMillis};
use serde_json::json;

use super::membership::{MembershipWork, apply};
use super::{After, key_of};
use crate::auth::password::StoredPassword;
use crate::auth::{Actor, SystemScope};
use crate::model::email::EmailAddress;
use crate::model::id::UserId;
use crate::model::user::{NewUser, User, UserBusiness, UserStatus};
use crate::rules::removal::{AccountChange, AccountFacts, MembershipChange, decide_account};
use crate::store::CrmStore;
use crate::store::db::{Row, Sql, SystemTx, args};

macro_rules! users_where {
    ($condition:literal) => {
        concat!(
            "SELECT users.*,
                    (totp_confirmed_at IS NOT NULL
                     OR EXISTS (SELECT 1 FROM passkeys WHERE passkeys.user_id = users.id)) AS second_factor
             FROM users WHERE deleted_at IS NULL AND ",
            $condition
        )
    };
}

const USER: Sql = Sql::both(users_where!("id = $1"));
const USER_BY_EMAIL: Sql = Sql::both(users_where!("email = $1"));
const USERS: Sql = Sql::both(users_where!(
    "(created_at < $1 OR (created_at = $1 AND id < $2)) ORDER BY created_at DESC, id DESC LIMIT $3"
));
const BUSINESSES_OF_USER: Sql = Sql::both(
    "/* across tenants: the businesses one person may work in */
     SELECT memberships.tenant_id, memberships.role, businesses.name
     FROM memberships JOIN businesses ON businesses.tenant_id = memberships.tenant_id
     WHERE memberships.user_id = $1 AND memberships.status = 'active' AND businesses.deleted_at IS NULL
     ORDER BY businesses.name, memberships.tenant_id",
);
const ADD: Sql = Sql::both(
    "INSERT INTO users (id, email, name, language, system_admin, status, created_at, updated_at)
     VALUES ($1, $2, $3, $4, $5, 'invited', $6, $6)
     ON CONFLICT (email) WHERE deleted_at IS NULL DO NOTHING",
);
const SET_PASSWORD: Sql = Sql::both(
    "UPDATE users SET password_hash = $2, password_changed_at = $3, updated_at = $3,
                      version = version + 1,
                      status = CASE WHEN status = 'invited' THEN 'active' ELSE status END
     WHERE id = $1 AND deleted_at IS NULL",
);
const REHASH: Sql = Sql::both(
    "UPDATE users SET password_hash = $2 WHERE id = $1 AND password_hash = $3 AND deleted_at IS NULL",
);
const RENAME: Sql = Sql::both(
    "UPDATE users SET name = $2, language = $3, updated_at = $4, version = version + 1
     WHERE id = $1 AND deleted_at IS NULL",
);
const MAKE_ADMIN: Sql = Sql::both(
    "UPDATE users SET system_admin = TRUE, updated_at = $2, version = version + 1
     WHERE id = $1 AND deleted_at IS NULL",
);
// Locks the rows it counts: of two administrators removing each other the second waits here and then
// sees what the first did.
const ACTIVE_ADMINS: Sql = Sql::split(
    "SELECT id FROM users WHERE system_admin AND status = 'active' AND deleted_at IS NULL ORDER BY id",
    "SELECT id FROM users WHERE system_admin AND status = 'active' AND deleted_at IS NULL ORDER BY id
     FOR UPDATE",
);
const IS_ACTIVE_ADMIN: Sql = Sql::both(
    "SELECT 1 FROM users WHERE id = $1 AND system_admin AND status = 'active' AND deleted_at IS NULL",
);
const TENANTS_OF_USER: Sql = Sql::both(
    "/* across tenants: a person's memberships, each ended under its own business's lock */
     SELECT tenant_id FROM memberships WHERE user_id = $1 AND status <> 'removed' ORDER BY tenant_id",
);
const DROP_ADMIN: Sql = Sql::both(
    "UPDATE users SET system_admin = FALSE, updated_at = $2, version = version + 1 WHERE id = $1",
);
const SUSPEND: Sql = Sql::both(
    "UPDATE users SET status = 'suspended', updated_at = $2, version = version + 1 WHERE id = $1",
);
const ACTIVATE: Sql = Sql::both(
    "UPDATE users SET status = 'active', updated_at = $2, version = version + 1
     WHERE id = $1 AND status = 'suspended' AND deleted_at IS NULL",
);
// The row stays for what it is named in; what identifies the person goes.
const FORGET_USER: Sql = Sql::both(
    "UPDATE users SET email = '', name = '', password_hash = NULL, totp_sealed = NULL,
                      totp_confirmed_at = NULL, totp_last_step = NULL, system_admin = FALSE,
                      status = 'suspended', deleted_at = $2, updated_at = $2, version = version + 1
     WHERE id = $1",
);
const FORGET_PASSKEYS: Sql = Sql::both("DELETE FROM passkeys WHERE user_id = $1");
const FORGET_CEREMONIES: Sql = Sql::both("DELETE FROM passkey_ceremonies WHERE user_id = $1");
const FORGET_RECOVERY_CODES: Sql = Sql::both("DELETE FROM recovery_codes WHERE user_id = $1");
const FORGET_DEVICES: Sql = Sql::both("DELETE FROM known_devices WHERE user_id = $1");
const FORGET_LINKS: Sql = Sql::both("DELETE FROM one_time_tokens WHERE user_id = $1");
const FORGET_PUSHES: Sql = Sql::both(
    "/* across tenants: somebody whose account is gone is told of nothing more */
     DELETE FROM push_subscriptions WHERE user_id = $1",
);
const REVOKE_SESSIONS: Sql =
    Sql::both("UPDATE sessions SET revoked_at = $2 WHERE user_id = $1 AND revoked_at IS NULL");

/// Who takes the records of a removed account, for every business in which it holds any.
pub type AccountHeirs = BTreeMap<TenantId, UserId>;

impl CrmStore {
    /// One account.
    pub async fn user(&self, _scope: &SystemScope, user: UserId) -> Result<Option<User>> {
        let mut tx = self.system_read(&SystemScope::for_installation()).await?;
        let row = tx.fetch_optional(&USER, args![user.uuid()]).await?;
        row.as_ref().map(read_user).transpose()
    }

    /// The account that signs in with an address.
    pub async fn user_by_email(
        &self,
        _scope: &SystemScope,
        email: &EmailAddress,
    ) -> Result<Option<User>> {
        let mut tx = self.system_read(&SystemScope::for_installation()).await?;
        let row = tx
            .fetch_optional(&USER_BY_EMAIL, args![email.expose()])
            .await?;
        row.as_ref().map(read_user).transpose()
    }

    /// Accounts, newest first.
    pub async fn users(
        &self,
        scope: &SystemScope,
        after: After<UserId>,
        limit: u32,
    ) -> Result<Vec<User>> {
        let (at, id) = key_of(after);
        let tx = self.system_look(scope).await?;
        let rows = tx.fetch_all(&USERS, args![at, id, limit]).await?;
        rows.iter().map(read_user).collect()
    }

    /// The account of whoever is signed in: his own, and nobody else's.
    pub async fn own_account(&self, user: UserId) -> Result<User> {
        let found = self.user(&SystemScope::for_installation(), user).await?;
        found.ok_or(Error::NotFound { what: "user" })
    }

    /// The businesses a user may work in.
    pub async fn businesses_of_user(&self, user: UserId) -> Result<Vec<UserBusiness>> {
        let mut tx = self.system_read(&SystemScope::for_installation()).await?;
        let rows = tx
            .fetch_all(&BUSINESSES_OF_USER, args![user.uuid()])
            .await?;
        let read = |row: &Row| {
            Ok(UserBusiness {
                tenant: row.id("tenant_id")?,
                name: row.get("name")?,
                role: row.parse("role")?,
            })
        };
        rows.iter().map(read).collect()
    }

    /// Adds an account without a password; it is invited until it has one.
    ///
    /// # Errors
    /// `Conflict` with `email-taken`.
    pub async fn add_user(
        &self,
        scope: &SystemScope,
        new: &NewUser,
        system_admin: bool,
    ) -> Result<User> {
        let mut tx = self.system_write(scope).await?;
        let id = UserId::mint(self.now());
        if !insert_user(&mut tx, id, new, system_admin, self.now()).await? {
            return Err(Error::Conflict {
                what: "email-taken",
                detail: "another account has this address".to_owned(),
            });
        }
        let detail = json!({"system_admin": system_admin});
        tx.audit("user.added", Some(id.to_string()), detail).await?;
        let row = tx.fetch_one(&USER, args![id.uuid()], "user").await?;
        let user = read_user(&row)?;
        tx.commit().await?;
        Ok(user)
    }

    /// Gives an account the installation's administration.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn make_system_admin(&self, scope: &SystemScope, user: UserId) -> Result<()> {
        let mut tx = self.system_write(scope).await?;
        let done = tx
            .execute(&MAKE_ADMIN, args![user.uuid(), self.now()])
            .await?;
        found(done)?;
        tx.audit("user.admin_granted", Some(user.to_string()), json!({}))
            .await?;
        tx.commit().await
    }

    /// Sets a password and ends every session but one. The caller proved that he may: by the old
    /// password, by a one-time link, or as the operator.
    pub async fn set_password(&self, user: UserId, password: &StoredPassword) -> Result<()> {
        let scope = SystemScope::on_behalf_of(Actor::User(user));
        let mut tx = self.system_write(&scope).await?;
        replace_password(&mut tx, user, password, self.now()).await?;
        tx.commit().await
    }

    /// Stores the same password under better parameters, unless it was changed meanwhile.
    pub async fn rehash_password(
        &self,
        user: UserId,
        old: &StoredPassword,
        new: &StoredPassword,
    ) -> Result<()> {
        let mut tx = self.system_write(&SystemScope::for_installation()).await?;
        let values = args![user.uuid(), new.as_phc(), old.as_phc()];
        tx.execute(&REHASH, values).await?;
        tx.commit().await
    }

    /// Changes one's own name and language.
    pub async fn rename_account(
        &self,
        user: UserId,
        name: &str,
        language: prosaas_core::Language,
    ) -> Result<User> {
        let name = crate::model::check::line("name", name, crate::model::check::MAX_NAME)?;
        let scope = SystemScope::on_behalf_of(Actor::User(user));
        let mut tx = self.system_write(&scope).await?;
        let values = args![user.uuid(), name, language.code(), self.now()];
        found(tx.execute(&RENAME, values).await?)?;
        let row = tx.fetch_one(&USER, args![user.uuid()], "user").await?;
        let user = read_user(&row)?;
        tx.commit().await?;
        Ok(user)
    }

    /// Takes the administration from an account, suspends it, or removes it with all its memberships;
    /// what it holds in a business goes to the heir named for that business.
    ///
    /// # Errors
    /// `Conflict` with `self-removal-forbidden`, `last-system-admin`, `sole-owner` or
    /// `reassignment-required`; `NotFound`.
    pub async fn change_account(
        &self,
        scope: &SystemScope,
        user: UserId,
        change: AccountChange,
        heirs: &AccountHeirs,
    ) -> Result<()> {
        let now = self.now();
        let mut tx = self.system_write(scope).await?;
        // Businesses before people, as everywhere: two such changes cannot lock each other out.
        let tenants = match change {
            AccountChange::Remove => tx.fetch_all(&TENANTS_OF_USER, args![user.uuid()]).await?,
            AccountChange::DropAdmin | AccountChange::Suspend => Vec::new(),
        };
        for row in &tenants {
            let tenant: TenantId = row.id("tenant_id")?;
            let work = MembershipWork {
                tenant,
                target: user,
                change: MembershipChange::Remove,
                reassign_to: heirs.get(&tenant).copied(),
                expected: None,
            };
            apply(&mut tx, work, now).await?;
        }
        require_another_admin(&mut tx, user, change).await?;
        let word = match change {
            AccountChange::DropAdmin => {
                tx.execute(&DROP_ADMIN, args![user.uuid(), now]).await?;
                "user.admin_dropped"
            }
            AccountChange::Suspend => {
                tx.execute(&SUSPEND, args![user.uuid(), now]).await?;
                "user.suspended"
            }
            AccountChange::Remove => {
                forget_user(&mut tx, user, now).await?;
                "user.removed"
            }
        };
        tx.execute(&REVOKE_SESSIONS, args![user.uuid(), now])
            .await?;
        tx.audit(word, Some(user.to_string()), json!({})).await?;
        tx.commit().await
    }

    /// Lets a suspended account sign in again.
    ///
    /// # Errors
    /// `NotFound` when there is no such suspended account.
    pub async fn activate_account(&self, scope: &SystemScope, user: UserId) -> Result<()> {
        let mut tx = self.system_write(scope).await?;
        found(
            tx.execute(&ACTIVATE, args![user.uuid(), self.now()])
                .await?,
        )?;
        tx.audit("user.activated", Some(user.to_string()), json!({}))
            .await?;
        tx.commit().await
    }

    /// Whether somebody administers the installation.
    pub async fn has_system_admin(&self) -> Result<bool> {
        let mut tx = self.system_write(&SystemScope::for_installation()).await?;
        Ok(!tx.fetch_all(&ACTIVE_ADMINS, args![]).await?.is_empty())
    }
}

async fn require_another_admin(
    tx: &mut SystemTx,
    target: UserId,
    change: AccountChange,
) -> Result<()> {
    let admins = tx.fetch_all(&ACTIVE_ADMINS, args![]).await?;
    let admins: Vec<UserId> = admins
        .iter()
        .map(|row| row.id("id"))
        .collect::<Result<_>>()?;
    tx.fetch_one(&USER, args![target.uuid()], "user").await?;
    let asked_by = tx.actor().user();
    // Who lost the administration a moment ago must not use what is left of his request.
    if asked_by.is_some_and(|user| !admins.contains(&user)) {
        return Err(Error::Forbidden {
            detail: "only a system administrator changes accounts".to_owned(),
        });
    }
    let facts = AccountFacts {
        asked_by,
        target,
        is_active_admin: admins.contains(&target),
        active_admins: admins.len() as u64,
    };
    decide_account(&facts, change)
}

async fn forget_user(tx: &mut SystemTx, user: UserId, now: UnixMillis) -> Result<()> {
    tx.execute(&FORGET_USER, args![user.uuid(), now]).await?;
    for statement in [
        &FORGET_PASSKEYS,
        &FORGET_CEREMONIES,
        &FORGET_RECOVERY_CODES,
        &FORGET_DEVICES,
        &FORGET_LINKS,
        &FORGET_PUSHES,
    ] {
        tx.execute(statement, args![user.uuid()]).await?;
    }
    Ok(())
}

/// Adds an account; `false` when the address is taken.
pub(super) async fn insert_user(
    tx: &mut SystemTx,
    id: UserId,
    new: &NewUser,
    system_admin: bool,
    now: UnixMillis,
) -> Result<bool> {
    let values = args![
        id.uuid(),
        new.email.expose(),
        &new.name,
        new.language.code(),
        system_admin,
        now,
    ];
    Ok(tx.execute(&ADD, values).await? == 1)
}

/// Sets a password, makes an invited account active, and ends all sessions: whoever knew the old
/// password is out.
pub(super) async fn replace_password(
    tx: &mut SystemTx,
    user: UserId,
    password: &StoredPassword,
    now: UnixMillis,
) -> Result<()> {
    let values = args![user.uuid(), password.as_phc(), now];
    found(tx.execute(&SET_PASSWORD, values).await?)?;
    tx.execute(&REVOKE_SESSIONS, args![user.uuid(), now])
        .await?;
    tx.audit("user.password_changed", Some(user.to_string()), json!({}))
        .await
}

pub(super) async fn user_by_email(tx: &mut SystemTx, email: &EmailAddress) -> Result<Option<User>> {
    let row = tx
        .fetch_optional(&USER_BY_EMAIL, args![email.expose()])
        .await?;
    row.as_ref().map(read_user).transpose()
}

pub(super) fn found(rows: u64) -> Result<()> {
    if rows == 0 {
        return Err(Error::NotFound { what: "user" });
    }
    Ok(())
}

fn read_user(row: &Row) -> Result<User> {
    Ok(User {
        id: row.id("id")?,
        email: row.parse("email")?,
        name: row.get("name")?,
        language: row.parse("language")?,
        system_admin: row.get("system_admin")?,
        status: row.parse::<UserStatus>("status")?,
        has_second_factor: row.get("second_factor")?,
        created_at: row.get("created_at")?,
        version: row.get("version")?,
    })
}

/// Whether a user administers the installation at this moment of the transaction.
pub(super) async fn is_active_admin(tx: &mut SystemTx, user: UserId) -> Result<bool> {
    Ok(tx
        .fetch_optional(&IS_ACTIVE_ADMIN, args![user.uuid()])
        .await?
        .is_some())
}
