//! What a business's agent may look up.

use prosaas_core::Result;

use super::rows::{below, expect_changed};
use super::{Record, Trashable, any, at_version, live, moment, record_change, time};
use crate::auth::TenantScope;
use crate::model::id::KnowledgeId;
use crate::model::knowledge::{
    Knowledge, KnowledgeFilter, KnowledgePatch, NewKnowledge, check_room,
};
use crate::model::page::Page;
use crate::model::time::Time;
use crate::rules::lookup::best_matches;
use crate::store::CrmStore;
use crate::store::db::{Row, Sql, TenantTx, args};

const LIST: Sql = Sql::both(
    "SELECT * FROM knowledge
     WHERE tenant_id = $1 AND deleted_at IS NULL AND (created_at, id) < ($2, $3)
     ORDER BY created_at DESC, id DESC LIMIT $4",
);
const TRASH: Sql = Sql::both(
    "SELECT * FROM knowledge
     WHERE tenant_id = $1 AND deleted_at IS NOT NULL AND (created_at, id) < ($2, $3)
     ORDER BY created_at DESC, id DESC LIMIT $4",
);
// All of it: `check_room` bounds how much that is.
const ALL: Sql = Sql::both(
    "SELECT * FROM knowledge WHERE tenant_id = $1 AND deleted_at IS NULL
     ORDER BY created_at, id LIMIT 1000",
);
const SIZE: Sql = Sql::both(
    "SELECT count(*) AS entries,
            CAST(coalesce(sum(length(title) + length(body)), 0) AS BIGINT) AS characters
     FROM knowledge WHERE tenant_id = $1 AND deleted_at IS NULL",
);
const ADD: Sql = Sql::both(
    "INSERT INTO knowledge (tenant_id, id, kind, title, body, created_at, updated_at)
     VALUES ($1, $2, $3, $4, $5, $6, $6)",
);
const UPDATE: Sql = Sql::both(
    "UPDATE knowledge SET kind = $4, title = $5, body = $6, updated_at = $7, version = version + 1
     WHERE tenant_id = $1 AND id = $2 AND version = $3",
);

impl CrmStore {
    /// Adds an entry.
    ///
    /// # Errors
    /// `Invalid`; `Conflict` `knowledge-full`.
    pub async fn add_knowledge(&self, scope: &TenantScope, new: NewKnowledge) -> Result<Knowledge> {
        let new = new.checked()?;
        let mut tx = self.write(scope).await?;
        tx.lock_business().await?;
        let now = self.now();
        let id = KnowledgeId::mint(now);
        let values = args![id.uuid(), new.kind.as_str(), new.title, new.body, now];
        tx.execute(&ADD, values).await?;
        require_room(&mut tx).await?;
        let entry: Knowledge = any(&mut tx, id).await?;
        record_change(&mut tx, "knowledge.created", &entry);
        tx.commit().await?;
        Ok(entry)
    }

    /// An entry.
    ///
    /// # Errors
    /// `NotFound` when the business has none such, or it is in the trash.
    pub async fn knowledge(&self, scope: &TenantScope, id: KnowledgeId) -> Result<Knowledge> {
        self.find(scope, id).await
    }

    /// Entries, the newest first.
    pub async fn all_knowledge(
        &self,
        scope: &TenantScope,
        filter: KnowledgeFilter,
        page: Page<KnowledgeId>,
    ) -> Result<Vec<Knowledge>> {
        let is_trash = filter.deleted.unwrap_or_default();
        let statement = if is_trash { &TRASH } else { &LIST };
        let (at, id) = below(&page);
        let values = args![at, id, page.capped_limit()];
        let rows = self.look(scope).await?.fetch_all(statement, values).await?;
        rows.iter().map(Knowledge::read).collect()
    }

    /// The entries that answer a question best, the best first; none when nothing fits. Whoever
    /// answers from them cites their ids.
    pub async fn look_up_knowledge(
        &self,
        scope: &TenantScope,
        question: &str,
        limit: usize,
    ) -> Result<Vec<Knowledge>> {
        let rows = self.look(scope).await?.fetch_all(&ALL, args![]).await?;
        let entries = rows
            .iter()
            .map(Knowledge::read)
            .collect::<Result<Vec<_>>>()?;
        Ok(best_matches(question, entries, limit))
    }

    /// Changes an entry that is still at version `expected`.
    ///
    /// # Errors
    /// `Invalid`; `NotFound`; `Conflict` `version-conflict` or `knowledge-full`.
    pub async fn update_knowledge(
        &self,
        scope: &TenantScope,
        id: KnowledgeId,
        expected: u64,
        patch: KnowledgePatch,
    ) -> Result<Knowledge> {
        let mut tx = self.write(scope).await?;
        tx.lock_business().await?;
        let before: Knowledge = at_version(&mut tx, id, expected).await?;
        let after = patch.apply(&before)?;
        let now = self.now();
        let values = args![
            id.uuid(),
            expected,
            after.kind.as_str(),
            after.title,
            after.body,
            now
        ];
        expect_changed(tx.execute(&UPDATE, values).await?)?;
        require_room(&mut tx).await?;
        let entry: Knowledge = live(&mut tx, id).await?;
        record_change(&mut tx, "knowledge.updated", &entry);
        tx.commit().await?;
        Ok(entry)
    }

    /// Puts an entry into the trash; the agent does not know it any more.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` `version-conflict`.
    pub async fn delete_knowledge(
        &self,
        scope: &TenantScope,
        id: KnowledgeId,
        expected: u64,
    ) -> Result<()> {
        self.discard::<Knowledge>(scope, id, expected).await
    }

    /// Takes an entry back out of the trash; one that is not in it stays as it is.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` `knowledge-full`.
    pub async fn restore_knowledge(
        &self,
        scope: &TenantScope,
        id: KnowledgeId,
    ) -> Result<Knowledge> {
        let mut tx = self.write(scope).await?;
        tx.lock_business().await?;
        let entry: Knowledge = any(&mut tx, id).await?;
        if entry.deleted_at.is_none() {
            return Ok(entry);
        }
        let entry = self.take_back(&mut tx, &entry).await?;
        require_room(&mut tx).await?;
        tx.commit().await?;
        Ok(entry)
    }

    /// Removes an entry of the trash for good.
    ///
    /// # Errors
    /// `NotFound` when the trash holds none such.
    pub async fn purge_knowledge(&self, scope: &TenantScope, id: KnowledgeId) -> Result<()> {
        self.purge::<Knowledge>(scope, id).await
    }
}

/// Passes when what is there now keeps within its size.
async fn require_room(tx: &mut TenantTx) -> Result<()> {
    let row = tx.fetch_one(&SIZE, args![], "business").await?;
    check_room(row.get("entries")?, row.get("characters")?)
}

impl Record for Knowledge {
    type Id = KnowledgeId;
    const NAME: &'static str = "knowledge";
    const ONE: Sql = Sql::both("SELECT * FROM knowledge WHERE tenant_id = $1 AND id = $2");

    fn read(row: &Row) -> Result<Self> {
        Ok(Self {
            id: row.id("id")?,
            kind: row.parse("kind")?,
            title: row.get("title")?,
            body: row.get("body")?,
            created_at: moment(row, "created_at")?,
            updated_at: moment(row, "updated_at")?,
            deleted_at: time(row, "deleted_at")?,
            version: row.get("version")?,
        })
    }

    fn id(&self) -> KnowledgeId {
        self.id
    }

    fn version(&self) -> u64 {
        self.version
    }

    fn deleted_at(&self) -> Option<Time> {
        self.deleted_at
    }
}

impl Trashable for Knowledge {
    const MARK: Sql = Sql::both(
        "UPDATE knowledge SET deleted_at = $4, updated_at = $5, version = version + 1
         WHERE tenant_id = $1 AND id = $2 AND version = $3",
    );
    const PURGE: Sql =
        Sql::both("DELETE FROM knowledge WHERE tenant_id = $1 AND id = $2 AND version = $3");
    const KINDS: [&'static str; 3] = [
        "knowledge.deleted",
        "knowledge.restored",
        "knowledge.purged",
    ];
}
