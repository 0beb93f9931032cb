//! Notes on a lead.

use prosaas_core::{LeadId, Result};
use serde::{Deserialize, Serialize};

use super::check;
use super::id::NoteId;
use super::time::Time;

/// A note.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "axum", derive(utoipa::ToSchema))]
pub struct Note {
    /// Its id.
    pub id: NoteId,
    /// The lead it is on.
    pub lead_id: LeadId,
    /// What it says.
    pub body: String,
    /// The kind of actor who wrote it, such as `user` or `agent`.
    pub author_kind: String,
    /// Who wrote it, where the kind has ids.
    pub author_id: Option<String>,
    /// When it was written.
    pub created_at: Time,
    /// When it was changed last.
    pub updated_at: Time,
    /// When it was thrown away.
    pub deleted_at: Option<Time>,
    /// Its version, for `If-Match`.
    pub version: u64,
}

/// A note as it is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "axum", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "axum", schema(example = json!({ "lead_id": "lead_0197e4c2a0007000800000000000a0b1", "body": "Prefers mornings" })))]
#[serde(deny_unknown_fields)]
pub struct NewNote {
    /// The lead it is on.
    pub lead_id: LeadId,
    /// What it says.
    #[cfg_attr(
        feature = "axum",
        schema(min_length = 1, max_length = 10_000, pattern = r"\S")
    )]
    pub body: String,
}

/// What changes about a note.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "axum", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "axum", schema(example = json!({ "body": "Prefers evenings" })))]
#[serde(deny_unknown_fields)]
pub struct NotePatch {
    /// What it says.
    #[cfg_attr(
        feature = "axum",
        schema(min_length = 1, max_length = 10_000, pattern = r"\S")
    )]
    pub body: String,
}

/// The text of a note, cleaned.
///
/// # Errors
/// `Invalid` when it is empty or too long.
pub fn check_body(body: &str) -> Result<String> {
    check::text("body", body, check::MAX_TEXT)
}

/// Which notes are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "axum", derive(utoipa::IntoParams))]
#[cfg_attr(feature = "axum", into_params(parameter_in = Query))]
#[serde(deny_unknown_fields)]
pub struct NoteFilter {
    /// Those on this lead.
    pub lead_id: LeadId,
    /// The ones in the trash, rather than the others.
    pub deleted: Option<bool>,
}
