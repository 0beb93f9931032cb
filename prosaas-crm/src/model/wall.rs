//! Time as a business reads it off the wall: zones, days and minutes of the day.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use prosaas_core::{Error, Result, UnixMillis};

/// Written and read as its text.
macro_rules! as_text {
    ($name:ident) => {
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(
                &self,
                serializer: S,
            ) -> std::result::Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(
                deserializer: D,
            ) -> std::result::Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

/// A time zone by its name in the tz database, which is compiled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone(TimeZone);

impl Zone {
    /// The zone's name.
    pub fn name(&self) -> &str {
        self.0.iana_name().unwrap_or("UTC")
    }

    /// The day in this zone that a moment falls on.
    pub fn day_of(&self, at: UnixMillis) -> Day {
        Day(self.zoned(at).date())
    }

    /// The month in this zone that a moment falls in, such as `2026-11`.
    pub fn month_of(&self, at: UnixMillis) -> String {
        let date = self.zoned(at).date();
        format!("{:04}-{:02}", date.year(), date.month())
    }

    /// The minute of its day that a moment falls on.
    pub fn minute_of(&self, at: UnixMillis) -> Minute {
        let time = self.zoned(at).time();
        Minute(time.hour().unsigned_abs().into()).times_60_plus(time.minute().unsigned_abs())
    }

    /// The day and the minute that a moment falls on, as spreadsheets read them: `2026-11-29 08:05`.
    pub fn written(&self, at: UnixMillis) -> String {
        let zoned = self.zoned(at);
        format!("{} {:02}:{:02}", zoned.date(), zoned.hour(), zoned.minute())
    }

    /// Whether clocks are put forward at that moment.
    pub fn is_summer(&self, at: UnixMillis) -> bool {
        let zoned = self.zoned(at);
        self.0.to_offset_info(zoned.timestamp()).dst().is_dst()
    }

    /// The moment of a minute of a day. A minute that the change to summer time leaves out is moved
    /// behind the gap; of one that comes twice the first is meant.
    pub fn moment(&self, day: Day, minute: Minute) -> UnixMillis {
        let midnight = day.0.to_datetime(jiff::civil::Time::midnight());
        let at = midnight.saturating_add(jiff::Span::new().minutes(i64::from(minute.0)));
        let zoned = self.0.to_ambiguous_zoned(at).compatible();
        zoned.map_or(UnixMillis(i64::MAX), |zoned| {
            UnixMillis(zoned.timestamp().as_millisecond())
        })
    }

    fn zoned(&self, at: UnixMillis) -> jiff::Zoned {
        let timestamp = Timestamp::from_millisecond(at.0).unwrap_or(if at.0 < 0 {
            Timestamp::MIN
        } else {
            Timestamp::MAX
        });
        timestamp.to_zoned(self.0.clone())
    }
}

impl Default for Zone {
    /// Israel's, where the businesses are.
    fn default() -> Self {
        "Asia/Jerusalem".parse().unwrap_or(Self(TimeZone::UTC))
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Zone {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self> {
        let wrong = |_| {
            Error::invalid(
                "time_zone",
                "expected a name of the tz database such as `Asia/Jerusalem`",
            )
        };
        TimeZone::get(text).map(Self).map_err(wrong)
    }
}
as_text!(Zone);

/// A day of the calendar, without a zone.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(Date);

impl Day {
    /// The date.
    pub const fn date(self) -> Date {
        self.0
    }

    /// The day after; the last day there is comes after itself.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(jiff::Span::new().days(1)))
    }
}

impl From<Date> for Day {
    fn from(date: Date) -> Self {
        Self(date)
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl FromStr for Day {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self> {
        let is_plain = text.len() == 10;
        let date = is_plain.then(|| text.parse().ok()).flatten();
        date.map(Self)
            .ok_or_else(|| Error::invalid("date", "expected a date such as `2026-09-12`"))
    }
}
as_text!(Day);

/// A minute of the day, `00:00` to `24:00`; the last one is the end of the day.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Minute(u16);

impl Minute {
    /// The beginning of the day.
    pub const FIRST: Self = Self(0);
    /// The end of the day.
    pub const LAST: Self = Self(24 * 60);

    /// The minute of the day at an hour and a minute; what lies behind the end of the day is its end.
    pub const fn at(hour: u8, minute: u8) -> Self {
        let minutes = hour as u16 * 60 + minute as u16;
        if minutes > Self::LAST.0 {
            return Self::LAST;
        }
        Self(minutes)
    }

    const fn times_60_plus(self, minute: u8) -> Self {
        Self(self.0 * 60 + minute as u16)
    }
}

impl fmt::Display for Minute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.0 / 60, self.0 % 60)
    }
}

impl fmt::Debug for Minute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Minute {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self> {
        let two = |digits: &str| {
            let is_number = digits.len() == 2 && digits.bytes().all(|b| b.is_ascii_digit());
            is_number.then(|| digits.parse::<u8>().ok()).flatten()
        };
        let parsed = text.split_once(':').and_then(|(hour, minute)| {
            let (hour, minute) = (two(hour)?, two(minute)?);
            let is_time = (hour < 24 && minute < 60) || (hour, minute) == (24, 0);
            is_time.then(|| Self::at(hour, minute))
        });
        parsed.ok_or_else(|| Error::invalid("time", "expected a time of the day such as `09:30`"))
    }
}
as_text!(Minute);

/// A stretch of time between two moments: the first belongs to it, the last does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    /// Its beginning.
    pub from: UnixMillis,
    /// Its end.
    pub until: UnixMillis,
}

impl Span {
    /// Whether a moment lies in it.
    pub fn contains(&self, at: UnixMillis) -> bool {
        self.from <= at && at < self.until
    }

    /// Whether the two share a moment.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.from < other.until && other.from < self.until
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minutes_of_the_day_parse_back() {
        for text in ["00:00", "09:30", "23:59", "24:00"] {
            assert_eq!(text.parse::<Minute>().unwrap().to_string(), text);
        }
        for bad in [
            "", "9:30", "24:01", "12:60", "+1:00", "12:0a", "12", "12:00:00",
        ] {
            assert!(bad.parse::<Minute>().is_err(), "{bad}");
        }
    }

    #[test]
    fn zones_come_from_the_database_that_is_compiled_in() {
        let zone: Zone = "Asia/Jerusalem".parse().unwrap();
        assert_eq!(zone, Zone::default());
        assert_eq!(zone.name(), "Asia/Jerusalem");
        assert!("Mars/Olympus".parse::<Zone>().is_err());
        assert!("2026-02-30".parse::<Day>().is_err());
    }

    #[test]
    fn the_hour_that_summer_time_leaves_out_is_moved_behind_the_gap() {
        let zone = Zone::default();
        let day: Day = "2026-03-27".parse().unwrap();
        let skipped = zone.moment(day, Minute::at(2, 30));
        assert_eq!(zone.minute_of(skipped), Minute::at(3, 30));
        assert!(zone.is_summer(skipped));
        assert!(!zone.is_summer(zone.moment(day, Minute::at(1, 59))));
        let next = zone.moment(day, Minute::LAST);
        assert_eq!(next, zone.moment(day.next(), Minute::FIRST));
        assert_eq!(zone.day_of(next), day.next());
    }
}
