//! The one place where a membership changes: single or one of many, by an owner, an administrator or
//! the command line.

use prosaas_core::{Error, Result, TenantId, UnixMillis};
use serde_json::json;

use crate::auth::{Permission, Role, SystemScope, TenantScope};
use crate::model::id::UserId;
use crate::rules::removal::{Member, MembershipChange, MembershipFacts, decide_membership};
use crate::store::CrmStore;
use crate::store::db::{Change, Sql, SystemTx, args};

const LOCK: Sql = Sql::split(
    "SELECT 1 FROM businesses WHERE tenant_id = $1",
    "SELECT 1 FROM businesses WHERE tenant_id = $1 FOR UPDATE",
);
const MEMBERSHIP: Sql = Sql::both(
    "SELECT role, status, version FROM memberships
     WHERE tenant_id = $1 AND user_id = $2 AND status <> 'removed'",
);
// An account that is suspended everywhere owns nothing either.
const ACTIVE_OWNERS: Sql = Sql::both(
    "SELECT COUNT(*) AS owners FROM memberships JOIN users ON users.id = memberships.user_id
     WHERE memberships.tenant_id = $1 AND memberships.role = 'owner' AND memberships.status = 'active'
       AND users.status = 'active' AND users.deleted_at IS NULL",
);
const IS_ACTIVE_MEMBER: Sql = Sql::both(
    "SELECT 1 FROM memberships JOIN users ON users.id = memberships.user_id
     WHERE memberships.tenant_id = $1 AND memberships.user_id = $2 AND memberships.status = 'active'
       AND users.status = 'active' AND users.deleted_at IS NULL",
);
const RECORDS: Sql = Sql::both(
    "SELECT (SELECT COUNT(*) FROM leads
             WHERE tenant_id = $1 AND assignee_id = $2 AND deleted_at IS NULL)
          + (SELECT COUNT(*) FROM tasks
             WHERE tenant_id = $1 AND assignee_id = $2 AND deleted_at IS NULL AND status = 'open')
          + (SELECT COUNT(*) FROM deals
             WHERE tenant_id = $1 AND assignee_id = $2 AND deleted_at IS NULL AND closed_at IS NULL)
          + (SELECT COUNT(*) FROM appointments
             WHERE tenant_id = $1 AND assignee_id = $2 AND deleted_at IS NULL AND status = 'booked')
          + (SELECT COUNT(*) FROM conversations
             WHERE tenant_id = $1 AND assignee_id = $2 AND deleted_at IS NULL AND status <> 'closed')
            AS records",
);
const SET_ROLE: Sql = Sql::both(
    "UPDATE memberships SET role = $3, updated_at = $4, version = version + 1
     WHERE tenant_id = $1 AND user_id = $2",
);
const SET_STATUS: Sql = Sql::both(
    "UPDATE memberships SET status = $3, updated_at = $4, version = version + 1
     WHERE tenant_id = $1 AND user_id = $2",
);
const END_SESSIONS: Sql = Sql::both(
    "UPDATE sessions SET revoked_at = $3
     WHERE tenant_id = $1 AND user_id = $2 AND revoked_at IS NULL",
);
const END_KEYS: Sql = Sql::both(
    "UPDATE api_keys SET revoked_at = $3, version = version + 1
     WHERE tenant_id = $1 AND created_by = $2 AND revoked_at IS NULL",
);
const END_FEED: Sql = Sql::both("DELETE FROM calendar_feeds WHERE tenant_id = $1 AND user_id = $2");
const END_PUSHES: Sql =
    Sql::both("DELETE FROM push_subscriptions WHERE tenant_id = $1 AND user_id = $2");
const FORGET_PHONE: Sql =
    Sql::both("UPDATE memberships SET own_phone = NULL WHERE tenant_id = $1 AND user_id = $2");

// What is in the trash goes along: restored one day, it must not belong to somebody who left.
const GIVE_LEADS: Sql = Sql::both(
    "UPDATE leads SET assignee_id = $3, updated_at = $4, version = version + 1
     WHERE tenant_id = $1 AND assignee_id = $2",
);
const GIVE_TASKS: Sql = Sql::both(
    "UPDATE tasks SET assignee_id = $3, updated_at = $4, version = version + 1
     WHERE tenant_id = $1 AND assignee_id = $2",
);
const GIVE_DEALS: Sql = Sql::both(
    "UPDATE deals SET assignee_id = $3, updated_at = $4, version = version + 1
     WHERE tenant_id = $1 AND assignee_id = $2",
);
// An appointment moves to the heir's calendar unless it would be a double booking there; it is his to
// keep or move either way.
const GIVE_APPOINTMENTS: Sql = Sql::both(
    "UPDATE appointments SET assignee_id = $3, updated_at = $4, version = version + 1,
            calendar_id = CASE WHEN calendar_id = $2 AND NOT EXISTS (
                SELECT 1 FROM appointments AS other
                WHERE other.tenant_id = $1 AND other.calendar_id = $3 AND other.status = 'booked'
                  AND other.deleted_at IS NULL
                  AND other.starts_at < appointments.ends_at
                  AND other.ends_at > appointments.starts_at)
              THEN $3 ELSE calendar_id END
     WHERE tenant_id = $1 AND assignee_id = $2",
);
const GIVE_CONVERSATIONS: Sql = Sql::both(
    "UPDATE conversations SET assignee_id = $3, updated_at = $4, version = version + 1
     WHERE tenant_id = $1 AND assignee_id = $2",
);

/// What is wished for a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemberWish {
    /// The member.
    pub user: UserId,
    /// What he is to become.
    pub change: MembershipChange,
    /// Who takes his records when he is removed.
    pub reassign_to: Option<UserId>,
    /// The version the wish was made for, if it was made for one.
    pub expected: Option<u64>,
}

/// What became of a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChangedMember {
    /// The member.
    pub user: UserId,
    /// How many records went to another one.
    pub reassigned: u64,
}

/// A change of one membership within a transaction.
#[derive(Clone, Copy, Debug)]
pub(super) struct MembershipWork {
    pub(super) tenant: TenantId,
    pub(super) target: UserId,
    pub(super) change: MembershipChange,
    pub(super) reassign_to: Option<UserId>,
    pub(super) expected: Option<u64>,
}

impl CrmStore {
    /// Gives a member another role, suspends, activates or removes him. A removed member's sessions,
    /// API keys, calendar feed and event streams end with the commit.
    ///
    /// # Errors
    /// `Conflict` with `self-removal-forbidden`, `sole-owner`, `reassignment-required` or
    /// `version-conflict`; `NotFound` for somebody who is no member here; `Forbidden`.
    pub async fn change_member(
        &self,
        scope: &TenantScope,
        wish: MemberWish,
    ) -> Result<ChangedMember> {
        scope.require(Permission::UsersWrite)?;
        let people = SystemScope::on_behalf_of(scope.actor());
        let mut tx = self.system_write(&people).await?;
        let work = MembershipWork {
            tenant: scope.tenant(),
            target: wish.user,
            change: wish.change,
            reassign_to: wish.reassign_to,
            expected: wish.expected,
        };
        let changed = apply(&mut tx, work, self.now()).await?;
        tx.commit().await?;
        Ok(changed)
    }

    /// [`CrmStore::change_member`] for each of several, each by itself: what the rules forbid for one
    /// does not stop the others.
    pub async fn change_members(
        &self,
        scope: &TenantScope,
        wishes: &[MemberWish],
    ) -> Vec<Result<ChangedMember>> {
        let mut results = Vec::with_capacity(wishes.len());
        for wish in wishes {
            results.push(self.change_member(scope, *wish).await);
        }
        results
    }
}

/// Changes one membership under the business's lock. People belong to the installation, so this runs
/// in its transaction; every statement names the one business all the same.
pub(super) async fn apply(
    tx: &mut SystemTx,
    work: MembershipWork,
    now: UnixMillis,
) -> Result<ChangedMember> {
    let (tenant, target) = (work.tenant.uuid(), work.target.uuid());
    tx.fetch_one(&LOCK, args![tenant], "business").await?;
    require_still_owner(tx, work).await?;
    let row = tx
        .fetch_one(&MEMBERSHIP, args![tenant, target], "user")
        .await?;
    let version: u64 = row.get("version")?;
    if work.expected.is_some_and(|expected| expected != version) {
        return Err(Error::Conflict {
            what: "version-conflict",
            detail: format!("the member is at version {version}"),
        });
    }
    let status: String = row.get("status")?;
    let facts = MembershipFacts {
        asked_by: tx.actor().user(),
        target: Member {
            user: work.target,
            role: row.parse("role")?,
            active: status == "active",
        },
        active_owners: count(tx, &ACTIVE_OWNERS, args![tenant], "owners").await?,
        records: count(tx, &RECORDS, args![tenant, target], "records").await?,
        reassign_to: work.reassign_to,
    };
    decide_membership(&facts, work.change)?;
    let reassigned = perform(tx, work, facts.target.role, now).await?;
    Ok(ChangedMember {
        user: work.target,
        reassigned,
    })
}

/// An owner who was removed while he waited for the lock does not remove the one who removed him.
async fn require_still_owner(tx: &mut SystemTx, work: MembershipWork) -> Result<()> {
    use crate::auth::Actor;
    let Actor::User(user) = tx.actor() else {
        return Ok(());
    };
    let tenant = work.tenant.uuid();
    let membership = tx
        .fetch_optional(&MEMBERSHIP, args![tenant, user.uuid()])
        .await?;
    let is_owner = match membership {
        Some(row) => {
            row.parse::<Role>("role")? == Role::Owner && row.get::<String>("status")? == "active"
        }
        None => super::users::is_active_admin(tx, user).await?,
    };
    if is_owner {
        return Ok(());
    }
    Err(Error::Forbidden {
        detail: format!("this needs the permission `{}`", Permission::UsersWrite),
    })
}

async fn perform(
    tx: &mut SystemTx,
    work: MembershipWork,
    role_before: Role,
    now: UnixMillis,
) -> Result<u64> {
    let (tenant, target) = (work.tenant.uuid(), work.target.uuid());
    let mut reassigned = 0;
    let (kind, detail) = match work.change {
        MembershipChange::Role(role) => {
            let values = args![tenant, target, role.as_str(), now];
            tx.execute(&SET_ROLE, values).await?;
            let detail = json!({"from": role_before.as_str(), "to": role.as_str()});
            ("member.role_changed", detail)
        }
        MembershipChange::Suspend => {
            let values = args![tenant, target, "suspended", now];
            tx.execute(&SET_STATUS, values).await?;
            ("member.suspended", json!({}))
        }
        MembershipChange::Activate => {
            let values = args![tenant, target, "active", now];
            tx.execute(&SET_STATUS, values).await?;
            ("member.activated", json!({}))
        }
        MembershipChange::Remove => {
            reassigned = give_records(tx, work, now).await?;
            let values = args![tenant, target, "removed", now];
            tx.execute(&SET_STATUS, values).await?;
            let heir = work.reassign_to.map(|heir| heir.to_string());
            let detail = json!({"reassigned": reassigned, "reassigned_to": heir});
            ("member.removed", detail)
        }
    };
    end_access(tx, work, now).await?;
    tx.record(
        work.tenant,
        Change::new(kind, "user", work.target).detail(detail),
    );
    Ok(reassigned)
}

async fn give_records(tx: &mut SystemTx, work: MembershipWork, now: UnixMillis) -> Result<u64> {
    let Some(heir) = work.reassign_to else {
        return Ok(0);
    };
    let (tenant, target) = (work.tenant.uuid(), work.target.uuid());
    let is_member = tx
        .fetch_optional(&IS_ACTIVE_MEMBER, args![tenant, heir.uuid()])
        .await?;
    if is_member.is_none() {
        return Err(Error::invalid(
            "reassign_to",
            "expected another active member of the business",
        ));
    }
    let mut given = 0;
    for statement in [
        &GIVE_LEADS,
        &GIVE_TASKS,
        &GIVE_DEALS,
        &GIVE_APPOINTMENTS,
        &GIVE_CONVERSATIONS,
    ] {
        let values = args![tenant, target, heir.uuid(), now];
        given += tx.execute(statement, values).await?;
    }
    Ok(given)
}

/// Whatever the change, the member signs in again for it: a session is never older than its rights.
async fn end_access(tx: &mut SystemTx, work: MembershipWork, now: UnixMillis) -> Result<()> {
    let values = || args![work.tenant.uuid(), work.target.uuid(), now];
    if work.change != MembershipChange::Activate {
        tx.execute(&END_SESSIONS, values()).await?;
    }
    if work.change == MembershipChange::Remove {
        tx.execute(&END_KEYS, values()).await?;
        for statement in [&END_FEED, &END_PUSHES, &FORGET_PHONE] {
            let values = args![work.tenant.uuid(), work.target.uuid()];
            tx.execute(statement, values).await?;
        }
    }
    Ok(())
}

async fn count(
    tx: &mut SystemTx,
    sql: &Sql,
    values: crate::store::db::Args,
    column: &'static str,
) -> Result<u64> {
    tx.fetch_one(sql, values, "business").await?.get(column)
}
