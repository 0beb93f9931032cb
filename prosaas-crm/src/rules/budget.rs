//! What a business may still spend on models this month.
//!
//! A call is given its money before it is answered: a part of what nobody else was given. So calls that go on at
//! once never spend the same money, and what they leave is given to the next ones.

use prosaas_core::MicroUsd;

use crate::model::words::words;

/// From this part of the budget on its owners are told, in percent.
pub const WARN_PERCENT: u32 = 80;

/// What one call is given if there is as much, so that the last calls of a month are not cut short: ten minutes
/// of talk cost less.
const WORTH_A_CALL: MicroUsd = MicroUsd(500_000);

/// With less than this no call begins: its caller would be greeted and sent away.
const WORTH_A_GREETING: MicroUsd = MicroUsd(20_000);

words! {
    /// How a month's budget stands.
    BudgetState, "budget state":
    /// There is enough.
    Plenty = "plenty",
    /// Most of it is gone.
    Warn = "warn",
    /// All of it is gone: the agent does not answer any more.
    Spent = "spent",
}

impl BudgetState {
    /// The percentage of the budget of which the owners are told.
    pub const fn percent(self) -> u32 {
        match self {
            Self::Plenty => 0,
            Self::Warn => WARN_PERCENT,
            Self::Spent => 100,
        }
    }
}

/// How a budget stands of which `spent` is paid and `going_on` is given to what goes on. Without a cap there is
/// always enough.
pub fn state(cap: Option<MicroUsd>, spent: MicroUsd, going_on: MicroUsd) -> BudgetState {
    let Some(cap) = cap else {
        return BudgetState::Plenty;
    };
    let (cap, used) = (i128::from(cap.0), i128::from((spent + going_on).0));
    if used >= cap {
        BudgetState::Spent
    } else if used * 100 >= cap * i128::from(WARN_PERCENT) {
        BudgetState::Warn
    } else {
        BudgetState::Plenty
    }
}

/// What is left of a cap; never less than nothing.
pub fn left(cap: MicroUsd, spent: MicroUsd, going_on: MicroUsd) -> MicroUsd {
    let used = (spent + going_on).0.max(0);
    MicroUsd(cap.0.saturating_sub(used).max(0))
}

/// What a new call is given of what is left: half of it, all of it where that is no more than a call is worth, and
/// nothing where it is worth no call.
pub fn share(left: MicroUsd) -> MicroUsd {
    if left < WORTH_A_GREETING {
        return MicroUsd(0);
    }
    MicroUsd((left.0 / 2).max(left.0.min(WORTH_A_CALL.0)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn money() -> impl Strategy<Value = MicroUsd> {
        prop_oneof![0..2_000_000_i64, 0..=i64::MAX].prop_map(MicroUsd)
    }

    #[test]
    fn the_states_begin_where_they_say() {
        let cap = Some(MicroUsd(1_000));
        let at = |spent, going_on| state(cap, MicroUsd(spent), MicroUsd(going_on));
        assert_eq!(at(799, 0), BudgetState::Plenty);
        assert_eq!(at(700, 100), BudgetState::Warn);
        assert_eq!(at(999, 0), BudgetState::Warn);
        assert_eq!(at(999, 1), BudgetState::Spent);
        let nothing = MicroUsd(0);
        assert_eq!(
            state(Some(nothing), nothing, nothing),
            BudgetState::Spent,
            "a budget of nothing is spent"
        );
    }

    #[test]
    fn the_last_call_of_a_month_is_given_all_that_is_left() {
        assert_eq!(share(MicroUsd(20_000_000)), MicroUsd(10_000_000));
        assert_eq!(share(MicroUsd(900_000)), MicroUsd(500_000));
        assert_eq!(share(MicroUsd(300_000)), MicroUsd(300_000));
        assert_eq!(share(WORTH_A_GREETING), WORTH_A_GREETING);
        assert_eq!(share(MicroUsd(19_999)), MicroUsd(0));
    }

    proptest! {
        #[test]
        fn without_a_cap_there_is_always_enough(spent in money(), going_on in money()) {
            prop_assert_eq!(state(None, spent, going_on), BudgetState::Plenty);
        }

        #[test]
        fn more_money_spent_is_never_a_better_state(
            cap in money(), spent in money(), going_on in money(), more in money(),
        ) {
            let before = state(Some(cap), spent, going_on);
            prop_assert!(state(Some(cap), spent + more, going_on) >= before);
            prop_assert!(state(Some(cap), spent, going_on + more) >= before);
        }

        #[test]
        fn it_is_spent_exactly_when_nothing_is_left(
            cap in money(), spent in money(), going_on in money(),
        ) {
            let is_spent = state(Some(cap), spent, going_on) == BudgetState::Spent;
            prop_assert_eq!(is_spent, left(cap, spent, going_on) == MicroUsd(0));
        }

        #[test]
        fn calls_at_once_are_never_given_more_than_there_is(
            cap in money(), spent in money(), calls in 1..40_usize,
        ) {
            let all = left(cap, spent, MicroUsd(0));
            let mut given = MicroUsd(0);
            for _ in 0..calls {
                given += share(left(cap, spent, given));
            }
            prop_assert!(given <= all, "{given:?} of {all:?}");
        }

        #[test]
        fn who_asks_while_a_call_is_left_gets_it(left in WORTH_A_GREETING.0..=i64::MAX) {
            prop_assert!(share(MicroUsd(left)) >= WORTH_A_GREETING);
            prop_assert!(share(MicroUsd(left)) <= MicroUsd(left));
        }
    }
}
