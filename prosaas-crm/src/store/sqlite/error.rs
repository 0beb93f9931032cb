//! The one place where SQLite's errors become [`prosaas_core::Error`].

use std::path::{Path, PathBuf};

use prosaas_core::Error;
use sqlx::error::{DatabaseError, ErrorKind};

type Source = Box<dyn std::error::Error + Send + Sync>;

/// Primary result codes (sqlite.org/rescode.html) that say something about the machine rather than
/// the statement: BUSY, LOCKED, NOMEM, READONLY, IOERR, FULL, CANTOPEN.
const ENVIRONMENT_CODES: [i32; 7] = [5, 6, 7, 8, 10, 13, 14];

pub(super) fn db_error(error: sqlx::Error) -> Error {
    match &error {
        sqlx::Error::Database(refusal) => match refusal.kind() {
            ErrorKind::UniqueViolation => conflict(refusal.message()),
            // Statements check what they refer to first; this wall stands behind them.
            ErrorKind::ForeignKeyViolation => Error::NotFound { what: "record" },
            _ if is_environment(&**refusal) => Error::unavailable("database", error),
            _ => Error::internal("database", error),
        },
        sqlx::Error::Io(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => Error::unavailable("database", error),
        _ => Error::internal("database", error),
    }
}

fn is_environment(refusal: &dyn DatabaseError) -> bool {
    let extended = refusal.code().and_then(|code| code.parse::<i32>().ok());
    extended.is_some_and(|code| ENVIRONMENT_CODES.contains(&(code & 0xFF)))
}

/// SQLite names a broken uniqueness by its columns: `UNIQUE constraint failed: table.column, ...`.
fn conflict(message: &str) -> Error {
    let columns = message.rsplit(": ").next().unwrap_or_default();
    let (what, detail) = match columns {
        "businesses.tenant_id" => ("business", "a business with this id exists"),
        "business_numbers.number" => ("number", "it belongs to another business"),
        "calls.call_sid" => ("call", "its CallSid belongs to a call of another business"),
        "recordings.recording_sid" => ("recording", "it belongs to another call"),
        "stream_tokens.token_hash" => ("stream token", "it was issued for another call"),
        _ => ("record", "it exists already"),
    };
    Error::Conflict {
        what,
        detail: detail.to_owned(),
    }
}

/// Why a database cannot be opened, with its path and what to do about it.
pub(super) fn cannot_open(path: &Path, source: impl Into<Source>) -> Error {
    Error::unavailable(
        "database",
        CannotOpen {
            path: path.to_owned(),
            source: source.into(),
        },
    )
}

#[derive(Debug, thiserror::Error)]
#[error(
    "the database file `{}` cannot be opened for reading and writing; it must be a database of this \
     or an earlier version, and this user must be able to write it and its directory",
    path.display()
)]
struct CannotOpen {
    path: PathBuf,
    source: Source,
}
