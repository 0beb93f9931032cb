//! The holidays on which work rests in Israel, by the Hebrew calendar.

use icu_calendar::Date;
use icu_calendar::cal::Hebrew;
use jiff::civil::Weekday;

use crate::model::wall::Day;

/// A holiday on which businesses are closed, kept for one day as in Israel; only Rosh Hashana has two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Holiday {
    /// 1 and 2 Tishrei.
    RoshHashana,
    /// 10 Tishrei.
    YomKippur,
    /// 15 Tishrei.
    Sukkot,
    /// 22 Tishrei.
    SimchatTorah,
    /// 15 Nisan.
    Pesach,
    /// 21 Nisan.
    SeventhOfPesach,
    /// 5 Iyar, moved away from Shabbat.
    IndependenceDay,
    /// 6 Sivan.
    Shavuot,
}

impl Holiday {
    /// The holiday of a day.
    pub fn on(day: Day) -> Option<Self> {
        let date = day.date();
        let (month, date_of_month) = hebrew(day)?;
        match (month, date_of_month) {
            (TISHREI, 1 | 2) => Some(Self::RoshHashana),
            (TISHREI, 10) => Some(Self::YomKippur),
            (TISHREI, 15) => Some(Self::Sukkot),
            (TISHREI, 22) => Some(Self::SimchatTorah),
            (NISAN, 15) => Some(Self::Pesach),
            (NISAN, 21) => Some(Self::SeventhOfPesach),
            (IYAR, date_of_month) => {
                is_independence_day(date_of_month, date.weekday()).then_some(Self::IndependenceDay)
            }
            (SIVAN, 6) => Some(Self::Shavuot),
            _ => None,
        }
    }

    /// The stable name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RoshHashana => "rosh_hashana",
            Self::YomKippur => "yom_kippur",
            Self::Sukkot => "sukkot",
            Self::SimchatTorah => "simchat_torah",
            Self::Pesach => "pesach",
            Self::SeventhOfPesach => "seventh_of_pesach",
            Self::IndependenceDay => "independence_day",
            Self::Shavuot => "shavuot",
        }
    }
}

// Month numbers as the calendar crate counts them: the leap month has the number of the one before it.
const TISHREI: u8 = 1;
const NISAN: u8 = 7;
const IYAR: u8 = 8;
const SIVAN: u8 = 9;

/// The month's number and the day within it; `None` in a leap month and beyond the calendar's range.
fn hebrew(day: Day) -> Option<(u8, u8)> {
    let date = day.date();
    let month = u8::try_from(date.month()).ok()?;
    let day_of_month = u8::try_from(date.day()).ok()?;
    let iso = Date::try_new_iso(date.year().into(), month, day_of_month).ok()?;
    let hebrew = iso.to_calendar(Hebrew);
    let month = hebrew.month().to_input();
    (!month.is_leap()).then(|| (month.number(), hebrew.day_of_month().0))
}

/// 5 Iyar; on a Friday or Saturday the Thursday before, so that it does not touch Shabbat; on a Monday
/// (since 2004) the Tuesday after, so that Memorial Day's eve does not.
const fn is_independence_day(day_of_iyar: u8, weekday: Weekday) -> bool {
    match weekday {
        Weekday::Thursday => matches!(day_of_iyar, 3..=5),
        Weekday::Tuesday => matches!(day_of_iyar, 5 | 6),
        Weekday::Monday | Weekday::Friday | Weekday::Saturday => false,
        Weekday::Sunday | Weekday::Wednesday => day_of_iyar == 5,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn days_of(year: i16, holiday: Holiday) -> Vec<String> {
        let first: Day = format!("{year}-01-01").parse().unwrap();
        let days = std::iter::successors(Some(first), |day| Some(day.next()));
        days.take_while(|day| day.date().year() == year)
            .filter(|day| Holiday::on(*day) == Some(holiday))
            .map(|day| day.to_string()[5..].to_owned())
            .collect()
    }

    /// The dates as published by the state's calendars.
    #[test]
    fn the_holidays_of_2024_to_2027() {
        use Holiday::*;
        let published = [
            (
                RoshHashana,
                ["10-03 10-04", "09-23 09-24", "09-12 09-13", "10-02 10-03"],
            ),
            (YomKippur, ["10-12", "10-02", "09-21", "10-11"]),
            (Sukkot, ["10-17", "10-07", "09-26", "10-16"]),
            (SimchatTorah, ["10-24", "10-14", "10-03", "10-23"]),
            (Pesach, ["04-23", "04-13", "04-02", "04-22"]),
            (SeventhOfPesach, ["04-29", "04-19", "04-08", "04-28"]),
            (IndependenceDay, ["05-14", "05-01", "04-22", "05-12"]),
            (Shavuot, ["06-12", "06-02", "05-22", "06-11"]),
        ];
        for (holiday, years) in published {
            for (year, expected) in (2024..).zip(years) {
                assert_eq!(
                    days_of(year, holiday).join(" "),
                    expected,
                    "{holiday:?} {year}"
                );
            }
        }
    }

    #[test]
    fn every_year_has_nine_days_of_rest() {
        for year in 1990..2100_i16 {
            let first: Day = format!("{year}-01-01").parse().unwrap();
            let count = std::iter::successors(Some(first), |day| Some(day.next()))
                .take_while(|day| day.date().year() == year)
                .filter(|day| Holiday::on(*day).is_some())
                .count();
            assert_eq!(count, 9, "{year}");
        }
    }
}
