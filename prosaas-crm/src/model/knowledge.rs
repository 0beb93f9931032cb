//! What a business's agent may look up: the owner's short texts, and questions with their answers.

use prosaas_core::{Error, Result};
use serde::{Deserialize, Serialize};

use super::check;
use super::id::KnowledgeId;
use super::patch::{Replace, require_change};
use super::time::Time;
use super::words::words;

/// The longest entry, in characters: what an agent can say from in one breath.
pub const MAX_BODY: usize = 4_000;

/// The most characters of all entries of a business together.
pub const MAX_TOTAL: u64 = 400_000;

/// The most entries of a business.
pub const MAX_ENTRIES: u64 = 500;

words! {
    /// What an entry is.
    KnowledgeKind, "kind":
    /// A text under a title.
    Text = "text",
    /// A question, its title, with its answer.
    Question = "question",
}

/// An entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "axum", derive(utoipa::ToSchema))]
pub struct Knowledge {
    /// Its id, which an answer cites.
    pub id: KnowledgeId,
    /// What it is.
    pub kind: KnowledgeKind,
    /// Its title, or the question.
    pub title: String,
    /// The text, or the answer.
    pub body: String,
    /// When it was written.
    pub created_at: Time,
    /// When it was changed last.
    pub updated_at: Time,
    /// When it was thrown away.
    pub deleted_at: Option<Time>,
    /// Its version, for `If-Match`.
    pub version: u64,
}

/// An entry as it is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "axum", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "axum", schema(example = json!({ "kind": "question", "title": "Where can I park?", "body": "Behind the house." })))]
#[serde(deny_unknown_fields)]
pub struct NewKnowledge {
    /// What it is.
    pub kind: KnowledgeKind,
    /// Its title, or the question.
    #[cfg_attr(
        feature = "axum",
        schema(min_length = 1, max_length = 200, pattern = r"\S")
    )]
    pub title: String,
    /// The text, or the answer.
    #[cfg_attr(
        feature = "axum",
        schema(min_length = 1, max_length = 4_000, pattern = r"\S")
    )]
    pub body: String,
}

impl NewKnowledge {
    /// The input, cleaned.
    ///
    /// # Errors
    /// `Invalid` names the field.
    pub fn checked(mut self) -> Result<Self> {
        self.title = check::line("title", &self.title, check::MAX_NAME)?;
        self.body = check::text("body", &self.body, MAX_BODY)?;
        Ok(self)
    }
}

/// What changes about an entry.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "axum", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "axum", schema(example = json!({ "body": "In front of the house." })))]
#[serde(deny_unknown_fields, default)]
pub struct KnowledgePatch {
    /// What it is.
    pub kind: Replace<KnowledgeKind>,
    /// Its title, or the question.
    pub title: Replace<String>,
    /// The text, or the answer.
    pub body: Replace<String>,
}

impl KnowledgePatch {
    /// The entry after the patch.
    ///
    /// # Errors
    /// `Invalid` names the field, or says that nothing changes.
    pub fn apply(self, entry: &Knowledge) -> Result<NewKnowledge> {
        require_change(&[
            self.kind.is_change(),
            self.title.is_change(),
            self.body.is_change(),
        ])?;
        let kind = self.kind.apply(entry.kind);
        let title = self.title.apply(entry.title.clone());
        let body = self.body.apply(entry.body.clone());
        NewKnowledge { kind, title, body }.checked()
    }
}

/// Passes an addition that keeps a business's knowledge within its size.
///
/// # Errors
/// `Conflict` `knowledge-full`.
pub fn check_room(entries: u64, characters: u64) -> Result<()> {
    if entries <= MAX_ENTRIES && characters <= MAX_TOTAL {
        return Ok(());
    }
    Err(Error::Conflict {
        what: "knowledge-full",
        detail: format!("at most {MAX_ENTRIES} entries with {MAX_TOTAL} characters together"),
    })
}

/// Which entries are listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "axum", derive(utoipa::IntoParams))]
#[cfg_attr(feature = "axum", into_params(parameter_in = Query))]
#[serde(deny_unknown_fields)]
pub struct KnowledgeFilter {
    /// The ones in the trash, rather than the others.
    pub deleted: Option<bool>,
}
