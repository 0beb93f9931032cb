//! Both databases have the same tables with the same columns.

use std::collections::BTreeSet;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{Connection, PgConnection, Row};

use crate::support::{Backend, Databases, Scratch};

/// Table, column, whether it may be NULL, and the kind of value.
type Column = (String, String, bool, &'static str);

/// What a type of either database is for: the driver reads and writes these kinds alike.
fn kind(of: &str) -> &'static str {
    match of.to_ascii_lowercase().as_str() {
        "blob" | "uuid" | "bytea" => "bytes",
        "integer" | "bigint" | "boolean" => "integer",
        "text" | "jsonb" => "text",
        "real" | "double precision" => "real",
        _ => "unknown",
    }
}

async fn of_sqlite() -> BTreeSet<Column> {
    let scratch = Scratch::new();
    scratch.open("a.db").await.close().await;
    let options = SqliteConnectOptions::new().filename(scratch.path("a.db"));
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    let rows = sqlx::query(
        "SELECT tables.name AS t, columns.name AS c, columns.type AS k,
                columns.\"notnull\" = 0 AS optional
         FROM sqlite_master AS tables, pragma_table_info(tables.name) AS columns
         WHERE tables.type = 'table' AND tables.name NOT GLOB 'sqlite_*'
           AND tables.name NOT GLOB '_sqlx_*'",
    )
    .fetch_all(&mut connection)
    .await
    .unwrap();
    let column = |row: &sqlx::sqlite::SqliteRow| {
        let kind = kind(row.get::<&str, _>("k"));
        (row.get("t"), row.get("c"), row.get("optional"), kind)
    };
    rows.iter().map(column).collect()
}

async fn of_postgres(url: &str) -> BTreeSet<Column> {
    let mut connection = PgConnection::connect(url).await.unwrap();
    let rows = sqlx::query(
        "SELECT table_name::text AS t, column_name::text AS c, data_type::text AS k,
                is_nullable = 'YES' AS optional
         FROM information_schema.columns
         WHERE table_schema = 'public' AND table_name NOT LIKE '\\_sqlx%'",
    )
    .fetch_all(&mut connection)
    .await
    .unwrap();
    let column = |row: &sqlx::postgres::PgRow| {
        let kind = kind(row.get::<&str, _>("k"));
        (row.get("t"), row.get("c"), row.get("optional"), kind)
    };
    rows.iter().map(column).collect()
}

#[tokio::test]
async fn both_databases_have_the_same_columns() {
    let sqlite = of_sqlite().await;
    assert!(sqlite.len() > 300, "{}", sqlite.len());
    assert!(sqlite.iter().all(|column| column.3 != "unknown"));
    if Backend::available().contains(&Backend::Postgres) {
        let databases = Databases::new(Backend::Postgres);
        databases.fresh().await;
        let postgres = of_postgres(&databases.last_url()).await;
        let only_one: Vec<_> = sqlite.symmetric_difference(&postgres).collect();
        assert!(only_one.is_empty(), "in one of the two only: {only_one:#?}");
    }
}
