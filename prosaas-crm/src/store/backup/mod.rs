//! Backup and restore in one portable format: what one database wrote, the other one reads.
//!
//! A file holds a header, each table with its columns and rows, and a seal with the SHA-256 of
//! everything before it. It is written from one moment of a running system, row by row, and restored
//! into an empty database in one transaction, after the whole file was checked. Nothing is held in
//! memory but a batch of rows.

mod format;

use std::io::{BufRead, Seek, Write};

use prosaas_core::{Error, Result};

pub(crate) use format::{BackupReader, BackupWriter, Batch, Table};

use super::CrmStore;
use super::crm_store::Database;
use super::options::StoreOptions;
use crate::auth::SystemScope;

/// What a backup holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BackupSummary {
    /// The version of the schema it was written from.
    pub schema: i64,
    /// How many tables.
    pub tables: u64,
    /// How many rows in all of them.
    pub rows: u64,
}

impl CrmStore {
    /// Writes everything of the installation, as it is at one moment.
    ///
    /// # Errors
    /// `Unavailable` when the database or the file fails; what was written then is no backup.
    pub async fn backup(
        &self,
        _scope: &SystemScope,
        out: &mut (dyn Write + Send),
    ) -> Result<BackupSummary> {
        let mut writer = BackupWriter::new(out);
        match self.database() {
            #[cfg(feature = "postgres")]
            Database::Postgres(database) => database.backup(&mut writer, self.now()).await?,
            #[cfg(feature = "sqlite")]
            Database::Sqlite(database) => database.backup(&mut writer, self.now()).await?,
        }
        writer.finish()
    }

    /// Restores a backup into an empty database, which is created or migrated first where needed.
    ///
    /// # Errors
    /// `Invalid` when the file is damaged, no backup, or of another schema version; `Conflict` with
    /// `database-not-empty` when there is anything in the database. Either way nothing is changed.
    pub async fn restore_backup<R: BufRead + Seek + Send>(
        _scope: &SystemScope,
        options: &StoreOptions,
        input: &mut R,
    ) -> Result<BackupSummary> {
        let summary = format::verify(input)?;
        input.rewind().map_err(unreadable)?;
        let mut reader = BackupReader::new(input);
        let database = Database::open(options).await?;
        let restored = match &database {
            #[cfg(feature = "postgres")]
            Database::Postgres(database) => database.restore(options, &mut reader).await,
            #[cfg(feature = "sqlite")]
            Database::Sqlite(database) => database.restore(&mut reader).await,
        };
        database.close().await;
        restored.map(|()| summary)
    }
}

fn unreadable(error: std::io::Error) -> Error {
    Error::unavailable("backup file", error)
}

/// Rows in the way of a restore.
pub(super) fn not_empty(table: &str) -> Error {
    Error::Conflict {
        what: "database-not-empty",
        detail: format!("there are rows in `{table}`; restore into an empty database"),
    }
}

/// A file that fits a database of another version.
pub(super) fn check_schema(file: i64, database: Option<i64>) -> Result<()> {
    if database == Some(file) {
        return Ok(());
    }
    let newest = database.unwrap_or_default();
    let expected = format!(
        "a backup of schema version {newest}; this one is of {file}: restore it with the version of \
         ProSaaS that wrote it, then start this one"
    );
    Err(Error::invalid("backup", expected))
}

/// A table or column that this schema does not have, in a file of the same schema.
pub(super) fn unknown() -> Error {
    Error::invalid("backup", "tables and columns of this schema version only")
}
