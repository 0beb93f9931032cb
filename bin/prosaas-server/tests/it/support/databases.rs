//! Fresh databases for servers that run as processes: a file of their own, and PostgreSQL where
//! `cargo xtask postgres -- cargo test ...` says where it is.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use prosaas_core::time::SystemClock;
use prosaas_crm::{CrmStore, StoreOptions};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tempfile::TempDir;

/// A data directory and a database.
pub(crate) struct Database {
    directory: TempDir,
    postgres: Option<Postgres>,
}

/// One database of a PostgreSQL server: the URLs of the application's role and of the owner's.
struct Postgres {
    application: String,
    owner: String,
}

impl Database {
    /// A fresh file, and a fresh database on PostgreSQL if this run has one.
    pub(crate) async fn all() -> Vec<Self> {
        let mut all = vec![Self {
            directory: TempDir::new().unwrap(),
            postgres: None,
        }];
        if let (Some(application), Some(owner)) = (
            variable("PROSAAS_TEST_POSTGRES"),
            variable("PROSAAS_TEST_POSTGRES_OWNER"),
        ) {
            all.push(Self::on_postgres(&application, &owner).await);
        }
        all
    }

    /// A fresh database of the server at these URLs.
    pub(crate) async fn on_postgres(application: &str, owner: &str) -> Self {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let name = format!(
            "server_{}_{}",
            std::process::id(),
            MADE.fetch_add(1, Ordering::Relaxed)
        );
        let mut admin = PgConnection::connect(owner).await.unwrap();
        let create = AssertSqlSafe(format!("CREATE DATABASE {name}"));
        sqlx::raw_sql(create).execute(&mut admin).await.unwrap();
        Self {
            directory: TempDir::new().unwrap(),
            postgres: Some(Postgres {
                application: on_database(application, &name),
                owner: on_database(owner, &name),
            }),
        }
    }

    /// What a failure names.
    pub(crate) const fn name(&self) -> &'static str {
        match self.postgres {
            Some(_) => "PostgreSQL",
            None => "SQLite",
        }
    }

    /// The data directory of a server.
    pub(crate) fn data(&self) -> &Path {
        self.directory.path()
    }

    /// The variables that tell a server of it.
    pub(crate) fn vars(&self) -> Vec<(&str, &str)> {
        match &self.postgres {
            None => Vec::new(),
            Some(postgres) => vec![
                ("DATABASE_URL", &postgres.application),
                ("DATABASE_URL_DIRECT", &postgres.owner),
            ],
        }
    }

    /// A store on it, beside whatever server runs.
    pub(crate) async fn store(&self) -> CrmStore {
        let options = match &self.postgres {
            None => {
                let file = self.data().join("prosaas.db");
                StoreOptions::new(&format!("sqlite:{}", file.display()))
            }
            Some(postgres) => {
                StoreOptions::new(&postgres.application).migrate_over(&postgres.owner)
            }
        };
        CrmStore::open_with(&options, Arc::new(SystemClock))
            .await
            .unwrap()
    }
}

/// The URL with another database.
fn on_database(url: &str, database: &str) -> String {
    let mut url = url::Url::parse(url).unwrap();
    url.set_path(database);
    url.into()
}

/// A variable by which `cargo xtask` tells the tests something.
#[expect(
    clippy::disallowed_methods,
    reason = "how cargo xtask tells the tests where its servers are, and how long to run"
)]
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
