//! PostgreSQL: one pool as the application's role, and migrations as the role that owns the tables.
//!
//! Row-level security is the second lock on every tenant's table. Which rows a transaction sees is told
//! to the database at its beginning, for this transaction only, so a connection that goes back to the
//! pool, ours or a pooler's, carries nothing to whoever gets it next.

mod audit;
mod backup;
mod migrate;

use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use prosaas_core::{Error, Result, TenantId};
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::{AssertSqlSafe, Connection as _};

use super::crm_store::View;
use super::db::{Access, Connection, db_error, within};
use super::isolation::Isolation;
use super::options::{PoolerMode, StoreOptions};

/// A connection that rested longer is asked whether it still lives before it is used.
const TRUSTED_FOR: Duration = Duration::from_secs(5);
/// More than there are statements, so that each is planned once a connection.
const STATEMENT_CACHE: usize = 1_000;
/// What a statement may take; longer is a mistake of ours, and somebody waits for its locks.
const STATEMENT_TIMEOUT_MS: u32 = 15_000;

/// A server that answered nothing for so long is asked whether it lives before a connection is kept.
const SILENT_AFTER: Duration = Duration::from_millis(250);
/// How long it may take to say so.
const ALIVE_WITHIN: Duration = Duration::from_secs(1);

/// One PostgreSQL database.
#[derive(Debug)]
pub(crate) struct PostgresDatabase {
    pool: PgPool,
    persistent: bool,
    patience: Duration,
    heard: Arc<Heard>,
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
        let heard = Arc::new(Heard::now());
        let pool = pool(options, Arc::clone(&heard)).connect_lazy_with(application);
        Ok(Self {
            pool,
            persistent: !pooled,
            patience: options.how_patient(),
            heard,
        })
    }

    /// Begins and says whose rows may be seen, in one round trip.
    pub(crate) async fn begin(&self, view: View, access: Access) -> Result<Connection> {
        let begin = AssertSqlSafe(begin_statement(view, access));
        // The pool bounds how long one waits for a connection, but not for what is said over it: a server
        // that hangs, or a network that swallows everything, would hold the request for good.
        let tx = within(self.patience, self.pool.begin_with(begin)).await;
        let tx = tx.map_err(db_error)?;
        self.heard.again();
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
        // A transaction of its own is what row-level security learns the tenant in.
        Access::Read | Access::Single => "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY",
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

fn pool(options: &StoreOptions, heard: Arc<Heard>) -> PgPoolOptions {
    PgPoolOptions::new()
        .max_connections(options.connections())
        .acquire_timeout(options.how_patient())
        .test_before_acquire(false)
        .before_acquire(|connection, resting| {
            Box::pin(async move {
                if resting.idle_for > TRUSTED_FOR {
                    connection.ping().await?;
                }
                Ok(true)
            })
        })
        .after_release(move |connection, _| {
            let is_silent = heard.ago() > SILENT_AFTER;
            Box::pin(async move {
                // The pool asks as well, but waits for the answer as long as it takes: meanwhile nobody
                // else gets the place. A connection that is given up in time makes room.
                if is_silent {
                    within(ALIVE_WITHIN, connection.ping()).await?;
                }
                Ok(true)
            })
        })
}

/// When the server answered last.
#[derive(Debug)]
struct Heard {
    since: Instant,
    last_ms: AtomicU64,
}

impl Heard {
    fn now() -> Self {
        Self {
            since: Instant::now(),
            last_ms: AtomicU64::new(0),
        }
    }

    fn again(&self) {
        self.last_ms.store(self.elapsed_ms(), Ordering::Relaxed);
    }

    fn ago(&self) -> Duration {
        let last = self.last_ms.load(Ordering::Relaxed);
        Duration::from_millis(self.elapsed_ms().saturating_sub(last))
    }

    fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.since.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}
