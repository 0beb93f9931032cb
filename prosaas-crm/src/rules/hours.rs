//! Whether a business is open at a moment, and when it opens next.

use std::ops::Range;

use jiff::civil::Weekday;
use prosaas_core::UnixMillis;

use super::holidays::Holiday;
use crate::model::hours::{HolidayCalendar, NewSpecialDay, OpenRange, OpeningHours, Seasonal};
use crate::model::wall::{Day, Minute, Span};

/// How many days ahead the next opening is looked for. The longest run of holidays is a fraction of it.
const HORIZON_DAYS: usize = 62;

/// The hours of a business with its special days.
#[derive(Clone, Copy, Debug)]
pub struct Schedule<'a> {
    /// Its week and days of rest.
    pub hours: &'a OpeningHours,
    /// Its own exceptions, in any order. They win over the week and over the calendar.
    pub special: &'a [NewSpecialDay],
}

/// Whether a business is open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Openness {
    /// It is, until this moment.
    Open {
        /// When it closes.
        until: UnixMillis,
    },
    /// It is not.
    Closed {
        /// Why.
        reason: ClosedReason,
        /// When it opens again; `None` when it does not within two months.
        opens_at: Option<UnixMillis>,
    },
}

/// Why a business is closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClosedReason {
    /// It is not the time of the day, or of the week.
    OutsideHours,
    /// It is Shabbat, or Friday evening.
    Shabbat,
    /// It is a holiday, or its eve.
    Holiday(Holiday),
    /// The business's own exception, by its name.
    Special(String),
}

impl Schedule<'_> {
    /// Whether the business is open at a moment.
    pub fn at(&self, at: UnixMillis) -> Openness {
        let today = self.hours.time_zone.day_of(at);
        let mut spans = days_from(today)
            .take(HORIZON_DAYS)
            .flat_map(|day| self.spans_of(day))
            .skip_while(|span| span.until <= at);
        match spans.next() {
            Some(span) if span.contains(at) => Openness::Open {
                until: spans.fold(span.until, |until, next| {
                    if next.from == until {
                        next.until
                    } else {
                        until
                    }
                }),
            },
            next => Openness::Closed {
                reason: self.reason(today, at),
                opens_at: next.map(|span| span.from),
            },
        }
    }

    /// The opening times between two moments, in order, cut to them.
    pub fn open_between(&self, from: UnixMillis, until: UnixMillis) -> Vec<Span> {
        let zone = &self.hours.time_zone;
        let last = zone.day_of(until);
        let days = days_from(zone.day_of(from)).take_while(|day| *day <= last);
        days.take(HORIZON_DAYS)
            .flat_map(|day| self.spans_of(day))
            .map(|span| Span {
                from: span.from.max(from),
                until: span.until.min(until),
            })
            .filter(|span| span.from < span.until)
            .collect()
    }

    fn spans_of(&self, day: Day) -> Vec<Span> {
        let zone = &self.hours.time_zone;
        let span = |range: Range<Minute>| Span {
            from: zone.moment(day, range.start),
            until: zone.moment(day, range.end),
        };
        let ranges = self.ranges_of(day);
        ranges
            .into_iter()
            .map(span)
            .filter(|s| s.from < s.until)
            .collect()
    }

    /// The opening times of a day, in minutes of it.
    fn ranges_of(&self, day: Day) -> Vec<Range<Minute>> {
        let open = |ranges: &[OpenRange]| -> Vec<_> {
            ranges.iter().map(|range| range.from..range.to).collect()
        };
        if let Some(special) = self.special_day(day) {
            return open(&special.open);
        }
        let weekday = day.date().weekday().to_sunday_zero_offset();
        let week = self.hours.week.days();
        let ranges = week.get(usize::try_from(weekday).unwrap_or_default());
        let work = self.working_part(day);
        open(ranges.copied().unwrap_or_default())
            .into_iter()
            .map(|range| range.start.max(work.start)..range.end.min(work.end))
            .filter(|range| range.start < range.end)
            .collect()
    }

    /// What Shabbat and the holidays leave of a day.
    fn working_part(&self, day: Day) -> Range<Minute> {
        let rest = &self.hours.rest;
        let (today, tomorrow) = (self.rest_of(day), self.rest_of(day.next()));
        // Noon decides the season: on the two days when it changes, it has changed by then.
        let noon = self.hours.time_zone.moment(day, Minute::at(12, 0));
        let is_summer = self.hours.time_zone.is_summer(noon);
        let of_season = |times: Seasonal| {
            if is_summer {
                times.summer
            } else {
                times.winter
            }
        };
        match (today, tomorrow) {
            (None, None) => Minute::FIRST..Minute::LAST,
            (None, Some(ClosedReason::Shabbat)) => Minute::FIRST..of_season(rest.begins),
            (None, Some(_)) => Minute::FIRST..rest.eve_closes_at.min(of_season(rest.begins)),
            (Some(_), None) => of_season(rest.ends)..Minute::LAST,
            (Some(_), Some(_)) => Minute::LAST..Minute::LAST,
        }
    }

    /// The rest that a day is for, if the business keeps it.
    fn rest_of(&self, day: Day) -> Option<ClosedReason> {
        let rest = &self.hours.rest;
        let keeps_holidays = self.hours.holiday_calendar == HolidayCalendar::Israel;
        let holiday = Holiday::on(day).filter(|_| keeps_holidays);
        let is_shabbat = rest.shabbat && day.date().weekday() == Weekday::Saturday;
        let shabbat = is_shabbat.then_some(ClosedReason::Shabbat);
        holiday.map(ClosedReason::Holiday).or(shabbat)
    }

    /// Why the business is closed at a moment of a day at which it is.
    fn reason(&self, day: Day, at: UnixMillis) -> ClosedReason {
        if let Some(special) = self.special_day(day) {
            return ClosedReason::Special(special.name.clone());
        }
        let minute = self.hours.time_zone.minute_of(at);
        let work = self.working_part(day);
        let rest = if minute < work.start {
            self.rest_of(day)
        } else if minute >= work.end {
            self.rest_of(day.next())
        } else {
            None
        };
        rest.unwrap_or(ClosedReason::OutsideHours)
    }

    fn special_day(&self, day: Day) -> Option<&NewSpecialDay> {
        self.special.iter().find(|special| special.date == day)
    }
}

fn days_from(day: Day) -> impl Iterator<Item = Day> {
    std::iter::successors(Some(day), |day| Some(day.next()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::hours::{RestDays, Week};

    fn range(from: &str, to: &str) -> OpenRange {
        OpenRange {
            from: from.parse().unwrap(),
            to: to.parse().unwrap(),
        }
    }

    /// Sunday to Thursday 9-13 and 16-19, Friday 9-14, Saturday night 20-24.
    fn shop() -> OpeningHours {
        let day = vec![range("09:00", "13:00"), range("16:00", "19:00")];
        OpeningHours {
            week: Week {
                sunday: day.clone(),
                monday: day.clone(),
                tuesday: day.clone(),
                wednesday: day.clone(),
                thursday: day,
                friday: vec![range("09:00", "14:00")],
                saturday: vec![range("20:00", "24:00")],
            },
            ..OpeningHours::default()
        }
    }

    fn moment(hours: &OpeningHours, text: &str) -> UnixMillis {
        let (day, minute) = text.split_once(' ').unwrap();
        hours
            .time_zone
            .moment(day.parse().unwrap(), minute.parse().unwrap())
    }

    /// What the schedule says, as text in the business's own time.
    fn said(hours: &OpeningHours, special: &[NewSpecialDay], at: &str) -> String {
        let zone = &hours.time_zone;
        let local = |at| format!("{} {}", zone.day_of(at), zone.minute_of(at));
        match (Schedule { hours, special }).at(moment(hours, at)) {
            Openness::Open { until } => format!("open until {}", local(until)),
            Openness::Closed { reason, opens_at } => {
                let reason = match reason {
                    ClosedReason::Holiday(holiday) => holiday.as_str().to_owned(),
                    ClosedReason::Special(name) => name,
                    other => format!("{other:?}"),
                };
                let opens = opens_at.map_or_else(|| "never".to_owned(), local);
                format!("{reason} until {opens}")
            }
        }
    }

    #[test]
    fn an_ordinary_week() {
        for (at, expected) in [
            ("2026-06-01 08:59", "OutsideHours until 2026-06-01 09:00"),
            ("2026-06-01 09:00", "open until 2026-06-01 13:00"),
            ("2026-06-01 13:00", "OutsideHours until 2026-06-01 16:00"),
            ("2026-06-01 19:00", "OutsideHours until 2026-06-02 09:00"),
            ("2026-06-05 13:59", "open until 2026-06-05 14:00"),
            ("2026-06-05 16:00", "OutsideHours until 2026-06-06 20:45"),
            ("2026-06-05 17:15", "Shabbat until 2026-06-06 20:45"),
            ("2026-06-06 12:00", "Shabbat until 2026-06-06 20:45"),
            ("2026-06-06 21:00", "open until 2026-06-07 00:00"),
        ] {
            assert_eq!(said(&shop(), &[], at), expected, "{at}");
        }
    }

    #[test]
    fn holidays_and_their_eves() {
        for (at, expected) in [
            // The eve of Yom Kippur is short, the day itself closed until night.
            ("2025-10-01 12:59", "open until 2025-10-01 13:00"),
            ("2025-10-01 16:00", "yom_kippur until 2025-10-03 09:00"),
            ("2025-10-02 10:00", "yom_kippur until 2025-10-03 09:00"),
            // Rosh Hashana 5785 was Thursday and Friday, with Shabbat behind it.
            ("2024-10-02 17:00", "rosh_hashana until 2024-10-05 20:45"),
            ("2024-10-04 10:00", "rosh_hashana until 2024-10-05 20:45"),
            ("2024-10-05 10:00", "Shabbat until 2024-10-05 20:45"),
            // The days between the holidays are ordinary ones.
            ("2026-04-05 10:00", "open until 2026-04-05 13:00"),
            ("2026-05-22 10:00", "shavuot until 2026-05-23 20:45"),
            (
                "2026-04-22 10:00",
                "independence_day until 2026-04-23 09:00",
            ),
        ] {
            assert_eq!(said(&shop(), &[], at), expected, "{at}");
        }
    }

    #[test]
    fn a_business_may_keep_its_own_days() {
        let mut hours = shop();
        hours.holiday_calendar = HolidayCalendar::None;
        hours.rest = RestDays {
            shabbat: false,
            ..RestDays::default()
        };
        assert_eq!(
            said(&hours, &[], "2025-10-02 10:00"),
            "open until 2025-10-02 13:00"
        );
        assert_eq!(
            said(&hours, &[], "2026-06-06 20:10"),
            "open until 2026-06-07 00:00"
        );
        let special = |date: &str, open| NewSpecialDay {
            date: date.parse().unwrap(),
            name: "leave".to_owned(),
            open,
        };
        let days = [
            special("2026-06-01", vec![]),
            special("2026-06-02", vec![range("10:00", "11:00")]),
        ];
        assert_eq!(
            said(&shop(), &days, "2026-06-01 10:00"),
            "leave until 2026-06-02 10:00"
        );
        assert_eq!(
            said(&shop(), &days, "2026-06-02 10:30"),
            "open until 2026-06-02 11:00"
        );
        let holiday = [special("2025-10-02", vec![range("10:00", "11:00")])];
        assert_eq!(
            said(&shop(), &holiday, "2025-10-02 10:30"),
            "open until 2025-10-02 11:00"
        );
    }

    #[test]
    fn a_night_is_one_opening() {
        let night = OpeningHours {
            week: Week {
                monday: vec![range("20:00", "24:00")],
                tuesday: vec![range("00:00", "02:00"), range("02:00", "03:00")],
                ..Week::default()
            },
            ..OpeningHours::default()
        };
        assert_eq!(
            said(&night, &[], "2026-06-01 23:00"),
            "open until 2026-06-02 03:00"
        );
        let never = OpeningHours {
            week: Week::default(),
            ..OpeningHours::default()
        };
        assert_eq!(
            said(&never, &[], "2026-06-01 10:00"),
            "OutsideHours until never"
        );
    }

    #[test]
    fn the_night_clocks_change_keeps_its_hours() {
        let hours = OpeningHours {
            week: Week {
                friday: vec![range("01:00", "04:00")],
                sunday: vec![range("00:00", "04:00")],
                ..Week::default()
            },
            ..OpeningHours::default()
        };
        let schedule = Schedule {
            hours: &hours,
            special: &[],
        };
        let open = |day: &str| {
            let from = moment(&hours, &format!("{day} 00:00"));
            let spans = schedule.open_between(from, from.plus(12 * 3_600_000));
            spans
                .iter()
                .map(|s| s.until.since(s.from) / 60_000)
                .collect::<Vec<_>>()
        };
        assert_eq!(open("2026-03-27"), [120], "02:00 to 03:00 does not exist");
        assert_eq!(open("2026-10-25"), [300], "01:00 to 02:00 comes twice");
    }
}
