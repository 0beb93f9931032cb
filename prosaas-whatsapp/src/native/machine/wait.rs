//! How long to wait before the next try. Pure.

const BASE_MS: i64 = 1_000;
const CAP_MS: i64 = 60_000;
/// After so many failures the cap rises.
const MANY: u32 = 10;
const CAP_AFTER_MANY_MS: i64 = 300_000;
/// Without a network WhatsApp sees none of our tries: look often, to be back soon after it returns.
const UNREACHABLE_CAP_MS: i64 = 3_000;
const REPLACED_MS: i64 = 30_000;
const BROKEN_MS: i64 = 600_000;
const BROKEN_CAP_MS: i64 = 6 * 3_600_000;

/// The longest wait after that many failures in a row (1 for the first).
pub(super) fn back_off_ms(failures: u32, unreachable: bool) -> i64 {
    let doubled = BASE_MS << failures.saturating_sub(1).min(20);
    let cap = match (unreachable, failures > MANY) {
        (true, _) => UNREACHABLE_CAP_MS,
        (false, false) => CAP_MS,
        (false, true) => CAP_AFTER_MANY_MS,
    };
    doubled.min(cap)
}

/// A time between nothing and `longest`: many links that fell together do not come back together.
pub(super) fn jittered(longest: i64, random: f64) -> i64 {
    (longest as f64 * random.clamp(0.0, 1.0)) as i64
}

/// After the n-th time that another program took the link: at least 30 s, doubling, with up to half more by chance.
pub(super) fn replaced_ms(times: u32, random: f64) -> i64 {
    let wait = REPLACED_MS << times.saturating_sub(1).min(10);
    wait + jittered(wait / 2, random)
}

/// After the n-th time that a link counted as broken: 10 minutes, doubling to 6 hours.
pub(super) fn broken_ms(times: u32) -> i64 {
    (BROKEN_MS << times.saturating_sub(1).min(10)).min(BROKEN_CAP_MS)
}
