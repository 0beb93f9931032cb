//! Everything a database holds, so that a test can say that nothing changed.

use std::collections::BTreeMap;
use std::path::Path;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Row as _};

/// Looks at a database file from outside the store.
#[derive(Debug)]
pub(super) struct Witness {
    connection: SqliteConnection,
}

/// The rows of every table, as texts.
pub(super) type Fingerprint = BTreeMap<String, Vec<String>>;

impl Witness {
    pub(super) async fn of(file: &Path) -> Self {
        let options = SqliteConnectOptions::new().filename(file).read_only(true);
        let connection = options.connect().await.unwrap();
        Self { connection }
    }

    /// A number that changes when another connection commits a change (sqlite.org/pragma.html).
    pub(super) async fn version(&mut self) -> i64 {
        let row = sqlx::query("PRAGMA data_version");
        row.fetch_one(&mut self.connection).await.unwrap().get(0)
    }

    /// The names of every column, for requests that try to set them.
    pub(super) async fn columns(&mut self) -> Vec<String> {
        let text = "SELECT DISTINCT columns.name FROM sqlite_master AS tables
                    JOIN pragma_table_info(tables.name) AS columns
                    WHERE tables.type = 'table' ORDER BY 1";
        let rows = sqlx::query(text).fetch_all(&mut self.connection);
        rows.await.unwrap().iter().map(|row| row.get(0)).collect()
    }

    pub(super) async fn fingerprint(&mut self) -> Fingerprint {
        let text = "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY 1";
        let tables = sqlx::query(text).fetch_all(&mut self.connection);
        let mut found = Fingerprint::new();
        for table in tables.await.unwrap() {
            let table: String = table.get(0);
            found.insert(table.clone(), self.rows(&table).await);
        }
        found
    }

    async fn rows(&mut self, table: &str) -> Vec<String> {
        let columns = sqlx::query("SELECT name FROM pragma_table_info($1)").bind(table);
        let columns = columns.fetch_all(&mut self.connection).await.unwrap();
        let quoted: Vec<String> = columns
            .iter()
            .map(|row| format!("quote(\"{}\")", row.get::<String, _>(0)))
            .collect();
        // Names of the schema, not of a request: they cannot be bound.
        let text = format!(
            "SELECT {} FROM \"{table}\" ORDER BY 1",
            quoted.join(" || ',' || ")
        );
        let rows = sqlx::query(AssertSqlSafe(text)).fetch_all(&mut self.connection);
        rows.await.unwrap().iter().map(|row| row.get(0)).collect()
    }
}

/// The tables whose rows differ.
pub(super) fn differences(before: &Fingerprint, after: &Fingerprint) -> Vec<String> {
    before
        .iter()
        .filter(|(table, rows)| after.get(*table) != Some(rows))
        .map(|(table, _)| table.clone())
        .collect()
}
