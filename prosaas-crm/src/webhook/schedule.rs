//! When a webhook that did not arrive is tried again.

use prosaas_core::UnixMillis;

/// The pauses after each failed attempt, in seconds: eight attempts within 28 hours, so that a receiver
/// that is down for a night misses nothing.
const PAUSES_S: [u32; 7] = [5, 300, 1_800, 7_200, 18_000, 36_000, 36_000];
/// How many attempts there are in all.
pub const MAX_ATTEMPTS: u32 = PAUSES_S.len() as u32 + 1;
/// The longest pause a receiver may ask for.
const LONGEST_ASKED_S: u32 = 24 * 60 * 60;

/// What a receiver's answer means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It has the event.
    Delivered,
    /// It does not have it; try again.
    Failed,
    /// It will never take events again: the webhook is switched off.
    Gone,
}

impl Verdict {
    /// Of an HTTP status. A redirect is a failure: it is never followed.
    pub const fn of_status(status: u16) -> Self {
        match status {
            200..=299 => Self::Delivered,
            410 => Self::Gone,
            _ => Self::Failed,
        }
    }
}

/// When to try again after attempt number `attempt`, counted from 1, failed at `now`; `None` when it was
/// the last.
///
/// `spread` is any number that differs from delivery to delivery: it lengthens the pause by up to a tenth,
/// so that what waited for one receiver does not come back all at once. `asked_s` is the pause that the
/// receiver asked for.
pub fn next_attempt(
    attempt: u32,
    now: UnixMillis,
    spread: u64,
    asked_s: Option<u32>,
) -> Option<UnixMillis> {
    let index = usize::try_from(attempt.checked_sub(1)?).ok()?;
    let pause_s = *PAUSES_S.get(index)?;
    let asked_s = asked_s.unwrap_or(0).min(LONGEST_ASKED_S);
    let pause_ms = i64::from(pause_s.max(asked_s)) * 1_000;
    let extra_ms = pause_ms / 10 * (spread % 101) as i64 / 100;
    Some(now.plus(pause_ms + extra_ms))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn eight_attempts_over_more_than_a_day() {
        let mut now = UnixMillis(0);
        let mut attempts = 1;
        while let Some(next) = next_attempt(attempts, now, 0, None) {
            now = next;
            attempts += 1;
        }
        assert_eq!(attempts, MAX_ATTEMPTS);
        let hours = now.0 / 3_600_000;
        assert!((24..=28).contains(&hours), "{hours}");
    }

    #[test]
    fn a_receiver_may_ask_for_a_longer_pause_but_not_for_ever() {
        let after = |asked| next_attempt(1, UnixMillis(0), 0, Some(asked));
        assert_eq!(after(1), Some(UnixMillis(5_000)));
        assert_eq!(after(60), Some(UnixMillis(60_000)));
        assert_eq!(after(u32::MAX), Some(UnixMillis(86_400_000)));
    }

    #[test]
    fn what_a_status_means() {
        for (status, verdict) in [
            (200, Verdict::Delivered),
            (204, Verdict::Delivered),
            (301, Verdict::Failed),
            (307, Verdict::Failed),
            (400, Verdict::Failed),
            (410, Verdict::Gone),
            (429, Verdict::Failed),
            (500, Verdict::Failed),
            (0, Verdict::Failed),
        ] {
            assert_eq!(Verdict::of_status(status), verdict, "{status}");
        }
    }

    proptest! {
        #[test]
        fn the_spread_is_at_most_a_tenth(attempt in 0u32..20, spread: u64, asked: Option<u32>) {
            let plain = next_attempt(attempt, UnixMillis(0), 0, asked);
            let spread = next_attempt(attempt, UnixMillis(0), spread, asked);
            prop_assert_eq!(plain.is_some(), spread.is_some());
            if let (Some(plain), Some(spread)) = (plain, spread) {
                prop_assert!((plain.0..=plain.0 + plain.0 / 10).contains(&spread.0));
            }
        }
    }
}
