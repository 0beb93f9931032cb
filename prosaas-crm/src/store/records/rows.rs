//! What the repositories of the CRM share: pages, versions, and references to other rows.

use prosaas_core::{CallId, Error, LeadId, Result, UnixMillis};
use uuid::Uuid;

use crate::model::id::UserId;
use crate::model::page::Page;
use crate::store::db::{Sql, TenantTx, args};

const LEAD_EXISTS: Sql =
    Sql::both("SELECT 1 FROM leads WHERE tenant_id = $1 AND id = $2 AND deleted_at IS NULL");
const CALL_EXISTS: Sql = Sql::both("SELECT 1 FROM calls WHERE tenant_id = $1 AND id = $2");
pub(super) const MEMBER: Sql = Sql::both(
    "SELECT 1 FROM memberships WHERE tenant_id = $1 AND user_id = $2 AND status = 'active'",
);
// The lock keeps the member until the commit: who is removed meanwhile is removed after it, and his
// work is handed on with this row among it.
const MEMBER_IS_ACTIVE: Sql = Sql::split(
    "SELECT 1 FROM memberships WHERE tenant_id = $1 AND user_id = $2 AND status = 'active'",
    "SELECT 1 FROM memberships WHERE tenant_id = $1 AND user_id = $2 AND status = 'active' FOR SHARE",
);

/// Passes when the lead is there and not in the trash.
pub(super) async fn require_lead(tx: &mut TenantTx, lead: Option<LeadId>) -> Result<()> {
    let Some(lead) = lead else { return Ok(()) };
    tx.require(&LEAD_EXISTS, args![lead.uuid()], "lead").await
}

/// Passes when the call is there.
pub(super) async fn require_call(tx: &mut TenantTx, call: Option<CallId>) -> Result<()> {
    let Some(call) = call else { return Ok(()) };
    tx.require(&CALL_EXISTS, args![call.uuid()], "call").await
}

/// Passes when the user is an active member of the business.
pub(in crate::store) async fn require_member(
    tx: &mut TenantTx,
    user: Option<UserId>,
) -> Result<()> {
    let Some(user) = user else { return Ok(()) };
    tx.require(&MEMBER_IS_ACTIVE, args![user.uuid()], "user")
        .await
}

/// A reference that a change sets anew. What it leaves alone is not looked up again: a task of a lead
/// in the trash can still be done.
pub(super) fn set_anew<T: Copy + PartialEq>(before: Option<T>, after: Option<T>) -> Option<T> {
    after.filter(|after| before != Some(*after))
}

/// Where a page ordered newest first begins: everything below this time and id.
pub(in crate::store) fn below<Id: Copy + Into<Uuid>>(page: &Page<Id>) -> (UnixMillis, Uuid) {
    match page.before {
        Some((at, id)) => (at, id.into()),
        None => (UnixMillis(i64::MAX), Uuid::max()),
    }
}

/// Where a page ordered oldest first begins: everything above this time and id.
pub(super) fn above<Id: Copy + Into<Uuid>>(page: &Page<Id>) -> (UnixMillis, Uuid) {
    match page.before {
        Some((at, id)) => (at, id.into()),
        None => (UnixMillis(i64::MIN), Uuid::nil()),
    }
}

/// Passes when a row is still at the version that the change was made for.
///
/// # Errors
/// `Conflict` `version-conflict`.
pub(in crate::store) fn expect_version(found: u64, expected: u64) -> Result<()> {
    if found == expected {
        return Ok(());
    }
    Err(Error::Conflict {
        what: "version-conflict",
        detail: "it was changed since it was read".to_owned(),
    })
}

/// Passes when a change by version touched its row: if not, somebody else was faster.
///
/// # Errors
/// `Conflict` `version-conflict`.
pub(in crate::store) fn expect_changed(rows: u64) -> Result<()> {
    expect_version(rows.min(1), 1)
}
