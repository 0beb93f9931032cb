//! Moments in JSON: RFC 3339 in UTC, to the millisecond.

use std::borrow::Cow;

use prosaas_core::UnixMillis;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A moment as the API writes it: `2026-11-23T06:45:56.123Z`. Any offset is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(pub UnixMillis);

impl Time {
    /// The years that are taken: what every database, calendar and clock at the other end can say.
    const YEARS: std::ops::RangeInclusive<i16> = 1900..=2999;

    /// The milliseconds.
    pub const fn millis(self) -> UnixMillis {
        self.0
    }

    fn timestamp(self) -> jiff::Timestamp {
        jiff::Timestamp::from_millisecond(self.0.0).unwrap_or_default()
    }

    /// Reads an RFC 3339 moment; `None` when it is none, or of another age.
    pub fn parse(text: &str) -> Option<Self> {
        // RFC 3339 and not all of ISO 8601: no week dates, no brackets, no date alone.
        let plain = text.bytes().all(|b| {
            matches!(
                b,
                b'0'..=b'9' | b'-' | b':' | b'.' | b'+' | b'T' | b't' | b'Z' | b'z'
            )
        });
        if text.len() > 40 || !plain {
            return None;
        }
        let at: jiff::Timestamp = text.parse().ok()?;
        let year = at.to_zoned(jiff::tz::TimeZone::UTC).year();
        Self::YEARS
            .contains(&year)
            .then(|| Self(UnixMillis(at.as_millisecond())))
    }
}

impl From<UnixMillis> for Time {
    fn from(at: UnixMillis) -> Self {
        Self(at)
    }
}

impl From<Time> for UnixMillis {
    fn from(time: Time) -> Self {
        time.0
    }
}

impl std::fmt::Display for Time {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:.3}", self.timestamp())
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text)
            .ok_or_else(|| D::Error::custom("expected a moment such as 2026-11-23T06:45:56Z"))
    }
}

#[cfg(feature = "axum")]
mod schema {
    use std::borrow::Cow;

    use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, SchemaFormat, SchemaType, Type};
    use utoipa::openapi::{RefOr, Schema};
    use utoipa::{PartialSchema, ToSchema};

    use super::Time;

    impl PartialSchema for Time {
        fn schema() -> RefOr<Schema> {
            ObjectBuilder::new()
                .schema_type(SchemaType::Type(Type::String))
                .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
                .examples(["2026-11-23T06:45:56.123Z"])
                .into()
        }
    }

    impl ToSchema for Time {
        fn name() -> Cow<'static, str> {
            Cow::Borrowed("Time")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_written_in_utc_to_the_millisecond() {
        let at = Time(UnixMillis(1_750_000_000_005));
        assert_eq!(at.to_string(), "2025-06-15T15:06:40.005Z");
        assert_eq!(Time::parse(&at.to_string()), Some(at));
        assert_eq!(Time(UnixMillis(0)).to_string(), "1970-01-01T00:00:00.000Z");
    }

    #[test]
    fn any_offset_is_read() {
        let utc = Time::parse("2026-11-23T06:00:00Z");
        assert!(utc.is_some());
        assert_eq!(Time::parse("2026-11-23T08:00:00+02:00"), utc);
    }

    #[test]
    fn other_texts_are_no_moments() {
        for text in [
            "",
            "2026-11-23",
            "2026-11-23T06:00:00",
            "0001-01-01T00:00:00Z",
            "9999-01-01T00:00:00Z",
            "2026-11-23T06:00:00Z[Asia/Jerusalem]",
            "yesterday",
        ] {
            assert_eq!(Time::parse(text), None, "{text}");
        }
    }
}
