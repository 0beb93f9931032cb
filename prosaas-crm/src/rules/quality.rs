//! When so many calls went badly that the owners are told.

use prosaas_core::Verdict;

/// So many of a business's last calls with a verdict are looked at: a day of a small one, about.
pub const WATCHED_CALLS: u32 = 20;
/// From so many poor ones among them on, the owners are told: a quarter is no bad luck any more.
pub const MANY_POOR_CALLS: usize = 5;
/// They are told again after this time at the earliest, in milliseconds: what is wrong takes a day to mend.
pub const TOLD_AGAIN_AFTER_MS: i64 = 24 * 3_600_000;

/// The last calls of a business that have a verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastCalls {
    /// How many there are, [`WATCHED_CALLS`] at most.
    pub all: usize,
    /// How many of them went badly.
    pub poor: usize,
}

impl LastCalls {
    /// Counts verdicts.
    pub fn of(verdicts: &[Verdict]) -> Self {
        let is_poor = |verdict: &&Verdict| **verdict == Verdict::Poor;
        Self {
            all: verdicts.len(),
            poor: verdicts.iter().filter(is_poor).count(),
        }
    }

    /// Whether the owners should hear of them.
    pub const fn are_bad(self) -> bool {
        self.poor >= MANY_POOR_CALLS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_poor_calls_are_too_many() {
        let mut verdicts = vec![Verdict::Good, Verdict::Fair];
        for poor in 1..=6 {
            verdicts.push(Verdict::Poor);
            let last = LastCalls::of(&verdicts);
            assert_eq!((last.all, last.poor), (poor + 2, poor));
            assert_eq!(last.are_bad(), poor >= 5);
        }
    }
}
