//! Where a matrix has its database.

use std::path::PathBuf;
use std::sync::Arc;

use prosaas_core::SecretString;
use prosaas_core::time::ManualClock;
use prosaas_crm::auth::seal::MasterKeys;
use prosaas_crm::{CrmStore, StoreOptions};
use sqlx::postgres::PgConnection;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _};
use uuid::Uuid;

use super::witness::{FileWitness, ServerWitness, Witness};
use crate::support::{Backend, Databases, NOW, Scratch, witness_url};

/// SQLite's file, and a copy of it as it was filled.
const FILE: &str = "crm.db";
const SEED: &str = "seed.db";

/// A SQLite file or a PostgreSQL database. Both are put back in place: copying them for each change, and opening a
/// store and an API on each copy, took longer than the requests.
#[derive(Debug)]
pub(super) struct Place {
    databases: Databases,
    options: StoreOptions,
    /// For files: the database of SQLite, recordings.
    scratch: Scratch,
}

impl Place {
    pub(super) async fn new(backend: Backend) -> Self {
        let (databases, scratch) = (Databases::new(backend), Scratch::new());
        let options = match backend {
            Backend::Sqlite => StoreOptions::new(&scratch.location(FILE)),
            Backend::Postgres | Backend::PgBouncer => databases.fresh().await,
        };
        Self {
            databases,
            options,
            scratch,
        }
    }

    const fn is_file(&self) -> bool {
        matches!(self.databases.backend, Backend::Sqlite)
    }

    /// A folder for files.
    pub(super) fn folder(&self) -> PathBuf {
        self.scratch.path("data")
    }

    /// A store on the database.
    pub(super) async fn store(&self) -> CrmStore {
        let store = CrmStore::open_with(&self.options, clock()).await.unwrap();
        store.with_master_keys(master_keys())
    }

    /// Puts rows in past the store.
    pub(super) async fn execute(&self, text: String) {
        let statement = sqlx::raw_sql(AssertSqlSafe(text));
        if self.is_file() {
            let options = SqliteConnectOptions::new().filename(self.scratch.path(FILE));
            let mut connection = options.connect().await.unwrap();
            statement.execute(&mut connection).await.unwrap();
            connection.close().await.unwrap();
        } else {
            let mut connection = PgConnection::connect(&self.witness_url()).await.unwrap();
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

    /// The database is filled, and its stores are closed: what it holds now is what it gets back.
    pub(super) async fn seal(&self) {
        if self.is_file() {
            std::fs::copy(self.scratch.path(FILE), self.scratch.path(SEED)).unwrap();
        } else {
            ServerWitness::seed(&self.witness_url()).await;
        }
    }

    /// Somebody who looks at the database and puts back what was sealed.
    pub(super) async fn witness(&self) -> Witness {
        if self.is_file() {
            let [file, seed] = [FILE, SEED].map(|name| self.scratch.path(name));
            Witness::Sqlite(FileWitness::of(&file, &seed).await)
        } else {
            Witness::Postgres(ServerWitness::of(&self.witness_url()).await)
        }
    }

    fn witness_url(&self) -> String {
        let names = self.databases.names();
        witness_url(names.last().expect("a database was made"))
    }
}

fn master_keys() -> MasterKeys {
    let key = format!("1:{}=", "A".repeat(43));
    MasterKeys::parse(&SecretString::from(key)).unwrap()
}

pub(super) fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::at(NOW))
}
