//! Everything a database holds, so that a test can say that nothing changed.

use std::collections::BTreeMap;
use std::path::Path;

use sqlx::postgres::PgConnection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Row as _};

/// The rows of every table, as texts.
type Fingerprint = BTreeMap<String, Vec<String>>;

/// Looks at a database from outside the store.
#[derive(Debug)]
pub(super) enum Witness {
    Sqlite(FileWitness),
    Postgres(ServerWitness),
}

impl Witness {
    /// The tables whose rows are others than when the stage was new; `None` when nothing was written.
    pub(super) async fn changes(&mut self) -> Option<Vec<String>> {
        match self {
            Self::Sqlite(witness) => witness.changes().await,
            Self::Postgres(witness) => witness.restore().await,
        }
    }

    /// The names of every column, for requests that try to set them.
    pub(super) async fn columns(&mut self) -> Vec<String> {
        match self {
            Self::Sqlite(witness) => witness.columns().await,
            Self::Postgres(witness) => witness.columns().await,
        }
    }

    /// Every table compared with what it held in the beginning: what [`Witness::changes`] overlooked.
    pub(super) async fn overlooked(&mut self) -> Vec<String> {
        match self {
            Self::Sqlite(witness) => {
                let after = witness.fingerprint().await;
                differences(&witness.before.1, &after)
            }
            Self::Postgres(witness) => witness.differences().await,
        }
    }
}

/// Of a SQLite file that only one stage uses.
#[derive(Debug)]
pub(super) struct FileWitness {
    connection: SqliteConnection,
    before: (i64, Fingerprint),
}

impl FileWitness {
    pub(super) async fn of(file: &Path) -> Self {
        let options = SqliteConnectOptions::new().filename(file).read_only(true);
        let mut witness = Self {
            connection: options.connect().await.unwrap(),
            before: (0, Fingerprint::new()),
        };
        witness.before = (witness.version().await, witness.fingerprint().await);
        witness
    }

    async fn changes(&mut self) -> Option<Vec<String>> {
        if self.version().await == self.before.0 {
            return None;
        }
        let after = self.fingerprint().await;
        Some(differences(&self.before.1, &after))
    }

    /// A number that changes when another connection commits a change (sqlite.org/pragma.html).
    async fn version(&mut self) -> i64 {
        let row = sqlx::query("PRAGMA data_version");
        row.fetch_one(&mut self.connection).await.unwrap().get(0)
    }

    async fn columns(&mut self) -> Vec<String> {
        let text = "SELECT DISTINCT columns.name FROM sqlite_master AS tables
                    JOIN pragma_table_info(tables.name) AS columns
                    WHERE tables.type = 'table' ORDER BY 1";
        let rows = sqlx::query(text).fetch_all(&mut self.connection);
        rows.await.unwrap().iter().map(|row| row.get(0)).collect()
    }

    async fn fingerprint(&mut self) -> Fingerprint {
        let text = "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY 1";
        let tables = sqlx::query(text).fetch_all(&mut self.connection);
        let mut found = Fingerprint::new();
        for table in tables.await.unwrap() {
            let table: String = table.get(0);
            found.insert(table.clone(), self.rows(&table).await);
        }
        found
    }

    async fn rows(&mut self, table: &str) -> Vec<String> {
        let columns = sqlx::query("SELECT name FROM pragma_table_info($1)").bind(table);
        let columns = columns.fetch_all(&mut self.connection).await.unwrap();
        let quoted: Vec<String> = columns
            .iter()
            .map(|row| format!("quote(\"{}\")", row.get::<String, _>(0)))
            .collect();
        // Names of the schema, not of a request: they cannot be bound.
        let text = format!(
            "SELECT {} FROM \"{table}\" ORDER BY 1",
            quoted.join(" || ',' || ")
        );
        let rows = sqlx::query(AssertSqlSafe(text)).fetch_all(&mut self.connection);
        rows.await.unwrap().iter().map(|row| row.get(0)).collect()
    }
}

fn differences(before: &Fingerprint, after: &Fingerprint) -> Vec<String> {
    before
        .iter()
        .filter(|(table, rows)| after.get(*table) != Some(rows))
        .map(|(table, _)| table.clone())
        .collect()
}

/// Of a PostgreSQL database that every stage of a world uses: copying it for each would take minutes.
///
/// Every table has a twin in the schema `seed`. A trigger notes which tables a statement touched; only
/// those are compared with their twins, and those that differ get their rows back.
#[derive(Debug)]
pub(super) struct ServerWitness {
    connection: PgConnection,
}

const SEED: &str = "
    CREATE SCHEMA seed;
    CREATE TABLE seed.touched (name TEXT PRIMARY KEY);
    CREATE FUNCTION seed.touch() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
    BEGIN
        INSERT INTO seed.touched VALUES (TG_TABLE_NAME) ON CONFLICT DO NOTHING;
        RETURN NULL;
    END $$;
    CREATE FUNCTION seed.differs(name TEXT) RETURNS BOOLEAN LANGUAGE plpgsql AS $$
    DECLARE found BOOLEAN;
    BEGIN
        EXECUTE format(
            'SELECT EXISTS ((SELECT row_::text FROM public.%1$I row_
                             EXCEPT ALL SELECT row_::text FROM seed.%1$I row_)
                            UNION ALL (SELECT row_::text FROM seed.%1$I row_
                             EXCEPT ALL SELECT row_::text FROM public.%1$I row_))', name) INTO found;
        RETURN found;
    END $$;
    CREATE FUNCTION seed.restore() RETURNS SETOF TEXT LANGUAGE plpgsql AS $$
    DECLARE name TEXT;
    BEGIN
        FOR name IN DELETE FROM seed.touched RETURNING touched.name LOOP
            IF seed.differs(name) THEN
                EXECUTE format('DELETE FROM public.%I', name);
                EXECUTE format('INSERT INTO public.%1$I SELECT * FROM seed.%1$I', name);
                RETURN NEXT name;
            END IF;
        END LOOP;
    END $$;
    DO $$
    DECLARE name TEXT;
    BEGIN
        FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP
            EXECUTE format('CREATE TABLE seed.%1$I AS TABLE public.%1$I', name);
            EXECUTE format('CREATE TRIGGER touched AFTER INSERT OR UPDATE OR DELETE ON public.%I
                            FOR EACH STATEMENT EXECUTE FUNCTION seed.touch()', name);
        END LOOP;
    END $$;
";

/// PostgreSQL's code for two that wait for each other.
const DEADLOCK: &str = "40P01";

impl ServerWitness {
    /// Notes what the database holds now: that is what it gets back. `url` names a role that row-level
    /// security does not hold for and that may switch triggers off.
    pub(super) async fn seed(url: &str) {
        let mut connection = PgConnection::connect(url).await.unwrap();
        sqlx::raw_sql(SEED).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    }

    pub(super) async fn of(url: &str) -> Self {
        let mut connection = PgConnection::connect(url).await.unwrap();
        // Rows go back without foreign keys being asked, and without being noted.
        let quiet = sqlx::raw_sql("SET session_replication_role = replica");
        quiet.execute(&mut connection).await.unwrap();
        Self { connection }
    }

    async fn names(&mut self, text: &'static str) -> Vec<String> {
        let rows = sqlx::query(text).fetch_all(&mut self.connection);
        rows.await.unwrap().iter().map(|row| row.get(0)).collect()
    }

    async fn restore(&mut self) -> Option<Vec<String>> {
        // What goes on after an answer, such as writing a link that is mailed, may hold a row that is to go back
        // and wait for one that went: then this gives way, and comes again.
        let rows = loop {
            let rows = sqlx::query("SELECT seed.restore()").fetch_all(&mut self.connection);
            match rows.await {
                Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some(DEADLOCK) => {}
                rows => break rows.unwrap(),
            }
        };
        let changed: Vec<_> = rows.iter().map(|row| row.get(0)).collect();
        (!changed.is_empty()).then_some(changed)
    }

    async fn columns(&mut self) -> Vec<String> {
        self.names(
            "SELECT DISTINCT column_name::text FROM information_schema.columns
             WHERE table_schema = 'public' ORDER BY 1",
        )
        .await
    }

    async fn differences(&mut self) -> Vec<String> {
        self.names(
            "SELECT tablename::text FROM pg_tables
             WHERE schemaname = 'public' AND seed.differs(tablename) ORDER BY 1",
        )
        .await
    }
}
