//! May this member be removed, deactivated or given another role? And who may lose the installation's
//! administration?
//!
//! The store asks here inside its transaction, after it took the business's lock, for a single change,
//! for each of many, for the API and for the command line alike: there is no second place that decides.

use prosaas_core::{Error, Result};

use crate::auth::Role;
use crate::model::id::UserId;

/// What is to become of a membership.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MembershipChange {
    /// Another role.
    Role(Role),
    /// May not sign in to this business until made active again.
    Suspend,
    /// May sign in again.
    Activate,
    /// No longer a member.
    Remove,
}

/// A member as the decision sees him.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member {
    /// Who.
    pub user: UserId,
    /// His role.
    pub role: Role,
    /// Whether he may sign in.
    pub active: bool,
}

impl Member {
    const fn is_active_owner(&self) -> bool {
        self.active && matches!(self.role, Role::Owner)
    }
}

/// What the decision depends on, read under the business's lock.
#[derive(Clone, Copy, Debug)]
pub struct MembershipFacts {
    /// The user who asks, if a user does; the command line is none.
    pub asked_by: Option<UserId>,
    /// The member to be changed.
    pub target: Member,
    /// How many active owners the business has, the target among them if he is one.
    pub active_owners: u64,
    /// How many records the target holds.
    pub records: u64,
    /// The active member named to take them.
    pub reassign_to: Option<UserId>,
}

/// Passes a change that may be made.
///
/// # Errors
/// `Conflict` with a stable code: `self-removal-forbidden`, `sole-owner`, `reassignment-required`.
pub fn decide_membership(facts: &MembershipFacts, change: MembershipChange) -> Result<()> {
    let weakens = match change {
        MembershipChange::Role(role) => role < facts.target.role,
        MembershipChange::Suspend | MembershipChange::Remove => true,
        MembershipChange::Activate => false,
    };
    if weakens && facts.asked_by == Some(facts.target.user) {
        return Err(self_removal());
    }
    let loses_an_owner = weakens && facts.target.is_active_owner();
    if loses_an_owner && facts.active_owners <= 1 {
        return Err(conflict(
            "sole-owner",
            "a business keeps at least one active owner",
        ));
    }
    if change == MembershipChange::Remove {
        require_heir(facts)?;
    }
    Ok(())
}

fn require_heir(facts: &MembershipFacts) -> Result<()> {
    match facts.reassign_to {
        Some(heir) if heir == facts.target.user => Err(Error::invalid(
            "reassign_to",
            "expected another active member of the business",
        )),
        None if facts.records > 0 => {
            let detail = format!("{} records need somebody to take them", facts.records);
            Err(conflict("reassignment-required", &detail))
        }
        _ => Ok(()),
    }
}

/// What is to become of an account of the installation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountChange {
    /// No longer a `system_admin`.
    DropAdmin,
    /// May not sign in anywhere.
    Suspend,
    /// Gone, with all memberships.
    Remove,
}

/// What the decision about an account depends on, read under the installation's lock.
#[derive(Clone, Copy, Debug)]
pub struct AccountFacts {
    /// The `system_admin` who asks; the command line is none.
    pub asked_by: Option<UserId>,
    /// The account to be changed.
    pub target: UserId,
    /// Whether the target is an active `system_admin`.
    pub is_active_admin: bool,
    /// How many active ones there are, the target among them if he is one.
    pub active_admins: u64,
}

/// Passes a change that may be made to an account.
///
/// # Errors
/// `Conflict` with a stable code: `self-removal-forbidden`, `last-system-admin`.
pub fn decide_account(facts: &AccountFacts, _change: AccountChange) -> Result<()> {
    if facts.asked_by == Some(facts.target) {
        return Err(self_removal());
    }
    if facts.is_active_admin && facts.active_admins <= 1 {
        let detail = "an installation keeps at least one active system administrator";
        return Err(conflict("last-system-admin", detail));
    }
    Ok(())
}

fn self_removal() -> Error {
    conflict(
        "self-removal-forbidden",
        "nobody removes, demotes or deactivates himself",
    )
}

fn conflict(what: &'static str, detail: &str) -> Error {
    Error::Conflict {
        what,
        detail: detail.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn user(number: u128) -> UserId {
        UserId::from_uuid(uuid::Uuid::from_u128(number))
    }

    fn code(result: &Result<()>) -> &'static str {
        match result {
            Ok(()) => "done",
            Err(Error::Conflict { what, .. }) => what,
            Err(_) => "invalid",
        }
    }

    fn facts(asked_by: u128, role: Role, active_owners: u64) -> MembershipFacts {
        MembershipFacts {
            asked_by: Some(user(asked_by)),
            target: Member {
                user: user(1),
                role,
                active: true,
            },
            active_owners,
            records: 0,
            reassign_to: None,
        }
    }

    #[test]
    fn nobody_weakens_himself() {
        for change in [
            MembershipChange::Remove,
            MembershipChange::Suspend,
            MembershipChange::Role(Role::Manager),
        ] {
            let own = decide_membership(&facts(1, Role::Owner, 2), change);
            assert_eq!(code(&own), "self-removal-forbidden", "{change:?}");
            let other = decide_membership(&facts(2, Role::Owner, 2), change);
            assert_eq!(code(&other), "done", "{change:?}");
        }
    }

    #[test]
    fn the_only_owner_stays() {
        for change in [
            MembershipChange::Remove,
            MembershipChange::Suspend,
            MembershipChange::Role(Role::Viewer),
        ] {
            let sole = decide_membership(&facts(2, Role::Owner, 1), change);
            assert_eq!(code(&sole), "sole-owner", "{change:?}");
        }
        let operator = MembershipFacts {
            asked_by: None,
            ..facts(2, Role::Owner, 1)
        };
        let removed = decide_membership(&operator, MembershipChange::Remove);
        assert_eq!(code(&removed), "sole-owner", "the command line as well");
    }

    #[test]
    fn a_suspended_owner_is_not_the_only_one() {
        let mut suspended = facts(2, Role::Owner, 1);
        suspended.target.active = false;
        let removed = decide_membership(&suspended, MembershipChange::Remove);
        assert_eq!(code(&removed), "done");
    }

    #[test]
    fn records_need_an_heir_who_is_somebody_else() {
        let mut facts = facts(2, Role::Agent, 1);
        facts.records = 3;
        let remove = |facts: &MembershipFacts| decide_membership(facts, MembershipChange::Remove);
        let error = remove(&facts).unwrap_err();
        assert!(error.to_string().contains("3 records"), "{error}");
        facts.reassign_to = Some(user(1));
        assert_eq!(code(&remove(&facts)), "invalid");
        facts.reassign_to = Some(user(2));
        assert_eq!(code(&remove(&facts)), "done");
    }

    #[test]
    fn the_last_administrator_stays_and_nobody_drops_himself() {
        let facts = |asked_by, active_admins| AccountFacts {
            asked_by,
            target: user(1),
            is_active_admin: true,
            active_admins,
        };
        let decide = |facts| code(&decide_account(&facts, AccountChange::Remove));
        assert_eq!(decide(facts(Some(user(1)), 5)), "self-removal-forbidden");
        assert_eq!(decide(facts(Some(user(2)), 1)), "last-system-admin");
        assert_eq!(decide(facts(None, 1)), "last-system-admin");
        assert_eq!(decide(facts(Some(user(2)), 2)), "done");
    }

    fn any_role() -> impl Strategy<Value = Role> {
        proptest::sample::select(Role::ALL.to_vec())
    }

    fn any_change() -> impl Strategy<Value = MembershipChange> {
        prop_oneof![
            any_role().prop_map(MembershipChange::Role),
            Just(MembershipChange::Suspend),
            Just(MembershipChange::Activate),
            Just(MembershipChange::Remove),
        ]
    }

    fn apply(members: &mut Vec<Member>, at: usize, change: MembershipChange) {
        match change {
            MembershipChange::Role(role) => members[at].role = role,
            MembershipChange::Suspend => members[at].active = false,
            MembershipChange::Activate => members[at].active = true,
            MembershipChange::Remove => {
                members.remove(at);
            }
        }
    }

    proptest! {
        /// Whatever members do to each other, in whatever order, an active owner remains, and nobody
        /// became weaker by his own hand.
        #[test]
        fn a_business_never_loses_its_last_owner(
            roles in proptest::collection::vec((any_role(), any::<bool>()), 1..6),
            steps in proptest::collection::vec((0_usize..8, 0_usize..8, any_change()), 0..60),
        ) {
            let mut members: Vec<_> = roles
                .into_iter()
                .zip(1_u128..)
                .map(|((role, active), number)| Member { user: user(number), role, active })
                .collect();
            members[0] = Member { user: user(1), role: Role::Owner, active: true };
            for (by, at, change) in steps {
                let (by, at) = (by % (members.len() + 1), at % members.len());
                let facts = MembershipFacts {
                    asked_by: members.get(by).map(|member| member.user),
                    target: members[at],
                    active_owners: members.iter().filter(|m| m.is_active_owner()).count() as u64,
                    records: 0,
                    reassign_to: None,
                };
                if decide_membership(&facts, change).is_ok() {
                    let by_himself = facts.asked_by == Some(members[at].user);
                    let weakened = !matches!(change, MembershipChange::Activate)
                        && !matches!(change, MembershipChange::Role(role) if role >= members[at].role);
                    prop_assert!(!(by_himself && weakened));
                    apply(&mut members, at, change);
                }
                prop_assert!(members.iter().any(Member::is_active_owner));
            }
        }
    }
}
