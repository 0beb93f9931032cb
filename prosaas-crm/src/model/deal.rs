//! Deals, and the pipelines they go through.

use prosaas_core::{LeadId, Result};
use serde::{Deserialize, Serialize};

use super::check;
use super::id::{DealId, DealStageId, PipelineId, UserId};
use super::money::Money;
use super::patch::{Patch, Replace, require_change};
use super::setup::{StageKind, check_name, check_position};
use super::time::Time;

/// A pipeline with its stages in order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "axum", derive(utoipa::ToSchema))]
pub struct Pipeline {
    /// Its id.
    pub id: PipelineId,
    /// Its name.
    pub name: String,
    /// Its place among the pipelines.
    pub position: u32,
    /// Its stages.
    pub stages: Vec<DealStage>,
    /// When it was changed last.
    pub updated_at: Time,
    /// Its version, for `If-Match`.
    pub version: u64,
}

/// A stage of a pipeline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "axum", derive(utoipa::ToSchema))]
pub struct DealStage {
    /// Its id.
    pub id: DealStageId,
    /// The pipeline.
    pub pipeline_id: PipelineId,
    /// Its name.
    pub name: String,
    /// What it means.
    pub kind: StageKind,
    /// Its place among the stages.
    pub position: u32,
    /// When it was changed last.
    pub updated_at: Time,
    /// Its version, for `If-Match`.
    pub version: u64,
}

/// A pipeline as it is asked for; it begins with stages for `new`, `won` and `lost`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "axum", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "axum", schema(example = json!({ "name": "Sales" })))]
#[serde(deny_unknown_fields)]
pub struct NewPipeline {
    /// Its name.
    #[cfg_attr(
        feature = "axum",
        schema(min_length = 1, max_length = 200, pattern = r"\S")
    )]
    pub name: String,
    /// Its place among the pipelines; behind the last one when not said.
    #[serde(default)]
    #[cfg_attr(feature = "axum", schema(maximum = 100_000))]
    pub position: Option<u32>,
}

/// What changes about a pipeline.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "axum", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "axum", schema(example = json!({ "name": "New sales" })))]
#[serde(deny_unknown_fields, default)]
pub struct PipelinePatch {
    /// Its name.
    pub name: Replace<String>,
    /// Its place among the pipelines.
    pub position: Replace<u32>,
}

impl NewPipeline {
    /// The input, cleaned.
    ///
    /// # Errors
    /// `Invalid` names the field.
    pub fn checked(mut self) -> Result<Self> {
        self.name = check_name(&self.name)?;
        self.position.map(check_position).transpose()?;
        Ok(self)
    }
}

impl PipelinePatch {
    /// Name and position after the patch.
    ///
    /// # Errors
    /// `Invalid` names the field, or says that nothing changes.
    pub fn apply(self, name: String, position: u32) -> Result<(String, u32)> {
        require_change(&[self.name.is_change(), self.position.is_change()])?;
        let name = check_name(&self.name.apply(name))?;
        Ok((name, check_position(self.position.apply(position))?))
    }
}

/// A deal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "axum", derive(utoipa::ToSchema))]
pub struct Deal {
    /// Its id.
    pub id: DealId,
    /// With whom.
    pub lead_id: LeadId,
    /// The pipeline it is in.
    pub pipeline_id: PipelineId,
    /// Where in it.
    pub stage_id: DealStageId,
    /// Who works on it.
    pub assignee_id: Option<UserId>,
    /// What it is, in a line.
    pub title: String,
    /// What it is worth.
    pub value: Money,
    /// When it is expected to close.
    pub expected_close_at: Option<Time>,
    /// When it reached a stage of won or lost.
    pub closed_at: Option<Time>,
    /// When it was written down.
    pub created_at: Time,
    /// When it was changed last.
    pub updated_at: Time,
    /// When it was thrown away.
    pub deleted_at: Option<Time>,
    /// Its version, for `If-Match`.
    pub version: u64,
}

/// A deal as it is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "axum", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "axum", schema(example = json!({ "lead_id": "lead_0197e4c2a0007000800000000000a0b1", "stage_id": "dstage_0197e4c2a0007000800000000000a0b1", "title": "Kitchen", "value": { "amount": 450_000, "currency": "ILS" } })))]
#[serde(deny_unknown_fields)]
pub struct NewDeal {
    /// With whom.
    pub lead_id: LeadId,
    /// Where it begins; the pipeline is the stage's.
    pub stage_id: DealStageId,
    /// Who works on it.
    #[serde(default)]
    pub assignee_id: Option<UserId>,
    /// What it is, in a line.
    #[cfg_attr(
        feature = "axum",
        schema(min_length = 1, max_length = 200, pattern = r"\S")
    )]
    pub title: String,
    /// What it is worth.
    pub value: Money,
    /// When it is expected to close.
    #[serde(default)]
    pub expected_close_at: Option<Time>,
}

impl NewDeal {
    /// The input, cleaned.
    ///
    /// # Errors
    /// `Invalid` names the field.
    pub fn checked(mut self) -> Result<Self> {
        self.title = check::line("title", &self.title, check::MAX_NAME)?;
        self.value = self.value.checked()?;
        Ok(self)
    }
}

/// What changes about a deal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "axum", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "axum", schema(example = json!({ "title": "Kitchen and bath" })))]
#[serde(deny_unknown_fields, default)]
pub struct DealPatch {
    /// Where it is; the pipeline is the stage's.
    pub stage_id: Replace<DealStageId>,
    /// Who works on it.
    pub assignee_id: Patch<UserId>,
    /// What it is, in a line.
    pub title: Replace<String>,
    /// What it is worth.
    pub value: Replace<Money>,
    /// When it is expected to close.
    pub expected_close_at: Patch<Time>,
}

impl DealPatch {
    /// The deal after the patch. Its pipeline and its times of change are the store's to set.
    ///
    /// # Errors
    /// `Invalid` names the field, or says that nothing changes.
    pub fn apply(self, deal: Deal) -> Result<Deal> {
        require_change(&[
            self.stage_id.is_change(),
            self.assignee_id.is_change(),
            self.title.is_change(),
            self.value.is_change(),
            self.expected_close_at.is_change(),
        ])?;
        Ok(Deal {
            stage_id: self.stage_id.apply(deal.stage_id),
            assignee_id: self.assignee_id.apply(deal.assignee_id),
            title: check::line("title", &self.title.apply(deal.title), check::MAX_NAME)?,
            value: self.value.apply(deal.value).checked()?,
            expected_close_at: self.expected_close_at.apply(deal.expected_close_at),
            ..deal
        })
    }
}

/// Which deals are listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "axum", derive(utoipa::IntoParams))]
#[cfg_attr(feature = "axum", into_params(parameter_in = Query))]
#[serde(deny_unknown_fields)]
pub struct DealFilter {
    /// Of a pipeline.
    pub pipeline_id: Option<PipelineId>,
    /// At a stage.
    pub stage_id: Option<DealStageId>,
    /// Somebody's.
    pub assignee_id: Option<UserId>,
    /// With a lead.
    pub lead_id: Option<LeadId>,
    /// The ones in the trash, rather than the others.
    pub deleted: Option<bool>,
}
