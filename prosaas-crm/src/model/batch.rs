//! Long work that somebody asked for and watches: how far it has come.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::id::BatchJobId;
use super::time::Time;
use super::words::words;
use crate::auth::Permission;

words! {
    /// What kind of work it is.
    BatchKind, "kind":
    /// A change of many leads.
    LeadsBulk = "leads.bulk",
    /// Leads are brought in from a file.
    LeadsImport = "leads.import",
    /// The leads of an import are thrown away.
    LeadsImportUndo = "leads.import_undo",
    /// The trash of every kind is emptied.
    TrashEmptied = "trash.emptied",
    /// Leads are compared with each other.
    LeadDuplicates = "leads.duplicates",
    /// Everything about one person is put into an archive.
    PersonExport = "person.export",
    /// Everything about one person is removed.
    PersonErasure = "person.erasure",
}

impl BatchKind {
    /// The right that is needed to ask for it, to watch it and to stop it.
    pub const fn permission(self) -> Permission {
        match self {
            Self::LeadsBulk | Self::LeadsImport | Self::LeadsImportUndo | Self::LeadDuplicates => {
                Permission::LeadsManage
            }
            Self::TrashEmptied => Permission::LeadsPurge,
            Self::PersonExport | Self::PersonErasure => Permission::PrivacyWrite,
        }
    }

    /// The most errors that are kept: the first tell enough. Of a file people mend row by row.
    pub const fn max_errors(self) -> usize {
        match self {
            Self::LeadsImport => 1_000,
            _ => BatchJob::MAX_LISTED_ERRORS,
        }
    }
}

words! {
    /// How far a batch job has come.
    BatchState, "state":
    /// It waits for its turn.
    Queued = "queued",
    /// It runs.
    Running = "running",
    /// It is over. Some of its items may have failed: `failed` and `errors` say so.
    Done = "done",
    /// It could not go on. What is done stays done.
    Failed = "failed",
    /// Somebody stopped it. What is done stays done.
    Cancelled = "cancelled",
}

impl BatchState {
    /// Whether nothing more happens.
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Done | Self::Failed | Self::Cancelled)
    }
}

/// An item that failed. Holds nothing of its content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "axum", derive(utoipa::ToSchema))]
pub struct BatchError {
    /// Which item: its id, or the number of its row. Empty when it is about the whole.
    pub item: String,
    /// A stable word, such as `not-found` or `identity-taken`.
    pub code: String,
}

/// A batch job: long work with progress.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "axum", derive(utoipa::ToSchema))]
pub struct BatchJob {
    /// Its id.
    pub id: BatchJobId,
    /// What kind of work it is.
    pub kind: BatchKind,
    /// How far it has come.
    pub state: BatchState,
    /// How many items there are; `null` until they were counted.
    pub total: Option<u64>,
    /// How many were done.
    pub done: u64,
    /// How many failed.
    pub failed: u64,
    /// The first of those that failed: 100 at most, of an import 1,000 where it is shown alone.
    pub errors: Vec<BatchError>,
    /// What came of it; depends on the kind.
    #[cfg_attr(feature = "axum", schema(value_type = Object))]
    pub result: Value,
    /// The kind of actor who asked for it.
    pub actor_kind: String,
    /// Who asked for it, where the kind has ids.
    pub actor_id: Option<String>,
    /// When it was asked for.
    pub created_at: Time,
    /// When it last came further.
    pub updated_at: Time,
    /// When it was over.
    pub ended_at: Option<Time>,
    /// Grows with every change.
    pub version: u64,
}

impl BatchJob {
    /// The most errors that a job shows in a list.
    pub const MAX_LISTED_ERRORS: usize = 100;
}
