//! Bringing the schema up to this version, as the role that owns the tables.

use std::sync::LazyLock;

use prosaas_core::{Error, Result};
use sqlx::migrate::Migrator;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Row as _};

use crate::store::db::{cannot_open, db_error, migrations};

static MIGRATIONS: LazyLock<Migrator> = LazyLock::new(migrations::postgres);

const APPLIED: &str = "
    SELECT version FROM _sqlx_migrations WHERE success ORDER BY version DESC LIMIT 1";
const HAS_MIGRATIONS: &str = "SELECT to_regclass('_sqlx_migrations') IS NOT NULL AS has";
/// What the application's role may do with the tables; the server quotes its name.
const GRANTS: &str = "
    SELECT format('GRANT USAGE ON SCHEMA %I TO %I', current_schema(), $1::text),
           format('GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA %I TO %I',
                  current_schema(), $1::text),
           format('REVOKE INSERT, UPDATE, DELETE ON _sqlx_migrations FROM %I', $1::text)
    WHERE $1 <> current_user";

/// Migrates over a connection of the tables' owner, and lets the application's role use them.
pub(super) async fn run(owner: PgConnectOptions, application: &str) -> Result<()> {
    let mut connection = connect(&owner).await?;
    // A migration may change rows of every business, and security holds for the owner as well.
    sqlx::query("SELECT set_config('app.system', 'on', false)")
        .execute(&mut connection)
        .await
        .map_err(db_error)?;
    migrate(&mut connection).await?;
    grant(&mut connection, application).await?;
    connection.close().await.map_err(db_error)
}

/// Without a URL of the owner: nothing to do when the schema is this version's, and an attempt with
/// the application's own role when it is behind.
pub(super) async fn run_if_behind(application: &PgConnectOptions) -> Result<()> {
    let mut connection = connect(application).await?;
    // In a transaction: outside of one, a pooler may tear the messages of one statement apart.
    let mut tx = connection.begin().await.map_err(db_error)?;
    let applied = applied(&mut tx).await?;
    tx.rollback().await.map_err(db_error)?;
    if applied != newest() {
        migrate(&mut connection).await?;
    }
    connection.close().await.map_err(db_error)
}

async fn connect(options: &PgConnectOptions) -> Result<PgConnection> {
    options
        .connect()
        .await
        .map_err(|error| unusable(options, error))
}

/// The newest version that was applied.
pub(super) async fn applied(connection: &mut PgConnection) -> Result<Option<i64>> {
    let row = sqlx::query(HAS_MIGRATIONS)
        .persistent(false)
        .fetch_one(&mut *connection)
        .await
        .map_err(db_error)?;
    if !row.try_get::<bool, _>("has").map_err(db_error)? {
        return Ok(None);
    }
    let row = sqlx::query(APPLIED)
        .persistent(false)
        .fetch_optional(&mut *connection)
        .await
        .map_err(db_error)?;
    let version = row.map(|row| row.try_get("version")).transpose();
    version.map_err(db_error)
}

fn newest() -> Option<i64> {
    MIGRATIONS.iter().map(|migration| migration.version).max()
}

async fn migrate(connection: &mut PgConnection) -> Result<()> {
    let run = MIGRATIONS.run_direct(None, connection, false).await;
    run.map_err(|error| {
        let sentence = "the PostgreSQL schema cannot be brought up to this version; it must not come \
                        from a newer one, and `DATABASE_URL_DIRECT` must name a role that owns the \
                        tables, without a pooler in between";
        cannot_open(sentence.to_owned(), error)
    })
}

async fn grant(connection: &mut PgConnection, application: &str) -> Result<()> {
    let grants = sqlx::query(GRANTS)
        .bind(application)
        .fetch_optional(&mut *connection)
        .await
        .map_err(db_error)?;
    let Some(grants) = grants else { return Ok(()) };
    for column in 0..grants.len() {
        let statement: String = grants.try_get(column).map_err(db_error)?;
        sqlx::query(AssertSqlSafe(statement))
            .execute(&mut *connection)
            .await
            .map_err(db_error)?;
    }
    Ok(())
}

fn unusable(options: &PgConnectOptions, source: sqlx::Error) -> Error {
    let sentence = format!(
        "the PostgreSQL database `{}` on `{}` does not let `{}` in",
        options.get_database().unwrap_or_default(),
        options.get_host(),
        options.get_username(),
    );
    cannot_open(sentence, source)
}
