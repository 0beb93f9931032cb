//! How long is waited for the database, how much may wait for it, and how late the server itself may be.

use std::time::Duration;

use super::reader::Reader;
use crate::lag;
use crate::standby::Limits;

const DEFAULT_DATABASE_WAIT_MS: u64 = 5_000;
const DEFAULT_CALL_DATABASE_MS: u64 = 1_500;
const DEFAULT_WRITE_BEHIND_KB: u64 = 64 * 1_024;
const DEFAULT_LAG_LIMIT_MS: u64 = 500;
const DEFAULT_LAG_SECONDS: u64 = 3;
/// 64 GB: more than a month of talk on every line that one machine can carry.
const MOST_WRITE_BEHIND_KB: u64 = 64 * 1_024 * 1_024;

/// `PROSAAS_DATABASE_WAIT_MS`.
pub(super) fn of_requests<F: Fn(&str) -> Option<String>>(vars: &mut Reader<F>) -> Duration {
    milliseconds(vars, "PROSAAS_DATABASE_WAIT_MS", DEFAULT_DATABASE_WAIT_MS)
}

/// `PROSAAS_CALL_DATABASE_MS` and `PROSAAS_WRITE_BEHIND_KB`.
pub(super) fn of_calls<F: Fn(&str) -> Option<String>>(vars: &mut Reader<F>) -> Limits {
    let patience = milliseconds(vars, "PROSAAS_CALL_DATABASE_MS", DEFAULT_CALL_DATABASE_MS);
    let default = DEFAULT_WRITE_BEHIND_KB;
    let kilobytes = vars.parsed("PROSAAS_WRITE_BEHIND_KB", default, |text| {
        let kilobytes = text.parse().ok().filter(|kb| *kb <= MOST_WRITE_BEHIND_KB);
        kilobytes.ok_or_else(|| format!("expected kilobytes from 0 to {MOST_WRITE_BEHIND_KB}"))
    });
    Limits {
        patience,
        bytes: kilobytes * 1_024,
    }
}

/// `PROSAAS_LAG_LIMIT_MS` and `PROSAAS_LAG_SECONDS`.
pub(super) fn of_server<F: Fn(&str) -> Option<String>>(vars: &mut Reader<F>) -> lag::Limits {
    let most = milliseconds(vars, "PROSAAS_LAG_LIMIT_MS", DEFAULT_LAG_LIMIT_MS);
    let within = vars.parsed("PROSAAS_LAG_SECONDS", DEFAULT_LAG_SECONDS, |text| {
        let seconds = text.parse().ok().filter(|s| (1..=3_600).contains(s));
        seconds.ok_or_else(|| "expected seconds from 1 to 3600".to_owned())
    });
    lag::Limits {
        most,
        within: Duration::from_secs(within),
    }
}

fn milliseconds<F: Fn(&str) -> Option<String>>(
    vars: &mut Reader<F>,
    name: &'static str,
    default: u64,
) -> Duration {
    let waited = vars.parsed(name, default, |text| {
        let ms = text.parse().ok().filter(|ms| (50..=60_000).contains(ms));
        ms.ok_or_else(|| "expected milliseconds from 50 to 60000".to_owned())
    });
    Duration::from_millis(waited)
}
