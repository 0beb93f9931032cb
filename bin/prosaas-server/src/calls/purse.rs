//! The money of calls that go on: each is given its part before it is answered, and nobody else is given that.
//!
//! What a call is given counts as spent until the call's outcome is stored, with what it really cost. The money is
//! kept in this process: it is given back when the process ends, and the calls with it.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use prosaas_core::{CallId, MicroUsd, TenantId, UnixMillis};
use prosaas_crm::model::spending::Account;
use prosaas_crm::rules::budget;

/// After how long money is given back whose call nobody finished: no call is so long.
const KEPT_MS: i64 = 6 * 3_600_000;

/// What was given to which call.
#[derive(Debug, Default)]
pub struct Purse(Mutex<HashMap<CallId, Given>>);

#[derive(Clone, Copy, Debug)]
struct Given {
    tenant: TenantId,
    money: MicroUsd,
    at: UnixMillis,
}

impl Purse {
    fn lock(&self) -> MutexGuard<'_, HashMap<CallId, Given>> {
        // A panic while the lock was held left a consistent map: every change is one insertion or removal.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives a call its part of what is left of its business's budget, and says how much it has: nothing when the
    /// budget is spent, `None` when there is no budget. A call that was given something keeps just that.
    pub fn give(
        &self,
        tenant: TenantId,
        call: CallId,
        account: &Account,
        now: UnixMillis,
    ) -> Option<MicroUsd> {
        let cap = account.cap?;
        let mut calls = self.lock();
        calls.retain(|_, given| now.since(given.at) < KEPT_MS);
        if let Some(given) = calls.get(&call).filter(|given| given.money > MicroUsd(0)) {
            return Some(given.money);
        }
        let others = calls.values().filter(|given| given.tenant == tenant);
        let going_on = others.map(|given| given.money).sum();
        let money = budget::share(budget::left(cap, account.spent, going_on));
        let at = now;
        calls.insert(call, Given { tenant, money, at });
        Some(money)
    }

    /// What a call may still cost of which earlier sockets used `used`; `None` when there is no end to it.
    pub fn left(&self, call: CallId, used: MicroUsd) -> Option<MicroUsd> {
        let given = self.lock().get(&call).copied()?;
        Some(budget::left(given.money, used, MicroUsd(0)))
    }

    /// What the calls of a business were given.
    pub fn given(&self, tenant: TenantId) -> MicroUsd {
        let calls = self.lock();
        let of_tenant = calls.values().filter(|given| given.tenant == tenant);
        of_tenant.map(|given| given.money).sum()
    }

    /// The call is over, and what it cost is counted.
    pub fn take_back(&self, call: CallId) {
        self.lock().remove(&call);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixMillis = UnixMillis(1_795_528_800_000);

    fn account(cap: Option<i64>, spent: i64) -> Account {
        Account {
            month: "2026-11".to_owned(),
            cap: cap.map(MicroUsd),
            spent: MicroUsd(spent),
        }
    }

    fn call(n: i64) -> CallId {
        CallId::mint(UnixMillis(n))
    }

    #[test]
    fn calls_at_once_are_given_different_money() {
        let (purse, ours) = (Purse::default(), TenantId::mint(NOW));
        let account = account(Some(1_000_000), 0);
        let [first, second, third] = [1, 2, 3].map(call);
        let give = |call| purse.give(ours, call, &account, NOW);
        assert_eq!(give(first), Some(MicroUsd(500_000)));
        assert_eq!(give(first), Some(MicroUsd(500_000)), "a copy gets no more");
        assert_eq!(give(second), Some(MicroUsd(500_000)));
        assert_eq!(give(third), Some(MicroUsd(0)));
        assert_eq!(purse.given(ours), MicroUsd(1_000_000));
        assert_eq!(
            purse.left(first, MicroUsd(100_000)),
            Some(MicroUsd(400_000))
        );
        purse.take_back(second);
        assert_eq!(give(third), Some(MicroUsd(500_000)));
    }

    #[test]
    fn another_business_and_one_without_a_budget_are_not_concerned() {
        let (purse, ours) = (Purse::default(), TenantId::mint(NOW));
        let theirs = TenantId::mint(NOW.plus(1));
        let one = account(Some(300_000), 0);
        assert_eq!(
            purse.give(ours, call(1), &one, NOW),
            Some(MicroUsd(300_000))
        );
        assert_eq!(
            purse.give(theirs, call(2), &one, NOW),
            Some(MicroUsd(300_000))
        );
        let endless = account(None, i64::MAX);
        assert_eq!(purse.give(ours, call(3), &endless, NOW), None);
        assert_eq!(purse.left(call(3), MicroUsd(5)), None);
    }

    #[test]
    fn money_of_a_call_that_nobody_finished_comes_back() {
        let (purse, ours) = (Purse::default(), TenantId::mint(NOW));
        let one = account(Some(300_000), 0);
        assert_eq!(
            purse.give(ours, call(1), &one, NOW),
            Some(MicroUsd(300_000))
        );
        let later = NOW.plus(KEPT_MS);
        assert_eq!(
            purse.give(ours, call(2), &one, later),
            Some(MicroUsd(300_000))
        );
    }
}
