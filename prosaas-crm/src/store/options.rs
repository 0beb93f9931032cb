//! How a database is to be opened.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};

/// How long a request waits for the database, unless somebody says otherwise.
const PATIENCE: Duration = Duration::from_secs(5);

/// Where the database is and how to use it. The URLs hold passwords and are never printed.
#[derive(Clone, Debug)]
pub struct StoreOptions {
    url: SecretString,
    direct_url: Option<SecretString>,
    pooler: PoolerMode,
    max_connections: u32,
    patience: Duration,
}

/// What is between us and PostgreSQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PoolerMode {
    /// Nothing, or a pooler that gives each client a server connection of its own.
    Direct,
    /// A pooler that gives a server connection for one transaction, such as PgBouncer in transaction
    /// mode: nothing stays prepared between two transactions.
    Transaction,
}

/// Which database a URL names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Postgres,
    Sqlite,
}

impl StoreOptions {
    /// The defaults for a URL. A host named `...-pooler...`, as Neon's pooled endpoints are, is taken
    /// for a transaction pooler, and so is a URL with `pooler=transaction` among its parameters.
    pub fn new(url: &str) -> Self {
        let (url, pooler) = split_pooler(url);
        Self {
            url: url.into(),
            direct_url: None,
            pooler,
            max_connections: 16,
            patience: PATIENCE,
        }
    }

    /// Migrates over this URL: a role that owns the tables, past any pooler.
    #[must_use]
    pub fn migrate_over(mut self, direct_url: &str) -> Self {
        self.direct_url = Some(direct_url.into());
        self
    }

    /// Says what is between us and PostgreSQL.
    #[must_use]
    pub const fn pooler(mut self, pooler: PoolerMode) -> Self {
        self.pooler = pooler;
        self
    }

    /// At most this many connections to PostgreSQL.
    #[must_use]
    pub const fn max_connections(mut self, connections: u32) -> Self {
        self.max_connections = connections;
        self
    }

    /// How long a transaction may wait for its beginning: for a connection, for a database that does not
    /// answer, for the write lock of a SQLite file. Then it is `Unavailable`. Five seconds by default.
    #[must_use]
    pub const fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    pub(super) const fn how_patient(&self) -> Duration {
        self.patience
    }

    pub(super) fn kind(&self) -> Kind {
        let url = self.url();
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            Kind::Postgres
        } else {
            Kind::Sqlite
        }
    }

    pub(super) fn url(&self) -> &str {
        self.url.expose_secret()
    }

    #[cfg(feature = "postgres")]
    pub(super) fn direct_url(&self) -> Option<&str> {
        self.direct_url.as_ref().map(ExposeSecret::expose_secret)
    }

    #[cfg(feature = "postgres")]
    pub(super) const fn pooler_mode(&self) -> PoolerMode {
        self.pooler
    }

    #[cfg(feature = "postgres")]
    pub(super) const fn connections(&self) -> u32 {
        self.max_connections
    }
}

/// Takes our own parameter out of a PostgreSQL URL: the driver knows nothing of it.
fn split_pooler(url: &str) -> (String, PoolerMode) {
    let mut mode = PoolerMode::Direct;
    let Ok(mut parsed) = url::Url::parse(url) else {
        return (url.to_owned(), mode);
    };
    if !matches!(parsed.scheme(), "postgres" | "postgresql") {
        return (url.to_owned(), mode);
    }
    if parsed
        .host_str()
        .is_some_and(|host| host.contains("-pooler."))
    {
        mode = PoolerMode::Transaction;
    }
    let (ours, rest): (Vec<_>, Vec<_>) = parsed
        .query_pairs()
        .into_owned()
        .partition(|(name, _)| name == "pooler");
    if ours.is_empty() {
        return (url.to_owned(), mode);
    }
    if ours.iter().any(|(_, value)| value == "transaction") {
        mode = PoolerMode::Transaction;
    }
    parsed.set_query(None);
    if !rest.is_empty() {
        parsed.query_pairs_mut().extend_pairs(rest);
    }
    (parsed.into(), mode)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn poolers_are_recognised_and_the_parameter_is_taken_out() {
        for (url, opened, mode) in [
            (
                "postgres://u:p@h/db",
                "postgres://u:p@h/db",
                PoolerMode::Direct,
            ),
            (
                "postgres://u@h:6432/db?sslmode=require&pooler=transaction",
                "postgres://u@h:6432/db?sslmode=require",
                PoolerMode::Transaction,
            ),
            (
                "postgresql://u@ep-x-pooler.eu.aws.neon.tech/db",
                "postgresql://u@ep-x-pooler.eu.aws.neon.tech/db",
                PoolerMode::Transaction,
            ),
            (
                "sqlite:a-pooler.db",
                "sqlite:a-pooler.db",
                PoolerMode::Direct,
            ),
        ] {
            let options = StoreOptions::new(url);
            assert_eq!((options.url(), options.pooler), (opened, mode));
        }
    }

    #[test]
    fn printing_options_shows_no_password() {
        let options =
            StoreOptions::new("postgres://u:hunter2@h/db").migrate_over("postgres://hunter2");
        assert!(!format!("{options:?}").contains("hunter2"));
    }
}
