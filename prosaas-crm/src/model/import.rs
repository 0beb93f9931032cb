//! Imports of leads from a file.
//!
//! An import is a batch job ([`super::batch::BatchKind::LeadsImport`]): its progress, its errors and what came
//! of it stand there.

use std::collections::BTreeMap;

use prosaas_core::{LeadDraft, UnixMillis};
use serde::{Deserialize, Serialize};

use super::identity::NewIdentity;
use super::phone::{PhoneRegion, parse_phone};

/// A row of a file as it was written, with the columns that mean something here.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FileRow {
    /// The line of the file on which it begins, from 1.
    pub line: u64,
    /// Whether a cell holds what is no text in any encoding; then the cells are left out.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_garbled: bool,
    /// The whole name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The phone number, as somebody typed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// The e-mail address, as somebody typed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// What the person wants.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub intent: Option<String>,
    /// Free text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notes: Option<String>,
    /// The name of its stage.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stage: Option<String>,
    /// The names of its tags.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
}

/// Says only where it stands: the rest is somebody's data.
impl std::fmt::Debug for FileRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "FileRow(line {})", self.line)
    }
}

impl FileRow {
    /// The row as a person.
    ///
    /// # Errors
    /// Why it is none; holds nothing of the row.
    pub fn person(self, region: PhoneRegion) -> Result<ImportRow, RowError> {
        let line = self.line;
        self.read(region).map_err(|code| RowError { line, code })
    }

    fn read(self, region: PhoneRegion) -> Result<ImportRow, &'static str> {
        if self.is_garbled {
            return Err("encoding-invalid");
        }
        let mut identities = Vec::new();
        if let Some(text) = &self.phone {
            let number = parse_phone(text, region).map_err(|_| "phone-invalid")?;
            identities.push(NewIdentity::phone(&number));
        }
        if let Some(text) = &self.email {
            identities.push(NewIdentity::email(text).map_err(|_| "email-invalid")?);
        }
        if self.name.is_none() && identities.is_empty() {
            return Err("nobody");
        }
        let known = LeadDraft {
            name: self.name,
            intent: self.intent,
            notes: self.notes,
            ..LeadDraft::default()
        };
        Ok(ImportRow {
            line: self.line,
            known: known.cleaned(),
            identities,
            stage: self.stage,
            tags: self.tags,
        })
    }
}

/// A row of a file, ready to become a lead.
#[derive(Clone, Debug)]
pub struct ImportRow {
    /// The line of the file on which it begins.
    pub line: u64,
    /// What is known about the person.
    pub known: LeadDraft,
    /// How the person is recognised.
    pub identities: Vec<NewIdentity>,
    /// The name of the stage in which the lead begins; the first one when not said.
    pub stage: Option<String>,
    /// The names of its tags.
    pub tags: Vec<String>,
}

/// Why a row was not imported. Holds no content of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowError {
    /// The line of the file on which the row begins.
    pub line: u64,
    /// A stable word, such as `phone-invalid`, `stage-unknown` or `duplicate`.
    pub code: &'static str,
}

/// What came of an import, as its batch job shows it in `result`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ImportResult {
    /// Whether it only tried: `done` then counts the leads that would have been created.
    pub dry_run: bool,
    /// How many rows were left out, by the reason.
    pub reasons: BTreeMap<String, u64>,
    /// Where rows named a stage or a tag that is not there: the names that are, by the reason.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub known: BTreeMap<String, Vec<String>>,
    /// How long it took until every lead was there, in milliseconds since it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub imported_ms: Option<i64>,
    /// How long it took until every lead was found by search, in milliseconds since it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub searchable_ms: Option<i64>,
    /// The batch job that takes it back, once somebody asked for that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub undone_by: Option<super::id::BatchJobId>,
}

impl ImportResult {
    /// The most names that it tells of a kind.
    pub(crate) const MAX_KNOWN: usize = 100;

    /// The time since it was asked for.
    pub(crate) fn since(begun: UnixMillis, now: UnixMillis) -> i64 {
        now.since(begun).max(0)
    }
}
