//! Fresh databases for tests, on every backend that this run has.
//!
//! SQLite is always there. PostgreSQL joins when `cargo xtask postgres -- cargo test ...` says where it
//! is: directly, and once more behind PgBouncer in transaction mode. Each store gets a database of its
//! own, a copy of one that was migrated once.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use prosaas_core::UnixMillis;
use prosaas_core::time::ManualClock;
use prosaas_crm::testkit::Fixture;
use prosaas_crm::{CrmStore, StoreOptions};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tempfile::TempDir;
use tokio::sync::OnceCell;

/// When the tests' clock stands.
pub(crate) const NOW: UnixMillis = UnixMillis(1_750_000_000_000);

/// A database that a store can be opened on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Backend {
    Sqlite,
    Postgres,
    PgBouncer,
}

impl Backend {
    /// Those that this run has.
    pub(crate) fn available() -> Vec<Self> {
        [Self::Sqlite, Self::Postgres, Self::PgBouncer]
            .into_iter()
            .filter(|backend| *backend == Self::Sqlite || backend.url().is_some())
            .collect()
    }

    /// The application's URL of a server.
    fn url(self) -> Option<String> {
        match self {
            Self::Sqlite => None,
            Self::Postgres => variable("PROSAAS_TEST_POSTGRES"),
            Self::PgBouncer => variable("PROSAAS_TEST_PGBOUNCER"),
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "how cargo xtask tells the tests where its servers are"
)]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// A number by which a run is made longer, or shorter.
pub(crate) fn number(name: &str) -> Option<u64> {
    Some(variable(name)?.parse().unwrap())
}

/// The URL of the role that owns the databases, on the given one.
pub(crate) fn owner_url(database: &str) -> String {
    let url = variable("PROSAAS_TEST_POSTGRES_OWNER").expect("set beside PROSAAS_TEST_POSTGRES");
    on_database(&url, database)
}

/// The URL of the role that sees and writes every row past row-level security, on the given database.
pub(crate) fn witness_url(database: &str) -> String {
    let url = variable("PROSAAS_TEST_POSTGRES_WITNESS").expect("set beside PROSAAS_TEST_POSTGRES");
    on_database(&url, database)
}

/// The URL with another database.
pub(crate) fn on_database(url: &str, database: &str) -> String {
    let mut url = url::Url::parse(url).unwrap();
    url.set_path(database);
    url.into()
}

/// Runs a test on a fresh store of every backend.
#[expect(
    clippy::future_not_send,
    reason = "a test's future stays on its own thread"
)]
pub(crate) async fn for_each_backend<F: Future<Output = ()>>(test: impl Fn(CrmStore) -> F) {
    for backend in Backend::available() {
        let databases = Databases::new(backend);
        test(databases.store().await).await;
    }
}

/// Databases of one backend; they go away with it.
#[derive(Debug)]
pub(crate) struct Databases {
    pub(crate) backend: Backend,
    scratch: Scratch,
    created: Mutex<Vec<String>>,
}

impl Databases {
    pub(crate) fn new(backend: Backend) -> Self {
        Self {
            backend,
            scratch: Scratch::new(),
            created: Mutex::new(Vec::new()),
        }
    }

    /// The options of a fresh database at this version's schema.
    pub(crate) async fn fresh(&self) -> StoreOptions {
        let name = unique_name();
        let Some(url) = self.backend.url() else {
            let file = format!("{name}.db");
            std::fs::write(self.scratch.path(&file), template_file().await).unwrap();
            return StoreOptions::new(&self.scratch.location(&file));
        };
        let template = template().await;
        execute_as_owner(
            "postgres",
            format!("CREATE DATABASE {name} TEMPLATE {template}"),
        )
        .await;
        self.created.lock().unwrap().push(name.clone());
        StoreOptions::new(&on_database(&url, &name)).max_connections(8)
    }

    /// A store on a fresh database.
    pub(crate) async fn store(&self) -> CrmStore {
        open(&self.fresh().await).await
    }

    /// An empty PostgreSQL database: its name.
    pub(crate) async fn empty(&self) -> String {
        let name = unique_name();
        execute_as_owner("postgres", format!("CREATE DATABASE {name}")).await;
        self.created.lock().unwrap().push(name.clone());
        name
    }

    /// The PostgreSQL databases made so far.
    pub(crate) fn names(&self) -> Vec<String> {
        self.created.lock().unwrap().clone()
    }

    /// The application's URL of the PostgreSQL database that was made last.
    pub(crate) fn last_url(&self) -> String {
        let created = self.created.lock().unwrap();
        let url = self.backend.url().expect("a PostgreSQL");
        on_database(&url, created.last().expect("one was made"))
    }
}

/// A store whose clock stands at [`NOW`].
pub(crate) async fn open(options: &StoreOptions) -> CrmStore {
    let clock = Arc::new(ManualClock::at(NOW));
    CrmStore::open_with(options, clock).await.unwrap()
}

#[async_trait]
impl Fixture for Databases {
    type Store = CrmStore;

    async fn store(&self) -> CrmStore {
        self.store().await
    }
}

impl Drop for Databases {
    fn drop(&mut self) {
        let names = std::mem::take(&mut *self.created.lock().unwrap());
        if names.is_empty() {
            return;
        }
        // A destructor cannot wait on the test's own runtime.
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                for name in names {
                    let statement = format!("DROP DATABASE {name} WITH (FORCE)");
                    execute_as_owner("postgres", statement).await;
                }
            });
        });
        // What is left behind goes away with the server.
        let _ = dropping.join();
    }
}

/// A name that no other test, in this process or another one, has.
fn unique_name() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let n = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("test_{}_{n}", std::process::id())
}

/// The database that others are copied from, migrated once in this process.
async fn template() -> &'static str {
    static TEMPLATE: OnceCell<String> = OnceCell::const_new();
    TEMPLATE
        .get_or_init(|| async {
            let name = unique_name();
            execute_as_owner("postgres", format!("CREATE DATABASE {name}")).await;
            let url = Backend::Postgres
                .url()
                .expect("the direct one is set as well");
            let options = StoreOptions::new(&on_database(&url, &name));
            open(&options.migrate_over(&owner_url(&name)))
                .await
                .close()
                .await;
            name
        })
        .await
}

/// The SQLite file that others are copies of, migrated once in this process.
async fn template_file() -> &'static [u8] {
    static TEMPLATE: OnceCell<Vec<u8>> = OnceCell::const_new();
    TEMPLATE
        .get_or_init(|| async {
            let scratch = Scratch::new();
            // Closed, it is one file: its log was written back.
            scratch.open("template.db").await.close().await;
            std::fs::read(scratch.path("template.db")).unwrap()
        })
        .await
}

/// Runs a statement of a test's own as the owner of the databases.
pub(crate) async fn execute_as_owner(database: &str, statement: String) {
    let mut connection = PgConnection::connect(&owner_url(database)).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(statement))
        .execute(&mut connection)
        .await
        .unwrap();
    connection.close().await.unwrap();
}

/// A directory of its own that goes away with it.
#[derive(Debug)]
pub(crate) struct Scratch(TempDir);

impl Scratch {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// The location of a database file in this directory.
    pub(crate) fn location(&self, name: &str) -> String {
        format!("sqlite:{}", self.path(name).display())
    }

    pub(crate) async fn open(&self, name: &str) -> CrmStore {
        open(&StoreOptions::new(&self.location(name))).await
    }
}
