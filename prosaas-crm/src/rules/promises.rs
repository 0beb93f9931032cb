//! When the owners are told that what the agent promised has not been done.

use prosaas_core::UnixMillis;

const DAY_MS: i64 = 24 * 3_600_000;
/// How long after the deadline they are told: at once, and again after a day and a week.
const TOLD_AFTER_MS: [i64; 3] = [0, DAY_MS, 7 * DAY_MS];

/// The first telling of a promise that is due at `due` and was noted or moved at `now`.
pub fn first_telling(due: UnixMillis, now: UnixMillis) -> UnixMillis {
    due.max(now)
}

/// The telling after one at `now`; `None` when it was the last. One that is missed is not made up for: after
/// a week's silence the owners get one mail and not three.
pub fn next_telling(due: UnixMillis, now: UnixMillis) -> Option<UnixMillis> {
    TOLD_AFTER_MS
        .iter()
        .map(|after| due.plus(*after))
        .find(|at| *at > now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owners_are_told_at_the_deadline_a_day_and_a_week_after_it() {
        let due = UnixMillis(1_000);
        let mut at = first_telling(due, UnixMillis(0));
        let mut told = vec![at];
        while let Some(next) = next_telling(due, at) {
            at = next;
            told.push(at);
        }
        let after = |days: i64| due.plus(days * DAY_MS);
        assert_eq!(told, [due, after(1), after(7)]);
    }

    #[test]
    fn what_is_overdue_already_is_told_at_once_and_missed_tellings_are_left_out() {
        let due = UnixMillis(1_000);
        let late = due.plus(2 * DAY_MS);
        assert_eq!(first_telling(due, late), late);
        assert_eq!(next_telling(due, late), Some(due.plus(7 * DAY_MS)));
        assert_eq!(next_telling(due, due.plus(8 * DAY_MS)), None);
    }
}
