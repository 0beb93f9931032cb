//! Short lists of a business: special days, and whom it does not answer.

use prosaas_core::{Error, Result};
use serde_json::json;

use super::rows::expect_changed;
use super::{Record, any, at_version, moment, record_change};
use crate::auth::TenantScope;
use crate::model::block::{Block, NewBlock};
use crate::model::hours::{NewSpecialDay, SpecialDay};
use crate::model::id::{BlockId, HolidayId};
use crate::store::CrmStore;
use crate::store::db::{Json, Row, Sql, TenantTx, args};

/// The most special days and the most blocks of a business.
const MAX_ROWS: usize = 1_000;

const DAY_COUNT: Sql = Sql::both("SELECT count(*) AS items FROM holidays WHERE tenant_id = $1");
const ADD_DAY: Sql = Sql::both(
    "INSERT INTO holidays (tenant_id, id, day, name, hours, created_at, updated_at)
     VALUES ($1, $2, $3, $4, $5, $6, $6)",
);
const UPDATE_DAY: Sql = Sql::both(
    "UPDATE holidays SET day = $4, name = $5, hours = $6, updated_at = $7, version = version + 1
     WHERE tenant_id = $1 AND id = $2 AND version = $3",
);
const DELETE_DAY: Sql =
    Sql::both("DELETE FROM holidays WHERE tenant_id = $1 AND id = $2 AND version = $3");

const BLOCKS: Sql =
    Sql::both("SELECT * FROM block_list WHERE tenant_id = $1 ORDER BY created_at DESC, id DESC");
const BLOCK_COUNT: Sql = Sql::both("SELECT count(*) AS items FROM block_list WHERE tenant_id = $1");
const ADD_BLOCK: Sql = Sql::both(
    "INSERT INTO block_list (tenant_id, id, kind, value, reason, created_at)
     VALUES ($1, $2, $3, $4, $5, $6)",
);
// `$3` is the version that every record is deleted by; a block has none but its first.
const DELETE_BLOCK: Sql =
    Sql::both("DELETE FROM block_list WHERE tenant_id = $1 AND id = $2 AND $3 = 1");

impl CrmStore {
    /// The special days by date.
    pub async fn special_days(&self, scope: &TenantScope) -> Result<Vec<SpecialDay>> {
        super::settings::special_days(&mut self.read(scope).await?).await
    }

    /// A special day.
    ///
    /// # Errors
    /// `NotFound` when the business has none such.
    pub async fn special_day(&self, scope: &TenantScope, id: HolidayId) -> Result<SpecialDay> {
        self.find(scope, id).await
    }

    /// Adds a special day.
    ///
    /// # Errors
    /// `Invalid`; `Conflict` `day-taken` or `too-many`.
    pub async fn add_special_day(
        &self,
        scope: &TenantScope,
        new: NewSpecialDay,
    ) -> Result<SpecialDay> {
        let new = new.checked()?;
        let mut tx = self.write(scope).await?;
        tx.lock_business().await?;
        require_room(&mut tx, &DAY_COUNT).await?;
        let now = self.now();
        let id = HolidayId::mint(now);
        let hours = Json(json!(new.open));
        let values = args![id.uuid(), new.date.to_string(), new.name, hours, now];
        tx.execute(&ADD_DAY, values).await?;
        let day: SpecialDay = any(&mut tx, id).await?;
        record_change(&mut tx, "holiday.created", &day);
        tx.commit().await?;
        Ok(day)
    }

    /// Replaces a special day that is still at version `expected`.
    ///
    /// # Errors
    /// `Invalid`; `NotFound`; `Conflict` `version-conflict` or `day-taken`.
    pub async fn set_special_day(
        &self,
        scope: &TenantScope,
        id: HolidayId,
        expected: u64,
        new: NewSpecialDay,
    ) -> Result<SpecialDay> {
        let new = new.checked()?;
        let mut tx = self.write(scope).await?;
        at_version::<SpecialDay>(&mut tx, id, expected).await?;
        let hours = Json(json!(new.open));
        let date = new.date.to_string();
        let values = args![id.uuid(), expected, date, new.name, hours, self.now()];
        expect_changed(tx.execute(&UPDATE_DAY, values).await?)?;
        let day: SpecialDay = any(&mut tx, id).await?;
        record_change(&mut tx, "holiday.updated", &day);
        tx.commit().await?;
        Ok(day)
    }

    /// Removes a special day.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` `version-conflict`.
    pub async fn delete_special_day(
        &self,
        scope: &TenantScope,
        id: HolidayId,
        expected: u64,
    ) -> Result<()> {
        let mut tx = self.write(scope).await?;
        let day: SpecialDay = at_version(&mut tx, id, expected).await?;
        self.remove(&mut tx, &DELETE_DAY, &day).await?;
        record_change(&mut tx, "holiday.deleted", &day);
        tx.commit().await
    }

    /// Whom the business does not answer, the newest first.
    pub async fn blocks(&self, scope: &TenantScope) -> Result<Vec<Block>> {
        let rows = self.look(scope).await?.fetch_all(&BLOCKS, args![]).await?;
        rows.iter().map(Block::read).collect()
    }

    /// Blocks a number or a prefix.
    ///
    /// # Errors
    /// `Invalid`; `Conflict` `already-blocked` or `too-many`.
    pub async fn add_block(&self, scope: &TenantScope, new: NewBlock) -> Result<Block> {
        let new = new.checked()?;
        let mut tx = self.write(scope).await?;
        tx.lock_business().await?;
        require_room(&mut tx, &BLOCK_COUNT).await?;
        let now = self.now();
        let id = BlockId::mint(now);
        let reason = new.reason.unwrap_or_default();
        let values = args![id.uuid(), new.kind.as_str(), new.value, reason, now];
        tx.execute(&ADD_BLOCK, values).await?;
        let block: Block = any(&mut tx, id).await?;
        record_change(&mut tx, "block.created", &block);
        tx.commit().await?;
        Ok(block)
    }

    /// Answers a number or a prefix again.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn delete_block(&self, scope: &TenantScope, id: BlockId) -> Result<()> {
        let mut tx = self.write(scope).await?;
        let block: Block = any(&mut tx, id).await?;
        self.remove(&mut tx, &DELETE_BLOCK, &block).await?;
        record_change(&mut tx, "block.deleted", &block);
        tx.commit().await
    }
}

async fn require_room(tx: &mut TenantTx, count: &Sql) -> Result<()> {
    let row = tx.fetch_one(count, args![], "business").await?;
    if row.get::<usize>("items")? < MAX_ROWS {
        return Ok(());
    }
    Err(Error::Conflict {
        what: "too-many",
        detail: format!("there are {MAX_ROWS} already"),
    })
}

impl Record for SpecialDay {
    type Id = HolidayId;
    const NAME: &'static str = "holiday";
    const ONE: Sql = Sql::both("SELECT * FROM holidays WHERE tenant_id = $1 AND id = $2");

    fn read(row: &Row) -> Result<Self> {
        Ok(Self {
            id: row.id("id")?,
            version: row.get("version")?,
            day: NewSpecialDay {
                date: row.parse("day")?,
                name: row.get("name")?,
                open: row.json("hours")?,
            },
        })
    }

    fn id(&self) -> HolidayId {
        self.id
    }

    fn version(&self) -> u64 {
        self.version
    }
}

impl Record for Block {
    type Id = BlockId;
    const NAME: &'static str = "block";
    const ONE: Sql = Sql::both("SELECT * FROM block_list WHERE tenant_id = $1 AND id = $2");

    fn read(row: &Row) -> Result<Self> {
        Ok(Self {
            id: row.id("id")?,
            kind: row.parse("kind")?,
            value: row.get("value")?,
            reason: row.get("reason")?,
            created_at: moment(row, "created_at")?,
        })
    }

    fn id(&self) -> BlockId {
        self.id
    }

    /// It is made and removed, never changed.
    fn version(&self) -> u64 {
        1
    }
}
