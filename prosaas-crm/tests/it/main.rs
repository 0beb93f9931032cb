//! The store on real files.

mod sqlite;
mod statements;
mod support;
