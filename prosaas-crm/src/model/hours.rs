//! When a business is open: its week, its days of rest, its own exceptions.

use prosaas_core::{Error, Result};
use serde::{Deserialize, Serialize};

use super::check;
use super::id::HolidayId;
use super::wall::{Day, Minute, Zone};

/// An opening time within one day. A night is two of them: until `24:00`, and from `00:00`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "axum", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct OpenRange {
    /// From this minute on.
    #[cfg_attr(feature = "axum", schema(value_type = String, example = "09:00"))]
    pub from: Minute,
    /// Up to this minute.
    #[cfg_attr(feature = "axum", schema(value_type = String, example = "17:00"))]
    pub to: Minute,
}

/// The opening times of each day of the week, breaks being what lies between two of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "axum", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Week {
    /// Sunday, the first day of the week.
    pub sunday: Vec<OpenRange>,
    /// Monday.
    pub monday: Vec<OpenRange>,
    /// Tuesday.
    pub tuesday: Vec<OpenRange>,
    /// Wednesday.
    pub wednesday: Vec<OpenRange>,
    /// Thursday.
    pub thursday: Vec<OpenRange>,
    /// Friday.
    pub friday: Vec<OpenRange>,
    /// Saturday.
    pub saturday: Vec<OpenRange>,
}

/// A time of the day that depends on whether clocks are put forward.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "axum", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Seasonal {
    /// In winter.
    #[cfg_attr(feature = "axum", schema(value_type = String, example = "15:30"))]
    pub winter: Minute,
    /// In summer.
    #[cfg_attr(feature = "axum", schema(value_type = String, example = "17:15"))]
    pub summer: Minute,
}

/// Whose holidays a business keeps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "axum", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum HolidayCalendar {
    /// Israel's, by the Hebrew calendar.
    #[default]
    Israel,
    /// None: it is open on every day of its week.
    None,
}

/// When rest begins and ends on Shabbat and on holidays.
///
/// Fixed times by the season rather than the sunset of each week: that is how businesses publish
/// their hours, and it needs no place on the map.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "axum", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, default)]
pub struct RestDays {
    /// Closed from Friday evening to Saturday night.
    pub shabbat: bool,
    /// When the business closes on the eve of a holiday, if it does not close earlier anyway.
    #[cfg_attr(feature = "axum", schema(value_type = String, example = "13:00"))]
    pub eve_closes_at: Minute,
    /// When rest begins on the evening before.
    pub begins: Seasonal,
    /// When rest ends on the last evening.
    pub ends: Seasonal,
}

impl Default for RestDays {
    /// Kept, at times that hold for every week of the season in the whole country.
    fn default() -> Self {
        Self {
            shabbat: true,
            eve_closes_at: Minute::at(13, 0),
            begins: Seasonal {
                winter: Minute::at(15, 30),
                summer: Minute::at(17, 15),
            },
            ends: Seasonal {
                winter: Minute::at(19, 0),
                summer: Minute::at(20, 45),
            },
        }
    }
}

/// When a business is open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "axum", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, default)]
pub struct OpeningHours {
    /// The zone its clocks show.
    #[cfg_attr(feature = "axum", schema(value_type = String, example = "Asia/Jerusalem"))]
    pub time_zone: Zone,
    /// Its holidays.
    pub holiday_calendar: HolidayCalendar,
    /// Its week.
    pub week: Week,
    /// Shabbat, and how holidays begin and end.
    pub rest: RestDays,
}

impl Default for OpeningHours {
    /// Israeli office hours, until the business says otherwise.
    fn default() -> Self {
        Self {
            time_zone: Zone::default(),
            holiday_calendar: HolidayCalendar::default(),
            week: Week::office(),
            rest: RestDays::default(),
        }
    }
}

impl OpeningHours {
    /// Whether the ranges make sense.
    ///
    /// # Errors
    /// `Invalid` when a day's ranges are empty, overlap, are out of order or too many.
    pub fn check(&self) -> Result<()> {
        self.week.days().into_iter().try_for_each(check_ranges)
    }
}

impl Week {
    /// The days, Sunday first.
    pub fn days(&self) -> [&[OpenRange]; 7] {
        [
            &self.sunday,
            &self.monday,
            &self.tuesday,
            &self.wednesday,
            &self.thursday,
            &self.friday,
            &self.saturday,
        ]
    }

    /// Sunday to Thursday, nine to five.
    pub fn office() -> Self {
        let day = vec![OpenRange {
            from: Minute::at(9, 0),
            to: Minute::at(17, 0),
        }];
        Self {
            sunday: day.clone(),
            monday: day.clone(),
            tuesday: day.clone(),
            wednesday: day.clone(),
            thursday: day,
            ..Self::default()
        }
    }
}

/// A day on which a business keeps other hours than its week and the calendar say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "axum", derive(utoipa::ToSchema))]
pub struct SpecialDay {
    /// Its id.
    pub id: HolidayId,
    /// The version, for `If-Match`.
    pub version: u64,
    /// What it is.
    #[serde(flatten)]
    pub day: NewSpecialDay,
}

/// A day of other hours, as it is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "axum", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "axum", schema(example = json!({ "date": "2026-08-01", "name": "Annual leave" })))]
#[serde(deny_unknown_fields)]
pub struct NewSpecialDay {
    /// The day.
    #[cfg_attr(feature = "axum", schema(value_type = String, format = Date))]
    pub date: Day,
    /// What callers are told, such as `annual leave`.
    pub name: String,
    /// When it is open; never when empty.
    #[serde(default)]
    pub open: Vec<OpenRange>,
}

impl NewSpecialDay {
    /// The input, cleaned.
    ///
    /// # Errors
    /// `Invalid` names the field.
    pub fn checked(mut self) -> Result<Self> {
        self.name = check::line("name", &self.name, check::MAX_NAME)?;
        check_ranges(&self.open)?;
        Ok(self)
    }
}

fn check_ranges(ranges: &[OpenRange]) -> Result<()> {
    check::at_most("hours", ranges, 8)?;
    let is_forward = ranges.iter().all(|range| range.from < range.to);
    let is_ordered = ranges.windows(2).all(|pair| pair[0].to <= pair[1].from);
    if is_forward && is_ordered {
        return Ok(());
    }
    let expected = "expected ranges one after another, each beginning before it ends";
    Err(Error::invalid("hours", expected))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(from: &str, to: &str) -> OpenRange {
        OpenRange {
            from: from.parse().unwrap(),
            to: to.parse().unwrap(),
        }
    }

    #[test]
    fn ranges_follow_one_another() {
        let good = [range("09:00", "13:00"), range("16:00", "24:00")];
        assert!(check_ranges(&good).is_ok());
        for bad in [
            vec![range("13:00", "13:00")],
            vec![range("13:00", "09:00")],
            vec![range("16:00", "19:00"), range("09:00", "13:00")],
            vec![range("09:00", "13:00"), range("12:59", "14:00")],
            vec![range("09:00", "09:01"); 9],
        ] {
            assert!(check_ranges(&bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn hours_read_back_and_refuse_what_they_do_not_know() {
        let hours = OpeningHours::default();
        assert_eq!(serde_json::from_str::<OpeningHours>("{}").unwrap(), hours);
        let text = serde_json::to_string(&hours).unwrap();
        assert_eq!(serde_json::from_str::<OpeningHours>(&text).unwrap(), hours);
        assert!(text.contains(r#""sunday":[{"from":"09:00","to":"17:00"}]"#));
        let odd = text.replacen("sunday", "caturday", 1);
        assert!(serde_json::from_str::<OpeningHours>(&odd).is_err());
    }
}
