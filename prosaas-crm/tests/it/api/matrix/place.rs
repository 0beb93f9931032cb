//! Where a matrix has its database, and how each stage gets one that nobody has touched.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use prosaas_core::SecretString;
use prosaas_core::time::ManualClock;
use prosaas_crm::auth::seal::MasterKeys;
use prosaas_crm::{CrmStore, StoreOptions};
use sqlx::postgres::PgConnection;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _};
use uuid::Uuid;

use super::fingerprint::{FileWitness, ServerWitness, Witness};
use crate::support::{Backend, Databases, NOW, Scratch, witness_url};

/// A SQLite file, of which every stage takes a copy, or a PostgreSQL database that is put back in place.
#[derive(Debug)]
pub(super) struct Place {
    databases: Databases,
    options: StoreOptions,
    /// For files: the database of SQLite, recordings.
    scratch: Scratch,
    copies: AtomicU32,
    /// PostgreSQL's, opened once: a pool for every stage would cost more than the requests.
    shared: Option<Arc<CrmStore>>,
}

impl Place {
    pub(super) async fn new(backend: Backend) -> Self {
        let (databases, scratch) = (Databases::new(backend), Scratch::new());
        let options = match backend {
            Backend::Sqlite => StoreOptions::new(&scratch.location("seed.db")),
            Backend::Postgres | Backend::PgBouncer => databases.fresh().await,
        };
        Self {
            databases,
            options,
            scratch,
            copies: AtomicU32::new(0),
            shared: None,
        }
    }

    const fn is_file(&self) -> bool {
        matches!(self.databases.backend, Backend::Sqlite)
    }

    /// A folder for files.
    pub(super) fn folder(&self) -> PathBuf {
        self.scratch.path("data")
    }

    /// The store on the database as it is filled.
    pub(super) async fn store(&self) -> CrmStore {
        open(&self.options).await
    }

    /// Puts rows in past the store.
    pub(super) async fn execute(&self, text: String) {
        let statement = sqlx::raw_sql(AssertSqlSafe(text));
        if self.is_file() {
            let options = SqliteConnectOptions::new().filename(self.scratch.path("seed.db"));
            let mut connection = options.connect().await.unwrap();
            statement.execute(&mut connection).await.unwrap();
            connection.close().await.unwrap();
        } else {
            let mut connection = PgConnection::connect(&self.witness()).await.unwrap();
            statement.execute(&mut connection).await.unwrap();
            connection.close().await.unwrap();
        }
    }

    /// A statement of the schema in this database's words: `{tenant}`, `{id}`, `{second}`, `{thrown}`
    /// and `{brought}` are ids, `{digits}` are the id's, `{yes}` and `{no}` truth values, `{object}` the bytes `{}`.
    pub(super) fn spell(&self, text: &str, tenant: Uuid, id: Uuid) -> String {
        let literal = |id: Uuid| {
            if self.is_file() {
                format!("x'{}'", id.simple())
            } else {
                format!("'{id}'::uuid")
            }
        };
        let [yes, no, object] = if self.is_file() {
            ["1", "0", "x'7b7d'"]
        } else {
            ["TRUE", "FALSE", "'\\x7b7d'::bytea"]
        };
        text.replace("{tenant}", &literal(tenant))
            .replace("{id}", &literal(id))
            .replace("{second}", &literal(Uuid::from_bytes([0xff; 16])))
            .replace("{thrown}", &literal(Uuid::from_bytes([0xee; 16])))
            .replace("{brought}", &literal(Uuid::from_bytes([0xdd; 16])))
            .replace("{object}", object)
            .replace("{digits}", &id.simple().to_string())
            .replace("{yes}", yes)
            .replace("{no}", no)
    }

    /// The database is filled: from here on stages begin with what it holds now.
    pub(super) async fn seal(&mut self) {
        if !self.is_file() {
            ServerWitness::seed(&self.witness()).await;
            self.shared = Some(Arc::new(self.store().await));
        }
    }

    /// A database that holds what was sealed, and somebody to look at it.
    pub(super) async fn stage(&self) -> (Arc<CrmStore>, Witness, Option<PathBuf>) {
        if let Some(store) = &self.shared {
            let witness = ServerWitness::of(&self.witness()).await;
            return (Arc::clone(store), Witness::Postgres(witness), None);
        }
        let number = self.copies.fetch_add(1, Ordering::Relaxed);
        let name = format!("copy-{number}.db");
        let file = self.scratch.path(&name);
        std::fs::copy(self.scratch.path("seed.db"), &file).unwrap();
        let store = open(&StoreOptions::new(&self.scratch.location(&name))).await;
        let witness = FileWitness::of(&file).await;
        (Arc::new(store), Witness::Sqlite(witness), Some(file))
    }

    fn witness(&self) -> String {
        let names = self.databases.names();
        witness_url(names.last().expect("a database was made"))
    }
}

async fn open(options: &StoreOptions) -> CrmStore {
    let store = CrmStore::open_with(options, clock()).await.unwrap();
    store.with_master_keys(master_keys())
}

fn master_keys() -> MasterKeys {
    let key = format!("1:{}=", "A".repeat(43));
    MasterKeys::parse(&SecretString::from(key)).unwrap()
}

pub(super) fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::at(NOW))
}
