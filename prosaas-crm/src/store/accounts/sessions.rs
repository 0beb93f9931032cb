//! Sessions: opaque tokens of which only the hash is here; every request asks again who it is.

use prosaas_core::{Error, Result, TenantId, UnixMillis};

use crate::auth::token::{OpaqueToken, TokenHash};
use crate::auth::{Acting, Actor, Role, SystemScope, TenantScope};
use crate::model::access::{ActingBanner, SessionInfo, SessionRules, SignedIn};
use crate::model::id::{ActingId, SessionId, UserId};
use crate::store::CrmStore;
use crate::store::db::{Row, Sql, args};

/// A session is noted as seen once a minute, not at every request.
const SEEN_MS: i64 = 60 * 1000;

macro_rules! signed_in_where {
    ($condition:literal) => {
        concat!(
            "/* across tenants: the token proves who asks, this finds out where he works */
             SELECT sessions.id, sessions.user_id, sessions.tenant_id, sessions.seen_at,
                    users.system_admin,
                    (users.totp_confirmed_at IS NOT NULL
                     OR EXISTS (SELECT 1 FROM passkeys WHERE passkeys.user_id = users.id)) AS second_factor,
                    memberships.role, memberships.status AS member_status,
                    acting_sessions.id AS acting_id, acting_sessions.expires_at AS acting_expires_at,
                    (businesses.status = 'active') AS business_open
             FROM sessions
             JOIN users ON users.id = sessions.user_id
             LEFT JOIN businesses ON businesses.tenant_id = sessions.tenant_id
                   AND businesses.deleted_at IS NULL
             LEFT JOIN memberships ON memberships.tenant_id = sessions.tenant_id
                   AND memberships.user_id = sessions.user_id
             LEFT JOIN acting_sessions ON acting_sessions.id = sessions.acting_id
                   AND acting_sessions.tenant_id = sessions.tenant_id
                   AND acting_sessions.ended_at IS NULL AND acting_sessions.expires_at > $2
             WHERE sessions.revoked_at IS NULL AND sessions.expires_at > $2 AND sessions.seen_at > $3
               AND users.status = 'active' AND users.deleted_at IS NULL AND ",
            $condition
        )
    };
}

const BY_TOKEN: Sql = Sql::both(signed_in_where!("sessions.token_hash = $1"));
const BY_ID: Sql = Sql::both(signed_in_where!("sessions.id = $1"));
const SEEN: Sql = Sql::both(
    "UPDATE sessions SET seen_at = $2 WHERE id = $1 AND seen_at < $2 AND revoked_at IS NULL",
);
const OPEN: Sql = Sql::both(
    "INSERT INTO sessions (id, token_hash, user_id, tenant_id, user_agent, second_factor_at,
                           created_at, seen_at, expires_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $7, $8)",
);
// The business he worked in last, else the oldest membership.
const FIRST_BUSINESS: Sql = Sql::both(
    "/* across tenants: where a person who signs in begins to work */
     SELECT memberships.tenant_id FROM memberships
     JOIN businesses ON businesses.tenant_id = memberships.tenant_id
     WHERE memberships.user_id = $1 AND memberships.status = 'active' AND businesses.deleted_at IS NULL
     ORDER BY (SELECT MAX(created_at) FROM sessions
               WHERE sessions.user_id = $1 AND sessions.tenant_id = memberships.tenant_id) DESC NULLS LAST,
              memberships.created_at, memberships.tenant_id
     LIMIT 1",
);
const IS_ACTIVE: Sql =
    Sql::both("SELECT 1 FROM users WHERE id = $1 AND status = 'active' AND deleted_at IS NULL");
const IS_MEMBER: Sql = Sql::both(
    "SELECT 1 FROM memberships JOIN businesses ON businesses.tenant_id = memberships.tenant_id
     WHERE memberships.tenant_id = $1 AND memberships.user_id = $2
       AND memberships.status = 'active' AND businesses.deleted_at IS NULL",
);
const SWITCH: Sql = Sql::both(
    "/* across tenants: a person goes from one of his businesses to another */
     UPDATE sessions SET tenant_id = $3, token_hash = $4
     WHERE id = $1 AND user_id = $2 AND acting_id IS NULL AND revoked_at IS NULL",
);
const ROTATE: Sql = Sql::both(
    "UPDATE sessions SET token_hash = $3, second_factor_at = $4
     WHERE id = $1 AND user_id = $2 AND revoked_at IS NULL",
);
const LIST: Sql = Sql::both(
    "SELECT id, user_agent, created_at, seen_at, expires_at FROM sessions
     WHERE user_id = $1 AND revoked_at IS NULL AND expires_at > $2 AND seen_at > $3
     ORDER BY seen_at DESC, id DESC LIMIT 200",
);
const REVOKE: Sql = Sql::both(
    "UPDATE sessions SET revoked_at = $3 WHERE id = $1 AND user_id = $2 AND revoked_at IS NULL",
);
const REVOKE_OTHERS: Sql = Sql::both(
    "UPDATE sessions SET revoked_at = $3 WHERE user_id = $2 AND id <> $1 AND revoked_at IS NULL",
);
const END_PUSH: Sql = Sql::both(
    "/* across tenants: a browser that is signed out is told of nothing more, whatever the business */
     DELETE FROM push_subscriptions WHERE session_id = $1",
);
const END_OTHER_PUSHES: Sql = Sql::both(
    "/* across tenants: the same of a person's other browsers */
     DELETE FROM push_subscriptions WHERE user_id = $2 AND session_id <> $1",
);
const FORGET: Sql = Sql::both(
    "/* across tenants: sessions that ended long ago */
     DELETE FROM sessions WHERE expires_at < $1",
);

impl CrmStore {
    /// Opens a session for an active user who has proved who he is; the token is the new cookie.
    ///
    /// # Errors
    /// `Forbidden` when the account may not sign in.
    pub async fn open_session(
        &self,
        user: UserId,
        user_agent: &str,
        with_second_factor: bool,
        rules: SessionRules,
    ) -> Result<OpaqueToken> {
        let now = self.now();
        let scope = SystemScope::on_behalf_of(Actor::User(user));
        let mut tx = self.system_write(&scope).await?;
        if tx
            .fetch_optional(&IS_ACTIVE, args![user.uuid()])
            .await?
            .is_none()
        {
            return Err(Error::Forbidden {
                detail: "this account may not sign in".to_owned(),
            });
        }
        let first = tx
            .fetch_optional(&FIRST_BUSINESS, args![user.uuid()])
            .await?;
        let tenant: Option<TenantId> = first.map(|row| row.id("tenant_id")).transpose()?;
        let token = OpaqueToken::generate()?;
        let values = args![
            SessionId::mint(now).uuid(),
            token.hash().as_bytes(),
            user.uuid(),
            tenant.map(TenantId::uuid),
            one_line(user_agent),
            with_second_factor.then_some(now),
            now,
            now.plus(rules.absolute_ms),
        ];
        tx.execute(&OPEN, values).await?;
        tx.commit().await?;
        Ok(token)
    }

    /// Who a session's token proves to be, as of now: his membership, role and account are read again.
    /// A business he may no longer work in is no longer his, at once.
    pub async fn signed_in(
        &self,
        token: &TokenHash,
        rules: SessionRules,
    ) -> Result<Option<SignedIn>> {
        let now = self.now();
        let mut tx = self.system_read(&SystemScope::for_installation()).await?;
        let values = args![token.as_bytes(), now, now.plus(-rules.idle_ms)];
        let Some(row) = tx.fetch_optional(&BY_TOKEN, values).await? else {
            return Ok(None);
        };
        drop(tx);
        let signed_in = read_signed_in(&row)?;
        if now.since(row.get("seen_at")?) >= SEEN_MS {
            let mut tx = self.system_write(&SystemScope::for_installation()).await?;
            tx.execute(&SEEN, args![signed_in.session.uuid(), now])
                .await?;
            tx.commit().await?;
        }
        Ok(Some(signed_in))
    }

    /// The same for a session already known, such as that of an open event stream; its being watched
    /// keeps it from being idle no longer than its requests do.
    pub async fn session_still(
        &self,
        session: SessionId,
        rules: SessionRules,
    ) -> Result<Option<SignedIn>> {
        let now = self.now();
        let mut tx = self.system_read(&SystemScope::for_installation()).await?;
        let values = args![session.uuid(), now, now.plus(-rules.idle_ms)];
        let row = tx.fetch_optional(&BY_ID, values).await?;
        row.as_ref().map(read_signed_in).transpose()
    }

    /// Goes on working in another of one's businesses, under a new token.
    ///
    /// # Errors
    /// `NotFound` when he is no member there; `Conflict` with `acting` while he acts for a business.
    pub async fn switch_business(
        &self,
        session: SessionId,
        user: UserId,
        tenant: TenantId,
    ) -> Result<OpaqueToken> {
        let scope = SystemScope::on_behalf_of(Actor::User(user));
        let mut tx = self.system_write(&scope).await?;
        let values = args![tenant.uuid(), user.uuid()];
        tx.fetch_one(&IS_MEMBER, values, "business").await?;
        let token = OpaqueToken::generate()?;
        let values = args![
            session.uuid(),
            user.uuid(),
            tenant.uuid(),
            token.hash().as_bytes(),
        ];
        if tx.execute(&SWITCH, values).await? == 0 {
            return Err(Error::Conflict {
                what: "acting",
                detail: "end the acting session first".to_owned(),
            });
        }
        tx.commit().await?;
        Ok(token)
    }

    /// A new token for a session that now has more rights: the second factor was shown.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn rotate_session(&self, session: SessionId, user: UserId) -> Result<OpaqueToken> {
        let scope = SystemScope::on_behalf_of(Actor::User(user));
        let mut tx = self.system_write(&scope).await?;
        let token = OpaqueToken::generate()?;
        let values = args![
            session.uuid(),
            user.uuid(),
            token.hash().as_bytes(),
            self.now(),
        ];
        if tx.execute(&ROTATE, values).await? == 0 {
            return Err(Error::NotFound { what: "session" });
        }
        tx.commit().await?;
        Ok(token)
    }

    /// One's own live sessions, the one used last first.
    pub async fn sessions(&self, user: UserId, rules: SessionRules) -> Result<Vec<SessionInfo>> {
        let now = self.now();
        let mut tx = self.system_read(&SystemScope::for_installation()).await?;
        let values = args![user.uuid(), now, now.plus(-rules.idle_ms)];
        let rows = tx.fetch_all(&LIST, values).await?;
        rows.iter().map(read_info).collect()
    }

    /// Ends one of one's own sessions, and what its browser was told of.
    ///
    /// # Errors
    /// `NotFound` for somebody else's.
    pub async fn revoke_session(&self, user: UserId, session: SessionId) -> Result<()> {
        let scope = SystemScope::on_behalf_of(Actor::User(user));
        let mut tx = self.system_write(&scope).await?;
        let values = args![session.uuid(), user.uuid(), self.now()];
        if tx.execute(&REVOKE, values).await? == 0 {
            return Err(Error::NotFound { what: "session" });
        }
        tx.execute(&END_PUSH, args![session.uuid()]).await?;
        tx.commit().await
    }

    /// Ends all of one's own sessions but this one; returns how many.
    pub async fn revoke_other_sessions(&self, user: UserId, keep: SessionId) -> Result<u64> {
        let scope = SystemScope::on_behalf_of(Actor::User(user));
        let mut tx = self.system_write(&scope).await?;
        let values = args![keep.uuid(), user.uuid(), self.now()];
        let revoked = tx.execute(&REVOKE_OTHERS, values).await?;
        tx.execute(&END_OTHER_PUSHES, args![keep.uuid(), user.uuid()])
            .await?;
        tx.commit().await?;
        Ok(revoked)
    }

    /// Deletes sessions that expired before a time; returns how many.
    pub async fn forget_sessions(
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

fn read_signed_in(row: &Row) -> Result<SignedIn> {
    let user: UserId = row.id("user_id")?;
    let tenant: Option<TenantId> = row.optional_id("tenant_id")?;
    let system_admin: bool = row.get("system_admin")?;
    // `None`: there is no business, or it was deleted. Nobody acts for that, not even to look.
    let business: Option<bool> = row.get("business_open")?;
    let is_open = business.unwrap_or(false);
    let acting: Option<ActingId> = row.optional_id("acting_id")?;
    // An administrator who lost his office stops acting with it.
    let acting = match (acting, tenant) {
        (Some(id), Some(tenant)) if system_admin && business.is_some() => Some(ActingBanner {
            id,
            tenant,
            expires_at: row.get("acting_expires_at")?,
        }),
        _ => None,
    };
    let role: Option<Role> = row.parse_optional("role")?;
    let is_active = row.get::<Option<String>>("member_status")?.as_deref() == Some("active");
    let scope = match (acting, tenant, role) {
        (Some(banner), _, _) => {
            let acting = Acting {
                id: banner.id,
                admin: user,
            };
            Some(TenantScope::for_acting(banner.tenant, acting))
        }
        (None, Some(tenant), Some(role)) if is_active && is_open => {
            Some(TenantScope::for_member(tenant, user, role))
        }
        _ => None,
    };
    Ok(SignedIn {
        session: row.id("id")?,
        user,
        tenant: scope,
        system: (system_admin && acting.is_none()).then(|| SystemScope::for_admin(user)),
        acting,
        has_second_factor: row.get("second_factor")?,
    })
}

fn read_info(row: &Row) -> Result<SessionInfo> {
    Ok(SessionInfo {
        id: row.id("id")?,
        user_agent: row.get("user_agent")?,
        created_at: row.get("created_at")?,
        seen_at: row.get("seen_at")?,
        expires_at: row.get("expires_at")?,
    })
}

/// What a browser calls itself is text of a stranger: one line of it is kept.
fn one_line(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(200).collect()
}
