//! A database under the store's feet: rows go in by the million, past the store.
//!
//! This folder is the only place outside the store that holds SQL, and this file the only one that runs it. It
//! writes rows that we made up ourselves, in a database that we started ourselves, as a role that may
//! everything; nothing of it is reachable by anybody.

use std::fmt::Write as _;
use std::path::Path;
use std::str::FromStr as _;

use anyhow::Context as _;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _, Row as _};
use uuid::Uuid;

/// SQLite's limit of bound values in one statement is 32,766.
const BOUND: usize = 30_000;

/// A value of a row.
#[derive(Debug, Clone)]
pub(crate) enum Cell {
    Null,
    Id(Uuid),
    Integer(i64),
    Text(String),
    Truth(bool),
}

impl From<Option<Uuid>> for Cell {
    fn from(id: Option<Uuid>) -> Self {
        id.map_or(Self::Null, Self::Id)
    }
}

impl From<Option<String>> for Cell {
    fn from(text: Option<String>) -> Self {
        text.map_or(Self::Null, Self::Text)
    }
}

/// A table and the columns that are written; the others have their defaults.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Table {
    pub(crate) name: &'static str,
    pub(crate) columns: &'static [&'static str],
}

/// A connection that may everything.
#[derive(Debug)]
pub(crate) enum Database {
    Postgres(Box<PgConnection>),
    Sqlite(Box<SqliteConnection>),
}

impl Database {
    /// The server's superuser: row-level security does not hold for him, and `COPY` is refused under it.
    pub(crate) async fn postgres(url: &str) -> anyhow::Result<Self> {
        let options = PgConnectOptions::from_str(url)?.disable_statement_logging();
        let connection = PgConnection::connect_with(&options).await;
        let connection = connection.context("cannot connect to PostgreSQL as its superuser")?;
        Ok(Self::Postgres(Box::new(connection)))
    }

    /// The file, with nothing made durable before the end.
    pub(crate) async fn sqlite(path: &Path) -> anyhow::Result<Self> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .disable_statement_logging()
            .pragma("synchronous", "OFF")
            .pragma("foreign_keys", "OFF")
            .pragma("cache_size", "-400000")
            .pragma("temp_store", "MEMORY");
        let connection = SqliteConnection::connect_with(&options).await;
        let connection = connection.context("cannot open the SQLite file")?;
        Ok(Self::Sqlite(Box::new(connection)))
    }

    /// Runs statements without values.
    pub(crate) async fn execute(&mut self, sql: &str) -> anyhow::Result<()> {
        let text = AssertSqlSafe(sql.to_owned());
        match self {
            Self::Postgres(connection) => connection.execute(sqlx::raw_sql(text)).await.map(drop),
            Self::Sqlite(connection) => connection.execute(sqlx::raw_sql(text)).await.map(drop),
        }
        .with_context(|| format!("`{}`", sql.chars().take(200).collect::<String>()))
    }

    /// The first column of a result, as texts.
    pub(crate) async fn texts(&mut self, sql: &str) -> anyhow::Result<Vec<String>> {
        let text = AssertSqlSafe(sql.to_owned());
        let found = match self {
            Self::Postgres(connection) => {
                let rows = sqlx::query(text).fetch_all(&mut **connection).await?;
                rows.iter()
                    .map(|row| row.try_get(0))
                    .collect::<Result<_, _>>()
            }
            Self::Sqlite(connection) => {
                let rows = sqlx::query(text).fetch_all(&mut **connection).await?;
                rows.iter()
                    .map(|row| row.try_get(0))
                    .collect::<Result<_, _>>()
            }
        };
        Ok(found?)
    }

    /// The first column of a result, as ids; `$1` is the business.
    pub(crate) async fn ids(
        &mut self,
        sql: &'static str,
        tenant: Uuid,
    ) -> anyhow::Result<Vec<Uuid>> {
        let found = match self {
            Self::Postgres(connection) => {
                let rows = sqlx::query(sql)
                    .bind(tenant)
                    .fetch_all(&mut **connection)
                    .await?;
                rows.iter()
                    .map(|row| row.try_get(0))
                    .collect::<Result<_, _>>()
            }
            Self::Sqlite(connection) => {
                let rows = sqlx::query(sql)
                    .bind(tenant)
                    .fetch_all(&mut **connection)
                    .await?;
                rows.iter()
                    .map(|row| row.try_get(0))
                    .collect::<Result<_, _>>()
            }
        };
        Ok(found?)
    }

    /// The first column of a result, as texts or nothing; `$1` is the business, `$2` one of its leads.
    pub(crate) async fn of_lead(
        &mut self,
        sql: &'static str,
        (tenant, lead, printed): (Uuid, Uuid, &str),
    ) -> anyhow::Result<Vec<String>> {
        let found = match self {
            Self::Postgres(connection) => {
                let query = sqlx::query(sql).bind(tenant).bind(lead).bind(printed);
                let rows = query.fetch_all(&mut **connection).await?;
                rows.iter()
                    .map(|row| row.try_get(0))
                    .collect::<Result<_, _>>()
            }
            Self::Sqlite(connection) => {
                let query = sqlx::query(sql).bind(tenant).bind(lead).bind(printed);
                let rows = query.fetch_all(&mut **connection).await?;
                rows.iter()
                    .map(|row| row.try_get(0))
                    .collect::<Result<_, _>>()
            }
        };
        Ok(found?)
    }

    /// Adds rows: by `COPY`, or many in one statement.
    pub(crate) async fn insert(
        &mut self,
        table: Table,
        rows: Vec<Vec<Cell>>,
    ) -> anyhow::Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        let inserted = match self {
            Self::Postgres(connection) => copy(connection, table, &rows).await,
            Self::Sqlite(connection) => insert(connection, table, rows).await,
        };
        inserted.with_context(|| format!("rows of `{}`", table.name))
    }

    /// Ends the connection.
    pub(crate) async fn close(self) -> anyhow::Result<()> {
        match self {
            Self::Postgres(connection) => connection.close().await?,
            Self::Sqlite(connection) => connection.close().await?,
        }
        Ok(())
    }
}

async fn copy(
    connection: &mut PgConnection,
    table: Table,
    rows: &[Vec<Cell>],
) -> anyhow::Result<()> {
    let statement = format!(
        "COPY {} ({}) FROM STDIN",
        table.name,
        table.columns.join(", ")
    );
    let mut lines = String::with_capacity(rows.len() * 200);
    for row in rows {
        for (cell, place) in row.iter().zip(0..) {
            if place > 0 {
                lines.push('\t');
            }
            match cell {
                Cell::Null => lines.push_str("\\N"),
                Cell::Id(id) => write!(lines, "{}", id.hyphenated())?,
                Cell::Integer(number) => write!(lines, "{number}")?,
                Cell::Text(text) => escape(text, &mut lines),
                Cell::Truth(truth) => lines.push(if *truth { 't' } else { 'f' }),
            }
        }
        lines.push('\n');
    }
    let mut sink = connection.copy_in_raw(&statement).await?;
    sink.send(lines.into_bytes()).await?;
    sink.finish().await?;
    Ok(())
}

fn escape(text: &str, into: &mut String) {
    for c in text.chars() {
        match c {
            '\\' => into.push_str("\\\\"),
            '\t' => into.push_str("\\t"),
            '\n' => into.push_str("\\n"),
            '\r' => into.push_str("\\r"),
            c => into.push(c),
        }
    }
}

async fn insert(
    connection: &mut SqliteConnection,
    table: Table,
    rows: Vec<Vec<Cell>>,
) -> anyhow::Result<()> {
    let at_once = BOUND / table.columns.len();
    let one = format!("({})", vec!["?"; table.columns.len()].join(","));
    let mut rows = rows.into_iter().peekable();
    while rows.peek().is_some() {
        let some: Vec<_> = rows.by_ref().take(at_once).collect();
        let values = vec![one.as_str(); some.len()].join(",");
        let statement = format!(
            "INSERT INTO {} ({}) VALUES {values}",
            table.name,
            table.columns.join(",")
        );
        let query = sqlx::query(AssertSqlSafe(statement)).persistent(some.len() == at_once);
        let query = some
            .into_iter()
            .flatten()
            .fold(query, |query, cell| match cell {
                Cell::Null => query.bind(None::<String>),
                Cell::Id(id) => query.bind(id),
                Cell::Integer(number) => query.bind(number),
                Cell::Text(text) => query.bind(text),
                Cell::Truth(truth) => query.bind(truth),
            });
        query.execute(&mut *connection).await?;
    }
    Ok(())
}
