//! Changing many leads at once.

use prosaas_core::{Error, LeadId, Result};
use serde::{Deserialize, Serialize};

use super::id::{BatchJobId, StageId, TagId, UserId};
use super::lead_list::{Assigned, LeadFilter};

/// What is done with each of the leads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "axum", derive(utoipa::ToSchema))]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum BulkAction {
    /// A member looks after it; `null` means nobody.
    Assign {
        /// The member.
        assignee_id: Option<UserId>,
    },
    /// It goes to another stage.
    Move {
        /// The stage.
        stage_id: StageId,
    },
    /// It gets a tag.
    AddTag {
        /// The tag.
        tag_id: TagId,
    },
    /// It loses a tag.
    RemoveTag {
        /// The tag.
        tag_id: TagId,
    },
    /// It goes to the trash. The whole can be taken back.
    Delete {},
    /// It comes back out of the trash.
    Restore {},
    /// It is removed from the trash for good, with everything that belongs to it.
    Purge {},
}

impl BulkAction {
    /// The word stored and sent.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Assign { .. } => "assign",
            Self::Move { .. } => "move",
            Self::AddTag { .. } => "add_tag",
            Self::RemoveTag { .. } => "remove_tag",
            Self::Delete {} => "delete",
            Self::Restore {} => "restore",
            Self::Purge {} => "purge",
        }
    }

    /// Whether it is about leads in the trash.
    pub const fn is_on_trash(&self) -> bool {
        matches!(self, Self::Restore {} | Self::Purge {})
    }
}

/// The leads that a list would show. What is not said does not matter; in the trash, tags and words are
/// not looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "axum", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, default)]
pub struct BulkFilter {
    /// In this stage.
    pub stage_id: Option<StageId>,
    /// With this tag.
    pub tag_id: Option<TagId>,
    /// Looked after by this member, or with `none` by nobody.
    pub assignee_id: Option<String>,
    /// Come from there, such as `call`.
    pub source: Option<String>,
    /// Found by these words, 200 leads at most.
    #[cfg_attr(feature = "axum", schema(max_length = 200))]
    pub q: Option<String>,
}

impl BulkFilter {
    /// The filter without its words.
    ///
    /// # Errors
    /// `Invalid` when a part cannot be read.
    pub fn parse(&self) -> Result<LeadFilter> {
        let assigned = match self.assignee_id.as_deref() {
            None => None,
            Some("none") => Some(Assigned::Nobody),
            Some(id) => {
                let expected = "expected the id of a member, or `none`";
                let id = id
                    .parse()
                    .map_err(|_| Error::invalid("assignee_id", expected))?;
                Some(Assigned::To(id))
            }
        };
        Ok(LeadFilter {
            stage: self.stage_id,
            tag: self.tag_id,
            assigned,
            source: self.source.as_deref().map(str::parse).transpose()?,
            query: None,
        })
    }
}

/// Which leads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum BulkSelection {
    /// These.
    Ids {
        /// Their ids, [`BulkSelection::MAX_IDS`] at most.
        leads: Vec<LeadId>,
    },
    /// Those that a filter passes when the work comes to them.
    Filter {
        /// The filter, without words.
        filter: BulkFilter,
        /// How many there were when it was asked for: with another number nothing is done.
        expected: Option<u64>,
    },
    /// Those that a bulk change threw away.
    DeletedBy {
        /// The change.
        batch: BatchJobId,
    },
}

impl BulkSelection {
    /// The most ids of one request.
    pub const MAX_IDS: usize = 1_000;
}

/// A bulk change, as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BulkChange {
    /// Which leads.
    pub select: BulkSelection,
    /// What is done with each.
    pub action: BulkAction,
}
