//! Two businesses with the same things in them, and everybody who may ask.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::http::Method;
use prosaas_core::testkit::samples::seed;
use prosaas_core::{LeadId, TenantId};
use prosaas_crm::api;
use prosaas_crm::api::accounts::SessionAuthenticator;
use prosaas_crm::api::kit::ApiState;
use prosaas_crm::model::access::SessionRules;
use prosaas_crm::testkit::OPERATOR;
use prosaas_crm::{BusinessAdmin as _, CrmStore};
use serde_json::Value;

use super::cast::{Actor, Cast, Company};
use super::operation::Operation;
use super::place::{Place, clock};
use super::recipes::{self, Source};
use super::witness::Witness;
use crate::api::support::{Answer, Ask, TestApi, generous_parts};
use crate::support::{Backend, NOW};

/// A thing that a request may name.
#[derive(Clone, Debug)]
pub(super) struct Thing {
    pub(super) id: String,
    pub(super) version: u64,
}

/// The things of one business by the prefix of their ids.
pub(super) type Things = BTreeMap<String, Thing>;

/// A filled database, to which a stage goes back whenever something has changed.
#[derive(Debug)]
pub(super) struct World {
    place: Place,
    pub(super) operations: Vec<Operation>,
    unready: Vec<Operation>,
    pub(super) document: Value,
    pub(super) cast: Cast,
    things: BTreeMap<Company, Things>,
}

/// A running API over the world, which is put back to how it was filled whenever something has changed.
#[derive(Debug)]
pub(super) struct Stage {
    pub(super) api: TestApi,
    state: ApiState,
    witness: Witness,
}

impl Stage {
    /// The tables whose rows are others than in the beginning. They get their rows back.
    pub(super) async fn changes(&mut self) -> Vec<String> {
        // What goes on after an answer, such as writing a link that is mailed.
        self.state.drain().await;
        self.witness.restore().await
    }

    /// Every table compared with what it held in the beginning: what [`Stage::changes`] overlooked.
    pub(super) async fn overlooked(&mut self) -> Vec<String> {
        self.witness.differences().await
    }

    /// The names of every column, for requests that try to set them.
    pub(super) async fn columns(&mut self) -> Vec<String> {
        self.witness.columns().await
    }
}

impl World {
    pub(super) async fn new(backend: Backend) -> Self {
        let document = api::document();
        let operations = Operation::all(&document);
        let place = Place::new(backend).await;
        let store = place.store().await;
        for n in [1, 2, 3] {
            let seed = seed(n);
            store
                .add_business(&OPERATOR, &seed.business, &seed.numbers)
                .await
                .unwrap();
        }
        let cast = Cast::assemble(&store).await;
        let gone = tenant(Company::Gone);
        store.delete_business(&OPERATOR, gone).await.unwrap();
        let mut world = Self {
            place,
            operations,
            unready: Vec::new(),
            document,
            cast,
            things: BTreeMap::new(),
        };
        world.fill(store).await;
        world.place.seal().await;
        world
    }

    /// Puts one thing of every kind into both businesses: over the API where it can be made there.
    async fn fill(&mut self, store: CrmStore) {
        let state = self.state(Arc::new(store));
        let api = TestApi::over(api::router(&state));
        for company in [Company::Ours, Company::Theirs] {
            self.things.insert(company, self.cast.people(company));
            for (prefix, source) in recipes::SOURCES {
                let thing = match source {
                    Source::Operation(id) => self.make(&api, company, id).await,
                    Source::Store(make) => make(state.clone(), Cast::scope(company)).await,
                    Source::Rows(inserts) => self.insert(company, prefix, inserts).await,
                };
                let things = self.things.get_mut(&company).unwrap();
                things.insert((*prefix).to_owned(), thing);
            }
        }
        state.drain().await;
        state.store().close().await;
        let own = self.things(Company::Ours);
        let (gaps, ready) = self
            .operations
            .iter()
            .cloned()
            .partition(|operation| operation.gap(&self.document, own).is_some());
        self.operations = ready;
        self.unready = gaps;
    }

    /// The operations for which something is missing, and what.
    pub(super) fn gaps(&self) -> Vec<String> {
        let own = self.things(Company::Ours);
        let gap = |operation: &Operation| operation.gap(&self.document, own);
        self.unready.iter().filter_map(gap).collect()
    }

    async fn insert(&self, company: Company, prefix: &str, inserts: &[&str]) -> Thing {
        let id = LeadId::mint(NOW).uuid();
        for insert in inserts {
            let text = self.place.spell(insert, tenant(company).uuid(), id);
            self.place.execute(text).await;
        }
        Thing {
            id: format!("{prefix}_{}", id.simple()),
            version: 1,
        }
    }

    async fn make(&self, api: &TestApi, company: Company, id: &str) -> Thing {
        let operation = self.operation(id);
        let ask = operation.ask(&self.document, self.things(company), self.things(company));
        let ask = self.cast.ask_as(ask, Actor::Owner, company);
        let answer = ask.of(api).await;
        assert!(answer.status.is_success(), "{id}: {}", answer.text);
        let body = answer.json();
        Thing {
            id: body["id"]
                .as_str()
                .unwrap_or_else(|| panic!("{id}: no id"))
                .to_owned(),
            version: body["version"].as_u64().unwrap_or(1),
        }
    }

    pub(super) fn things(&self, company: Company) -> &Things {
        &self.things[&company]
    }

    pub(super) fn operation(&self, id: &str) -> &Operation {
        self.operations
            .iter()
            .find(|operation| operation.id == id)
            .unwrap_or_else(|| panic!("a recipe names `{id}`, which is no operation"))
    }

    /// The world as it was filled, served.
    pub(super) async fn stage(&self) -> Stage {
        let state = self.state(Arc::new(self.place.store().await));
        Stage {
            api: TestApi::over(api::router(&state)),
            state,
            witness: self.place.witness().await,
        }
    }

    fn state(&self, store: Arc<CrmStore>) -> ApiState {
        let authenticator =
            SessionAuthenticator::new(Arc::clone(&store), SessionRules::STANDARD, true, false);
        let mut parts = generous_parts(store, clock(), Arc::new(authenticator));
        parts.config.data_dir = self.place.folder();
        ApiState::new(parts)
    }

    /// The version that a change must name.
    pub(super) async fn version(
        &self,
        stage: &Stage,
        operation: &Operation,
        company: Company,
    ) -> u64 {
        let own = self.things(company);
        if !operation.is_unsafe() {
            // It meets no version, and to read an export would be noted.
            return 1;
        }
        let read = Ask::new(Method::GET, operation.uri(&self.document, own));
        let read = self
            .cast
            .ask_as(read, operation.usual_actor(), company)
            .of(&stage.api)
            .await;
        let tag = read.header("etag").trim_matches('"').parse();
        tag.unwrap_or_else(|_| {
            operation
                .named_thing(&self.document, own)
                .map_or(1, |t| t.version)
        })
    }

    /// Sends an operation of ours with the given things in path and body, as somebody of ours.
    pub(super) async fn perform(
        &self,
        stage: &Stage,
        operation: &Operation,
        actor: Actor,
        (path, body): (&Things, &Things),
    ) -> Answer {
        for step in operation.recipe.before {
            let step = self.operation(step);
            let own = self.things(Company::Ours);
            let answer = self
                .ask(stage, step, step.usual_actor(), (own, own))
                .await
                .of(&stage.api)
                .await;
            assert!(
                answer.status.is_success(),
                "{} before {}: {}",
                step.id,
                operation.id,
                answer.text
            );
        }
        self.ask(stage, operation, actor, (path, body))
            .await
            .of(&stage.api)
            .await
    }

    /// The request, ready to be sent.
    pub(super) async fn ask(
        &self,
        stage: &Stage,
        operation: &Operation,
        actor: Actor,
        (path, body): (&Things, &Things),
    ) -> Ask {
        let mut ask = operation.ask(&self.document, path, body);
        if operation.wants_version {
            let version = self.version(stage, operation, Company::Ours).await;
            ask = ask.with("if-match", format!("\"{version}\""));
        }
        self.cast.ask_as(ask, actor, Company::Ours)
    }
}

/// The tenant of a company.
pub(super) fn tenant(company: Company) -> TenantId {
    seed(match company {
        Company::Ours => 1,
        Company::Theirs => 2,
        Company::Gone => 3,
    })
    .business
    .id
}
