//! Times as a model writes and reads them: the business's own wall clock, `2026-11-24T16:00`.

use prosaas_core::UnixMillis;

use crate::model::wall::{Day, Minute, Zone};

/// The moment of a wall time; `None` when the text is no such time. Seconds are read past.
pub fn moment(zone: &Zone, text: &str) -> Option<UnixMillis> {
    let (day, time) = text.trim().split_once(['T', ' '])?;
    let day: Day = day.parse().ok()?;
    let minute: Minute = time.get(..5)?.parse().ok()?;
    let rest_is_seconds = time[5..]
        .strip_prefix(':')
        .is_some_and(|seconds| seconds.len() == 2 && seconds.bytes().all(|b| b.is_ascii_digit()));
    (time.len() == 5 || rest_is_seconds).then(|| zone.moment(day, minute))
}

/// A moment as the business reads it off the wall.
pub fn written(zone: &Zone, at: UnixMillis) -> String {
    format!("{}T{}", zone.day_of(at), zone.minute_of(at))
}

/// A moment for people to read: `2026-11-24 16:00`.
pub fn read(zone: &Zone, at: UnixMillis) -> String {
    format!("{} {}", zone.day_of(at), zone.minute_of(at))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn wall_times_are_read_in_the_business_zone() {
        let zone = Zone::default();
        let four = moment(&zone, "2026-11-24T16:00").unwrap();
        assert_eq!(four, UnixMillis(1_795_528_800_000));
        assert_eq!(moment(&zone, " 2026-11-24 16:00:00 "), Some(four));
        assert_eq!(written(&zone, four), "2026-11-24T16:00");
        assert_eq!(read(&zone, four), "2026-11-24 16:00");
        for wrong in [
            "",
            "T",
            "2026-11-24",
            "16:00",
            "2026-11-24T",
            "2026-11-24T4:00",
            "2026-11-24T16:00Z",
            "2026-11-24T16:00+02:00",
            "2026-11-24T16:00:0",
            "2026-13-01T16:00",
            "2026-11-24T25:00",
            "2026-11-24T16:0é",
            "tomorrow at four",
        ] {
            assert_eq!(moment(&zone, wrong), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_not(text in ".{0,30}") {
            let _ = moment(&Zone::default(), &text);
        }
    }
}
