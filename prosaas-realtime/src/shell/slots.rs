//! The moments in which calls wake for their deadlines.
//!
//! Exact deadlines of a hundred calls leave the process a millisecond or two to its next one, all the time, and
//! so short a wait costs something: a timeout of 1 ms adds some 9 µs to a wake-up of some 22 µs, one of 2 ms some
//! 5 µs, one of 4 ms and more nothing, measured. So all calls wake in the same moments, far enough apart. A
//! deadline is met up to that much later, and in time whenever caller frames come, since each of them has the
//! session look at its deadlines.

use std::sync::LazyLock;
use std::time::Duration;

use tokio::time::Instant;

/// How far apart the moments are. The carrier still holds 100 ms when audio falls due.
const SLOT_NS: u128 = 40_000_000;

/// What the moments are counted from.
static EPOCH: LazyLock<Instant> = LazyLock::new(Instant::now);

/// The first moment that is not before `at`.
pub(super) fn not_before(at: Instant) -> Instant {
    let past = at.saturating_duration_since(*EPOCH).as_nanos() % SLOT_NS;
    match u64::try_from(past) {
        Ok(0) | Err(_) => at,
        Ok(past) => at + Duration::from_nanos(SLOT_NS as u64 - past),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deadlines_fall_together_and_never_early() {
        let slot = Duration::from_nanos(SLOT_NS as u64);
        let begin = not_before(*EPOCH + Duration::from_millis(1));
        assert_eq!(not_before(begin), begin);
        for ms in 1..=40 {
            assert_eq!(not_before(begin + Duration::from_millis(ms)), begin + slot);
        }
        let next = not_before(begin + Duration::from_millis(41));
        assert_eq!(next, begin + 2 * slot);
    }
}
