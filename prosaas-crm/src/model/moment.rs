//! A moment as the API writes it.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use prosaas_core::{Error, Result, UnixMillis};

/// A moment that is written and read as RFC 3339 in UTC, such as `2026-06-01T08:30:00.250Z`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(UnixMillis);

impl Moment {
    /// The milliseconds.
    pub const fn millis(self) -> UnixMillis {
        self.0
    }
}

impl From<UnixMillis> for Moment {
    fn from(at: UnixMillis) -> Self {
        Self(at)
    }
}

impl From<Moment> for UnixMillis {
    fn from(at: Moment) -> Self {
        at.0
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = Timestamp::from_millisecond(self.0.0).unwrap_or_default();
        write!(f, "{at:.3}")
    }
}

impl fmt::Debug for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Moment {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        // Longer texts are bracketed zones and absurd fractions, which RFC 3339 does not know.
        let at: Option<Timestamp> = (text.len() <= 40 && !text.contains('['))
            .then(|| text.parse().ok())
            .flatten();
        // Four-digit years from 1970 on: what is printed can be read again.
        at.map(Timestamp::as_millisecond)
            .filter(|millis| (0..=253_402_207_200_000).contains(millis))
            .map(|millis| Self(UnixMillis(millis)))
            .ok_or_else(|| {
                Error::invalid(
                    "time",
                    "expected RFC 3339 such as `2026-06-01T08:30:00Z`, 1970 or later",
                )
            })
    }
}

super::wall::as_text!(Moment);

#[cfg(feature = "axum")]
impl utoipa::PartialSchema for Moment {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, SchemaFormat, SchemaType, Type};
        ObjectBuilder::new()
            .schema_type(SchemaType::Type(Type::String))
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
            .examples(["2026-06-01T08:30:00.000Z"])
            .into()
    }
}

#[cfg(feature = "axum")]
impl utoipa::ToSchema for Moment {
    fn name() -> std::borrow::Cow<'static, str> {
        std::borrow::Cow::Borrowed("Moment")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_rfc_3339_in_utc() {
        let at: Moment = "2026-06-01T11:30:00.25+03:00".parse().unwrap();
        assert_eq!(at.to_string(), "2026-06-01T08:30:00.250Z");
        assert_eq!(at.to_string().parse::<Moment>().unwrap(), at);
        let text = serde_json::to_string(&Some(at)).unwrap();
        assert_eq!(
            serde_json::from_str::<Option<Moment>>(&text).unwrap(),
            Some(at)
        );
    }

    #[test]
    fn what_is_no_moment_is_refused() {
        for bad in [
            "",
            "now",
            "2026-06-01",
            "2026-06-01T08:30:00",
            "1969-12-31T23:59:59Z",
            "9999-12-31T23:59:59Z",
            "2026-06-01T08:30:00Z[UTC]",
            "-000001-01-01T00:00:00Z",
        ] {
            assert!(bad.parse::<Moment>().is_err(), "{bad}");
        }
    }
}
