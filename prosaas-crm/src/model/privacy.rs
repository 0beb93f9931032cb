//! People's requests about their data, and what remembers an erasure without remembering the person.

use prosaas_core::{LeadId, Result, TenantId, UnixMillis};
use serde::{Deserialize, Serialize};

use super::check;
use super::id::{BatchJobId, SubjectRequestId};
use super::time::Time;
use super::words::words;

words! {
    /// What a person asks for.
    SubjectRequestKind, "kind":
    /// To see what is kept about him.
    Access = "access",
    /// That it is removed.
    Erasure = "erasure",
    /// That it is put right.
    Correction = "correction",
}

words! {
    /// How far a request has come.
    SubjectRequestStatus, "status":
    /// Nobody has begun.
    Open = "open",
    /// Somebody is at it.
    InProgress = "in_progress",
    /// It was done.
    Done = "done",
    /// It was refused; the note says why.
    Refused = "refused",
}

/// A person's request about his data.
///
/// When the person is erased, what says who he was is emptied: that there was a request, when it came and
/// who handled it stays.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "axum", derive(utoipa::ToSchema))]
pub struct SubjectRequest {
    /// Its id.
    pub id: SubjectRequestId,
    /// What the person asks for.
    pub kind: SubjectRequestKind,
    /// How far it has come.
    pub status: SubjectRequestStatus,
    /// The lead that is this person, once known.
    pub lead_id: Option<LeadId>,
    /// Who asks, in the words of whoever took the request.
    pub subject: String,
    /// Where the person is answered.
    pub contact: String,
    /// What else there is to say.
    pub note: String,
    /// When it came.
    pub received_at: Time,
    /// Until when it has to be answered.
    pub due_at: Time,
    /// The export or erasure that was begun for it.
    pub job_id: Option<BatchJobId>,
    /// The kind of actor who ended it.
    pub handled_kind: Option<String>,
    /// Who ended it, where the kind has ids.
    pub handled_id: Option<String>,
    /// When it was ended.
    pub handled_at: Option<Time>,
    /// When it was written down.
    pub created_at: Time,
    /// When it was changed last.
    pub updated_at: Time,
    /// Its version, for `If-Match`.
    pub version: u64,
}

impl SubjectRequest {
    /// How long there is to answer, when nobody says otherwise: a month, as the GDPR has it.
    pub const DAYS_TO_ANSWER: i64 = 30;
}

/// A request as it is written down.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "axum", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "axum", schema(example = json!({ "kind": "access", "subject": "Dana, by phone" })))]
#[serde(deny_unknown_fields)]
pub struct NewSubjectRequest {
    /// What the person asks for.
    pub kind: SubjectRequestKind,
    /// The lead that is this person, if known.
    #[serde(default)]
    pub lead_id: Option<LeadId>,
    /// Who asks.
    #[cfg_attr(
        feature = "axum",
        schema(min_length = 1, max_length = 200, pattern = r"\S")
    )]
    pub subject: String,
    /// Where the person is answered.
    #[serde(default)]
    #[cfg_attr(feature = "axum", schema(max_length = 200))]
    pub contact: String,
    /// What else there is to say.
    #[serde(default)]
    #[cfg_attr(feature = "axum", schema(max_length = 10_000))]
    pub note: String,
    /// Until when it has to be answered; 30 days from now when not said.
    #[serde(default)]
    pub due_at: Option<Time>,
}

impl NewSubjectRequest {
    /// The request with its texts cleaned.
    ///
    /// # Errors
    /// `Invalid`.
    pub fn checked(mut self) -> Result<Self> {
        self.subject = check::line("subject", &self.subject, check::MAX_NAME)?;
        self.contact =
            check::optional("contact", Some(&self.contact), check::MAX_NAME)?.unwrap_or_default();
        self.note = check::optional("note", Some(&self.note), check::MAX_TEXT)?.unwrap_or_default();
        Ok(self)
    }
}

/// What changes about a request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "axum", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "axum", schema(example = json!({ "status": "done" })))]
#[serde(deny_unknown_fields, default)]
pub struct SubjectRequestPatch {
    /// How far it has come.
    pub status: Option<SubjectRequestStatus>,
    /// The lead that is this person.
    pub lead_id: Option<LeadId>,
    /// What else there is to say.
    #[cfg_attr(feature = "axum", schema(max_length = 10_000))]
    pub note: Option<String>,
    /// Until when it has to be answered.
    pub due_at: Option<Time>,
}

/// Everything about one person as a file, for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PersonExport {
    /// The batch job that made it.
    pub id: BatchJobId,
    /// How long the file is.
    pub bytes: u64,
    /// When it was made.
    pub created_at: UnixMillis,
    /// Until when it can be downloaded.
    pub expires_at: UnixMillis,
}

impl PersonExport {
    /// How long it can be downloaded, in milliseconds: a week.
    pub const KEPT_MS: i64 = 7 * 24 * 3600 * 1000;
}

/// A keyed hash of something that was erased, and when: what a restored backup has to forget again.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Tombstone {
    /// The business.
    pub tenant: TenantId,
    /// The hash; without the key it cannot be tried against all phone numbers.
    pub hash: [u8; 32],
    /// When it was erased: what has come since is new and stays.
    pub erased_at: UnixMillis,
}
