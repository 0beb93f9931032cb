//! What a business keeps ready for its people to answer with.

use prosaas_core::{Error, Result};

use super::rows::expect_changed;
use super::{Record, any, at_version, moment, record_change};
use crate::auth::TenantScope;
use crate::model::canned_reply::{CannedReply, MAX_REPLIES, NewCannedReply};
use crate::model::id::ReplyId;
use crate::store::CrmStore;
use crate::store::db::{Row, Sql, TenantTx, args};

// All of them: `require_room` bounds how many that is.
const ALL: Sql = Sql::split(
    "SELECT * FROM canned_replies WHERE tenant_id = $1 ORDER BY shortcut_key LIMIT 200",
    "SELECT * FROM canned_replies WHERE tenant_id = $1 ORDER BY shortcut_key COLLATE \"C\" LIMIT 200",
);
const COUNT: Sql = Sql::both("SELECT count(*) AS items FROM canned_replies WHERE tenant_id = $1");
const ADD: Sql = Sql::both(
    "INSERT INTO canned_replies (tenant_id, id, shortcut, shortcut_key, body, created_at, updated_at)
     VALUES ($1, $2, $3, $4, $5, $6, $6)",
);
const REPLACE: Sql = Sql::both(
    "UPDATE canned_replies
     SET shortcut = $4, shortcut_key = $5, body = $6, updated_at = $7, version = version + 1
     WHERE tenant_id = $1 AND id = $2 AND version = $3",
);
const DELETE: Sql =
    Sql::both("DELETE FROM canned_replies WHERE tenant_id = $1 AND id = $2 AND version = $3");

impl CrmStore {
    /// The replies that the business keeps ready, by shortcut.
    pub async fn canned_replies(&self, scope: &TenantScope) -> Result<Vec<CannedReply>> {
        let rows = self.look(scope).await?.fetch_all(&ALL, args![]).await?;
        rows.iter().map(CannedReply::read).collect()
    }

    /// A reply.
    ///
    /// # Errors
    /// `NotFound` when the business has none such.
    pub async fn canned_reply(&self, scope: &TenantScope, id: ReplyId) -> Result<CannedReply> {
        self.find(scope, id).await
    }

    /// Adds a reply.
    ///
    /// # Errors
    /// `Invalid`; `Conflict` `shortcut-taken` or `too-many`.
    pub async fn add_canned_reply(
        &self,
        scope: &TenantScope,
        new: NewCannedReply,
    ) -> Result<CannedReply> {
        let new = new.checked()?;
        let mut tx = self.write(scope).await?;
        tx.lock_business().await?;
        require_room(&mut tx).await?;
        let now = self.now();
        let id = ReplyId::mint(now);
        let key = new.key();
        let values = args![id.uuid(), new.shortcut, key, new.text, now];
        tx.execute(&ADD, values).await?;
        let reply: CannedReply = any(&mut tx, id).await?;
        record_change(&mut tx, "reply.created", &reply);
        tx.commit().await?;
        Ok(reply)
    }

    /// Replaces a reply that is still at version `expected`.
    ///
    /// # Errors
    /// `Invalid`; `NotFound`; `Conflict` `version-conflict` or `shortcut-taken`.
    pub async fn set_canned_reply(
        &self,
        scope: &TenantScope,
        id: ReplyId,
        expected: u64,
        new: NewCannedReply,
    ) -> Result<CannedReply> {
        let new = new.checked()?;
        let mut tx = self.write(scope).await?;
        at_version::<CannedReply>(&mut tx, id, expected).await?;
        let key = new.key();
        let values = args![id.uuid(), expected, new.shortcut, key, new.text, self.now()];
        expect_changed(tx.execute(&REPLACE, values).await?)?;
        let reply: CannedReply = any(&mut tx, id).await?;
        record_change(&mut tx, "reply.updated", &reply);
        tx.commit().await?;
        Ok(reply)
    }

    /// Removes a reply for good: it is written again faster than it is looked for in a trash.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` `version-conflict`.
    pub async fn delete_canned_reply(
        &self,
        scope: &TenantScope,
        id: ReplyId,
        expected: u64,
    ) -> Result<()> {
        let mut tx = self.write(scope).await?;
        let reply: CannedReply = at_version(&mut tx, id, expected).await?;
        self.remove(&mut tx, &DELETE, &reply).await?;
        record_change(&mut tx, "reply.deleted", &reply);
        tx.commit().await
    }
}

/// Passes while another one has room; the business's lock is held, so that two at once are counted one by one.
async fn require_room(tx: &mut TenantTx) -> Result<()> {
    let row = tx.fetch_one(&COUNT, args![], "business").await?;
    if row.get::<usize>("items")? < MAX_REPLIES {
        return Ok(());
    }
    Err(Error::Conflict {
        what: "too-many",
        detail: format!("there are {MAX_REPLIES} replies already"),
    })
}

impl Record for CannedReply {
    type Id = ReplyId;
    const NAME: &'static str = "reply";
    const ONE: Sql = Sql::both("SELECT * FROM canned_replies WHERE tenant_id = $1 AND id = $2");

    fn read(row: &Row) -> Result<Self> {
        Ok(Self {
            id: row.id("id")?,
            shortcut: row.get("shortcut")?,
            text: row.get("body")?,
            created_at: moment(row, "created_at")?,
            updated_at: moment(row, "updated_at")?,
            version: row.get("version")?,
        })
    }

    fn id(&self) -> ReplyId {
        self.id
    }

    fn version(&self) -> u64 {
        self.version
    }
}
