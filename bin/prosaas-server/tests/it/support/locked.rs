//! A SQLite file that somebody else writes into and does not finish.

use std::path::Path;

use sqlx::{Connection as _, SqliteConnection};

/// Holds the file's write lock, as a program that hangs in the middle of a change would.
pub(crate) struct Locked(SqliteConnection);

impl Locked {
    /// Takes the lock of the database in this data directory.
    pub(crate) async fn new(data: &Path) -> Self {
        let url = format!("sqlite:{}", data.join("prosaas.db").display());
        let mut connection = SqliteConnection::connect(&url).await.unwrap();
        sqlx::raw_sql("PRAGMA busy_timeout = 10000; BEGIN IMMEDIATE")
            .execute(&mut connection)
            .await
            .unwrap();
        Self(connection)
    }

    /// Gives it back.
    pub(crate) async fn release(mut self) {
        sqlx::raw_sql("ROLLBACK")
            .execute(&mut self.0)
            .await
            .unwrap();
        self.0.close().await.unwrap();
    }
}
