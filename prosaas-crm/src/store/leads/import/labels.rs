//! Stages and tags by the names that a file gives them. Neither is made by a file: one that is not there
//! is somebody's typing error, or another program's word.

use std::collections::BTreeMap;

use prosaas_core::Result;
use uuid::Uuid;

use crate::model::id::{StageId, TagId};
use crate::model::import::{ImportResult, ImportRow, RowError};
use crate::model::lead::NewLead;
use crate::search::normalise;
use crate::store::db::{Sql, TenantTx, args};

const STAGE_UNKNOWN: &str = "stage-unknown";
const TAG_UNKNOWN: &str = "tag-unknown";

// Neither is removed before the leads that name them are there.
const STAGES: Sql = Sql::split(
    "SELECT id, name FROM stages WHERE tenant_id = $1 ORDER BY position, id",
    "SELECT id, name FROM stages WHERE tenant_id = $1 ORDER BY position, id FOR KEY SHARE",
);
const TAGS: Sql = Sql::split(
    "SELECT id, name FROM tags WHERE tenant_id = $1 ORDER BY name, id",
    "SELECT id, name FROM tags WHERE tenant_id = $1 ORDER BY name, id FOR KEY SHARE",
);

/// What the rows of a part may be called.
#[derive(Debug, Default)]
pub(super) struct Labels {
    stages: Names,
    tags: Names,
}

/// The stage and the tags of a row.
pub(super) type Label = (Option<StageId>, Vec<TagId>);

impl Labels {
    /// Those of the business, when a row names any.
    pub(super) async fn of(tx: &mut TenantTx, rows: &[ImportRow]) -> Result<Self> {
        let mut labels = Self::default();
        if rows.iter().any(|row| row.stage.is_some()) {
            labels.stages = Names::read(tx, &STAGES).await?;
        }
        if rows.iter().any(|row| !row.tags.is_empty()) {
            labels.tags = Names::read(tx, &TAGS).await?;
        }
        Ok(labels)
    }

    /// What a row's names mean.
    ///
    /// # Errors
    /// `stage-unknown` and `tag-unknown`, and `too-many-tags` for more than a lead may have.
    pub(super) fn label(&self, row: &ImportRow) -> std::result::Result<Label, RowError> {
        let error = |code| RowError {
            line: row.line,
            code,
        };
        let stage = match &row.stage {
            Some(name) => Some(self.stages.find(name).ok_or_else(|| error(STAGE_UNKNOWN))?),
            None => None,
        };
        let mut tags: Vec<TagId> = Vec::with_capacity(row.tags.len());
        for name in &row.tags {
            let tag = self.tags.find(name).ok_or_else(|| error(TAG_UNKNOWN))?;
            let tag = TagId::from_uuid(tag);
            if !tags.contains(&tag) {
                tags.push(tag);
            }
        }
        if tags.len() > NewLead::MAX_TAGS {
            return Err(error("too-many-tags"));
        }
        Ok((stage.map(StageId::from_uuid), tags))
    }

    /// Notes beside the errors which names there are.
    pub(super) fn explain(&self, errors: &[RowError], result: &mut ImportResult) {
        for (code, names) in [(STAGE_UNKNOWN, &self.stages), (TAG_UNKNOWN, &self.tags)] {
            if errors.iter().any(|error| error.code == code) {
                let known = names.shown.iter().take(ImportResult::MAX_KNOWN);
                let known = known.cloned().collect();
                result.known.insert(code.to_owned(), known);
            }
        }
    }
}

/// Names with the ids they stand for.
#[derive(Debug, Default)]
struct Names {
    shown: Vec<String>,
    /// As they are compared: written exactly so, and as search reads them.
    ids: BTreeMap<String, Uuid>,
}

impl Names {
    async fn read(tx: &mut TenantTx, sql: &Sql) -> Result<Self> {
        let mut names = Self::default();
        for row in tx.fetch_all(sql, args![]).await? {
            names.add(row.get("name")?, row.get("id")?);
        }
        Ok(names)
    }

    fn add(&mut self, name: String, id: Uuid) {
        // The first of two that read alike has the reading; each has its own spelling.
        self.ids.entry(normalise(&name)).or_insert(id);
        self.ids.insert(spelt(&name), id);
        self.shown.push(name);
    }

    fn find(&self, name: &str) -> Option<Uuid> {
        let by_spelling = self.ids.get(&spelt(name));
        by_spelling
            .or_else(|| self.ids.get(&normalise(name)))
            .copied()
    }
}

/// A key that no reading has: readings hold no `=`.
fn spelt(name: &str) -> String {
    format!("={name}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_known_by_its_spelling_before_its_reading() {
        let mut names = Names::default();
        let ids = [1, 2, 3].map(Uuid::from_u128);
        for (name, id) in ["VIP", "vip", "לקוח חם"].into_iter().zip(ids) {
            names.add(name.to_owned(), id);
        }
        for (name, id) in [
            ("VIP", Some(ids[0])),
            ("vip", Some(ids[1])),
            ("Vip", Some(ids[0])),
            ("לָקוֹחַ חַם", Some(ids[2])),
            ("", None),
            ("cold", None),
        ] {
            assert_eq!(names.find(name), id, "{name}");
        }
    }
}
