//! The driver: one way to run a statement, on SQLite and on PostgreSQL.
//!
//! A repository is written once. Its statements are constants ([`Sql`]), mostly one text for both
//! databases; it runs them in a [`TenantTx`], which binds the tenant as `$1` of every statement and, on
//! PostgreSQL, tells row-level security whose rows may be seen. Work on the installation runs in a
//! [`SystemTx`]. Nothing else in this crate calls sqlx.

mod args;
mod change;
mod connection;
mod error;
pub(in crate::store) mod migrations;
mod outgoing;
mod row;
mod single;
mod sql;
mod system_tx;
mod tenant_tx;
mod wake;

pub(crate) use args::{Arg, Args, Bind, Json, args};
pub(crate) use change::Change;
#[cfg(feature = "postgres")]
pub(crate) use connection::within;
pub(crate) use connection::{Answer, Connection};
pub(crate) use error::UNCONFIRMED;
pub(crate) use error::{cannot_open, db_error};
pub(crate) use row::Row;
pub(crate) use single::Single;
pub(crate) use sql::Sql;
pub(crate) use system_tx::SystemTx;
pub(crate) use tenant_tx::TenantTx;
pub(crate) use wake::Wakes;

/// Whether a transaction only reads, or may write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// One moment of the database, seen by every statement.
    Read,
    /// One statement that reads.
    Single,
    /// Changes, all or nothing.
    Write,
}

#[cfg(all(test, feature = "sqlite"))]
mod tests;
