//! Calls as the console lists them.

use prosaas_core::{CallDirection, CallEnd, Language, LeadDraft, LeadId, UnixMillis};

use super::call::StoredCall;
use super::email::EmailAddress;
use super::promise::NewPromise;
use super::words::words;

words! {
    /// Who took a call.
    AnsweredBy, "answered_by":
    /// The agent.
    Agent = "agent",
    /// Somebody of the business.
    Person = "person",
    /// Nobody; the caller could leave a message.
    Voicemail = "voicemail",
    /// Nobody: the caller hung up before anybody spoke with him.
    Nobody = "nobody",
    /// Nobody: the caller was turned away.
    Rejected = "rejected",
}

impl AnsweredBy {
    /// Whether the caller wanted something and nobody heard it.
    pub const fn is_missed(self) -> bool {
        matches!(self, Self::Voicemail | Self::Nobody)
    }
}

/// A call with what was found out about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallEntry {
    /// The call.
    pub call: StoredCall,
    /// Who took it, once it is over.
    pub answered_by: Option<AnsweredBy>,
    /// What it was about.
    pub summary: Option<String>,
    /// What the caller wanted.
    pub intent: Option<String>,
    /// Whether somebody should see to it now.
    pub urgent: bool,
    /// When it was summed up.
    pub summarized_at: Option<UnixMillis>,
    /// Which announcement the caller heard.
    pub announcement_version: Option<u32>,
}

/// Which calls a list holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CallFilter {
    /// Only these.
    pub direction: Option<CallDirection>,
    /// Only those that ended so.
    pub end: Option<CallEnd>,
    /// Only those that were taken so.
    pub answered_by: Option<AnsweredBy>,
    /// Only those that are urgent, or are not.
    pub urgent: Option<bool>,
    /// Only this lead's.
    pub lead: Option<LeadId>,
    /// Only those that began at this time or later.
    pub from: Option<UnixMillis>,
    /// Only those that began before this time.
    pub until: Option<UnixMillis>,
}

/// What was found out about a call after it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallFindings {
    /// What is new about the lead; its summary and intent are the call's own.
    pub lead: LeadDraft,
    /// Whether somebody should see to it now.
    pub urgent: bool,
    /// What the agent said somebody will do.
    pub promises: Vec<NewPromise>,
    /// What the caller asked for, and by when.
    pub tasks: Vec<(String, Option<UnixMillis>)>,
}

/// Somebody a mail goes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipient {
    /// His address.
    pub email: EmailAddress,
    /// His language.
    pub language: Language,
}
