//! Routes with their rows: an operation is registered together with who may call it, or not at all.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::DefaultBodyLimit;
use axum::http::header::CONTENT_TYPE;
use axum::http::{Method, StatusCode};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{MethodRouter, any, get};
use prosaas_core::{Error, Result};
use serde_json::Value;
use tokio::sync::OnceCell;
use utoipa::openapi::path::Paths;
use utoipa::openapi::{ComponentsBuilder, OpenApi, OpenApiBuilder, RefOr, Schema};
use utoipa_axum::router::UtoipaMethodRouter;

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

    /// A GET that opens a websocket: more than a look, so only our own pages may send it.
    pub const fn socket(self) -> Row {
        Row::of(self).socket()
    }
}

/// What goes over an operation's connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Traffic {
    /// A body there and one back.
    Bodies,
    /// An upload of any size.
    Upload,
    /// A websocket.
    Socket,
}

/// An operation's row in the table of permissions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// Who may call it.
    pub needs: Needs,
    versioned: bool,
    secret_answer: bool,
    traffic: Traffic,
}

impl Row {
    const fn of(needs: Needs) -> Self {
        Self {
            needs,
            versioned: true,
            secret_answer: false,
            traffic: Traffic::Bodies,
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
        self.traffic = Traffic::Upload;
        self
    }

    /// See [`Needs::secret_answer`].
    #[must_use]
    pub const fn secret_answer(mut self) -> Self {
        self.secret_answer = true;
        self
    }

    /// See [`Needs::socket`].
    #[must_use]
    pub const fn socket(mut self) -> Self {
        self.traffic = Traffic::Socket;
        self
    }

    /// Whether the answer may not be kept.
    pub const fn has_secret_answer(&self) -> bool {
        self.secret_answer
    }

    /// Whether it opens a websocket.
    pub const fn is_socket(&self) -> bool {
        matches!(self.traffic, Traffic::Socket)
    }

    /// Whether the body is read by the handler as it comes.
    pub const fn is_streaming(&self) -> bool {
        matches!(self.traffic, Traffic::Upload)
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
    /// What the operations speak of, each once: every one of them names all it needs.
    schemas: Schemas,
}

struct Operation {
    tag: &'static str,
    row: Row,
    paths: Paths,
    methods: MethodRouter<ApiState>,
}

type Schemas = BTreeMap<String, RefOr<Schema>>;

impl std::fmt::Debug for Routes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Routes")
            .field("operations", &self.operations.len())
            .finish_non_exhaustive()
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
    ///
    /// # Panics
    /// When two schemas share a name: a mistake of ours that no request can cause, found by the first test.
    #[must_use]
    pub fn merge(mut self, other: impl Into<Self>) -> Self {
        let other = other.into();
        self.operations.extend(other.operations);
        for (name, schema) in other.schemas {
            note_schema(&mut self.schemas, name, schema);
        }
        self
    }

    /// The OpenAPI document of the operations.
    ///
    /// # Panics
    /// When two operations share an id: a mistake of ours that no request can cause, found by the first test.
    pub fn document(self) -> Value {
        let mut rows = Rows::new();
        let mut all = Paths::new();
        for Operation {
            tag, row, paths, ..
        } in self.operations
        {
            for (path, item) in paths.paths {
                note_row(&mut rows, &path, &item, tag, row);
                match all.paths.get_mut(&path) {
                    Some(known) => known.merge_operations(item),
                    None => drop(all.paths.insert(path, item)),
                }
            }
        }
        let components = ComponentsBuilder::new().schemas_from_iter(self.schemas);
        let api: OpenApi = OpenApiBuilder::new()
            .paths(all)
            .components(Some(components.build()))
            .build();
        document::complete(&api, &rows)
    }

    /// The router over a state, of the operations that `all` lists.
    ///
    /// The document is put together when it is asked for first: while that goes on it needs more memory than
    /// the rest of the server, and most processes are never asked.
    ///
    /// # Panics
    /// As [`Routes::merge`].
    pub fn router(all: impl Fn() -> Self + Send + Sync + 'static, state: &ApiState) -> Router {
        let mut router = Router::new();
        for operation in all().operations {
            let methods = operation.guarded(state);
            for path in operation.paths.paths.keys() {
                router = router.route(path, methods.clone());
            }
        }
        // Beside the table of rows: it says what is public knowledge, and never changes.
        let document = Arc::new(Document {
            all: Arc::new(all),
            text: OnceCell::new(),
        });
        let openapi = || async move { document.answer().await };
        router
            .route("/api/openapi.json", get(openapi))
            .route("/api", any(unknown))
            .route("/api/{*rest}", any(unknown))
            .method_not_allowed_fallback(wrong_method)
            .layer(from_fn_with_state(state.clone(), edge))
            .with_state(state.clone())
    }
}

impl Operation {
    /// The methods behind what their row demands.
    fn guarded(&self, state: &ApiState) -> MethodRouter<ApiState> {
        let layer = Guard {
            state: state.clone(),
            row: self.row,
        };
        let limit = if self.row.is_streaming() {
            DefaultBodyLimit::disable()
        } else {
            DefaultBodyLimit::max(MAX_BODY)
        };
        let methods = self.methods.clone();
        methods
            .route_layer(from_fn_with_state(layer, guard))
            .route_layer(limit)
    }
}

/// The document as it is served, once somebody asked for it.
struct Document<F> {
    all: Arc<F>,
    text: OnceCell<Bytes>,
}

impl<F: Fn() -> Routes + Send + Sync + 'static> Document<F> {
    async fn answer(&self) -> Response {
        match self.text.get_or_try_init(|| self.write()).await {
            Ok(text) => ([(CONTENT_TYPE, "application/json")], text.clone()).into_response(),
            Err(error) => Problem::from(error).into_response(),
        }
    }

    async fn write(&self) -> Result<Bytes> {
        let all = Arc::clone(&self.all);
        // Calls must not wait for it.
        let text = tokio::task::spawn_blocking(move || all().document().to_string());
        let text = text.await;
        text.map(Bytes::from)
            .map_err(|error| Error::internal("API document", error))
    }
}

impl Tagged {
    /// Adds an operation: `.add(Needs::Tenant(Permission::LeadsRead), routes!(list_leads))`.
    ///
    /// Its row of permissions is an argument, so a route without one does not compile:
    ///
    /// ```compile_fail,E0061
    /// use prosaas_crm::api::kit::{ApiState, Routes};
    /// fn open_to_whom(list_leads: utoipa_axum::router::UtoipaMethodRouter<ApiState>) -> Routes {
    ///     Routes::tagged("leads").add(list_leads).into()
    /// }
    /// ```
    ///
    /// ```
    /// use prosaas_crm::api::kit::{ApiState, Needs, Routes};
    /// use prosaas_crm::auth::Permission;
    /// fn of_readers(list_leads: utoipa_axum::router::UtoipaMethodRouter<ApiState>) -> Routes {
    ///     Routes::tagged("leads").add(Needs::Tenant(Permission::LeadsRead), list_leads).into()
    /// }
    /// ```
    ///
    /// # Panics
    /// As [`Routes::merge`].
    #[must_use]
    pub fn add(mut self, row: impl Into<Row>, route: UtoipaMethodRouter<ApiState>) -> Self {
        let (schemas, paths, methods) = route;
        for (name, schema) in schemas {
            note_schema(&mut self.routes.schemas, name, schema);
        }
        self.routes.operations.push(Operation {
            tag: self.tag,
            row: row.into(),
            paths,
            methods,
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

fn note_schema(schemas: &mut Schemas, name: String, schema: RefOr<Schema>) {
    match schemas.get(&name) {
        Some(known) => assert!(
            *known == schema,
            "two different schemas are called `{name}`"
        ),
        None => drop(schemas.insert(name, schema)),
    }
}

async fn unknown() -> Problem {
    Problem::not_found()
}

async fn wrong_method() -> Problem {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed")
        .detail("this address does not take this method")
}
