//! Routes with their rows: an operation is registered together with who may call it, or not at all.

use std::collections::BTreeMap;

use axum::Router;
use axum::body::Bytes;
use axum::extract::DefaultBodyLimit;
use axum::http::header::CONTENT_TYPE;
use axum::http::{Method, StatusCode};
use axum::middleware::from_fn_with_state;
use axum::routing::{any, get};
use serde_json::Value;
use utoipa::openapi::{OpenApi, RefOr, Schema};
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};

use super::document;
use super::edge::edge;
use super::guard::{Guard, guard};
use super::json::MAX_BODY;
use super::problem::Problem;
use super::state::ApiState;
use crate::auth::Permission;

/// Who may call an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Needs {
    /// Anybody.
    Public,
    /// Anybody who is signed in with a session.
    Session,
    /// Whoever has this right in the business he works in: by role, acting, or by an API key's scope.
    Tenant(Permission),
    /// An administrator of the installation, outside an acting session.
    System,
}

impl Needs {
    /// A PATCH, PUT or DELETE of something that has no version, such as a session.
    pub const fn unversioned(self) -> Row {
        Row::of(self).unversioned()
    }

    /// An answer that holds a secret, shown once: it is not kept for an `Idempotency-Key`.
    pub const fn secret_answer(self) -> Row {
        Row::of(self).secret_answer()
    }

    /// An upload of any size: the handler reads the body itself and bounds it.
    pub const fn streaming(self) -> Row {
        Row::of(self).streaming()
    }
}

/// An operation's row in the table of permissions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// Who may call it.
    pub needs: Needs,
    versioned: bool,
    streaming: bool,
    secret_answer: bool,
}

impl Row {
    const fn of(needs: Needs) -> Self {
        Self {
            needs,
            versioned: true,
            streaming: false,
            secret_answer: false,
        }
    }

    /// See [`Needs::unversioned`].
    #[must_use]
    pub const fn unversioned(mut self) -> Self {
        self.versioned = false;
        self
    }

    /// See [`Needs::streaming`].
    #[must_use]
    pub const fn streaming(mut self) -> Self {
        self.streaming = true;
        self
    }

    /// See [`Needs::secret_answer`].
    #[must_use]
    pub const fn secret_answer(mut self) -> Self {
        self.secret_answer = true;
        self
    }

    /// Whether the answer may not be kept.
    pub const fn has_secret_answer(&self) -> bool {
        self.secret_answer
    }

    /// Whether the body is read by the handler as it comes.
    pub const fn is_streaming(&self) -> bool {
        self.streaming
    }

    /// Whether the method asks for `If-Match`.
    pub fn demands_version(&self, method: &Method) -> bool {
        self.versioned && matches!(*method, Method::PATCH | Method::PUT | Method::DELETE)
    }
}

impl From<Needs> for Row {
    fn from(needs: Needs) -> Self {
        Self::of(needs)
    }
}

/// The operations of one resource.
#[derive(Default)]
pub struct Routes {
    operations: Vec<Operation>,
}

struct Operation {
    tag: &'static str,
    row: Row,
    route: UtoipaMethodRouter<ApiState>,
}

impl std::fmt::Debug for Routes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Routes")
            .field("operations", &self.operations.len())
            .finish()
    }
}

/// A resource's operations under construction; see [`Routes::tagged`].
#[derive(Debug)]
pub struct Tagged {
    tag: &'static str,
    routes: Routes,
}

impl Routes {
    /// Operations that the document lists under this tag.
    pub fn tagged(tag: &'static str) -> Tagged {
        Tagged {
            tag,
            routes: Self::default(),
        }
    }

    /// These operations and the other ones.
    #[must_use]
    pub fn merge(mut self, other: impl Into<Self>) -> Self {
        self.operations.extend(other.into().operations);
        self
    }

    /// The OpenAPI document of the operations.
    ///
    /// # Panics
    /// When two operations share an id, or two schemas a name: a mistake of ours that no request can
    /// cause, found by the first test or start.
    pub fn document(&self) -> Value {
        let (_, rows, api) = self.assemble(None);
        document::complete(&api, &rows)
    }

    /// The router over a state.
    ///
    /// # Panics
    /// As [`Routes::document`].
    pub fn router(self, state: &ApiState) -> Router {
        // Beside the table of rows: it says what is public knowledge, and never changes.
        let document = Bytes::from(self.document().to_string());
        let openapi = || async { ([(CONTENT_TYPE, "application/json")], document) };
        let (router, _, _) = self.assemble(Some(state));
        Router::from(router)
            .route("/api/openapi.json", get(openapi))
            .route("/api", any(unknown))
            .route("/api/{*rest}", any(unknown))
            .method_not_allowed_fallback(wrong_method)
            .layer(from_fn_with_state(state.clone(), edge))
            .with_state(state.clone())
    }

    fn assemble(&self, state: Option<&ApiState>) -> (OpenApiRouter<ApiState>, Rows, OpenApi) {
        let mut router = OpenApiRouter::default();
        let mut rows = Rows::new();
        let mut schemas = BTreeMap::new();
        for Operation { tag, row, route } in &self.operations {
            let (parts, paths, mut methods) = route.clone();
            for (path, item) in &paths.paths {
                note_row(&mut rows, path, item, tag, *row);
            }
            for (name, schema) in &parts {
                note_schema(&mut schemas, name, schema);
            }
            if let Some(state) = state {
                let layer = Guard {
                    state: state.clone(),
                    row: *row,
                };
                let limit = if row.is_streaming() {
                    DefaultBodyLimit::disable()
                } else {
                    DefaultBodyLimit::max(MAX_BODY)
                };
                methods = methods
                    .route_layer(from_fn_with_state(layer, guard))
                    .route_layer(limit);
            }
            router = router.routes((parts, paths, methods));
        }
        let api = router.get_openapi().clone();
        (router, rows, api)
    }
}

impl Tagged {
    /// Adds an operation: `.add(Needs::Tenant(Permission::LeadsRead), routes!(list_leads))`.
    #[must_use]
    pub fn add(mut self, row: impl Into<Row>, route: UtoipaMethodRouter<ApiState>) -> Self {
        self.routes.operations.push(Operation {
            tag: self.tag,
            row: row.into(),
            route,
        });
        self
    }
}

impl From<Tagged> for Routes {
    fn from(tagged: Tagged) -> Self {
        tagged.routes
    }
}

/// An operation's row and tag by its id.
pub(super) type Rows = BTreeMap<String, (Row, &'static str)>;

fn note_row(
    rows: &mut Rows,
    path: &str,
    item: &utoipa::openapi::PathItem,
    tag: &'static str,
    row: Row,
) {
    assert!(path.starts_with("/api/"), "{path} is not under /api");
    let operations = [&item.get, &item.post, &item.put, &item.patch, &item.delete];
    for operation in operations.into_iter().flatten() {
        let id = operation.operation_id.clone().unwrap_or_default();
        let double = rows.insert(id.clone(), (row, tag));
        assert!(double.is_none(), "two operations are called `{id}`");
    }
}

fn note_schema(schemas: &mut BTreeMap<String, RefOr<Schema>>, name: &str, schema: &RefOr<Schema>) {
    let known = schemas
        .entry(name.to_owned())
        .or_insert_with(|| schema.clone());
    assert!(known == schema, "two different schemas are called `{name}`");
}

async fn unknown() -> Problem {
    Problem::not_found()
}

async fn wrong_method() -> Problem {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed")
        .detail("this address does not take this method")
}
