//! The third wall: every statement of the crate is parsed, and none may touch a tenant's table without
//! binding it to its tenant.

mod collect;
mod conditions;
mod judge;

use std::collections::HashSet;
use std::path::Path;

use sqlparser::dialect::{Dialect, PostgreSqlDialect, SQLiteDialect};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteRow};
use sqlx::{Connection, Row};

use self::judge::judge;
use crate::support::Scratch;

/// They name a business and belong to the installation: nobody looks at them as a tenant.
const OF_THE_INSTALLATION: [&str; 3] = ["acting_sessions", "one_time_tokens", "sessions"];

/// What a fresh database says of itself.
async fn schema(question: &'static str) -> Vec<SqliteRow> {
    let scratch = Scratch::new();
    scratch.open("a.db").await.close().await;
    let options = SqliteConnectOptions::new().filename(scratch.path("a.db"));
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    sqlx::query(question)
        .fetch_all(&mut connection)
        .await
        .unwrap()
}

/// The tables with a `tenant_id`, as the database itself tells.
async fn tenant_tables() -> HashSet<String> {
    let rows = schema(
        "SELECT tables.name FROM sqlite_master AS tables, pragma_table_info(tables.name) AS columns
         WHERE tables.type = 'table' AND columns.name = 'tenant_id'",
    )
    .await;
    let names = rows.iter().map(|row| row.get::<String, _>("name"));
    names
        .filter(|name| !OF_THE_INSTALLATION.contains(&name.as_str()))
        .collect()
}

#[tokio::test]
async fn every_statement_is_bound_to_its_tenant_or_says_why_not() {
    let tables = tenant_tables().await;
    assert!(tables.len() > 30, "{tables:?}");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let statements = collect::statements(&source).unwrap();
    let mut wrong = Vec::new();
    for found in &statements {
        let texts: [(&dyn Dialect, &str); 2] = [
            (&SQLiteDialect {}, &found.sqlite),
            (&PostgreSqlDialect {}, &found.postgres),
        ];
        for (dialect, text) in texts {
            if let Err(why) = judge(dialect, text, &tables) {
                let file = found.file.strip_prefix(&source).unwrap().display();
                wrong.push(format!("{file}: {why}:\n    {text}"));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(statements.len() > 80, "only {} were seen", statements.len());
}

#[tokio::test]
async fn statements_say_the_conditions_of_indices_in_their_words() {
    let indices =
        schema("SELECT sql FROM sqlite_master WHERE type = 'index' AND sql LIKE '%(tenant_id,%'")
            .await;
    let columns: HashSet<String> = indices
        .iter()
        .flat_map(|row| conditions::of_index(row.get("sql")))
        .collect();
    assert!(columns.contains("live"), "{columns:?}");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for found in collect::statements(&source).unwrap() {
        let bare = conditions::asked_bare(&found.sqlite, &columns);
        assert!(
            bare.is_empty(),
            "{} asks {bare:?} without `= 1`, so SQLite reads the whole business:\n    {}",
            found.file.display(),
            found.sqlite
        );
    }
}

/// PostgreSQL joins a list that is a subquery by reading all that could be in it: with row-level security it
/// expects a few rows of a business, and there may be a million. An array is looked up, entry by entry.
#[test]
fn lists_are_arrays() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for found in collect::statements(&source).unwrap() {
        let text = found.postgres.split_whitespace().collect::<Vec<_>>();
        let text = text.join(" ");
        for (before, _) in text.match_indices("FROM jsonb_array_elements_text(") {
            let is_joined = text[..before]
                .rsplit_once("(SELECT ")
                .is_some_and(|(before, _)| before.ends_with(" IN "));
            assert!(
                !is_joined,
                "{}: write `= ANY (ARRAY(SELECT ...))`:\n    {text}",
                found.file.display()
            );
        }
    }
}

#[test]
fn statements_run_through_the_driver_only() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/store");
    let mut folders = vec![source.clone()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let inside = path.strip_prefix(&source).unwrap();
            if path.is_dir() {
                // What is really different between the databases, and the driver itself.
                if !["db", "postgres", "sqlite"]
                    .iter()
                    .any(|name| inside == Path::new(name))
                {
                    folders.push(path);
                }
                continue;
            }
            // A test, which asks a database for its columns.
            if inside == Path::new("privacy/coverage.rs") {
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            for way_around in ["sqlx::", "AssertSqlSafe", "QueryBuilder"] {
                assert!(
                    !text.contains(way_around),
                    "{}: {way_around}",
                    inside.display()
                );
            }
        }
    }
}

#[test]
fn what_is_not_bound_is_found() {
    let tables = ["leads", "calls", "tags"].map(str::to_owned).into();
    let wrong = [
        "SELECT * FROM leads",
        "SELECT * FROM leads WHERE id = $2",
        "SELECT * FROM leads WHERE tenant_id = $2",
        "SELECT * FROM leads WHERE tenant_id IS NOT NULL",
        "SELECT * FROM leads WHERE tenant_id = $1 OR id = $2",
        "SELECT * FROM leads WHERE NOT (tenant_id = $1)",
        "SELECT * FROM leads WHERE tenant_id = tenant_id",
        "SELECT * FROM leads JOIN calls ON calls.id = leads.call_id WHERE leads.tenant_id = $1",
        "SELECT * FROM leads LEFT JOIN calls ON leads.tenant_id = $1 AND calls.tenant_id = $1",
        "SELECT * FROM leads, calls WHERE leads.tenant_id = calls.tenant_id",
        "SELECT (SELECT count(*) FROM calls WHERE calls.lead_id = leads.id) FROM leads WHERE tenant_id = $1",
        "SELECT 1 FROM leads WHERE tenant_id = $1 AND EXISTS (SELECT 1 FROM calls WHERE id = $2)",
        "SELECT * FROM leads WHERE tenant_id = $1 UNION ALL SELECT * FROM leads",
        "WITH all_leads AS (SELECT * FROM leads) SELECT * FROM all_leads WHERE tenant_id = $1",
        "SELECT leads.* FROM leads JOIN (SELECT $2 AS tenant_id) AS t ON t.tenant_id = leads.tenant_id",
        "SELECT * FROM leads WHERE tenant_id = $1 ORDER BY (SELECT count(*) FROM calls)",
        "UPDATE leads SET name = $2 WHERE id = $3",
        "UPDATE leads SET tenant_id = $2 WHERE tenant_id = $1",
        "UPDATE leads SET name = (SELECT name FROM tags LIMIT 1) WHERE tenant_id = $1",
        "DELETE FROM leads WHERE id IN (SELECT id FROM leads WHERE tenant_id = $1)",
        "INSERT INTO leads (id, name) VALUES ($1, $2)",
        "INSERT INTO leads (tenant_id, id) VALUES ($2, $1)",
        "INSERT INTO leads (tenant_id, id) VALUES ($1, $2), ($3, $4)",
        "INSERT INTO leads (tenant_id, id) SELECT $2, id FROM calls WHERE tenant_id = $1",
        "INSERT INTO leads (tenant_id, id) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET name = 'x'",
        "SELECT 1; SELECT 2",
    ];
    for text in wrong {
        for dialect in [&SQLiteDialect {} as &dyn Dialect, &PostgreSqlDialect {}] {
            assert!(judge(dialect, text, &tables).is_err(), "passes: {text}");
        }
    }
}

#[test]
fn what_is_bound_passes() {
    let tables = ["leads", "calls", "tags"].map(str::to_owned).into();
    let right = [
        "SELECT * FROM leads WHERE tenant_id = $1 AND (id = $2 OR id = $3)",
        "SELECT * FROM leads AS l JOIN calls AS c ON c.tenant_id = l.tenant_id WHERE l.tenant_id = $1",
        "SELECT * FROM leads LEFT JOIN calls ON calls.tenant_id = leads.tenant_id WHERE leads.tenant_id = $1",
        "SELECT (SELECT count(*) FROM calls WHERE calls.tenant_id = leads.tenant_id) FROM leads WHERE tenant_id = $1",
        "WITH few AS (SELECT tenant_id, id FROM leads WHERE tenant_id = $1) \
         SELECT calls.* FROM calls JOIN few ON (few.tenant_id, few.id) = (calls.tenant_id, calls.lead_id)",
        "UPDATE leads SET name = $2 WHERE tenant_id = $1 AND id = $3",
        "DELETE FROM leads WHERE tenant_id = $1 AND id IN (SELECT lead_id FROM calls WHERE tenant_id = $1)",
        "INSERT INTO leads (id, tenant_id) VALUES ($2, $1) ON CONFLICT (tenant_id, id) DO UPDATE SET name = 'x'",
        "INSERT INTO leads (tenant_id, id) SELECT tenant_id, id FROM calls WHERE tenant_id = $1",
        "SELECT * FROM users WHERE email = $1",
        "UPDATE sessions SET tenant_id = $1 WHERE id = $2",
        "INSERT INTO users (id) VALUES ($1) ON CONFLICT (email) WHERE deleted_at IS NULL DO NOTHING",
        "SELECT 1 FROM calls WHERE tenant_id = $1 FOR NO KEY UPDATE",
        "/* across tenants: a test */ SELECT * FROM leads",
    ];
    for text in right {
        for dialect in [&SQLiteDialect {} as &dyn Dialect, &PostgreSqlDialect {}] {
            assert_eq!(judge(dialect, text, &tables), Ok(()), "{text}");
        }
    }
}

#[test]
fn texts_are_read_wherever_they_stand() {
    let source = r#"
        macro_rules! select { ($columns:literal, $rest:literal) => {
            concat!("SELECT ", $columns, " FROM leads ", $rest)
        }; }
        const A: Sql = Sql::both("SELECT 1");
        fn f() { let b = Sql::split("SELECT 2", concat!("SELECT", " 3")); }
        const C: Sql = Sql::both(select!("id", "WHERE tenant_id = $1"));
    "#;
    let texts = collect::of_source(source).unwrap();
    assert_eq!(texts[0], ("SELECT 1".to_owned(), "SELECT 1".to_owned()));
    assert_eq!(texts[1], ("SELECT 2".to_owned(), "SELECT 3".to_owned()));
    assert_eq!(texts[2].0, "SELECT id FROM leads WHERE tenant_id = $1");
    assert!(collect::of_source("fn f(text: &'static str) { Sql::both(text); }").is_err());
    assert!(collect::of_source("const A: Sql = Sql::both(no_such!(1));").is_err());
}
