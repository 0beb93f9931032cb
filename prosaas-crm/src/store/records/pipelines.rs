//! Pipelines and their stages.

use prosaas_core::{Error, Result};

use super::rows::expect_changed;
use super::setup::{next_place, stage_in_use};
use super::{Record, any, at_version, moment, record_change};
use crate::auth::TenantScope;
use crate::model::deal::{DealStage, NewPipeline, Pipeline, PipelinePatch};
use crate::model::id::{DealStageId, PipelineId};
use crate::model::setup::{NewStage, StageKind, StagePatch};
use crate::store::CrmStore;
use crate::store::db::{Row, Sql, TenantTx, args};

const PIPELINES: Sql =
    Sql::both("SELECT * FROM pipelines WHERE tenant_id = $1 ORDER BY position, id LIMIT 1000");
const PIPELINE_SIZE: Sql = Sql::both(
    "SELECT count(*) AS items, coalesce(max(position), -1) AS last FROM pipelines WHERE tenant_id = $1",
);
const ADD_PIPELINE: Sql = Sql::both(
    "INSERT INTO pipelines (tenant_id, id, name, position, created_at, updated_at)
     VALUES ($1, $2, $3, $4, $5, $5)",
);
const UPDATE_PIPELINE: Sql = Sql::both(
    "UPDATE pipelines SET name = $4, position = $5, updated_at = $6, version = version + 1
     WHERE tenant_id = $1 AND id = $2 AND version = $3",
);
const PIPELINE_IS_USED: Sql =
    Sql::both("SELECT 1 FROM deals WHERE tenant_id = $1 AND pipeline_id = $2 LIMIT 1");
const DELETE_STAGES: Sql =
    Sql::both("DELETE FROM deal_stages WHERE tenant_id = $1 AND pipeline_id = $2");
const DELETE_PIPELINE: Sql =
    Sql::both("DELETE FROM pipelines WHERE tenant_id = $1 AND id = $2 AND version = $3");

const STAGES: Sql =
    Sql::both("SELECT * FROM deal_stages WHERE tenant_id = $1 ORDER BY position, id LIMIT 10000");
const STAGE_SIZE: Sql = Sql::both(
    "SELECT count(*) AS items, coalesce(max(position), -1) AS last FROM deal_stages
     WHERE tenant_id = $1 AND pipeline_id = (SELECT id FROM pipelines WHERE tenant_id = $1 AND id = $2)",
);
const ADD_STAGE: Sql = Sql::both(
    "INSERT INTO deal_stages (tenant_id, id, pipeline_id, name, kind, position, created_at, updated_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $7)",
);
const UPDATE_STAGE: Sql = Sql::both(
    "UPDATE deal_stages SET name = $4, kind = $5, position = $6, updated_at = $7, version = version + 1
     WHERE tenant_id = $1 AND id = $2 AND version = $3",
);
const STAGE_IS_USED: Sql =
    Sql::both("SELECT 1 FROM deals WHERE tenant_id = $1 AND stage_id = $2 LIMIT 1");
const DELETE_STAGE: Sql =
    Sql::both("DELETE FROM deal_stages WHERE tenant_id = $1 AND id = $2 AND version = $3");

/// The stages a new pipeline begins with.
const FIRST_STAGES: [(&str, StageKind); 3] = [
    ("new", StageKind::Open),
    ("won", StageKind::Won),
    ("lost", StageKind::Lost),
];

impl CrmStore {
    /// The pipelines in their order, each with its stages.
    pub async fn pipelines(&self, scope: &TenantScope) -> Result<Vec<Pipeline>> {
        let mut tx = self.read(scope).await?;
        let rows = tx.fetch_all(&PIPELINES, args![]).await?;
        let mut pipelines: Vec<_> = rows.iter().map(Pipeline::read).collect::<Result<_>>()?;
        let stages = stages(&mut tx).await?;
        for pipeline in &mut pipelines {
            pipeline.take_stages(&stages);
        }
        Ok(pipelines)
    }

    /// A pipeline with its stages.
    ///
    /// # Errors
    /// `NotFound` when the business has none such.
    pub async fn pipeline(&self, scope: &TenantScope, id: PipelineId) -> Result<Pipeline> {
        whole(&mut self.read(scope).await?, id).await
    }

    /// Adds a pipeline with its first stages.
    ///
    /// # Errors
    /// `Invalid`; `Conflict` `name-taken` or `too-many`.
    pub async fn add_pipeline(&self, scope: &TenantScope, new: NewPipeline) -> Result<Pipeline> {
        let new = new.checked()?;
        let mut tx = self.write(scope).await?;
        tx.lock_business().await?;
        let last = next_place(&mut tx, &PIPELINE_SIZE).await?;
        let now = self.now();
        let id = PipelineId::mint(now);
        let values = args![id.uuid(), new.name, new.position.unwrap_or(last), now];
        tx.execute(&ADD_PIPELINE, values).await?;
        for ((name, kind), position) in FIRST_STAGES.into_iter().zip(0_u32..) {
            let stage = DealStageId::mint(now).uuid();
            let values = args![stage, id.uuid(), name, kind.as_str(), position, now];
            tx.execute(&ADD_STAGE, values).await?;
        }
        let pipeline = whole(&mut tx, id).await?;
        record_change(&mut tx, "pipeline.created", &pipeline);
        tx.commit().await?;
        Ok(pipeline)
    }

    /// Changes a pipeline that is still at version `expected`.
    ///
    /// # Errors
    /// `Invalid`; `NotFound`; `Conflict` `version-conflict` or `name-taken`.
    pub async fn update_pipeline(
        &self,
        scope: &TenantScope,
        id: PipelineId,
        expected: u64,
        patch: PipelinePatch,
    ) -> Result<Pipeline> {
        let mut tx = self.write(scope).await?;
        let before: Pipeline = at_version(&mut tx, id, expected).await?;
        let (name, position) = patch.apply(before.name, before.position)?;
        let values = args![id.uuid(), expected, name, position, self.now()];
        expect_changed(tx.execute(&UPDATE_PIPELINE, values).await?)?;
        let pipeline = whole(&mut tx, id).await?;
        record_change(&mut tx, "pipeline.updated", &pipeline);
        tx.commit().await?;
        Ok(pipeline)
    }

    /// Removes a pipeline without deals, and its stages.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` `version-conflict` or `pipeline-in-use`.
    pub async fn delete_pipeline(
        &self,
        scope: &TenantScope,
        id: PipelineId,
        expected: u64,
    ) -> Result<()> {
        let mut tx = self.write(scope).await?;
        tx.lock_business().await?;
        let pipeline: Pipeline = at_version(&mut tx, id, expected).await?;
        let used = tx
            .fetch_optional(&PIPELINE_IS_USED, args![id.uuid()])
            .await?;
        if used.is_some() {
            return Err(Error::Conflict {
                what: "pipeline-in-use",
                detail: "deals are in it, or in the trash and were in it".to_owned(),
            });
        }
        tx.execute(&DELETE_STAGES, args![id.uuid()]).await?;
        self.remove(&mut tx, &DELETE_PIPELINE, &pipeline).await?;
        record_change(&mut tx, "pipeline.deleted", &pipeline);
        tx.commit().await
    }

    /// A stage of a pipeline.
    ///
    /// # Errors
    /// `NotFound` when the business has no such stage in this pipeline.
    pub async fn deal_stage(
        &self,
        scope: &TenantScope,
        (pipeline, id): (PipelineId, DealStageId),
    ) -> Result<DealStage> {
        let stage = self.find(scope, id).await?;
        of_pipeline(stage, pipeline)
    }

    /// Adds a stage to a pipeline.
    ///
    /// # Errors
    /// `Invalid`; `NotFound`; `Conflict` `name-taken` or `too-many`.
    pub async fn add_deal_stage(
        &self,
        scope: &TenantScope,
        pipeline: PipelineId,
        new: NewStage,
    ) -> Result<DealStage> {
        let new = new.checked()?;
        let mut tx = self.write(scope).await?;
        tx.lock_business().await?;
        any::<Pipeline>(&mut tx, pipeline).await?;
        let last = next_place_in(&mut tx, pipeline).await?;
        let now = self.now();
        let id = DealStageId::mint(now);
        let values = args![
            id.uuid(),
            pipeline.uuid(),
            new.name,
            new.kind.as_str(),
            new.position.unwrap_or(last),
            now,
        ];
        tx.execute(&ADD_STAGE, values).await?;
        let stage: DealStage = any(&mut tx, id).await?;
        record_change(&mut tx, "deal_stage.created", &stage);
        tx.commit().await?;
        Ok(stage)
    }

    /// Changes a stage that is still at version `expected`.
    ///
    /// # Errors
    /// `Invalid`; `NotFound`; `Conflict` `version-conflict` or `name-taken`.
    pub async fn update_deal_stage(
        &self,
        scope: &TenantScope,
        (pipeline, id): (PipelineId, DealStageId),
        expected: u64,
        patch: StagePatch,
    ) -> Result<DealStage> {
        let mut tx = self.write(scope).await?;
        let before: DealStage = at_version(&mut tx, id, expected).await?;
        let before = of_pipeline(before, pipeline)?;
        let (name, kind, position) = patch.apply(before.name, before.kind, before.position)?;
        let values = args![
            id.uuid(),
            expected,
            name,
            kind.as_str(),
            position,
            self.now()
        ];
        expect_changed(tx.execute(&UPDATE_STAGE, values).await?)?;
        let stage: DealStage = any(&mut tx, id).await?;
        record_change(&mut tx, "deal_stage.updated", &stage);
        tx.commit().await?;
        Ok(stage)
    }

    /// Removes a stage that no deal is in.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` `version-conflict`, or `stage-in-use`, also for the only one.
    pub async fn delete_deal_stage(
        &self,
        scope: &TenantScope,
        (pipeline, id): (PipelineId, DealStageId),
        expected: u64,
    ) -> Result<()> {
        let mut tx = self.write(scope).await?;
        tx.lock_business().await?;
        let stage: DealStage = at_version(&mut tx, id, expected).await?;
        let stage = of_pipeline(stage, pipeline)?;
        let used = tx.fetch_optional(&STAGE_IS_USED, args![id.uuid()]).await?;
        let size = tx
            .fetch_one(&STAGE_SIZE, args![pipeline.uuid()], "pipeline")
            .await?;
        if used.is_some() || size.get::<u32>("items")? < 2 {
            return Err(stage_in_use());
        }
        self.remove(&mut tx, &DELETE_STAGE, &stage).await?;
        record_change(&mut tx, "deal_stage.deleted", &stage);
        tx.commit().await
    }
}

impl Pipeline {
    fn take_stages(&mut self, all: &[DealStage]) {
        let own = all.iter().filter(|stage| stage.pipeline_id == self.id);
        self.stages = own.cloned().collect();
    }
}

async fn stages(tx: &mut TenantTx) -> Result<Vec<DealStage>> {
    let rows = tx.fetch_all(&STAGES, args![]).await?;
    rows.iter().map(DealStage::read).collect()
}

async fn whole(tx: &mut TenantTx, id: PipelineId) -> Result<Pipeline> {
    let mut pipeline: Pipeline = any(tx, id).await?;
    pipeline.take_stages(&stages(tx).await?);
    Ok(pipeline)
}

async fn next_place_in(tx: &mut TenantTx, pipeline: PipelineId) -> Result<u32> {
    let row = tx
        .fetch_one(&STAGE_SIZE, args![pipeline.uuid()], "pipeline")
        .await?;
    super::setup::place_behind(&row)
}

fn of_pipeline(stage: DealStage, pipeline: PipelineId) -> Result<DealStage> {
    if stage.pipeline_id == pipeline {
        return Ok(stage);
    }
    Err(Error::NotFound { what: "deal_stage" })
}

impl Record for Pipeline {
    type Id = PipelineId;
    const NAME: &'static str = "pipeline";
    const ONE: Sql = Sql::both("SELECT * FROM pipelines WHERE tenant_id = $1 AND id = $2");

    /// Without its stages, which have rows of their own.
    fn read(row: &Row) -> Result<Self> {
        Ok(Self {
            id: row.id("id")?,
            name: row.get("name")?,
            position: row.get("position")?,
            stages: Vec::new(),
            updated_at: moment(row, "updated_at")?,
            version: row.get("version")?,
        })
    }

    fn id(&self) -> PipelineId {
        self.id
    }

    fn version(&self) -> u64 {
        self.version
    }
}

impl Record for DealStage {
    type Id = DealStageId;
    const NAME: &'static str = "deal_stage";
    const ONE: Sql = Sql::both("SELECT * FROM deal_stages WHERE tenant_id = $1 AND id = $2");

    fn read(row: &Row) -> Result<Self> {
        Ok(Self {
            id: row.id("id")?,
            pipeline_id: row.id("pipeline_id")?,
            name: row.get("name")?,
            kind: row.parse("kind")?,
            position: row.get("position")?,
            updated_at: moment(row, "updated_at")?,
            version: row.get("version")?,
        })
    }

    fn id(&self) -> DealStageId {
        self.id
    }

    fn version(&self) -> u64 {
        self.version
    }
}
