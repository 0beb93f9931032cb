//! What the HTTP API reads before any handler: merge patches, and the query of a list.

use axum::extract::FromRequestParts as _;
use axum::http::Request;
use prosaas_crm::api::kit::{ApiQuery, Problem, from_json};
use prosaas_crm::model::task::{NewTask, TaskFilter, TaskPatch};

use super::{now, text};
use crate::target::{Outcome, Target};

/// What must not come back in an error: the dictionaries put it where a client puts his secrets.
const CANARY: &str = "hunter2";

fn outcome<T>(read: &Result<T, Problem>, words: impl Fn(&T) -> Vec<bool>) -> (bool, String) {
    match read {
        Ok(value) => (true, format!("{:?}", words(value))),
        Err(problem) => {
            let shown = serde_json::to_value(problem.body(None)).expect("a problem is JSON");
            let (detail, errors) = (&shown["detail"], shown["errors"].to_string());
            assert!(
                !detail.to_string().contains(CANARY),
                "an error repeats what was sent"
            );
            (
                false,
                format!("{} {}", problem.code(), errors.len().min(80) / 8),
            )
        }
    }
}

/// RFC 7396 as a task takes it: absent, null and a value stay three wishes, and read the same twice.
pub(crate) const MERGE_PATCH: Target = Target {
    name: "merge_patch",
    run: |input| {
        let patch = from_json::<TaskPatch>(input);
        if let Ok(patch) = &patch {
            let again = from_json::<TaskPatch>(input).ok();
            assert_eq!(
                again.as_ref(),
                Some(patch),
                "a patch reads differently twice"
            );
        }
        let changes = outcome(&patch, |patch| {
            vec![
                patch.lead_id.is_change(),
                patch.title.is_change(),
                patch.due_at.is_change(),
                patch.assignee_id.is_change(),
            ]
        });
        let made = outcome(&from_json::<NewTask>(input), |new| {
            vec![new.due_at.is_some()]
        });
        Outcome::of((changes, made))
    },
    dictionary: &[
        "\"title\":\"",
        "\"lead_id\":null",
        "\"due_at\":\"2026-12-01T09:00:00Z\"",
        "\"assignee_id\":\"user_",
        "\"priority\":\"urgent\"",
        "\"status\":\"done\"",
        "\"business_id\":",
        "\"hunter2\":",
        "\\ud800",
        "[[[[",
        "1e999",
    ],
};

/// The query of a list: what passes is one of the filter's own wishes.
pub(crate) const QUERY: Target = Target {
    name: "query",
    run: |input| {
        let text = text(input);
        let Ok(request) = Request::builder().uri(format!("/?{text}")).body(()) else {
            return Outcome::of("no address");
        };
        let (mut parts, ()) = request.into_parts();
        let read = now(ApiQuery::<TaskFilter>::from_request_parts(&mut parts, &()));
        Outcome::of(outcome(&read, |ApiQuery(filter)| {
            vec![
                filter.status.is_some(),
                filter.lead_id.is_some(),
                filter.assignee_id.is_some(),
            ]
        }))
    },
    dictionary: &[
        "status=open",
        "lead_id=lead_",
        "assignee_id=user_",
        "&",
        "=",
        "%00",
        "%ff",
        "hunter2",
        "+",
        "[]",
    ],
};
