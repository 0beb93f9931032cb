//! Imports of leads from a file.

use prosaas_core::{LeadDraft, UnixMillis};
use serde::{Deserialize, Serialize};

use super::id::ImportId;
use super::identity::NewIdentity;

/// A row of a file, ready to become a lead.
#[derive(Clone, Debug)]
pub struct ImportRow {
    /// The line of the file on which it begins.
    pub line: u64,
    /// What is known about the person.
    pub known: LeadDraft,
    /// How the person is recognised.
    pub identities: Vec<NewIdentity>,
}

/// Why a row was not imported. Holds no content of the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "axum", derive(utoipa::ToSchema))]
pub struct RowError {
    /// The line of the file on which the row begins.
    pub line: u64,
    /// A stable word, such as `phone-invalid` or `duplicate`.
    pub code: String,
}

/// An import, running or over.
#[derive(Clone, Debug, PartialEq)]
pub struct Import {
    /// Its id.
    pub id: ImportId,
    /// Whether it only tries.
    pub dry_run: bool,
    /// `running`, `done`, `failed` or `undone`.
    pub state: String,
    /// The rows read.
    pub rows: u64,
    /// The leads created, or those that would have been.
    pub created: u64,
    /// The rows that were not imported.
    pub failed: u64,
    /// The first of them, [`Import::MAX_ERRORS`] at most.
    pub errors: Vec<RowError>,
    /// When it began.
    pub created_at: UnixMillis,
    /// Grows with every change.
    pub version: u64,
}

impl Import {
    /// The most errors that are kept; of a million the first tell enough.
    pub const MAX_ERRORS: usize = 1_000;
}
