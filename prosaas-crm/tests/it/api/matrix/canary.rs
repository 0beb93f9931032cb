//! Secrets, addresses and numbers that a client sends do not come back in errors and do not reach a log,
//! however much is logged.

use std::fmt::{Debug, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use axum::http::Method;
use serde_json::{Value, json};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::Interest;
use tracing::{Event, Metadata, Subscriber};

use super::cast::{Actor, Company};
use super::operation::{Needs, Operation};
use super::world::World;
use super::{Report, short};
use crate::api::support::Ask;
use crate::support::Backend;

const CANARIES: [&str; 3] = [
    "hunter2-canary-secret",
    "canary.bird@example.com",
    "+972509876543",
];

/// Keeps every line of the log, at every level, that holds a canary.
#[derive(Debug)]
struct Listener {
    caught: Mutex<Vec<String>>,
}

static LISTENER: Listener = Listener {
    caught: Mutex::new(Vec::new()),
};
/// Other tests of this binary are not slowed down by lines that nobody reads.
static LISTENING: AtomicBool = AtomicBool::new(false);

struct Words(String);

impl Visit for Words {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let _ = write!(self.0, " {}={value:?}", field.name());
    }
}

impl Listener {
    fn hear(&self, place: &str, words: &Words) {
        if CANARIES.iter().any(|canary| words.0.contains(canary)) {
            let mut caught = self.caught.lock().unwrap_or_else(PoisonError::into_inner);
            caught.push(format!("{place}:{}", words.0));
        }
    }
}

struct Ear;

impl Subscriber for Ear {
    fn register_callsite(&self, _: &'static Metadata<'static>) -> Interest {
        Interest::sometimes()
    }

    fn enabled(&self, _: &Metadata<'_>) -> bool {
        LISTENING.load(Ordering::Relaxed)
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut words = Words(String::new());
        span.record(&mut words);
        LISTENER.hear(span.metadata().target(), &words);
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, values: &Record<'_>) {
        let mut words = Words(String::new());
        values.record(&mut words);
        LISTENER.hear("span", &words);
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut words = Words(String::new());
        event.record(&mut words);
        LISTENER.hear(event.metadata().target(), &words);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[test]
fn the_listener_hears_a_canary() {
    tracing::subscriber::with_default(Ear, || {
        LISTENING.store(true, Ordering::Relaxed);
        tracing::trace!(target: "self-test", text = "canary.bird@example.com", "a line");
    });
    let mut caught = LISTENER.caught.lock().unwrap();
    let before = caught.len();
    caught.retain(|line| !line.starts_with("self-test"));
    assert_eq!(before - caught.len(), 1);
}

#[tokio::test]
async fn what_clients_send_stays_out_of_logs_and_errors() {
    tracing::subscriber::set_global_default(Ear).unwrap();
    LISTENING.store(true, Ordering::Relaxed);
    let world = World::new(Backend::Sqlite).await;
    let stage = world.stage().await;
    let mut report = Report::default();
    for operation in &world.operations {
        for canary in CANARIES {
            for ask in poisoned(&world, operation, canary) {
                let shown = format!("{ask:?}");
                let answer = ask.of(&stage.api).await;
                if !answer.status.is_success() && CANARIES.iter().any(|c| answer.text.contains(c)) {
                    report.add(format!(
                        "{}: {} after {shown}",
                        operation.id,
                        short(&answer)
                    ));
                }
                if answer.status.is_server_error() {
                    report.add(format!(
                        "{}: {} after {shown}",
                        operation.id,
                        short(&answer)
                    ));
                }
            }
        }
    }
    let caught = std::mem::take(&mut *LISTENER.caught.lock().unwrap());
    report.0.extend(caught.into_iter().take(20));
    report.fail();
}

/// An operation with the canary wherever a client can put it.
fn poisoned(world: &World, operation: &Operation, canary: &str) -> Vec<Ask> {
    let own = world.things(Company::Ours);
    let uri = operation.uri(&world.document, own);
    let escaped = canary.replace('+', "%2B");
    let glue = if uri.contains('?') { '&' } else { '?' };
    let mut asks = Vec::new();
    let mut add = |uri: String, body: Option<Value>| {
        let ask = Ask::new(operation.method.clone(), uri).with("if-match", "\"1\"");
        asks.push(match body {
            Some(body) => ask.json(&body),
            None => ask,
        });
    };
    let body = operation.body(own);
    for name in ["q", "cursor", "limit", "state", "phone", canary] {
        let name = name.replace('+', "%2B");
        add(format!("{uri}{glue}{name}={escaped}"), body.clone());
    }
    add(format!("{}/{escaped}", operation.path), body.clone());
    add(uri.replace("_0", &format!("_{escaped}")), body.clone());
    if let Some(body) = body {
        let mut filled = body.clone();
        fill(&mut filled, canary);
        add(uri.clone(), Some(filled));
        let mut strange = body;
        if let Some(fields) = strange.as_object_mut() {
            fields.insert(canary.to_owned(), json!(canary));
        }
        add(uri.clone(), Some(strange));
        add(uri.clone(), Some(json!(canary)));
    }
    let actor = match operation.needs {
        Needs::System => Actor::SystemAdmin,
        _ => Actor::Owner,
    };
    let mut asks: Vec<Ask> = asks
        .into_iter()
        .map(|ask| world.cast.ask_as(ask, actor, Company::Ours))
        .collect();
    let plain = || Ask::new(operation.method.clone(), uri.clone());
    asks.push(plain().as_(canary));
    asks.push(plain().with("cookie", format!("__Host-prosaas_session={canary}")));
    for header in [
        "if-match",
        "last-event-id",
        "idempotency-key",
        "origin",
        "range",
    ] {
        let ask = world
            .cast
            .ask_as(plain().with(header, canary), actor, Company::Ours);
        asks.push(ask);
    }
    if operation.method == Method::POST {
        let malformed = plain().text("application/json", format!("{{\"{canary}"));
        asks.push(world.cast.ask_as(malformed, actor, Company::Ours));
    }
    asks
}

/// Puts the canary where the example has a text.
fn fill(value: &mut Value, canary: &str) {
    match value {
        Value::String(text) => canary.clone_into(text),
        Value::Array(values) => values.iter_mut().for_each(|value| fill(value, canary)),
        Value::Object(fields) => fields.values_mut().for_each(|value| fill(value, canary)),
        _ => {}
    }
}
