//! Another business's things, wherever a request can name them: path, query, body, header, cursor.

use axum::http::Method;
use serde_json::{Value, json};

use super::cast::{Actor, Company, Expected};
use super::operation::Operation;
use super::places::{self, Placed};
use super::recipes::{self, Source};
use super::world::{Stage, Things, World};
use super::{Report, short};
use crate::api::support::{Answer, Ask};
use crate::support::Backend;

/// A request for what is not there, or for what would have to be.
const NOT_FOUND: &[u16] = &[404];
const REFUSED: &[u16] = &[400, 404, 422];

/// What asks, and what it found.
struct Search<'w> {
    world: &'w World,
    stage: Stage,
    report: Report,
}

pub(super) async fn nobody_reaches_into_another_business(backend: Backend) {
    let world = World::new(backend).await;
    let mut search = Search {
        world: &world,
        stage: world.stage().await,
        report: Report::default(),
    };
    for operation in &world.operations {
        search.by_path(operation).await;
        search.by_query(operation).await;
        search.by_body(operation).await;
        search.by_page(operation).await;
    }
    search.by_key().await;
    search.report.finish(search.stage).await;
}

impl Search<'_> {
    fn own(&self) -> &Things {
        self.world.things(Company::Ours)
    }

    fn theirs(&self) -> &Things {
        self.world.things(Company::Theirs)
    }

    /// Every id of the path at once, and each alone beside our own.
    async fn by_path(&mut self, operation: &Operation) {
        let document = &self.world.document;
        let prefixes: Vec<_> = operation.path_ids(document).collect();
        let mut mixed = vec![self.theirs().clone()];
        for (_, prefix) in prefixes.iter().filter(|_| prefixes.len() > 1) {
            let mut things = self.own().clone();
            things.insert((*prefix).to_owned(), self.theirs()[*prefix].clone());
            mixed.push(things);
        }
        for things in mixed.iter().filter(|_| !prefixes.is_empty()) {
            for actor in [Actor::Owner, Actor::Acting, Actor::Viewer] {
                if actor.expects(operation.needs) == Expected::Success {
                    let stage = &self.stage;
                    let ask = self
                        .world
                        .ask(stage, operation, actor, (things, self.own()));
                    let answer = ask.await.of(&self.stage.api).await;
                    self.judge(operation, "path", &answer, NOT_FOUND).await;
                }
            }
        }
    }

    async fn by_query(&mut self, operation: &Operation) {
        for (name, prefix) in operation.query_ids(&self.world.document) {
            let Some(thing) = self.theirs().get(prefix) else {
                let gap = format!("{}: no source for `{prefix}` ids", operation.id);
                self.report.add(gap);
                continue;
            };
            let uri = operation.uri(&self.world.document, self.own());
            let glue = if uri.contains('?') { '&' } else { '?' };
            let uri = format!("{uri}{glue}{name}={}", thing.id);
            let ask = self.versioned(operation, Ask::new(operation.method.clone(), uri));
            let answer = ask.await.of(&self.stage.api).await;
            let is_empty = answer.status.is_success() && answer.json()["data"] == json!([]);
            if !is_empty {
                self.judge(operation, name, &answer, REFUSED).await;
            }
        }
    }

    /// Each place of the body that takes an id. The same request about our own thing must not be refused:
    /// else it would prove nothing.
    async fn by_body(&mut self, operation: &Operation) {
        if Actor::Owner.expects(operation.needs) != Expected::Success {
            return;
        }
        let world = self.world;
        for placed in places::of(operation, &world.document, self.own(), self.theirs()) {
            let Placed {
                place,
                own,
                foreign,
            } = placed;
            let [own, foreign] = [own, foreign].map(|body| one_choice(operation, &place, body));
            let answer = self.send(operation, &foreign).await;
            if place.starts_with("/filter/") && answer.status.is_success() {
                self.judge_filter(operation, &place).await;
            } else {
                self.judge(operation, &place, &answer, REFUSED).await;
            }
            if recipes::is_refused_anyway(&operation.id, &place) {
                continue;
            }
            self.prepare(operation).await;
            let answer = self.send(operation, &own).await;
            if !answer.status.is_success() {
                let what = format!("{} with our own {place}: {}", operation.id, short(&answer));
                self.report.add(what);
            }
            self.stage.changes().await;
        }
    }

    /// A page of another business's list.
    async fn by_page(&mut self, operation: &Operation) {
        if operation.method != Method::GET || !operation.has_parameter("cursor") {
            return;
        }
        let uri = |things: &Things, more: &str| {
            let uri = operation.uri(&self.world.document, things);
            let glue = if uri.contains('?') { '&' } else { '?' };
            format!("{uri}{glue}limit=1{more}")
        };
        let (actor, cast) = (operation.usual_actor(), &self.world.cast);
        let theirs = Ask::get(uri(self.theirs(), ""));
        let theirs = cast.ask_as(theirs, actor, Company::Theirs);
        let page = theirs.of(&self.stage.api).await;
        // The installation's lists are one for everybody who may see them.
        let is_theirs = page.status.is_success() && actor != Actor::SystemAdmin;
        let Some(cursor) = page.json()["page"]["next"].as_str().map(str::to_owned) else {
            return;
        };
        let ask = Ask::get(uri(self.own(), &format!("&cursor={cursor}")));
        let ask = cast.ask_as(ask, actor, Company::Ours);
        let answer = ask.of(&self.stage.api).await;
        if is_theirs {
            self.judge(operation, "cursor", &answer, &[400]).await;
        }
    }

    /// The `Idempotency-Key` of another business's request: theirs is not answered to us.
    async fn by_key(&mut self) {
        let made = recipes::SOURCES
            .iter()
            .filter_map(|(_, source)| match source {
                Source::Operation(id) => Some(*id),
                _ => None,
            });
        for id in made {
            let operation = self.world.operation(id);
            self.prepare(operation).await;
            let mut answers = Vec::new();
            for company in [Company::Theirs, Company::Ours] {
                let things = self.world.things(company);
                let ask = operation.ask(&self.world.document, things, things);
                let ask = ask.with("idempotency-key", "the-same-key");
                let ask = self.world.cast.ask_as(ask, Actor::Owner, company);
                answers.push(ask.of(&self.stage.api).await);
            }
            let [theirs, ours] = [&answers[0], &answers[1]].map(Answer::json);
            // Theirs may be a second one of its kind, which is refused; it must not be given to us.
            let is_ours = answers[1].status.is_success() && theirs["id"] != ours["id"];
            if !is_ours {
                let what = format!("{id} with another's key: {}", short(&answers[1]));
                self.report.add(what);
            }
            self.stage.changes().await;
        }
    }

    async fn prepare(&mut self, operation: &Operation) {
        let own = self.own();
        for step in operation.recipe.before {
            let step = self.world.operation(step);
            let stage = &self.stage;
            let ask = self.world.ask(stage, step, step.usual_actor(), (own, own));
            let answer = ask.await.of(&stage.api).await;
            assert!(
                answer.status.is_success(),
                "{}: {}",
                step.id,
                short(&answer)
            );
        }
    }

    async fn send(&mut self, operation: &Operation, body: &Value) -> Answer {
        let uri = operation.uri(&self.world.document, self.own());
        let ask = Ask::new(operation.method.clone(), uri).json(body);
        let ask = self.versioned(operation, ask).await;
        ask.of(&self.stage.api).await
    }

    async fn versioned(&self, operation: &Operation, ask: Ask) -> Ask {
        let (world, stage) = (self.world, &self.stage);
        let version = world.version(stage, operation, Company::Ours).await;
        let ask = ask.with("if-match", format!("\"{version}\""));
        world.cast.ask_as(ask, Actor::Owner, Company::Ours)
    }

    async fn judge(
        &mut self,
        operation: &Operation,
        place: &str,
        answer: &Answer,
        statuses: &[u16],
    ) {
        let what = format!("{}: a foreign id in {place}", operation.id);
        if !statuses.contains(&answer.status.as_u16()) {
            self.report.add(format!("{what}: {}", short(answer)));
        }
        let changed = self.stage.changes().await;
        if !changed.is_empty() {
            self.report.add(format!("{what} changed {changed:?}"));
        }
    }

    /// A filter of our own list by another's thing finds nothing: the work is noted, and that is all.
    async fn judge_filter(&mut self, operation: &Operation, place: &str) {
        const NOTED: [&str; 5] = [
            "audit_log",
            "batch_jobs",
            "events",
            "event_counters",
            "jobs",
        ];
        let mut changed = self.stage.changes().await;
        changed.retain(|table| !NOTED.contains(&table.as_str()));
        if !changed.is_empty() {
            let id = &operation.id;
            self.report
                .add(format!("{id}: a foreign id in {place} changed {changed:?}"));
        }
    }
}

/// A body that may say one thing or another says the one that is asked about.
fn one_choice(operation: &Operation, place: &str, mut body: Value) -> Value {
    if operation.id == "change_leads"
        && place.starts_with("/filter/")
        && let Some(fields) = body.as_object_mut()
    {
        fields.remove("lead_ids");
    }
    body
}

/// In query, header and body, by whatever name, and by whoever asks: the business is the session's.
pub(super) async fn nobody_names_the_business(backend: Backend) {
    const NAMES: [&str; 6] = [
        "business_id",
        "tenant_id",
        "business",
        "tenant",
        "businessId",
        "tenantId",
    ];
    const HEADERS: [&str; 8] = [
        "business-id",
        "x-business-id",
        "tenant-id",
        "x-tenant-id",
        "x-business",
        "x-tenant",
        "x-prosaas-business",
        "x-prosaas-tenant-id",
    ];
    let world = World::new(backend).await;
    let mut stage = world.stage().await;
    let mut report = Report::default();
    let own = world.things(Company::Ours);
    for operation in &world.operations {
        let uri = operation.uri(&world.document, own);
        let glue = if uri.contains('?') { '&' } else { '?' };
        let plain = |uri: String| Ask::new(operation.method.clone(), uri).with("if-match", "\"1\"");
        let mut asks = Vec::new();
        // Also their own: a name that is taken today because it happens to be right would be trusted.
        for company in [Company::Theirs, Company::Ours] {
            let id = &world.things(company)["ten"].id;
            let with_body = |ask: Ask| match operation.body(own) {
                Some(body) => ask.json(&body),
                None => ask,
            };
            for name in NAMES {
                asks.push(with_body(plain(format!("{uri}{glue}{name}={id}"))));
                if let Some(Value::Object(mut body)) = operation.body(own) {
                    body.insert(name.to_owned(), json!(id));
                    asks.push(plain(uri.clone()).json(&Value::Object(body)));
                }
            }
            for name in HEADERS {
                asks.push(with_body(plain(uri.clone()).with(name, id.as_str())));
            }
        }
        for ask in asks {
            let shown = format!("{ask:?}");
            let ask = world
                .cast
                .ask_as(ask, operation.usual_actor(), Company::Ours);
            let answer = ask.of(&stage.api).await;
            if answer.status.as_u16() != 400 {
                report.add(format!(
                    "{}: {} after {shown}",
                    operation.id,
                    short(&answer)
                ));
            }
        }
        let changed = stage.changes().await;
        if !changed.is_empty() {
            report.add(format!(
                "{} with a business named changed {changed:?}",
                operation.id
            ));
        }
    }
    report.finish(stage).await;
}
