//! The list of calls, as Twilio gives it: the newest first, by whole days of UTC, page by page.

use std::cmp::Reverse;

use axum::http::StatusCode;
use axum::response::Response;
use prosaas_core::{CallSid, E164, UnixMillis};
use serde_json::{Value, json};

use super::routes::with_json;
use super::{FakeCall, Received, State};
use crate::calendar::{DAY_MS, MONTHS, date_of, days_of, digits};

/// The days of the week, beginning with that of 1970-01-01.
const WEEKDAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];

/// What a page of the list may be asked by; it is found again in the address of the next one.
const FILTERS: [&str; 3] = ["StartTime>", "StartTime<", "PageSize"];

impl State {
    pub(super) fn list_calls(&self, request: &Received, account_path: &str) -> Response {
        let bound = |name| request.asked(name).and_then(midnight);
        let (from, until) = (bound("StartTime>"), bound("StartTime<"));
        let mut found: Vec<(&String, &FakeCall)> = self
            .calls
            .iter()
            .filter(|(_, call)| is_between(call, from, until))
            .collect();
        found.sort_by_key(|(_, call)| Reverse(call.started_at));
        let number = |name| {
            request
                .asked(name)
                .and_then(|text| text.parse::<usize>().ok())
        };
        let page = number("Page").unwrap_or(0);
        let size = number("PageSize").map_or(self.page_size, |size| size.clamp(1, self.page_size));
        let start = page.saturating_mul(size);
        let entries: Vec<Value> = found
            .iter()
            .skip(start)
            .take(size)
            .map(|(sid, call)| call_json(sid, call))
            .collect();
        let has_more = start + entries.len() < found.len();
        let next = has_more.then(|| next_page(request, account_path, page + 1));
        let body = json!({
            "page": page,
            "page_size": size,
            "calls": entries,
            "next_page_uri": next,
        });
        with_json(StatusCode::OK, &body)
    }
}

/// The address of a page, with what was asked for.
fn next_page(request: &Received, account_path: &str, page: usize) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    for name in FILTERS {
        if let Some(value) = request.asked(name) {
            query.append_pair(name, value);
        }
    }
    query.append_pair("Page", &page.to_string());
    format!("{account_path}/Calls.json?{}", query.finish())
}

/// Both ends are inclusive, as Twilio's words say. A call in the queue has not begun, and stands in every list.
fn is_between(call: &FakeCall, from: Option<UnixMillis>, until: Option<UnixMillis>) -> bool {
    call.started_at.is_none_or(|start| {
        from.is_none_or(|from| start >= from) && until.is_none_or(|until| start <= until)
    })
}

/// The beginning of a day such as `2023-11-14`.
fn midnight(day: &str) -> Option<UnixMillis> {
    let parts: Vec<&str> = day.split('-').collect();
    let [year, month, day] = parts[..] else {
        return None;
    };
    let date = (digits(year, 4)?, digits(month, 2)?, digits(day, 2)?);
    Some(UnixMillis(days_of(date) * DAY_MS))
}

/// RFC 2822, in whole seconds.
fn moment(at: UnixMillis) -> String {
    let days = at.0.div_euclid(DAY_MS);
    let seconds = at.0.rem_euclid(DAY_MS) / 1_000;
    let (year, month, day) = date_of(days);
    let weekday = WEEKDAYS[days.rem_euclid(7) as usize];
    let month = MONTHS[(month - 1) as usize];
    let (hour, minute, second) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    format!("{weekday}, {day:02} {month} {year:04} {hour:02}:{minute:02}:{second:02} +0000")
}

pub(super) fn call_json(sid: &str, call: &FakeCall) -> Value {
    let (price, unit) = match &call.price {
        Some((price, unit)) => (Some(price), unit.as_str()),
        None => (None, "USD"),
    };
    json!({
        "sid": sid,
        "parent_call_sid": call.parent.as_ref().map(CallSid::as_str),
        "status": call.status.as_str(),
        "to": call.to.as_ref().map(E164::expose),
        "from": call.from.as_ref().map(E164::expose),
        "direction": call.direction,
        "start_time": call.started_at.map(moment),
        "end_time": call.ended_at.map(moment),
        "duration": call.duration_s().map(|seconds| seconds.to_string()),
        "price": price,
        "price_unit": unit,
        "a_field_from_the_future": [],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_written_as_twilio_does() {
        let at = UnixMillis(1_700_000_000_999);
        assert_eq!(moment(at), "Tue, 14 Nov 2023 22:13:20 +0000");
        assert_eq!(moment(UnixMillis(0)), "Thu, 01 Jan 1970 00:00:00 +0000");
        assert_eq!(midnight("2023-11-14"), Some(UnixMillis(1_699_920_000_000)));
        assert_eq!(midnight("2023-11"), None);
    }
}
