//! Promises: what the agent said somebody will do, by when, and the second it was said.

use prosaas_core::{CallId, LeadId, Result, UnixMillis};
use serde::{Deserialize, Serialize};

use super::check;
use super::id::PromiseId;
use super::patch::{Patch, Replace, require_change};
use super::time::Time;
use super::words::words;

words! {
    /// What became of a promise.
    PromiseStatus, "status":
    /// It waits to be kept.
    Open = "open",
    /// It was kept.
    Kept = "kept",
    /// Its time passed and it was not.
    Broken = "broken",
    /// It was none, or does not matter any more.
    Dropped = "dropped",
}

/// A promise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "axum", derive(utoipa::ToSchema))]
pub struct Promise {
    /// Its id.
    pub id: PromiseId,
    /// The call it was made in.
    pub call_id: CallId,
    /// To whom.
    pub lead_id: Option<LeadId>,
    /// What will be done.
    pub what: String,
    /// By whom, as it was said.
    pub who: String,
    /// By when.
    pub due_at: Option<Time>,
    /// The moment within the call, in milliseconds from its beginning.
    pub said_at_ms: u64,
    /// What became of it.
    pub status: PromiseStatus,
    /// When it was noted.
    pub created_at: Time,
    /// When it was changed last.
    pub updated_at: Time,
    /// Its version, for `If-Match`.
    pub version: u64,
}

impl Promise {
    /// Whether it waits to be kept by this time.
    pub fn is_open_for(&self, due: UnixMillis) -> bool {
        self.status == PromiseStatus::Open && self.due_at.map(Time::millis) == Some(due)
    }
}

/// A promise as it was found in a call.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "axum", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "axum", schema(example = json!({ "call_id": "call_0197e4c2a0007000800000000000a0b1", "what": "Call back with a price", "said_at_ms": 73_500 })))]
#[serde(deny_unknown_fields)]
pub struct NewPromise {
    /// The call it was made in.
    pub call_id: CallId,
    /// What will be done.
    #[cfg_attr(
        feature = "axum",
        schema(min_length = 1, max_length = 1_000, pattern = r"\S")
    )]
    pub what: String,
    /// By whom, as it was said.
    #[serde(default)]
    #[cfg_attr(feature = "axum", schema(max_length = 200))]
    pub who: Option<String>,
    /// By when.
    #[serde(default)]
    pub due_at: Option<Time>,
    /// The moment within the call, in milliseconds from its beginning.
    #[cfg_attr(feature = "axum", schema(maximum = 86_400_000))]
    pub said_at_ms: u64,
}

/// The longest promise, in characters.
const MAX_WHAT: usize = 1_000;

impl NewPromise {
    /// The input, cleaned.
    ///
    /// # Errors
    /// `Invalid` names the field.
    pub fn checked(mut self) -> Result<Self> {
        self.what = check::text("what", &self.what, MAX_WHAT)?;
        self.who = check::optional("who", self.who.as_deref(), check::MAX_NAME)?;
        check::within("said_at_ms", self.said_at_ms, 0, 86_400_000)?;
        Ok(self)
    }
}

/// What changes about a promise: people correct what was heard, and say what became of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "axum", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "axum", schema(example = json!({ "status": "kept" })))]
#[serde(deny_unknown_fields, default)]
pub struct PromisePatch {
    /// What will be done.
    pub what: Replace<String>,
    /// By whom.
    pub who: Patch<String>,
    /// By when.
    pub due_at: Patch<Time>,
    /// What became of it.
    pub status: Replace<PromiseStatus>,
}

impl PromisePatch {
    /// The promise after the patch.
    ///
    /// # Errors
    /// `Invalid` names the field, or says that nothing changes.
    pub fn apply(self, promise: Promise) -> Result<Promise> {
        require_change(&[
            self.what.is_change(),
            self.who.is_change(),
            self.due_at.is_change(),
            self.status.is_change(),
        ])?;
        let who = self.who.apply(Some(promise.who)).unwrap_or_default();
        Ok(Promise {
            what: check::text("what", &self.what.apply(promise.what), MAX_WHAT)?,
            who: check::optional("who", Some(&who), check::MAX_NAME)?.unwrap_or_default(),
            due_at: self.due_at.apply(promise.due_at),
            status: self.status.apply(promise.status),
            ..promise
        })
    }
}

/// Which promises are listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "axum", derive(utoipa::IntoParams))]
#[cfg_attr(feature = "axum", into_params(parameter_in = Query))]
#[serde(deny_unknown_fields)]
pub struct PromiseFilter {
    /// With this status.
    pub status: Option<PromiseStatus>,
    /// Made to a lead.
    pub lead_id: Option<LeadId>,
    /// Made in a call.
    pub call_id: Option<CallId>,
    /// Due before this moment.
    pub due_before: Option<Time>,
}
