//! Reading and writing all rows, by the file's own list of tables.

use futures_util::TryStreamExt;
use prosaas_core::{Result, UnixMillis};
use sqlx::{AssertSqlSafe, Row as _, SqliteConnection};

use super::SqliteDatabase;
use crate::store::backup::{
    BackupReader, BackupWriter, Batch, Table, check_schema, not_empty, unknown,
};
use crate::store::db::db_error;

const SCHEMA: &str = "SELECT max(version) AS version FROM _sqlx_migrations WHERE success";
/// A table's own rows only: what full-text search keeps is built from them.
const TABLES: &str = "
    SELECT tables.name AS name, columns.name AS column_name, columns.type AS type, columns.pk AS pk
    FROM sqlite_master AS tables, pragma_table_info(tables.name) AS columns
    WHERE tables.type = 'table' AND tables.name NOT GLOB 'sqlite_*' AND tables.name NOT GLOB '_sqlx_*'
    ORDER BY tables.name, columns.cid";

/// A table as the file describes it.
struct Described {
    table: Table,
    is_bytes: Vec<bool>,
    key: Vec<(i64, String)>,
}

impl SqliteDatabase {
    pub(crate) async fn backup(
        &self,
        writer: &mut BackupWriter<'_>,
        now: UnixMillis,
    ) -> Result<()> {
        let mut tx = self.readers.begin().await.map_err(db_error)?;
        writer.begin(schema(&mut tx).await?.unwrap_or_default(), now)?;
        for described in tables(&mut tx).await? {
            let select = described.select();
            writer.table(described.table)?;
            let mut rows = sqlx::query(AssertSqlSafe(select)).fetch(&mut *tx);
            while let Some(row) = rows.try_next().await.map_err(db_error)? {
                writer.row(row.try_get(0).map_err(db_error)?)?;
            }
            writer.end_table()?;
        }
        Ok(())
    }

    pub(crate) async fn restore(&self, reader: &mut BackupReader<'_>) -> Result<()> {
        let tx = self.writer.begin_with("BEGIN IMMEDIATE").await;
        let mut tx = tx.map_err(db_error)?;
        check_schema(reader.schema()?, schema(&mut tx).await?)?;
        let described = tables(&mut tx).await?;
        for one in &described {
            let any = format!("SELECT 1 FROM \"{}\" LIMIT 1", one.table.name);
            let any = sqlx::query(AssertSqlSafe(any)).fetch_optional(&mut *tx);
            if any.await.map_err(db_error)?.is_some() {
                return Err(not_empty(&one.table.name));
            }
        }
        // Rows may come before those they refer to; the commit looks at all of them.
        sqlx::query("PRAGMA defer_foreign_keys = ON")
            .execute(&mut *tx)
            .await
            .map_err(db_error)?;
        while let Some(batch) = reader.batch()? {
            insert(&mut tx, &described, batch).await?;
        }
        tx.commit().await.map_err(db_error)?;
        let settled = self.log.settle().await;
        settled.map_err(|error| db_error(error.into()))
    }
}

async fn schema(connection: &mut SqliteConnection) -> Result<Option<i64>> {
    let row = sqlx::query(SCHEMA).fetch_one(connection).await;
    row.and_then(|row| row.try_get("version")).map_err(db_error)
}

async fn tables(connection: &mut SqliteConnection) -> Result<Vec<Described>> {
    let rows = sqlx::query(TABLES).fetch_all(connection).await;
    let mut tables: Vec<Described> = Vec::new();
    for row in rows.map_err(db_error)? {
        let name: String = row.try_get("name").map_err(db_error)?;
        let column: String = row.try_get("column_name").map_err(db_error)?;
        let key: i64 = row.try_get("pk").map_err(db_error)?;
        let is_bytes = row.try_get::<&str, _>("type").map_err(db_error)? == "BLOB";
        if tables.last().is_none_or(|last| last.table.name != name) {
            let columns = Vec::new();
            tables.push(Described {
                table: Table { name, columns },
                is_bytes: Vec::new(),
                key: Vec::new(),
            });
        }
        if let Some(table) = tables.last_mut() {
            if key > 0 {
                table.key.push((key, column.clone()));
            }
            table.table.columns.push(column);
            table.is_bytes.push(is_bytes);
        }
    }
    for table in &mut tables {
        table.key.sort();
    }
    Ok(tables)
}

impl Described {
    /// Every row as the text of a JSON array, in the order of the key.
    fn select(&self) -> String {
        let columns = self.table.columns.iter().zip(&self.is_bytes);
        let values = columns.map(|(column, is_bytes)| {
            if *is_bytes {
                format!("iif(\"{column}\" IS NULL, NULL, lower(hex(\"{column}\")))")
            } else {
                format!("\"{column}\"")
            }
        });
        let values: Vec<_> = values.collect();
        let key: Vec<_> = self
            .key
            .iter()
            .map(|(_, name)| format!("\"{name}\""))
            .collect();
        let name = &self.table.name;
        format!(
            "SELECT json_array({}) FROM \"{name}\" ORDER BY {}",
            values.join(", "),
            key.join(", ")
        )
    }
}

async fn insert(
    connection: &mut SqliteConnection,
    known: &[Described],
    batch: Batch,
) -> Result<()> {
    let described = known
        .iter()
        .find(|one| one.table.name == batch.table.name)
        .ok_or_else(unknown)?;
    let mut names = Vec::new();
    let mut values = Vec::new();
    for (at, column) in batch.table.columns.iter().enumerate() {
        let here = described.table.columns.iter().position(|one| one == column);
        let is_bytes = described.is_bytes[here.ok_or_else(unknown)?];
        names.push(format!("\"{column}\""));
        values.push(if is_bytes {
            format!("unhex(value ->> {at})")
        } else {
            format!("value ->> {at}")
        });
    }
    let (name, names, values) = (&described.table.name, names.join(", "), values.join(", "));
    let insert =
        format!("INSERT INTO \"{name}\" ({names}) SELECT {values} FROM json_each($1) WHERE true");
    let done = sqlx::query(AssertSqlSafe(insert))
        .bind(batch.rows)
        .execute(connection)
        .await;
    done.map(drop).map_err(db_error)
}
