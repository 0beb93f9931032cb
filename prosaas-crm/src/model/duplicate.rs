//! Leads that may be one person.

use prosaas_core::{LeadId, UnixMillis};

use super::lead::Lead;
use super::words::words;

words! {
    /// Why two leads may be one person.
    DuplicateReason, "reason":
    /// They have one phone number.
    Phone = "phone",
    /// They have one e-mail address.
    Email = "email",
    /// Their names are nearly the same, and the last seven digits of their numbers are.
    Name = "name",
}

/// Two leads, the older one first.
pub type LeadPair = (LeadId, LeadId);

/// Two leads that may be one person.
#[derive(Clone, Debug, PartialEq)]
pub struct Duplicates {
    /// The older one.
    pub lead: Lead,
    /// The newer one.
    pub other: Lead,
    /// Why.
    pub reason: DuplicateReason,
    /// When they were found.
    pub found_at: UnixMillis,
}
