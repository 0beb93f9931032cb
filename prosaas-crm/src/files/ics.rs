//! A calendar feed that phones and mail programs subscribe to (RFC 5545).
//!
//! Times are written in UTC, so that no reader needs our idea of a time zone.

use std::fmt::{self, Write};

use jiff::Timestamp;
use prosaas_core::UnixMillis;

use crate::model::id::AppointmentId;

/// The longest line in octets, without its end (RFC 5545, 3.1).
const LINE_OCTETS: usize = 75;

/// One appointment of a feed.
#[derive(Clone, Copy)]
pub struct Event<'a> {
    /// Names the event for ever, so that a change replaces it: the appointment's id.
    pub uid: AppointmentId,
    /// Grows with every change.
    pub sequence: u64,
    /// When it was changed last.
    pub changed_at: UnixMillis,
    /// When it begins.
    pub from: UnixMillis,
    /// When it ends.
    pub until: UnixMillis,
    /// What it is.
    pub summary: &'a str,
    /// What else there is to know.
    pub description: Option<&'a str>,
    /// Where it is.
    pub location: Option<&'a str>,
    /// Whether it was called off; readers strike it out.
    pub cancelled: bool,
}

impl fmt::Debug for Event<'_> {
    /// Its texts name customers: they are not for logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Event").field(&self.uid).finish()
    }
}

/// A calendar with a name and events.
pub fn calendar<'a>(name: &str, events: impl IntoIterator<Item = Event<'a>>) -> String {
    let mut feed = Feed(String::new());
    feed.line("BEGIN", &"VCALENDAR");
    feed.line("VERSION", &"2.0");
    feed.line("PRODID", &"-//ProSaaS//CRM//EN");
    feed.line("CALSCALE", &"GREGORIAN");
    feed.line("METHOD", &"PUBLISH");
    feed.line("NAME", &Text(name));
    feed.line("X-WR-CALNAME", &Text(name));
    feed.line("REFRESH-INTERVAL;VALUE=DURATION", &"PT15M");
    for event in events {
        feed.event(&event);
    }
    feed.line("END", &"VCALENDAR");
    feed.0
}

struct Feed(String);

impl Feed {
    fn event(&mut self, event: &Event<'_>) {
        self.line("BEGIN", &"VEVENT");
        self.line("UID", &format_args!("{}@prosaas", event.uid));
        self.line("SEQUENCE", &event.sequence);
        self.line("DTSTAMP", &Utc(event.changed_at));
        self.line("DTSTART", &Utc(event.from));
        self.line("DTEND", &Utc(event.until));
        self.line("SUMMARY", &Text(event.summary));
        if let Some(description) = event.description {
            self.line("DESCRIPTION", &Text(description));
        }
        if let Some(location) = event.location {
            self.line("LOCATION", &Text(location));
        }
        let status = if event.cancelled {
            "CANCELLED"
        } else {
            "CONFIRMED"
        };
        self.line("STATUS", &status);
        self.line("END", &"VEVENT");
    }

    /// One content line, folded: a line goes on in the next one behind a space, and no character is
    /// split between two.
    fn line(&mut self, name: &str, value: &dyn fmt::Display) {
        let line = format!("{name}:{value}");
        let mut octets = 0;
        for c in line.chars() {
            if octets + c.len_utf8() > LINE_OCTETS {
                self.0.push_str("\r\n ");
                octets = 1;
            }
            self.0.push(c);
            octets += c.len_utf8();
        }
        self.0.push_str("\r\n");
    }
}

/// A text value: backslash, comma, semicolon and line ends escaped, other control characters dropped.
struct Text<'a>(&'a str);

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                '\\' | ',' | ';' => write!(f, "\\{c}")?,
                '\n' => f.write_str("\\n")?,
                c if c.is_control() => {}
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

/// A moment in UTC, such as `20260601T083000Z`.
struct Utc(UnixMillis);

impl fmt::Display for Utc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let moment = Timestamp::from_millisecond(self.0.0).unwrap_or_default();
        write!(f, "{}", moment.strftime("%Y%m%dT%H%M%SZ"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn event<'a>(summary: &'a str, description: Option<&'a str>) -> Event<'a> {
        Event {
            uid: AppointmentId::from_uuid(uuid::Uuid::nil()),
            sequence: 3,
            changed_at: UnixMillis(1_780_000_000_000),
            from: UnixMillis(1_780_300_800_000),
            until: UnixMillis(1_780_302_600_000),
            summary,
            description,
            location: None,
            cancelled: false,
        }
    }

    /// What a reader sees: lines joined again.
    fn unfolded(feed: &str) -> Vec<String> {
        let joined = feed.replace("\r\n ", "");
        joined.split("\r\n").map(str::to_owned).collect()
    }

    #[test]
    fn a_feed_reads_as_a_calendar() {
        let feed = calendar("דנה", [event("תור: בדיקה, שטיפה; שמן", Some("a\nb\\c"))]);
        let lines = unfolded(&feed);
        for expected in [
            "BEGIN:VCALENDAR",
            "X-WR-CALNAME:דנה",
            "UID:appt_00000000000000000000000000000000@prosaas",
            "SEQUENCE:3",
            "DTSTART:20260601T080000Z",
            "DTEND:20260601T083000Z",
            "SUMMARY:תור: בדיקה\\, שטיפה\\; שמן",
            "DESCRIPTION:a\\nb\\\\c",
            "STATUS:CONFIRMED",
            "END:VCALENDAR",
        ] {
            assert!(
                lines.iter().any(|line| line == expected),
                "{expected}: {feed}"
            );
        }
        assert!(feed.ends_with("END:VCALENDAR\r\n"));
        let cancelled = calendar(
            "x",
            [Event {
                cancelled: true,
                ..event("y", None)
            }],
        );
        assert!(cancelled.contains("STATUS:CANCELLED"));
    }

    proptest! {
        #[test]
        fn no_text_breaks_out_of_its_line(text in "\\PC{0,200}|[\\r\\n:;,\\\\א-ת ]{0,200}") {
            let feed = calendar("x", [event(&text, Some(&text))]);
            for line in feed.split("\r\n") {
                prop_assert!(line.len() <= LINE_OCTETS, "{} octets", line.len());
                prop_assert!(!line.contains(['\r', '\n']));
            }
            let lines = unfolded(&feed);
            let without = calendar("x", [event("y", Some("y"))]);
            prop_assert_eq!(lines.len(), unfolded(&without).len());
        }
    }
}
