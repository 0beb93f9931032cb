//! Moments as the REST API writes them, and days as it is asked for them.

use prosaas_core::UnixMillis;

use crate::calendar::{DAY_MS, MONTHS, date_of, days_of, digits};

/// Reads RFC 2822 as Twilio writes it, such as `Tue, 14 Nov 2023 22:13:20 +0000`. The name of the weekday is
/// not checked.
pub(super) fn parse(text: &str) -> Option<UnixMillis> {
    let text = text.split_once(", ").map_or(text, |(_, rest)| rest);
    let words: Vec<&str> = text.split(' ').collect();
    let [day, month, year, clock, zone] = words[..] else {
        return None;
    };
    let month = MONTHS.iter().position(|name| *name == month)? as i64 + 1;
    let date = (digits(year, 4)?, month, digits(day, 2)?);
    let days = days_of(date);
    // A day that the month does not have comes back as another one.
    let is_a_day = year.len() == 4 && date_of(days) == date;
    let seconds = seconds_of(clock)? - offset_of(zone)?;
    is_a_day.then_some(UnixMillis(days * DAY_MS + seconds * 1_000))
}

/// The seconds of a time such as `22:13:20`.
fn seconds_of(clock: &str) -> Option<i64> {
    let parts: Vec<&str> = clock.split(':').collect();
    let [hours, minutes, seconds] = parts[..] else {
        return None;
    };
    let (hours, minutes, seconds) = (digits(hours, 2)?, digits(minutes, 2)?, digits(seconds, 2)?);
    // A leap second counts as the one after it.
    (hours < 24 && minutes < 60 && seconds <= 60).then_some(hours * 3_600 + minutes * 60 + seconds)
}

/// The seconds that a zone such as `+0200` is ahead.
fn offset_of(zone: &str) -> Option<i64> {
    let (sign, hhmm) = match zone.strip_prefix('-') {
        Some(hhmm) => (-1, hhmm),
        None => (1, zone.strip_prefix('+')?),
    };
    let number = digits(hhmm, 4).filter(|_| hhmm.len() == 4)?;
    let (hours, minutes) = (number / 100, number % 100);
    (hours < 24 && minutes < 60).then_some(sign * (hours * 3_600 + minutes * 60))
}

/// The day of a moment in UTC, such as `2023-11-14`.
pub(super) fn day(at: UnixMillis) -> String {
    let (year, month, day) = date_of(at.0.div_euclid(DAY_MS));
    format!("{year:04}-{month:02}-{day:02}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn twilios_moments_are_read() {
        for (text, at) in [
            ("Tue, 14 Nov 2023 22:13:20 +0000", 1_700_000_000_000),
            ("14 Nov 2023 22:13:20 +0000", 1_700_000_000_000),
            ("Wed, 15 Nov 2023 00:13:20 +0200", 1_700_000_000_000),
            ("Tue, 14 Nov 2023 20:43:20 -0130", 1_700_000_000_000),
            ("Thu, 01 Jan 1970 00:00:00 +0000", 0),
        ] {
            assert_eq!(parse(text), Some(UnixMillis(at)), "{text}");
        }
    }

    #[test]
    fn what_is_no_moment_is_refused() {
        for bad in [
            "",
            "yesterday",
            "2023-11-14T22:13:20Z",
            "Tue, 14 Nov 23 22:13:20 +0000",
            "Tue, 31 Nov 2023 22:13:20 +0000",
            "Tue, 00 Nov 2023 22:13:20 +0000",
            "Tue, 14 nov 2023 22:13:20 +0000",
            "Tue, 14 Nov 2023 24:13:20 +0000",
            "Tue, 14 Nov 2023 22:13 +0000",
            "Tue, 14 Nov 2023 22:13:20",
            "Tue, 14 Nov 2023 22:13:20 0000",
            "Tue, 14 Nov 2023 22:13:20 +00:00",
            "Tue, 14 Nov 2023 22:13:20 +0000 ",
        ] {
            assert_eq!(parse(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn a_day_is_that_of_utc() {
        assert_eq!(day(UnixMillis(1_700_000_000_000)), "2023-11-14");
        assert_eq!(day(UnixMillis(-1)), "1969-12-31");
    }

    proptest! {
        #[test]
        fn no_text_is_too_strange(text in "\\PC{0,40}") {
            let _ = parse(&text);
        }
    }
}
