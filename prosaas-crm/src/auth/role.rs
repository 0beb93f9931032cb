//! The roles of a member of a business, and what each may do.

use std::fmt;
use std::str::FromStr;

use prosaas_core::Error;
use serde::{Deserialize, Serialize};

use super::permission::{Permission, Permissions};

/// The role of a member within one business. `system_admin` is not among them: he belongs to the
/// installation and has no rights in a business but by an acting session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "axum", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Reads.
    Viewer,
    /// Works with leads, tasks, appointments and conversations.
    Agent,
    /// Runs the daily business: also imports, exports, bulk changes and the set-up of the CRM.
    Manager,
    /// Everything of his business: members, keys, secrets, erasure.
    Owner,
}

impl Role {
    /// Every role, the least first.
    pub const ALL: [Self; 4] = [Self::Viewer, Self::Agent, Self::Manager, Self::Owner];

    /// The word stored and sent.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Agent => "agent",
            Self::Manager => "manager",
            Self::Owner => "owner",
        }
    }

    /// What the role may do: each role everything the one below it may.
    pub fn permissions(self) -> Permissions {
        Permission::ALL
            .into_iter()
            .filter(|permission| permission.least_role() <= self)
            .collect()
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Role {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self, Error> {
        Self::ALL
            .into_iter()
            .find(|role| role.as_str() == text)
            .ok_or_else(|| {
                Error::invalid("role", "expected `owner`, `manager`, `agent` or `viewer`")
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_role_may_what_the_one_below_it_may() {
        for pair in Role::ALL.windows(2) {
            let (lower, higher) = (pair[0].permissions(), pair[1].permissions());
            assert!(lower.iter().all(|permission| higher.contains(permission)));
            assert!(lower != higher, "{} and {} are the same", pair[0], pair[1]);
        }
        assert_eq!(Role::Owner.permissions(), Permissions::all());
    }

    #[test]
    fn roles_parse_back() {
        for role in Role::ALL {
            assert_eq!(role.as_str().parse::<Role>().unwrap(), role);
        }
        assert!("system_admin".parse::<Role>().is_err());
    }
}
