//! What may be done in a business: one word a right, the same for roles and for API keys.

use std::fmt;
use std::str::FromStr;

use prosaas_core::Error;

use super::role::Role;

macro_rules! permissions {
    ($($(#[$doc:meta])* $name:ident = $word:literal from $role:ident,)+) => {
        /// A right within one business. The word is also the scope of an API key.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Permission {
            $($(#[$doc])* $name,)+
        }

        impl Permission {
            /// Every right.
            pub const ALL: [Self; [$($word),+].len()] = [$(Self::$name),+];

            /// The word stored and sent, such as `leads:read`.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $word,)+ }
            }

            /// The least role that has it.
            pub const fn least_role(self) -> Role {
                match self { $(Self::$name => Role::$role,)+ }
            }
        }
    };
}

permissions! {
    /// See leads with their identities, notes, tags, timeline and consents; search.
    LeadsRead = "leads:read" from Viewer,
    /// Create and change leads, notes, identities, consents; soft-delete and restore them.
    LeadsWrite = "leads:write" from Agent,
    /// Merge leads, change many at once, import.
    LeadsManage = "leads:manage" from Manager,
    /// Export leads as a file.
    LeadsExport = "leads:export" from Manager,
    /// Remove for good.
    LeadsPurge = "leads:purge" from Owner,
    /// See tasks and appointments.
    TasksRead = "tasks:read" from Viewer,
    /// Create, change and remove tasks and appointments.
    TasksWrite = "tasks:write" from Agent,
    /// See deals and pipelines.
    DealsRead = "deals:read" from Viewer,
    /// Create, change and remove deals.
    DealsWrite = "deals:write" from Agent,
    /// See payments.
    PaymentsRead = "payments:read" from Agent,
    /// Ask for payments and record them.
    PaymentsWrite = "payments:write" from Manager,
    /// See calls, transcripts, summaries and promises, hear recordings.
    CallsRead = "calls:read" from Viewer,
    /// Mark promises kept; say that a missed caller was answered, or why not; delete recordings.
    CallsWrite = "calls:write" from Agent,
    /// See conversations and messages.
    ConversationsRead = "conversations:read" from Viewer,
    /// Write messages, take conversations over.
    ConversationsWrite = "conversations:write" from Agent,
    /// See the business's settings, members, stages, tags and custom fields.
    BusinessRead = "business:read" from Viewer,
    /// Change knowledge, hours, block list, stages, tags, custom fields, pipelines.
    BusinessManage = "business:manage" from Manager,
    /// Change name, numbers, voice profile, recording, retention.
    BusinessWrite = "business:write" from Owner,
    /// Invite, change and remove members.
    UsersWrite = "users:write" from Owner,
    /// Make and revoke API keys; set the business's own secrets; webhooks.
    KeysWrite = "keys:write" from Owner,
    /// Read the audit log.
    AuditRead = "audit:read" from Owner,
    /// See and keep the list of people's requests about their data.
    PrivacyRead = "privacy:read" from Manager,
    /// Export everything about a person, or erase it.
    PrivacyWrite = "privacy:write" from Owner,
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Permission {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self, Error> {
        Self::ALL
            .into_iter()
            .find(|permission| permission.as_str() == text)
            .ok_or_else(|| Error::invalid("scope", "expected a permission such as `leads:read`"))
    }
}

/// A set of rights.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Permissions(u64);

impl Permissions {
    /// Every right.
    pub fn all() -> Self {
        Permission::ALL.into_iter().collect()
    }

    /// Whether the right is in the set.
    pub const fn contains(self, permission: Permission) -> bool {
        self.0 & (1 << permission as u32) != 0
    }

    /// The set without a right.
    #[must_use]
    pub const fn without(self, permission: Permission) -> Self {
        Self(self.0 & !(1 << permission as u32))
    }

    /// What is in both sets.
    #[must_use]
    pub const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// The rights in the set, in the order of [`Permission::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Permission> {
        Permission::ALL
            .into_iter()
            .filter(move |permission| self.contains(*permission))
    }
}

impl FromIterator<Permission> for Permissions {
    fn from_iter<I: IntoIterator<Item = Permission>>(permissions: I) -> Self {
        let bits = permissions
            .into_iter()
            .fold(0, |bits, permission| bits | 1 << permission as u32);
        Self(bits)
    }
}

impl fmt::Debug for Permissions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set()
            .entries(self.iter().map(Permission::as_str))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_holds_what_was_put_in() {
        let set: Permissions = [Permission::LeadsRead, Permission::AuditRead]
            .into_iter()
            .collect();
        assert!(set.contains(Permission::AuditRead));
        assert!(!set.contains(Permission::LeadsWrite));
        assert!(
            !set.without(Permission::AuditRead)
                .contains(Permission::AuditRead)
        );
        assert_eq!(set.intersection(Permissions::all()), set);
        assert_eq!(Permissions::all().iter().count(), Permission::ALL.len());
    }

    #[test]
    fn words_parse_back() {
        for permission in Permission::ALL {
            assert_eq!(
                permission.as_str().parse::<Permission>().unwrap(),
                permission
            );
        }
        assert!("leads:everything".parse::<Permission>().is_err());
    }
}
