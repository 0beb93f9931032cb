//! Which times may be offered for an appointment.

use prosaas_core::{Result, UnixMillis};
use serde::{Deserialize, Serialize};

use super::hours::Schedule;
use crate::model::check;
use crate::model::wall::Span;

const MINUTE_MS: i64 = 60_000;

/// How a business takes appointments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "axum", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, default)]
pub struct BookingRules {
    /// How long an appointment lasts, in minutes.
    pub duration_min: u32,
    /// How much time lies between two, in minutes.
    pub buffer_min: u32,
    /// How long ahead one has to be booked at least, in minutes.
    pub lead_min: u32,
    /// How many minutes lie between the beginnings that are offered.
    pub step_min: u32,
    /// How many days ahead one may be booked.
    pub horizon_days: u32,
}

impl Default for BookingRules {
    /// Half an hour, two hours ahead, within a month.
    fn default() -> Self {
        Self {
            duration_min: 30,
            buffer_min: 0,
            lead_min: 120,
            step_min: 30,
            horizon_days: 30,
        }
    }
}

impl BookingRules {
    /// Whether the numbers make sense.
    ///
    /// # Errors
    /// `Invalid` names the number.
    pub fn check(&self) -> Result<()> {
        check::within("duration_min", self.duration_min, 5, 24 * 60)?;
        check::within("buffer_min", self.buffer_min, 0, 24 * 60)?;
        check::within("lead_min", self.lead_min, 0, 30 * 24 * 60)?;
        check::within("step_min", self.step_min, 5, 24 * 60)?;
        check::within("horizon_days", self.horizon_days, 1, 60)?;
        Ok(())
    }
}

/// At most `limit` free times between two moments, in order.
///
/// A time is free when it lies within one opening, keeps its buffer from everything in `busy`, and
/// is neither sooner nor later than the rules allow, seen from `now`.
pub fn free_slots(
    schedule: &Schedule<'_>,
    busy: &[Span],
    rules: &BookingRules,
    now: UnixMillis,
    wanted: Span,
    limit: usize,
) -> Vec<Span> {
    let minutes = |minutes: u32| i64::from(minutes) * MINUTE_MS;
    let earliest = wanted.from.max(now.plus(minutes(rules.lead_min)));
    let latest = now.plus(i64::from(rules.horizon_days) * 24 * 60 * MINUTE_MS);
    let latest = wanted.until.min(latest);
    let step = minutes(rules.step_min.max(1));
    // Openings are taken whole, so that the grid begins at the door's opening and not at `wanted`.
    let day = 24 * 60 * MINUTE_MS;
    let openings = schedule.open_between(earliest.plus(-day), latest);
    let starts = openings.into_iter().flat_map(move |opening| {
        let slots = std::iter::successors(Some(opening.from), move |at| Some(at.plus(step)));
        slots
            .map(move |from| Span {
                from,
                until: from.plus(minutes(rules.duration_min)),
            })
            .take_while(move |slot| slot.until <= opening.until)
    });
    let is_free = |slot: &Span| {
        let with_buffer = Span {
            from: slot.from.plus(-minutes(rules.buffer_min)),
            until: slot.until.plus(minutes(rules.buffer_min)),
        };
        busy.iter().all(|taken| !taken.overlaps(&with_buffer))
    };
    starts
        .filter(|slot| slot.from >= earliest)
        .filter(is_free)
        .take(limit)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::hours::OpeningHours;
    use crate::model::wall::{Day, Minute};

    fn at(hours: &OpeningHours, hour: u8, minute: u8) -> UnixMillis {
        let monday: Day = "2026-06-01".parse().unwrap();
        hours.time_zone.moment(monday, Minute::at(hour, minute))
    }

    /// The times offered on a Monday, asked at an hour of it.
    fn offered(rules: &BookingRules, asked_at: u8, busy: &[(u8, u8)]) -> Vec<String> {
        let hours = OpeningHours::default();
        let busy: Vec<_> = busy
            .iter()
            .map(|(from, until)| Span {
                from: at(&hours, *from, 0),
                until: at(&hours, *until, 0),
            })
            .collect();
        let wanted = Span {
            from: at(&hours, 0, 0),
            until: at(&hours, 24, 0),
        };
        let schedule = Schedule {
            hours: &hours,
            special: &[],
        };
        let now = at(&hours, asked_at, 0);
        free_slots(&schedule, &busy, rules, now, wanted, 100)
            .iter()
            .map(|slot| hours.time_zone.minute_of(slot.from).to_string())
            .collect()
    }

    #[test]
    fn slots_keep_buffers_and_lead_time() {
        let rules = BookingRules {
            duration_min: 60,
            step_min: 60,
            ..BookingRules::default()
        };
        assert_eq!(offered(&rules, 5, &[]).len(), 8, "nine to five");
        assert_eq!(offered(&rules, 12, &[]), ["14:00", "15:00", "16:00"]);
        let busy = [(15, 16)];
        assert_eq!(offered(&rules, 12, &busy), ["14:00", "16:00"]);
        let buffered = BookingRules {
            buffer_min: 15,
            ..rules
        };
        assert!(offered(&buffered, 12, &busy).is_empty());
        let long = BookingRules {
            duration_min: 9 * 60,
            ..rules
        };
        assert!(offered(&long, 5, &[]).is_empty(), "longer than the day");
    }

    #[test]
    fn nothing_is_offered_beyond_the_horizon() {
        let hours = OpeningHours::default();
        let now = at(&hours, 6, 0);
        let rules = BookingRules {
            horizon_days: 1,
            ..BookingRules::default()
        };
        let wanted = Span {
            from: now,
            until: now.plus(30 * 24 * 3_600_000),
        };
        let schedule = Schedule {
            hours: &hours,
            special: &[],
        };
        let slots = free_slots(&schedule, &[], &rules, now, wanted, 1_000);
        let last = slots.last().unwrap();
        assert!(last.until <= now.plus(24 * 3_600_000), "{last:?}");
        assert_eq!(free_slots(&schedule, &[], &rules, now, wanted, 3).len(), 3);
    }
}
