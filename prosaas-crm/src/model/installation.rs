//! Businesses as the installation's administrators see them: who they are, not what they store.

use prosaas_core::{E164, Language, Result, TenantId, UnixMillis};

use super::check;
use super::patch::{Replace, require_change};
use super::user::NewUser;
use super::words::words;

/// The most numbers that a business is created or restored with.
pub const MAX_NUMBERS: usize = 50;

words! {
    /// Whether a business works.
    BusinessStatus, "status":
    /// It does.
    Active = "active",
    /// Nobody can work in it and its calls are not answered; its numbers stay its own.
    Suspended = "suspended",
    /// It was removed and can be restored; its numbers are free for others.
    Deleted = "deleted",
}

/// A business of the installation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstalledBusiness {
    /// Which.
    pub id: TenantId,
    /// The name callers know.
    pub name: String,
    /// Its first language.
    pub language: Language,
    /// Whether it works.
    pub status: BusinessStatus,
    /// Its phone numbers; of a removed one, those it had.
    pub numbers: Vec<E164>,
    /// How many members it has, invited ones included.
    pub members: u32,
    /// When it was created.
    pub created_at: UnixMillis,
    /// When it was changed last.
    pub updated_at: UnixMillis,
    /// When it was removed.
    pub deleted_at: Option<UnixMillis>,
    /// Its version.
    pub version: u64,
}

/// A business to be created.
#[derive(Clone, Debug)]
pub struct NewBusiness {
    /// The name callers know.
    pub name: String,
    /// Its first language.
    pub language: Language,
    /// Its phone numbers.
    pub numbers: Vec<E164>,
    /// Who is invited as its first owner.
    pub owner: Option<NewUser>,
}

impl NewBusiness {
    /// Checks what was given.
    ///
    /// # Errors
    /// `Invalid` names the field.
    pub fn new(
        name: &str,
        language: Language,
        numbers: Vec<E164>,
        owner: Option<NewUser>,
    ) -> Result<Self> {
        Ok(Self {
            name: check::line("name", name, check::MAX_NAME)?,
            language,
            numbers: checked_numbers(numbers)?,
            owner,
        })
    }
}

/// Numbers of a list, each once.
///
/// # Errors
/// `Invalid` when there are too many.
pub fn checked_numbers(mut numbers: Vec<E164>) -> Result<Vec<E164>> {
    check::at_most("numbers", &numbers, MAX_NUMBERS)?;
    numbers.sort_by(|a, b| a.expose().cmp(b.expose()));
    numbers.dedup();
    Ok(numbers)
}

/// What an administrator changes about a business.
#[derive(Clone, Debug, Default)]
pub struct InstalledBusinessPatch {
    /// The name.
    pub name: Replace<String>,
    /// Suspended, or active again.
    pub suspended: Replace<bool>,
}

impl InstalledBusinessPatch {
    /// The name and status after the patch.
    ///
    /// # Errors
    /// `Invalid` names the field, or says that nothing changes.
    pub fn apply(self, before: &InstalledBusiness) -> Result<(String, BusinessStatus)> {
        require_change(&[self.name.is_change(), self.suspended.is_change()])?;
        let name = self.name.apply(before.name.clone());
        let was_suspended = before.status == BusinessStatus::Suspended;
        let status = if self.suspended.apply(was_suspended) {
            BusinessStatus::Suspended
        } else {
            BusinessStatus::Active
        };
        Ok((check::line("name", &name, check::MAX_NAME)?, status))
    }
}
