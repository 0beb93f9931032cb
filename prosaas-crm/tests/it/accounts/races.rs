//! Two people removing each other at once: exactly one succeeds, a thousand times.

use futures_util::future::join_all;
use prosaas_crm::auth::Role;
use prosaas_crm::model::id::UserId;
use prosaas_crm::rules::removal::{AccountChange, MembershipChange};
use prosaas_crm::store::accounts::{AccountHeirs, MemberWish};

use super::bench::{Bench, OPERATOR, code};

const ROUNDS: usize = 1000;

fn wish(user: UserId, change: MembershipChange) -> MemberWish {
    MemberWish {
        user,
        change,
        reassign_to: None,
        expected: None,
    }
}

pub(super) async fn two_owners_at_each_other(bench: Bench) {
    let tenant = bench.business("Garage").await;
    let first = bench.member(tenant, "first@example.com", Role::Owner).await;
    let second = bench
        .member(tenant, "second@example.com", Role::Owner)
        .await;
    // The scopes are those of before: what a request was admitted with.
    let (by_first, by_second) = (bench.scope(first).await, bench.scope(second).await);
    let changes = [
        MembershipChange::Remove,
        MembershipChange::Suspend,
        MembershipChange::Role(Role::Agent),
    ];
    for round in 0..ROUNDS {
        let change = changes[round % changes.len()];
        let results = join_all([
            bench.store.change_member(&by_first, wish(second, change)),
            bench.store.change_member(&by_second, wish(first, change)),
        ])
        .await;
        let first_won = results[0].is_ok();
        let codes: Vec<_> = results.into_iter().map(code).collect();
        let done = codes.iter().filter(|code| **code == "done").count();
        assert_eq!(done, 1, "round {round}, {change:?}: {codes:?}");
        let loser = if first_won { second } else { first };
        restore(&bench, tenant, loser, change).await;
    }
}

async fn restore(
    bench: &Bench,
    tenant: prosaas_core::TenantId,
    user: UserId,
    change: MembershipChange,
) {
    let operator = OPERATOR.tenant(tenant).unwrap();
    match change {
        MembershipChange::Remove => bench.join(tenant, user, Role::Owner).await,
        MembershipChange::Suspend => {
            let activate = wish(user, MembershipChange::Activate);
            bench
                .store
                .change_member(&operator, activate)
                .await
                .unwrap();
        }
        MembershipChange::Role(_) | MembershipChange::Activate => {
            let owner = wish(user, MembershipChange::Role(Role::Owner));
            bench.store.change_member(&operator, owner).await.unwrap();
        }
    }
}

pub(super) async fn two_administrators_at_each_other(bench: Bench) {
    let first = bench.account("first@example.com", true).await;
    let second = bench.account("second@example.com", true).await;
    let by_first = bench.admin_scope(first).await;
    let by_second = bench.admin_scope(second).await;
    let heirs = AccountHeirs::new();
    for round in 0..ROUNDS {
        let change = if round % 2 == 0 {
            AccountChange::DropAdmin
        } else {
            AccountChange::Suspend
        };
        let results = join_all([
            bench
                .store
                .change_account(&by_first, second, change, &heirs),
            bench
                .store
                .change_account(&by_second, first, change, &heirs),
        ])
        .await;
        let first_won = results[0].is_ok();
        let codes: Vec<_> = results.into_iter().map(code).collect();
        let done = codes.iter().filter(|code| **code == "done").count();
        assert_eq!(done, 1, "round {round}, {change:?}: {codes:?}");
        let loser = if first_won { second } else { first };
        match change {
            AccountChange::DropAdmin => bench.store.make_system_admin(&OPERATOR, loser).await,
            _ => bench.store.activate_account(&OPERATOR, loser).await,
        }
        .unwrap();
    }
}
