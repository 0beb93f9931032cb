//! Search that finds Hebrew as people type it, the same on every database.
//!
//! Neither SQLite nor PostgreSQL finds a word behind its prefix letters, without its points or inside
//! an acronym with gershayim, so all of that happens here: text becomes [`tokens`], what somebody types
//! becomes a [`query::Query`], and the database only compares plain text. PostgreSQL's operators for
//! patterns are not leakproof and may not use an index under row-level security; `=`, `>=` and `<` are.

pub mod normalise;
pub mod query;
pub mod tokens;

pub(crate) use normalise::without_prefixes;
pub use normalise::{normalise, words};
pub use query::{Lookup, Query};
pub use tokens::Tokens;
