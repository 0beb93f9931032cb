//! Acting sessions: a system administrator at work for a business, for a reason and a while.

use prosaas_core::{Error, Result};
use serde_json::json;

use super::{After, key_of};
use crate::auth::token::OpaqueToken;
use crate::auth::{Acting, Actor, SystemScope, TenantScope};
use crate::model::access::{ActingSession, NewActing};
use crate::model::id::{ActingId, SessionId, UserId};
use crate::model::job::JobWork;
use crate::store::CrmStore;
use crate::store::db::{Change, Row, Sql, args};

const BUSINESS: Sql =
    Sql::both("SELECT 1 FROM businesses WHERE tenant_id = $1 AND deleted_at IS NULL");
const IS_FREE: Sql = Sql::split(
    "SELECT 1 FROM sessions JOIN users ON users.id = sessions.user_id
     WHERE sessions.id = $1 AND sessions.user_id = $2 AND sessions.revoked_at IS NULL
       AND users.system_admin AND users.status = 'active' AND users.deleted_at IS NULL
       AND NOT EXISTS (SELECT 1 FROM acting_sessions AS acting
                       WHERE acting.id = sessions.acting_id AND acting.ended_at IS NULL
                         AND acting.expires_at > $3)",
    "SELECT 1 FROM sessions JOIN users ON users.id = sessions.user_id
     WHERE sessions.id = $1 AND sessions.user_id = $2 AND sessions.revoked_at IS NULL
       AND users.system_admin AND users.status = 'active' AND users.deleted_at IS NULL
       AND NOT EXISTS (SELECT 1 FROM acting_sessions AS acting
                       WHERE acting.id = sessions.acting_id AND acting.ended_at IS NULL
                         AND acting.expires_at > $3)
     FOR UPDATE OF sessions",
);
const BEGIN: Sql = Sql::both(
    "INSERT INTO acting_sessions (tenant_id, id, admin_id, reason, created_at, expires_at)
     VALUES ($1, $2, $3, $4, $5, $6)",
);
const ENTER: Sql =
    Sql::both("UPDATE sessions SET tenant_id = $1, acting_id = $3, token_hash = $4 WHERE id = $2");
const OF_SESSION: Sql = Sql::both(
    "/* across tenants: which business an administrator's session acts for */
     SELECT acting_sessions.* FROM acting_sessions
     JOIN sessions ON sessions.acting_id = acting_sessions.id
     WHERE sessions.id = $1 AND sessions.user_id = $2 AND acting_sessions.ended_at IS NULL",
);
const END: Sql = Sql::both(
    "UPDATE acting_sessions SET ended_at = $3
     WHERE tenant_id = $1 AND id = $2 AND ended_at IS NULL",
);
const LEAVE: Sql = Sql::both(
    "/* across tenants: an administrator's session belongs to no business again */
     UPDATE sessions SET tenant_id = NULL, acting_id = NULL, token_hash = $2 WHERE id = $1",
);
const EXPIRED: Sql = Sql::both(
    "/* across tenants: the time of every acting session runs out */
     SELECT * FROM acting_sessions WHERE ended_at IS NULL AND expires_at <= $1
     ORDER BY expires_at, id LIMIT $2",
);
const FREE: Sql = Sql::both(
    "/* across tenants: an administrator's session belongs to no business again */
     UPDATE sessions SET tenant_id = NULL, acting_id = NULL WHERE acting_id = $1",
);
const ONE: Sql = Sql::both(
    "/* across tenants: an acting session is the installation's record */
     SELECT * FROM acting_sessions WHERE id = $1",
);
const LIST: Sql = Sql::both(
    "/* across tenants: the installation's list of who acted for whom */
     SELECT * FROM acting_sessions
     WHERE created_at < $1 OR (created_at = $1 AND id < $2)
     ORDER BY created_at DESC, id DESC LIMIT $3",
);

impl CrmStore {
    /// Begins to act: the session goes on in the business under a new token. It stands in the business's
    /// audit log and in the installation's, and the owners are told by mail.
    ///
    /// # Errors
    /// `Conflict` with `acting` while he acts already; `NotFound` for the business; `Forbidden` for who
    /// is no administrator.
    pub async fn begin_acting(
        &self,
        scope: &SystemScope,
        session: SessionId,
        new: &NewActing,
    ) -> Result<(OpaqueToken, ActingSession)> {
        let Actor::User(admin) = scope.actor() else {
            return Err(Error::Forbidden {
                detail: "only a signed-in administrator acts for a business".to_owned(),
            });
        };
        let now = self.now();
        let id = ActingId::mint(now);
        let actor = Actor::Acting(Acting { id, admin });
        let mut tx = self.system_write(&SystemScope::on_behalf_of(actor)).await?;
        let tenant = new.tenant.uuid();
        tx.fetch_one(&BUSINESS, args![tenant], "business").await?;
        let values = args![session.uuid(), admin.uuid(), now];
        if tx.fetch_optional(&IS_FREE, values).await?.is_none() {
            return Err(Error::Conflict {
                what: "acting",
                detail: "end the acting session first".to_owned(),
            });
        }
        let acting = ActingSession {
            id,
            admin,
            tenant: new.tenant,
            reason: new.reason.clone(),
            created_at: now,
            expires_at: now.plus(i64::from(new.minutes) * 60 * 1000),
            ended_at: None,
        };
        let values = args![
            tenant,
            id.uuid(),
            admin.uuid(),
            &acting.reason,
            now,
            acting.expires_at,
        ];
        tx.execute(&BEGIN, values).await?;
        let token = OpaqueToken::generate()?;
        let values = args![tenant, session.uuid(), id.uuid(), token.hash().as_bytes()];
        tx.execute(&ENTER, values).await?;
        let detail = json!({"reason": new.reason, "minutes": new.minutes});
        let change = Change::new("acting.begun", "acting", id).detail(detail);
        tx.record(new.tenant, change);
        let inside = TenantScope::for_acting(new.tenant, Acting { id, admin });
        let mut tx = tx.enter(&inside).await?;
        self.add_job(&mut tx, &JobWork::NotifyActing { acting: id }, now)
            .await?;
        tx.commit().await?;
        Ok((token, acting))
    }

    /// Ends the acting of a session, which goes on as the administrator's own under a new token.
    ///
    /// # Errors
    /// `Conflict` with `not-acting`.
    pub async fn end_acting(&self, admin: UserId, session: SessionId) -> Result<OpaqueToken> {
        let now = self.now();
        let mut tx = self.system_read(&SystemScope::for_installation()).await?;
        let values = args![session.uuid(), admin.uuid()];
        let row = tx.fetch_optional(&OF_SESSION, values).await?;
        drop(tx);
        let row = row.ok_or_else(not_acting)?;
        let acting = read_acting(&row)?;
        let actor = Actor::Acting(Acting {
            id: acting.id,
            admin,
        });
        let mut tx = self.system_write(&SystemScope::on_behalf_of(actor)).await?;
        let values = args![acting.tenant.uuid(), acting.id.uuid(), now];
        if tx.execute(&END, values).await? == 0 {
            return Err(not_acting());
        }
        let token = OpaqueToken::generate()?;
        tx.execute(&LEAVE, args![session.uuid(), token.hash().as_bytes()])
            .await?;
        let change = Change::new("acting.ended", "acting", acting.id);
        tx.record(acting.tenant, change);
        tx.commit().await?;
        Ok(token)
    }

    /// Ends the acting sessions whose time is over, `limit` of them at most: nobody acted any more, and now
    /// the business sees it in its audit log and its consoles, and the installation in its own. Returns how
    /// many.
    pub async fn end_expired_acting(&self, scope: &SystemScope, limit: u32) -> Result<u64> {
        let now = self.now();
        let mut tx = self.system_read(scope).await?;
        let rows = tx.fetch_all(&EXPIRED, args![now, limit]).await?;
        drop(tx);
        let mut ended = 0;
        for row in &rows {
            ended += u64::from(self.end_expired(&read_acting(row)?).await?);
        }
        Ok(ended)
    }

    /// `false` when somebody else ended it first.
    async fn end_expired(&self, acting: &ActingSession) -> Result<bool> {
        let (id, admin) = (acting.id, acting.admin);
        let actor = Actor::Acting(Acting { id, admin });
        let mut tx = self.system_write(&SystemScope::on_behalf_of(actor)).await?;
        let values = args![acting.tenant.uuid(), id.uuid(), acting.expires_at];
        if tx.execute(&END, values).await? == 0 {
            return Ok(false);
        }
        tx.execute(&FREE, args![id.uuid()]).await?;
        tx.record(acting.tenant, Change::new("acting.expired", "acting", id));
        tx.commit().await?;
        Ok(true)
    }

    /// One acting session, for the mail about it and the list.
    pub async fn acting_session(&self, acting: ActingId) -> Result<Option<ActingSession>> {
        let mut tx = self.system_read(&SystemScope::for_installation()).await?;
        let row = tx.fetch_optional(&ONE, args![acting.uuid()]).await?;
        row.as_ref().map(read_acting).transpose()
    }

    /// Acting sessions of the installation, the newest first.
    pub async fn acting_sessions(
        &self,
        scope: &SystemScope,
        after: After<ActingId>,
        limit: u32,
    ) -> Result<Vec<ActingSession>> {
        let (at, id) = key_of(after);
        let tx = self.system_look(scope).await?;
        let values = args![at, id, limit];
        let rows = tx.fetch_all(&LIST, values).await?;
        rows.iter().map(read_acting).collect()
    }
}

fn not_acting() -> Error {
    Error::Conflict {
        what: "not-acting",
        detail: "this session acts for no business".to_owned(),
    }
}

fn read_acting(row: &Row) -> Result<ActingSession> {
    Ok(ActingSession {
        id: row.id("id")?,
        admin: row.id("admin_id")?,
        tenant: row.id("tenant_id")?,
        reason: row.get("reason")?,
        created_at: row.get("created_at")?,
        expires_at: row.get("expires_at")?,
        ended_at: row.get("ended_at")?,
    })
}
