//! PostgreSQL: one pool as the application's role, and migrations as the role that owns the tables.
//!
//! Row-level security is the second lock on every tenant's table. Which rows a transaction sees is told
//! to the database at its beginning, for this transaction only, so a connection that goes back to the
//! pool, ours or a pooler's, carries nothing to whoever gets it next.

mod audit;
mod backup;
mod migrate;

use std::str::FromStr;
use std::time::Duration;

use prosaas_core::{Error, Result, TenantId};
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::{AssertSqlSafe, Connection as _};

use super::crm_store::View;
use super::db::{Access, Connection, db_error};
use super::isolation::Isolation;
use super::options::{PoolerMode, StoreOptions};

/// How long a request waits for a connection before it is answered with `Unavailable`.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
/// A connection that rested longer is asked whether it still lives before it is used.
const TRUSTED_FOR: Duration = Duration::from_secs(5);
/// More than there are statements, so that each is planned once a connection.
const STATEMENT_CACHE: usize = 1_000;
/// What a statement may take; longer is a mistake of ours, and somebody waits for its locks.
const STATEMENT_TIMEOUT_MS: u32 = 15_000;

/// One PostgreSQL database.
#[derive(Debug)]
pub(crate) struct PostgresDatabase {
    pool: PgPool,
    persistent: bool,
}

impl PostgresDatabase {
    /// Connects, after migrating over the direct URL if there is one.
    pub(crate) async fn open(options: &StoreOptions) -> Result<Self> {
        let pooled = options.pooler_mode() == PoolerMode::Transaction;
        let mut application = connect_options(options.url())?;
        if pooled {
            // PgBouncer refuses start-up parameters that it does not know.
            application = application.extra_float_digits(None);
        }
        match options.direct_url() {
            Some(direct) => {
                let owner = connect_options(direct)?;
                migrate::run(owner, application.get_username()).await?;
            }
            None => migrate::run_if_behind(&application).await?,
        }
        let pool = pool(options.connections()).connect_lazy_with(application);
        let persistent = !pooled;
        Ok(Self { pool, persistent })
    }

    /// Begins and says whose rows may be seen, in one round trip.
    pub(crate) async fn begin(&self, view: View, access: Access) -> Result<Connection> {
        let begin = AssertSqlSafe(begin_statement(view, access));
        let tx = self.pool.begin_with(begin).await.map_err(db_error)?;
        Ok(Connection::postgres(tx, self.persistent))
    }

    /// Whether row-level security holds for the role that the application runs as.
    pub(crate) async fn audit(&self) -> Result<Isolation> {
        audit::run(&self.pool).await
    }

    pub(crate) async fn close(&self) {
        self.pool.close().await;
    }
}

/// The only statement that is put together: a parameter cannot be bound to `SET`. What is put in are
/// the 36 characters of a UUID, and numbers of ours.
fn begin_statement(view: View, access: Access) -> String {
    let begin = match access {
        // One moment for all its statements; a transaction that only reads can never be refused for it.
        Access::Read => "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY",
        Access::Write => "BEGIN ISOLATION LEVEL READ COMMITTED, READ WRITE",
    };
    let view = match view {
        View::Tenant(tenant) => set_tenant(tenant),
        View::System => "SET LOCAL app.system = 'on'".to_owned(),
    };
    format!("{begin}; {view}; SET LOCAL statement_timeout = {STATEMENT_TIMEOUT_MS}")
}

fn set_tenant(tenant: TenantId) -> String {
    format!("SET LOCAL app.tenant_id = '{}'", tenant.uuid().hyphenated())
}

fn connect_options(url: &str) -> Result<PgConnectOptions> {
    // The error of the parser may quote the URL, and a password with it: it is dropped.
    let options = PgConnectOptions::from_str(url).map_err(|_| {
        let expected = "expected `postgres://USER:PASSWORD@HOST:PORT/DATABASE`";
        Error::invalid("DATABASE_URL", expected)
    })?;
    Ok(options
        .application_name("prosaas")
        .statement_cache_capacity(STATEMENT_CACHE))
}

fn pool(connections: u32) -> PgPoolOptions {
    PgPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .test_before_acquire(false)
        .before_acquire(|connection, resting| {
            Box::pin(async move {
                if resting.idle_for > TRUSTED_FOR {
                    connection.ping().await?;
                }
                Ok(true)
            })
        })
}
