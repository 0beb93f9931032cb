//! What every resource of the API is made of: callers, bodies, lists, versions, errors and their document.
//!
//! A resource is a file with handlers and `pub(crate) fn routes() -> Tagged`; each operation is added with
//! its row, and there is no other way to a route.

pub mod auth;
mod cursor;
mod document;
mod edge;
mod etag;
mod guard;
mod idempotency;
mod json;
mod limit;
mod links;
mod list;
mod parse;
mod path;
mod problem;
mod routes;
mod shapes;
pub(super) mod sse;
mod state;

pub use crate::model::time::Time;
pub use auth::{Authenticator, Caller, Credential, Presented, Scope, Session, System};
pub use edge::RequestId;
pub use etag::{Created, IfMatch, NoContent, Versioned, WithETag};
pub use guard::ClientAddress;
pub use json::{ApiJson, MAX_BODY, MAX_DEPTH, from_json};
pub use limit::{Limits, Quota};
pub use list::{ApiQuery, Count, List, ListParams, MAX_COUNT, MAX_LIMIT, NoFilter, Page, PageInfo};
pub use path::Id;
pub use problem::{ApiResult, FieldError, PROBLEM_JSON, Problem, ProblemBody};
pub use routes::{Needs, Routes, Row, Tagged};
pub use sse::StreamTiming;
pub use state::{ApiConfig, ApiParts, ApiState};
