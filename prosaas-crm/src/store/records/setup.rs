//! Stages, tags and fields of a business's own.

use prosaas_core::{Error, Result};
use serde_json::json;

use super::rows::expect_changed;
use super::{Record, any, at_version, moment, record_change, time};
use crate::auth::TenantScope;
use crate::model::custom_field::{CustomField, CustomFieldPatch, NewCustomField};
use crate::model::id::{CustomFieldId, StageId, TagId};
use crate::model::setup::{MAX_ITEMS, NewStage, NewTag, Stage, StagePatch, Tag, TagPatch};
use crate::model::time::Time;
use crate::store::CrmStore;
use crate::store::db::{Json, Row, Sql, TenantTx, args};

const STAGES: Sql =
    Sql::both("SELECT * FROM stages WHERE tenant_id = $1 ORDER BY position, id LIMIT 1000");
const STAGE_SIZE: Sql = Sql::both(
    "SELECT count(*) AS items, coalesce(max(position), -1) AS last FROM stages WHERE tenant_id = $1",
);
const ADD_STAGE: Sql = Sql::both(
    "INSERT INTO stages (tenant_id, id, name, kind, position, created_at, updated_at)
     VALUES ($1, $2, $3, $4, $5, $6, $6)",
);
const UPDATE_STAGE: Sql = Sql::both(
    "UPDATE stages SET name = $4, kind = $5, position = $6, updated_at = $7, version = version + 1
     WHERE tenant_id = $1 AND id = $2 AND version = $3",
);
// Those in the trash count: they come back to the stage they were in.
const STAGE_IS_USED: Sql =
    Sql::both("SELECT 1 FROM leads WHERE tenant_id = $1 AND stage_id = $2 LIMIT 1");
const DELETE_STAGE: Sql =
    Sql::both("DELETE FROM stages WHERE tenant_id = $1 AND id = $2 AND version = $3");

const TAGS: Sql = Sql::both("SELECT * FROM tags WHERE tenant_id = $1 ORDER BY name, id LIMIT 1000");
const TAG_SIZE: Sql =
    Sql::both("SELECT count(*) AS items, 0 AS last FROM tags WHERE tenant_id = $1");
const ADD_TAG: Sql = Sql::both(
    "INSERT INTO tags (tenant_id, id, name, color, created_at, updated_at)
     VALUES ($1, $2, $3, $4, $5, $5)",
);
const UPDATE_TAG: Sql = Sql::both(
    "UPDATE tags SET name = $4, color = $5, updated_at = $6, version = version + 1
     WHERE tenant_id = $1 AND id = $2 AND version = $3",
);
const UNTAG: Sql = Sql::both("DELETE FROM lead_tags WHERE tenant_id = $1 AND tag_id = $2");
const DELETE_TAG: Sql =
    Sql::both("DELETE FROM tags WHERE tenant_id = $1 AND id = $2 AND version = $3");

const FIELDS: Sql =
    Sql::both("SELECT * FROM custom_fields WHERE tenant_id = $1 ORDER BY position, id LIMIT 1000");
const FIELD_SIZE: Sql = Sql::both(
    "SELECT count(*) AS items, coalesce(max(position), -1) AS last FROM custom_fields
     WHERE tenant_id = $1",
);
const ADD_FIELD: Sql = Sql::both(
    "INSERT INTO custom_fields (tenant_id, id, key, label, kind, choices, position, created_at, updated_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8)",
);
const UPDATE_FIELD: Sql = Sql::both(
    "UPDATE custom_fields
     SET label = $4, choices = $5, position = $6, archived_at = $7, updated_at = $8, version = version + 1
     WHERE tenant_id = $1 AND id = $2 AND version = $3",
);
const DELETE_FIELD: Sql =
    Sql::both("DELETE FROM custom_fields WHERE tenant_id = $1 AND id = $2 AND version = $3");

/// The place behind the last item of a list that has room for one more.
///
/// # Errors
/// `Conflict` `too-many` when it has none.
pub(super) async fn next_place(tx: &mut TenantTx, size: &Sql) -> Result<u32> {
    place_behind(&tx.fetch_one(size, args![], "business").await?)
}

/// The place behind the last item, from a row of how many there are and which place is the last.
pub(super) fn place_behind(row: &Row) -> Result<u32> {
    if row.get::<usize>("items")? >= MAX_ITEMS {
        return Err(Error::Conflict {
            what: "too-many",
            detail: format!("there are {MAX_ITEMS} already"),
        });
    }
    let last: i64 = row.get("last")?;
    Ok(u32::try_from(last + 1).unwrap_or_default())
}

impl CrmStore {
    /// The stages in their order.
    pub async fn stages(&self, scope: &TenantScope) -> Result<Vec<Stage>> {
        let rows = self.look(scope).await?.fetch_all(&STAGES, args![]).await?;
        rows.iter().map(Stage::read).collect()
    }

    /// A stage.
    ///
    /// # Errors
    /// `NotFound` when the business has none such.
    pub async fn stage(&self, scope: &TenantScope, id: StageId) -> Result<Stage> {
        self.find(scope, id).await
    }

    /// Adds a stage.
    ///
    /// # Errors
    /// `Invalid`; `Conflict` `name-taken` or `too-many`.
    pub async fn add_stage(&self, scope: &TenantScope, new: NewStage) -> Result<Stage> {
        let new = new.checked()?;
        let mut tx = self.write(scope).await?;
        tx.lock_business().await?;
        let last = next_place(&mut tx, &STAGE_SIZE).await?;
        let now = self.now();
        let id = StageId::mint(now);
        let position = new.position.unwrap_or(last);
        let values = args![id.uuid(), new.name, new.kind.as_str(), position, now];
        tx.execute(&ADD_STAGE, values).await?;
        let stage: Stage = any(&mut tx, id).await?;
        record_change(&mut tx, "stage.created", &stage);
        tx.commit().await?;
        Ok(stage)
    }

    /// Changes a stage that is still at version `expected`.
    ///
    /// # Errors
    /// `Invalid`; `NotFound`; `Conflict` `version-conflict` or `name-taken`.
    pub async fn update_stage(
        &self,
        scope: &TenantScope,
        id: StageId,
        expected: u64,
        patch: StagePatch,
    ) -> Result<Stage> {
        let mut tx = self.write(scope).await?;
        let stage: Stage = at_version(&mut tx, id, expected).await?;
        let (name, kind, position) = patch.apply(stage.name, stage.kind, stage.position)?;
        let values = args![
            id.uuid(),
            expected,
            name,
            kind.as_str(),
            position,
            self.now()
        ];
        expect_changed(tx.execute(&UPDATE_STAGE, values).await?)?;
        let stage: Stage = any(&mut tx, id).await?;
        record_change(&mut tx, "stage.updated", &stage);
        tx.commit().await?;
        Ok(stage)
    }

    /// Removes a stage that no lead is in.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` `version-conflict`, or `stage-in-use`, also for the only one.
    pub async fn delete_stage(
        &self,
        scope: &TenantScope,
        id: StageId,
        expected: u64,
    ) -> Result<()> {
        let mut tx = self.write(scope).await?;
        tx.lock_business().await?;
        let stage: Stage = at_version(&mut tx, id, expected).await?;
        let used = tx.fetch_optional(&STAGE_IS_USED, args![id.uuid()]).await?;
        let size = tx.fetch_one(&STAGE_SIZE, args![], "business").await?;
        if used.is_some() || size.get::<u32>("items")? < 2 {
            return Err(stage_in_use());
        }
        self.remove(&mut tx, &DELETE_STAGE, &stage).await?;
        record_change(&mut tx, "stage.deleted", &stage);
        tx.commit().await
    }

    /// The tags by name.
    pub async fn tags(&self, scope: &TenantScope) -> Result<Vec<Tag>> {
        let rows = self.look(scope).await?.fetch_all(&TAGS, args![]).await?;
        rows.iter().map(Tag::read).collect()
    }

    /// A tag.
    ///
    /// # Errors
    /// `NotFound` when the business has none such.
    pub async fn tag(&self, scope: &TenantScope, id: TagId) -> Result<Tag> {
        self.find(scope, id).await
    }

    /// Adds a tag.
    ///
    /// # Errors
    /// `Invalid`; `Conflict` `name-taken` or `too-many`.
    pub async fn add_tag(&self, scope: &TenantScope, new: NewTag) -> Result<Tag> {
        let new = new.checked()?;
        let mut tx = self.write(scope).await?;
        tx.lock_business().await?;
        next_place(&mut tx, &TAG_SIZE).await?;
        let now = self.now();
        let id = TagId::mint(now);
        let values = args![id.uuid(), new.name, new.color, now];
        tx.execute(&ADD_TAG, values).await?;
        let tag: Tag = any(&mut tx, id).await?;
        record_change(&mut tx, "tag.created", &tag);
        tx.commit().await?;
        Ok(tag)
    }

    /// Changes a tag that is still at version `expected`.
    ///
    /// # Errors
    /// `Invalid`; `NotFound`; `Conflict` `version-conflict` or `name-taken`.
    pub async fn update_tag(
        &self,
        scope: &TenantScope,
        id: TagId,
        expected: u64,
        patch: TagPatch,
    ) -> Result<Tag> {
        let mut tx = self.write(scope).await?;
        let tag: Tag = at_version(&mut tx, id, expected).await?;
        let changed = patch.apply(&tag)?;
        let values = args![id.uuid(), expected, changed.name, changed.color, self.now()];
        expect_changed(tx.execute(&UPDATE_TAG, values).await?)?;
        let tag: Tag = any(&mut tx, id).await?;
        record_change(&mut tx, "tag.updated", &tag);
        tx.commit().await?;
        Ok(tag)
    }

    /// Removes a tag, also from the leads that have it.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` `version-conflict`.
    pub async fn delete_tag(&self, scope: &TenantScope, id: TagId, expected: u64) -> Result<()> {
        let mut tx = self.write(scope).await?;
        let tag: Tag = at_version(&mut tx, id, expected).await?;
        tx.execute(&UNTAG, args![id.uuid()]).await?;
        self.remove(&mut tx, &DELETE_TAG, &tag).await?;
        record_change(&mut tx, "tag.deleted", &tag);
        tx.commit().await
    }

    /// The business's own fields in their order, those put away among them.
    pub async fn custom_fields(&self, scope: &TenantScope) -> Result<Vec<CustomField>> {
        all_custom_fields(&mut self.read(scope).await?).await
    }

    /// A field.
    ///
    /// # Errors
    /// `NotFound` when the business has none such.
    pub async fn custom_field(
        &self,
        scope: &TenantScope,
        id: CustomFieldId,
    ) -> Result<CustomField> {
        self.find(scope, id).await
    }

    /// Adds a field.
    ///
    /// # Errors
    /// `Invalid`; `Conflict` `key-taken` or `too-many`.
    pub async fn add_custom_field(
        &self,
        scope: &TenantScope,
        new: NewCustomField,
    ) -> Result<CustomField> {
        let new = new.checked()?;
        let mut tx = self.write(scope).await?;
        tx.lock_business().await?;
        let last = next_place(&mut tx, &FIELD_SIZE).await?;
        let now = self.now();
        let id = CustomFieldId::mint(now);
        let values = args![
            id.uuid(),
            new.key,
            new.label,
            new.kind.as_str(),
            Json(json!(new.choices)),
            new.position.unwrap_or(last),
            now,
        ];
        tx.execute(&ADD_FIELD, values).await?;
        let field: CustomField = any(&mut tx, id).await?;
        record_change(&mut tx, "custom_field.created", &field);
        tx.commit().await?;
        Ok(field)
    }

    /// Changes a field that is still at version `expected`.
    ///
    /// # Errors
    /// `Invalid`; `NotFound`; `Conflict` `version-conflict`.
    pub async fn update_custom_field(
        &self,
        scope: &TenantScope,
        id: CustomFieldId,
        expected: u64,
        patch: CustomFieldPatch,
    ) -> Result<CustomField> {
        let mut tx = self.write(scope).await?;
        let before: CustomField = at_version(&mut tx, id, expected).await?;
        let now = self.now();
        let archived_at = match patch.archived.0 {
            None => before.archived_at,
            Some(false) => None,
            Some(true) => before.archived_at.or(Some(now.into())),
        };
        let after = patch.apply(before)?;
        let values = args![
            id.uuid(),
            expected,
            after.label,
            Json(json!(after.choices)),
            after.position,
            archived_at.map(Time::millis),
            now,
        ];
        expect_changed(tx.execute(&UPDATE_FIELD, values).await?)?;
        let field: CustomField = any(&mut tx, id).await?;
        record_change(&mut tx, "custom_field.updated", &field);
        tx.commit().await?;
        Ok(field)
    }

    /// Removes a field's definition. Values that leads have of it are not shown any more.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` `version-conflict`.
    pub async fn delete_custom_field(
        &self,
        scope: &TenantScope,
        id: CustomFieldId,
        expected: u64,
    ) -> Result<()> {
        let mut tx = self.write(scope).await?;
        let field: CustomField = at_version(&mut tx, id, expected).await?;
        self.remove(&mut tx, &DELETE_FIELD, &field).await?;
        record_change(&mut tx, "custom_field.deleted", &field);
        tx.commit().await
    }
}

pub(super) fn stage_in_use() -> Error {
    Error::Conflict {
        what: "stage-in-use",
        detail: "something is in it, or it is the only one".to_owned(),
    }
}

impl Record for Stage {
    type Id = StageId;
    const NAME: &'static str = "stage";
    const ONE: Sql = Sql::both("SELECT * FROM stages WHERE tenant_id = $1 AND id = $2");

    fn read(row: &Row) -> Result<Self> {
        Ok(Self {
            id: row.id("id")?,
            name: row.get("name")?,
            kind: row.parse("kind")?,
            position: row.get("position")?,
            updated_at: moment(row, "updated_at")?,
            version: row.get("version")?,
        })
    }

    fn id(&self) -> StageId {
        self.id
    }

    fn version(&self) -> u64 {
        self.version
    }
}

impl Record for Tag {
    type Id = TagId;
    const NAME: &'static str = "tag";
    const ONE: Sql = Sql::both("SELECT * FROM tags WHERE tenant_id = $1 AND id = $2");

    fn read(row: &Row) -> Result<Self> {
        Ok(Self {
            id: row.id("id")?,
            name: row.get("name")?,
            color: row.get("color")?,
            updated_at: moment(row, "updated_at")?,
            version: row.get("version")?,
        })
    }

    fn id(&self) -> TagId {
        self.id
    }

    fn version(&self) -> u64 {
        self.version
    }
}

/// [`CrmStore::custom_fields`], within a transaction.
pub(in crate::store) async fn all_custom_fields(tx: &mut TenantTx) -> Result<Vec<CustomField>> {
    let rows = tx.fetch_all(&FIELDS, args![]).await?;
    rows.iter().map(CustomField::read).collect()
}

impl Record for CustomField {
    type Id = CustomFieldId;
    const NAME: &'static str = "custom_field";
    const ONE: Sql = Sql::both("SELECT * FROM custom_fields WHERE tenant_id = $1 AND id = $2");

    fn read(row: &Row) -> Result<Self> {
        Ok(Self {
            id: row.id("id")?,
            key: row.get("key")?,
            label: row.get("label")?,
            kind: row.parse("kind")?,
            choices: row.json("choices")?,
            position: row.get("position")?,
            archived_at: time(row, "archived_at")?,
            updated_at: moment(row, "updated_at")?,
            version: row.get("version")?,
        })
    }

    fn id(&self) -> CustomFieldId {
        self.id
    }

    fn version(&self) -> u64 {
        self.version
    }
}
