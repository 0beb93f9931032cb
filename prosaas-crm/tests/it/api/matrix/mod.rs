//! Every operation of the document, by everybody, on one's own things and on others'.
//!
//! Nothing here knows a resource: operations, bodies and permissions come from the OpenAPI document, and
//! [`recipes`] says in one line what it cannot.

mod canary;
mod cast;
mod foreign;
mod operation;
mod place;
mod places;
mod recipes;
mod witness;
mod world;

use serde_json::{Value, json};

use self::cast::{Actor, Company, Expected};
use self::world::{Stage, World};
use super::support::Answer;
use crate::support::Backend;

/// Each a test on one backend; on those that this run has not, it does nothing.
macro_rules! on {
    ($backend:ident as $module:ident: $($($place:ident)::+),+ $(,)?) => {
        mod $module {
            use crate::support::Backend;
            $(on!(@test $backend, $($place)::+);)+
        }
    };
    (@test $backend:ident, $name:ident) => {
        #[tokio::test]
        async fn $name() {
            if Backend::available().contains(&Backend::$backend) {
                super::$name(Backend::$backend).await;
            }
        }
    };
    (@test $backend:ident, $module:ident::$name:ident) => {
        #[tokio::test]
        async fn $name() {
            if Backend::available().contains(&Backend::$backend) {
                super::$module::$name(Backend::$backend).await;
            }
        }
    };
}

on! { Sqlite as sqlite:
    every_operation_by_everybody,
    foreign::nobody_reaches_into_another_business,
    foreign::nobody_names_the_business,
    a_deleted_business_is_nobodys,
    columns_of_the_database_are_no_fields_of_a_body,
    a_stale_version_changes_nothing,
    a_foreign_page_changes_nothing,
}

// What is refused before the database is asked is the same on each.
on! { Postgres as postgres:
    every_operation_by_everybody,
    foreign::nobody_reaches_into_another_business,
    a_deleted_business_is_nobodys,
    a_stale_version_changes_nothing,
}

// Where a business's name could stay on a connection that the next transaction gets.
on! { PgBouncer as pgbouncer:
    foreign::nobody_reaches_into_another_business,
}

/// What went wrong, all of it: one run says everything that is to be mended.
#[derive(Debug, Default)]
struct Report(Vec<String>);

impl Report {
    fn add(&mut self, what: String) {
        self.0.push(what);
    }

    /// Fails with everything that went wrong, or when something changed that nobody noticed.
    async fn finish(mut self, mut stage: Stage) {
        stage.changes().await;
        let overlooked = stage.overlooked().await;
        if !overlooked.is_empty() {
            self.add(format!("{overlooked:?} changed, and nobody noticed"));
        }
        self.fail();
    }

    fn fail(self) {
        assert!(
            self.0.is_empty(),
            "{} findings:\n{}",
            self.0.len(),
            self.0.join("\n")
        );
    }
}

fn short(answer: &Answer) -> String {
    let text: String = answer.text.chars().take(300).collect();
    format!("{} {text}", answer.status)
}

fn is_expected(answer: &Answer, expected: Expected) -> bool {
    match expected {
        Expected::Success => answer.status.is_success(),
        Expected::Forbidden => answer.status.as_u16() == 403,
        Expected::Unauthenticated => answer.status.as_u16() == 401,
    }
}

async fn every_operation_by_everybody(backend: Backend) {
    let world = World::new(backend).await;
    let mut stage = world.stage().await;
    let mut report = Report(world.gaps());
    for operation in &world.operations {
        for actor in Actor::for_row(operation.needs) {
            let own = world.things(Company::Ours);
            let answer = world.perform(&stage, operation, actor, (own, own)).await;
            let (id, name) = (&operation.id, actor.name());
            let refused = operation
                .recipe
                .refused
                .iter()
                .find(|(who, _)| *who == name);
            let expected = actor.expects(operation.needs);
            if expected == Expected::Success && !operation.recipe.elsewhere.is_empty() {
                continue;
            }
            let is_right = match refused {
                Some((_, status)) => answer.status.as_u16() == *status,
                None => is_expected(&answer, expected),
            };
            if !is_right {
                report.add(format!(
                    "{id} by {name}: {expected:?} expected, {}",
                    short(&answer)
                ));
            }
            let changed = stage.changes().await;
            // The steps before an operation change something whoever asks for it.
            let is_quiet = operation.recipe.before.is_empty() && !answer.status.is_success();
            if is_quiet && !changed.is_empty() {
                report.add(format!("{id} by {name}: refused, and {changed:?} changed"));
            }
        }
    }
    report.finish(stage).await;
}

async fn a_deleted_business_is_nobodys(backend: Backend) {
    let world = World::new(backend).await;
    let mut stage = world.stage().await;
    let mut report = Report::default();
    let own = world.things(Company::Ours);
    for operation in &world.operations {
        let operation::Needs::Tenant(right) = operation.needs else {
            continue;
        };
        for actor in [Actor::Owner, Actor::Acting, Actor::Key(right)] {
            let ask = operation
                .ask(&world.document, own, own)
                .with("if-match", "\"1\"");
            let ask = world.cast.ask_as(ask, actor, Company::Gone);
            let answer = ask.of(&stage.api).await;
            if ![401, 403, 404].contains(&answer.status.as_u16()) {
                let name = actor.name();
                report.add(format!(
                    "{} by {name} of a deleted business: {}",
                    operation.id,
                    short(&answer)
                ));
            }
            let changed = stage.changes().await;
            if !changed.is_empty() {
                report.add(format!(
                    "{} for a deleted business changed {changed:?}",
                    operation.id
                ));
            }
        }
    }
    report.finish(stage).await;
}

async fn columns_of_the_database_are_no_fields_of_a_body(backend: Backend) {
    let world = World::new(backend).await;
    let mut stage = world.stage().await;
    let columns = stage.columns().await;
    assert!(columns.contains(&"tenant_id".to_owned()), "{columns:?}");
    let own = world.things(Company::Ours);
    let mut report = Report::default();
    for operation in world
        .operations
        .iter()
        .filter(|op| op.has_json_body && op.is_unsafe())
    {
        let actor = operation.usual_actor();
        let Some(Value::Object(body)) = operation.body(own) else {
            continue;
        };
        let version = world.version(&stage, operation, Company::Ours).await;
        let body = Value::Object(body);
        let mut places = operation.inner_objects(&world.document, &body);
        let own_fields = columns
            .iter()
            .filter(|c| operation.has_field(&world.document, c));
        places.push((body.clone(), String::new(), own_fields.cloned().collect()));
        for (body, place, known) in &places {
            for column in columns.iter().filter(|column| !known.contains(column)) {
                let mut body = body.clone();
                let object = body.pointer_mut(place).unwrap().as_object_mut().unwrap();
                object.insert(column.clone(), json!(1));
                let ask = super::support::Ask::new(
                    operation.method.clone(),
                    operation.uri(&world.document, own),
                )
                .json(&body)
                .with("if-match", format!("\"{version}\""));
                let ask = world.cast.ask_as(ask, actor, Company::Ours);
                let answer = ask.of(&stage.api).await;
                if ![400, 422].contains(&answer.status.as_u16()) {
                    report.add(format!(
                        "{} took `{column}` at `{place}`: {}",
                        operation.id,
                        short(&answer)
                    ));
                }
            }
        }
        let changed = stage.changes().await;
        if !changed.is_empty() {
            report.add(format!(
                "{}: unknown fields changed {changed:?}",
                operation.id
            ));
        }
    }
    report.finish(stage).await;
}

async fn a_stale_version_changes_nothing(backend: Backend) {
    let world = World::new(backend).await;
    let mut stage = world.stage().await;
    let own = world.things(Company::Ours);
    let mut report = Report::default();
    // What takes steps before it is not there yet, and answers 404.
    let versioned = |op: &&operation::Operation| op.wants_version && op.recipe.before.is_empty();
    for operation in world.operations.iter().filter(versioned) {
        for (tag, status) in [(Some("\"999999\""), 412), (Some("*"), 400), (None, 428)] {
            let mut ask = operation.ask(&world.document, own, own);
            if let Some(tag) = tag {
                ask = ask.with("if-match", tag);
            }
            let ask = world
                .cast
                .ask_as(ask, operation.usual_actor(), Company::Ours);
            let answer = ask.of(&stage.api).await;
            if answer.status.as_u16() != status {
                report.add(format!("{} at {tag:?}: {}", operation.id, short(&answer)));
            }
        }
        let changed = stage.changes().await;
        if !changed.is_empty() {
            report.add(format!("{} changed {changed:?}", operation.id));
        }
    }
    report.finish(stage).await;
}

async fn a_foreign_page_changes_nothing(backend: Backend) {
    let world = World::new(backend).await;
    let mut stage = world.stage().await;
    let mut report = Report::default();
    let own = world.things(Company::Ours);
    for operation in world.operations.iter().filter(|op| op.is_unsafe()) {
        let actor = operation.usual_actor();
        for (trick, value) in [
            ("origin", "https://evil.example"),
            ("origin", "null"),
            ("sec-fetch-site", "cross-site"),
            ("content-type", "text/plain"),
        ] {
            let is_form = trick == "content-type";
            if is_form && operation.body(own).is_none() {
                continue;
            }
            let ask = world.ask(&stage, operation, actor, (own, own)).await;
            let ask = if is_form { ask.without(trick) } else { ask };
            let answer = ask.with(trick, value).of(&stage.api).await;
            let status = if is_form { 415 } else { 403 };
            if answer.status.as_u16() != status {
                report.add(format!(
                    "{} with {trick}: {value}: {}",
                    operation.id,
                    short(&answer)
                ));
            }
            let changed = stage.changes().await;
            if !changed.is_empty() {
                report.add(format!(
                    "{} with {trick}: {value} changed {changed:?}",
                    operation.id
                ));
            }
        }
    }
    report.finish(stage).await;
}

#[tokio::test]
async fn recipes_name_operations_that_are_there() {
    let world = World::new(Backend::Sqlite).await;
    for name in recipes::names() {
        assert_eq!(world.operation(name).id, name);
    }
}
