//! Days and dates of the Gregorian calendar, in UTC: what Twilio's REST API writes and asks for.

/// Milliseconds of a day.
pub(crate) const DAY_MS: i64 = 86_400_000;

/// The months as RFC 2822 writes them.
pub(crate) const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// Days of 400 years, after which the calendar repeats.
const DAYS_OF_ERA: i64 = 146_097;
/// Days from 0000-03-01, where the eras are counted from, to 1970-01-01.
const DAYS_TO_1970: i64 = 719_468;

/// The days from 1970-01-01 to a date: year, month from 1, day from 1.
///
/// Years begin in March here, so that a leap day is the last one of its year.
pub(crate) fn days_of((year, month, day): (i64, i64, i64)) -> i64 {
    let year = year - i64::from(month <= 2);
    let in_era = year.rem_euclid(400);
    let month = if month > 2 { month - 3 } else { month + 9 };
    let in_year = (153 * month + 2) / 5 + day - 1;
    let in_era = in_era * 365 + in_era / 4 - in_era / 100 + in_year;
    year.div_euclid(400) * DAYS_OF_ERA + in_era - DAYS_TO_1970
}

/// The date that is so many days after 1970-01-01.
pub(crate) fn date_of(days: i64) -> (i64, i64, i64) {
    let days = days + DAYS_TO_1970;
    let in_era = days.rem_euclid(DAYS_OF_ERA);
    let year = (in_era - in_era / 1_460 + in_era / 36_524 - in_era / 146_096) / 365;
    let in_year = in_era - (365 * year + year / 4 - year / 100);
    let month = (5 * in_year + 2) / 153;
    let day = in_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year + days.div_euclid(DAYS_OF_ERA) * 400 + i64::from(month <= 2);
    (year, month, day)
}

/// A number of at most so many decimal digits, without a sign.
pub(crate) fn digits(text: &str, at_most: usize) -> Option<i64> {
    let is_number =
        (1..=at_most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn dates_are_counted_from_1970() {
        for (date, days) in [
            ((1970, 1, 1), 0),
            ((1969, 12, 31), -1),
            ((2000, 2, 29), 11_016),
            ((2000, 3, 1), 11_017),
            ((2023, 11, 14), 19_675),
        ] {
            assert_eq!(days_of(date), days, "{date:?}");
            assert_eq!(date_of(days), date, "{days}");
        }
        // There is no such day: it is the one after.
        assert_eq!(date_of(days_of((2026, 2, 29))), (2026, 3, 1));
    }

    #[test]
    fn only_digits_are_a_number() {
        assert_eq!(digits("07", 2), Some(7));
        for bad in ["", "123", "+1", "-1", " 1", "1a", "٣"] {
            assert_eq!(digits(bad, 2), None, "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn every_day_has_a_date_of_its_own(days in -1_000_000_i64..1_000_000) {
            prop_assert_eq!(days_of(date_of(days)), days);
        }
    }
}
