//! Deals.

use prosaas_core::{LeadId, Result, UnixMillis};
use serde_json::json;

use super::rows::{below, expect_changed, require_lead, require_member, set_anew};
use super::timeline::{Happening, append};
use super::{Record, Trashable, any, at_version, moment, record_change, time};
use crate::auth::TenantScope;
use crate::model::deal::{Deal, DealFilter, DealPatch, DealStage, NewDeal};
use crate::model::id::{DealId, DealStageId, PipelineId, UserId};
use crate::model::money::Money;
use crate::model::page::Page;
use crate::model::setup::StageKind;
use crate::model::time::Time;
use crate::model::timeline::TimelineKind;
use crate::store::CrmStore;
use crate::store::db::{Row, Sql, TenantTx, args};

const LIST: Sql = Sql::both(
    "SELECT * FROM deals
     WHERE tenant_id = $1 AND deleted_at IS NULL AND (created_at, id) < ($2, $3)
       AND ($5 IS NULL OR pipeline_id = $5) AND ($6 IS NULL OR stage_id = $6)
       AND ($7 IS NULL OR assignee_id = $7) AND ($8 IS NULL OR lead_id = $8)
     ORDER BY created_at DESC, id DESC LIMIT $4",
);
const TRASH: Sql = Sql::both(
    "SELECT * FROM deals
     WHERE tenant_id = $1 AND deleted_at IS NOT NULL AND (created_at, id) < ($2, $3)
       AND ($5 IS NULL OR pipeline_id = $5) AND ($6 IS NULL OR stage_id = $6)
       AND ($7 IS NULL OR assignee_id = $7) AND ($8 IS NULL OR lead_id = $8)
     ORDER BY created_at DESC, id DESC LIMIT $4",
);
const ADD: Sql = Sql::both(
    "INSERT INTO deals (tenant_id, id, lead_id, pipeline_id, stage_id, assignee_id, title, amount, currency,
                        expected_close_at, closed_at, created_at, updated_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12)",
);
const UPDATE: Sql = Sql::both(
    "UPDATE deals
     SET pipeline_id = $4, stage_id = $5, assignee_id = $6, title = $7, amount = $8, currency = $9,
         expected_close_at = $10, closed_at = $11, updated_at = $12, version = version + 1
     WHERE tenant_id = $1 AND id = $2 AND version = $3",
);

impl CrmStore {
    /// Makes a deal.
    ///
    /// # Errors
    /// `Invalid`; `NotFound` when the business has no such lead, stage or member.
    pub async fn create_deal(&self, scope: &TenantScope, new: NewDeal) -> Result<Deal> {
        let new = new.checked()?;
        let mut tx = self.write(scope).await?;
        require_lead(&mut tx, Some(new.lead_id)).await?;
        require_member(&mut tx, new.assignee_id).await?;
        let stage: DealStage = any(&mut tx, new.stage_id).await?;
        let now = self.now();
        let id = DealId::mint(now);
        let values = args![
            id.uuid(),
            new.lead_id.uuid(),
            stage.pipeline_id.uuid(),
            stage.id.uuid(),
            new.assignee_id.map(UserId::uuid),
            new.title,
            new.value.amount,
            new.value.currency.as_str(),
            new.expected_close_at.map(Time::millis),
            closed_at(&stage, None, now),
            now,
        ];
        tx.execute(&ADD, values).await?;
        let deal: Deal = any(&mut tx, id).await?;
        record_change(&mut tx, "deal.created", &deal);
        self.note_deal(&mut tx, &deal, TimelineKind::DealCreated)
            .await?;
        tx.commit().await?;
        Ok(deal)
    }

    /// A deal.
    ///
    /// # Errors
    /// `NotFound` when the business has none such, or it is in the trash.
    pub async fn deal(&self, scope: &TenantScope, id: DealId) -> Result<Deal> {
        self.find(scope, id).await
    }

    /// Deals, the newest first.
    pub async fn deals(
        &self,
        scope: &TenantScope,
        filter: &DealFilter,
        page: Page<DealId>,
    ) -> Result<Vec<Deal>> {
        let is_trash = filter.deleted.unwrap_or_default();
        let statement = if is_trash { &TRASH } else { &LIST };
        let (at, id) = below(&page);
        let values = args![
            at,
            id,
            page.capped_limit(),
            filter.pipeline_id.map(PipelineId::uuid),
            filter.stage_id.map(DealStageId::uuid),
            filter.assignee_id.map(UserId::uuid),
            filter.lead_id.map(LeadId::uuid),
        ];
        let rows = self.look(scope).await?.fetch_all(statement, values).await?;
        rows.iter().map(Deal::read).collect()
    }

    /// Changes a deal that is still at version `expected`.
    ///
    /// # Errors
    /// `Invalid`; `NotFound`, also for what it newly refers to; `Conflict` `version-conflict`.
    pub async fn update_deal(
        &self,
        scope: &TenantScope,
        id: DealId,
        expected: u64,
        patch: DealPatch,
    ) -> Result<Deal> {
        let mut tx = self.write(scope).await?;
        let before: Deal = at_version(&mut tx, id, expected).await?;
        let after = patch.apply(before.clone())?;
        require_member(&mut tx, set_anew(before.assignee_id, after.assignee_id)).await?;
        let stage: DealStage = any(&mut tx, after.stage_id).await?;
        let now = self.now();
        let values = args![
            id.uuid(),
            expected,
            stage.pipeline_id.uuid(),
            stage.id.uuid(),
            after.assignee_id.map(UserId::uuid),
            after.title,
            after.value.amount,
            after.value.currency.as_str(),
            after.expected_close_at.map(Time::millis),
            closed_at(&stage, before.closed_at, now),
            now,
        ];
        expect_changed(tx.execute(&UPDATE, values).await?)?;
        let after: Deal = any(&mut tx, id).await?;
        record_change(&mut tx, "deal.updated", &after);
        if before.stage_id != after.stage_id {
            self.note_deal(&mut tx, &after, TimelineKind::DealStageChanged)
                .await?;
        }
        tx.commit().await?;
        Ok(after)
    }

    /// Puts a deal into the trash.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` `version-conflict`.
    pub async fn delete_deal(&self, scope: &TenantScope, id: DealId, expected: u64) -> Result<()> {
        self.discard::<Deal>(scope, id, expected).await
    }

    /// Takes a deal back out of the trash; one that is not in it stays as it is.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn restore_deal(&self, scope: &TenantScope, id: DealId) -> Result<Deal> {
        self.restore(scope, id).await
    }

    /// Removes a deal of the trash for good; its payments stay with the lead.
    ///
    /// # Errors
    /// `NotFound` when the trash holds none such.
    pub async fn purge_deal(&self, scope: &TenantScope, id: DealId) -> Result<()> {
        const RELEASE: Sql =
            Sql::both("UPDATE payments SET deal_id = NULL WHERE tenant_id = $1 AND deal_id = $2");
        let mut tx = self.write(scope).await?;
        tx.execute(&RELEASE, args![id.uuid()]).await?;
        self.purge_in::<Deal>(tx, id).await
    }

    async fn note_deal(&self, tx: &mut TenantTx, deal: &Deal, kind: TimelineKind) -> Result<()> {
        let data = json!({ "stage_id": deal.stage_id, "value": deal.value });
        let happening = Happening::new(deal.lead_id, self.now(), kind);
        append(tx, happening.about(deal.id).data(data)).await
    }
}

/// When a deal closed that is at this stage now.
fn closed_at(stage: &DealStage, before: Option<Time>, now: UnixMillis) -> Option<UnixMillis> {
    match stage.kind {
        StageKind::Open => None,
        StageKind::Won | StageKind::Lost => Some(before.map_or(now, Time::millis)),
    }
}

impl Record for Deal {
    type Id = DealId;
    const NAME: &'static str = "deal";
    const ONE: Sql = Sql::both("SELECT * FROM deals WHERE tenant_id = $1 AND id = $2");

    fn read(row: &Row) -> Result<Self> {
        Ok(Self {
            id: row.id("id")?,
            lead_id: row.id("lead_id")?,
            pipeline_id: row.id("pipeline_id")?,
            stage_id: row.id("stage_id")?,
            assignee_id: row.optional_id("assignee_id")?,
            title: row.get("title")?,
            value: money(row)?,
            expected_close_at: time(row, "expected_close_at")?,
            closed_at: time(row, "closed_at")?,
            created_at: moment(row, "created_at")?,
            updated_at: moment(row, "updated_at")?,
            deleted_at: time(row, "deleted_at")?,
            version: row.get("version")?,
        })
    }

    fn id(&self) -> DealId {
        self.id
    }

    fn version(&self) -> u64 {
        self.version
    }

    fn lead(&self) -> Option<LeadId> {
        Some(self.lead_id)
    }

    fn deleted_at(&self) -> Option<Time> {
        self.deleted_at
    }
}

pub(super) fn money(row: &Row) -> Result<Money> {
    Ok(Money {
        amount: row.get("amount")?,
        currency: row.parse("currency")?,
    })
}

impl Trashable for Deal {
    const MARK: Sql = Sql::both(
        "UPDATE deals SET deleted_at = $4, updated_at = $5, version = version + 1
         WHERE tenant_id = $1 AND id = $2 AND version = $3",
    );
    const PURGE: Sql =
        Sql::both("DELETE FROM deals WHERE tenant_id = $1 AND id = $2 AND version = $3");
    const KINDS: [&'static str; 3] = ["deal.deleted", "deal.restored", "deal.purged"];
}
