//! What a store must do with the records around leads: tasks, appointments, deals and the rest.

mod appointments;
mod businesses;
#[cfg(feature = "auth")]
mod installation;
mod ledgers;
mod money;
mod replies;
mod setup;
mod spending;
mod storage;
mod tasks;
mod waiting;

use prosaas_core::testkit::samples::{new_call, number};
use prosaas_core::{CallId, Error, LeadDraft, LeadId, NewCall, TenantId, UnixMillis};

use super::{Fixture, ok, ours, refuses, scope, theirs, with_call};
use crate::auth::{SystemScope, TenantScope};
use crate::model::id::UserId;
use crate::model::time::Time;
use crate::store::db::{Sql, args};
use crate::store::{CrmStore, PhoneStore as _};

/// Runs every rule of this module.
pub async fn suite(fixture: &impl Fixture<Store = CrmStore>) {
    appointments::suite(fixture).await;
    businesses::suite(fixture).await;
    #[cfg(feature = "auth")]
    installation::suite(fixture).await;
    ledgers::suite(fixture).await;
    money::suite(fixture).await;
    replies::suite(fixture).await;
    setup::suite(fixture).await;
    spending::suite(fixture).await;
    storage::suite(fixture).await;
    tasks::suite(fixture).await;
    waiting::suite(fixture).await;
}

/// Two businesses, and what records refer to in the first.
struct Office {
    store: CrmStore,
    ours: TenantScope,
    theirs: TenantScope,
    lead: LeadId,
    call: CallId,
    member: UserId,
}

impl Office {
    async fn open(fixture: &impl Fixture<Store = CrmStore>, rule: &str) -> Self {
        let (store, call) = with_call(fixture, rule).await;
        let lead = store
            .save_lead(&scope(ours()), call.id, LeadDraft::default())
            .await;
        let lead = ok(lead, rule);
        let member = add_member(&store, ours(), rule).await;
        let [ours, theirs] = [ours(), theirs()].map(TenantScope::for_agent);
        let call = call.id;
        Self {
            store,
            ours,
            theirs,
            lead,
            call,
            member,
        }
    }

    /// Another lead of the first business.
    async fn another_lead(&self, n: u8, rule: &str) -> LeadId {
        let call = NewCall {
            caller: Some(number(n)),
            ..new_call(n)
        };
        let call = self.store.open_call(&scope(ours()), call).await;
        let (call, _) = ok(call, rule);
        let draft = LeadDraft::default();
        ok(
            self.store.save_lead(&scope(ours()), call.id, draft).await,
            rule,
        )
    }
}

const ADD_USER: Sql = Sql::both(
    "INSERT INTO users (id, email, name, status, created_at, updated_at)
     VALUES ($1, $2, 'Member', 'active', 1, 1)",
);
const ADD_MEMBER: Sql = Sql::both(
    "/* across tenants: a member for the tests */
     INSERT INTO memberships (tenant_id, user_id, role, status, created_at, updated_at)
     VALUES ($1, $2, 'agent', 'active', 1, 1)",
);

/// A new active member of a business.
async fn add_member(store: &CrmStore, tenant: TenantId, rule: &str) -> UserId {
    let user = UserId::mint(UnixMillis(1));
    let mut tx = ok(
        store.system_write(&SystemScope::from_operator()).await,
        rule,
    );
    let email = format!("{user}@example.com");
    ok(tx.execute(&ADD_USER, args![user.uuid(), email]).await, rule);
    let values = args![tenant.uuid(), user.uuid()];
    ok(tx.execute(&ADD_MEMBER, values).await, rule);
    ok(tx.commit().await, rule);
    user
}

/// The conflict's code.
fn conflicts<T: std::fmt::Debug>(result: &Result<T, Error>, code: &str, rule: &str) {
    match result {
        Err(Error::Conflict { what, .. }) if *what == code => {}
        _ => panic!("{rule}: expected the conflict `{code}`, got {result:?}"),
    }
}

/// A moment of the tests' day.
fn at(minutes: i64) -> Time {
    UnixMillis(1_750_000_000_000 + minutes * 60_000).into()
}
