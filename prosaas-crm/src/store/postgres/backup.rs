//! Reading and writing all rows, by the database's own list of tables.
//!
//! A backup needs no more than the application's role; a restore needs the owner of the tables, who may
//! put off the check of foreign keys to the end of the transaction.

use futures_util::TryStreamExt;
use prosaas_core::{Result, UnixMillis};
use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, FromRow, Row as _};

use super::{Access, PostgresDatabase, View, begin_statement, connect_options, migrate};
use crate::store::backup::{
    BackupReader, BackupWriter, Batch, Table, check_schema, not_empty, unknown,
};
use crate::store::db::db_error;
use crate::store::options::StoreOptions;

const TABLES: &str = "
    SELECT tables.relname::text AS name, columns.attname::text AS column_name,
           format_type(columns.atttypid, NULL) AS type,
           array_position(keys.indkey::int2[], columns.attnum) AS key
    FROM pg_class AS tables
    JOIN pg_attribute AS columns ON columns.attrelid = tables.oid AND columns.attnum > 0
         AND NOT columns.attisdropped
    LEFT JOIN pg_index AS keys ON keys.indrelid = tables.oid AND keys.indisprimary
    WHERE tables.relkind = 'r' AND tables.relnamespace = current_schema()::regnamespace
      AND tables.relname NOT LIKE '\\_sqlx\\_%'
    ORDER BY tables.relname COLLATE \"C\", columns.attnum";
/// Puts off, or no more, the checks of all foreign keys.
const FOREIGN_KEYS: &str = "
    SELECT format('ALTER TABLE %I ALTER CONSTRAINT %I ', tables.relname, keys.conname) AS alter
    FROM pg_constraint AS keys JOIN pg_class AS tables ON tables.oid = keys.conrelid
    WHERE keys.contype = 'f' AND keys.connamespace = current_schema()::regnamespace";

struct Column {
    table: String,
    name: String,
    of: String,
    key: Option<i32>,
}

impl FromRow<'_, PgRow> for Column {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Self {
            table: row.try_get("name")?,
            name: row.try_get("column_name")?,
            of: row.try_get("type")?,
            key: row.try_get("key")?,
        })
    }
}

impl Column {
    /// The value as the file holds it.
    fn written(&self) -> String {
        let name = &self.name;
        match self.of.as_str() {
            "uuid" => format!("replace(\"{name}\"::text, '-', '')"),
            "bytea" => format!("encode(\"{name}\", 'hex')"),
            "boolean" => format!("\"{name}\"::int"),
            "jsonb" => format!("\"{name}\"::text"),
            _ => format!("\"{name}\""),
        }
    }

    /// The value of the column from the one at a place of the file's row.
    fn read(&self, at: usize) -> String {
        match self.of.as_str() {
            "bytea" => format!("decode(value ->> {at}, 'hex')"),
            "boolean" => format!("(value ->> {at})::int::boolean"),
            of => format!("(value ->> {at})::{of}"),
        }
    }
}

impl PostgresDatabase {
    pub(crate) async fn backup(
        &self,
        writer: &mut BackupWriter<'_>,
        now: UnixMillis,
    ) -> Result<()> {
        let begin = AssertSqlSafe(begin_statement(View::System, Access::Read));
        let mut tx = self.pool.begin_with(begin).await.map_err(db_error)?;
        // A big table takes its time.
        run(&mut tx, "SET LOCAL statement_timeout = 0".to_owned()).await?;
        let schema = migrate::applied(&mut tx).await?;
        writer.begin(schema.unwrap_or_default(), now)?;
        let columns = columns(&mut tx).await?;
        for table in columns.chunk_by(|one, next| one.table == next.table) {
            writer.table(described(table))?;
            let select = sqlx::query(AssertSqlSafe(select(table))).persistent(false);
            let mut rows = select.fetch(&mut *tx);
            while let Some(row) = rows.try_next().await.map_err(db_error)? {
                writer.row(row.try_get(0).map_err(db_error)?)?;
            }
            writer.end_table()?;
        }
        Ok(())
    }

    pub(crate) async fn restore(
        &self,
        options: &StoreOptions,
        reader: &mut BackupReader<'_>,
    ) -> Result<()> {
        let owner = connect_options(options.direct_url().unwrap_or(options.url()))?;
        let mut connection = owner.connect().await.map_err(db_error)?;
        let mut tx = connection.begin().await.map_err(db_error)?;
        run(&mut tx, "SET LOCAL app.system = 'on'".to_owned()).await?;
        check_schema(reader.schema()?, migrate::applied(&mut tx).await?)?;
        let columns = columns(&mut tx).await?;
        for table in columns.chunk_by(|one, next| one.table == next.table) {
            require_empty(&mut tx, &table[0].table).await?;
        }
        alter_foreign_keys(&mut tx, "DEFERRABLE INITIALLY DEFERRED").await?;
        while let Some(batch) = reader.batch()? {
            insert(&mut tx, &columns, batch).await?;
        }
        run(&mut tx, "SET CONSTRAINTS ALL IMMEDIATE".to_owned()).await?;
        alter_foreign_keys(&mut tx, "NOT DEFERRABLE").await?;
        tx.commit().await.map_err(db_error)?;
        connection.close().await.map_err(db_error)
    }
}

async fn run(connection: &mut PgConnection, statement: String) -> Result<()> {
    let done = sqlx::raw_sql(AssertSqlSafe(statement))
        .execute(connection)
        .await;
    done.map(drop).map_err(db_error)
}

async fn columns(connection: &mut PgConnection) -> Result<Vec<Column>> {
    let columns = sqlx::query_as(TABLES).persistent(false);
    columns.fetch_all(connection).await.map_err(db_error)
}

fn described(table: &[Column]) -> Table {
    Table {
        name: table[0].table.clone(),
        columns: table.iter().map(|column| column.name.clone()).collect(),
    }
}

/// Every row as the text of a JSON array, in the order of the key.
fn select(table: &[Column]) -> String {
    let values: Vec<_> = table.iter().map(Column::written).collect();
    let mut keys: Vec<_> = table
        .iter()
        .filter_map(|column| Some((column.key?, format!("\"{}\"", column.name))))
        .collect();
    keys.sort();
    let keys: Vec<_> = keys.into_iter().map(|(_, name)| name).collect();
    format!(
        "SELECT json_build_array({})::text FROM \"{}\" ORDER BY {}",
        values.join(", "),
        table[0].table,
        keys.join(", ")
    )
}

async fn require_empty(connection: &mut PgConnection, table: &str) -> Result<()> {
    let any = format!("SELECT 1 FROM \"{table}\" LIMIT 1");
    let any = sqlx::query(AssertSqlSafe(any)).fetch_optional(connection);
    match any.await.map_err(db_error)? {
        None => Ok(()),
        Some(_) => Err(not_empty(table)),
    }
}

async fn alter_foreign_keys(connection: &mut PgConnection, how: &str) -> Result<()> {
    let keys = sqlx::query(FOREIGN_KEYS).fetch_all(&mut *connection).await;
    for key in keys.map_err(db_error)? {
        let alter: String = key.try_get("alter").map_err(db_error)?;
        run(connection, alter + how).await?;
    }
    Ok(())
}

async fn insert(connection: &mut PgConnection, known: &[Column], batch: Batch) -> Result<()> {
    // Every name has to be known here; without columns none would be looked at, the table's included.
    if batch.table.columns.is_empty() {
        return Err(unknown());
    }
    let mut names = Vec::new();
    let mut values = Vec::new();
    for (at, name) in batch.table.columns.iter().enumerate() {
        let mut here = known.iter().filter(|one| one.table == batch.table.name);
        let column = here.find(|one| one.name == *name).ok_or_else(unknown)?;
        names.push(format!("\"{name}\""));
        values.push(column.read(at));
    }
    let (table, names, values) = (batch.table.name, names.join(", "), values.join(", "));
    let insert = format!(
        "INSERT INTO \"{table}\" ({names}) SELECT {values} FROM jsonb_array_elements($1::jsonb)"
    );
    let done = sqlx::query(AssertSqlSafe(insert))
        .bind(batch.rows)
        .execute(connection)
        .await;
    done.map(drop).map_err(db_error)
}
