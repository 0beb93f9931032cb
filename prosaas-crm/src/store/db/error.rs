//! The one place where the databases' errors become [`prosaas_core::Error`].

use prosaas_core::Error;
use sqlx::error::{DatabaseError, ErrorKind};

type Source = Box<dyn std::error::Error + Send + Sync>;

/// SQLite's primary result codes (sqlite.org/rescode.html) that say something about the machine rather
/// than the statement: BUSY, LOCKED, NOMEM, READONLY, IOERR, FULL, CANTOPEN.
const SQLITE_ENVIRONMENT: [i32; 7] = [5, 6, 7, 8, 10, 13, 14];

/// PostgreSQL's error classes and codes (its manual, appendix A) that say the same: lost connections,
/// no resources, the operator's intervention (a shutdown, a statement that took too long), failures of
/// the system, a server that only reads, and transactions that stood in each other's way.
const POSTGRES_ENVIRONMENT: [&str; 8] =
    ["08", "53", "57", "58", "25006", "40001", "40P01", "55P03"];

/// What is not available when the connection broke before a commit was answered: the change may have been
/// made.
pub(crate) const UNCONFIRMED: &str = "the database's confirmation";

/// What is already there, when a uniqueness is broken: SQLite names the columns, PostgreSQL the
/// constraint or index. Here stand those that a caller can do something about.
const UNIQUE: &[Unique] = &[
    Unique {
        sqlite: "businesses.tenant_id",
        postgres: "businesses_pkey",
        what: "business",
        detail: "a business with this id exists",
    },
    Unique {
        sqlite: "business_numbers.number",
        postgres: "business_numbers_one_owner",
        what: "number-taken",
        detail: "the number belongs to another business",
    },
    Unique {
        sqlite: "wa_links.cloud_number_id",
        postgres: "wa_links_one_cloud_owner",
        what: "number-taken",
        detail: "another business of this installation uses this number",
    },
    Unique {
        sqlite: "calls.call_sid",
        postgres: "calls_call_sid_key",
        what: "call",
        detail: "its CallSid belongs to a call of another business",
    },
    Unique {
        sqlite: "recordings.recording_sid",
        postgres: "recordings_recording_sid_key",
        what: "recording",
        detail: "it belongs to another call",
    },
    Unique {
        sqlite: "stream_tokens.token_hash",
        postgres: "stream_tokens_pkey",
        what: "stream token",
        detail: "it was issued for another call",
    },
    Unique {
        sqlite: "block_list.tenant_id, block_list.kind, block_list.value",
        postgres: "block_list_tenant_id_kind_value_key",
        what: "already-blocked",
        detail: "it is on the list already",
    },
    Unique {
        sqlite: "canned_replies.tenant_id, canned_replies.shortcut_key",
        postgres: "canned_replies_tenant_id_shortcut_key_key",
        what: "shortcut-taken",
        detail: "another reply has this shortcut",
    },
    Unique {
        sqlite: "custom_fields.tenant_id, custom_fields.key",
        postgres: "custom_fields_tenant_id_key_key",
        what: "key-taken",
        detail: "another field has this key",
    },
    Unique {
        sqlite: "deal_stages.tenant_id, deal_stages.pipeline_id, deal_stages.name",
        postgres: "deal_stages_tenant_id_pipeline_id_name_key",
        what: "name-taken",
        detail: "another stage of the pipeline has this name",
    },
    Unique {
        sqlite: "holidays.tenant_id, holidays.day",
        postgres: "holidays_tenant_id_day_key",
        what: "day-taken",
        detail: "this day has hours of its own already",
    },
    Unique {
        sqlite: "pipelines.tenant_id, pipelines.name",
        postgres: "pipelines_tenant_id_name_key",
        what: "name-taken",
        detail: "another pipeline has this name",
    },
    Unique {
        sqlite: "stages.tenant_id, stages.name",
        postgres: "stages_tenant_id_name_key",
        what: "name-taken",
        detail: "another stage has this name",
    },
    Unique {
        sqlite: "tags.tenant_id, tags.name",
        postgres: "tags_tenant_id_name_key",
        what: "name-taken",
        detail: "another tag has this name",
    },
];

struct Unique {
    sqlite: &'static str,
    postgres: &'static str,
    what: &'static str,
    detail: &'static str,
}

pub(crate) fn db_error(error: sqlx::Error) -> Error {
    match &error {
        sqlx::Error::Database(refusal) => match refusal.kind() {
            ErrorKind::UniqueViolation => conflict(&**refusal),
            // Statements check what they refer to first; this wall stands behind them.
            ErrorKind::ForeignKeyViolation => Error::NotFound { what: "record" },
            _ if is_environment(&**refusal) => Error::unavailable("database", error),
            _ => Error::internal("database", error),
        },
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::BeginFailed
        | sqlx::Error::WorkerCrashed => Error::unavailable("database", error),
        _ => Error::internal("database", error),
    }
}

/// [`db_error`] of a commit. A refusal is one; a lost answer leaves open what it would have said.
pub(crate) fn commit_error(error: sqlx::Error) -> Error {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::WorkerCrashed => {
            Error::unavailable(UNCONFIRMED, error)
        }
        refused => db_error(refused),
    }
}

fn is_environment(refusal: &dyn DatabaseError) -> bool {
    let Some(code) = refusal.code() else {
        return false;
    };
    // SQLSTATE has five characters; SQLite's extended codes are numbers of at most four digits.
    if code.len() == 5 {
        return POSTGRES_ENVIRONMENT
            .iter()
            .any(|prefix| code.starts_with(prefix));
    }
    let extended = code.parse::<i32>();
    extended.is_ok_and(|code| SQLITE_ENVIRONMENT.contains(&(code & 0xFF)))
}

/// SQLite says `UNIQUE constraint failed: table.column, table.other`, or names an index over expressions.
fn conflict(refusal: &dyn DatabaseError) -> Error {
    let columns = refusal.message().rsplit(": ").next().unwrap_or_default();
    let constraint = refusal.constraint();
    let known = UNIQUE.iter().find(|unique| match constraint {
        Some(constraint) => constraint == unique.postgres,
        None => columns == unique.sqlite,
    });
    let (what, detail) = known.map_or(("already-exists", "it exists already"), |unique| {
        (unique.what, unique.detail)
    });
    Error::Conflict {
        what,
        detail: detail.to_owned(),
    }
}

/// Why a database cannot be opened, with what it is and what to do about it.
pub(crate) fn cannot_open(sentence: String, source: impl Into<Source>) -> Error {
    let source = source.into();
    Error::unavailable("database", CannotOpen { sentence, source })
}

#[derive(Debug, thiserror::Error)]
#[error("{sentence}")]
struct CannotOpen {
    sentence: String,
    source: Source,
}
