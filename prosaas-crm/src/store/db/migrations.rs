//! The versions of the schema, compiled in.
//!
//! `sqlx::migrate!` would do the same, and brings a crate of macros that has both drivers, a runtime, a TLS stack and
//! SQLite built once more for the machine that compiles: a minute and a half of a processor (measured).

use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::{SqlSafeStr as _, SqlStr};

/// A version's name, `NNNN_words`, and its statements.
type Version = (&'static str, &'static str);

/// The versions of one backend. All backends have the same ones.
macro_rules! versions {
    ($backend:literal) => {
        versions!($backend:
            "0001_calls",
            "0002_crm",
            "0004_privacy",
            "0008_upkeep",
            "0009_whatsapp",
            "0010_files",
            "0011_search_among",
            "0012_rescue",
            "0014_snooze",
            "0015_missed_calls",
            "0016_message_files",
            "0017_budget",
            "0018_rungs",
            "0019_verdicts",
            "0020_wa_cloud",
            "0021_carrier_costs",
            "0022_when_full",
            "0023_replies_and_storage",
            "0024_push_and_own_phones",
        )
    };
    ($backend:literal: $($name:literal,)+) => {
        &[$((
            $name,
            include_str!(concat!("../../../migrations/", $backend, "/", $name, ".sql")),
        ),)+]
    };
}

#[cfg(feature = "sqlite")]
const SQLITE: &[Version] = versions!("sqlite");
#[cfg(feature = "postgres")]
const POSTGRES: &[Version] = versions!("postgres");

/// SQLite's.
#[cfg(feature = "sqlite")]
pub(in crate::store) fn sqlite() -> Migrator {
    migrator(SQLITE)
}

/// PostgreSQL's.
#[cfg(feature = "postgres")]
pub(in crate::store) fn postgres() -> Migrator {
    migrator(POSTGRES)
}

fn migrator(versions: &[Version]) -> Migrator {
    Migrator::with_migrations(versions.iter().copied().map(migration).collect())
}

/// # Panics
/// When a name does not begin with a number, which a test sees.
fn migration((name, statements): Version) -> Migration {
    let (number, words) = name.split_once('_').expect("a name is `NNNN_words`");
    let version = number.parse().expect("a name begins with its number");
    let words = words.replace('_', " ").into();
    let statements: SqlStr = statements.into_sql_str();
    Migration::new(version, words, MigrationType::Simple, statements, false)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn every_file_is_a_version_and_they_follow_each_other() {
        for (backend, versions) in [("sqlite", SQLITE), ("postgres", POSTGRES)] {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
            let files = std::fs::read_dir(folder.join(backend)).unwrap();
            let mut files: Vec<_> = files
                .map(|file| file.unwrap().file_name().into_string().unwrap())
                .collect();
            files.sort();
            let names: Vec<_> = versions
                .iter()
                .map(|(name, _)| format!("{name}.sql"))
                .collect();
            assert_eq!(names, files, "of {backend}");
            let migrator = migrator(versions);
            let numbers: Vec<_> = migrator.iter().map(|migration| migration.version).collect();
            assert!(numbers.is_sorted_by(|one, next| one < next), "{numbers:?}");
        }
    }
}
